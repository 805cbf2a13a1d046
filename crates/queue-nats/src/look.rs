//! What an operator wants to know of a queue: read and nothing else.

use crate::connection::{connect, context_of};
use crate::error::QueueError;
use crate::names::Names;
use crate::place::Place;
use crate::streams::looked_at;

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The server's version.
    pub version: String,
    /// Was it looked for the queue of a user?
    pub named: bool,
    /// Pieces in the queue, those that are handed out among them; nothing: there is no queue yet.
    pub pieces: Option<u64>,
    /// Advisories of pieces that were handed out too often, and that nobody has dealt with.
    pub stuck: u64,
}

/// Looks at the queue of the user `name`, over a connection of its own; without a name whether there could be one.
///
/// # Errors
/// The server cannot be reached, has no JetStream, or has streams of another kind under these names.
pub async fn look(place: &Place, name: Option<&str>) -> Result<Look, QueueError> {
    let client = connect(place, None).await?;
    let version = client.server_info().version;
    let context = context_of(client);
    // Where there is no name there is no such stream, and JetStream says so.
    let names = Names::new(&place.prefix, name.unwrap_or_default());
    let [work, stuck] = looked_at(&context, &names).await?;
    let messages = |stream: async_nats::jetstream::stream::Stream| stream.cached_info().state.messages;
    Ok(Look { version, named: name.is_some(), pieces: work.map(messages), stuck: stuck.map_or(0, messages) })
}
