//! The connection to the server: appends, pages of `$all`, single events.
//!
//! The client (`kurrentdb` 1.2) stays with a node that it could not reach, and ends for good when it cannot connect; so
//! after any failure of the connection it is thrown away, and the next request makes a new one, which looks for the
//! leader again. Its subscriptions spin without end once a server has ended one in an orderly way (docs/adr/0060), so
//! `$all` is read in pages.

use std::sync::{Mutex, PoisonError};

use crate::error::Failure;
use crate::options::REQUEST_TIMEOUT;
use kurrentdb::{
    AppendToStreamOptions, Client, ClientSettings, CurrentRevision, Error, EventData, Position,
    ReadAllOptions, ReadStreamOptions, RecordedEvent, StreamPosition, StreamState, SubscriptionFilter,
};

/// What became of an append, as far as the server's answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It is stored, now or before.
    Stored,
    /// The stream is at another revision: `None`, it is empty.
    Conflict(Option<u64>),
    /// Nothing has happened: it did not reach a leader.
    Missed(String),
    /// It may be stored, now or later.
    Unknown(String),
    /// It is refused, and will be again.
    Refused(Failure),
}

/// The connection.
pub(crate) struct Link {
    settings: ClientSettings,
    client: Mutex<Option<Client>>,
}

impl Link {
    /// Reads the connection string; connects with the first request.
    pub fn new(url: &str) -> Result<Self, String> {
        let settings = to_the_leader(url).parse::<ClientSettings>();
        // Its message may be the whole connection string, password and all.
        let settings = settings.map_err(|error| match error.error() {
            Some(reason) => reason.to_string(),
            None => error.message().replace(url, "it"),
        })?;
        Ok(Self { settings, client: Mutex::new(None) })
    }

    fn client(&self) -> Result<Client, Failure> {
        let mut kept = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &*kept {
            return Ok(client.clone());
        }
        let client =
            Client::new(self.settings.clone()).map_err(|error| Failure::Server(error.to_string()))?;
        Ok(kept.insert(client).clone())
    }

