//! Connections: what is asked of the server, and the schema.

use ledger::clock::Entropy;
use tokio_postgres::{Client, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::OpenError;
use crate::options::{PostgresOptions, STATEMENT_MS_MAX};

/// Forward-only; `schema_version` holds the number of those that ran.
const MIGRATIONS: [&str; 2] = [
    include_str!("../../../migrations/postgres/0001_event_store.sql"),
    include_str!("../../../migrations/postgres/0002_leases.sql"),
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
         SET client_min_messages = warning",
        options.idle_in_transaction.as_millis()
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

fn statement(what: &'static str) -> impl Fn(tokio_postgres::Error) -> OpenError {
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

/// Brings the schema up to date; several processes may start at once.
pub(crate) async fn migrate(client: &mut Client, entropy: &dyn Entropy) -> Result<(), OpenError> {
    let failed = statement("migrations");
    let tx = client.transaction().await.map_err(&failed)?;
    tx.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).await.map_err(&failed)?;
    tx.batch_execute("CREATE TABLE IF NOT EXISTS schema_version (version bigint NOT NULL)")
        .await
        .map_err(&failed)?;
    let row =
        tx.query_one("SELECT coalesce(max(version), 0) FROM schema_version", &[]).await.map_err(&failed)?;
    let found: i64 = row.get(0);
    let known = i64::try_from(MIGRATIONS.len()).expect("migrations are few");
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    for (version, sql) in (1_i64..).zip(MIGRATIONS).filter(|(version, _)| *version > found) {
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
