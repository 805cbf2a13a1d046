//! A ledger moves between the embedded store and PostgreSQL, in both directions, and lives in one of them.

mod support;

use std::path::Path;
use std::sync::Arc;

use ledger_store::conformance::{Ledger, Sealer, contents};
use ledger_store::copy::{CopyError, Holding, Moved, Step, carry, relocate, snapshot};
use ledger_store::{Access, Birth, Custody, SecretKind, StoreError};
use ledger_store_postgres::{HeadOptions, OpenError, PostgresOptions, PostgresStore};
use ledger_store_sqlite::{SqliteStore, StoreOptions};
use tokio_postgres::Config;

const KEY: [u8; 32] = [7; 32];

fn arriving(identity: [u8; 16]) -> Birth {
    let custody = Custody::Arriving { ticket: "t".to_owned(), from: "there".to_owned() };
    Birth { identity, custody }
}

fn embedded(dir: &Path, access: Access, birth: Option<Birth>) -> StoreOptions {
    StoreOptions { access, birth, ..StoreOptions::new(dir, dir.join("head"), KEY) }
}

fn sqlite(dir: &Path, access: Access, birth: Option<Birth>) -> Holding {
    Holding::of(Arc::new(SqliteStore::open(embedded(dir, access, birth)).unwrap()))
}

async fn try_postgres(
    config: &Config,
    access: Access,
    birth: Option<Birth>,
) -> Result<Arc<PostgresStore>, OpenError> {
    let options = PostgresOptions { access, birth, ..PostgresOptions::new(config.clone()) };
    PostgresStore::open(options).await.map(Arc::new)
}

async fn postgres(config: &Config, access: Access, birth: Option<Birth>) -> Holding {
    Holding::of(try_postgres(config, access, birth).await.unwrap())
}

async fn moves(from: &Holding, to: &Holding, place: &str) -> Result<Moved, CopyError> {
    relocate(from, to, place, &mut |_, _, _| {}).await
}

#[tokio::test]
async fn from_the_directory_to_the_database_and_on_to_another_directory() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let config = support::database().await;
    let ledger = Ledger::new(sqlite(one.path(), Access::Serve, None)).await;
    let before = contents(&ledger.store).await;
    drop(ledger);
    let from = sqlite(one.path(), Access::Carry, None);
    let identity = from.portable.identity().await.unwrap();
    let to = postgres(&config, Access::Carry, Some(arriving(identity))).await;
    // Before it is whole it is not served.
    carry(&from, &to, &mut |_, _, _| {}).await.unwrap();
    let early = try_postgres(&config, Access::Serve, None).await.map(drop).unwrap_err().to_string();
    assert!(early.contains("on its way to here from there"), "{early}");
    assert!(matches!(moves(&from, &to, "the database").await, Ok(Moved::Now(_))));
    drop(from);
    let refused = SqliteStore::open(embedded(one.path(), Access::Serve, None)).map(drop).unwrap_err();
    assert!(refused.to_string().contains("moved to the database"), "{refused}");
    let refused = ledger_store_sqlite::accept_loss(&embedded(one.path(), Access::Serve, None)).unwrap_err();
    assert!(refused.to_string().contains("moved to the database"), "{refused}");
    // The head file of the directory fits the database: identity, numbers and roots are the same.
    let head = HeadOptions { path: one.path().join("head"), key: KEY };
    let options = PostgresOptions { head: Some(head), ..PostgresOptions::new(config.clone()) };
    let served = Holding::of(Arc::new(PostgresStore::open(options).await.unwrap()));
    assert_eq!(contents(&served).await, before);
    let birth = Birth {
        custody: Custody::Arriving { ticket: "back".to_owned(), from: "the database".to_owned() },
        identity,
    };
    let back = sqlite(two.path(), Access::Carry, Some(birth));
    assert!(matches!(moves(&to, &back, "a directory").await, Ok(Moved::Now(_))));
    assert_eq!(contents(&back).await, before);
    drop(back);
    let live = sqlite(two.path(), Access::Serve, None);
    assert_eq!(contents(&live).await, before);
    drop(live);
    let report =
        ledger_store_sqlite::verify_store(&embedded(two.path(), Access::Serve, None), |_, _| {}).unwrap();
    assert!(report.holds(), "{:?}", report.failures);
}

#[tokio::test]
async fn a_process_that_still_runs_can_write_until_the_database_is_sealed_and_not_after() {
    let (config, dir) = (support::database().await, tempfile::tempdir().unwrap());
    let running = postgres(&config, Access::Serve, None).await;
    let mut ledger = Ledger::new(running.clone()).await;
    ledger.secret("a", SecretKind::SubjectDataKey, "ann").await;
    let from = postgres(&config, Access::Carry, None).await;
    let to = sqlite(dir.path(), Access::Carry, Some(arriving(from.portable.identity().await.unwrap())));
    carry(&from, &to, &mut |_, _, _| {}).await.unwrap();
    // What came in and what was erased meanwhile is taken along.
    ledger.write(1).await;
    ledger.erase("ann", &["c-2", "c-4", "c-6", "c-8"]).await;
    assert!(matches!(moves(&from, &to, "a directory").await, Ok(Moved::Now(_))));
    assert_eq!(contents(&to).await, contents(&running).await);
    let log = Sealer::new("c", 3).log(Some(3));
    let Err(StoreError::NotLive { reason }) = running.side.put_log(log).await else { panic!("a log after") };
    assert!(reason.contains("moved to a directory"), "{reason}");
    assert!(try_postgres(&config, Access::Serve, None).await.is_err());
}

