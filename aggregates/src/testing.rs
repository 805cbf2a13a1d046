//! given(events).when(command).then(events): how the rules are tested.

use ledger::domain::{Aggregate, DecideCtx, DomainEvent};
use ledger::time::Timestamp;

use crate::refusal::{Refusal, RefusalKind};

/// A time in a test.
pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().expect("a time in a test is well written")
}

/// A history.
pub(crate) struct Given<A: Aggregate> {
    state: A::State,
    now: Timestamp,
}

/// Starts from what has happened. Events come as from the store: what is classified is withheld.
pub(crate) fn given<A: Aggregate>(history: impl IntoIterator<Item = A::Event>) -> Given<A>
where
    A::State: PartialEq + std::fmt::Debug,
{
    let (mut state, mut told) = (A::State::default(), A::State::default());
    for event in history {
        state = A::evolve(state, &from_store(&event));
        told = A::evolve(told, &event);
    }
    assert_eq!(state, told, "a state must not depend on withheld members");
    Given { state, now: at("2026-03-01T12:00:00Z") }
}

/// An event as the store gives it back.
pub(crate) fn from_store<E: DomainEvent>(event: &E) -> E {
    let read = E::decode(event.event_type(), &event.encode().public);
    read.expect("an event fits its own schema").expect("an event knows its own type")
}

impl<A: Aggregate> Given<A> {
    /// The time of the decision; noon of 1 March 2026 otherwise.
    pub(crate) fn at(mut self, now: &str) -> Self {
        self.now = at(now);
        self
    }

    /// Decides.
    pub(crate) fn when(self, command: &A::Command) -> Outcome<A> {
        let result = A::decide(&self.state, command, &DecideCtx { now: self.now });
        Outcome { result }
    }

    /// The state itself.
    pub(crate) fn state(self) -> A::State {
        self.state
    }
}

/// What came of it.
pub(crate) struct Outcome<A: Aggregate> {
    result: Result<Vec<A::Event>, A::Error>,
}

impl<A: Aggregate> Outcome<A>
where
    A::Event: PartialEq + std::fmt::Debug,
    A::Error: Refusal,
{
    /// Exactly these events.
    #[track_caller]
    pub(crate) fn then(self, expected: impl IntoIterator<Item = A::Event>) {
        let expected: Vec<A::Event> = expected.into_iter().collect();
        assert_eq!(self.result.expect("the command is taken"), expected);
    }

    /// No event: it is as the command wants it.
    #[track_caller]
    pub(crate) fn then_nothing(self) {
        self.then([]);
    }

    /// The events, for a closer look.
    #[track_caller]
    pub(crate) fn events(self) -> Vec<A::Event> {
        self.result.expect("the command is taken")
    }

    /// Refused, and says so well.
    #[track_caller]
    pub(crate) fn then_refused(self, kind: RefusalKind, code: &str, pointer: &str) {
        let refusal = self.result.expect_err("the command is refused");
        assert_eq!((refusal.kind(), refusal.code()), (kind, code), "{refusal}");
        assert_eq!(refusal.pointer(), pointer, "{refusal}");
        assert!(!refusal.to_string().is_empty() && !refusal.hint().is_empty());
    }
}
