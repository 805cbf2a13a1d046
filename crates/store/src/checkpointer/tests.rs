//! Heads are signed when they grow, and never go back.

use std::sync::Arc;
use std::time::Duration;

use ledger::checkpoint::Checkpoint;
use ledger::ids::TenantId;
use tokio::sync::watch;

use super::Checkpointer;
use crate::executor::tests::support::{Command, World, meta, stream, world};
use crate::{EventStore, SideStore};

fn checkpointer(world: &World) -> Checkpointer {
    Checkpointer::new(world.store.clone(), world.store.inner.clone(), world.keyring.clone())
}

async fn size(world: &World, tenant: &TenantId) -> u64 {
    let Some(kept) = world.store.inner.checkpoint(tenant).await.unwrap() else { return 0 };
    let keys = world.keyring.log(tenant).unwrap();
    let (checkpoint, _) =
        Checkpoint::open(kept.note.as_bytes(), keys.checkpoint_signer().verifier()).unwrap();
    let head = world.store.log_head(tenant).await.unwrap().unwrap();
    assert_eq!(checkpoint.origin, keys.origin);
    assert!(checkpoint.size < head.size || checkpoint.root == head.root);
    checkpoint.size
}

#[tokio::test]
async fn only_logs_that_grew_are_signed() {
    let world = world().await;
    let mut checkpointer = checkpointer(&world);
    assert_eq!(checkpointer.sign_grown().await, Ok(2), "both geneses");
    assert_eq!(checkpointer.sign_grown().await, Ok(0));
    world.run(&stream(1), &meta(), Command::Add(1)).await.unwrap();
    assert_eq!(checkpointer.sign_grown().await, Ok(1));
    assert_eq!((size(&world, &world.tenant).await, size(&world, &TenantId::system()).await), (2, 1));
    for n in 0..5 {
        world.run(&stream(n), &meta(), Command::Add(1)).await.unwrap();
    }
    assert_eq!(checkpointer.sign_grown().await, Ok(1));
    assert_eq!(size(&world, &world.tenant).await, 7);
}

#[tokio::test]
async fn after_a_start_nothing_is_signed_again() {
    let world = world().await;
    assert_eq!(checkpointer(&world).sign_grown().await, Ok(2));
    assert_eq!(checkpointer(&world).sign_grown().await, Ok(0));
}

#[tokio::test(start_paused = true)]
async fn it_signs_within_a_quarter_of_a_second_and_once_more_at_the_end() {
    let world = Arc::new(world().await);
    let (stop, stopped) = watch::channel(false);
    let running = checkpointer(&world);
    let task = tokio::spawn(running.run(stopped, |error| panic!("{error}")));
    for expected in 2..6 {
        world.run(&stream(1), &meta(), Command::Add(1)).await.unwrap();
        tokio::time::timeout(Duration::from_millis(250), async {
            while size(&world, &world.tenant).await < expected {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await
        .expect("signed in time");
    }
    world.run(&stream(1), &meta(), Command::Add(1)).await.unwrap();
    stop.send_replace(true);
    task.await.unwrap();
    assert_eq!(size(&world, &world.tenant).await, 6);
}
