//! How far the store is, whoever commits: notifications wake, polling catches what they miss.

use std::future::poll_fn;
use std::time::Duration;

use tokio::sync::watch;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls};

use crate::committer::committed;
use crate::error::PgError;

/// Tells the position. It never goes back.
pub(crate) fn announce(position: &watch::Sender<u64>, reached: u64) {
    position.send_if_modified(|known| {
        let ahead = reached > *known;
        *known = reached.max(*known);
        ahead
    });
}

/// Follows the store for ever; reconnects as often as it takes.
pub(crate) async fn follow(config: Config, position: watch::Sender<u64>, poll: Duration) {
    loop {
        // An error ends the session; the next one is tried after a pause.
        drop(session(&config, &position, poll).await);
        tokio::time::sleep(poll).await;
    }
}

async fn session(config: &Config, position: &watch::Sender<u64>, poll: Duration) -> Result<(), PgError> {
    let (client, mut connection) = config.connect(NoTls).await?;
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
    let asked = ask(&client, position, poll);
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
