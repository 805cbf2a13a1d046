//! Concurrency, idempotency, refusals.

use super::super::{ATTEMPTS_MAX, ExecuteError, Outcome};
use super::support::*;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ledger::ids::{SubjectId, TenantId};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_writers_of_one_stream_lose_nothing() {
    let world = Arc::new(world().await);
    let (writers, each) = (32, 20);
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move {
                for _ in 0..each {
                    world.run(&stream(1), &meta(), Command::Add(1)).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(world.sum(&stream(1)).await.0, writers * each);
    assert_eq!(world.verified().await, writers * each + 1);
}

#[tokio::test]
async fn commands_are_sealed_while_those_before_them_are_being_committed() {
    let world = Arc::new(world().await);
    world.run(&stream(1), &meta(), Command::Add(1)).await.unwrap();
    world.shut().await;
    let spawn = |world: Arc<World>| {
        tokio::spawn(async move { world.run(&stream(1), &meta(), Command::Add(1)).await })
    };
    let tasks: Vec<_> = (0..10).map(|_| spawn(world.clone())).collect();
    // All ten stand before the store though none of them is stored.
    world.waiting(11).await;
    world.open();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(world.store.appends.load(Ordering::SeqCst), 11, "none was sealed twice");
    assert_eq!(world.sum(&stream(1)).await.0, 11);
}

#[tokio::test]
async fn a_repeated_command_gets_its_first_receipt_whatever_came_after() {
    let world = world().await;
    let first = world.run(&stream(1), &with_id("a", 1), Command::Add(LIMIT)).await.unwrap();
    world.run(&stream(2), &with_id("b", 1), Command::Add(1)).await.unwrap();
    // Decided now it would be refused, for the limit is reached.
    let again = world.run(&stream(1), &with_id("a", 1), Command::Add(LIMIT)).await.unwrap();
    assert!(matches!(again, Outcome::Duplicate(_)));
    assert_eq!(index(&again), index(&first));
    let other = world.run(&stream(1), &with_id("a", 2), Command::Add(LIMIT)).await;
    assert_eq!(other, Err(ExecuteError::CommandConflict));
    // Also when it would be accepted, in another stream, and as a new one.
    let elsewhere = world.run(&stream(3), &with_id("b", 2), Command::Add(1)).await;
    assert_eq!(elsewhere, Err(ExecuteError::CommandConflict));
    let fresh = world.run(&stream(4), &with_id("b", 1).new_stream(), Command::Add(1)).await.unwrap();
    assert!(matches!(fresh, Outcome::Duplicate(_)));
    assert_eq!(world.verified().await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_command_sent_many_times_at_once_is_executed_once() {
    let world = Arc::new(world().await);
    let tasks: Vec<_> = (0..32)
        .map(|n| {
            let world = world.clone();
            let meta = if n % 2 == 0 { with_id("same", 1) } else { with_id("same", 1).new_stream() };
            tokio::spawn(async move { world.run(&stream(1), &meta, Command::Add(1)).await.unwrap() })
        })
        .collect();
    let mut committed = 0;
    for task in tasks {
        committed += u32::from(matches!(task.await.unwrap(), Outcome::Committed(_)));
    }
    assert_eq!((committed, world.sum(&stream(1)).await.0), (1, 1));
}

#[tokio::test]
async fn a_new_stream_is_written_without_a_look_at_the_store() {
    let world = world().await;
    let outcome = world.run(&stream(1), &with_id("a", 1).new_stream(), Command::Add(1)).await.unwrap();
    assert!(matches!(outcome, Outcome::Committed(_)));
    assert_eq!(world.store.reads.load(Ordering::SeqCst), 0);
    assert_eq!(world.executor.lanes(), 0);
    // The guess may be wrong: then it is read and decided on what is there.
    world.run(&stream(1), &with_id("b", 1).new_stream(), Command::Add(2)).await.unwrap();
    assert!(world.store.reads.load(Ordering::SeqCst) > 0);
    assert_eq!(world.sum(&stream(1)).await.0, 3);
}

#[tokio::test]
async fn a_refusal_and_nothing_to_do_leave_no_trace() {
    let world = world().await;
    let refused = world.run(&stream(1), &with_id("a", 1).new_stream(), Command::Claim(7)).await;
    assert_eq!(refused, Err(ExecuteError::Refused(Refusal(0))));
    assert!(!refused.unwrap_err().retryable());
    let nothing = world.run(&stream(1), &with_id("a", 1), Command::Nothing).await;
    assert_eq!(nothing, Ok(Outcome::Unchanged));
    assert_eq!(world.verified().await, 1);
}

#[tokio::test]
async fn another_writer_behind_the_lanes_back_is_seen() {
    let world = world().await;
    let other = super::super::Executor::new(
        world.store.clone(),
        world.keyring.clone(),
        world.clock.clone(),
        Arc::new(ledger::clock::SeededEntropy::new(99)),
    );
    world.run(&stream(1), &meta(), Command::Add(1)).await.unwrap();
    let add = |by| {
        let (other, tenant) = (&other, &world.tenant);
        async move { other.execute::<Counter>(tenant, &stream(1), &meta(), &Command::Add(by)).await }
    };
    add(1).await.unwrap();
    // The lane believes in 1; the refusal is not given on that.
    assert_eq!(world.run(&stream(1), &meta(), Command::Claim(2)).await, Ok(Outcome::Unchanged));
    add(1).await.unwrap();
    world.run(&stream(1), &meta(), Command::Add(1)).await.unwrap();
    assert_eq!(world.sum(&stream(1)).await.0, 4);
    world.verified().await;
}

#[tokio::test]
async fn a_log_that_does_not_exist_is_named() {
    let world = world().await;
    let tenant = TenantId::new("t9").unwrap();
    for meta in [meta(), meta().new_stream()] {
        let result = world.executor.execute::<Counter>(&tenant, &stream(1), &meta, &Command::Add(1)).await;
        assert_eq!(result, Err(ExecuteError::NoLog(tenant.clone())));
    }
}

#[tokio::test]
async fn who_always_loses_is_told_so_after_five_attempts() {
    for (meta, lanes) in [(meta(), 1), (meta().new_stream(), 1)] {
        let world = world_with(|_| Some(Fault::WrongRevision)).await;
        let result = world.run(&stream(1), &meta, Command::Add(1)).await;
        assert_eq!(result, Err(ExecuteError::Contended(ATTEMPTS_MAX)));
        assert!(result.unwrap_err().retryable());
        assert_eq!(world.store.appends.load(Ordering::SeqCst), ATTEMPTS_MAX);
        assert_eq!(world.executor.lanes(), lanes);
    }
}

#[tokio::test]
async fn the_key_of_a_person_is_made_before_the_first_event_about_them() {
    let world = world().await;
    for (n, meta) in [(1, meta()), (2, meta().new_stream())] {
        let subject = SubjectId::new(format!("person-{n}")).unwrap();
        let outcome = world.run(&stream(n), &meta, Command::AddFor(1, subject)).await.unwrap();
        let Outcome::Committed(committed) = outcome else { panic!("{outcome:?}") };
        assert_eq!(committed.events[0].disclosures.len(), 1);
    }
}
