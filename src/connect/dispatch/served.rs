//! Work from a queue server: which integrations have some is heard and looked up again and again; pieces are taken when
//! there is a free slot for them, and not before.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::StreamExt;
use ledger_queue_nats::{Queue, QueueError};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::super::offer::{key_of, lane_of};
use super::super::queue::Key;
use super::source::{News, Piece};
use super::{LOOK_EVERY, REST};
use crate::http::metrics::Metrics;

/// Hints that wait for the dispatcher; more are held back at their connection.
const HINTS_MAX: usize = 1_024;

/// What was taken for an integration, of so many pieces that were asked for.
struct Taken {
    key: Key,
    most: usize,
    pieces: Result<Vec<Piece>, QueueError>,
}

/// What is heard of the server.
enum Heard {
    /// Work was offered.
    Offered(Key),
    /// All integrations that have work there.
    All(HashSet<Key>),
}

/// A queue server as the dispatcher sees it.
pub(super) struct Served {
    queue: Arc<Queue>,
    /// Integrations that had work when the server was asked last, and those that got some since.
    there: HashSet<Key>,
    /// Those of them of which nobody knows that it is all taken.
    waiting: HashSet<Key>,
    asked: HashSet<Key>,
    answers: JoinSet<Taken>,
    heard: mpsc::Receiver<Heard>,
    /// Ends with this.
    _listening: JoinSet<()>,
}

impl Served {
    pub(super) fn new(queue: Arc<Queue>, metrics: Arc<Metrics>) -> Self {
        let (tell, heard) = mpsc::channel(HINTS_MAX);
        let mut listening = JoinSet::new();
        listening.spawn(listen(Arc::clone(&queue), metrics, tell));
        Self {
            queue,
            there: HashSet::new(),
            waiting: HashSet::new(),
            asked: HashSet::new(),
            answers: JoinSet::new(),
            heard,
            _listening: listening,
        }
    }

    pub(super) fn keys(&self) -> Vec<Key> {
        self.there.iter().cloned().collect()
    }

    pub(super) fn may_have(&self, key: &Key) -> bool {
        self.waiting.contains(key) && !self.asked.contains(key)
    }

    pub(super) fn expect(&mut self, key: &Key) {
        self.waiting.insert(key.clone());
    }

    pub(super) fn ask(&mut self, key: &Key, most: usize) {
        if most == 0 || !self.asked.insert(key.clone()) {
            return;
        }
        // Whatever is offered from here on is another hint.
        self.waiting.remove(key);
        let (queue, key) = (Arc::clone(&self.queue), key.clone());
        self.answers.spawn(async move {
            let pieces = take(&queue, &key, most).await;
            Taken { key, most, pieces }
        });
    }

    pub(super) async fn news(&mut self) -> News {
        tokio::select! {
            Some(heard) = self.heard.recv() => News::Work(match heard {
                Heard::Offered(key) => {
                    self.there.insert(key.clone());
                    self.waiting.insert(key.clone());
                    vec![key]
                }
                Heard::All(keys) => {
                    self.waiting.extend(keys.iter().cloned());
                    self.there = keys;
                    self.keys()
                }
            }),
            Some(taken) = self.answers.join_next() => match taken {
                Ok(taken) => self.taken(taken),
                Err(error) => {
                    // Which it was is not known any more: all are asked for again with the next look at the server.
                    tracing::error!(%error, "asking for work ended unexpectedly");
                    self.asked.clear();
                    News::Work(Vec::new())
                }
            },
            else => std::future::pending().await,
        }
    }

    fn taken(&mut self, Taken { key, most, pieces }: Taken) -> News {
        self.asked.remove(&key);
        match pieces {
            Ok(pieces) => {
                if pieces.len() >= most {
                    self.waiting.insert(key.clone());
                }
                News::Handed(key, pieces)
            }
            Err(error) => {
                // It is heard of again when the server answers.
                tracing::debug!(%error, integration = %key.1, "no work can be taken");
                News::Work(Vec::new())
            }
        }
    }

    pub(super) async fn flush(&self) {
        self.queue.flush().await;
    }
}

async fn take(queue: &Queue, key: &Key, most: usize) -> Result<Vec<Piece>, QueueError> {
    let mut pieces = Vec::new();
    for handed in queue.take(&lane_of(key), most).await? {
        pieces.extend(Piece::handed(handed).await);
    }
    Ok(pieces)
}

/// Hears of work, and looks at all that is there every few seconds: what is handed out again is not heard of.
async fn listen(queue: Arc<Queue>, metrics: Arc<Metrics>, tell: mpsc::Sender<Heard>) {
    let mut standing = queue.standing();
    loop {
        if standing.wait_for(|standing| standing.connected).await.is_err() {
            return;
        }
        let Ok(mut hints) = queue.hints().await else {
            tokio::time::sleep(REST).await;
            continue;
        };
        loop {
            if let Ok(there) = queue.there().await {
                metrics.queue_pieces.set(there.len() as u64);
                let keys = there.iter().filter_map(|piece| key_of(&piece.lane)).collect();
                if tell.send(Heard::All(keys)).await.is_err() {
                    return;
                }
            }
            let look = tokio::time::sleep(LOOK_EVERY);
            tokio::pin!(look);
            let heard = loop {
                tokio::select! {
                    hint = hints.next() => match hint {
                        Some(lane) => {
                            let Some(key) = key_of(&lane) else { continue };
                            if tell.send(Heard::Offered(key)).await.is_err() {
                                return;
                            }
                        }
                        None => break false,
                    },
                    () = &mut look => break true,
                }
            };
            if !heard {
                break;
            }
        }
    }
}
