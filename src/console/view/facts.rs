//! JSON of any content as names and texts, bounded: an event may hold 35,000 bytes of it, a page need not.

use serde_json::Value;

use super::Link;

/// A name and a value.
#[derive(Debug, Clone)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// What it says; perhaps it leads somewhere.
    pub value: Link,
    /// Is it an identifier, to be read letter by letter?
    pub mono: bool,
}

impl Fact {
    /// A plain fact.
    pub fn new(name: &str, value: impl Into<String>) -> Self {
        Self { name: name.to_owned(), value: Link::plain(value), mono: false }
    }

    /// A fact that leads somewhere.
    pub fn link(name: &str, value: Link) -> Self {
        Self { name: name.to_owned(), value, mono: false }
    }

    /// An identifier.
    #[must_use]
    pub fn mono(mut self) -> Self {
        self.mono = true;
        self
    }
}

/// The longest text that a page shows of one value, in characters.
const TEXT_CHARS_MAX: usize = 4_000;
/// JSON that is no longer stands on one line.
const LINE_BYTES_MAX: usize = 120;
/// The most members that are shown of one object.
const MEMBERS_MAX: usize = 64;
/// The most findings that are shown on the page of an evidence.
const FINDINGS_MAX: usize = 200;

/// A name and a text, both of any content.
#[derive(Debug, Clone)]
pub struct NamedText {
    /// The name.
    pub name: String,
    /// The text.
    pub value: String,
}

/// One finding: its members.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The members.
    pub facts: Vec<NamedText>,
}

/// A text whose hidden controls of direction are spelled out: they can make one name look like another.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        // Embeddings, overrides and isolates (Unicode UAX #9); letters that run from right to left stay as they are.
        if matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            out.push_str(&format!("⟨U+{:04X}⟩", u32::from(char)));
        } else {
            out.push(char);
        }
    }
    out
}

/// A value as text: texts as they are, everything else as JSON. The second part: was it cut?
pub fn text_of(value: &Value) -> (String, bool) {
    let text = match value {
        Value::String(text) => visible(text),
        other => match other.to_string() {
            short if short.len() <= LINE_BYTES_MAX => visible(&short),
            _ => visible(&serde_json::to_string_pretty(other).unwrap_or_default()),
        },
    };
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((at, _)) => (text[..at].to_owned(), true),
        None => (text, false),
    }
}

/// The members of an object as names and texts.
pub fn facts_of(value: &Value) -> Vec<NamedText> {
    let named = |name: &str, value: &Value| {
        let (value, cut) = text_of(value);
        NamedText { name: visible(name), value: if cut { value + "…" } else { value } }
    };
    match value {
        Value::Object(members) => {
            members.iter().take(MEMBERS_MAX).map(|(name, value)| named(name, value)).collect()
        }
        Value::Null => Vec::new(),
        other => vec![named("value", other)],
    }
}

/// Findings, and how many more there are.
pub fn findings_of(value: Option<&Value>) -> (Vec<Finding>, usize) {
    let items = match value {
        Some(Value::Array(items)) => items.as_slice(),
        Some(single) => std::slice::from_ref(single),
        None => &[],
    };
    let shown = items.iter().take(FINDINGS_MAX).map(|item| Finding { facts: facts_of(item) });
    (shown.filter(|finding| !finding.facts.is_empty()).collect(), items.len().saturating_sub(FINDINGS_MAX))
}
