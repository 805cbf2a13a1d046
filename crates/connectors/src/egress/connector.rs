//! Opens the sockets. Every connection of the client is made here, so nothing goes around the guard.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::AlertDescription;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use super::address::Policy;
use super::resolver::{Resolve, permitted};

/// Opens a TCP connection to an address that has been permitted. A seam: tests and simulations see each dial.
#[async_trait]
pub trait Dial: Send + Sync + 'static {
    /// Connects.
    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream>;
}

/// The operating system's sockets.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemDial;

#[async_trait]
impl Dial for SystemDial {
    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

#[derive(Clone)]
pub(super) struct Connector {
    pub(super) policy: Arc<Policy>,
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) dialer: Arc<dyn Dial>,
    pub(super) tls: Arc<rustls::ClientConfig>,
    pub(super) connect_max: Duration,
    pub(super) turned_away: TurnedAway,
}

/// What the other side said last of the certificate that we show, or do not.
///
/// In TLS 1.3 it says so after our side holds the handshake for done, perhaps before a request is handed over; then the
/// client tells only that the connection is closed.
#[derive(Debug, Clone, Default)]
pub(super) struct TurnedAway(Arc<Mutex<Option<&'static str>>>);

impl TurnedAway {
    /// What was said since this was last asked.
    pub(super) fn take(&self) -> Option<&'static str> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn hear<T>(&self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &polled
            && let Some(words) = about_our_certificate(error)
        {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
        }
        polled
    }
}

/// What an error says of the certificate that we show, or do not.
pub(super) fn about_our_certificate(error: &io::Error) -> Option<&'static str> {
    let rustls::Error::AlertReceived(alert) = error.get_ref()?.downcast_ref::<rustls::Error>()? else {
        return None;
    };
    match alert {
        AlertDescription::CertificateRequired => {
            Some("the other side demands a client certificate: give one in tls.identity")
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        // The certificate's signature is not its issuer's (RFC 8446 §6.2).
        | AlertDescription::DecryptError
        | AlertDescription::AccessDenied => Some(
            "the other side does not take the client certificate: change tls.identity, or let it trust who issued that",
        ),
        _ => None,
    }
}

impl Connector {
    async fn connect(self, uri: Uri) -> Result<Stream, io::Error> {
        let connecting = async {
            let addresses = permitted(&uri, self.resolver.as_ref(), &self.policy)
                .await
                .map_err(|error| io::Error::new(io::ErrorKind::PermissionDenied, error))?;
            let encrypted = uri.scheme_str() == Some("https");
            let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
            let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
            // The addresses that were checked are the ones that are used.
            for address in addresses {
                match self.dialer.dial(SocketAddr::new(address, port)).await {
                    Ok(stream) if encrypted => return self.encrypt(&uri, stream).await,
                    Ok(stream) => return Ok(Stream::Plain(TokioIo::new(stream))),
                    Err(error) => last = error,
                }
            }
            Err(last)
        };
        match timeout(self.connect_max, connecting).await {
            Ok(connected) => connected,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no connection in time")),
        }
    }

    async fn encrypt(&self, uri: &Uri, stream: TcpStream) -> io::Result<Stream> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(self.tls.clone()).connect(name, stream).await?;
        Ok(Stream::Encrypted(Box::new(TokioIo::new(stream)), self.turned_away.clone()))
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// A connection to the other side.
pub(super) enum Stream {
    Plain(TokioIo<TcpStream>),
    Encrypted(Box<TokioIo<TlsStream<TcpStream>>>, TurnedAway),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Encrypted(stream, turned_away) => {
                turned_away.hear(Pin::new(stream.as_mut()).poll_read(cx, buf))
            }
        }
    }
}

impl Write for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Encrypted(stream, turned_away) => {
                turned_away.hear(Pin::new(stream.as_mut()).poll_write(cx, bytes))
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Encrypted(stream, turned_away) => {
                turned_away.hear(Pin::new(stream.as_mut()).poll_flush(cx))
            }
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Encrypted(stream, _) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
