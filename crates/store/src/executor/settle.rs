//! What a verdict means for the command, its lane and the keys.

use ledger::domain::Aggregate;
use ledger::ids::TenantId;

use super::decide::Sealed;
use super::{Committed, ExecuteError, Executor, Outcome};
use crate::{Append, Read, StoreError, Verdict};

/// How often the same sealed append is sent again when nobody knows whether it is stored.
const RESOLVE_MAX: usize = 3;

/// A verdict, taken in.
pub(super) enum Settled {
    /// The command has its outcome.
    Done(Outcome),
    /// It must be decided again.
    Again,
}

impl Executor {
    /// Takes a verdict in. Anything but a commit makes the lane forget (the flight is dropped).
    pub(super) async fn settle<A: Aggregate>(
        &self,
        tenant: &TenantId,
        sealed: Sealed,
        verdict: Verdict,
    ) -> Result<Settled, ExecuteError<A::Error>> {
        match verdict {
            Verdict::Committed { first_index, last_index, position } => {
                if let Some(kid) = sealed.activates {
                    self.keyring.activate(tenant, kid).await?;
                }
                if let Some(flight) = sealed.flight {
                    flight.committed();
                }
                let events = sealed.append.into_events();
                let committed = Committed { events, first_index, last_index, position };
                Ok(Settled::Done(Outcome::Committed(committed)))
            }
            Verdict::Duplicate(receipt) => Ok(Settled::Done(Outcome::Duplicate(receipt))),
            Verdict::CommandConflict => Err(ExecuteError::CommandConflict),
            Verdict::WrongRevision { .. } => Ok(Settled::Again),
            Verdict::StaleKey { active: Some(kid) } => {
                self.keyring.activate(tenant, kid).await?;
                Ok(Settled::Again)
            }
            Verdict::StaleKey { active: None } | Verdict::UnknownLog => {
                Err(ExecuteError::NoLog(tenant.clone()))
            }
        }
    }

    /// Finds out what became of an append whose call failed; `None`: it is not stored, decide again.
    ///
    /// # Errors
    /// The failure, if it says that nothing has happened or if it cannot be found out.
    pub(super) async fn resolve(
        &self,
        append: &Append,
        mut error: StoreError,
    ) -> Result<Option<Verdict>, StoreError> {
        for _ in 0..RESOLVE_MAX {
            if !matches!(error, StoreError::OutcomeUnknown { .. }) {
                return Err(error);
            }
            match self.store.append(vec![append.clone()]).await {
                Ok(verdicts) => return self.recognise(append, verdicts).await,
                Err(again) => error = again,
            }
        }
        Err(error)
    }

    /// The head may be another because something stands on this append already: then it is in the stream.
    async fn recognise(
        &self,
        append: &Append,
        verdicts: Vec<Verdict>,
    ) -> Result<Option<Verdict>, StoreError> {
        let verdict = verdicts.into_iter().next().ok_or_else(super::single::no_verdict)?;
        if !matches!(verdict, Verdict::WrongRevision { .. } | Verdict::StaleKey { .. }) {
            return Ok(Some(verdict));
        }
        let events = append.events();
        let read = Read::stream(append.tenant(), append.stream(), append.first().seq).limit(events.len());
        let page = self.store.read(read).await?;
        let same = page.events.len() == events.len()
            && page.events.iter().zip(events).all(|(stored, event)| stored.header == event.header);
        Ok(page.events.first().zip(page.events.last()).filter(|_| same).map(|(first, last)| {
            Verdict::Committed { first_index: first.index, last_index: last.index, position: last.position }
        }))
    }
}
