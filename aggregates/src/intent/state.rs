//! What is known about an intent.

use ledger::time::Timestamp;

use super::IntentEvent;
use crate::values::{CancelReason, EffectKind, EffectPurpose, FailureWord, RepeatRule, TicketId};

/// What is known about an intent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum IntentState {
    /// Nobody asked for it.
    #[default]
    Absent,
    /// It is to be carried out.
    Open(Work),
    /// It is carried out.
    Succeeded,
    /// It is not carried out any more.
    Cancelled {
        /// Why.
        reason: CancelReason,
    },
}

/// An intent that is to be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// What.
    pub kind: EffectKind,
    /// The ticket that it is about.
    pub ticket: Option<TicketId>,
    /// Which of the ticket's sendings it carries out.
    pub number: Option<u32>,
    /// Where it stands.
    pub phase: Phase,
    /// Attempts so far, lookups among them.
    pub attempts: u32,
    /// Failures since it was requested or replayed.
    pub failures: u32,
    /// Waits for a rate limit since then.
    pub rate_waits: u32,
    /// Times of doubt since then.
    pub doubts: u32,
    /// How often it was parked.
    pub episodes: u32,
}

/// Where an intent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// An attempt may begin.
    Due {
        /// Not before.
        not_before: Option<Timestamp>,
    },
    /// An attempt is under way.
    Attempting(Sent),
    /// It may have been carried out: only lookups may be sent.
    Uncertain {
        /// Not before.
        not_before: Timestamp,
        /// Lookups in a row that did not find it.
        looked: u32,
        /// The lookup that is under way.
        looking: Option<Sent>,
    },
    /// It waits for somebody.
    Parked {
        /// Why.
        reason: FailureWord,
        /// May it have been carried out?
        uncertain: bool,
    },
}

/// The last request of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Which of its task.
    pub step: u32,
    /// What happens when it is sent twice.
    pub repeat: RepeatRule,
    /// Is it known that it was not carried out?
    pub unsent: bool,
}

impl IntentState {
    pub(super) fn after(self, event: &IntentEvent) -> Self {
        match (self, event) {
            (_, IntentEvent::Requested(e)) => Self::Open(Work {
                kind: e.kind,
                ticket: e.ticket,
                number: e.number,
                phase: Phase::Due { not_before: None },
                attempts: 0,
                failures: 0,
                rate_waits: 0,
                doubts: 0,
                episodes: 0,
            }),
            (_, IntentEvent::Succeeded(_)) => Self::Succeeded,
            (_, IntentEvent::Cancelled(e)) => Self::Cancelled { reason: e.reason },
            (Self::Open(work), event) => Self::Open(work.after(event)),
            (state, _) => state,
        }
    }
}

impl Work {
    fn after(mut self, event: &IntentEvent) -> Self {
        match event {
            IntentEvent::Requested(_) | IntentEvent::Succeeded(_) | IntentEvent::Cancelled(_) => {}
            IntentEvent::AttemptStarted(e) => {
                self.attempts = e.attempt;
                let sent = Sent { step: e.step, repeat: e.repeat, unsent: e.unsent };
                match (&mut self.phase, e.purpose) {
                    (Phase::Uncertain { looking, .. }, EffectPurpose::Lookup) => *looking = Some(sent),
                    _ => self.phase = Phase::Attempting(sent),
                }
            }
            IntentEvent::Delayed(e) => {
                match e.reason {
                    FailureWord::RateLimited => self.rate_waits = self.rate_waits.saturating_add(1),
                    _ => self.failures = self.failures.saturating_add(1),
                }
                self.phase = match self.phase {
                    Phase::Uncertain { looked, .. } => {
                        Phase::Uncertain { not_before: e.not_before, looked, looking: None }
                    }
                    _ => Phase::Due { not_before: Some(e.not_before) },
                };
            }
            IntentEvent::Uncertain(e) => {
                self.doubts = self.doubts.saturating_add(1);
                self.phase = Phase::Uncertain { not_before: e.not_before, looked: 0, looking: None };
            }
            IntentEvent::Absent(e) if e.looked >= super::limits::LOOKS_MIN => {
                self.phase = Phase::Due { not_before: Some(e.not_before) };
            }
            IntentEvent::Absent(e) => {
                self.phase = Phase::Uncertain { not_before: e.not_before, looked: e.looked, looking: None };
            }
            IntentEvent::Parked(e) => {
                // After too many doubts it is parked by the last one, straight from its attempt.
                let uncertain =
                    matches!(self.phase, Phase::Uncertain { .. }) || e.reason == FailureWord::Uncertain;
                self.episodes = e.episode;
                self.phase = Phase::Parked { reason: e.reason, uncertain };
            }
            IntentEvent::Replayed(_) => {
                let uncertain = matches!(self.phase, Phase::Parked { uncertain: true, .. });
                (self.failures, self.rate_waits, self.doubts) = (0, 0, 0);
                self.phase = if uncertain {
                    Phase::Uncertain { not_before: Timestamp::from_micros(0), looked: 0, looking: None }
                } else {
                    Phase::Due { not_before: None }
                };
            }
        }
        self
    }
}
