//! Who looks at a page: the session of a request, held against the credentials of this moment.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Redirect, Response};
use ledger::ids::TenantId;

use super::session::{Said, SessionId};
use super::view::address;
use super::{Console, csrf};
use crate::auth::policy::{Permission, allows};
use crate::auth::principal::{Caller, Principal};
use crate::auth::table::usable;
use crate::error::{ApiError, FORBIDDEN};

/// The name of the session cookie over plain HTTP on this machine.
pub const COOKIE: &str = "ledger_session";
/// The name of the session cookie over TLS: the browser itself keeps it to this host and to TLS.
pub const SECURE_COOKIE: &str = "__Host-ledger_session";
/// The name of the cookie that keeps the theme; it is no secret.
pub const THEME_COOKIE: &str = "ledger_theme";
const HX_REQUEST: HeaderName = HeaderName::from_static("hx-request");

/// A signed-in reader and the request's surroundings.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// Who, and for which tenant.
    pub caller: Caller,
    /// The session's id.
    pub session: SessionId,
    /// The session's token.
    pub csrf: String,
    /// The theme that was chosen.
    pub theme: Option<&'static str>,
    /// The request's path and query.
    pub here: String,
    /// What is to be said once.
    pub said: Option<Said>,
}

impl Viewer {
    /// The tenant that is looked at.
    pub const fn tenant(&self) -> &TenantId {
        &self.caller.tenant
    }

    /// May the reader do this here?
    pub fn may(&self, permission: Permission) -> bool {
        allows(&self.caller.principal, &self.caller.tenant, permission)
    }

    /// Refuses what the reader may not do.
    ///
    /// # Errors
    /// `forbidden`
    pub fn needs(&self, permission: Permission) -> Result<(), ApiError> {
        if self.may(permission) {
            return Ok(());
        }
        let role = self.caller.principal.role.as_str();
        Err(ApiError::new(FORBIDDEN, format!("the role {role} lacks the permission {}", permission.as_str())))
    }
}

/// Finds the reader of a request; nobody: the session has ended, or never was.
pub fn find(console: &Console, headers: &HeaderMap, here: &str) -> Option<Viewer> {
    let app = &console.app;
    let now = app.clock.now();
    let id = cookie(headers, SECURE_COOKIE).or_else(|| cookie(headers, COOKIE))?;
    let session = console.sessions.get(id, now)?;
    let entry = app.credentials.get(&session.credential)?;
    let secret = entry.secrets.iter().find(|secret| secret.request_key == session.request_key)?;
    let good =
        usable(&entry, secret, now).is_ok() && allows(&entry.principal, &session.tenant, Permission::Read);
    if !good {
        console.sessions.end(id);
        return None;
    }
    let theme =
        cookie(headers, THEME_COOKIE).and_then(|theme| ["light", "dark"].into_iter().find(|t| *t == theme));
    Some(Viewer {
        caller: Caller { principal: Arc::<Principal>::clone(&entry.principal), tenant: session.tenant },
        session: id.to_owned(),
        csrf: session.csrf,
        theme,
        here: here.to_owned(),
        said: session.said,
    })
}

/// The value of a cookie; with several of a name the first, which a browser puts there by the most exact path.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(found, value)| (found == name).then_some(value))
}

/// Away to the door, and back here after it.
#[derive(Debug)]
pub enum Away {
    /// A page: the browser goes there.
    Door(String),
    /// A part of a page or a stream: the script is told.
    Refused,
    /// A changing request of another site, or without the session's token.
    Forged,
}

impl IntoResponse for Away {
    fn into_response(self) -> Response {
        match self {
            Self::Door(next) => Redirect::to(&address("/sign-in", &[("next", &next)])).into_response(),
            Self::Refused => (crate::error::UNAUTHENTICATED.http(), "the session has ended").into_response(),
            Self::Forged => {
                (crate::error::FORBIDDEN.http(), "this request did not come from a page of this console")
                    .into_response()
            }
        }
    }
}

impl FromRequestParts<Arc<Console>> for Viewer {
    type Rejection = Away;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Away> {
        let here = parts.uri.path_and_query().map_or("/", |here| here.as_str());
        let wants_page = parts
            .headers
            .get(header::ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"));
        let changing = !parts.method.is_safe();
        if changing && !csrf::same_origin(&parts.headers) {
            return Err(Away::Forged);
        }
        find(console, &parts.headers, here).ok_or_else(|| {
            if parts.headers.contains_key(HX_REQUEST) || !wants_page {
                Away::Refused
            } else {
                Away::Door(if changing { "/".to_owned() } else { here.to_owned() })
            }
        })
    }
}
