//! The heads of streams as the newest events tell them: what is not in the table yet, kept in memory.
//!
//! The table says how every stream stood at some position ([`crate::fold`]); the events behind it say the rest. What is
//! here reaches without a gap from such a position up to `reached`, so a stream that is not here is as the table says.

use std::collections::{BTreeMap, HashMap};

use ledger::event::EventHash;
use ledger::ids::StreamId;
use ledger_store::StreamHead;

/// Streams without an event that is not folded, kept so that their heads need not be asked for.
const FOLDED_MAX: usize = 16_384;

/// A stream of a log.
pub(crate) type Key = (i32, StreamId);

/// An event, as far as heads are concerned.
pub(crate) struct Link {
    pub position: u64,
    pub key: Key,
    pub seq: u64,
    pub prev: Option<EventHash>,
    pub hash: EventHash,
}

/// A stream's head, and where its last revisions are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tail {
    pub head: StreamHead,
    /// Positions of the last revisions up to the head's; the table knows those before.
    pub positions: Vec<i64>,
}

impl Tail {
    /// The revision of the first of the positions.
    pub fn first(&self) -> u64 {
        (self.head.seq + 1).saturating_sub(self.positions.len() as u64)
    }
}

/// The last event that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reached {
    pub position: u64,
    /// `None`: it was folded before anything was read here.
    hash: Option<EventHash>,
}

/// Events that do not follow what is known: the database has another history than it had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {position} does not follow what was there before it")]
pub(crate) struct Diverged {
    pub position: u64,
}

/// What is not folded.
#[derive(Debug, Default)]
pub(crate) struct Unfolded {
    /// How often everything was forgotten: an answer to a question from before is not taken in.
    epoch: u64,
    /// `None`: nothing is known yet.
    reached: Option<Reached>,
    folded: u64,
    tails: HashMap<Key, Tail>,
    /// How many have positions.
    unfolded: usize,
}

impl Unfolded {
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    pub fn reached(&self) -> Option<Reached> {
        self.reached
    }

    /// The position up to which the table was known to have everything.
    pub fn folded_to(&self) -> u64 {
        self.folded
    }

    /// Is an event known, and all before it?
    pub fn reaches(&self, position: u64) -> bool {
        self.reached.is_some_and(|reached| reached.position >= position)
    }

    /// How many events are known that are not folded.
    pub fn behind(&self) -> u64 {
        self.reached.map_or(0, |reached| reached.position.saturating_sub(self.folded))
    }

    /// Forgets everything: the database may be another one.
    pub fn forget(&mut self) {
        *self = Self { epoch: self.epoch + 1, ..Self::default() };
    }

    /// Begins behind what the table has, told in an epoch.
    pub fn begin(&mut self, epoch: u64, folded: u64) {
        if self.epoch == epoch && self.reached.is_none() {
            self.reached = Some(Reached { position: folded, hash: None });
            self.folded = folded;
        }
    }

    /// Is this the last event that is known?
    pub fn is_at(&self, position: u64) -> bool {
        self.reached.is_some_and(|reached| reached.position == position)
    }

