//! Makes exports of logs that never had a server: for tests, and for measuring at any size.

use std::collections::HashMap;
use std::sync::Arc;

use ledger::anchor::{ANCHORED, AnchorFile, AnchorTree};
use ledger::b64;
use ledger::bundle::{BundleMeta, BundleSink, BundleSummary, BundleWriter, DisclosedLine};
use ledger::checkpoint::Checkpoint;
use ledger::clock::SeededEntropy;
use ledger::cosignature::Cosigner;
use ledger::disclosure::{DataKey, DataKeys, DisclosureError};
use ledger::domain::{Cause, Class, EventBody, Withheld};
use ledger::epochs::{GENESIS, Genesis, ROTATED, Rotated, key_stream};
use ledger::event::{EventHash, SealContext, SealedEvent, seal};
use ledger::ids::{Actor, StreamId, SubjectId, TenantId};
use ledger::keys::{Signer, SoftSigner};
use ledger::merkle::{MemoryTree, leaf_hash};
use ledger::note::NoteSigner;
use ledger::policy::Policy;
use ledger::proof;
use ledger::time::Timestamp;
use ledger::tlog_proof::TlogProof;
use serde_json::{Map, Value, json};

/// The type of most events made here.
pub const SUBMITTED: &str = "ledger.evidence.submitted.v1";
const START: i64 = 1_790_000_000_000_000;

struct OneKey(Arc<DataKey>);

impl DataKeys for OneKey {
    fn tenant_key(&self, _: &TenantId) -> Result<Arc<DataKey>, DisclosureError> {
        Ok(self.0.clone())
    }
    fn subject_key(&self, _: &TenantId, _: &SubjectId) -> Result<Arc<DataKey>, DisclosureError> {
        Ok(self.0.clone())
    }
}

/// One log under construction.
pub struct Maker {
    pub tenant: TenantId,
    pub origin: String,
    pub checkpoint_key: NoteSigner,
    pub genesis: Option<EventHash>,
    signer: Arc<dyn Signer>,
    key: Arc<DataKey>,
    entropy: SeededEntropy,
    heads: HashMap<StreamId, (u64, EventHash)>,
    made: i64,
}

/// A sealed event with its withheld members opened.
pub struct Made {
    pub event: SealedEvent,
    pub disclosures: Vec<String>,
}

impl Maker {
    /// A log with its genesis still to come.
    pub fn new(tenant: &str, seed: u8) -> Self {
        let origin = format!("local-0badcafe/{tenant}");
        Self {
            tenant: TenantId::new(tenant).unwrap(),
            checkpoint_key: NoteSigner::from_seed(&origin, &[seed; 32]).unwrap(),
            origin,
            genesis: None,
            signer: Arc::new(SoftSigner::from_seed(&[seed ^ 0xff; 32])),
            key: Arc::new(DataKey::new(&[seed; 32])),
            entropy: SeededEntropy::new(u64::from(seed)),
            heads: HashMap::new(),
            made: 0,
        }
    }

    /// The time of the event that was made last.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(START + self.made * 1_000_000)
    }

    /// Seals the next event of a stream.
    pub fn event(&mut self, stream: &StreamId, event_type: &'static str, body: &EventBody) -> Made {
        self.made += 1;
        let head = self.heads.get(stream);
        let ctx = SealContext {
            tenant: &self.tenant,
            stream,
            seq: head.map_or(0, |(seq, _)| seq + 1),
            prev: head.map(|(_, hash)| *hash),
            time: self.now(),
            actor: &Actor::system("test"),
            command: None,
            cause: Cause::default(),
        };
        let keys = OneKey(self.key.clone());
        let event = seal(event_type, body, &ctx, &*self.signer, &keys, &self.entropy).unwrap();
        self.heads.insert(stream.clone(), (event.seq, event.hash));
        let digests = ledger::event::Header::parse(&event.header).unwrap().sd;
        let open = |sealed: &ledger::disclosure::SealedDisclosure| {
            sealed.open(&self.key, &self.tenant, &event.id, &digests).unwrap()
        };
        let opened = event.disclosures.iter().flat_map(open);
        let disclosures = opened.map(|disclosure| b64::encode_url(disclosure.to_json().unwrap())).collect();
        Made { event, disclosures }
    }

    /// Entry 0.
    pub fn genesis(&mut self) -> Made {
        let key = self.signer.public_key();
        let genesis = Genesis {
            origin: self.origin.clone(),
            key: b64::encode(key.as_bytes()),
            kid: key.kid(),
            checkpoint_vkey: self.checkpoint_key.verifier().to_string(),
            predecessor: None,
        };
        let made = self.key_event(GENESIS, &genesis);
        self.genesis = Some(made.event.hash);
        made
    }

    /// Puts another key in the place of the active one.
    pub fn rotate(&mut self, seed: u8) -> Made {
        let next = SoftSigner::from_seed(&[seed; 32]);
        let data = Rotated::prove(&self.origin, self.signer.kid(), &next);
        let made = self.key_event(ROTATED, &data);
        self.signer = Arc::new(next);
        made
    }

    fn key_event(&mut self, event_type: &'static str, data: &impl serde::Serialize) -> Made {
        let Value::Object(public) = serde_json::to_value(data).unwrap() else { panic!("an object") };
        let stream = key_stream(&self.tenant).unwrap();
        self.event(&stream, event_type, &EventBody { public, withheld: Vec::new() })
    }

    /// Evidence number `n` in a stream of its own or in one of `streams`.
    pub fn evidence(&mut self, n: u64, streams: u64, withheld: Vec<Withheld>) -> Made {
        let stream = StreamId::new(format!("evidence-01900000-0000-7000-8000-{:012x}", n % streams)).unwrap();
        self.event(&stream, SUBMITTED, &EventBody { public: evidence_data(n), withheld })
    }

    /// A confidential member.
    pub fn withheld(name: &'static str, value: Value) -> Withheld {
        Withheld { name, value, class: Class::Confidential }
    }

    /// The head of a log with this tree.
    pub fn head(&self, tree: &MemoryTree) -> Checkpoint {
        Checkpoint { origin: self.origin.clone(), size: tree.size(), root: tree.root() }
    }

    /// A trust file that pins this log.
    pub fn policy(&self) -> Policy {
        Policy::of_logs(self.genesis.map(|hash| hash.0), [self.checkpoint_key.verifier().clone()])
    }

    /// What the manifest says.
    pub fn meta(&self) -> BundleMeta {
        BundleMeta {
            tenant: self.tenant.clone(),
            time: self.now(),
            purpose: "audit".into(),
            redactions: vec!["personal".into()],
        }
    }
}

