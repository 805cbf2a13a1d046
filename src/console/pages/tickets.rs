//! Tickets in other systems: both sides of each, and what they do not agree on.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query as Params, State};
use axum::response::Response;
use ledger::ids::{StreamId, TenantId};
use ledger::readmodel::Cell;
use ledger_aggregates::ticket::{Ticket, TicketCommand, TicketValues};
use ledger_aggregates::values::{ConflictChoice, FieldName, TicketId};
use ledger_connectors::protocol::RemoteRef;
use ledger_projections::tickets::{TICKET, TicketRow};
use serde::Deserialize;
use serde_json::Value;

use super::in_state::InState;
use super::story::Step;
use crate::api::tickets::get::{Conflict, conflicts, values};
use crate::api::{named, word};
use crate::auth::policy::Permission;
use crate::connect::operate;
use crate::console::Console;
use crate::console::frame::Frame;
use crate::console::posted::Posted;
use crate::console::view::{At, Choice, Fact, Link, Mark, Pager, failure_hint, spoken, state_mark, text_of};
use crate::console::viewer::Viewer;
use crate::error::{ApiError, INVALID, NOT_FOUND};

#[derive(Template)]
#[template(path = "tickets.html")]
struct Tickets {
    frame: Frame,
    states: Vec<Choice>,
    lines: Vec<Line>,
    pager: Pager,
}

struct Line {
    href: String,
    name: String,
    mark: Mark,
    status: String,
    note: Option<String>,
    integration: Link,
    task: Link,
    synced: Option<At>,
}

#[derive(Template)]
#[template(path = "ticket.html")]
struct TicketPage {
    frame: Frame,
    id: String,
    name: String,
    mark: Mark,
    waits: Option<Waits>,
    gone: bool,
    unopened: bool,
    may_relink: bool,
    may_manage: bool,
    conflicts: Vec<Dispute>,
    fields: Vec<FieldLine>,
    facts: Vec<Fact>,
    story: Vec<Step>,
}

/// Why nothing is sent to it just now.
struct Waits {
    words: String,
    hint: &'static str,
    work: String,
}

/// A field that both sides changed.
struct Dispute {
    field: String,
    since: At,
    base: String,
    ours: String,
    theirs: String,
}

/// A field of both sides.
struct FieldLine {
    field: String,
    ours: String,
    theirs: String,
    same: bool,
}

const ROOM: &str = "/tickets";

/// `GET /tickets`
pub async fn list(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Params(which): Params<InState>,
) -> Response {
    let made = build_list(&console, &viewer, &which.or("any")).await;
    console.answer(&viewer, made).await
}

async fn build_list(console: &Console, viewer: &Viewer, which: &InState) -> Result<Tickets, ApiError> {
    let tenant = viewer.tenant();
    let query = which.newest(&TICKET, tenant, "requested_index");
    let found = console.rows::<TicketRow>(query, Some(&which.cursor)).await?;
    let names = names(console, tenant, &found.rows).await?;
    let line = |row: &TicketRow| Line {
        href: format!("/tickets/{}", row.ticket),
        name: name(row, &names),
        mark: mark(row),
        status: row.status.map_or_else(|| "–".to_owned(), |status| spoken(status.as_str())),
        note: note(row),
        integration: Link::to(row.integration.to_string(), format!("/integrations/{}", row.integration)),
        task: Link::to("Task", format!("/tasks/{}", row.task)),
        synced: row.synced_at.map(At::from),
    };
    Ok(Tickets {
        frame: console.frame(viewer, "Tickets").await?,
        states: which.choices(&["any", "opening", "open", "suspected", "gone", "over"]),
        lines: found.rows.iter().map(line).collect(),
        pager: which.pager(ROOM, found.next),
    })
}

/// What is unusual about a ticket, in a few words.
fn note(row: &TicketRow) -> Option<String> {
    if row.conflicts > 0 {
        return Some(format!("{} to decide", row.conflicts));
    }
    if let Some(held) = row.held {
        return Some(format!("waits: {}", spoken(held.as_str()).to_lowercase()));
    }
    row.claimed.then(|| "called done there, without evidence".to_owned())
}

