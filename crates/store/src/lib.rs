//! The event store contract: what every backend promises, and the suite that holds it to the promise.
//!
//! - [`EventStore`]: append sealed events, read them, follow them.
//! - [`SideStore`]: what lives beside the log and may change or be deleted (wrapped keys, disclosures, blobs,
//!   checkpoints).
//! - [`Subscription`]: events from a position on, with a caught-up signal.
//! - [`views`]: where read models are stored; [`runner`]: what keeps them up to date.
//! - [`executor`]: the way of a command: decide, seal, append, answer.
//! - [`leases`]: of what one process at a time may do, who does it; [`headfile`]: what shows that a store went back.
//! - [`copy`]: a whole ledger from one store to another, to move it or to back it up; [`Portable`]: what that needs.
//! - [`succession`]: what becomes of a log whose loss was accepted.
//! - [`verify`]: everything that is derived, computed again from the signed bytes.
//! - [`MemoryStore`]: the contract in memory, for tests and simulations.
//! - [`conformance`] (feature `conformance`): the tests that every backend instantiates.
//!
//! The store trusts that sealed events are well formed (`ledger::event::seal` made them) and checks everything
//! that depends on what is already stored: revisions, chains, command ids, key epochs.

pub mod anchoring;
mod append;
pub mod bootstrap;
pub mod checkpointer;
#[cfg(feature = "conformance")]
pub mod conformance;
mod contract;
pub mod copy;
mod custody;
mod error;
pub mod executor;
pub mod headfile;
pub mod keyring;
pub mod leases;
mod memory;
mod portable;
mod read;
pub mod runner;
mod side;
mod subscription;
pub mod succession;
pub mod verify;
pub mod views;

pub use append::{
    Append, CommandReceipt, CommandRecord, EVENTS_PER_APPEND_MAX, InvalidAppend, KeyChange, StreamHead,
    Verdict,
};
pub use contract::EventStore;
pub use custody::{Access, Birth, Custody};
pub use error::StoreError;
pub use memory::MemoryStore;
pub use portable::{Beside, IDS_MAX, Portable};
pub use read::{
    Direction, Filter, LogHead, PAGE_BYTES_MAX, PAGE_EVENTS_MAX, Page, Read, Source, StoredEvent,
};
pub use side::{
    AnchorLeaf, AnchorSet, BlobId, LogInfo, PutOutcome, SecretKey, SecretKind, SideStore, StoredCheckpoint,
    StoredDisclosure,
};
pub use subscription::{Delivery, Subscription};
