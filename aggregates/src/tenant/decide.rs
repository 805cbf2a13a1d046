//! The rules of a tenant.

use ledger::domain::{Aggregate, DecideCtx};

use super::TenantSuspended;
use super::{
    Contact, TenantCommand, TenantEvent, TenantOnboarded, TenantRenamed, TenantResumed, TenantState,
};
use crate::refusals;
use crate::schema::{Confidential, Personal};

/// The aggregate of one tenant.
#[derive(Debug)]
pub struct Tenant;

/// A name fits a line of a list.
const NAME_CHARS_MAX: usize = 200;

refusals! {
    /// Why a command to a tenant is refused.
    TenantRefusal {
        /// It has a log.
        AlreadyOnboarded {} => Conflict, "tenant-exists", "",
            "the tenant is onboarded already", "choose another id, or use the tenant that there is";
        /// It has no log.
        Unknown {} => NotFound, "tenant-unknown", "",
            "there is no tenant with this id", "onboard it first, or check the id";
        /// A name without characters, or too long.
        Name {
            /// How many characters.
            found: usize
        } => Invalid, "tenant-name", "/display_name",
            "the name has {found} characters; it takes 1 to 200", "give a shorter one";
    }
}

impl Aggregate for Tenant {
    const CATEGORY: &'static str = "tenant";
    type State = TenantState;
    type Command = TenantCommand;
    type Event = TenantEvent;
    type Error = TenantRefusal;

    fn decide(
        state: &TenantState,
        command: &TenantCommand,
        _ctx: &DecideCtx,
    ) -> Result<Vec<TenantEvent>, TenantRefusal> {
        match (state, command) {
            (TenantState::Absent, TenantCommand::Onboard(onboard)) => {
                check_name(&onboard.display_name)?;
                let contact = onboard.contact.clone();
                let onboarded = TenantOnboarded {
                    slot: onboard.slot,
                    genesis: onboard.genesis.clone(),
                    checkpoint_vkey: onboard.checkpoint_vkey.clone(),
                    region: onboard.region.clone(),
                    display_name: Confidential::of(onboard.display_name.clone()),
                    contact: contact
                        .map_or_else(Personal::none, |(subject, text)| Personal::of(subject, Contact(text))),
                };
                Ok(vec![onboarded.into()])
            }
            (TenantState::Absent, _) => Err(TenantRefusal::Unknown {}),
            (_, TenantCommand::Onboard(_)) => Err(TenantRefusal::AlreadyOnboarded {}),
            // The name is withheld from the state, so that repeating one is recorded again.
            (_, TenantCommand::Rename { display_name }) => {
                check_name(display_name)?;
                Ok(vec![TenantRenamed { display_name: Confidential::of(display_name.clone()) }.into()])
            }
            (TenantState::Suspended { reason: now, .. }, TenantCommand::Suspend { reason })
                if now == reason =>
            {
                Ok(Vec::new())
            }
            (_, TenantCommand::Suspend { reason }) => Ok(vec![TenantSuspended { reason: *reason }.into()]),
            (TenantState::Active { .. }, TenantCommand::Resume) => Ok(Vec::new()),
            (TenantState::Suspended { .. }, TenantCommand::Resume) => Ok(vec![TenantResumed {}.into()]),
        }
    }

    fn evolve(state: TenantState, event: &TenantEvent) -> TenantState {
        state.after(event)
    }
}

fn check_name(name: &str) -> Result<(), TenantRefusal> {
    let found = name.chars().count();
    if found == 0 || found > NAME_CHARS_MAX { Err(TenantRefusal::Name { found }) } else { Ok(()) }
}
