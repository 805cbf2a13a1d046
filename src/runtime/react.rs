//! Drives reactors: reads events in order, runs the commands they want, remembers how far it has come.
//!
//! The place is kept beside the lease. Losing it, or finding that it belongs to another store (a restored backup), means
//! going through the log again, which the derived command ids and the aggregates make harmless.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ledger::ids::{StreamId, TenantId};
use ledger_aggregates::alert::Alert;
use ledger_aggregates::control::{Control, ControlCommand, Observation};
use ledger_aggregates::credential::Credential;
use ledger_aggregates::intent::Intent as Work;
use ledger_aggregates::probe::Probe;
use ledger_aggregates::task::Task;
use ledger_aggregates::ticket::Ticket;
use ledger_aggregates::values::{ControlRef, EvidenceId, TaskId};
use ledger_projections::reactors::{
    ALERT_TYPES, Around, EVIDENCE_TYPES, Intent, IntentCommand, SeenEvent, TASK_TYPES, TICKET_TYPES, alerts,
    asked, evidence_to_controls, tasks, tickets,
};
use ledger_store::{Delivery, Filter, Read, StoredEvent, Subscription};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

use crate::app::App;
use crate::commands::{Done, Order};
use crate::connect::marks::Marks;
use crate::error::ApiError;

mod open;
#[cfg(test)]
mod tests;

/// Events of one batch: evidence for one control in a batch becomes one command.
const BATCH_EVENTS: usize = 2_000;
/// While evidence keeps coming, it is reacted to no more often: the more pieces, the fewer commands and commits.
const GATHER: Duration = Duration::from_millis(20);
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

/// The duty, and the name of its place.
const DUTY: &str = "reactors";

/// Runs until `stop` turns true; `epoch` is that of the lease under which it runs.
pub async fn run(app: Arc<App>, epoch: u64, mut stop: watch::Receiver<bool>) {
    let mut place = start(&app).await;
    let filter = Filter { types: types(), ..Filter::default() };
    // Nobody hurries a reactor: what follows from evidence is told when it is there.
    let mut subscription = Subscription::new(Arc::clone(&app.store), place.position + 1, filter)
        .page(BATCH_EVENTS)
        .gather(GATHER, Arc::new(Notify::new()));
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
            keep(&app, epoch, place).await;
        }
        app.reacted.send_replace(subscription.position().saturating_sub(1));
    }
}

/// The types for which the routes matter.
const ROUTED_TYPES: [&str; 2] = ["ledger.control.observation_raised.v1", "ledger.task.opened.v1"];

/// Every type that a reactor reads, once: a filter names no type twice.
fn types() -> Vec<String> {
    let all = [EVIDENCE_TYPES, ALERT_TYPES, TASK_TYPES, TICKET_TYPES].concat();
    all.into_iter().map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
}

async fn react(app: &App, events: &[StoredEvent]) -> Result<(), ApiError> {
    let seen = open::read(app, events).await?;
    // What is routed follows the routes as they stood by then; evidence alone needs none and does not wait.
    if let Some(last) = events.iter().rfind(|event| ROUTED_TYPES.contains(&&*event.event_type)) {
        app.directory_at(last.position).await?;
    }
    let cadence = |tenant: &TenantId, control: &ControlRef| app.catalogue.cadence(tenant, control);
    carry_out(app, evidence_to_controls(&seen, &cadence)).await?;
    let failures = failures(app, &seen).await?;
    carry_out(app, wanted(app, &seen, &failures)).await
}

/// The numbers of the failures that controls are in.
type Failures = BTreeMap<(TenantId, ControlRef), u32>;

/// Which of the controls fail that somebody brings evidence about. Without routes no task asks.
async fn failures(app: &App, seen: &[SeenEvent]) -> Result<Failures, ApiError> {
    let routed = seen.iter().filter(|seen| !asked(seen).is_empty());
    let routed = routed.filter(|seen| !app.catalogue.routes(&seen.tenant).is_empty());
    let controls: BTreeSet<(&TenantId, &ControlRef)> =
        routed.flat_map(|seen| asked(seen).iter().map(|control| (&seen.tenant, control))).collect();
    let mut failures = Failures::new();
    for (tenant, control) in controls {
        let state = app.state::<Control>(tenant, &control.stream()).await?;
        if let Observation::Open { epoch } = state.observation() {
            failures.insert((tenant.clone(), control.clone()), epoch);
        }
    }
    Ok(failures)
}

