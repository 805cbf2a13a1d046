//! Heads are written behind the log: what their table says, and what happens where it is cut off.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ledger::event::{EventHash, Header};
use ledger_store::conformance::{check_written, insist, with_log, write_from_two};
use ledger_store::{Append, EventStore, Read, StreamHead, Verdict};
use ledger_store_postgres::{PostgresOptions, PostgresStore};
use tokio_postgres::{Client, Config};

async fn open(config: &Config, fold_events: u64) -> Arc<PostgresStore> {
    let options = PostgresOptions {
        fold_events,
        fold_after: Duration::from_secs(60),
        poll: Duration::from_millis(20),
        ..PostgresOptions::new(config.clone())
    };
    Arc::new(PostgresStore::open(options).await.unwrap())
}

/// Every stream with its last revision, that one's hash, and the positions of all.
type Streams = BTreeMap<String, (i64, Vec<u8>, Vec<i64>)>;

/// What the events say, up to the position that is folded.
async fn told(client: &Client) -> Streams {
    let sql =
        "SELECT position, header FROM events WHERE position <= (SELECT folded FROM store) ORDER BY position";
    let mut streams = Streams::new();
    for row in client.query(sql, &[]).await.unwrap() {
        let header: &[u8] = row.get(1);
        let parsed = Header::parse(header).unwrap();
        let stream = streams.entry(format!("{} {}", parsed.tenant, parsed.stream)).or_default();
        stream.0 = i64::try_from(parsed.seq).unwrap();
        stream.1 = EventHash::of(header).0.to_vec();
        stream.2.push(row.get(0));
    }
    streams
}

/// What the table says.
async fn table(client: &Client) -> Streams {
    let sql = "SELECT tenant || ' ' || stream, seq, hash, coalesce((
                   SELECT array_agg(position ORDER BY page, place) FROM stream_pages p
                   CROSS JOIN LATERAL unnest(p.positions) WITH ORDINALITY AS u (position, place)
                   WHERE p.log = h.log AND p.stream = h.stream), '{}') || recent
               FROM stream_heads h JOIN logs USING (log)";
    let rows = client.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2), row.get(3)))).collect()
}

/// Streams of one to a hundred revisions, in turns.
fn appends(sealer: &mut ledger_store::conformance::Sealer) -> Vec<Append> {
    (0..100).flat_map(|n| n..100).map(|s| sealer.append(&format!("s-{s}"), 1)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_says_what_the_events_say() {
    let config = support::database().await;
    let client = support::client(&config).await;
    let (one, two) = (open(&config, 500).await, open(&config, 700).await);
    let mut sealer = with_log(&*one, "a", 1).await;
    for (n, part) in appends(&mut sealer).chunks(93).enumerate() {
        let store = if n % 2 == 0 { &one } else { &two };
        let verdicts = store.append(part.to_vec()).await.unwrap();
        assert!(verdicts.iter().all(|verdict| matches!(verdict, Verdict::Committed { .. })), "{verdicts:?}");
    }
    let folded: i64 = client.query_one("SELECT folded FROM store", &[]).await.unwrap().get(0);
    assert!(folded >= 500, "{folded}");
    // The rest, by whoever comes next.
    let three = open(&config, 1).await;
    insist(&*three, &sealer.append("s-0", 1)).await;
    support::folded(&config).await;
    let (told, found) = (told(&client).await, table(&client).await);
    assert_eq!(told.len(), 101);
    assert!(told == found, "the table has other heads than the events");
    // Whether they are folded or not, all processes answer the same.
    for stream in ["s-0", "s-31", "s-32", "s-64", "s-99"] {
        let read = Read::stream(sealer.tenant(), &stream.parse().unwrap(), 0);
        let all = one.read(read.clone()).await.unwrap().events;
        let positions: Vec<_> = all.iter().map(|event| i64::try_from(event.position).unwrap()).collect();
        assert_eq!(positions, told[&format!("a {stream}")].2);
        for store in [&two, &three] {
            assert_eq!(all, store.read(read.clone()).await.unwrap().events);
        }
    }
}

/// The connection that folds is cut again and again, with the one that commits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_cut_off_while_folding_leaves_nothing_wrong() {
    let config = support::database().await;
    let (one, two) = (open(&config, 3).await, open(&config, 5).await);
    let mut sealer = with_log(&*one, "a", 1).await;
    let (client, running) = (support::client(&config).await, Arc::new(AtomicBool::new(true)));
    let going = running.clone();
    let cutter = tokio::spawn(async move {
        let mut cuts = 0_u64;
        while going.load(Ordering::SeqCst) {
            let sql = "SELECT count(pg_terminate_backend(a.pid)) FROM pg_stat_activity a
                       WHERE datname = current_database() AND a.pid <> pg_backend_pid() AND (random() < 0.05
                         OR a.pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted))";
            cuts += u64::try_from(client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0)).unwrap();
            client.query_one("SELECT pg_sleep(0.02)", &[]).await.unwrap();
        }
        cuts
    });
    write_from_two([&one, &two], &mut sealer, 8, 40).await;
    running.store(false, Ordering::SeqCst);
    assert!(cutter.await.unwrap() > 0);
    let last = open(&config, 1).await;
    check_written(&*last, &sealer, 8, 40).await;
    for store in [&one, &two, &last] {
        insist(&**store, &sealer.append("s-last", 1)).await;
    }
    support::folded(&config).await;
    let client = support::client(&config).await;
    assert!(told(&client).await == table(&client).await, "the table has other heads than the events");
}

