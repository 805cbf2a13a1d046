//! Makes events: header, digests, signature, hashes, encrypted disclosures.

use std::borrow::Cow;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{EventError, EventHash, HEADER_MAX, entry_into, is_event_type, leaf_of};
use crate::canonical;
use crate::clock::Entropy;
use crate::disclosure::{self, DataKeys, DisclosureError, SealedDisclosure};
use crate::domain::{Cause, EventBody};
use crate::dsse;
use crate::ids::{Actor, CommandId, EventId, StreamId, TenantId};
use crate::keys::{Kid, Signer};
use crate::time::Timestamp;

/// An event ready to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedEvent {
    /// Its id.
    pub id: EventId,
    /// Whose log.
    pub tenant: TenantId,
    /// Its stream.
    pub stream: StreamId,
    /// Its revision.
    pub seq: u64,
    /// The hash of the event before it in the stream; `None` at 0.
    pub prev: Option<EventHash>,
    /// Its time.
    pub time: Timestamp,
    /// Its type.
    pub event_type: Cow<'static, str>,
    /// The key that signed it.
    pub kid: Kid,
    /// The signed bytes.
    pub header: Arc<[u8]>,
    /// The signature over their pre-authentication encoding.
    pub signature: [u8; 64],
    /// What the next event of the stream names as `prev`.
    pub hash: EventHash,
    /// RFC 6962 leaf hash of the entry.
    pub leaf: [u8; 32],
    /// The withheld members, encrypted.
    pub disclosures: Vec<SealedDisclosure>,
}

impl SealedEvent {
    /// The log entry.
    pub fn entry(&self) -> Vec<u8> {
        super::entry_bytes(&self.header, &self.signature, self.kid)
    }
}

/// What a header says besides the event itself.
#[derive(Debug, Clone, Copy)]
pub struct SealContext<'a> {
    /// Whose log.
    pub tenant: &'a TenantId,
    /// The aggregate's stream.
    pub stream: &'a StreamId,
    /// The revision to be.
    pub seq: u64,
    /// The hash of the event before; `None` at 0.
    pub prev: Option<EventHash>,
    /// When it was decided.
    pub time: Timestamp,
    /// Who caused it.
    pub actor: &'a Actor,
    /// The command.
    pub command: Option<&'a CommandId>,
    /// What caused it.
    pub cause: Cause,
}

