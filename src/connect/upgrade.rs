//! Which adapter one integration runs: the newest installed version that fits it, one that is named, or what others run.

use std::sync::Arc;

use ledger::ids::TenantId;
use ledger_aggregates::integration::{Integration, IntegrationState};
use ledger_aggregates::values::Version;
use ledger_projections::integrations::IntegrationRow;

use super::adapters::Use;
use super::operate;
use super::validate::Misfit;
use crate::app::App;
use crate::error::{ApiError, CONFLICT};

/// What is wanted for an integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// The newest installed version of the package of its kind that fits its configuration.
    Newest,
    /// This version.
    Version(Version),
    /// The adapter of the product, or what is pinned for all.
    Unpin,
}

/// The choice that a wish comes to: a version that is installed, intact, and takes the configuration that is in force.
///
/// # Errors
/// `conflict`: there is none, with what is in the way; else the store.
pub async fn choice(
    app: &Arc<App>,
    tenant: &TenantId,
    row: &IntegrationRow,
    wish: &Wish,
) -> Result<Option<Version>, ApiError> {
    let running = Use::from(row);
    match wish {
        Wish::Version(version) => {
            fits(app, tenant, row, Some(version)).await?.map_err(|misfits| refused(version, &misfits))?;
            Ok(Some(version.clone()))
        }
        Wish::Unpin => {
            fits(app, tenant, row, None).await?.map_err(|misfits| refused(&"what others run", &misfits))?;
            Ok(None)
        }
        Wish::Newest => {
            let mut in_the_way = None;
            for version in newer(app, running)? {
                match fits(app, tenant, row, Some(&version)).await? {
                    Ok(()) => return Ok(Some(version)),
                    Err(misfits) => in_the_way = in_the_way.or_else(|| Some(refused(&version, &misfits))),
                }
            }
            match (in_the_way, &row.chosen) {
                (Some(error), _) => Err(error),
                // It runs the newest already.
                (None, Some(chosen)) => Ok(Some(chosen.clone())),
                (None, None) => Err(ApiError::new(
                    CONFLICT,
                    format!("no newer version of the adapter {} is installed", running.kind),
                )
                .hint("install its package first: ledger adapters install FOLDER")),
            }
        }
    }
}

/// Whether what was chosen before still fits, so that going back does not stop the integration.
///
/// # Errors
/// `conflict`: it does not; else the store. That nothing was chosen before is said by the aggregate.
pub async fn may_go_back(app: &Arc<App>, tenant: &TenantId, row: &IntegrationRow) -> Result<(), ApiError> {
    let state = app.state::<Integration>(tenant, &row.integration.stream()).await?;
    let IntegrationState::Registered(registration) = state else { return Ok(()) };
    let Some(before) = registration.before.last() else { return Ok(()) };
    let name = before.as_ref().map_or_else(|| "what others run".to_owned(), ToString::to_string);
    fits(app, tenant, row, before.as_ref()).await?.map_err(|misfits| refused(&name, &misfits))
}

/// The installed versions that are newer than the one that runs, the newest first.
fn newer(app: &App, running: Use<'_>) -> Result<Vec<Version>, ApiError> {
    let current = app.connect.version(running).and_then(|version| numbers(&version));
    let installed = app.connect.packages.list().map_err(ApiError::internal)?.remove(running.kind);
    let versions = installed.unwrap_or_default().installed.into_keys();
    let mut newer: Vec<_> = versions
        .filter_map(|version| Some((numbers(&version)?, version.parse::<Version>().ok()?)))
        .filter(|(numbers, _)| Some(numbers) > current.as_ref())
        .collect();
    newer.sort_by(|one, other| other.0.cmp(&one.0));
    Ok(newer.into_iter().map(|(_, version)| version).collect())
}

/// `1.10.0` is newer than `1.9.0`.
fn numbers(version: &str) -> Option<Vec<u64>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

async fn fits(
    app: &Arc<App>,
    tenant: &TenantId,
    row: &IntegrationRow,
    version: Option<&Version>,
) -> Result<Result<(), Vec<Misfit>>, ApiError> {
    let adapter = Use { kind: row.kind.as_str(), chosen: version.map(Version::as_str) };
    if let Err(misfit) = app.connect.program(adapter) {
        return Ok(Err(vec![misfit]));
    }
    if row.config_index.is_none() {
        return Ok(Ok(()));
    }
    let config = app.integration_config(tenant, row).await?;
    Ok(operate::check(app, tenant, (&row.integration, adapter), &config).await?.map(drop))
}

fn refused(version: &dyn std::fmt::Display, misfits: &[Misfit]) -> ApiError {
    let told: Vec<String> = misfits
        .iter()
        .map(|misfit| match misfit.pointer.as_str() {
            "" => misfit.detail.clone(),
            pointer => format!("{pointer}: {}", misfit.detail),
        })
        .collect();
    let error = ApiError::new(CONFLICT, format!("{version} does not fit: {}", told.join("; ")));
    match misfits.iter().find_map(|misfit| misfit.hint.clone()) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(numbers("1.10.0") > numbers("1.9.9"));
        assert_eq!(numbers("1.x"), None);
    }
}
