//! What is SQLite's alone: its files, and the width of its row numbers. The rest is in `tests/views.rs`.

use std::sync::Arc;

use ledger::readmodel::Schema;
use ledger_store::conformance::views::{PROJECTIONS, event, put, schema, started};
use ledger_store::views::{ViewCommit, ViewError, ViewStore};
use tempfile::TempDir;

use super::SqliteViews;

fn sqlite() -> (TempDir, SqliteViews) {
    let directory = tempfile::tempdir().unwrap();
    let views = SqliteViews::open(directory.path(), schema()).unwrap();
    (directory, views)
}

fn files(directory: &TempDir) -> Vec<String> {
    let names = std::fs::read_dir(directory.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(".db")).collect();
    names.sort();
    names
}

#[test]
fn the_file_of_a_generation_that_was_not_published_is_removed() {
    let (directory, views) = sqlite();
    let (generation, epoch) = started(&views);
    let row = put(&[("a", 0, event(1, None, None, None))]);
    generation.commit(ViewCommit { epoch, position: 1, rows: row, ..ViewCommit::default() }).unwrap();
    let green = views.begin().unwrap();
    // A crash: nothing is dropped in order.
    std::mem::forget(green);
    assert_eq!(files(&directory), ["views-1.db", "views-2.db"]);
    drop((generation, views));
    let views = SqliteViews::open(directory.path(), schema()).unwrap();
    assert_eq!(files(&directory), ["views-1.db"]);
    assert_eq!(views.current().unwrap().claim().unwrap().position, 1);
}

#[test]
fn the_file_of_the_generation_before_goes_with_its_last_reader() {
    let (directory, views) = sqlite();
    let (blue, _) = started(&views);
    let (_green, _) = started(&views);
    assert_eq!(files(&directory), ["views-1.db", "views-2.db"]);
    drop(blue);
    assert_eq!(files(&directory), ["views-2.db"]);
}

#[test]
fn the_file_of_another_schema_is_replaced() {
    let (directory, views) = sqlite();
    drop(started(&views));
    drop(views);
    let mut projections = PROJECTIONS.to_vec();
    projections[1].version += 1;
    let changed = Arc::new(Schema::new(projections).unwrap());
    let views = SqliteViews::open(directory.path(), changed).unwrap();
    assert_eq!(views.damage(), None);
    drop(started(&views));
    assert_eq!(files(&directory), ["views-2.db"]);
}

#[test]
fn a_damaged_file_is_built_anew_and_said_so() {
    let (directory, views) = sqlite();
    drop(started(&views));
    drop(views);
    std::fs::write(directory.path().join("views-1.db"), [7_u8; 9000]).unwrap();
    let views = SqliteViews::open(directory.path(), schema()).unwrap();
    assert!(views.current().is_none());
    assert!(views.damage().is_some());
}

#[test]
fn a_key_beyond_the_row_number_is_refused() {
    let (_directory, views) = sqlite();
    let (generation, epoch) = started(&views);
    let row = put(&[("a", 0, event(1 << 41, None, None, None))]);
    let refused = generation.commit(ViewCommit { epoch, position: 1, rows: row, ..ViewCommit::default() });
    assert!(matches!(refused, Err(ViewError::Corrupt(_))));
    assert_eq!(generation.claim().unwrap().position, 0);
}