/// The state of a ticket; what asks for attention comes first.
pub fn mark(row: &TicketRow) -> Mark {
    state_mark(if row.conflicts > 0 { "conflict" } else { &row.state })
}

/// What people call tickets at the other side, and where they see them.
///
/// # Errors
/// The store.
pub async fn names(
    console: &Console,
    tenant: &TenantId,
    rows: &[TicketRow],
) -> Result<BTreeMap<u64, Value>, ApiError> {
    let indexes: Vec<u64> = rows.iter().filter_map(|row| row.remote_index).collect();
    let opened = console.app.opened(tenant, &indexes).await?;
    let remote = |members: Vec<(String, Value)>| members.into_iter().find(|(name, _)| name == "remote");
    Ok(opened.into_iter().filter_map(|(index, members)| Some((index, remote(members)?.1))).collect())
}

/// What people call a ticket at the other side.
pub fn name(row: &TicketRow, names: &BTreeMap<u64, Value>) -> String {
    let remote = row.remote_index.and_then(|index| names.get(&index));
    let called = remote.and_then(|remote| remote.get("key").or_else(|| remote.get("id")));
    called.map_or_else(|| "not opened yet".to_owned(), |called| text_of(called).0)
}

/// `GET /tickets/{id}`
pub async fn show(State(console): State<Arc<Console>>, viewer: Viewer, Path(id): Path<String>) -> Response {
    let made = build(&console, &viewer, &id).await;
    console.answer(&viewer, made).await
}

async fn build(console: &Console, viewer: &Viewer, id: &str) -> Result<TicketPage, ApiError> {
    let tenant = viewer.tenant();
    let ticket: TicketId = named("ticket", id)?;
    let row: Option<TicketRow> = console.row(tenant, vec![Cell::of(&ticket)]).await?;
    let row = row.ok_or_else(|| ApiError::not_found(format!("ticket {id}")))?;
    let values = values(&console.app, tenant, ticket).await?;
    let conflicts = conflicts(&console.app, tenant, ticket, &values).await?;
    let names = names(console, tenant, std::slice::from_ref(&row)).await?;
    let name = name(&row, &names);
    let told = console.story(tenant, &ticket.stream(), &["note", "text", "who", "vendor_status"]).await?;
    Ok(TicketPage {
        frame: console.frame(viewer, name.clone()).await?,
        id: id.to_owned(),
        mark: mark(&row),
        waits: waits(&row),
        gone: matches!(&*row.state, "gone" | "suspected"),
        unopened: &*row.state == "opening",
        may_relink: !matches!(&*row.state, "opening" | "over"),
        may_manage: viewer.may(Permission::Manage),
        conflicts: conflicts.into_iter().map(dispute).collect(),
        fields: fields(&values),
        facts: facts(&row, row.remote_index.and_then(|index| names.get(&index))),
        story: told.into_iter().map(|told| told.step).collect(),
        name,
    })
}

fn waits(row: &TicketRow) -> Option<Waits> {
    // What both sides changed is told by itself.
    let held = row.held.filter(|_| row.conflicts == 0)?;
    Some(Waits {
        words: spoken(held.as_str()),
        hint: failure_hint(held),
        work: crate::console::view::address(
            "/intents",
            &[("state", "parked"), ("integration", row.integration.as_str())],
        ),
    })
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| text_of(value).0)
}

fn dispute(conflict: Conflict) -> Dispute {
    Dispute {
        field: conflict.row.field.to_string(),
        since: conflict.row.since.into(),
        base: shown(conflict.base.as_ref()),
        ours: shown(conflict.ours.as_ref()),
        theirs: shown(conflict.theirs.as_ref()),
    }
}

fn fields(values: &TicketValues) -> Vec<FieldLine> {
    let (ours, theirs) = (values.ours(), values.theirs());
    let names: std::collections::BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let line = |name: &String| FieldLine {
        field: spoken(name),
        ours: shown(ours.get(name)),
        theirs: shown(theirs.get(name)),
        same: ours.get(name) == theirs.get(name),
    };
    names.into_iter().map(line).collect()
}

