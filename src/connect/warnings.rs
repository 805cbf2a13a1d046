//! What asks for attention without an event of its own: an integration that is not heard of, a token that ends, a rate limit
//! that lasts.
//!
//! Each condition has an occurrence, from which the id of its alert follows, so that it is raised once however often it is
//! looked at. As long as something is not known (after a start, say), its alert stays as it is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ledger::ids::TenantId;
use ledger::readmodel::{PAGE_ROWS_MAX, Query, TypedRow};
use ledger::time::Timestamp;
use ledger_aggregates::alert::{Alert, AlertCommand, RaiseAlert};
use ledger_aggregates::values::{
    AlertId, AlertKind, AlertResolution, DegradedReason, IntegrationId, RunKind, Severity,
};
use ledger_connectors::egress::credential::Standing;
use ledger_projections::alerts::{ALERT, AlertRow};
use ledger_projections::integrations::{INTEGRATION, IntegrationRow};

use super::live::{Idle, Live, live};
use super::record::PART;
use super::schedule::schedules;
use super::schedule_spec::Schedule;
use super::webhooks::{self, Trouble};
use super::{command_id, models};
use crate::app::App;
use crate::commands::Order;
use crate::error::ApiError;

/// So many turns that brought nothing are silence; fewer are an outage that passes.
const SILENT_TURNS: usize = 3;
/// A token that nothing renews is told of so long before its end.
const TOKEN_WARNING: Duration = Duration::from_secs(86_400);
/// A rate limit that lasts longer than this does not pass by itself.
const RATE_LIMITED_LONG: Duration = Duration::from_secs(900);

/// The kinds of alerts that are raised and resolved here.
const KINDS: [AlertKind; 5] = [
    AlertKind::IntegrationSilent,
    AlertKind::TokenExpiring,
    AlertKind::TokenExpired,
    AlertKind::RateLimited,
    AlertKind::WebhooksFailing,
];

/// Whether something is so.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Finding {
    /// It is.
    Yes {
        /// What tells this time from the next.
        occurrence: String,
        /// What is known.
        detail: String,
    },
    /// It is not.
    No,
    /// Nobody knows.
    Unknown,
}

/// Since when each integration is watched: what happened before a start is not held against it.
#[derive(Default)]
pub struct Watch {
    since: HashMap<(TenantId, IntegrationId), Timestamp>,
}

impl Watch {
    /// Looks once at all integrations.
    ///
    /// # Errors
    /// The read models or the store.
    pub async fn look(&mut self, app: &Arc<App>) -> Result<(), ApiError> {
        for log in app.side.logs().await? {
            let query = Query::new(&INTEGRATION, &log.tenant).limit(PAGE_ROWS_MAX);
            let page = app.query(query).await?;
            let rows: Vec<_> = page.rows.iter().filter_map(|row| IntegrationRow::from_row(row)).collect();
            for row in rows {
                let findings = self.findings(app, &log.tenant, &row).await?;
                tell(app, &log.tenant, &row.integration, &findings).await?;
            }
        }
        Ok(())
    }

    async fn findings(
        &mut self,
        app: &Arc<App>,
        tenant: &TenantId,
        row: &IntegrationRow,
    ) -> Result<[Finding; KINDS.len()], ApiError> {
        let key = (tenant.clone(), row.integration.clone());
        if row.state.as_str() != "enabled" {
            self.since.remove(&key);
            return Ok(KINDS.map(|_| Finding::No));
        }
        let now = app.clock.now();
        let since = *self.since.entry(key).or_insert(now);
        let limited = rate_limited(row, now);
        let alive = match live(app, tenant, &row.integration).await {
            Ok(alive) => alive,
            Err(Idle::Store(error)) => return Err(error),
            Err(_) => {
                return Ok([Finding::Unknown, Finding::Unknown, Finding::Unknown, limited, Finding::Unknown]);
            }
        };
        let silent = silence(app, tenant, row, &alive, since).await?;
        let standing = alive.connection.tokens().map_or(Standing::Well, |tokens| tokens.standing());
        let [expiring, expired] = of_tokens(&standing, row.config_index, now);
        let webhooks = unregistered(app, tenant, row, &alive).await?;
        Ok([silent, expiring, expired, limited, webhooks])
    }
}

/// Silent: a kind of run did not end well for several turns, and no message came either.
async fn silence(
    app: &App,
    tenant: &TenantId,
    row: &IntegrationRow,
    live: &Live,
    since: Timestamp,
) -> Result<Finding, ApiError> {
    let now = app.clock.now();
    let heard = app.connect.heard_at(tenant, &row.integration);
    let grace = Duration::from_millis(live.document.request_timeout_ms);
    let mut finding = Finding::No;
    for (what, schedule) in schedules(live) {
        // It may take its time, and what it says is not news of the connection.
        if matches!(what, RunKind::Reconcile | RunKind::Subscribe) {
            continue;
        }
        let finished = models::last_finished(app, tenant, &row.integration, what).await?;
        let told = finished.max(heard).unwrap_or(row.registered_at);
        let id = row.integration.as_str();
        let overdue = |from| silent_after(&schedule, id, from, grace).is_some_and(|end| end < now);
        if !overdue(told) {
            continue;
        }
        if !overdue(told.max(since)) {
            finding = Finding::Unknown;
            continue;
        }
        let detail = format!("no {what} run has ended well, and no message has come, since {told}");
        return Ok(Finding::Yes { occurrence: told.to_string(), detail });
    }
    Ok(finding)
}

