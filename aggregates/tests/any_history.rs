//! `evolve` never fails: any events in any order, also such as no decision would give, leave a state from which
//! every command can be decided.

mod samples;

use ledger::domain::{Aggregate, DecideCtx, DomainEvent};
use ledger_aggregates::control::{Control, ControlCommand};
use ledger_aggregates::credential::{Credential, CredentialCommand};
use ledger_aggregates::evidence::{Evidence, EvidenceCommand};
use ledger_aggregates::integration::{Integration, IntegrationCommand};
use ledger_aggregates::probe::{Probe, ProbeCommand};
use ledger_aggregates::tenant::{Tenant, TenantCommand};
use ledger_aggregates::values::{CancelReason, PauseReason, RetireReason, RevokeReason};
use ledger_aggregates::{
    AnyEvent, alert, anchor, exchange, export, framework, intent, key, reactor, route, run,
};
use ledger_aggregates::{secret, subject, task, ticket};
use proptest::prelude::*;

/// Folds those of the events that are the aggregate's own, as they come from the store.
fn fold<A: Aggregate>(history: &[AnyEvent]) -> A::State {
    let own = history.iter().filter_map(|event| {
        A::Event::decode(event.event_type(), &event.encode().public).expect("a sample fits its schema")
    });
    own.fold(A::State::default(), |state, event| A::evolve(state, &event))
}

/// Decides; what comes of it is another test's matter, that something does is this one's.
fn decide<A: Aggregate>(history: &[AnyEvent], commands: impl IntoIterator<Item = A::Command>) {
    let ctx = DecideCtx { now: "2026-03-01T12:30:00Z".parse().expect("a time") };
    let mut state = fold::<A>(history);
    for command in commands {
        for event in A::decide(&state, &command, &ctx).unwrap_or_default() {
            state = A::evolve(state, &event);
        }
    }
}

proptest! {
    #[test]
    fn any_history_can_be_folded_and_decided_upon(
        history in proptest::collection::vec(proptest::sample::select(samples::all()), 0..60),
    ) {
        decide::<Evidence>(&history, [EvidenceCommand::Expire]);
        decide::<Control>(&history, [ControlCommand::MarkStale]);
        decide::<Tenant>(&history, [TenantCommand::Resume, TenantCommand::Rename { display_name: "x".into() }]);
        decide::<Credential>(
            &history,
            [CredentialCommand::Expire, CredentialCommand::Revoke { reason: RevokeReason::Superseded }],
        );
        decide::<Probe>(&history, [ProbeCommand::MarkSilent, ProbeCommand::Retire { reason: RetireReason::Requested }]);
        decide::<Integration>(
            &history,
            [IntegrationCommand::Enable, IntegrationCommand::Pause { reason: PauseReason::Requested }, IntegrationCommand::Resume],
        );
        fold::<alert::Alert>(&history);
        fold::<anchor::Anchor>(&history);
        fold::<export::Export>(&history);
        fold::<framework::Framework>(&history);
        fold::<key::Key>(&history);
        fold::<subject::Subject>(&history);
        fold::<exchange::Exchange>(&history);
        fold::<route::Route>(&history);
        fold::<run::Run>(&history);
        fold::<secret::Secret>(&history);
        let not_before = "2026-03-01T12:00:00Z".parse().expect("a time");
        decide::<intent::Intent>(
            &history,
            [
                intent::IntentCommand::Doubt { not_before, detail: None },
                intent::IntentCommand::NotFound { not_before },
                intent::IntentCommand::Replay,
                intent::IntentCommand::Cancel { reason: CancelReason::Requested },
            ],
        );
        decide::<task::Task>(&history, [task::TaskCommand::Reconsider]);
        decide::<ticket::Ticket>(
            &history,
            [
                ticket::TicketCommand::Miss,
                ticket::TicketCommand::ConfirmGone,
                ticket::TicketCommand::Recreate,
                ticket::TicketCommand::Waive,
            ],
        );
        decide::<reactor::Reactor>(&history, [reactor::ReactorCommand::Activate, reactor::ReactorCommand::Deactivate]);
    }
}
