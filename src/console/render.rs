//! From a template to an answer, and the queries that pages share.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use ledger::domain::Aggregate;
use ledger::ids::{CommandId, StreamId, TenantId, uuid_v7};
use ledger::readmodel::{Cell, Cursor, Query, TableDef, TypedRow};
use ledger_aggregates::refusal::Refusal;
use ledger_aggregates::values::EvidenceId;
use ledger_projections::alerts::ALERT;
use ledger_projections::intents::INTENT;
use serde_json::Value;

use super::Console;
use super::frame::{Frame, Waiting};
use super::session::Said;
use super::view::{Choice, visible};
use super::viewer::Viewer;
use crate::auth::policy::Permission;
use crate::commands::Order;
use crate::error::{ApiError, MALFORMED};

/// Rows of a list that a page shows.
pub const PAGE_ROWS: usize = 50;
/// More open alerts, and more pieces of parked work, than this are not counted.
const COUNTED_MAX: usize = 99;

#[derive(Template)]
#[template(path = "problem.html")]
struct Problem {
    frame: Frame,
    detail: String,
    hint: Option<String>,
    request: String,
}

/// A page of typed rows, and where the next begins.
#[derive(Debug)]
pub struct Rows<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// The cursor of the next page.
    pub next: Option<String>,
}

/// A template as an answer.
pub fn html(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => (status, Html(text)).into_response(),
        // The reader's page may be missing a part, but never half of one.
        Err(error) => ApiError::internal(error).into_response(),
    }
}

impl Console {
    /// The frame of a page.
    ///
    /// # Errors
    /// The read models.
    pub async fn frame(&self, viewer: &Viewer, title: impl Into<String>) -> Result<Frame, ApiError> {
        let waiting = Waiting {
            alerts: self.count(viewer, &ALERT, "open").await?,
            parked: self.count(viewer, &INTENT, "parked").await?,
        };
        let (tenant_label, tenants) = self.tenant_choices(viewer).await?;
        Ok(Frame {
            rooms: Frame::rooms(&viewer.here, waiting),
            tenant_label,
            tenants,
            ..self.bare_frame(viewer, title)
        })
    }

    async fn count(&self, viewer: &Viewer, table: &'static TableDef, state: &str) -> Result<usize, ApiError> {
        let query = Query::new(table, viewer.tenant()).is_text("state", state).limit(COUNTED_MAX);
        Ok(self.app.query(query).await?.rows.len())
    }

    /// Carries a command of a reader out, who needs to be allowed to manage. Each click is a command of its own.
    ///
    /// # Errors
    /// `forbidden`, or what the aggregate refuses.
    pub async fn order<A: Aggregate<Error: Refusal>>(
        &self,
        viewer: &Viewer,
        stream: StreamId,
        command: &A::Command,
    ) -> Result<(), ApiError> {
        viewer.needs(Permission::Manage)?;
        let id = uuid_v7(&*self.app.clock, &*self.app.entropy).to_string();
        let id = CommandId::new(id).map_err(ApiError::internal)?;
        let order = Order::new(&viewer.caller, stream, id.clone(), id.as_str().as_bytes());
        self.app.command::<A>(&order, command).await?;
        Ok(())
    }

