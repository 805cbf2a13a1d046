//! The adapters that there are on this machine: those that are part of the product, and installed packages.

use std::collections::BTreeMap;

use ledger_aggregates::values::Version;
use ledger_connectors::host::{Package, PackageError, Packages, Program};
use ledger_connectors::registry;
use ledger_projections::integrations::IntegrationRow;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::live::Connect;
use super::validate::Misfit;

/// An adapter, as it describes itself.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Described {
    /// Its name: the `kind` of an integration.
    pub name: String,
    /// The version in use.
    pub version: String,
    /// Is it part of the product?
    pub built_in: bool,
    /// What it does.
    pub description: String,
    /// The kinds of effect that it carries out, and what else it can do.
    pub capabilities: Vec<String>,
    /// The hosts that it may be configured to reach; empty: whatever is configured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Installed versions of a package, each with the digest of its files.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub installed: BTreeMap<String, String>,
    /// The JSON Schema of what it is told: `adapter` in the configuration of an integration.
    #[schema(value_type = Object)]
    pub config_schema: Value,
    /// Configurations to start from.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub templates: BTreeMap<String, Value>,
    /// Why it cannot be used, such as files that have changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// All of them, by name.
///
/// # Errors
/// The list of packages cannot be read.
pub fn all(packages: &Packages) -> Result<Vec<Described>, PackageError> {
    let mut found: Vec<Described> = registry::names().map(built_in).collect();
    for (name, versions) in packages.list()? {
        let mut described = Described {
            name: name.clone(),
            version: versions.pinned,
            built_in: false,
            description: String::new(),
            capabilities: Vec::new(),
            hosts: Vec::new(),
            installed: versions.installed,
            config_schema: Value::Bool(true),
            templates: BTreeMap::new(),
            problem: None,
        };
        match packages.open(&name) {
            Ok(package) => {
                let manifest = package.manifest;
                described.description = manifest.description;
                described.capabilities = manifest.capabilities;
                described.hosts = manifest.hosts;
                if !manifest.config_schema.is_null() {
                    described.config_schema = manifest.config_schema;
                }
                described.templates = manifest.templates;
            }
            Err(error) => described.problem = Some(error.to_string()),
        }
        found.push(described);
    }
    Ok(found)
}

fn built_in(name: &str) -> Described {
    let hello = registry::make(name).map(|adapter| adapter.hello());
    Described {
        name: name.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        built_in: true,
        description: registry::description(name).unwrap_or_default().to_owned(),
        capabilities: hello.map(|hello| hello.capabilities).unwrap_or_default(),
        hosts: Vec::new(),
        installed: BTreeMap::new(),
        config_schema: registry::config_schema(name).unwrap_or_default(),
        templates: BTreeMap::new(),
        problem: None,
    }
}

/// Which adapter an integration runs: the one of its kind, or a version of a package that was chosen for it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use<'a> {
    /// The adapter's name.
    pub kind: &'a str,
    /// The version of the package; none: what is part of the product, or what is pinned for all.
    pub chosen: Option<&'a str>,
}

impl<'a> From<&'a IntegrationRow> for Use<'a> {
    fn from(row: &'a IntegrationRow) -> Self {
        Self { kind: row.kind.as_str(), chosen: row.chosen.as_ref().map(Version::as_str) }
    }
}

impl<'a> Use<'a> {
    /// The adapter of the product, if it is one.
    pub fn built_in(self) -> Option<&'a str> {
        Some(self.kind).filter(|kind| self.chosen.is_none() && registry::names().any(|name| name == *kind))
    }

    /// The package, its files checked.
    ///
    /// # Errors
    /// There is none, or its files have changed.
    pub fn package(self, packages: &Packages) -> Result<Package, PackageError> {
        match self.chosen {
            Some(version) => packages.open_version(self.kind, version),
            None => packages.open(self.kind),
        }
    }
}

impl Connect {
    /// The program of an adapter, its version, and the digest of its package if it is one.
    pub(super) fn program(&self, adapter: Use<'_>) -> Result<(Program, String, Option<String>), Misfit> {
        let own = self.own_executable.clone();
        if let Some(name) = adapter.built_in() {
            return Ok((Program::built_in(own, name), env!("CARGO_PKG_VERSION").to_owned(), None));
        }
        let misfit = |error: PackageError| Misfit {
            pointer: String::new(),
            detail: error.to_string(),
            hint: Some(format!(
                "install the package of the adapter {}: ledger adapters install FOLDER",
                adapter.kind
            )),
        };
        let package = adapter.package(&self.packages).map_err(misfit)?;
        let program = package.program(own).map_err(misfit)?;
        Ok((program, package.manifest.version, Some(package.digest)))
    }

    /// The version of an adapter that is in use, without looking at its files.
    pub(super) fn version(&self, adapter: Use<'_>) -> Option<String> {
        if adapter.built_in().is_some() {
            return Some(env!("CARGO_PKG_VERSION").to_owned());
        }
        let versions = self.packages.list().ok()?.remove(adapter.kind)?;
        match adapter.chosen {
            Some(version) => versions.installed.contains_key(version).then(|| version.to_owned()),
            None => Some(versions.pinned),
        }
    }

    /// The schema of a package, where it has one; that of a built-in adapter is looked at with its configuration.
    pub(super) fn schema_of(&self, adapter: Use<'_>) -> Option<Value> {
        match adapter.built_in() {
            Some(_) => None,
            None => adapter.package(&self.packages).ok().map(|package| package.manifest.config_schema),
        }
    }

    /// Whether a base URL is one that a custom adapter may be configured to.
    ///
    /// # Errors
    /// It is not.
    pub(super) fn may_reach(&self, adapter: Use<'_>, base_url: &str) -> Result<(), Misfit> {
        if adapter.built_in().is_some() {
            return Ok(());
        }
        let Ok(package) = adapter.package(&self.packages) else { return Ok(()) };
        let host = host_of(base_url);
        if package.manifest.may_reach(&host) {
            return Ok(());
        }
        Err(Misfit {
            pointer: "/base_url".into(),
            detail: format!("the adapter {} may not reach {host}", adapter.kind),
            hint: Some(format!("its manifest names: {}", package.manifest.hosts.join(", "))),
        })
    }
}

/// The host of a URL that the guard has parsed already: between the scheme and the port or path.
fn host_of(base_url: &str) -> String {
    let rest = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    host.rsplit_once(':').map_or(host, |(name, _)| name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn a_base_url_has_one_host() {
        for url in
            ["https://a.example", "https://a.example/x", "https://a.example:8443/x:1", "http://a.example:80"]
        {
            assert_eq!(host_of(url), "a.example");
        }
    }
}
