//! What lives beside the log: it may change or be deleted, which an event never is.

use async_trait::async_trait;
use ledger::disclosure::SealedDisclosure;
use ledger::epochs::Predecessor;
use ledger::ids::{CommandId, SubjectId, TenantId};

use crate::error::StoreError;

/// Side data of the same backend as the events. Every write is durable before it returns.
///
/// Values are opaque: secrets and blobs come wrapped or encrypted, checkpoints signed.
#[async_trait]
pub trait SideStore: Send + Sync + 'static {
    /// Creates a log, waiting for its genesis. `Existing`: it is there, with the same slot and origin.
    ///
    /// # Errors
    /// `Invalid` if the tenant, the slot or the origin is taken by another; else the storage's failure.
    async fn put_log(&self, log: LogInfo) -> Result<PutOutcome, StoreError>;

    /// All logs, by slot, `system` (which has none) first.
    ///
    /// # Errors
    /// The storage's failure.
    async fn logs(&self) -> Result<Vec<LogInfo>, StoreError>;

    /// What a log was known to be before a loss that was accepted and that no genesis names yet.
    ///
    /// # Errors
    /// The storage's failure.
    async fn succession(&self, tenant: &TenantId) -> Result<Option<Predecessor>, StoreError>;

    /// Keeps a wrapped secret unless there is one; never replaces.
    ///
    /// # Errors
    /// The storage's failure.
    async fn put_secret(&self, key: &SecretKey, wrapped: Vec<u8>) -> Result<PutOutcome, StoreError>;

    /// Replaces a wrapped secret that still is `old` (wrapping under a new KEK). `false`: it is not.
    ///
    /// # Errors
    /// The storage's failure.
    async fn rewrap_secret(&self, key: &SecretKey, old: Vec<u8>, new: Vec<u8>) -> Result<bool, StoreError>;

    /// A wrapped secret.
    ///
    /// # Errors
    /// The storage's failure.
    async fn secret(&self, key: &SecretKey) -> Result<Option<Vec<u8>>, StoreError>;

    /// Destroys a secret so that its bytes are gone from the storage. `false`: there was none.
    ///
    /// # Errors
    /// The storage's failure; the secret may then still be there.
    async fn delete_secret(&self, key: &SecretKey) -> Result<bool, StoreError>;

    /// All secrets of a kind that a tenant has, by id.
    ///
    /// # Errors
    /// The storage's failure.
    async fn secrets(
        &self,
        tenant: &TenantId,
        kind: SecretKind,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError>;

    /// The disclosures of events, by index in the tenant's log, in order; erased ones are missing.
    ///
    /// # Errors
    /// The storage's failure.
    async fn disclosures(
        &self,
        tenant: &TenantId,
        indexes: &[u64],
    ) -> Result<Vec<StoredDisclosure>, StoreError>;

    /// The disclosures of a data subject, in the order of their events.
    ///
    /// # Errors
    /// The storage's failure.
    async fn disclosures_of(
        &self,
        tenant: &TenantId,
        subject: &SubjectId,
    ) -> Result<Vec<StoredDisclosure>, StoreError>;

    /// Destroys the disclosures of a data subject, and the records of the commands named, so that their bytes
    /// are gone from the storage. Returns the indexes of the events whose disclosures were destroyed.
    ///
    /// # Errors
    /// The storage's failure; some may then still be there: do it again.
    async fn erase(
        &self,
        tenant: &TenantId,
        subject: &SubjectId,
        commands: &[CommandId],
    ) -> Result<Vec<u64>, StoreError>;

    /// Keeps an encrypted blob. Do this before appending the event that names it.
    ///
    /// # Errors
    /// The storage's failure.
    async fn put_blob(
        &self,
        tenant: &TenantId,
        id: &BlobId,
        ciphertext: Vec<u8>,
    ) -> Result<PutOutcome, StoreError>;

    /// An encrypted blob.
    ///
    /// # Errors
    /// The storage's failure.
    async fn blob(&self, tenant: &TenantId, id: &BlobId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Destroys a blob. `false`: there was none.
    ///
    /// # Errors
    /// The storage's failure; the blob may then still be there.
    async fn delete_blob(&self, tenant: &TenantId, id: &BlobId) -> Result<bool, StoreError>;

    /// Keeps a signed checkpoint, and makes everything up to it durable in the head file.
    ///
    /// # Errors
    /// `Invalid` if a larger one is kept already, or the log is smaller: a size never goes back.
    async fn put_checkpoint(&self, tenant: &TenantId, checkpoint: StoredCheckpoint)
    -> Result<(), StoreError>;

    /// The latest signed checkpoint of a log.
    ///
    /// # Errors
    /// The storage's failure.
    async fn checkpoint(&self, tenant: &TenantId) -> Result<Option<StoredCheckpoint>, StoreError>;

    /// Keeps the leaves under an anchor, so that paths can be made. Do this before appending its event.
    ///
    /// # Errors
    /// `Invalid` if another set is kept under this root.
    async fn put_anchor(&self, anchor: AnchorSet) -> Result<PutOutcome, StoreError>;

    /// The leaves under an anchor's root.
    ///
    /// # Errors
    /// The storage's failure.
    async fn anchor(&self, root: &[u8; 32]) -> Result<Option<AnchorSet>, StoreError>;
}

/// What became of a value that is never replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// It is kept now.
    Stored,
    /// There was one already, and it stays.
    Existing,
}

