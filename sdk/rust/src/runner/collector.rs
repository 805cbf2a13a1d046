//! What can look at something: ready-made and custom probes behind one seam.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use super::custom::Custom;
use crate::evidence::ControlRef;
use crate::linux_host::{self, Options};
use crate::report::CheckReport;

/// Why a collector has no reports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CollectError {
    /// Its options in the probe file are wrong; known before it runs.
    #[error("options: {0}")]
    Options(String),
    /// It ran, and could not look.
    #[error("{0}")]
    Failed(String),
}

/// A check that a collector makes, known without running it: so that its failure can be told of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The check's id.
    pub check: String,
    /// Its headline.
    pub title: String,
    /// The controls that it bears on.
    pub controls: Vec<ControlRef>,
}

/// Looks at one kind of thing.
pub trait Collector: Send + Sync {
    /// The word in a probe file's `what`.
    fn what(&self) -> &'static str;

    /// Options to begin with, for `init`.
    fn template(&self) -> Value;

    /// Checks the options, and tells which checks will be made.
    ///
    /// # Errors
    /// [`CollectError::Options`]
    fn plan(&self, options: &Value) -> Result<Vec<Planned>, CollectError>;

    /// Looks, within `timeout`.
    ///
    /// # Errors
    /// [`CollectError::Failed`]: nothing can be said about any check.
    fn collect(&self, options: &Value, timeout: Duration) -> Result<Vec<CheckReport>, CollectError>;
}

/// The collectors that probe files can name.
pub struct Registry {
    collectors: Vec<Box<dyn Collector>>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.collectors.iter().map(|collector| collector.what())).finish()
    }
}

impl Default for Registry {
    /// The collectors of this crate: `linux-host` and `command`.
    fn default() -> Self {
        Self { collectors: vec![Box::new(LinuxHost), Box::new(Custom)] }
    }
}

impl Registry {
    /// Adds a collector.
    #[must_use]
    pub fn with(mut self, collector: impl Collector + 'static) -> Self {
        self.collectors.push(Box::new(collector));
        self
    }

    /// The collector of this name.
    pub fn get(&self, what: &str) -> Option<&dyn Collector> {
        self.collectors.iter().find(|collector| collector.what() == what).map(|found| &**found)
    }

    /// All names, for messages.
    pub fn names(&self) -> String {
        let mut names = String::new();
        for (n, collector) in self.collectors.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = write!(names, "{}{}", if n == 0 { "" } else { ", " }, collector.what());
        }
        names
    }
}

/// `linux-host`: the checks of [`linux_host`].
#[derive(Debug, Clone, Copy, Default)]
pub struct LinuxHost;

impl LinuxHost {
    fn options(options: &Value) -> Result<Options, CollectError> {
        if options.is_null() {
            return Ok(Options::default());
        }
        serde_json::from_value(options.clone()).map_err(|error| CollectError::Options(error.to_string()))
    }
}

impl Collector for LinuxHost {
    fn what(&self) -> &'static str {
        "linux-host"
    }

    fn template(&self) -> Value {
        serde_json::json!({"allowed_ports": Options::default().allowed_ports})
    }

    fn plan(&self, options: &Value) -> Result<Vec<Planned>, CollectError> {
        Self::options(options)?;
        let control = |(framework, control): &(&str, &str)| ControlRef::new(*framework, *control);
        let planned = |(plan, _): &(linux_host::Plan, _)| Planned {
            check: plan.check.to_owned(),
            title: plan.title.to_owned(),
            controls: plan.controls.iter().map(control).collect(),
        };
        Ok(linux_host::CHECKS.iter().map(planned).collect())
    }

    fn collect(&self, options: &Value, _timeout: Duration) -> Result<Vec<CheckReport>, CollectError> {
        Ok(linux_host::run(&Self::options(options)?))
    }
}
