//! Connecting: read-only, with deadlines, encrypted unless the server is this machine.

use std::time::Duration;

use ledger_probe::runner::CollectError;
use ledger_tls::is_this_machine;
use postgres::config::{Host, SslMode};
use postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{CONNECT_TIMEOUT, Options};

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
        let tls =
            ledger_tls::client(options.ca_file.as_deref()).map_err(|error| failed(error.to_string()))?;
        config.ssl_mode(SslMode::Require).connect(MakeRustlsConnect::new(tls))
    } else {
        config.ssl_mode(SslMode::Disable).connect(NoTls)
    };
    client.map_err(|error| failed(format!("cannot connect: {}", causes(&error))))
}

fn is_local(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => is_this_machine(name),
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
