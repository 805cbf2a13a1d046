//! Rows, answers and digests are those of the store in memory.

use std::sync::Arc;

use ledger::readmodel::{Cell, Cursor, Query, Row, TableChanges, Test};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};

use super::arbitrary::{any_change, any_query};
use super::tables::{EVENTS, THINGS, event, name, put, schema, tenant, thing};
use super::{Place, started};
use crate::views::{Generation, MemoryViews, ViewCommit, ViewError, ViewStore};

/// Histories that are tried.
const CASES: u32 = 64;

fn all_pages(generation: &dyn Generation, mut query: Query) -> Vec<Row> {
    let mut rows = Vec::new();
    for _ in 0..200 {
        let page = generation.query(&query).expect("an answer");
        assert!(page.rows.len() <= query.limit);
        rows.extend(page.rows);
        match page.next {
            // As it would travel through a URL.
            Some(next) => query.after = Some(Cursor::from_text(&next.to_text()).expect("a cursor")),
            None => return rows,
        }
    }
    panic!("the pages do not end: {query:?}");
}

/// Fills a generation, publishes it, and goes on.
fn filled(
    views: &dyn ViewStore,
    filled: &[TableChanges],
    followed: &[Vec<TableChanges>],
) -> Arc<dyn Generation> {
    let generation = views.begin().expect("a new generation");
    let epoch = generation.claim().expect("an owner").epoch;
    // All at one position, so that the next generation here is not behind this one.
    let commit = |rows: &[TableChanges]| {
        let commit = ViewCommit { epoch, position: 1, rows: rows.to_vec(), ..ViewCommit::default() };
        generation.commit(commit).expect("a commit");
    };
    commit(filled);
    views.settle(&generation).expect("settled");
    views.publish(Arc::clone(&generation)).expect("published");
    followed.iter().for_each(|rows| commit(rows));
    generation
}

/// Whatever was put, deleted and asked.
pub fn rows_answers_and_digests_are_those_of_memory(place: &dyn Place) {
    let views = place.open(schema());
    let histories = (
        prop::collection::vec(any_change(), 0..60),
        prop::collection::vec(prop::collection::vec(any_change(), 0..6), 0..6),
        prop::collection::vec(any_query(), 12),
        prop::sample::select(vec![1_usize, 3, 20_000]),
    );
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&histories, |(first, next, queries, scan_rows_max)| {
        compare(&*views, &first, &next, queries, scan_rows_max)
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

fn compare(
    views: &dyn ViewStore,
    first: &[TableChanges],
    next: &[Vec<TableChanges>],
    queries: Vec<Query>,
    scan_rows_max: usize,
) -> TestCaseResult {
    let tested = filled(views, first, next);
    let memory = filled(&MemoryViews::new(schema()), first, next);
    for mut query in queries {
        let expected = all_pages(&*memory, query.clone());
        query.scan_rows_max = scan_rows_max;
        prop_assert_eq!(all_pages(&*tested, query.clone()), expected, "{:?}", query);
    }
    for owner in ["a", "b", "c"].map(tenant) {
        prop_assert_eq!(tested.digests(&owner).expect("digests"), memory.digests(&owner).expect("digests"));
        for (slot, table) in schema().tables().iter().enumerate() {
            let mut found = tested.load_all(slot, &owner).expect("rows");
            let expected = memory.load_all(slot, &owner).expect("rows");
            found.sort_by_key(|row| table.key_of(row));
            prop_assert_eq!(&found, &expected);
            for row in &expected {
                let key = &row[..table.key];
                prop_assert_eq!(tested.load(slot, &owner, key).expect("a row"), Some(row.clone()));
                prop_assert_eq!(tested.row(table, &owner, key).expect("a row"), Some(row.clone()));
            }
        }
    }
    Ok(())
}

/// A column that a filter fixes behind one that it does not still differs among the rows that are looked at.
pub fn a_page_may_end_at_a_row_that_is_left_out(place: &dyn Place) {
    let views = place.open(schema());
    let rows = put(&[("a", 1, thing(0, 0, 1, None)), ("a", 1, thing(0, 3, 0, None))]);
    let generation = filled(&*views, &rows, &[]);
    let named = Query::new(&THINGS, &tenant("a")).limit(1).filter("name", Test::Is(Cell::of(&name(3))));
    for scan_rows_max in [1, 2, 20_000] {
        let mut query = named.clone();
        query.scan_rows_max = scan_rows_max;
        assert_eq!(all_pages(&*generation, query), [thing(0, 3, 0, None)]);
    }
}

/// However symbols are stored.
pub fn a_number_is_never_taken_for_that_of_a_symbol(place: &dyn Place) {
    let views = place.open(schema());
    let generation = filled(&*views, &put(&[("a", 1, thing(1, 1, 1, Some(2)))]), &[]);
    let with_state = |cell: Cell| Query::new(&THINGS, &tenant("a")).filter("state", Test::Is(cell));
    for number in 0..4 {
        assert_eq!(generation.query(&with_state(Cell::Int(number))).expect("an answer").rows, []);
    }
    assert_eq!(generation.query(&with_state(Cell::text("state.1"))).expect("an answer").rows.len(), 1);
}

/// A page that takes as long as the table is large is refused; small tables are sorted.
pub fn an_order_without_an_index_is_refused_for_growing_tables(place: &dyn Place) {
    let views = place.open(schema());
    let (generation, epoch) = started(&*views);
    let rows = put(&[("a", 0, event(1, None, None, None)), ("a", 1, thing(1, 1, 1, Some(2)))]);
    generation.commit(ViewCommit { epoch, position: 1, rows, ..ViewCommit::default() }).expect("a commit");
    let by_note = Query::new(&EVENTS, &tenant("a")).order_by("note");
    assert!(matches!(generation.query(&by_note), Err(ViewError::Query(_))));
    let by_rank = Query::new(&THINGS, &tenant("a")).order_by("rank");
    assert_eq!(generation.query(&by_rank).expect("an answer").rows.len(), 1);
}
