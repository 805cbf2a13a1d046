//! One attempt of an intent: from its stream to the other system and back into its stream.

use std::sync::Arc;
use std::time::Duration;

use ledger::clock::Entropy;
use ledger::ids::TenantId;
use ledger::time::Timestamp;
use ledger_aggregates::intent::{Intent, IntentCommand, IntentEvent, IntentState, Phase, Work, limits};
use ledger_aggregates::ticket::SeenField;
use ledger_aggregates::values::{EffectPurpose, FailureWord, IntegrationId, IntentId};
use ledger_connectors::drive::{End, drive};
use ledger_connectors::protocol::{Fact, FactKind, Failure, FailureKind, Outcome, Task};
use serde_json::{Map, Value, json};

use super::config::Retry;
use super::journal::{IntentJournal, Resume, resume};
use super::live::Live;
use super::marks::Marks;
use super::observe;
use super::record::Whose;
use super::stream::state_of;
use crate::app::App;
use crate::error::ApiError;

/// A lookup is never sooner than this, whatever the adapter says of its vendor: a request that lost its answer may still
/// be on its way.
const LOOKUP_AFTER_MIN: Duration = Duration::from_millis(500);

/// What an attempt says about the connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The other side answered as it should.
    Well,
    /// Nothing.
    Silent,
    /// It did not.
    Ill(Failure),
}

/// An attempt that is over.
pub struct Ended {
    /// What it says about the connection.
    pub verdict: Verdict,
    /// What was found out on the way.
    pub facts: Vec<Fact>,
    /// Nothing was done: it may begin then.
    pub too_early: Option<Timestamp>,
}

impl Ended {
    const fn nothing() -> Self {
        Self { verdict: Verdict::Silent, facts: Vec::new(), too_early: None }
    }

    fn too_early(not_before: Timestamp) -> Self {
        Self { too_early: Some(not_before), ..Self::nothing() }
    }
}

/// One attempt.
pub struct Attempt<'a> {
    /// The running ledger.
    pub app: &'a Arc<App>,
    /// Whose intent.
    pub tenant: &'a TenantId,
    /// Which.
    pub intent: IntentId,
    /// Where it is to be carried out.
    pub integration: &'a IntegrationId,
    /// The same, alive.
    pub live: &'a Live,
}

