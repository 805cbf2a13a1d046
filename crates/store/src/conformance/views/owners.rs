//! One owner writes, others watch.

use ledger::readmodel::LogState;
use ledger::time::Timestamp;

use super::keeping::{numbered, poisoned};
use super::tables::{event, put, schema, tenant};
use super::{Place, started};
use crate::views::{Progress, ViewCommit, ViewError};

fn commit(epoch: u64, number: u64) -> ViewCommit {
    let rows = put(&[("a", 0, event(number, None, None, None))]);
    ViewCommit { epoch, position: number, rows, ..ViewCommit::default() }
}

/// However late it comes.
pub fn an_older_owner_is_fenced_off_and_changes_nothing(place: &dyn Place) {
    let views = place.open(schema());
    let (generation, old) = started(&*views);
    let new = generation.claim().expect("another owner").epoch;
    generation.commit(commit(new, 1)).expect("a commit");
    let refused = generation.commit(commit(old, 2)).expect_err("it is fenced off");
    assert!(matches!(refused, ViewError::Fenced { stored, held } if (stored, held) == (new, old)));
    assert_eq!(numbered(&*generation), 1);
    generation.commit(commit(new, 2)).expect("the other one goes on");
    assert_eq!(generation.claim().expect("an owner").position, 2);
}

/// The control of the test before: the same commit, under an epoch that passes the check, is written.
pub fn without_fencing_an_older_owner_would_change_rows(place: &dyn Place) {
    let views = place.open(schema());
    let (generation, _old) = started(&*views);
    let new = generation.claim().expect("another owner").epoch;
    generation.commit(commit(new, 1)).expect("a commit");
    let passes_the_check = ViewCommit { epoch: new, ..commit(0, 2) };
    generation.commit(passes_the_check).expect("nothing else holds it back");
    assert_eq!(numbered(&*generation), 2);
}

/// Position, logs and quarantine, without claiming anything.
pub fn those_who_watch_are_told_what_has_moved(place: &dyn Place) {
    let views = place.open(schema());
    let (generation, epoch) = started(&*views);
    let log = |size| LogState { size, as_of: Timestamp::from_micros(7) };
    let first = ViewCommit {
        logs: vec![(tenant("a"), log(1)), (tenant("b"), log(4))],
        poisoned: vec![poisoned(0, 0)],
        ..commit(epoch, 5)
    };
    generation.commit(first).expect("a commit");
    let watching = place.open(schema());
    let seen = watching.current().expect("published");
    let Progress { position, whole, mut logs, poisoned: held } = seen.progress(0).expect("how far it is");
    logs.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!((position, whole), (5, true));
    assert_eq!(logs, [(tenant("a"), log(1)), (tenant("b"), log(4))]);
    assert_eq!(held, [poisoned(0, 0)]);
    let still = seen.progress(5).expect("how far it is");
    assert!(still.position == 5 && still.logs.is_empty() && still.poisoned.is_empty());

    let next =
        ViewCommit { logs: vec![(tenant("b"), log(6))], poisoned: vec![poisoned(0, 1)], ..commit(epoch, 7) };
    generation.commit(next).expect("watching claims nothing");
    let moved = seen.progress(5).expect("how far it is");
    assert_eq!(moved.position, 7);
    assert!(moved.logs.contains(&(tenant("b"), log(6))));
    assert_eq!(moved.poisoned, [poisoned(0, 1)]);
    // After a failure of the storage it may be further back than was seen.
    let back = seen.progress(100).expect("how far it is");
    assert_eq!((back.position, back.whole, back.logs.len()), (7, true, 2));
}
