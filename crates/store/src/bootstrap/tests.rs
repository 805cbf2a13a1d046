//! First starts that are cut off at every step, lost and wrong keys, slots.

use std::sync::Mutex;

use async_trait::async_trait;
use ledger::clock::{ManualClock, SeededEntropy};
use ledger::epochs::Epochs;
use ledger::event::Header;
use ledger::ids::{CommandId, StreamId, SubjectId};
use ledger::secretbox::Kek;
use ledger::tile::TileId;
use tokio::sync::watch;

use super::*;
use crate::{
    AnchorSet, BlobId, CommandReceipt, LogHead, MemoryStore, Page, PutOutcome, Read, SecretKey, SecretKind,
    StoredCheckpoint, StoredDisclosure, StreamHead,
};

/// The memory store that fails at one write, before or after it has happened.
struct CutOff {
    inner: MemoryStore,
    /// Writes until the failure, and whether the failing one happens.
    plan: Mutex<Option<(usize, bool)>>,
}

impl CutOff {
    fn new() -> Arc<Self> {
        Arc::new(Self { inner: MemoryStore::new(), plan: Mutex::new(None) })
    }

    async fn write<T>(&self, write: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let down = || StoreError::Unavailable { reason: "cut off".into() };
        let happens = {
            let mut plan = self.plan.lock().unwrap();
            match plan.as_mut() {
                // Cut off: nothing goes through any more, until it is started again.
                Some((0, _)) => return Err(down()),
                Some((left, happens)) => {
                    *left -= 1;
                    if *left > 0 { None } else { Some(*happens) }
                }
                None => None,
            }
        };
        match happens {
            None => write.await,
            Some(false) => Err(down()),
            Some(true) => write.await.and_then(|_| Err(down())),
        }
    }
}

#[async_trait]
impl EventStore for CutOff {
    async fn append(&self, appends: Vec<Append>) -> Result<Vec<Verdict>, StoreError> {
        self.write(self.inner.append(appends)).await
    }
    async fn read(&self, query: Read) -> Result<Page, StoreError> {
        self.inner.read(query).await
    }
    async fn log_head(&self, tenant: &TenantId) -> Result<Option<LogHead>, StoreError> {
        self.inner.log_head(tenant).await
    }
    async fn stream_head(&self, t: &TenantId, s: &StreamId) -> Result<Option<StreamHead>, StoreError> {
        self.inner.stream_head(t, s).await
    }
    async fn tile(&self, tenant: &TenantId, tile: &TileId) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.tile(tenant, tile).await
    }
    async fn command(&self, t: &TenantId, c: &CommandId) -> Result<Option<CommandReceipt>, StoreError> {
        self.inner.command(t, c).await
    }
    fn subscribe(&self) -> watch::Receiver<u64> {
        self.inner.subscribe()
    }
}

