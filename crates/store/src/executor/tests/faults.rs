//! Commits that fail, answers that get lost, callers that go away.

use super::super::{ExecuteError, Outcome};
use super::support::*;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::StoreError;

fn down() -> Fault {
    Fault::Refused(StoreError::Unavailable { reason: "planned".into() })
}

#[tokio::test]
async fn a_failed_commit_is_an_error_and_what_was_sealed_behind_it_is_sealed_again() {
    // The second append fails; those sealed on it while it was in flight must not be lost.
    let world = Arc::new(world_with(|call| (call == 1).then(down)).await);
    world.run(&stream(1), &meta(), Command::Add(1)).await.unwrap();
    world.shut().await;
    let spawn = |world: Arc<World>, by| {
        tokio::spawn(async move { world.run(&stream(1), &meta(), Command::Add(by)).await })
    };
    let failing = spawn(world.clone(), 100);
    world.waiting(2).await;
    let behind: Vec<_> = (0..5).map(|_| spawn(world.clone(), 1)).collect();
    world.waiting(7).await;
    world.open();
    assert!(matches!(failing.await.unwrap(), Err(ExecuteError::Store(StoreError::Unavailable { .. }))));
    for task in behind {
        assert!(matches!(task.await.unwrap(), Ok(Outcome::Committed(_))));
    }
    assert_eq!(world.sum(&stream(1)).await.0, 6);
    world.verified().await;
}

#[tokio::test]
async fn a_refusal_is_not_given_on_what_fails_to_be_stored() {
    let world = Arc::new(world_with(|call| (call == 1).then(down)).await);
    world.run(&stream(1), &meta(), Command::Add(1)).await.unwrap();
    world.shut().await;
    let failing = {
        let world = world.clone();
        tokio::spawn(async move { world.run(&stream(1), &meta(), Command::Add(LIMIT - 1)).await })
    };
    world.waiting(2).await;
    // On the sealed state the limit is reached; on the stored one it is not.
    let mut behind = {
        let world = world.clone();
        tokio::spawn(async move { world.run(&stream(1), &meta(), Command::Add(1)).await })
    };
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert!(!behind.is_finished(), "it waits for what it rests on");
    world.open();
    assert!(failing.await.unwrap().is_err());
    assert!(matches!((&mut behind).await.unwrap(), Ok(Outcome::Committed(_))));
    assert_eq!(world.sum(&stream(1)).await.0, 2);
}

#[tokio::test]
async fn a_lost_answer_is_found_again_and_a_lost_request_is_sent_again() {
    for fault in [Fault::LostAnswer, Fault::LostRequest] {
        for meta in [meta(), meta().new_stream(), with_id("a", 1), with_id("a", 1).new_stream()] {
            let planned = fault.clone();
            let world = world_with(move |call| (call == 0).then(|| planned.clone())).await;
            let outcome = world.run(&stream(1), &meta, Command::Add(1)).await.unwrap();
            assert_eq!(index(&outcome), 1);
            assert_eq!(world.sum(&stream(1)).await.0, 1, "{fault:?}");
            world.verified().await;
        }
    }
}

#[tokio::test]
async fn a_lost_answer_is_found_again_though_others_stand_on_it() {
    let world = Arc::new(world_with(|call| (call == 1).then_some(Fault::LostAnswer)).await);
    world.run(&stream(1), &meta(), Command::Add(1)).await.unwrap();
    world.shut().await;
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move { world.run(&stream(1), &meta(), Command::Add(1)).await })
        })
        .collect();
    world.waiting(5).await;
    world.open();
    for task in tasks {
        assert!(matches!(task.await.unwrap(), Ok(Outcome::Committed(_))));
    }
    assert_eq!(world.sum(&stream(1)).await.0, 5);
}

#[tokio::test]
async fn an_outcome_that_stays_unknown_is_an_error_and_the_repetition_is_safe() {
    let world = world_with(|call| (call < 4).then_some(Fault::LostAnswer)).await;
    let lost = world.run(&stream(1), &with_id("a", 1), Command::Add(1)).await;
    assert!(matches!(lost, Err(ExecuteError::Store(StoreError::OutcomeUnknown { .. }))));
    let again = world.run(&stream(1), &with_id("a", 1), Command::Add(1)).await.unwrap();
    assert!(matches!(again, Outcome::Duplicate(_)));
    assert_eq!(world.sum(&stream(1)).await.0, 1);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_stop_the_lane() {
    let world = Arc::new(world().await);
    world.run(&stream(1), &meta(), Command::Add(1)).await.unwrap();
    world.shut().await;
    let gone = {
        let world = world.clone();
        tokio::spawn(async move { world.run(&stream(1), &meta(), Command::Add(100)).await })
    };
    world.waiting(2).await;
    let waits = {
        let world = world.clone();
        tokio::spawn(async move { world.run(&stream(1), &meta(), Command::Claim(1)).await })
    };
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    world.open();
    // The append was taken back with its caller; what rested on it is decided again.
    assert_eq!(waits.await.unwrap(), Ok(Outcome::Unchanged));
    world.run(&stream(1), &meta(), Command::Add(1)).await.unwrap();
    assert_eq!(world.sum(&stream(1)).await.0, 2);
    world.verified().await;
}

#[tokio::test]
async fn a_panic_in_the_domains_code_leaves_the_lane_to_be_read_again() {
    let world = Arc::new(world().await);
    world.run(&stream(1), &meta(), Command::Add(1)).await.unwrap();
    let broken = {
        let world = world.clone();
        tokio::spawn(async move { world.run(&stream(1), &meta(), Command::Add(BROKEN)).await })
    };
    assert!(broken.await.unwrap_err().is_panic());
    assert_eq!(world.run(&stream(1), &meta(), Command::Claim(1)).await, Ok(Outcome::Unchanged));
    world.run(&stream(1), &meta(), Command::Add(1)).await.unwrap();
    assert_eq!(world.sum(&stream(1)).await.0, 2);
}

/// Writers that repeat until they are told, through a store that fails every third call in all its ways.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_faults_every_acknowledged_command_is_there_exactly_once() {
    let plan = |call: usize| match call % 12 {
        2 => Some(down()),
        5 => Some(Fault::LostAnswer),
        8 => Some(Fault::LostRequest),
        11 => Some(Fault::WrongRevision),
        _ => None,
    };
    let world = Arc::new(world_with(plan).await);
    let (writers, each) = (16, 12);
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let world = world.clone();
            tokio::spawn(async move {
                for n in 0..each {
                    let meta = with_id(&format!("{writer}-{n}"), 1);
                    while let Err(error) = world.run(&stream(writer % 3), &meta, Command::Add(1)).await {
                        assert!(error.retryable(), "{error}");
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let mut seen = Vec::new();
    for n in 0..3 {
        let (sum, commands) = world.sum(&stream(n)).await;
        assert_eq!(sum, commands.len() as u64);
        seen.extend(commands);
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), writers * each);
    assert_eq!(world.verified().await, (writers * each) as u64 + 1);
    assert!(world.store.appends.load(Ordering::SeqCst) > writers * each);
}
