//! Being handed work, and saying how it went.

use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::{AckKind, Message};
use futures_util::StreamExt;

use crate::error::QueueError;
use crate::names::{Lane, Piece};
use crate::queue::Queue;
use crate::streams::ACK_WAIT;

/// Servers say at once that there is no more. They are silent if all that is left was handed out too often, or if somebody
/// deleted the consumer: for so long something is waited for, and then it is made sure that there is one.
const SILENCE: Duration = Duration::from_secs(1);
/// How long it may take to say something.
const SAY_MAX: Duration = Duration::from_secs(1);
/// How often the server is told that somebody is still at work: two of these may get lost.
const AT_WORK_EVERY: Duration = Duration::from_secs(3);
const _: () = assert!(AT_WORK_EVERY.as_secs() * 3 < ACK_WAIT.as_secs());

/// How long a piece waits that could not be done because of whoever took it: doubled with each time that it is handed
/// out.
const AGAIN_MIN: Duration = Duration::from_secs(1);
const AGAIN_MAX: Duration = Duration::from_secs(60);

/// A piece that was handed out. Whoever drops it without a word gets it again, or somebody else does.
#[derive(Debug)]
pub struct Handed {
    /// Which.
    pub piece: Piece,
    /// How often it has been handed out, this time among them.
    pub times: u32,
    message: Message,
}

impl Handed {
    /// It is done, or not to be done any more. If this does not reach the server, it is handed out again.
    pub async fn done(&self) {
        self.say(AckKind::Ack).await;
    }

    /// It is to be handed out again, in this time.
    pub async fn later(&self, wait: Duration) {
        self.say(AckKind::Nak(Some(wait))).await;
    }

    /// As [`later`](Self::later), in a time that grows with each time that it was handed out; which.
    pub async fn again(&self) -> Duration {
        let wait = again_in(self.times);
        self.later(wait).await;
        wait
    }

    /// Does `work`, and tells the server meanwhile that somebody is at it.
    pub async fn while_at<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(AT_WORK_EVERY) => self.say(AckKind::Progress).await,
            }
        }
    }

    async fn say(&self, what: AckKind) {
        // A client without a connection keeps what is said, up to a bound: the work must never wait for that.
        let said = tokio::time::timeout(SAY_MAX, self.message.ack_with(what)).await;
        if !matches!(said, Ok(Ok(()))) {
            tracing::debug!(piece = %self.piece.id, "the queue server does not hear how it went");
        }
    }
}

fn again_in(times: u32) -> Duration {
    AGAIN_MIN.saturating_mul(1_u32.checked_shl(times.saturating_sub(1)).unwrap_or(u32::MAX)).min(AGAIN_MAX)
}

impl Queue {
    /// Takes what waits in a lane, at most so many pieces; nothing: there is none.
    ///
    /// # Errors
    /// The server's.
    pub async fn take(&self, lane: &Lane, most: usize) -> Result<Vec<Handed>, QueueError> {
        let consumer = self.consumer(lane).await?;
        let mut taken = Vec::new();
        for message in self.at_hand(&consumer, most).await? {
            taken.extend(self.handed(message).await);
        }
        Ok(taken)
    }

    /// What a consumer has at hand, without waiting for more.
    pub(crate) async fn at_hand(
        &self,
        consumer: &PullConsumer,
        most: usize,
    ) -> Result<Vec<Message>, QueueError> {
        let failed = |error: &dyn std::error::Error| QueueError::refused("work cannot be taken", error);
        // Without an end of its own: with one the server would wait for it as long as there is too little.
        let asked = consumer.fetch().max_messages(most).messages().await;
        let mut messages = asked.map_err(|error| failed(&error))?;
        let mut taken = Vec::new();
        loop {
            match tokio::time::timeout(SILENCE, messages.next()).await {
                Ok(Some(Ok(message))) => taken.push(message),
                Ok(None) => return Ok(taken),
                Err(_) => {
                    if taken.is_empty() {
                        self.forget();
                    }
                    return Ok(taken);
                }
                // What was handed out before is at hand all the same.
                Ok(Some(Err(_))) if !taken.is_empty() => return Ok(taken),
                Ok(Some(Err(error))) => {
                    self.forget();
                    return Err(failed(&*error));
                }
            }
        }
    }

    async fn handed(&self, message: Message) -> Option<Handed> {
        let times = message.info().map_or(1, |info| u32::try_from(info.delivered).unwrap_or(u32::MAX));
        match self.names.piece(&message.subject) {
            Some(piece) => Some(Handed { piece, times, message }),
            None => {
                tracing::warn!(subject = %message.subject, "somebody else put this into the queue; it is taken out");
                drop(message.ack().await);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_waits_longer_each_time() {
        let waits: Vec<u64> = [1, 2, 3, 6, 7, 20, 99].map(|times| again_in(times).as_secs()).to_vec();
        assert_eq!(waits, [1, 2, 4, 32, 60, 60, 60]);
    }
}
