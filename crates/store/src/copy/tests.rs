use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use ledger::ids::{CommandId, TenantId};
use ledger::merkle::Hash;

use super::*;
use crate::conformance::{Ledger, contents};
use crate::{Append, Beside, Birth, BlobId, CommandReceipt, LogInfo, MemoryStore, SecretKind, Verdict};

/// A target that is cut off before or after a write.
struct Cut {
    store: Arc<MemoryStore>,
    /// Calls that still go through.
    left: AtomicUsize,
    /// The last one was stored, and nobody is told.
    stored: bool,
}

impl Cut {
    fn step(&self) -> Result<bool, StoreError> {
        let cut = StoreError::Unavailable { reason: "cut off".to_owned() };
        let left = self.left.load(Ordering::Relaxed);
        self.left.store(left.saturating_sub(1), Ordering::Relaxed);
        match left {
            0 => Err(cut),
            1 => Ok(self.stored),
            _ => Ok(true),
        }
    }

    fn ends(&self) -> Result<(), StoreError> {
        match self.left.load(Ordering::Relaxed) {
            0 => Err(StoreError::Unavailable { reason: "cut off".to_owned() }),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Portable for Cut {
    async fn identity(&self) -> Result<[u8; 16], StoreError> {
        self.store.identity().await
    }
    async fn custody(&self) -> Result<Custody, StoreError> {
        self.store.custody().await
    }
    async fn change_custody(&self, from: &Custody, to: &Custody) -> Result<bool, StoreError> {
        let changed = if self.step()? { self.store.change_custody(from, to).await } else { Ok(false) };
        self.ends()?;
        changed
    }
    async fn logs_as_created(&self) -> Result<Vec<LogInfo>, StoreError> {
        self.store.logs_as_created().await
    }
    async fn secret_owners(&self) -> Result<Vec<TenantId>, StoreError> {
        self.store.secret_owners().await
    }
    async fn commands(
        &self,
        tenant: &TenantId,
        ids: &[CommandId],
    ) -> Result<Vec<(CommandId, CommandReceipt)>, StoreError> {
        self.store.commands(tenant, ids).await
    }
    async fn blobs(&self, tenant: &TenantId, after: Option<&BlobId>) -> Result<Vec<BlobId>, StoreError> {
        self.store.blobs(tenant, after).await
    }
    async fn anchors(&self, after: Option<&Hash>) -> Result<Vec<Hash>, StoreError> {
        self.store.anchors(after).await
    }
    async fn beside(&self, tenant: &TenantId) -> Result<Beside, StoreError> {
        self.store.beside(tenant).await
    }
    /// One append a step: a commit of some of them is what a kill leaves.
    async fn append_in_order(&self, appends: Vec<Append>) -> Result<Vec<Verdict>, StoreError> {
        let mut verdicts = Vec::new();
        for append in appends {
            if self.step()? {
                verdicts.extend(self.store.append_in_order(vec![append]).await?);
            }
            self.ends()?;
        }
        Ok(verdicts)
    }
}

const IDENTITY: [u8; 16] = [4; 16];

fn arriving() -> Birth {
    let custody = Custody::Arriving { ticket: "t".to_owned(), from: "there".to_owned() };
    Birth { identity: IDENTITY, custody }
}

async fn ledger() -> Ledger {
    let birth = Birth { identity: IDENTITY, custody: Custody::default() };
    Ledger::new(Holding::of(Arc::new(MemoryStore::born(birth)))).await
}

fn target() -> Holding {
    Holding::of(Arc::new(MemoryStore::born(arriving())))
}

async fn moves(from: &Holding, to: &Holding) -> Result<Moved, CopyError> {
    relocate(from, to, "here", &mut |_, _, _| {}).await
}

#[tokio::test]
async fn a_ledger_moves_whole_and_lives_in_one_place() {
    let (ledger, to) = (ledger().await, target());
    let from = &ledger.store;
    let before = contents(from).await;
    assert!(before.events.len() > 20 && before.beside.len() > 20);
    let Ok(Moved::Now(arrived)) = moves(from, &to).await else { panic!("it moves") };
    assert_eq!((arrived.position, arrived.carried), (26, 26));
    assert_eq!(contents(&to).await, before);
    assert_eq!(contents(from).await, before);
    let sealed = Custody::Sealed { ticket: "t".to_owned(), to: "here".to_owned() };
    assert_eq!(from.portable.custody().await, Ok(sealed));
    assert_eq!(to.portable.custody().await, Ok(Custody::Live { ticket: "t".to_owned() }));
    // Again is as good as once; to another place it is refused, and so is the target of another ledger.
    assert_eq!(moves(from, &to).await, Ok(Moved::Before));
    let Err(CopyError::Source(refused)) = moves(
        from,
        &Holding::of(Arc::new(MemoryStore::born(Birth {
            custody: Custody::Arriving { ticket: "other".to_owned(), from: String::new() },
            ..arriving()
        }))),
    )
    .await
    else {
        panic!("a second copy is refused")
    };
    assert!(refused.contains("moved to here"), "{refused}");
    let full = Holding::of(Arc::new(MemoryStore::new()));
    assert!(matches!(moves(&to, &full).await, Err(CopyError::Target(_))));
    // It can move on.
    let custody = Custody::Arriving { ticket: "next".to_owned(), from: String::new() };
    let next = Holding::of(Arc::new(MemoryStore::born(Birth { custody, identity: IDENTITY })));
    assert!(matches!(moves(&to, &next).await, Ok(Moved::Now(_))));
    assert_eq!(contents(&next).await, before);
}

#[tokio::test]
async fn a_move_that_is_cut_off_at_any_write_is_taken_up() {
    let expected = contents(&ledger().await.store).await;
    let (mut cuts, mut twice_sealed) = (0, 0);
    for left in 1.. {
        let mut done = 0;
        for stored in [false, true] {
            let ledger = ledger().await;
            let memory = Arc::new(MemoryStore::born(arriving()));
            let cut = Arc::new(Cut { store: Arc::clone(&memory), left: left.into(), stored });
            let whole = Holding::of(Arc::clone(&memory));
            let to = Holding { portable: cut, ..whole.clone() };
            let first = moves(&ledger.store, &to).await;
            let (source, target) = (
                ledger.store.portable.custody().await.expect("custody"),
                memory.custody().await.expect("custody"),
            );
            let live = |custody: &Custody| matches!(custody, Custody::Live { .. });
            assert!(!(live(&source) && live(&target)), "two live stores after {left} writes");
            twice_sealed += usize::from(!live(&source) && !live(&target));
            if first.is_ok() {
                done += 1;
                continue;
            }
            cuts += 1;
            moves(&ledger.store, &whole).await.expect("the second run ends it");
            assert_eq!(contents(&whole).await, expected);
        }
        if done == 2 {
            break;
        }
    }
    // Cut at each append of the ledger, and at the last step.
    assert!(cuts > 30, "{cuts}");
    assert!(twice_sealed > 0, "the point between sealing and serving was never met");
}

#[tokio::test]
async fn what_is_written_and_erased_between_two_passes_is_taken_along() {
    let (mut ledger, to) = (ledger().await, target());
    ledger.secret("a", SecretKind::SubjectDataKey, "ann").await;
    let quiet = &mut |_, _, _| {};
    carry(&ledger.store, &to, quiet).await.expect("a first pass");
    ledger.write(2).await;
    ledger.blob("blob-3").await;
    ledger.erase("ann", &["c-2", "c-4", "c-6", "c-8", "c-10"]).await;
    assert_ne!(contents(&to).await, contents(&ledger.store).await);
    moves(&ledger.store, &to).await.expect("it moves");
    assert_eq!(contents(&to).await, contents(&ledger.store).await);
}

#[tokio::test]
async fn a_snapshot_is_a_beginning_of_what_goes_on() {
    let mut ledger = ledger().await;
    let to = target();
    let before = contents(&ledger.store).await;
    let arrived =
        snapshot(&ledger.store, &to, &Custody::Backup, &mut |_, _, _| {}).await.expect("a snapshot");
    ledger.write(1).await;
    assert_eq!(contents(&to).await, before);
    assert_eq!(arrived.position, before.events.len() as u64);
    assert_eq!(to.portable.custody().await, Ok(Custody::Backup));
    same(&ledger.store, &to, false).await.expect("a beginning");
    // The control: it is not all of it.
    assert!(matches!(same(&ledger.store, &to, true).await, Err(CopyError::Differs(_))));
    let key = crate::SecretKey { tenant: TenantId::system(), kind: SecretKind::Other, id: "one".to_owned() };
    let refused = to.side.delete_secret(&key).await;
    assert!(matches!(refused, Err(StoreError::NotLive { .. })), "{refused:?}");
}

#[tokio::test]
async fn what_arrives_otherwise_is_not_believed() {
    let (ledger, to) = (ledger().await, target());
    carry(&ledger.store, &to, &mut |_, _, _| {}).await.expect("a pass");
    // A store that has gone further by itself.
    let mut other = Ledger::new(target()).await;
    other.write(1).await;
    let differs = same(&ledger.store, &other.store, false).await;
    assert!(matches!(differs, Err(CopyError::Differs(_))), "{differs:?}");
    let longer = carry(&ledger.store, &other.store, &mut |_, _, _| {}).await;
    assert!(matches!(longer, Err(CopyError::Target(_))), "{longer:?}");
}
