//! Every event of every aggregate: what folds, tests and documents walk.

use ledger::domain::{DecodeError, DomainEvent, EventBody};
use serde_json::{Map, Value};

use crate::schema::EventSchema;

macro_rules! any_event {
    ($($variant:ident($event:path), $doc:literal;)+) => {
        /// An event of any aggregate.
        #[derive(Debug, Clone, PartialEq)]
        pub enum AnyEvent { $( #[doc = $doc] $variant($event), )+ }

        $( impl From<$event> for AnyEvent {
            fn from(event: $event) -> Self {
                Self::$variant(event)
            }
        } )+

        /// The schemas of all event types.
        pub fn all_schemas() -> impl Iterator<Item = &'static EventSchema> {
            const ALL: &[&[EventSchema]] = &[ $( <$event>::SCHEMAS, )+ ];
            ALL.iter().copied().flatten()
        }

        impl DomainEvent for AnyEvent {
            fn event_type(&self) -> &'static str {
                match self { $( Self::$variant(event) => event.event_type(), )+ }
            }

            fn encode(&self) -> EventBody {
                match self { $( Self::$variant(event) => event.encode(), )+ }
            }

            /// `None`: a type that this version does not know.
            fn decode(event_type: &str, data: &Map<String, Value>) -> Result<Option<Self>, DecodeError> {
                $( if let Some(event) = <$event>::decode(event_type, data)? {
                    return Ok(Some(Self::$variant(event)));
                } )+
                Ok(None)
            }
        }
    };
}

any_event! {
    Evidence(crate::evidence::EvidenceEvent), "Of a piece of evidence.";
    Control(crate::control::ControlEvent), "Of a control.";
    Alert(crate::alert::AlertEvent), "Of an alert.";
    Anchor(crate::anchor::AnchorEvent), "Of the anchors.";
    Credential(crate::credential::CredentialEvent), "Of a credential.";
    Export(crate::export::ExportEvent), "Of an export.";
    Framework(crate::framework::FrameworkEvent), "Of a framework.";
    Integration(crate::integration::IntegrationEvent), "Of an integration.";
    Key(crate::key::KeyEvent), "Of the keys of a log.";
    Probe(crate::probe::ProbeEvent), "Of a probe.";
    Reactor(crate::reactor::ReactorEvent), "Of a reactor.";
    Subject(crate::subject::SubjectEvent), "Of a data subject.";
    Tenant(crate::tenant::TenantEvent), "Of a tenant.";
    Exchange(crate::exchange::ExchangeEvent), "Of an exchange.";
    Intent(crate::intent::IntentEvent), "Of an intent.";
    Ticket(crate::ticket::TicketEvent), "Of a ticket.";
    Run(crate::run::RunEvent), "Of a run.";
    Task(crate::task::TaskEvent), "Of a task.";
    Route(crate::route::RouteEvent), "Of a route.";
    Secret(crate::secret::SecretEvent), "Of a secret.";
}
