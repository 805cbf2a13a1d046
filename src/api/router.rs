//! All routes, each with the permission that it needs.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use axum::http::header::CACHE_CONTROL;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Extension, Json, Router};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::guard::guarded;
use super::{
    adapters, alerts, blobs, controls, credentials, events, evidence, exchanges, frameworks, inbound,
    integrations, intents, keys, meta, openapi, probes, rotate_key, routes as routing, secrets, subjects,
    tasks, tenants, tickets, tlog,
};
use crate::app::App;
use crate::auth::policy::Permission::{Known, Manage, Operate, Public, Read, Submit};
use crate::error::{ApiError, METHOD_NOT_ALLOWED};
use crate::http::body::BodyLimit;
use crate::http::request::{Outer, outermost};
use crate::http::shed;

/// The document alone.
pub fn document() -> OpenApi {
    api(None).1
}

/// The API's routes and the document that describes them.
fn api(app: Option<&Arc<App>>) -> (Router<Arc<App>>, OpenApi) {
    macro_rules! router {
        ($($permission:ident: $($handler:path),+;)+) => {
            OpenApiRouter::<Arc<App>>::with_openapi(openapi::Document::openapi())
                $($(.routes(guarded(app, $permission, routes!($handler))))+)+
        };
    }
    let (routes, mut document) = router! {
        Public: meta::healthz, meta::readyz, meta::metrics, meta::problem, tlog::file, inbound::inbound;
        Known: meta::whoami, keys::list;
        Read: frameworks::list::list, frameworks::scorecard::list, frameworks::scorecard::history,
            controls::list::list, controls::get::get, controls::history::history,
            evidence::list::list, evidence::get::get, blobs::get::get,
            probes::list::list, probes::get::get, adapters::list::list, integrations::list::list, integrations::get::get,
            integrations::health::health, integrations::runs::runs, integrations::configurations::list, integrations::compare::compare,
            routing::list::list, routing::explain::explain, tasks::list::list, tasks::get::get, tickets::list::list, tickets::get::get,
            intents::list::list, intents::get::get, intents::preview::preview, exchanges::list::list, exchanges::get::get,
            subjects::list::list, alerts::list::list, events::search::search, events::get::get, events::proof::proof;
        Submit: evidence::submit::submit, evidence::batch::batch, blobs::put::put, probes::heartbeat::heartbeat;
        Manage: frameworks::import::import, frameworks::starter::import_starter,
            integrations::register::register, integrations::configure::configure, integrations::act::act,
            integrations::validate::validate, integrations::run::run, integrations::replay::replay,
            integrations::authorise::authorise, integrations::upgrade::upgrade, integrations::upgrade::rollback, integrations::restore::restore, integrations::dry_run::dry_run, intents::dry_run::dry_run, intents::replay::replay, intents::cancel::cancel,
            routing::set::set, routing::remove::remove, secrets::list::list, secrets::put::put, secrets::delete::delete,
            tasks::open::open, tasks::assign::assign, tasks::change::change, tasks::claim::claim, tasks::close::close,
            tickets::resolve::resolve, tickets::relink::relink, tickets::recreate::recreate, tickets::waive::waive,
            probes::register::register, probes::retire::retire, alerts::act::act,
            subjects::hold::hold, subjects::release::release, subjects::erase::erase,
            rotate_key::rotate, credentials::list::list, credentials::create::create, credentials::rotate::rotate, credentials::revoke::revoke;
        Operate: tenants::list::list, tenants::create::create;
    }
    .split_for_parts();
    // The router's way to say "the rest of the path" is not OpenAPI's.
    document.paths.paths =
        document.paths.paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    (routes, document)
}

/// What a worker answers: how it does.
pub fn operations(app: &Arc<App>) -> Router {
    Router::new()
        .route("/healthz", get(meta::healthz))
        .route("/readyz", get(meta::readyz))
        .route("/metrics", get(meta::metrics))
        .fallback(|| async { ApiError::not_found("this path") })
        .with_state(Arc::clone(app))
}

/// The whole application.
pub fn router(app: &Arc<App>) -> Router {
    let (routes, document) = api(Some(app));
    let document = Arc::new(document);
    let served =
        move || async move { ([(CACHE_CONTROL, "no-cache")], Json((*document).clone())).into_response() };
    let outer = Outer { ids: Arc::default(), metrics: Arc::clone(&app.metrics) };
    routes
        .route("/openapi.json", get(served))
        .merge(crate::console::router(app))
        .fallback(|| async { ApiError::not_found("this path") })
        .method_not_allowed_fallback(|method: Method| async move {
            ApiError::new(METHOD_NOT_ALLOWED, format!("the path does not take {method}"))
        })
        .layer(DefaultBodyLimit::disable())
        .layer(Extension(BodyLimit(app.config.server.body_bytes_max)))
        .layer(from_fn_with_state(shed::Shed::new(&app.config.server), shed::shed))
        .layer(from_fn_with_state(outer, outermost))
        .with_state(Arc::clone(app))
}
