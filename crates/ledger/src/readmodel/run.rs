//! The touched rows of a growing table: most are new ones with rising keys, so they are kept as a list.

use std::collections::BTreeMap;

use super::key::RowKey;

/// A map that is cheap to fill in key order.
#[derive(Debug)]
pub(super) struct Run<T> {
    /// Rising keys, as they came.
    list: Vec<(RowKey, T)>,
    /// Keys that came too late for the list.
    late: BTreeMap<RowKey, T>,
}

impl<T> Default for Run<T> {
    fn default() -> Self {
        Self { list: Vec::new(), late: BTreeMap::new() }
    }
}

impl<T> Run<T> {
    /// What stands under a key.
    pub fn get(&self, key: &RowKey) -> Option<&T> {
        self.place(key).map(|at| &self.list[at].1).or_else(|| self.late.get(key))
    }

    /// Puts something under a key and gives what stood there.
    pub fn insert(&mut self, key: RowKey, value: T) -> Option<T> {
        if self.list.last().is_none_or(|(last, _)| *last < key) {
            self.list.push((key, value));
            return None;
        }
        match self.place(&key) {
            Some(at) => Some(std::mem::replace(&mut self.list[at].1, value)),
            None => self.late.insert(key, value),
        }
    }

    /// Takes away what was put in last under a key that was new. Insertions are undone in reverse order.
    pub fn undo(&mut self, key: &RowKey) {
        if self.list.last().is_some_and(|(last, _)| last == key) {
            self.list.pop();
        } else {
            self.late.remove(key);
        }
    }

    /// Everything in key order; nothing is left.
    pub fn take(&mut self) -> Vec<(RowKey, T)> {
        let mut all = std::mem::take(&mut self.list);
        if !self.late.is_empty() {
            all.extend(std::mem::take(&mut self.late));
            all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        }
        all
    }

    fn place(&self, key: &RowKey) -> Option<usize> {
        let (last, _) = self.list.last()?;
        if last < key { None } else { self.list.binary_search_by(|(known, _)| known.cmp(key)).ok() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::readmodel::Cell;

    proptest! {
        #[test]
        fn it_is_a_map(steps in prop::collection::vec((0_i64..20, any::<bool>()), 0..40)) {
            let (mut run, mut map) = (Run::default(), BTreeMap::new());
            for (at, (n, undo)) in steps.into_iter().enumerate() {
                let key = RowKey::of(&[Cell::Int(n)]);
                let before = run.insert(key.clone(), at);
                prop_assert_eq!(before, map.get(&key).copied());
                match before {
                    None if undo => run.undo(&key),
                    _ => drop(map.insert(key.clone(), at)),
                }
                prop_assert_eq!(run.get(&key), map.get(&key));
            }
            prop_assert_eq!(run.take(), map.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(run.take(), vec![]);
        }
    }
}
