//! Credentials: made, shown once, rotated with overlap, revoked.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, Query as Params, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use ledger::ids::{CommandId, uuid_v7};
use ledger::readmodel::Query;
use ledger::time::Timestamp;
use ledger_aggregates::credential::IssueCredential;
use ledger_aggregates::values::{Environment, ProbeId, RevokeReason, Role};
use ledger_projections::credentials::{CREDENTIAL, CredentialRow};
use serde::Deserialize;

use super::probes::Which;
use crate::api::credentials::create::issue_key;
use crate::api::credentials::revoke::{RevokeCredential, revoke as revoke_by_api};
use crate::api::credentials::rotate::{RotateCredential, rotate as rotate_by_api};
use crate::api::word;
use crate::auth::policy::Permission;
use crate::console::Console;
use crate::console::frame::Frame;
use crate::console::posted::Posted;
use crate::console::render::PAGE_ROWS;
use crate::console::session::Fresh;
use crate::console::view::{At, Choice, Mark, Pager, spoken, state_mark};
use crate::console::viewer::Viewer;
use crate::error::{ApiError, INVALID};
use crate::http::body::Json as Body;

#[derive(Template)]
#[template(path = "credentials.html")]
struct Credentials {
    frame: Frame,
    fresh: Option<Shown>,
    may_manage: bool,
    roles: Vec<Choice>,
    reasons: Vec<Choice>,
    lines: Vec<Line>,
    pager: Pager,
}

struct Shown {
    title: &'static str,
    key: String,
    overlap: Option<At>,
}

struct Line {
    id: String,
    label: String,
    mark: Mark,
    role: String,
    probe: Option<String>,
    created: At,
    expires: Option<At>,
    used: Option<At>,
    overlap: Option<At>,
    active: bool,
}

/// A key to be made.
#[derive(Debug, Deserialize)]
pub struct NewCredential {
    label: String,
    role: String,
    days: Option<u32>,
    probe: Option<String>,
}

/// A key to be rotated.
#[derive(Debug, Deserialize)]
pub struct Rotation {
    overlap_hours: Option<u32>,
}

/// A key to be revoked.
#[derive(Debug, Deserialize)]
pub struct Revocation {
    reason: String,
}

const DAY: Duration = Duration::from_secs(86_400);
/// The longest life that the form gives a key.
const DAYS_MAX: u32 = 3650;
/// The longest overlap that the form gives.
const OVERLAP_HOURS_MAX: u32 = 720;
const ROOM: &str = "/credentials";

/// `GET /credentials`
pub async fn list(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Params(which): Params<Which>,
) -> Response {
    let made = build(&console, &viewer, &which).await;
    console.answer(&viewer, made).await
}

async fn build(console: &Console, viewer: &Viewer, which: &Which) -> Result<Credentials, ApiError> {
    viewer.needs(Permission::Manage)?;
    let tenant = viewer.tenant();
    let frame = console.frame(viewer, "Credentials").await?;
    let query = Query::new(&CREDENTIAL, tenant).limit(PAGE_ROWS);
    let found = console.rows::<CredentialRow>(query, Some(&which.cursor)).await?;
    let indexes: Vec<u64> = found.rows.iter().map(|row| row.label_index).collect();
    let mut labels = console.texts(tenant, &indexes, "label").await?;
    let now = console.app.clock.now();
    let lines = found.rows.into_iter().map(|row| {
        let label = labels.remove(&row.label_index).unwrap_or_else(|| "no label".to_owned());
        line(console, row, label, now)
    });
    Ok(Credentials {
        frame,
        may_manage: viewer.may(Permission::Manage),
        roles: [Role::Viewer, Role::Probe, Role::Admin]
            .map(|role| Choice::new(role.as_str(), spoken(role.as_str()), "viewer"))
            .into(),
        reasons: [RevokeReason::NoLongerNeeded, RevokeReason::Superseded, RevokeReason::Compromised]
            .map(|reason| Choice::new(reason.as_str(), spoken(reason.as_str()), ""))
            .into(),
        lines: lines.collect(),
        pager: Pager::new(ROOM, &[], Some(&which.cursor), found.next),
        // Last, so that a page that fails has not swallowed it.
        fresh: console.sessions.take_fresh(&viewer.session).map(|fresh| Shown {
            title: fresh.title,
            key: fresh.key,
            overlap: fresh.overlap.map(At::from),
        }),
    })
}

