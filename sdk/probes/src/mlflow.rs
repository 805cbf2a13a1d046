//! The MLflow model registry, over its REST interface (API 2.0): owners, approvals, lineage, evaluation.
//!
//! A version is *in use* if it is in the stage Production or has one of the aliases that the probe file names. What is
//! in use must be approved by someone else than its author, come from a run that can be looked up, and have been
//! evaluated there. Read-only: only searches and look-ups are made.

use std::path::PathBuf;
use std::time::Duration;

use ledger_probe::ControlRef;
use ledger_probe::report::{CheckReport, Tally};
use ledger_probe::runner::{CollectError, Collector, Planned};
use ledger_probe::transport::BaseUrl;
use serde::Deserialize;
use serde_json::{Value, json};

mod client;
mod judge;
mod registry;

use client::Client;
use registry::Registry;

/// The options of an MLflow probe.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The tracking server: `https://mlflow.example`.
    pub url: String,
    /// User of HTTP basic authentication; its password stands in `secret_file`.
    #[serde(default)]
    pub user: Option<String>,
    /// A file that holds the password, or without `user` a bearer token.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// PEM file of the certificates to trust; the system's if absent.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Accept plain HTTP to another machine.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// Tags of a model that name who answers for it; one of them must be there.
    #[serde(default = "owner_tags")]
    pub owner_tags: Vec<String>,
    /// Tags of a version that name who approved it; one of them must be there.
    #[serde(default = "approval_tags")]
    pub approval_tags: Vec<String>,
    /// Aliases of versions that are in use.
    #[serde(default = "aliases_in_use")]
    pub aliases_in_use: Vec<String>,
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|text| (*text).to_owned()).collect()
}

fn owner_tags() -> Vec<String> {
    texts(&["owner", "team"])
}

fn approval_tags() -> Vec<String> {
    texts(&["approved_by"])
}

fn aliases_in_use() -> Vec<String> {
    texts(&["champion", "production"])
}

/// What a check is called, and which controls it bears on.
struct Plan {
    check: &'static str,
    title: &'static str,
    controls: &'static [(&'static str, &'static str)],
}

type Judge = fn(&Registry, &Options, &mut Tally);

const CHECKS: [(Plan, Judge); 4] = [
    (
        Plan {
            check: "mlflow/ownership",
            title: "Every registered model has an owner and a description",
            controls: &[("starter", "ai-1"), ("nist-800-53", "cm-8")],
        },
        judge::ownership,
    ),
    (
        Plan {
            check: "mlflow/approval",
            title: "Every model version in use was approved by someone else than its author",
            controls: &[("starter", "ai-2"), ("nist-800-53", "cm-3")],
        },
        judge::approval,
    ),
    (
        Plan {
            check: "mlflow/lineage",
            title: "Every model version in use comes from a run that can be looked up",
            controls: &[("starter", "ai-3"), ("nist-800-53", "sr-4")],
        },
        judge::lineage,
    ),
    (
        Plan {
            check: "mlflow/evaluation",
            title: "Every model version in use was evaluated in its run",
            controls: &[("starter", "ai-4"), ("nist-800-53", "ca-7")],
        },
        judge::evaluation,
    ),
];

/// `mlflow`: the checks of this module.
#[derive(Debug, Clone, Copy, Default)]
pub struct MlflowCollector;

impl MlflowCollector {
    fn options(options: &Value) -> Result<(Options, BaseUrl), CollectError> {
        let wrong = |error: String| CollectError::Options(error);
        let options: Options =
            serde_json::from_value(options.clone()).map_err(|error| wrong(error.to_string()))?;
        let url = BaseUrl::parse(&options.url, options.allow_plain_http)
            .map_err(|error| wrong(error.to_string()))?;
        Ok((options, url))
    }
}

impl Collector for MlflowCollector {
    fn what(&self) -> &'static str {
        "mlflow"
    }

    fn template(&self) -> Value {
        json!({
            "url": "https://mlflow.example",
            "owner_tags": owner_tags(),
            "approval_tags": approval_tags(),
            "aliases_in_use": aliases_in_use(),
        })
    }

    fn plan(&self, options: &Value) -> Result<Vec<Planned>, CollectError> {
        Self::options(options)?;
        let control = |(framework, control): &(&str, &str)| ControlRef::new(*framework, *control);
        let planned = |(plan, _): &(Plan, _)| Planned {
            check: plan.check.to_owned(),
            title: plan.title.to_owned(),
            controls: plan.controls.iter().map(control).collect(),
        };
        Ok(CHECKS.iter().map(planned).collect())
    }

    fn collect(&self, options: &Value, timeout: Duration) -> Result<Vec<CheckReport>, CollectError> {
        let (options, url) = Self::options(options)?;
        let client = Client::new(&options, &url, timeout)?;
        let registry = Registry::read(&client, &options)?;
        Ok(CHECKS.iter().map(|(plan, judge)| run(plan, *judge, &registry, &options)).collect())
    }
}

fn run(plan: &Plan, judge: Judge, registry: &Registry, options: &Options) -> CheckReport {
    let mut tally = Tally::default();
    judge(registry, options, &mut tally);
    if let Some(why) = &registry.incomplete {
        tally.incomplete(why.clone());
    }
    tally.report(plan.check, plan.title, plan.controls)
}
