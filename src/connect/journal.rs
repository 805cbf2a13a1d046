//! The journal of an intent: its stream. No request leaves before the event that says so is durable.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use ledger::ids::{CommandId, TenantId, uuid_v7};
use ledger_aggregates::intent::{Intent, IntentCommand, IntentEvent, limits};
use ledger_aggregates::values::{EffectPurpose, IntentId, RepeatRule};
use ledger_connectors::drive::{Journal, JournalError, Sending};
use ledger_connectors::protocol::{Fact, Plan, Repeat};
use serde::{Deserialize, Serialize};

use super::record::PART;
use super::stream::Told;
use crate::app::App;
use crate::commands::Order;
use crate::error::ApiError;

/// A request as the journal keeps it.
#[derive(Serialize, Deserialize)]
struct Kept {
    step: u32,
    plan: Plan,
    unsent: bool,
}

/// The journal of one attempt.
pub struct IntentJournal<'a> {
    /// The running ledger.
    pub app: &'a App,
    /// Whose intent.
    pub tenant: &'a TenantId,
    /// Which.
    pub intent: IntentId,
    /// What the attempt is for.
    pub purpose: EffectPurpose,
    facts: Mutex<Vec<Fact>>,
}

impl<'a> IntentJournal<'a> {
    /// With nothing found out yet.
    pub fn new(app: &'a App, tenant: &'a TenantId, intent: IntentId, purpose: EffectPurpose) -> Self {
        Self { app, tenant, intent, purpose, facts: Mutex::default() }
    }

    /// What was found out on the way.
    pub fn into_facts(self) -> Vec<Fact> {
        self.facts.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Orders something of the intent. Each order has an id of its own: what may be repeated is the aggregate's to know.
    ///
    /// # Errors
    /// What the aggregate refuses, or the store.
    pub async fn order(&self, command: &IntentCommand) -> Result<(), ApiError> {
        let id = CommandId::new(uuid_v7(&*self.app.clock, &*self.app.entropy).to_string());
        let id = id.map_err(ApiError::internal)?;
        let order = Order::system(PART, self.tenant, self.intent.stream(), id);
        self.app.command::<Intent>(&order, command).await.map(drop)
    }
}

#[async_trait]
impl Journal for IntentJournal<'_> {
    async fn sending(&self, sending: &Sending) -> Result<(), JournalError> {
        let Sending { step, plan, unsent } = sending;
        let repeat = match plan.repeat {
            Repeat::Safe => RepeatRule::Safe,
            Repeat::Same => RepeatRule::Same,
            Repeat::Once => RepeatRule::Once,
        };
        let kept = serde_json::to_value(Kept { step: *step, plan: plan.clone(), unsent: *unsent });
        let command = IntentCommand::Attempt {
            step: *step,
            purpose: self.purpose,
            repeat,
            unsent: *unsent,
            sending: kept.map_err(|error| JournalError(error.to_string()))?,
        };
        self.order(&command).await.map_err(|error| JournalError(error.to_string()))
    }

    /// They are applied when the attempt has ended: what an intent finds out is read again at any time.
    async fn facts(&self, facts: Vec<Fact>) -> Result<(), JournalError> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).extend(facts);
        Ok(())
    }
}

/// Where an attempt goes on.
#[derive(Debug, Clone, PartialEq)]
pub enum Resume {
    /// At its beginning.
    Anew,
    /// At this request.
    At(Sending),
    /// Nowhere: the request may have been carried out, and what it was can no longer be read.
    Lost,
}

