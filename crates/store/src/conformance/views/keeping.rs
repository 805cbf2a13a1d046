//! What is kept over restarts, and how one generation takes the place of another.

use std::sync::Arc;

use ledger::ids::StreamId;
use ledger::readmodel::{LogState, Poisoned, Schema};
use ledger::time::Timestamp;

use super::tables::{PROJECTIONS, event, put, schema, tenant, thing};
use super::{Place, started};
use crate::views::{Generation, ViewCommit, ViewStore};

/// An entry of the quarantine.
pub(super) fn poisoned(index: u64, held: u64) -> Poisoned {
    Poisoned {
        projection: "things".to_owned(),
        tenant: tenant("a"),
        stream: StreamId::new("thing-1").expect("a stream id"),
        index,
        reason: "odd: \u{0}".to_owned(),
        held,
    }
}

/// Rows, logs, quarantine and position, all of it.
pub fn what_was_committed_is_there_after_a_restart(place: &dyn Place) {
    let views = place.open(schema());
    let (generation, epoch) = started(&*views);
    let log = LogState { size: 7, as_of: Timestamp::from_micros(99) };
    let commit = ViewCommit {
        epoch,
        position: 12,
        rows: put(&[("a", 0, event(3, Some(1), None, None)), ("b", 1, thing(0, 1, 2, None))]),
        logs: vec![(tenant("a"), log)],
        poisoned: vec![poisoned(5, 2)],
    };
    generation.commit(commit).expect("a commit");
    let before = generation.digests(&tenant("a")).expect("digests");
    drop((generation, views));

    let views = place.open(schema());
    let generation = views.current().expect("it was published");
    let claim = generation.claim().expect("an owner");
    assert_eq!((claim.position, claim.epoch), (12, epoch + 1));
    assert_eq!(claim.logs[&tenant("a")], log);
    assert_eq!(claim.poisoned, [poisoned(5, 2)]);
    assert_eq!(generation.digests(&tenant("a")).expect("digests"), before);
    assert_eq!(before.log, log);
    assert!(before.digests[1].to_string().ends_with("DEGRADED"));
    assert!(before.digests[0].to_string().starts_with("events/v1 sha256:"));
}

/// A rebuild that was cut off leaves nothing that counts.
pub fn a_generation_that_was_not_published_is_not_there_after_a_restart(place: &dyn Place) {
    let views = place.open(schema());
    let (generation, epoch) = started(&*views);
    let rows = put(&[("a", 0, event(1, None, None, None))]);
    generation.commit(ViewCommit { epoch, position: 1, rows, ..ViewCommit::default() }).expect("a commit");
    let green = views.begin().expect("a new generation");
    green.claim().expect("an owner");
    drop((green, generation, views));
    let views = place.open(schema());
    assert_eq!(views.current().expect("the one before").claim().expect("an owner").position, 1);
}

/// In one step, for those who ask from then on.
pub fn publishing_replaces_the_generation_before(place: &dyn Place) {
    let views = place.open(schema());
    let (blue, epoch) = started(&*views);
    blue.commit(ViewCommit { epoch, position: 3, ..ViewCommit::default() }).expect("a commit");
    let green = views.begin().expect("a new generation");
    let epoch = green.claim().expect("an owner").epoch;
    green.commit(ViewCommit { epoch, position: 8, ..ViewCommit::default() }).expect("a commit");
    assert_eq!(position(&*views), 3, "it is not shown before");
    views.settle(&green).expect("settled");
    assert_eq!(position(&*views), 3);
    views.publish(Arc::clone(&green)).expect("published");
    assert_eq!(position(&*views), 8);
    green.commit(ViewCommit { epoch, position: 9, ..ViewCommit::default() }).expect("its owner goes on");
    drop(blue);
    assert_eq!(position(&*place.open(schema())), 9);
}

fn position(views: &dyn ViewStore) -> u64 {
    let current = views.current().expect("a published generation");
    current.progress(0).expect("how far it is").position
}

/// Rows of another version are not taken for ours.
pub fn another_schema_is_built_anew(place: &dyn Place) {
    drop(started(&*place.open(schema())));
    let mut projections = PROJECTIONS.to_vec();
    projections[1].version += 1;
    let changed = Arc::new(Schema::new(projections).expect("a schema"));
    let views = place.open(Arc::clone(&changed));
    assert!(views.current().is_none());
    drop(started(&*views));
    drop(views);
    assert!(place.open(changed).current().is_some());
}

/// Rows that every generation can be told by.
pub(super) fn numbered(generation: &dyn Generation) -> usize {
    generation.load_all(0, &tenant("a")).expect("rows").len()
}
