//! Secrets, and taking them out of what is recorded or shown.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// A text that is never printed, and wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The secret itself: for the request that carries it, and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// What stands in a secret's place.
const REDACTED: &str = "[redacted]";

/// Headers that carry credentials whatever their value is.
const HEADERS: [&str; 9] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "api-key",
    "x-hub-signature",
    "x-sn-hmac-signature-256",
    "x-ausername",
];

/// A shorter text would be found everywhere, and is no secret.
const SECRET_MIN_BYTES: usize = 6;

/// Takes secrets out of texts, in the forms in which a vendor may echo them.
#[derive(Clone, Default)]
pub struct Redactor {
    forms: Vec<Zeroizing<String>>,
}

impl Redactor {
    /// One that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Knows this secret: as it is, in base64, and percent-encoded.
    pub fn add(&mut self, secret: &str) {
        if secret.len() >= SECRET_MIN_BYTES {
            self.add_any(secret);
        }
    }

    /// Knows this text, however short: for what is recorded alone, since what is left may be no JSON any more.
    pub fn add_any(&mut self, secret: &str) {
        if secret.is_empty() {
            return;
        }
        let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let escaped = serde_json::to_string(secret).unwrap_or_default();
        let forms = [
            secret.to_owned(),
            STANDARD.encode(secret),
            STANDARD_NO_PAD.encode(secret),
            URL_SAFE_NO_PAD.encode(secret),
            encoded,
            escaped.trim_matches('"').to_owned(),
        ];
        for form in forms {
            if !self.forms.iter().any(|known| **known == form) {
                self.forms.push(Zeroizing::new(form));
            }
        }
        // The longest first, so that no shorter form leaves the rest of a longer one behind.
        self.forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    }

    /// The text without the secrets.
    pub fn text(&self, text: &str) -> String {
        self.forms
            .iter()
            .filter(|form| text.contains(form.as_str()))
            .fold(text.to_owned(), |text, form| text.replace(form.as_str(), REDACTED))
    }

    /// The header's value, or nothing of it if the header is one of those that carry credentials.
    pub fn header(&self, name: &str, value: &str) -> String {
        if HEADERS.contains(&name.to_ascii_lowercase().as_str()) { REDACTED.into() } else { self.text(value) }
    }

    /// Whether any form of a secret stands in these bytes.
    pub fn finds(&self, bytes: &[u8]) -> bool {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.forms.iter().any(|form| text.contains(form.as_str())),
            Err(_) => self
                .forms
                .iter()
                .any(|form| bytes.windows(form.len()).any(|window| window == form.as_bytes())),
        }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} forms)", self.forms.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_taken_out_in_every_form() {
        let mut redactor = Redactor::new();
        redactor.add("p@ss wörd/+\"1");
        let secret = "p@ss wörd/+\"1";
        for text in [
            secret.to_owned(),
            STANDARD.encode(secret),
            format!("token={}", url::form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>()),
            serde_json::json!({ "echo": secret }).to_string(),
        ] {
            assert!(redactor.finds(text.as_bytes()), "control: {text}");
            let clean = redactor.text(&format!("before {text} after"));
            assert!(
                clean.contains(REDACTED) && clean.starts_with("before ") && clean.ends_with(" after"),
                "{clean}"
            );
            assert!(!redactor.finds(clean.as_bytes()), "{clean}");
        }
        assert_eq!(redactor.header("Authorization", "Basic x"), REDACTED);
        assert_eq!(redactor.header("Content-Type", "text/plain"), "text/plain");
        assert_eq!(format!("{:?}", Secret::new("hidden-value")), "[secret]");
    }

    #[test]
    fn a_secret_within_another_leaves_nothing_behind() {
        let mut redactor = Redactor::new();
        redactor.add("secret");
        redactor.add("secret-and-more");
        assert_eq!(redactor.text("x secret-and-more y secret z"), "x [redacted] y [redacted] z");
    }
}
