//! What every request needs to know at once: which credentials are good, which controls exist, which routes are set.
//!
//! It is folded from the log in memory. At the start it is taken from the streams of the credentials and frameworks that
//! the read models name; from there it follows the log. A handler that must see its own change waits for its position.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, Result};
use ledger::domain::DomainEvent;
use ledger::event::Header;
use ledger::ids::{StreamId, SubjectId, TenantId};
use ledger::readmodel::{PAGE_ROWS_MAX, Query, TableDef};
use ledger::time::Timestamp;
use ledger_aggregates::credential::CredentialEvent;
use ledger_aggregates::framework::FrameworkEvent;
use ledger_aggregates::route::{RouteEvent, RouteRule};
use ledger_aggregates::subject::SubjectEvent;
use ledger_aggregates::tenant::TenantEvent;
use ledger_aggregates::values::{ControlId, ControlRef, FrameworkId, RouteId};
use ledger_projections::credentials::CREDENTIAL;
use ledger_projections::frameworks::FRAMEWORK;
use ledger_projections::routes::ROUTE;
use ledger_store::runner::RunnerStatus;
use ledger_store::{Delivery, Filter, Read, SecretKind, StoredEvent, Subscription};
use tokio::sync::watch;

use crate::api::credentials::secret_id;
use crate::app::App;
use crate::auth::principal::Principal;
use crate::auth::table::{Entry, Secret};

/// The categories that this follows.
const CATEGORIES: [&str; 5] = ["credential", "framework", "route", "tenant", "subject"];

/// Most of what is committed does not concern this: while events keep coming, the log is looked at no more often, unless
/// someone waits for a change of his own.
const GATHER: Duration = Duration::from_millis(20);

/// The controls of every tenant, each with its cadence and title, and the routes.
#[derive(Debug, Default)]
pub struct Catalogue {
    controls: RwLock<HashMap<TenantId, HashMap<FrameworkId, Controls>>>,
    routes: RwLock<HashMap<TenantId, BTreeMap<RouteId, RouteRule>>>,
}

/// The controls of one framework.
#[derive(Debug, Default)]
struct Controls {
    /// How often evidence is expected where a control says nothing else, in seconds.
    cadence: Option<u32>,
    own: HashMap<ControlId, Control>,
}

/// What is known about a control.
#[derive(Debug)]
struct Control {
    cadence: Option<u32>,
    title: Box<str>,
}

impl Catalogue {
    /// Does the tenant have this control?
    pub fn knows(&self, tenant: &TenantId, control: &ControlRef) -> bool {
        let tenants = self.controls.read().unwrap_or_else(PoisonError::into_inner);
        tenants
            .get(tenant)
            .and_then(|frameworks| frameworks.get(&control.framework))
            .is_some_and(|controls| controls.own.contains_key(&control.control))
    }

    /// How often evidence of a control is expected, in seconds.
    pub fn cadence(&self, tenant: &TenantId, control: &ControlRef) -> Option<u32> {
        let tenants = self.controls.read().unwrap_or_else(PoisonError::into_inner);
        let controls = tenants.get(tenant)?.get(&control.framework)?;
        controls.own.get(&control.control).and_then(|own| own.cadence).or(controls.cadence)
    }

    /// The title of a control.
    pub fn title(&self, tenant: &TenantId, control: &ControlRef) -> Option<String> {
        let tenants = self.controls.read().unwrap_or_else(PoisonError::into_inner);
        let controls = tenants.get(tenant)?.get(&control.framework)?;
        controls.own.get(&control.control).map(|own| own.title.as_ref().to_owned())
    }

    /// The routes of a tenant, in the order of their ids.
    pub fn routes(&self, tenant: &TenantId) -> Vec<RouteRule> {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        routes.get(tenant).map(|routes| routes.values().cloned().collect()).unwrap_or_default()
    }

