//! The way to the ledger over TLS: a certificate is verified, or nothing is sent.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;

use ledger::clock::SystemClock;
use ledger_probe::{Config, Probe, StartError};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::http::answer;
use crate::ledger::TestLedger;
use crate::{PATIENCE, eventually, evidence};

/// A certificate for `name`, signed by itself, or `None` where OpenSSL is not installed.
fn certificate(dir: &std::path::Path, name: &str) -> Option<Arc<ServerConfig>> {
    let (key, cert) = (dir.join(format!("{name}.key")), dir.join(format!("{name}.pem")));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2", "-subj", "/CN=x"]);
    openssl.args([
        "-addext",
        &format!("subjectAltName={name}"),
        "-addext",
        "basicConstraints=critical,CA:FALSE",
    ]);
    if !openssl.arg("-keyout").arg(&key).arg("-out").arg(&cert).output().is_ok_and(|o| o.status.success()) {
        eprintln!("left out: OpenSSL is not installed");
        return None;
    }
    let certificate = CertificateDer::from_pem_file(&cert).unwrap();
    let key = PrivateKeyDer::from_pem_file(&key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Some(Arc::new(builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap()))
}

/// Serves until the test ends.
fn serve(ledger: &Arc<TestLedger>, config: Arc<ServerConfig>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let ledger = Arc::clone(ledger);
    std::thread::spawn(move || {
        for tcp in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, tcp);
            drop(answer(&mut stream, &ledger));
            stream.conn.send_close_notify();
            drop(stream.flush());
            drop(stream.sock.shutdown(std::net::Shutdown::Write));
            drop(stream.sock.read_to_end(&mut Vec::new()));
        }
    });
    url
}

#[test]
fn a_certificate_is_verified_before_anything_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let (Some(right), Some(wrong)) =
        (certificate(dir.path(), "IP:127.0.0.1"), certificate(dir.path(), "IP:10.0.0.1"))
    else {
        return;
    };
    let ledger = Arc::new(TestLedger::new(Arc::new(SystemClock)));
    let probe = |url: String, ca: &str| {
        let mut config = Config::new(url, &ledger.api_key(), dir.path().join("spool")).unwrap();
        config.ca_file = Some(dir.path().join(ca));
        Probe::new(config)
    };
    // Trusted, but for another name; then a certificate that is not the trusted one.
    for (server, ca) in [(&wrong, "IP:10.0.0.1.pem"), (&right, "IP:10.0.0.1.pem")] {
        let probe = probe(serve(&ledger, Arc::clone(server)), ca).unwrap();
        probe.submit(evidence(1)).unwrap();
        eventually("a refusal", || probe.status().failures > 0);
        let what = probe.status().last_error.unwrap().what;
        assert!(what.contains("ertificate"), "{what}");
        assert_eq!(ledger.seen().len(), 0, "nothing was sent");
    }
    let missing = probe("https://127.0.0.1:1".into(), "missing.pem").unwrap_err();
    assert!(matches!(missing, StartError::Url(_)), "{missing}");

    let probe = probe(serve(&ledger, right), "IP:127.0.0.1.pem").unwrap();
    assert!(probe.flush(PATIENCE), "{:?}", probe.status());
    assert_eq!(ledger.held().len(), 2);
}
