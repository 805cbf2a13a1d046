//! What runs beside the requests: opening the node, following the log, signing heads, having them cosigned, reacting,
//! watching deadlines.

pub mod anchor;
pub mod backend;
pub mod directory;
pub mod erasure;
pub mod first;
pub mod keys;
pub mod node;
pub mod onboard;
pub mod place;
pub mod react;
pub mod watch;
pub mod witness;
