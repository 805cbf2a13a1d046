//! How a connection comes in, and whom it trusts.

use serde::{Deserialize, Serialize};

/// Where a secret is kept: never here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretRef {
    /// Under this name with the ledger, sealed.
    Secret(String),
    /// In this variable of the server's environment, `LEDGER_SECRET_…`.
    Env(String),
}

/// How to come in.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    /// Nothing is shown, unless it is a certificate.
    #[default]
    None,
    /// User and password, or e-mail and API token (RFC 7617).
    Basic {
        /// The user.
        user: String,
        /// The password or token.
        password: SecretRef,
    },
    /// A token that does not end by itself (RFC 6750).
    Bearer {
        /// The token.
        token: SecretRef,
    },
    /// A key in a header of the vendor's choice.
    Header {
        /// The header.
        name: String,
        /// The key.
        value: SecretRef,
    },
    /// OAuth 2.0 (RFC 6749).
    Oauth2(Box<Oauth2>),
}

/// OAuth 2.0.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oauth2 {
    /// The token endpoint.
    pub token_url: String,
    /// Our id there.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: SecretRef,
    /// How a first token is got.
    pub grant: Grant,
    /// How parameters travel.
    #[serde(default)]
    pub style: Style,
    /// Our credential in a Basic header instead of among the parameters.
    #[serde(default)]
    pub client_in_header: bool,
    /// The scope to ask for.
    #[serde(default)]
    pub scope: Option<String>,
}

/// How a first token is got; where a refresh token comes with it, that one is used from then on.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Grant {
    /// By our own credential.
    ClientCredentials,
    /// By a user's password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: SecretRef,
    },
    /// By a signed assertion (RFC 7523).
    JwtBearer {
        /// The private key, PKCS #8, PEM.
        key: SecretRef,
        /// How it signs.
        #[serde(default)]
        algorithm: JwtAlgorithm,
        /// The key's name at the other side.
        key_id: String,
        /// `iss`.
        issuer: String,
        /// `sub`.
        subject: String,
        /// `aud`.
        audience: String,
    },
    /// By a code that a person brings once.
    AuthorizationCode,
    /// By a refresh token that is at hand already.
    Refresh {
        /// The first refresh token; later ones are kept by the ledger.
        token: SecretRef,
    },
}

/// How an assertion is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JwtAlgorithm {
    /// RSA with SHA-256.
    #[default]
    Rs256,
    /// ECDSA on P-256.
    Es256,
}

/// How parameters travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// As a form (the standard, ServiceNow).
    #[default]
    Form,
    /// As JSON (Atlassian).
    Json,
    /// In the query (Jira Data Center).
    Query,
}

/// What a connection needs of TLS.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Authorities beside the public ones, PEM.
    #[serde(default)]
    pub authorities_pem: Option<String>,
    /// Who we are (mTLS).
    #[serde(default)]
    pub identity: Option<Identity>,
}

/// A client certificate.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The chain, PEM, our own first.
    pub chain_pem: String,
    /// Its key, PEM.
    pub key: SecretRef,
}
