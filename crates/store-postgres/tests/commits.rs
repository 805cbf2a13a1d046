//! What goes by COPY in a large commit goes by arrays in a small one, and is the same in the database.

mod support;

use ledger_store::conformance::Sealer;
use ledger_store::{Append, CommandRecord, EventStore, SideStore, Verdict};
use ledger_store_postgres::PostgresStore;
use tokio_postgres::{Config, NoTls};

/// Above what a commit needs to go by COPY.
const STREAMS: usize = 100;

/// Every table of which a commit writes rows, as text.
async fn rows(config: &Config) -> Vec<String> {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(async move { connection.await.unwrap() });
    let mut all = Vec::new();
    for table in
        ["events", "stream_heads", "stream_pages", "commands", "disclosures", "tiles", "logs", "kinds"]
    {
        let sql = format!("SELECT '{table}' || t::text FROM {table} t ORDER BY 1");
        all.extend(client.query(&sql, &[]).await.unwrap().iter().map(|row| row.get::<_, String>(0)));
    }
    all
}

/// New streams with commands and withheld members, then more on some of them: one has so many that they fill a page.
fn appends(sealer: &mut Sealer) -> Vec<Append> {
    let mut all = Vec::new();
    for n in 0..STREAMS {
        let subject = if n % 2 == 0 { "ann" } else { "bob" };
        let record = CommandRecord { id: format!("c-{n}").parse().unwrap(), body_mac: [7; 32] };
        let events = vec![sealer.withheld(&format!("s-{n}"), subject)];
        all.push(Append::new(events).unwrap().with_command(record));
    }
    all.extend((0..STREAMS / 2).map(|n| sealer.append(&format!("s-{n}"), if n == 0 { 70 } else { 2 })));
    all
}

/// Writes all in commits of `size` appends; the verdicts and what is in the database then.
async fn written(
    all: &[Append],
    genesis: &Append,
    sealer: &Sealer,
    size: usize,
) -> (Vec<Verdict>, Vec<String>) {
    let config = support::database().await;
    let store = PostgresStore::open(support::folding(config.clone())).await.unwrap();
    store.put_log(sealer.log(Some(1))).await.unwrap();
    store.append(vec![genesis.clone()]).await.unwrap();
    let mut verdicts = Vec::new();
    for part in all.chunks(size) {
        verdicts.extend(store.append(part.to_vec()).await.unwrap());
    }
    // Repeated, they are what they were.
    assert_eq!(store.append(all[STREAMS..].to_vec()).await.unwrap(), verdicts[STREAMS..]);
    support::folded(&config).await;
    (verdicts, rows(&config).await)
}

#[tokio::test]
async fn a_large_commit_writes_the_rows_of_small_ones() {
    let mut sealer = Sealer::new("a", 1);
    let genesis = sealer.genesis();
    let all = appends(&mut sealer);
    let (verdicts, found) = written(&all, &genesis, &sealer, all.len()).await;
    assert!(verdicts.iter().all(|verdict| matches!(verdict, Verdict::Committed { .. })), "{verdicts:?}");
    assert!(found.len() > 5 * STREAMS, "{} rows", found.len());
    assert_eq!((verdicts, found), written(&all, &genesis, &sealer, 1).await);
}