/// The public members of evidence.
pub fn evidence_data(n: u64) -> Map<String, Value> {
    let time = Timestamp::from_micros(START + i64::try_from(n).unwrap() * 1_000_000).to_string();
    let Value::Object(data) = json!({
        "check": "linux-host/sshd-permit-root-login", "target_ref": format!("host-{}", n % 50),
        "controls": [{"framework": "nist-800-53", "control": "ac-6"}], "result": "pass",
        "checked": 12, "skipped": 1, "observed_from": time, "observed_to": time, "sent_at": time,
        "received_at": time,
    }) else {
        unreachable!("an object")
    };
    data
}

/// A whole log in memory.
#[derive(Default)]
pub struct Log {
    pub made: Vec<Made>,
    pub blobs: Vec<Vec<u8>>,
    pub anchors: Vec<(u64, AnchorFile)>,
}

impl Log {
    /// Its tree.
    pub fn tree(&self) -> MemoryTree {
        self.made.iter().map(|made| leaf_hash(&made.event.entry())).collect()
    }

    /// Writes its export.
    pub fn export<S: BundleSink<Error: std::fmt::Debug>>(
        &self,
        maker: &Maker,
        sink: S,
        policy: &Policy,
        checkpoint: &str,
        disclose: impl Fn(&str) -> bool,
    ) -> (S, BundleSummary) {
        let mut writer = BundleWriter::new(sink);
        self.made.iter().for_each(|made| writer.entry(&made.event.entry()).unwrap());
        for (index, made) in (0..).zip(&self.made) {
            for disclosure in made.disclosures.iter().filter(|text| disclose(text)) {
                writer.disclosure(&DisclosedLine { disclosure: disclosure.clone(), index }).unwrap();
            }
        }
        for blob in &self.blobs {
            writer.blob(blob).unwrap();
        }
        self.anchors.iter().for_each(|(index, anchor)| writer.anchor(*index, anchor).unwrap());
        writer.finish(checkpoint, policy, maker.meta(), &maker.checkpoint_key).unwrap()
    }
}

/// Anchors a tenant's checkpoint in a system log, which a witness cosigns.
pub fn anchor(system: &mut Maker, log: &mut Log, head: &Checkpoint, witness: &Cosigner) -> (u64, AnchorFile) {
    let text = head.text();
    let tree = AnchorTree::new([None, Some("another tenant's\n"), Some(text.as_str())]);
    let Value::Object(public) = serde_json::to_value(tree.data()).unwrap() else { panic!("an object") };
    let stream = StreamId::new("anchor-tenants").unwrap();
    log.made.push(system.event(&stream, ANCHORED, &EventBody { public, withheld: Vec::new() }));
    let index = log.made.len() as u64 - 1;
    let leaves = log.tree();
    let mut note = system.head(&leaves).sign(&system.checkpoint_key).unwrap();
    note.add(witness.cosign(&system.head(&leaves).text(), 1_790_000_000));
    let proof = TlogProof {
        entry: log.made[index as usize].event.entry(),
        index,
        path: proof::inclusion(index, leaves.size(), &leaves).unwrap(),
        checkpoint: note.to_string(),
    };
    (index, AnchorFile::new(&text, 2, &tree.path(2).unwrap(), &proof))
}
