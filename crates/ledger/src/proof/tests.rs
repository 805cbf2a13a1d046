//! Proofs held against the recursive definitions of RFC 6962, and against changed ones.

use proptest::prelude::*;

use super::*;
use crate::merkle::MemoryTree;
use crate::merkle::tests::{definition, leaves};

/// PATH(m, D[n]) of §2.1.1.
fn path(m: usize, d: &[Hash]) -> Vec<Hash> {
    if d.len() == 1 {
        return Vec::new();
    }
    let k = d.len().next_power_of_two() / 2;
    if m < k {
        [path(m, &d[..k]), vec![definition(&d[k..])]].concat()
    } else {
        [path(m - k, &d[k..]), vec![definition(&d[..k])]].concat()
    }
}

/// SUBPROOF(m, D[n], b) of §2.1.2.
fn subproof(m: usize, d: &[Hash], b: bool) -> Vec<Hash> {
    if m == d.len() {
        return if b { Vec::new() } else { vec![definition(d)] };
    }
    let k = d.len().next_power_of_two() / 2;
    if m <= k {
        [subproof(m, &d[..k], b), vec![definition(&d[k..])]].concat()
    } else {
        [subproof(m - k, &d[k..], false), vec![definition(&d[..k])]].concat()
    }
}

fn tree(n: u64) -> (Vec<Hash>, MemoryTree) {
    let leaves = leaves(n);
    let tree = leaves.iter().copied().collect();
    (leaves, tree)
}

#[test]
fn every_proof_of_small_trees_is_the_definition_and_verifies() {
    for size in 1..=66 {
        let (leaves, tree) = tree(size);
        let root = tree.root();
        for index in 0..size {
            let proof = inclusion(index, size, &tree).unwrap();
            assert_eq!(proof, path(index as usize, &leaves), "inclusion {index} in {size}");
            assert_eq!(verify_inclusion(&leaves[index as usize], index, size, &proof, &root), Ok(()));
        }
        for old in 0..=size {
            let proof = consistency(old, size, &tree).unwrap();
            if old > 0 {
                assert_eq!(proof, subproof(old as usize, &leaves, true), "consistency {old} to {size}");
            }
            let old_root = definition(&leaves[..old as usize]);
            assert_eq!(verify_consistency(old, &old_root, size, &root, &proof), Ok(()));
        }
    }
}

#[test]
fn what_lies_outside_the_tree_has_no_proof() {
    let (leaves, tree) = tree(5);
    assert!(matches!(inclusion(5, 5, &tree), Err(ProofError::Range { wanted: 5, size: 5 })));
    assert!(matches!(consistency(6, 5, &tree), Err(ProofError::Range { wanted: 6, size: 5 })));
    assert!(matches!(inclusion(0, 6, &tree), Err(ProofError::Read(_))));
    let range = Err(VerifyError::Range { wanted: 5, size: 5 });
    assert_eq!(verify_inclusion(&leaves[0], 5, 5, &[], &tree.root()), range);
    assert_eq!(
        verify_consistency(6, &tree.root(), 5, &tree.root(), &[]),
        Err(VerifyError::Range { wanted: 6, size: 5 })
    );
}

#[test]
fn the_longest_trees_do_not_overflow() {
    let size = u64::MAX;
    assert_eq!(inclusion_ranges(0, size).len(), 64);
    assert!(consistency_ranges(1 << 63, size).len() <= 64);
    assert!(inclusion_nodes(size - 1, size).iter().all(|node| node.level < 64));
    assert!(verify_inclusion(&[0; 32], 0, size, &[[0; 32]; 64], &[0; 32]).is_err());
    assert!(verify_consistency(1, &[0; 32], size, &[0; 32], &[[0; 32]; 64]).is_err());
}

proptest! {
    #[test]
    fn a_changed_inclusion_proof_is_refused(
        size in 1_u64..400, at in any::<prop::sample::Index>(), byte in 0_usize..32, hash in any::<prop::sample::Index>(),
    ) {
        let (leaves, tree) = tree(size);
        let index = at.index(size as usize) as u64;
        let (leaf, root) = (leaves[index as usize], tree.root());
        let proof = inclusion(index, size, &tree).unwrap();
        prop_assert_eq!(verify_inclusion(&leaf, index, size, &proof, &root), Ok(()));
        let nodes: Vec<_> = inclusion_nodes(index, size);
        prop_assert!(nodes.iter().all(|node| (node.index + 1) << node.level <= size));

        let mut longer = proof.clone();
        longer.push([0; 32]);
        prop_assert!(verify_inclusion(&leaf, index, size, &longer, &root).is_err());
        if !proof.is_empty() {
            prop_assert!(verify_inclusion(&leaf, index, size, &proof[1..], &root).is_err());
            let mut changed = proof.clone();
            changed[hash.index(proof.len())][byte] ^= 1;
            prop_assert_eq!(verify_inclusion(&leaf, index, size, &changed, &root), Err(VerifyError::Root));
            prop_assert!(verify_inclusion(&leaf, index ^ 1, size, &proof, &root).is_err());
        }
    }

    #[test]
    fn a_rewritten_history_is_refused(
        old in 1_u64..300, more in 1_u64..300, at in any::<prop::sample::Index>(), byte in 0_usize..32,
    ) {
        let size = old + more;
        let (leaves, honest) = tree(size);
        let old_root = definition(&leaves[..old as usize]);
        let proof = consistency(old, size, &honest).unwrap();
        prop_assert_eq!(verify_consistency(old, &old_root, size, &honest.root(), &proof), Ok(()));

        let mut rewritten = leaves;
        rewritten[at.index(old as usize)][byte] ^= 1;
        let rewritten: MemoryTree = rewritten.into_iter().collect();
        let forged = consistency(old, size, &rewritten).unwrap();
        prop_assert!(verify_consistency(old, &old_root, size, &rewritten.root(), &forged).is_err());
        prop_assert!(verify_consistency(old, &old_root, size, &honest.root(), &proof[1..]).is_err() || proof.is_empty());
        let mut longer = proof;
        longer.push([0; 32]);
        prop_assert!(verify_consistency(old, &old_root, size, &honest.root(), &longer).is_err());
    }
}
