//! The index deleted, the server restored from an older backup, the side store missing, nodes that stop.

use ledger::checkpoint::Checkpoint;
use ledger::note::NoteSigner;
use ledger_store::conformance::{Sealer, insist, with_log};
use ledger_store::{
    Append, CommandRecord, EventStore, LogHead, Read, SideStore, StoreError, StoredCheckpoint, StoredEvent,
};
use ledger_store_eventstore::{EventStoreDbStore, OpenError};

use crate::support::{Local, Server};

async fn all(store: &EventStoreDbStore) -> Vec<StoredEvent> {
    store.read(Read::all(0).limit(10_000)).await.unwrap().events
}

async fn filled(store: &EventStoreDbStore) -> (Sealer, Sealer) {
    let mut a = with_log(store, "a", 1).await;
    let mut b = with_log(store, "b", 2).await;
    for round in 0..20 {
        let id = format!("c-{round}").parse().unwrap();
        let append = Append::new(vec![a.withheld("s-1", "ann"), a.withheld("s-1", "bob")]).unwrap();
        insist(store, &append.with_command(CommandRecord { id, body_mac: [1; 32] })).await;
        insist(store, &b.append(&format!("s-{}", round % 3), 1 + round % 4)).await;
    }
    (a, b)
}

/// What was derived is derived again: the same roots, heads, positions, disclosures and commands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_index_is_made_again() {
    let server = Server::start(1).await;
    let local = Local::new();
    let store = local.open(&server).await.unwrap();
    let (a, b) = filled(&store).await;
    let id = "c-7".parse().unwrap();
    let state = async |store: &EventStoreDbStore| {
        let mut heads: Vec<Option<LogHead>> = Vec::new();
        for sealer in [&a, &b] {
            heads.push(store.log_head(sealer.tenant()).await.unwrap());
        }
        let stream = store.stream_head(b.tenant(), &"s-2".parse().unwrap()).await.unwrap();
        let disclosed = store.disclosures(a.tenant(), &[1, 2, 9]).await.unwrap();
        let command = store.command(a.tenant(), &id).await.unwrap();
        assert!(command.is_some() && stream.is_some());
        (heads, stream, disclosed, command, all(store).await)
    };
    let before = state(&store).await;
    drop(store);
    // As it was left.
    let store = opened(&local, &server).await;
    assert_eq!(state(&store).await, before);
    drop(store);
    let store = {
        let other = local.sharing();
        let store = other.open(&server).await.unwrap();
        assert_eq!(state(&store).await, before);
        drop(store);
        std::fs::remove_dir_all(other.index()).unwrap();
        opened(&other, &server).await
    };
    assert_eq!(state(&store).await, before);
    let mut a = a;
    insist(&store, &a.append("s-9", 1)).await;
}

/// Opens again: the last store's task ends soon after it was dropped, and only then is its directory free.
async fn opened(local: &Local, server: &Server) -> EventStoreDbStore {
    loop {
        match local.open(server).await {
            Ok(store) => return store,
            Err(OpenError::Index(ledger_store_sqlite::OpenError::Locked { .. })) => {
                tokio::task::yield_now().await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_side_store_is_said_plainly() {
    let server = Server::start(1).await;
    let store = Local::new().open(&server).await.unwrap();
    with_log(&store, "a", 1).await;
    let refused = Local::new().open(&server).await.err().expect("it is refused");
    assert!(matches!(&refused, OpenError::SideMissing { tenant } if tenant == "a"), "{refused}");
    assert!(refused.to_string().contains("Restore the side store"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_said_plainly() {
    let mut server = Server::fake(1).await;
    server.cluster.as_mut().unwrap().stop(0).await;
    let refused = Local::new().open(&server).await.err().expect("it is refused");
    assert!(matches!(refused, OpenError::Server(_)), "{refused}");
    assert!(refused.to_string().contains("does it run"), "{refused}");
}

/// A server that has lost what was derived, or signed, is not signed for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_lost_entries_is_refused() {
    let server = Server::fake(1).await;
    let local = Local::new();
    let store = local.open(&server).await.unwrap();
    let mut sealer = with_log(&store, "a", 1).await;
    insist(&store, &sealer.append("s-1", 9)).await;
    let head = store.log_head(sealer.tenant()).await.unwrap().unwrap();
    let signer = NoteSigner::from_seed("test/a", &[9; 32]).unwrap();
    let checkpoint = Checkpoint { origin: "test/a".to_owned(), size: head.size, root: head.root };
    let note = checkpoint.sign(&signer).unwrap().to_string();
    store.put_checkpoint(sealer.tenant(), StoredCheckpoint { size: head.size, note }).await.unwrap();
    server.faulty().lose_tail("t-log-a", 8);
    // While it runs: the next append finds the log shorter than it was.
    let refused = store.append(vec![sealer.append("s-1", 1)]).await;
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
    drop(store);
    let lost = |refused: OpenError| assert!(matches!(refused, OpenError::Lost { .. }), "{refused}");
    // By the index, and without one by what was signed.
    let by_index = loop {
        match local.open(&server).await {
            Err(OpenError::Index(ledger_store_sqlite::OpenError::Locked { .. })) => {
                tokio::task::yield_now().await;
            }
            other => break other.err(),
        }
    };
    lost(by_index.expect("it is refused"));
    lost(local.sharing().open(&server).await.err().expect("it is refused"));
}

/// Whoever can write the stream can write anything into it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_entry_stops_the_log() {
    let server = Server::fake(1).await;
    let local = Local::new();
    let store = local.open(&server).await.unwrap();
    let mut sealer = with_log(&store, "a", 1).await;
    server.faulty().write("other", "of no interest");
    insist(&store, &sealer.append("s-1", 1)).await;
    server.faulty().write("t-log-a", "not an entry");
    let append = sealer.append("s-1", 1);
    let what = loop {
        match store.append(vec![append.clone()]).await {
            Err(StoreError::Corrupt { what }) => break what,
            // The first one is refused by the server, and nobody can read why.
            Err(StoreError::OutcomeUnknown { .. }) => {}
            other => panic!("{other:?}"),
        }
    };
    assert!(what.contains("event 2 of the stream t-log-a"), "{what}");
}

/// The leader stops; another is elected; the same store goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_stops_is_replaced() {
    let mut server = Server::fake(3).await;
    let store = Local::new().open(&server).await.unwrap();
    let mut sealer = with_log(&store, "a", 1).await;
    for leader in [1, 2, 0] {
        let cluster = server.cluster.as_mut().unwrap();
        let before = cluster.leader();
        cluster.stop(before).await;
        cluster.elect(leader);
        insist(&store, &sealer.append("s-1", 1)).await;
        server.cluster.as_mut().unwrap().restart(before).await.unwrap();
    }
    let head = store.log_head(sealer.tenant()).await.unwrap().unwrap();
    assert_eq!(head.size, 4);
}
