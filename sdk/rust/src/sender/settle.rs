//! What becomes of each item after an answer: off the disk, set aside, or kept for later.

use ledger::time::Timestamp;

use super::answer::{self, Outcome};
use super::{BATCH_EVENTS_MAX, Failure, Sender, failure_of, lock};
use crate::evidence::Evidence;
use crate::kept::{REJECTED_MAX, Rejected};
use crate::receipt::{self, Receipt, ReceiptError};
use crate::spool::{Item, Key};
use crate::status::LastError;
use crate::trust::KeyEntries;

impl Sender {
    /// Acts on the outcome of each item of a batch.
    pub(super) fn settle(&mut self, items: &[Item], outcomes: Vec<Outcome>) -> Result<(), Failure> {
        let now = self.parts.clock.now();
        let (mut done, mut kept, mut failure) = (Vec::new(), Vec::new(), None);
        let mut refused = 0;
        for (item, outcome) in items.iter().zip(outcomes) {
            match outcome {
                Outcome::Receipt(receipt) => match self.believe(&receipt, item) {
                    Ok(()) => {
                        done.push(item.key);
                        kept.push(*receipt);
                    }
                    Err(error) => {
                        refused += 1;
                        failure.get_or_insert(error);
                    }
                },
                Outcome::Rejected(problem) => match self.reject(item, problem, now) {
                    Ok(key) => done.push(key),
                    Err(error) => drop(failure.get_or_insert(error)),
                },
                Outcome::Later(what) => drop(failure.get_or_insert(Failure::new(what))),
            }
        }
        let kept_error = if kept.is_empty() { None } else { self.receipts.keep(&kept).err() };
        let progress = !done.is_empty();
        let removed = lock(&self.parts.outbox.spool).done(done);
        if progress {
            // Batches grow again, so that one bad item does not slow down all that follow.
            self.batch_events = (self.batch_events * 2).min(BATCH_EVENTS_MAX);
            self.succeed();
        }
        let duplicates = kept.iter().filter(|receipt| receipt.duplicate).count() as u64;
        self.note(|status| {
            status.receipts += kept.len() as u64;
            status.duplicates += duplicates;
            status.receipts_refused += refused;
            if !kept.is_empty() {
                status.last_receipt_at = Some(now);
            }
            if let Some(error) = kept_error {
                status.last_error =
                    Some(LastError { at: now, what: format!("receipts cannot be kept: {error}") });
            }
        });
        removed.map_err(Failure::new)?;
        failure.map_or(Ok(()), Err)
    }

    fn reject(&self, item: &Item, problem: serde_json::Value, now: Timestamp) -> Result<Key, Failure> {
        if self.rejected.count().map_err(Failure::new)? >= REJECTED_MAX {
            let what = format!(
                "{REJECTED_MAX} pieces of evidence were refused: mend the cause and hand them in again"
            );
            return Err(Failure::new(what));
        }
        let evidence: serde_json::Value = serde_json::from_slice(&item.payload).unwrap_or_default();
        let id = evidence["id"].as_str().unwrap_or("unknown").to_owned();
        let rejected = Rejected { at: now, problem, evidence };
        self.rejected
            .keep(&id, &rejected)
            .map_err(|error| Failure::new(format!("refused evidence cannot be kept: {error}")))?;
        Ok(item.key)
    }

    /// Verifies a receipt, asking for the log's keys where they are not known yet.
    fn believe(&mut self, receipt: &Receipt, item: &Item) -> Result<(), Failure> {
        let sent: Evidence = serde_json::from_slice(&item.payload).map_err(Failure::new)?;
        let mut asked = false;
        loop {
            if let Some(keys) = self.parts.pinned.keys() {
                let verdict = receipt::verify(receipt, &sent, keys.tenant().as_str(), |kid| keys.key(kid));
                match verdict {
                    Err(ReceiptError::UnknownKey(_)) if !asked => {}
                    other => return other.map_err(Failure::new),
                }
            }
            self.learn_keys()?;
            asked = true;
        }
    }

    fn learn_keys(&mut self) -> Result<(), Failure> {
        let response = self.request("GET", "/v1/keys", b"")?;
        let body = answer::body(&response).map_err(failure_of)?;
        let keys: KeyEntries = serde_json::from_slice(body).map_err(Failure::new)?;
        self.parts.pinned.update(&keys).map_err(Failure::new)
    }
}
