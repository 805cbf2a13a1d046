//! C2SP signed-note: a text and the signature lines below it.
//!
//! A verifier ignores signatures of keys it does not know and rejects the whole note when a key it knows does not
//! verify: a note that was tampered with must not pass because another signature still fits.

mod key;
mod signer;

use std::fmt;
use std::str::FromStr;

pub use key::{KeyError, KeyKind, VerifierKey, is_key_name};
pub use signer::NoteSigner;

use crate::b64;

/// A note is refused above this size: a checkpoint with sixteen cosignatures has about 2 KB.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;
/// Signature lines that are read. Formats §4 promises at least 16; more only cost a verifier time.
pub const SIGNATURES_MAX: usize = 64;

const SEPARATOR: &str = "\n\n";
const LINE_START: &str = "\u{2014} ";

/// Why bytes are not a signed note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Above [`NOTE_BYTES_MAX`].
    #[error("a note of {0} bytes is too long")]
    TooLong(usize),
    /// Not UTF-8.
    #[error("the note is not UTF-8")]
    NotUtf8,
    /// A control character other than a newline.
    #[error("the note has a control character at byte {0}")]
    Control(usize),
    /// No empty line between text and signatures, or a text without its final newline.
    #[error("the note has no signatures below an empty line")]
    NoSignatures,
    /// Above [`SIGNATURES_MAX`].
    #[error("the note has more than {SIGNATURES_MAX} signatures")]
    TooMany,
    /// A signature line that does not follow the format.
    #[error("signature line {0} is malformed")]
    Line(usize),
}

/// Why a note does not convince.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteRefused {
    /// A known key's signature does not verify.
    #[error("the signature of {0} does not verify")]
    Invalid(String),
    /// No signature of a known key.
    #[error("no signature of a known key; the note is signed by {0}")]
    NoKnownKey(String),
}

/// A text with signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// The name of the key.
    pub name: String,
    /// First four bytes of a hash over name and key: a hint, not a proof.
    pub key_id: [u8; 4],
    /// What stands behind the key id; its form depends on the kind of the key.
    pub signature: Vec<u8>,
}

impl Note {
    /// A note to be signed.
    ///
    /// # Errors
    /// [`NoteError`] if the text does not end in a newline or has control characters.
    pub fn new(text: impl Into<String>) -> Result<Self, NoteError> {
        let text = text.into();
        check_text(&text)?;
        if text.ends_with('\n') {
            Ok(Self { text, signatures: Vec::new() })
        } else {
            Err(NoteError::NoSignatures)
        }
    }

    /// Reads a note; every note has exactly one spelling.
    ///
    /// # Errors
    /// [`NoteError`] says what is malformed.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong(bytes.len()));
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::NotUtf8)?;
        check_text(note)?;
        // The last empty line separates: the text itself may have empty lines.
        let at = note.rfind(SEPARATOR).ok_or(NoteError::NoSignatures)?;
        let (text, lines) = (&note[..=at], &note[at + SEPARATOR.len()..]);
        let signatures = parse_signatures(lines)?;
        if signatures.is_empty() {
            return Err(NoteError::NoSignatures);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The signed text, with its final newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, in the order of their lines.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a signature, in place of an older one of the same key.
    pub fn add(&mut self, signature: NoteSignature) {
        let same = |s: &&mut NoteSignature| s.name == signature.name && s.key_id == signature.key_id;
        match self.signatures.iter_mut().find(same) {
            Some(older) => *older = signature,
            None => self.signatures.push(signature),
        }
    }

    /// Signs the text.
    pub fn sign(&mut self, signer: &NoteSigner) {
        let signature = signer.sign(&self.text);
        self.add(signature);
    }

    /// The keys among `known` whose signatures the note carries, each once. Keys that are not known are ignored.
    ///
    /// # Errors
    /// [`NoteRefused`] if a known key's signature is wrong, or if no known key has signed.
    pub fn verify<'k>(&self, known: &'k [VerifierKey]) -> Result<Vec<&'k VerifierKey>, NoteRefused> {
        let mut verified: Vec<&VerifierKey> = Vec::new();
        for signature in &self.signatures {
            let key = known.iter().find(|k| k.name() == signature.name && k.key_id() == signature.key_id);
            let Some(key) = key else { continue };
            if !key.verify(&self.text, &signature.signature) {
                return Err(NoteRefused::Invalid(key.name().to_owned()));
            }
            if !verified.contains(&key) {
                verified.push(key);
            }
        }
        if !verified.is_empty() {
            return Ok(verified);
        }
        let names: Vec<String> =
            self.signatures.iter().map(|s| format!("{}+{}", s.name, key::hex4(s.key_id))).collect();
        Err(NoteRefused::NoKnownKey(names.join(", ")))
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| signature.fmt(f))
    }
}

impl fmt::Display for NoteSignature {
    /// The signature line, with its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let payload = [self.key_id.as_slice(), self.signature.as_slice()].concat();
        writeln!(f, "{LINE_START}{} {}", self.name, b64::encode(payload))
    }
}

impl FromStr for NoteSignature {
    type Err = NoteError;

    /// Reads one signature line, without its newline.
    fn from_str(line: &str) -> Result<Self, NoteError> {
        parse_line(line).ok_or(NoteError::Line(1))
    }
}

/// Reads signature lines, each with its newline: the end of a note, or a witness's answer.
///
/// # Errors
/// [`NoteError`] names the line that is malformed.
pub fn parse_signatures(lines: &str) -> Result<Vec<NoteSignature>, NoteError> {
    let mut signatures = Vec::new();
    for (number, line) in (1..).zip(lines.split_inclusive('\n')) {
        if number > SIGNATURES_MAX {
            return Err(NoteError::TooMany);
        }
        let line = line.strip_suffix('\n').ok_or(NoteError::Line(number))?;
        signatures.push(parse_line(line).ok_or(NoteError::Line(number))?);
    }
    Ok(signatures)
}

fn parse_line(line: &str) -> Option<NoteSignature> {
    let (name, payload) = line.strip_prefix(LINE_START)?.split_once(' ')?;
    let payload = b64::decode(payload).ok()?;
    let (key_id, signature) = payload.split_first_chunk::<4>()?;
    let complete = is_key_name(name) && !signature.is_empty();
    complete.then(|| NoteSignature { name: name.to_owned(), key_id: *key_id, signature: signature.to_vec() })
}

/// No control characters but newlines (signed-note, "Format").
fn check_text(text: &str) -> Result<(), NoteError> {
    match text.char_indices().find(|(_, c)| c.is_control() && *c != '\n') {
        Some((at, _)) => Err(NoteError::Control(at)),
        None => Ok(()),
    }
}

#[cfg(test)]
pub(crate) mod tests;