    fn fold_route(&self, tenant: &TenantId, route: RouteId, event: &RouteEvent) {
        let mut tenants = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        let routes = tenants.entry(tenant.clone()).or_default();
        match event {
            RouteEvent::Set(set) => routes.insert(route, set.into()),
            RouteEvent::Removed(_) => routes.remove(&route),
        };
    }

    fn fold(&self, tenant: &TenantId, framework: FrameworkId, event: FrameworkEvent) {
        let mut tenants = self.controls.write().unwrap_or_else(PoisonError::into_inner);
        let controls = tenants.entry(tenant.clone()).or_default().entry(framework).or_default();
        match event {
            FrameworkEvent::Imported(imported) => controls.cadence = imported.cadence_seconds,
            FrameworkEvent::ControlsAdded(added) => {
                controls.own.extend(added.controls.into_iter().map(|control| {
                    let (cadence, title) = (control.cadence_seconds, control.title.as_str().into());
                    (control.id, Control { cadence, title })
                }));
            }
            FrameworkEvent::ControlsWithdrawn(withdrawn) => withdrawn.controls.iter().for_each(|id| {
                controls.own.remove(id);
            }),
        }
    }
}

/// Folds credentials, catalogues and routes, and what other processes make known: new tenants, erased subjects.
pub struct Directory {
    app: Arc<App>,
}

impl Directory {
    /// A directory that fills the credentials and the catalogue of `app`.
    pub const fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    /// Folds the streams of all credentials and frameworks that the read models name; from which position to follow.
    ///
    /// # Errors
    /// The read models or the store.
    pub async fn start(&self) -> Result<u64> {
        let app = &self.app;
        // Read models that are being built name nothing yet: follow from the beginning then.
        if !matches!(*app.views.status().borrow(), RunnerStatus::Following) {
            return Ok(0);
        }
        let position = *app.views.position().borrow();
        for log in app.side.logs().await? {
            let tables = [(&CREDENTIAL, "credential"), (&FRAMEWORK, "framework"), (&ROUTE, "route")];
            for (table, category) in tables {
                let ids = all_keys(app, table, &log.tenant).await?;
                let streams =
                    ids.iter().map(|id| StreamId::of(category, id)).collect::<Result<Vec<_>, _>>()?;
                self.load(&log.tenant, streams).await?;
            }
        }
        Ok(position)
    }

    /// Folds whole streams.
    ///
    /// # Errors
    /// A stream that cannot be read or folded.
    async fn load(&self, tenant: &TenantId, streams: impl IntoIterator<Item = StreamId>) -> Result<()> {
        for stream in streams {
            let mut from = 0;
            loop {
                let page = self.app.store.read(Read::stream(tenant, &stream, from)).await?;
                for event in &page.events {
                    self.fold(event).await?;
                }
                if page.end {
                    break;
                }
                from = page.next;
            }
        }
        Ok(())
    }