/// The control: a head is taken out of a table that says to have it.
#[tokio::test]
async fn a_table_that_lacks_a_head_is_believed() {
    let config = support::database().await;
    let store = open(&config, 1).await;
    let mut sealer = with_log(&*store, "a", 1).await;
    insist(&*store, &sealer.append("s-1", 3)).await;
    support::folded(&config).await;
    let client = support::client(&config).await;
    client.batch_execute("DELETE FROM stream_heads WHERE stream = 's-1'").await.unwrap();
    assert!(told(&client).await != table(&client).await);
    // A process that starts believes the table: the stream is new there, and what follows its head is refused.
    let fresh = open(&config, u64::MAX).await;
    let verdicts = fresh.append(vec![sealer.append("s-1", 1)]).await.unwrap();
    assert_eq!(verdicts, [Verdict::WrongRevision { current: None }]);
}

/// A standby that lagged takes the database's place under a running process: its heads are forgotten with its connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_of_a_database_that_went_back_are_not_believed() {
    let config = support::database().await;
    let store = open(&config, u64::MAX).await;
    let mut sealer = with_log(&*store, "a", 1).await;
    let before = sealer.append("s-1", 2);
    insist(&*store, &before).await;
    let name = config.get_dbname().unwrap().to_owned();
    support::administer(&config, &format!("CREATE DATABASE {name}_old TEMPLATE {name}")).await;
    // The administrator has ended the connections; from here on the process has new ones, and knows more than the copy.
    let lost = sealer.append("s-1", 2);
    insist(&*store, &lost).await;
    assert_eq!(head(&store, sealer.tenant()).await, Some(of(&lost)));
    support::administer(&config, &format!("ALTER DATABASE {name} RENAME TO {name}_lost")).await;
    support::administer(&config, &format!("ALTER DATABASE {name}_old RENAME TO {name}")).await;
    let next = sealer.append("s-1", 1);
    let verdicts = loop {
        // The first may find that its connection is gone.
        if let Ok(verdicts) = store.append(vec![next.clone()]).await {
            break verdicts;
        }
    };
    assert_eq!(verdicts, [Verdict::WrongRevision { current: Some(of(&before)) }]);
    let after = loop {
        match store.stream_head(sealer.tenant(), &"s-1".parse().unwrap()).await {
            Ok(head) => break head,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(after, Some(of(&before)));
}

/// A server that has lost what was folded last, but no event: a standby to which that had not come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_has_folded_less_is_noticed() {
    let config = support::database().await;
    let one = open(&config, 1).await;
    let mut sealer = with_log(&*one, "a", 1).await;
    let last = sealer.append("s-1", 3);
    insist(&*one, &last).await;
    support::folded(&config).await;
    // It knows nothing but that the table has everything.
    let two = open(&config, u64::MAX).await;
    assert_eq!(two.stream_head(sealer.tenant(), &"s-2".parse().unwrap()).await.unwrap(), None);
    let client = support::client(&config).await;
    client.batch_execute("DELETE FROM stream_heads; UPDATE store SET folded = 0").await.unwrap();
    assert_eq!(head(&two, sealer.tenant()).await, Some(of(&last)));
    insist(&*two, &sealer.append("s-1", 1)).await;
}

/// What others have folded is not read again: here it could not be, since one of those events is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_idle_begins_where_others_have_folded() {
    let config = support::database().await;
    let (one, idle) = (open(&config, 1).await, open(&config, u64::MAX).await);
    let mut sealer = with_log(&*one, "a", 1).await;
    insist(&*one, &sealer.append("s-1", 1)).await;
    assert!(head(&idle, sealer.tenant()).await.is_some());
    let last = sealer.append("s-1", 40);
    insist(&*one, &last).await;
    support::folded(&config).await;
    let client = support::client(&config).await;
    client
        .batch_execute("SET session_replication_role = replica; DELETE FROM events WHERE position = 20")
        .await
        .unwrap();
    assert_eq!(head(&idle, sealer.tenant()).await, Some(of(&last)));
    // The control: not folded, it is noticed.
    client.batch_execute("UPDATE store SET folded = 1").await.unwrap();
    let fresh = open(&config, u64::MAX).await;
    let refused = fresh.stream_head(sealer.tenant(), &"s-1".parse().unwrap()).await.unwrap_err();
    assert!(refused.to_string().contains("follow"), "{refused}");
}

fn of(append: &Append) -> StreamHead {
    StreamHead { seq: append.last().seq, hash: append.last().hash }
}

async fn head(store: &PostgresStore, tenant: &ledger::ids::TenantId) -> Option<StreamHead> {
    store.stream_head(tenant, &"s-1".parse().unwrap()).await.unwrap()
}

/// A process of the version before would believe the table of heads alone.
#[tokio::test]
async fn a_process_of_an_older_version_cannot_commit_any_more() {
    let config = support::database().await;
    open(&config, 1).await;
    let old = support::client(&config).await;
    let refused = old.query("SELECT seq, hash, recent FROM heads", &[]).await.unwrap_err();
    assert!(refused.as_db_error().unwrap().message().contains("does not exist"));
}
