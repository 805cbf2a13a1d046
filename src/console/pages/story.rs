//! Stories: the events of a stream in words, with what they disclose.

use ledger::event::Header;
use ledger::ids::{StreamId, TenantId};
use ledger_store::{Read, StoredEvent};
use serde_json::{Map, Value};

use crate::console::Console;
use crate::console::view::{
    At, Link, Mark, actor_words, event_words, result_mark, spoken, state_mark, status_mark, visible,
};
use crate::error::ApiError;

/// Steps that a page tells; the audit explorer has the rest.
pub const STEPS_MAX: usize = 50;

/// One step.
pub struct Step {
    /// What it came to.
    pub mark: Option<Mark>,
    /// What happened.
    pub words: String,
    /// What it was about.
    pub about: Option<Link>,
    /// What was said.
    pub note: Option<String>,
    /// When.
    pub at: At,
    /// Its event.
    pub index: Option<u64>,
    /// Who.
    pub actor: String,
}

/// An event, read.
pub struct Told {
    /// Its number in the log.
    pub index: u64,
    /// Its step.
    pub step: Step,
}

/// Reads events into steps.
///
/// # Errors
/// An event cannot be read.
pub fn tell(event: &StoredEvent) -> Result<Told, ApiError> {
    let header = Header::parse_trusted(&event.header).map_err(ApiError::internal)?;
    let data: Map<String, Value> = serde_json::from_slice(header.data).map_err(ApiError::internal)?;
    let step = Step {
        mark: mark(&data),
        words: words(&header.event_type, &data),
        about: None,
        note: None,
        at: header.time.into(),
        index: Some(event.index),
        actor: actor_words(header.actor.kind.as_str(), header.actor.id.as_str()),
    };
    Ok(Told { index: event.index, step })
}

/// What an event came to, by the members that say so.
fn mark(data: &Map<String, Value>) -> Option<Mark> {
    let word = |name| data.get(name).and_then(Value::as_str);
    if let Some(result) = word("result").and_then(|word| word.parse().ok()) {
        return Some(result_mark(result));
    }
    if let Some(status) = word("to").or_else(|| word("status")).and_then(|word| word.parse().ok()) {
        return Some(status_mark(status));
    }
    word("verdict").map(state_mark)
}

fn words(event_type: &str, data: &Map<String, Value>) -> String {
    let word = |name| data.get(name).and_then(Value::as_str).map(spoken);
    let what = event_words(event_type);
    if let Some(field) = word("field") {
        return format!("{what}: {}", field.to_lowercase());
    }
    match (word("reason"), word("from"), word("to")) {
        (Some(reason), ..) => format!("{what}: {}", reason.to_lowercase()),
        (None, Some(from), Some(to)) => format!("{what}: {} to {}", from.to_lowercase(), to.to_lowercase()),
        _ => what,
    }
}

impl Console {
    /// The newest events of a stream, newest first, with the disclosed text of `member` as note.
    ///
    /// # Errors
    /// The store.
    pub async fn story(
        &self,
        tenant: &TenantId,
        stream: &StreamId,
        members: &[&str],
    ) -> Result<Vec<Told>, ApiError> {
        let read = Read::stream(tenant, stream, u64::MAX).backward().limit(STEPS_MAX);
        let events = self.app.store.read(read).await.map_err(ApiError::from)?.events;
        let mut told = events.iter().map(tell).collect::<Result<Vec<_>, _>>()?;
        let indexes: Vec<u64> = told.iter().map(|told| told.index).collect();
        let mut opened = self.app.opened(tenant, &indexes).await?;
        for told in &mut told {
            let Some(found) = opened.remove(&told.index) else { continue };
            let notes = found.into_iter().filter(|(name, _)| members.contains(&name.as_str()));
            let texts: Vec<_> = notes.filter_map(|(_, value)| value.as_str().map(visible)).collect();
            told.step.note = (!texts.is_empty()).then(|| texts.join("\n"));
        }
        Ok(told)
    }
}
