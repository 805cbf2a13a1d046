//! Logs and key epochs.

use super::{Sealer, Store, commit, with_log};
use crate::append::Verdict;
use crate::read::LogHead;

/// A tenant without a log is told apart from one whose log is empty.
pub async fn needs_a_log(store: Store) {
    let mut sealer = Sealer::new("a", 1);
    assert_eq!(store.log_head(sealer.tenant()).await.expect("an answer"), None);
    let verdicts = store.append(vec![sealer.genesis()]).await.expect("an append");
    assert_eq!(verdicts, [Verdict::UnknownLog]);
}

/// Entry 0 introduces the key; nothing comes before it, and it comes once.
pub async fn starts_a_log_with_its_genesis(store: Store) {
    let mut sealer = Sealer::new("a", 1);
    store.put_log(sealer.log(Some(1))).await.expect("a log");
    let empty = store.log_head(sealer.tenant()).await.expect("an answer").expect("a log");
    let expected = LogHead { size: 0, root: ledger::merkle::EMPTY_ROOT, active_kid: None, last_position: 0 };
    assert_eq!(empty, expected);
    let early = sealer.append("s-1", 1);
    let verdicts = store.append(vec![early]).await.expect("an append");
    assert_eq!(verdicts, [Verdict::StaleKey { active: None }]);
    commit(&store, vec![sealer.genesis()]).await;
    let head = store.log_head(sealer.tenant()).await.expect("an answer").expect("a log");
    assert_eq!((head.size, head.active_kid, head.last_position), (1, Some(sealer.kid()), 1));
    // Another key cannot introduce itself.
    let verdicts = store.append(vec![Sealer::new("a", 9).genesis()]).await.expect("an append");
    assert_eq!(verdicts, [Verdict::StaleKey { active: Some(sealer.kid()) }]);
}

/// From the entry after a rotation on, the new key alone; also within one batch.
pub async fn refuses_a_key_that_is_not_active(store: Store) {
    let mut sealer = with_log(&*store, "a", 1).await;
    let mut other = with_log(&*store, "b", 2).await;
    let old = sealer.kid();
    let sealed_before = sealer.append("s-1", 1);
    let rotation = sealer.rotate(7);
    let new = sealer.kid();
    let sealed_after = sealer.append("s-2", 1);
    let verdicts = store.append(vec![sealed_after.clone()]).await.expect("an append");
    assert_eq!(verdicts, [Verdict::StaleKey { active: Some(old) }]);
    let batch = vec![rotation, sealed_before, sealed_after, other.append("s-1", 1)];
    let verdicts = store.append(batch).await.expect("an append");
    assert!(matches!(verdicts[0], Verdict::Committed { .. }), "{verdicts:?}");
    assert_eq!(verdicts[1], Verdict::StaleKey { active: Some(new) });
    assert!(matches!(verdicts[2], Verdict::Committed { .. }), "{verdicts:?}");
    assert!(matches!(verdicts[3], Verdict::Committed { .. }), "{verdicts:?}");
}

/// A revoked key without a successor: nothing follows, not even another genesis.
pub async fn ends_a_log_whose_key_is_revoked(store: Store) {
    let mut sealer = with_log(&*store, "a", 1).await;
    commit(&store, vec![sealer.revoke()]).await;
    let stale = [Verdict::StaleKey { active: None }];
    assert_eq!(store.append(vec![sealer.append("s-1", 1)]).await.expect("an append"), stale);
    let mut another = Sealer::new("a", 9);
    assert_eq!(store.append(vec![another.genesis()]).await.expect("an append"), stale);
    let head = store.log_head(sealer.tenant()).await.expect("an answer").expect("a log");
    assert_eq!((head.size, head.active_kid), (2, None));
}
