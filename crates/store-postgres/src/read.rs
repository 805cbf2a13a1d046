//! The contract's questions.

use futures_util::TryStreamExt;
use futures_util::pin_mut;
use ledger::ids::{CommandId, StreamId, TenantId};
use ledger_store::{
    CommandReceipt, Direction, Filter, LogHead, PAGE_BYTES_MAX, PAGE_EVENTS_MAX, Page, Read, Source,
    StoredEvent, StreamHead,
};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use crate::error::PgError;
use crate::heads::Heads;
use crate::logs::{LOG_COLUMNS, LogRow};
use crate::names::{self, Names, SharedNames};
use crate::rows::{array, signed, unsigned};

/// Places that one filtered read looks at: bounds how long it takes.
const SCAN_PLACES_MAX: u64 = 50_000;

pub(crate) async fn log(client: &Client, tenant: &TenantId) -> Result<Option<LogRow>, PgError> {
    let sql = format!("SELECT {LOG_COLUMNS} FROM logs WHERE tenant = $1");
    let row = client.query_typed_opt(&sql, &[(&tenant.as_str(), Type::TEXT)]).await?;
    row.as_ref().map(LogRow::read).transpose()
}

pub(crate) async fn log_head(client: &Client, tenant: &TenantId) -> Result<Option<LogHead>, PgError> {
    Ok(log(client, tenant).await?.map(|log| LogHead {
        size: log.size,
        root: log.root,
        active_kid: log.active(),
        last_position: log.last_position,
    }))
}

pub(crate) async fn stream_head(
    client: &Client,
    heads: &Heads,
    tenant: &TenantId,
    stream: &StreamId,
) -> Result<Option<StreamHead>, PgError> {
    match log(client, tenant).await? {
        Some(log) => heads.head(client, &(log.id, stream.clone())).await,
        None => Ok(None),
    }
}

pub(crate) async fn command(
    client: &Client,
    tenant: &TenantId,
    command: &CommandId,
) -> Result<Option<CommandReceipt>, PgError> {
    let sql = "SELECT mac, first_idx, last_idx, position FROM commands JOIN logs USING (log)
               WHERE tenant = $1 AND id = $2";
    let of = [(&tenant.as_str() as &(dyn ToSql + Sync), Type::TEXT), (&command.as_str(), Type::TEXT)];
    let Some(row) = client.query_typed_opt(sql, &of).await? else { return Ok(None) };
    Ok(Some(CommandReceipt {
        body_mac: array(row.get(0))?,
        first_index: unsigned(row.get(1))?,
        last_index: unsigned(row.get(2))?,
        position: unsigned(row.get(3))?,
    }))
}

/// A page of events.
pub(crate) async fn read(
    client: &Client,
    (names, heads): (&SharedNames, &Heads),
    query: &Read,
) -> Result<Page, PgError> {
    let mut pager = Pager { client, names, heads, query, limit: query.limit.clamp(1, PAGE_EVENTS_MAX) };
    match &query.source {
        Source::All { from } => pager.range(None, (*from).max(1), 1).await,
        Source::Log { tenant, from } => match log(client, tenant).await? {
            Some(log) => pager.range(Some(log.id), *from, 0).await,
            None => Ok(Page { next: *from, end: true, ..Page::default() }),
        },
        Source::Stream { tenant, stream, from } => pager.stream(tenant, stream, *from).await,
    }
}

/// A value with its type: the server need not be asked for it first.
type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

struct Pager<'a> {
    client: &'a Client,
    names: &'a SharedNames,
    heads: &'a Heads,
    query: &'a Read,
    limit: usize,
}