/// Why an event cannot be sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The event is too large or breaks the format.
    #[error(transparent)]
    Event(#[from] EventError),
    /// Its withheld members cannot be encrypted.
    #[error(transparent)]
    Disclosure(#[from] DisclosureError),
}

impl From<canonical::JsonError> for SealError {
    fn from(error: canonical::JsonError) -> Self {
        Self::Event(EventError::Json(error))
    }
}

/// Makes an event: canonical header, salted digests, signature, hashes, encrypted disclosures.
///
/// # Errors
/// [`SealError`]: nothing was made, and nothing outside has changed.
pub fn seal(
    event_type: &'static str,
    body: &EventBody,
    ctx: &SealContext<'_>,
    signer: &dyn Signer,
    keys: &dyn DataKeys,
    entropy: &dyn Entropy,
) -> Result<SealedEvent, SealError> {
    check(event_type, ctx)?;
    let id = event_id(ctx.time, entropy);
    let sealed = disclosure::seal(body, ctx.tenant, &id, keys, entropy)?;
    let kid = signer.kid();
    let mut header = Vec::with_capacity(512 + body.public.len() * 32);
    write_header(&id, event_type, body, ctx, kid, &sealed.digests, &mut header)?;
    if header.len() > HEADER_MAX {
        return Err(EventError::TooLarge { what: "header", size: header.len(), max: HEADER_MAX }.into());
    }
    // One buffer serves the encoding that is signed and then the entry.
    let mut buffer = Vec::with_capacity(header.len() * 4 / 3 + 320);
    dsse::pae_into(dsse::PAYLOAD_TYPE, &header, &mut buffer);
    let hash = EventHash(Sha256::digest(&buffer).into());
    let signature = signer.sign(&buffer);
    buffer.clear();
    entry_into(&header, &signature, kid, &mut buffer);
    Ok(SealedEvent {
        id,
        tenant: ctx.tenant.clone(),
        stream: ctx.stream.clone(),
        seq: ctx.seq,
        prev: ctx.prev,
        time: ctx.time,
        event_type: Cow::Borrowed(event_type),
        kid,
        header: header.into(),
        signature,
        hash,
        leaf: leaf_of(&buffer),
        disclosures: sealed.disclosures,
    })
}

fn check(event_type: &'static str, ctx: &SealContext<'_>) -> Result<(), EventError> {
    if (ctx.seq == 0) != ctx.prev.is_none() {
        return Err(EventError::Member { member: "prev", rule: "is there if and only if seq is not 0" });
    }
    if ctx.seq > canonical::INTEGER_MAX {
        return Err(EventError::Member { member: "seq", rule: "must be a whole number up to 2^53-1" });
    }
    if !is_event_type(event_type) {
        return Err(EventError::Member {
            member: "type",
            rule: "must be a dotted lower-case name with a version",
        });
    }
    Ok(())
}

/// A UUIDv7 of the time of the decision, so that ids sort as the events were decided.
fn event_id(time: Timestamp, entropy: &dyn Entropy) -> EventId {
    let mut random = [0_u8; 10];
    entropy.fill(&mut random);
    let millis = u64::try_from(time.micros() / 1000).unwrap_or(0);
    EventId(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}

/// Writes the header with its members in the order of RFC 8785.
fn write_header(
    id: &EventId,
    event_type: &str,
    body: &EventBody,
    ctx: &SealContext<'_>,
    kid: Kid,
    digests: &[[u8; 43]],
    out: &mut Vec<u8>,
) -> Result<(), canonical::JsonError> {
    out.push(b'{');
    if !digests.is_empty() {
        out.extend_from_slice(b"\"_sd\":[\"");
        for (n, digest) in digests.iter().enumerate() {
            if n > 0 {
                out.extend_from_slice(b"\",\"");
            }
            out.extend_from_slice(digest);
        }
        out.extend_from_slice(b"\"],");
    }
    out.extend_from_slice(b"\"actor\":{\"id\":");
    canonical::string_into(ctx.actor.id.as_str(), out);
    put(out, b",\"kind\":\"", ctx.actor.kind.as_str().as_bytes());
    out.extend_from_slice(b"\"}");
    if let Some(cause) = ctx.cause.cause {
        put_uuid(out, b",\"cause\":\"", &cause);
    }
    if let Some(command) = ctx.command {
        out.extend_from_slice(b",\"cmd\":");
        canonical::string_into(command.as_str(), out);
    }
    if let Some(correlation) = ctx.cause.correlation {
        put_uuid(out, b",\"correlation\":\"", &correlation);
    }
    out.extend_from_slice(b",\"data\":");
    canonical::object_into(&body.public, out)?;
    put_uuid(out, b",\"id\":\"", id);
    put(out, b",\"kid\":\"", &kid.to_hex());
    if let Some(prev) = ctx.prev {
        put(out, b"\",\"prev\":\"", &crate::b64::encode_url_32(&prev.0));
    }
    put(out, b"\",\"seq\":", ctx.seq.to_string().as_bytes());
    put(out, b",\"stream\":\"", ctx.stream.as_str().as_bytes());
    put(out, b"\",\"tenant\":\"", ctx.tenant.as_str().as_bytes());
    let mut time = [0; 27];
    ctx.time.write(&mut time);
    put(out, b"\",\"time\":\"", &time);
    put(out, b"\",\"type\":\"", event_type.as_bytes());
    out.extend_from_slice(b"\",\"v\":1}");
    Ok(())
}

fn put(out: &mut Vec<u8>, before: &[u8], value: &[u8]) {
    out.extend_from_slice(before);
    out.extend_from_slice(value);
}

fn put_uuid(out: &mut Vec<u8>, before: &[u8], id: &EventId) {
    let mut text = [0; 36];
    put(out, before, id.0.hyphenated().encode_lower(&mut text).as_bytes());
    out.push(b'"');
}
