//! Tasks: what is to be done about a control that fails, or because somebody says so.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query as Params, State};
use axum::response::Response;
use ledger::ids::{StreamId, SubjectId, uuid_v7};
use ledger::readmodel::{Cell, Query};
use ledger_aggregates::task::limits::TICKETS_MAX;
use ledger_aggregates::task::{OpenTask, Task, TaskCommand};
use ledger_aggregates::values::{ClaimSource, CloseReason, Severity, TaskId};
use ledger_projections::tasks::{TASK, TaskRow};
use ledger_projections::tickets::{TICKET, TicketRow};
use serde::Deserialize;
use serde_json::Value;

use super::in_state::InState;
use super::story::Step;
use crate::api::{named, word};
use crate::auth::policy::Permission;
use crate::console::Console;
use crate::console::frame::Frame;
use crate::console::posted::Posted;
use crate::console::render::evidence_href;
use crate::console::view::{
    At, Choice, Fact, Link, Mark, Pager, day_end, severity_mark, spoken, state_mark, text_of,
};
use crate::console::viewer::Viewer;
use crate::error::{ApiError, INVALID, NOT_FOUND};

#[derive(Template)]
#[template(path = "tasks.html")]
struct Tasks {
    frame: Frame,
    states: Vec<Choice>,
    severities: Vec<Choice>,
    lines: Vec<Line>,
    may_manage: bool,
    pager: Pager,
}

struct Line {
    href: String,
    title: String,
    mark: Mark,
    severity: Mark,
    control: Option<Link>,
    tickets: u64,
    due: Option<At>,
    overdue: bool,
    at: At,
}

#[derive(Template)]
#[template(path = "task.html")]
struct TaskPage {
    frame: Frame,
    id: String,
    title: String,
    text: String,
    mark: Mark,
    severity: Mark,
    over: bool,
    by_control: bool,
    may_manage: bool,
    facts: Vec<Fact>,
    tickets: Vec<TicketLine>,
    story: Vec<Step>,
}

struct TicketLine {
    link: Link,
    integration: Link,
    mark: Mark,
}

const ROOM: &str = "/tasks";

/// `GET /tasks`
pub async fn list(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Params(which): Params<InState>,
) -> Response {
    let made = build_list(&console, &viewer, &which.or("open")).await;
    console.answer(&viewer, made).await
}

async fn build_list(console: &Console, viewer: &Viewer, which: &InState) -> Result<Tasks, ApiError> {
    let tenant = viewer.tenant();
    let query = which.newest(&TASK, tenant, "opened_index");
    let found = console.rows::<TaskRow>(query, Some(&which.cursor)).await?;
    let indexes: Vec<u64> = found.rows.iter().map(|row| row.title_index).collect();
    let mut titles = console.texts(tenant, &indexes, "title").await?;
    let now = console.app.clock.now();
    let line = |row: TaskRow| Line {
        href: format!("/tasks/{}", row.task),
        title: titles.remove(&row.title_index).unwrap_or_else(|| row.task.to_string()),
        mark: state_mark(&row.state),
        severity: severity_mark(row.severity),
        control: control(&row),
        tickets: row.tickets,
        overdue: &*row.state != "closed" && row.due.is_some_and(|due| due < now),
        due: row.due.map(At::from),
        at: row.opened_at.into(),
    };
    Ok(Tasks {
        frame: console.frame(viewer, "Tasks").await?,
        states: which.choices(&["open", "claimed", "closed", "any"]),
        severities: Choice::all(&["info", "warning", "critical"], "warning"),
        lines: found.rows.into_iter().map(line).collect(),
        may_manage: viewer.may(Permission::Manage),
        pager: which.pager(ROOM, found.next),
    })
}

fn control(row: &TaskRow) -> Option<Link> {
    let (framework, control) = (row.framework.as_ref()?, row.control.as_ref()?);
    let href = format!("/frameworks/{framework}/{control}");
    Some(Link::to(control.as_str().to_uppercase(), href))
}

/// `GET /tasks/{id}`
pub async fn show(State(console): State<Arc<Console>>, viewer: Viewer, Path(id): Path<String>) -> Response {
    let made = build(&console, &viewer, &id).await;
    console.answer(&viewer, made).await
}

async fn build(console: &Console, viewer: &Viewer, id: &str) -> Result<TaskPage, ApiError> {
    let tenant = viewer.tenant();
    let task: TaskId = named("task", id)?;
    let row: Option<TaskRow> = console.row(tenant, vec![Cell::of(&task)]).await?;
    let row = row.ok_or_else(|| ApiError::not_found(format!("task {id}")))?;
    let indexes: Vec<u64> =
        [row.opened_index, row.title_index].into_iter().chain(row.assignee_index).collect();
    let opened = console.app.opened(tenant, &indexes).await?;
    let member = |index: u64, name: &str| {
        let found = opened.get(&index)?.iter().find(|(found, _)| found == name);
        found.map(|(_, value): &(String, Value)| text_of(value).0)
    };
    let title = member(row.title_index, "title").unwrap_or_else(|| id.to_owned());
    let text = member(row.title_index, "text").or_else(|| member(row.opened_index, "text"));
    let assignee = row.assignee_index.and_then(|index| member(index, "assignee"));
    let query = Query::new(&TICKET, tenant).is("task", &task).limit(TICKETS_MAX);
    let tickets = console.rows::<TicketRow>(query, None).await?.rows;
    let names = super::tickets::names(console, tenant, &tickets).await?;
    let ticket = |row: &TicketRow| TicketLine {
        link: Link::to(super::tickets::name(row, &names), format!("/tickets/{}", row.ticket)),
        integration: Link::to(row.integration.to_string(), format!("/integrations/{}", row.integration)),
        mark: super::tickets::mark(row),
    };
    let told = console.story(tenant, &task.stream(), &["title", "note", "assignee"]).await?;
    Ok(TaskPage {
        frame: console.frame(viewer, title.clone()).await?,
        id: id.to_owned(),
        title,
        text: text.unwrap_or_default(),
        mark: state_mark(&row.state),
        severity: severity_mark(row.severity),
        over: &*row.state == "closed",
        by_control: row.epoch.is_some(),
        may_manage: viewer.may(Permission::Manage),
        facts: facts(&row, assignee),
        tickets: tickets.iter().map(ticket).collect(),
        story: told.into_iter().map(|told| told.step).collect(),
    })
}

