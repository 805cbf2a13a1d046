//! Whether the connection works, and whether the configuration fits what the site has.

use ledger::time::Timestamp;
use serde_json::Value;

use super::config::Config;
use super::{At, open, out_of_turn, respond};
use crate::protocol::{Failure, FailureKind, Health, Outcome, Plan, Response, Status, Step};
use crate::vendor::encode;

impl Config {
    pub(super) fn who_are_we(&self) -> Step {
        Step::send(Plan::get(format!("{}/myself", self.api()), "GET /myself").then(At::Myself {}.value()))
    }

    pub(super) fn diagnosed(&self, at: At, response: &Response, now: Timestamp) -> Result<Step, Failure> {
        match at {
            At::Myself {} => {
                let me = respond::json(response, now)?;
                let account = me["accountId"].as_str().or(me["name"].as_str()).map(String::from);
                let findings = self.whose(account.as_deref());
                let path = format!("{}/project/{}/statuses", self.api(), encode(&self.project));
                let plan = Plan::get(path, "GET /project/statuses");
                Ok(Step::send(plan.then(At::Statuses { account, findings }.value())))
            }
            At::Statuses { account, mut findings } => {
                match respond::json(response, now) {
                    Ok(kinds) => findings.extend(self.unmapped(&kinds)),
                    Err(failure) if failure.kind == FailureKind::Missing => findings.push(
                        Failure::new(
                            FailureKind::NeedsConfiguration,
                            format!("there is no project {}", self.project),
                        )
                        .field("/project")
                        .hint("check the key, and that the account may browse the project"),
                    ),
                    Err(failure) => return Err(failure),
                }
                Ok(Step::send(self.ask_fields(account, findings, 0, Vec::new())))
            }
            At::Fields { account, findings, start, seen } => {
                self.fields_read(account, findings, start, seen, response, now)
            }
            other => Err(out_of_turn(&other)),
        }
    }

    fn whose(&self, account: Option<&str>) -> Vec<Failure> {
        match &self.account {
            Some(configured) if Some(configured.as_str()) != account => {
                let message = format!(
                    "the account is {}, and {configured} is configured",
                    account.unwrap_or("unknown")
                );
                vec![Failure::new(FailureKind::NeedsConfiguration, message).field("/account")]
            }
            _ => Vec::new(),
        }
    }

    fn unmapped(&self, kinds: &Value) -> Vec<Failure> {
        let kinds = kinds.as_array().map(Vec::as_slice).unwrap_or_default();
        let Some(kind) = kinds.iter().find(|kind| kind["id"] == self.issue_type.as_str()) else {
            let offered = kinds.iter().map(|kind| format!("{} ({})", text(&kind["name"]), text(&kind["id"])));
            let message = format!("the project has no issue type {}", self.issue_type);
            let failure = Failure::new(FailureKind::NeedsConfiguration, message).field("/issue_type");
            return vec![failure.offered(offered.collect())];
        };
        let there = kind["statuses"].as_array().map(Vec::as_slice).unwrap_or_default();
        let offered: Vec<String> = there.iter().map(|status| text(&status["name"])).collect();
        let missing = self.statuses.iter().filter(|(_, goal)| !there.iter().any(|status| goal.is(status)));
        missing
            .map(|(status, _): (&Status, _)| {
                let message =
                    format!("the status {} is mapped to one that the workflow does not have", status.name());
                Failure::new(FailureKind::NeedsConfiguration, message)
                    .field(format!("/statuses/{}", status.name()))
                    .offered(offered.clone())
            })
            .collect()
    }

    fn ask_fields(
        &self,
        account: Option<String>,
        findings: Vec<Failure>,
        start: u64,
        seen: Vec<String>,
    ) -> Plan {
        let at = At::Fields { account, findings, start, seen };
        self.create_meta(start).then(at.value())
    }

    fn fields_read(
        &self,
        account: Option<String>,
        mut findings: Vec<Failure>,
        start: u64,
        mut seen: Vec<String>,
        response: &Response,
        now: Timestamp,
    ) -> Result<Step, Failure> {
        match respond::json(response, now) {
            Ok(page) => {
                let described = open::described(&page);
                seen.extend(described.iter().map(|field| text(&field["fieldId"])));
                let read = start + described.len() as u64;
                if !described.is_empty() && read < page["total"].as_u64().unwrap_or(0) {
                    return Ok(Step::send(self.ask_fields(account, findings, read, seen)));
                }
                let mapped = self.fields.keys().chain(self.synced.values().map(|field| &field.field));
                for field in mapped.filter(|field| !seen.contains(field)) {
                    let message =
                        format!("the mapping sets {field}, which the creation screen does not have");
                    findings
                        .push(Failure::new(FailureKind::NeedsConfiguration, message).field(field.as_str()));
                }
            }
            // The project or type was found missing before; here it means no right to create.
            Err(failure) if findings.is_empty() => findings.push(failure),
            Err(_) => {}
        }
        Ok(Step::done(Outcome::Health(Health { account, product: Some("Jira".into()), findings })))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
