//! The payloads that reactors compose are what adapters understand.

use ledger::clock::{SeededEntropy, SystemClock};
use ledger::domain::{Aggregate, DecideCtx, DomainEvent};
use ledger::ids::{Actor, ActorKind, CommandId, EventId, TenantId};
use ledger_aggregates::AnyEvent;
use ledger_aggregates::intent::IntentCommand as Wish;
use ledger_aggregates::ticket::{
    RequestTicket, SeenField, SeenState, Ticket, TicketCommand, TicketState, TicketValues,
};
use ledger_aggregates::values::{
    ConflictPolicy, ControlRef, EffectKind, FieldName, IntegrationId, Severity, TaskId, TicketId,
    TicketStatus, ValueMac,
};
use ledger_connectors::protocol::{self, Block, Effect, Status};
use ledger_projections::reactors::{Around, IntentCommand, SeenEvent, tickets};
use serde_json::{Map, Value, json};

fn mac(text: &str) -> ValueMac {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    ValueMac::new(format!("{hex:0>64}")).expect("a mac")
}

fn values(title: &str) -> Map<String, Value> {
    json!({ "title": title, "text": "one\ntwo" }).as_object().cloned().expect("an object")
}

fn fields(values: &Map<String, Value>) -> Vec<SeenField> {
    let field = |(name, value): (&String, &Value)| SeenField {
        field: FieldName::new(name).expect("a name"),
        mac: mac(value.as_str().expect("a text")),
    };
    values.iter().map(field).collect()
}

fn settle(number: u32, title: &str) -> TicketCommand {
    TicketCommand::Settle {
        number,
        remote: Some((mac("1"), Some(json!({ "id": "1", "key": "GRC-1" })))),
        receipts: vec![mac(&number.to_string())],
        seen: Some(SeenState {
            version: mac(&format!("v{number}")),
            rank: Some(number.into()),
            at: None,
            status: Some(TicketStatus::Open),
            fields: fields(&values(title)),
        }),
        values: values(title),
    }
}

fn want(title: &str, status: Option<TicketStatus>) -> TicketCommand {
    let (fields, values, note) = (fields(&values(title)), values(title), Some("evidence shows it".into()));
    TicketCommand::Want { fields, values, status, note, heard: None, echo: false }
}

/// What is sent for these commands to a ticket, in the words of the protocol.
fn payloads(commands: &[TicketCommand]) -> Vec<protocol::Intent> {
    let tenant = TenantId::new("t-1").expect("a tenant");
    let ticket = "01900000-0000-5000-8000-000000000007".parse::<TicketId>().expect("an id");
    let (mut state, mut clear, mut sent) = (TicketState::default(), TicketValues::default(), Vec::new());
    let ctx = DecideCtx { now: "2026-03-01T12:00:00Z".parse().expect("a time") };
    let around = Around {
        routes: &|_| Vec::new(),
        title: &|_, _| None,
        failure: &|_, _| None,
        mac: &|_, _| None,
        page: &|_| Some("https://l.example".into()),
    };
    for (at, event) in commands
        .iter()
        .flat_map(|command| {
            let events = Ticket::decide(&state, command, &ctx).expect("the command is taken");
            state = events.iter().fold(std::mem::take(&mut state), Ticket::evolve);
            events
        })
        .enumerate()
    {
        let opened = event
            .encode()
            .withheld
            .into_iter()
            .map(|member| (member.name.to_owned(), member.value))
            .collect();
        clear.fold(&event, &opened);
        let seen = SeenEvent {
            tenant: tenant.clone(),
            stream: ticket.stream(),
            seq: at as u64,
            id: EventId::generate(&SystemClock, &SeededEntropy::new(at as u64)),
            correlation: None,
            actor: Actor { id: CommandId::new("reactor").expect("an id"), kind: ActorKind::System },
            time: ctx.now,
            event: AnyEvent::from(event),
            opened,
            ticket: Some(Box::new(clear.clone())),
        };
        sent.extend(tickets(&[seen], &around).into_iter().filter_map(|intent| match intent.command {
            IntentCommand::Intent(_, Wish::Request { payload, .. }) => Some(payload),
            _ => None,
        }));
    }
    sent.into_iter().map(|payload| serde_json::from_value(payload).expect("the protocol's words")).collect()
}

#[test]
fn adapters_understand_what_is_sent() {
    let request = TicketCommand::Request(Box::new(RequestTicket {
        task: "01900000-0000-5000-8000-000000000008".parse::<TaskId>().expect("an id"),
        integration: IntegrationId::new("jira-1").expect("an id"),
        conflict: ConflictPolicy::Hold,
        control: Some(ControlRef::new("nist-800-53", "ac-2").expect("a control")),
        evidence: None,
        severity: Severity::Critical,
        due: None,
        fields: fields(&values("a")),
        values: values("a"),
    }));
    let note = |kind, content| TicketCommand::Note { kind, evidence: None, content };
    let blob = json!({ "id": "b", "name": "sshd_config", "media_type": "text/plain", "size_bytes": 7 });
    let payloads = payloads(&[
        request,
        settle(1, "a"),
        want("b", None),
        settle(2, "b"),
        note(EffectKind::Comment, json!([{ "paragraph": [{ "text": "again" }] }])),
        settle(3, "b"),
        note(EffectKind::Attach, blob),
        settle(4, "b"),
        want("b", Some(TicketStatus::Closed)),
    ]);
    let [open, update, comment, attach, close] = &payloads[..] else { panic!("five: {payloads:?}") };
    let Effect::Open(ticket) = &open.effect else { panic!("{open:?}") };
    assert_eq!(
        (&*ticket.title, ticket.text.0.len(), ticket.url.as_deref()),
        ("a", 2, Some("https://l.example"))
    );
    assert_eq!(
        (&ticket.facts["control"], &ticket.facts["framework"]),
        (&json!("ac-2"), &json!("nist-800-53"))
    );
    assert_eq!(open.ticket, None);
    let Effect::Update(change) = &update.effect else { panic!("{update:?}") };
    assert_eq!(change.set, json!({ "title": "b" }).as_object().cloned().expect("an object"));
    let known = update.ticket.as_ref().expect("it is known by then");
    assert_eq!((known.remote.key.as_deref(), &known.base["title"]), (Some("GRC-1"), &json!("a")));
    assert!(
        matches!(&comment.effect, Effect::Comment { text, .. } if matches!(text.0[0], Block::Paragraph(_)))
    );
    assert!(matches!(&attach.effect, Effect::Attach(blob) if blob.size_bytes == 7));
    let Effect::Move(target) = &close.effect else { panic!("{close:?}") };
    assert_eq!((target.status, target.note.as_deref()), (Status::Closed, Some("evidence shows it")));
    assert!(payloads.iter().all(|intent| intent.key == open.key));
}
