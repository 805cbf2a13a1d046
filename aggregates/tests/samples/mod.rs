//! One event of every type with every member set, so that golden files and documents show all of them.

mod logs;
mod tickets;
mod work;

use ledger::ids::{StreamId, SubjectId};
use ledger::time::Timestamp;
use ledger_aggregates::schema::{Confidential, Personal};
use ledger_aggregates::values::*;
use ledger_aggregates::{AnyEvent, alert::*, anchor::*, control::*, credential::*, evidence::*, export::*};
use ledger_aggregates::{framework::*, integration::*, key::*, probe::*, reactor::*, subject::*, tenant::*};
use serde_json::json;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn text(text: &str) -> Confidential<String> {
    Confidential::of(text.to_owned())
}

fn evidence(n: u8) -> EvidenceId {
    format!("01900000-0000-7000-8000-0000000000{n:02x}").parse().unwrap()
}

fn control(id: &str) -> ControlRef {
    ControlRef::new("nist-800-53", id).unwrap()
}

fn kid(n: u8) -> KeyIdText {
    KeyIdText::new(format!("{n:032x}")).unwrap()
}

fn public_key(n: char) -> PublicKeyText {
    PublicKeyText::new(format!("{}=", n.to_string().repeat(43))).unwrap()
}

/// The events.
pub fn all() -> Vec<AnyEvent> {
    [logs::all(), controls(), evidences(), probes(), integrations(), others(), work::all()].concat()
}

fn controls() -> Vec<AnyEvent> {
    let deadline = time("2026-03-01T13:00:00.000001Z");
    let applied = AppliedEvidence {
        evidence: evidence(1),
        source: SourceId::new("probe:host-1").unwrap(),
        check: CheckId::new("linux-host/sshd-permit-root-login").unwrap(),
        target_ref: TargetRef::new("db-1").unwrap(),
        result: CheckResult::Fail,
        observed_to: time("2026-03-01T12:00:00.000001Z"),
        stale_after: Some(deadline),
    };
    let (status, sources, failing, stale_after) = (ControlStatus::Fail, 2, 1, Some(deadline));
    let (from, to) = (ControlStatus::Pass, ControlStatus::Fail);
    let events: [ControlEvent; 8] = [
        ControlAssessed { applied: vec![applied], status, sources, failing, stale_after }.into(),
        ControlEvidenceRetracted { evidence: evidence(1), status, sources, failing, stale_after }.into(),
        ControlEvidenceLeftOut { evidence: vec![evidence(3)] }.into(),
        ControlStatusChanged { from, to, evidence: Some(evidence(1)) }.into(),
        ControlObservationRaised { epoch: 1, evidence: evidence(1) }.into(),
        ControlObservationResolved { epoch: 1, evidence: Some(evidence(2)) }.into(),
        ControlWentStale { deadline, last_result: CheckResult::Pass, overdue: 1 }.into(),
        ControlRefreshed { deadline }.into(),
    ];
    events.map(AnyEvent::from).to_vec()
}

fn evidences() -> Vec<AnyEvent> {
    let blob = BlobRef {
        id: "01900000-0000-7000-8000-0000000000aa".into(),
        name: "sshd_config".into(),
        media_type: "text/plain".into(),
        sha256: "0".repeat(64),
        size: 3_250,
    };
    let check = CheckId::new("linux-host/sshd-permit-root-login").unwrap();
    let (probe, target_ref) = (Some(ProbeId::new("host-1").unwrap()), TargetRef::new("db-1").unwrap());
    let controls = vec![control("ac-6"), control("ac-17")];
    let observed_to = time("2026-03-01T12:00:00.000001Z");
    let submitted: EvidenceEvent = EvidenceSubmitted {
        check: check.clone(),
        probe: probe.clone(),
        target_ref: target_ref.clone(),
        controls: controls.clone(),
        result: CheckResult::Inconclusive,
        reported_result: Some(CheckResult::Pass),
        checked: 0,
        skipped: 12,
        observed_from: time("2026-03-01T11:59:59Z"),
        observed_to,
        sent_at: time("2026-03-01T12:00:01Z"),
        received_at: time("2026-03-01T12:00:02Z"),
        cadence_seconds: Some(3_600),
        title: text("Root login by password"),
        summary: text("Nothing could be read: PermitRootLogin is unknown. \u{1F512}"),
        target: text("db-1.example"),
        findings: Confidential::of(json!([{ "setting": "PermitRootLogin", "value": null }])),
        blobs: Confidential::of(vec![blob]),
    }
    .into();
    let linked: EvidenceEvent = EvidenceLinked {
        controls: vec![control("cm-6")],
        check,
        probe,
        target_ref,
        result: CheckResult::Pass,
        observed_to,
        cadence_seconds: Some(3_600),
    }
    .into();
    let note = text("The screenshot is of another host.");
    let reviewed: EvidenceEvent =
        EvidenceReviewed { verdict: ReviewVerdict::Rejected, controls: controls.clone(), note }.into();
    let superseded: EvidenceEvent = EvidenceSuperseded { by: evidence(2), controls: controls.clone() }.into();
    let expired: EvidenceEvent = EvidenceExpired { expired_at: time("2027-03-01"), controls }.into();
    [submitted, linked, reviewed, superseded, expired].map(AnyEvent::from).to_vec()
}