#[async_trait]
impl SideStore for CutOff {
    async fn put_log(&self, log: LogInfo) -> Result<PutOutcome, StoreError> {
        self.write(self.inner.put_log(log)).await
    }
    async fn logs(&self) -> Result<Vec<LogInfo>, StoreError> {
        self.inner.logs().await
    }
    async fn succession(&self, tenant: &TenantId) -> Result<Option<Predecessor>, StoreError> {
        self.inner.succession(tenant).await
    }
    async fn put_secret(&self, key: &SecretKey, wrapped: Vec<u8>) -> Result<PutOutcome, StoreError> {
        self.write(self.inner.put_secret(key, wrapped)).await
    }
    async fn rewrap_secret(&self, key: &SecretKey, old: Vec<u8>, new: Vec<u8>) -> Result<bool, StoreError> {
        self.write(self.inner.rewrap_secret(key, old, new)).await
    }
    async fn secret(&self, key: &SecretKey) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.secret(key).await
    }
    async fn delete_secret(&self, key: &SecretKey) -> Result<bool, StoreError> {
        self.inner.delete_secret(key).await
    }
    async fn secrets(&self, t: &TenantId, kind: SecretKind) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.inner.secrets(t, kind).await
    }
    async fn disclosures(&self, t: &TenantId, indexes: &[u64]) -> Result<Vec<StoredDisclosure>, StoreError> {
        self.inner.disclosures(t, indexes).await
    }
    async fn disclosures_of(&self, t: &TenantId, s: &SubjectId) -> Result<Vec<StoredDisclosure>, StoreError> {
        self.inner.disclosures_of(t, s).await
    }
    async fn erase(&self, t: &TenantId, s: &SubjectId, c: &[CommandId]) -> Result<Vec<u64>, StoreError> {
        self.inner.erase(t, s, c).await
    }
    async fn put_blob(&self, t: &TenantId, id: &BlobId, bytes: Vec<u8>) -> Result<PutOutcome, StoreError> {
        self.inner.put_blob(t, id, bytes).await
    }
    async fn blob(&self, tenant: &TenantId, id: &BlobId) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.blob(tenant, id).await
    }
    async fn delete_blob(&self, tenant: &TenantId, id: &BlobId) -> Result<bool, StoreError> {
        self.inner.delete_blob(tenant, id).await
    }
    async fn put_checkpoint(&self, t: &TenantId, checkpoint: StoredCheckpoint) -> Result<(), StoreError> {
        self.inner.put_checkpoint(t, checkpoint).await
    }
    async fn checkpoint(&self, tenant: &TenantId) -> Result<Option<StoredCheckpoint>, StoreError> {
        self.inner.checkpoint(tenant).await
    }
    async fn put_anchor(&self, anchor: AnchorSet) -> Result<PutOutcome, StoreError> {
        self.inner.put_anchor(anchor).await
    }
    async fn anchor(&self, root: &[u8; 32]) -> Result<Option<AnchorSet>, StoreError> {
        self.inner.anchor(root).await
    }
}

fn started(store: &Arc<CutOff>, kek: u8, seed: u64) -> Bootstrap {
    let entropy = Arc::new(SeededEntropy::new(seed));
    Bootstrap {
        store: store.clone(),
        side: store.clone(),
        keyring: Arc::new(Keyring::new(store.clone(), Kek::new(&[kek; 32]), entropy.clone())),
        clock: Arc::new(ManualClock::new("2026-03-01".parse().unwrap())),
        entropy,
    }
}

fn tenant(id: &str) -> TenantId {
    TenantId::new(id).unwrap()
}

/// Both logs, as a first start makes them.
async fn both(bootstrap: &Bootstrap) -> Result<(), KeyringError> {
    bootstrap.open("").await?;
    bootstrap.create(&tenant("t1"), None).await.map(drop)
}

/// What must hold of every log, whatever happened on the way.
async fn assert_sound(store: &Arc<CutOff>, open: &OpenLog) {
    let page = store.read(Read::log(&open.info.tenant, 0)).await.unwrap();
    assert_eq!(page.events.len(), 1, "one genesis");
    let header = Header::parse(&page.events[0].header).unwrap();
    let mut epochs = Epochs::new();
    let key = epochs.admit(0, &header).unwrap();
    assert_eq!(key.kid(), open.keys.signer().kid(), "the key of the genesis is the one that signs");
    let genesis = epochs.genesis().unwrap();
    assert_eq!(genesis.origin, open.info.origin);
    assert_eq!(genesis.checkpoint_vkey, open.keys.checkpoint_signer().verifier().to_string());
    assert_eq!(EventHash::of(&page.events[0].header), open.genesis);
}

#[tokio::test]
async fn the_first_start_names_the_ledger_after_its_key() {
    let store = CutOff::new();
    let bootstrap = started(&store, 1, 1);
    let open = bootstrap.open("").await.unwrap();
    let (name, tenant_id) = open[0].info.origin.split_once('/').unwrap();
    let hash = Sha256::digest(open[0].keys.signer().public_key().as_bytes());
    assert_eq!((name, tenant_id), (format!("local-{}", hex(&hash[..4])).as_str(), "system"));
    let t1 = bootstrap.create(&tenant("t1"), None).await.unwrap();
    assert_eq!((t1.info.slot, t1.info.origin.as_str()), (Some(0), format!("{name}/t1").as_str()));
    // The name is taken once: a later start cannot change it.
    let again = started(&store, 1, 2).open("other.example").await.unwrap();
    assert_eq!(again.len(), 2);
    for log in &again {
        assert!(log.info.origin.starts_with(name));
        assert_sound(&store, log).await;
    }
}

