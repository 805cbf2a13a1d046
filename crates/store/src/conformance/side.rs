//! Side data.

use ledger::domain::Class;

use super::{Sealer, Store, commit, with_log};
use crate::append::{Append, CommandRecord};
use crate::error::StoreError;
use crate::side::{
    AnchorLeaf, AnchorSet, BlobId, LogInfo, PutOutcome, SecretKey, SecretKind, StoredCheckpoint,
};

/// Tenant, slot and origin are each taken once, and `system` alone has no slot.
pub async fn creates_logs_once(store: Store) {
    let log = |tenant: &str, slot: Option<u32>, origin: &str| LogInfo {
        tenant: tenant.parse().expect("valid"),
        slot,
        origin: origin.to_owned(),
    };
    let invalid = |outcome: Result<PutOutcome, StoreError>| {
        assert!(matches!(outcome, Err(StoreError::Invalid { .. })), "{outcome:?}");
    };
    assert_eq!(store.put_log(log("b", Some(2), "l/b")).await, Ok(PutOutcome::Stored));
    assert_eq!(store.put_log(log("system", None, "l/system")).await, Ok(PutOutcome::Stored));
    assert_eq!(store.put_log(log("a", Some(1), "l/a")).await, Ok(PutOutcome::Stored));
    assert_eq!(store.put_log(log("a", Some(1), "l/a")).await, Ok(PutOutcome::Existing));
    invalid(store.put_log(log("a", Some(3), "l/a3")).await);
    invalid(store.put_log(log("c", Some(1), "l/c")).await);
    invalid(store.put_log(log("c", Some(3), "l/a")).await);
    invalid(store.put_log(log("c", None, "l/c")).await);
    invalid(store.put_log(log("system", Some(4), "l/system2")).await);
    let tenants: Vec<String> =
        store.logs().await.expect("logs").iter().map(|log| log.tenant.to_string()).collect();
    assert_eq!(tenants, ["system", "a", "b"]);
    assert_eq!(store.succession(&"a".parse().expect("valid")).await, Ok(None));
}

/// Never replaced but by its successor, gone once deleted.
pub async fn keeps_secrets_until_they_are_deleted(store: Store) {
    let key = |tenant: &str, kind, id: &str| SecretKey {
        tenant: tenant.parse().expect("valid"),
        kind,
        id: id.to_owned(),
    };
    let one = key("a", SecretKind::EventKey, "1");
    assert_eq!(store.secret(&one).await, Ok(None));
    assert_eq!(store.put_secret(&one, vec![1, 2]).await, Ok(PutOutcome::Stored));
    assert_eq!(store.put_secret(&one, vec![3]).await, Ok(PutOutcome::Existing));
    assert_eq!(store.secret(&one).await, Ok(Some(vec![1, 2])));
    assert_eq!(store.rewrap_secret(&one, vec![9], vec![3]).await, Ok(false));
    assert_eq!(store.rewrap_secret(&one, vec![1, 2], vec![3]).await, Ok(true));
    assert_eq!(store.put_secret(&key("a", SecretKind::EventKey, "0"), vec![4]).await, Ok(PutOutcome::Stored));
    assert_eq!(store.put_secret(&key("a", SecretKind::Other, "1"), vec![5]).await, Ok(PutOutcome::Stored));
    assert_eq!(store.put_secret(&key("b", SecretKind::EventKey, "1"), vec![6]).await, Ok(PutOutcome::Stored));
    let tenant = "a".parse().expect("valid");
    let kept = store.secrets(&tenant, SecretKind::EventKey).await.expect("secrets");
    assert_eq!(kept, [("0".to_owned(), vec![4]), ("1".to_owned(), vec![3])]);
    assert_eq!(store.delete_secret(&one).await, Ok(true));
    assert_eq!(store.delete_secret(&one).await, Ok(false));
    assert_eq!(store.secret(&one).await, Ok(None));
    assert_eq!(store.secret(&key("b", SecretKind::EventKey, "1")).await, Ok(Some(vec![6])));
}

