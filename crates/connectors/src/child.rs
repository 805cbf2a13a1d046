//! What runs in an adapter's process, before and instead of everything else in `main`.
//!
//! `main` must call these before it starts a thread, reads its configuration or sets up logging: the sandbox can be
//! entered by the only thread of a process, and an adapter has nothing to configure or to log to.

use std::io::{BufReader, Write, stdin, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use ledger_sandbox::{Launch, Layer, Layers, Profile, Settings, enter, launch};
use serde::{Deserialize, Serialize};

use crate::adapter::{Adapter, serve};
use crate::protocol::Ready;
use crate::registry;

/// How a process that cannot be shut in ends.
const REFUSED: u8 = 78;

/// Runs a built-in adapter: shuts the process in, says `ready`, and answers until stdin ends.
///
/// `give_up` names layers that are left out. **Unsafe**: only an operator's explicit option may fill it.
pub fn run(name: &str, give_up: &[Layer]) -> ExitCode {
    let Some(mut adapter) = registry::make(name) else {
        eprintln!("there is no built-in adapter {name:?}");
        return ExitCode::from(REFUSED);
    };
    run_adapter(adapter.as_mut(), give_up)
}

/// As [`run`], with an adapter that is not in the registry.
pub fn run_adapter(adapter: &mut dyn Adapter, give_up: &[Layer]) -> ExitCode {
    let settings = Settings { give_up: give_up.to_vec(), ..Settings::builtin() };
    let layers = match enter(&settings) {
        Ok(layers) => layers,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(REFUSED);
        }
    };
    let mut output = stdout().lock();
    let line = format!("{}\n", ready(&layers));
    let said = output.write_all(line.as_bytes()).and_then(|()| output.flush());
    match said.map_err(Into::into).and_then(|()| serve(adapter, BufReader::new(stdin().lock()), output)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// What the launcher of a foreign executable is told, as one JSON argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Foreign {
    /// The executable, an absolute path.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Files and folders that it may read and execute.
    pub readable: Vec<PathBuf>,
    /// Names of layers that are left out. **Unsafe.**
    #[serde(default)]
    pub give_up: Vec<String>,
}

/// Becomes a foreign executable, shut in. Returns only on failure.
pub fn run_foreign(spec: &str) -> ExitCode {
    let refused = |error: String| {
        eprintln!("{error}");
        ExitCode::from(REFUSED)
    };
    let foreign: Foreign = match serde_json::from_str(spec) {
        Ok(foreign) => foreign,
        Err(error) => return refused(error.to_string()),
    };
    let give_up: Vec<Layer> = match foreign.give_up.iter().map(|name| name.parse()).collect() {
        Ok(layers) => layers,
        Err(error) => return refused(format!("{error}")),
    };
    let settings = Settings {
        profile: Profile::Foreign { readable: foreign.readable },
        give_up,
        ..Settings::foreign(Vec::new())
    };
    let error = launch(&Launch { program: foreign.program, arguments: foreign.arguments, settings }, ready);
    refused(error.to_string())
}

fn ready(layers: &Layers) -> String {
    // Names of layers need no escaping, so this cannot fail.
    serde_json::to_string(&Ready { ready: layers.names() }).unwrap_or_default()
}
