//! Generations of several processes: who publishes, what is dropped and when.

use std::sync::Arc;

use ledger::readmodel::{Query, Schema};
use ledger_store::conformance::views::{EVENTS, PROJECTIONS, event, put, schema, started, tenant};
use ledger_store::views::{ViewCommit, ViewError, ViewStore};
use tokio_postgres::Client;

use super::Database;

const GENERATIONS: &str = "SELECT count(*) FROM views_generations";
const TABLES: &str = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname ~ '^views_[0-9]+_'";

/// As many generations as said, with the tables of each.
fn left(database: &Database, client: &Client, wanted: i64) {
    database.wait_for(client, GENERATIONS, wanted);
    database.wait_for(client, TABLES, wanted * 2);
}

#[test]
fn a_generation_goes_with_its_last_reader_in_any_process() {
    let database = Database::new();
    let client = database.client();
    let (one, two) = (database.views(schema()), database.views(schema()));
    let (blue, epoch) = started(&*one);
    let rows = put(&[("a", 0, event(1, None, None, None))]);
    blue.commit(ViewCommit { epoch, position: 1, rows, ..ViewCommit::default() }).unwrap();
    two.refresh().unwrap();
    let elsewhere = two.current().expect("published by the other process");
    drop(blue);
    let green = one.begin().unwrap();
    let epoch = green.claim().unwrap().epoch;
    green.commit(ViewCommit { epoch, position: 1, ..ViewCommit::default() }).unwrap();
    one.publish(green).unwrap();

    // The other process has not looked: it still reads the one before, which nobody drops meanwhile.
    database.runtime.block_on(async { tokio::task::yield_now().await });
    drop(database.views(schema()));
    assert_eq!(database.number(&client, TABLES), 4);
    assert_eq!(elsewhere.query(&Query::new(&EVENTS, &tenant("a"))).unwrap().rows.len(), 1);
    two.refresh().unwrap();
    assert_eq!(database.number(&client, TABLES), 4, "it is held by a reader");
    assert_eq!(two.current().unwrap().query(&Query::new(&EVENTS, &tenant("a"))).unwrap().rows.len(), 0);
    drop(elsewhere);
    left(&database, &client, 1);
}

#[test]
fn a_process_that_starts_does_not_wait_for_a_commit_of_the_one_that_folds() {
    let database = Database::new();
    let client = database.client();
    drop(database.views(schema()));
    // As a commit does that has written how far each log is; making an index, even one that is there, waits for it.
    database.execute(&client, "BEGIN; LOCK TABLE views_logs IN ROW EXCLUSIVE MODE");
    let starting = super::open(&database.config, schema());
    let started = database.runtime.block_on(async { tokio::time::timeout(super::PATIENCE, starting).await });
    database.execute(&client, "COMMIT");
    drop(started.expect("it does not wait"));
}

#[test]
fn what_was_begun_and_not_published_goes_with_its_process() {
    let database = Database::new();
    let client = database.client();
    let views = database.views(schema());
    let (_current, _) = started(&*views);
    let other = database.views(schema());
    let begun = other.begin().unwrap();
    begun.claim().unwrap();
    // Another process starts: what the first one builds is in use.
    drop(database.views(schema()));
    assert_eq!(database.number(&client, GENERATIONS), 2);
    drop((begun, other));
    // Its connections end with it; the next process that starts finds what it left.
    let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database =
                   (SELECT oid FROM pg_database WHERE datname = current_database())";
    database.wait_for(&client, locks, 1);
    drop(database.views(schema()));
    left(&database, &client, 1);
}

#[test]
fn nothing_that_another_process_has_published_is_replaced_unseen() {
    let database = Database::new();
    let (one, two) = (database.views(schema()), database.views(schema()));
    let (in_one, in_two) = (one.begin().unwrap(), two.begin().unwrap());
    one.publish(Arc::clone(&in_one)).unwrap();
    let refused = two.publish(in_two).unwrap_err();
    assert!(matches!(refused, ViewError::Unavailable(_)), "{refused}");
    two.refresh().unwrap();
    assert!(two.current().is_some());
    // The control: one that was begun with the other in sight takes its place, and fences its owner off.
    let epoch = in_one.claim().unwrap().epoch;
    let next = two.begin().unwrap();
    two.publish(next).unwrap();
    let refused = in_one.commit(ViewCommit { epoch, position: 1, ..ViewCommit::default() }).unwrap_err();
    assert!(matches!(refused, ViewError::Fenced { .. }), "{refused}");
}

