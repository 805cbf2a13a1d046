//! Connections: what is asked of the server, and the schema.

use ledger::clock::Entropy;
use ledger_store::Access;
use tokio_postgres::{Client, GenericClient, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::OpenError;
use crate::options::{PostgresOptions, STATEMENT_MS_MAX};

/// Forward-only; `schema_version` holds the number of those that ran.
const MIGRATIONS: [(&str, &str); 6] = [
    ("0001_event_store", include_str!("../../../migrations/postgres/0001_event_store.sql")),
    ("0002_leases", include_str!("../../../migrations/postgres/0002_leases.sql")),
    ("0003_custody", include_str!("../../../migrations/postgres/0003_custody.sql")),
    ("0004_successions", include_str!("../../../migrations/postgres/0004_successions.sql")),
    ("0005_heads_with_room", include_str!("../../../migrations/postgres/0005_heads_with_room.sql")),
    ("0006_heads_behind", include_str!("../../../migrations/postgres/0006_heads_behind.sql")),
];

/// Any number that others are unlikely to use: `ledger` in ASCII.
const MIGRATION_LOCK: i64 = 0x6c65_6467_6572;

/// Opens a connection and makes its settings. Its work is done by a task that ends with it.
pub(crate) async fn connect(options: &PostgresOptions) -> Result<Client, OpenError> {
    let refused = |error: tokio_postgres::Error| OpenError::Connect(full(&error));
    // A connection's end shows in the client, whose next call fails.
    let client = match &options.tls {
        Some(tls) => {
            let tls = MakeRustlsConnect::new(tls.clone());
            let (client, connection) = options.config.connect(tls).await.map_err(refused)?;
            tokio::spawn(async move { drop(connection.await) });
            client
        }
        None => {
            let (client, connection) = options.config.connect(NoTls).await.map_err(refused)?;
            tokio::spawn(async move { drop(connection.await) });
            client
        }
    };
    let settings = format!(
        "SET idle_in_transaction_session_timeout = {};
         SET statement_timeout = {STATEMENT_MS_MAX};
         SET synchronous_commit = on;
         SET client_min_messages = warning;
         SET ledger.carrying = '{}'",
        options.idle_in_transaction.as_millis(),
        if options.access == Access::Carry { "on" } else { "off" },
    );
    client.batch_execute(&settings).await.map_err(statement("settings"))?;
    Ok(client)
}

/// The server's words, or the client's kind of error with its causes.
pub(crate) fn full(error: &tokio_postgres::Error) -> String {
    if let Some(error) = error.as_db_error() {
        return error.to_string();
    }
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

pub(crate) fn statement(what: &'static str) -> impl Fn(tokio_postgres::Error) -> OpenError {
    move |error| OpenError::Statement { what, reason: full(&error) }
}

/// Refuses a server that cannot keep the contract.
pub(crate) async fn check(client: &Client) -> Result<(), OpenError> {
    let show = |setting: &'static str| async move {
        let row = client.query_one(&format!("SHOW {setting}"), &[]).await.map_err(statement("settings"))?;
        Ok::<String, OpenError>(row.get(0))
    };
    let version = show("server_version_num").await?;
    if version.parse::<u32>().unwrap_or(0) < 130_000 {
        return Err(OpenError::Version { found: version, needed: "13" });
    }
    for (setting, wanted) in [("server_encoding", "UTF8"), ("fsync", "on"), ("transaction_read_only", "off")]
    {
        let found = show(setting).await?;
        if found != wanted {
            return Err(OpenError::Setting { setting, found, wanted });
        }
    }
    Ok(())
}

/// The migrations that a database still needs, by name.
///
/// # Errors
/// [`OpenError`]
pub async fn pending(options: &PostgresOptions) -> Result<Vec<&'static str>, OpenError> {
    let client = connect(options).await?;
    check(&client).await?;
    missing(&client).await
}

/// Is there neither a ledger nor a read model in the database? It reads, and makes nothing.
///
/// # Errors
/// [`OpenError`]
pub async fn is_empty(options: &PostgresOptions) -> Result<bool, OpenError> {
    let client = connect(options).await?;
    for table in ["logs", "views_generations"] {
        let failed = statement("looking for a ledger");
        let there = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&table]).await;
        if there.map_err(&failed)?.get(0) {
            let sql = format!("SELECT EXISTS (SELECT 1 FROM {table})");
            if client.query_one(&sql, &[]).await.map_err(&failed)?.get(0) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The migrations that have not run, by name.
pub(crate) async fn missing(client: &Client) -> Result<Vec<&'static str>, OpenError> {
    let failed = statement("migrations");
    let there =
        client.query_one("SELECT to_regclass('schema_version') IS NOT NULL", &[]).await.map_err(&failed)?;
    let found = match there.get(0) {
        true => version(client).await.map_err(&failed)?,
        false => 0,
    };
    known(found)?;
    Ok((1_i64..).zip(MIGRATIONS).filter(|(version, _)| *version > found).map(|(_, (name, _))| name).collect())
}

/// Brings a database's schema up to date.
///
/// # Errors
/// [`OpenError`]
pub async fn migrate(options: &PostgresOptions) -> Result<(), OpenError> {
    let mut client = connect(options).await?;
    check(&client).await?;
    bring_up(&mut client, &*options.entropy).await
}

async fn version(client: &impl GenericClient) -> Result<i64, tokio_postgres::Error> {
    Ok(client.query_one("SELECT coalesce(max(version), 0) FROM schema_version", &[]).await?.get(0))
}

fn known(found: i64) -> Result<(), OpenError> {
    let known = i64::try_from(MIGRATIONS.len()).expect("migrations are few");
    if found > known { Err(OpenError::Newer { found, known }) } else { Ok(()) }
}

/// Brings the schema up to date; several processes may start at once. A schema that is up to date needs no right to change
/// it.
pub(crate) async fn bring_up(client: &mut Client, entropy: &dyn Entropy) -> Result<(), OpenError> {
    let failed = statement("migrations");
    if let Ok(found) = version(client).await {
        known(found)?;
        if found == i64::try_from(MIGRATIONS.len()).expect("migrations are few") {
            return Ok(());
        }
    }
    let tx = client.transaction().await.map_err(&failed)?;
    tx.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).await.map_err(&failed)?;
    tx.batch_execute("CREATE TABLE IF NOT EXISTS schema_version (version bigint NOT NULL)")
        .await
        .map_err(&failed)?;
    let found = version(&tx).await.map_err(&failed)?;
    known(found)?;
    for (version, (_, sql)) in (1_i64..).zip(MIGRATIONS).filter(|(version, _)| *version > found) {
        tx.batch_execute(sql).await.map_err(&failed)?;
        tx.execute("INSERT INTO schema_version VALUES ($1)", &[&version]).await.map_err(&failed)?;
        if version == 1 {
            let mut id = [0; 16];
            entropy.fill(&mut id);
            tx.execute("INSERT INTO store (id) VALUES ($1)", &[&&id[..]]).await.map_err(&failed)?;
        }
    }
    tx.commit().await.map_err(&failed)
}
