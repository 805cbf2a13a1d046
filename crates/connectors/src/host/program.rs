//! Which executable an instance runs, and how much of the sandbox it must show.

use std::io;
use std::path::PathBuf;
use std::process::Command;

use ledger_sandbox::Layer;

use super::package::Intact;
use crate::child::Foreign;

/// The command line of an adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    executable: PathBuf,
    arguments: Vec<String>,
    give_up: Vec<Layer>,
    /// What its files must be, if it is a package.
    intact: Option<Intact>,
}

impl Program {
    /// A built-in adapter: this executable again, as `adapter NAME`.
    pub fn built_in(own_executable: PathBuf, name: &str) -> Self {
        Self {
            executable: own_executable,
            arguments: vec!["adapter".into(), name.into()],
            give_up: Vec::new(),
            intact: None,
        }
    }

    /// A foreign adapter: this executable as its launcher, as `adapter-launch SPEC`.
    pub fn foreign(own_executable: PathBuf, foreign: &Foreign) -> Self {
        // Paths that are no text cannot be told in JSON; such a specification is refused by the launcher.
        let spec = serde_json::to_string(foreign).unwrap_or_default();
        Self {
            executable: own_executable,
            arguments: vec!["adapter-launch".into(), spec],
            give_up: Vec::new(),
            intact: None,
        }
    }

    /// Gives up layers. **Unsafe**: the caller records that an operator asked for it. Built-in adapters are told on
    /// their command line, foreign ones in their specification.
    #[must_use]
    pub fn giving_up(mut self, layers: &[Layer]) -> Self {
        if self.arguments.first().is_some_and(|first| first == "adapter") {
            self.arguments.extend(layers.iter().map(|layer| format!("--unsafe-without={layer}")));
        }
        self.give_up = layers.to_vec();
        self
    }

    /// Of a package: its files are looked at before each start.
    pub(super) fn intact(mut self, intact: Intact) -> Self {
        self.intact = Some(intact);
        self
    }

    /// Whether its files are what they must be.
    pub(super) fn check(&self) -> io::Result<()> {
        self.intact.as_ref().map_or(Ok(()), Intact::check)
    }

    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.executable);
        command.args(&self.arguments);
        command
    }

    /// The mandatory layer that `ready` does not name, if any.
    pub(super) fn missing(&self, layers: &[String]) -> Option<Layer> {
        let named = |layer: &Layer| {
            let holds = |name: &String| {
                name == layer.name() || name.starts_with("landlock-") && *layer == Layer::Landlock
            };
            layers.iter().any(holds)
        };
        Layer::MANDATORY.into_iter().find(|layer| !named(layer) && !self.give_up.contains(layer))
    }
}
