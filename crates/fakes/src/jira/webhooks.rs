//! Webhooks: signed by the admin's secret, or carrying a JWT as dynamic ones do.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::state::State;
use super::transitions::adf_text;
use super::{Jira, error};
use crate::http::{Message, Reply, Request};

/// Dynamic webhooks of an app and a user on one site.
const DYNAMIC_MAX: usize = 5;
/// So many days a registration lasts.
const DAYS: u32 = 30;
/// What may be listened to.
const EVENTS: [&str; 8] = [
    "jira:issue_created",
    "jira:issue_updated",
    "jira:issue_deleted",
    "comment_created",
    "comment_updated",
    "comment_deleted",
    "issue_property_set",
    "issue_property_deleted",
];
/// The fields that a filter may name.
const FILTERED: [&str; 7] =
    ["project", "issuetype", "status", "priority", "assignee", "reporter", "issuekey"];

/// Someone who listens.
#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    id: u64,
    url: String,
    events: Vec<String>,
    /// An admin's secret signs the body; without one it is a dynamic webhook with a JWT.
    secret: Option<String>,
    /// Which issues a dynamic one is about.
    jql: String,
    /// Days that a dynamic one has left; it is renewed before.
    days_left: u32,
}

impl Jira {
    pub(super) fn add_webhook(&self, state: &mut State, request: &Request) -> Reply {
        let Some(body) = request.json() else { return error(400, "There was an error parsing JSON.") };
        let (Some(url), Some(events)) = (body["url"].as_str(), body["events"].as_array()) else {
            return error(400, "'url' and 'events' are required.");
        };
        let id = state.number();
        let events = events.iter().filter_map(|event| event.as_str().map(String::from)).collect();
        let secret = body["secret"].as_str().map(String::from);
        let jql = String::new();
        state.webhooks.push(Webhook { id, url: url.into(), events, secret, jql, days_left: 0 });
        Reply::json(
            201,
            &json!({ "name": body["name"], "self": format!("https://fake.atlassian.net/rest/webhooks/1.0/webhook/{id}") }),
        )
    }

    /// The operations on dynamic webhooks, which only apps may use: whoever comes with a token that a client was given.
    pub(super) fn dynamic_webhooks(
        &self,
        state: &mut State,
        request: &Request,
        method: &str,
        rest: &[&str],
    ) -> Reply {
        if request.bearer().is_none() {
            return error(403, "The caller isn't an app.");
        }
        match (method, rest) {
            ("GET", []) => self.list_webhooks(state),
            ("POST", []) => Self::add_dynamic_webhooks(state, request),
            ("PUT", ["refresh"]) => self.refresh_webhooks(state, request),
            ("DELETE", []) => Self::delete_webhooks(state, request),
            _ => error(404, "null for uri"),
        }
    }

    fn list_webhooks(&self, state: &State) -> Reply {
        let dynamic = state.webhooks.iter().filter(|webhook| webhook.secret.is_none());
        let values: Vec<Value> = dynamic
            .map(|webhook| {
                let ends = self.in_days(webhook.days_left).micros() / 1000;
                json!({ "id": webhook.id, "url": webhook.url, "jqlFilter": webhook.jql, "events": webhook.events, "expirationDate": ends })
            })
            .collect();
        Reply::json(
            200,
            &json!({ "isLast": true, "maxResults": 100, "startAt": 0, "total": values.len(), "values": values }),
        )
    }

    fn add_dynamic_webhooks(state: &mut State, request: &Request) -> Reply {
        let Some(body) = request.json() else { return error(400, "There was an error parsing JSON.") };
        let (Some(url), Some(webhooks)) = (body["url"].as_str(), body["webhooks"].as_array()) else {
            return error(400, "'url' and 'webhooks' are required.");
        };
        let results: Vec<Value> = webhooks
            .iter()
            .map(|webhook| match dynamic(state, url, webhook) {
                Ok(webhook) => {
                    let id = webhook.id;
                    state.webhooks.push(webhook);
                    json!({ "createdWebhookId": id })
                }
                Err(message) => json!({ "errors": [message] }),
            })
            .collect();
        Reply::json(200, &json!({ "webhookRegistrationResult": results }))
    }

    fn refresh_webhooks(&self, state: &mut State, request: &Request) -> Reply {
        let Some(ids) = ids(request) else { return error(400, "The list of webhook IDs is missing.") };
        for webhook in state.webhooks.iter_mut().filter(|webhook| ids.contains(&webhook.id)) {
            webhook.days_left = DAYS;
        }
        Reply::json(200, &json!({ "expirationDate": super::state::time(self.in_days(DAYS)) }))
    }

    fn delete_webhooks(state: &mut State, request: &Request) -> Reply {
        let Some(ids) = ids(request) else { return error(400, "The list of webhook IDs is missing.") };
        state.webhooks.retain(|webhook| webhook.secret.is_some() || !ids.contains(&webhook.id));
        Reply::empty(202)
    }

    fn in_days(&self, days: u32) -> ledger::time::Timestamp {
        self.clock.now().plus(std::time::Duration::from_secs(u64::from(days) * 86_400))
    }

    /// The dynamic webhooks: where each goes, and how many days it has left.
    pub fn webhooks(&self) -> Vec<(String, u32)> {
        let state = self.state();
        let dynamic = state.webhooks.iter().filter(|webhook| webhook.secret.is_none());
        dynamic.map(|webhook| (webhook.url.clone(), webhook.days_left)).collect()
    }

