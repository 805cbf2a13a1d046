//! What runs beside the requests: opening the node, following the log, signing heads, reacting, watching deadlines.

pub mod anchor;
pub mod directory;
pub mod first;
pub mod node;
pub mod onboard;
pub mod react;
pub mod watch;