/// A tenant's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogInfo {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its permanent number among the tenants (formats.md §3); `None` for `system` alone.
    pub slot: Option<u32>,
    /// The origin line of its checkpoints.
    pub origin: String,
}

/// The name of a wrapped secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretKey {
    /// Whose.
    pub tenant: TenantId,
    /// What it is.
    pub kind: SecretKind,
    /// Which: a key id, a subject id, a version.
    pub id: String,
}

/// What a wrapped secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecretKind {
    /// The seed of an event-signing key.
    EventKey,
    /// The seed of a checkpoint-signing key.
    CheckpointKey,
    /// A tenant's data key, for confidential members and blobs.
    TenantDataKey,
    /// A subject's data key, for personal members.
    SubjectDataKey,
    /// A key that authenticates commands' bodies.
    CommandKey,
    /// A credential of an external system.
    Credential,
    /// Anything else that the server keeps to itself.
    Other,
}

impl SecretKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::EventKey,
        Self::CheckpointKey,
        Self::TenantDataKey,
        Self::SubjectDataKey,
        Self::CommandKey,
        Self::Credential,
        Self::Other,
    ];

    /// The name that stands in the storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EventKey => "event-key",
            Self::CheckpointKey => "checkpoint-key",
            Self::TenantDataKey => "tenant-data-key",
            Self::SubjectDataKey => "subject-data-key",
            Self::CommandKey => "command-key",
            Self::Credential => "credential",
            Self::Other => "other",
        }
    }
}

/// An encrypted disclosure of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDisclosure {
    /// Index of the event in the tenant's log.
    pub index: u64,
    /// Under whose key, and the ciphertext.
    pub disclosure: SealedDisclosure,
}

/// The id of a blob.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobId(String);

impl BlobId {
    /// 1 to 64 of a-z, 0-9 and `-`: it becomes a file name. `None` if it is not.
    pub fn new(id: &str) -> Option<Self> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        ((1..=64).contains(&id.len()) && id.bytes().all(fits)).then(|| Self(id.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A signed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// The size that it states.
    pub size: u64,
    /// The whole signed note.
    pub note: String,
}

/// The leaves under an anchor (formats.md §3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorSet {
    /// The RFC 6962 root over them, as the anchor's event carries it.
    pub root: [u8; 32],
    /// One for each slot that had a checkpoint, by slot.
    pub leaves: Vec<AnchorLeaf>,
}

/// One tenant's checkpoint under an anchor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorLeaf {
    /// The tenant's slot.
    pub slot: u32,
    /// The checkpoint's text.
    pub text: String,
}

/// Rules that every backend applies.
impl LogInfo {
    /// `system` has no slot, every other tenant has one.
    ///
    /// # Errors
    /// `Invalid`
    pub fn check(&self) -> Result<(), StoreError> {
        if self.tenant.is_system() == self.slot.is_none() {
            Ok(())
        } else {
            Err(StoreError::invalid("every log has a slot, but that of the tenant `system`"))
        }
    }

    /// Do two logs claim the same tenant, slot or origin?
    pub fn collides(&self, other: &Self) -> bool {
        self.tenant == other.tenant || self.slot == other.slot || self.origin == other.origin
    }

    /// Says what of this log is taken by another.
    pub fn taken(&self, by: &Self) -> StoreError {
        StoreError::invalid(format!(
            "the log {} (slot {:?}, origin {}) collides with {} (slot {:?}, origin {})",
            self.tenant, self.slot, self.origin, by.tenant, by.slot, by.origin
        ))
    }
}

impl StoredCheckpoint {
    /// A checkpoint never states a smaller size than the one before, nor a larger one than the log has.
    /// The same size may be kept again: cosignatures come in later.
    ///
    /// # Errors
    /// `Invalid`
    pub fn follows(&self, latest: Option<&Self>, log_size: u64) -> Result<(), StoreError> {
        if self.size > log_size {
            return Err(StoreError::invalid(format!(
                "a checkpoint of size {} for a log of size {log_size}",
                self.size
            )));
        }
        match latest {
            Some(latest) if self.size < latest.size => Err(StoreError::invalid(format!(
                "a checkpoint of size {} after one of size {}",
                self.size, latest.size
            ))),
            _ => Ok(()),
        }
    }
}

impl AnchorSet {
    /// The outcome of keeping this set where `kept` has the same root.
    ///
    /// # Errors
    /// `Invalid` if the leaves differ.
    pub fn same_as(&self, kept: &Self) -> Result<PutOutcome, StoreError> {
        if self == kept {
            Ok(PutOutcome::Existing)
        } else {
            Err(StoreError::invalid("another set of leaves is kept under this root"))
        }
    }
}
