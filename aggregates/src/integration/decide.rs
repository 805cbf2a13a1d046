//! The rules of an integration.

use ledger::domain::{Aggregate, DecideCtx};

use super::command::limits;
use super::{Activity, Endpoint, Health, IntegrationCommand, IntegrationConfigured, IntegrationDegraded};
use super::{
    IntegrationAdapterChosen, IntegrationAuthorised, IntegrationPinned, IntegrationRestored,
    IntegrationUpgraded, Registration,
};
use super::{IntegrationEnabled, IntegrationEvent, IntegrationPaused, IntegrationRecovered};
use super::{IntegrationRegistered, IntegrationResumed, IntegrationRetired, IntegrationState};
use crate::exchange::BodyDigest;
use crate::refusals;
use crate::schema::Confidential;

/// The aggregate of one integration.
#[derive(Debug)]
pub struct Integration;

refusals! {
    /// Why a command to an integration is refused.
    IntegrationRefusal {
        /// The id is taken.
        AlreadyRegistered {} => Conflict, "integration-exists", "",
            "an integration with this id is registered already", "choose another id, or configure the one that there is";
        /// It was never registered.
        Unknown {} => NotFound, "integration-unknown", "",
            "there is no integration with this id", "register it first, or check the id";
        /// It is retired.
        Retired {} => Gone, "integration-retired", "",
            "the integration is retired", "register a new one under another id";
        /// It has no configuration.
        NotConfigured {} => Conflict, "integration-not-configured", "",
            "the integration has no configuration", "configure it, then enable it";
        /// It is not enabled.
        NotEnabled {} => Conflict, "integration-not-enabled", "",
            "the integration was never enabled", "enable it first";
        /// Somebody else configured it in between.
        Replaces {
            /// What the command replaces.
            given: u32,
            /// What there is.
            current: u32
        } => Conflict, "integration-configuration-changed", "/replaces",
            "configuration {given} is not the current one, which is {current}", "read the current configuration, and apply the change to it";
        /// An earlier configuration that there never was.
        NoSuchConfiguration {
            /// What the command restores.
            given: u32,
            /// What there is.
            current: u32
        } => Invalid, "integration-configuration-unknown", "/restores",
            "there is no configuration {given}; the current one is {current}", "restore one of the earlier ones";
        /// No adapter was ever chosen for it.
        NothingBefore {} => Conflict, "integration-adapter-never-chosen", "",
            "no adapter was chosen for this integration before", "choose a version instead of going back";
        /// A configuration that is no object.
        ConfigNotAnObject {} => Invalid, "integration-config", "/config",
            "the configuration is not an object", "send a JSON object";
        /// A configuration that is too large.
        ConfigTooLarge {
            /// How many bytes.
            bytes: usize
        } => Invalid, "integration-config-too-large", "/config",
            "the configuration has {bytes} bytes; 262,144 fit", "shorten it";
        /// A text that is empty or too long.
        Text {
            /// Which member.
            member: &'static str,
            /// How many characters it may have.
            max: usize,
            /// How many it has.
            found: usize
        } => Invalid, "integration-text", "/{member}",
            "{member} has {found} characters; it takes 1 to {max}", "shorten it, or leave it out";
        /// A cadence out of bounds.
        Cadence {
            /// In seconds.
            seconds: u32
        } => Invalid, "integration-cadence", "/cadence_seconds",
            "a cadence of {seconds} seconds is out of bounds", "use 1 to 31622400 seconds, or leave it out";
    }
}

impl Aggregate for Integration {
    const CATEGORY: &'static str = "integration";
    type State = IntegrationState;
    type Command = IntegrationCommand;
    type Event = IntegrationEvent;
    type Error = IntegrationRefusal;

