//! Connectors: how the ledger brings things about in other systems, and learns what happened there.
//!
//! Two halves with a border between them:
//!
//! - **Adapters** ([`adapter`], [`jira`], [`servicenow`]) are pure: they turn intents into request plans and
//!   responses into outcomes and facts. Each runs in a process of its own that can do nothing else (`ledger-sandbox`),
//!   and speaks [`protocol`]. A [`manifest`] describes one that is not built in.
//! - **The host** (feature `host`: `host`, `egress`, `drive`) performs all I/O: it spawns the processes, guards and
//!   sends the requests, adds the credentials, and reports every exchange to be recorded.
//!
//! Invariants: an adapter sees no credential and names no host; the host knows no vendor.
//! Without the feature nothing here performs I/O, which `tests/purity.rs` keeps.

pub mod adapter;
#[cfg(feature = "host")]
pub mod child;
#[cfg(feature = "host")]
pub mod drive;
#[cfg(feature = "host")]
pub mod egress;
#[cfg(feature = "host")]
pub mod host;
pub mod jira;
pub mod manifest;
pub mod protocol;
pub mod registry;
pub mod servicenow;
pub mod synced;
pub mod template;
mod vendor;
