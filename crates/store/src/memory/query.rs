//! Reading what is in memory.

use ledger::merkle::root_of;
use ledger::tile::{TILE_WIDTH, TileId};

use super::{Log, Row, State};
use crate::read::{Direction, LogHead, PAGE_EVENTS_MAX, Page, Read, Source};

impl Log {
    pub(super) fn head(&self) -> LogHead {
        LogHead {
            size: self.leaves.len() as u64,
            root: root_of(self.leaves.iter().copied()),
            active_kid: self.active,
            last_position: self.positions.last().copied().unwrap_or(0),
        }
    }

    /// Computed from the leaves each time: slow and plain, so that it can be an oracle.
    pub(super) fn tile(&self, tile: TileId) -> Option<Vec<u8>> {
        if !tile.exists_in(self.leaves.len() as u64) {
            return None;
        }
        let span = TILE_WIDTH.checked_pow(u32::from(tile.level))?;
        let first = tile.index * TILE_WIDTH;
        let mut bytes = Vec::with_capacity(tile.bytes());
        for hash in first..first + u64::from(tile.width) {
            let leaves = usize::try_from(hash * span).ok()?..usize::try_from((hash + 1) * span).ok()?;
            bytes.extend_from_slice(&root_of(self.leaves[leaves].iter().copied()));
        }
        Some(bytes)
    }
}

impl State {
    pub(super) fn read(&self, query: &Read) -> Page {
        match &query.source {
            Source::All { from } => {
                let first = from.max(&1) - 1;
                shift(walk(query, first, self.events.len() as u64, |i| Some(&self.events[i])), 1)
            }
            Source::Log { tenant, from } => {
                let positions = self.logs.get(tenant).map_or(&[][..], |log| &log.positions);
                walk(query, *from, positions.len() as u64, |i| Some(self.row(positions[i])))
            }
            Source::Stream { tenant, stream, from } => {
                let positions = self.logs.get(tenant).and_then(|log| log.streams.get(stream));
                let positions = positions.map_or(&[][..], Vec::as_slice);
                walk(query, *from, positions.len() as u64, |i| Some(self.row(positions[i])))
            }
        }
    }
}

fn shift(mut page: Page, by: u64) -> Page {
    page.next += by;
    page
}

/// Walks over `0..count` from `from` on, that place included.
fn walk<'a>(query: &Read, from: u64, count: u64, row: impl Fn(usize) -> Option<&'a Row>) -> Page {
    let limit = query.limit.clamp(1, PAGE_EVENTS_MAX);
    let mut page = Page { events: Vec::new(), next: from, end: true };
    let places: Box<dyn Iterator<Item = u64>> = match query.direction {
        Direction::Forward => Box::new(from..count),
        Direction::Backward => Box::new((0..count.min(from.saturating_add(1))).rev()),
    };
    for place in places {
        if page.events.len() == limit {
            page.end = false;
            return page;
        }
        let Some(row) = usize::try_from(place).ok().and_then(&row) else { break };
        let category = row.stream.category();
        if query.filter.passes(&row.event.tenant, &row.event.event_type, category) {
            page.events.push(row.event.clone());
        }
        page.next = match query.direction {
            Direction::Forward => place + 1,
            Direction::Backward => place.saturating_sub(1),
        };
    }
    page
}
