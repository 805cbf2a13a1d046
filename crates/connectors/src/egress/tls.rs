//! Whom the client trusts, and who it says it is.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::redact::Secret;

/// What a connection needs of TLS.
#[derive(Debug, Clone, Default)]
pub struct TlsSettings {
    /// Authorities beside the public ones, PEM: a company's own, for what it hosts itself.
    pub authorities_pem: Option<String>,
    /// Who the client is (mTLS).
    pub identity: Option<ClientIdentity>,
}

/// A client certificate and its key.
#[derive(Debug, Clone)]
pub struct ClientIdentity {
    /// The chain, PEM, the client's own first.
    pub chain_pem: String,
    /// The key, PEM.
    pub key_pem: Secret,
}

/// A PEM text that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {reason}")]
pub struct TlsError {
    what: &'static str,
    reason: String,
}

impl TlsSettings {
    /// The configuration of rustls: TLS 1.2 and 1.3, the public authorities embedded, nothing from the environment.
    ///
    /// # Errors
    /// A certificate or key cannot be read, or they do not belong together.
    pub fn build(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let error =
            |what| move |reason: &dyn std::fmt::Display| TlsError { what, reason: reason.to_string() };
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(pem) = &self.authorities_pem {
            for certificate in certificates(pem, "the authorities")? {
                roots.add(certificate).map_err(|e| error("the authorities")(&e))?;
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| error("TLS")(&e))?
            .with_root_certificates(roots);
        let config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let chain = certificates(&identity.chain_pem, "the client certificate")?;
                let key = PrivateKeyDer::from_pem_slice(identity.key_pem.expose().as_bytes())
                    .map_err(|e| error("the client key")(&e))?;
                builder.with_client_auth_cert(chain, key).map_err(|e| error("the client certificate")(&e))?
            }
        };
        Ok(Arc::new(config))
    }
}

fn certificates(pem: &str, what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let all = all.map_err(|error| TlsError { what, reason: error.to_string() })?;
    if all.is_empty() {
        Err(TlsError { what, reason: "no certificate in the PEM text".into() })
    } else {
        Ok(all)
    }
}
