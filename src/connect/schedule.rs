//! The scheduler: polls and looks at the connection of each enabled integration when their time comes, one of a kind at a
//! time.
//!
//! When something was done last is asked of the read models, so a restart neither repeats a turn nor forgets one; two that
//! see the same turn make one run, since its id follows from its time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use ledger::ids::TenantId;
use ledger::time::Timestamp;
use ledger_aggregates::values::{IntegrationId, RunKind, RunTrigger};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::live::{Idle, Live, live};
use super::runs::{self, Wanted};
use super::schedule_spec::{Missed, Schedule, ScheduleSpec};
use super::warnings::Watch;
use super::{health, models, webhooks};
use crate::app::App;
use crate::error::ApiError;

/// How late a turn may be noticed.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often the alerts of integrations are looked at.
const WARN_EVERY: Duration = Duration::from_secs(2);

/// A day.
const DAY_SECONDS: u64 = 86_400;

/// A day, in microseconds.
const RECENT_US: i64 = 86_400_000_000;

/// One kind of run of one integration.
type Turn = (TenantId, IntegrationId, RunKind);

#[derive(Default)]
struct Scheduler {
    under_way: HashSet<Turn>,
    /// The last turn that was taken since the start.
    taken: HashMap<Turn, Timestamp>,
}

/// Runs until `stop` turns true.
pub async fn run(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let mut scheduler = Scheduler::default();
    let mut under_way = JoinSet::new();
    let (mut watch, mut warned) = (Watch::default(), None);
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            Some(ended) = under_way.join_next() => {
                match ended {
                    Ok(turn) => drop(scheduler.under_way.remove(&turn)),
                    // Its name went with it: nothing else is under way under it either.
                    Err(error) => {
                        tracing::error!(%error, "a run ended unexpectedly");
                        if under_way.is_empty() {
                            scheduler.under_way.clear();
                        }
                    }
                }
                continue;
            }
            _ = stop.wait_for(|stop| *stop) => break,
        }
        if let Err(error) = look(&app, &mut scheduler, &mut under_way).await {
            tracing::warn!(detail = %error.detail, "the schedules cannot be looked at");
        }
        let now = app.clock.now();
        if warned.is_some_and(|last| now.since(last) < WARN_EVERY) {
            continue;
        }
        warned = Some(now);
        if let Err(error) = watch.look(&app).await {
            tracing::warn!(detail = %error.detail, "the alerts of integrations cannot be looked at");
        }
    }
    under_way.shutdown().await;
}

async fn look(
    app: &Arc<App>,
    scheduler: &mut Scheduler,
    under_way: &mut JoinSet<Turn>,
) -> Result<(), ApiError> {
    for log in app.side.logs().await? {
        for integration in models::working(app, &log.tenant).await? {
            let alive = match live(app, &log.tenant, &integration).await {
                Ok(alive) => alive,
                Err(Idle::Store(error)) => return Err(error),
                Err(Idle::Misfits(misfits)) => {
                    health::misfits(app, &log.tenant, &integration, &misfits).await?;
                    continue;
                }
                Err(Idle::Unknown | Idle::Still(_)) => continue,
            };
            let unwanted = webhooks::unwanted(app, &log.tenant, &integration, &alive).await?;
            for (what, schedule) in schedules(&alive).into_iter().chain(unwanted) {
                let turn = (log.tenant.clone(), integration.clone(), what);
                let Some(due) = scheduler.due(app, &turn, &schedule).await? else { continue };
                scheduler.under_way.insert(turn.clone());
                scheduler.taken.insert(turn.clone(), due);
                under_way.spawn(take(Arc::clone(app), turn, Arc::clone(&alive), due));
            }
        }
        for (integration, alive, what, schedule) in webhooks::left_behind(app, &log.tenant).await? {
            let turn = (log.tenant.clone(), integration, what);
            let Some(due) = scheduler.due(app, &turn, &schedule).await? else { continue };
            scheduler.under_way.insert(turn.clone());
            scheduler.taken.insert(turn.clone(), due);
            under_way.spawn(take(Arc::clone(app), turn, alive, due));
        }
    }
    Ok(())
}