#[tokio::test]
async fn a_name_is_checked_before_anything_is_kept() {
    for bad in ["two words", "a+b", "a\nb"] {
        let store = CutOff::new();
        let error = started(&store, 1, 1).open(bad).await.unwrap_err();
        assert!(error.to_string().contains("the ledger's name"), "{error}");
        assert_eq!(store.logs().await, Ok(Vec::new()));
    }
    let store = CutOff::new();
    let bootstrap = started(&store, 1, 1);
    bootstrap.open("ledger.example/log").await.unwrap();
    let t1 = bootstrap.create(&tenant("t1"), None).await.unwrap();
    assert_eq!(t1.info.origin, "ledger.example/log/t1");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_first_start_that_is_cut_off_at_any_write_is_taken_up_again() {
    let mut writes = 0;
    loop {
        writes += 1;
        let mut finished = 0;
        for happens in [false, true] {
            let store = CutOff::new();
            *store.plan.lock().unwrap() = Some((writes, happens));
            finished += usize::from(both(&started(&store, 1, 1)).await.is_ok());
            *store.plan.lock().unwrap() = None;
            // Started again, with other random bytes.
            let second = started(&store, 1, 2);
            both(&second).await.unwrap();
            for log in second.open("").await.unwrap() {
                assert_sound(&store, &log).await;
            }
            assert_eq!(store.secrets(&tenant("t1"), SecretKind::EventKey).await.unwrap().len(), 1);
        }
        if finished == 2 {
            break;
        }
    }
    assert!(writes > 10, "the control: every write was cut off once, {writes}");
}

#[tokio::test]
async fn another_key_file_is_named() {
    let store = CutOff::new();
    both(&started(&store, 1, 1)).await.unwrap();
    let error = started(&store, 2, 1).open("").await.unwrap_err();
    assert!(matches!(
        error,
        KeyringError::Secret { source: ledger::secretbox::SecretError::OtherKek { .. }, .. }
    ));
    assert!(error.to_string().ends_with("give the key file that this store was made with"), "{error}");
}

#[tokio::test]
async fn a_log_without_one_of_its_keys_is_an_error_that_names_it() {
    for kind in
        [SecretKind::EventKey, SecretKind::CheckpointKey, SecretKind::TenantDataKey, SecretKind::CommandKey]
    {
        let store = CutOff::new();
        both(&started(&store, 1, 1)).await.unwrap();
        for (id, _) in store.secrets(&tenant("t1"), kind).await.unwrap() {
            store.delete_secret(&SecretKey { tenant: tenant("t1"), kind, id }).await.unwrap();
        }
        let error = started(&store, 1, 2).open("").await.unwrap_err();
        assert_eq!(error, KeyringError::Missing { what: kind.as_str(), tenant: tenant("t1") });
    }
}

#[tokio::test]
async fn a_wrapped_key_in_the_place_of_another_does_not_open() {
    let store = CutOff::new();
    both(&started(&store, 1, 1)).await.unwrap();
    let place = |tenant: TenantId| SecretKey { tenant, kind: SecretKind::CommandKey, id: "1".into() };
    let foreign = store.secret(&place(TenantId::system())).await.unwrap().unwrap();
    store.delete_secret(&place(tenant("t1"))).await.unwrap();
    store.put_secret(&place(tenant("t1")), foreign).await.unwrap();
    let error = started(&store, 1, 2).open("").await.unwrap_err();
    assert!(matches!(error, KeyringError::Secret { what: "command-key", .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tenants_made_at_the_same_time_get_slots_of_their_own() {
    let store = CutOff::new();
    let bootstrap = started(&store, 1, 1);
    bootstrap.open("").await.unwrap();
    let tasks: Vec<_> = (0..16)
        .map(|n| {
            let bootstrap = bootstrap.clone();
            tokio::spawn(
                async move { bootstrap.create(&tenant(&format!("t{}", n / 2)), None).await.unwrap() },
            )
        })
        .collect();
    for task in tasks {
        assert_sound(&store, &task.await.unwrap()).await;
    }
    let slots: Vec<_> = store.logs().await.unwrap().iter().filter_map(|log| log.slot).collect();
    assert_eq!(slots, (0..8).collect::<Vec<_>>());
}
