//! `GET /v1/integrations/{id}/configurations/{version}`

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ledger::ids::TenantId;
use ledger::readmodel::{Cell, TypedRow};
use ledger_aggregates::values::IntegrationId;
use ledger_projections::configurations::{CONFIGURATION, ConfigurationRow};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::api::named;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::query::Params;

/// With which other configuration it is compared.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Against {
    /// The number of the other one; the one before without it.
    against: Option<u64>,
}

/// One configuration, and in what it differs from another.
#[derive(Debug, Serialize, ToSchema)]
pub struct Compared {
    /// Its number.
    version: u64,
    /// The configuration.
    #[schema(value_type = Object)]
    config: Value,
    /// The number of the other one; absent: there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<u64>,
    /// Members that are not the same in both.
    changes: Vec<Difference>,
}

/// One member that is not the same.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Difference {
    /// Where, as a JSON pointer.
    pub pointer: String,
    /// What it was in the other one; absent: it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub was: Option<Value>,
    /// What it is in this one; absent: it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub is: Option<Value>,
}

/// One configuration of an integration, compared with the one before or with another.
#[utoipa::path(get, path = "/v1/integrations/{id}/configurations/{version}", tag = "integrations",
    params(("id" = String, Path, description = "The integration's id"), ("version" = u64, Path, description = "The configuration's number"), Against),
    responses((status = 200, description = "The configuration", body = Compared), (status = 404, description = "There is none")))]
pub async fn compare(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, version)): Path<(String, String)>,
    Params(with): Params<Against>,
) -> Result<Json<Compared>, ApiError> {
    let id: IntegrationId = named("integration", &id)?;
    let version: u64 = named("configuration", &version)?;
    let config = find(&app, &caller.tenant, &id, version).await?.config;
    let against = with.against.or_else(|| version.checked_sub(1).filter(|before| *before > 0));
    let changes = match against {
        None => Vec::new(),
        Some(other) => differences(&find(&app, &caller.tenant, &id, other).await?.config, &config),
    };
    Ok(Json(Compared { version, config, against, changes }))
}

/// A configuration as it was disclosed.
pub struct Kept {
    /// Its row.
    pub row: ConfigurationRow,
    /// What it says.
    pub config: Value,
    /// Where the other system was.
    pub endpoint: Option<String>,
}

/// One configuration of an integration.
///
/// # Errors
/// `not-found`, also where what it said was erased.
pub async fn find(app: &App, tenant: &TenantId, id: &IntegrationId, version: u64) -> Result<Kept, ApiError> {
    let unknown = || ApiError::not_found(format!("configuration {version} of integration {id}"));
    let key = vec![Cell::of(id), Cell::of(&version)];
    let row = app.row(&CONFIGURATION, tenant, key).await?.ok_or_else(unknown)?;
    let row = ConfigurationRow::from_row(&row)
        .ok_or_else(|| ApiError::internal("a configuration's row has another shape"))?;
    let mut members = app.opened(tenant, &[row.config_index]).await?.into_values().flatten();
    let (mut config, mut endpoint) = (None, None);
    for (name, value) in members.by_ref() {
        match name.as_str() {
            "config" => config = Some(value),
            "endpoint" => endpoint = value.as_str().map(str::to_owned),
            _ => {}
        }
    }
    Ok(Kept { row, config: config.ok_or_else(unknown)?, endpoint })
}

/// Members that are not the same in two documents, by pointer. Arrays are compared as a whole.
pub fn differences(was: &Value, is: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    differ("", Some(was), Some(is), &mut found);
    found
}

fn differ(pointer: &str, was: Option<&Value>, is: Option<&Value>, found: &mut Vec<Difference>) {
    match (was, is) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            for name in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
                let below = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                differ(&below, a.get(name), b.get(name), found);
            }
        }
        (was, is) if was == is => {}
        (was, is) => {
            found.push(Difference { pointer: pointer.to_owned(), was: was.cloned(), is: is.cloned() });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_is_named_by_its_pointer() {
        let was = json!({ "adapter": { "project": "A", "labels": [1] }, "gone/x": 1, "same": { "n": 1 } });
        let is = json!({ "adapter": { "project": "B", "labels": [1, 2] }, "same": { "n": 1 }, "new": null });
        let found = differences(&was, &is);
        let pointers: Vec<_> = found.iter().map(|difference| difference.pointer.as_str()).collect();
        assert_eq!(pointers, ["/adapter/labels", "/adapter/project", "/gone~1x", "/new"]);
        assert_eq!((found[1].was.clone(), found[1].is.clone()), (Some(json!("A")), Some(json!("B"))));
        assert_eq!((found[2].was.clone(), found[2].is.clone()), (Some(json!(1)), None));
        assert!(differences(&was, &was).is_empty());
    }
}
