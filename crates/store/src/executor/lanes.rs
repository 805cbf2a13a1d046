//! The lanes of all active streams, a bounded number.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ledger::ids::{StreamId, TenantId};

use super::lane::Lane;

/// The most lanes that are kept: bounds the memory of cached states. Busy ones are kept beyond it.
pub const LANES_MAX: usize = 10_000;

pub(super) struct Lanes {
    max: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    lanes: HashMap<(TenantId, StreamId), Arc<Lane>>,
    count: u64,
}

impl Lanes {
    pub(super) fn new(max: usize) -> Self {
        Self { max, inner: Mutex::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.inner().lanes.len()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lane of a stream, if it has one.
    pub(super) fn find(&self, tenant: &TenantId, stream: &StreamId) -> Option<Arc<Lane>> {
        self.inner().lanes.get(&(tenant.clone(), stream.clone())).cloned()
    }

    /// The lane of a stream.
    pub(super) fn lane(&self, tenant: &TenantId, stream: &StreamId) -> Arc<Lane> {
        let mut inner = self.inner();
        inner.count += 1;
        let count = inner.count;
        let lane =
            inner.lanes.entry((tenant.clone(), stream.clone())).or_insert_with(|| Arc::new(Lane::new()));
        let lane = Arc::clone(lane);
        lane.touch(count);
        if inner.lanes.len() > self.max {
            evict(&mut inner, self.max);
        }
        lane
    }
}

/// Drops the longest unused idle lanes, half of all at once, so that the walk is paid for by as many commands.
fn evict(inner: &mut Inner, max: usize) {
    let mut ages: Vec<u64> = inner.lanes.values().map(|lane| lane.used.load(Ordering::Relaxed)).collect();
    let keep = ages.len() - max / 2;
    let (_, limit, _) = ages.select_nth_unstable(keep);
    let limit = *limit;
    // A lane that someone else holds has appends in flight or is about to.
    inner.lanes.retain(|_, lane| lane.used.load(Ordering::Relaxed) >= limit || Arc::strong_count(lane) > 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_idle_lanes_are_dropped() {
        let lanes = Lanes::new(100);
        let tenant = TenantId::new("t1").unwrap();
        let stream = |n: usize| StreamId::new(format!("s-{n}")).unwrap();
        let held = lanes.lane(&tenant, &stream(0));
        for n in 1..=100 {
            lanes.lane(&tenant, &stream(n));
            assert!(lanes.len() <= 100);
        }
        assert!(lanes.len() <= 52);
        assert!(Arc::ptr_eq(&held, &lanes.find(&tenant, &stream(0)).unwrap()), "a busy lane stays");
        assert!(lanes.find(&tenant, &stream(100)).is_some());
        assert!(lanes.find(&tenant, &stream(1)).is_none());
    }
}
