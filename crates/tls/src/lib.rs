//! How a client of the ledger encrypts what goes to a database or a queue server: the server's certificate and name are
//! checked, against certificates that the operator names or those of the system.
//!
//! The cryptographic library is always named. Where two are linked, as with the feature `eventstore`, rustls takes none
//! by itself, and whoever leaves the choice to it ends in a panic.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Where Linux distributions keep the certificates that they trust.
const SYSTEM_CA_FILE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Certificates that nothing can be checked against.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the certificates in {path}: {reason}")]
pub struct Unusable {
    /// Where they were looked for.
    pub path: PathBuf,
    /// What is wrong with them.
    pub reason: String,
}

/// A client that trusts the certificates of a PEM file; without one, those of the system.
///
/// # Errors
/// [`Unusable`]: the file cannot be read, or there is no certificate in it.
pub fn client(ca_file: Option<&Path>) -> Result<ClientConfig, Unusable> {
    let path = ca_file.map_or_else(|| PathBuf::from(SYSTEM_CA_FILE), Path::to_owned);
    let failed = |reason: String| Unusable { path: path.clone(), reason };
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

/// Does a host name this machine, so that nothing crosses a network? IPv6 addresses with or without brackets.
pub fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_this_machine() {
        for (host, local) in [
            ("localhost", true),
            ("127.0.0.1", true),
            ("127.8.8.8", true),
            ("[::1]", true),
            ("::1", true),
            ("localhost.example.org", false),
            ("10.0.0.1", false),
            ("db", false),
        ] {
            assert_eq!(is_this_machine(host), local, "{host}");
        }
    }

    #[test]
    fn a_file_without_certificates_is_named() {
        let missing = client(Some(Path::new("/nowhere/ca.pem"))).unwrap_err();
        assert!(missing.to_string().starts_with("the certificates in /nowhere/ca.pem: "), "{missing}");
        let none = client(Some(Path::new("/dev/null"))).unwrap_err();
        assert_eq!(none.reason, "there is none");
    }
}
