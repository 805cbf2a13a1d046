//! R5: whoever can write the database, and switch its guards off, changes history. The first bad event is named.

mod support;

use ledger::event::{EventHash, Header, entry_bytes};
use ledger::merkle::{leaf_hash, root_of};
use ledger_store::conformance::Sealer;
use ledger_store::verify::{Verification, verify_events};
use ledger_store::{EventStore, SideStore};
use ledger_store_postgres::{PostgresOptions, PostgresStore};
use tokio_postgres::{Client, Config};

const EVENTS: i64 = 300;
const VICTIM: u64 = 290;

/// A database with one log, of three streams in turn.
async fn filled() -> Config {
    let config = support::database().await;
    let store = PostgresStore::open(support::folding(config.clone())).await.unwrap();
    let mut sealer = Sealer::new("a", 1);
    sealer.filling = 3;
    store.put_log(sealer.log(Some(1))).await.unwrap();
    store.append(vec![sealer.genesis()]).await.unwrap();
    for number in 1..EVENTS {
        store.append(vec![sealer.append(&format!("note-{}", number % 3), 1)]).await.unwrap();
    }
    support::folded(&config).await;
    config
}

/// A copy of a database.
async fn copied(original: &Config, name: &str) -> Config {
    let template = original.get_dbname().unwrap();
    support::administer(original, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    let mut config = original.clone();
    config.dbname(name);
    config
}

async fn verified(config: &Config) -> Verification {
    let store = PostgresStore::open(PostgresOptions::new(config.clone())).await.unwrap();
    verify_events(&store, &store, |_, _| {}).await.unwrap()
}

/// A connection past the guards, as a superuser has it.
async fn unguarded(config: &Config) -> Client {
    let client = support::client(config).await;
    client.batch_execute("SET session_replication_role = replica").await.unwrap();
    client
}

/// Moves everything from a position on by one, up or down; the rows keep their order.
fn shifted(from: u64, by: i64) -> String {
    format!(
        "UPDATE events SET position = -position - ({by}), idx = -idx - ({by}) WHERE position >= {from};
         UPDATE events SET position = -position, idx = -idx WHERE position < 0;"
    )
}

#[tokio::test]
async fn the_first_event_that_was_tampered_with_is_named() {
    let original = filled().await;
    let report = verified(&original).await;
    assert!(report.holds(), "{:?}", report.failures);
    let update = "SET header = convert_to(replace(convert_from(header, 'UTF8'), '\"note\":\"xxx\"', '\"note\":\"yyy\"'), 'UTF8')";
    let cases = [
        ("header", format!("UPDATE events {update} WHERE position = {VICTIM}"), VICTIM),
        (
            "signature",
            format!(
                "UPDATE events SET signature = (SELECT signature FROM events WHERE position = 1) WHERE position = {VICTIM}"
            ),
            VICTIM,
        ),
        ("delete", format!("DELETE FROM events WHERE position = {VICTIM}"), VICTIM),
        // Shown by the next event of the same stream.
        (
            "closed",
            format!("DELETE FROM events WHERE position = {VICTIM}; {}", shifted(VICTIM, -1)),
            VICTIM + 2,
        ),
        (
            "reorder",
            format!(
                "UPDATE events SET position = -1, idx = -1 WHERE position = {VICTIM};
                 UPDATE events SET position = {VICTIM}, idx = {VICTIM} - 1 WHERE position = {VICTIM} + 3;
                 UPDATE events SET position = {VICTIM} + 3, idx = {VICTIM} + 2 WHERE position = -1"
            ),
            VICTIM,
        ),
        (
            "insert",
            format!(
                "{} INSERT INTO events SELECT {VICTIM}, log, {VICTIM} - 1, kind, header, signature, leaf FROM events WHERE position = {VICTIM} - 1",
                shifted(VICTIM, 1)
            ),
            VICTIM,
        ),
        ("truncate", format!("DELETE FROM events WHERE position >= {VICTIM}"), VICTIM),
        ("type", "UPDATE kinds SET type = 'ledger.other.v1' WHERE type LIKE 'ledger.test%'".to_owned(), 2),
    ];
    for (name, sql, first) in cases {
        let copy = copied(&original, &format!("tampered_{name}")).await;
        // The control: with its guards the database refuses whatever touches an event.
        if name != "type" {
            let refused = support::client(&copy).await.batch_execute(&sql).await.unwrap_err();
            let words = refused.as_db_error().map(ToString::to_string).unwrap_or_default();
            assert!(words.contains("never changed or deleted"), "{name}: {words}");
        }
        unguarded(&copy).await.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let report = verified(&copy).await;
        assert!(!report.holds(), "{name}");
        let failure = &report.failures[0];
        assert_eq!(failure.position.unwrap_or(0), first, "{name}: {failure}");
    }
}

/// Everything that needs no key is made to fit: leaf, root, and the head of the stream.
#[tokio::test]
async fn a_last_event_that_was_changed_and_hashed_anew_is_named_by_its_signature() {
    let copy = copied(&filled().await, "tampered_anew").await;
    let client = unguarded(&copy).await;
    let row = client
        .query_one("SELECT header, signature FROM events WHERE position = $1", &[&EVENTS])
        .await
        .unwrap();
    let (header, signature): (Vec<u8>, Vec<u8>) = (row.get(0), row.get(1));
    let header =
        String::from_utf8(header).unwrap().replace("\"note\":\"xxx\"", "\"note\":\"yyy\"").into_bytes();
    let parsed = Header::parse(&header).unwrap();
    let leaf = leaf_hash(&entry_bytes(&header, &signature.try_into().unwrap(), parsed.kid));
    let change = "UPDATE events SET header = $2, leaf = $3 WHERE position = $1";
    client.execute(change, &[&EVENTS, &header, &&leaf[..]]).await.unwrap();
    let leaves = client.query("SELECT leaf FROM events ORDER BY idx", &[]).await.unwrap();
    let root = root_of(leaves.iter().map(|row| row.get::<_, Vec<u8>>(0).try_into().unwrap()));
    client.execute("UPDATE logs SET root = $1", &[&&root[..]]).await.unwrap();
    let head = EventHash::of(&header);
    let fitted = "UPDATE stream_heads SET hash = $1 WHERE stream = $2";
    client.execute(fitted, &[&&head.0[..], &parsed.stream.as_str()]).await.unwrap();
    let report = verified(&copy).await;
    let failures: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
    assert_eq!(report.failures[0].position, u64::try_from(EVENTS).ok(), "{failures:?}");
    assert!(failures[0].contains("signature"), "{failures:?}");
    assert_eq!(failures.len(), 1, "all that needs no key was made to fit: {failures:?}");
}