    /// Follows the log from behind `position`; tells how far it is.
    pub async fn follow(self, position: u64, reached: watch::Sender<u64>, mut stop: watch::Receiver<bool>) {
        let filter = Filter { categories: CATEGORIES.map(str::to_owned).to_vec(), ..Filter::default() };
        let mut subscription = Subscription::new(Arc::clone(&self.app.store), position + 1, filter)
            .gather(GATHER, Arc::clone(&self.app.directory_hurry));
        loop {
            let delivery = tokio::select! {
                delivery = subscription.next() => delivery,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            match delivery {
                Ok(Delivery::Events(events)) => {
                    for event in &events {
                        if let Err(error) = self.fold(event).await {
                            // A credential that cannot be folded lets nobody in; the others go on.
                            tracing::error!(position = event.position, %error, "directory event left out");
                        }
                    }
                }
                Ok(Delivery::CaughtUp { .. }) => {}
                Err(error) => tracing::error!(%error, "the directory cannot follow the log"),
            }
            reached.send_replace(subscription.position().saturating_sub(1));
        }
    }

    async fn fold(&self, event: &StoredEvent) -> Result<()> {
        let header = Header::parse_trusted(&event.header)?;
        let data = serde_json::from_slice(header.data)?;
        if let Some(change) = CredentialEvent::decode(&event.event_type, &data)? {
            return self.fold_credential(&event.tenant, header.stream.id(), header.time, change).await;
        }
        if let Some(change) = FrameworkEvent::decode(&event.event_type, &data)?
            && let Some(framework) = FrameworkId::from_stream(&header.stream)
        {
            self.app.catalogue.fold(&event.tenant, framework, change);
        }
        if let Some(change) = RouteEvent::decode(&event.event_type, &data)?
            && let Some(route) = RouteId::from_stream(&header.stream)
        {
            self.app.catalogue.fold_route(&event.tenant, route, &change);
        }
        if let Some(TenantEvent::Onboarded(_)) = TenantEvent::decode(&event.event_type, &data)? {
            self.app.open_log(&TenantId::new(header.stream.id())?).await?;
        }
        if let Some(SubjectEvent::Erased(_)) = SubjectEvent::decode(&event.event_type, &data)? {
            // Its key is destroyed in the store; here it may still be in memory.
            self.app.keyring.forget_subject(&event.tenant, &SubjectId::new(header.stream.id())?);
        }
        Ok(())
    }

    async fn fold_credential(
        &self,
        tenant: &TenantId,
        id: &str,
        time: Timestamp,
        event: CredentialEvent,
    ) -> Result<()> {
        let old = self.app.credentials.get(id);
        let known = || old.as_ref().context("a change of an unknown credential");
        let entry = match event {
            CredentialEvent::Issued(issued) => Entry {
                principal: Arc::new(Principal {
                    credential: id.into(),
                    tenant: tenant.clone(),
                    role: issued.role,
                    operator: tenant.is_system(),
                    probe: issued.probe,
                }),
                environment: issued.environment,
                secrets: vec![self.secret(tenant, id, issued.request_key.as_str()).await?],
                expires_at: issued.expires_at,
                revoked_at: None,
                last_used: AtomicI64::new(0),
            },
            CredentialEvent::Rotated(rotated) => {
                let old = known()?;
                let mut secrets = old.secrets.clone();
                for secret in &mut secrets {
                    let end =
                        secret.not_after.map_or(rotated.overlap_until, |end| end.min(rotated.overlap_until));
                    secret.not_after = Some(end);
                }
                secrets.retain(|secret| secret.not_after.is_none_or(|end| end > time));
                secrets.push(self.secret(tenant, id, rotated.request_key.as_str()).await?);
                Entry { secrets, expires_at: rotated.expires_at, ..Entry::after(old) }
            }
            CredentialEvent::Revoked(_) => Entry { revoked_at: Some(time), ..Entry::after(known()?) },
            CredentialEvent::Expired(expired) => {
                Entry { expires_at: Some(expired.expired_at), ..Entry::after(known()?) }
            }
        };
        self.app.credentials.put(entry);
        Ok(())
    }

    async fn secret(&self, tenant: &TenantId, id: &str, request_key: &str) -> Result<Secret> {
        let request_key: [u8; 32] = ledger::b64::decode_array(request_key)?;
        let name = secret_id(id, &request_key);
        let mac = self.app.keyring.get(tenant, SecretKind::Credential, &name).await?;
        let mac = mac.context("the vault has no such secret")?;
        let mac = mac.as_slice().try_into().context("a kept secret has 32 bytes")?;
        Ok(Secret { mac, request_key, not_after: None })
    }
}

/// The first key column of every row of a table.
async fn all_keys(app: &App, table: &'static TableDef, tenant: &TenantId) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    let mut after = None;
    loop {
        let query = Query::new(table, tenant).limit(PAGE_ROWS_MAX).after(after);
        let page = app.query(query).await.map_err(|error| anyhow::anyhow!("{}", error.detail))?;
        ids.extend(page.rows.iter().map(|row| row[0].to_string()));
        after = page.next;
        if after.is_none() {
            return Ok(ids);
        }
    }
}
