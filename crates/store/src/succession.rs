//! Accepting a loss: when the newest store is gone for good, an older one goes on under a new name.
//!
//! What was signed before cannot be taken back: checkpoints may be out that state more than the store has. So a log that
//! lost entries goes on under a successor origin (`…/e2`), and its next event is a genesis that names the last known head
//! (formats.md §4). A verifier who holds an older checkpoint sees the break and the statement of it. Streams and indexes
//! go on where the store ends. The store gets a new identity, so that the lost one, should it turn up, cannot be served
//! beside the new head file.
//!
//! Here is what was lost; each backend keeps it in its own way, and [`crate::SideStore::succession`] tells it until the
//! genesis names it.

use ledger::merkle::Hash;

use crate::headfile::Head;

/// A log whose loss was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedLoss {
    /// Whose log.
    pub tenant: String,
    /// The origin that it had.
    pub origin: String,
    /// The origin that it goes on under.
    pub successor: String,
    /// How many entries it is known to have had.
    pub known_size: u64,
    /// The root over them.
    pub known_root: Hash,
    /// How many entries it has.
    pub size: u64,
}

/// What a store still has of a log.
#[derive(Debug, Clone, Copy)]
pub struct Remains<'a> {
    /// Whose log.
    pub tenant: &'a str,
    /// Its origin.
    pub origin: &'a str,
    /// How many entries it has.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl Remains<'_> {
    /// What the log has lost, if it has. `known`: what the head file says of it, nothing if there is none that can be
    /// trusted: then it may have lost something, unless it is empty. `then`: the root over as many of its entries as the
    /// head file says, if it has so many.
    pub fn loss(&self, known: Option<Head>, then: Option<Hash>) -> Option<AcceptedLoss> {
        let known = match known {
            Some(head) if self.size >= head.size && then == Some(head.root) => return None,
            Some(head) => head,
            // The last that is known is what is there.
            None if self.size > 0 => Head { size: self.size, root: self.root },
            None => return None,
        };
        Some(AcceptedLoss {
            tenant: self.tenant.to_owned(),
            origin: self.origin.to_owned(),
            successor: successor(self.origin),
            known_size: known.size,
            known_root: known.root,
            size: self.size,
        })
    }
}

/// `name/tenant` → `name/tenant/e2` → `name/tenant/e3`.
fn successor(origin: &str) -> String {
    let epoch = |tail: &str| tail.strip_prefix('e').and_then(|number| number.parse::<u32>().ok());
    match origin.rsplit_once('/').map(|(base, tail)| (base, epoch(tail))) {
        Some((base, Some(epoch))) if base.contains('/') => format!("{base}/e{}", epoch.saturating_add(1)),
        _ => format!("{origin}/e2"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successors_are_numbered() {
        assert_eq!(successor("ledger/t"), "ledger/t/e2");
        assert_eq!(successor("ledger/t/e2"), "ledger/t/e3");
        assert_eq!(successor("ledger/e2"), "ledger/e2/e2");
    }

    #[test]
    fn what_the_head_file_names_is_lost_unless_the_log_begins_with_it() {
        let remains = |size| Remains { tenant: "t", origin: "l/t", size, root: [size as u8; 32] };
        let head = |size, root: u8| Some(Head { size, root: [root; 32] });
        let lost = |size, known, then: Option<u8>| {
            let loss = remains(size).loss(known, then.map(|root| [root; 32]));
            loss.map(|loss| (loss.known_size, loss.known_root[0], loss.size))
        };
        assert_eq!(lost(5, head(3, 3), Some(3)), None);
        assert_eq!(lost(5, head(5, 5), Some(5)), None);
        assert_eq!(lost(5, head(8, 8), None), Some((8, 8, 5)));
        assert_eq!(lost(0, head(8, 8), None), Some((8, 8, 0)));
        assert_eq!(lost(5, head(3, 9), Some(3)), Some((3, 9, 5)), "as long, but another");
        assert_eq!(lost(5, head(5, 9), Some(5)), Some((5, 9, 5)));
        assert_eq!(lost(5, None, None), Some((5, 5, 5)), "nobody knows");
        assert_eq!(lost(0, None, None), None);
    }
}
