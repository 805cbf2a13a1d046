use ledger::domain::{Aggregate, DecideCtx};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::refusal::RefusalKind::{Conflict, Gone, Invalid, NotFound};
use crate::schema::Confidential;
use crate::testing::{at, from_store, given};
use crate::values::{DegradedReason, IntegrationKind, PauseReason, RetireReason, Version};

fn version(text: &str) -> Version {
    Version::new(text).unwrap()
}

fn register(name: Option<&str>, endpoint: Option<&str>) -> IntegrationCommand {
    IntegrationCommand::Register {
        kind: IntegrationKind::new("jira").unwrap(),
        adapter_version: version("1.0"),
        name: name.map(str::to_owned),
        endpoint: endpoint.map(str::to_owned),
    }
}

fn registered() -> IntegrationEvent {
    IntegrationRegistered {
        kind: IntegrationKind::new("jira").unwrap(),
        adapter_version: version("1.0"),
        name: Confidential::of("Jira".into()),
        endpoint: Confidential::of(Endpoint("https://jira.example".into())),
    }
    .into()
}

fn configure(replaces: Option<u32>, config: serde_json::Value) -> IntegrationCommand {
    IntegrationCommand::Configure { replaces, config, cadence_seconds: Some(300), endpoint: None }
}

fn configured(config_version: u32) -> IntegrationEvent {
    IntegrationConfigured {
        config_version,
        cadence_seconds: Some(300),
        config: Confidential::of(json!({ "project": "GRC" })),
        endpoint: Confidential::none(),
    }
    .into()
}

fn enabled() -> IntegrationEvent {
    IntegrationEnabled {}.into()
}

fn degraded(episode: u32, reason: DegradedReason) -> IntegrationEvent {
    IntegrationDegraded { reason, episode, detail: Confidential::none() }.into()
}

#[test]
fn an_integration_is_registered_configured_and_enabled() {
    let register = register(Some("Jira"), Some("https://jira.example"));
    let (enable, config) = (IntegrationCommand::Enable, json!({ "project": "GRC" }));
    given::<Integration>([]).when(&register).then([registered()]);
    given::<Integration>([registered()]).when(&register).then_refused(Conflict, "integration-exists", "");
    given::<Integration>([]).when(&enable).then_refused(NotFound, "integration-unknown", "");
    given::<Integration>([registered()]).when(&enable).then_refused(
        Conflict,
        "integration-not-configured",
        "",
    );
    given::<Integration>([registered()]).when(&configure(Some(0), config.clone())).then([configured(1)]);
    let past = || [registered(), configured(1)];
    given::<Integration>(past()).when(&configure(Some(0), config.clone())).then_refused(
        Conflict,
        "integration-configuration-changed",
        "/replaces",
    );
    given::<Integration>(past()).when(&configure(None, config)).then([configured(2)]);
    given::<Integration>(past()).when(&enable).then([enabled()]);
    given::<Integration>([registered(), configured(1), enabled()]).when(&enable).then_nothing();
}

#[test]
fn what_is_out_of_bounds_is_refused() {
    given::<Integration>([]).when(&register(Some(&"x".repeat(201)), None)).then_refused(
        Invalid,
        "integration-text",
        "/name",
    );
    given::<Integration>([]).when(&register(None, Some(""))).then_refused(
        Invalid,
        "integration-text",
        "/endpoint",
    );
    let (replaces, endpoint) = (None, None);
    let never =
        IntegrationCommand::Configure { replaces, config: json!({}), cadence_seconds: Some(0), endpoint };
    for (command, code, pointer) in [
        (configure(None, json!([])), "integration-config", "/config"),
        (configure(None, json!({ "x": "y".repeat(262_144) })), "integration-config-too-large", "/config"),
        (never, "integration-cadence", "/cadence_seconds"),
    ] {
        given::<Integration>([registered()]).when(&command).then_refused(Invalid, code, pointer);
    }
}

#[test]
fn an_integration_pauses_and_resumes() {
    let past = vec![registered(), configured(1), enabled()];
    let pause = IntegrationCommand::Pause { reason: PauseReason::Requested };
    let paused = IntegrationEvent::from(IntegrationPaused { reason: PauseReason::Requested });
    given::<Integration>([registered()]).when(&pause).then_refused(Conflict, "integration-not-enabled", "");
    given::<Integration>(past.clone()).when(&pause).then([paused.clone()]);
    let past = [past, vec![paused]].concat();
    given::<Integration>(past.clone()).when(&pause).then_nothing();
    let resumed = IntegrationEvent::from(IntegrationResumed {});
    given::<Integration>(past.clone()).when(&IntegrationCommand::Resume).then([resumed.clone()]);
    given::<Integration>(past).when(&IntegrationCommand::Enable).then([resumed]);
}

