//! What happens to a data subject.

use ledger::time::Timestamp;

use crate::events;
use crate::schema::Confidential;
use crate::values::HashText;

events! {
    /// What happened to a data subject.
    "subject" SubjectEvent {
        /// The subject's data must not be erased for now.
        Held(SubjectHeld) = "ledger.subject.held.v1" {
            /// Until when; absent: until it is released.
            until: Option<Timestamp>,
            /// Why.
            reason: Confidential<String>,
        }
        /// The subject's data may be erased again.
        Released(SubjectReleased) = "ledger.subject.released.v1" {
        }
        /// The subject's key is destroyed: what stood under these digests cannot be read again.
        Erased(SubjectErased) = "ledger.subject.erased.v1" {
            /// The digests of the members that were erased, at most 512 an event.
            digests: Vec<HashText>,
        }
    }
}
