//! Processes that share nothing but the server and a side store in PostgreSQL: each has an index and connections of its
//! own.

use std::sync::Arc;

use ledger_store::conformance::{Sealer, insist, with_log, write_from_two};
use ledger_store::{
    Append, CommandRecord, EventStore, PutOutcome, SecretKey, SecretKind, SideStore, StoreError,
    StoredCheckpoint, Verdict,
};
use ledger_store_postgres::{PostgresOptions, PostgresStore};

use crate::postgres;
use crate::processes::check;
use crate::support::{Local, Server};

/// Two processes' own parts.
async fn pair() -> [Local; 2] {
    let database = postgres::database().await;
    let open = async || {
        let options = PostgresOptions::new(database.clone());
        Local::with(Arc::new(PostgresStore::open(options).await.expect("the database opens")))
    };
    [open().await, open().await]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_store_in_postgresql_is_shared_by_processes() {
    let server = Server::start(1).await;
    let [here, there] = pair().await;
    let one = Arc::new(here.open(&server).await.unwrap());
    let two = Arc::new(there.open(&server).await.unwrap());
    let mut sealer = with_log(&*one, "a", 1).await;
    let tenant = sealer.tenant().clone();
    write_from_two([&one, &two], &mut sealer, 4, 10).await;

    // Commands and disclosures, in both directions.
    for (round, (from, to)) in [(&one, &two), (&two, &one)].into_iter().enumerate() {
        let id = format!("c-{round}");
        let command = || CommandRecord { id: id.parse().unwrap(), body_mac: [1; 32] };
        let append = Append::new(vec![sealer.withheld("d-1", "ann")]).unwrap().with_command(command());
        insist(&**from, &append).await;
        sealer.rewind("d-2", None);
        let again = to.append(vec![sealer.append("d-2", 1).with_command(command())]).await.unwrap();
        assert!(matches!(again[..], [Verdict::Duplicate(_)]), "{again:?}");
        let index = 41 + round as u64;
        let indexes = [index];
        let [a, b] = [from, to].map(|store| store.disclosures(&tenant, &indexes));
        let (a, b) = (a.await.unwrap(), b.await.unwrap());
        assert_eq!((a.len(), &a), (2, &b));
    }

    // Keys and checkpoints.
    let key = SecretKey { tenant: tenant.clone(), kind: SecretKind::EventKey, id: "1".to_owned() };
    assert_eq!(one.put_secret(&key, vec![1]).await.unwrap(), PutOutcome::Stored);
    assert_eq!(two.put_secret(&key, vec![2]).await.unwrap(), PutOutcome::Existing);
    let checkpoint = |size| StoredCheckpoint { size, note: format!("of {size}") };
    two.put_checkpoint(&tenant, checkpoint(43)).await.unwrap();
    let smaller = one.put_checkpoint(&tenant, checkpoint(42)).await;
    assert!(matches!(smaller, Err(StoreError::Invalid { .. })), "{smaller:?}");
    assert_eq!(one.checkpoint(&tenant).await.unwrap(), Some(checkpoint(43)));

    // A log that one of them has made is one for the other.
    let mut other = Sealer::new("b", 2);
    two.put_log(other.log(Some(2))).await.unwrap();
    insist(&*one, &other.genesis()).await;
    insist(&*two, &other.append("s-1", 2)).await;
    check(&server, &one, &sealer, 4, 10).await;
}

/// An append that the server would not take is the caller's mistake, and nobody else's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_that_is_too_large_is_refused_alone() {
    let server = Server::start(1).await;
    let store = Local::new().open(&server).await.unwrap();
    let mut sealer = with_log(&store, "a", 1).await;
    sealer.filling = 30_000;
    let large = sealer.append("s-1", 40);
    let fits = sealer.append("s-2", 20);
    let (refused, stored) = tokio::join!(store.append(vec![large]), store.append(vec![fits]));
    assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
    assert!(matches!(stored.unwrap()[..], [Verdict::Committed { first_index: 1, last_index: 20, .. }]));
    // More than the server takes at once, in appends that it takes: one after the other.
    sealer.rewind("s-1", None);
    let many: Vec<Append> = (0..50).map(|_| sealer.append("s-1", 1)).collect();
    let verdicts = store.append(many).await.unwrap();
    assert!(verdicts.iter().all(|verdict| matches!(verdict, Verdict::Committed { .. })), "{verdicts:?}");
    assert_eq!(store.log_head(sealer.tenant()).await.unwrap().unwrap().size, 71);
}
