//! What people do with integrations: check a configuration, see what would be sent, run now, replay what is parked.

use std::collections::BTreeSet;
use std::sync::Arc;

use ledger::ids::{CommandId, TenantId, uuid_v7};
use ledger_aggregates::integration::{Integration, IntegrationCommand};
use ledger_aggregates::intent::{Intent, IntentCommand, IntentEvent, IntentRequested};
use ledger_aggregates::ticket::TicketCommand;
use ledger_aggregates::values::{IntegrationId, IntentId, RunKind, RunTrigger};
use ledger_connectors::egress::Hold;
use ledger_connectors::egress::credential::{CodeExchange, TokenError, TokenSet};
use ledger_connectors::host::{CallError, Instance, Limits};
use ledger_connectors::protocol::{self, Call, Failure, Plan, RemoteRef, Reply, Task, Then};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::adapters::Use;
pub use super::attempt::told_to_people as to_people;
use super::config::{Auth, Document, Grant, SecretRef};
use super::live::{Idle, Live, bring_up};
use super::marks::Marks;
use super::runs::{self, Made, Wanted};
use super::validate::{self, Misfit};
use super::{models, observe, webhooks};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::commands::{Done, Order};
use crate::error::{ApiError, CONFLICT, INVALID, UNAVAILABLE};

/// Checks a configuration for an integration's adapter: its shape, its bounds, its secrets, and the adapter's own part by
/// the adapter itself. Nothing is sent.
///
/// # Errors
/// All that does not fit; or the store.
pub async fn check(
    app: &Arc<App>,
    tenant: &TenantId,
    (integration, adapter): (&IntegrationId, Use<'_>),
    config: &Value,
) -> Result<Result<Document, Vec<Misfit>>, ApiError> {
    let mut known = BTreeSet::new();
    if let Ok(document) = validate::read(config) {
        for reference in document.secrets().into_values() {
            if app.secret(tenant, reference).await?.is_some() {
                known.insert(reference.clone());
            }
        }
    }
    let knows = |reference: &SecretRef| known.contains(reference);
    let document = match validate::check(config, adapter.built_in(), &app.connect.ceiling, &knows) {
        Ok(document) => document,
        Err(misfits) => return Ok(Err(misfits)),
    };
    if let Err(misfit) = app.connect.may_reach(adapter, &document.base_url) {
        return Ok(Err(vec![misfit]));
    }
    let misfits = app.connect.schema_of(adapter).map(|schema| validate::by_schema(&schema, &document));
    if let Some(misfits) = misfits.filter(|misfits| !misfits.is_empty()) {
        return Ok(Err(misfits));
    }
    let (program, ..) = match app.connect.program(adapter) {
        Ok(found) => found,
        Err(misfit) => return Ok(Err(vec![misfit])),
    };
    // A process of its own: the live one goes on with what is in force.
    let instance = Instance::new(program, document.adapter.clone(), Limits::default());
    match instance.call(Call::Health { now: app.clock.now() }).await {
        Err(CallError::Configuration(failure)) => Ok(Err(vec![Misfit::of_adapter(&failure)])),
        Err(error) => Ok(Err(vec![Misfit {
            pointer: String::new(),
            detail: error.to_string(),
            hint: Some("the adapter does not start: ledger adapters list shows what is installed".into()),
        }])),
        Ok(_) => Ok(match webhooks::misfit(app, tenant, integration, &document, &instance).await {
            Some(misfit) => Err(vec![misfit]),
            None => Ok(document),
        }),
    }
}

/// Whether there is such an adapter on this machine.
pub fn has_adapter(app: &App, adapter: Use<'_>) -> bool {
    app.connect.version(adapter).is_some()
}

/// A request as it would be sent.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Shown {
    /// The method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// The headers; those that carry the credential are named and redacted.
    pub headers: std::collections::BTreeMap<String, String>,
    /// The body as text.
    pub body: String,
}

