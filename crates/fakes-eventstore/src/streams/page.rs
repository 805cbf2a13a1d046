//! What a read asks, and the events that answer it.

use tonic::Status;

use super::{deleted, name};
use crate::log::{Log, Recorded};
use crate::proto::streams::read_req::Options;
use crate::proto::streams::read_req::options::all_options::AllOption;
use crate::proto::streams::read_req::options::filter_options::Filter;
use crate::proto::streams::read_req::options::stream_options::RevisionOption;
use crate::proto::streams::read_req::options::{CountOption, FilterOption, ReadDirection, StreamOption};
use crate::proto::streams::read_resp::{self, Content};

/// Where to begin. A page begins at its place, a subscription behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Start,
    At(u64),
    After(u64),
    End,
}

/// A read.
pub(crate) struct Question {
    /// `None`: `$all`.
    stream: Option<String>,
    from: From,
    backwards: bool,
    /// Names of streams begin with one of these; empty: every stream.
    prefixes: Vec<String>,
    filtered: bool,
    /// The last checkpoint that was given.
    told: Option<u64>,
}

impl Question {
    pub fn new(options: &Options) -> Result<Self, Status> {
        let follows = matches!(options.count_option, Some(CountOption::Subscription(_)));
        let at = |place| if follows { From::After(place) } else { From::At(place) };
        let (stream, from) = match &options.stream_option {
            Some(StreamOption::Stream(stream)) => {
                let from = match stream.revision_option {
                    Some(RevisionOption::Revision(revision)) => at(revision),
                    Some(RevisionOption::End(())) => From::End,
                    Some(RevisionOption::Start(())) | None => From::Start,
                };
                (Some(name(stream.stream_identifier.clone())?), from)
            }
            Some(StreamOption::All(all)) => {
                let from = match all.all_option {
                    Some(AllOption::Position(position)) => at(position.commit_position),
                    Some(AllOption::End(())) => From::End,
                    Some(AllOption::Start(())) | None => From::Start,
                };
                (None, from)
            }
            None => return Err(Status::invalid_argument("a stream or $all is needed")),
        };
        let (prefixes, filtered) = match &options.filter_option {
            Some(FilterOption::Filter(filter)) => match &filter.filter {
                Some(Filter::StreamIdentifier(by)) if by.regex.is_empty() => (by.prefix.clone(), true),
                _ => return Err(Status::unimplemented("only filters by prefix of the stream's name")),
            },
            Some(FilterOption::NoFilter(())) | None => (Vec::new(), false),
        };
        let backwards = options.read_direction == i32::from(ReadDirection::Backwards);
        Ok(Self { stream, from, backwards, prefixes, filtered, told: None })
    }

    pub fn stream(&self) -> Option<&str> {
        self.stream.as_deref()
    }

    /// Everything that answers. `None`: there is no such stream.
    pub fn page(&self, log: &Log) -> Result<Option<Vec<Recorded>>, Status> {
        let events = match &self.stream {
            Some(stream) => log.stream(stream).map_err(|_| deleted(stream))?,
            None => Some(log.all()),
        };
        let Some(mut events) = events else { return Ok(None) };
        let all = self.stream.is_none();
        let place = |event: &Recorded| if all { event.position } else { event.revision };
        events.retain(|event| match (self.from, self.backwards) {
            (From::Start, backwards) => !backwards,
            (From::End, backwards) => backwards,
            (From::At(from), false) => place(event) >= from,
            // In $all a position lies before its event.
            (From::At(from), true) => place(event) < from || (!all && place(event) == from),
            (From::After(from), _) => place(event) > from,
        });
        events.retain(|event| {
            self.prefixes.is_empty() || self.prefixes.iter().any(|p| event.stream.starts_with(p))
        });
        if self.backwards {
            events.reverse();
        }
        Ok(Some(events))
    }

    /// A subscription goes on behind this event.
    pub fn after(&mut self, event: &Recorded) {
        self.from = From::After(if self.stream.is_none() { event.position } else { event.revision });
    }

    /// How far a filtered subscription to `$all` has looked, if that is new.
    pub fn checkpoint(&mut self, log: &Log) -> Option<Content> {
        if !self.filtered || self.stream.is_some() {
            return None;
        }
        let at = log.all().last()?.position;
        if self.told.replace(at) == Some(at) {
            return None;
        }
        let (commit_position, prepare_position) = (at, at);
        Some(Content::Checkpoint(read_resp::Checkpoint {
            commit_position,
            prepare_position,
            timestamp: None,
        }))
    }
}
