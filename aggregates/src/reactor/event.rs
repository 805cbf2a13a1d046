//! What happens to a reactor in one log.

use crate::events;

events! {
    /// What happened to a reactor.
    "reactor" ReactorEvent {
        /// The reactor acts on what follows this event, and on nothing before it.
        Activated(ReactorActivated) = "ledger.reactor.activated.v1" {
        }
        /// The reactor no longer acts.
        Deactivated(ReactorDeactivated) = "ledger.reactor.deactivated.v1" {
        }
    }
}
