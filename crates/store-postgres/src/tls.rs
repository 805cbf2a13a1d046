//! Encryption to the server: always, unless it is this machine; its certificate and name are checked.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::error::OpenError;

/// Where Linux distributions keep the certificates that they trust.
const SYSTEM_CA_FILE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// How to encrypt what goes to the server of `config`; nothing: over a socket or the loopback interface, or where the URL
/// says `sslmode=disable`.
///
/// # Errors
/// [`OpenError::Certificates`]
pub(crate) fn of(config: &mut Config, ca_file: Option<&Path>) -> Result<Option<ClientConfig>, OpenError> {
    let wanted = match config.get_ssl_mode() {
        SslMode::Disable => false,
        SslMode::Require => true,
        _ => ca_file.is_some() || !is_local(config),
    };
    // Never half: an attacker in between could take a mere preference away.
    config.ssl_mode(if wanted { SslMode::Require } else { SslMode::Disable });
    wanted.then(|| client(ca_file)).transpose()
}

/// Is the server this machine?
pub(crate) fn is_local(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        Host::Unix(_) => true,
    })
}

fn client(ca_file: Option<&Path>) -> Result<ClientConfig, OpenError> {
    let path = ca_file.map_or_else(|| PathBuf::from(SYSTEM_CA_FILE), Path::to_owned);
    let failed = |reason: String| OpenError::Certificates { path: path.clone(), reason };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(&path).map_err(|error| failed(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        // A store of the system may hold certificates of a form that is not read here.
        drop(roots.add(certificate));
    }
    if roots.is_empty() {
        return Err(failed("there is none".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
