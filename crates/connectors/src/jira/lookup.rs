//! Finding out whether an intent was carried out whose answer was lost.

use ledger::time::Timestamp;
use serde_json::{Value, json};

use super::config::{Config, Deployment};
use super::place::PROPERTY;
use super::snapshot::{comment_mark, version_mark};
use super::{At, known, out_of_turn, respond};
use crate::protocol::{
    Effect, Failure, FailureKind, Intent, Method, Outcome, Plan, Receipt, RemoteRef, Repeat, Response, Step,
};

const CANDIDATES_MAX: u64 = 20;

impl Config {
    pub(super) fn lookup(&self, intent: &Intent) -> Result<Step, Failure> {
        Ok(Step::send(match &intent.effect {
            Effect::Open(_) => {
                let jql =
                    format!("project = \"{}\" AND labels = \"{}\"", self.project, self.label_of(intent));
                self.search(json!({ "jql": jql, "maxResults": CANDIDATES_MAX, "fields": ["summary"] }))
                    .then(At::Search {}.value())
            }
            Effect::Comment { .. } => {
                let path =
                    self.issue(known(intent)?, "/comment?orderBy=-created&maxResults=100&expand=properties");
                Plan::get(path, "GET /issue/comment").then(At::Comments {}.value())
            }
            Effect::Update(_) | Effect::Attach(_) | Effect::Move(_) | Effect::Read {} => {
                self.read(known(intent)?).then(At::Before {}.value())
            }
            Effect::Custom { kind, .. } => {
                return Err(Failure::new(FailureKind::Unsupported, format!("Jira has no {kind:?}")));
            }
        }))
    }

    /// A query; it has a body, and changes nothing.
    pub(super) fn search(&self, body: Value) -> Plan {
        let path = match self.deployment {
            Deployment::Cloud => "/search/jql",
            Deployment::DataCenter => "/search",
        };
        Plan::new(Method::Post, format!("{}{path}", self.api()), Repeat::Safe, "POST /search").json(body)
    }

    pub(super) fn looked_up(
        &self,
        intent: &Intent,
        at: At,
        response: &Response,
        now: Timestamp,
    ) -> Result<Step, Failure> {
        match at {
            At::Search {} => {
                let found = respond::json(response, now)?;
                let ids = found["issues"].as_array().map(Vec::as_slice).unwrap_or_default();
                self.next_candidate(
                    ids.iter().filter_map(|issue| issue["id"].as_str().map(String::from)).collect(),
                )
            }
            At::Candidate { left } => self.candidate(intent, left, response, now),
            At::Comments {} => self.commented(intent, response, now),
            At::Before {} => self.is_done(intent, response, now),
            other => Err(out_of_turn(&other)),
        }
    }

    fn next_candidate(&self, mut left: Vec<String>) -> Result<Step, Failure> {
        let Some(id) = left.pop() else { return Ok(Step::done(Outcome::Absent {})) };
        let remote = RemoteRef { id, key: None, url: None };
        Ok(Step::send(self.read(&remote).then(At::Candidate { left }.value())))
    }

    /// A ticket is ours only if its property says so: a label can be copied by anyone.
    fn candidate(
        &self,
        intent: &Intent,
        left: Vec<String>,
        response: &Response,
        now: Timestamp,
    ) -> Result<Step, Failure> {
        if response.status == 404 {
            return self.next_candidate(left);
        }
        let issue = respond::json(response, now)?;
        let property = &issue["properties"][PROPERTY];
        if property["key"] != intent.key.as_str() || property["tenant"] != intent.tenant.as_str() {
            return self.next_candidate(left);
        }
        Ok(self.found(&issue, Vec::new()))
    }

    fn found(&self, issue: &Value, mut receipts: Vec<Receipt>) -> Step {
        let snapshot = self.snapshot(issue);
        // What has happened since the lost answer is not ours: only an untouched ticket is our doing.
        if super::snapshot::newest_change(issue) == 0 {
            receipts.push(version_mark(issue["id"].as_str().unwrap_or_default(), &snapshot.version));
        }
        let outcome = Outcome::Succeeded {
            remote: self.remote(issue),
            snapshot: Some(Box::new(snapshot)),
            receipts,
            notes: Vec::new(),
        };
        Step::done(outcome).with(vec![self.seen(issue)])
    }

    fn commented(&self, intent: &Intent, response: &Response, now: Timestamp) -> Result<Step, Failure> {
        let page = respond::json(response, now)?;
        let comments = page["comments"].as_array().map(Vec::as_slice).unwrap_or_default();
        let ours = comments.iter().find(|comment| {
            let properties = comment["properties"].as_array().map(Vec::as_slice).unwrap_or_default();
            properties.iter().any(|p| p["key"] == PROPERTY && p["value"]["intent"] == intent.id.as_str())
        });
        Ok(Step::done(match ours {
            None => Outcome::Absent {},
            Some(comment) => Outcome::Succeeded {
                remote: known(intent)?.clone(),
                snapshot: None,
                receipts: vec![comment_mark(comment["id"].as_str().unwrap_or_default())],
                notes: Vec::new(),
            },
        }))
    }

    /// Whether the ticket is as the intent wanted it.
    fn is_done(&self, intent: &Intent, response: &Response, now: Timestamp) -> Result<Step, Failure> {
        let issue = respond::json(response, now)?;
        let done = match &intent.effect {
            Effect::Move(target) => {
                self.statuses.get(&target.status).is_some_and(|goal| goal.is(&issue["fields"]["status"]))
            }
            Effect::Attach(blob) => {
                let files = issue["fields"]["attachment"].as_array().map(Vec::as_slice).unwrap_or_default();
                files
                    .iter()
                    .any(|file| file["filename"] == blob.name.as_str() && file["size"] == blob.size_bytes)
            }
            // These are sent again, whatever became of them.
            _ => false,
        };
        Ok(if done { self.found(&issue, Vec::new()) } else { Step::done(Outcome::Absent {}) })
    }
}
