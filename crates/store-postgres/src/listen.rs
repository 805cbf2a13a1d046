//! How far the store is, whoever commits: notifications wake, polling catches what they miss.

use std::future::poll_fn;
use std::time::Duration;

use tokio::sync::watch;
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
        let ended = match options.tls.clone() {
            Some(tls) => session(&options, MakeRustlsConnect::new(tls), &position).await,
            None => session(&options, NoTls, &position).await,
        };
        drop(ended);
        tokio::time::sleep(options.poll).await;
    }
}

async fn session<T>(options: &PostgresOptions, tls: T, position: &watch::Sender<u64>) -> Result<(), PgError>
where
    T: MakeTlsConnect<Socket, Stream: Send + 'static>,
{
    let (client, mut connection) = options.config.connect(tls).await?;
    let told = position.clone();
    let mut driver = tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
            if let AsyncMessage::Notification(notification) = message
                && let Ok(reached) = notification.payload().parse()
            {
                announce(&told, reached);
            }
        }
    });
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
