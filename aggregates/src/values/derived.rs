//! Ids that follow from what they stand for, so that the same thing is done once whatever crashes.
//!
//! They are for ever: another id for the same obligation would open a second ticket.

use std::fmt::Display;

use ledger::ids::TenantId;
use ledger::time::Timestamp;
use uuid::Uuid;

use super::{ControlRef, IntegrationId, IntentId, RunId, RunKind, TaskId, TicketId};

/// The namespaces: UUIDv5 of the URL namespace and `urn:integration-ledger:<word>`.
mod namespace {
    use uuid::Uuid;

    /// `task`
    pub const TASK: Uuid = Uuid::from_u128(0x465a_1cc6_eba7_543b_beeb_425e_e9d5_0c76);
    /// `ticket`
    pub const TICKET: Uuid = Uuid::from_u128(0x6622_b239_eabd_5d5b_9ec7_1bc5_bf1b_f34c);
    /// `effect`
    pub const EFFECT: Uuid = Uuid::from_u128(0x767d_b948_1856_513f_863d_6e96_190e_7d37);
    /// `run`
    pub const RUN: Uuid = Uuid::from_u128(0x71e1_5f8f_0e12_5470_acc2_893a_5f4d_472d);
}

impl TaskId {
    /// The task of one failure of a control. The next failure is another task.
    pub fn of_control(tenant: &TenantId, control: &ControlRef, epoch: u32) -> Self {
        Self(Uuid::new_v5(&namespace::TASK, format!("{tenant}\n{control}\n{epoch}").as_bytes()))
    }
}

impl TicketId {
    /// The ticket of a task in one integration: there is no second.
    pub fn of(tenant: &TenantId, task: TaskId, integration: &IntegrationId) -> Self {
        Self(Uuid::new_v5(&namespace::TICKET, format!("{tenant}\n{task}\n{integration}").as_bytes()))
    }
}

impl IntentId {
    /// The intent of one obligation: `source` is what asks for it (a ticket and the number of what is sent to it,
    /// a deduplicated hint).
    pub fn of(tenant: &TenantId, reactor: &str, source: impl Display, obligation: impl Display) -> Self {
        let name = format!("{tenant}\n{reactor}\n{source}\n{obligation}");
        Self(Uuid::new_v5(&namespace::EFFECT, name.as_bytes()))
    }

    /// The intent that carries out what a ticket sends under `number`.
    pub fn of_send(tenant: &TenantId, ticket: TicketId, number: u32) -> Self {
        Self::of(tenant, "ticket", ticket, number)
    }
}

impl RunId {
    /// The run of an integration that is due at one time: two workers that see it due start it once.
    pub fn of(tenant: &TenantId, integration: &IntegrationId, what: RunKind, due: Timestamp) -> Self {
        Self(Uuid::new_v5(&namespace::RUN, format!("{tenant}\n{integration}\n{what}\n{due}").as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_from_what_they_stand_for() {
        let tenant = TenantId::new("t-1").unwrap();
        let control = ControlRef::new("nist-800-53", "ac-2").unwrap();
        let task = TaskId::of_control(&tenant, &control, 1);
        let ticket = TicketId::of(&tenant, task, &IntegrationId::new("jira-1").unwrap());
        let due = "2026-03-01T12:00:00Z".parse().unwrap();
        let run = RunId::of(&tenant, &IntegrationId::new("jira-1").unwrap(), RunKind::Poll, due);
        let ids = [
            task.to_string(),
            ticket.to_string(),
            IntentId::of_send(&tenant, ticket, 1).to_string(),
            run.to_string(),
        ];
        assert_eq!(
            ids,
            [
                "91d7faa1-0af3-5da6-a6a8-075175b9e01c",
                "955c7890-ac92-5757-bd28-eb32e20cc0fa",
                "f96ba174-6387-590a-8301-976111255dde",
                "f9479eaa-ffb7-5396-8d36-68a4922182ab",
            ]
        );
        assert_ne!(task, TaskId::of_control(&tenant, &control, 2));
        assert_ne!(IntentId::of_send(&tenant, ticket, 1), IntentId::of_send(&tenant, ticket, 2));
    }
}
