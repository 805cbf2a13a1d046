//! Stand-ins for the vendors, on loopback: stateful, strict about what they are asked, and able to go wrong on demand.
//!
//! They are for tests and for `ledger demo`, never for production. A fake that is kinder than the vendor hides
//! errors, so they refuse what the vendor refuses: unknown fields, wrong text formats, transitions that are not
//! offered, missing headers, wrong tokens. They also have the vendors' traps: a search index that lags, an invalid
//! query that is ignored, a page that is short because of rights.
//!
//! Each is a pure function from a request to a reply over a state behind a lock ([`Fake`]); [`serve`] puts it on a
//! socket and applies the injected [`Faults`].

mod faults;
mod http;
pub mod jira;
mod server;
pub mod servicenow;
pub mod sink;

pub use faults::{Fault, Faults, Rule};
pub use http::{Message, Reply, Request};
pub use server::{Fake, Server, serve};
