//! What is stored of an append: after a commit whose answer was lost, and of one that is repeated.

use ledger::event::EventHash;
use ledger_store::{Append, Verdict};
use tokio_postgres::Client;

use crate::error::PgError;
use crate::heads::Heads;
use crate::rows::unsigned;
use crate::statements::Statements;
use crate::write::Write;

pub(crate) fn missing() -> PgError {
    PgError::Corrupt("the event that a head names is not there".to_owned())
}

/// Looks each append up, once no other transaction can be committing it.
pub(crate) async fn look_up(
    (client, sql): (&Client, &Statements),
    heads: &Heads,
    group: &[&Append],
) -> Result<Vec<Option<Verdict>>, PgError> {
    tokio::try_join!(client.batch_execute("BEGIN"), client.query_one(&sql.lock, &[]))?;
    let mut found = Vec::with_capacity(group.len());
    for append in group {
        let log =
            client.query_opt("SELECT log FROM logs WHERE tenant = $1", &[&append.tenant().as_str()]).await?;
        found.push(match log {
            Some(row) => stored(client, heads, row.get(0), append).await?,
            None => None,
        });
    }
    client.batch_execute("ROLLBACK").await?;
    Ok(found)
}

/// The verdict of an append that is stored: its last event is where its stream has that revision, byte for byte.
pub(crate) async fn stored(
    client: &Client,
    heads: &Heads,
    log: i32,
    append: &Append,
) -> Result<Option<Verdict>, PgError> {
    let (key, last) = ((log, append.stream().clone()), append.last());
    let Some(position) = heads.position_of(client, &key, last.seq).await? else { return Ok(None) };
    let sql = "SELECT header, idx FROM events WHERE position = $1";
    let row = client.query_opt(sql, &[&position]).await?.ok_or_else(missing)?;
    if EventHash::of(row.get(0)) != last.hash {
        return Ok(None);
    }
    let last_index = unsigned(row.get(1))?;
    let first = heads.position_of(client, &key, append.first().seq).await?.ok_or_else(missing)?;
    let sql = "SELECT idx FROM events WHERE position = $1";
    let first_index = unsigned(client.query_one(sql, &[&first]).await?.get(0))?;
    Ok(Some(Verdict::Committed { first_index, last_index, position: unsigned(position)? }))
}

impl Write<'_> {
    /// The verdict of an append whose events another append of the same group writes.
    pub fn numbers(&self, log: i32, append: &Append) -> Option<Verdict> {
        let place = |hash: EventHash| {
            let mut own = self.events.iter().filter(|(of, _, _, event)| *of == log && event.hash == hash);
            own.next().map(|(_, index, position, _)| (*index, *position))
        };
        let (first_index, _) = place(append.first().hash)?;
        let (last_index, position) = place(append.last().hash)?;
        Some(Verdict::Committed { first_index, last_index, position })
    }
}
