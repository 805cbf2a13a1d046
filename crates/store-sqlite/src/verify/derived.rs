//! What is derived from a log's events: its row, heads, runs, the head file's record, the latest checkpoint.

use ledger::checkpoint::Checkpoint;
use ledger::event::Header;
use ledger::ids::StreamId;
use rusqlite::{Connection, OptionalExtension, params};

use super::log::{Followed, LogVerifier, stream_key};
use crate::error::CoreError;
use ledger_store::headfile;
use ledger_store::verify::{Failure, Verification};

/// What a log is held against from outside its events.
pub(super) struct Witnesses {
    pub head_file: Option<headfile::Head>,
    /// `Err`: what is stored is no checkpoint.
    pub checkpoint: Option<Result<Checkpoint, String>>,
}

impl Witnesses {
    /// Reads them, and asks the tree for the roots that they state.
    pub fn of(log: &mut LogVerifier, conn: &Connection, head_file: Option<headfile::Head>) -> Self {
        let checkpoint = stored_checkpoint(conn, log.stored.id).transpose();
        let checkpoint = checkpoint.map(|note| {
            let note = note.map_err(|error| error.to_string())?;
            Checkpoint::parse_note(note.as_bytes()).map(|parsed| parsed.0).map_err(|error| error.to_string())
        });
        let sizes = [head_file.map(|head| head.size), checkpoint.iter().flatten().map(|c| c.size).next()];
        sizes.into_iter().flatten().for_each(|size| log.tree.want(size));
        Self { head_file, checkpoint }
    }

    /// Compares what is derived with what the events have made, and both with the witnesses.
    pub fn compare(
        &self,
        log: &LogVerifier,
        conn: &Connection,
        failures: &mut Verification,
    ) -> Result<(), CoreError> {
        let mut fail = |reason: String| failures.fail(Failure::of_log(&log.tenant, reason));
        let (size, root) = (log.tree.size(), log.tree.root());
        if let Some(head) = self.head_file {
            match log.root_at(head.size) {
                None => {
                    fail(format!("has {size} entries, the head file says {}: its tail is lost", head.size))
                }
                Some(root) if root != head.root => {
                    fail(format!("its first {} entries are not those of the head file", head.size));
                }
                Some(_) => {}
            }
        }
        match &self.checkpoint {
            None => {}
            Some(Err(error)) => fail(format!("its checkpoint cannot be read: {error}")),
            Some(Ok(checkpoint)) if log.root_at(checkpoint.size) != Some(checkpoint.root) => {
                fail(format!("its first {} entries are not those of its checkpoint", checkpoint.size));
            }
            Some(Ok(_)) => {}
        }
        let stored = &log.stored;
        if (stored.size, stored.root) != (size, root) {
            fail(format!(
                "is stored with {} entries and another root than its {size} events make",
                stored.size
            ));
        }
        if stored.active() != log.epochs.active() || stored.last_position != log.last_position {
            fail("its active key or last position is stored wrongly".to_owned());
        }
        runs(log, conn, &mut fail)?;
        commands(log, conn, &mut fail)?;
        heads(log, conn, &mut fail)
    }
}

fn stored_checkpoint(conn: &Connection, log: i64) -> Result<Option<String>, rusqlite::Error> {
    conn.query_row("SELECT note FROM checkpoints WHERE log = ?1", params![log], |row| row.get(0)).optional()
}

/// The runs must lead to every entry: each row must be where index and position of its first entry are.
fn runs(log: &LogVerifier, conn: &Connection, fail: &mut dyn FnMut(String)) -> Result<(), CoreError> {
    let wrong: Option<u64> = conn
        .query_row(
            "SELECT r.idx FROM runs r LEFT JOIN events e ON e.position = r.position
             WHERE r.log = ?1 AND (e.log IS NOT r.log OR e.idx IS NOT r.idx) ORDER BY r.idx LIMIT 1",
            params![log.stored.id],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(index) = wrong {
        fail(format!("the way to index {index} leads elsewhere"));
    }
    // As many runs as there are places where the log's events do not lie together.
    let (stored, made): (u64, u64) = conn.query_row(
        "SELECT (SELECT count(*) FROM runs WHERE log = ?1),
                (SELECT count(*) FROM (SELECT position - idx - lag(position - idx, 1, -1)
                                       OVER (ORDER BY position) AS step
                                       FROM events WHERE log = ?1) WHERE step <> 0)",
        params![log.stored.id],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if stored != made {
        fail(format!("has {stored} ways to its entries, {made} are needed"));
    }
    Ok(())
}

/// A command's record must lead to the events that name it. What was erased is not missed, and a MAC cannot be
/// checked without the tenant's key: a damaged one makes a conflict, never a second effect.
fn commands(log: &LogVerifier, conn: &Connection, fail: &mut dyn FnMut(String)) -> Result<(), CoreError> {
    let mut query = conn.prepare(
        "SELECT c.id, c.first_idx, e.log, e.idx, e.header FROM commands c
         LEFT JOIN events e ON e.position = c.position - (c.last_idx - c.first_idx) WHERE c.log = ?1",
    )?;
    let mut rows = query.query(params![log.stored.id])?;
    while let Some(row) = rows.next()? {
        let (id, index): (String, u64) = (row.get(0)?, row.get(1)?);
        let (at_log, at_index): (Option<i64>, Option<u64>) = (row.get(2)?, row.get(3)?);
        let header: Option<Vec<u8>> = row.get(4)?;
        let names_it = |header: &Vec<u8>| {
            let command = Header::parse(header).ok().and_then(|header| header.cmd);
            command.is_none_or(|command| command.as_str() == id)
        };
        let there = at_log == Some(log.stored.id) && at_index == Some(index);
        if !there || !header.as_ref().is_some_and(names_it) {
            fail(format!("the record of command {id} does not lead to its events"));
        }
    }
    Ok(())
}

fn heads(log: &LogVerifier, conn: &Connection, fail: &mut dyn FnMut(String)) -> Result<(), CoreError> {
    let mut query =
        conn.prepare("SELECT stream, seq, position, hash, ancestors FROM heads WHERE log = ?1")?;
    let mut rows = query.query(params![log.stored.id])?;
    let mut found = 0;
    while let Some(row) = rows.next()? {
        found += 1;
        let stream: String = row.get(0)?;
        let made = StreamId::new(&stream).ok().and_then(|id| log.heads.get(&stream_key(&id)));
        let same = |Followed { head, whole }: &Followed| -> Result<bool, rusqlite::Error> {
            Ok((head.seq, head.position) == (row.get(1)?, row.get(2)?)
                && head.hash.0[..] == *row.get_ref(3)?.as_blob()?
                && (!whole || head.encode_ancestors() == row.get_ref(4)?.as_blob()?))
        };
        match made {
            Some(head) if same(head)? => {}
            Some(_) => fail(format!("the head of stream {stream} is not its last event")),
            None => fail(format!("there is a head of stream {stream}, but no event")),
        }
    }
    if found != log.heads.len() {
        fail(format!("has {found} heads for {} streams", log.heads.len()));
    }
    Ok(())
}
