//! Processes that are killed: when the rows of a commit are written and its position is not, and while they fold.
//!
//! The test runs itself again as a child that commits, or folds. A lock on the table that is written after the rows and
//! before the position holds a commit there.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use ledger::readmodel::LogState;
use ledger::time::Timestamp;
use ledger_projections::testing::workload::in_turns;
use ledger_store::conformance::Recorded;
use ledger_store::conformance::views::{event, put, schema, started, tenant};
use ledger_store::runner::Role;
use ledger_store::views::{Generation, ViewCommit, ViewStore};
use tokio::sync::watch;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::history::{recorded, show};
use super::takeover::runner;
use super::{Database, PATIENCE, client, open};

/// Events that are folded while processes are killed.
const EVENTS: usize = 3_000;

/// What the child is to do.
const WORK: &str = "LEDGER_TEST_VIEWS_WORK";
const DIR: &str = "LEDGER_TEST_VIEWS_DIR";
const NAME: &str = "LEDGER_TEST_VIEWS_DATABASE";

#[expect(clippy::disallowed_methods, reason = "the parent names the database to its child")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The child: does nothing unless a parent has named a database.
#[test]
fn child() {
    let (Some(dir), Some(name)) = (environment(DIR), environment(NAME)) else { return };
    let mut config = Config::new();
    config.host_path(dir).user("ledger").dbname(name);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match environment(WORK).as_deref() {
        Some("fold") => runtime.block_on(fold(&config)),
        _ => commit(
            &*runtime.block_on(open(&config, schema())).current().expect("the parent has published one"),
        ),
    }
}

fn commit(generation: &dyn Generation) {
    let epoch = generation.claim().unwrap().epoch;
    let logs = vec![(tenant("a"), LogState { size: 9, as_of: Timestamp::from_micros(9) })];
    let rows = put(&[("a", 0, event(8, None, None, None))]);
    generation.commit(ViewCommit { epoch, position: 9, rows, logs, ..ViewCommit::default() }).unwrap();
}

/// Folds events as they come, a few at a time and without end.
async fn fold(config: &Config) {
    let (history, _) = in_turns(EVENTS);
    let events = Arc::<Recorded>::default();
    // What another process has folded is in the log of this one too.
    let known = "SELECT coalesce(max(position), 0) FROM views_generations";
    let known: i64 = client(config).await.query_one(known, &[]).await.unwrap().get(0);
    let known = usize::try_from(known).unwrap();
    show(&events, &history, known);
    let (_tell, folds) = watch::channel(true);
    let views = runner(config, &events, folds).await;
    for count in (known..history.events.len()).step_by(20) {
        let position = show(&events, &history, count);
        views.wait_for_position(position, PATIENCE).await.unwrap();
    }
    std::future::pending().await
}

/// Runs this test again as the child.
fn start_child(config: &Config, work: &str) -> Child {
    let [Host::Unix(dir)] = config.get_hosts() else { panic!("the server listens at a socket") };
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "kill::child"]).env(WORK, work).env(DIR, dir);
    child.env(NAME, config.get_dbname().unwrap()).stdout(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_kill_between_rows_and_position_leaves_neither() {
    for kill in [true, false] {
        let database = Database::new();
        let views = database.views(schema());
        let (generation, epoch) = started(&*views);
        let rows = put(&[("a", 0, event(1, None, None, None))]);
        generation.commit(ViewCommit { epoch, position: 1, rows, ..ViewCommit::default() }).unwrap();

        let holder = database.client();
        database.execute(&holder, "BEGIN; LOCK TABLE views_logs IN SHARE MODE");
        let mut child = start_child(&database.config, "commit");
        let client = database.client();
        // It holds the lock of a table that it has written rows to, and waits for the next one.
        let waits = "SELECT count(*) FROM pg_locks w JOIN pg_locks h USING (pid)
                     WHERE w.relation = 'views_logs'::regclass AND NOT w.granted AND h.granted
                       AND h.mode = 'RowExclusiveLock' AND h.relation::regclass::text LIKE 'views_%_events'";
        database.wait_for(&client, waits, 1);
        if kill {
            child.kill().unwrap();
        }
        database.execute(&holder, "COMMIT");
        child.wait().unwrap();
        let at_work = "SELECT count(*) FROM pg_stat_activity
                       WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()";
        database.wait_for(&client, at_work, 0);

        let seen = Arc::clone(&generation);
        let rows = seen.load_all(0, &tenant("a")).unwrap().len();
        let progress = seen.progress(0).unwrap();
        let found = (rows, progress.position, progress.logs.len());
        // The control: the same commit, not killed, leaves all of it.
        assert_eq!(found, if kill { (1, 1, 0) } else { (2, 9, 1) });
    }
}

/// The process that folds is killed again and again; those that watch take over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_process_that_folds_dies_another_takes_over() {
    let config = super::support::database().await;
    let (history, tenants) = in_turns(EVENTS);
    let events = recorded(&history);
    let all = history.events.len() as u64;
    let (tell, told) = watch::channel(false);
    let watching = runner(&config, &events, told).await;
    for round in 1..=3 {
        let mut child = start_child(&config, "fold");
        // It is in the middle of its work.
        watching.wait_for_position(all * round / 5, PATIENCE).await.unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(watching.lag() > 0);
    }
    assert_eq!(*watching.role().borrow(), Role::Watching);
    tell.send_replace(true);
    watching.wait_for_position(all, PATIENCE).await.unwrap();
    assert_eq!(*watching.role().borrow(), Role::Folding);
    let expected = history.fold();
    for tenant in &tenants {
        assert_eq!(watching.digests(tenant).await.unwrap().digests, expected.digests(tenant));
    }
    watching.stop().await;
}
