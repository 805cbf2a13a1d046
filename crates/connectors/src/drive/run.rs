//! The loop.

use std::time::Duration;

use async_trait::async_trait;

use super::journal::{Journal, JournalError, Sending};
use crate::egress::{Connection, Hold, Purpose, Transport};
use crate::host::{CallError, Instance};
use crate::protocol::{Call, Failure, FailureKind, Outcome, Plan, Repeat, Reply, Response, Step, Task, Then};

/// No task takes more requests than this: a poll of ten thousand tickets in pages of fifty, with room.
const STEPS_MAX: u32 = 1000;

/// A limit is checked before anything is carried out (RFC 6585 §4).
const TOO_MANY_REQUESTS: u16 = 429;

/// Someone who speaks the protocol.
#[async_trait]
pub trait Ask: Send + Sync {
    /// The reply to a call.
    async fn ask(&self, call: Call) -> Result<Reply, CallError>;
}

#[async_trait]
impl Ask for Instance {
    async fn ask(&self, call: Call) -> Result<Reply, CallError> {
        self.call(call).await
    }
}

/// How a run of a task ended.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// It is over.
    Done(Outcome),
    /// Nobody knows whether it was carried out: look it up, never repeat it.
    Uncertain {
        /// Why not.
        reason: String,
    },
    /// It can go on later, from the last plan in the journal.
    Later(Later),
}

/// Why a task waits.
#[derive(Debug, Clone, PartialEq)]
pub struct Later {
    /// What is in the way.
    pub failure: Failure,
    /// Not before this long; none: the caller's own backoff.
    pub after: Option<Duration>,
}

/// Runs a task until it ends, or until it has to wait.
///
/// `resume` is the last plan in the journal of an earlier run. `id` names the task in the exchanges.
///
/// # Errors
/// The journal cannot be written.
pub async fn drive(
    task: &Task,
    id: &str,
    resume: Option<Sending>,
    adapter: &dyn Ask,
    connection: &Connection,
    journal: &dyn Journal,
) -> Result<End, JournalError> {
    let run = Run { task, id, adapter, connection, journal };
    let (mut step, mut plan) = match resume {
        // It was about to be sent, and perhaps was.
        Some(Sending { plan, unsent: false, .. }) if plan.repeat == Repeat::Once => {
            return Ok(End::Uncertain { reason: "the attempt broke off after its request was sent".into() });
        }
        Some(Sending { step, plan, .. }) => (step, plan),
        None => match run.ask(task.start(connection.clock().now())).await? {
            Next::Send(plan) => (1, plan),
            Next::End(end) => return Ok(end),
        },
    };
    loop {
        if step > STEPS_MAX {
            let message = format!("the task took more than {STEPS_MAX} requests");
            return Ok(End::Done(Outcome::Failed(Failure::new(FailureKind::Malformed, message))));
        }
        journal.sending(&Sending { step, plan: plan.clone(), unsent: false }).await?;
        match run.step(step, plan).await? {
            Next::Send(next) => (step, plan) = (step + 1, next),
            Next::End(end) => return Ok(end),
        }
    }
}

struct Run<'a> {
    task: &'a Task,
    id: &'a str,
    adapter: &'a dyn Ask,
    connection: &'a Connection,
    journal: &'a dyn Journal,
}

enum Next {
    Send(Plan),
    End(End),
}

