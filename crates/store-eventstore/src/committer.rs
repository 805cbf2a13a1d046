//! The committer: one task a process, which drains what waits, decides it, sends it, and reads back what became of it.
//!
//! ```text
//! decide on the index ─▶ annex ─▶ append at the exact revision ─▶ read $all until it is there ─▶ answer
//!        ▲                              │ another process was faster, or nobody knows
//!        └────── read $all ◀────────────┘
//! ```
//!
//! **When an append fails** its outcome is unknown, and the server may still be at work on it. The same events are sent
//! again at the same revision: the server answers them as the first time if they are there, appends them once if they
//! are not, and refuses them for good if somebody else's stand there. So there is no false acknowledgement and no
//! duplicate; and an append that turns up late can only take the very revision that it was sent for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use ledger::clock::{Entropy, Stopwatch};
use ledger::ids::TenantId;
use ledger_store::{Append, StoreError, Verdict};
use tokio::sync::mpsc;

use crate::annex::{self, Annex};
use crate::chunk::{Chunk, send, weight};
use crate::derive::Deriver;
use crate::entry::fresh_name;
use crate::error::Failure;
use crate::link::Sent;
use crate::options::{APPEND_BYTES_MAX, GROUP_EVENTS_MAX, REST, REST_MAX, ROUNDS_MAX};
use crate::parts::Parts;
use crate::plan::{Decision, Plan};
use crate::request::{AppendRequest, Outcome, answer, unknown};

/// How often is looked, how long is waited, and where names come from.
pub(crate) struct Manner {
    pub poll: Duration,
    pub patience: Duration,
    pub entropy: Arc<dyn Entropy>,
    /// The control of the fault suite: takes an append that failed for one that has not happened.
    #[cfg(test)]
    pub failed_means_no: bool,
}

/// The committer's task.
pub(crate) struct Committer {
    parts: Arc<Parts>,
    deriver: Deriver,
    manner: Manner,
    /// Why nothing is done any more.
    broken: Option<StoreError>,
}

impl Committer {
    pub fn new(parts: Arc<Parts>, deriver: Deriver, manner: Manner) -> Self {
        Self { parts, deriver, manner, broken: None }
    }

    /// Works until every sender is gone and what waits is done.
    pub async fn run(mut self, mut requests: mpsc::Receiver<AppendRequest>) {
        let mut rest = self.manner.poll;
        loop {
            let first = match tokio::time::timeout(rest, requests.recv()).await {
                Ok(Some(first)) => first,
                Ok(None) => return,
                Err(_) => {
                    // Others' entries. A server that does not answer is asked less and less often.
                    let failed = self.broken.is_none() && self.catch_up().await.is_err();
                    rest = if failed { (rest * 2).min(Duration::from_secs(5)) } else { self.manner.poll };
                    continue;
                }
            };
            let mut events = first.events();
            let mut group = vec![first];
            while events < GROUP_EVENTS_MAX
                && let Ok(next) = requests.try_recv()
            {
                events += next.events();
                group.push(next);
            }
            let appends: Vec<&Append> = group.iter().flat_map(|request| &request.appends).collect();
            let outcomes = self.commit(&appends).await;
            answer(group, outcomes);
            rest = self.manner.poll;
        }
    }

    async fn catch_up(&mut self) -> Result<(), Failure> {
        let done = self.deriver.catch_up().await;
        if let Err(failure) = &done
            && failure.is_final()
        {
            self.broken = Some(failure.nothing_happened());
        }
        done
    }