#[tokio::test]
async fn a_commit_that_has_begun_is_taken_along_or_refused() {
    let (config, dir) = (support::database().await, tempfile::tempdir().unwrap());
    let running = postgres(&config, Access::Serve, None).await;
    let mut sealer = Sealer::new("a", 1);
    running.side.put_log(sealer.log(Some(1))).await.unwrap();
    running.events.append(vec![sealer.genesis()]).await.unwrap();
    let writer = running.clone();
    let writing = tokio::spawn(async move {
        let mut acknowledged = 0;
        loop {
            match writer.events.append(vec![sealer.append("s-1", 1)]).await {
                Ok(_) => acknowledged += 1,
                Err(error) => return (acknowledged, error),
            }
        }
    });
    let from = postgres(&config, Access::Carry, None).await;
    let to = sqlite(dir.path(), Access::Carry, Some(arriving(from.portable.identity().await.unwrap())));
    // The writer has begun.
    from.events.subscribe().wait_for(|position| *position > 5).await.unwrap();
    assert!(matches!(moves(&from, &to, "a directory").await, Ok(Moved::Now(_))));
    let (acknowledged, refused) = writing.await.unwrap();
    assert!(matches!(refused, StoreError::NotLive { .. }), "{refused:?}");
    let arrived = to.events.log_head(&"a".parse().unwrap()).await.unwrap().unwrap().size;
    assert_eq!(arrived, acknowledged + 1, "acknowledged, but not taken along");
}

#[tokio::test]
async fn a_snapshot_of_a_database_that_is_written_becomes_another_that_serves() {
    let (config, dir) = (support::database().await, tempfile::tempdir().unwrap());
    let mut ledger = Ledger::new(postgres(&config, Access::Serve, None).await).await;
    let before = contents(&ledger.store).await;
    let from = postgres(&config, Access::Carry, None).await;
    let identity = from.portable.identity().await.unwrap();
    let quiet = |_, _, _| {};
    let made = || StoreOptions { birth: Some(arriving(identity)), ..StoreOptions::unguarded(dir.path()) };
    let backup = Holding::of(Arc::new(SqliteStore::open(made()).unwrap()));
    snapshot(&from, &backup, &Custody::Backup, &mut quiet.clone()).await.unwrap();
    ledger.write(1).await;
    assert_eq!(contents(&backup).await, before);
    assert!(!dir.path().join("head").exists());
    let restored = support::database().await;
    let to = postgres(&restored, Access::Carry, Some(arriving(identity))).await;
    snapshot(&backup, &to, &Custody::default(), &mut quiet.clone()).await.unwrap();
    let live = postgres(&restored, Access::Serve, None).await;
    assert_eq!(contents(&live).await, before);
    drop(backup);
    let refused = SqliteStore::open(embedded(dir.path(), Access::Serve, None)).map(drop).unwrap_err();
    assert!(refused.to_string().contains("ledger restore"), "{refused}");
}

/// More than one batch; `LEDGER_TEST_LONG=1` makes it 100,000 events and prints how fast they were carried.
#[tokio::test]
async fn many_events_are_carried_in_batches() {
    let long = std::env::var_os("LEDGER_TEST_LONG").is_some_and(|value| value == "1");
    let (events, dir, config) =
        (if long { 100_000 } else { 5_000 }, tempfile::tempdir().unwrap(), support::database().await);
    let from = sqlite(dir.path(), Access::Serve, None);
    let mut sealers = Vec::new();
    for (tenant, slot) in [("a", 1), ("b", 2)] {
        let mut sealer = Sealer::new(tenant, slot);
        sealer.filling = 300;
        from.side.put_log(sealer.log(Some(u32::from(slot)))).await.unwrap();
        from.events.append(vec![sealer.genesis()]).await.unwrap();
        sealers.push(sealer);
    }
    for batch in 0..events / 1000 {
        let append = |n: usize| {
            let stream = format!("s-{}", (batch * 1000 + n) % 997);
            sealers[n % 2].append(&stream, 1)
        };
        from.events.append((0..1000).map(append).collect()).await.unwrap();
    }
    drop(from);
    let from = sqlite(dir.path(), Access::Carry, None);
    let to = postgres(&config, Access::Carry, Some(arriving(from.portable.identity().await.unwrap()))).await;
    let (watch, mut carried) = (ledger::clock::Stopwatch::start(), None);
    let mut progress = |step, done, of| {
        if (step, done) == (Step::Carrying, of) && carried.is_none() {
            carried = Some(watch.elapsed());
        }
    };
    let moved = relocate(&from, &to, "the database", &mut progress).await.unwrap();
    let Moved::Now(arrived) = moved else { panic!("for the first time") };
    let (carried, all) = (carried.unwrap().as_secs_f64(), watch.elapsed().as_secs_f64());
    assert_eq!(arrived.carried, events as u64 + 2);
    let rate = |seconds: f64| u32::try_from(events).map_or(0.0, f64::from) / seconds;
    println!("{events} events: carried {:.0}/s, moved and verified {:.0}/s", rate(carried), rate(all));
}
