//! The layers by name, as `ready` states them and as an operator may give one up.

use std::fmt;
use std::str::FromStr;

/// One layer of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// The process is `nobody`.
    User,
    /// User, net, mount, pid, IPC, UTS and cgroup namespaces of its own.
    Namespaces,
    /// No capabilities.
    Capabilities,
    /// `PR_SET_NO_NEW_PRIVS`.
    NoNewPrivs,
    /// Landlock, fully enforced.
    Landlock,
    /// Resource limits.
    Rlimits,
    /// The system call filter.
    Seccomp,
}

impl Layer {
    /// All, in the order in which they are applied.
    pub const ALL: [Self; 7] = [
        Self::User,
        Self::Namespaces,
        Self::Capabilities,
        Self::NoNewPrivs,
        Self::Landlock,
        Self::Rlimits,
        Self::Seccomp,
    ];

    /// Those without which an adapter refuses to start.
    pub const MANDATORY: [Self; 4] = [Self::NoNewPrivs, Self::Landlock, Self::Rlimits, Self::Seccomp];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Namespaces => "namespaces",
            Self::Capabilities => "capabilities",
            Self::NoNewPrivs => "no-new-privs",
            Self::Landlock => "landlock",
            Self::Rlimits => "rlimits",
            Self::Seccomp => "seccomp",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no layer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a layer of the sandbox: user, namespaces, capabilities, no-new-privs, landlock, rlimits, seccomp"
)]
pub struct UnknownLayer(String);

impl FromStr for Layer {
    type Err = UnknownLayer;
    fn from_str(name: &str) -> Result<Self, UnknownLayer> {
        Self::ALL.into_iter().find(|layer| layer.name() == name).ok_or_else(|| UnknownLayer(name.into()))
    }
}

/// What was achieved: the layers that hold, and the version of Landlock among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layers {
    held: Vec<Layer>,
    /// The version of Landlock's interface whose every right is enforced.
    pub landlock_abi: Option<u8>,
}

impl Layers {
    pub(crate) fn add(&mut self, layer: Layer) {
        self.held.push(layer);
    }

    /// Whether this layer holds.
    pub fn holds(&self, layer: Layer) -> bool {
        self.held.contains(&layer)
    }

    /// The mandatory layers that are missing; not empty only under the explicit unsafe option.
    pub fn missing(&self) -> Vec<Layer> {
        Layer::MANDATORY.into_iter().filter(|layer| !self.holds(*layer)).collect()
    }

    /// Their names, in the order in which they were applied; Landlock with its version (`landlock-6`).
    pub fn names(&self) -> Vec<String> {
        let name = |layer: &Layer| match (layer, self.landlock_abi) {
            (Layer::Landlock, Some(abi)) => format!("landlock-{abi}"),
            _ => layer.name().into(),
        };
        self.held.iter().map(name).collect()
    }
}
