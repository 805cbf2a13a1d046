//! Who may come in: Basic, and OAuth 2.0 with all four grants. All refusals look alike, as with the vendor.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{ServiceNow, failure};
use crate::http::{Reply, Request};

/// Who may come in.
#[derive(Debug, Clone)]
pub struct Access {
    /// The integration's user and password.
    pub user: (String, String),
    /// The OAuth client's id and secret.
    pub client: (String, String),
    /// The code that a person's consent gave.
    pub code: String,
    /// Whether client credentials are switched on (a system property, off by default).
    pub client_credentials: bool,
    /// How long an access token lives, seconds.
    pub life_seconds: u64,
    /// The key id and the user field value that JWT assertions must name.
    pub assertion: (String, String),
}

impl Default for Access {
    fn default() -> Self {
        Self {
            user: ("ledger.integration".into(), "fake-password-0001".into()),
            client: ("fakeclient0001".into(), "fake-client-secret".into()),
            code: "fake-code-0001".into(),
            client_credentials: true,
            life_seconds: 1799,
            assertion: ("key-1".into(), "ledger@example.org".into()),
        }
    }
}

impl ServiceNow {
    pub(super) fn authenticate(&self, request: &Request) -> Result<String, Reply> {
        let state = self.state();
        let access = &self.settings.access;
        let by_password = request.basic().is_some_and(|pair| pair == access.user);
        let end = request.bearer().and_then(|token| state.tokens.get(token));
        let by_token = end.is_some_and(|end| *end > self.clock.now());
        if !state.revoked && (by_password || by_token) {
            return Ok(access.user.0.clone());
        }
        Err(failure(401, "User Not Authenticated", "Required to provide Auth information"))
    }

    pub(super) fn token(&self, request: &Request) -> Reply {
        let refused =
            || Reply::json(401, &json!({ "error_description": "access_denied", "error": "server_error" }));
        let form_sent = request
            .header("content-type")
            .is_some_and(|k| k.starts_with("application/x-www-form-urlencoded"));
        if !form_sent {
            return Reply::json(
                400,
                &json!({ "error_description": "unspecified error", "error": "invalid_request" }),
            );
        }
        let form = request.form();
        let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let access = &self.settings.access;
        let mut state = self.state();
        state.token_requests += 1;
        if (get("client_id"), get("client_secret")) != (&access.client.0, &access.client.1) || state.revoked {
            return refused();
        }
        let with_refresh = match get("grant_type") {
            "password" if (get("username"), get("password")) == (&access.user.0, &access.user.1) => true,
            "authorization_code" if get("code") == access.code && form.contains_key("redirect_uri") => true,
            "refresh_token" if state.refresh.as_deref() == Some(get("refresh_token")) => {
                // Within its life the current access token comes back, not a new one.
                let now = self.clock.now();
                if let Some((token, end)) = state.tokens.iter().find(|(_, end)| **end > now) {
                    let left = end.since(now).as_secs();
                    return granted(token, None, left);
                }
                false
            }
            "client_credentials" if access.client_credentials => false,
            "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
                let fresh = self.assertion(&form).is_some_and(|id| state.seen_assertions.insert(id));
                if !fresh {
                    return refused();
                }
                false
            }
            _ => return refused(),
        };
        let number = state.number();
        let token = format!("sn-access-token-{number:04}");
        state.tokens.insert(token.clone(), self.clock.now().plus(Duration::from_secs(access.life_seconds)));
        let refresh = with_refresh.then(|| format!("sn-refresh-token-{number:04}"));
        if refresh.is_some() {
            state.refresh.clone_from(&refresh);
        }
        granted(&token, refresh.as_deref(), access.life_seconds)
    }

    /// Checks the claims of an assertion (not its signature) and gives its `jti`.
    fn assertion(&self, form: &BTreeMap<String, String>) -> Option<String> {
        let part = |n: usize| -> Option<Value> {
            let text = form.get("assertion")?.split('.').nth(n)?.to_owned();
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
        };
        let (header, claims) = (part(0)?, part(1)?);
        let (client, (kid, subject)) = (&self.settings.access.client.0, &self.settings.access.assertion);
        let now = self.clock.now().seconds();
        let named = header["kid"] == kid.as_str() && claims["sub"] == subject.as_str();
        let ours = claims["aud"] == client.as_str() && claims["iss"] == client.as_str();
        let in_time = claims["iat"].as_i64()? <= now && claims["exp"].as_i64()? > now;
        let id = claims["jti"].as_str()?.to_owned();
        (named && ours && in_time).then_some(id)
    }
}

fn granted(token: &str, refresh: Option<&str>, seconds: u64) -> Reply {
    let mut body = json!({ "access_token": token, "token_type": "Bearer", "expires_in": seconds, "scope": "useraccount" });
    if let Some(refresh) = refresh {
        body["refresh_token"] = refresh.into();
    }
    Reply::json(200, &body)
}
