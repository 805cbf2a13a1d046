//! An event of a log as projections see it: header and facts parsed once, shared by all of them.

use std::collections::HashMap;
use std::sync::LazyLock;

use ledger::domain::DomainEvent;
use ledger::event::Header;
use ledger::ids::{ActorKind, CommandId, EventId, StreamId, TenantId};
use ledger::readmodel::{FoldError, RawEvent, Text};
use ledger::time::Timestamp;
use ledger_aggregates::{AnyEvent, all_schemas};
use serde_json::{Map, Value};

use crate::fast;

/// A committed event.
#[derive(Debug, Clone)]
pub struct LogEvent {
    /// Whose log.
    pub tenant: TenantId,
    /// Leaf number in that log.
    pub index: u64,
    /// Its id.
    pub id: EventId,
    /// Its reverse-DNS type with version.
    pub event_type: Text,
    /// Its stream.
    pub stream: StreamId,
    /// Its revision in the stream.
    pub seq: u64,
    /// When it was decided.
    pub time: Timestamp,
    /// The largest `time` of the log up to here: the point at which "as of" includes this event.
    pub as_of: Timestamp,
    /// Who caused it.
    pub actor: Text,
    /// What kind of actor that is.
    pub actor_kind: ActorKind,
    /// The event that caused it.
    pub cause: Option<EventId>,
    /// The conversation that it belongs to.
    pub correlation: Option<EventId>,
    /// The command that it came from.
    pub cmd: Option<CommandId>,
    /// What it says.
    pub fact: Fact,
}

/// What an event says.
#[derive(Debug, Clone)]
pub enum Fact {
    /// An event of the domain; withheld members stay withheld.
    Known(Box<AnyEvent>),
    /// A type that is not the ledger's own. The audit view shows it, nothing else uses it.
    Foreign,
    /// A type of the ledger's own that this program does not know, or data that does not fit it.
    Malformed(Malformed),
}

/// Why a fact cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The aggregate that the type belongs to: `evidence` of `ledger.evidence.submitted.v1`.
    pub aggregate: Box<str>,
    /// What is wrong.
    pub reason: Box<str>,
}

impl LogEvent {
    /// Reads a committed event. `before` is the running maximum of time before it.
    ///
    /// # Errors
    /// Its header is not one, or is of another log.
    pub fn parse(raw: RawEvent<'_>, before: Timestamp) -> Result<Self, String> {
        // The store and the offline verifier have checked signature and form before anything is folded.
        let header = Header::parse_trusted(raw.header).map_err(|error| error.to_string())?;
        if header.tenant != *raw.tenant {
            return Err(format!("it belongs to tenant {}", header.tenant));
        }
        Ok(Self {
            fact: Fact::read(&header.event_type, header.data),
            index: raw.index,
            id: header.id,
            event_type: known_type(&header.event_type),
            stream: header.stream,
            seq: header.seq,
            time: header.time,
            as_of: header.time.max(before),
            actor: Text::new(header.actor.id.as_str()),
            actor_kind: header.actor.kind,
            cause: header.cause,
            correlation: header.correlation,
            cmd: header.cmd,
            tenant: raw.tenant.clone(),
        })
    }
}

impl Fact {
    /// Reads the public members of an event.
    pub fn read(event_type: &str, data: &[u8]) -> Self {
        let mut segments = event_type.split('.');
        let (vendor, aggregate) = (segments.next(), segments.next().unwrap_or_default());
        if vendor != Some("ledger") {
            return Self::Foreign;
        }
        if let Some(event) = fast::decode(event_type, data) {
            return Self::Known(Box::new(event));
        }
        let malformed = |reason: String| {
            Self::Malformed(Malformed { aggregate: aggregate.into(), reason: reason.into_boxed_str() })
        };
        let members: Map<String, Value> = match serde_json::from_slice(data) {
            Ok(members) => members,
            Err(error) => return malformed(format!("its data cannot be read: {error}")),
        };
        match AnyEvent::decode(event_type, &members) {
            Ok(Some(event)) => Self::Known(Box::new(event)),
            Ok(None) => {
                malformed(format!("type {event_type} is not known to this version: update the program"))
            }
            Err(error) => malformed(error.to_string()),
        }
    }
}

/// A type's name; those of the ledger's own types are not copied.
fn known_type(name: &str) -> Text {
    static NAMES: LazyLock<HashMap<&str, Text>> = LazyLock::new(|| {
        all_schemas().map(|schema| (schema.event_type, Text::of_static(schema.event_type))).collect()
    });
    NAMES.get(name).cloned().unwrap_or_else(|| Text::new(name))
}

/// For each aggregate: its event, if it is one. A malformed one is poison to the projections that ask for that aggregate.
macro_rules! facts {
    ($($name:ident: $variant:ident($event:path), $doc:literal;)+) => {
        impl LogEvent { $(
            #[doc = $doc]
            ///
            /// # Errors
            /// It is one, but malformed.
            pub fn $name(&self) -> Result<Option<&$event>, FoldError> {
                match &self.fact {
                    Fact::Known(event) => match &**event {
                        AnyEvent::$variant(event) => Ok(Some(event)),
                        _ => Ok(None),
                    },
                    Fact::Malformed(bad) if &*bad.aggregate == stringify!($name) => {
                        Err(FoldError::poison(bad.reason.clone()))
                    }
                    Fact::Malformed(_) | Fact::Foreign => Ok(None),
                }
            }
        )+ }
    };
}

facts! {
    alert: Alert(ledger_aggregates::alert::AlertEvent), "What happened to an alert.";
    control: Control(ledger_aggregates::control::ControlEvent), "What happened to a control.";
    credential: Credential(ledger_aggregates::credential::CredentialEvent), "What happened to a credential.";
    evidence: Evidence(ledger_aggregates::evidence::EvidenceEvent), "What happened to evidence.";
    export: Export(ledger_aggregates::export::ExportEvent), "What happened to an export.";
    framework: Framework(ledger_aggregates::framework::FrameworkEvent), "What happened to a framework.";
    integration: Integration(ledger_aggregates::integration::IntegrationEvent), "What happened to an integration.";
    key: Key(ledger_aggregates::key::KeyEvent), "What happened to a signing key.";
    probe: Probe(ledger_aggregates::probe::ProbeEvent), "What happened to a probe.";
    subject: Subject(ledger_aggregates::subject::SubjectEvent), "What happened to a data subject.";
    tenant: Tenant(ledger_aggregates::tenant::TenantEvent), "What happened to a tenant.";
    exchange: Exchange(ledger_aggregates::exchange::ExchangeEvent), "What happened in an exchange.";
    intent: Intent(ledger_aggregates::intent::IntentEvent), "What happened to an intent.";
    route: Route(ledger_aggregates::route::RouteEvent), "What happened to a route.";
    run: Run(ledger_aggregates::run::RunEvent), "What happened in a run.";
    secret: Secret(ledger_aggregates::secret::SecretEvent), "What happened to a secret.";
    task: Task(ledger_aggregates::task::TaskEvent), "What happened to a task.";
    ticket: Ticket(ledger_aggregates::ticket::TicketEvent), "What happened to a ticket.";
}

/// Reads the id of an event's aggregate out of its stream; a stream that does not fit is poison.
pub(crate) fn aggregate_id<T>(
    event: &LogEvent,
    read: impl FnOnce(&StreamId) -> Option<T>,
) -> Result<T, FoldError> {
    read(&event.stream).ok_or_else(|| {
        FoldError::poison(format!("{} cannot stand in stream {}", event.event_type, event.stream))
    })
}
