//! Reading what has changed, to the last page.
//!
//! The cursor is inclusive and overlaps: times have whole seconds, and a commit may come later than its time. The end
//! is where no `Link` leads on; a page that is short because of rights is not the end.

use ledger::time::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

use super::config::Config;
use super::snapshot::text;
use super::{At, out_of_turn, respond};
use crate::protocol::{Failure, FailureKind, Outcome, Plan, Response, Step};
use crate::vendor::{encode, iso};

impl Config {
    pub(super) fn poll(&self, cursor: Option<&Value>) -> Result<Step, Failure> {
        let since = match cursor.and_then(|cursor| cursor.get("since")) {
            None => None,
            Some(since) => {
                let time = since.as_str().and_then(|text| iso(&format!("{text}Z")));
                let time = time.ok_or_else(|| {
                    Failure::new(FailureKind::Rejected, "the cursor is no cursor of ServiceNow's")
                })?;
                Some(written(earlier(time, self.overlap_seconds)))
            }
        };
        let newest = cursor.and_then(|cursor| cursor["since"].as_str().map(String::from));
        Ok(Step::send(self.page(since, 0, newest)))
    }

    fn page(&self, since: Option<String>, offset: u64, newest: Option<String>) -> Plan {
        let window = since.as_ref().map(|since| format!("^sys_updated_on>={since}")).unwrap_or_default();
        let query =
            format!("correlation_display={}{window}^ORDERBYsys_updated_on^ORDERBYsys_id", self.display);
        let path = format!(
            "{}?sysparm_query={}&sysparm_limit={}&sysparm_offset={offset}&{}",
            self.table_path(),
            encode(&query),
            self.page_size,
            self.shown()
        );
        Plan::get(path, "GET table").then(At::Page { since, offset, newest }.value())
    }

    pub(super) fn polled(&self, at: At, response: &Response, now: Timestamp) -> Result<Step, Failure> {
        let At::Page { since, offset, mut newest } = at else { return Err(out_of_turn(&at)) };
        let records = respond::list(response, now)?;
        // A query whose condition was ignored returns what is not ours.
        if records.iter().any(|record| text(record, "correlation_display") != self.display) {
            return Err(Failure::new(
                FailureKind::NeedsConfiguration,
                format!("{} does not filter by correlation_display", self.table),
            )
            .field("correlation_display")
            .hint("give the account the right to read correlation_display"));
        }
        newest = records.iter().map(|record| text(record, "sys_updated_on").to_owned()).chain(newest).max();
        let facts = records.iter().map(|record| self.seen(record)).collect();
        let more = response.header("link").is_some_and(|link| link.contains("rel=\"next\""));
        let step = if more {
            Step::send(self.page(since, offset + self.page_size, newest))
        } else {
            // The vendor's own time, so that no clock of ours is compared with its.
            Step::done(Outcome::Polled {
                cursor: newest.map_or_else(|| json!({}), |newest| json!({ "since": newest })),
            })
        };
        Ok(step.with(facts))
    }
}

fn earlier(time: Timestamp, seconds: u64) -> Timestamp {
    let micros = i64::try_from(Duration::from_secs(seconds).as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(time.micros().saturating_sub(micros))
}

fn written(time: Timestamp) -> String {
    time.to_string()[..19].replace('T', " ")
}
