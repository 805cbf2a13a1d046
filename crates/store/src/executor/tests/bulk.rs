//! Many commands with one append.

use super::super::{BulkItem, CommandMeta, ExecuteError, Outcome};
use super::support::*;
use std::sync::atomic::Ordering;

use ledger::ids::StreamId;

use crate::StoreError;

fn items<'a>(
    streams: &'a [StreamId],
    metas: &'a [CommandMeta],
    commands: &'a [Command],
) -> Vec<BulkItem<'a, Counter>> {
    let zipped = streams.iter().zip(metas).zip(commands);
    zipped.map(|((stream, meta), command)| BulkItem { stream, meta, command }).collect()
}

#[tokio::test]
async fn a_bulk_of_new_streams_is_one_append_without_a_read() {
    let world = world().await;
    let streams: Vec<_> = (0..500).map(stream).collect();
    let metas: Vec<_> = (0..500).map(|n| with_id(&format!("c{n}"), 1).new_stream()).collect();
    let commands = vec![Command::Add(1); 500];
    let results = world.executor.execute_many(&world.tenant, &items(&streams, &metas, &commands)).await;
    for (n, result) in results.iter().enumerate() {
        assert_eq!(index(result.as_ref().unwrap()), n as u64 + 1, "answers in order");
    }
    assert_eq!(world.store.appends.load(Ordering::SeqCst), 1);
    assert_eq!(world.store.reads.load(Ordering::SeqCst), 0);
    assert_eq!(world.verified().await, 501);
    // Sent again, all of it is known.
    let again = world.executor.execute_many(&world.tenant, &items(&streams, &metas, &commands)).await;
    assert!(again.iter().all(|result| matches!(result, Ok(Outcome::Duplicate(_)))));
}

#[tokio::test]
async fn each_command_of_a_bulk_stands_for_itself() {
    let world = world().await;
    world.run(&stream(1), &with_id("old", 1), Command::Add(5)).await.unwrap();
    let streams = [1, 1, 1, 2, 2, 3, 1].map(stream);
    let metas = [
        meta(),
        meta(),
        meta(),
        meta().new_stream(),
        meta().new_stream(),
        with_id("old", 1),
        with_id("old", 2),
    ];
    let commands = [
        Command::Add(1),
        Command::Claim(0),
        Command::Add(1),
        Command::Add(1),
        Command::Add(1),
        Command::Add(1),
        Command::Add(1),
    ];
    let results = world.executor.execute_many(&world.tenant, &items(&streams, &metas, &commands)).await;
    assert!(matches!(results[0], Ok(Outcome::Committed(_))));
    assert!(matches!(results[1], Err(ExecuteError::Refused(_))));
    for n in [2, 3, 4] {
        assert!(matches!(results[n], Ok(Outcome::Committed(_))), "{n}");
    }
    assert!(matches!(results[5], Ok(Outcome::Duplicate(_))));
    assert_eq!(results[6], Err(ExecuteError::CommandConflict));
    assert_eq!((world.sum(&stream(1)).await.0, world.sum(&stream(2)).await.0), (7, 2));
    world.verified().await;
}

#[tokio::test]
async fn a_bulk_whose_answer_is_lost_is_found_again() {
    for fault in [Fault::LostAnswer, Fault::LostRequest] {
        let world = world_with(move |call| (call == 0).then(|| fault.clone())).await;
        let streams: Vec<_> = (0..20).map(|n| stream(n % 7)).collect();
        let metas: Vec<_> = (0..20).map(|n| with_id(&format!("c{n}"), 1)).collect();
        let commands = vec![Command::Add(1); 20];
        let results = world.executor.execute_many(&world.tenant, &items(&streams, &metas, &commands)).await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        assert_eq!(world.verified().await, 21);
    }
}

#[tokio::test]
async fn a_bulk_that_the_store_refuses_is_refused_whole() {
    let full = || Fault::Refused(StoreError::Full { reason: "planned".into() });
    let world = world_with(move |_| Some(full())).await;
    let streams = [1, 2].map(stream);
    let metas = [meta().new_stream(), meta()];
    let commands = [Command::Add(1), Command::Add(1)];
    let results = world.executor.execute_many(&world.tenant, &items(&streams, &metas, &commands)).await;
    for result in results {
        assert!(matches!(result, Err(ExecuteError::Store(StoreError::Full { .. }))));
    }
    assert_eq!(world.verified().await, 1);
}