/// The first request that an intent would send now. Nothing is sent; what follows depends on the answer.
///
/// # Errors
/// `not-found`; `conflict`: the integration or the adapter cannot say; else the store.
pub async fn preview(app: &Arc<App>, tenant: &TenantId, intent: IntentId) -> Result<Shown, ApiError> {
    let (integration, payload) = wanted(app, tenant, intent).await?;
    let live = brought_up(app, tenant, &integration).await?;
    let call = Task::Perform(payload).start(app.clock.now());
    match live.instance.call(call).await {
        Ok(Reply::Step(step)) => match step.then {
            Then::Send(plan) => shown(&live, &plan).await,
            Then::Done(outcome) => {
                let outcome = serde_json::to_string(&outcome).map_err(ApiError::internal)?;
                Err(ApiError::new(CONFLICT, format!("nothing would be sent: {outcome}")))
            }
        },
        Ok(Reply::Refused(failure)) => Err(refused(&failure)),
        Ok(_) => Err(ApiError::new(CONFLICT, "the adapter answered out of turn")),
        Err(CallError::Configuration(failure)) => Err(refused(&failure)),
        Err(error) => Err(ApiError::new(CONFLICT, error.to_string())),
    }
}

/// What an intent wants, and where.
///
/// # Errors
/// `not-found`; `conflict`: it was erased; else the store.
pub(super) async fn wanted(
    app: &App,
    tenant: &TenantId,
    intent: IntentId,
) -> Result<(IntegrationId, protocol::Intent), ApiError> {
    let told = app.told::<Intent>(tenant, &intent.stream()).await?;
    let unknown = || ApiError::not_found(format!("intent {intent}"));
    let requested = told.first().ok_or_else(unknown)?;
    let IntentEvent::Requested(IntentRequested { integration, .. }) = &requested.event else {
        return Err(unknown());
    };
    let payload = observe::payload(requested)
        .ok_or_else(|| ApiError::new(CONFLICT, "what was to be sent has been erased"))?;
    Ok((integration.clone(), payload))
}

/// Why the adapter will not.
pub(super) fn refused(failure: &Failure) -> ApiError {
    let error = ApiError::new(CONFLICT, to_people(failure));
    match &failure.hint {
        Some(hint) => error.hint(hint.to_string()),
        None => error,
    }
}

/// A plan as it would be sent.
pub(super) async fn shown(live: &Live, plan: &Plan) -> Result<Shown, ApiError> {
    let preview = live.connection.preview(plan).await;
    let preview = preview.map_err(|hold: Hold| ApiError::new(CONFLICT, hold.to_string()))?;
    Ok(Shown {
        method: preview.method,
        url: preview.url,
        headers: preview.headers,
        body: String::from_utf8_lossy(&preview.body).into_owned(),
    })
}

/// A live integration, also one that is configured and not enabled.
pub(super) async fn brought_up(
    app: &Arc<App>,
    tenant: &TenantId,
    integration: &IntegrationId,
) -> Result<Arc<Live>, ApiError> {
    let row = app.integration(tenant, integration).await?;
    let row = row.ok_or_else(|| ApiError::not_found(format!("integration {integration}")))?;
    bring_up(app, tenant, &row).await.map_err(|idle| match idle {
        Idle::Unknown => ApiError::not_found(format!("integration {integration}")),
        Idle::Still(state) => ApiError::new(CONFLICT, format!("the integration is {state}"))
            .hint("configure it and enable it first"),
        Idle::Misfits(misfits) => validate::problem(&misfits, ""),
        Idle::Store(error) => error,
    })
}

/// Makes a run now and waits for its end.
///
/// # Errors
/// `not-found`, `conflict`: why it cannot; else the store.
pub async fn run_now(
    app: &Arc<App>,
    tenant: &TenantId,
    integration: &IntegrationId,
    what: RunKind,
) -> Result<Made, ApiError> {
    let live = brought_up(app, tenant, integration).await?;
    if what == RunKind::Subscribe && webhooks::schedule(&live.document).is_none() {
        return Err(ApiError::new(CONFLICT, "the integration is not configured to register its messages")
            .hint("set /inbound/register in its configuration"));
    }
    let wanted = Wanted { what, trigger: RunTrigger::Manual, due: app.clock.now() };
    runs::make(app, tenant, integration, &live, &wanted).await
}

