//! Watches deadlines: evidence that missed its cadence, probes that fell silent, credentials and accepted risks that end.
//!
//! Rows whose deadline has passed come from the read models; the reactors turn them into commands, and the aggregates look
//! at the clock themselves, so a row that lags causes nothing.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use ledger::ids::TenantId;
use ledger::readmodel::{Cell, Query, Test, TypedRow};
use ledger::time::Timestamp;
use ledger_aggregates::values::{ControlRef, ControlStatus};
use ledger_projections::controls::{CONTROL, ControlRow};
use ledger_projections::credentials::{CREDENTIAL, CredentialRow};
use ledger_projections::frameworks::{FRAMEWORK, FrameworkRow};
use ledger_projections::probes::{PROBE, ProbeRow};
use ledger_projections::reactors::{
    CREDENTIAL_WARNING, ControlDeadline, CredentialDeadline, Intent, ProbeDeadline, RiskDeadline,
    ended_risks, overdue_controls, overdue_credentials, overdue_probes,
};
use ledger_projections::tasks::{TASK, TaskRow};
use tokio::sync::watch;

use super::react::carry_out;
use crate::app::App;

/// How late a passed deadline may be noticed.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Rows that one look takes up; what is left is taken up by the next.
const ROWS_MAX: usize = 500;

/// Watches until `stop` turns true.
pub async fn run(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        if let Err(error) = look(&app).await {
            tracing::warn!(%error, "deadlines could not be looked at");
        }
    }
}

/// Looks once at all tenants.
///
/// # Errors
/// The read models or the store.
pub async fn look(app: &App) -> Result<()> {
    let now = app.clock.now();
    for log in app.side.logs().await? {
        let intents =
            overdue(app, &log.tenant, now).await.map_err(|error| anyhow::anyhow!("{}", error.detail))?;
        carry_out(app, intents).await.map_err(|error| anyhow::anyhow!("{}", error.detail))?;
    }
    Ok(())
}

async fn overdue(
    app: &App,
    tenant: &TenantId,
    now: Timestamp,
) -> Result<Vec<Intent>, crate::error::ApiError> {
    let passed = |column, until| {
        move |query: Query| query.filter(column, Test::Below(Cell::time(until))).limit(ROWS_MAX)
    };
    let mut controls = Vec::new();
    for framework in typed::<FrameworkRow>(app, Query::new(&FRAMEWORK, tenant)).await? {
        let query = Query::new(&CONTROL, tenant)
            .is("framework", &framework.framework)
            .order_by("framework")
            .order_by("stale_after");
        for row in typed::<ControlRow>(app, passed("stale_after", now)(query)).await? {
            if let (Some(stale_after), false) = (row.stale_after, row.status == ControlStatus::Stale) {
                let control = ControlRef { framework: row.framework, control: row.control };
                controls.push(ControlDeadline { tenant: tenant.clone(), control, stale_after });
            }
        }
    }
    let probes = typed::<ProbeRow>(
        app,
        passed("silent_after", now)(Query::new(&PROBE, tenant).is_text("state", "reporting")),
    )
    .await?;
    let probes = probes.into_iter().filter_map(|row| {
        Some(ProbeDeadline { tenant: tenant.clone(), probe: row.probe, silent_after: row.silent_after? })
    });
    let soon = now.plus(CREDENTIAL_WARNING);
    let credentials = Query::new(&CREDENTIAL, tenant).is_text("state", "active");
    let credentials = typed::<CredentialRow>(app, passed("expires_at", soon)(credentials)).await?;
    let credentials = credentials.into_iter().filter_map(|row| {
        Some(CredentialDeadline {
            tenant: tenant.clone(),
            credential: row.credential,
            expires_at: row.expires_at?,
        })
    });
    let risks = typed::<TaskRow>(
        app,
        passed("reconsider_at", now)(Query::new(&TASK, tenant)).order_by("reconsider_at"),
    )
    .await?;
    let risks = risks.into_iter().filter_map(|row| {
        let reconsider_at = row.reconsider_at?;
        Some(RiskDeadline { tenant: tenant.clone(), task: row.task, reconsider_at })
    });
    let mut intents = overdue_controls(controls, now);
    intents.extend(ended_risks(risks, now));
    intents.extend(overdue_probes(probes, now));
    intents.extend(overdue_credentials(credentials, now));
    Ok(intents)
}

async fn typed<T: TypedRow>(app: &App, query: Query) -> Result<Vec<T>, crate::error::ApiError> {
    Ok(app.query(query).await?.rows.iter().filter_map(|row| T::from_row(row)).collect())
}
