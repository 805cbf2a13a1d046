//! What happens to a secret of a connection. Its bytes never stand in the log.

use crate::events;

events! {
    /// What happened to a secret.
    "secret" SecretEvent {
        /// A secret is kept, sealed, outside the log.
        Stored(SecretStored) = "ledger.secret.stored.v1" {
            /// Its number, counted from 1: each replaces the one before.
            version: u32,
        }
        /// A secret is kept no more.
        Deleted(SecretDeleted) = "ledger.secret.deleted.v1" {
            /// The number of the last one.
            version: u32,
        }
    }
}