/// Exchanges the code that a person brought from the other side's authorisation page for the first tokens, which are
/// durable when this returns; who did it stands in the log.
///
/// # Errors
/// `not-found`; `conflict`: it cannot be brought up, or its grant is another; `invalid`: the code is refused;
/// `unavailable`: ask for a code again; else the store.
pub async fn authorise(
    app: &Arc<App>,
    caller: &Caller,
    integration: &IntegrationId,
    code: &CodeExchange,
) -> Result<TokenSet, ApiError> {
    let live = brought_up(app, &caller.tenant, integration).await?;
    let by_code = matches!(&live.document.auth, Auth::Oauth2(o) if o.grant == Grant::AuthorizationCode);
    let tokens = live.connection.tokens().filter(|_| by_code).ok_or_else(|| {
        ApiError::new(CONFLICT, "the integration is not configured to be authorised with a code")
            .hint("set /auth/oauth2/grant to \"authorization_code\" in its configuration")
    })?;
    let set = tokens.exchange_code(code).await.map_err(|error| match error {
        TokenError::Refused(words) => ApiError::new(INVALID, format!("the code is refused: {words}"))
            .at("/code", words)
            .hint("a code is good once and for minutes: ask for another, with the same redirect URI and verifier"),
        TokenError::Unavailable(words) => {
            ApiError::new(UNAVAILABLE, format!("the token endpoint does not help: {words}")).retry_after(30)
        }
        TokenError::Store(words) => ApiError::internal(words),
    })?;
    let id = CommandId::new(uuid_v7(&*app.clock, &*app.entropy).to_string()).map_err(ApiError::internal)?;
    let order = Order::new(caller, integration.stream(), id.clone(), id.as_str().as_bytes());
    let told = IntegrationCommand::Authorise { expires_at: set.expires_at, renewed: set.refresh.is_some() };
    app.command::<Integration>(&order, &told).await?;
    app.connect.wake.notify_one();
    Ok(set)
}

/// Tries parked work again.
///
/// # Errors
/// `not-found`, `conflict`: it is not parked.
pub async fn replay(app: &App, caller: &Caller, id: CommandId, intent: IntentId) -> Result<Done, ApiError> {
    let order = Order::new(caller, intent.stream(), id, format!("replay {intent}").as_bytes());
    app.command::<Intent>(&order, &IntentCommand::Replay).await
}

/// So much parked work is replayed by one request.
pub const REPLAYS_MAX: usize = 1_000;

/// Tries all parked work of an integration again; how many pieces.
///
/// # Errors
/// The read models or the store.
pub async fn replay_all(app: &App, caller: &Caller, integration: &IntegrationId) -> Result<usize, ApiError> {
    let mut replayed = 0;
    for intent in models::parked(app, &caller.tenant, integration, REPLAYS_MAX).await? {
        let id =
            CommandId::new(uuid_v7(&*app.clock, &*app.entropy).to_string()).map_err(ApiError::internal)?;
        match replay(app, caller, id, intent).await {
            Ok(_) => replayed += 1,
            // Somebody was faster.
            Err(error) if error.code.status < 500 => {}
            Err(error) => return Err(error),
        }
    }
    Ok(replayed)
}

/// A kind of run by its name.
///
/// # Errors
/// `invalid`
pub fn run_kind(name: &str) -> Result<RunKind, ApiError> {
    name.parse()
        .map_err(|detail: String| ApiError::new(INVALID, format!("/what: {detail}")).at("/what", detail))
}

/// The command that puts another thing at the other side in the place of a ticket's.
///
/// # Errors
/// There is no such tenant.
pub fn relink(app: &App, tenant: &TenantId, remote: &RemoteRef) -> Result<TicketCommand, ApiError> {
    Ok(TicketCommand::Relink {
        remote_mac: Marks::of(app, tenant).text(&remote.id)?,
        remote: serde_json::to_value(remote).map_err(ApiError::internal)?,
    })
}
