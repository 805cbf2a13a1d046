//! The launcher: shuts itself in under the foreign profile, says `ready`, and becomes the foreign executable.

use std::ffi::CString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::confine::{Profile, SandboxError, Settings, enter};
use crate::layer::Layers;
use crate::sys;

/// What to launch.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The executable, an absolute path.
    pub program: PathBuf,
    /// Its arguments, without its own name.
    pub arguments: Vec<String>,
    /// How it is shut in; the profile must be the foreign one.
    pub settings: Settings,
}

/// Why nothing was launched.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The sandbox could not be entered.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The built-in profile forbids loading anything.
    #[error("a foreign executable needs the foreign profile")]
    Profile,
    /// A path or argument holds a NUL byte, or the path is not absolute.
    #[error("the program must be an absolute path, and no argument may hold a NUL byte")]
    Arguments,
    /// `ready` could not be written, or the kernel refused to load the executable.
    #[error("{program}: {source}")]
    Exec {
        /// What was to be loaded.
        program: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

/// Enters the sandbox, writes `ready(layers)` and a line feed to stdout, and becomes the program.
/// Returns only on failure. Call it first thing in `main`.
pub fn launch(launch: &Launch, ready: impl FnOnce(&Layers) -> String) -> LaunchError {
    match try_launch(launch, ready) {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

fn try_launch(
    launch: &Launch,
    ready: impl FnOnce(&Layers) -> String,
) -> Result<std::convert::Infallible, LaunchError> {
    if launch.settings.profile == Profile::Builtin {
        return Err(LaunchError::Profile);
    }
    if !launch.program.is_absolute() {
        return Err(LaunchError::Arguments);
    }
    let text = |bytes: &[u8]| CString::new(bytes).map_err(|_| LaunchError::Arguments);
    let program = text(launch.program.as_os_str().as_bytes())?;
    let mut arguments = vec![program.clone()];
    for argument in &launch.arguments {
        arguments.push(text(argument.as_bytes())?);
    }
    let layers = enter(&launch.settings)?;
    let exec = |source| LaunchError::Exec { program: launch.program.clone(), source };
    let mut line = ready(&layers);
    line.push('\n');
    io::stdout().write_all(line.as_bytes()).and_then(|()| io::stdout().flush()).map_err(exec)?;
    Err(exec(sys::execve(&program, &arguments, &[])))
}
