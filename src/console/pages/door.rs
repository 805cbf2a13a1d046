//! In and out: a key is exchanged for a session.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use ledger::apikey::ApiKey;
use serde::Deserialize;

use crate::auth::principal::Role;
use crate::console::frame::Frame;
use crate::console::posted::{Posted, field, fields};
use crate::console::render::html;
use crate::console::session::LIFETIME;
use crate::console::viewer::{COOKIE, SECURE_COOKIE, cookie, find};
use crate::console::{Console, assets, csrf};
use crate::error::{ApiError, FORBIDDEN};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    frame: Frame,
    problem: Option<String>,
    next: String,
    hours: u64,
}

/// Where to after signing in.
#[derive(Debug, Default, Deserialize)]
pub struct Next {
    #[serde(default)]
    next: String,
}

fn page(status: StatusCode, problem: Option<String>, next: &str) -> Response {
    let frame = Frame { title: "Sign in".to_owned(), assets: assets::base(), ..Frame::default() };
    html(
        status,
        &SignIn { frame, problem, next: own_path(next).to_owned(), hours: LIFETIME.as_secs() / 3600 },
    )
}

/// A path of this console; anything that could lead elsewhere leads to the overview.
pub fn own_path(next: &str) -> &str {
    let own = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\n', '\r', '\t']);
    if own { next } else { "/" }
}

/// `GET /sign-in`
pub async fn show(
    State(console): State<Arc<Console>>,
    Query(next): Query<Next>,
    request: Request,
) -> Response {
    if find(&console, request.headers(), "/").is_some() {
        return Redirect::to(own_path(&next.next)).into_response();
    }
    page(StatusCode::OK, None, &next.next)
}

/// `POST /sign-in`: always a new session, whatever the browser sent along.
pub async fn enter(State(console): State<Arc<Console>>, request: Request) -> Response {
    // There is no session whose token could be asked for: the headers alone keep another site from signing a reader in.
    if !csrf::same_origin(request.headers()) {
        return crate::console::viewer::Away::Forged.into_response();
    }
    let headers = request.headers().clone();
    let form = match fields(request).await {
        Ok(form) => form,
        Err(malformed) => return malformed.into_response(),
    };
    let next = own_path(field(&form, "next"));
    let id = match admit(&console, field(&form, "key")) {
        Ok(id) => id,
        Err(error) => {
            return page(error.code.http(), Some(error.detail), next);
        }
    };
    if let Some(old) = cookie(&headers, SECURE_COOKIE).or_else(|| cookie(&headers, COOKIE)) {
        console.sessions.end(old);
    }
    (StatusCode::SEE_OTHER, [(header::SET_COOKIE, set(&console, &id)), (header::LOCATION, location(next))])
        .into_response()
}

fn location(path: &str) -> HeaderValue {
    HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"))
}

fn admit(console: &Console, text: &str) -> Result<String, ApiError> {
    let app = &console.app;
    let now = app.clock.now();
    let entry = app.credentials.by_key(text, now)?;
    if entry.principal.role == Role::Probe {
        return Err(ApiError::new(
            FORBIDDEN,
            "a probe's key hands in evidence and reads nothing: use a viewer's or an admin's",
        ));
    }
    let key = ApiKey::parse(text.trim()).map_err(|error| ApiError::new(FORBIDDEN, error.to_string()))?;
    let tenant = if entry.principal.operator && entry.principal.tenant.is_system() {
        app.first_tenant()
    } else {
        entry.principal.tenant.clone()
    };
    let request_key = app.credentials.secret_of(&key).request_key;
    Ok(console.sessions.begin(&entry.principal.credential, request_key, tenant, now, &*app.entropy))
}

/// `POST /sign-out`
pub async fn leave(State(console): State<Arc<Console>>, Posted(viewer, ()): Posted<()>) -> Response {
    console.sessions.end(&viewer.session);
    let gone = cookie_text(&console, "", 0);
    ([(header::SET_COOKIE, gone)], Redirect::to("/sign-in")).into_response()
}

fn set(console: &Console, id: &str) -> HeaderValue {
    cookie_text(console, id, LIFETIME.as_secs())
}

fn cookie_text(console: &Console, value: &str, seconds: u64) -> HeaderValue {
    let (name, secure) = if !console.app.config.server.tls_cert.as_os_str().is_empty() {
        (SECURE_COOKIE, "; Secure")
    } else {
        (COOKIE, "")
    };
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).expect("a session id is base64url")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_nowhere_but_to_this_console() {
        assert_eq!(own_path("/audit?q=x"), "/audit?q=x");
        for elsewhere in
            ["", "//evil.example", "https://evil.example", "/\\evil.example", "javascript:1", "/a\nb"]
        {
            assert_eq!(own_path(elsewhere), "/", "{elsewhere}");
        }
    }
}
