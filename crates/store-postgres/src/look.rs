//! Looking at a database beside whoever works with it: one connection, one read-only transaction, nothing made.

use std::time::Duration;

use ledger::clock::Stopwatch;
use ledger::readmodel::Schema;
use ledger_store::keyring::first_secret;
use ledger_store::leases::Lease;
use tokio_postgres::Client;

use crate::connect::{check, connect, missing, statement};
use crate::error::OpenError;
use crate::guard::Guard;
use crate::options::PostgresOptions;
use crate::tls::is_local;

/// What a process writes, beside reading it: the rights without which it cannot work.
const RIGHTS: [(&str, &str); 17] = [
    ("schema_version", "SELECT"),
    ("store", "SELECT, UPDATE"),
    ("logs", "SELECT, INSERT, UPDATE"),
    ("successions", "SELECT"),
    ("checkpoints", "SELECT, INSERT, UPDATE"),
    ("kinds", "SELECT, INSERT"),
    ("events", "SELECT, INSERT"),
    ("stream_heads", "SELECT, INSERT, UPDATE"),
    ("stream_pages", "SELECT, INSERT"),
    ("tiles", "SELECT, INSERT, UPDATE"),
    ("commands", "SELECT, INSERT, DELETE"),
    ("disclosures", "SELECT, INSERT, DELETE"),
    ("secrets", "SELECT, INSERT, UPDATE, DELETE"),
    ("blobs", "SELECT, INSERT, DELETE"),
    ("anchors", "SELECT, INSERT"),
    ("anchor_leaves", "SELECT, INSERT"),
    ("leases", "SELECT, INSERT, UPDATE"),
];

/// A round trip is the shortest of so many: one alone may have waited for anything.
const ROUND_TRIPS: usize = 5;

/// A database as it is.
#[derive(Debug)]
pub struct Look {
    /// The server's version, as it says it.
    pub version: String,
    /// Its encoding.
    pub encoding: String,
    /// Why the ledger would not be opened there, if it would not.
    pub refused: Option<OpenError>,
    /// Is the server on another machine?
    pub remote: bool,
    /// Does the connection encrypt?
    pub encrypted: bool,
    /// How long the shortest of a few questions took.
    pub round_trip: Duration,
    /// The server's clock, in microseconds since 1970, half a round trip before it was read here.
    pub server_micros: i64,
    /// The standbys that commits wait for, as the server's setting names them; empty: none.
    pub synchronous_standbys: String,
    /// Who asks.
    pub role: String,
    /// May he do anything, guards against changed events included?
    pub superuser: bool,
    /// May he make tables, as read models need?
    pub may_create: bool,
    /// Connections of this program, of all, and the most that the server takes.
    pub connections: (u64, u64, u64),
    /// Migrations that have not run.
    pub pending: Vec<&'static str>,
    /// What is in it; nothing where there is no schema yet.
    pub contents: Option<Contents>,
}

/// What a ledger's database holds.
#[derive(Debug)]
pub struct Contents {
    /// Rights that the role lacks: of which table, which.
    pub rights_missing: Vec<(String, String)>,
    /// Can the role vacuum what an erasure destroys? Without it the bytes stay until the server cleans up by itself.
    pub may_vacuum: bool,
    /// The highest committed position.
    pub position: u64,
    /// How many logs there are.
    pub logs: u64,
    /// Events that are not in the table of heads: a process that starts reads so many.
    pub heads_behind: u64,
    /// The leases in force.
    pub leases: Vec<Lease>,
    /// The header of the newest event.
    pub newest: Option<Vec<u8>>,
    /// The wrapped secret that every ledger has.
    pub secret: Option<Vec<u8>>,
    /// The read models that this version of the program uses, if there are any.
    pub folded: Option<Folded>,
    /// Does the database have what the head file names? `None`: there is no head file, or none was named.
    pub head: Option<Result<(), OpenError>>,
}

/// How far read models are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Folded {
    /// The last position folded.
    pub position: u64,
    /// Events that could not be folded.
    pub quarantined: u64,
}

