//! A bare notification: from one connection to another, with nothing written.

use std::time::Duration;

use ledger::clock::Stopwatch;
use ledger_store::StoreError;
use tokio::sync::mpsc;

use super::{failed, opened};
use crate::connect::connect;
use crate::listen::listening;
use crate::options::PostgresOptions;

/// Sends so many notifications, one after another, `pause` between two; how long each took to arrive.
///
/// # Errors
/// The database's.
pub async fn notify_round_trips(
    options: &PostgresOptions,
    count: usize,
    pause: Duration,
) -> Result<Vec<Duration>, StoreError> {
    let (send, mut arrived) = mpsc::unbounded_channel();
    let tell = move |_: &str| {
        // Nobody waits any more.
        let _ = send.send(());
    };
    let (listener, driver) = listening(options, tell).await.map_err(|error| error.nothing_happened())?;
    listener.batch_execute("LISTEN bench").await.map_err(failed)?;
    let client = connect(options).await.map_err(opened)?;
    let notify = client.prepare("SELECT pg_notify('bench', $1)").await.map_err(failed)?;
    let mut times = Vec::with_capacity(count);
    for number in 0..count {
        tokio::time::sleep(pause).await;
        let watch = Stopwatch::start();
        client.execute(&notify, &[&number.to_string()]).await.map_err(failed)?;
        let gone = || StoreError::Unavailable { reason: "the connection that listens has ended".to_owned() };
        arrived.recv().await.ok_or_else(gone)?;
        times.push(watch.elapsed());
    }
    driver.abort();
    Ok(times)
}