impl Attempt<'_> {
    /// Makes it, if the stream says that one is due: the queue is only a hint.
    ///
    /// # Errors
    /// The store: nothing was sent because of it, or what was sent is in the journal.
    pub async fn run(self) -> Result<Ended, ApiError> {
        let told = self.app.told::<Intent>(self.tenant, &self.intent.stream()).await?;
        let IntentState::Open(work) = state_of::<Intent>(&told) else { return Ok(Ended::nothing()) };
        // A queue that others can write to may hand out what belongs elsewhere.
        let wanted = told.first().map(|told| &told.event);
        if !matches!(wanted, Some(IntentEvent::Requested(e)) if e.integration == *self.integration) {
            return Ok(Ended::nothing());
        }
        let now = self.app.clock.now();
        let purpose = match work.phase {
            Phase::Due { not_before } if not_before.is_none_or(|time| time <= now) => EffectPurpose::Perform,
            Phase::Attempting(_) => EffectPurpose::Perform,
            Phase::Uncertain { not_before, .. } if not_before <= now => EffectPurpose::Lookup,
            Phase::Due { not_before: Some(not_before) } | Phase::Uncertain { not_before, .. } => {
                return Ok(Ended::too_early(not_before));
            }
            Phase::Due { not_before: None } | Phase::Parked { .. } => return Ok(Ended::nothing()),
        };
        let journal = IntentJournal::new(self.app, self.tenant, self.intent, purpose);
        let payload = told.first().and_then(observe::payload);
        let Some(intent) = payload else {
            let failure = Failure::new(FailureKind::Rejected, "what was to be sent has been erased");
            journal.order(&parked(&failure, FailureWord::Rejected, Vec::new(), Map::new())).await?;
            return Ok(Ended::nothing());
        };
        let task = match purpose {
            EffectPurpose::Perform => Task::Perform(intent),
            EffectPurpose::Lookup => Task::Lookup(intent),
        };
        let resume = match resume(&told, purpose) {
            Resume::Anew => None,
            Resume::At(sending) => Some(sending),
            Resume::Lost => {
                let detail = Some("the request in the journal has been erased".to_owned());
                journal.order(&IntentCommand::Doubt { not_before: now, detail }).await?;
                return Ok(Ended::nothing());
            }
        };
        let name = Whose::Intent(self.intent).name();
        let end = drive(&task, &name, resume, &self.live.instance, &self.live.connection, &journal).await;
        let end = end.map_err(|error| ApiError::internal(&error))?;
        let verdict = self.settle(&journal, &work, end).await?;
        // What the ticket looks like is told by the outcome itself.
        let mut facts = journal.into_facts();
        facts.retain(|fact| matches!(fact.kind, FactKind::Commented { .. }));
        Ok(Ended { verdict, facts, too_early: None })
    }

    async fn settle(&self, journal: &IntentJournal<'_>, work: &Work, end: End) -> Result<Verdict, ApiError> {
        let (command, verdict) = match end {
            End::Done(outcome @ Outcome::Succeeded { .. }) => (self.succeeded(&outcome)?, Verdict::Well),
            End::Done(Outcome::Absent {}) => {
                let not_before = self.after(self.lag());
                (IntentCommand::NotFound { not_before }, Verdict::Well)
            }
            End::Done(Outcome::Failed(failure)) => {
                let verdict =
                    if says_something(failure.kind) { Verdict::Ill(failure.clone()) } else { Verdict::Well };
                (self.failed(&failure)?, verdict)
            }
            End::Done(
                Outcome::Polled { .. }
                | Outcome::Health(_)
                | Outcome::Subscribed { .. }
                | Outcome::Unsubscribed {},
            ) => {
                let failure = Failure::new(FailureKind::Adapter, "the adapter answered another task");
                (self.failed(&failure)?, Verdict::Ill(failure))
            }
            End::Uncertain { reason } => {
                let failure = Failure::new(FailureKind::Unavailable, reason.clone());
                (
                    IntentCommand::Doubt { not_before: self.after(self.lag()), detail: Some(reason) },
                    Verdict::Ill(failure),
                )
            }
            End::Later(later) => {
                let command = self.later(work, &later.failure, later.after);
                (command, Verdict::Ill(later.failure))
            }
        };
        journal.order(&command).await?;
        Ok(verdict)
    }

    fn succeeded(&self, outcome: &Outcome) -> Result<IntentCommand, ApiError> {
        let Outcome::Succeeded { remote, snapshot, receipts, notes } = outcome else {
            return Err(ApiError::internal("a success is one"));
        };
        let marks = Marks::of(self.app, self.tenant);
        let seen = snapshot.as_ref().map(|snapshot| marks.seen(snapshot, limits::FIELDS_MAX));
        let values = snapshot.as_ref().map(|snapshot| &snapshot.fields);
        Ok(IntentCommand::Succeed {
            remote: Some(marks.text(&remote.id)?),
            receipts: marks.receipts(receipts, limits::RECEIPTS_MAX)?,
            seen: seen.transpose()?,
            result: json!({ "remote": remote, "values": values, "notes": notes }),
        })
    }

    fn failed(&self, failure: &Failure) -> Result<IntentCommand, ApiError> {
        let marks = Marks::of(self.app, self.tenant);
        let theirs =
            failure.conflicts.iter().map(|conflict| (conflict.field.clone(), conflict.theirs.clone()));
        let theirs: Map<String, Value> = theirs.collect();
        let conflicts = marks.fields(&theirs, limits::FIELDS_MAX)?;
        Ok(parked(failure, word(failure.kind), conflicts, theirs))
    }

    fn later(&self, work: &Work, failure: &Failure, after: Option<Duration>) -> IntentCommand {
        let retry = self.live.document.retry;
        let reason = word(failure.kind);
        if failure.kind != FailureKind::RateLimited && work.failures + 1 >= retry.attempts_max {
            return parked(failure, reason, Vec::new(), Map::new());
        }
        let wait = backoff(retry, work.failures, &*self.app.entropy).max(after.unwrap_or_default());
        IntentCommand::Delay { reason, not_before: self.after(wait), detail: Some(told_to_people(failure)) }
    }

    fn lag(&self) -> Duration {
        if let Some(known) = self.live.document.retry.lookup_after_ms {
            return Duration::from_millis(known);
        }
        let said = self.live.instance.running().map_or(0, |running| running.hello.lookup_lag_ms);
        Duration::from_millis(said).max(LOOKUP_AFTER_MIN)
    }

    fn after(&self, wait: Duration) -> Timestamp {
        self.app.clock.now().plus(wait)
    }
}

