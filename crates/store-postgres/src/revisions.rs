//! Where the revisions of a stream are: what is known of its newest, the row of its head, and pages of those before.

use std::collections::BTreeMap;

use ledger_store::StreamHead;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use crate::error::PgError;
use crate::heads::{Heads, head};
use crate::rows::{signed, unsigned};
use crate::unfolded::{Key, Tail};

/// Positions in `stream_heads.recent` at most; then they become a page.
pub(crate) const PAGE_POSITIONS: u64 = 32;

impl Heads {
    /// The last event of a stream.
    pub async fn head(&self, client: &Client, key: &Key) -> Result<Option<StreamHead>, PgError> {
        Ok(self.stream(client, key, |_| None).await?.map(|(head, _)| head))
    }

    /// The position of a revision. `None`: the stream has none such yet.
    pub async fn position_of(&self, client: &Client, key: &Key, seq: u64) -> Result<Option<i64>, PgError> {
        let found = self.stream(client, key, |head| (seq <= head).then_some((seq, seq))).await?;
        Ok(found.and_then(|(_, positions)| positions.first().copied()))
    }

    /// A stream's head, and the positions of the first to the last revision that is `wanted` of those up to it. `None`:
    /// there is no such stream.
    pub async fn stream(
        &self,
        client: &Client,
        key: &Key,
        wanted: impl Fn(u64) -> Option<(u64, u64)>,
    ) -> Result<Option<(StreamHead, Vec<i64>)>, PgError> {
        let mut found = BTreeMap::new();
        let known = loop {
            let epoch = self.catch_up(client).await?;
            let unfolded = self.lock();
            if unfolded.epoch() == epoch {
                break unfolded.get(key).map(|tail| {
                    let complete =
                        wanted(tail.head.seq).is_none_or(|range| found_in(tail, range, &mut found));
                    (tail.head, complete)
                });
            }
        };
        let (head, complete) = match known {
            Some((head, true)) => (head, true),
            known => {
                // The row before the pages: what has become a page since then is in it too.
                let row = row(client, key).await?;
                let Some(head) = known.map(|(head, _)| head).or(row.as_ref().map(|row| row.head)) else {
                    return Ok(None);
                };
                let found_all = |range| row.is_some_and(|row| found_in(&row, range, &mut found));
                (head, wanted(head.seq).is_none_or(found_all))
            }
        };
        let Some((from, to)) = wanted(head.seq) else { return Ok(Some((head, Vec::new()))) };
        if !complete {
            let sql = "SELECT page, positions FROM stream_pages
                       WHERE log = $1 AND stream = $2 AND page BETWEEN $3 AND $4";
            let (log, stream) = (key.0, key.1.as_str());
            let pages = (signed(from / PAGE_POSITIONS), signed(to / PAGE_POSITIONS));
            for row in client.query(sql, &[&log, &stream, &pages.0, &pages.1]).await? {
                let first = unsigned(row.get(0))? * PAGE_POSITIONS;
                insert(first, &row.get::<_, Vec<i64>>(1), (from, to), &mut found);
            }
        }
        if found.len() as u64 == to - from + 1 {
            return Ok(Some((head, found.into_values().collect())));
        }
        Err(PgError::Corrupt(format!("stream {} has gaps between {from} and {to}", key.1)))
    }
}

fn insert(first: u64, positions: &[i64], (from, to): (u64, u64), found: &mut BTreeMap<u64, i64>) {
    let inside = (first..).zip(positions).filter(|(seq, _)| (from..=to).contains(seq));
    inside.for_each(|(seq, position)| {
        found.entry(seq).or_insert(*position);
    });
}

/// Adds what a tail has of some revisions. `true`: now all are there.
fn found_in(tail: &Tail, (from, to): (u64, u64), found: &mut BTreeMap<u64, i64>) -> bool {
    let first = tail.first();
    let skipped = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
    let rest = tail.positions.get(skipped..).unwrap_or_default();
    insert(first.max(from), rest, (from, to), found);
    found.len() as u64 == to - from + 1
}

/// A stream as the table has it.
async fn row(client: &Client, key: &Key) -> Result<Option<Tail>, PgError> {
    let sql = "SELECT seq, hash, recent FROM stream_heads WHERE log = $1 AND stream = $2";
    let of = [(&key.0 as &(dyn ToSql + Sync), Type::INT4), (&key.1.as_str(), Type::TEXT)];
    let Some(row) = client.query_typed_opt(sql, &of).await? else { return Ok(None) };
    Ok(Some(Tail { head: head(&row, 0)?, positions: row.get(2) }))
}
