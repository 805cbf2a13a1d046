//! An intent in the words of the adapter protocol (`ledger_connectors::protocol::Intent`), as JSON: what adapters speak
//! is below this crate's horizon. A test of the server holds the two together.

use ledger_aggregates::ticket::{TicketSent, TicketState, TicketValues};
use ledger_aggregates::values::{ControlRef, EffectKind, IntentId, TicketId};
use serde_json::{Map, Value, json};

use super::{Around, SeenEvent};

/// The payload of what a ticket sends.
pub(super) fn payload(
    seen: &SeenEvent,
    ticket: TicketId,
    id: IntentId,
    sent: &TicketSent,
    around: &Around<'_>,
) -> Value {
    let nothing = TicketValues::default();
    let values = seen.ticket.as_deref().unwrap_or(&nothing);
    let known = values.remote.as_ref().map(|remote| json!({ "remote": remote, "base": values.base() }));
    json!({
        "id": id.to_string(),
        "key": key(ticket, values),
        "tenant": seen.tenant.as_str(),
        "ticket": known,
        "effect": effect(ticket, sent, values, around),
    })
}

/// What the other side knows the ticket by. A successor is another ticket there, and must not be taken for the one before.
fn key(ticket: TicketId, values: &TicketValues) -> String {
    match &values.state {
        TicketState::Kept(link) if link.successors > 0 => format!("{ticket}.{}", link.successors),
        _ => ticket.to_string(),
    }
}

fn effect(ticket: TicketId, sent: &TicketSent, values: &TicketValues, around: &Around<'_>) -> Value {
    let ours = values.ours();
    match sent.kind {
        EffectKind::Open => json!({ "open": opening(ticket, sent, values, around) }),
        EffectKind::Update => {
            let set: Map<String, Value> = sent
                .fields
                .iter()
                .filter_map(|field| {
                    let name = field.field.as_str();
                    let value = values.value(&field.mac).or_else(|| ours.get(name))?;
                    Some((name.to_owned(), if name == "text" { document(value) } else { value.clone() }))
                })
                .collect();
            json!({ "update": { "set": set, "overwrite": false } })
        }
        EffectKind::Comment => json!({ "comment": { "text": note(sent, values), "public": false } }),
        EffectKind::Attach => json!({ "attach": note(sent, values) }),
        EffectKind::Move => {
            let mut target = Map::new();
            target.insert("status".into(), sent.status.map(|status| status.as_str()).into());
            if let Some(note) = &values.status_note {
                target.insert("note".into(), note.clone().into());
            }
            json!({ "move": target })
        }
        EffectKind::Read | EffectKind::Custom => json!({ "read": {} }),
    }
}

/// A ticket to be opened, with the facts that templates may name.
fn opening(ticket: TicketId, sent: &TicketSent, values: &TicketValues, around: &Around<'_>) -> Value {
    let ours = values.ours();
    let mut facts = ours.clone();
    facts.retain(|name, _| name != "title" && name != "text");
    facts.insert("ticket".into(), ticket.to_string().into());
    facts.insert("integration".into(), sent.integration.as_str().into());
    let mut page = None;
    if let TicketState::Kept(link) = &values.state {
        let subject = link.control.as_ref().map_or_else(|| link.task.stream(), ControlRef::stream);
        page = (around.page)(&subject);
        facts.insert("task".into(), link.task.to_string().into());
        if let Some(evidence) = link.evidence {
            facts.insert("evidence".into(), evidence.to_string().into());
        }
        if let Some(control) = &link.control {
            facts.insert("control".into(), control.control.as_str().into());
            facts.insert("framework".into(), control.framework.as_str().into());
        }
    }
    let mut opening = Map::new();
    opening.insert("title".into(), ours.get("title").cloned().unwrap_or_else(|| "A task".into()));
    let text = ours.get("text").map_or_else(|| json!([]), document);
    let follows = values.predecessor.as_ref().map(follows);
    let text: Vec<Value> = text.as_array().into_iter().flatten().cloned().chain(follows).collect();
    opening.insert("text".into(), text.into());
    if let Some(page) = page {
        facts.insert("url".into(), page.clone().into());
        opening.insert("url".into(), page.into());
    }
    opening.insert("facts".into(), facts.into());
    Value::Object(opening)
}

/// A paragraph that leads to the ticket whose place a successor takes.
fn follows(predecessor: &Value) -> Value {
    let member = |name: &str| predecessor.get(name).and_then(Value::as_str);
    let called = member("key").or_else(|| member("id")).unwrap_or("another ticket");
    let mut name = json!({ "text": called });
    if let Some(url) = member("url") {
        name["link"] = url.into();
    }
    json!({ "paragraph": [{ "text": "This follows " }, name, { "text": ", which is closed for good." }] })
}

fn note(sent: &TicketSent, values: &TicketValues) -> Value {
    let note = sent.note_number.and_then(|note| values.notes.get(&note));
    note.cloned().unwrap_or_else(|| json!([]))
}

/// Plain text as a protocol `Document`: a paragraph for each line.
fn document(text: &Value) -> Value {
    let lines = text.as_str().unwrap_or_default().lines();
    lines.map(|line| json!({ "paragraph": [{ "text": line }] })).collect()
}
