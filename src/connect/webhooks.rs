//! Messages of the other side that the ledger registers for itself: made when an integration begins to work, renewed while
//! it does, ended when it stands still.
//!
//! Each look after a registration is a run, so the log says when it was made and until when it lasts; nothing else keeps
//! it. It begins anew when the configuration is another, and when it was ended in between.

use std::sync::Arc;

use ledger::ids::TenantId;
use ledger::readmodel::{Cell, PAGE_ROWS_MAX, Query, TypedRow};
use ledger::time::Timestamp;
use ledger_aggregates::values::{FailureWord, IntegrationId, RunKind};
use ledger_connectors::protocol::{Call, Reply, Task};
use ledger_projections::integrations::{INTEGRATION, IntegrationRow};
use ledger_projections::runs::{RUN, RunRow, SyncRow};
use serde_json::{Value, json};

use super::config::Document;
use super::live::{Idle, Live, bring_up};
use super::models::{self, disclosed};
use super::schedule_spec::{Schedule, ScheduleSpec};
use super::validate::Misfit;
use crate::app::App;
use crate::error::ApiError;

/// What an adapter can do that registers messages.
const CAPABILITY: &str = "subscribe";
/// A registration that cannot be ended is tried again so often.
const END_EVERY_SECONDS: u64 = 60;
/// One lost answer is the internet; so many in a row are an outage.
const FAILURES_MIN: u64 = 3;

/// Where the ledger takes the messages of an integration; none: it does not know its own address.
pub fn address(app: &App, tenant: &TenantId, integration: &IntegrationId) -> Option<String> {
    let of = if *tenant == app.first_tenant() { String::new() } else { format!("?tenant={tenant}") };
    app.config.server.page(&format!("v1/inbound/{integration}{of}"))
}

/// When to look after the registration.
pub fn schedule(document: &Document) -> Option<Schedule> {
    document.inbound.as_ref()?.register.as_ref()?.compile().ok()
}

/// What in a configuration that asks for a registration does not fit, as far as it shows before anything is sent.
pub async fn misfit(
    app: &App,
    tenant: &TenantId,
    integration: &IntegrationId,
    document: &Document,
    instance: &ledger_connectors::host::Instance,
) -> Option<Misfit> {
    document.inbound.as_ref()?.register.as_ref()?;
    let misfit = |detail: &str, hint: &str| {
        Some(Misfit { pointer: "/inbound/register".into(), detail: detail.into(), hint: Some(hint.into()) })
    };
    if !instance.running()?.hello.capabilities.iter().any(|known| known == CAPABILITY) {
        return misfit(
            "the adapter registers no messages",
            "set them up by hand on the other side, and leave register out",
        );
    }
    let Some(url) = address(app, tenant, integration) else {
        return misfit(
            "the ledger does not know where the other side reaches it",
            "its operator sets [server] public_url (LEDGER_SERVER_PUBLIC_URL)",
        );
    };
    let call = Call::Subscribe { url, state: None, now: app.clock.now() };
    match instance.call(call).await {
        Ok(Reply::Refused(failure)) => {
            misfit(&failure.message, failure.hint.as_deref().unwrap_or("leave register out"))
        }
        _ => None,
    }
}

/// The task of a run that looks after a registration, or ends it; none: the ledger does not know its own address.
///
/// # Errors
/// The read models or the store.
pub async fn task(
    app: &App,
    tenant: &TenantId,
    integration: &IntegrationId,
    what: RunKind,
) -> Result<Option<Task>, ApiError> {
    let state = state(app, tenant, integration).await?.map(|kept| kept["state"].clone());
    Ok(match what {
        RunKind::Unsubscribe => Some(Task::Unsubscribe { state: state.unwrap_or_default() }),
        _ => address(app, tenant, integration).map(|url| Task::Subscribe { url, state }),
    })
}

/// What a registration leaves in the log.
pub fn kept(state: &Value, expires_at: Option<Timestamp>) -> Value {
    json!({ "state": state, "expires_at": expires_at })
}

/// How the registration of an integration stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// When it was last seen to.
    pub seen_at: Timestamp,
    /// When it ends unless it is renewed.
    pub expires_at: Option<Timestamp>,
}

/// How the registration of an integration stands; none: there is none.
///
/// # Errors
/// The read models or the store.
pub async fn standing(
    app: &App,
    tenant: &TenantId,
    integration: &IntegrationId,
) -> Result<Option<Standing>, ApiError> {
    let Some(kept) = state(app, tenant, integration).await? else { return Ok(None) };
    let sync = models::sync(app, tenant, integration, RunKind::Subscribe).await?;
    let expires_at = kept["expires_at"].as_str().and_then(|text| text.parse().ok());
    Ok(sync.and_then(|sync| sync.finished_at).map(|seen_at| Standing { seen_at, expires_at }))
}

/// What the registration that stands has left; none: there is none.
async fn state(app: &App, tenant: &TenantId, integration: &IntegrationId) -> Result<Option<Value>, ApiError> {
    let Some(made) = made(app, tenant, integration).await? else { return Ok(None) };
    disclosed(app, tenant, made, "cursor").await
}

