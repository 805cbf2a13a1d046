//! Filling the free slots of an integration.

use std::collections::HashSet;
use std::sync::Arc;

use ledger::time::Timestamp;

use super::super::attempt::Attempt;
use super::super::health;
use super::super::live::{Idle, Live, live};
use super::super::queue::Key;
use super::aftermath::aftermath;
use super::source::{Piece, UNDER_WAY_AGAIN};
use super::{Dispatcher, HOLD, Report, duty};
use crate::error::ApiError;

impl Dispatcher {
    /// Begins what is due, as far as there are free slots.
    pub(super) async fn fill(&mut self, key: &Key) -> Result<(), ApiError> {
        let now = self.app.clock.now();
        // Its rate limits and tokens are kept by one process; another takes over when that one is gone.
        if !self.app.duties.holds(&duty(key)) {
            return Ok(());
        }
        let lane = self.lanes.entry(key.clone()).or_default();
        if let Some(until) = lane.held_until.filter(|until| *until > now) {
            self.remind(until, key);
            return Ok(());
        }
        if let Some(at) = self.source.next(key, now) {
            self.remind(at, key);
        }
        let lane = self.lanes.entry(key.clone()).or_default();
        if !self.source.may_have(key, now, |intent| lane.under_way.contains_key(intent)) {
            return Ok(());
        }
        let Some(alive) = self.alive(key, now).await? else { return Ok(()) };
        let lane = self.lanes.entry(key.clone()).or_default();
        let free = alive.document.concurrency.saturating_sub(lane.under_way.len());
        let pieces = self.source.take(key, now, |intent| lane.under_way.contains_key(intent), free);
        self.begin(key, &alive, pieces);
        Ok(())
    }

    /// The integration, if it works; one that does not fit is left alone for a while.
    async fn alive(&mut self, key: &Key, now: Timestamp) -> Result<Option<Arc<Live>>, ApiError> {
        let (tenant, integration) = key;
        match live(&self.app, tenant, integration).await {
            Ok(alive) => Ok(Some(alive)),
            Err(Idle::Store(error)) => Err(error),
            Err(Idle::Unknown | Idle::Still(_)) => Ok(None),
            Err(Idle::Misfits(misfits)) => {
                health::misfits(&self.app, tenant, integration, &misfits).await?;
                let until = now.plus(HOLD);
                self.lanes.entry(key.clone()).or_default().held_until = Some(until);
                self.remind(until, key);
                Ok(None)
            }
        }
    }

    /// Begins what a queue server has handed out; what cannot be done here and now is put back.
    pub(super) async fn handed(&mut self, key: &Key, pieces: Vec<Piece>) {
        let now = self.app.clock.now();
        let alive = match self.app.duties.holds(&duty(key)) {
            true => self.alive(key, now).await.unwrap_or_else(|error| {
                tracing::warn!(integration = %key.1, detail = %error.detail, "an integration's work cannot be begun");
                None
            }),
            false => None,
        };
        let lane = self.lanes.entry(key.clone()).or_default();
        let (mut fresh, mut twice) = (Vec::new(), HashSet::new());
        for piece in pieces {
            let begins = !lane.under_way.contains_key(&piece.intent) && twice.insert(piece.intent);
            if alive.is_some() && begins {
                fresh.push(piece);
            } else {
                piece.put_back(UNDER_WAY_AGAIN).await;
            }
        }
        if let Some(alive) = alive {
            self.begin(key, &alive, fresh);
        }
        // More may have been offered meanwhile.
        self.look(key).await;
    }

    fn begin(&mut self, key: &Key, alive: &Arc<Live>, pieces: Vec<Piece>) {
        let lane = self.lanes.entry(key.clone()).or_default();
        for piece in pieces {
            let intent = piece.intent;
            lane.under_way.insert(intent, piece.clone());
            let (app, key, live) = (Arc::clone(&self.app), key.clone(), Arc::clone(alive));
            self.attempts.spawn(async move {
                let attempt = Attempt { app: &app, tenant: &key.0, intent, integration: &key.1, live: &live };
                let ended = piece.while_at(attempt.run()).await;
                let again = piece.tell(&ended, app.clock.now()).await;
                let hold = aftermath(&app, &key, ended).await;
                Report { key, intent, hold, again }
            });
        }
    }
}