/// `theirs`: the values at the other side of the fields in conflict.
pub(super) fn parked(
    failure: &Failure,
    reason: FailureWord,
    conflicts: Vec<SeenField>,
    theirs: Map<String, Value>,
) -> IntentCommand {
    let mut detail = serde_json::to_value(failure).unwrap_or_else(|_| json!({ "message": failure.message }));
    detail["values"] = Value::Object(theirs);
    IntentCommand::Park { reason, conflicts, detail: Some(detail) }
}

/// What happened and what can be done, in one line.
pub fn told_to_people(failure: &Failure) -> String {
    let field = failure.field.as_deref().map_or_else(String::new, |field| format!(" ({field})"));
    let hint = failure.hint.as_deref().map_or_else(String::new, |hint| format!(": {hint}"));
    let offered = if failure.offered.is_empty() {
        String::new()
    } else {
        format!("; there is: {}", failure.offered.join(", "))
    };
    format!("{}{field}{hint}{offered}", failure.message)
}

/// Whether a failure says something about the connection, and not about this piece of work alone.
const fn says_something(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::Unavailable
            | FailureKind::RateLimited
            | FailureKind::Unauthenticated
            | FailureKind::Forbidden
            | FailureKind::NeedsConfiguration
            | FailureKind::Malformed
            | FailureKind::Adapter
    )
}

/// A kind of failure in the words of the log.
pub const fn word(kind: FailureKind) -> FailureWord {
    match kind {
        FailureKind::Unavailable => FailureWord::Unavailable,
        FailureKind::RateLimited => FailureWord::RateLimited,
        FailureKind::Unauthenticated => FailureWord::Unauthenticated,
        FailureKind::Forbidden => FailureWord::Forbidden,
        FailureKind::NeedsConfiguration => FailureWord::NeedsConfiguration,
        FailureKind::Missing => FailureWord::Missing,
        FailureKind::Blocked => FailureWord::Blocked,
        FailureKind::Conflict => FailureWord::Conflict,
        FailureKind::Closed => FailureWord::Closed,
        FailureKind::Rejected => FailureWord::Rejected,
        FailureKind::Malformed => FailureWord::Malformed,
        FailureKind::Unsupported => FailureWord::Unsupported,
        FailureKind::Adapter => FailureWord::Adapter,
    }
}

/// Exponential with full jitter: a uniform draw between nothing and the bound, which doubles with each failure.
fn backoff(retry: Retry, failures: u32, entropy: &dyn Entropy) -> Duration {
    let bound = retry
        .base_ms
        .saturating_mul(1_u64.checked_shl(failures).unwrap_or(u64::MAX))
        .min(retry.max_ms)
        .max(1);
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    Duration::from_millis(u64::from_le_bytes(bytes) % (bound + 1))
}

#[cfg(test)]
mod tests {
    use ledger::clock::SeededEntropy;

    use super::*;

    #[test]
    fn the_bound_of_a_wait_doubles_and_every_wait_below_it_comes() {
        let (retry, entropy) =
            (Retry { base_ms: 100, max_ms: 1_000, ..Retry::default() }, SeededEntropy::new(1));
        for (failures, bound) in [(0, 100), (1, 200), (3, 800), (4, 1_000), (63, 1_000), (200, 1_000)] {
            let waits: Vec<u128> = (0..500).map(|_| backoff(retry, failures, &entropy).as_millis()).collect();
            assert!(waits.iter().all(|wait| *wait <= bound), "{failures}");
            assert!(
                waits.iter().any(|wait| *wait < bound / 4) && waits.iter().any(|wait| *wait > bound * 3 / 4)
            );
        }
    }

    #[test]
    fn people_are_told_what_to_do() {
        let failure = Failure::new(FailureKind::NeedsConfiguration, "the project asks for Team")
            .field("customfield_1")
            .hint("add it to the mapping's fields")
            .offered(vec!["A".into(), "B".into()]);
        let expected =
            "the project asks for Team (customfield_1): add it to the mapping's fields; there is: A, B";
        assert_eq!(told_to_people(&failure), expected);
    }
}
