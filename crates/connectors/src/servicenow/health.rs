//! Whether the connection works, and whether the mapped states and codes are among the instance's choices.

use ledger::time::Timestamp;
use serde_json::Value;

use super::config::Config;
use super::snapshot::text;
use super::{At, out_of_turn, respond};
use crate::protocol::{Failure, FailureKind, Health, Outcome, Plan, Response, Step};
use crate::vendor::encode;

impl Config {
    pub(super) fn may_we_read(&self) -> Step {
        let path = format!("{}?sysparm_limit=1&sysparm_fields=sys_id", self.table_path());
        Step::send(Plan::get(path, "GET table").then(At::Table {}.value()))
    }

    fn choices(&self, element: &str, at: &At) -> Plan {
        let query = encode(&format!("name={}^element={element}^inactive=false", self.table));
        let path = format!(
            "/api/now/v2/table/sys_choice?sysparm_query={query}&sysparm_fields=name,element,value,label"
        );
        Plan::get(path, "GET table").then(at.value())
    }

    pub(super) fn diagnosed(&self, at: At, response: &Response, now: Timestamp) -> Result<Step, Failure> {
        match at {
            At::Table {} => {
                respond::list(response, now)?;
                Ok(Step::send(self.choices("state", &At::States { findings: Vec::new() })))
            }
            At::States { mut findings } => {
                let mapped = self.statuses.iter().map(|(status, state)| {
                    (format!("/statuses/{}/value", status.name()), state.value.clone())
                });
                findings.extend(self.unknown("state", mapped.collect(), response, now));
                Ok(Step::send(self.choices("close_code", &At::CloseCodes { findings })))
            }
            At::CloseCodes { mut findings } => {
                let codes = self.statuses.iter().filter_map(|(status, state)| {
                    let code = state.fields.get("close_code")?.as_str()?;
                    Some((format!("/statuses/{}/fields/close_code", status.name()), code.to_owned()))
                });
                findings.extend(self.unknown("close_code", codes.collect(), response, now));
                let health =
                    Health { account: self.account.clone(), product: Some("ServiceNow".into()), findings };
                Ok(Step::done(Outcome::Health(health)))
            }
            other => Err(out_of_turn(&other)),
        }
    }

    /// The configured values that are no choices. An instance that does not let its choices be read says nothing.
    fn unknown(
        &self,
        element: &str,
        configured: Vec<(String, String)>,
        response: &Response,
        now: Timestamp,
    ) -> Vec<Failure> {
        let choices = match respond::list(response, now) {
            Ok(choices) => choices,
            Err(failure) => {
                let message = format!("the choices of {element} cannot be read: {}", failure.message);
                return vec![Failure::new(failure.kind, message).hint("let the account read sys_choice")];
            }
        };
        // Extended tables inherit their choices from their parent: none here means unknown, not wrong.
        let own = |choice: &&Value| text(choice, "element") == element && text(choice, "name") == self.table;
        let there: Vec<&Value> = choices.iter().filter(own).collect();
        if there.is_empty() {
            return Vec::new();
        }
        let offered: Vec<String> = there
            .iter()
            .map(|choice| format!("{} ({})", text(choice, "value"), text(choice, "label")))
            .collect();
        let missing =
            configured.into_iter().filter(|(_, value)| !there.iter().any(|c| text(c, "value") == value));
        missing
            .map(|(pointer, value)| {
                let message = format!("{} has no {element} {value:?}", self.table);
                Failure::new(FailureKind::NeedsConfiguration, message).field(pointer).offered(offered.clone())
            })
            .collect()
    }
}
