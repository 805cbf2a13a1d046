//! From a configuration to a connection: the secrets come in here, and go nowhere but into the connection.

use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ledger::ids::TenantId;
use ledger::time::Timestamp;
use ledger_aggregates::values::IntegrationId;
use ledger_connectors::egress::credential::{
    self, Credentials, JwtKey, SaveError, TokenSet, TokenStore, Tokens,
};
use ledger_connectors::egress::{
    Blobs, Bounds, Client, ClientIdentity, Connection, ConnectionParts, Policy, Recorder, Secret, Target,
    TlsSettings,
};
use ledger_connectors::protocol::BlobRef;
use ledger_store::BlobId;

use super::config::{Auth, Document, Grant, JwtAlgorithm, Oauth2, SecretRef, Style};
use super::people::TenantPeople;
use super::record::ExchangeLog;
use super::tokens::SealedTokens;
use super::validate::{Ceiling, Misfit, policy};
use crate::app::App;
use crate::error::ApiError;

/// Why there is no connection.
#[derive(Debug, Clone)]
pub enum Unbuilt {
    /// The configuration does not fit: somebody has to change it.
    Misfits(Vec<Misfit>),
    /// The store.
    Store(ApiError),
}

impl From<ApiError> for Unbuilt {
    fn from(error: ApiError) -> Self {
        Self::Store(error)
    }
}

impl From<Misfit> for Unbuilt {
    fn from(misfit: Misfit) -> Self {
        Self::Misfits(vec![misfit])
    }
}

/// What connections are built of.
pub struct Builder<'a> {
    /// The running ledger.
    pub app: &'a Arc<App>,
    /// Whose connection.
    pub tenant: &'a TenantId,
    /// Of which integration.
    pub integration: &'a IntegrationId,
    /// What it may unlock.
    pub ceiling: &'a Ceiling,
}

