//! Words for what the domain writes as identifiers.

use std::fmt::Write;

/// A word of the domain as people say it: `not_applicable` is “not applicable”.
pub fn spoken(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for (at, char) in word.chars().enumerate() {
        match char {
            '_' | '-' => out.push(' '),
            char if at == 0 => out.extend(char.to_uppercase()),
            char => out.push(char),
        }
    }
    out
}

/// An event type as a sentence: `ledger.evidence.submitted.v1` is “Evidence submitted”.
pub fn event_words(event_type: &str) -> String {
    let inner = event_type.strip_prefix("ledger.").unwrap_or(event_type);
    let inner = inner.rsplit_once(".v").map_or(inner, |(inner, _)| inner);
    spoken(&inner.replace('.', " "))
}

/// Who acted: kind and id.
pub fn actor_words(kind: &str, id: &str) -> String {
    if kind == "system" { format!("the ledger ({id})") } else { id.to_owned() }
}

/// A duration in its two largest units.
pub fn duration_words(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds;
    let mut out = String::new();
    let mut parts = 0;
    for (size, unit) in UNITS {
        let count = rest / size;
        rest %= size;
        if count > 0 && parts < 2 {
            let gap = if out.is_empty() { "" } else { " " };
            // Writing to a text cannot fail.
            let _ = write!(out, "{gap}{count} {unit}");
            parts += 1;
        }
    }
    if out.is_empty() { "0 s".to_owned() } else { out }
}

/// A size in KiB as people say it.
pub fn size_words(kib: u64) -> String {
    if kib < 1024 { format!("{kib} KiB") } else { format!("{}.{} MiB", kib / 1024, kib % 1024 * 10 / 1024) }
}