fn probes() -> Vec<AnyEvent> {
    let deadline = time("2026-03-01T12:07:00Z");
    let events: [ProbeEvent; 5] = [
        ProbeRegistered {
            kind: ProbeKind::new("linux-host").unwrap(),
            cadence_seconds: 60,
            silent_after: deadline,
            name: text("db-1"),
        }
        .into(),
        ProbeHeartbeat {
            sent_at: time("2026-03-01T12:00:00Z"),
            cadence_seconds: 60,
            version: Some(Version::new("0.1.0").unwrap()),
            spool_events: 3,
            spool_kib: 2,
            silent_after: deadline,
        }
        .into(),
        ProbeWentSilent { deadline }.into(),
        ProbeCameBack { deadline }.into(),
        ProbeRetired { reason: RetireReason::Replaced, deadline: Some(deadline) }.into(),
    ];
    events.map(AnyEvent::from).to_vec()
}

fn integrations() -> Vec<AnyEvent> {
    let version = |version: &str| Version::new(version).unwrap();
    let endpoint = || Confidential::of(Endpoint("https://jira.example".into()));
    let events: [IntegrationEvent; 13] = [
        IntegrationRegistered {
            kind: IntegrationKind::new("jira").unwrap(),
            adapter_version: version("1.0.0"),
            name: text("Jira of compliance"),
            endpoint: endpoint(),
        }
        .into(),
        IntegrationConfigured {
            config_version: 1,
            cadence_seconds: Some(300),
            config: Confidential::of(json!({ "project": "GRC", "token": { "env": "LEDGER_JIRA_TOKEN" } })),
            endpoint: endpoint(),
        }
        .into(),
        IntegrationRestored {
            config_version: 3,
            restores: 1,
            cadence_seconds: Some(300),
            config: Confidential::of(json!({ "project": "GRC" })),
            endpoint: endpoint(),
        }
        .into(),
        IntegrationPinned {
            version: version("1.0.0"),
            package: ValueMac::new("a".repeat(64)).unwrap(),
            digest: Confidential::of(ledger_aggregates::exchange::BodyDigest("b".repeat(64))),
        }
        .into(),
        IntegrationAdapterChosen { version: Some(version("1.1.0")), back: false }.into(),
        IntegrationAuthorised { expires_at: "2026-03-01T12:00:00Z".parse().ok(), renewed: true }.into(),
        IntegrationEnabled {}.into(),
        IntegrationPaused { reason: PauseReason::Credentials }.into(),
        IntegrationResumed {}.into(),
        IntegrationDegraded { reason: DegradedReason::RateLimited, episode: 1, detail: text("429") }.into(),
        IntegrationRecovered { episode: 1 }.into(),
        IntegrationUpgraded { from: version("1.0.0"), to: version("1.1.0") }.into(),
        IntegrationRetired { reason: RetireReason::Requested, episode: Some(2) }.into(),
    ];
    events.map(AnyEvent::from).to_vec()
}

fn others() -> Vec<AnyEvent> {
    let raised: AlertEvent = AlertRaised {
        kind: AlertKind::ControlStale,
        severity: Severity::Warning,
        subject: StreamId::new("control-nist-800-53.ac-6").unwrap(),
        deadline: Some(time("2026-03-01T13:00:00Z")),
        detail: text("AC-6 was not heard of"),
    }
    .into();
    let acknowledged: AlertEvent = AlertAcknowledged { note: text("mine") }.into();
    let resolved: AlertEvent =
        AlertResolved { reason: AlertResolution::Recovered, note: text("again") }.into();
    let anchored: AnchorEvent =
        Anchored { root: HashBase64::new(format!("{}=", "r".repeat(43))).unwrap(), slots: 4 }.into();
    let purpose = ExportPurpose::Audit;
    let requested: ExportEvent =
        ExportRequested { purpose, redacted: true, recipient: text("auditor") }.into();
    let completed: ExportEvent = ExportCompleted { log_size: 70_000, files: 281 }.into();
    let failed: ExportEvent =
        ExportFailed { reason: ExportFailure::Target, detail: text("disk full") }.into();
    let held: SubjectEvent =
        SubjectHeld { until: Some(time("2027-01-01")), reason: text("litigation") }.into();
    let released: SubjectEvent = SubjectReleased {}.into();
    let erased: SubjectEvent = SubjectErased { digests: vec![HashText::new("d".repeat(43)).unwrap()] }.into();
    let activated: ReactorEvent = ReactorActivated {}.into();
    let deactivated: ReactorEvent = ReactorDeactivated {}.into();
    vec![
        raised.into(),
        acknowledged.into(),
        resolved.into(),
        anchored.into(),
        requested.into(),
        completed.into(),
        failed.into(),
        held.into(),
        released.into(),
        erased.into(),
        activated.into(),
        deactivated.into(),
    ]
}
