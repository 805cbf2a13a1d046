//! The pure domain: aggregates, their commands, events and states.
//!
//! `decide` may refuse, `evolve` never fails; neither does I/O, reads a clock or draws randomness.
//! An aggregate's own id is the part of its stream id after the first `-` and is not repeated in its events.
//! Classified members ([`schema::Confidential`], [`schema::Personal`]) never influence a state:
//! they come back withheld, and a replay without disclosures must decide the same.

pub mod alert;
pub mod anchor;
pub mod any;
pub mod control;
pub mod credential;
pub mod evidence;
pub mod exchange;
pub mod export;
pub mod framework;
pub mod integration;
pub mod intent;
pub mod key;
pub mod probe;
pub mod reactor;
pub mod refusal;
pub mod route;
pub mod run;
pub mod schema;
pub mod secret;
pub mod subject;
pub mod task;
pub mod tenant;
#[cfg(test)]
mod testing;
pub mod ticket;
pub mod values;

pub use any::{AnyEvent, all_schemas};
