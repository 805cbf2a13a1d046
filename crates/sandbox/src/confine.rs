//! The order of the layers. Each step needs what the later ones take away, so the order is fixed:
//! user → namespaces (fork into the pid namespace) → capabilities → no_new_privs → Landlock → rlimits → seccomp.

use std::io;
use std::path::PathBuf;

use crate::layer::{Layer, Layers};
use crate::limits::Limits;
use crate::{capabilities, landlock_rules, limits, namespaces, seccomp, sys};

/// Whom the sandbox is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Profile {
    /// Our own executable, already loaded: no file, no socket, no process, nothing but its three streams.
    Builtin,
    /// Any other executable, loaded afterwards: may read and execute below these paths, and nothing else.
    Foreign {
        /// Files and folders that it may read and execute.
        readable: Vec<PathBuf>,
    },
}

/// How a process is to be shut in.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whom it is for.
    pub profile: Profile,
    /// What it may use up.
    pub limits: Limits,
    /// Layers that are left out. **Unsafe**: an operator must ask for it by name, and the host records it.
    pub give_up: Vec<Layer>,
}

impl Settings {
    /// The built-in profile with the usual limits and every layer.
    pub fn builtin() -> Self {
        Self { profile: Profile::Builtin, limits: Limits::builtin(), give_up: Vec::new() }
    }

    /// The foreign profile with the usual limits and every layer.
    pub fn foreign(readable: Vec<PathBuf>) -> Self {
        Self { profile: Profile::Foreign { readable }, limits: Limits::foreign(), give_up: Vec::new() }
    }

    pub(crate) fn wants(&self, layer: Layer) -> bool {
        !self.give_up.contains(&layer)
    }
}

/// Why a process could not be shut in. It must not go on.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Landlock binds the thread and what it starts later, so another thread would stay free.
    #[error("the process has {0} threads: the sandbox must be entered before the second is started")]
    Threads(usize),
    /// A mandatory layer is not to be had.
    #[error("the layer {layer} cannot be applied: {reason}")]
    Missing {
        /// Which.
        layer: Layer,
        /// What the kernel said.
        reason: String,
    },
    /// A step between two layers failed.
    #[error("{step}: {source}")]
    Step {
        /// Which.
        step: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

/// Shuts the calling process in. On return the layers hold, and they cannot be taken off.
///
/// With namespaces the call forks: it returns in the child only, which is process 1 of its pid namespace; the
/// process that called stays behind with nothing open, and ends as the child ends.
///
/// # Errors
/// A mandatory layer cannot be had. The process may be half shut in then and has to end.
pub fn enter(settings: &Settings) -> Result<Layers, SandboxError> {
    let threads = sys::threads().map_err(|source| SandboxError::Step { step: "count threads", source })?;
    if threads != 1 {
        return Err(SandboxError::Threads(threads));
    }
    let host = sys::parent();
    let mut layers = Layers::default();
    if settings.wants(Layer::User) && sys::is_root() {
        sys::become_nobody()
            .and_then(|()| sys::die_with(host))
            .map_err(|source| SandboxError::Step { step: "become nobody", source })?;
        layers.add(Layer::User);
    }
    if settings.wants(Layer::Namespaces) && namespaces::enter(&settings.profile, host)? {
        layers.add(Layer::Namespaces);
    }
    if settings.wants(Layer::Capabilities) && capabilities::drop_all().is_ok() {
        layers.add(Layer::Capabilities);
    }
    mandatory(settings, &mut layers, Layer::NoNewPrivs, sys::no_new_privs)?;
    if settings.wants(Layer::Landlock) {
        let abi = landlock_rules::restrict(&settings.profile)
            .map_err(|reason| SandboxError::Missing { layer: Layer::Landlock, reason })?;
        layers.landlock_abi = Some(abi);
        layers.add(Layer::Landlock);
    }
    mandatory(settings, &mut layers, Layer::Rlimits, || limits::apply(&settings.limits))?;
    if settings.wants(Layer::Seccomp) {
        seccomp::install(&settings.profile)
            .map_err(|reason| SandboxError::Missing { layer: Layer::Seccomp, reason })?;
        layers.add(Layer::Seccomp);
    }
    Ok(layers)
}

fn mandatory(
    settings: &Settings,
    layers: &mut Layers,
    layer: Layer,
    apply: impl FnOnce() -> io::Result<()>,
) -> Result<(), SandboxError> {
    if settings.wants(layer) {
        apply().map_err(|error| SandboxError::Missing { layer, reason: error.to_string() })?;
        layers.add(layer);
    }
    Ok(())
}
