//! Token endpoints: which grant, how it is asked for.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use ledger::clock::Entropy;
use ledger::time::Timestamp;
use serde_json::{Map, Value};

use super::jwt::JwtKey;
use super::tokens::CodeExchange;
use crate::egress::client::Outgoing;
use crate::egress::redact::{Redactor, Secret};
use crate::egress::target::Target;

/// An OAuth 2.0 client at one vendor.
#[derive(Debug, Clone)]
pub struct OAuth {
    /// The token endpoint, checked by the guard.
    pub token_url: Target,
    /// The client's id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// How a first token is got.
    pub grant: Grant,
    /// How parameters travel.
    pub style: Style,
    /// Where the client's own credential stands.
    pub client_auth: ClientAuth,
    /// The scope to ask for.
    pub scope: Option<String>,
}

/// How a first token is got. A refresh token is used whenever there is one.
#[derive(Debug, Clone)]
pub enum Grant {
    /// By the client's own credential.
    ClientCredentials,
    /// By a user's password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// By a signed assertion.
    JwtBearer(JwtKey),
    /// By a code that a person got for us; afterwards by refresh tokens alone.
    AuthorizationCode,
}

/// How the parameters travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As a form, which the standard says (ServiceNow).
    Form,
    /// As JSON (Atlassian).
    Json,
    /// In the query of a POST without a body (Jira Data Center).
    Query,
}

/// Where the client's own credential stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// Among the parameters.
    Parameters,
    /// In a Basic header.
    Basic,
}

/// What a token is asked for with.
pub(super) enum Asking<'a> {
    First,
    Refresh(&'a Secret),
    Code(&'a CodeExchange),
}

impl OAuth {
    /// The request of a token; none if the grant cannot ask by itself.
    pub(super) fn request(
        &self,
        asking: &Asking<'_>,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Option<Outgoing>, String> {
        let Some(mut parameters) = self.parameters(asking, now, entropy)? else { return Ok(None) };
        let mut headers = BTreeMap::from([("accept".to_owned(), "application/json".to_owned())]);
        match self.client_auth {
            ClientAuth::Parameters => {
                parameters.push(("client_id", self.client_id.clone()));
                parameters.push(("client_secret", self.client_secret.expose().to_owned()));
            }
            ClientAuth::Basic => {
                let pair = format!("{}:{}", self.client_id, self.client_secret.expose());
                headers.insert("authorization".into(), format!("Basic {}", STANDARD.encode(pair)));
            }
        }
        let form =
            || url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters.iter()).finish();
        let (target, content_type, body) = match self.style {
            Style::Form => (self.token_url.clone(), Some("application/x-www-form-urlencoded"), form()),
            Style::Json => {
                let object: Map<String, Value> =
                    parameters.iter().map(|(name, value)| ((*name).into(), value.as_str().into())).collect();
                (self.token_url.clone(), Some("application/json"), Value::Object(object).to_string())
            }
            Style::Query => (self.token_url.with_query(&form()), None, String::new()),
        };
        if let Some(content_type) = content_type {
            headers.insert("content-type".into(), content_type.into());
        }
        Ok(Some(Outgoing { method: Method::POST, target, headers, body: Bytes::from(body) }))
    }

    fn parameters(
        &self,
        asking: &Asking<'_>,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Option<Vec<(&'static str, String)>>, String> {
        let mut parameters = match (asking, &self.grant) {
            (Asking::Refresh(token), _) => {
                vec![("grant_type", "refresh_token".into()), ("refresh_token", token.expose().to_owned())]
            }
            (Asking::Code(exchange), _) => exchange.parameters(),
            (Asking::First, Grant::AuthorizationCode) => return Ok(None),
            (Asking::First, Grant::ClientCredentials) => vec![("grant_type", "client_credentials".into())],
            (Asking::First, Grant::Password { user, password }) => vec![
                ("grant_type", "password".into()),
                ("username", user.clone()),
                ("password", password.expose().to_owned()),
            ],
            (Asking::First, Grant::JwtBearer(key)) => vec![
                ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer".into()),
                ("assertion", key.assertion(now, entropy)?),
            ],
        };
        if let (Asking::First, Some(scope)) = (asking, &self.scope) {
            parameters.push(("scope", scope.clone()));
        }
        Ok(Some(parameters))
    }

    /// Tells the redactor what must not be seen.
    pub(super) fn tell(&self, redactor: &mut Redactor) {
        redactor.add(self.client_secret.expose());
        match &self.grant {
            Grant::Password { password, .. } => redactor.add(password.expose()),
            Grant::JwtBearer(key) => redactor.add(key.key_pem.expose()),
            Grant::ClientCredentials | Grant::AuthorizationCode => {}
        }
    }
}
