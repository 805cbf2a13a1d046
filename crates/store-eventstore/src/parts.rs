//! The index, the side store and the connection: what all tasks of a store share.

use std::collections::HashSet;
use std::sync::Arc;

use ledger::ids::{CommandId, SubjectId, TenantId};
use ledger_store::{EventStore, SideStore};
use ledger_store_sqlite::SqliteStore;

use crate::annex;
use crate::entry::{Entry, log_stream};
use crate::error::Failure;
use crate::link::Link;

/// What all tasks of a store share.
pub(crate) struct Parts {
    pub index: SqliteStore,
    pub side: Arc<dyn SideStore>,
    pub link: Link,
    pub prefix: String,
}

impl Parts {
    pub fn stream(&self, tenant: &TenantId) -> String {
        log_stream(&self.prefix, tenant)
    }

    /// Makes the logs that the side store knows known to the index.
    pub async fn refresh_logs(&self) -> Result<(), Failure> {
        for log in self.side.logs().await? {
            self.index.put_log(log).await?;
        }
        Ok(())
    }

    /// Destroys a subject's disclosures, and the records of commands, wherever they are: last in the index, by which
    /// they are found, so that it can be cut off anywhere and done again. Gives the indexes of the events concerned.
    pub async fn forget(
        &self,
        tenant: &TenantId,
        subject: &SubjectId,
        commands: &[CommandId],
    ) -> Result<Vec<u64>, Failure> {
        let mut concerned: HashSet<u64> = HashSet::new();
        concerned.extend(self.index.disclosures_of(tenant, subject).await?.iter().map(|found| found.index));
        for command in commands {
            concerned.extend(self.index.command(tenant, command).await?.map(|receipt| receipt.last_index));
        }
        let mut names = HashSet::new();
        for index in concerned {
            let recorded = self.link.event(&self.stream(tenant), index).await?;
            let entry = recorded.map(|recorded| Entry::decode(&self.prefix, &recorded)).transpose()?;
            names.extend(entry.and_then(|entry| entry.beside.annex));
        }
        for name in names {
            annex::change(&*self.side, tenant, &name, |annex| annex.forget(subject, commands)).await?;
        }
        Ok(self.index.erase(tenant, subject, commands).await?)
    }
}
