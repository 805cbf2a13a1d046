//! The log entry: JCS of the DSSE envelope, derived from header and signature (formats.md §3).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::{ENTRY_MAX, EventError, HEADER_MAX, Header};
use crate::dsse::PAYLOAD_TYPE;
use crate::keys::Kid;

const START: &[u8] = b"{\"payload\":\"";
const TYPE: &[u8] = b"\",\"payloadType\":\"";
const KEYID: &[u8] = b"\",\"signatures\":[{\"keyid\":\"";
const SIG: &[u8] = b"\",\"sig\":\"";
const END: &[u8] = b"\"}]}";
/// 64 bytes in base64.
const SIG_LEN: usize = 88;
/// 16 bytes in hex.
const KID_LEN: usize = 32;
const FRAME: usize =
    START.len() + TYPE.len() + PAYLOAD_TYPE.len() + KEYID.len() + KID_LEN + SIG.len() + SIG_LEN + END.len();

/// An entry, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The header's bytes, not yet read.
    pub header: Vec<u8>,
    /// The signature, not yet verified.
    pub signature: [u8; 64],
    /// The key id that the envelope names.
    pub kid: Kid,
}

impl Entry {
    /// Reads the header strictly and holds its key id against the envelope's.
    ///
    /// # Errors
    /// [`EventError`] names what does not fit.
    pub fn read(&self) -> Result<Header<'_>, EventError> {
        let header = Header::parse(&self.header)?;
        if header.kid != self.kid {
            return Err(EventError::Entry("its keyid is not the kid of the header"));
        }
        Ok(header)
    }
}

/// The entry of a signed header.
pub fn entry_bytes(header: &[u8], signature: &[u8; 64], kid: Kid) -> Vec<u8> {
    let mut out = Vec::new();
    entry_into(header, signature, kid, &mut out);
    out
}

/// [`entry_bytes`] appended to a buffer that is reused.
pub fn entry_into(header: &[u8], signature: &[u8; 64], kid: Kid, out: &mut Vec<u8>) {
    out.reserve(FRAME + header.len().div_ceil(3) * 4);
    out.extend_from_slice(START);
    put_base64(header, out);
    out.extend_from_slice(TYPE);
    out.extend_from_slice(PAYLOAD_TYPE.as_bytes());
    out.extend_from_slice(KEYID);
    out.extend_from_slice(&kid.to_hex());
    out.extend_from_slice(SIG);
    put_base64(signature, out);
    out.extend_from_slice(END);
}

fn put_base64(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    STANDARD.encode_slice(bytes, &mut out[start..]).expect("the room for base64 was made");
}

/// RFC 6962 §2.1 leaf hash of an entry: `SHA-256(0x00 ‖ entry)`.
pub fn leaf_of(entry: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// Reads an entry: the exact inverse of [`entry_bytes`], anything else is refused.
///
/// The header inside is not read; [`Entry::read`] does that.
///
/// # Errors
/// [`EventError`] names what differs.
pub fn parse_entry(entry: &[u8]) -> Result<Entry, EventError> {
    if entry.len() > ENTRY_MAX {
        return Err(EventError::TooLarge { what: "entry", size: entry.len(), max: ENTRY_MAX });
    }
    let payload_len = entry.len().checked_sub(FRAME).ok_or(EventError::Entry("it is too short"))?;
    let rest = strip(entry, START, "it does not start with the payload")?;
    let (payload, rest) = rest.split_at(payload_len);
    let rest = strip(rest, TYPE, "the payload type does not follow the payload")?;
    let rest = strip(rest, PAYLOAD_TYPE.as_bytes(), "it has another payload type")?;
    let rest = strip(rest, KEYID, "one signature must follow")?;
    let (kid, rest) = rest.split_at(KID_LEN);
    let rest = strip(rest, SIG, "the signature does not follow the keyid")?;
    let (sig, rest) = rest.split_at(SIG_LEN);
    strip(rest, END, "it does not end after one signature")?;
    let header =
        STANDARD.decode(payload).map_err(|_| EventError::Entry("the payload is not strict base64"))?;
    if header.len() > HEADER_MAX {
        return Err(EventError::TooLarge { what: "header", size: header.len(), max: HEADER_MAX });
    }
    let signature = STANDARD.decode(sig).ok().and_then(|sig| sig.try_into().ok());
    Ok(Entry {
        header,
        signature: signature.ok_or(EventError::Entry("the signature is not 64 bytes in strict base64"))?,
        kid: Kid::from_hex(kid)
            .map_err(|_| EventError::Entry("the keyid is not 32 lower-case hex digits"))?,
    })
}

fn strip<'a>(bytes: &'a [u8], prefix: &[u8], else_: &'static str) -> Result<&'a [u8], EventError> {
    bytes.strip_prefix(prefix).ok_or(EventError::Entry(else_))
}
