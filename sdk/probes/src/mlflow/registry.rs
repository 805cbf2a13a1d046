//! What the registry holds: models, their versions, and the runs of the versions in use.

use std::collections::BTreeMap;

use ledger_probe::runner::CollectError;
use serde::Deserialize;

use super::Options;
use super::client::{Client, Refusal};

/// Entries on a page; MLflow's own default for models is 100.
const PAGE: &str = "100";
/// The most models and versions that are read: a registry beyond that needs several probe files.
const ENTRIES_MAX: usize = 50_000;
/// The stage of versions in use, in registries that still have stages.
const STAGE_IN_USE: &str = "Production";

/// A tag.
#[derive(Debug, Clone, Deserialize)]
pub struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

/// The first of `names` that is tagged with something.
pub fn tagged<'t>(tags: &'t [Tag], names: &[String]) -> Option<&'t str> {
    let found = names
        .iter()
        .find_map(|name| tags.iter().find(|tag| tag.key == *name && !tag.value.trim().is_empty()));
    found.map(|tag| tag.value.trim())
}

/// A registered model.
#[derive(Debug, Clone, Deserialize)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// Names of versions.
    #[serde(default)]
    pub aliases: Vec<Alias>,
}

/// A name of a version.
#[derive(Debug, Clone, Deserialize)]
pub struct Alias {
    alias: String,
    version: String,
}

/// A version of a model.
#[derive(Debug, Clone, Deserialize)]
pub struct Version {
    /// The model.
    pub name: String,
    /// Its number.
    pub version: String,
    /// `None`, `Staging`, `Production` or `Archived`.
    #[serde(default)]
    pub current_stage: String,
    /// The run that made it.
    #[serde(default)]
    pub run_id: String,
    /// Who registered it, where the server knows users.
    #[serde(default)]
    pub user_id: String,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// Is it in use?
    #[serde(skip)]
    pub in_use: bool,
    /// Its run, looked up if it is in use.
    #[serde(skip)]
    pub run: Run,
}

/// What became of looking a run up.
#[derive(Debug, Clone, Default)]
pub enum Run {
    /// It was not looked up.
    #[default]
    Unasked,
    /// It is not there any more.
    Missing,
    /// It was deleted.
    Deleted,
    /// It is there.
    Found {
        /// Who ran it.
        user: String,
        /// How many metrics it has.
        metrics: usize,
    },
}

/// Everything.
#[derive(Debug, Default)]
pub struct Registry {
    /// All models.
    pub models: Vec<Model>,
    /// All versions.
    pub versions: Vec<Version>,
    /// Why not everything was read.
    pub incomplete: Option<String>,
}

#[derive(Deserialize)]
struct ModelPage {
    #[serde(default)]
    registered_models: Vec<Model>,
    #[serde(default)]
    next_page_token: String,
}

#[derive(Deserialize)]
struct VersionPage {
    #[serde(default)]
    model_versions: Vec<Version>,
    #[serde(default)]
    next_page_token: String,
}

#[derive(Deserialize)]
struct RunAnswer {
    run: RunBody,
}

#[derive(Deserialize)]
struct RunBody {
    info: RunInfo,
    #[serde(default)]
    data: RunData,
}

#[derive(Deserialize)]
struct RunInfo {
    #[serde(default)]
    user_id: String,
    #[serde(default)]
    lifecycle_stage: String,
}

#[derive(Default, Deserialize)]
struct RunData {
    #[serde(default)]
    metrics: Vec<serde_json::Value>,
}

impl Registry {
    /// Reads the whole registry, page by page.
    pub fn read(client: &Client, options: &Options) -> Result<Self, CollectError> {
        let mut registry = Self::default();
        registry.models = pages(&mut registry.incomplete, |token| {
            let page: ModelPage = client.get("registered-models/search", &query(token))?;
            Ok((page.registered_models, page.next_page_token))
        })?;
        registry.versions = pages(&mut registry.incomplete, |token| {
            let page: VersionPage = client.get("model-versions/search", &query(token))?;
            Ok((page.model_versions, page.next_page_token))
        })?;
        registry.mark_in_use(options);
        for version in registry.versions.iter_mut().filter(|v| v.in_use && !v.run_id.is_empty()) {
            version.run = look_up(client, &version.run_id)?;
        }
        Ok(registry)
    }

    fn mark_in_use(&mut self, options: &Options) {
        let aliases: BTreeMap<&str, Vec<&str>> = self
            .models
            .iter()
            .map(|model| {
                let named =
                    model.aliases.iter().filter(|alias| options.aliases_in_use.contains(&alias.alias));
                (model.name.as_str(), named.map(|alias| alias.version.as_str()).collect())
            })
            .collect();
        for version in &mut self.versions {
            let by_alias =
                aliases.get(version.name.as_str()).is_some_and(|all| all.contains(&version.version.as_str()));
            version.in_use = by_alias || version.current_stage == STAGE_IN_USE;
        }
    }

    /// The versions in use.
    pub fn in_use(&self) -> impl Iterator<Item = &Version> {
        self.versions.iter().filter(|version| version.in_use)
    }
}

fn query(token: &str) -> Vec<(&str, &str)> {
    let mut query = vec![("max_results", PAGE)];
    if !token.is_empty() {
        query.push(("page_token", token));
    }
    query
}

fn pages<T>(
    incomplete: &mut Option<String>,
    page: impl Fn(&str) -> Result<(Vec<T>, String), Refusal>,
) -> Result<Vec<T>, CollectError> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let (mut entries, next) = page(&token)?;
        all.append(&mut entries);
        if next.is_empty() || next == token {
            return Ok(all);
        }
        if all.len() >= ENTRIES_MAX {
            *incomplete = Some(format!("more than {ENTRIES_MAX} entries"));
            return Ok(all);
        }
        token = next;
    }
}

fn look_up(client: &Client, run_id: &str) -> Result<Run, CollectError> {
    match client.get::<RunAnswer>("runs/get", &[("run_id", run_id)]) {
        Ok(answer) if answer.run.info.lifecycle_stage == "deleted" => Ok(Run::Deleted),
        Ok(answer) => {
            Ok(Run::Found { user: answer.run.info.user_id, metrics: answer.run.data.metrics.len() })
        }
        Err(Refusal::NotFound) => Ok(Run::Missing),
        Err(Refusal::Failed(error)) => Err(error),
    }
}
