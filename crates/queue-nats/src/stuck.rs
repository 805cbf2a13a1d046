//! What was handed out too often: the server's advisories, kept in a stream until somebody has dealt with them.

use std::time::Duration;

use async_nats::jetstream::{AckKind, Message};
use serde::Deserialize;

use crate::error::{QueueError, told};
use crate::names::Piece;
use crate::queue::Queue;

/// What could not be dealt with waits so long.
const AGAIN: Duration = Duration::from_secs(5);

/// A piece that was handed out as often as it may be, and never ended.
#[derive(Debug)]
pub struct Stuck {
    /// Which.
    pub piece: Piece,
    /// How often it was handed out.
    pub times: u32,
    sequence: u64,
    advisory: Message,
}

/// What of an advisory is used (`io.nats.jetstream.advisory.v1.max_deliver`).
#[derive(Deserialize)]
struct Advisory {
    stream_seq: u64,
    deliveries: u32,
}

impl Queue {
    /// Pieces that are stuck, at most so many. They stay so until [`unstick`](Self::unstick).
    ///
    /// # Errors
    /// The server's.
    pub async fn stuck(&self, most: usize) -> Result<Vec<Stuck>, QueueError> {
        let streams = self.streams().await?;
        let mut stuck = Vec::new();
        for message in self.at_hand(&streams.stuck, most).await? {
            let Ok(advisory) = serde_json::from_slice::<Advisory>(&message.payload) else {
                tracing::warn!(subject = %message.subject, "an advisory that cannot be read is left out");
                drop(message.ack().await);
                continue;
            };
            match self.piece_at(&streams.work, advisory.stream_seq).await? {
                Some(piece) => stuck.push(Stuck {
                    piece,
                    times: advisory.deliveries,
                    sequence: advisory.stream_seq,
                    advisory: message,
                }),
                // It is gone: deleted, too old, or done after all.
                None => drop(message.ack().await),
            }
        }
        Ok(stuck)
    }

    async fn piece_at(
        &self,
        work: &async_nats::jetstream::stream::Stream,
        sequence: u64,
    ) -> Result<Option<Piece>, QueueError> {
        match work.get_raw_message(sequence).await {
            Ok(message) => Ok(self.names.piece(&message.subject)),
            Err(error) if told(&error).contains("no message found") => Ok(None),
            Err(error) => Err(QueueError::refused("a piece that is stuck", &error)),
        }
    }

    /// Takes a piece that is stuck out of the queue: it can be offered again.
    ///
    /// # Errors
    /// The server's: it is told of again.
    pub async fn unstick(&self, stuck: &Stuck) -> Result<(), QueueError> {
        let streams = self.streams().await?;
        match streams.work.delete_message(stuck.sequence).await {
            Ok(_) => {}
            Err(error) if told(&error).contains("not found") => {}
            Err(error) => return Err(QueueError::refused("a piece that is stuck", &error)),
        }
        drop(stuck.advisory.ack().await);
        Ok(())
    }

    /// Leaves a piece that is stuck for later.
    pub async fn leave_stuck(&self, stuck: &Stuck) {
        drop(stuck.advisory.ack_with(AckKind::Nak(Some(AGAIN))).await);
    }
}