/// Looks at a database. It reads, and changes nothing.
///
/// # Errors
/// [`OpenError`]: it cannot be reached, or does not let the role read.
pub async fn look(options: &PostgresOptions, schema: &Schema) -> Result<Look, OpenError> {
    let client = connect(options).await?;
    let failed = statement("looking");
    let refused = check(&client).await.err();
    let (round_trip, server_micros) = time(&client).await.map_err(&failed)?;
    let row = client
        .query_one(
            "SELECT current_setting('server_version'), current_setting('server_encoding'),
                    current_setting('synchronous_standby_names'), current_user::text,
                    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
                    coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
                    (SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ledger'),
                    (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL),
                    current_setting('max_connections')::bigint",
            &[],
        )
        .await
        .map_err(&failed)?;
    let pending = missing(&client).await?;
    let count = |at: usize| u64::try_from(row.get::<_, i64>(at)).unwrap_or(0);
    let contents = if pending.is_empty() { Some(contents(&client, options, schema).await?) } else { None };
    Ok(Look {
        version: row.get(0),
        encoding: row.get(1),
        refused,
        remote: !is_local(&options.config),
        encrypted: options.tls.is_some(),
        round_trip,
        server_micros,
        synchronous_standbys: row.get(2),
        role: row.get(3),
        superuser: row.get(4),
        may_create: row.get(5),
        connections: (count(6), count(7), count(8)),
        pending,
        contents,
    })
}

async fn time(client: &Client) -> Result<(Duration, i64), tokio_postgres::Error> {
    let sql = client.prepare("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").await?;
    let mut best: Option<(Duration, i64)> = None;
    let mut last = 0;
    for _ in 0..ROUND_TRIPS {
        let watch = Stopwatch::start();
        last = client.query_one(&sql, &[]).await?.get(0);
        let took = watch.elapsed();
        if best.is_none_or(|(least, _)| took < least) {
            best = Some((took, last));
        }
    }
    // The latest reading: whoever compares it with his own clock does so now.
    Ok((best.map_or(Duration::ZERO, |(took, _)| took), last))
}

async fn contents(
    client: &Client,
    options: &PostgresOptions,
    schema: &Schema,
) -> Result<Contents, OpenError> {
    let failed = statement("looking");
    let rights_missing = rights_missing(client).await.map_err(&failed)?;
    client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY").await.map_err(&failed)?;
    let head = match &options.head {
        None => None,
        Some(head) => match Guard::look(client, head).await {
            Ok(false) => None,
            Ok(true) => Some(Ok(())),
            Err(error) => Some(Err(error)),
        },
    };
    let row = client
        .query_one(
            "SELECT (SELECT position FROM store), (SELECT count(*) FROM logs),
                    (SELECT header FROM events ORDER BY position DESC LIMIT 1),
                    (SELECT wrapped FROM secrets WHERE tenant = $1 AND kind = $2 AND id = $3),
                    (SELECT bool_and(pg_has_role(relowner, 'USAGE')) FROM pg_class
                     WHERE oid IN ('disclosures'::regclass, 'commands'::regclass, 'secrets'::regclass)),
                    to_regclass('views_generations') IS NOT NULL,
                    (SELECT position - folded FROM store)",
            &[&first_secret().tenant.as_str(), &first_secret().kind.as_str(), &first_secret().id],
        )
        .await
        .map_err(&failed)?;
    let sql = "SELECT name, holder, epoch FROM leases WHERE until >= clock_timestamp() ORDER BY name";
    let leases = client.query(sql, &[]).await.map_err(&failed)?;
    let folded = match row.get(5) {
        true => folded(client, schema).await.map_err(&failed)?,
        false => None,
    };
    client.batch_execute("ROLLBACK").await.map_err(&failed)?;
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    Ok(Contents {
        rights_missing,
        may_vacuum: row.get::<_, Option<bool>>(4).unwrap_or(false),
        position: count(row.get(0)),
        logs: count(row.get(1)),
        heads_behind: count(row.get(6)),
        leases: leases
            .iter()
            .map(|row| Lease { name: row.get(0), holder: row.get(1), epoch: count(row.get(2)) })
            .collect(),
        newest: row.get(2),
        secret: row.get(3),
        folded,
        head,
    })
}

async fn rights_missing(client: &Client) -> Result<Vec<(String, String)>, tokio_postgres::Error> {
    let wanted =
        RIGHTS.iter().flat_map(|(table, rights)| rights.split(", ").map(move |right| (*table, right)));
    let (tables, rights): (Vec<&str>, Vec<&str>) = wanted.unzip();
    let sql =
        "SELECT t, r FROM unnest($1::text[], $2::text[]) AS w (t, r) WHERE NOT has_table_privilege(t, r)";
    let rows = client.query(sql, &[&tables, &rights]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

async fn folded(client: &Client, schema: &Schema) -> Result<Option<Folded>, tokio_postgres::Error> {
    let sql = "SELECT position, (SELECT count(*) FROM views_poisoned WHERE generation = number)
               FROM views_generations WHERE fingerprint = $1 AND current";
    let row = client.query_opt(sql, &[&schema.fingerprint()]).await?;
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    Ok(row.map(|row| Folded { position: count(row.get(0)), quarantined: count(row.get(1)) }))
}