/// Log index of the registration that stands.
async fn made(app: &App, tenant: &TenantId, integration: &IntegrationId) -> Result<Option<u64>, ApiError> {
    let index = |sync: Option<SyncRow>| sync.and_then(|sync| sync.cursor_index);
    let made = index(models::sync(app, tenant, integration, RunKind::Subscribe).await?);
    let ended = index(models::sync(app, tenant, integration, RunKind::Unsubscribe).await?);
    Ok(made.filter(|made| Some(*made) > ended))
}

/// When the registration was last looked after, or was last to be ended; none: that is to be done now.
///
/// # Errors
/// The read models.
pub async fn last(
    app: &App,
    tenant: &TenantId,
    integration: &IntegrationId,
    what: RunKind,
) -> Result<Option<Timestamp>, ApiError> {
    let Some(last) = models::last_run(app, tenant, integration, what).await? else { return Ok(None) };
    let Some(run) = models::sync(app, tenant, integration, what).await?.map(|sync| sync.run) else {
        return Ok(None);
    };
    let row = app.row(&RUN, tenant, vec![Cell::of(&run)]).await?;
    let began = row.and_then(|row| RunRow::from_row(&row)).map(|row| row.started_index);
    let since = match what {
        RunKind::Unsubscribe => made(app, tenant, integration).await?,
        _ => {
            let configured = app.integration(tenant, integration).await?.and_then(|row| row.config_index);
            let ended = models::sync(app, tenant, integration, RunKind::Unsubscribe).await?;
            configured.max(ended.and_then(|sync| sync.cursor_index))
        }
    };
    Ok((began >= since).then_some(last))
}

/// When to end a registration that the configuration no longer asks for; none: there is nothing to end.
///
/// # Errors
/// The read models.
pub async fn unwanted(
    app: &App,
    tenant: &TenantId,
    integration: &IntegrationId,
    live: &Live,
) -> Result<Option<(RunKind, Schedule)>, ApiError> {
    if schedule(&live.document).is_some() || made(app, tenant, integration).await?.is_none() {
        return Ok(None);
    }
    Ok(ending())
}

/// The integrations that stand still or are over, and whose messages come all the same.
///
/// # Errors
/// The read models or the store.
pub async fn left_behind(
    app: &Arc<App>,
    tenant: &TenantId,
) -> Result<Vec<(IntegrationId, Arc<Live>, RunKind, Schedule)>, ApiError> {
    let mut found = Vec::new();
    for state in ["paused", "retired"] {
        let query = Query::new(&INTEGRATION, tenant).is_text("state", state).limit(PAGE_ROWS_MAX);
        let page = app.query(query).await?;
        for row in page.rows.iter().filter_map(|row| IntegrationRow::from_row(row)) {
            if made(app, tenant, &row.integration).await?.is_none() {
                continue;
            }
            match bring_up(app, tenant, &row).await {
                Ok(live) => {
                    found.extend(ending().map(|(what, schedule)| (row.integration, live, what, schedule)));
                }
                Err(Idle::Store(error)) => return Err(error),
                // What cannot be reached any more ends by itself.
                Err(_) => {}
            }
        }
    }
    Ok(found)
}

fn ending() -> Option<(RunKind, Schedule)> {
    let schedule = ScheduleSpec::every(END_EVERY_SECONDS).compile().ok()?;
    Some((RunKind::Unsubscribe, schedule))
}

/// What is in the way of a registration that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing, or it is not wanted.
    None,
    /// It is not known yet.
    Unknown,
    /// This, since then.
    Failing {
        /// When it last went well; none: never.
        since: Option<Timestamp>,
        /// What is known.
        detail: String,
    },
}

/// What is in the way of the registration of an integration.
///
/// # Errors
/// The read models or the store.
pub async fn trouble(
    app: &App,
    tenant: &TenantId,
    integration: &IntegrationId,
    live: &Live,
) -> Result<Trouble, ApiError> {
    if schedule(&live.document).is_none() {
        return Ok(Trouble::None);
    }
    let sync = models::sync(app, tenant, integration, RunKind::Subscribe).await?;
    let Some(sync) = sync.filter(|sync| sync.failures > 0 || sync.finished_at.is_some()) else {
        return Ok(Trouble::Unknown);
    };
    let passes = matches!(sync.failure, None | Some(FailureWord::Unavailable | FailureWord::RateLimited));
    match sync.failures {
        0 => return Ok(Trouble::None),
        failures if passes && failures < FAILURES_MIN => return Ok(Trouble::Unknown),
        _ => {}
    }
    let said = match sync.failed_index {
        Some(index) => disclosed(app, tenant, index, "detail").await?,
        None => None,
    };
    let said = said.as_ref().and_then(Value::as_str).unwrap_or("no more is known");
    let detail = format!("webhooks are not registered, so that changes come with polls alone: {said}");
    Ok(Trouble::Failing { since: sync.finished_at, detail })
}