impl Run<'_> {
    async fn step(&self, step: u32, plan: Plan) -> Result<Next, JournalError> {
        let purpose = Purpose::Task { id: self.id.to_owned(), step };
        let response = match self.connection.send(&plan, &purpose).await {
            Ok(response) => response,
            Err(hold) => {
                let unsent = never_left(&hold);
                let end = held(&plan, hold);
                if unsent {
                    self.journal.sending(&Sending { step, plan, unsent }).await?;
                }
                return Ok(Next::End(end));
            }
        };
        if response.status == TOO_MANY_REQUESTS {
            self.journal.sending(&Sending { step, plan: plan.clone(), unsent: true }).await?;
        }
        if let Some(reason) = undecided(&plan, &response) {
            return Ok(Next::End(End::Uncertain { reason }));
        }
        let call = Call::Interpret {
            task: self.task.clone(),
            continuation: plan.continuation.clone(),
            response,
            now: self.connection.clock().now(),
        };
        let next = self.ask(call).await?;
        if let Next::End(End::Later(Later { failure, after: Some(after) })) = &next {
            let now = self.connection.clock().now();
            let whole = failure.rate.as_ref().is_some_and(|rate| rate.whole_connection);
            let scope = (!whole).then_some(plan.scope.as_str());
            self.connection.limiter().pause(scope, now.plus(*after), now);
        }
        // The answer is there, but it tells nobody whether the request was carried out.
        if let (Next::End(End::Later(later)), Repeat::Once) = (&next, plan.repeat)
            && later.failure.kind != FailureKind::RateLimited
        {
            return Ok(Next::End(End::Uncertain { reason: later.failure.message.clone() }));
        }
        Ok(next)
    }

    async fn ask(&self, call: Call) -> Result<Next, JournalError> {
        let step = match self.adapter.ask(call).await {
            Ok(Reply::Step(step)) => step,
            Ok(Reply::Refused(failure)) => Step::failed(failure),
            Ok(_) => Step::failed(Failure::new(FailureKind::Adapter, "the adapter answered out of turn")),
            Err(CallError::Configuration(failure)) => Step::failed(*failure),
            Err(error) => return Ok(Next::End(broken(&error))),
        };
        if !step.facts.is_empty() {
            self.journal.facts(step.facts).await?;
        }
        Ok(match step.then {
            Then::Send(plan) => Next::Send(*plan),
            Then::Done(Outcome::Failed(failure)) if failure.kind.is_retryable() => {
                let after = failure.rate.as_ref().and_then(|rate| rate.after_ms).map(Duration::from_millis);
                Next::End(End::Later(Later { failure, after }))
            }
            Then::Done(outcome) => Next::End(End::Done(outcome)),
        })
    }
}

/// The adapter failed. Its message may be the reason, so it is not repeated at once.
fn broken(error: &CallError) -> End {
    let after = match error {
        CallError::BackingOff { wait_ms, .. } => Some(Duration::from_millis(*wait_ms)),
        _ => None,
    };
    End::Later(Later { failure: Failure::new(FailureKind::Adapter, error.to_string()), after })
}

/// Whether nothing of the request left this machine.
fn never_left(hold: &Hold) -> bool {
    match hold {
        Hold::Wait(_) | Hold::Open(_) | Hold::Token(_) | Hold::Unsendable(_) => true,
        Hold::Lost(error) => error.transport == Transport::NotSent,
        Hold::Record(_) => false,
    }
}

/// A request without an answer.
fn held(plan: &Plan, hold: Hold) -> End {
    let message = hold.to_string();
    let later = |kind, after| End::Later(Later { failure: Failure::new(kind, message.clone()), after });
    let failed = |kind| End::Done(Outcome::Failed(Failure::new(kind, message.clone())));
    match hold {
        Hold::Wait(wait) => later(FailureKind::RateLimited, Some(wait.0)),
        Hold::Open(open) => later(FailureKind::Unavailable, Some(open.wait)),
        Hold::Token(crate::egress::credential::TokenError::Refused(_)) => {
            failed(FailureKind::Unauthenticated)
        }
        Hold::Token(_) => later(FailureKind::Unavailable, None),
        Hold::Unsendable(_) => failed(FailureKind::Rejected),
        Hold::Lost(error) if error.refused => failed(FailureKind::NeedsConfiguration),
        Hold::Lost(error) if error.transport == Transport::NotSent => later(FailureKind::Unavailable, None),
        Hold::Lost(_) | Hold::Record(_) if plan.repeat == Repeat::Once => End::Uncertain { reason: message },
        Hold::Lost(_) | Hold::Record(_) => later(FailureKind::Unavailable, None),
    }
}

/// A server or a gateway that fails may have carried the request out before it did.
fn undecided(plan: &Plan, response: &Response) -> Option<String> {
    let undecided = plan.repeat == Repeat::Once && matches!(response.status, 408 | 500..=599);
    undecided.then(|| format!("HTTP {} to a request that must not be repeated", response.status))
}
