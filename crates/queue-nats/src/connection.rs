//! The connection: made and made again in the background, and what is wrong with it in words.

use std::time::Duration;

use async_nats::{Client, ClientError, ConnectErrorKind, Event, ServerError, jetstream};
use tokio::sync::watch;

use crate::error::{QueueError, told};
use crate::place::Place;

/// How long a server may take to answer.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(5);
/// A server that stands still is noticed after the third of these.
const PING_EVERY: Duration = Duration::from_secs(5);
/// How long one waits, at most, between two tries.
const TRY_EVERY: Duration = Duration::from_secs(2);

/// How it stands with the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Is there a connection?
    pub connected: bool,
    /// How often one was made: with each, what is on the server may be another.
    pub times: u64,
    /// What is wrong, in words.
    pub trouble: Option<String>,
}

/// A connection that comes back by itself.
pub(crate) struct Connection {
    context: watch::Receiver<Option<jetstream::Context>>,
    standing: watch::Sender<Standing>,
    trying: tokio::task::JoinHandle<()>,
}

impl Connection {
    /// Begins to connect; never waits.
    pub(crate) fn start(place: Place) -> Self {
        let standing = watch::Sender::new(Standing::default());
        let (found, context) = watch::channel(None);
        let telling = standing.clone();
        let trying = tokio::spawn(async move {
            loop {
                match connect(&place, Some(telling.clone())).await {
                    Ok(client) => {
                        found.send_replace(Some(context_of(client)));
                        tell(&telling, is_connected);
                        // The client lives as long as somebody has the context, and makes lost connections anew.
                        return found.closed().await;
                    }
                    Err(error) => {
                        tell(&telling, |standing| standing.trouble = Some(error.to_string()));
                    }
                }
                tokio::time::sleep(TRY_EVERY).await;
            }
        });
        Self { context, standing, trying }
    }

    /// How it stands, and changes of it.
    pub(crate) fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// Notes what the server says of what was asked of it; nothing: it did it.
    pub(crate) fn note(&self, trouble: Option<&QueueError>) {
        tell(&self.standing, |standing| {
            if standing.connected {
                standing.trouble = trouble.map(ToString::to_string);
            }
        });
    }

    /// JetStream, if there is a connection now: a request to a server that is gone would wait for its timeout.
    pub(crate) fn context(&self) -> Result<jetstream::Context, QueueError> {
        let standing = self.standing.borrow();
        let context = self.context.borrow().clone().filter(|_| standing.connected);
        context.ok_or_else(|| {
            QueueError::Unreachable(
                standing.trouble.clone().unwrap_or_else(|| "not connected yet".to_owned()),
            )
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.trying.abort();
    }
}

/// Told by whoever connects, and by the client as well.
fn is_connected(standing: &mut Standing) {
    if !standing.connected {
        *standing = Standing { connected: true, times: standing.times + 1, trouble: None };
    }
}

fn tell(standing: &watch::Sender<Standing>, change: impl FnOnce(&mut Standing)) {
    standing.send_if_modified(|standing| {
        let before = standing.clone();
        change(standing);
        *standing != before
    });
}

pub(crate) fn context_of(client: Client) -> jetstream::Context {
    jetstream::ContextBuilder::new().timeout(ANSWER_MAX).build(client)
}

/// Connects once.
pub(crate) async fn connect(
    place: &Place,
    standing: Option<watch::Sender<Standing>>,
) -> Result<Client, QueueError> {
    let mut options = place
        .options()
        .name("integration-ledger")
        .connection_timeout(ANSWER_MAX)
        .request_timeout(Some(ANSWER_MAX))
        .ping_interval(PING_EVERY)
        .reconnect_delay_callback(|tries| {
            let bound = u32::try_from(tries).unwrap_or(u32::MAX).saturating_mul(100);
            Duration::from_millis(bound.into()).min(TRY_EVERY)
        });
    if let Some(standing) = standing {
        options = options.event_callback(move |event| {
            heard(&standing, &event);
            std::future::ready(())
        });
    }
    options.connect(place.servers()).await.map_err(|error| {
        let place = place.shown();
        QueueError::Unreachable(match error.kind() {
            ConnectErrorKind::AuthorizationViolation => refused_login(&place),
            ConnectErrorKind::TimedOut => format!("{place} does not answer"),
            _ => format!("{place} cannot be reached: {}", told(&error)),
        })
    })
}

fn refused_login(place: &str) -> String {
    format!("{place} refuses the user, the password or the token")
}

fn heard(standing: &watch::Sender<Standing>, event: &Event) {
    let trouble = match event {
        Event::Connected => {
            return tell(standing, is_connected);
        }
        Event::Disconnected | Event::Closed => {
            return tell(standing, |standing| {
                (standing.connected, standing.trouble) = (false, Some("the connection is lost".to_owned()));
            });
        }
        Event::ServerError(ServerError::AuthorizationViolation) => refused_login("the server"),
        Event::ServerError(error) => format!("the server says: {error}"),
        Event::ClientError(ClientError::Other(words)) => format!("the connection is lost: {words}"),
        _ => return,
    };
    tell(standing, |standing| standing.trouble = Some(trouble));
}
