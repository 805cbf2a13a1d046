//! The tests that every backend instantiates.
//!
//! A backend calls [`conformance_suite!`](crate::conformance_suite) with a function that gives an empty store; each
//! test gets one of its own. What is expected is computed here, from the events themselves, by the definitions
//! (RFC 6962, formats.md), never by the backend's own means.

mod append;
mod carried;
mod fixture;
mod follow;
mod keys;
mod portable;
mod processes;
mod reading;
mod recorded;
mod side;
mod tree;
pub mod views;

use std::sync::Arc;

use crate::contract::EventStore;
use crate::portable::Portable;
use crate::side::SideStore;

pub use append::*;
pub use carried::{Contents, Ledger, contents};
pub use fixture::{OTHER_TYPE, Sealer, TYPE};
pub use follow::*;
pub use keys::*;
pub use portable::*;
pub use processes::{check_written, follow_all, insist, write_from_two};
pub use reading::*;
pub use recorded::Recorded;
pub use side::*;
pub use tree::*;

/// A backend: events and side data.
pub trait Backend: EventStore + SideStore {}
impl<T: EventStore + SideStore> Backend for T {}

/// A store under test.
pub type Store = Arc<dyn Backend>;

/// A backend that can be copied.
pub trait PortableBackend: Backend + Portable {}
impl<T: Backend + Portable> PortableBackend for T {}

/// A store under test that can be copied.
pub type PortableStore = Arc<dyn PortableBackend>;

/// Instantiates every test of the suite. `$open` is an async function that gives `(guard, Store)`: an empty store,
/// and what must live as long as it.
#[macro_export]
macro_rules! conformance_suite {
    ($open:path) => {
        $crate::conformance_suite!(@ $open:
            appends_at_the_expected_revision_only
            gives_each_append_of_a_batch_its_own_verdict
            stores_an_append_whole_or_not_at_all
            stores_a_command_once
            answers_a_repeated_append_as_the_first_time
            needs_a_log
            starts_a_log_with_its_genesis
            refuses_a_key_that_is_not_active
            ends_a_log_whose_key_is_revoked
            reads_streams_logs_and_all_in_both_directions
            pages_without_gap_or_repetition
            filters_by_tenant_type_and_category
            reads_any_revision_of_a_long_stream
            numbers_events_without_gaps
            grows_the_tree_of_rfc_6962
            serves_tiles_of_every_width
            follows_without_skipping_under_concurrent_writers
            says_when_a_subscriber_has_caught_up
            gathers_while_events_keep_coming
            follows_from_any_position_and_through_filters
            creates_logs_once
            keeps_secrets_until_they_are_deleted
            keeps_disclosures_until_their_subject_is_erased
            keeps_blobs
            keeps_the_latest_checkpoint
            keeps_the_leaves_of_anchors
        );
    };
    (@ $open:path: $($test:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let (_guard, store) = $open().await;
                $crate::conformance::$test(store).await;
            }
        )*
    };
}

/// Instantiates the tests of what a copy needs, as [`conformance_suite!`](crate::conformance_suite) does; `$open` gives
/// `(guard, PortableStore)`.
#[macro_export]
macro_rules! portable_suite {
    ($open:path) => {
        $crate::conformance_suite!(@ $open:
            lists_what_a_copy_needs
            stores_in_the_order_given
            stores_nothing_once_it_is_sealed
        );
    };
}

/// Makes the log of one tenant, its genesis appended.
pub async fn with_log<S: Backend + ?Sized>(store: &S, tenant: &str, slot: u32) -> Sealer {
    let mut sealer = Sealer::new(tenant, u8::try_from(slot).expect("the suite has few tenants"));
    store.put_log(sealer.log(Some(slot))).await.expect("a new log");
    let genesis = sealer.genesis();
    let verdicts = store.append(vec![genesis]).await.expect("an append");
    assert!(matches!(verdicts[..], [crate::Verdict::Committed { .. }]), "{verdicts:?}");
    sealer
}

/// Appends, and expects all of it to be committed.
async fn commit(store: &Store, appends: Vec<crate::Append>) {
    let verdicts = store.append(appends).await.expect("an append");
    assert!(verdicts.iter().all(|v| matches!(v, crate::Verdict::Committed { .. })), "{verdicts:?}");
}
