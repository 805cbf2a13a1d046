//! What is alive of each integration: its connection and its adapter's process, replaced when the log says otherwise.
//!
//! One of each for an integration. Whoever holds one while it is replaced goes on with it to the end of its step; its
//! process ends with the last holder.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ledger::ids::TenantId;
use ledger::readmodel::{Cell, TypedRow};
use ledger::time::Timestamp;
use ledger_aggregates::integration::{Integration, IntegrationCommand};
use ledger_aggregates::values::{IntegrationId, Version};
use ledger_connectors::egress::Connection;
use ledger_connectors::host::{Instance, Limits, Packages};
use ledger_projections::integrations::{INTEGRATION, IntegrationRow};
use serde_json::Value;
use tokio::sync::Notify;

use super::adapters::Use;
use super::build::{Builder, Unbuilt};
use super::config::Document;
use super::marks::Marks;
use super::record::PART;
use super::validate::{Ceiling, Misfit, read};
use crate::app::App;
use crate::commands::Order;
use crate::config::Config;
use crate::error::ApiError;

/// A live integration.
pub struct Live {
    /// Its configuration.
    pub document: Document,
    /// The way to the other system.
    pub connection: Connection,
    /// Its adapter.
    pub instance: Instance,
    mark: Mark,
}

/// What makes a live integration another one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    config_index: u64,
    /// The adapter's kind, the version that was chosen for this integration, and the one in use.
    adapter: (String, Option<String>, String),
}

/// Why an integration does no work.
#[derive(Debug, Clone)]
pub enum Idle {
    /// There is none.
    Unknown,
    /// It is not enabled, paused or retired.
    Still(String),
    /// Its configuration or its package does not fit.
    Misfits(Vec<Misfit>),
    /// The store or the read models.
    Store(ApiError),
}

impl From<ApiError> for Idle {
    fn from(error: ApiError) -> Self {
        Self::Store(error)
    }
}

impl From<Unbuilt> for Idle {
    fn from(unbuilt: Unbuilt) -> Self {
        match unbuilt {
            Unbuilt::Misfits(misfits) => Self::Misfits(misfits),
            Unbuilt::Store(error) => Self::Store(error),
        }
    }
}

/// What is alive.
pub struct Connect {
    /// What integrations may unlock.
    pub ceiling: Ceiling,
    /// The packages of custom adapters.
    pub packages: Packages,
    /// One secret is changed at a time.
    pub(super) vault: tokio::sync::Mutex<()>,
    /// Told when there may be work.
    pub(super) wake: Notify,
    /// One integration is brought up at a time.
    building: tokio::sync::Mutex<()>,
    pub(super) own_executable: PathBuf,
    live: Mutex<HashMap<(TenantId, IntegrationId), Arc<Live>>>,
    /// Failures in a row that may pass by themselves.
    failures: Mutex<HashMap<(TenantId, IntegrationId), u32>>,
    /// When the last message came.
    heard: Mutex<HashMap<(TenantId, IntegrationId), Timestamp>>,
}

impl Connect {
    /// Nothing alive yet.
    ///
    /// # Errors
    /// A setting that cannot be read, or this executable cannot be found.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        let networks = config.egress.networks.split([',', ' ']).filter(|text| !text.is_empty());
        let networks = networks.map(str::parse).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            ceiling: Ceiling {
                networks: networks.map_err(|error| anyhow::anyhow!("[egress] networks: {error}"))?,
            },
            packages: crate::cli::adapters::packages(config),
            vault: tokio::sync::Mutex::default(),
            wake: Notify::new(),
            building: tokio::sync::Mutex::default(),
            own_executable: std::env::current_exe()?,
            live: Mutex::default(),
            failures: Mutex::default(),
            heard: Mutex::default(),
        })
    }

    /// Ends what is alive of a tenant: a secret or a configuration is another.
    pub fn forget(&self, tenant: &TenantId) {
        self.lock().retain(|(owner, _), _| owner != tenant);
        self.wake.notify_one();
    }

    /// Ends what is alive of one integration.
    pub(super) fn end(&self, tenant: &TenantId, integration: &IntegrationId) {
        self.lock().remove(&(tenant.clone(), integration.clone()));
    }

    /// Counts a failure that may pass by itself: how many in a row.
    pub(super) fn failed_again(&self, tenant: &TenantId, integration: &IntegrationId) -> u32 {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry((tenant.clone(), integration.clone())).or_default();
        *count = count.saturating_add(1);
        *count
    }

    /// Something succeeded.
    pub(super) fn failures_forgotten(&self, tenant: &TenantId, integration: &IntegrationId) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.remove(&(tenant.clone(), integration.clone()));
    }

    /// A message came.
    pub(super) fn hears(&self, tenant: &TenantId, integration: &IntegrationId, now: Timestamp) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.insert((tenant.clone(), integration.clone()), now);
    }

    /// When the last message since the start came.
    pub(super) fn heard_at(&self, tenant: &TenantId, integration: &IntegrationId) -> Option<Timestamp> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.get(&(tenant.clone(), integration.clone())).copied()
    }

    /// Ends everything.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(TenantId, IntegrationId), Arc<Live>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// The row of an integration.
    ///
    /// # Errors
    /// The read models.
    pub async fn integration(
        &self,
        tenant: &TenantId,
        id: &IntegrationId,
    ) -> Result<Option<IntegrationRow>, ApiError> {
        let row = self.row(&INTEGRATION, tenant, vec![Cell::of(id)]).await?;
        Ok(row.and_then(|row| IntegrationRow::from_row(&row)))
    }

    /// An integration's configuration in clear (its secrets stand elsewhere); `Null` without one.
    ///
    /// # Errors
    /// The store.
    pub async fn integration_config(
        &self,
        tenant: &TenantId,
        row: &IntegrationRow,
    ) -> Result<Value, ApiError> {
        let Some(index) = row.config_index else { return Ok(Value::Null) };
        Ok(super::models::disclosed(self, tenant, index, "config").await?.unwrap_or_default())
    }
}