    fn decide(
        state: &IntegrationState,
        command: &IntegrationCommand,
        _ctx: &DecideCtx,
    ) -> Result<Vec<IntegrationEvent>, IntegrationRefusal> {
        match (state, command) {
            (
                IntegrationState::Absent,
                IntegrationCommand::Register { kind, adapter_version, name, endpoint },
            ) => {
                check_text("name", name.as_deref(), limits::NAME_CHARS_MAX)?;
                check_text("endpoint", endpoint.as_deref(), limits::ENDPOINT_CHARS_MAX)?;
                let registered = IntegrationRegistered {
                    kind: kind.clone(),
                    adapter_version: adapter_version.clone(),
                    name: name.clone().into(),
                    endpoint: endpoint.clone().map(Endpoint).into(),
                };
                Ok(vec![registered.into()])
            }
            (IntegrationState::Absent, _) => Err(IntegrationRefusal::Unknown {}),
            (_, IntegrationCommand::Register { .. }) => Err(IntegrationRefusal::AlreadyRegistered {}),
            (IntegrationState::Retired, IntegrationCommand::Retire { .. }) => Ok(Vec::new()),
            (IntegrationState::Retired, _) => Err(IntegrationRefusal::Retired {}),
            (IntegrationState::Registered(registration), command) => change(registration, command),
        }
    }

    fn evolve(state: IntegrationState, event: &IntegrationEvent) -> IntegrationState {
        state.after(event)
    }
}

fn change(
    registration: &Registration,
    command: &IntegrationCommand,
) -> Result<Vec<IntegrationEvent>, IntegrationRefusal> {
    Ok(match (command, registration.activity, registration.health) {
        (IntegrationCommand::Configure { .. }, _, _) => vec![configure(registration, command)?],
        (IntegrationCommand::Restore { .. }, _, _) => vec![restore(registration, command)?],
        (IntegrationCommand::Pin { package, digest }, _, _)
            if registration.package.as_ref() != Some(package) =>
        {
            let (version, package) = (registration.adapter_version.clone(), package.clone());
            let digest = Confidential::of(BodyDigest(digest.clone()));
            vec![IntegrationPinned { version, package, digest }.into()]
        }
        (IntegrationCommand::Enable, Activity::Disabled, _) if registration.config_version == 0 => {
            return Err(IntegrationRefusal::NotConfigured {});
        }
        (IntegrationCommand::Enable, Activity::Disabled, _) => vec![IntegrationEnabled {}.into()],
        (IntegrationCommand::Pause { .. } | IntegrationCommand::Resume, Activity::Disabled, _) => {
            return Err(IntegrationRefusal::NotEnabled {});
        }
        (IntegrationCommand::Pause { reason }, Activity::Enabled, _) => {
            vec![IntegrationPaused { reason: *reason }.into()]
        }
        (IntegrationCommand::Enable | IntegrationCommand::Resume, Activity::Paused { .. }, _) => {
            vec![IntegrationResumed {}.into()]
        }
        (IntegrationCommand::Degrade { reason, detail }, _, health) => match health {
            Health::Degraded { reason: known } if known == *reason => Vec::new(),
            // Another reason belongs to the same bad time: one alert, not one for each.
            Health::Degraded { .. } => vec![degraded(registration.episodes, *reason, detail)],
            Health::Good => vec![degraded(registration.episodes + 1, *reason, detail)],
        },
        (IntegrationCommand::Recover, _, Health::Degraded { .. }) => {
            vec![IntegrationRecovered { episode: registration.episodes }.into()]
        }
        (IntegrationCommand::Upgrade { to }, _, _) if *to != registration.adapter_version => {
            vec![IntegrationUpgraded { from: registration.adapter_version.clone(), to: to.clone() }.into()]
        }
        (IntegrationCommand::Authorise { expires_at, renewed }, _, _) => {
            vec![IntegrationAuthorised { expires_at: *expires_at, renewed: *renewed }.into()]
        }
        (IntegrationCommand::Choose { version }, _, _) if *version != registration.chosen => {
            vec![IntegrationAdapterChosen { version: version.clone(), back: false }.into()]
        }
        (IntegrationCommand::GoBack, _, _) => {
            let Some(version) = registration.before.last().cloned() else {
                return Err(IntegrationRefusal::NothingBefore {});
            };
            vec![IntegrationAdapterChosen { version, back: true }.into()]
        }
        (IntegrationCommand::Retire { reason }, _, health) => {
            let episode = matches!(health, Health::Degraded { .. }).then_some(registration.episodes);
            vec![IntegrationRetired { reason: *reason, episode }.into()]
        }
        // It is as the command wants it.
        _ => Vec::new(),
    })
}

