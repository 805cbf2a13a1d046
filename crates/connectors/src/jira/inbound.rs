//! Webhooks. Their bodies are hints: what they say is read again before anything is done about it.

use serde_json::Value;

use super::snapshot::{change_mark, comment_mark};
use super::text;
use crate::adapter::InboundMessage;
use crate::protocol::{Fact, FactKind, Failure, FailureKind, RemoteRef};
use ledger::time::Timestamp;

pub(super) fn facts(message: &InboundMessage<'_>) -> Result<Vec<Fact>, Failure> {
    let malformed = |what: &str| Failure::new(FailureKind::Malformed, format!("the webhook {what}"));
    let body: Value = serde_json::from_str(message.body).map_err(|_| malformed("is no JSON"))?;
    let event = body["webhookEvent"].as_str().ok_or_else(|| malformed("names no event"))?;
    let Some(id) = body["issue"]["id"].as_str() else { return Ok(Vec::new()) };
    let comment = &body["comment"];
    let (kind, receipts) = match event {
        "jira:issue_created" => (FactKind::Hint {}, Vec::new()),
        "jira:issue_updated" => {
            (FactKind::Hint {}, body["changelog"]["id"].as_str().map(change_mark).into_iter().collect())
        }
        "jira:issue_deleted" => (FactKind::GoneHint {}, Vec::new()),
        "comment_created" => {
            let id = comment["id"].as_str().ok_or_else(|| malformed("names no comment"))?;
            (
                FactKind::Commented { id: id.into(), text: text::plain(&comment["body"]) },
                vec![comment_mark(id)],
            )
        }
        "comment_updated" | "comment_deleted" | "issue_property_set" => (FactKind::Hint {}, Vec::new()),
        // Whatever else an administrator subscribes us to.
        _ => return Ok(Vec::new()),
    };
    let at = body["timestamp"].as_i64().map(|millis| Timestamp::from_micros(millis.saturating_mul(1000)));
    // The same over the vendor's retries; without it (old Data Center) the body's own marks.
    let delivery = message.headers.get("x-atlassian-webhook-identifier").cloned();
    let own = || format!("{event}:{id}:{}:{}", body["timestamp"], body["changelog"]["id"]);
    let author = if body["user"].is_object() { &body["user"] } else { &comment["author"] };
    let fact = Fact {
        kind,
        remote: RemoteRef { id: id.into(), key: body["issue"]["key"].as_str().map(String::from), url: None },
        key: None,
        dedupe: format!("jira:webhook:{}", delivery.unwrap_or_else(own)),
        receipts,
        at,
        by: author["accountId"].as_str().or(author["name"].as_str()).map(String::from),
    };
    Ok(vec![fact])
}
