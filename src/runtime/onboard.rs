//! Making a tenant: its log first, then its entry in the system log, each step repeatable.

use ledger::ids::{CommandId, StreamId, SubjectId, TenantId};
use ledger_aggregates::tenant::{OnboardTenant, Tenant, TenantCommand};
use ledger_store::bootstrap::OpenLog;
use std::sync::PoisonError;

use crate::api::word;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::commands::Order;
use crate::error::ApiError;

impl App {
    /// Opens the log of a tenant that another process has made.
    ///
    /// # Errors
    /// The store, or keys that cannot be unwrapped.
    pub async fn open_log(&self, tenant: &TenantId) -> anyhow::Result<()> {
        if self.log(tenant).is_ok() {
            return Ok(());
        }
        let log = self.bootstrap.create(tenant, None).await?;
        self.logs.write().unwrap_or_else(PoisonError::into_inner).insert(tenant.clone(), log);
        Ok(())
    }

    /// Makes a tenant's log and records it in the system log.
    ///
    /// # Errors
    /// The store, or what the rules of tenants refuse.
    pub async fn onboard(
        &self,
        operator: &Caller,
        id: CommandId,
        tenant: &TenantId,
        name: String,
        contact: Option<(SubjectId, String)>,
    ) -> Result<OpenLog, ApiError> {
        let log = self.bootstrap.create(tenant, None).await.map_err(ApiError::internal)?;
        self.logs.write().unwrap_or_else(PoisonError::into_inner).insert(tenant.clone(), log.clone());
        let command = TenantCommand::Onboard(Box::new(OnboardTenant {
            slot: log.info.slot.ok_or_else(|| ApiError::internal("a tenant's log has a slot"))?,
            genesis: word("/genesis", &log.genesis.to_string())?,
            checkpoint_vkey: word("/checkpoint_vkey", &log.keys.checkpoint_signer().verifier().to_string())?,
            region: word("/region", &self.config.ledger.region)?,
            display_name: name,
            contact,
        }));
        let stream = StreamId::of("tenant", tenant).map_err(ApiError::internal)?;
        let order = Order::new(operator, stream, id, tenant.as_str().as_bytes());
        self.command::<Tenant>(&order, &command).await?;
        Ok(log)
    }
}
