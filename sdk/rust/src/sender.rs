//! Sends what waits in the spool, one step at a time: the thread around it only waits.
//!
//! Evidence leaves the spool in two ways: with a receipt that verifies, or refused for good by the ledger itself and
//! kept in `rejected/`. After any other answer it stays. A lost answer means that it is sent again under the same id
//! with the same bytes, and the ledger gives the first receipt.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ledger::apikey::RequestKey;
use ledger::clock::{Clock, Entropy};
use ledger::http_signature::{self, sign};
use ledger::time::Timestamp;
use serde_json::json;

use crate::backoff::Backoff;
use crate::kept::{Receipts, RejectedFiles};
use crate::spool::Spool;
use crate::status::{LastError, Status};
use crate::transport::{Request, Response, Transport};
use crate::trust::{LogKeys, Pinned};

mod answer;
mod settle;

use answer::{Answer, Outcome};

/// The most items in one request; the ledger takes 500. Small enough that one answer stays in memory lightly.
pub const BATCH_EVENTS_MAX: usize = 200;
/// The most bytes in one request; the ledger reads 4 MiB.
pub const BATCH_BYTES_MAX: usize = 1 << 20;

/// What to do after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// There is more to send.
    Now,
    /// Come back after this time.
    After(Duration),
    /// Nothing to do until evidence is submitted.
    Idle,
}

/// What the sender and `submit` share.
#[derive(Debug)]
pub struct Outbox {
    /// What waits.
    pub spool: Mutex<Spool>,
    /// How things are.
    pub status: Mutex<Status>,
}

/// A lock whose holder panicked protects data that is still consistent: every change here is one assignment.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a sender is made of.
#[expect(missing_docs, reason = "one member a part, named after its type")]
pub struct SenderParts {
    pub outbox: Arc<Outbox>,
    pub transport: Box<dyn Transport>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub pinned: Pinned,
    pub prefix: String,
    pub keyid: String,
    pub request_key: RequestKey,
    pub probe: Option<String>,
    pub heartbeat: Duration,
    pub spool_dir: std::path::PathBuf,
}

/// Sends, in steps.
pub struct Sender {
    parts: SenderParts,
    backoff: Backoff,
    not_before: Option<Timestamp>,
    heartbeat_due: Option<Timestamp>,
    offset_seconds: i64,
    /// Was the clock corrected, with no success since?
    corrected: bool,
    batch_events: usize,
    receipts: Receipts,
    rejected: RejectedFiles,
}

/// Why a step ended without progress.
struct Failure {
    what: String,
    retry_after: Option<u64>,
}

impl Failure {
    fn new(what: impl ToString) -> Self {
        Self { what: what.to_string(), retry_after: None }
    }
}

impl Sender {
    /// A sender that has not sent anything yet.
    pub fn new(parts: SenderParts) -> Self {
        let now = parts.clock.now();
        let heartbeat_due = parts.probe.as_ref().map(|_| now);
        let (receipts, rejected) = (Receipts::of(&parts.spool_dir), RejectedFiles::of(&parts.spool_dir));
        let mut sender = Self {
            parts,
            backoff: Backoff::default(),
            not_before: None,
            heartbeat_due,
            offset_seconds: 0,
            corrected: false,
            batch_events: BATCH_EVENTS_MAX,
            receipts,
            rejected,
        };
        sender.note(|_| {});
        sender
    }

    /// Does one thing: a heartbeat that is due, or one batch.
    pub fn step(&mut self) -> Next {
        let now = self.parts.clock.now();
        if let Some(due) = self.not_before.filter(|due| *due > now) {
            return Next::After(due.since(now));
        }
        self.not_before = None;
        self.heartbeat_if_due(now);
        match self.send_batch() {
            Ok(true) => Next::Now,
            Ok(false) => match self.heartbeat_due {
                Some(due) => Next::After(due.since(self.parts.clock.now())),
                None => Next::Idle,
            },
            Err(failure) => self.fail(&failure),
        }
    }

    fn fail(&mut self, failure: &Failure) -> Next {
        let wait = self.backoff.next(failure.retry_after, &*self.parts.entropy);
        let now = self.parts.clock.now();
        let (due, failures) = (now.plus(wait), self.backoff.failures());
        self.not_before = Some(due);
        self.note(|status| {
            status.last_error = Some(LastError { at: now, what: failure.what.clone() });
            status.next_attempt_at = Some(due);
            status.failures = failures;
        });
        Next::After(wait)
    }

    fn succeed(&mut self) {
        self.backoff.reset();
        self.corrected = false;
        self.note(|status| {
            status.failures = 0;
            status.next_attempt_at = None;
        });
    }

    /// Writes the status once more, at the end: what was spooled since the last attempt is told as waiting.
    pub(crate) fn rest(&mut self) {
        self.note(|_| {});
    }