fn line(console: &Console, row: CredentialRow, label: String, now: Timestamp) -> Line {
    let active = row.is_active_at(now);
    let state = if !active && &*row.state == "active" { "expired" } else { &row.state };
    let entry = console.app.credentials.get(row.credential.as_str());
    Line {
        mark: state_mark(state),
        role: spoken(row.role.as_str()),
        probe: row.probe.map(|probe| probe.to_string()),
        created: row.issued_at.into(),
        expires: row.expires_at.map(At::from),
        used: entry.and_then(|entry| entry.last_used()).map(At::from),
        overlap: row.overlap_until.filter(|until| active && *until > now).map(At::from),
        id: row.credential.to_string(),
        label,
        active,
    }
}

/// `POST /credentials`
pub async fn create(
    State(console): State<Arc<Console>>,
    Posted(viewer, form): Posted<NewCredential>,
) -> Response {
    let made = issue(&console, &viewer, form).await;
    show_once(&console, &viewer, made).await
}

async fn issue(console: &Console, viewer: &Viewer, form: NewCredential) -> Result<Fresh, ApiError> {
    viewer.needs(Permission::Manage)?;
    let app = &console.app;
    let days = match form.days {
        Some(days) if days == 0 || days > DAYS_MAX => {
            return Err(ApiError::new(INVALID, format!("a key lives 1 to {DAYS_MAX} days")));
        }
        days => days,
    };
    let issue = IssueCredential {
        role: word::<Role>("/role", &form.role)?,
        environment: Environment::Live,
        expires_at: days.map(|days| app.clock.now().plus(DAY * days)),
        probe: form.probe.as_deref().map(|probe| word::<ProbeId>("/probe", probe)).transpose()?,
        request_key: word("/key", &ledger::b64::encode([0; 32]))?,
        label: Some(form.label),
    };
    let command =
        CommandId::new(uuid_v7(&*app.clock, &*app.entropy).to_string()).map_err(ApiError::internal)?;
    let new = issue_key(app, &viewer.caller, command, issue).await?;
    Ok(Fresh { title: "The new key", key: new.key, overlap: None, trust: None })
}

/// `POST /credentials/{id}/rotate`
pub async fn rotate(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    Posted(viewer, form): Posted<Rotation>,
) -> Response {
    let made = async {
        viewer.needs(Permission::Manage)?;
        let hours = form.overlap_hours.unwrap_or(24);
        if hours > OVERLAP_HOURS_MAX {
            return Err(ApiError::new(INVALID, format!("the overlap is at most {OVERLAP_HOURS_MAX} hours")));
        }
        let overlap = Duration::from_secs(u64::from(hours) * 3600);
        let body = RotateCredential { overlap_seconds: Some(overlap.as_secs()), expires_at: None };
        let app = State(Arc::clone(&console.app));
        let (_, new) =
            rotate_by_api(app, viewer.caller.clone(), Path(id), HeaderMap::new(), Body(body)).await?;
        let until = console.app.clock.now().plus(overlap);
        Ok(Fresh { title: "The rotated key", key: new.0.key, overlap: Some(until), trust: None })
    };
    let made = made.await;
    show_once(&console, &viewer, made).await
}

/// A redirect, so that neither reloading nor going back makes another key or shows this one again.
async fn show_once(console: &Console, viewer: &Viewer, made: Result<Fresh, ApiError>) -> Response {
    match made {
        Ok(fresh) => {
            console.sessions.keep_fresh(&viewer.session, fresh);
            Redirect::to(ROOM).into_response()
        }
        Err(error) => console.problem(viewer, error).await,
    }
}

/// `POST /credentials/{id}/revoke`
pub async fn revoke(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    Posted(viewer, form): Posted<Revocation>,
) -> Response {
    let outcome = async {
        viewer.needs(Permission::Manage)?;
        let body = RevokeCredential { reason: form.reason };
        let app = State(Arc::clone(&console.app));
        let (_, _) =
            revoke_by_api(app, viewer.caller.clone(), Path(id), HeaderMap::new(), Body(body)).await?;
        Ok("The key is revoked: no request with it succeeds from now on.")
    };
    let outcome = outcome.await;
    console.done(&viewer, outcome, ROOM).await
}