/// Where to go on, from what the stream tells.
///
/// The last request of the same purpose, unless something after it says to begin anew: two lookups that did not find it,
/// or a person who wants it tried again. Even then a request that must not be repeated and was answered is carried out:
/// the attempt goes on behind it.
pub fn resume(told: &[Told<IntentEvent>], purpose: EffectPurpose) -> Resume {
    let mut last: Option<&Told<IntentEvent>> = None;
    // A step that must not be repeated, and that a later step shows to have been answered.
    let (mut once, mut carried_out) = (None::<u32>, false);
    for event in told {
        match &event.event {
            IntentEvent::AttemptStarted(e) if e.purpose == purpose => {
                carried_out |= once.is_some_and(|step| e.step > step);
                if e.repeat == RepeatRule::Once {
                    once = (!e.unsent).then_some(e.step);
                }
                last = Some(event);
            }
            IntentEvent::Absent(e) if e.looked >= limits::LOOKS_MIN => {
                (last, once, carried_out) = (None, None, false);
            }
            IntentEvent::Replayed(_) if !carried_out => (last, once) = (None, None),
            // A lookup begins anew each time.
            IntentEvent::Delayed(_) | IntentEvent::Absent(_) | IntentEvent::Uncertain(_)
                if purpose == EffectPurpose::Lookup =>
            {
                last = None;
            }
            _ => {}
        }
    }
    let Some(last) = last else { return Resume::Anew };
    match last.member::<Kept>("sending") {
        Some(Kept { step, plan, unsent }) => Resume::At(Sending { step, plan, unsent }),
        // Erased: whether it is safe to begin again is told by the public part.
        None => match &last.event {
            IntentEvent::AttemptStarted(e) if !carried_out && (e.unsent || e.repeat != RepeatRule::Once) => {
                Resume::Anew
            }
            _ => Resume::Lost,
        },
    }
}

#[cfg(test)]
mod tests {
    use ledger::time::Timestamp;
    use ledger_aggregates::intent::{IntentAbsent, IntentAttemptStarted, IntentDelayed, IntentReplayed};
    use ledger_aggregates::schema::Confidential;
    use ledger_aggregates::values::FailureWord;
    use ledger_connectors::protocol::Method;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(0);

    fn told(event: impl Into<IntentEvent>) -> Told<IntentEvent> {
        Told { event: event.into(), members: serde_json::Map::new() }
    }

    fn sent(step: u32, repeat: RepeatRule, unsent: bool) -> Told<IntentEvent> {
        let method = Method::Post;
        let plan = Plan::new(method, "/x", Repeat::Once, "x");
        let kept = serde_json::to_value(Kept { step, plan, unsent }).unwrap();
        let purpose = EffectPurpose::Perform;
        let event =
            IntentAttemptStarted { attempt: 1, step, purpose, repeat, unsent, sending: Confidential::none() };
        Told { members: [("sending".to_owned(), kept)].into_iter().collect(), ..told(event) }
    }

    fn step(told: &[Told<IntentEvent>]) -> Option<u32> {
        match resume(told, EffectPurpose::Perform) {
            Resume::At(sending) => Some(sending.step),
            Resume::Anew => None,
            Resume::Lost => Some(u32::MAX),
        }
    }

    #[test]
    fn an_attempt_goes_on_where_it_broke_off() {
        let delayed = || {
            told(IntentDelayed {
                attempt: 1,
                reason: FailureWord::Unavailable,
                not_before: NOW,
                detail: Confidential::none(),
            })
        };
        assert_eq!(step(&[]), None);
        assert_eq!(
            step(&[sent(1, RepeatRule::Safe, false), sent(2, RepeatRule::Once, true), delayed()]),
            Some(2)
        );
    }

    #[test]
    fn it_begins_anew_after_two_lookups_that_did_not_find_it() {
        let absent = |looked| told(IntentAbsent { looked, not_before: NOW });
        let sent = || sent(2, RepeatRule::Once, false);
        assert_eq!(step(&[sent(), absent(1)]), Some(2));
        assert_eq!(step(&[sent(), absent(1), absent(2)]), None);
    }

    #[test]
    fn a_replay_begins_anew_but_never_before_what_was_carried_out() {
        let replayed = || told(IntentReplayed { episode: 1 });
        assert_eq!(
            step(&[sent(1, RepeatRule::Safe, false), sent(2, RepeatRule::Once, false), replayed()]),
            None
        );
        let created = [sent(2, RepeatRule::Once, false), sent(3, RepeatRule::Same, false), replayed()];
        assert_eq!(step(&created), Some(3), "control: from the beginning there would be two");
    }

    #[test]
    fn an_erased_request_is_not_guessed() {
        let erased = |sent: Told<IntentEvent>| Told { members: serde_json::Map::new(), ..sent };
        assert_eq!(step(&[erased(sent(1, RepeatRule::Safe, false))]), None);
        assert_eq!(step(&[erased(sent(2, RepeatRule::Once, false))]), Some(u32::MAX));
    }
}