/// What the reactors want of a batch, in the order in which it is carried out.
fn wanted(app: &App, seen: &[SeenEvent], failures: &Failures) -> Vec<Intent> {
    let around = Around {
        routes: &|tenant| app.catalogue.routes(tenant),
        title: &|tenant, control| app.catalogue.title(tenant, control),
        failure: &|tenant, control| failures.get(&(tenant.clone(), control.clone())).copied(),
        mac: &|tenant, value| Marks::of(app, tenant).value(value).ok(),
        page: &|stream| app.config.server.page(&path(stream)?),
    };
    let work = tasks(seen, &around).into_iter().chain(tickets(seen, &around));
    alerts(seen).into_iter().chain(work).collect()
}

/// Where the console shows a stream.
fn path(stream: &StreamId) -> Option<String> {
    if let Some(control) = ControlRef::from_stream(stream) {
        return Some(format!("frameworks/{}/{}", control.framework, control.control));
    }
    if let Some(task) = TaskId::from_stream(stream) {
        return Some(format!("tasks/{task}"));
    }
    EvidenceId::from_stream(stream).map(|evidence| format!("evidence/{evidence}"))
}

/// Runs the commands that a reactor wants, in order. A refusal ends the matter; only failures of the store come back.
///
/// # Errors
/// The store cannot take commands now.
pub async fn carry_out(app: &App, intents: Vec<Intent>) -> Result<(), ApiError> {
    for run in intents.chunk_by(together) {
        let Intent { tenant, command, .. } = &run[0];
        match command {
            IntentCommand::Control(..) => assess(app, run).await?,
            IntentCommand::Alert(_, command) => {
                ended(&run[0], app.command::<Alert>(&order(tenant, &run[0]), command).await)?;
            }
            IntentCommand::Probe(_, command) => {
                ended(&run[0], app.command::<Probe>(&order(tenant, &run[0]), command).await)?;
            }
            IntentCommand::Credential(_, command) => {
                ended(&run[0], app.command::<Credential>(&order(tenant, &run[0]), command).await)?;
            }
            IntentCommand::Task(_, command) => {
                ended(&run[0], app.command::<Task>(&order(tenant, &run[0]), command).await)?;
            }
            IntentCommand::Ticket(_, command) => {
                ended(&run[0], app.command::<Ticket>(&order(tenant, &run[0]), command).await)?;
            }
            IntentCommand::Intent(_, command) => {
                ended(&run[0], app.command::<Work>(&order(tenant, &run[0]), command).await)?;
            }
        }
    }
    Ok(())
}

/// Commands to controls go into one append: they are most of what reactors want. What has nothing to do is decided once
/// more behind the append, so two commands to one control go together only if their order says nothing.
fn together(a: &Intent, b: &Intent) -> bool {
    let (IntentCommand::Control(one, first), IntentCommand::Control(other, second)) =
        (&a.command, &b.command)
    else {
        return false;
    };
    let apply = |command: &ControlCommand| matches!(command, ControlCommand::Apply { .. });
    a.tenant == b.tenant && (one != other || apply(first) && apply(second))
}

async fn assess(app: &App, run: &[Intent]) -> Result<(), ApiError> {
    let tenant = &run[0].tenant;
    let orders: Vec<(Order, &ControlCommand)> = run
        .iter()
        .filter_map(|intent| match &intent.command {
            IntentCommand::Control(_, command) => Some((order(tenant, intent), command)),
            _ => None,
        })
        .collect();
    let done = app.commands::<Control, &ControlCommand>(tenant, &orders).await?;
    run.iter().zip(done).try_for_each(|(intent, done)| ended(intent, done))
}

fn order(tenant: &TenantId, intent: &Intent) -> Order {
    let mut order = Order::system("reactor", tenant, intent.command.stream(), intent.id.clone());
    order.cause = intent.cause;
    order
}

fn ended(intent: &Intent, done: Result<Done, ApiError>) -> Result<(), ApiError> {
    match done {
        Err(error) if error.code.status < 500 => {
            tracing::debug!(stream = %intent.command.stream(), detail = %error.detail, "a reaction was refused");
            Ok(())
        }
        done => done.map(drop),
    }
}

/// Where to go on: the kept place, if the store still has that event there.
async fn start(app: &App) -> Place {
    let Ok(bytes) = app.duties.leases().place(DUTY).await else { return Place::default() };
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

/// A place that is not kept means going through some events again.
async fn keep(app: &App, epoch: u64, place: Place) {
    let Ok(bytes) = serde_json::to_vec(&place) else { return };
    match app.duties.leases().keep_place(DUTY, epoch, &bytes).await {
        Ok(true) => {}
        Ok(false) => tracing::info!("another process reacts by now"),
        Err(error) => {
            tracing::warn!(%error, "the reactors' place cannot be kept; the log is gone through again at the next start");
        }
    }
}
