//! Dynamic webhooks of Cloud: an OAuth app registers them itself, for thirty days at a time.
//!
//! What is registered is read each time before anything is done about it: a registration whose answer was lost is found
//! again instead of being made twice, and one that somebody removed is made anew. Jira lists only what this app has
//! registered, which may serve other integrations too: only what the state names or what asks for the same is touched.

use std::time::Duration;

use ledger::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::config::{Config, Deployment};
use super::{At, out_of_turn, respond};
use crate::protocol::{Failure, FailureKind, Method, Outcome, Plan, Repeat, Response, Step};
use crate::vendor::iso;

/// What a ticket's life is made of.
const EVENTS: [&str; 4] =
    ["jira:issue_created", "jira:issue_updated", "jira:issue_deleted", "comment_created"];
/// A registration lasts thirty days; a week is left to mend whatever is in the way of its renewal.
const RENEW_BEFORE: Duration = Duration::from_secs(10 * 86_400);
/// Jira keeps five for an app and a user: one page holds them.
const PAGE: u64 = 100;

/// What the ledger keeps of a registration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    id: u64,
    jql: String,
    url: String,
}

/// A webhook as Jira lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Listed {
    id: u64,
    ends: Option<Timestamp>,
}

impl Config {
    /// The tickets that are ours to hear of; the operators are those that a webhook's filter may have.
    fn filter(&self) -> String {
        format!("project = \"{}\"", self.project)
    }

    fn webhook_plan(&self, method: Method, rest: &str, repeat: Repeat, at: &At) -> Plan {
        let path = format!("{}/webhook{rest}", self.api());
        let scope = format!("{} /webhook", method.as_str());
        Plan::new(method, path, repeat, &scope).then(at.value())
    }

    /// Reads what is registered.
    pub(super) fn subscribe(&self) -> Result<Step, Failure> {
        if self.deployment != Deployment::Cloud {
            return Err(Failure::new(
                FailureKind::Unsupported,
                "Jira Data Center registers no webhooks for an app",
            )
            .hint("make the webhook by hand in its administration, and leave register out"));
        }
        Ok(Step::send(self.list(0, Vec::new(), Vec::new())))
    }

    /// Ends the registration.
    pub(super) fn unsubscribe(&self, state: &Value) -> Step {
        match kept(Some(state)) {
            Some(kept) => Step::send(self.remove(&[kept.id], &At::Unsubscribing {})),
            None => Step::done(Outcome::Unsubscribed {}),
        }
    }

    fn list(&self, start: u64, ours: Vec<Listed>, stale: Vec<u64>) -> Plan {
        let query = format!("?startAt={start}&maxResults={PAGE}");
        self.webhook_plan(Method::Get, &query, Repeat::Safe, &At::Listing { start, ours, stale })
    }

    fn remove(&self, ids: &[u64], at: &At) -> Plan {
        self.webhook_plan(Method::Delete, "", Repeat::Same, at).json(json!({ "webhookIds": ids }))
    }

    fn refresh(&self, id: u64) -> Step {
        let plan = self.webhook_plan(Method::Put, "/refresh", Repeat::Same, &At::Renewing { id });
        Step::send(plan.json(json!({ "webhookIds": [id] })))
    }

    pub(super) fn subscribed(
        &self,
        (url, state): (&str, Option<&Value>),
        at: At,
        response: &Response,
        now: Timestamp,
    ) -> Result<Step, Failure> {
        match at {
            At::Listing { start, ours, stale } => {
                let page = respond::json(response, now).map_err(for_apps)?;
                self.listed(url, state, (start, ours, stale), &page, now)
            }
            At::Tidying { ours } => {
                accepted(response, now)?;
                Ok(self.settle(url, ours, now))
            }
            At::Registering {} => self.refresh_made(&respond::json(response, now).map_err(for_apps)?),
            At::Renewing { id } => {
                let ends = time(&respond::json(response, now).map_err(for_apps)?["expirationDate"]);
                Ok(self.done(url, &Listed { id, ends }))
            }
            at => Err(out_of_turn(&at)),
        }
    }