fn facts(row: &TicketRow, remote: Option<&Value>) -> Vec<Fact> {
    let time = |time: Option<ledger::time::Timestamp>| {
        time.map_or_else(|| "–".to_owned(), |time| At::from(time).short)
    };
    let mut facts = vec![
        Fact::link("Task", Link::to("What it serves", format!("/tasks/{}", row.task))),
        Fact::link(
            "Integration",
            Link::to(row.integration.to_string(), format!("/integrations/{}", row.integration)),
        ),
        Fact::new(
            "Status there",
            row.status.map_or_else(|| "–".to_owned(), |status| spoken(status.as_str())),
        ),
        Fact::new("Both sides agreed (UTC)", time(row.synced_at)),
        Fact::new("Changed there (UTC)", time(row.observed_at)),
        Fact::new("Comments from there", row.comments.to_string()),
    ];
    facts.extend(row.wanted_status.map(|status| Fact::new("Status that we want", spoken(status.as_str()))));
    facts.extend(row.sending_kind.map(|kind| Fact::new("On its way", spoken(kind.as_str()))));
    facts.extend(row.end.map(|end| Fact::new("Over because", spoken(end.as_str()).to_lowercase())));
    let member = |name: &str| remote.and_then(|remote| remote.get(name)).and_then(Value::as_str);
    // Only what a browser opens as a page: another scheme in what the other side says leads nowhere.
    let url = member("url").filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    facts.extend(url.map(|url| Fact::link("There", Link::to(url, url))));
    facts.extend(member("id").map(|id| Fact::new("Permanent id there", id).mono()));
    facts
}

/// Which side is right.
#[derive(Debug, Deserialize)]
pub struct ResolveForm {
    field: String,
    choice: String,
    note: Option<String>,
}

/// `POST /tickets/{id}/resolve`
pub async fn resolve(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    Posted(viewer, form): Posted<ResolveForm>,
) -> Response {
    console.act::<Ticket>(&viewer, resolution(&id, form), &format!("{ROOM}/{id}")).await
}

fn resolution(id: &str, form: ResolveForm) -> Result<(StreamId, TicketCommand, &'static str), ApiError> {
    let ticket: TicketId = named("ticket", id)?;
    let said = match form.choice.as_str() {
        "ours" => "It is decided: our value is written.",
        _ => "It is decided: their value is taken.",
    };
    let command = TicketCommand::Resolve {
        field: named::<FieldName>("field", &form.field)?,
        choice: word::<ConflictChoice>("/choice", &form.choice)?,
        note: form.note,
    };
    Ok((ticket.stream(), command, said))
}

/// What is to be done about a ticket.
#[derive(Debug, Deserialize)]
pub struct ActForm {
    action: String,
    remote_id: Option<String>,
    key: Option<String>,
    url: Option<String>,
}

/// `POST /tickets/{id}/act`
pub async fn act(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    Posted(viewer, form): Posted<ActForm>,
) -> Response {
    let wanted = command(&console, &viewer, &id, form);
    console.act::<Ticket>(&viewer, wanted, &format!("{ROOM}/{id}")).await
}

fn command(
    console: &Console,
    viewer: &Viewer,
    id: &str,
    form: ActForm,
) -> Result<(StreamId, TicketCommand, &'static str), ApiError> {
    let ticket: TicketId = named("ticket", id)?;
    let (command, said) = match form.action.as_str() {
        "recreate" => (TicketCommand::Recreate, "The ticket is made again."),
        "waive" => (TicketCommand::Waive, "No ticket is wanted any more; the task stays."),
        "relink" => {
            let missing = || ApiError::new(INVALID, "the other ticket's permanent id is missing");
            let remote = RemoteRef { id: form.remote_id.ok_or_else(missing)?, key: form.key, url: form.url };
            let command = operate::relink(&console.app, viewer.tenant(), &remote)?;
            (command, "It is linked with the other ticket.")
        }
        _ => return Err(ApiError::new(NOT_FOUND, "there is no such action")),
    };
    Ok((ticket.stream(), command, said))
}
