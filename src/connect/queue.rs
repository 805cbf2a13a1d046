//! The queue of a dispatcher: which intents are open, and when each may be attempted. It is derived from the log, event by
//! event; losing it loses nothing.

use std::collections::{BTreeSet, HashMap};

use ledger::domain::DomainEvent;
use ledger::event::Header;
use ledger::ids::TenantId;
use ledger::time::Timestamp;
use ledger_aggregates::intent::IntentEvent;
use ledger_aggregates::values::{IntegrationId, IntentId};
use ledger_store::StoredEvent;

/// An integration of a tenant.
pub type Key = (TenantId, IntegrationId);

/// Open intents.
#[derive(Debug, Default)]
pub struct Queue {
    lanes: HashMap<Key, BTreeSet<Place>>,
    open: HashMap<(TenantId, IntentId), (IntegrationId, Place)>,
}

/// Where an intent stands in its lane: those that have waited longest come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    not_before: Timestamp,
    /// The order in which intents were asked for.
    asked: u64,
    intent: IntentId,
    /// The event that made it wait for this.
    since: u64,
}

/// What an intent waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Which.
    pub intent: IntentId,
    /// Where.
    pub key: Key,
    /// When it may be attempted.
    pub not_before: Timestamp,
    /// The event that says so: another one, and it is due for another reason.
    pub since: u64,
}

/// What an event changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Nothing that a dispatcher waits for.
    None,
    /// An intent may be attempted, now or later.
    Open(Waiting),
}

impl Queue {
    /// Takes an intent in as a read model tells it: what the order of asking is, what made it wait, and until when.
    pub fn insert(
        &mut self,
        key: Key,
        intent: IntentId,
        (asked, since): (u64, u64),
        not_before: Option<Timestamp>,
    ) {
        let not_before = not_before.unwrap_or(Timestamp::from_micros(0));
        self.put(key, Place { not_before, asked, intent, since });
    }

    fn put(&mut self, key: Key, place: Place) {
        self.remove(&key.0, place.intent);
        self.open.insert((key.0.clone(), place.intent), (key.1.clone(), place));
        self.lanes.entry(key).or_default().insert(place);
    }

    fn remove(&mut self, tenant: &TenantId, intent: IntentId) -> Option<(Key, Place)> {
        let (integration, place) = self.open.remove(&(tenant.clone(), intent))?;
        let key = (tenant.clone(), integration);
        if let Some(lane) = self.lanes.get_mut(&key) {
            lane.remove(&place);
            if lane.is_empty() {
                self.lanes.remove(&key);
            }
        }
        Some((key, place))
    }

    /// Follows the log by one event. What cannot be read is the projections' to quarantine.
    pub fn follow(&mut self, stored: &StoredEvent) -> Change {
        let read = || {
            let header = Header::parse_trusted(&stored.header).ok()?;
            let data = serde_json::from_slice(header.data).ok()?;
            let event = IntentEvent::decode(&header.event_type, &data).ok()??;
            Some((IntentId::from_stream(&header.stream)?, event))
        };
        match read() {
            Some((intent, event)) => self.apply(&stored.tenant, intent, stored.position, &event),
            None => Change::None,
        }
    }

    fn apply(&mut self, tenant: &TenantId, intent: IntentId, position: u64, event: &IntentEvent) -> Change {
        let not_before = match event {
            IntentEvent::Requested(e) => {
                let key = (tenant.clone(), e.integration.clone());
                self.insert(key.clone(), intent, (position, position), None);
                let not_before = Timestamp::from_micros(0);
                return Change::Open(Waiting { intent, key, not_before, since: position });
            }
            // It stays: if this process ends, the next one resumes it.
            IntentEvent::AttemptStarted(_) => return Change::None,
            IntentEvent::Delayed(e) => e.not_before,
            IntentEvent::Uncertain(e) => e.not_before,
            IntentEvent::Absent(e) => e.not_before,
            IntentEvent::Replayed(_) => Timestamp::from_micros(0),
            // Parked work keeps its place in the order, out of reach until it is replayed.
            IntentEvent::Parked(_) => NEVER,
            IntentEvent::Succeeded(_) | IntentEvent::Cancelled(_) => {
                self.remove(tenant, intent);
                return Change::None;
            }
        };
        let Some((key, place)) = self.remove(tenant, intent) else { return Change::None };
        self.put(key.clone(), Place { not_before, since: position, ..place });
        if not_before == NEVER {
            return Change::None;
        }
        Change::Open(Waiting { intent, key, not_before, since: position })
    }

    /// The intents of an integration that may be attempted, without those that are under way.
    pub fn due(
        &self,
        key: &Key,
        now: Timestamp,
        busy: impl Fn(&IntentId) -> bool,
        most: usize,
    ) -> Vec<IntentId> {
        let lane = self.lanes.get(key).into_iter().flatten();
        let due = lane.take_while(|place| place.not_before <= now).map(|place| place.intent);
        due.filter(|intent| !busy(intent)).take(most).collect()
    }