    pub(super) fn unsubscribed(&self, at: At, response: &Response, now: Timestamp) -> Result<Step, Failure> {
        let At::Unsubscribing {} = at else { return Err(out_of_turn(&at)) };
        accepted(response, now)?;
        Ok(Step::done(Outcome::Unsubscribed {}))
    }

    fn listed(
        &self,
        url: &str,
        state: Option<&Value>,
        (start, mut ours, mut stale): (u64, Vec<Listed>, Vec<u64>),
        page: &Value,
        now: Timestamp,
    ) -> Result<Step, Failure> {
        let kept = kept(state);
        let values = page["values"]
            .as_array()
            .ok_or_else(|| Failure::new(FailureKind::Malformed, "a list of webhooks without a list"))?;
        for webhook in values {
            let Some(id) = webhook["id"].as_u64() else { continue };
            let known = kept.as_ref().filter(|kept| kept.id == id);
            // Jira may write a filter in another way than it was given, so what is kept of it counts.
            let filter = known.map_or(webhook["jqlFilter"].as_str().unwrap_or_default(), |kept| &kept.jql);
            let place = webhook["url"].as_str().or(known.map(|kept| kept.url.as_str()));
            let wanted =
                filter == self.filter() && place.is_none_or(|place| place == url) && hears_all(webhook);
            if wanted && ours.is_empty() {
                ours.push(Listed { id, ends: time(&webhook["expirationDate"]) });
            } else if wanted || known.is_some() {
                stale.push(id);
            }
        }
        if page["isLast"] == false && !values.is_empty() {
            return Ok(Step::send(self.list(start + values.len() as u64, ours, stale)));
        }
        Ok(if stale.is_empty() {
            self.settle(url, ours, now)
        } else {
            let plan = self.remove(&stale, &At::Tidying { ours });
            Step::send(plan)
        })
    }

    /// What there is to be done about a registration that may be there.
    fn settle(&self, url: &str, mut ours: Vec<Listed>, now: Timestamp) -> Step {
        match ours.pop() {
            Some(one) if one.ends.is_some_and(|ends| ends > now.plus(RENEW_BEFORE)) => self.done(url, &one),
            Some(one) => self.refresh(one.id),
            None => {
                // Once: if its answer is lost, the next run finds it in the list.
                let plan = self.webhook_plan(Method::Post, "", Repeat::Once, &At::Registering {});
                let webhook = json!({ "events": EVENTS, "jqlFilter": self.filter() });
                Step::send(plan.json(json!({ "url": url, "webhooks": [webhook] })))
            }
        }
    }

    /// A creation does not say when it ends; a renewal does.
    fn refresh_made(&self, made: &Value) -> Result<Step, Failure> {
        let result = &made["webhookRegistrationResult"][0];
        if let Some(id) = result["createdWebhookId"].as_u64() {
            return Ok(self.refresh(id));
        }
        let errors = result["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let said: Vec<&str> = errors.iter().filter_map(Value::as_str).collect();
        let failure =
            Failure::new(FailureKind::NeedsConfiguration, format!("no webhook: {}", said.join("; ")));
        Err(failure.hint(
            "Jira keeps five webhooks for an app and a user, all with one address: give each integration an OAuth app of its own",
        ))
    }

    fn done(&self, url: &str, one: &Listed) -> Step {
        let state = Kept { id: one.id, jql: self.filter(), url: url.to_owned() };
        Step::done(Outcome::Subscribed { state: json!(state), expires_at: one.ends })
    }
}

fn kept(state: Option<&Value>) -> Option<Kept> {
    serde_json::from_value(state?.clone()).ok()
}

fn hears_all(webhook: &Value) -> bool {
    let events = webhook["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    EVENTS.iter().all(|event| events.iter().any(|heard| heard == event))
}

/// Described as milliseconds since the epoch, and shown as ISO 8601.
fn time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(millis) => millis.as_i64().map(|ms| Timestamp::from_micros(ms.saturating_mul(1000))),
        Value::String(text) => iso(text),
        _ => None,
    }
}

