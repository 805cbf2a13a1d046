//! What happens on a write: unknown columns are ignored, policies and rules refuse, notes go to the journal, and the
//! business rule tells the outside.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::state::{JOURNAL, Record, State, WRITABLE, states, time};
use super::{ServiceNow, failure};
use crate::http::{Message, Reply};

impl ServiceNow {
    /// Writes what may be written. `before` is the record as it was.
    pub(super) fn apply(
        &self,
        state: &mut State,
        table: &str,
        record: &mut Record,
        before: &Record,
        body: &Map<String, Value>,
        user: &str,
    ) -> Result<(), Reply> {
        let was = before["state"].clone();
        if table == "incident" && was == "7" {
            return Err(refused(table, "Closed incidents cannot be changed"));
        }
        let mut notes = Vec::new();
        for (name, value) in body.iter().filter(|(name, _)| WRITABLE.contains(&name.as_str())) {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                other => other.to_string(),
            };
            if JOURNAL.contains(&name.as_str()) {
                if !text.is_empty() {
                    notes.push((name, text));
                }
                continue;
            }
            record.insert(name.clone(), text);
        }
        self.policies(table, record, &was, body)?;
        for (name, text) in notes {
            self.note(state, table, record["sys_id"].clone(), name, text, user);
        }
        let now = record["state"].clone();
        if table == "incident" {
            record.insert("incident_state".into(), now.clone());
        }
        let closed =
            |state: &str| matches!(state, "7" | "8") || (table != "incident" && matches!(state, "6" | "7"));
        record.insert("active".into(), (!closed(&now)).to_string());
        if matches!(was.as_str(), "6" | "7" | "8") && matches!(now.as_str(), "1" | "2") {
            let count: u64 = record["reopen_count"].parse().unwrap_or(0);
            record.insert("reopen_count".into(), (count + 1).to_string());
        }
        Ok(())
    }

    fn policies(
        &self,
        table: &str,
        record: &Record,
        was: &str,
        body: &Map<String, Value>,
    ) -> Result<(), Reply> {
        let now = record["state"].as_str();
        if !states(table).iter().any(|(value, _)| *value == now) {
            return Err(refused(table, &format!("Invalid state {now}")));
        }
        if table != "incident" || now == was {
            return Ok(());
        }
        if now == "6" || now == "7" {
            let empty: Vec<&str> =
                ["close_code", "close_notes"].into_iter().filter(|name| record[*name].is_empty()).collect();
            if !empty.is_empty() {
                let detail = format!(
                    "Data Policy Exception: The following fields are mandatory: {}",
                    empty.join(", ")
                );
                return Err(failure(403, "Operation Failed", &detail));
            }
            if !self.settings.close_codes.contains(&record["close_code"]) {
                return Err(refused(table, &format!("Invalid close code {}", record["close_code"])));
            }
        }
        let awaits_caller = now == "3" && record["hold_reason"] == "1";
        if now == "3" && record["hold_reason"].is_empty() {
            return Err(failure(
                403,
                "Operation Failed",
                "Data Policy Exception: The following fields are mandatory: hold_reason",
            ));
        }
        if awaits_caller && !body.contains_key("comments") {
            return Err(failure(
                403,
                "Operation Failed",
                "Data Policy Exception: The following fields are mandatory: comments",
            ));
        }
        Ok(())
    }

    fn note(&self, state: &mut State, table: &str, record: String, element: &str, text: String, user: &str) {
        let id = state.sys_id();
        let entry = [
            ("sys_id", id),
            ("name", table.to_owned()),
            ("element", element.to_owned()),
            ("element_id", record),
            ("value", text),
            ("sys_created_on", time(self.clock.now())),
            ("sys_created_by", user.to_owned()),
        ];
        state.journal.push(entry.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
    }

    /// What the documented script posts after an insert or update.
    pub(super) fn business_rule(
        &self,
        state: &mut State,
        table: &str,
        record: &Record,
        event: &str,
        changed: &[&str],
    ) {
        let Some((url, secret)) = &self.settings.business_rule else { return };
        let number = state.number();
        let body = json!({
            "event_id": format!("sn-event-{number}"), "event": event, "table": table, "sys_id": record["sys_id"],
            "number": record["number"], "sys_mod_count": record["sys_mod_count"],
            "sys_updated_on": record["sys_updated_on"], "sys_updated_by": record["sys_updated_by"],
            "state": record["state"], "correlation_id": record["correlation_id"], "changed": changed,
        });
        let bytes = body.to_string().into_bytes();
        let at = self.clock.now().seconds();
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
        mac.update(format!("{at}.").as_bytes());
        mac.update(&bytes);
        let signature = format!("t={at},v1={}", STANDARD.encode(mac.finalize().into_bytes()));
        let headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("x-aigov-signature".into(), signature),
        ];
        state.outbox.push(Message { url: url.clone(), headers, body: bytes });
    }
}

fn refused(table: &str, rule: &str) -> Reply {
    let detail = format!(
        "Operation against file '{table}' was aborted by Business Rule '{rule}^6a2e9d14'. Business Rule Stack:{rule}"
    );
    failure(403, "Operation Failed", &detail)
}