impl Pager<'_> {
    fn backward(&self) -> bool {
        self.query.direction == Direction::Backward
    }

    /// A page of a log by index, or of all by position; `first` is the lowest place.
    async fn range(&mut self, log: Option<i32>, from: u64, first: u64) -> Result<Page, PgError> {
        let place = if log.is_some() { "idx" } else { "position" };
        let newest = match log {
            None => "SELECT position FROM store".to_owned(),
            Some(log) => format!("SELECT size - 1 FROM logs WHERE log = {log}"),
        };
        // Read first: everything up to it is seen by the second question.
        let newest: i64 = self.client.query_typed_one(&newest, &[]).await?.get(0);
        let Ok(newest) = u64::try_from(newest) else {
            return Ok(Page { next: from, end: true, ..Page::default() });
        };
        if from > newest && !self.backward() || newest < first {
            return Ok(Page { next: from, end: true, ..Page::default() });
        }
        let (low, high) = if self.backward() {
            let high = from.min(newest);
            (high.saturating_sub(SCAN_PLACES_MAX - 1).max(first), high)
        } else {
            (from, newest.min(from + SCAN_PLACES_MAX - 1))
        };
        let names = self.names_for_filter().await?;
        let wanted = Wanted::of(&self.query.filter, &names);
        let order = if self.backward() { "DESC" } else { "ASC" };
        let sql = format!(
            "SELECT position, log, idx, kind, header, signature FROM events
             WHERE {place} BETWEEN $1 AND $2 AND ($3::integer IS NULL OR log = $3)
               AND ($4::integer IS NULL OR log = $4) AND ($5::integer[] IS NULL OR kind = ANY($5))
             ORDER BY {place} {order} LIMIT $6"
        );
        let limit = signed(self.limit as u64);
        let (low_place, high_place) = (signed(low), signed(high));
        let parameters: [Parameter<'_>; 6] = [
            (&low_place, Type::INT8),
            (&high_place, Type::INT8),
            (&log, Type::INT4),
            (&wanted.log, Type::INT4),
            (&wanted.kinds, Type::INT4_ARRAY),
            (&limit, Type::INT8),
        ];
        let (events, cut) = self.collect(&sql, &parameters).await?;
        let last = events.last().map(|event| if log.is_some() { event.index } else { event.position });
        Ok(self.turn(events, cut, last, (low, high), (first, newest)))
    }

    /// Where to go on, and whether there is anything more.
    fn turn(
        &self,
        events: Vec<StoredEvent>,
        cut: bool,
        last: Option<u64>,
        (low, high): (u64, u64),
        (first, newest): (u64, u64),
    ) -> Page {
        // A full page was looked at up to its last event, another one over its whole range.
        let reached = match last {
            Some(last) if cut || events.len() == self.limit => last,
            _ if self.backward() => low,
            _ => high,
        };
        let (next, end) = if self.backward() {
            (reached.saturating_sub(1), reached <= first)
        } else {
            (reached + 1, reached >= newest)
        };
        Page { events, next, end }
    }

    async fn names_for_filter(&self) -> Result<std::sync::Arc<Names>, PgError> {
        if self.query.filter.is_empty() {
            return Ok(names::known(self.names));
        }
        // A type that another process has numbered must not be missed.
        let fresh = names::load(self.client).await?;
        names::publish(self.names, fresh.clone());
        Ok(fresh)
    }

    /// Runs a query for events; the second says that the page was cut at its bytes.
    async fn collect(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<(Vec<StoredEvent>, bool), PgError> {
        // The rows first: as long as some are unread, an answer to another question waits behind them for ever.
        let (rows, cut) = self.rows(sql, parameters).await?;
        let mut known = names::known(self.names);
        if !rows.iter().all(|row| is_known(row, &known)) {
            // Another process has numbered it.
            known = names::load(self.client).await?;
            names::publish(self.names, known.clone());
        }
        let nameless = || PgError::Corrupt("an event without a type".to_owned());
        let events =
            rows.iter().map(|row| event(row, &known).ok_or_else(nameless)?).collect::<Result<_, _>>()?;
        Ok((events, cut))
    }

    async fn rows(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<(Vec<Row>, bool), PgError> {
        let parameters = parameters.iter().map(|(value, kind)| (*value, kind.clone()));
        let answer = self.client.query_typed_raw(sql, parameters).await?;
        pin_mut!(answer);
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while let Some(row) = answer.try_next().await? {
            bytes += row.get::<_, &[u8]>(HEADER).len();
            rows.push(row);
            if bytes >= PAGE_BYTES_MAX {
                return Ok((rows, true));
            }
        }
        Ok((rows, false))
    }

    /// The revisions of a page that begins at one; `None`: the stream does not reach so far.
    fn span(&self, from: u64, head: u64) -> Option<(u64, u64)> {
        let span = self.limit as u64 - 1;
        match self.backward() {
            true => Some((from.min(head).saturating_sub(span), from.min(head))),
            false => (from <= head).then(|| (from, head.min(from.saturating_add(span)))),
        }
    }

    async fn stream(&mut self, tenant: &TenantId, stream: &StreamId, from: u64) -> Result<Page, PgError> {
        let nothing = Page { events: Vec::new(), next: from, end: true };
        let Some(log) = log(self.client, tenant).await? else { return Ok(nothing) };
        let key = (log.id, stream.clone());
        let wanted = |head: u64| self.span(from, head);
        let Some((StreamHead { seq: head, .. }, positions)) =
            self.heads.stream(self.client, &key, wanted).await?
        else {
            return Ok(nothing);
        };
        let Some((low, high)) = wanted(head) else { return Ok(nothing) };
        let order = if self.backward() { "DESC" } else { "ASC" };
        let sql = format!(
            "SELECT position, log, idx, kind, header, signature FROM events
             WHERE position = ANY($1) ORDER BY position {order}"
        );
        let (mut events, cut) = self.collect(&sql, &[(&positions, Type::INT8_ARRAY)]).await?;
        let taken = events.len() as u64;
        let last = if self.backward() { (high + 1).checked_sub(taken) } else { (low + taken).checked_sub(1) };
        let names = names::known(self.names);
        let category = stream.category();
        events.retain(|event| self.query.filter.passes(&event.tenant, &event.event_type, category));
        drop(names);
        let reached = if cut { last } else { None };
        let mut page = self.turn(events, cut, reached, (low, high), (0, head));
        if !cut {
            (page.next, page.end) =
                if self.backward() { (low.saturating_sub(1), low == 0) } else { (high + 1, high == head) };
        }
        Ok(page)
    }
}

/// A filter in the database's numbers.
struct Wanted {
    log: Option<i32>,
    kinds: Option<Vec<i32>>,
}

impl Wanted {
    fn of(filter: &Filter, names: &Names) -> Self {
        // A tenant without a log has the number of none.
        let log = filter.tenant.as_ref().map(|tenant| {
            names.tenants.iter().find(|(_, known)| *known == tenant).map_or(-1, |(log, _)| *log)
        });
        let passes = |kind: &names::Kind| {
            (filter.types.is_empty() || filter.types.iter().any(|t| **t == *kind.event_type))
                && (filter.categories.is_empty() || filter.categories.iter().any(|c| **c == *kind.category))
        };
        let all = filter.types.is_empty() && filter.categories.is_empty();
        let kinds = names.kinds.iter().filter(|(_, kind)| passes(kind)).map(|(id, _)| *id).collect();
        Self { log, kinds: (!all).then_some(kinds) }
    }
}

/// Where the header stands in the rows of events.
const HEADER: usize = 4;

/// Are the numbers of a row known here?
fn is_known(row: &Row, names: &Names) -> bool {
    names.kinds.contains_key(&row.get(3)) && names.tenants.contains_key(&row.get(1))
}

/// An event of a row; `None`: its numbers are not known here yet.
fn event(row: &Row, names: &Names) -> Option<Result<StoredEvent, PgError>> {
    let kind = names.kinds.get(&row.get(3))?;
    let tenant = names.tenants.get(&row.get(1))?;
    let read = || {
        Ok(StoredEvent {
            position: unsigned(row.get(0))?,
            index: unsigned(row.get(2))?,
            tenant: tenant.clone(),
            event_type: kind.event_type.clone(),
            header: row.get::<_, &[u8]>(HEADER).into(),
            signature: array(row.get(5))?,
        })
    };
    Some(read())
}
