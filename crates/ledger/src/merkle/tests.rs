//! Held against the definition of RFC 6962 §2.1, written down as it stands there.

use proptest::prelude::*;

use super::*;

/// MTH(D[n]), recursively.
pub(crate) fn definition(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => EMPTY_ROOT,
        [leaf] => *leaf,
        _ => {
            let k = leaves.len().next_power_of_two() / 2;
            node_hash(&definition(&leaves[..k]), &definition(&leaves[k..]))
        }
    }
}

pub(crate) fn leaves(n: u64) -> Vec<Hash> {
    (0..n).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

#[test]
fn hashes_are_those_of_the_standard() {
    use sha2::{Digest, Sha256};
    assert_eq!(EMPTY_ROOT, <Hash>::from(Sha256::digest(b"")));
    assert_eq!(leaf_hash(b"ab"), <Hash>::from(Sha256::digest(b"\0ab")));
    let pair = [&[1_u8][..], &[7; 32], &[9; 32]].concat();
    assert_eq!(node_hash(&[7; 32], &[9; 32]), <Hash>::from(Sha256::digest(pair)));
}

#[test]
fn a_leaf_never_hashes_like_a_node() {
    let (left, right) = (leaf_hash(b"l"), leaf_hash(b"r"));
    assert_ne!(leaf_hash(&[left, right].concat()), node_hash(&left, &right));
}

proptest! {
    #[test]
    fn every_way_to_a_root_is_the_definition(n in 0_u64..600) {
        let leaves = leaves(n);
        let expected = definition(&leaves);
        let tree: MemoryTree = leaves.iter().copied().collect();
        prop_assert_eq!(root_of(leaves.iter().copied()), expected);
        prop_assert_eq!(tree.root(), expected);
        prop_assert_eq!(root_at(n, &tree).unwrap(), expected);
    }

    #[test]
    fn a_stored_frontier_goes_on_where_it_stopped(n in 0_u64..300, more in 0_u64..300) {
        let mut frontier = Frontier::default();
        let all = leaves(n + more);
        for leaf in &all[..n as usize] { frontier.push(*leaf); }
        let mut resumed = Frontier::from_parts(n, frontier.hashes().to_vec()).unwrap();
        for leaf in &all[n as usize..] { resumed.push(*leaf); }
        prop_assert_eq!(resumed.root(), definition(&all));
        if n > 0 {
            prop_assert!(Frontier::from_parts(n, frontier.hashes()[1..].to_vec()).is_err());
        }
    }

    #[test]
    fn a_range_is_made_of_its_leaves(old in 1_u64..300, more in 0_u64..300) {
        let tree: MemoryTree = leaves(old + more).into_iter().collect();
        let nodes = range_nodes(0, old);
        prop_assert_eq!(nodes.iter().map(|n| 1_u64 << n.level).sum::<u64>(), old);
        prop_assert_eq!(root_at(old, &tree).unwrap(), definition(&leaves(old)));
        prop_assert!(root_at(old + more + 1, &tree).is_err());
    }
}
