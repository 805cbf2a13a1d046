//! The one way out: a guarded HTTP client.
//!
//! A URL is configured by a tenant and a request is planned by an adapter, so neither is trusted. In order:
//!
//! 1. [`Target`]: the URL is parsed once; scheme, port and user info are checked; a literal address is classified.
//! 2. The plan's path is joined below the base, never over it.
//! 3. The resolver is asked; if **any** address of its answer is forbidden the whole answer is, and the connection is
//!    made to those same addresses, so that asking again cannot give others (rebinding).
//! 4. No redirect is followed, no proxy is read from the environment, no response is decompressed.
//! 5. The limiter and the breaker of the connection admit it; the credential is added last, and its secrets are taken
//!    out of everything that is recorded or shown to the adapter.
//!
//! What is forbidden: [`address`]. What may be unlocked for a self-hosted system: a list of networks per connection,
//! never the metadata services of clouds.

pub mod address;
mod breaker;
mod client;
mod connection;
mod connector;
pub mod credential;
mod exchange;
mod insertions;
mod limiter;
mod redact;
mod resolver;
mod target;
mod tls;

pub use address::{Cidr, Forbidden, Policy};
pub use breaker::{Breaker, BreakerSettings, Open};
pub use client::{Bounds, Client, Outgoing, Received, SendError, Transport};
pub use connection::{Blobs, Connection, ConnectionParts, Hold, NoBlobs, Preview};
pub use connector::{Dial, SystemDial};
pub use exchange::{Exchange, Purpose, RecordError, Recorder};
pub use insertions::{Inserted, Insertions, NoInsertions};
pub use limiter::{Limiter, Rates, Wait};
pub use redact::{Redactor, Secret};
pub use resolver::{Resolve, ResolveError, SystemResolver};
pub use target::{Target, TargetError};
pub use tls::{ClientIdentity, TlsError, TlsSettings};
