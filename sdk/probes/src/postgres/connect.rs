//! Connecting: read-only, with deadlines, encrypted unless the server is this machine.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ledger_probe::runner::CollectError;
use postgres::config::{Host, SslMode};
use postgres::{Client, Config, NoTls};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{CONNECT_TIMEOUT, Options};

/// Where Linux distributions keep the certificates that they trust.
const SYSTEM_CA_FILE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Connects.
pub fn connect(options: &Options, timeout: Duration) -> Result<Client, CollectError> {
    let failed = |what: String| CollectError::Failed(what);
    let mut config: Config = options.url.parse().map_err(|error| failed(format!("url: {error}")))?;
    if let Some(path) = &options.password_file {
        let password = std::fs::read_to_string(path)
            .map_err(|error| failed(format!("cannot read the password from {}: {error}", path.display())))?;
        config.password(password.trim_end_matches(['\r', '\n']));
    }
    // Whatever goes wrong in a query, this session changes nothing and does not stay.
    let session = format!(
        "-c default_transaction_read_only=on -c statement_timeout={0} -c lock_timeout={0} -c search_path=pg_catalog",
        timeout.as_millis().max(1)
    );
    config.options(&session).application_name("ledger-probe").connect_timeout(CONNECT_TIMEOUT);
    let client = if options.tls.unwrap_or(!is_local(&config)) {
        config.ssl_mode(SslMode::Require).connect(MakeRustlsConnect::new(tls(options.ca_file.as_deref())?))
    } else {
        config.ssl_mode(SslMode::Disable).connect(NoTls)
    };
    client.map_err(|error| failed(format!("cannot connect: {}", causes(&error))))
}

fn is_local(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        Host::Unix(_) => true,
    })
}

/// The client's errors name their kind; the cause says what happened.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, CollectError> {
    let path = ca_file.map_or_else(|| PathBuf::from(SYSTEM_CA_FILE), Path::to_owned);
    let failed = |what: String| CollectError::Failed(format!("certificates in {}: {what}", path.display()));
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
