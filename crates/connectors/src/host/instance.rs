//! One adapter for one integration instance, through all its processes.

use std::sync::Mutex as StdMutex;
use std::sync::PoisonError;
use std::time::Duration;

use ledger::clock::Stopwatch;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::backoff::Backoff;
use super::process::{Process, ProcessError};
use super::program::Program;
use crate::protocol::{Call, Failure, Hello, Reply};

/// Bounds on an adapter's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From spawning to `ready`, `hello` and `configured` together. An interpreter takes a tenth of a second.
    pub start: Duration,
    /// For one message. A message is a few milliseconds of work at most.
    pub message: Duration,
    /// Between a failure and the next start.
    pub backoff: Backoff,
    /// After so many answers a process is replaced, so that no slow leak and no CPU limit ends it in a message.
    pub answers_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(10),
            message: Duration::from_secs(5),
            backoff: Backoff { base: Duration::from_millis(200), max: Duration::from_secs(60) },
            answers_max: 100_000,
        }
    }
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The adapter takes no calls for a while: it failed before.
    #[error("the adapter failed {failures} times in a row and is started again in {wait_ms} ms")]
    BackingOff {
        /// How often.
        failures: u32,
        /// How long.
        wait_ms: u64,
    },
    /// The process failed during this call.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The adapter does not take its configuration.
    #[error("the adapter refuses its configuration: {}", .0.message)]
    Configuration(Box<Failure>),
}

/// What is known of the running process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Who it is.
    pub hello: Hello,
    /// The layers of the sandbox that hold.
    pub layers: Vec<String>,
}

/// An adapter of one integration instance.
#[derive(Debug)]
pub struct Instance {
    program: Program,
    config: Value,
    limits: Limits,
    state: Mutex<State>,
    running: StdMutex<Option<Running>>,
}

#[derive(Debug, Default)]
struct State {
    process: Option<Process>,
    failures: u32,
    last_failure: Option<Stopwatch>,
}

impl Instance {
    /// An instance; its process is started by the first call.
    pub fn new(program: Program, config: Value, limits: Limits) -> Self {
        Self { program, config, limits, state: Mutex::default(), running: StdMutex::default() }
    }

    /// Asks the adapter. Calls wait for one another; a message costs microseconds.
    ///
    /// # Errors
    /// The adapter failed, and its process is gone; or it failed before and is not started again yet. Whoever
    /// asks decides when to ask again: a message that kills an adapter must not be repeated at once.
    pub async fn call(&self, call: Call) -> Result<Reply, CallError> {
        let mut state = self.state.lock().await;
        // The process is taken out: if this future is dropped in the middle, a half-read stream is dropped with it.
        let mut process = match state.process.take() {
            Some(process) if process.answered < self.limits.answers_max => process,
            _ => self.start(&mut state).await?,
        };
        match timeout(self.limits.message, process.ask(call)).await {
            Ok(Ok(reply)) => {
                state.failures = 0;
                state.process = Some(process);
                Ok(reply)
            }
            Ok(Err(error)) => Err(self.failed(&mut state, error).into()),
            Err(_) => Err(self.failed(&mut state, ProcessError::Deadline).into()),
        }
    }

    /// The process as it last started, or none if it has failed since.
    pub fn running(&self) -> Option<Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the process; the next call starts another.
    pub async fn stop(&self) {
        self.state.lock().await.process = None;
        self.note(None);
    }

    async fn start(&self, state: &mut State) -> Result<Process, CallError> {
        let wait = self.limits.backoff.after(state.failures);
        if let Some(left) = state.last_failure.and_then(|since| wait.checked_sub(since.elapsed()))
            && state.failures > 0
            && !left.is_zero()
        {
            let wait_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
            return Err(CallError::BackingOff { failures: state.failures, wait_ms });
        }
        let started = timeout(self.limits.start, self.start_process()).await;
        match started {
            Ok(Ok((process, running, None))) => {
                self.note(Some(running));
                Ok(process)
            }
            // The process is well; it is the configuration that has to change.
            Ok(Ok((_, _, Some(refusal)))) => Err(CallError::Configuration(Box::new(refusal))),
            Ok(Err(error)) => Err(self.failed(state, error).into()),
            Err(_) => Err(self.failed(state, ProcessError::Deadline).into()),
        }
    }

    async fn start_process(&self) -> Result<(Process, Running, Option<Failure>), ProcessError> {
        let (mut process, layers) = Process::start(&self.program).await?;
        let hello = process.hello().await?;
        let refusal = match process.ask(Call::Configure { config: self.config.clone() }).await? {
            Reply::Refused(failure) => Some(failure),
            _ => None,
        };
        Ok((process, Running { hello, layers }, refusal))
    }

    fn failed(&self, state: &mut State, error: ProcessError) -> ProcessError {
        state.failures = state.failures.saturating_add(1);
        state.last_failure = Some(Stopwatch::start());
        self.note(None);
        error
    }

    fn note(&self, running: Option<Running>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = running;
    }
}
