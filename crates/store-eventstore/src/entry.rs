//! Between sealed events and the server's events.
//!
//! An event's data is the log entry (formats.md §3), byte for byte, and its id is made of them: the server answers a
//! second append of the same entries as the first. The metadata is not signed and never trusted; it says which annex
//! holds what stands beside the entry, and how many entries were appended as one.

use std::borrow::Cow;

use bytes::Bytes;
use kurrentdb::{EventData, RecordedEvent};
use ledger::epochs::{KEY_TYPES, KeyEvent};
use ledger::event::{EventHash, SealedEvent, leaf_of, parse_entry};
use ledger::ids::{SubjectId, TenantId};
use ledger_store::{Append, KeyChange};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::error::Failure;

/// The first part of the name of a log's stream.
pub(crate) const LOG: &str = "log-";
/// The event by which a data subject's erasure becomes known to every process.
pub(crate) const ERASED: &str = "ledger.subject.erased.v1";
/// Its stream is `subject-<id>`.
const SUBJECT: &str = "subject-";

/// What the server keeps with an entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Beside {
    /// Its place in the append, and how many entries that had.
    #[serde(default)]
    pub of: (usize, usize),
    /// The annex, if anything stands beside the append.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annex: Option<String>,
}

/// The stream of a tenant's log.
pub(crate) fn log_stream(prefix: &str, tenant: &TenantId) -> String {
    format!("{prefix}{LOG}{tenant}")
}

/// The events of an append.
pub(crate) fn encode(append: &Append, annex: Option<&str>) -> Vec<EventData> {
    let all = append.events().len();
    let data = |(i, event): (usize, &SealedEvent)| {
        let entry = event.entry();
        let digest: [u8; 32] = Sha256::digest(&entry).into();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        let id = uuid::Builder::from_custom_bytes(id).into_uuid();
        let beside = Beside { of: (i, all), annex: annex.map(str::to_owned) };
        let beside = serde_json::to_vec(&beside).expect("names and numbers are JSON");
        json(&event.event_type, entry).id(id).metadata(Bytes::from(beside))
    };
    append.events().iter().enumerate().map(data).collect()
}

/// The client makes JSON events only of what it serialises itself; this gives it bytes that are JSON already.
pub(crate) fn json(event_type: &str, entry: Vec<u8>) -> EventData {
    let text = String::from_utf8(entry).expect("an entry is JSON");
    let raw = serde_json::value::RawValue::from_string(text).expect("an entry is JSON");
    EventData::json(event_type, &raw).expect("JSON is JSON")
}

/// An entry as the server gave it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Its index in the log.
    pub index: u64,
    /// The event, without what stands beside the log.
    pub event: SealedEvent,
    /// What it does to the log's keys.
    pub key_change: Option<KeyChange>,
    pub beside: Beside,
}

impl Entry {
    /// Reads an entry, strictly: whoever can write the stream can write anything.
    pub fn decode(prefix: &str, recorded: &RecordedEvent) -> Result<Self, Failure> {
        let place = || format!("event {} of the stream {}", recorded.revision, recorded.stream_id());
        let wrong = |why: &dyn std::fmt::Display| Failure::Corrupt(format!("{}: {why}", place()));
        let entry = parse_entry(&recorded.data).map_err(|error| wrong(&error))?;
        let header = entry.read().map_err(|error| wrong(&error))?;
        if recorded.stream_id() != log_stream(prefix, &header.tenant) {
            return Err(wrong(&format!("it is an entry of tenant {}", header.tenant)));
        }
        let event = SealedEvent {
            id: header.id,
            tenant: header.tenant.clone(),
            stream: header.stream.clone(),
            seq: header.seq,
            prev: header.prev,
            time: header.time,
            event_type: Cow::Owned(header.event_type.clone().into_owned()),
            kid: header.kid,
            header: entry.header.as_slice().into(),
            signature: entry.signature,
            hash: EventHash::of(&entry.header),
            leaf: leaf_of(&recorded.data),
            disclosures: Vec::new(),
        };
        let key_change = if header.event_type.starts_with(KEY_TYPES) {
            let change = KeyEvent::parse(&header.event_type, header.data).map_err(|error| wrong(&error))?;
            match change {
                KeyEvent::Genesis(genesis) => Some(KeyChange::Activate(genesis.kid)),
                KeyEvent::Rotated(rotated) => Some(KeyChange::Activate(rotated.kid)),
                KeyEvent::Revoked(revoked) if revoked.kid == header.kid => Some(KeyChange::End),
                KeyEvent::Revoked(_) | KeyEvent::Disputed(_) => None,
            }
        } else {
            None
        };
        // Anything else than we wrote there: as if nothing stood beside it.
        let beside = serde_json::from_slice(&recorded.custom_metadata).unwrap_or_default();
        Ok(Self { index: recorded.revision, event, key_change, beside })
    }

    /// The data subject that this entry says was erased.
    pub fn erased(&self) -> Option<SubjectId> {
        let id = self.event.stream.as_str().strip_prefix(SUBJECT)?;
        (self.event.event_type == ERASED).then(|| SubjectId::new(id).ok())?
    }
}

/// A name for something new.
pub(crate) fn fresh_name(entropy: &dyn ledger::clock::Entropy) -> String {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    Uuid::from_bytes(bytes).simple().to_string()
}
