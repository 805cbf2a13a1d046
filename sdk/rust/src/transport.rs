//! The seam to the ledger's HTTP interface, and its implementation with a blocking client.

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ledger::http_signature::SignedHeaders;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// The largest answer that is read: receipts of a full batch, each at most 64 KiB, in most cases 3 KiB.
pub const ANSWER_BYTES_MAX: u64 = 32 << 20;
/// How long one request may take, connection included. Longer than the server's own limit of 30 s.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(45);
/// Where Linux distributions keep the certificates that they trust.
const SYSTEM_CA_FILES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// A request to the ledger; the path has no query.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `GET` or `POST`.
    pub method: &'a str,
    /// Absolute path, as signed.
    pub path: &'a str,
    /// JSON; empty for `GET`.
    pub body: &'a [u8],
    /// The signature's headers.
    pub signed: &'a SignedHeaders,
}

/// An answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// `Content-Type`, without parameters.
    pub content_type: String,
    /// `Retry-After` in seconds. The form with a date is not used by the ledger and not read.
    pub retry_after: Option<u64>,
    /// `Ledger-Time`, as sent.
    pub ledger_time: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// No answer: connection, TLS, time-out, or an answer that is too large. Always worth a retry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no answer from the ledger: {0}")]
pub struct TransportError(pub String);

/// Sends requests. Must not follow redirects: the signature is for one path.
pub trait Transport: Send {
    /// Sends a request and waits for the answer.
    ///
    /// # Errors
    /// [`TransportError`]; whether the ledger has seen the request is unknown.
    fn send(&self, request: &Request<'_>) -> Result<Response, TransportError>;
}

/// Why the ledger's address cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// Not an address of this form.
    #[error("{0:?} is not the ledger's address: write it as https://ledger.example or http://127.0.0.1:8080")]
    Form(String),
    /// Evidence would cross the network in clear.
    #[error("{0:?} is plain HTTP to another machine: use https, or allow plain HTTP explicitly")]
    Plain(String),
    /// The file of trusted certificates cannot be used.
    #[error("cannot read trusted certificates from {path}: {reason}")]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// The ledger's address, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// `https://ledger.example:8443`.
    pub origin: String,
    /// What stands before `/v1`, without a slash at its end; mostly empty.
    pub prefix: String,
    /// Is it `https`?
    pub tls: bool,
}

impl BaseUrl {
    /// Reads an address. Plain HTTP is accepted for this machine, elsewhere only if `allow_plain`.
    ///
    /// # Errors
    /// [`UrlError`]
    pub fn parse(url: &str, allow_plain: bool) -> Result<Self, UrlError> {
        let form = || UrlError::Form(url.chars().take(200).collect());
        let (scheme, rest) = url.split_once("://").ok_or_else(form)?;
        let tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(form()),
        };
        let (authority, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let plain_text = |b: u8| b.is_ascii_alphanumeric() || b"-._~:[]/".contains(&b);
        if authority.is_empty() || !rest.bytes().all(plain_text) {
            return Err(form());
        }
        let host = match authority.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default(),
            None => authority.split(':').next().unwrap_or_default(),
        };
        let loopback =
            host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if !tls && !loopback && !allow_plain {
            return Err(UrlError::Plain(url.chars().take(200).collect()));
        }
        let prefix = prefix.trim_end_matches('/').to_owned();
        Ok(Self { origin: format!("{scheme}://{authority}"), prefix, tls })
    }
}

/// The transport over HTTP/1.1.
#[derive(Debug)]
pub struct HttpTransport {
    agent: ureq::Agent,
    origin: String,
}

impl HttpTransport {
    /// A transport to `url`; for TLS it trusts the certificates in `ca_file`, or the system's.
    ///
    /// # Errors
    /// [`UrlError::Certificates`]
    pub fn new(url: &BaseUrl, ca_file: Option<&PathBuf>) -> Result<Self, UrlError> {
        Ok(Self { agent: agent(url, ca_file, REQUEST_TIMEOUT)?, origin: url.origin.clone() })
    }
}