#[test]
fn what_is_behind_or_has_another_owner_is_not_published() {
    let database = Database::new();
    let views = database.views(schema());
    let (blue, epoch) = started(&*views);
    blue.commit(ViewCommit { epoch, position: 5, ..ViewCommit::default() }).unwrap();
    let green = views.begin().unwrap();
    let mine = green.claim().unwrap().epoch;
    green.commit(ViewCommit { epoch: mine, position: 4, ..ViewCommit::default() }).unwrap();
    let refused = views.publish(Arc::clone(&green)).unwrap_err();
    assert!(refused.to_string().contains("position 4") && refused.to_string().contains("at 5"), "{refused}");
    assert_eq!(views.current().unwrap().progress(0).unwrap().position, 5);
    green.commit(ViewCommit { epoch: mine, position: 5, ..ViewCommit::default() }).unwrap();
    let client = database.client();
    database.execute(&client, "UPDATE views_generations SET epoch = epoch + 1 WHERE NOT current");
    assert!(matches!(views.publish(Arc::clone(&green)), Err(ViewError::Fenced { .. })));
    green.claim().unwrap();
    views.publish(green).unwrap();
}

/// Tables that are not logged are empty after a crash of the server. It ends the connection too.
#[test]
fn what_is_being_filled_is_given_up_with_its_connection() {
    let database = Database::new();
    let client = database.client();
    let views = database.views(schema());
    let generation = views.begin().unwrap();
    let epoch = generation.claim().unwrap().epoch;
    let commit = |position| {
        let rows = put(&[("a", 0, event(position, None, None, None))]);
        generation.commit(ViewCommit { epoch, position, rows, ..ViewCommit::default() })
    };
    commit(1).unwrap();
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert!(database.number(&client, cut) > 0);
    assert!(commit(2).is_err());
    let lost = commit(2).unwrap_err();
    assert!(lost.retryable() && lost.to_string().contains("begun anew"), "{lost}");
    assert!(views.publish(generation).is_err());
    // A published one goes on over another connection.
    let generation = loop {
        match views.begin() {
            Ok(begun) => break begun,
            Err(error) => assert!(error.retryable(), "{error}"),
        }
    };
    let epoch = generation.claim().unwrap().epoch;
    views.publish(Arc::clone(&generation)).unwrap();
    assert!(database.number(&client, cut) > 0);
    let commit = || generation.commit(ViewCommit { epoch, position: 1, ..ViewCommit::default() });
    while let Err(error) = commit() {
        assert!(error.retryable(), "{error}");
    }
    assert_eq!(generation.progress(0).unwrap().position, 1);
}

/// Programs of two versions run side by side while one takes the place of the other.
#[test]
fn each_schema_has_its_own_generations_as_long_as_somebody_uses_them() {
    let database = Database::new();
    let client = database.client();
    let mut projections = PROJECTIONS.to_vec();
    projections[0].version += 1;
    let newer = Arc::new(Schema::new(projections).unwrap());
    let old = database.views(schema());
    let (generation, epoch) = started(&*old);
    let new = database.views(Arc::clone(&newer));
    assert!(new.current().is_none());
    drop(started(&*new));
    generation.commit(ViewCommit { epoch, position: 1, ..ViewCommit::default() }).unwrap();
    old.refresh().unwrap();
    assert!(Arc::ptr_eq(&old.current().unwrap(), &generation));
    assert_eq!(database.number(&client, GENERATIONS), 2);
    drop((generation, old));
    let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database =
                   (SELECT oid FROM pg_database WHERE datname = current_database())";
    database.wait_for(&client, locks, 1);
    drop(started(&*new));
    left(&database, &client, 1);
}
