//! Tickets in other systems, kept in step both ways.
//!
//! ```text
//!   ours ──wanted──▶ sent ──▶ intent ──▶ the other system ──▶ synced ─┐
//!     ▲                                        │                      ▼
//!     └───────── taken ◀── observed ◀──────────┘               base = what was read back
//! ```
//!
//! A field has three values: ours, theirs, and the one that both sides last agreed on. Theirs is taken where ours does
//! not wait to be written; where both changed, it is a conflict, which is recorded and decided by a policy or a person.
//! Values are confidential, so that they are compared by their MACs; [`TicketValues`] knows them in clear.
//!
//! Invariants:
//! - One sending at a time, and one for any number of wishes that came meanwhile. What is read never causes a write,
//!   but by a conflict that is decided for our side: so the writes are bounded by the edits.
//! - A field that the other side does not show is never written again.
//! - An observation that carries marks of our own writes alone, is older than the latest, or equals what is known, is
//!   no news.
//! - What the other side calls done is a claim. It closes nothing.
//! - A ticket that is gone is not made again by itself.

mod command;
mod decide;
mod event;
mod fold;
mod observe;
mod outcome;
mod send;
mod state;
#[cfg(test)]
mod tests;
mod values;

pub use command::{Observation, RequestTicket, TicketCommand, limits};
pub use decide::{Ticket, TicketRefusal};
pub use event::*;
pub use state::{Field, Flight, Link, NoteTopic, Place, TicketState, Waiting};
pub use values::TicketValues;
