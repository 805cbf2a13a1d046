//! What a copy of a whole store needs beyond the contract.

use async_trait::async_trait;
use ledger::ids::{CommandId, TenantId};
use ledger::merkle::Hash;

use crate::append::{Append, CommandReceipt, Verdict};
use crate::custody::Custody;
use crate::error::StoreError;
use crate::side::{BlobId, LogInfo};

/// The most ids of one answer: bounds its memory.
pub const IDS_MAX: usize = 1000;

/// A store that can be copied, from and to.
#[async_trait]
pub trait Portable: Send + Sync + 'static {
    /// The store's identity, which its head file names.
    ///
    /// # Errors
    /// The storage's failure.
    async fn identity(&self) -> Result<[u8; 16], StoreError>;

    /// What the store is to its ledger.
    ///
    /// # Errors
    /// The storage's failure.
    async fn custody(&self) -> Result<Custody, StoreError>;

    /// Changes it, durably, if it still is `from`. Once it is sealed nothing is stored any more, by any process.
    /// `false`: it is something else.
    ///
    /// # Errors
    /// The storage's failure.
    async fn change_custody(&self, from: &Custody, to: &Custody) -> Result<bool, StoreError>;

    /// All logs in the order in which they were created, whose numbers the head file uses.
    ///
    /// # Errors
    /// The storage's failure.
    async fn logs_as_created(&self) -> Result<Vec<LogInfo>, StoreError>;

    /// Those who have secrets, with a log or without.
    ///
    /// # Errors
    /// The storage's failure.
    async fn secret_owners(&self) -> Result<Vec<TenantId>, StoreError>;

    /// The records of commands, as far as there are any, in any order.
    ///
    /// # Errors
    /// The storage's failure.
    async fn commands(
        &self,
        tenant: &TenantId,
        ids: &[CommandId],
    ) -> Result<Vec<(CommandId, CommandReceipt)>, StoreError>;

    /// The ids of a tenant's blobs after one of them, by id, [`IDS_MAX`] at most; none: there are no more.
    ///
    /// # Errors
    /// The storage's failure.
    async fn blobs(&self, tenant: &TenantId, after: Option<&BlobId>) -> Result<Vec<BlobId>, StoreError>;

    /// The roots of anchors after one of them, by root, [`IDS_MAX`] at most; none: there are no more.
    ///
    /// # Errors
    /// The storage's failure.
    async fn anchors(&self, after: Option<&Hash>) -> Result<Vec<Hash>, StoreError>;

    /// How much there is of a tenant that no root covers.
    ///
    /// # Errors
    /// The storage's failure.
    async fn beside(&self, tenant: &TenantId) -> Result<Beside, StoreError>;

    /// As [`crate::EventStore::append`], in exactly this order whosever logs they are, in one commit.
    ///
    /// # Errors
    /// As there.
    async fn append_in_order(&self, appends: Vec<Append>) -> Result<Vec<Verdict>, StoreError>;
}

/// Numbers of what is stored with events but not in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Beside {
    /// Records of commands.
    pub commands: u64,
    /// Disclosures.
    pub disclosures: u64,
}
