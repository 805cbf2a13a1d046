//! What the pure domain and the store agree on: an aggregate decides, its events are encoded, sealed and folded.

use serde_json::{Map, Value};

use crate::ids::{EventId, SubjectId};
use crate::time::Timestamp;

/// One kind of aggregate. `decide` may refuse, `evolve` never fails; neither reads a clock.
pub trait Aggregate: 'static {
    /// The category: the part of the stream id before the first `-`.
    const CATEGORY: &'static str;
    /// What the events have made so far.
    type State: Default + Clone + Send + Sync + 'static;
    /// What may be asked of it.
    type Command: Send + Sync;
    /// What has happened to it.
    type Event: DomainEvent;
    /// Why a command is refused.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The events that follow from a command, or why it is refused. No event: nothing to do.
    ///
    /// # Errors
    /// The rule that the command breaks.
    fn decide(
        state: &Self::State,
        command: &Self::Command,
        ctx: &DecideCtx,
    ) -> Result<Vec<Self::Event>, Self::Error>;

    /// The state after an event.
    fn evolve(state: Self::State, event: &Self::Event) -> Self::State;
}

/// What a decision may know besides the state.
#[derive(Debug, Clone)]
pub struct DecideCtx {
    /// The time at which the command is decided.
    pub now: Timestamp,
}

/// An event of the domain, before it has a header.
pub trait DomainEvent: Sized + Send + Sync {
    /// Its reverse-DNS type with version, e.g. `ledger.evidence.submitted.v1`.
    fn event_type(&self) -> &'static str;

    /// Its public members, and its confidential and personal ones apart.
    fn encode(&self) -> EventBody;

    /// Reads an event back from its public members, upcasting older versions; `None`: a type of another aggregate.
    /// Confidential and personal members come back withheld.
    ///
    /// # Errors
    /// A known type whose data does not fit its schema.
    fn decode(event_type: &str, data: &Map<String, Value>) -> Result<Option<Self>, DecodeError>;
}

/// A stored event whose data does not fit its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event of type {event_type}: {reason}")]
pub struct DecodeError {
    /// The event's type.
    pub event_type: String,
    /// What does not fit.
    pub reason: String,
}

/// The members of an event's `data`, split by their classification.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EventBody {
    /// What stands in the header.
    pub public: Map<String, Value>,
    /// What stands outside the log, bound by salted digests.
    pub withheld: Vec<Withheld>,
}

/// One confidential or personal member.
#[derive(Debug, Clone, PartialEq)]
pub struct Withheld {
    /// The member's name in `data`.
    pub name: &'static str,
    /// Its value.
    pub value: Value,
    /// Under whose key it is stored.
    pub class: Class,
}

/// How a member of an event's `data` is classified.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Class {
    /// In the header, for everyone who sees the log.
    Public,
    /// A disclosure under the tenant's key.
    Confidential,
    /// A disclosure under the key of one data subject.
    Personal(SubjectId),
}

/// What caused an event, carried into its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cause {
    /// The event that caused this one.
    pub cause: Option<EventId>,
    /// The whole conversation; a first event correlates with itself (absent).
    pub correlation: Option<EventId>,
}
