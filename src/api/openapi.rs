//! The OpenAPI document, generated from the routes.

use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

/// What every route adds itself to.
#[derive(Debug, OpenApi)]
#[openapi(
    info(title = "Integration Ledger", description = "Everything that crosses the platform's border, as signed, chained, provable events. Reads with the header Ledger-Min-Index, the index of a receipt, are answered once they show that entry. An operator names the tenant that he acts for in Ledger-Tenant.", license(name = "Apache-2.0", identifier = "Apache-2.0")),
    modifiers(&Security)
)]
pub struct Document;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("apiKey", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}
