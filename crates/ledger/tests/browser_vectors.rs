//! The vectors that the console's verifier is tested with, made by this crate: a log with a key rotation, disclosures
//! and a signed checkpoint. The committed file must be what the code makes; `UPDATE_VECTORS=1` writes it anew.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ledger::checkpoint::Checkpoint;
use ledger::clock::SeededEntropy;
use ledger::disclosure::{DataKey, DataKeys, DisclosureError};
use ledger::domain::{Cause, Class, EventBody, Withheld};
use ledger::epochs::{Genesis, KeyEvent, Rotated, key_stream};
use ledger::event::{EventHash, SealContext, SealedEvent, seal};
use ledger::ids::{Actor, StreamId, SubjectId, TenantId};
use ledger::keys::{Signer, SoftSigner};
use ledger::merkle::MemoryTree;
use ledger::note::NoteSigner;
use ledger::policy::Policy;
use ledger::time::Timestamp;
use ledger::tlog_proof::TlogProof;
use ledger::{b64, proof};
use serde_json::{Map, Value, json};

const ORIGIN: &str = "ledger.test/0190f000-0000-7000-8000-000000000001";
const FILE: &str = "../../tests/console/verify/vectors.json";

struct Keys;

impl DataKeys for Keys {
    fn tenant_key(&self, _: &TenantId) -> Result<Arc<DataKey>, DisclosureError> {
        Ok(Arc::new(DataKey::new(&[7; 32])))
    }

    fn subject_key(&self, _: &TenantId, _: &SubjectId) -> Result<Arc<DataKey>, DisclosureError> {
        Err(DisclosureError::NoKey)
    }
}

struct Log {
    tenant: TenantId,
    events: Vec<SealedEvent>,
    tree: MemoryTree,
    entropy: SeededEntropy,
}

impl Log {
    fn append(&mut self, event_type: &'static str, stream: &StreamId, body: &EventBody, signer: &SoftSigner) {
        let before = self.events.iter().rev().find(|event| event.stream == *stream);
        let time = Timestamp::from_micros(1_800_000_000_000_000);
        let context = SealContext {
            tenant: &self.tenant,
            stream,
            seq: before.map_or(0, |event| event.seq + 1),
            prev: before.map(|event| event.hash),
            time: time.plus(Duration::from_secs(self.events.len() as u64)),
            actor: &Actor::system("vectors"),
            command: None,
            cause: Cause::default(),
        };
        let event = seal(event_type, body, &context, signer, &Keys, &self.entropy).unwrap();
        self.tree.push(event.leaf);
        self.events.push(event);
    }

    fn proof(&self, index: u64, checkpoint: &str) -> String {
        let size = self.events.len() as u64;
        let path = proof::inclusion(index, size, &self.tree).unwrap();
        let entry = self.events[index as usize].entry();
        TlogProof { entry, index, path, checkpoint: checkpoint.to_owned() }.encode()
    }
}

fn public(data: Map<String, Value>) -> EventBody {
    EventBody { public: data, withheld: Vec::new() }
}

fn evidence() -> EventBody {
    let public =
        json!({"result": "fail", "checked": 6, "ratio": 0.1, "text": "\u{20ac} \u{1f600} \u{7f} \"\\/"});
    let withheld =
        [("title", json!("Remote root login is allowed")), ("findings", json!([{"line": 3, "b": null}]))];
    EventBody {
        public: public.as_object().unwrap().clone(),
        withheld: withheld.map(|(name, value)| Withheld { name, value, class: Class::Confidential }).into(),
    }
}

fn vectors() -> Value {
    let tenant = TenantId::new(ORIGIN.split_once('/').unwrap().1).unwrap();
    let (first, second) = (SoftSigner::from_seed(&[1; 32]), SoftSigner::from_seed(&[2; 32]));
    let notes = NoteSigner::from_seed(ORIGIN, &[3; 32]).unwrap();
    let mut log = Log {
        tenant: tenant.clone(),
        events: Vec::new(),
        tree: MemoryTree::default(),
        entropy: SeededEntropy::new(1),
    };
    let keys = key_stream(&tenant).unwrap();
    let genesis = KeyEvent::Genesis(Genesis {
        origin: ORIGIN.to_owned(),
        key: b64::encode(first.public_key().as_bytes()),
        kid: first.kid(),
        checkpoint_vkey: notes.verifier().to_string(),
        predecessor: None,
    });
    let rotated = KeyEvent::Rotated(Rotated::prove(ORIGIN, first.kid(), &second));
    let stream = StreamId::new("evidence-0190f000-0000-7000-8000-000000000002").unwrap();
    let other = StreamId::new("probe-one").unwrap();
    log.append(genesis.event_type(), &keys, &public(genesis.to_data()), &first);
    log.append("ledger.probe.registered.v1", &other, &public(Map::new()), &first);
    log.append(rotated.event_type(), &keys, &public(rotated.to_data()), &first);
    log.append("ledger.evidence.submitted.v1", &stream, &evidence(), &second);
    log.append("ledger.evidence.linked.v1", &stream, &evidence(), &second);
    log.append("ledger.evidence.expired.v1", &stream, &public(Map::new()), &second);

    let checkpoint =
        Checkpoint { origin: ORIGIN.to_owned(), size: log.events.len() as u64, root: log.tree.root() };
    let checkpoint = checkpoint.sign(&notes).unwrap().to_string();
    let genesis_hash = EventHash::of(&log.events[0].header).0;
    let trust = Policy::of_logs(Some(genesis_hash), [notes.verifier().clone()]).to_string();
    let disclosures = |event: &SealedEvent| -> Vec<Value> {
        let header = ledger::event::Header::parse(&event.header).unwrap();
        let opened = event
            .disclosures
            .iter()
            .flat_map(|sealed| sealed.open(&DataKey::new(&[7; 32]), &tenant, &event.id, &header.sd).unwrap());
        opened.map(|d| json!({"salt": b64::encode_url(d.salt), "name": d.name, "value": d.value})).collect()
    };
    let entry = |index: usize| log.events.get(index).map(|event| b64::encode(event.entry()));
    let seen = |index: usize| {
        let same = |other: usize| {
            log.events.get(other).is_some_and(|event| event.stream == log.events[index].stream)
        };
        let keys: Vec<_> = [0, 2]
            .into_iter()
            .filter(|key| *key <= index as u64)
            .map(|key| log.proof(key, &checkpoint))
            .collect();
        json!({
            "index": index.to_string(),
            "type": log.events[index].event_type,
            "proof": log.proof(index as u64, &checkpoint),
            "keys": keys,
            "previous": (index > 3).then(|| entry(index - 1)).flatten(),
            "next": if index >= 3 && same(index + 1) { entry(index + 1) } else { None },
            "disclosures": disclosures(&log.events[index]),
        })
    };
    let event_key: String = second.public_key().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let events = [1, 3, 4, 5].map(seen);
    json!({ "trust": trust, "event_key": event_key, "events": events })
}

#[test]
fn the_consoles_vectors_are_what_this_crate_makes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let made = serde_json::to_string_pretty(&vectors()).unwrap() + "\n";
    let update = std::env::var_os("UPDATE_VECTORS").is_some();
    if update {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(kept == made, "{} is stale; run with UPDATE_VECTORS=1", path.display());
}
