//! Two processes fold in turn, and at times both mean to.

use std::sync::Arc;

use ledger::ids::TenantId;
use ledger::readmodel::{
    Cell, Change, Page, Query, Row, RowKey, RowSource, SourceError, TableChanges, TableDef,
};
use ledger_projections::LedgerModels;
use ledger_projections::testing::workload::in_turns;
use ledger_store::conformance::Recorded;
use ledger_store::conformance::views::{EVENTS, event, put, schema, started, tenant};
use ledger_store::runner::{Role, RunnerOptions, RunnerStatus, Views};
use ledger_store::views::{Claim, Generation, Progress, TenantDigests, ViewCommit, ViewError, ViewStore};
use tokio::sync::watch;

use super::history::{recorded, show};
use super::{Database, PATIENCE, open, support};

/// A generation without its guard: what the check of the epoch refuses is sent again so that it passes.
struct Unguarded(Arc<dyn Generation>);

impl RowSource for Unguarded {
    fn load(&self, slot: usize, tenant: &TenantId, key: &[Cell]) -> Result<Option<Row>, SourceError> {
        self.0.load(slot, tenant, key)
    }
    fn load_all(&self, slot: usize, tenant: &TenantId) -> Result<Vec<Row>, SourceError> {
        self.0.load_all(slot, tenant)
    }
}

impl Generation for Unguarded {
    fn claim(&self) -> Result<Claim, ViewError> {
        self.0.claim()
    }
    fn commit(&self, commit: ViewCommit) -> Result<(), ViewError> {
        match self.0.commit(commit.clone()) {
            Err(ViewError::Fenced { stored, .. }) => self.0.commit(ViewCommit { epoch: stored, ..commit }),
            done => done,
        }
    }
    fn progress(&self, since: u64) -> Result<Progress, ViewError> {
        self.0.progress(since)
    }
    fn query(&self, query: &Query) -> Result<Page, ViewError> {
        self.0.query(query)
    }
    fn row(
        &self,
        table: &'static TableDef,
        tenant: &TenantId,
        key: &[Cell],
    ) -> Result<Option<Row>, ViewError> {
        self.0.row(table, tenant, key)
    }
    fn digests(&self, tenant: &TenantId) -> Result<TenantDigests, ViewError> {
        self.0.digests(tenant)
    }
}

fn commit(epoch: u64, position: u64, note: u8) -> ViewCommit {
    let rows = put(&[("a", 0, event(1, None, None, Some(note)))]);
    ViewCommit { epoch, position, rows, ..ViewCommit::default() }
}

/// Another process took over while this one stood still with a commit in hand.
#[test]
fn a_fenced_process_cannot_write() {
    let database = Database::new();
    let (one, two) = (database.views(schema()), database.views(schema()));
    let (in_one, old) = started(&*one);
    two.refresh().unwrap();
    let in_two = two.current().expect("published by the other process");
    let new = in_two.claim().unwrap();
    assert_eq!((new.epoch, new.position), (old + 1, 0));
    in_two.commit(commit(new.epoch, 7, 1)).unwrap();
    let rows = |generation: &Arc<dyn Generation>| {
        generation.query(&Query::new(&EVENTS, &tenant("a"))).unwrap().rows.to_vec()
    };
    let before = (rows(&in_two), in_two.digests(&tenant("a")).unwrap());

    let refused = in_one.commit(commit(old, 3, 2)).unwrap_err();
    assert!(matches!(refused, ViewError::Fenced { .. }), "{refused}");
    assert_eq!((rows(&in_one), in_one.digests(&tenant("a")).unwrap()), before);
    assert_eq!(in_one.progress(0).unwrap().position, 7);

    // The control: without the check it writes, and rows and position go back.
    Unguarded(Arc::clone(&in_one)).commit(commit(old, 3, 2)).unwrap();
    assert_ne!((rows(&in_two), in_two.digests(&tenant("a")).unwrap()), before);
    assert_eq!(in_two.progress(0).unwrap().position, 3);
}

