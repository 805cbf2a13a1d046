//! Sealed events for the suite: real signatures, hashes and chains, from seeds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ledger::clock::SeededEntropy;
use ledger::disclosure::{DataKey, DataKeys, DisclosureError};
use ledger::domain::{Cause, Class, EventBody, Withheld};
use ledger::epochs::{GENESIS, Genesis, Predecessor, REVOKED, ROTATED, RevokeReason, Revoked, Rotated};
use ledger::event::{SealContext, SealedEvent, seal};
use ledger::ids::{Actor, CommandId, StreamId, SubjectId, TenantId};
use ledger::keys::{Signer, SoftSigner};
use ledger::note::{KeyKind, VerifierKey};
use ledger::time::Timestamp;
use serde_json::{Map, Value, json};

use crate::append::{Append, KeyChange, StreamHead};
use crate::side::LogInfo;

/// The type of most of the suite's events.
pub const TYPE: &str = "ledger.test.noted.v1";
/// Another type, for filters.
pub const OTHER_TYPE: &str = "ledger.test.counted.v1";

/// One key for everybody: the suite does not decrypt.
struct OneKey;

impl DataKeys for OneKey {
    fn tenant_key(&self, _: &TenantId) -> Result<Arc<DataKey>, DisclosureError> {
        Ok(Arc::new(DataKey::new(&[1; 32])))
    }
    fn subject_key(&self, _: &TenantId, _: &SubjectId) -> Result<Arc<DataKey>, DisclosureError> {
        Ok(Arc::new(DataKey::new(&[2; 32])))
    }
}

/// Seals the events of one tenant, each on the head that it has sealed before.
pub struct Sealer {
    tenant: TenantId,
    signer: SoftSigner,
    entropy: SeededEntropy,
    heads: HashMap<StreamId, StreamHead>,
    /// When the event before the next one was decided.
    pub now: Timestamp,
    /// Who causes the next events.
    pub actor: Actor,
    /// Bytes of filling in each event.
    pub filling: usize,
    /// The command that the next events come from.
    pub command: Option<CommandId>,
}

impl Sealer {
    /// A tenant's sealer, its key from the seed.
    pub fn new(tenant: &str, seed: u8) -> Self {
        Self {
            tenant: tenant.parse().expect("the suite's tenants are valid"),
            signer: SoftSigner::from_seed(&[seed; 32]),
            entropy: SeededEntropy::new(u64::from(seed)),
            heads: HashMap::new(),
            now: Timestamp::from_micros(1_795_342_268_000_000),
            actor: Actor::system("conformance"),
            filling: 0,
            command: None,
        }
    }

    /// Whose events.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The id of the key that it seals with.
    pub fn kid(&self) -> ledger::keys::Kid {
        self.signer.kid()
    }

    /// The tenant's log.
    pub fn log(&self, slot: Option<u32>) -> LogInfo {
        LogInfo { tenant: self.tenant.clone(), slot, origin: format!("test/{}", self.tenant) }
    }

    /// The genesis of the log: introduces the key.
    pub fn genesis(&mut self) -> Append {
        let key = self.signer.public_key();
        let origin = self.log(None).origin;
        let vkey = VerifierKey::new(&origin, KeyKind::Ed25519, *key.as_bytes()).expect("a valid name");
        let data = Genesis {
            origin,
            key: ledger::b64::encode(key.as_bytes()),
            kid: key.kid(),
            checkpoint_vkey: vkey.to_string(),
            predecessor: None,
        };
        self.key_event(GENESIS, serde_json::to_value(data)).with_key_change(KeyChange::Activate(key.kid()))
    }

    /// The genesis after an accepted loss.
    pub fn successor(&mut self, origin: &str, predecessor: Predecessor) -> Append {
        let key = self.signer.public_key();
        let data = Genesis {
            origin: origin.to_owned(),
            key: ledger::b64::encode(key.as_bytes()),
            kid: key.kid(),
            checkpoint_vkey: VerifierKey::new(origin, KeyKind::Ed25519, *key.as_bytes())
                .expect("a valid name")
                .to_string(),
            predecessor: Some(predecessor),
        };
        self.key_event(GENESIS, serde_json::to_value(data))
    }