/// An enabled integration, alive.
///
/// # Errors
/// Why it does no work.
pub async fn live(app: &Arc<App>, tenant: &TenantId, id: &IntegrationId) -> Result<Arc<Live>, Idle> {
    let row = app.integration(tenant, id).await?.ok_or(Idle::Unknown)?;
    if row.state.as_str() != "enabled" {
        return Err(Idle::Still(row.state.as_str().to_owned()));
    }
    bring_up(app, tenant, &row).await
}

/// As [`live`], whether the integration is enabled or not: for dry runs and health checks before it is.
///
/// # Errors
/// Why it cannot work.
pub async fn bring_up(app: &Arc<App>, tenant: &TenantId, row: &IntegrationRow) -> Result<Arc<Live>, Idle> {
    let (id, adapter) = (&row.integration, Use::from(row));
    let config_index = row.config_index.ok_or_else(|| Idle::Still("not configured".into()))?;
    let key = (tenant.clone(), id.clone());
    let version = app.connect.version(adapter).unwrap_or_default();
    let adapted = (adapter.kind.to_owned(), adapter.chosen.map(str::to_owned), version);
    let mark = Mark { config_index, adapter: adapted };
    let known = || app.connect.lock().get(&key).filter(|known| known.mark == mark).cloned();
    if let Some(known) = known() {
        return Ok(known);
    }
    // One at a time: two at once would be two connections, each with limits of its own.
    let _turn = app.connect.building.lock().await;
    if let Some(known) = known() {
        return Ok(known);
    }
    let config = app.integration_config(tenant, row).await?;
    let document = read(&config).map_err(Idle::Misfits)?;
    let (program, version, digest) =
        app.connect.program(adapter).map_err(|misfit| Idle::Misfits(vec![misfit]))?;
    app.connect.may_reach(adapter, &document.base_url).map_err(|misfit| Idle::Misfits(vec![misfit]))?;
    let builder = Builder { app, tenant, integration: id, ceiling: &app.connect.ceiling };
    let mut connection = builder.connection(&document).await?;
    let before = app.connect.lock().get(&key).cloned();
    if let Some(before) = before.filter(|before| before.document.base_url == document.base_url) {
        connection = connection.going_on_from(&before.connection);
    }
    note_version(app, tenant, row, &version, digest).await?;
    let instance = Instance::new(program, document.adapter.clone(), Limits::default());
    let live = Arc::new(Live { document, connection, instance, mark });
    app.connect.lock().insert(key, Arc::clone(&live));
    Ok(live)
}

/// Says in the log that another version of the adapter works from here on, and which files a package has.
async fn note_version(
    app: &App,
    tenant: &TenantId,
    row: &IntegrationRow,
    version: &str,
    digest: Option<String>,
) -> Result<(), ApiError> {
    let order = |what: &str| {
        let (id, changed) = (row.integration.as_str(), row.changed_index.to_string());
        let id = super::command_id(what, &[tenant.as_str(), id, &changed, version]);
        Order::system(PART, tenant, row.integration.stream(), id)
    };
    if let Ok(to) = version.parse::<Version>()
        && row.adapter_version != to
    {
        app.command::<Integration>(&order("upgrade"), &IntegrationCommand::Upgrade { to }).await?;
    }
    let Some(digest) = digest else { return Ok(()) };
    let package = Marks::of(app, tenant).text(&digest)?;
    // The same again changes nothing.
    app.command::<Integration>(&order("pin"), &IntegrationCommand::Pin { package, digest }).await.map(drop)
}
