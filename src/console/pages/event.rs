//! One event: what it says, what it withholds, its neighbours, and all that a browser needs to verify it.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use ledger::event::{EventHash, Header};
use ledger::ids::{StreamId, TenantId};
use ledger::readmodel::Cell;
use ledger_aggregates::all_schemas;
use ledger_aggregates::schema::MemberClass;
use ledger_projections::subjects::ErasedMemberRow;
use ledger_store::{Read, StoredEvent};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::console::Console;
use crate::console::frame::Frame;
use crate::console::view::{
    At, Fact, Link, Mark, NamedText, actor_words, address, event_words, facts_of, state_mark, stream_href,
    text_of,
};
use crate::console::viewer::Viewer;
use crate::error::ApiError;
use crate::history::{disclose, proof};

#[derive(Template)]
#[template(path = "event.html")]
struct EventPage {
    frame: Frame,
    index: u64,
    words: String,
    event_type: String,
    older: Option<u64>,
    newer: Option<u64>,
    data: Vec<NamedText>,
    members: Vec<Member>,
    facts: Vec<Fact>,
    neighbours: Vec<Neighbour>,
    stream_href: String,
    raw: String,
}

struct Member {
    name: String,
    mark: Mark,
    value: String,
    cut: bool,
}

struct Neighbour {
    index: u64,
    seq: u64,
    words: String,
    hash: String,
    current: bool,
}

/// What a browser needs to verify an event. It believes none of it.
#[derive(Debug, Serialize)]
struct Material {
    /// The `.tlog-proof` of the event.
    proof: String,
    /// Those of the key stream up to it.
    keys: Vec<String>,
    /// The entry before it in its stream, base64.
    previous: Option<String>,
    /// The entry after it.
    next: Option<String>,
    /// What is disclosed to this reader.
    disclosures: Vec<Disclosed>,
}

#[derive(Debug, Serialize)]
struct Disclosed {
    salt: String,
    name: String,
    value: Value,
}

/// Key events that are proven with an event: a log with more rotations is verified offline.
const KEY_EVENTS_MAX: usize = 256;

/// An index out of a path.
fn number(text: &str) -> Result<u64, ApiError> {
    text.parse().map_err(|_| ApiError::not_found(format!("event {text}")))
}

/// `GET /audit/{index}`
pub async fn show(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Path(index): Path<String>,
) -> Response {
    let made = match number(&index) {
        Ok(index) => build(&console, &viewer, index).await,
        Err(error) => Err(error),
    };
    console.answer(&viewer, made).await
}

async fn build(console: &Console, viewer: &Viewer, index: u64) -> Result<EventPage, ApiError> {
    let tenant = viewer.tenant();
    let app = &console.app;
    let event = proof::event(&*app.store, tenant, index).await?;
    let header = Header::parse_trusted(&event.header).map_err(ApiError::internal)?;
    let size = app.store.log_head(tenant).await?.map_or(0, |head| head.size);
    let data: Map<String, Value> = serde_json::from_slice(header.data).map_err(ApiError::internal)?;
    let words = event_words(&header.event_type);
    Ok(EventPage {
        frame: console.frame(viewer, format!("Event {index}: {words}")).await?,
        index,
        words,
        event_type: header.event_type.to_string(),
        older: index.checked_sub(1),
        newer: (index + 1 < size).then_some(index + 1),
        data: facts_of(&Value::Object(data)),
        members: members(console, tenant, index, &header).await?,
        facts: facts(&header, EventHash::of(&event.header).to_string()),
        neighbours: neighbours(console, tenant, &header).await?,
        stream_href: address("/audit", &[("q", header.stream.as_str())]),
        raw: String::from_utf8_lossy(&event.header).into_owned(),
    })
}

fn facts(header: &Header<'_>, hash: String) -> Vec<Fact> {
    let id = |id: &ledger::ids::EventId| Fact::new("", id.to_string()).mono();
    let mut facts = vec![
        Fact { name: "Event id".into(), ..id(&header.id) },
        Fact::new("Time", At::from(header.time).exact).mono(),
        Fact::link("Stream", Link::to(header.stream.as_str(), stream_href(header.stream.as_str()))).mono(),
        Fact::new("Revision", header.seq.to_string()),
        Fact::new(
            "Actor",
            format!("{} ({})", actor_words("", header.actor.id.as_str()), header.actor.kind.as_str()),
        ),
        Fact::new("Signing key", header.kid.to_string()).mono(),
        Fact::new("Hash", hash).mono(),
    ];
    facts.extend(header.prev.map(|prev| Fact::new("Hash of the one before", prev.to_string()).mono()));
    facts.extend(header.cause.as_ref().map(|cause| Fact { name: "Caused by".into(), ..id(cause) }));
    facts.extend(header.cmd.as_ref().map(|cmd| Fact::new("Command", cmd.as_str()).mono()));
    facts
}

