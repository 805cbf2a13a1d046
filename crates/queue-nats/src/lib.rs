//! A work queue on NATS JetStream: pieces of work in lanes, each there at most once, handed to whoever asks for its lane
//! until somebody says that it is done.
//!
//! It knows NATS and nothing of what the work is. It is never the truth: who offers pieces knows from elsewhere what is to
//! be done, offers again what is missing ([`Queue::there`]), and whoever is handed a piece looks whether it is still to be
//! done. So the server may be lost, emptied, or hand a piece out twice.
//!
//! - `place`: the server's URL, and what of it may be shown.
//! - `names`: streams and subjects.
//! - `connection`: connected, or why not.
//! - `streams`: what is kept on the server, made where it is missing.
//! - `queue`: offering, and what is there.
//! - `taking`: being handed work, and saying how it went.
//! - `stuck`: what was handed out too often.
//! - `look`: what an operator wants to know, read and nothing else.

mod connection;
mod error;
mod look;
mod names;
mod place;
mod queue;
mod streams;
mod stuck;
mod taking;

pub use connection::Standing;
pub use error::{BadPlace, QueueError};
pub use look::{Look, look};
pub use names::{Lane, Names, Piece};
pub use place::Place;
pub use queue::{Offered, Queue};
pub use streams::{ACK_WAIT, DELIVERIES_MAX, DUPLICATE_WINDOW, PENDING_MAX, PIECES_MAX};
pub use stuck::Stuck;
pub use taking::Handed;
