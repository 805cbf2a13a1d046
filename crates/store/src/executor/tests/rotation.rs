//! The signing key changes while commands are under way.

use super::support::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ledger::domain::{Aggregate, DecideCtx, DecodeError, DomainEvent, EventBody};
use ledger::epochs::{KeyEvent, RevokeReason, Revoked, key_stream};
use ledger::keys::Signer;
use serde_json::{Map, Value};

use super::super::{ExecuteError, Outcome};

/// Writes key events as they are given.
struct Keys;

struct Written(KeyEvent);

#[derive(Debug, thiserror::Error)]
#[error("never")]
struct Never;

impl Aggregate for Keys {
    const CATEGORY: &'static str = "key";
    type State = ();
    type Command = KeyEvent;
    type Event = Written;
    type Error = Never;

    fn decide((): &(), command: &KeyEvent, _: &DecideCtx) -> Result<Vec<Written>, Never> {
        Ok(vec![Written(command.clone())])
    }

    fn evolve((): (), _: &Written) {}
}

impl DomainEvent for Written {
    fn event_type(&self) -> &'static str {
        self.0.event_type()
    }

    fn encode(&self) -> EventBody {
        EventBody { public: self.0.to_data(), withheld: Vec::new() }
    }

    fn decode(event_type: &str, data: &Map<String, Value>) -> Result<Option<Self>, DecodeError> {
        let data = serde_json::to_vec(data).unwrap();
        Ok(KeyEvent::parse(event_type, &data).ok().map(Self))
    }
}

async fn rotate(world: &World) -> Outcome {
    let keys = world.keyring.log(&world.tenant).unwrap();
    let rotated = world.keyring.prepare_rotation(&world.tenant).await.unwrap();
    let new = rotated.kid;
    let event = KeyEvent::Rotated(rotated);
    let stream = key_stream(&world.tenant).unwrap();
    let outcome = world.executor.execute::<Keys>(&world.tenant, &stream, &meta(), &event).await.unwrap();
    assert_eq!(keys.signer().kid(), new, "the new key signs from now on");
    outcome
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rotation_under_load_costs_no_command() {
    let world = Arc::new(world().await);
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..8)
        .map(|writer| {
            let (world, stop) = (world.clone(), stop.clone());
            tokio::spawn(async move {
                let mut count = 0;
                while !stop.load(Ordering::SeqCst) {
                    let meta = if count % 2 == 0 { meta() } else { meta().new_stream() };
                    let stream =
                        if count % 2 == 0 { stream(writer % 3) } else { stream(1000 * (writer + 1) + count) };
                    world.run(&stream, &meta, Command::Add(1)).await.unwrap();
                    count += 1;
                }
                count as u64
            })
        })
        .collect();
    for _ in 0..5 {
        rotate(&world).await;
        let appends = world.store.appends.load(Ordering::SeqCst);
        world.waiting(appends + 20).await;
    }
    stop.store(true, Ordering::SeqCst);
    let mut written = 0;
    for task in tasks {
        written += task.await.unwrap();
    }
    // Every entry verifies under the key that was active before it; none was lost.
    assert_eq!(world.verified().await, 1 + 5 + written);
}

#[tokio::test]
async fn what_was_sealed_with_the_old_key_is_sealed_again() {
    let world = Arc::new(world().await);
    world.run(&stream(1), &meta(), Command::Add(1)).await.unwrap();
    world.shut().await;
    let rotation = {
        let world = world.clone();
        tokio::spawn(async move { rotate(&world).await })
    };
    world.waiting(2).await;
    let spawn = |world: Arc<World>, n, meta: super::super::CommandMeta| {
        tokio::spawn(async move { world.run(&stream(n), &meta, Command::Add(1)).await })
    };
    let behind = [spawn(world.clone(), 1, meta()), spawn(world.clone(), 2, meta().new_stream())];
    world.waiting(4).await;
    world.open();
    rotation.await.unwrap();
    for task in behind {
        assert!(matches!(task.await.unwrap(), Ok(Outcome::Committed(_))));
    }
    assert!(world.store.appends.load(Ordering::SeqCst) > 4, "the control: they were sealed twice");
    world.verified().await;
}

#[tokio::test]
async fn a_log_whose_key_was_revoked_is_closed() {
    let world = world().await;
    let kid = world.keyring.log(&world.tenant).unwrap().signer().kid();
    let event = KeyEvent::Revoked(Revoked { kid, reason: RevokeReason::Compromised });
    let stream_id = key_stream(&world.tenant).unwrap();
    world.executor.execute::<Keys>(&world.tenant, &stream_id, &meta(), &event).await.unwrap();
    let result = world.run(&stream(1), &meta(), Command::Add(1)).await;
    assert_eq!(result, Err(ExecuteError::NoLog(world.tenant.clone())));
    assert_eq!(world.verified().await, 2);
}