    /// The heads that are known of some streams.
    pub fn heads<'k>(&self, keys: impl Iterator<Item = &'k Key>) -> HashMap<Key, StreamHead> {
        keys.filter_map(|key| Some((key.clone(), self.tails.get(key)?.head))).collect()
    }

    pub fn get(&self, key: &Key) -> Option<&Tail> {
        self.tails.get(key)
    }

    /// A head that the table has, where no event is behind it.
    pub fn remember(&mut self, key: Key, head: StreamHead) {
        if self.tails.len() - self.unfolded < FOLDED_MAX {
            self.tails.entry(key).or_insert(Tail { head, positions: Vec::new() });
        }
    }

    /// Takes events in, in their order. Those that are known already are compared, as far as that is possible.
    pub fn take(&mut self, link: Link) -> Result<(), Diverged> {
        let diverged = Diverged { position: link.position };
        let Some(reached) = self.reached else { return Ok(()) };
        if link.position <= reached.position {
            let other =
                link.position == reached.position && reached.hash.is_some_and(|hash| hash != link.hash);
            if link.position == reached.position && reached.hash.is_none() {
                self.reached = Some(Reached { hash: Some(link.hash), ..reached });
            }
            return if other { Err(diverged) } else { Ok(()) };
        }
        if link.position != reached.position + 1 {
            return Err(diverged);
        }
        let head = StreamHead { seq: link.seq, hash: link.hash };
        let position = crate::rows::signed(link.position);
        match self.tails.get_mut(&link.key) {
            Some(tail) if link.seq == tail.head.seq + 1 && link.prev == Some(tail.head.hash) => {
                self.unfolded += usize::from(tail.positions.is_empty());
                tail.head = head;
                tail.positions.push(position);
            }
            Some(_) => return Err(diverged),
            None => {
                self.unfolded += 1;
                self.tails.insert(link.key, Tail { head, positions: vec![position] });
            }
        }
        self.reached = Some(Reached { position: link.position, hash: Some(link.hash) });
        Ok(())
    }

    /// All that is to be folded, in the table's order.
    pub fn all(&self) -> BTreeMap<Key, Tail> {
        let unfolded = self.tails.iter().filter(|(_, tail)| !tail.positions.is_empty());
        unfolded.map(|(key, tail)| (key.clone(), tail.clone())).collect()
    }

    /// The table has everything up to a position.
    pub fn folded(&mut self, position: u64) {
        if self.reached.is_none_or(|reached| position > reached.position) || position <= self.folded {
            return;
        }
        self.folded = position;
        let last = crate::rows::signed(position);
        let mut room = FOLDED_MAX;
        self.unfolded = 0;
        self.tails.retain(|_, tail| {
            tail.positions.drain(..tail.positions.partition_point(|position| *position <= last));
            tail.positions.shrink_to_fit();
            if tail.positions.is_empty() {
                room = room.saturating_sub(1);
                return room > 0;
            }
            self.unfolded += 1;
            true
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(seq: u64, stream: &str) -> EventHash {
        EventHash::of(format!("{stream} {seq}").as_bytes())
    }

    fn link(position: u64, stream: &str, seq: u64) -> Link {
        let prev = seq.checked_sub(1).map(|before| hash(before, stream));
        Link { position, key: key(stream), seq, prev, hash: hash(seq, stream) }
    }

    fn key(stream: &str) -> Key {
        (1, stream.parse().unwrap())
    }

    /// Revisions 0 to 2 of `s-1` at 1, 3 and 4, revision 5 of `s-2` at 2.
    fn some() -> Unfolded {
        let mut some = Unfolded::default();
        some.begin(0, 0);
        for (position, stream, seq) in [(1, "s-1", 0), (2, "s-2", 5), (3, "s-1", 1), (4, "s-1", 2)] {
            some.take(link(position, stream, seq)).unwrap();
        }
        some
    }

    #[test]
    fn a_stream_is_told_by_its_events_and_after_folding_by_its_head() {
        let mut some = some();
        let tail = some.get(&key("s-1")).unwrap();
        assert_eq!((tail.head.seq, tail.first(), &*tail.positions), (2, 0, &[1, 3, 4][..]));
        assert_eq!(some.get(&key("s-2")).unwrap().first(), 5);
        assert_eq!((some.behind(), some.all().len()), (4, 2));
        some.folded(3);
        let tail = some.get(&key("s-1")).unwrap();
        assert_eq!((tail.head.seq, tail.first(), &*tail.positions), (2, 2, &[4][..]));
        assert!(some.get(&key("s-2")).unwrap().positions.is_empty());
        assert_eq!((some.behind(), some.all().len()), (1, 1));
        some.take(link(5, "s-2", 6)).unwrap();
        assert_eq!(some.all()[&key("s-2")].positions, [5]);
    }

    #[test]
    fn what_is_known_is_not_taken_twice_and_what_does_not_follow_is_refused() {
        let mut some = some();
        some.take(link(4, "s-1", 2)).unwrap();
        assert_eq!(some.get(&key("s-1")).unwrap().positions, [1, 3, 4]);
        for (wrong, what) in [
            (link(4, "s-3", 0), "another last event"),
            (link(6, "s-1", 3), "a gap"),
            (link(5, "s-1", 4), "a revision too far"),
            (link(5, "s-1", 2), "a revision again"),
            (Link { prev: Some(hash(9, "s-9")), ..link(5, "s-1", 3) }, "another predecessor"),
        ] {
            assert!(some.take(wrong).is_err(), "{what}");
        }
        some.take(link(5, "s-1", 3)).unwrap();
    }

    #[test]
    fn who_forgets_begins_behind_the_table_and_takes_nothing_before() {
        let mut some = some();
        let before = some.epoch();
        some.forget();
        assert_ne!(some.epoch(), before);
        some.take(link(5, "s-1", 3)).unwrap();
        assert_eq!((some.reached(), some.get(&key("s-1"))), (None, None));
        some.begin(before, 2);
        assert_eq!(some.reached(), None, "told before it was forgotten");
        some.begin(some.epoch(), 4);
        some.take(link(4, "s-1", 2)).unwrap();
        assert_eq!(some.get(&key("s-1")), None, "the table has it");
        some.take(link(5, "s-1", 3)).unwrap();
        assert_eq!(some.get(&key("s-1")).unwrap().first(), 3);
    }

    #[test]
    fn heads_that_were_asked_for_are_kept_up_to_a_number() {
        let mut some = some();
        let head = StreamHead { seq: 0, hash: hash(0, "x") };
        for n in 0..=FOLDED_MAX {
            some.remember(key(&format!("t-{n}")), head);
        }
        assert_eq!(some.tails.len(), FOLDED_MAX + 2);
        some.remember(key("s-1"), head);
        assert_eq!(some.get(&key("s-1")).unwrap().head.seq, 2, "what events say is newer");
        some.folded(4);
        assert!(some.tails.len() <= FOLDED_MAX && some.all().is_empty());
    }
}
