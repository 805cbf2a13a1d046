//! Moving a ticket to a status, hop by hop. What is offered is read anew before each hop.

use ledger::time::Timestamp;
use serde_json::{Map, Value, json};

use super::config::{Config, Goal};
use super::{At, known, respond, text};
use crate::protocol::{
    Document, Failure, FailureKind, Intent, Method, Outcome, Plan, Repeat, Response, Step, Target,
};

/// No sane workflow is longer.
const HOPS_MAX: usize = 6;

impl Config {
    fn goal(&self, target: &Target) -> Result<&Goal, Failure> {
        self.statuses.get(&target.status).ok_or_else(|| {
            let name = target.status.name();
            Failure::new(FailureKind::NeedsConfiguration, format!("the status {name} is not mapped"))
                .field(format!("/statuses/{name}"))
                .hint("say which status of the workflow it is")
        })
    }

    /// From the ticket as it is: done, or what is offered?
    pub(super) fn toward(
        &self,
        intent: &Intent,
        target: &Target,
        issue: &Value,
        last: u64,
        hops: Vec<String>,
    ) -> Result<Step, Failure> {
        let status = &issue["fields"]["status"];
        if self.goal(target)?.is(status) {
            return Ok(Step::done(Outcome::Succeeded {
                remote: self.remote(issue),
                snapshot: Some(Box::new(self.snapshot(issue))),
                receipts: Vec::new(),
                notes: Vec::new(),
            }));
        }
        let status = status["name"].as_str().unwrap_or_default().to_owned();
        self.ask_offered(intent, last, status, hops)
    }

    fn ask_offered(
        &self,
        intent: &Intent,
        last: u64,
        status: String,
        hops: Vec<String>,
    ) -> Result<Step, Failure> {
        let path = self.issue(known(intent)?, "/transitions?expand=transitions.fields");
        let plan = Plan::get(path, "GET /issue/transitions");
        Ok(Step::send(plan.then(At::Offered { last, status, hops }.value())))
    }

    /// Chooses: straight to the goal, else to the next status on the configured way that was not visited yet.
    #[expect(clippy::too_many_arguments, reason = "where the task stands, spelled out")]
    pub(super) fn offered(
        &self,
        intent: &Intent,
        target: &Target,
        last: u64,
        status: &str,
        mut hops: Vec<String>,
        response: &Response,
        now: Timestamp,
    ) -> Result<Step, Failure> {
        let answer = respond::json(response, now)?;
        let offered = answer["transitions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let goal = self.goal(target)?;
        let usable = |transition: &&Value| transition["isAvailable"] != false;
        let direct = offered.iter().filter(usable).find(|transition| goal.is(&transition["to"]));
        // The way that is left: after the status where the ticket is, if that is on it.
        let on_way = goal.via.iter().position(|name| name == status).map_or(0, |at| at + 1);
        let hop = direct.or_else(|| {
            goal.via[on_way..].iter().filter(|name| !hops.contains(name)).find_map(|name| {
                offered.iter().filter(usable).find(|transition| transition["to"]["name"] == name.as_str())
            })
        });
        let Some(hop) = hop.filter(|_| hops.len() < HOPS_MAX) else {
            let names = offered.iter().map(|transition| {
                let name = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                format!("{} → {}", name(&transition["name"]), name(&transition["to"]["name"]))
            });
            let message = format!("no transition leads from {status} to {}", target.status.name());
            return Err(Failure::new(FailureKind::Blocked, message)
                .hint("map the status to one that is offered, or name the way to it (via)")
                .offered(names.collect()));
        };
        let arrived = direct.is_some();
        let mut body = json!({ "transition": { "id": hop["id"] }, "fields": asked(hop, goal)? });
        if let Some(note) = target.note.as_deref().filter(|_| arrived) {
            let note = text::write(&Document::plain(note), self.deployment);
            body["update"] = json!({ "comment": [{ "add": { "body": note } }] });
        }
        hops.push(hop["to"]["name"].as_str().unwrap_or_default().into());
        let path = self.issue(known(intent)?, "/transitions");
        // Twice is not as once: from the next status the same transition is refused, or leads elsewhere.
        let plan = Plan::new(Method::Post, path, Repeat::Once, "POST /issue/transitions");
        Ok(Step::send(plan.json(body).then(At::Transit { last, hops, arrived }.value())))
    }

    pub(super) fn transited(
        &self,
        intent: &Intent,
        last: u64,
        hops: Vec<String>,
        arrived: bool,
        response: &Response,
        now: Timestamp,
    ) -> Result<Step, Failure> {
        if !response.is_success() {
            return Err(respond::failure(response, now));
        }
        if arrived {
            let wrote = ["status", "resolution", "comment", "Comment"].map(String::from).to_vec();
            return Ok(Step::send(self.read_back(known(intent)?, last, wrote, Vec::new(), Vec::new())));
        }
        let status = hops.last().cloned().unwrap_or_default();
        self.ask_offered(intent, last, status, hops)
    }
}

/// The fields that the transition's screen has: ours, and none that is required is missing.
fn asked(transition: &Value, goal: &Goal) -> Result<Map<String, Value>, Failure> {
    let mut fields = Map::new();
    for (name, described) in transition["fields"].as_object().into_iter().flatten() {
        if let Some(value) = goal.fields.get(name) {
            fields.insert(name.clone(), value.clone());
        } else if described["required"] == true && described["hasDefaultValue"] != true {
            let values = described["allowedValues"].as_array().map(Vec::as_slice).unwrap_or_default();
            let offered =
                values.iter().filter_map(|value| value["name"].as_str().map(String::from)).collect();
            let message = format!("the transition {} asks for {name}", transition["name"]);
            return Err(Failure::new(FailureKind::NeedsConfiguration, message)
                .field(name.as_str())
                .hint("add it to the fields of this status in the configuration")
                .offered(offered));
        }
    }
    Ok(fields)
}
