//! A request and a reply, as plain values.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `GET`, `POST` and so on.
    pub method: String,
    /// The path, percent-decoded, split at its slashes, without empty parts.
    pub path: Vec<String>,
    /// The query, decoded.
    pub query: Vec<(String, String)>,
    /// The headers, lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// Method and path, to be matched on.
    pub fn route(&self) -> (&str, Vec<&str>) {
        (self.method.as_str(), self.path.iter().map(String::as_str).collect())
    }

    /// A header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A whole number of the query, or what it is without.
    pub fn number(&self, name: &str, otherwise: usize) -> usize {
        self.parameter(name).and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    }

    /// The body as JSON.
    pub fn json(&self) -> Option<Value> {
        let is_json = self.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        if is_json { serde_json::from_slice(&self.body).ok() } else { None }
    }

    /// The body as a form.
    pub fn form(&self) -> BTreeMap<String, String> {
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// The bearer token.
    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// User and password of a Basic header.
    pub fn basic(&self) -> Option<(String, String)> {
        let encoded = self.header("authorization")?.strip_prefix("Basic ")?;
        let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        pair.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
    }
}

/// A reply.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// A JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type".into(), "application/json;charset=UTF-8".into())];
        Self { status, headers, body: body.to_string().into_bytes() }
    }

    /// No body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// An HTML page.
    pub fn html(status: u16, body: &str) -> Self {
        let headers = vec![("content-type".into(), "text/html".into())];
        Self { status, headers, body: body.into() }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// A message that the fake sends of its own accord: a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where to.
    pub url: String,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// A part of a multipart body: its file name and bytes.
pub(crate) type Part = (Option<String>, Vec<u8>);

/// The parts of a multipart body by name.
pub(crate) fn multipart(request: &Request) -> Option<BTreeMap<String, Part>> {
    let kind = request.header("content-type")?;
    let border = kind.strip_prefix("multipart/form-data;")?.split("boundary=").nth(1)?.trim_matches('"');
    let border = format!("--{border}");
    let mut parts = BTreeMap::new();
    for part in split(&request.body, border.as_bytes()) {
        let Some(end) = find(part, b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&part[..end]).into_owned();
        let content = part[end + 4..].strip_suffix(b"\r\n").unwrap_or(&part[end + 4..]);
        let attribute = |name: &str| {
            let marker = format!("; {name}=\"");
            let from = head.find(&marker)? + marker.len();
            Some(head[from..].split('"').next()?.to_owned())
        };
        if let Some(name) = attribute("name") {
            parts.insert(name, (attribute("filename"), content.to_vec()));
        }
    }
    Some(parts)
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}

fn split<'a>(mut bytes: &'a [u8], border: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    while let Some(at) = find(bytes, border) {
        parts.push(&bytes[..at]);
        bytes = &bytes[at + border.len()..];
    }
    parts
}
