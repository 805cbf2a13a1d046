//! Expected revisions, batches, idempotency.

use ledger::event::EventHash;

use super::{Sealer, Store, TYPE, commit, with_log};
use crate::append::{Append, CommandRecord, StreamHead, Verdict};
use crate::read::Read;

async fn one(store: &Store, append: Append) -> Verdict {
    store.append(vec![append]).await.expect("an append").remove(0)
}

async fn head(store: &Store, sealer: &Sealer, stream: &str) -> Option<StreamHead> {
    let stream = stream.parse().expect("a valid stream");
    store.stream_head(sealer.tenant(), &stream).await.expect("a head")
}

async fn position(store: &Store) -> u64 {
    let page = store.read(Read::all(u64::MAX).backward().limit(1)).await.expect("a page");
    page.events.first().map_or(0, |event| event.position)
}

fn command(id: &str, body: u8) -> CommandRecord {
    CommandRecord { id: id.parse().expect("a valid id"), body_mac: [body; 32] }
}

/// Revision and predecessor must be the head's.
pub async fn appends_at_the_expected_revision_only(store: Store) {
    let mut sealer = with_log(&*store, "a", 1).await;
    let first = sealer.append("s-1", 1);
    let committed = one(&store, first.clone()).await;
    assert_eq!(committed, Verdict::Committed { first_index: 1, last_index: 1, position: 2 });
    let at_first = head(&store, &sealer, "s-1").await;
    assert_eq!(at_first, sealer.head("s-1"));

    // A second start of the stream.
    sealer.rewind("s-1", None);
    assert_eq!(one(&store, sealer.append("s-1", 1)).await, Verdict::WrongRevision { current: at_first });
    // A revision too far.
    let ahead = StreamHead { seq: 1, hash: first.last().hash };
    sealer.rewind("s-1", Some(ahead));
    assert_eq!(one(&store, sealer.append("s-1", 1)).await, Verdict::WrongRevision { current: at_first });
    // The right revision on another event.
    sealer.rewind("s-1", Some(StreamHead { seq: 0, hash: EventHash([0xee; 32]) }));
    assert_eq!(one(&store, sealer.append("s-1", 1)).await, Verdict::WrongRevision { current: at_first });
    // A stream that is not there.
    sealer.rewind("s-2", Some(ahead));
    assert_eq!(one(&store, sealer.append("s-2", 1)).await, Verdict::WrongRevision { current: None });
    assert_eq!(position(&store).await, 2, "a refused append leaves nothing behind");

    sealer.rewind("s-1", at_first);
    commit(&store, vec![sealer.append("s-1", 3)]).await;
    // Behind the head.
    sealer.rewind("s-1", at_first);
    let current = head(&store, &sealer, "s-1").await;
    assert_eq!(current.map(|head| head.seq), Some(3));
    assert_eq!(one(&store, sealer.append("s-1", 1)).await, Verdict::WrongRevision { current });
}

/// Appends of one call are independent, and each sees those before it.
pub async fn gives_each_append_of_a_batch_its_own_verdict(store: Store) {
    let mut a = with_log(&*store, "a", 1).await;
    let mut b = with_log(&*store, "b", 2).await;
    let mut nobody = Sealer::new("nobody", 3);
    let (first, second) = (a.append("s-1", 2), a.append("s-1", 1));
    a.rewind("s-1", None);
    let refused = a.append("s-1", 1);
    let verdicts = store
        .append(vec![
            b.append("s-1", 1),
            first.clone(),
            refused,
            nobody.append("s-1", 1),
            second.clone(),
            b.append("s-1", 1),
        ])
        .await
        .expect("an append");
    let Verdict::WrongRevision { current: Some(current) } = verdicts[2] else { panic!("{verdicts:?}") };
    assert_eq!((current.seq, current.hash), (1, first.last().hash));
    assert_eq!(verdicts[3], Verdict::UnknownLog);
    let indexes = |verdict: &Verdict| match verdict {
        Verdict::Committed { first_index, last_index, .. } => (*first_index, *last_index),
        other => panic!("{other:?}"),
    };
    assert_eq!(indexes(&verdicts[0]), (1, 1));
    assert_eq!(indexes(&verdicts[1]), (1, 2));
    assert_eq!(indexes(&verdicts[4]), (3, 3));
    assert_eq!(indexes(&verdicts[5]), (2, 2));
    assert_eq!(position(&store).await, 2 + 5);
}

