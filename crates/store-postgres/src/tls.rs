//! Encryption to the server: always, unless it is this machine; its certificate and name are checked.

use std::path::Path;

use ledger_tls::{Unusable, client, is_this_machine};
use rustls::ClientConfig;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::error::OpenError;

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
    let refused = |Unusable { path, reason }| OpenError::Certificates { path, reason };
    wanted.then(|| client(ca_file)).transpose().map_err(refused)
}

/// Is the server this machine?
pub(crate) fn is_local(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => is_this_machine(name),
        Host::Unix(_) => true,
    })
}
