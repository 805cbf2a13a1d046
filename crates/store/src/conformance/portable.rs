//! What a copy needs.

use ledger::ids::{CommandId, TenantId};

use super::{PortableStore, Store, commit, with_log};
use crate::append::{Append, CommandRecord, Verdict};
use crate::custody::Custody;
use crate::error::StoreError;
use crate::portable::{Beside, IDS_MAX};
use crate::side::{AnchorLeaf, AnchorSet, BlobId, SecretKey, SecretKind, StoredCheckpoint};

fn tenant(id: &str) -> TenantId {
    id.parse().expect("valid")
}

/// Logs by their numbers, owners of secrets, records of commands, ids in pages, and numbers of what no root covers.
pub async fn lists_what_a_copy_needs(store: PortableStore) {
    let plain: Store = store.clone();
    // The second slot first: the order of creation is not that of slots.
    let mut sealer = with_log(&*plain, "b", 2).await;
    with_log(&*plain, "a", 1).await;
    let created: Vec<String> =
        store.logs_as_created().await.expect("logs").iter().map(|log| log.tenant.to_string()).collect();
    assert_eq!(created, ["b", "a"]);
    let secret = |of: &str| SecretKey { tenant: tenant(of), kind: SecretKind::Other, id: "1".to_owned() };
    for of in ["no-log", "b"] {
        store.put_secret(&secret(of), vec![1]).await.expect("a secret");
    }
    assert_eq!(store.secret_owners().await, Ok(vec![tenant("b"), tenant("no-log")]));
    let id = |id: &str| id.parse::<CommandId>().expect("valid");
    let events = vec![sealer.withheld("s-1", "ann"), sealer.withheld("s-1", "bob")];
    let append = Append::new(events).expect("an append");
    commit(&plain, vec![append.with_command(CommandRecord { id: id("c-1"), body_mac: [7; 32] })]).await;
    let found = store.commands(&tenant("b"), &[id("c-0"), id("c-1")]).await.expect("records");
    let [(found_id, receipt)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(Some(*receipt), store.command(&tenant("b"), &id("c-1")).await.expect("a record"));
    assert_eq!((found_id, receipt.first_index, receipt.last_index), (&id("c-1"), 1, 2));
    assert_eq!(store.commands(&tenant("a"), &[id("c-1")]).await, Ok(Vec::new()));
    assert_eq!(store.beside(&tenant("b")).await, Ok(Beside { commands: 1, disclosures: 4 }));
    assert_eq!(store.beside(&tenant("a")).await, Ok(Beside::default()));
    lists_ids_in_pages(&store).await;
}

async fn lists_ids_in_pages(store: &PortableStore) {
    let (tenant, count) = (tenant("b"), IDS_MAX + 2);
    let ids: Vec<BlobId> = (0..count).map(|n| BlobId::new(&format!("blob-{n:05}")).expect("valid")).collect();
    // Not in their order, and one of another tenant.
    for id in ids.iter().rev() {
        store.put_blob(&tenant, id, vec![1]).await.expect("a blob");
    }
    store.put_blob(&"a".parse().expect("valid"), &ids[0], vec![2]).await.expect("a blob");
    assert_eq!(store.blobs(&tenant, None).await.as_deref(), Ok(&ids[..IDS_MAX]));
    assert_eq!(store.blobs(&tenant, Some(&ids[IDS_MAX - 1])).await.as_deref(), Ok(&ids[IDS_MAX..]));
    assert_eq!(store.blobs(&tenant, ids.last()).await, Ok(Vec::new()));
    let roots: Vec<[u8; 32]> = (0_u8..3).map(|n| [n; 32]).collect();
    for root in roots.iter().rev() {
        let leaves = vec![AnchorLeaf { slot: 1, text: "a checkpoint".to_owned() }];
        store.put_anchor(AnchorSet { root: *root, leaves }).await.expect("an anchor");
    }
    assert_eq!(store.anchors(None).await.as_ref(), Ok(&roots));
    assert_eq!(store.anchors(Some(&roots[0])).await.as_deref(), Ok(&roots[1..]));
    assert_eq!(store.anchors(roots.last()).await, Ok(Vec::new()));
}

/// Whosever logs they are: a commit that takes them tenant by tenant would give them other positions.
pub async fn stores_in_the_order_given(store: PortableStore) {
    let plain: Store = store.clone();
    let mut b = with_log(&*plain, "b", 2).await;
    let mut a = with_log(&*plain, "a", 1).await;
    let appends: Vec<Append> =
        (0..6).map(|n| if n % 2 == 0 { &mut b } else { &mut a }.append("s-1", 2)).collect();
    let verdicts = store.append_in_order(appends).await.expect("an append");
    let positions: Vec<u64> = verdicts
        .iter()
        .map(|verdict| match verdict {
            Verdict::Committed { position, .. } => *position,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(positions, [4, 6, 8, 10, 12, 14]);
}

/// Changed by who knows what it is; once sealed, what is there is read and nothing more is stored.
pub async fn stores_nothing_once_it_is_sealed(store: PortableStore) {
    let plain: Store = store.clone();
    let mut sealer = with_log(&*plain, "a", 1).await;
    let live = store.custody().await.expect("custody");
    assert_eq!(live, Custody::default());
    let sealed = Custody::Sealed { ticket: "t".to_owned(), to: "elsewhere".to_owned() };
    assert_eq!(store.change_custody(&sealed, &live).await, Ok(false));
    commit(&plain, vec![sealer.append("s-1", 1)]).await;
    assert_eq!(store.change_custody(&live, &sealed).await, Ok(true));
    assert_eq!(store.change_custody(&live, &sealed).await, Ok(false));
    assert_eq!(store.custody().await, Ok(sealed));
    let append = sealer.append("s-1", 1);
    let key = SecretKey { tenant: tenant("a"), kind: SecretKind::Other, id: "1".to_owned() };
    let checkpoint = StoredCheckpoint { size: 1, note: "a note".to_owned() };
    for refused in [
        store.append(vec![append.clone()]).await.map(drop),
        store.append_in_order(vec![append]).await.map(drop),
        store.put_log(super::Sealer::new("c", 3).log(Some(3))).await.map(drop),
        store.put_secret(&key, vec![1]).await.map(drop),
        store.delete_secret(&key).await.map(drop),
        store.put_checkpoint(&tenant("a"), checkpoint).await,
        store.erase(&tenant("a"), &"ann".parse().expect("valid"), &[]).await.map(drop),
    ] {
        let Err(StoreError::NotLive { reason }) = refused else { panic!("{refused:?}") };
        assert!(reason.contains("moved to elsewhere"), "{reason}");
    }
    assert_eq!(store.log_head(&tenant("a")).await.expect("a head").expect("a log").size, 2);
    assert_eq!(store.secret(&key).await, Ok(None));
}