fn facts(row: &TaskRow, assignee: Option<String>) -> Vec<Fact> {
    let time = |time: Option<ledger::time::Timestamp>| {
        time.map_or_else(|| "–".to_owned(), |time| At::from(time).short)
    };
    let mut facts = vec![
        Fact::new("Assigned to", assignee.unwrap_or_else(|| "nobody".to_owned())),
        Fact::new("Due (UTC)", time(row.due)),
        Fact::new("Opened (UTC)", time(Some(row.opened_at))),
    ];
    facts.extend(control(row).map(|link| Fact::link("Control", link)));
    facts.extend(row.epoch.map(|epoch| Fact::new("Failure of the control", format!("number {epoch}"))));
    facts.extend(
        row.evidence.as_ref().map(|id| Fact::link("Shown by", Link::to("this evidence", evidence_href(id)))),
    );
    if row.closed_at.is_some() {
        facts.push(Fact::new("Closed (UTC)", time(row.closed_at)));
    }
    facts.extend(
        row.reason.map(|reason| Fact::new("Closed because of", spoken(reason.as_str()).to_lowercase())),
    );
    facts.extend(
        row.closed_by
            .as_ref()
            .map(|id| Fact::link("Closed by", Link::to("this evidence", evidence_href(id)))),
    );
    if row.reconsider_at.is_some() {
        facts.push(Fact::new("Risk accepted until (UTC)", time(row.reconsider_at)));
    }
    facts
}

/// A task to be opened.
#[derive(Debug, Deserialize)]
pub struct NewTask {
    title: String,
    severity: String,
    due: Option<String>,
    text: Option<String>,
}

/// `POST /tasks`
pub async fn create(State(console): State<Arc<Console>>, Posted(viewer, form): Posted<NewTask>) -> Response {
    let outcome = open_one(&console, &viewer, form).await;
    console.done(&viewer, outcome.map(|()| "The task is opened."), ROOM).await
}

/// A day as a date field gives it: the end of it.
fn day(pointer: &str, text: Option<&String>) -> Result<Option<ledger::time::Timestamp>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let wrong = || ApiError::new(INVALID, format!("{text:?} is no day")).at(pointer, "it is no day");
    day_end(text).map(Some).ok_or_else(wrong)
}

async fn open_one(console: &Console, viewer: &Viewer, form: NewTask) -> Result<(), ApiError> {
    let app = &console.app;
    let command = TaskCommand::Open(OpenTask {
        control: None,
        epoch: None,
        evidence: None,
        severity: word::<Severity>("/severity", &form.severity)?,
        due: day("/due", form.due.as_ref())?,
        title: form.title,
        text: form.text,
    });
    let task: TaskId = word("/id", &uuid_v7(&*app.clock, &*app.entropy).to_string())?;
    console.order::<Task>(viewer, task.stream(), &command).await
}

/// What is to be done with a task.
#[derive(Debug, Deserialize)]
pub struct ActForm {
    action: String,
    note: Option<String>,
    until: Option<String>,
    assignee: Option<String>,
}

/// `POST /tasks/{id}/act`
pub async fn act(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    Posted(viewer, form): Posted<ActForm>,
) -> Response {
    let wanted = command(&console, &id, form);
    console.act::<Task>(&viewer, wanted, &format!("{ROOM}/{id}")).await
}

fn command(
    console: &Console,
    id: &str,
    form: ActForm,
) -> Result<(StreamId, TaskCommand, &'static str), ApiError> {
    let task: TaskId = named("task", id)?;
    let close = |reason, until, note| TaskCommand::Close { reason, evidence: None, until, note };
    let (command, said) = match form.action.as_str() {
        "assign" => {
            let app = &console.app;
            // Whoever keeps ids of people of their own assigns by the API.
            let subject: SubjectId = word("/subject", &uuid_v7(&*app.clock, &*app.entropy).to_string())?;
            let missing = || ApiError::new(INVALID, "who is to do it is missing");
            let assign = TaskCommand::Assign { subject, assignee: form.assignee.ok_or_else(missing)? };
            (assign, "The task is assigned.")
        }
        "claim" => {
            let claim = TaskCommand::Claim { by: ClaimSource::User, ticket: None, note: form.note };
            (claim, "The task counts as done by your word, until evidence shows it.")
        }
        "cancel" => (close(CloseReason::Cancelled, None, form.note), "The task is called off."),
        "accept" => {
            let until = day("/until", form.until.as_ref())?;
            (close(CloseReason::AcceptedRisk, until, form.note), "The risk is accepted.")
        }
        _ => return Err(ApiError::new(NOT_FOUND, "there is no such action")),
    };
    Ok((task.stream(), command, said))
}
