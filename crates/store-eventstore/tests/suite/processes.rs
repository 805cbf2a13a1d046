//! Several processes on one log: each with an index of its own, one side store.

use std::sync::Arc;
use std::time::Duration;

use ledger_store::conformance::{Sealer, check_written, follow_all, insist, with_log, write_from_two};
use ledger_store::{Append, CommandRecord, EventStore, SideStore, Verdict};
use ledger_store_eventstore::EventStoreDbStore;

use crate::support::{Local, Server};

/// As [`check_written`], and the entries are the server's events.
pub async fn check(server: &Server, store: &EventStoreDbStore, sealer: &Sealer, writers: usize, each: usize) {
    let entries = check_written(store, sealer, writers, each).await;
    if let Some(cluster) = &server.cluster {
        let stream = format!("{}log-a", server.prefix);
        let stored: Vec<Vec<u8>> = cluster
            .events()
            .into_iter()
            .filter(|event| event.stream == stream)
            .map(|event| event.data.to_vec())
            .collect();
        assert_eq!(stored, entries, "the server has the entries, byte for byte, each once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_make_one_history() {
    let server = Server::start(1).await;
    let first = Local::new();
    let second = first.sharing();
    let one = Arc::new(first.open(&server).await.unwrap());
    let two = Arc::new(second.open(&server).await.unwrap());
    let mut sealer = with_log(&*one, "a", 1).await;
    let tries = write_from_two([&one, &two], &mut sealer, 8, 25).await;
    assert_eq!(tries, 8 * 25, "nothing had to be sent twice");
    for store in [&one, &two] {
        check(&server, store, &sealer, 8, 25).await;
    }
    assert_eq!(one.log_head(sealer.tenant()).await, two.log_head(sealer.tenant()).await);
}

/// Both append to the same stream at the same revision, again and again: one is committed, the other is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_has_one_winner() {
    let server = Server::start(1).await;
    let first = Local::new();
    let (one, two) = (first.open(&server).await.unwrap(), first.sharing().open(&server).await.unwrap());
    let mut sealer = with_log(&one, "a", 1).await;
    for round in 0..30 {
        let head = sealer.head("s-1");
        let mine = sealer.append("s-1", 1);
        let after_mine = sealer.head("s-1");
        sealer.rewind("s-1", head);
        let theirs = sealer.append("s-1", 1);
        let (a, b) = tokio::join!(one.append(vec![mine]), two.append(vec![theirs]));
        let (a, b) = (a.unwrap().remove(0), b.unwrap().remove(0));
        let won = |verdict: &Verdict| matches!(verdict, Verdict::Committed { .. });
        let told = |verdict: &Verdict| matches!(verdict, Verdict::WrongRevision { current: Some(_) });
        assert!((won(&a) && told(&b)) || (told(&a) && won(&b)), "round {round}: {a:?} {b:?}");
        if won(&a) {
            sealer.rewind("s-1", after_mine);
        }
    }
    check(&server, &one, &sealer, 0, 0).await;
}

/// A process that has not looked for a long time refuses nothing that stands on what others have written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_given_on_the_log_as_it_is() {
    let server = Server::start(1).await;
    let first = Local::new();
    let one = first.open(&server).await.unwrap();
    let never = Duration::from_secs(3600);
    let two = first.sharing().looking(&server, never).await.unwrap();
    let mut sealer = with_log(&one, "a", 1).await;
    insist(&one, &sealer.append("s-1", 3)).await;
    insist(&two, &sealer.append("s-1", 1)).await;
    insist(&one, &sealer.rotate(7)).await;
    insist(&two, &sealer.append("s-1", 1)).await;
    sealer.rewind("s-1", None);
    let refused = two.append(vec![sealer.append("s-1", 1)]).await.unwrap().remove(0);
    assert!(
        matches!(refused, Verdict::WrongRevision { current: Some(head) } if head.seq == 4),
        "{refused:?}"
    );
}

/// What stands beside the log is shared: a command of one process is known to the other, and its disclosures are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_and_disclosures_are_shared_and_erased_everywhere() {
    let server = Server::start(1).await;
    let first = Local::new();
    let (one, two) = (first.open(&server).await.unwrap(), first.sharing().open(&server).await.unwrap());
    let mut sealer = with_log(&one, "a", 1).await;
    let tenant = sealer.tenant().clone();
    let ann = "ann".parse().unwrap();
    let command = |body| CommandRecord { id: "c-1".parse().unwrap(), body_mac: [body; 32] };
    let events = vec![sealer.withheld("s-1", "ann"), sealer.withheld("s-1", "bob")];
    let append = Append::new(events.clone()).unwrap().with_command(command(1));
    let verdict = one.append(vec![append]).await.unwrap().remove(0);
    assert_eq!(verdict, Verdict::Committed { first_index: 1, last_index: 2, position: 3 });

    let again = two.append(vec![sealer.append("s-2", 1).with_command(command(1))]).await.unwrap().remove(0);
    let Verdict::Duplicate(receipt) = again else { panic!("{again:?}") };
    assert_eq!((receipt.first_index, receipt.last_index, receipt.position), (1, 2, 3));
    sealer.rewind("s-2", None);
    let other = two.append(vec![sealer.append("s-2", 1).with_command(command(2))]).await.unwrap().remove(0);
    assert_eq!(other, Verdict::CommandConflict);
    let known = two.disclosures(&tenant, &[1, 2]).await.unwrap();
    assert_eq!(known.len(), 4);
    assert_eq!(
        known.iter().map(|d| &d.disclosure).collect::<Vec<_>>(),
        events.iter().flat_map(|event| &event.disclosures).collect::<Vec<_>>()
    );

    // The event that says so takes them out of every index, as it comes in, and out of the side store.
    let erased = Append::new(vec![sealer.event("subject-ann", "ledger.subject.erased.v1")]).unwrap();
    insist(&two, &erased).await;
    follow_all(Arc::new(one), 4).await;
    let third = first.sharing().open(&server).await.unwrap();
    for store in [&two, &third] {
        assert_eq!(store.disclosures_of(&tenant, &ann).await.unwrap(), []);
        assert_eq!(store.disclosures(&tenant, &[1, 2]).await.unwrap().len(), 3);
    }
}
