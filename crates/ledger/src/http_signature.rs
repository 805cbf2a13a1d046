//! Signed requests: the subset of RFC 9421 (HTTP Message Signatures) and RFC 9530 (Content-Digest) that probes use.
//!
//! One signature a request, Ed25519, over `"@method" "@path" "content-digest"`, and `"@query"` if there is a query
//! (without it a captured signature would fit any query), with the parameters `created`, `keyid`, `alg`, `nonce`.
//! The verifier reads the keyid ([`SignatureInput::parse`]), looks the public key up, and calls
//! [`SignatureInput::verify`]. Refusing a nonce seen before, within [`WINDOW_SECONDS`], is the caller's part: it
//! needs memory, which this module has not.
//!
//! Only the canonical serialisation of structured fields is read (RFC 9421 §2.5 signs that serialisation), so
//! the text received is the text signed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::apikey::RequestKey;
use crate::time::Timestamp;

/// How far `created` may lie from the server's clock, either way. Nonces need to be remembered twice as long.
pub const WINDOW_SECONDS: i64 = 300;
/// The longest Signature-Input or Signature that is read; ours have under 250 bytes.
pub const HEADER_BYTES_MAX: usize = 1024;
/// The longest keyid or nonce.
pub const PARAM_BYTES_MAX: usize = 100;
const LABEL: &str = "ledger";

/// Why a signed request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The header does not follow the subset of RFC 9421 that is read here.
    #[error("Signature-Input or Signature is malformed: {0}")]
    Malformed(&'static str),
    /// The signature leaves out a component that must be covered, or covers one that is not known here.
    #[error("the signature must cover exactly {0}")]
    Coverage(&'static str),
    /// Content-Digest is missing a sha-256 member or does not match the body.
    #[error("Content-Digest does not match the body: send sha-256=:<base64 of the SHA-256 of the body>:")]
    Digest,
    /// The public key is not a usable Ed25519 key.
    #[error("the credential's public key is not a valid Ed25519 key")]
    Key,
    /// The signature does not verify.
    #[error("the signature does not verify with the key of this credential")]
    Signature,
    /// A valid signature, made too long ago or too far ahead: the signer's clock is wrong, or this is a replay.
    #[error(
        "created={created} lies {} s from the server's {now}: at most {WINDOW_SECONDS} s are accepted",
        (created - now).abs()
    )]
    Skewed {
        /// What the signer's clock said, in Unix seconds.
        created: i64,
        /// What the verifier's clock said.
        now: i64,
    },
}

/// What is signed of a request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The absolute path as sent, percent-encoding kept, without the query.
    pub path: &'a str,
    /// The query without its `?`, if there is one.
    pub query: Option<&'a str>,
    /// The whole body; empty if there is none.
    pub body: &'a [u8],
}

/// The three headers of a signed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHeaders {
    /// `Content-Digest`
    pub content_digest: String,
    /// `Signature-Input`
    pub signature_input: String,
    /// `Signature`
    pub signature: String,
}

/// The value of `Content-Digest` for a body (RFC 9530 §2).
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)))
}

/// The signature base (RFC 9421 §2.5): a line for each covered component, then the signature's parameters.
/// `params` is the inner list with its parameters, as it stands after the label in `Signature-Input`.
pub fn signature_base<'a>(components: impl IntoIterator<Item = (&'a str, &'a str)>, params: &str) -> String {
    let mut base = String::with_capacity(256);
    for (name, value) in components {
        for part in ["\"", name, "\": ", value, "\n"] {
            base.push_str(part);
        }
    }
    base.push_str("\"@signature-params\": ");
    base.push_str(params);
    base
}

/// Signs a request for the credential `keyid`. The nonce must not repeat and holds `[A-Za-z0-9_-]` only.
pub fn sign(
    request: &Request<'_>,
    keyid: &str,
    key: &RequestKey,
    created: Timestamp,
    nonce: &str,
) -> SignedHeaders {
    let digest = content_digest(request.body);
    let params = format!(
        "{};created={};keyid=\"{keyid}\";alg=\"ed25519\";nonce=\"{nonce}\"",
        covered_list(request),
        created.seconds()
    );
    let signature = STANDARD.encode(key.sign(base_of(request, &digest, &params).as_bytes()));
    SignedHeaders {
        content_digest: digest,
        signature_input: format!("{LABEL}={params}"),
        signature: format!("{LABEL}=:{signature}:"),
    }
}

const fn covered_list(request: &Request<'_>) -> &'static str {
    match request.query {
        None => "(\"@method\" \"@path\" \"content-digest\")",
        Some(_) => "(\"@method\" \"@path\" \"@query\" \"content-digest\")",
    }
}

fn base_of(request: &Request<'_>, digest: &str, params: &str) -> String {
    // RFC 9421 §2.2.7: the value of @query includes the leading question mark.
    let query = request.query.map(|query| format!("?{query}"));
    let components = [
        Some(("@method", request.method)),
        Some(("@path", request.path)),
        query.as_deref().map(|query| ("@query", query)),
        Some(("content-digest", digest)),
    ];
    signature_base(components.into_iter().flatten(), params)
}

/// A `Signature-Input` that was read but not verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureInput {
    label: String,
    covered: String,
    params: String,
    /// When it was signed by the signer's clock, in Unix seconds.
    pub created: i64,
    /// The credential that signed.
    pub keyid: String,
    /// Makes the signature unique.
    pub nonce: String,
}