    /// Seals with another key from now on. Gives the append that rotates to it, sealed with the old one.
    pub fn rotate(&mut self, seed: u8) -> Append {
        let next = SoftSigner::from_seed(&[seed; 32]);
        let data = Rotated::prove(&self.log(None).origin, self.signer.kid(), &next);
        let append = self
            .key_event(ROTATED, serde_json::to_value(data))
            .with_key_change(KeyChange::Activate(next.kid()));
        self.signer = next;
        append
    }

    /// Revokes the key without a successor.
    pub fn revoke(&mut self) -> Append {
        let data = Revoked { kid: self.signer.kid(), reason: RevokeReason::Lost };
        self.key_event(REVOKED, serde_json::to_value(data)).with_key_change(KeyChange::End)
    }

    fn key_event(&mut self, event_type: &'static str, data: serde_json::Result<Value>) -> Append {
        let Ok(Value::Object(public)) = data else { panic!("key events are objects") };
        let stream = format!("key-{}", self.tenant);
        let event = self.event_of(&stream, event_type, &EventBody { public, withheld: Vec::new() });
        Append::new(vec![event]).expect("one event is an append")
    }

    /// The next events of a stream, as one append.
    pub fn append(&mut self, stream: &str, events: usize) -> Append {
        Append::new((0..events).map(|_| self.event(stream, TYPE)).collect()).expect("the events follow")
    }

    /// The next event of a stream.
    pub fn event(&mut self, stream: &str, event_type: &'static str) -> SealedEvent {
        let mut public = Map::new();
        public.insert("note".to_owned(), json!("x".repeat(self.filling)));
        self.event_of(stream, event_type, &EventBody { public, withheld: Vec::new() })
    }

    /// The next event of a stream, with a confidential and a personal member.
    pub fn withheld(&mut self, stream: &str, subject: &str) -> SealedEvent {
        let subject = subject.parse().expect("the suite's subjects are valid");
        let member = |name, class| Withheld { name, value: Value::from("secret"), class };
        let withheld = vec![member("title", Class::Confidential), member("name", Class::Personal(subject))];
        self.event_of(stream, TYPE, &EventBody { public: Map::new(), withheld })
    }

    /// The next event of a stream, of any type and with any members.
    pub fn event_of(&mut self, stream: &str, event_type: &'static str, body: &EventBody) -> SealedEvent {
        let stream: StreamId = stream.parse().expect("the suite's streams are valid");
        let head = self.heads.get(&stream);
        self.now = self.now.plus(Duration::from_micros(1));
        let ctx = SealContext {
            tenant: &self.tenant,
            stream: &stream,
            seq: head.map_or(0, |head| head.seq + 1),
            prev: head.map(|head| head.hash),
            time: self.now,
            actor: &self.actor,
            command: self.command.as_ref(),
            cause: Cause::default(),
        };
        let event = seal(event_type, body, &ctx, &self.signer, &OneKey, &self.entropy)
            .expect("the suite's events are valid");
        self.heads.insert(stream, StreamHead { seq: event.seq, hash: event.hash });
        event
    }

    /// Forgets what was sealed of a stream after a revision; `None`: all of it. As a lane does after a refusal.
    pub fn rewind(&mut self, stream: &str, to: Option<StreamHead>) {
        let stream: StreamId = stream.parse().expect("the suite's streams are valid");
        match to {
            Some(head) => _ = self.heads.insert(stream, head),
            None => _ = self.heads.remove(&stream),
        }
    }

    /// The head of a stream as it was sealed last.
    pub fn head(&self, stream: &str) -> Option<StreamHead> {
        self.heads.get(&stream.parse::<StreamId>().expect("the suite's streams are valid")).copied()
    }
}
