//! What reactors read and what they want done.

use ledger::domain::{Cause, DecodeError, DomainEvent};
use ledger::event::Header;
use ledger::ids::{Actor, CommandId, EventId, StreamId, TenantId};
use ledger::time::Timestamp;
use ledger_aggregates::AnyEvent;
use ledger_aggregates::alert::AlertCommand;
use ledger_aggregates::control::ControlCommand;
use ledger_aggregates::credential::CredentialCommand;
use ledger_aggregates::intent::IntentCommand as WorkCommand;
use ledger_aggregates::probe::ProbeCommand;
use ledger_aggregates::task::TaskCommand;
use ledger_aggregates::ticket::{TicketCommand, TicketValues};
use ledger_aggregates::values::{AlertId, ControlRef, CredentialId, IntentId, ProbeId, TaskId, TicketId};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::fast;

/// The namespace of intents' command ids: UUIDv5 of the URL namespace and `urn:integration-ledger:intent`.
const NAMESPACE: Uuid = Uuid::from_u128(0x854b_2242_4a5d_574e_9558_d24c_d759_ae6f);

/// An event with what of its header reactors need.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenEvent {
    /// Whose log it is in.
    pub tenant: TenantId,
    /// The aggregate's stream.
    pub stream: StreamId,
    /// Its place in its stream.
    pub seq: u64,
    /// Its id.
    pub id: EventId,
    /// The conversation that it belongs to.
    pub correlation: Option<EventId>,
    /// Who caused it.
    pub actor: Actor,
    /// When it was decided.
    pub time: Timestamp,
    /// What happened.
    pub event: AnyEvent,
    /// Its confidential members in clear, as far as the reactors need them and they can still be read.
    pub opened: Map<String, Value>,
    /// The values of its ticket up to it, where the reactors need them.
    pub ticket: Option<Box<TicketValues>>,
}

impl SeenEvent {
    /// Reads an event; none: its type is not known here.
    ///
    /// # Errors
    /// The data does not fit the type.
    pub fn read(header: &Header<'_>) -> Result<Option<Self>, DecodeError> {
        let misfit = |error: serde_json::Error| DecodeError {
            event_type: header.event_type.clone().into_owned(),
            reason: error.to_string(),
        };
        let event = match fast::decode(&header.event_type, header.data) {
            Some(event) => Some(event),
            None => {
                let data = serde_json::from_slice(header.data).map_err(misfit)?;
                AnyEvent::decode(&header.event_type, &data)?
            }
        };
        Ok(event.map(|event| Self {
            tenant: header.tenant.clone(),
            stream: header.stream.clone(),
            seq: header.seq,
            id: header.id,
            correlation: header.correlation,
            actor: header.actor.clone(),
            time: header.time,
            event,
            opened: Map::new(),
            ticket: None,
        }))
    }

    /// A confidential text of it.
    pub(super) fn opened_text(&self, member: &str) -> Option<String> {
        self.opened.get(member)?.as_str().map(str::to_owned)
    }

    /// The cause of what follows from this event.
    pub fn as_cause(&self) -> Cause {
        Cause { cause: Some(self.id), correlation: Some(self.correlation.unwrap_or(self.id)) }
    }
}

/// A command that a reactor wants run.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent {
    /// In whose log.
    pub tenant: TenantId,
    /// The id of the command: the same for the same events, so that it is run once.
    pub id: CommandId,
    /// What caused it.
    pub cause: Cause,
    /// What to do.
    pub command: IntentCommand,
}

/// A command with the aggregate that it goes to.
#[derive(Debug, Clone, PartialEq)]
pub enum IntentCommand {
    /// To a control.
    Control(ControlRef, ControlCommand),
    /// To an alert.
    Alert(AlertId, AlertCommand),
    /// To a probe.
    Probe(ProbeId, ProbeCommand),
    /// To a credential.
    Credential(CredentialId, CredentialCommand),
    /// To a task.
    Task(TaskId, TaskCommand),
    /// To a ticket.
    Ticket(TicketId, TicketCommand),
    /// To an intent: what another system is to be brought to.
    Intent(IntentId, WorkCommand),
}

impl IntentCommand {
    /// The stream that it writes.
    pub fn stream(&self) -> StreamId {
        match self {
            Self::Control(control, _) => control.stream(),
            Self::Alert(alert, _) => alert.stream(),
            Self::Probe(probe, _) => probe.stream(),
            Self::Credential(credential, _) => credential.stream(),
            Self::Task(task, _) => task.stream(),
            Self::Ticket(ticket, _) => ticket.stream(),
            Self::Intent(intent, _) => intent.stream(),
        }
    }
}

/// The id of the command that `reactor` derives from `sources` for one stream.
pub(super) fn command_id(
    reactor: &str,
    tenant: &TenantId,
    stream: &StreamId,
    sources: impl IntoIterator<Item = impl std::fmt::Display>,
) -> CommandId {
    let mut name = format!("{reactor}\n{tenant}\n{stream}");
    for source in sources {
        name.push('\n');
        name.push_str(&source.to_string());
    }
    let id = Uuid::new_v5(&NAMESPACE, name.as_bytes());
    CommandId::new(id.hyphenated().to_string()).expect("a UUID is visible ASCII")
}
