//! How far the store is, whoever commits: notifications wake, polling catches what they miss.

use std::future::poll_fn;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Client, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::committer::committed;
use crate::error::PgError;
use crate::options::PostgresOptions;

/// Tells the position. It never goes back.
pub(crate) fn announce(position: &watch::Sender<u64>, reached: u64) {
    position.send_if_modified(|known| {
        let ahead = reached > *known;
        *known = reached.max(*known);
        ahead
    });
}

/// Follows the store for ever; reconnects as often as it takes.
pub(crate) async fn follow(options: PostgresOptions, position: watch::Sender<u64>) {
    loop {
        // An error ends the session; the next one is tried after a pause.
        drop(session(&options, &position).await);
        tokio::time::sleep(options.poll).await;
    }
}

/// A connection that tells what its notifications say; the task that does its work ends with it.
pub(crate) async fn listening(
    options: &PostgresOptions,
    tell: impl Fn(&str) + Send + 'static,
) -> Result<(Client, JoinHandle<()>), PgError> {
    match options.tls.clone() {
        Some(tls) => listening_by(options, MakeRustlsConnect::new(tls), tell).await,
        None => listening_by(options, NoTls, tell).await,
    }
}

async fn listening_by<T>(
    options: &PostgresOptions,
    tls: T,
    tell: impl Fn(&str) + Send + 'static,
) -> Result<(Client, JoinHandle<()>), PgError>
where
    T: MakeTlsConnect<Socket, Stream: Send + 'static>,
{
    let (client, mut connection) = options.config.connect(tls).await?;
    let driver = tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
            if let AsyncMessage::Notification(notification) = message {
                tell(notification.payload());
            }
        }
    });
    Ok((client, driver))
}

async fn session(options: &PostgresOptions, position: &watch::Sender<u64>) -> Result<(), PgError> {
    let told = position.clone();
    let tell = move |payload: &str| {
        if let Ok(reached) = payload.parse() {
            announce(&told, reached);
        }
    };
    let (client, mut driver) = listening(options, tell).await?;
    let asked = ask(&client, position, options.poll);
    let outcome = tokio::select! {
        outcome = asked => outcome,
        _ = &mut driver => Ok(()),
    };
    driver.abort();
    outcome
}

async fn ask(client: &Client, position: &watch::Sender<u64>, poll: Duration) -> Result<(), PgError> {
    client.batch_execute("LISTEN ledger").await?;
    loop {
        announce(position, committed(client).await?);
        tokio::time::sleep(poll).await;
    }
}
