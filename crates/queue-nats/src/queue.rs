//! Offering work, and what is there.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use tokio::sync::watch;

use crate::connection::{Connection, Standing};
use crate::error::QueueError;
use crate::names::{Lane, Names, Piece};
use crate::place::Place;
use crate::streams::Streams;

/// What the server says of a piece that does not fit because it is there: the code that comes with it is that of every
/// failure to keep a message.
const IS_THERE: &str = "maximum messages per subject";

/// What became of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// It is in the queue now.
    New,
    /// It was there already, or had been a moment ago.
    There,
}

/// A queue on a server.
pub struct Queue {
    pub(crate) names: Names,
    pub(crate) connection: Connection,
    place: Place,
    /// As far as they were looked at over which connection; forgotten when the server says that they are not there.
    streams: Mutex<Option<(u64, Streams)>>,
    consumers: Mutex<HashMap<Lane, PullConsumer>>,
}

impl Queue {
    /// The queue of the user `name` of a server. It connects in the background, for as long as it takes.
    pub fn start(place: Place, name: &str) -> Self {
        Self {
            names: Names::new(&place.prefix, name),
            connection: Connection::start(place.clone()),
            place,
            streams: Mutex::default(),
            consumers: Mutex::default(),
        }
    }

    /// The server, without anything secret.
    pub fn shown(&self) -> String {
        self.place.shown()
    }

    /// What its streams and subjects are called.
    pub const fn names(&self) -> &Names {
        &self.names
    }

    /// How it stands with the server, and changes of it.
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.connection.standing()
    }

    /// The streams; made where they are missing.
    pub(crate) async fn streams(&self) -> Result<Streams, QueueError> {
        let context = self.connection.context()?;
        let connection = self.connection.standing().borrow().times;
        if let Some((over, streams)) = &*self.streams.lock().unwrap_or_else(PoisonError::into_inner)
            && *over == connection
        {
            return Ok(streams.clone());
        }
        self.forget();
        let streams = Streams::ensured(&context, &self.names).await;
        self.connection.note(streams.as_ref().err());
        let streams = streams?;
        *self.streams.lock().unwrap_or_else(PoisonError::into_inner) = Some((connection, streams.clone()));
        Ok(streams)
    }

    /// Somebody may have deleted what is on the server: it is looked at anew before it is used again.
    pub(crate) fn forget(&self) {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.consumers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The consumer of a lane; made where it is missing.
    pub(crate) async fn consumer(&self, lane: &Lane) -> Result<PullConsumer, QueueError> {
        let streams = self.streams().await?;
        if let Some(known) = self.consumers.lock().unwrap_or_else(PoisonError::into_inner).get(lane) {
            return Ok(known.clone());
        }
        let consumer = streams.lane(&self.names, lane).await;
        let consumer = consumer.inspect_err(|_| self.forget())?;
        let mut consumers = self.consumers.lock().unwrap_or_else(PoisonError::into_inner);
        consumers.insert(lane.clone(), consumer.clone());
        Ok(consumer)
    }

    /// Offers pieces, each with the reason why it is to be done now: the same piece for the same reason counts once for a
    /// moment, also if it is taken and done in between. One answer for each, in order.
    ///
    /// # Errors
    /// The server's. Some may have been taken: offering all of them again does no harm.
    pub async fn offer(&self, pieces: &[(Piece, u64)]) -> Result<Vec<Offered>, QueueError> {
        self.streams().await?;
        let offered = self.publish(pieces).await;
        if offered.is_err() {
            self.forget();
        }
        self.connection.note(offered.as_ref().err());
        offered
    }

    async fn publish(&self, pieces: &[(Piece, u64)]) -> Result<Vec<Offered>, QueueError> {
        let context = self.connection.context()?;
        let stream = self.names.work();
        let mut waiting: Vec<PublishAckFuture> = Vec::with_capacity(pieces.len());
        for (piece, reason) in pieces {
            let id = format!("{}-{reason}", self.names.subject(piece));
            let message = PublishMessage::build().message_id(id).expected_stream(&stream);
            let sent = context.send_publish(self.names.subject(piece), message).await;
            waiting.push(sent.map_err(|error| not_kept(&error))?);
        }
        let mut offered = Vec::with_capacity(pieces.len());
        for kept in waiting {
            offered.push(match kept.await {
                Ok(kept) if kept.duplicate => Offered::There,
                Ok(_) => Offered::New,
                Err(error) if error.to_string().contains(IS_THERE) => Offered::There,
                Err(error) => return Err(not_kept(&error)),
            });
        }
        Ok(offered)
    }

    /// The pieces that are in the queue, those that are handed out among them.
    ///
    /// # Errors
    /// The server's.
    pub async fn there(&self) -> Result<BTreeSet<Piece>, QueueError> {
        let streams = self.streams().await?;
        let listed = async {
            let mut found = BTreeSet::new();
            let mut subjects = streams.work.info_with_subjects(self.names.all()).await?;
            while let Some((subject, _)) = subjects.try_next().await? {
                found.extend(self.names.piece(&subject));
            }
            Ok(found)
        };
        let listed = listed.await.map_err(|error: async_nats::jetstream::stream::InfoError| {
            self.forget();
            QueueError::refused("what is in the queue", &error)
        });
        self.connection.note(listed.as_ref().err());
        listed
    }

    /// The lanes that get work, as it is offered. Some may be missed while there is no connection.
    ///
    /// # Errors
    /// The server's.
    pub async fn hints(&self) -> Result<BoxStream<'static, Lane>, QueueError> {
        let client = self.connection.context()?.client();
        let heard = client.subscribe(self.names.all()).await;
        let heard = heard.map_err(|error| QueueError::refused("hearing of work", &error))?;
        let names = self.names.clone();
        let lane = move |message: async_nats::Message| names.piece(&message.subject).map(|piece| piece.lane);
        Ok(heard.filter_map(move |message| std::future::ready(lane(message))).boxed())
    }

    /// Waits until what was said of pieces has been sent, at most for as long as the server may take to answer.
    pub async fn flush(&self) {
        if let Ok(context) = self.connection.context() {
            // What did not arrive is handed out again.
            drop(tokio::time::timeout(crate::connection::ANSWER_MAX, context.client().flush()).await);
        }
    }
}

fn not_kept(error: &PublishError) -> QueueError {
    match error.kind() {
        PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => {
            QueueError::Unreachable("the server does not answer".to_owned())
        }
        _ => QueueError::refused("work cannot be put into the queue", error),
    }
}