/// A removal has no body.
fn accepted(response: &Response, now: Timestamp) -> Result<(), Failure> {
    if response.is_success() { Ok(()) } else { Err(for_apps(respond::failure(response, now))) }
}

fn for_apps(failure: Failure) -> Failure {
    match failure.kind {
        FailureKind::Forbidden => failure.hint(
            "only an OAuth 2.0 (3LO) app with the scope manage:jira-webhook may register webhooks: add the scope and authorise it anew, or make the webhook by hand",
        ),
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Body, Then};

    const URL: &str = "https://ledger.example/v1/inbound/jira";

    fn config(deployment: &str) -> Config {
        let config = json!({ "deployment": deployment, "project": "SEC", "issue_type": "1", "statuses": {} });
        Config::parse(&config).expect("fits")
    }

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().expect("a time")
    }

    fn listed(state: Option<&Value>, webhooks: Value) -> Step {
        let page = json!({ "isLast": true, "values": webhooks });
        let headers = std::collections::BTreeMap::from([("content-type".into(), "application/json".into())]);
        let response = Response { status: 200, headers, body: page.to_string() };
        let at = At::Listing { start: 0, ours: Vec::new(), stale: Vec::new() };
        config("cloud").subscribed((URL, state), at, &response, now()).expect("a step")
    }

    fn webhook(id: u64, jql: &str, url: &str, ends: Value) -> Value {
        json!({ "id": id, "jqlFilter": jql, "url": url, "events": EVENTS, "expirationDate": ends })
    }

    fn sent(step: &Step) -> (String, Value) {
        let Then::Send(plan) = &step.then else { panic!("{step:?}") };
        let body = match &plan.body {
            Body::Json(body) => body.clone(),
            _ => Value::Null,
        };
        (format!("{} {}", plan.method.as_str(), plan.path), body)
    }

    #[test]
    fn one_registration_is_kept_and_renewed_before_its_end() {
        let jql = "project = \"SEC\"";
        let (path, body) = sent(&listed(None, json!([])));
        assert_eq!((path.as_str(), &body["url"]), ("POST /rest/api/3/webhook", &json!(URL)));
        // Far from its end it is left alone, and found again where the answer of its creation was lost.
        let far = listed(None, json!([webhook(7, jql, URL, json!("2026-03-20T12:00:00.000+0000"))]));
        let Then::Done(Outcome::Subscribed { state, expires_at }) = far.then else { panic!("{far:?}") };
        assert_eq!((state["id"].as_u64(), expires_at), (Some(7), "2026-03-20T12:00:00Z".parse().ok()));
        let near = json!([webhook(7, jql, URL, json!(1_773_000_000_000_u64))]);
        let (path, body) = sent(&listed(Some(&state), near));
        assert_eq!((path.as_str(), body), ("PUT /rest/api/3/webhook/refresh", json!({ "webhookIds": [7] })));
    }

    #[test]
    fn another_integrations_webhook_is_left_alone_and_an_old_one_of_ours_is_removed() {
        let other = webhook(8, "project = \"OTHER\"", "https://elsewhere.example", json!(null));
        let (path, _) = sent(&listed(None, json!([other.clone()])));
        assert_eq!(path, "POST /rest/api/3/webhook");
        // The ledger has another address now.
        let state = json!({ "id": 7, "jql": "project = \"SEC\"", "url": "https://before.example" });
        let before = webhook(7, "project = \"SEC\"", "https://before.example", json!(null));
        let (path, body) = sent(&listed(Some(&state), json!([before, other])));
        assert_eq!((path.as_str(), body), ("DELETE /rest/api/3/webhook", json!({ "webhookIds": [7] })));
    }

    #[test]
    fn data_center_is_told_to_make_it_by_hand() {
        let refused = config("data_center").subscribe().expect_err("refused");
        assert!(refused.hint.is_some_and(|hint| hint.contains("by hand")));
    }
}