impl Builder<'_> {
    /// The connection that a document describes. Nothing is sent.
    ///
    /// # Errors
    /// What in the document does not fit.
    pub async fn connection(&self, document: &Document) -> Result<Connection, Unbuilt> {
        let policy = policy(document, self.ceiling).map_err(Unbuilt::Misfits)?;
        let misfit = |pointer: &str, detail: String| Misfit { pointer: pointer.into(), detail, hint: None };
        let base = Target::parse_base(&document.base_url, &policy)
            .map_err(|error| misfit("/base_url", error.to_string()))?;
        let tls = self.tls(document).await?;
        let bounds =
            Bounds { request: Duration::from_millis(document.request_timeout_ms), ..Bounds::default() };
        let client =
            Client::new(policy.clone(), &tls, bounds).map_err(|error| misfit("/tls", error.to_string()))?;
        let recorder: Arc<dyn Recorder> =
            Arc::new(ExchangeLog::new(self.app, self.tenant, self.integration, document.exchange_bodies));
        let credentials = self.credentials(document, &policy, &client, &recorder).await?;
        let blobs = TenantBlobs { app: Arc::downgrade(self.app), tenant: self.tenant.clone() };
        Ok(Connection::new(ConnectionParts {
            base,
            client,
            credentials,
            rates: document.rates,
            breaker: document.breaker.into(),
            recorder,
            blobs: Arc::new(blobs),
            insertions: Arc::new(TenantPeople { app: Arc::downgrade(self.app), tenant: self.tenant.clone() }),
            clock: Arc::clone(&self.app.clock),
            entropy: Arc::clone(&self.app.entropy),
        }))
    }

    async fn secret(&self, pointer: &str, reference: &SecretRef) -> Result<Secret, Unbuilt> {
        let found = self.app.secret(self.tenant, reference).await?;
        found.ok_or_else(|| {
            let detail = match reference {
                SecretRef::Secret(name) => format!("there is no secret {name:?}"),
                SecretRef::Env(name) => format!("the server's environment has no {name}"),
            };
            let hint = Some("keep it with: ledger secrets put".to_owned());
            Misfit { pointer: pointer.into(), detail, hint }.into()
        })
    }

    async fn tls(&self, document: &Document) -> Result<TlsSettings, Unbuilt> {
        let identity = match &document.tls.identity {
            None => None,
            Some(identity) => {
                let key_pem = self.secret("/tls/identity/key", &identity.key).await?;
                Some(ClientIdentity { chain_pem: identity.chain_pem.clone(), key_pem })
            }
        };
        Ok(TlsSettings { authorities_pem: document.tls.authorities_pem.clone(), identity })
    }

    async fn credentials(
        &self,
        document: &Document,
        policy: &Policy,
        client: &Client,
        recorder: &Arc<dyn Recorder>,
    ) -> Result<Credentials, Unbuilt> {
        Ok(match &document.auth {
            Auth::None => Credentials::None,
            Auth::Basic { user, password } => {
                let password = self.secret("/auth/basic/password", password).await?;
                Credentials::Basic { user: user.clone(), password }
            }
            Auth::Bearer { token } => Credentials::Bearer(self.secret("/auth/bearer/token", token).await?),
            Auth::Header { name, value } => {
                let value = self.secret("/auth/header/value", value).await?;
                Credentials::Header { name: name.clone(), value }
            }
            Auth::Oauth2(oauth) => {
                let tokens = self.tokens(oauth, policy, client, recorder).await?;
                Credentials::OAuth(Box::new(tokens))
            }
        })
    }

    async fn tokens(
        &self,
        oauth: &Oauth2,
        policy: &Policy,
        client: &Client,
        recorder: &Arc<dyn Recorder>,
    ) -> Result<Tokens, Unbuilt> {
        let token_url = Target::parse(&oauth.token_url, policy).map_err(|error| Misfit {
            pointer: "/auth/oauth2/token_url".into(),
            detail: error.to_string(),
            hint: None,
        })?;
        let scope = oauth.scope.as_deref().unwrap_or_default();
        let mut client_is = vec![oauth.token_url.as_str(), &oauth.client_id, scope];
        // Another first refresh token is another authorisation: what is kept of the one before is worth nothing to it.
        let first = match &oauth.grant {
            Grant::Refresh { token } => Some(self.secret("/auth/oauth2/grant/refresh/token", token).await?),
            _ => None,
        };
        client_is.extend(first.as_ref().map(Secret::expose));
        let store: Arc<dyn TokenStore> = Arc::new(SealedTokens::new(
            self.tenant,
            self.integration.as_str(),
            &client_is,
            Arc::clone(&self.app.keyring),
            Arc::clone(&self.app.side),
        ));
        let client_of = credential::OAuth {
            token_url,
            client_id: oauth.client_id.clone(),
            client_secret: self.secret("/auth/oauth2/client_secret", &oauth.client_secret).await?,
            grant: self.grant(&oauth.grant, &store, first).await?,
            style: match oauth.style {
                Style::Form => credential::Style::Form,
                Style::Json => credential::Style::Json,
                Style::Query => credential::Style::Query,
            },
            client_auth: if oauth.client_in_header {
                credential::ClientAuth::Basic
            } else {
                credential::ClientAuth::Parameters
            },
            scope: oauth.scope.clone(),
        };
        let (clock, entropy) = (Arc::clone(&self.app.clock), Arc::clone(&self.app.entropy));
        Ok(Tokens::new(client_of, client.clone(), store, Arc::clone(recorder), clock, entropy))
    }

    async fn grant(
        &self,
        grant: &Grant,
        store: &Arc<dyn TokenStore>,
        first: Option<Secret>,
    ) -> Result<credential::Grant, Unbuilt> {
        Ok(match grant {
            Grant::ClientCredentials => credential::Grant::ClientCredentials,
            Grant::AuthorizationCode => credential::Grant::AuthorizationCode,
            Grant::Password { user, password } => {
                let password = self.secret("/auth/oauth2/grant/password/password", password).await?;
                credential::Grant::Password { user: user.clone(), password }
            }
            Grant::JwtBearer { key, algorithm, key_id, issuer, subject, audience } => {
                credential::Grant::JwtBearer(JwtKey {
                    key_pem: self.secret("/auth/oauth2/grant/jwt_bearer/key", key).await?,
                    algorithm: match algorithm {
                        JwtAlgorithm::Rs256 => credential::JwtAlgorithm::Rs256,
                        JwtAlgorithm::Es256 => credential::JwtAlgorithm::Es256,
                    },
                    key_id: key_id.clone(),
                    issuer: issuer.clone(),
                    subject: subject.clone(),
                    audience: audience.clone(),
                })
            }
            Grant::Refresh { .. } => {
                if let Some(first) = first {
                    first_refresh(store, first).await?;
                }
                credential::Grant::AuthorizationCode
            }
        })
    }
}

/// A refresh token that was at hand is where the kept tokens begin; once there are any, theirs is the valid one.
async fn first_refresh(store: &Arc<dyn TokenStore>, token: Secret) -> Result<(), Unbuilt> {
    let long_over = Some(Timestamp::from_micros(0));
    let first = TokenSet { version: 1, access: Secret::new(""), refresh: Some(token), expires_at: long_over };
    match store.load().await.map_err(ApiError::internal)? {
        Some(_) => Ok(()),
        None => match store.save(0, &first).await {
            Ok(()) | Err(SaveError::Conflict) => Ok(()),
            Err(error) => Err(ApiError::internal(error).into()),
        },
    }
}

/// The blobs of one tenant.
struct TenantBlobs {
    app: Weak<App>,
    tenant: TenantId,
}

#[async_trait]
impl Blobs for TenantBlobs {
    async fn read(&self, blob: &BlobRef) -> Result<Bytes, String> {
        let missing = || format!("there is no blob {}", blob.id);
        let app = self.app.upgrade().ok_or_else(|| "the server is stopping".to_owned())?;
        let id = BlobId::new(&blob.id).ok_or_else(missing)?;
        let content = crate::api::blobs::open(&app, &self.tenant, &id).await.map_err(|error| error.detail)?;
        content.map(Bytes::from).ok_or_else(missing)
    }
}
