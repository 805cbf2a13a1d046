//! `command`: any program that prints reports as JSON.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::collector::{CollectError, Collector, Planned};
use crate::command;
use crate::report::CheckReport;

/// The most reports that one run may print.
const REPORTS_MAX: usize = 500;
/// Where programs are looked for unless the environment is inherited.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The options of a custom probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomOptions {
    /// The program and its arguments; no shell is involved.
    pub command: Vec<String>,
    /// Environment variables to set.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Give the runner's environment to the program, but for the API key; else it gets `PATH` and `env` only.
    #[serde(default)]
    pub inherit_env: bool,
    /// The directory to run in.
    #[serde(default)]
    pub directory: Option<PathBuf>,
    /// The checks that it makes: told as `error` if the program fails, and an `error` if it leaves one out.
    #[serde(default)]
    pub checks: Vec<String>,
}

/// What a program may print: one report, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Printed {
    Many(Many),
    One(Box<CheckReport>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Many {
    checks: Vec<CheckReport>,
}

/// The collector of custom probes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Custom;

impl Custom {
    fn options(options: &Value) -> Result<CustomOptions, CollectError> {
        let options: CustomOptions = serde_json::from_value(options.clone())
            .map_err(|error| CollectError::Options(error.to_string()))?;
        if options.command.is_empty() {
            return Err(CollectError::Options("command must name a program".to_owned()));
        }
        Ok(options)
    }
}

impl Collector for Custom {
    fn what(&self) -> &'static str {
        "command"
    }

    fn template(&self) -> Value {
        serde_json::json!({"command": ["/usr/local/bin/my-probe", "--json"], "checks": ["my-probe/example"]})
    }

    fn plan(&self, options: &Value) -> Result<Vec<Planned>, CollectError> {
        let checks = Self::options(options)?.checks;
        let planned =
            |check: String| Planned { title: format!("Custom probe {check}"), check, controls: Vec::new() };
        Ok(checks.into_iter().map(planned).collect())
    }

    fn collect(&self, options: &Value, timeout: Duration) -> Result<Vec<CheckReport>, CollectError> {
        let options = Self::options(options)?;
        let failed = |what: String| CollectError::Failed(what);
        let mut program = Command::new(&options.command[0]);
        program.args(&options.command[1..]);
        if options.inherit_env {
            program.env_remove("LEDGER_API_KEY");
        } else {
            program.env_clear().env("PATH", PATH);
        }
        program.envs(&options.env);
        if let Some(directory) = &options.directory {
            program.current_dir(directory);
        }
        let output = command::run(&mut program, timeout, command::OUTPUT_BYTES_MAX)
            .map_err(|error| failed(error.to_string()))?;
        if !output.success {
            return Err(failed(format!(
                "{} ended with {}: {:.500}",
                options.command[0], output.ended, output.stderr
            )));
        }
        let reports = match serde_json::from_slice(&output.stdout) {
            Ok(Printed::Many(many)) => many.checks,
            Ok(Printed::One(report)) => vec![*report],
            Err(_) => {
                // The error of the untagged form says nothing; that of the likelier form does.
                let error = serde_json::from_slice::<Many>(&output.stdout).err();
                let why = error.map_or_else(String::new, |error| error.to_string());
                return Err(failed(format!("{} printed no reports: {why}", options.command[0])));
            }
        };
        if reports.is_empty() || reports.len() > REPORTS_MAX {
            return Err(failed(format!(
                "{} printed {} reports, 1 to {REPORTS_MAX} expected",
                options.command[0],
                reports.len()
            )));
        }
        Ok(reports)
    }
}