    /// Carries out what a form asks of one thing and goes `back` to its page, which says what was done, or why not.
    pub async fn act<A: Aggregate<Error: Refusal>>(
        &self,
        viewer: &Viewer,
        wanted: Result<(StreamId, A::Command, &'static str), ApiError>,
        back: &str,
    ) -> Response {
        let outcome = match wanted {
            Ok((stream, command, said)) => self.order::<A>(viewer, stream, &command).await.map(|()| said),
            Err(error) => Err(error),
        };
        self.done(viewer, outcome, back).await
    }

    fn bare_frame(&self, viewer: &Viewer, title: impl Into<String>) -> Frame {
        Frame {
            title: title.into(),
            rooms: Frame::rooms(&viewer.here, Waiting::default()),
            tenants: Vec::new(),
            tenant_label: viewer.tenant().to_string(),
            csrf: viewer.csrf.clone(),
            theme: viewer.theme,
            who: viewer.caller.principal.credential.to_string(),
            role: viewer.caller.principal.role.as_str(),
            here: viewer.here.clone(),
            assets: super::assets::base(),
            said: viewer.said.clone(),
        }
    }

    async fn tenant_choices(&self, viewer: &Viewer) -> Result<(String, Vec<Choice>), ApiError> {
        let current = viewer.tenant().as_str();
        if !viewer.may(Permission::Operate) {
            return Ok((self.tenant_name(viewer.tenant()).await?, Vec::new()));
        }
        let mut choices = Vec::new();
        for (tenant, label) in self.tenant_names().await? {
            choices.push(Choice::new(tenant.as_str(), label, current));
        }
        choices.push(Choice::new(TenantId::SYSTEM, "system (the operator's)", current));
        Ok((current.to_owned(), choices))
    }

    /// The answer to a request for a page.
    pub async fn answer<T: Template>(&self, viewer: &Viewer, made: Result<T, ApiError>) -> Response {
        match made {
            Ok(template) => html(StatusCode::OK, &template),
            Err(error) => self.problem(viewer, error).await,
        }
    }

    /// A page that says what is wrong.
    pub async fn problem(&self, viewer: &Viewer, error: ApiError) -> Response {
        let title = error.code.title;
        let frame = match self.frame(viewer, title).await {
            Ok(frame) => frame,
            // The read models are what is wrong: the page does without them.
            Err(_) => self.bare_frame(viewer, title),
        };
        let request = crate::http::request::id();
        html(
            error.code.http(),
            &Problem { frame, detail: error.detail, hint: error.hint, request: request.to_string() },
        )
    }

    /// Back to a page after something was done, with a word about it.
    pub async fn done(
        &self,
        viewer: &Viewer,
        outcome: Result<impl Into<String>, ApiError>,
        back: &str,
    ) -> Response {
        match outcome {
            Ok(text) => {
                let said = Said { kind: "good", text: text.into() };
                self.sessions.change(&viewer.session, |session| session.said = Some(said));
                Redirect::to(back).into_response()
            }
            Err(error) => self.problem(viewer, error).await,
        }
    }

    /// The rows of a query, typed; `cursor` as a page before gave it.
    ///
    /// # Errors
    /// The cursor is none, or the read models fail.
    pub async fn rows<T: TypedRow>(&self, query: Query, cursor: Option<&str>) -> Result<Rows<T>, ApiError> {
        let cursor = cursor.filter(|text| !text.is_empty()).map(Cursor::from_text).transpose();
        let cursor = cursor.map_err(|error| ApiError::new(MALFORMED, error.to_string()))?;
        let page = self.app.query(query.after(cursor)).await?;
        let rows = page.rows.iter().map(|row| typed(row)).collect::<Result<_, _>>()?;
        Ok(Rows { rows, next: page.next.map(|cursor| cursor.to_text()) })
    }

    /// The row with a key, typed.
    ///
    /// # Errors
    /// The read models fail.
    pub async fn row<T: TypedRow>(&self, tenant: &TenantId, key: Vec<Cell>) -> Result<Option<T>, ApiError> {
        self.app.row(T::TABLE, tenant, key).await?.map(|row| typed(&row)).transpose()
    }

    /// One disclosed text of each of some entries, where there is one.
    ///
    /// # Errors
    /// The store, or a disclosure that does not open.
    pub async fn texts(
        &self,
        tenant: &TenantId,
        indexes: &[u64],
        member: &str,
    ) -> Result<std::collections::BTreeMap<u64, String>, ApiError> {
        let opened = self.app.opened(tenant, indexes).await?;
        let text = |members: Vec<(String, Value)>| {
            let found = members.into_iter().find(|(name, _)| name == member);
            found.and_then(|(_, value)| value.as_str().map(visible))
        };
        Ok(opened.into_iter().filter_map(|(index, members)| Some((index, text(members)?))).collect())
    }
}

fn typed<T: TypedRow>(row: &[Cell]) -> Result<T, ApiError> {
    T::from_row(row)
        .ok_or_else(|| ApiError::internal(format!("a row of {} has another shape", T::TABLE.name)))
}

/// The page of a piece of evidence.
pub fn evidence_href(evidence: &EvidenceId) -> String {
    format!("/evidence/{evidence}")
}