fn degraded(
    episode: u32,
    reason: crate::values::DegradedReason,
    detail: &Option<String>,
) -> IntegrationEvent {
    // What another system says is cut, not refused: its length is not the caller's fault.
    let detail = detail.as_ref().map(|text| text.chars().take(limits::DETAIL_CHARS_MAX).collect::<String>());
    IntegrationDegraded { reason, episode, detail: detail.into() }.into()
}

fn configure(
    registration: &Registration,
    command: &IntegrationCommand,
) -> Result<IntegrationEvent, IntegrationRefusal> {
    let IntegrationCommand::Configure { replaces, config, cadence_seconds, endpoint } = command else {
        return Err(IntegrationRefusal::ConfigNotAnObject {});
    };
    let current = registration.config_version;
    check_config(current, *replaces, config, *cadence_seconds, endpoint.as_deref())?;
    let configured = IntegrationConfigured {
        config_version: current.saturating_add(1),
        cadence_seconds: *cadence_seconds,
        config: Confidential::of(config.clone()),
        endpoint: endpoint.clone().map(Endpoint).into(),
    };
    Ok(configured.into())
}

fn restore(
    registration: &Registration,
    command: &IntegrationCommand,
) -> Result<IntegrationEvent, IntegrationRefusal> {
    let IntegrationCommand::Restore { replaces, restores, config, cadence_seconds, endpoint } = command
    else {
        return Err(IntegrationRefusal::ConfigNotAnObject {});
    };
    let current = registration.config_version;
    if *restores == 0 || *restores > current {
        return Err(IntegrationRefusal::NoSuchConfiguration { given: *restores, current });
    }
    check_config(current, *replaces, config, *cadence_seconds, endpoint.as_deref())?;
    let restored = IntegrationRestored {
        config_version: current.saturating_add(1),
        restores: *restores,
        cadence_seconds: *cadence_seconds,
        config: Confidential::of(config.clone()),
        endpoint: endpoint.clone().map(Endpoint).into(),
    };
    Ok(restored.into())
}

fn check_config(
    current: u32,
    replaces: Option<u32>,
    config: &serde_json::Value,
    cadence_seconds: Option<u32>,
    endpoint: Option<&str>,
) -> Result<(), IntegrationRefusal> {
    if let Some(given) = replaces
        && given != current
    {
        return Err(IntegrationRefusal::Replaces { given, current });
    }
    if !config.is_object() {
        return Err(IntegrationRefusal::ConfigNotAnObject {});
    }
    let bytes = config.to_string().len();
    if bytes > limits::CONFIG_BYTES_MAX {
        return Err(IntegrationRefusal::ConfigTooLarge { bytes });
    }
    check_text("endpoint", endpoint, limits::ENDPOINT_CHARS_MAX)?;
    if let Some(seconds) = cadence_seconds
        && (seconds == 0 || seconds > limits::CADENCE_SECONDS_MAX)
    {
        return Err(IntegrationRefusal::Cadence { seconds });
    }
    Ok(())
}

fn check_text(member: &'static str, text: Option<&str>, max: usize) -> Result<(), IntegrationRefusal> {
    let Some(text) = text else { return Ok(()) };
    let found = text.chars().count();
    if found == 0 || found > max { Err(IntegrationRefusal::Text { member, max, found }) } else { Ok(()) }
}