impl SignatureInput {
    /// Reads the header.
    ///
    /// # Errors
    /// [`SignatureError::Malformed`] if it is not one signature with exactly the four parameters.
    pub fn parse(header: &str) -> Result<Self, SignatureError> {
        use SignatureError::Malformed;
        if header.len() > HEADER_BYTES_MAX {
            return Err(Malformed("too long"));
        }
        let (label, params) = header.split_once('=').ok_or(Malformed("label=(…) expected"))?;
        let label_fits = label.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.*".contains(&b));
        if !label_fits {
            return Err(Malformed("the label is not a key of a structured-field dictionary"));
        }
        let end =
            params.find(')').ok_or(Malformed("the covered components have no closing parenthesis"))? + 1;
        let (covered, mut rest) = params.split_at(end);
        let (mut created, mut keyid, mut alg, mut nonce) = (None, None, None, None);
        while let Some(after) = rest.strip_prefix(';') {
            let (name, value, tail) = parameter(after)?;
            let slot = match name {
                "created" => &mut created,
                "keyid" => &mut keyid,
                "alg" => &mut alg,
                "nonce" => &mut nonce,
                _ => return Err(Malformed("the parameters are created, keyid, alg and nonce")),
            };
            if slot.replace(value).is_some() {
                return Err(Malformed("a parameter stands twice"));
            }
            rest = tail;
        }
        if !rest.is_empty() {
            return Err(Malformed("one signature is read, nothing may follow it"));
        }
        if text(alg.ok_or(Malformed("alg is missing"))?)? != "ed25519" {
            return Err(Malformed("alg must be \"ed25519\""));
        }
        Ok(Self {
            label: label.to_owned(),
            covered: covered.to_owned(),
            params: params.to_owned(),
            created: integer(created.ok_or(Malformed("created is missing"))?)?,
            keyid: text(keyid.ok_or(Malformed("keyid is missing"))?)?.to_owned(),
            nonce: text(nonce.ok_or(Malformed("nonce is missing"))?)?.to_owned(),
        })
    }

    /// Verifies the signature over the request as received; `digest` and `signature` are the two other headers.
    /// The window is checked last, so that only the holder of the key is told about the clocks.
    ///
    /// # Errors
    /// [`SignatureError`] says what does not hold.
    pub fn verify(
        &self,
        request: &Request<'_>,
        digest: &str,
        signature: &str,
        public_key: &[u8; 32],
        now: Timestamp,
    ) -> Result<(), SignatureError> {
        let required = covered_list(request);
        if self.covered != required {
            return Err(SignatureError::Coverage(required));
        }
        if !bool::from(digest.as_bytes().ct_eq(content_digest(request.body).as_bytes())) {
            return Err(SignatureError::Digest);
        }
        let signature = Signature::from_bytes(&self.read_signature(signature)?);
        let key = VerifyingKey::from_bytes(public_key).map_err(|_| SignatureError::Key)?;
        key.verify_strict(base_of(request, digest, &self.params).as_bytes(), &signature)
            .map_err(|_| SignatureError::Signature)?;
        let now = now.seconds();
        if self.created.abs_diff(now) > WINDOW_SECONDS.unsigned_abs() {
            return Err(SignatureError::Skewed { created: self.created, now });
        }
        Ok(())
    }

    fn read_signature(&self, header: &str) -> Result<[u8; 64], SignatureError> {
        let malformed = SignatureError::Malformed("Signature is <label>=:<base64 of 64 bytes>:, one member");
        if header.len() > HEADER_BYTES_MAX {
            return Err(malformed);
        }
        header
            .strip_prefix(self.label.as_str())
            .and_then(|rest| rest.strip_prefix("=:"))
            .and_then(|rest| rest.strip_suffix(':'))
            .and_then(|text| STANDARD.decode(text).ok())
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(malformed)
    }
}

/// Splits `name=value` off; the value keeps its quotes.
fn parameter(input: &str) -> Result<(&str, &str, &str), SignatureError> {
    let (name, after) = input.split_once('=').ok_or(SignatureError::Malformed("a parameter has no value"))?;
    let end = match after.strip_prefix('"') {
        Some(quoted) => 2 + quoted.find('"').ok_or(SignatureError::Malformed("a quote is not closed"))?,
        None => after.find(';').unwrap_or(after.len()),
    };
    let (value, tail) = after.split_at(end);
    Ok((name, value, tail))
}

/// A string parameter. Escapes are refused: no keyid or nonce needs them, and each would have two spellings.
fn text(value: &str) -> Result<&str, SignatureError> {
    value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .filter(|text| (1..=PARAM_BYTES_MAX).contains(&text.len()))
        .filter(|text| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b)))
        .ok_or(SignatureError::Malformed(
            "keyid, alg and nonce are quoted and hold 1 to 100 of A-Z a-z 0-9 - _ . ~",
        ))
}

/// An integer parameter in its one canonical spelling (RFC 8941 §4.1.4: at most 15 digits).
fn integer(value: &str) -> Result<i64, SignatureError> {
    let canonical = value.len() <= 15
        && value.bytes().all(|b| b.is_ascii_digit())
        && (value == "0" || !value.starts_with('0'));
    canonical
        .then(|| value.parse().ok())
        .flatten()
        .ok_or(SignatureError::Malformed("created is a Unix time in seconds"))
}

#[cfg(test)]
#[path = "http_signature_tests.rs"]
mod tests;
