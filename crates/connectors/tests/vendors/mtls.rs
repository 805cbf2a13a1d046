//! Mutual TLS: a server on a socket of this machine that demands a client certificate of its own authority.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ledger::clock::SeededEntropy;
use ledger_connectors::drive::End;
use ledger_connectors::egress::credential::Credentials;
use ledger_connectors::egress::{
    Bounds, BreakerSettings, Client, ClientIdentity, Connection, ConnectionParts, NoInsertions, Rates,
    Secret, Target, TlsSettings,
};
use ledger_connectors::protocol::{Failure, FailureKind, Outcome, Task};
use ledger_fakes::jira::Deployment;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::jira;
use crate::rig::{Local, Memory, Rig, clock, policy};

const ANSWER: &[u8] =
    b"HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate")
}

/// A certificate for this machine, and its key.
fn issued(by: &Authority) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
    (params.signed_by(&key, by).expect("a certificate"), key)
}

fn identity(by: &Authority) -> ClientIdentity {
    let (certificate, key) = issued(by);
    ClientIdentity { chain_pem: certificate.pem(), key_pem: Secret::new(key.serialize_pem()) }
}

/// Serves one answer a connection, to whoever shows a certificate of `clients`. How many requests were read.
async fn server(own: &Authority, clients: &Authority) -> (u16, Arc<AtomicUsize>) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(clients.der().clone()).expect("a root");
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let (certificate, key) = issued(own);
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier.build().expect("a verifier"))
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a certificate with its key");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (port, served) = (listener.local_addr().expect("an address").port(), Arc::new(AtomicUsize::new(0)));
    let count = served.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(acceptor.clone(), stream, count.clone()));
        }
    });
    (port, served)
}

async fn answer(acceptor: TlsAcceptor, stream: TcpStream, served: Arc<AtomicUsize>) {
    let mut rest = [0; 4096];
    match acceptor.accept(stream).into_fallible().await {
        Ok(mut stream) => {
            // A request of this test fits one read.
            if stream.read(&mut rest).await.is_ok_and(|read| read > 0) {
                served.fetch_add(1, Ordering::SeqCst);
                let _sent = stream.write_all(ANSWER).await;
                let _closed = stream.shutdown().await;
            }
        }
        // The alert is under way: what the other side still sends is read, so that it is not lost in a reset.
        Err((_, mut stream)) => while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {},
    }
}

fn rig(port: u16, own: &Authority, identity: Option<ClientIdentity>) -> Rig<Local> {
    let memory = Arc::new(Memory::default());
    let tls = TlsSettings { authorities_pem: Some(own.pem()), identity };
    let bounds = Bounds { request: Duration::from_secs(5), ..Bounds::default() };
    let connection = Connection::new(ConnectionParts {
        base: Target::parse_base(&format!("https://127.0.0.1:{port}"), &policy(port)).expect("a base"),
        client: Client::new(policy(port), &tls, bounds).expect("a client"),
        credentials: Credentials::None,
        rates: Rates { per_second: 1000.0, burst: 1000.0 },
        breaker: BreakerSettings::default(),
        recorder: memory.clone(),
        blobs: memory.clone(),
        insertions: Arc::new(NoInsertions),
        clock: clock(),
        entropy: Arc::new(SeededEntropy::new(7)),
    });
    Rig { adapter: Local::new("jira", &jira::config(Deployment::Cloud)), connection, memory }
}

async fn failure(rig: &Rig<Local>) -> Failure {
    match rig.run(&Task::Health {}).await {
        End::Done(Outcome::Failed(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn suite() -> usize {
    let (own, clients, strangers) = (authority("own"), authority("clients"), authority("strangers"));
    let (port, served) = server(&own, &clients).await;
    // The answer is that of a server that was reached, whose 401 is then the credential's.
    let known = failure(&rig(port, &own, Some(identity(&clients)))).await;
    assert_eq!((known.kind, served.load(Ordering::SeqCst)), (FailureKind::Unauthenticated, 1), "{known:?}");
    // Control: whoever shows none, or one of another authority, is turned away before a request is read.
    for (identity, words) in [
        (None, "demands a client certificate"),
        (Some(identity(&strangers)), "does not take the client certificate"),
    ] {
        let turned_away = rig(port, &own, identity);
        let refused = failure(&turned_away).await;
        assert_eq!(refused.kind, FailureKind::NeedsConfiguration, "{refused:?}");
        assert!(refused.message.contains(words) && refused.message.contains("tls.identity"), "{refused:?}");
        let exchanges = turned_away.memory.exchanges.lock().expect("not poisoned");
        assert!(
            exchanges.iter().all(|exchange| exchange.unsent && exchange.status.is_none()),
            "{exchanges:?}"
        );
    }
    assert_eq!(served.load(Ordering::SeqCst), 1);
    1
}