    /// Throws the client away unless the failure says that the server itself has answered.
    fn failed(&self, error: &Error) {
        let answered = matches!(
            error,
            Error::WrongExpectedVersion { .. }
                // The client goes to the leader that it was told of.
                | Error::NotLeaderException(_)
                | Error::AccessDenied
                | Error::ResourceDeleted
                | Error::ResourceNotFound
                | Error::Grpc { .. }
        );
        if !answered {
            *self.client.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    /// Appends behind revision `after`; `None`: to a stream that is not there.
    pub async fn append(&self, stream: &str, after: Option<u64>, events: Vec<EventData>) -> Sent {
        let client = match self.client() {
            Ok(client) => client,
            Err(failure) => return Sent::Missed(failure.to_string()),
        };
        let state = after.map_or(StreamState::NoStream, StreamState::StreamRevision);
        let options = AppendToStreamOptions::default()
            .stream_state(state)
            .requires_leader(true)
            .deadline(REQUEST_TIMEOUT);
        let sent = client.append_to_stream(stream, &options, events);
        let Ok(answer) = tokio::time::timeout(REQUEST_TIMEOUT, sent).await else {
            self.failed(&Error::DeadlineExceeded);
            return Sent::Unknown("the server does not answer".to_owned());
        };
        let Err(error) = answer else { return Sent::Stored };
        self.failed(&error);
        let reason = error.to_string();
        match error {
            Error::WrongExpectedVersion { current, .. } => Sent::Conflict(match current {
                CurrentRevision::Current(revision) => Some(revision),
                CurrentRevision::NoStream => None,
            }),
            Error::NotLeaderException(_) | Error::GrpcConnectionError(_) | Error::ConnectionClosed => {
                Sent::Missed(reason)
            }
            Error::AccessDenied => Sent::Refused(Failure::Server(format!("{reason}; may the user write?"))),
            Error::ResourceDeleted => Sent::Refused(deleted(stream)),
            Error::Grpc { code, message } if code.to_string() == INVALID_ARGUMENT => {
                Sent::Refused(Failure::Store(ledger_store::StoreError::invalid(message)))
            }
            _ => Sent::Unknown(reason),
        }
    }

    /// Up to `count` events of the streams whose names begin with `prefix`, in the order of `$all`, from a position on
    /// (that position included).
    pub async fn page(
        &self,
        prefix: &str,
        from: Option<Position>,
        count: usize,
    ) -> Result<Vec<RecordedEvent>, Failure> {
        let from = from.map_or(StreamPosition::Start, StreamPosition::Position);
        let filter = SubscriptionFilter::on_stream_name().add_prefix(prefix).max(SEARCH_WINDOW);
        let options =
            ReadAllOptions::default().position(from).filter(filter).max_count(count).requires_leader(true);
        self.asked(async |client: Client| {
            let mut stream = client.read_all(&options).await?;
            let mut events = Vec::new();
            while let Some(event) = stream.next().await? {
                events.extend(event.event);
            }
            Ok(events)
        })
        .await
    }

    /// One event of a stream. `None`: there is no such revision.
    pub async fn event(&self, stream: &str, revision: u64) -> Result<Option<RecordedEvent>, Failure> {
        let options = ReadStreamOptions::default()
            .position(StreamPosition::Position(revision))
            .max_count(1)
            .requires_leader(true);
        let read = self
            .asked(async |client: Client| {
                let mut events = match client.read_stream(stream, &options).await {
                    Ok(events) => events,
                    Err(Error::ResourceNotFound) => return Ok(Ok(None)),
                    Err(Error::ResourceDeleted) => return Ok(Err(deleted(stream))),
                    Err(error) => return Err(error),
                };
                match events.next().await {
                    Ok(event) => Ok(Ok(event.and_then(|event| event.event))),
                    Err(Error::ResourceNotFound) => Ok(Ok(None)),
                    Err(Error::ResourceDeleted) => Ok(Err(deleted(stream))),
                    Err(error) => Err(error),
                }
            })
            .await??;
        Ok(read.filter(|event| event.revision == revision))
    }

    async fn asked<T>(&self, question: impl AsyncFnOnce(Client) -> Result<T, Error>) -> Result<T, Failure> {
        let client = self.client()?;
        let Ok(answer) = tokio::time::timeout(REQUEST_TIMEOUT, question(client)).await else {
            self.failed(&Error::DeadlineExceeded);
            return Err(Failure::Server("the server does not answer".to_owned()));
        };
        answer.map_err(|error| {
            self.failed(&error);
            Failure::Server(error.to_string())
        })
    }
}

/// How many events the server looks at for one step of a filtered read.
const SEARCH_WINDOW: u32 = 4096;
/// The code's text: the type of the code is not the client's to give out.
const INVALID_ARGUMENT: &str = "Client specified an invalid argument";

fn deleted(stream: &str) -> Failure {
    Failure::Corrupt(format!("the stream {stream} was deleted on the server"))
}

/// The connection string, with the leader preferred: only there a read sees what was acknowledged.
fn to_the_leader(url: &str) -> String {
    let Some((base, query)) = url.split_once('?') else { return format!("{}?nodePreference=leader", url) };
    let others = query.split('&').filter(|pair| !pair.to_ascii_lowercase().starts_with("nodepreference="));
    let pairs: Vec<&str> = others.filter(|pair| !pair.is_empty()).chain(["nodePreference=leader"]).collect();
    format!("{base}?{}", pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leader_is_preferred_whatever_the_connection_string_says() {
        let preferred = "esdb://h:1?tls=false&nodePreference=leader";
        assert_eq!(to_the_leader("esdb://h:1?tls=false"), preferred);
        assert_eq!(to_the_leader("esdb://h:1?nodepreference=follower&tls=false"), preferred);
        assert_eq!(to_the_leader("esdb://h:1"), "esdb://h:1?nodePreference=leader");
        for url in ["esdb://h:1?tls=false", "kurrentdb://a:1,b:2,c:3?tls=false", "esdb+discover://d:1"] {
            assert!(Link::new(url).is_ok(), "{url}");
        }
        assert!(Link::new("postgres://h").is_err());
    }
}