/// No event of a refused append is stored, none of a committed one is missing.
pub async fn stores_an_append_whole_or_not_at_all(store: Store) {
    let mut sealer = with_log(&*store, "a", 1).await;
    commit(&store, vec![sealer.append("s-1", 1)]).await;
    let before = store.log_head(sealer.tenant()).await.expect("a head");
    sealer.rewind("s-1", None);
    let wrong = sealer.append("s-1", 5).with_command(command("c-1", 1));
    assert!(matches!(one(&store, wrong).await, Verdict::WrongRevision { .. }));
    assert_eq!(store.log_head(sealer.tenant()).await.expect("a head"), before);
    let id = "c-1".parse().expect("a valid id");
    assert_eq!(store.command(sealer.tenant(), &id).await.expect("an answer"), None);

    commit(&store, vec![sealer.append("t-1", 100)]).await;
    let page = store.read(Read::stream(sealer.tenant(), &"t-1".parse().expect("valid"), 0)).await;
    assert_eq!(page.expect("a page").events.len(), 100);
    assert!(matches!(Append::new(Vec::new()), Err(crate::InvalidAppend::Empty)));
    let (first, _, third) = (sealer.event("u-1", TYPE), sealer.event("u-1", TYPE), sealer.event("u-1", TYPE));
    assert!(matches!(Append::new(vec![first, third]), Err(crate::InvalidAppend::Broken(1))));
}

/// One command, one effect; another body is a conflict; another tenant is another command.
pub async fn stores_a_command_once(store: Store) {
    let mut a = with_log(&*store, "a", 1).await;
    let mut b = with_log(&*store, "b", 2).await;
    let first = one(&store, a.append("s-1", 2).with_command(command("c-1", 1))).await;
    let Verdict::Committed { first_index, last_index, position } = first else { panic!("{first:?}") };
    let receipt = crate::CommandReceipt { body_mac: [1; 32], first_index, last_index, position };
    let id = "c-1".parse().expect("a valid id");
    assert_eq!(store.command(a.tenant(), &id).await.expect("an answer"), Some(receipt));
    assert_eq!(store.command(b.tenant(), &id).await.expect("an answer"), None);

    // Other events, other streams, wrong revisions: the command comes first.
    let again = one(&store, a.append("s-2", 1).with_command(command("c-1", 1))).await;
    assert_eq!(again, Verdict::Duplicate(receipt));
    let other = one(&store, a.append("s-3", 1).with_command(command("c-1", 2))).await;
    assert_eq!(other, Verdict::CommandConflict);
    commit(&store, vec![b.append("s-1", 1).with_command(command("c-1", 2))]).await;

    // Twice in one batch.
    let twice = vec![
        a.append("s-4", 1).with_command(command("c-2", 1)),
        a.append("s-5", 1).with_command(command("c-2", 1)),
        a.append("s-6", 1).with_command(command("c-2", 9)),
    ];
    let verdicts = store.append(twice).await.expect("an append");
    let [Verdict::Committed { first_index, .. }, Verdict::Duplicate(receipt), Verdict::CommandConflict] =
        verdicts[..]
    else {
        panic!("{verdicts:?}")
    };
    assert_eq!(receipt.first_index, first_index);
    assert_eq!(head(&store, &a, "s-5").await, None);
}

/// Safe to send again: what is stored already is told, not stored twice.
pub async fn answers_a_repeated_append_as_the_first_time(store: Store) {
    let mut sealer = with_log(&*store, "a", 1).await;
    let append = sealer.append("s-1", 3);
    let first = one(&store, append.clone()).await;
    assert_eq!(one(&store, append.clone()).await, first);
    commit(&store, vec![sealer.append("s-1", 1)]).await;
    // No longer the head: the caller compares with what is there.
    assert!(matches!(one(&store, append).await, Verdict::WrongRevision { current: Some(_) }));
    assert_eq!(position(&store).await, 5);
}
