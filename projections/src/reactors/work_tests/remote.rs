//! A system at the other side.

use super::*;

/// A ticket in another system. It trims what it is given, as vendors do.
#[derive(Debug, Clone, Default)]
pub(super) struct Remote {
    pub(super) id: String,
    pub(super) fields: Map<String, Value>,
    pub(super) status: Option<TicketStatus>,
    pub(super) rank: u64,
    pub(super) past: Vec<(u64, Map<String, Value>, Option<TicketStatus>)>,
}

impl Remote {
    pub(super) fn set(&mut self, values: &Map<String, Value>, status: Option<TicketStatus>) {
        self.past.push((self.rank, self.fields.clone(), self.status));
        for (name, value) in values {
            let text = value.as_str().unwrap_or_default().trim().to_owned();
            self.fields.insert(name.clone(), text.into());
        }
        self.status = status.or(self.status);
        self.rank += 1;
    }

    pub(super) fn state(&self) -> SeenState {
        state(&self.id, self.rank, &self.fields, self.status)
    }

    pub(super) fn mark(&self) -> ValueMac {
        mac(&json!([self.id, self.rank]))
    }
}

pub(super) fn state(
    id: &str,
    rank: u64,
    fields: &Map<String, Value>,
    status: Option<TicketStatus>,
) -> SeenState {
    SeenState {
        version: mac(&json!([id, rank])),
        rank: Some(rank),
        at: None,
        status,
        fields: seen_fields(fields),
    }
}