    async fn commit(&mut self, group: &[&Append]) -> Vec<Outcome> {
        if let Some(broken) = &self.broken {
            return vec![Err(broken.clone()); group.len()];
        }
        let mut outcomes: Vec<Option<Outcome>> = vec![None; group.len()];
        let mut annexes = HashMap::new();
        let mut read = false;
        for _ in 0..ROUNDS_MAX {
            if outcomes.iter().all(Option::is_some) {
                break;
            }
            if let Err(error) = self.round(group, &mut outcomes, &mut annexes, &mut read).await {
                for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_none()) {
                    *outcome = Some(Err(error.clone()));
                }
            }
        }
        self.deriver.forget_expected();
        self.tidy(group, &outcomes, annexes).await;
        let crowded = || StoreError::Unavailable {
            reason: "other processes append to this log faster than it can be decided here".to_owned(),
        };
        outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|| Err(crowded()))).collect()
    }

    /// Decides what is open, sends it, and takes in what became of it.
    async fn round(
        &mut self,
        group: &[&Append],
        outcomes: &mut [Option<Outcome>],
        annexes: &mut HashMap<TenantId, Option<String>>,
        read: &mut bool,
    ) -> Result<(), StoreError> {
        let mut chunks = self.plan(group, outcomes).await?;
        // What is sent is held against the log by the server. What is refused without being sent is refused on a log
        // that was read since it was asked.
        if !*read && chunks.values().any(Chunk::refuses_unseen) {
            self.catch_up().await.map_err(|failure| failure.nothing_happened())?;
            *read = true;
            chunks = self.plan(group, outcomes).await?;
        }
        let mut sent = Vec::new();
        for (tenant, chunk) in chunks {
            if chunk.appends.is_empty() {
                // On nothing but what is stored: these stand.
                self.finish(outcomes, chunk, &Sent::Stored);
                continue;
            }
            let annex = self.annex(group, &tenant, annexes).await?;
            self.deriver.expect(&chunk.appends, None);
            let parts = self.parts.clone();
            let patience = self.manner.patience;
            #[cfg(test)]
            let patience = if self.manner.failed_means_no { Duration::ZERO } else { patience };
            sent.push(async move {
                let outcome = send(&parts, &tenant, &chunk, annex.as_deref(), patience).await;
                (tenant, chunk, outcome)
            });
        }
        // Logs are independent of one another.
        for (tenant, chunk, outcome) in join_all(sent).await {
            #[cfg(test)]
            let outcome = match outcome {
                Sent::Unknown(reason) if self.manner.failed_means_no => Sent::Missed(reason),
                outcome => outcome,
            };
            let outcome = self.read_back(&tenant, &chunk, outcome).await;
            self.finish(outcomes, chunk, &outcome);
        }
        Ok(())
    }

    /// Decides about what is open, log by log. What comes after a full chunk waits for the next round.
    async fn plan<'a>(
        &mut self,
        group: &[&'a Append],
        outcomes: &[Option<Outcome>],
    ) -> Result<HashMap<TenantId, Chunk<'a>>, StoreError> {
        let mut plan = Plan::new(&self.parts.index);
        let mut chunks: HashMap<TenantId, Chunk<'a>> = HashMap::new();
        let open = group.iter().enumerate().filter(|(at, _)| outcomes[*at].is_none());
        for (at, append) in open {
            let tenant = append.tenant();
            if !chunks.contains_key(tenant) {
                let size = self.deriver.size(tenant).await.map_err(|failure| failure.nothing_happened())?;
                let (appends, decided) = Default::default();
                let chunk = Chunk { appends, first: size.unwrap_or(0), bytes: 0, decided, full: false };
                chunks.insert(tenant.clone(), chunk);
            }
            let chunk = chunks.get_mut(tenant).expect("it was just made");
            let bytes = weight(append);
            chunk.full = chunk.full || chunk.bytes + bytes > APPEND_BYTES_MAX;
            if chunk.full {
                continue;
            }
            let decision = plan.decide(append).await?;
            if matches!(decision, Decision::Send) {
                chunk.bytes += bytes;
                chunk.appends.push(append);
            }
            chunk.decided.push((at, decision));
        }
        Ok(chunks)
    }

    /// The annex of a tenant's part of the group, made durable once, before anything of it is sent.
    async fn annex(
        &mut self,
        group: &[&Append],
        tenant: &TenantId,
        annexes: &mut HashMap<TenantId, Option<String>>,
    ) -> Result<Option<String>, StoreError> {
        if let Some(known) = annexes.get(tenant) {
            return Ok(known.clone());
        }
        let mut annex = Annex::default();
        group.iter().filter(|append| append.tenant() == tenant).for_each(|append| annex.add(append));
        let name = if annex.is_empty() {
            None
        } else {
            let name = fresh_name(&*self.manner.entropy);
            annex::put(&*self.parts.side, tenant, &name, &annex).await?;
            self.deriver.expect(&[], Some((name.clone(), annex)));
            Some(name)
        };
        annexes.insert(tenant.clone(), name.clone());
        Ok(name)
    }

    /// Reads the log until it shows what became of a chunk.
    async fn read_back(&mut self, tenant: &TenantId, chunk: &Chunk<'_>, sent: Sent) -> Sent {
        let needed = match &sent {
            Sent::Stored => chunk.first + chunk.events(),
            Sent::Conflict(current) if current.map_or(0, |revision| revision + 1) < chunk.first => {
                let has = current.map_or(0, |revision| revision + 1);
                let what = format!(
                    "the server's log of tenant {tenant} has {has} entries, {} were derived from it",
                    chunk.first
                );
                self.broken = Some(StoreError::corrupt(what.clone()));
                return Sent::Refused(Failure::Corrupt(what));
            }
            Sent::Conflict(_) => chunk.first + 1,
            Sent::Missed(_) | Sent::Unknown(_) | Sent::Refused(_) => return sent,
        };
        let (since, mut rest) = (Stopwatch::start(), REST);
        loop {
            let failure = match self.catch_up().await {
                Ok(()) => None,
                Err(failure) if failure.is_final() => return Sent::Unknown(failure.to_string()),
                Err(failure) => Some(failure.to_string()),
            };
            if matches!(self.deriver.size(tenant).await, Ok(Some(size)) if size >= needed) {
                return sent;
            }
            if since.elapsed() > self.manner.patience {
                let reason = failure.unwrap_or_else(|| "the server does not show it".to_owned());
                return Sent::Unknown(format!("it could not be read back: {reason}"));
            }
            tokio::time::sleep(rest).await;
            rest = (rest * 2).min(REST_MAX);
        }
    }

    /// Gives what was decided on a chunk its outcome; what another process has overtaken stays open.
    fn finish(&self, outcomes: &mut [Option<Outcome>], chunk: Chunk<'_>, sent: &Sent) {
        let mut appends = chunk.appends.iter();
        for (at, decision) in chunk.decided {
            let came = match &decision {
                Decision::Send => appends.next().and_then(|append| self.deriver.came(append.last().hash)),
                Decision::Same(last) | Decision::Repeats(last) => self.deriver.came(*last),
                Decision::Verdict(_) => None,
            };
            outcomes[at] = match (sent, decision, came) {
                // It is in the log, whatever the server said.
                (_, Decision::Send | Decision::Same(_), Some(verdict)) => Some(Ok(verdict)),
                (Sent::Stored, Decision::Verdict(verdict), _) => Some(Ok(verdict)),
                // Decided again on what is stored now; a repeated command finds its receipt there.
                (Sent::Stored, Decision::Repeats(_), _) | (Sent::Conflict(_), ..) => None,
                (Sent::Stored, ..) => Some(Err(unknown("the log that was read back does not have it"))),
                (Sent::Missed(reason), ..) => Some(Err(StoreError::Unavailable { reason: reason.clone() })),
                (Sent::Unknown(reason), ..) => Some(Err(unknown(reason))),
                (Sent::Refused(failure), ..) => Some(Err(failure.nothing_happened())),
            };
        }
    }

    /// Takes out of the annexes what was refused. What may still turn up stays.
    async fn tidy(
        &self,
        group: &[&Append],
        outcomes: &[Option<Outcome>],
        annexes: HashMap<TenantId, Option<String>>,
    ) {
        for (tenant, name) in annexes.into_iter().filter_map(|(tenant, name)| Some((tenant, name?))) {
            let of = group.iter().zip(outcomes).filter(|(append, _)| *append.tenant() == tenant);
            let keeps = |outcome: &Option<Outcome>| {
                matches!(
                    outcome,
                    Some(Ok(Verdict::Committed { .. }) | Err(StoreError::OutcomeUnknown { .. }))
                )
            };
            if of.clone().all(|(_, outcome)| keeps(outcome)) {
                continue;
            }
            let kept = of.filter(|(_, outcome)| keeps(outcome));
            let kept = kept.flat_map(|(append, _)| append.events()).map(|event| event.hash).collect();
            // What cannot be taken out now is of no use to anybody: it is encrypted, and no entry is beside it.
            drop(
                annex::change(&*self.parts.side, &tenant, &name, |annex| {
                    let before = annex.clone();
                    annex.retain(&kept);
                    *annex != before
                })
                .await,
            );
        }
    }
}