/// Stored with their events, destroyed with their subject; the events stay.
pub async fn keeps_disclosures_until_their_subject_is_erased(store: Store) {
    let mut sealer = with_log(&*store, "a", 1).await;
    let mut other = with_log(&*store, "b", 2).await;
    let events =
        [sealer.withheld("s-1", "ann"), sealer.withheld("s-1", "bob"), sealer.withheld("s-1", "ann")];
    let id = "c-1".parse().expect("valid");
    let command = CommandRecord { id, body_mac: [1; 32] };
    commit(&store, vec![Append::new(events.to_vec()).expect("an append").with_command(command)]).await;
    commit(&store, vec![Append::new(vec![other.withheld("s-1", "ann")]).expect("an append")]).await;
    let count = |sealer: &Sealer| {
        let (store, tenant) = (store.clone(), sealer.tenant().clone());
        async move {
            let found = store.disclosures(&tenant, &[0, 1, 2, 3, 99]).await.expect("disclosures");
            found.iter().map(|d| (d.index, d.disclosure.class.clone())).collect::<Vec<_>>()
        }
    };
    let personal = |subject: &str| Class::Personal(subject.parse().expect("valid"));
    let expected = [
        (1, Class::Confidential),
        (1, personal("ann")),
        (2, Class::Confidential),
        (2, personal("bob")),
        (3, Class::Confidential),
        (3, personal("ann")),
    ];
    assert_eq!(count(&sealer).await, expected);
    let found = store.disclosures(sealer.tenant(), &[2]).await.expect("disclosures");
    assert_eq!(found.iter().map(|d| d.disclosure.clone()).collect::<Vec<_>>(), events[1].disclosures);

    let before = store.log_head(sealer.tenant()).await;
    let ann = "ann".parse().expect("valid");
    let of_ann = store.disclosures_of(sealer.tenant(), &ann).await.expect("disclosures");
    assert_eq!(of_ann.iter().map(|d| d.index).collect::<Vec<_>>(), [1, 3]);
    assert!(of_ann.iter().all(|d| d.disclosure.class == personal("ann")));
    let nobody = "nobody".parse().expect("valid");
    assert_eq!(store.disclosures_of(sealer.tenant(), &nobody).await, Ok(vec![]));
    let ids = ["c-1".parse().expect("valid")];
    assert_eq!(store.erase(sealer.tenant(), &ann, &ids).await, Ok(vec![1, 3]));
    assert_eq!(store.erase(sealer.tenant(), &ann, &ids).await, Ok(vec![]));
    let left = [expected[0].clone(), expected[2].clone(), expected[3].clone(), expected[4].clone()];
    assert_eq!(count(&sealer).await, left);
    assert_eq!(count(&other).await.len(), 2, "another tenant's subject is another");
    assert_eq!(store.command(sealer.tenant(), &ids[0]).await, Ok(None));
    assert_eq!(store.log_head(sealer.tenant()).await, before);
}

/// Complete or not there, never replaced.
pub async fn keeps_blobs(store: Store) {
    let sealer = with_log(&*store, "a", 1).await;
    let other = with_log(&*store, "b", 2).await;
    let id = BlobId::new("0190-blob").expect("valid");
    let bytes: Vec<u8> = (0..200_000_u32).map(|i| i as u8).collect();
    assert_eq!(store.blob(sealer.tenant(), &id).await, Ok(None));
    assert_eq!(store.put_blob(sealer.tenant(), &id, bytes.clone()).await, Ok(PutOutcome::Stored));
    assert_eq!(store.put_blob(sealer.tenant(), &id, vec![1]).await, Ok(PutOutcome::Existing));
    assert_eq!(store.blob(sealer.tenant(), &id).await, Ok(Some(bytes)));
    assert_eq!(store.blob(other.tenant(), &id).await, Ok(None));
    assert_eq!(store.delete_blob(sealer.tenant(), &id).await, Ok(true));
    assert_eq!(store.delete_blob(sealer.tenant(), &id).await, Ok(false));
    assert_eq!(store.blob(sealer.tenant(), &id).await, Ok(None));
    let nobody = "nobody".parse().expect("valid");
    assert!(matches!(store.put_blob(&nobody, &id, vec![1]).await, Err(StoreError::Invalid { .. })));
    assert_eq!([BlobId::new("../x"), BlobId::new(""), BlobId::new(&"x".repeat(65))], [None, None, None]);
}

/// A size never goes back, nor beyond the log.
pub async fn keeps_the_latest_checkpoint(store: Store) {
    let mut sealer = with_log(&*store, "a", 1).await;
    commit(&store, vec![sealer.append("s-1", 4)]).await;
    let at = |size: u64, note: &str| StoredCheckpoint { size, note: note.to_owned() };
    let tenant = sealer.tenant();
    assert_eq!(store.checkpoint(tenant).await, Ok(None));
    assert_eq!(store.put_checkpoint(tenant, at(3, "three")).await, Ok(()));
    assert_eq!(store.put_checkpoint(tenant, at(5, "five")).await, Ok(()));
    assert_eq!(store.put_checkpoint(tenant, at(5, "five, cosigned")).await, Ok(()));
    for size in [4, 6] {
        let refused = store.put_checkpoint(tenant, at(size, "wrong")).await;
        assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
    }
    assert_eq!(store.checkpoint(tenant).await, Ok(Some(at(5, "five, cosigned"))));
}

/// By root, complete, never replaced.
pub async fn keeps_the_leaves_of_anchors(store: Store) {
    let leaf = |slot: u32| AnchorLeaf { slot, text: format!("l/t{slot}\n1\nx\n") };
    let set = AnchorSet { root: [4; 32], leaves: vec![leaf(1), leaf(5)] };
    assert_eq!(store.anchor(&set.root).await, Ok(None));
    assert_eq!(store.put_anchor(set.clone()).await, Ok(PutOutcome::Stored));
    assert_eq!(store.put_anchor(set.clone()).await, Ok(PutOutcome::Existing));
    let other = AnchorSet { root: set.root, leaves: vec![leaf(1)] };
    assert!(matches!(store.put_anchor(other).await, Err(StoreError::Invalid { .. })));
    assert_eq!(store.anchor(&set.root).await, Ok(Some(set)));
    let empty = AnchorSet { root: [5; 32], leaves: Vec::new() };
    assert_eq!(store.put_anchor(empty.clone()).await, Ok(PutOutcome::Stored));
    assert_eq!(store.anchor(&empty.root).await, Ok(Some(empty)));
}
