//! Numbers, trees and tiles, held against the definitions.

use ledger::event::{Header, entry_bytes};
use ledger::ids::TenantId;
use ledger::merkle::{Hash, leaf_hash, root_of};
use ledger::tile::{TILE_WIDTH, TileId};

use super::{Store, commit, with_log};
use crate::read::Read;

async fn leaves(store: &Store, tenant: &TenantId) -> Vec<Hash> {
    let events = store.read(Read::log(tenant, 0).limit(10_000)).await.expect("a page").events;
    let leaf = |event: &crate::StoredEvent| {
        let kid = Header::parse(&event.header).expect("a header").kid;
        leaf_hash(&entry_bytes(&event.header, &event.signature, kid))
    };
    events.iter().map(leaf).collect()
}

/// Positions from 1 over the store, indexes from 0 in each log, both growing together.
pub async fn numbers_events_without_gaps(store: Store) {
    let mut a = with_log(&*store, "a", 1).await;
    let mut b = with_log(&*store, "b", 2).await;
    let mut c = with_log(&*store, "c", 3).await;
    for size in 1..8 {
        let batch = vec![c.append("s-1", 1), a.append("s-1", size), b.append("s-1", 2), a.append("s-2", 1)];
        commit(&store, batch).await;
        commit(&store, vec![b.append("s-2", size)]).await;
    }
    let events = store.read(Read::all(0)).await.expect("a page").events;
    let positions: Vec<u64> = events.iter().map(|event| event.position).collect();
    assert_eq!(positions, (1..=events.len() as u64).collect::<Vec<_>>());
    for sealer in [&a, &b, &c] {
        let indexes: Vec<u64> =
            events.iter().filter(|e| e.tenant == *sealer.tenant()).map(|event| event.index).collect();
        assert_eq!(indexes, (0..indexes.len() as u64).collect::<Vec<_>>());
        let head = store.log_head(sealer.tenant()).await.expect("an answer").expect("a log");
        assert_eq!(head.size, indexes.len() as u64);
        let last = events.iter().rfind(|event| event.tenant == *sealer.tenant()).expect("events");
        assert_eq!(head.last_position, last.position);
    }
}

/// The root after every commit is the root over the entries.
pub async fn grows_the_tree_of_rfc_6962(store: Store) {
    let mut a = with_log(&*store, "a", 1).await;
    let mut b = with_log(&*store, "b", 2).await;
    for size in [1, 1, 2, 3, 120, 127, 1, 1, 1, 254, 2] {
        commit(&store, vec![a.append("s-1", size), b.append("s-1", 1)]).await;
        for sealer in [&a, &b] {
            let head = store.log_head(sealer.tenant()).await.expect("an answer").expect("a log");
            let leaves = leaves(&store, sealer.tenant()).await;
            assert_eq!(head.size, leaves.len() as u64);
            assert_eq!(head.root, root_of(leaves));
        }
    }
}

/// Every tile at every width is what its leaves make it; a tile beyond the log is not served.
pub async fn serves_tiles_of_every_width(store: Store) {
    let mut sealer = with_log(&*store, "a", 1).await;
    for size in [254, 1, 1, 300, 213] {
        commit(&store, vec![sealer.append("s-1", size)]).await;
        let leaves = leaves(&store, sealer.tenant()).await;
        let log = leaves.len() as u64;
        for (level, index) in (0..2).flat_map(|level| (0..5).map(move |index| (level, index))) {
            let span = TILE_WIDTH.pow(level);
            for width in [1, 2, 100, 255, 256] {
                let tile = TileId { level: u8::try_from(level).expect("small"), index, width };
                let found = store.tile(sealer.tenant(), &tile).await.expect("an answer");
                let hashes = index * TILE_WIDTH..index * TILE_WIDTH + u64::from(width);
                if hashes.end * span > log {
                    assert_eq!(found, None, "{tile:?} of {log}");
                    continue;
                }
                let expected: Vec<u8> = hashes
                    .flat_map(|hash| {
                        let from = usize::try_from(hash * span).expect("small");
                        let to = usize::try_from((hash + 1) * span).expect("small");
                        root_of(leaves[from..to].iter().copied())
                    })
                    .collect();
                assert_eq!(found, Some(expected), "{tile:?} of {log}");
            }
        }
    }
    let tile = TileId { level: 0, index: 0, width: 1 };
    assert_eq!(store.tile(&"nobody".parse().expect("valid"), &tile).await.expect("an answer"), None);
}
