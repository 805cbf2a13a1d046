//! A request as an adapter plans it, and the response as it sees it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::BlobRef;

/// The methods that adapters may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Read.
    Get,
    /// Create, or a query with a body.
    Post,
    /// Replace.
    Put,
    /// Change.
    Patch,
    /// Remove.
    Delete,
}

impl Method {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// What happens when a request is sent twice. It decides what the host does when the answer is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// It changes nothing: send it again.
    Safe,
    /// Twice is as once: send it again.
    Same,
    /// Twice is twice: never send it again; a lost answer makes the outcome uncertain.
    Once,
}

/// Which credential the host adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// The connection's.
    #[default]
    Connection,
    /// None.
    None,
}

/// A request to be sent by the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The method.
    pub method: Method,
    /// Path and query below the connection's base; begins with one `/`. Never a scheme or a host.
    pub path: String,
    /// Headers beside those that the host sets. Credentials and framing are refused.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body.
    #[serde(default)]
    pub body: Body,
    /// Which credential the host adds.
    #[serde(default)]
    pub auth: Auth,
    /// What happens when it is sent twice.
    pub repeat: Repeat,
    /// Whose rate limit it counts against, as the vendor counts, such as `POST /issue`.
    pub scope: String,
    /// What `interpret` will be given back. At most 64 KiB.
    #[serde(default)]
    pub continuation: Value,
}

impl Plan {
    /// A request without a body.
    pub fn new(method: Method, path: impl Into<String>, repeat: Repeat, scope: &str) -> Self {
        Self {
            method,
            path: path.into(),
            headers: BTreeMap::new(),
            body: Body::None,
            auth: Auth::Connection,
            repeat,
            scope: scope.into(),
            continuation: Value::Null,
        }
    }

    /// A safe GET.
    pub fn get(path: impl Into<String>, scope: &str) -> Self {
        Self::new(Method::Get, path, Repeat::Safe, scope)
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(mut self, body: Value) -> Self {
        self.body = Body::Json(body);
        self
    }

    /// With this to be remembered.
    #[must_use]
    pub fn then(mut self, continuation: Value) -> Self {
        self.continuation = continuation;
        self
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.into(), value.into());
        self
    }
}

/// The body of a request. Blobs are named; the host streams their bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Body {
    /// None.
    #[default]
    None,
    /// A JSON text.
    Json(Value),
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, String)>),
    /// The bytes of a blob as they are.
    Blob(BlobRef),
    /// `multipart/form-data`.
    Multipart(Vec<Part>),
}

/// A part of a multipart body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Part {
    /// A field.
    Text {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// A file.
    File {
        /// The field's name.
        name: String,
        /// What is sent.
        blob: BlobRef,
    },
}

/// An answer of the vendor. A request without one is the host's matter: it knows what may be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers, lower case, without cookies.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body as text; a body that is no UTF-8 arrives empty.
    pub body: String,
}

impl Response {
    /// The value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Whether the status is one of success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
