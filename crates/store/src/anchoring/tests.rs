//! Anchors over tenants with and without checkpoints.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ledger::anchor::slot_leaf;
use ledger::proof::verify_inclusion;

use super::*;
use crate::checkpointer::Checkpointer;
use crate::executor::tests::support::{Command, World, meta, stream, world};

async fn sign(world: &World) {
    let (store, side) = (world.store.clone(), world.store.inner.clone());
    Checkpointer::new(store, side, world.keyring.clone()).sign_grown().await.unwrap();
}

async fn add_tenants(world: &World) {
    for (slot, name) in [(1, "t2"), (2, "t3")] {
        let tenant = TenantId::new(name).unwrap();
        let info = LogInfo { tenant, slot: Some(slot), origin: format!("x/{name}") };
        world.store.inner.put_log(info).await.unwrap();
    }
}

#[tokio::test]
async fn every_tenant_with_a_checkpoint_finds_its_path() {
    let world = world().await;
    let side: Arc<dyn SideStore> = world.store.inner.clone();
    let mut anchorer = Anchorer::new(side.clone());
    assert_eq!(anchorer.gather().await, Ok(None), "there is no checkpoint yet");
    add_tenants(&world).await;
    sign(&world).await;
    let data = anchorer.gather().await.unwrap().unwrap();
    assert_eq!(data.slots, 3);
    let path = anchor_path(&*side, 0, &data).await.unwrap().unwrap();
    let root = b64::decode_array(&data.root).unwrap();
    assert_eq!(verify_inclusion(&slot_leaf(Some(&path.checkpoint)), 0, 3, &path.path, &root), Ok(()));
    assert!(path.checkpoint.contains("/t1\n1\n"), "the text alone, without signatures: {}", path.checkpoint);
    for slot in [1, 2, 9] {
        assert_eq!(anchor_path(&*side, slot, &data).await, Ok(None), "no checkpoint, or no slot");
    }
    anchorer.anchored(&data).unwrap();
    assert_eq!(anchorer.gather().await, Ok(None), "nothing has changed");
    world.run(&stream(1), &meta(), Command::Add(1)).await.unwrap();
    sign(&world).await;
    let next = anchorer.gather().await.unwrap().unwrap();
    assert_ne!(next.root, data.root);
    assert!(anchor_path(&*side, 0, &data).await.unwrap().is_some(), "the path of the older anchor stays");
}

#[tokio::test]
async fn the_system_log_is_not_under_its_own_anchor() {
    let world = world().await;
    sign(&world).await;
    let anchorer = Anchorer::new(world.store.inner.clone());
    let before = anchorer.gather().await.unwrap();
    let mut grown = Checkpointer::new(world.store.clone(), world.store.inner.clone(), world.keyring.clone());
    assert!(!grown.sign(&TenantId::system()).await.unwrap());
    assert_eq!(anchorer.gather().await.unwrap(), before);
}

#[tokio::test(start_paused = true)]
async fn an_anchor_that_could_not_be_committed_is_tried_again() {
    let world = world().await;
    sign(&world).await;
    let (stop, stopped) = watch::channel(false);
    let tried = Arc::new(AtomicUsize::new(0));
    let commit = {
        let tried = tried.clone();
        move |_| {
            let n = tried.fetch_add(1, Ordering::SeqCst);
            async move { n >= 2 }
        }
    };
    let anchorer = Anchorer::new(world.store.inner.clone());
    let task = tokio::spawn(anchorer.run(ANCHOR_EVERY, stopped, commit, |error| panic!("{error}")));
    tokio::time::sleep(ANCHOR_EVERY * 10).await;
    assert_eq!(tried.load(Ordering::SeqCst), 3, "twice refused, once taken, then nothing has changed");
    stop.send_replace(true);
    task.await.unwrap();
}
