//! `POST /v1/integrations/{id}/authorise`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ledger::time::Timestamp;
use ledger_aggregates::values::IntegrationId;
use ledger_connectors::egress::Secret;
use ledger_connectors::egress::credential::CodeExchange;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::named;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::connect::operate;
use crate::error::ApiError;
use crate::http::body::{Canonical, shape};

/// What came back from the other side's authorisation page (RFC 6749 §4.1.3).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Authorise {
    /// The code.
    code: String,
    /// The redirect URI that it was asked for with.
    redirect_uri: String,
    /// The verifier of PKCE (RFC 7636), where the code was asked for with one.
    code_verifier: Option<String>,
}

/// The first tokens are kept, sealed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Authorised {
    /// When the access token ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// Is it renewed by the ledger itself? Otherwise it has to be authorised again before it ends.
    renewed: bool,
}

/// Exchange the code of an authorisation for the first tokens. They are durable before this is answered.
#[utoipa::path(post, path = "/v1/integrations/{id}/authorise", tag = "integrations", params(("id" = String, Path, description = "The integration's id")),
    request_body = Authorise, responses((status = 200, description = "The tokens are kept", body = Authorised), (status = 404, description = "There is none"), (status = 409, description = "Its grant is another"), (status = 422, description = "The other side refuses the code")))]
pub async fn authorise(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Canonical(canonical): Canonical,
) -> Result<Json<Authorised>, ApiError> {
    let body: Authorise = shape(canonical.as_bytes())?;
    let id: IntegrationId = named("integration", &id)?;
    let exchange = CodeExchange {
        code: Secret::new(body.code),
        redirect_uri: body.redirect_uri,
        verifier: body.code_verifier.map(Secret::new),
    };
    let set = operate::authorise(&app, &caller, &id, &exchange).await?;
    Ok(Json(Authorised { expires_at: set.expires_at, renewed: set.refresh.is_some() }))
}
