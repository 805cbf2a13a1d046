//! Drives reactors: reads events in order, runs the commands they want, remembers how far it has come.
//!
//! The place is kept in a file. Losing it, or finding that it belongs to another store (a restored backup), means going
//! through the log again, which the derived command ids and the aggregates make harmless.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use ledger::event::Header;
use ledger_projections::reactors::{
    ALERT_TYPES, EVIDENCE_TYPES, Intent, IntentCommand, SeenEvent, alerts, evidence_to_controls,
};
use ledger_store::{Delivery, Filter, Read, StoredEvent, Subscription};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::app::App;
use crate::commands::Order;
use crate::error::ApiError;

/// Events of one batch: evidence for one control in a batch becomes one command.
const BATCH_EVENTS: usize = 2_000;
/// After a failure the same batch is tried again.
const REST: Duration = Duration::from_millis(500);

/// How far the reactors have come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// The position of the last event that was reacted to.
    position: u64,
    /// Its hash's first bytes: tells another store's event at the same position.
    mark: u64,
}

fn mark(event: &StoredEvent) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = ledger::event::EventHash::of(&event.header).0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// Runs until `stop` turns true.
pub async fn run(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let file = app.config.data.dir.join("reactors.json");
    let mut place = start(&app, &file).await;
    let types = EVIDENCE_TYPES.iter().chain(ALERT_TYPES).map(|t| (*t).to_owned()).collect();
    let filter = Filter { types, ..Filter::default() };
    let mut subscription =
        Subscription::new(Arc::clone(&app.store), place.position + 1, filter).page(BATCH_EVENTS);
    loop {
        let delivery = tokio::select! {
            delivery = subscription.next() => delivery,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let events = match delivery {
            Ok(Delivery::Events(events)) => events,
            Ok(Delivery::CaughtUp { .. }) => {
                app.reacted.send_replace(subscription.position().saturating_sub(1));
                continue;
            }
            Err(error) => {
                tracing::warn!(%error, "the reactors cannot read the log");
                continue;
            }
        };
        while let Err(error) = react(&app, &events).await {
            tracing::warn!(%error, "a reaction failed and is tried again");
            tokio::select! {
                () = tokio::time::sleep(REST) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
        if let Some(last) = events.last() {
            place = Place { position: last.position, mark: mark(last) };
            if let Err(error) = keep(&file, place) {
                tracing::warn!(%error, "the reactors' place cannot be kept; the log is gone through again at the next start");
            }
        }
        app.reacted.send_replace(subscription.position().saturating_sub(1));
    }
}

async fn react(app: &App, events: &[StoredEvent]) -> Result<(), ApiError> {
    let seen: Vec<SeenEvent> = events.iter().filter_map(read).collect();
    let cadence = |tenant: &ledger::ids::TenantId, control: &ledger_aggregates::values::ControlRef| {
        app.catalogue.cadence(tenant, control)
    };
    let intents = evidence_to_controls(&seen, &cadence).into_iter().chain(alerts(&seen)).collect();
    carry_out(app, intents).await
}

/// What cannot be read is the projections' to quarantine; a reactor passes over it.
fn read(event: &StoredEvent) -> Option<SeenEvent> {
    let header = Header::parse_trusted(&event.header).ok()?;
    SeenEvent::read(&header).ok().flatten()
}

/// Runs the commands that a reactor wants, in order. A refusal ends the matter; only failures of the store come back.
///
/// # Errors
/// The store cannot take commands now.
pub async fn carry_out(app: &App, intents: Vec<Intent>) -> Result<(), ApiError> {
    for intent in intents {
        let mut order = Order::system("reactor", &intent.tenant, intent.command.stream(), intent.id);
        order.cause = intent.cause;
        let done = match &intent.command {
            IntentCommand::Control(_, command) => {
                app.command::<ledger_aggregates::control::Control>(&order, command).await
            }
            IntentCommand::Alert(_, command) => {
                app.command::<ledger_aggregates::alert::Alert>(&order, command).await
            }
            IntentCommand::Probe(_, command) => {
                app.command::<ledger_aggregates::probe::Probe>(&order, command).await
            }
            IntentCommand::Credential(_, command) => {
                app.command::<ledger_aggregates::credential::Credential>(&order, command).await
            }
        };
        match done {
            Ok(_) => {}
            Err(error) if error.code.status < 500 => {
                tracing::debug!(stream = %intent.command.stream(), detail = %error.detail, "a reaction was refused");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Where to go on: the kept place, if the store still has that event there.
async fn start(app: &App, file: &PathBuf) -> Place {
    let Ok(bytes) = fs::read(file) else { return Place::default() };
    let Ok(place) = serde_json::from_slice::<Place>(&bytes) else { return Place::default() };
    let kept = app
        .store
        .read(Read::all(place.position).limit(1))
        .await
        .ok()
        .and_then(|page| page.events.into_iter().next());
    match kept {
        Some(event) if event.position == place.position && mark(&event) == place.mark => place,
        _ => {
            tracing::info!("the reactors' place is of another store: going through the log again");
            Place::default()
        }
    }
}

fn keep(file: &PathBuf, place: Place) -> Result<()> {
    let partial = file.with_extension("partial");
    fs::File::create(&partial)?.write_all(&serde_json::to_vec(&place)?)?;
    fs::rename(&partial, file)?;
    Ok(())
}