/// An HTTP client for one address: no redirects, no proxy from the environment, errors by status left to the caller.
///
/// # Errors
/// [`UrlError::Certificates`]
pub fn agent(url: &BaseUrl, ca_file: Option<&PathBuf>, timeout: Duration) -> Result<ureq::Agent, UrlError> {
    let mut config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .timeout_global(Some(timeout))
        .user_agent(concat!("ledger-probe/", env!("CARGO_PKG_VERSION")));
    if url.tls {
        config = config.https_only(true).tls_config(tls(ca_file)?);
    }
    Ok(config.build().new_agent())
}

fn tls(ca_file: Option<&PathBuf>) -> Result<TlsConfig, UrlError> {
    let path = match ca_file {
        Some(path) => path.clone(),
        None => SYSTEM_CA_FILES.iter().map(PathBuf::from).find(|path| path.exists()).unwrap_or_default(),
    };
    let wrong = |reason: String| UrlError::Certificates { path: path.clone(), reason };
    let pem = std::fs::read(&path).map_err(|error| wrong(error.to_string()))?;
    let certificate = |item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    };
    let certificates: Vec<Certificate<'static>> = parse_pem(&pem).filter_map(certificate).collect();
    if certificates.is_empty() {
        return Err(wrong("it holds no PEM certificate".to_owned()));
    }
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&certificates))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .build())
}

impl Transport for HttpTransport {
    fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        let url = format!("{}{}", self.origin, request.path);
        let headers = [
            ("content-digest", &request.signed.content_digest),
            ("signature-input", &request.signed.signature_input),
            ("signature", &request.signed.signature),
        ];
        let answer = if request.method == "GET" {
            headers.iter().fold(self.agent.get(&url), |r, (name, value)| r.header(*name, *value)).call()
        } else {
            let post = self.agent.post(&url).header("content-type", "application/json");
            headers.iter().fold(post, |r, (name, value)| r.header(*name, *value)).send(request.body)
        };
        let mut answer = answer.map_err(|error| TransportError(error.to_string()))?;
        let header = |name: &str| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
        let content_type = header("content-type").unwrap_or_default();
        let mut response = Response {
            status: answer.status().as_u16(),
            content_type: content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase(),
            retry_after: header("retry-after").and_then(|text| text.trim().parse().ok()),
            ledger_time: header("ledger-time"),
            body: Vec::new(),
        };
        let limited = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).reader();
        limited
            .take(ANSWER_BYTES_MAX)
            .read_to_end(&mut response.body)
            .map_err(|error| TransportError(format!("the answer broke off: {error}")))?;
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let parse = |url| BaseUrl::parse(url, false);
        let url = parse("https://ledger.example:8443/eu/").unwrap();
        assert_eq!(
            (url.origin.as_str(), url.prefix.as_str(), url.tls),
            ("https://ledger.example:8443", "/eu", true)
        );
        for local in ["http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost"] {
            assert!(parse(local).is_ok(), "{local}");
        }
        for plain in ["http://ledger.example", "http://127.0.0.1.example", "http://localhost.example"] {
            assert!(matches!(parse(plain), Err(UrlError::Plain(_))), "{plain}");
            assert!(BaseUrl::parse(plain, true).is_ok());
        }
        for wrong in [
            "",
            "ledger.example",
            "ftp://x",
            "https://",
            "https://u:p@x",
            "https://x?q",
            "https://x#f",
            "https:///x",
        ] {
            assert!(matches!(parse(wrong), Err(UrlError::Form(_))), "{wrong}");
        }
    }

    #[test]
    fn a_certificate_file_without_certificates_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        std::fs::write(&path, "nothing").unwrap();
        let url = BaseUrl::parse("https://x", false).unwrap();
        for path in [path, dir.path().join("missing.pem")] {
            assert!(matches!(HttpTransport::new(&url, Some(&path)), Err(UrlError::Certificates { .. })));
        }
    }
}
