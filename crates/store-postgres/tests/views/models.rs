//! The ledger's own read models: the same events give the same digests in memory, on SQLite and on PostgreSQL.

use std::sync::Arc;

use ledger::clock::Stopwatch;
use ledger::ids::TenantId;
use ledger_projections::LedgerModels;
use ledger_projections::testing::{History, tenant, workload};
use ledger_store::runner::{RunnerOptions, RunnerStatus, Views};
use ledger_store::views::{MemoryViews, TenantDigests, ViewStore};
use ledger_store_sqlite::SqliteViews;

use super::events::Events;
use super::{open, support};

/// Long enough for all events on a busy machine.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(900);

#[expect(clippy::disallowed_methods, reason = "the switch of the long tests is an environment variable")]
fn events() -> usize {
    if std::env::var("LEDGER_TEST_LONG").is_ok_and(|on| on == "1") {
        return 100_000;
    }
    println!("6,000 of 100,000 events; LEDGER_TEST_LONG=1 folds all");
    6_000
}

/// Two tenants, whose events come in turns: the second one's begin when a part of the first one's are there.
pub fn history(events: usize) -> (History, [TenantId; 2]) {
    let tenants = ["0190aaaa-0000-7000-8000-000000000001", "second"].map(tenant);
    let mut history = History::new();
    for turn in 0..8 {
        workload::extend(&mut history, &tenants[(turn % 3) % 2], events / 8);
    }
    (history, tenants)
}

/// Builds the first part, follows the rest, and says what became of it.
async fn folded(store: Arc<dyn ViewStore>, history: &History, tenants: &[TenantId; 2]) -> Vec<TenantDigests> {
    let watch = Stopwatch::start();
    let events = Events::of(&History::new());
    let built = events.show(history, history.events.len() * 9 / 10);
    let views =
        Views::start(Arc::new(LedgerModels), Arc::clone(&events) as _, store, RunnerOptions::default());
    views.wait_for_position(built, PATIENCE).await.unwrap();
    let took = watch.elapsed();
    let all = events.show(history, history.events.len());
    views.wait_for_position(all, PATIENCE).await.unwrap();
    println!("{built} events built in {took:?}, {} followed in {:?}", all - built, watch.elapsed() - took);
    assert_eq!(*views.status().borrow(), RunnerStatus::Following);
    assert_eq!(views.poisoned(), []);
    let mut digests = Vec::new();
    for tenant in tenants {
        digests.push(views.digests(tenant).await.unwrap());
    }
    let report = views.rebuild(|_| {}).await.unwrap();
    assert_eq!((report.position, report.differing), (all, Vec::new()));
    assert!(report.compared > 0);
    views.stop().await;
    digests
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_events_give_the_same_digests_in_every_store() {
    let (history, tenants) = history(events());
    let schema = LedgerModels::schema();
    let directory = tempfile::tempdir().unwrap();
    let config = support::database().await;
    let stores: [(&str, Arc<dyn ViewStore>); 3] = [
        ("memory", Arc::new(MemoryViews::new(Arc::clone(schema)))),
        ("SQLite", Arc::new(SqliteViews::open(directory.path(), Arc::clone(schema)).unwrap())),
        ("PostgreSQL", Arc::new(open(&config, Arc::clone(schema)).await)),
    ];
    let mut expected = Vec::new();
    for (name, store) in stores {
        print!("{name}: ");
        let digests = folded(store, &history, &tenants).await;
        if name == "memory" {
            expected = digests;
        } else {
            assert_eq!(digests, expected, "{name}");
        }
    }
    let of_history = history.fold();
    for (tenant, digests) in tenants.iter().zip(&expected) {
        assert_eq!(digests.digests, of_history.digests(tenant));
        assert_eq!(digests.log.size, history.size(tenant));
        assert!(digests.digests.iter().all(|digest| !digest.to_string().ends_with("DEGRADED")));
    }
}
