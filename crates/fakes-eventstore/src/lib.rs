//! A stand-in for an EventStoreDB or KurrentDB cluster: the gRPC protocol of the published `.proto` files on loopback.
//!
//! It is **ours**, written from the protocol, the client's source and the vendor's documentation, because no server
//! could be installed where this was developed. What it keeps to:
//!
//! - `Streams/Append` with every kind of expected revision, the idempotency by event id of the real one (the same ids
//!   at the same expected revision are answered as the first time), its limit of an append's size;
//! - `Streams/Read` of streams and `$all`, both ways, by count and as a subscription, with prefix filters, checkpoints
//!   and the caught-up signal; `Streams/Tombstone`;
//! - `Gossip/Read`, `ServerFeatures/GetSupportedMethods`;
//! - errors as the real one gives them: `not-leader` with the leader's address, `stream-deleted`,
//!   `maximum-append-size-exceeded` in the metadata of a status.
//!
//! [`Fault`]s say what goes wrong with an append, leaders are elected by hand ([`Cluster::elect`]), connections are
//! reset ([`Cluster::reset`]), nodes stopped and started.
//!
//! **What only a real cluster can show**: replication and its failures (here the nodes share one memory, so that
//! nothing acknowledged is ever truncated after an election), durability, what reads see during an election, access
//! control, scavenging, the timing of subscriptions, TLS, and everything in which the documentation is wrong.

#![expect(clippy::result_large_err, reason = "the error of every method is tonic's Status")]

mod cluster;
mod faults;
mod gossip;
mod log;
mod node;
#[doc(hidden)]
pub mod proto;
mod streams;

pub use cluster::Cluster;
pub use faults::Fault;
pub use log::{APPEND_BYTES_MAX, Recorded};
