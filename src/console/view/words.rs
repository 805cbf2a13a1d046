//! Words for what the domain writes as identifiers.

use std::fmt::Write;

use ledger_aggregates::values::FailureWord;

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

/// What to do about work that waits, where the other side or its adapter gave no hint of its own.
pub const fn failure_hint(reason: FailureWord) -> &'static str {
    match reason {
        FailureWord::Unavailable => "Check that the system is up and its address is right, then try again.",
        FailureWord::RateLimited => {
            "It goes on by itself when the limit allows; lower “rates” if it comes back."
        }
        FailureWord::Unauthenticated => "Put a new credential with “ledger secrets put”, then try again.",
        FailureWord::Forbidden => "Give the account the right or scope that is named, then try again.",
        FailureWord::NeedsConfiguration => "Mend the named member of the configuration, then try again.",
        FailureWord::Missing => "Look for the ticket: link another, make it again, or do without it.",
        FailureWord::Blocked => "Move the ticket by hand, or add the way (“via”) to the configuration.",
        FailureWord::Conflict => "Decide on the ticket's page which side is right.",
        FailureWord::Closed => "Reopen the ticket there, or do without the change.",
        FailureWord::Rejected => "Read what was said; mend the configuration or give the work up.",
        FailureWord::Malformed => "Look at the exchange: a proxy or another version may answer.",
        FailureWord::Unsupported => "Use an adapter that can do this, or give the work up.",
        FailureWord::Uncertain => {
            "Look at the other side whether it was done; trying again looks it up first."
        }
        FailureWord::Adapter => "See “ledger adapters list” and the server's log, then try again.",
    }
}
