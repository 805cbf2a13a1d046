use std::time::Duration;

use ledger::domain::{Aggregate, DecideCtx};
use proptest::prelude::*;

use super::*;
use crate::refusal::RefusalKind::{Conflict, Gone, Invalid, NotFound};
use crate::testing::{at, from_store, given};
use crate::values::{Environment, ProbeId, PublicKeyText, RevokeReason, Role};

fn key(n: u8) -> PublicKeyText {
    PublicKeyText::new(format!("{n:043x}=")).unwrap()
}

fn new() -> IssueCredential {
    IssueCredential {
        role: Role::Probe,
        environment: Environment::Live,
        expires_at: Some(at("2026-06-01")),
        probe: Some(ProbeId::new("host-1").unwrap()),
        request_key: key(1),
        label: Some("host probe".into()),
    }
}

fn issued() -> CredentialEvent {
    let n = new();
    CredentialIssued {
        role: n.role,
        environment: n.environment,
        expires_at: n.expires_at,
        probe: n.probe,
        request_key: n.request_key,
        label: n.label.into(),
    }
    .into()
}

fn rotate(n: u8, overlap: Duration) -> CredentialCommand {
    CredentialCommand::Rotate { request_key: key(n), overlap, expires_at: Some(at("2026-09-01")) }
}

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_credential_is_issued_once() {
    let issue = CredentialCommand::Issue;
    given::<Credential>([]).when(&issue(new())).then([issued()]);
    given::<Credential>([issued()]).when(&issue(new())).then_refused(Conflict, "credential-exists", "");
    let now = Some(at("2026-03-01T12:00:00Z"));
    let cases = [
        (IssueCredential { expires_at: now, ..new() }, "credential-expires-in-the-past", "/expires_at"),
        (IssueCredential { role: Role::Viewer, ..new() }, "credential-probe-for-role", "/probe"),
        (IssueCredential { label: Some(String::new()), ..new() }, "credential-label", "/label"),
        (IssueCredential { label: Some("x".repeat(201)), ..new() }, "credential-label", "/label"),
    ];
    for (new, code, pointer) in cases {
        given::<Credential>([]).when(&issue(new)).then_refused(Invalid, code, pointer);
    }
}

#[test]
fn a_rotation_leaves_an_overlap() {
    let rotated = CredentialRotated {
        generation: 1,
        overlap_until: at("2026-03-01T13:00:00Z"),
        expires_at: Some(at("2026-09-01")),
        request_key: key(2),
    };
    given::<Credential>([issued()]).when(&rotate(2, HOUR)).then([rotated.clone().into()]);
    let CredentialState::Active(active) = given::<Credential>([issued(), rotated.into()]).state() else {
        panic!("a rotated credential works")
    };
    assert_eq!(active.previous, Some((key(1), at("2026-03-01T13:00:00Z"))));
    assert_eq!((active.generation, active.request_key, active.role), (1, key(2), Role::Probe));

    given::<Credential>([issued()]).when(&rotate(1, HOUR)).then_refused(Invalid, "credential-same-key", "");
    given::<Credential>([issued()]).when(&rotate(2, OVERLAP_MAX + HOUR)).then_refused(
        Invalid,
        "credential-overlap",
        "/overlap_seconds",
    );
    given::<Credential>([]).when(&rotate(2, HOUR)).then_refused(NotFound, "credential-unknown", "");
    given::<Credential>([issued()]).at("2026-06-01").when(&rotate(2, HOUR)).then_refused(
        Gone,
        "credential-ended",
        "",
    );
}

#[test]
fn a_credential_ends_for_good() {
    let revoke = CredentialCommand::Revoke { reason: RevokeReason::Compromised };
    let revoked = CredentialEvent::from(CredentialRevoked { reason: RevokeReason::Compromised });
    given::<Credential>([issued()]).when(&revoke).then([revoked.clone()]);
    given::<Credential>([issued(), revoked.clone()]).when(&revoke).then_nothing();
    given::<Credential>([issued(), revoked]).when(&rotate(2, HOUR)).then_refused(
        Gone,
        "credential-ended",
        "",
    );

    let expired = CredentialEvent::from(CredentialExpired { expired_at: at("2026-06-01") });
    given::<Credential>([issued()]).when(&CredentialCommand::Expire).then_nothing();
    given::<Credential>([issued()]).at("2026-06-02").when(&CredentialCommand::Expire).then([expired.clone()]);
    given::<Credential>([issued(), expired]).at("2026-06-02").when(&CredentialCommand::Expire).then_nothing();
}

proptest! {
    /// Whatever is asked in whatever order: what has ended stays ended, and generations count up.
    #[test]
    fn an_ended_credential_stays_ended(steps in proptest::collection::vec((0..4_u8, 0..12_u64), 1..30)) {
        let (mut now, mut state, mut ended) = (at("2026-03-01"), CredentialState::Absent, false);
        let mut generation = 0;
        for (n, (kind, days)) in (2_u8..).zip(steps) {
            now = now.plus(Duration::from_secs(days * 86_400));
            let command = match kind {
                0 => CredentialCommand::Issue(new()),
                1 => rotate(n, HOUR),
                2 if days > 9 => CredentialCommand::Revoke { reason: RevokeReason::Superseded },
                _ => CredentialCommand::Expire,
            };
            for event in Credential::decide(&state, &command, &DecideCtx { now }).unwrap_or_default() {
                prop_assert!(!ended, "{:?} after the end", event);
                ended = matches!(event, CredentialEvent::Revoked(_) | CredentialEvent::Expired(_));
                if let CredentialEvent::Rotated(rotated) = &event {
                    generation += 1;
                    prop_assert_eq!(rotated.generation, generation);
                }
                state = Credential::evolve(state, &from_store(&event));
            }
        }
    }
}
