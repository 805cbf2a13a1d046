//! Reading: directions, pages, filters, revisions.

use ledger::epochs::GENESIS;
use ledger::event::Header;
use ledger::ids::StreamId;

use super::{OTHER_TYPE, Sealer, Store, TYPE, commit, with_log};
use crate::append::Append;
use crate::read::{Filter, Page, Read, StoredEvent};

/// Two tenants, three streams, interleaved.
async fn filled(store: &Store) -> (Sealer, Sealer) {
    let mut a = with_log(&**store, "a", 1).await;
    let mut b = with_log(&**store, "b", 2).await;
    for round in 0..12 {
        let other = Append::new(vec![a.event("note-2", OTHER_TYPE)]).expect("an append");
        commit(store, vec![a.append("evidence-1", 1), b.append("evidence-1", 1 + round % 2), other]).await;
    }
    (a, b)
}

fn place(event: &StoredEvent) -> (String, String, u64) {
    let header = Header::parse(&event.header).expect("a header");
    assert_eq!((header.tenant.as_str(), &*header.event_type), (event.tenant.as_str(), &*event.event_type));
    (header.tenant.to_string(), header.stream.to_string(), header.seq)
}

async fn page(store: &Store, query: Read) -> Page {
    store.read(query).await.expect("a page")
}

/// Forward and backward give the same events, and those that were appended.
pub async fn reads_streams_logs_and_all_in_both_directions(store: Store) {
    let (a, b) = filled(&store).await;
    let stream: StreamId = "evidence-1".parse().expect("valid");
    let sources = [
        (Read::all(0), 44, Read::all(u64::MAX)),
        (Read::log(a.tenant(), 0), 25, Read::log(a.tenant(), u64::MAX)),
        (Read::log(b.tenant(), 0), 19, Read::log(b.tenant(), u64::MAX)),
        (Read::stream(b.tenant(), &stream, 0), 18, Read::stream(b.tenant(), &stream, u64::MAX)),
    ];
    for (forward, count, backward) in sources {
        let forward = page(&store, forward).await;
        let mut backward = page(&store, backward.backward()).await;
        assert_eq!(forward.events.len(), count);
        assert!(forward.end && backward.end);
        backward.events.reverse();
        assert_eq!(forward.events, backward.events);
    }
    let seqs: Vec<u64> = page(&store, Read::stream(a.tenant(), &stream, 5))
        .await
        .events
        .iter()
        .map(|event| place(event).2)
        .collect();
    assert_eq!(seqs, (5..12).collect::<Vec<_>>());
    let last = page(&store, Read::stream(a.tenant(), &stream, 5).backward().limit(2)).await;
    assert_eq!(last.events.iter().map(|event| place(event).2).collect::<Vec<_>>(), [5, 4]);

    let nowhere: StreamId = "nowhere-1".parse().expect("valid");
    let nobody = "nobody".parse().expect("valid");
    for empty in [
        Read::stream(a.tenant(), &nowhere, 0),
        Read::stream(a.tenant(), &stream, 12),
        Read::log(&nobody, 0),
        Read::log(&nobody, 3).backward(),
        Read::log(a.tenant(), 25),
        Read::all(45),
    ] {
        let page = page(&store, empty.clone()).await;
        assert!(page.events.is_empty() && page.end, "{empty:?}");
    }
    assert_eq!(page(&store, Read::all(45)).await.next, 45, "a follower goes on where it was");
}

/// Whatever the page's size, `next` goes on with the event after the last.
pub async fn pages_without_gap_or_repetition(store: Store) {
    let (a, _) = filled(&store).await;
    let stream: StreamId = "evidence-1".parse().expect("valid");
    for limit in [1, 2, 3, 7, 100] {
        for backward in [false, true] {
            let from = if backward { u64::MAX } else { 0 };
            for source in
                [Read::all(from), Read::log(a.tenant(), from), Read::stream(a.tenant(), &stream, from)]
            {
                let turned = |read: Read| if backward { read.backward() } else { read };
                let whole = page(&store, turned(source.clone())).await.events;
                let mut pieced = Vec::new();
                let mut query = turned(source.clone()).limit(limit);
                loop {
                    let page = page(&store, query.clone()).await;
                    assert!(page.events.len() <= limit);
                    pieced.extend(page.events);
                    if page.end {
                        break;
                    }
                    query.source = match query.source {
                        crate::Source::All { .. } => crate::Source::All { from: page.next },
                        crate::Source::Log { tenant, .. } => crate::Source::Log { tenant, from: page.next },
                        crate::Source::Stream { tenant, stream, .. } => {
                            crate::Source::Stream { tenant, stream, from: page.next }
                        }
                    };
                }
                assert_eq!(pieced, whole, "{source:?} by {limit}");
            }
        }
    }
}

/// A filter gives exactly the events that pass, in order.
pub async fn filters_by_tenant_type_and_category(store: Store) {
    let (a, b) = filled(&store).await;
    let all = page(&store, Read::all(0)).await.events;
    let filter = |tenant: Option<&Sealer>, types: &[&str], categories: &[&str]| Filter {
        tenant: tenant.map(|sealer| sealer.tenant().clone()),
        types: types.iter().map(|t| (*t).to_owned()).collect(),
        categories: categories.iter().map(|c| (*c).to_owned()).collect(),
    };
    let filters = [
        (filter(None, &[], &[]), 44),
        (filter(Some(&a), &[], &[]), 25),
        (filter(None, &[OTHER_TYPE], &[]), 12),
        (filter(None, &[OTHER_TYPE, GENESIS], &["note", "key"]), 14),
        (filter(Some(&b), &[TYPE], &["evidence"]), 18),
        (filter(Some(&b), &[OTHER_TYPE], &[]), 0),
        (filter(None, &["ledger.unheard.of.v1"], &[]), 0),
        (filter(None, &[], &["evidenc"]), 0),
    ];
    for (filter, count) in filters {
        let passing: Vec<StoredEvent> = all
            .iter()
            .filter(|event| {
                let stream: StreamId = place(event).1.parse().expect("valid");
                filter.passes(&event.tenant, &event.event_type, stream.category())
            })
            .cloned()
            .collect();
        assert_eq!(passing.len(), count, "{filter:?}");
        assert_eq!(page(&store, Read::all(0).filter(filter.clone())).await.events, passing);
        let mut backward = page(&store, Read::all(u64::MAX).filter(filter.clone()).backward()).await.events;
        backward.reverse();
        assert_eq!(backward, passing, "{filter:?}");
        let of_a: Vec<_> = passing.into_iter().filter(|event| event.tenant == *a.tenant()).collect();
        assert_eq!(page(&store, Read::log(a.tenant(), 0).filter(filter)).await.events, of_a);
    }
}

/// Any revision of a stream is found, however the others lie between.
pub async fn reads_any_revision_of_a_long_stream(store: Store) {
    let mut a = with_log(&*store, "a", 1).await;
    let stream: StreamId = "evidence-1".parse().expect("valid");
    let mut count = 0;
    for size in [1, 1, 2, 40, 1, 90, 1, 1, 1, 130] {
        commit(&store, vec![a.append("evidence-1", size), a.append("note-2", 1)]).await;
        count += size as u64;
    }
    for from in 0..count {
        let page = page(&store, Read::stream(a.tenant(), &stream, from).limit(3)).await;
        let seqs: Vec<u64> = page.events.iter().map(|event| place(event).2).collect();
        assert_eq!(seqs, (from..count.min(from + 3)).collect::<Vec<_>>());
        assert_eq!(page.end, from + 3 >= count);
    }
}
