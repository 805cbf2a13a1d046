//! Tenants: each with its own log and keys. Only an operator sees more than one.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query as Params, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use ledger::ids::TenantId;
use ledger::readmodel::{Cell, Query};
use ledger_projections::tenants::{TENANT, TenantRow};
use serde::Deserialize;

use super::probes::Which;
use crate::api::tenants::create::{CreateTenant, create};
use crate::auth::policy::Permission;
use crate::console::Console;
use crate::console::frame::Frame;
use crate::console::posted::Posted;
use crate::console::render::PAGE_ROWS;
use crate::console::session::Fresh;
use crate::console::view::{Mark, Pager, state_mark};
use crate::console::viewer::Viewer;
use crate::error::ApiError;
use crate::http::body::Json as Body;

#[derive(Template)]
#[template(path = "tenants.html")]
struct Tenants {
    frame: Frame,
    fresh: Option<Fresh>,
    lines: Vec<Line>,
    may_operate: bool,
    pager: Pager,
}

struct Line {
    id: String,
    name: String,
    mark: Mark,
    entries: u64,
    vkey: String,
    current: bool,
}

/// A tenant to be onboarded.
#[derive(Debug, Deserialize)]
pub struct NewTenant {
    name: String,
}

/// `GET /tenants`
pub async fn list(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Params(which): Params<Which>,
) -> Response {
    let made = build(&console, &viewer, &which).await;
    console.answer(&viewer, made).await
}

async fn build(console: &Console, viewer: &Viewer, which: &Which) -> Result<Tenants, ApiError> {
    let system = TenantId::system();
    let may_operate = viewer.may(Permission::Operate);
    let (rows, next) = if may_operate {
        let query = Query::new(&TENANT, &system).order_by("slot").limit(PAGE_ROWS);
        let found = console.rows::<TenantRow>(query, Some(&which.cursor)).await?;
        (found.rows, found.next)
    } else {
        let own: Option<TenantRow> = console.row(&system, vec![Cell::id(viewer.tenant().as_str())]).await?;
        (own.into_iter().collect(), None)
    };
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        let head = console.app.store.log_head(&row.tenant).await?;
        lines.push(Line {
            name: console.name_of(&row).await?,
            mark: state_mark(&row.state),
            entries: head.map_or(0, |head| head.size),
            vkey: row.checkpoint_vkey.to_string(),
            current: row.tenant == *viewer.tenant(),
            id: row.tenant.to_string(),
        });
    }
    Ok(Tenants {
        frame: console.frame(viewer, "Tenants").await?,
        lines,
        may_operate,
        pager: Pager::new("/tenants", &[], Some(&which.cursor), next),
        fresh: console.sessions.take_fresh(&viewer.session),
    })
}

/// `POST /tenants`
pub async fn onboard(
    State(console): State<Arc<Console>>,
    Posted(viewer, form): Posted<NewTenant>,
) -> Response {
    let made = async {
        viewer.needs(Permission::Operate)?;
        let body = CreateTenant { name: form.name, contact: None };
        let app = State(Arc::clone(&console.app));
        let (_, made) = create(app, viewer.caller.clone(), HeaderMap::new(), Body(body)).await?;
        let title = "The first administrator's key of the new tenant";
        Ok(Fresh { title, key: made.0.admin.key, overlap: None, trust: Some(made.0.trust) })
    };
    let made: Result<Fresh, ApiError> = made.await;
    match made {
        Ok(fresh) => {
            console.sessions.keep_fresh(&viewer.session, fresh);
            Redirect::to("/tenants").into_response()
        }
        Err(error) => console.problem(&viewer, error).await,
    }
}
