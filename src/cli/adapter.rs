//! `ledger adapter` and `ledger adapter-launch`: this executable as the process of an adapter. Only the ledger itself
//! starts these; people use `ledger adapters`.

use std::process::ExitCode;

use ledger_connectors::child;

/// An operator's explicit wish to go without a layer of the sandbox.
const UNSAFE_WITHOUT: &str = "--unsafe-without=";

/// Becomes an adapter if the command line says so; returns when it is over. `None`: this is no adapter.
///
/// The only thread of the process must call this, before anything else (see [`child`]).
pub fn run_as_adapter(mut arguments: impl Iterator<Item = String>) -> Option<ExitCode> {
    match arguments.nth(1)?.as_str() {
        "adapter" => {
            let name = arguments.next().unwrap_or_default();
            let layers = arguments.map(|argument| match argument.strip_prefix(UNSAFE_WITHOUT) {
                Some(layer) => layer.parse().map_err(|error| format!("{error}")),
                None => Err(format!("{argument:?} is no option of an adapter")),
            });
            match layers.collect::<Result<Vec<_>, String>>() {
                Ok(layers) => Some(child::run(&name, &layers)),
                Err(error) => {
                    eprintln!("{error}");
                    Some(ExitCode::from(2))
                }
            }
        }
        "adapter-launch" => Some(child::run_foreign(&arguments.next().unwrap_or_default())),
        _ => None,
    }
}
