//! Paths, labels and the plans that several tasks share.

use sha2::{Digest, Sha256};

use super::config::{Config, Deployment};
use crate::protocol::{Intent, Plan, RemoteRef};
use crate::vendor::encode;

/// The entity property that tells whose a ticket is.
pub(super) const PROPERTY: &str = "aigov";

impl Config {
    /// The beginning of every path.
    pub(super) fn api(&self) -> &'static str {
        match self.deployment {
            Deployment::Cloud => "/rest/api/3",
            Deployment::DataCenter => "/rest/api/2",
        }
    }

    /// A path of one ticket.
    pub(super) fn issue(&self, remote: &RemoteRef, rest: &str) -> String {
        format!("{}/issue/{}{rest}", self.api(), encode(&remote.id))
    }

    /// The label of an obligation: short, and the same for ever.
    pub(super) fn label_of(&self, intent: &Intent) -> String {
        let digest = Sha256::digest(format!("{}\0{}", intent.tenant, intent.key));
        let short: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{short}", self.label)
    }

    /// The fields that a snapshot shows.
    pub(super) fn wanted(&self) -> Vec<String> {
        let usual = ["summary", "description", "status", "updated", "labels", "attachment", "project"];
        usual
            .into_iter()
            .map(String::from)
            .chain(self.synced.values().map(|field| field.field.clone()))
            .collect()
    }

    /// Reads a ticket with its changelog and our property.
    pub(super) fn read(&self, remote: &RemoteRef) -> Plan {
        let fields = encode(&self.wanted().join(","));
        let query = format!("?expand=changelog&properties={PROPERTY}&fields={fields}");
        Plan::get(self.issue(remote, &query), "GET /issue")
    }
}
