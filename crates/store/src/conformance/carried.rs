//! A ledger with some of everything, to be copied, and what a copy must have.

use ledger::checkpoint::Checkpoint;
use ledger::ids::{CommandId, TenantId};
use ledger::note::NoteSigner;

use super::Sealer;
use crate::append::{Append, CommandRecord, Verdict};
use crate::copy::Holding;
use crate::read::{Read, StoredEvent};
use crate::side::{AnchorLeaf, AnchorSet, BlobId, SecretKey, SecretKind, StoredCheckpoint};

/// A ledger that is written to, with some of everything that a store can hold.
pub struct Ledger {
    /// Where it is written.
    pub store: Holding,
    sealers: Vec<Sealer>,
    commands: u64,
}

impl Ledger {
    /// Two tenants, the second slot made first, with secrets, blobs and an anchor.
    pub async fn new(store: Holding) -> Self {
        let mut sealers = Vec::new();
        for (tenant, slot) in [("b", 2), ("a", 1)] {
            let mut sealer = Sealer::new(tenant, slot);
            store.side.put_log(sealer.log(Some(u32::from(slot)))).await.expect("a log");
            let genesis = sealer.genesis();
            store.events.append(vec![genesis]).await.expect("a genesis");
            sealers.push(sealer);
        }
        let mut ledger = Self { store, sealers, commands: 0 };
        for kind in SecretKind::ALL {
            ledger.secret("a", kind, "one").await;
        }
        ledger.secret("no-log", SecretKind::Other, "one").await;
        for id in ["blob-1", "blob-2"] {
            ledger.blob(id).await;
        }
        let leaves = vec![AnchorLeaf { slot: 1, text: "a checkpoint".to_owned() }];
        ledger.store.side.put_anchor(AnchorSet { root: [9; 32], leaves }).await.expect("an anchor");
        ledger.write(3).await;
        ledger
    }

    /// Keeps a secret.
    pub async fn secret(&self, tenant: &str, kind: SecretKind, id: &str) {
        let key = SecretKey { tenant: tenant.parse().expect("valid"), kind, id: id.to_owned() };
        self.store.side.put_secret(&key, id.as_bytes().to_vec()).await.expect("a secret");
    }

    /// Keeps a blob.
    pub async fn blob(&self, id: &str) {
        let blob = BlobId::new(id).expect("valid");
        self.store.side.put_blob(self.sealers[0].tenant(), &blob, vec![3; 1000]).await.expect("a blob");
    }

    /// Appends to both logs in turn: events alone, commands of several events, disclosures, a rotated key; signs
    /// checkpoints.
    pub async fn write(&mut self, rounds: u64) {
        for _ in 0..rounds {
            for at in 0..self.sealers.len() {
                self.commands += 1;
                let (number, sealer) = (self.commands, &mut self.sealers[at]);
                let alone = sealer.append("s-1", 1);
                let id: CommandId = format!("c-{number}").parse().expect("valid");
                sealer.command = Some(id.clone());
                let events = vec![
                    sealer.withheld(&format!("s-{number}"), "ann"),
                    sealer.withheld(&format!("s-{number}"), "bob"),
                ];
                sealer.command = None;
                let command = CommandRecord { id, body_mac: [number.to_be_bytes()[7]; 32] };
                let together = Append::new(events).expect("an append").with_command(command);
                let rotation = sealer.rotate(100 + number.to_be_bytes()[7]);
                let appends = vec![alone, together, rotation];
                let verdicts = self.store.events.append(appends).await.expect("an append");
                assert!(verdicts.iter().all(|v| matches!(v, Verdict::Committed { .. })), "{verdicts:?}");
            }
        }
        for sealer in &self.sealers {
            let tenant = sealer.tenant();
            let head = self.store.events.log_head(tenant).await.expect("a head").expect("a log");
            let checkpoint = Checkpoint { origin: sealer.log(None).origin, size: head.size, root: head.root };
            let signer = NoteSigner::from_seed(&checkpoint.origin, &[50; 32]).expect("a name");
            let note = checkpoint.sign(&signer).expect("a note").to_string();
            let kept = StoredCheckpoint { size: head.size, note };
            self.store.side.put_checkpoint(tenant, kept).await.expect("a checkpoint");
        }
    }

    /// Erases a subject, as the server does: its key, its ciphertexts, the records of its commands.
    pub async fn erase(&self, subject: &str, commands: &[&str]) {
        let key = SecretKey {
            tenant: self.sealers[1].tenant().clone(),
            kind: SecretKind::SubjectDataKey,
            id: subject.to_owned(),
        };
        assert!(self.store.side.delete_secret(&key).await.expect("a deletion"));
        let commands: Vec<CommandId> = commands.iter().map(|id| id.parse().expect("valid")).collect();
        let subject = subject.parse().expect("valid");
        let erased = self.store.side.erase(&key.tenant, &subject, &commands).await.expect("an erasure");
        assert!(!erased.is_empty());
    }
}

/// Everything that a store gives, to be compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Contents {
    /// All events, with positions and indexes.
    pub events: Vec<StoredEvent>,
    /// Everything else, in words.
    pub beside: Vec<String>,
}

/// Reads all of a store.
pub async fn contents(of: &Holding) -> Contents {
    let events: Vec<StoredEvent> = of.events.read(Read::all(1)).await.expect("a page").into_iter().collect();
    let mut beside = Vec::new();
    for log in of.portable.logs_as_created().await.expect("logs") {
        let tenant = &log.tenant;
        let own: Vec<u64> = events.iter().filter(|e| e.tenant == *tenant).map(|e| e.index).collect();
        beside.push(format!("{:?}", of.events.log_head(tenant).await));
        beside.push(format!("{:?}", of.side.disclosures(tenant, &own).await));
        beside.push(format!("{:?}", of.side.checkpoint(tenant).await));
        for event in events.iter().filter(|event| event.tenant == *tenant) {
            let header = ledger::event::Header::parse(&event.header).expect("a header");
            if let Some(command) = &header.cmd {
                beside.push(format!("{command}: {:?}", of.events.command(tenant, command).await));
            }
        }
        for id in of.portable.blobs(tenant, None).await.expect("ids") {
            beside.push(format!("{id:?}: {:?}", of.side.blob(tenant, &id).await));
        }
        beside.push(format!("{log:?}"));
    }
    let owners: Vec<TenantId> = of.portable.secret_owners().await.expect("owners");
    for (owner, kind) in owners.iter().flat_map(|owner| SecretKind::ALL.map(|kind| (owner, kind))) {
        beside.push(format!("{owner} {kind:?}: {:?}", of.side.secrets(owner, kind).await));
    }
    for root in of.portable.anchors(None).await.expect("roots") {
        beside.push(format!("{:?}", of.side.anchor(&root).await));
    }
    Contents { events, beside }
}