/// Withheld members: disclosed, erased, or not to be had.
async fn members(
    console: &Console,
    tenant: &TenantId,
    index: u64,
    header: &Header<'_>,
) -> Result<Vec<Member>, ApiError> {
    let opened = disclosed(console, tenant, index).await?;
    let mut members = Vec::new();
    let mut rest = header.sd.clone();
    for disclosure in &opened {
        let (value, cut) = text_of(&disclosure.value);
        members.push(Member { name: disclosure.name.clone(), mark: state_mark("disclosed"), value, cut });
        let digest = disclosure.digest().map_err(ApiError::internal)?;
        rest.retain(|other| *other != digest);
    }
    let hidden =
        all_schemas().find(|schema| schema.event_type == header.event_type).map_or_else(Vec::new, |schema| {
            let withheld = schema
                .members
                .iter()
                .filter(|member| member.class != MemberClass::Public)
                .map(|member| member.name);
            withheld.filter(|name| opened.iter().all(|disclosure| disclosure.name != *name)).collect()
        });
    for digest in rest {
        let digest = ledger::b64::encode_url(digest);
        let erased: Option<ErasedMemberRow> = console.row(tenant, vec![Cell::text(&digest)]).await?;
        let (state, value) = match erased {
            Some(row) => ("erased", format!("destroyed on request, as event {} says", row.index)),
            None => ("redacted", "not disclosed here".to_owned()),
        };
        let name = if hidden.is_empty() { "?".to_owned() } else { hidden.join(" or ") };
        members.push(Member {
            name,
            mark: state_mark(state),
            value: format!("{value}; digest {digest}"),
            cut: false,
        });
    }
    Ok(members)
}

async fn disclosed(
    console: &Console,
    tenant: &TenantId,
    index: u64,
) -> Result<Vec<ledger::disclosure::Disclosure>, ApiError> {
    let app = &console.app;
    let event = proof::event(&*app.store, tenant, index).await?;
    let opened =
        disclose::open(&*app.side, &app.keyring, tenant, &[event]).await.map_err(ApiError::internal)?;
    Ok(opened.into_values().flatten().collect())
}

async fn stream_around(
    console: &Console,
    tenant: &TenantId,
    stream: &StreamId,
    seq: u64,
) -> Result<Vec<StoredEvent>, ApiError> {
    let read = Read::stream(tenant, stream, seq.saturating_sub(1)).limit(3);
    let events = console.app.store.read(read).await?.events;
    Ok(events)
}

async fn neighbours(
    console: &Console,
    tenant: &TenantId,
    header: &Header<'_>,
) -> Result<Vec<Neighbour>, ApiError> {
    let mut shown = Vec::new();
    for event in stream_around(console, tenant, &header.stream, header.seq).await? {
        let other = Header::parse_trusted(&event.header).map_err(ApiError::internal)?;
        if other.seq <= header.seq + 1 {
            shown.push(Neighbour {
                index: event.index,
                seq: other.seq,
                words: event_words(&other.event_type),
                hash: EventHash::of(&event.header).to_string(),
                current: other.seq == header.seq,
            });
        }
    }
    Ok(shown)
}

/// `GET /audit/{index}/proof`
pub async fn proof(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Path(index): Path<String>,
) -> Response {
    let made = async {
        let index = number(&index)?;
        let app = &console.app;
        let file = proof::tlog_proof(&*app.store, &*app.side, viewer.tenant(), index).await?.encode();
        Ok::<_, ApiError>((index, file))
    };
    match made.await {
        Ok((index, file)) => {
            let name = format!("attachment; filename=\"event-{index}.tlog-proof\"");
            let name = HeaderValue::from_str(&name).expect("a number");
            let plain = HeaderValue::from_static("text/plain; charset=utf-8");
            ([(header::CONTENT_TYPE, plain), (header::CONTENT_DISPOSITION, name)], file).into_response()
        }
        Err(error) => console.problem(&viewer, error).await,
    }
}

/// `GET /audit/{index}/material`
pub async fn material(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Path(index): Path<String>,
) -> Result<Response, ApiError> {
    let index = number(&index)?;
    let tenant = viewer.tenant();
    let app = &console.app;
    let proven = |index| proof::tlog_proof(&*app.store, &*app.side, tenant, index);
    let event = proof::event(&*app.store, tenant, index).await?;
    let header = Header::parse_trusted(&event.header).map_err(ApiError::internal)?;
    let mut keys = Vec::new();
    let key_stream = ledger::epochs::key_stream(tenant).map_err(ApiError::internal)?;
    let read = Read::stream(tenant, &key_stream, 0).limit(KEY_EVENTS_MAX);
    for key in app.store.read(read).await?.events.iter().filter(|key| key.index <= index) {
        keys.push(proven(key.index).await?.encode());
    }
    let around = stream_around(&console, tenant, &header.stream, header.seq).await?;
    let mut entry_of = std::collections::BTreeMap::new();
    for event in &around {
        let other = Header::parse_trusted(&event.header).map_err(ApiError::internal)?;
        entry_of.insert(other.seq, ledger::b64::encode(proof::entry(event)?));
    }
    let disclosures = disclosed(&console, tenant, index).await?;
    let material = Material {
        proof: proven(index).await?.encode(),
        keys,
        previous: header.seq.checked_sub(1).and_then(|seq| entry_of.get(&seq).cloned()),
        next: entry_of.get(&(header.seq + 1)).cloned(),
        disclosures: disclosures
            .into_iter()
            .map(|d| Disclosed { salt: ledger::b64::encode_url(d.salt), name: d.name, value: d.value })
            .collect(),
    };
    Ok(Json(material).into_response())
}
