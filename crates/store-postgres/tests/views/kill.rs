//! A process is killed when the rows of a commit are written and its position is not.
//!
//! The test runs itself again as a child that commits; a lock on the table that is written after the rows and before
//! the position holds it there.

use std::process::{Command, Stdio};
use std::sync::Arc;

use ledger::readmodel::LogState;
use ledger::time::Timestamp;
use ledger_store::conformance::views::{event, put, schema, started, tenant};
use ledger_store::views::{ViewCommit, ViewStore};
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::{Database, open};

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
    let views = runtime.block_on(open(&config, schema()));
    let generation = views.current().expect("the parent has published one");
    let epoch = generation.claim().unwrap().epoch;
    let logs = vec![(tenant("a"), LogState { size: 9, as_of: Timestamp::from_micros(9) })];
    let rows = put(&[("a", 0, event(8, None, None, None))]);
    generation.commit(ViewCommit { epoch, position: 9, rows, logs, ..ViewCommit::default() }).unwrap();
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
        let [Host::Unix(dir)] = database.config.get_hosts() else { panic!("the server listens at a socket") };
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::child"])
            .env(DIR, dir)
            .env(NAME, database.config.get_dbname().unwrap())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
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
