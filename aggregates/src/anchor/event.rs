//! Anchors: one stream in the system log binds the latest checkpoints of all tenants.

use crate::events;
use crate::values::HashBase64;

events! {
    /// What happened to the anchors.
    "anchor" AnchorEvent {
        /// The tenants' latest checkpoints, as the leaves of one tree in the order of their slots.
        Anchored(Anchored) = "ledger.anchored.v1" {
            /// The root of that tree.
            root: HashBase64,
            /// How many slots it has.
            slots: u32,
        }
    }
}
