//! Reading what has changed.
//!
//! JQL compares minutes in the zone of the account, so windows are relative (`-15m`), rounded up, and overlap. What is
//! read twice is the same fact twice. The cursor moves only when the last page was read: a part is never taken for
//! the whole.

use ledger::time::Timestamp;
use serde_json::{Value, json};

use super::config::{Config, Deployment};
use super::place::PROPERTY;
use super::{At, out_of_turn, respond};
use crate::protocol::{Failure, FailureKind, Outcome, Response, Step};

/// Without a cursor everything is read: a window as long as Jira has been there.
const BEGINNING_MINUTES: u64 = 60 * 24 * 365 * 30;

impl Config {
    pub(super) fn poll(&self, cursor: Option<&Value>, now: Timestamp) -> Result<Step, Failure> {
        let since = match cursor.and_then(|cursor| cursor.get("until")) {
            None => None,
            Some(until) => {
                let until = until.as_str().and_then(|text| text.parse::<Timestamp>().ok());
                Some(until.ok_or_else(|| {
                    Failure::new(FailureKind::Rejected, "the cursor is no cursor of Jira's")
                })?)
            }
        };
        let window_minutes = since.map_or(BEGINNING_MINUTES, |since| {
            now.since(since).as_secs().div_ceil(60) + self.overlap_minutes + 1
        });
        Ok(Step::send(self.page(window_minutes, now, 0, None)))
    }

    fn page(
        &self,
        window_minutes: u64,
        until: Timestamp,
        start: u64,
        token: Option<&str>,
    ) -> crate::protocol::Plan {
        let jql = format!(
            "project = \"{}\" AND labels = \"{}\" AND updated >= \"-{window_minutes}m\" ORDER BY updated ASC",
            self.project, self.label
        );
        let mut body = json!({ "jql": jql, "maxResults": self.page_size, "fields": self.wanted() });
        match self.deployment {
            Deployment::Cloud => {
                body["properties"] = json!([PROPERTY]);
                if let Some(token) = token {
                    body["nextPageToken"] = token.into();
                }
            }
            Deployment::DataCenter => body["startAt"] = start.into(),
        }
        self.search(body).then(At::Page { window_minutes, until, start }.value())
    }

    pub(super) fn polled(&self, at: At, response: &Response, now: Timestamp) -> Result<Step, Failure> {
        let At::Page { window_minutes, until, start } = at else { return Err(out_of_turn(&at)) };
        let page = respond::json(response, now)?;
        let issues = page["issues"]
            .as_array()
            .ok_or_else(|| Failure::new(FailureKind::Malformed, "a search without a list of issues"))?;
        let facts = issues.iter().map(|issue| self.seen(issue)).collect();
        let read = start + issues.len() as u64;
        let step = match self.deployment {
            Deployment::Cloud => match page["nextPageToken"].as_str().filter(|_| page["isLast"] != true) {
                Some(token) => Step::send(self.page(window_minutes, until, read, Some(token))),
                None => finished(until),
            },
            Deployment::DataCenter => {
                let total = page["total"].as_u64().unwrap_or(0);
                if read >= total {
                    finished(until)
                } else if issues.is_empty() {
                    return Err(Failure::new(
                        FailureKind::Malformed,
                        "an empty page before the end of a search",
                    ));
                } else {
                    Step::send(self.page(window_minutes, until, read, None))
                }
            }
        };
        Ok(step.with(facts))
    }
}

fn finished(until: Timestamp) -> Step {
    Step::done(Outcome::Polled { cursor: json!({ "until": until }) })
}
