//! The events of work with other systems.

use ledger::ids::SubjectId;
use ledger_aggregates::tenant::Contact;
use ledger_aggregates::{exchange::*, intent::*, route::*, run::*, secret::*, task::*};
use serde_json::{Value, json};

use super::*;

pub(super) fn mac(n: u8) -> ValueMac {
    ValueMac::new(format!("{n:064x}")).unwrap()
}

pub(super) fn integration() -> IntegrationId {
    IntegrationId::new("jira-1").unwrap()
}

pub(super) fn uuid<T: std::str::FromStr<Err: std::fmt::Debug>>(n: u8) -> T {
    format!("01900000-0000-5000-8000-0000000000{n:02x}").parse().unwrap()
}

pub(super) fn json_of(value: Value) -> Confidential<Value> {
    Confidential::of(value)
}

/// The events.
pub fn all() -> Vec<AnyEvent> {
    [routes(), tasks(), tickets::all(), intents(), others()].concat()
}

fn routes() -> Vec<AnyEvent> {
    let set: RouteEvent = RouteSet {
        on: RouteTrigger::ControlFailed,
        framework: Some(FrameworkId::new("nist-800-53").unwrap()),
        control: Some(ControlId::new("ac-2").unwrap()),
        severity_min: Some(Severity::Warning),
        action: RouteAction::OpenTicket,
        integration: Some(integration()),
        conflict: ConflictPolicy::Hold,
        severity: Some(Severity::Critical),
        due_seconds: Some(1_209_600),
    }
    .into();
    let removed: RouteEvent = RouteRemoved {}.into();
    [set, removed].map(AnyEvent::from).to_vec()
}

fn tasks() -> Vec<AnyEvent> {
    let (control_ref, due) = (Some(control("ac-2")), Some(time("2026-03-15T12:00:00Z")));
    let (title, body) = (text("AC-2 fails"), text("Nobody reviews the accounts."));
    let tickets = vec![uuid(2)];
    let opened = TaskOpened {
        control: control_ref.clone(),
        epoch: Some(1),
        evidence: Some(evidence(1)),
        severity: Severity::Critical,
        due,
        title: title.clone(),
        text: body.clone(),
    };
    let linked = TaskTicketLinked {
        ticket: uuid(2),
        integration: integration(),
        conflict: ConflictPolicy::Hold,
        control: control_ref,
        evidence: Some(evidence(1)),
        severity: Severity::Critical,
        due,
        title: title.clone(),
        text: body.clone(),
    };
    let assignee = Personal::of(SubjectId::new("subject-1").unwrap(), Contact("a@example.org".into()));
    let changed = TaskChanged {
        severity: Some(Severity::Warning),
        due,
        by: Some(uuid(2)),
        tickets: tickets.clone(),
        title,
        text: body,
    };
    let added = TaskEvidenceAdded {
        evidence: evidence(2),
        result: CheckResult::Fail,
        count: 1,
        tickets: tickets.clone(),
    };
    let claimed =
        TaskRemediationClaimed { by: ClaimSource::Ticket, ticket: Some(uuid(2)), note: text("done") };
    let closed = TaskClosed {
        reason: CloseReason::Evidence,
        evidence: Some(evidence(2)),
        until: Some(time("2026-06-01")),
        tickets: tickets.clone(),
        note: text("shown"),
    };
    let events: [TaskEvent; 8] = [
        opened.into(),
        linked.into(),
        TaskAssigned { tickets: tickets.clone(), assignee }.into(),
        changed.into(),
        added.into(),
        claimed.into(),
        closed.into(),
        TaskReopened { until: time("2026-06-01"), tickets }.into(),
    ];
    events.map(AnyEvent::from).to_vec()
}

fn intents() -> Vec<AnyEvent> {
    let not_before = time("2026-03-01T12:00:30Z");
    let requested = IntentRequested {
        integration: integration(),
        kind: EffectKind::Open,
        ticket: Some(uuid(2)),
        number: Some(1),
        payload: json_of(json!({ "effect": { "read": {} } })),
    };
    let started = IntentAttemptStarted {
        attempt: 1,
        step: 2,
        purpose: EffectPurpose::Perform,
        repeat: RepeatRule::Once,
        unsent: false,
        sending: json_of(json!({ "step": 2 })),
    };
    let delayed =
        IntentDelayed { attempt: 1, reason: FailureWord::RateLimited, not_before, detail: text("429") };
    let succeeded = IntentSucceeded {
        ticket: Some(uuid(2)),
        number: Some(1),
        attempts: 2,
        remote: Some(mac(4)),
        receipts: vec![mac(3)],
        seen: Some(tickets::seen()),
        result: json_of(json!({ "remote": { "id": "10001" } })),
    };
    let parked = IntentParked {
        reason: FailureWord::Conflict,
        ticket: Some(uuid(2)),
        number: Some(2),
        attempts: 3,
        episode: 1,
        conflicts: tickets::fields(),
        detail: json_of(json!({ "message": "both sides changed title" })),
    };
    let events: [IntentEvent; 9] = [
        requested.into(),
        started.into(),
        delayed.into(),
        IntentUncertain { attempt: 1, not_before, detail: text("reset") }.into(),
        IntentAbsent { looked: 1, not_before }.into(),
        succeeded.into(),
        parked.into(),
        IntentReplayed { episode: 1 }.into(),
        IntentCancelled {
            reason: CancelReason::Superseded,
            ticket: Some(uuid(2)),
            number: Some(2),
            episode: Some(1),
        }
        .into(),
    ];
    events.map(AnyEvent::from).to_vec()
}

fn others() -> Vec<AnyEvent> {
    let recorded: ExchangeEvent = ExchangeRecorded {
        integration: integration(),
        purpose: ExchangePurpose::Task,
        intent: Some(uuid(3)),
        run: Some(uuid(4)),
        step: 1,
        method: HttpMethod::Post,
        status: Some(201),
        unsent: false,
        request_bytes: 512,
        response_bytes: 128,
        duration_ms: 87,
        started_at: time("2026-03-01T12:00:00Z"),
        request_digest: Confidential::of(BodyDigest("0".repeat(64))),
        response_digest: Confidential::of(BodyDigest("1".repeat(64))),
        url: Confidential::of(ExchangeUrl("https://jira.example/rest/api/3/issue".into())),
        headers: json_of(json!({ "request": {}, "response": {} })),
        bodies: json_of(json!({ "request": "{}", "response": "{}" })),
        error: text("connection reset"),
    }
    .into();
    let started: RunEvent = RunStarted {
        integration: integration(),
        what: RunKind::Poll,
        trigger: RunTrigger::Schedule,
        due: Some(time("2026-03-01T12:00:00Z")),
    }
    .into();
    let read: RunEvent = RunPageRead { page: 1, facts: 50 }.into();
    let (cursor, found) = (json_of(json!({ "since": "2026-03-01" })), json_of(json!({ "findings": [] })));
    let finished: RunEvent = RunFinished { pages: 1, facts: 50, cursor, detail: found }.into();
    let gap: RunEvent =
        RunInconclusive { reason: RunGap::Page, facts: 50, detail: text("page 2 was not there") }.into();
    let failed: RunEvent =
        RunFailed { reason: FailureWord::Unauthenticated, detail: text("the token has expired") }.into();
    let stored: SecretEvent = SecretStored { version: 2 }.into();
    let deleted: SecretEvent = SecretDeleted { version: 2 }.into();
    vec![
        recorded.into(),
        started.into(),
        read.into(),
        finished.into(),
        gap.into(),
        failed.into(),
        stored.into(),
        deleted.into(),
    ]
}
