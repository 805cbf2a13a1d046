//! Several runners over the same read models, as several processes have them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ledger::readmodel::Schema;
use tokio::sync::watch;

use super::tests::{PATIENCE, World, sum, tenant};
use super::{Role, RunnerOptions, RunnerStatus, Views};
use crate::views::{Generation, ViewError, ViewStore};

async fn role(views: &Views, wanted: Role) {
    let mut role = views.role();
    let reached = tokio::time::timeout(PATIENCE, role.wait_for(|role| *role == wanted)).await;
    assert!(reached.is_ok(), "it never was {wanted:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_is_fenced_off_steps_back_to_watching() {
    let world = World::new();
    world.push("a", "s-1 5");
    let first = world.start();
    first.wait_for_position(1, PATIENCE).await.unwrap();
    let second = world.start();
    let mut following = second.status();
    following.wait_for(|status| *status == RunnerStatus::Following).await.unwrap();
    world.push("a", "s-1 6");
    role(&first, Role::Watching).await;
    for views in [&first, &second] {
        views.wait_for_index(&tenant("a"), 1, PATIENCE).await.unwrap();
        assert_eq!(sum(views, "a", "s-1").await, Some(11), "folded once");
        assert_eq!(*views.status().borrow(), RunnerStatus::Following);
        assert_eq!(views.lag(), 0);
    }
    role(&second, Role::Folding).await;

    // Both were told to fold: when the one that does goes without a word, the other takes over.
    second.stop().await;
    world.push("a", "s-1 100");
    first.wait_for_position(3, PATIENCE).await.unwrap();
    role(&first, Role::Folding).await;
    assert_eq!(sum(&first, "a", "s-1").await, Some(111));
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_process_that_watches_knows_what_is_folded_and_takes_over_when_told() {
    let world = World::new();
    world.push("a", "s-1 5");
    let (tell, told) = watch::channel(false);
    let watching = world.start_where(told);
    role(&watching, Role::Watching).await;
    assert!(world.store.current().is_none(), "it builds nothing");
    assert!(matches!(watching.digests(&tenant("a")).await, Err(ViewError::NotBuilt)));

    let folding = world.start();
    watching.wait_for_index(&tenant("a"), 0, PATIENCE).await.unwrap();
    world.push("a", "s-1 odd");
    world.push("a", "s-1 1");
    let position = world.push("b", "s-1 7");
    watching.wait_for_position(position, PATIENCE).await.unwrap();
    assert_eq!((watching.log(&tenant("a")).size, watching.log(&tenant("b")).size), (3, 1));
    assert_eq!((watching.lag(), *watching.role().borrow()), (0, Role::Watching));
    let poisoned = watching.poisoned();
    assert_eq!((poisoned.len(), poisoned[0].index, poisoned[0].held), (1, 1, 1));
    let before = watching.digests(&tenant("b")).await.unwrap();

    folding.stop().await;
    world.push("b", "s-1 8");
    // The control: nobody folds, so nothing moves.
    let behind = watching.wait_for_position(5, std::time::Duration::from_millis(30)).await;
    assert!(behind.is_err() && watching.lag() == 1);
    tell.send_replace(true);
    watching.wait_for_position(5, PATIENCE).await.unwrap();
    role(&watching, Role::Folding).await;
    assert_eq!(sum(&watching, "b", "s-1").await, Some(15));
    assert_ne!(watching.digests(&tenant("b")).await.unwrap(), before);
    watching.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn folding_moves_with_the_grant_and_back() {
    let world = World::new();
    let (tell_one, one) = watch::channel(true);
    let (tell_two, two) = watch::channel(false);
    let (one, two) = (world.start_where(one), world.start_where(two));
    let mut position = 0;
    for turn in 0..6 {
        let first = turn % 2 == 0;
        let (old, new) = if first { (&tell_two, &tell_one) } else { (&tell_one, &tell_two) };
        if turn < 3 {
            old.send_replace(false);
            new.send_replace(true);
        } else {
            // For a moment both are to fold.
            new.send_replace(true);
            old.send_replace(false);
        }
        for _ in 0..3 {
            position = world.push("a", "s-1 1");
        }
        for views in [&one, &two] {
            views.wait_for_position(position, PATIENCE).await.unwrap();
        }
        let (folds, watches) = if first { (&one, &two) } else { (&two, &one) };
        role(folds, Role::Folding).await;
        role(watches, Role::Watching).await;
        assert_eq!(sum(watches, "a", "s-1").await, i64::try_from(position).ok());
    }
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_rebuild_where_nothing_is_folded_is_gone_on_with_by_the_one_that_folds() {
    let world = World::new();
    for n in 0..20 {
        world.push("a", &format!("s-{} {n}", n % 3));
    }
    let (_tell, told) = watch::channel(false);
    let (folding, watching) = (world.start(), world.start_where(told));
    watching.wait_for_position(20, PATIENCE).await.unwrap();
    let blue = world.store.current().unwrap();
    let report = watching.rebuild(|_| {}).await.unwrap();
    assert_eq!((report.position, report.compared, report.differing), (20, 2, Vec::new()));
    assert!(!Arc::ptr_eq(&blue, &world.store.current().unwrap()));
    world.push("a", "s-1 1000");
    for views in [&folding, &watching] {
        views.wait_for_position(21, PATIENCE).await.unwrap();
        assert_eq!(sum(views, "a", "s-1").await, Some(1000 + (0..20).filter(|n| n % 3 == 1).sum::<i64>()));
    }
    role(&folding, Role::Folding).await;
    assert_eq!(*watching.role().borrow(), Role::Watching);
    folding.stop().await;
    watching.stop().await;
}

/// Publishes nothing while it is told not to.
struct Unpublishing(Arc<dyn ViewStore>, AtomicBool);

impl ViewStore for Unpublishing {
    fn schema(&self) -> &Arc<Schema> {
        self.0.schema()
    }
    fn current(&self) -> Option<Arc<dyn Generation>> {
        self.0.current()
    }
    fn begin(&self) -> Result<Arc<dyn Generation>, ViewError> {
        self.0.begin()
    }
    fn settle(&self, generation: &Arc<dyn Generation>) -> Result<(), ViewError> {
        self.0.settle(generation)
    }
    fn publish(&self, generation: Arc<dyn Generation>) -> Result<(), ViewError> {
        if self.1.load(Ordering::SeqCst) {
            return Err(ViewError::Full("on demand".to_owned()));
        }
        self.0.publish(generation)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_rebuild_that_cannot_be_put_in_place_changes_nothing() {
    let world = World::new();
    let store = Arc::new(Unpublishing(Arc::clone(&world.store) as _, AtomicBool::new(false)));
    let views = Views::start(
        Arc::clone(&world.toy),
        Arc::clone(&world.events) as _,
        Arc::clone(&store) as _,
        RunnerOptions::default(),
    );
    let position = world.push("a", "s-1 5");
    views.wait_for_position(position, PATIENCE).await.unwrap();
    store.1.store(true, Ordering::SeqCst);
    let refused = views.rebuild(|_| {}).await.unwrap_err();
    assert!(matches!(refused, ViewError::Full(_)), "{refused}");
    let position = world.push("a", "s-1 6");
    views.wait_for_position(position, PATIENCE).await.unwrap();
    assert_eq!(sum(&views, "a", "s-1").await, Some(11));
    store.1.store(false, Ordering::SeqCst);
    assert_eq!(views.rebuild(|_| {}).await.unwrap().differing, Vec::<String>::new());
    views.stop().await;
}