/// What an owner has read before another one wrote is not taken for what is stored.
#[test]
fn an_owner_reads_what_the_one_before_has_written() {
    let database = Database::new();
    let (one, two) = (database.views(schema()), database.views(schema()));
    let (in_one, epoch) = started(&*one);
    two.refresh().unwrap();
    let in_two = two.current().unwrap();
    let load = |generation: &Arc<dyn Generation>| {
        let row = generation.load(0, &tenant("a"), &[Cell::Int(1)]).unwrap();
        row.map(|row| row[4].clone())
    };
    let note = |n| Some(event(1, None, None, Some(n))[4].clone());
    assert_eq!(load(&in_one), None);
    in_one.commit(commit(epoch, 1, 1)).unwrap();
    assert_eq!(load(&in_one), note(1));
    let epoch = in_two.claim().unwrap().epoch;
    assert_eq!(load(&in_two), note(1));
    in_two.commit(commit(epoch, 2, 2)).unwrap();
    let epoch = in_one.claim().unwrap().epoch;
    assert_eq!(load(&in_one), note(2));
    let key = event(1, None, None, None)[..1].to_vec();
    let gone = TableChanges {
        tenant: tenant("a"),
        slot: 0,
        rows: vec![(RowKey::of(&key), Change::Delete(Row::new(key)))],
    };
    in_one.commit(ViewCommit { epoch, position: 3, rows: vec![gone], ..ViewCommit::default() }).unwrap();
    assert_eq!(load(&in_one), None);
    in_two.claim().unwrap();
    assert_eq!(load(&in_two), None);
}

/// A process that has the ledger's read models, and folds when it is told to.
pub async fn runner(
    config: &tokio_postgres::Config,
    events: &Arc<Recorded>,
    folds: watch::Receiver<bool>,
) -> Views {
    let store = Arc::new(open(config, Arc::clone(LedgerModels::schema())).await);
    let options = RunnerOptions { folds, ..RunnerOptions::default() };
    Views::start(Arc::new(LedgerModels), Arc::clone(events) as _, store, options)
}

/// The grant moves while events come, now with a gap and now with an overlap, and connections are cut.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folding_moves_between_processes_and_every_event_is_folded_once() {
    let config = support::database().await;
    let (history, tenants) = in_turns(4_000);
    let events = Arc::<Recorded>::default();
    let (tell_one, told_one) = watch::channel(true);
    let (tell_two, told_two) = watch::channel(false);
    let one = runner(&config, &events, told_one).await;
    let two = runner(&config, &events, told_two).await;
    let cutter = super::client(&config).await;
    let count = history.events.len();
    let turns = 12;
    let mut roles = Vec::new();
    for turn in 1..=turns {
        let position = show(&events, &history, count * turn / turns);
        let (old, new, to) =
            if turn % 2 == 0 { (&tell_one, &tell_two, &two) } else { (&tell_two, &tell_one, &one) };
        if turn % 4 < 2 {
            new.send_replace(true);
            old.send_replace(false);
        } else {
            old.send_replace(false);
            new.send_replace(true);
        }
        if turn % 5 == 0 {
            let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                       WHERE datname = current_database() AND pid <> pg_backend_pid()";
            cutter.query_one(sql, &[]).await.unwrap();
        }
        for views in [&one, &two] {
            views.wait_for_position(position, PATIENCE).await.unwrap();
        }
        let mut role = to.role();
        tokio::time::timeout(PATIENCE, role.wait_for(|role| *role == Role::Folding)).await.unwrap().unwrap();
        roles.push((*one.role().borrow(), *two.role().borrow()));
    }
    assert!(
        roles.contains(&(Role::Watching, Role::Folding)) && roles.contains(&(Role::Folding, Role::Watching))
    );
    let expected = history.fold();
    for tenant in &tenants {
        for views in [&one, &two] {
            assert_eq!(views.digests(tenant).await.unwrap().digests, expected.digests(tenant));
            assert_eq!(views.log(tenant).size, history.size(tenant));
            views.wait_for_index(tenant, history.size(tenant) - 1, PATIENCE).await.unwrap();
        }
    }
    assert_eq!((one.lag(), two.lag()), (0, 0));
    one.stop().await;
    two.stop().await;
}

/// Both mean to fold and both find nothing: both build, one is followed, nothing is folded twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_that_both_build_end_with_one_set_of_read_models() {
    let config = support::database().await;
    let (history, tenants) = in_turns(2_000);
    let events = recorded(&history);
    let folds = RunnerOptions::default().folds;
    let one = runner(&config, &events, folds.clone()).await;
    let two = runner(&config, &events, folds).await;
    let all = history.events.len() as u64;
    for views in [&one, &two] {
        views.wait_for_position(all, PATIENCE).await.unwrap();
        let mut status = views.status();
        let following = status.wait_for(|status| *status == RunnerStatus::Following);
        tokio::time::timeout(PATIENCE, following).await.unwrap().unwrap();
    }
    let expected = history.fold();
    for tenant in &tenants {
        for views in [&one, &two] {
            assert_eq!(views.digests(tenant).await.unwrap().digests, expected.digests(tenant));
        }
    }
    let client = super::client(&config).await;
    let sql = "SELECT count(*) FROM views_generations WHERE current";
    assert_eq!(client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 1);
    one.stop().await;
    two.stop().await;
}
