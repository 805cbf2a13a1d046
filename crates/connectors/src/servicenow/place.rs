//! Paths, correlation, and the plans that several tasks share.

use sha2::{Digest, Sha256};

use super::At;
use super::config::Config;
use crate::protocol::{Intent, Method, Plan, RemoteRef, Repeat};
use crate::vendor::encode;

/// Columns that every read shows.
const USUAL: [&str; 13] = [
    "sys_id",
    "number",
    "sys_mod_count",
    "sys_created_on",
    "sys_updated_on",
    "sys_updated_by",
    "state",
    "short_description",
    "description",
    "correlation_id",
    "correlation_display",
    "close_code",
    "close_notes",
];

impl Config {
    /// The correlation of an obligation. A key that does not fit or that would be read as part of a query is digested.
    pub(super) fn correlation(&self, intent: &Intent) -> String {
        let plain = format!("aigov:{}:{}", intent.tenant, intent.key);
        let fits =
            plain.len() <= 100 && plain.bytes().all(|b| b.is_ascii_alphanumeric() || b":._-".contains(&b));
        if fits {
            return plain;
        }
        let digest = Sha256::digest(format!("{}\0{}", intent.tenant, intent.key));
        let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("aigov:{hex}")
    }

    pub(super) fn table_path(&self) -> String {
        format!("/api/now/v2/table/{}", self.table)
    }

    pub(super) fn record_path(&self, remote: &RemoteRef) -> String {
        format!("{}/{}", self.table_path(), encode(&remote.id))
    }

    /// The parameters by which a record comes back as plain values of the wanted columns.
    pub(super) fn shown(&self) -> String {
        let columns: Vec<&str> =
            USUAL.into_iter().chain(self.synced.values().map(|field| field.field.as_str())).collect();
        let fields = encode(&columns.join(","));
        format!("sysparm_display_value=false&sysparm_exclude_reference_link=true&sysparm_fields={fields}")
    }

    pub(super) fn read(&self, remote: &RemoteRef) -> Plan {
        let path = format!("{}?{}", self.record_path(remote), self.shown());
        Plan::get(path, "GET table")
    }

    /// The record of an obligation, oldest first.
    pub(super) fn search(&self, intent: &Intent) -> Plan {
        let query = encode(&format!("correlation_id={}^ORDERBYsys_created_on", self.correlation(intent)));
        let path = format!("{}?sysparm_query={query}&sysparm_limit=10&{}", self.table_path(), self.shown());
        Plan::get(path, "GET table").then(At::Search {}.value())
    }

    pub(super) fn patch(&self, remote: &RemoteRef, repeat: Repeat) -> Plan {
        let path = format!("{}?{}", self.record_path(remote), self.shown());
        Plan::new(Method::Patch, path, repeat, "PATCH table")
    }
}
