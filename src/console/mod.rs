//! The console: server-rendered pages of the ledger for people.
//!
//! It adds no way around the API's rules: what a page shows and does goes through the same queries, commands and
//! permissions ([`crate::auth::policy`]). A page is one template with small enhancement by script; without script it
//! works as well, but for the live page and for verification in the browser.
//!
//! Invariants:
//! - Templates escape every text. No value from an event is ever marked as safe, and no page holds inline script or
//!   style, which the policy in [`headers`] forbids the browser to run.
//! - Every list is paged by key; no page waits for more than a bounded number of rows.
//! - Every changing request passes [`csrf`] and needs the permission that the API asks for.

mod assets;
mod csrf;
mod frame;
mod headers;
mod live;
mod names;
mod pages;
mod posted;
mod render;
mod session;
mod view;
mod viewer;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};

use crate::app::App;

/// What the pages have at hand.
pub struct Console {
    app: Arc<App>,
    sessions: session::Sessions,
    live: live::Live,
    names: names::Names,
    exports: pages::exports::Jobs,
}

/// The console's routes.
pub fn router(app: &Arc<App>) -> Router<Arc<App>> {
    use pages::{
        alerts, audit, controls, credentials, door, event, evidence, exports, frameworks, integration,
        integrations,
    };
    use pages::{live as live_page, overview, preferences, probes, tasks, tenants, tickets, work};

    let console = Arc::new(Console {
        app: Arc::clone(app),
        sessions: session::Sessions::default(),
        live: live::Live::default(),
        names: names::Names::default(),
        exports: exports::Jobs::default(),
    });
    Router::new()
        .route("/", get(overview::show))
        .route("/sign-in", get(door::show).post(door::enter))
        .route("/sign-out", post(door::leave))
        .route("/tenant", post(preferences::tenant))
        .route("/theme", post(preferences::theme))
        .route("/live", get(live_page::show))
        .route("/live/stream", get(live_page::stream))
        .route("/alerts", get(alerts::list))
        .route("/alerts/{id}/acknowledge", post(alerts::acknowledge))
        .route("/evidence", get(evidence::list))
        .route("/evidence/{id}", get(evidence::show))
        .route("/frameworks", get(frameworks::list))
        .route("/frameworks/{framework}", get(frameworks::show))
        .route("/frameworks/{framework}/{control}", get(controls::show))
        .route("/probes", get(probes::list))
        .route("/probes/{id}", get(probes::show))
        .route("/integrations", get(integrations::list))
        .route("/integrations/{id}", get(integration::show))
        .route("/integrations/{id}/run", post(integrations::run))
        .route("/integrations/{id}/act", post(integrations::act))
        .route("/integrations/{id}/restore", post(integrations::restore))
        .route("/tasks", get(tasks::list).post(tasks::create))
        .route("/tasks/{id}", get(tasks::show))
        .route("/tasks/{id}/act", post(tasks::act))
        .route("/tickets", get(tickets::list))
        .route("/tickets/{id}", get(tickets::show))
        .route("/tickets/{id}/resolve", post(tickets::resolve))
        .route("/tickets/{id}/act", post(tickets::act))
        .route("/intents", get(work::list))
        .route("/intents/replay", post(work::replay_all))
        .route("/intents/{id}/replay", post(work::replay))
        .route("/intents/{id}/cancel", post(work::cancel))
        .route("/audit", get(audit::search))
        .route("/audit/{index}", get(event::show))
        .route("/audit/{index}/proof", get(event::proof))
        .route("/audit/{index}/material", get(event::material))
        .route("/credentials", get(credentials::list).post(credentials::create))
        .route("/credentials/{id}/rotate", post(credentials::rotate))
        .route("/credentials/{id}/revoke", post(credentials::revoke))
        .route("/exports", get(exports::list).post(exports::start))
        .route("/exports/{id}/bundle", get(exports::download))
        .route("/tenants", get(tenants::list).post(tenants::onboard))
        .route("/assets/{build}/{*name}", get(assets::serve))
        .layer(from_fn_with_state(Arc::clone(app), show_what_was_done))
        .layer(from_fn(headers::guard))
        .with_state(console)
}

/// The page that a form leads to shows what the form did: until the read models have it, the answer waits.
async fn show_what_was_done(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let posted = request.method() == Method::POST;
    let response = next.run(request).await;
    if posted && response.status().is_redirection() {
        app.caught_up().await;
    }
    response
}
