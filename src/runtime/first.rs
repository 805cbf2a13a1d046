//! The first start: a first tenant and a key for its operator. Each step can be cut off and is taken up again.

use std::fs;
use std::io;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use ledger::apikey::{ApiKey, Environment};
use ledger::ids::{CommandId, TenantId, uuid_v7};
use ledger_aggregates::credential::{Credential, CredentialCommand};

use super::keys::write_secret;
use crate::api::credentials::create::stream;
use crate::api::credentials::keep;
use crate::api::tenants::create::first_admin;
use crate::app::App;
use crate::auth::principal::{Caller, Principal};
use crate::commands::Order;
use crate::error::ApiError;

/// The name of the first tenant, until it is called otherwise.
const FIRST_NAME: &str = "First tenant";

/// Makes what a new ledger needs to be used. The key is given once, at the start that makes it.
///
/// The key is written to its file before the event that lets it in: a start that is cut off in between lets in the key
/// that is in the file, and nobody is locked out.
///
/// # Errors
/// The store or the file system.
pub async fn prepare(app: &Arc<App>) -> Result<Option<String>> {
    // Of two processes that start on an empty store at once, one makes the tenant and the key.
    app.duties.alone("start", make(app)).await?
}

async fn make(app: &Arc<App>) -> Result<Option<String>> {
    let system = Caller {
        principal: Arc::new(Principal::local_operator(TenantId::system())),
        tenant: TenantId::system(),
    };
    first_tenant(app, &system).await.map_err(told)?;
    // What another process has just issued counts.
    if let Some(head) = app.store.log_head(&system.tenant).await? {
        app.directory_at(head.last_position).await.map_err(told)?;
    }
    if app.credentials.any_of(&system.tenant) {
        return Ok(None);
    }
    let file = app.config.data.dir.join("admin.key");
    let key = match fs::read_to_string(&file) {
        Ok(text) => ApiKey::parse(text.trim())
            .with_context(|| format!("{} does not hold a key; remove it", file.display()))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = ApiKey::generate(Environment::Live, &*app.entropy);
            write_secret(&file, &key.expose()).with_context(|| format!("cannot write {}", file.display()))?;
            key
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    };
    let_in(app, &system, &key).await.map_err(told)?;
    Ok(Some(key.expose().to_string()))
}

fn told(error: ApiError) -> anyhow::Error {
    anyhow!("{}", error.detail)
}

async fn first_tenant(app: &App, system: &Caller) -> Result<(), ApiError> {
    let logs = app.side.logs().await?;
    let tenant = match logs.iter().find(|log| log.slot == Some(0)) {
        Some(log) => log.tenant.clone(),
        None => TenantId::new(uuid_v7(&*app.clock, &*app.entropy).to_string()).map_err(ApiError::internal)?,
    };
    let id = CommandId::new(format!("onboard-{tenant}")).map_err(ApiError::internal)?;
    app.onboard(system, id, &tenant, FIRST_NAME.to_owned(), None).await?;
    Ok(())
}

async fn let_in(app: &App, system: &Caller, key: &ApiKey) -> Result<(), ApiError> {
    let mut issue = first_admin()?;
    issue.request_key = keep(app, &system.tenant, key).await?;
    let id = CommandId::new(format!("first-key-{}", key.id())).map_err(ApiError::internal)?;
    let stream = stream(&crate::api::word("/id", key.id())?)?;
    let order = Order::new(system, stream, id.clone(), id.as_str().as_bytes());
    let done = app.command::<Credential>(&order, &CredentialCommand::Issue(issue)).await?;
    app.directory_at(done.position).await
}
