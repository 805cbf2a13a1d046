//! The rules of a credential.

use std::time::Duration;

use ledger::domain::{Aggregate, DecideCtx};
use ledger::time::Timestamp;

use super::{ActiveCredential, CredentialCommand, CredentialEvent, CredentialExpired, CredentialIssued};
use super::{CredentialRevoked, CredentialRotated, CredentialState, IssueCredential, OVERLAP_MAX};
use crate::refusals;
use crate::values::{PublicKeyText, Role};

/// The aggregate of one API key.
#[derive(Debug)]
pub struct Credential;

/// A label fits a line of a list.
const LABEL_CHARS_MAX: usize = 200;

refusals! {
    /// Why a command to a credential is refused.
    CredentialRefusal {
        /// The id is taken.
        AlreadyIssued {} => Conflict, "credential-exists", "",
            "a credential with this id was issued already", "draw another id";
        /// It was never issued.
        Unknown {} => NotFound, "credential-unknown", "",
            "there is no credential with this id", "check the id in the list of credentials";
        /// It is revoked or expired.
        Ended {} => Gone, "credential-ended", "",
            "the credential is revoked or has expired", "issue a new one";
        /// An end that has passed.
        ExpiresInThePast {
            /// The end.
            expires_at: Timestamp
        } => Invalid, "credential-expires-in-the-past", "/expires_at",
            "the credential would have ended at {expires_at} already", "give a later time, or leave it out";
        /// An overlap that is too long.
        Overlap {
            /// In seconds.
            seconds: u64
        } => Invalid, "credential-overlap", "/overlap_seconds",
            "an overlap of {seconds} seconds is too long", "use at most 2678400 seconds (31 days)";
        /// The same key again.
        SameKey {} => Invalid, "credential-same-key", "",
            "the new secret is the old one", "draw a new secret";
        /// A probe for a role that sends nothing.
        ProbeForRole {
            /// The role.
            role: Role
        } => Invalid, "credential-probe-for-role", "/probe",
            "a credential with the role {role} does not speak for one probe", "leave the probe out, or use the role probe";
        /// A label that is empty or too long.
        Label {
            /// How many characters.
            found: usize
        } => Invalid, "credential-label", "/label",
            "the label has {found} characters; it takes 1 to 200", "shorten it, or leave it out";
    }
}

impl Aggregate for Credential {
    const CATEGORY: &'static str = "credential";
    type State = CredentialState;
    type Command = CredentialCommand;
    type Event = CredentialEvent;
    type Error = CredentialRefusal;

    fn decide(
        state: &CredentialState,
        command: &CredentialCommand,
        ctx: &DecideCtx,
    ) -> Result<Vec<CredentialEvent>, CredentialRefusal> {
        match (state, command) {
            (CredentialState::Absent, CredentialCommand::Issue(new)) => issue(new, ctx.now),
            (CredentialState::Absent, _) => Err(CredentialRefusal::Unknown {}),
            (_, CredentialCommand::Issue(_)) => Err(CredentialRefusal::AlreadyIssued {}),
            (
                CredentialState::Active(active),
                CredentialCommand::Rotate { request_key, overlap, expires_at },
            ) => rotate(active, request_key, *overlap, *expires_at, ctx.now),
            (CredentialState::Active(_), CredentialCommand::Revoke { reason }) => {
                Ok(vec![CredentialRevoked { reason: *reason }.into()])
            }
            (CredentialState::Active(active), CredentialCommand::Expire) => Ok(match active.expires_at {
                Some(end) if end <= ctx.now => vec![CredentialExpired { expired_at: end }.into()],
                _ => Vec::new(),
            }),
            // Ending what has ended is what the caller wanted.
            (_, CredentialCommand::Revoke { .. } | CredentialCommand::Expire) => Ok(Vec::new()),
            (_, CredentialCommand::Rotate { .. }) => Err(CredentialRefusal::Ended {}),
        }
    }

    fn evolve(state: CredentialState, event: &CredentialEvent) -> CredentialState {
        state.after(event)
    }
}

fn issue(new: &IssueCredential, now: Timestamp) -> Result<Vec<CredentialEvent>, CredentialRefusal> {
    check_expiry(new.expires_at, now)?;
    if new.probe.is_some() && new.role != Role::Probe {
        return Err(CredentialRefusal::ProbeForRole { role: new.role });
    }
    if let Some(found) = new.label.as_ref().map(|label| label.chars().count())
        && (found == 0 || found > LABEL_CHARS_MAX)
    {
        return Err(CredentialRefusal::Label { found });
    }
    let issued = CredentialIssued {
        role: new.role,
        environment: new.environment,
        expires_at: new.expires_at,
        probe: new.probe.clone(),
        request_key: new.request_key.clone(),
        label: new.label.clone().into(),
    };
    Ok(vec![issued.into()])
}

fn rotate(
    active: &ActiveCredential,
    request_key: &PublicKeyText,
    overlap: Duration,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Vec<CredentialEvent>, CredentialRefusal> {
    if active.expires_at.is_some_and(|end| end <= now) {
        return Err(CredentialRefusal::Ended {});
    }
    check_expiry(expires_at, now)?;
    if overlap > OVERLAP_MAX {
        return Err(CredentialRefusal::Overlap { seconds: overlap.as_secs() });
    }
    if *request_key == active.request_key {
        return Err(CredentialRefusal::SameKey {});
    }
    let rotated = CredentialRotated {
        generation: active.generation.saturating_add(1),
        overlap_until: now.plus(overlap),
        expires_at,
        request_key: request_key.clone(),
    };
    Ok(vec![rotated.into()])
}

fn check_expiry(expires_at: Option<Timestamp>, now: Timestamp) -> Result<(), CredentialRefusal> {
    match expires_at {
        Some(expires_at) if expires_at <= now => Err(CredentialRefusal::ExpiresInThePast { expires_at }),
        _ => Ok(()),
    }
}