/// When an integration that was heard of at `from` is silent.
fn silent_after(
    schedule: &Schedule,
    integration: &str,
    from: Timestamp,
    grace: Duration,
) -> Option<Timestamp> {
    let last = (0..SILENT_TURNS).try_fold(from, |time, _| schedule.next_after(time, integration))?;
    Some(last.plus(grace))
}

/// About to end, and ended. The configuration is part of the occurrence: another client begins anew.
fn of_tokens(standing: &Standing, config_index: Option<u64>, now: Timestamp) -> [Finding; 2] {
    let yes = |occurrence: &dyn std::fmt::Display, detail: String| Finding::Yes {
        occurrence: format!("{}.{occurrence}", config_index.unwrap_or_default()),
        detail,
    };
    match standing {
        Standing::Unknown => [Finding::Unknown, Finding::Unknown],
        Standing::Ending(end) if *end <= now => {
            let detail = format!("the token ended at {end}: authorise the connection anew");
            [Finding::No, yes(end, detail)]
        }
        Standing::Ending(end) if *end <= now.plus(TOKEN_WARNING) => {
            let detail =
                format!("the token ends at {end}, and nothing renews it: authorise the connection anew");
            [yes(end, detail), Finding::No]
        }
        Standing::Well | Standing::Ending(_) => [Finding::No, Finding::No],
        Standing::Failing { since, words } => {
            [yes(since, format!("the token cannot be renewed since {since}: {words}")), Finding::Unknown]
        }
        Standing::Refused { version, words } => [
            Finding::No,
            yes(
                version,
                format!(
                    "the authorisation is refused ({words}): renew the credential, or authorise the connection anew"
                ),
            ),
        ],
    }
}

/// Limited for longer than passes by itself.
fn rate_limited(row: &IntegrationRow, now: Timestamp) -> Finding {
    let limited = row.degraded.as_ref().is_some_and(|r| r.as_str() == DegradedReason::RateLimited.as_str());
    if !limited {
        return Finding::No;
    }
    if now.since(row.changed_at) < RATE_LIMITED_LONG {
        return Finding::Unknown;
    }
    Finding::Yes {
        occurrence: row.degraded_index.unwrap_or(row.changed_index).to_string(),
        detail: format!(
            "the other side limits the rate since {}: lower rates and schedules, or ask there for more",
            row.changed_at
        ),
    }
}

/// Messages are to come, and cannot be registered. The configuration is part of the occurrence: another one begins anew.
async fn unregistered(
    app: &App,
    tenant: &TenantId,
    row: &IntegrationRow,
    live: &Live,
) -> Result<Finding, ApiError> {
    Ok(match webhooks::trouble(app, tenant, &row.integration, live).await? {
        Trouble::None => Finding::No,
        Trouble::Unknown => Finding::Unknown,
        Trouble::Failing { since, detail } => {
            let since = since.map_or_else(|| "never".to_owned(), |since| since.to_string());
            Finding::Yes { occurrence: format!("{}.{since}", row.config_index.unwrap_or_default()), detail }
        }
    })
}

/// Raises what is so and not told yet, and resolves what is over.
async fn tell(
    app: &App,
    tenant: &TenantId,
    integration: &IntegrationId,
    findings: &[Finding; KINDS.len()],
) -> Result<(), ApiError> {
    let subject = integration.stream();
    let mut open: Vec<AlertRow> = Vec::new();
    for state in ["open", "acknowledged"] {
        let query = Query::new(&ALERT, tenant).is_text("subject", subject.as_str()).is_text("state", state);
        let page = app.query(query.limit(PAGE_ROWS_MAX)).await?;
        open.extend(page.rows.iter().filter_map(|row| AlertRow::from_row(row)));
    }
    for (kind, finding) in KINDS.into_iter().zip(findings) {
        let told: Vec<AlertId> = open.iter().filter(|row| row.kind == kind).map(|row| row.alert).collect();
        match finding {
            Finding::Yes { occurrence, detail } if told.is_empty() => {
                let raise = RaiseAlert {
                    kind,
                    severity: match kind {
                        AlertKind::TokenExpired => Severity::Critical,
                        _ => Severity::Warning,
                    },
                    subject: subject.clone(),
                    deadline: None,
                    detail: Some(detail.clone()),
                };
                let alert = AlertId::of(tenant, kind, &subject, occurrence);
                order(app, tenant, alert, "alert-raise", &AlertCommand::Raise(raise)).await?;
            }
            Finding::Yes { .. } | Finding::Unknown => {}
            Finding::No => {
                for alert in told {
                    let over = AlertCommand::Resolve { reason: AlertResolution::Recovered, note: None };
                    order(app, tenant, alert, "alert-resolve", &over).await?;
                }
            }
        }
    }
    Ok(())
}

async fn order(
    app: &App,
    tenant: &TenantId,
    alert: AlertId,
    what: &str,
    command: &AlertCommand,
) -> Result<(), ApiError> {
    let id = command_id(what, &[tenant.as_str(), &alert.to_string()]);
    let order = Order::system(PART, tenant, alert.stream(), id);
    match app.command::<Alert>(&order, command).await {
        Ok(_) => Ok(()),
        // The same was told before, in the words of that time.
        Err(error) if error.code.status < 500 => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
