//! Links, options and pages: the addresses of the console.

use super::words::spoken;

/// A text that may lead somewhere.
#[derive(Debug, Clone)]
pub struct Link {
    /// What is read.
    pub text: String,
    /// Where it leads; nowhere: plain text.
    pub href: Option<String>,
}

impl Link {
    /// A text that leads somewhere.
    pub fn to(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self { text: text.into(), href: Some(href.into()) }
    }

    /// A plain text.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), href: None }
    }
}

/// One option of a select.
#[derive(Debug, Clone)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What is read.
    pub label: String,
    /// Is it the present one?
    pub chosen: bool,
}

impl Choice {
    /// Options out of words; the label is the word, spoken.
    pub fn all(words: &[&str], chosen: &str) -> Vec<Self> {
        words.iter().map(|word| Self::new(word, spoken(word), chosen)).collect()
    }

    /// One option.
    pub fn new(value: &str, label: impl Into<String>, chosen: &str) -> Self {
        Self { value: value.to_owned(), label: label.into(), chosen: value == chosen }
    }
}

/// Where a list goes on.
#[derive(Debug, Clone, Default)]
pub struct Pager {
    /// The first page, if this is another one.
    pub first: Option<String>,
    /// The page after this.
    pub next: Option<String>,
}

impl Pager {
    /// The pages around one: `path` with `query` (pairs that are kept) and the cursors.
    pub fn new(path: &str, query: &[(&str, &str)], cursor: Option<&str>, next: Option<String>) -> Self {
        Self {
            first: cursor.filter(|cursor| !cursor.is_empty()).map(|_| address(path, query)),
            next: next.map(|next| {
                let with: Vec<_> = query.iter().copied().chain([("cursor", next.as_str())]).collect();
                address(path, &with)
            }),
        }
    }
}

/// A path with a query; empty values are left out.
pub fn address(path: &str, query: &[(&str, &str)]) -> String {
    let mut out = path.to_owned();
    let mut sign = '?';
    for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
        out.push(sign);
        out.push_str(name);
        out.push('=');
        percent(value, &mut out);
        sign = '&';
    }
    out
}

/// A segment of a path or a value of a query, as RFC 3986 wants it.
pub fn percent(value: &str, out: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

/// The page of a stream: its thing where there is a page for it, its events otherwise.
pub fn stream_href(stream: &str) -> String {
    let (category, id) = stream.split_once('-').unwrap_or((stream, ""));
    match category {
        "evidence" => address(&format!("/evidence/{id}"), &[]),
        "probe" => format!("/probes/{id}"),
        "integration" => format!("/integrations/{id}"),
        "framework" => format!("/frameworks/{id}"),
        "task" => format!("/tasks/{id}"),
        "ticket" => format!("/tickets/{id}"),
        "control" => match id.split_once('.') {
            Some((framework, control)) => format!("/frameworks/{framework}/{control}"),
            None => address("/audit", &[("q", stream)]),
        },
        _ => address("/audit", &[("q", stream)]),
    }
}
