//! The tests that every store of read models instantiates.
//!
//! What is expected is what the store in memory answers, which states the meaning of rows, queries and digests by
//! looking at every row.

mod arbitrary;
mod keeping;
mod owners;
mod same;
mod tables;

use std::sync::Arc;

use ledger::readmodel::Schema;

use crate::views::{Generation, ViewStore};

pub use keeping::*;
pub use owners::*;
pub use same::*;
pub use tables::{EVENTS, EventRow, PROJECTIONS, THINGS, ThingRow, event, name, put, schema, tenant, thing};

/// Where read models are kept in a test: empty at first.
pub trait Place {
    /// Opens what is there, as a process does that starts.
    fn open(&self, schema: Arc<Schema>) -> Arc<dyn ViewStore>;
}

/// Instantiates every test of the suite. `$place` is a function that gives an empty [`Place`].
///
/// `in memory`: without those that hold a store to its indexes.
#[macro_export]
macro_rules! views_suite {
    (in memory: $place:path) => {
        $crate::views_suite!(@ $place:
            rows_answers_and_digests_are_those_of_memory
            a_page_may_end_at_a_row_that_is_left_out
            a_number_is_never_taken_for_that_of_a_symbol
            what_was_committed_is_there_after_a_restart
            a_generation_that_was_not_published_is_not_there_after_a_restart
            publishing_replaces_the_generation_before
            another_schema_is_built_anew
            an_older_owner_is_fenced_off_and_changes_nothing
            without_fencing_an_older_owner_would_change_rows
            those_who_watch_are_told_what_has_moved
        );
    };
    ($place:path) => {
        $crate::views_suite!(in memory: $place);
        $crate::views_suite!(@ $place:
            an_order_without_an_index_is_refused_for_growing_tables
        );
    };
    (@ $place:path: $($test:ident)*) => {
        $(
            #[test]
            fn $test() {
                $crate::conformance::views::$test(&$place());
            }
        )*
    };
}

/// A new generation, published and claimed: with its epoch.
pub fn started(views: &dyn ViewStore) -> (Arc<dyn Generation>, u64) {
    let generation = views.begin().expect("a new generation");
    let claimed = generation.claim().expect("an owner").epoch;
    views.publish(Arc::clone(&generation)).expect("published");
    (generation, claimed)
}
