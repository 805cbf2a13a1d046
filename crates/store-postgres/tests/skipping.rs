//! Writers that dawdle and fail between an event's number and its commit, one that is killed, one that goes idle with the
//! lock in its hand: no subscriber skips an event, and none stalls.

mod support;

use std::sync::Arc;
use std::time::Duration;

use ledger_store::Append;
use ledger_store::conformance::{check_written, follow_all, insist, with_log};
use ledger_store_postgres::{PostgresOptions, PostgresStore};
use tokio_postgres::{Client, Config};

const PROCESSES: usize = 16;
const WRITERS: usize = 32;
const EACH: usize = 6;
/// Writers of the control, each with a connection.
const NAIVE: usize = 12;
/// Whoever waits for longer has stalled.
const PATIENCE: Duration = Duration::from_secs(120);
/// A session that does nothing with a transaction open is ended after so long.
const IDLE: Duration = Duration::from_millis(300);

async fn open(config: &Config) -> Arc<PostgresStore> {
    let options =
        PostgresOptions { readers: 1, idle_in_transaction: IDLE, ..PostgresOptions::new(config.clone()) };
    Arc::new(PostgresStore::open(options).await.unwrap())
}

/// When rows of a table have their numbers and are about to be committed: each waits for up to 20 ms, and one in eight
/// takes its transaction with it. Those of the application `victim` wait for half a second.
async fn dawdle(client: &Client, table: &str) {
    let sql = format!(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             IF current_setting('application_name') = 'victim' THEN PERFORM pg_sleep(0.5); END IF;
             PERFORM pg_sleep(random() * 0.02);
             IF random() < 0.125 THEN RAISE EXCEPTION 'rolled back on purpose'; END IF;
             RETURN NULL;
         END $$;
         CREATE CONSTRAINT TRIGGER dawdles AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION dawdle()"
    );
    client.batch_execute(&sql).await.unwrap();
}

/// A process of its own that is gone while its commit is at work: nobody there hears what became of it.
async fn killed_in_its_commit(config: &Config, client: &Client, append: Append) {
    let process = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut named = config.clone();
    named.application_name("victim");
    process.spawn(async move {
        let store = open(&named).await;
        // It may be rolled back: then it is sent again, until the process is gone.
        insist(&*store, &append).await;
    });
    let at_work = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND application_name = 'victim' AND wait_event = 'PgSleep'";
    while client.query_one(at_work, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        tokio::task::yield_now().await;
    }
    process.shutdown_background();
}

/// As a process that stands still in the middle of a commit, again and again.
async fn idle_with_the_lock(config: Config) {
    for _ in 0..3 {
        let client = support::client(&config).await;
        let begin = format!("SET idle_in_transaction_session_timeout = {}; BEGIN", IDLE.as_millis());
        client.batch_execute(&begin).await.unwrap();
        client.query_one("SELECT position FROM store FOR UPDATE", &[]).await.unwrap();
        while !client.is_closed() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_skips_and_nobody_stalls_whatever_writers_do_before_they_commit() {
    let config = support::database().await;
    let mut stores = Vec::new();
    for _ in 0..PROCESSES {
        stores.push(open(&config).await);
    }
    let mut sealer = with_log(&*stores[0], "a", 1).await;
    let client = support::client(&config).await;
    dawdle(&client, "events").await;
    let total = 2 + (WRITERS * EACH) as u64;
    let followers = [0, 1].map(|at| tokio::spawn(follow_all(stores[at].clone(), total)));
    let lost = sealer.append("v-1", 1);
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let appends: Vec<Append> = (0..EACH).map(|_| sealer.append(&format!("s-{writer}"), 1)).collect();
            let store = stores[writer % PROCESSES].clone();
            tokio::spawn(async move {
                let mut tries = 0;
                for append in appends {
                    tries += insist(&*store, &append).await;
                }
                tries
            })
        })
        .collect();
    let idle = tokio::spawn(idle_with_the_lock(config.clone()));
    let everything = async {
        killed_in_its_commit(&config, &client, lost.clone()).await;
        // Another process sends what the killed one had: it is stored, once, whoever did it.
        insist(&*stores[2], &lost).await;
        idle.await.unwrap();
        let mut tries = 0;
        for writer in writers {
            tries += writer.await.unwrap();
        }
        for follower in followers {
            let seen: Vec<u64> = follower.await.unwrap().iter().map(|event| event.position).collect();
            assert_eq!(seen, (1..=total).collect::<Vec<_>>(), "none skipped, none twice");
        }
        tries
    };
    let tries = tokio::time::timeout(PATIENCE, everything).await.expect("nobody stalls");
    assert!(tries > WRITERS * EACH, "commits were rolled back");
    check_written(&*stores[3], &sealer, WRITERS, EACH).await;
}

/// The control: numbers from a sequence, under the same delays and rollbacks. A follower that goes on from the last number
/// that it saw skips what was committed after it with a smaller one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_lock_a_subscriber_would_skip() {
    let config = support::database().await;
    let client = support::client(&config).await;
    client.batch_execute("CREATE TABLE naive (position bigserial PRIMARY KEY)").await.unwrap();
    dawdle(&client, "naive").await;
    let mut writers = Vec::new();
    for _ in 0..NAIVE {
        let writer = support::client(&config).await;
        writers.push(tokio::spawn(async move {
            let mut written = 0;
            while written < EACH {
                written +=
                    usize::from(writer.batch_execute("INSERT INTO naive DEFAULT VALUES").await.is_ok());
            }
        }));
    }
    let (mut last, mut seen) = (0_i64, 0);
    loop {
        let done = writers.iter().all(tokio::task::JoinHandle::is_finished);
        let sql = "SELECT position FROM naive WHERE position > $1 ORDER BY position";
        for row in client.query(sql, &[&last]).await.unwrap() {
            (last, seen) = (row.get(0), seen + 1);
        }
        if done {
            break;
        }
    }
    assert!(seen < NAIVE * EACH, "{seen} of {}", NAIVE * EACH);
}

/// The control: where idle sessions are not ended, a process that stands still with the lock stalls all others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_end_of_idle_sessions_the_others_would_stall() {
    let config = support::database().await;
    let store = open(&config).await;
    let mut sealer = with_log(&*store, "a", 1).await;
    let holder = support::client(&config).await;
    holder.batch_execute("SET idle_in_transaction_session_timeout = 0; BEGIN").await.unwrap();
    holder.query_one("SELECT position FROM store FOR UPDATE", &[]).await.unwrap();
    let append = sealer.append("s-1", 1);
    let stalled = insist(&*store, &append);
    tokio::pin!(stalled);
    assert!(
        tokio::time::timeout(5 * IDLE, &mut stalled).await.is_err(),
        "it holds the lock, and nobody ends it"
    );
    drop(holder);
    assert_eq!(tokio::time::timeout(PATIENCE, stalled).await.expect("the lock is free"), 1);
}
