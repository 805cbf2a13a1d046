//! Who may come in: API tokens and personal access tokens, and OAuth 2.0 with rotating refresh tokens.

use std::collections::BTreeMap;

use ledger::time::Timestamp;
use serde_json::{Value, json};

use super::state::Deployment;
use super::{Jira, error};
use crate::http::{Reply, Request};

/// Who may come in.
#[derive(Debug, Clone)]
pub struct Access {
    /// The integration's account: its name, and its API token (Cloud) or personal access token (Data Center).
    pub account: (String, String),
    /// An OAuth client, if there is one.
    pub client: Option<OAuthClient>,
}

impl Default for Access {
    fn default() -> Self {
        Self { account: ("ledger@example.org".into(), "fake-api-token-0001".into()), client: None }
    }
}

/// An OAuth 2.0 client.
#[derive(Debug, Clone)]
pub struct OAuthClient {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// The code that a person's consent gave.
    pub code: String,
    /// How long an access token lives, seconds.
    pub life_seconds: i64,
}

/// The tokens that were given out.
#[derive(Debug, Default)]
pub(crate) struct Granted {
    access: BTreeMap<String, Timestamp>,
    refresh: Option<String>,
    count: u64,
    pub(crate) renewals: u64,
}

/// The one account that comes in by API; people act through [`Jira::human_edit`] and its kind.
pub(crate) const SERVICE: &str = "5c5f880629be9642ba529340";

impl Jira {
    pub(super) fn authenticate(&self, request: &Request) -> Result<String, Reply> {
        let state = self.state();
        let refused = || {
            let reply = error(401, "Client must be authenticated to access this resource.");
            Err(reply.header("www-authenticate", "OAuth realm=\"https%3A%2F%2Ffake\""))
        };
        if state.revoked {
            return refused();
        }
        let (name, token) = &self.settings.access.account;
        let by_account = match self.settings.deployment {
            Deployment::Cloud => {
                request.basic().is_some_and(|(user, password)| user == *name && password == *token)
            }
            Deployment::DataCenter => request.bearer() == Some(token),
        };
        let now = self.clock.now();
        let by_token =
            request.bearer().and_then(|token| state.granted.access.get(token)).is_some_and(|end| *end > now);
        if by_account || by_token { Ok(SERVICE.into()) } else { refused() }
    }

    /// The token endpoints of both products; none: the request is for something else.
    pub(super) fn token_endpoint(&self, request: &Request, method: &str, path: &[&str]) -> Option<Reply> {
        let client = self.settings.access.client.as_ref()?;
        let parameters: BTreeMap<String, String> = match (method, path, self.settings.deployment) {
            ("POST", ["oauth", "token"], Deployment::Cloud) => match request.json() {
                Some(Value::Object(object)) => {
                    let text = |value: Value| value.as_str().map(String::from).unwrap_or_default();
                    object.into_iter().map(|(name, value)| (name, text(value))).collect()
                }
                _ => return Some(refusal(415, "invalid_request")),
            },
            ("POST", ["rest", "oauth2", "latest", "token"], Deployment::DataCenter) => {
                request.query.iter().cloned().collect()
            }
            ("GET", ["oauth", "token", "accessible-resources"], Deployment::Cloud) => {
                let site = json!([{ "id": self.settings.cloud_id, "url": "https://fake.atlassian.net", "name": "fake", "scopes": ["write:jira-work", "read:jira-work"] }]);
                return Some(Reply::json(200, &site));
            }
            _ => return None,
        };
        let get = |name: &str| parameters.get(name).map(String::as_str).unwrap_or_default();
        if get("client_id") != client.id || get("client_secret") != client.secret {
            return Some(refusal(401, "access_denied"));
        }
        let mut state = self.state();
        let known = match get("grant_type") {
            "authorization_code" => get("code") == client.code && !get("redirect_uri").is_empty(),
            "refresh_token" => {
                state.granted.renewals += 1;
                state.granted.refresh.as_deref() == Some(get("refresh_token")) && !state.revoked
            }
            _ => return Some(refusal(400, "unsupported_grant_type")),
        };
        if !known {
            return Some(refusal(403, "unauthorized_client"));
        }
        let granted = &mut state.granted;
        granted.count += 1;
        let (access, refresh) =
            (format!("access-token-{:04}", granted.count), format!("refresh-token-{:04}", granted.count));
        // Data Center's refresh ends the access token before; Cloud's lets it live.
        if self.settings.deployment == Deployment::DataCenter {
            granted.access.clear();
        }
        let life = std::time::Duration::from_secs(u64::try_from(client.life_seconds).unwrap_or(0));
        granted.access.insert(access.clone(), self.clock.now().plus(life));
        granted.refresh = Some(refresh.clone());
        let body = json!({ "access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": client.life_seconds, "scope": "read:jira-work write:jira-work offline_access" });
        Some(Reply::json(200, &body))
    }

    pub(super) fn user(&self, id: &str) -> Value {
        let name = if id == SERVICE { "Integration Ledger" } else { id };
        match self.settings.deployment {
            Deployment::Cloud => json!({
                "self": format!("https://fake.atlassian.net/rest/api/3/user?accountId={id}"),
                "accountId": id, "accountType": "atlassian", "displayName": name, "active": true, "timeZone": "Etc/UTC",
            }),
            Deployment::DataCenter => json!({
                "self": format!("https://jira.fake/rest/api/2/user?username={id}"),
                "name": id, "key": id, "displayName": name, "active": true, "timeZone": "Etc/UTC",
            }),
        }
    }
}

fn refusal(status: u16, error: &str) -> Reply {
    Reply::json(status, &json!({ "error": error, "error_description": "refused" }))
}