    /// Dynamic webhooks end after thirty days without renewal.
    pub fn days_pass(&self, days: u32) {
        let mut state = self.state();
        state.webhooks.retain_mut(|webhook| {
            let dynamic = webhook.secret.is_none();
            webhook.days_left = webhook.days_left.saturating_sub(if dynamic { days } else { 0 });
            !dynamic || webhook.days_left > 0
        });
    }

    pub(super) fn announce(
        &self,
        state: &mut State,
        id: u64,
        event: &str,
        user: &str,
        history: Option<&Value>,
    ) {
        let mut body = self.message(state, id, event);
        body["user"] = self.user(user);
        body["issue_event_type_name"] = event.trim_start_matches("jira:").into();
        if let Some(history) = history {
            body["changelog"] = json!({ "id": history["id"], "items": history["items"] });
        }
        self.post(state, event, &body);
    }

    /// Messages about comments name neither user nor changelog.
    pub(super) fn announce_comment(&self, state: &mut State, id: u64, user: &str, comment: &Value) {
        let mut body = self.message(state, id, "comment_created");
        let mut comment = comment.clone();
        comment["body"] = plain(&comment["body"]);
        comment["author"] = self.user(user);
        comment.as_object_mut().map(|comment| comment.remove("properties"));
        body["comment"] = comment;
        self.post(state, "comment_created", &body);
    }

    /// Webhook bodies speak v2 even in Cloud: texts are strings.
    fn message(&self, state: &State, id: u64, event: &str) -> Value {
        let mut issue = state.issues.get(&id).map(|issue| self.render(issue, &[])).unwrap_or_default();
        issue["fields"]["description"] = plain(&issue["fields"]["description"]);
        let place = issue["self"].as_str().unwrap_or_default().replace("/rest/api/3/", "/rest/api/2/");
        issue["self"] = place.into();
        json!({ "timestamp": self.clock.now().micros() / 1000, "webhookEvent": event, "issue": issue })
    }

    fn post(&self, state: &mut State, event: &str, body: &Value) {
        let listeners: Vec<Webhook> = state
            .webhooks
            .iter()
            .filter(|webhook| webhook.events.iter().any(|e| e == event))
            .cloned()
            .collect();
        for webhook in listeners {
            let number = state.number();
            let bytes = body.to_string().into_bytes();
            let mut headers = vec![
                ("content-type".to_owned(), "application/json; charset=utf-8".to_owned()),
                ("x-atlassian-webhook-identifier".into(), format!("webhook-{number}")),
                ("x-atlassian-webhook-retry".into(), "0".into()),
            ];
            match (&webhook.secret, &self.settings.access.client) {
                (Some(secret), _) => {
                    headers.push(("x-hub-signature".into(), format!("sha256={}", hex(&mac(secret, &bytes)))));
                }
                (None, Some(client)) => {
                    headers.push(("authorization".into(), format!("Bearer {}", self.jwt(&client.secret))))
                }
                (None, None) => {}
            }
            state.outbox.push(Message { url: webhook.url, headers, body: bytes });
        }
    }

    /// HS256 with the client's secret; the body is not covered.
    fn jwt(&self, secret: &str) -> String {
        let now = self.clock.now().seconds();
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let claims = URL_SAFE_NO_PAD.encode(json!({ "iat": now, "exp": now + 180 }).to_string());
        let signed = format!("{header}.{claims}");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac(secret, signed.as_bytes())))
    }
}

/// A webhook as it is asked for, or the vendor's words against it.
fn dynamic(state: &mut State, url: &str, webhook: &Value) -> Result<Webhook, String> {
    let registered: Vec<&Webhook> = state.webhooks.iter().filter(|known| known.secret.is_none()).collect();
    if let Some(other) = registered.iter().find(|known| known.url != url) {
        let used = &other.url;
        return Err(format!(
            "Only a single URL per app is allowed to be registered via REST API. Currently used URL is {used}"
        ));
    }
    if registered.len() >= DYNAMIC_MAX {
        return Err(format!("The maximum number of webhooks per app and user is {DYNAMIC_MAX}."));
    }
    let jql = webhook["jqlFilter"].as_str().unwrap_or_default();
    for condition in jql.split(" AND ") {
        let mut words = condition.split_whitespace();
        let (field, operator) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let known = FILTERED.contains(&field) && matches!(operator, "=" | "!=" | "IN" | "NOT");
        if !known || words.next().is_none() {
            return Err(format!("The JQL filter {jql:?} is not supported for webhooks."));
        }
    }
    let events = webhook["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    let events: Vec<String> = events.iter().filter_map(|event| event.as_str().map(String::from)).collect();
    if events.is_empty() || events.iter().any(|event| !EVENTS.contains(&event.as_str())) {
        return Err("The webhook events are invalid.".into());
    }
    let (jql, id) = (jql.to_owned(), state.number());
    Ok(Webhook { id, url: url.into(), events, secret: None, jql, days_left: DAYS })
}

fn ids(request: &Request) -> Option<Vec<u64>> {
    let ids = request.json()?["webhookIds"].as_array()?.iter().filter_map(Value::as_u64).collect::<Vec<_>>();
    (!ids.is_empty()).then_some(ids)
}

fn plain(text: &Value) -> Value {
    if text.is_object() { adf_text(text).into() } else { text.clone() }
}

fn mac(secret: &str, bytes: &[u8]) -> Vec<u8> {
    // A key of any length is taken, so this cannot fail.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(bytes);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