#[test]
fn a_bad_time_has_a_number_whatever_its_reasons() {
    let degrade = |reason| IntegrationCommand::Degrade { reason, detail: None };
    let (away, limited) = (DegradedReason::Unreachable, DegradedReason::RateLimited);
    given::<Integration>([registered()]).when(&degrade(away)).then([degraded(1, away)]);
    let past = vec![registered(), degraded(1, away)];
    given::<Integration>(past.clone()).when(&degrade(away)).then_nothing();
    given::<Integration>(past.clone()).when(&degrade(limited)).then([degraded(1, limited)]);
    let recovered = IntegrationEvent::from(IntegrationRecovered { episode: 1 });
    given::<Integration>(past.clone()).when(&IntegrationCommand::Recover).then([recovered.clone()]);
    let past = [past, vec![recovered]].concat();
    given::<Integration>(past.clone()).when(&IntegrationCommand::Recover).then_nothing();
    given::<Integration>(past).when(&degrade(away)).then([degraded(2, away)]);
}

#[test]
fn an_integration_is_upgraded_and_retired() {
    let upgrade = |to: &str| IntegrationCommand::Upgrade { to: version(to) };
    let upgraded = IntegrationUpgraded { from: version("1.0"), to: version("1.1") };
    given::<Integration>([registered()]).when(&upgrade("1.1")).then([upgraded.into()]);
    given::<Integration>([registered()]).when(&upgrade("1.0")).then_nothing();
    let reason = RetireReason::Replaced;
    let retire = IntegrationCommand::Retire { reason };
    let retired = |episode| IntegrationEvent::from(IntegrationRetired { reason, episode });
    given::<Integration>([registered()]).when(&retire).then([retired(None)]);
    let past = [registered(), degraded(1, DegradedReason::Adapter)];
    given::<Integration>(past).when(&retire).then([retired(Some(1))]);
    let over = || [registered(), retired(None)];
    given::<Integration>(over()).when(&retire).then_nothing();
    given::<Integration>(over()).when(&upgrade("1.1")).then_refused(Gone, "integration-retired", "");
}

#[test]
fn an_adapter_is_chosen_for_an_integration_alone_and_the_choice_is_gone_back() {
    let choose = |to: &str| IntegrationCommand::Choose { version: Some(version(to)) };
    let chosen = |to: Option<&str>, back| {
        IntegrationEvent::from(IntegrationAdapterChosen { version: to.map(version), back })
    };
    given::<Integration>([registered()]).when(&choose("1.1")).then([chosen(Some("1.1"), false)]);
    given::<Integration>([registered()]).when(&IntegrationCommand::Choose { version: None }).then_nothing();
    let twice = [registered(), chosen(Some("1.1"), false), chosen(Some("1.2"), false)];
    given::<Integration>(twice.clone()).when(&choose("1.2")).then_nothing();
    given::<Integration>(twice.clone()).when(&IntegrationCommand::GoBack).then([chosen(Some("1.1"), true)]);
    let gone_back = [twice.to_vec(), vec![chosen(Some("1.1"), true)]].concat();
    given::<Integration>(gone_back.clone()).when(&IntegrationCommand::GoBack).then([chosen(None, true)]);
    let whole = [gone_back, vec![chosen(None, true)]].concat();
    given::<Integration>(whole).when(&IntegrationCommand::GoBack).then_refused(
        Conflict,
        "integration-adapter-never-chosen",
        "",
    );
}

fn any_command() -> impl Strategy<Value = IntegrationCommand> {
    let reason = prop_oneof![Just(DegradedReason::Unreachable), Just(DegradedReason::RateLimited)];
    prop_oneof![
        Just(register(Some("Jira"), None)),
        proptest::option::of(0..4_u32).prop_map(|replaces| configure(replaces, json!({}))),
        Just(IntegrationCommand::Enable),
        Just(IntegrationCommand::Pause { reason: PauseReason::Credentials }),
        Just(IntegrationCommand::Resume),
        reason.prop_map(|reason| IntegrationCommand::Degrade { reason, detail: Some("x".into()) }),
        Just(IntegrationCommand::Recover),
        "[0-9]".prop_map(|to| IntegrationCommand::Upgrade { to: version(&to) }),
        proptest::option::of("[0-9]")
            .prop_map(|to| IntegrationCommand::Choose { version: to.map(|to| version(&to)) }),
        Just(IntegrationCommand::GoBack),
        Just(IntegrationCommand::Retire { reason: RetireReason::Requested }),
    ]
}

proptest! {
    /// Any commands in any order: nothing works without a configuration, every decided event changes the state,
    /// and configurations count up.
    #[test]
    fn decisions_and_their_fold_agree(commands in proptest::collection::vec(any_command(), 1..60)) {
        let ctx = DecideCtx { now: at("2026-03-01") };
        let (mut state, mut configurations) = (IntegrationState::Absent, 0);
        for command in commands {
            for event in Integration::decide(&state, &command, &ctx).unwrap_or_default() {
                let before = state.clone();
                state = Integration::evolve(state, &from_store(&event));
                prop_assert_ne!(&before, &state, "{:?} changes nothing", event);
                configurations += u32::from(matches!(event, IntegrationEvent::Configured(_)));
            }
            if let IntegrationState::Registered(r) = &state {
                prop_assert_eq!(r.config_version, configurations);
                prop_assert!(r.activity == Activity::Disabled || configurations > 0);
            }
        }
    }
}
