//! Messages of the business rule that the guide has the customer install. They are hints, and lossy: the vendor does
//! not repeat them, so polling stands behind them.

use serde::Deserialize;

use super::config::Config;
use crate::adapter::InboundMessage;
use crate::protocol::{Fact, FactKind, Failure, FailureKind, Receipt, RemoteRef};
use crate::vendor::iso;

/// What the documented script sends. Other members are the customer's own.
#[derive(Debug, Deserialize)]
struct Message {
    event_id: String,
    table: String,
    sys_id: String,
    #[serde(default)]
    event: String,
    #[serde(default)]
    number: Option<String>,
    #[serde(default)]
    sys_mod_count: Option<String>,
    #[serde(default)]
    sys_updated_on: Option<String>,
    #[serde(default)]
    sys_updated_by: Option<String>,
    #[serde(default)]
    correlation_id: Option<String>,
}

impl Config {
    pub(super) fn facts(&self, message: &InboundMessage<'_>) -> Result<Vec<Fact>, Failure> {
        let said: Message = serde_json::from_str(message.body).map_err(|error| {
            Failure::new(FailureKind::Malformed, format!("not a message of the documented script: {error}"))
        })?;
        let is_id = said.sys_id.len() == 32 && said.sys_id.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_id {
            return Err(Failure::new(FailureKind::Malformed, "the message's sys_id is none"));
        }
        if said.table != self.table {
            return Ok(Vec::new());
        }
        let mark = said.sys_mod_count.map(|count| Receipt(format!("servicenow:{}:{count}", said.sys_id)));
        Ok(vec![Fact {
            kind: if said.event == "deleted" { FactKind::GoneHint {} } else { FactKind::Hint {} },
            remote: RemoteRef { id: said.sys_id, key: said.number, url: None },
            key: said.correlation_id.filter(|key| !key.is_empty()),
            dedupe: format!("servicenow:event:{}", said.event_id),
            receipts: mark.into_iter().collect(),
            at: said.sys_updated_on.and_then(|text| iso(&format!("{text}Z"))),
            by: said.sys_updated_by,
        }])
    }
}
