//! What a reader sets for himself: the tenant that he looks at, and the theme.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use ledger::ids::TenantId;
use serde::Deserialize;

use super::door::own_path;
use crate::api::named;
use crate::auth::policy::{Permission, allows};
use crate::console::Console;
use crate::console::posted::Posted;
use crate::console::viewer::THEME_COOKIE;
use crate::error::ApiError;

/// Which tenant.
#[derive(Debug, Deserialize)]
pub struct Tenant {
    tenant: String,
    #[serde(default)]
    back: String,
}

/// `POST /tenant`
pub async fn tenant(State(console): State<Arc<Console>>, Posted(viewer, form): Posted<Tenant>) -> Response {
    let chosen: Result<TenantId, ApiError> = named("tenant", &form.tenant).and_then(|tenant| {
        let known = console.app.log(&tenant).is_ok();
        if known && allows(&viewer.caller.principal, &tenant, Permission::Read) {
            Ok(tenant)
        } else {
            Err(ApiError::not_found(format!("tenant {tenant}")))
        }
    });
    match chosen {
        Ok(tenant) => {
            console.sessions.change(&viewer.session, |session| session.tenant = tenant);
            Redirect::to(own_path(&form.back)).into_response()
        }
        Err(error) => console.problem(&viewer, error).await,
    }
}

/// Which theme.
#[derive(Debug, Deserialize)]
pub struct Theme {
    theme: String,
    #[serde(default)]
    back: String,
}

/// `POST /theme`
pub async fn theme(Posted(_, form): Posted<Theme>) -> Response {
    let (value, seconds) = match form.theme.as_str() {
        "dark" => ("dark", 31_536_000),
        "light" => ("light", 31_536_000),
        _ => ("", 0),
    };
    let cookie = format!("{THEME_COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict");
    let cookie = HeaderValue::from_str(&cookie).expect("plain words");
    ([(header::SET_COOKIE, cookie)], Redirect::to(own_path(&form.back))).into_response()
}
