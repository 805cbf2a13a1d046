//! The adapters that there are on this machine: those that are part of the product, and installed packages.

use std::collections::BTreeMap;

use ledger_connectors::host::{PackageError, Packages};
use ledger_connectors::registry;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

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