    /// Changes the status and writes it. A status that cannot be written is not worth stopping for.
    fn note(&mut self, change: impl FnOnce(&mut Status)) {
        let depth = lock(&self.parts.outbox.spool).depth();
        let rejected = self.rejected.count().unwrap_or(0) as u64;
        let mut status = lock(&self.parts.outbox.status);
        change(&mut status);
        (status.waiting, status.spool_bytes, status.spool_bytes_max) =
            (depth.events, depth.bytes, depth.limit);
        (status.torn_bytes, status.damaged_bytes) = (depth.torn_bytes, depth.damaged_bytes);
        status.rejected = rejected;
        status.clock_offset_seconds = self.offset_seconds;
        status.genesis = self.parts.pinned.keys().map(LogKeys::genesis);
        status.tenant = self.parts.pinned.keys().map(|keys| keys.tenant().to_string());
        drop(status.write(&self.parts.spool_dir));
    }

    /// Signs and sends; a refused time is corrected once by the ledger's own clock.
    fn request(&mut self, method: &str, path: &str, body: &[u8]) -> Result<Response, Failure> {
        let path = format!("{}{path}", self.parts.prefix);
        loop {
            let mut nonce = [0; 16];
            self.parts.entropy.fill(&mut nonce);
            let nonce = u128::from_le_bytes(nonce);
            let micros = self.parts.clock.now().micros() + self.offset_seconds * 1_000_000;
            let signed = sign(
                &http_signature::Request { method, path: &path, query: None, body },
                &self.parts.keyid,
                &self.parts.request_key,
                Timestamp::from_micros(micros),
                &format!("{nonce:032x}"),
            );
            let request = Request { method, path: &path, body, signed: &signed };
            let response = self.parts.transport.send(&request).map_err(Failure::new)?;
            let skewed = response.status == 401 && matches!(answer::read(&response, 0), Answer::Skewed(_));
            if !skewed || self.corrected {
                return Ok(response);
            }
            let theirs: Option<Timestamp> =
                response.ledger_time.as_deref().and_then(|text| text.parse().ok());
            let Some(theirs) = theirs else { return Ok(response) };
            self.offset_seconds = theirs.seconds() - self.parts.clock.now().seconds();
            self.corrected = true;
        }
    }

    /// A heartbeat that fails does not hold evidence back: the next one is tried when it is due.
    fn heartbeat_if_due(&mut self, now: Timestamp) {
        if self.heartbeat_due.is_none_or(|due| due > now) {
            return;
        }
        self.heartbeat_due = Some(now.plus(self.parts.heartbeat));
        match self.send_heartbeat(now) {
            Ok(()) => self.note(|status| status.last_heartbeat_at = Some(now)),
            Err(Failure { what, .. }) => {
                let what = format!("heartbeat: {what}");
                self.note(|status| status.last_error = Some(LastError { at: now, what }));
            }
        }
    }

    fn send_heartbeat(&mut self, now: Timestamp) -> Result<(), Failure> {
        let depth = lock(&self.parts.outbox.spool).depth();
        let body = json!({
            "sent_at": now,
            "cadence_seconds": self.parts.heartbeat.as_secs().max(1),
            "spool_events": depth.events,
            "spool_bytes": depth.bytes,
            "version": env!("CARGO_PKG_VERSION"),
        });
        let path = format!("/v1/probes/{}/heartbeat", self.parts.probe.as_deref().unwrap_or_default());
        let response = self.request("POST", &path, body.to_string().as_bytes())?;
        answer::body(&response).map(drop).map_err(failure_of)
    }

    /// Sends the oldest evidence. Was there any?
    fn send_batch(&mut self) -> Result<bool, Failure> {
        let items = lock(&self.parts.outbox.spool)
            .oldest(self.batch_events, BATCH_BYTES_MAX)
            .map_err(Failure::new)?;
        if items.is_empty() {
            return Ok(false);
        }
        let mut body = Vec::from(b"{\"items\":[");
        for (n, item) in items.iter().enumerate() {
            body.extend_from_slice(if n == 0 { b"" } else { b"," });
            body.extend_from_slice(&item.payload);
        }
        body.extend_from_slice(b"]}");
        let response = self.request("POST", "/v1/evidence/batch", &body)?;
        match answer::read(&response, items.len()) {
            Answer::Results(outcomes) => self.settle(&items, outcomes).map(|()| true),
            Answer::Unreadable(problem) if items.len() == 1 => {
                self.settle(&items, vec![Outcome::Rejected(problem)]).map(|()| true)
            }
            Answer::Unreadable(_) => {
                // One of them spoils the batch: halve it until that one stands alone.
                self.batch_events = items.len().div_ceil(2);
                Ok(true)
            }
            other => Err(failure_of(other)),
        }
    }
}

fn failure_of(answer: Answer) -> Failure {
    match answer {
        Answer::Later { what, retry_after } => Failure { what, retry_after },
        Answer::Skewed(_) => {
            Failure::new("the ledger refuses the time of the signature, also by its own clock")
        }
        Answer::Unreadable(problem) => Failure::new(answer::describe(&problem)),
        Answer::Results(_) => Failure::new("an answer to another request"),
    }
}