/// What an integration does by itself, and when.
pub fn schedules(live: &Live) -> Vec<(RunKind, Schedule)> {
    let document = &live.document;
    // Whoever polls reconciles too: a search may miss what a look at the ticket finds.
    let daily = document.schedule.as_ref().map(|_| ScheduleSpec::every(DAY_SECONDS));
    let reconcile = document.reconcile.clone().or(daily).and_then(|spec| spec.compile().ok());
    let health = ScheduleSpec::every(live.document.health_every_seconds).compile().ok();
    let poll = live.document.schedule.as_ref().and_then(|spec| spec.compile().ok());
    let subscribe = webhooks::schedule(document);
    let named = [
        (RunKind::Health, health),
        (RunKind::Poll, poll),
        (RunKind::Reconcile, reconcile),
        (RunKind::Subscribe, subscribe),
    ];
    named.into_iter().filter_map(|(what, schedule)| Some((what, schedule?))).collect()
}

impl Scheduler {
    /// The turn that has come and was not taken.
    async fn due(&self, app: &App, turn: &Turn, schedule: &Schedule) -> Result<Option<Timestamp>, ApiError> {
        if self.under_way.contains(turn) {
            return Ok(None);
        }
        let (tenant, integration, what) = turn;
        let now = app.clock.now();
        let last = match self.taken.get(turn) {
            // It begins anew whenever the configuration does.
            _ if matches!(what, RunKind::Subscribe | RunKind::Unsubscribe) => {
                webhooks::last(app, tenant, integration, *what).await?
            }
            Some(taken) => Some(*taken),
            None => {
                let last = models::last_run(app, tenant, integration, *what).await?;
                // The first poll reads everything as it is.
                if last.is_none() && *what == RunKind::Reconcile {
                    app.integration(tenant, integration).await?.map(|row| row.registered_at)
                } else {
                    last
                }
            }
        };
        Ok(pick(schedule, integration.as_str(), last, now))
    }
}

/// Which turn to take: of several that have passed the last, if any is to be made up for.
fn pick(
    schedule: &Schedule,
    integration: &str,
    last: Option<Timestamp>,
    now: Timestamp,
) -> Option<Timestamp> {
    // Whoever has just been enabled wants to see that it works.
    let Some(last) = last else { return Some(now) };
    let mut next = schedule.next_after(last, integration).filter(|next| *next <= now)?;
    // However long nothing ran: the last turn is looked for in the last day, where there is one.
    let recent = Timestamp::from_micros(now.micros() - RECENT_US);
    if next < recent {
        next = schedule.next_after(recent, integration).filter(|next| *next <= now).unwrap_or(next);
    }
    while let Some(later) = schedule.next_after(next, integration).filter(|later| *later <= now) {
        next = later;
    }
    // A turn that is noticed a moment late is not missed.
    let missed = now.since(next) > LOOK_EVERY * 4;
    (schedule.missed == Missed::RunOnce || !missed).then_some(next)
}

async fn take(app: Arc<App>, turn: Turn, live: Arc<Live>, due: Timestamp) -> Turn {
    let (tenant, integration, what) = &turn;
    let wanted = Wanted { what: *what, trigger: RunTrigger::Schedule, due };
    if let Err(error) = runs::make(&app, tenant, integration, &live, &wanted).await {
        tracing::warn!(%integration, run = %what, detail = %error.detail, "a run could not be recorded");
    }
    turn
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn missed_turns_are_made_up_for_once_or_not_at_all() {
        let (last, now) = (Some(time("2026-03-01T06:00:00Z")), time("2026-03-03T12:02:30Z"));
        let turn = |missed, now| {
            let spec = ScheduleSpec { missed, ..ScheduleSpec::every(300) };
            pick(&spec.compile().unwrap(), "a", last, now)
        };
        assert_eq!(turn(Missed::RunOnce, now), Some(time("2026-03-03T12:00:00Z")), "one, the last");
        assert_eq!(turn(Missed::Skip, now), None);
        let on_time = time("2026-03-03T12:05:01Z");
        assert_eq!(turn(Missed::Skip, on_time), Some(time("2026-03-03T12:05:00Z")));
    }

    #[test]
    fn a_turn_is_taken_once_and_the_first_at_once() {
        let schedule = ScheduleSpec::every(300).compile().unwrap();
        let now = time("2026-03-01T12:02:30Z");
        assert_eq!(pick(&schedule, "a", None, now), Some(now));
        assert_eq!(pick(&schedule, "a", Some(time("2026-03-01T12:00:00Z")), now), None);
        let daily =
            ScheduleSpec { cron: Some("0 6 * * *".into()), every_seconds: None, ..ScheduleSpec::every(1) };
        let daily = daily.compile().unwrap();
        assert_eq!(
            pick(&daily, "a", Some(time("2026-02-01T06:00:00Z")), now),
            Some(time("2026-03-01T06:00:00Z"))
        );
    }
}