    /// All intents that may be attempted now, those of each integration in their order.
    pub fn all_due(&self, now: Timestamp) -> impl Iterator<Item = Waiting> {
        self.lanes.iter().flat_map(move |(key, lane)| {
            let due = lane.iter().take_while(move |place| place.not_before <= now);
            due.map(move |place| Waiting {
                intent: place.intent,
                key: key.clone(),
                not_before: place.not_before,
                since: place.since,
            })
        })
    }

    /// Does it still wait for this?
    pub fn has(&self, waiting: &Waiting) -> bool {
        let open = self.open.get(&(waiting.key.0.clone(), waiting.intent));
        open.is_some_and(|(_, place)| place.since == waiting.since)
    }

    /// When the next intent of an integration may be attempted that may not be yet.
    pub fn next(&self, key: &Key, now: Timestamp) -> Option<Timestamp> {
        let lane = self.lanes.get(key)?;
        let next = lane.iter().map(|place| place.not_before).find(|not_before| *not_before > now);
        next.filter(|next| *next < NEVER)
    }

    /// The integrations that have open work.
    pub fn keys(&self) -> Vec<Key> {
        self.lanes.keys().cloned().collect()
    }
}

/// Later than everything that is due.
pub const NEVER: Timestamp = Timestamp::from_micros(i64::MAX);

#[cfg(test)]
mod tests {
    use ledger_aggregates::intent::{
        IntentCancelled, IntentDelayed, IntentParked, IntentReplayed, IntentRequested,
    };
    use ledger_aggregates::schema::Confidential;
    use ledger_aggregates::values::{CancelReason, EffectKind, FailureWord};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn key(integration: &str) -> Key {
        (TenantId::new("t-1").unwrap(), integration.parse().unwrap())
    }

    fn intent(number: u32) -> IntentId {
        IntentId::of(&TenantId::new("t-1").unwrap(), "test", number, "x")
    }

    fn requested(queue: &mut Queue, integration: &str, number: u32) {
        let (tenant, integration) = key(integration);
        let event = IntentRequested {
            integration,
            kind: EffectKind::Open,
            ticket: None,
            number: None,
            payload: Confidential::none(),
        };
        queue.apply(&tenant, intent(number), number.into(), &event.into());
    }

    fn due(queue: &Queue, integration: &str, seconds: i64) -> Vec<IntentId> {
        queue.due(&key(integration), at(seconds), |_| false, 10)
    }

    #[test]
    fn the_longest_waiting_comes_first_and_each_integration_has_its_own() {
        let mut queue = Queue::default();
        for number in [1, 2, 3] {
            requested(&mut queue, "a", number);
        }
        requested(&mut queue, "b", 4);
        assert_eq!(due(&queue, "a", 0), [1, 2, 3].map(intent));
        assert_eq!(due(&queue, "b", 0), [intent(4)]);
        let busy = |candidate: &IntentId| *candidate == intent(1);
        assert_eq!(queue.due(&key("a"), at(0), busy, 1), [intent(2)]);
    }

    #[test]
    fn what_waits_comes_when_its_time_comes_and_what_is_parked_when_it_is_replayed() {
        let (mut queue, tenant) = (Queue::default(), key("a").0);
        requested(&mut queue, "a", 1);
        requested(&mut queue, "a", 2);
        let delayed = IntentDelayed {
            attempt: 1,
            reason: FailureWord::Unavailable,
            not_before: at(60),
            detail: Confidential::none(),
        };
        queue.apply(&tenant, intent(1), 9, &delayed.into());
        let (reason, conflicts, detail) = (FailureWord::Rejected, Vec::new(), Confidential::none());
        let parked =
            IntentParked { reason, attempts: 1, episode: 1, conflicts, detail, ticket: None, number: None };
        queue.apply(&tenant, intent(2), 10, &parked.into());
        assert!(due(&queue, "a", 59).is_empty());
        assert_eq!(queue.next(&key("a"), at(59)), Some(at(60)));
        assert_eq!(due(&queue, "a", 60), [intent(1)]);
        assert_eq!(queue.next(&key("a"), at(60)), None, "what is parked is never due");
        let all = |queue: &Queue| queue.all_due(at(60)).map(|w| (w.intent, w.since)).collect::<Vec<_>>();
        assert_eq!(all(&queue), [(intent(1), 9)]);
        let first = queue.all_due(at(60)).next().unwrap();
        assert!(queue.has(&first));
        queue.apply(&tenant, intent(2), 11, &IntentReplayed { episode: 1 }.into());
        assert_eq!(due(&queue, "a", 60), [intent(2), intent(1)]);
        let cancelled =
            IntentCancelled { reason: CancelReason::Requested, episode: None, ticket: None, number: None };
        queue.apply(&tenant, intent(1), 12, &cancelled.into());
        assert_eq!(due(&queue, "a", 60), [intent(2)]);
        assert_eq!(all(&queue), [(intent(2), 11)]);
        assert!(!queue.has(&first), "it is over");
    }
}
