//! The socket in the data directory: other verbs of the binary speak to a running server through it.
//!
//! Whoever may open the socket (mode 0600, in a directory of mode 0700) may read the data directory, and so is its operator.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use axum::Router;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

/// The socket's path in a data directory.
pub fn path(dir: &Path) -> PathBuf {
    dir.join("ledger.sock")
}

/// Binds the socket; one left by a killed server is replaced (the directory's lock is held by now).
///
/// # Errors
/// The socket cannot be made.
pub fn bind(dir: &Path) -> io::Result<UnixListener> {
    let path = path(dir);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves the operator's routes until `stop` turns true.
pub async fn serve(listener: UnixListener, app: Router, mut stop: watch::Receiver<bool>) {
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted { Ok((stream, _)) => stream, Err(_) => continue },
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let service = TowerToHyperService::new(app.clone());
        tokio::spawn(async move {
            let served = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
            if let Err(error) = served {
                tracing::debug!(%error, "local connection ended");
            }
        });
    }
}

/// Sends a body to the server that holds `dir`; `None` where none runs.
///
/// # Errors
/// The connection broke.
pub async fn ask(
    dir: &Path,
    path_and_query: &str,
    body: Vec<u8>,
) -> anyhow::Result<Option<hyper::Response<Incoming>>> {
    let request = hyper::Request::post(path_and_query).header("content-type", "application/json");
    send(dir, request, body).await
}

/// Asks the server that holds `dir`; `None` where none runs.
///
/// # Errors
/// The connection broke.
pub async fn get(dir: &Path, path_and_query: &str) -> anyhow::Result<Option<hyper::Response<Incoming>>> {
    send(dir, hyper::Request::get(path_and_query), Vec::new()).await
}

async fn send(
    dir: &Path,
    request: hyper::http::request::Builder,
    body: Vec<u8>,
) -> anyhow::Result<Option<hyper::Response<Incoming>>> {
    let stream = match UnixStream::connect(path(dir)).await {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = request.header("host", "local").body(Full::new(Bytes::from(body)))?;
    Ok(Some(sender.send_request(request).await?))
}

/// Collects a whole answer.
///
/// # Errors
/// The connection broke.
pub async fn collect(response: hyper::Response<Incoming>) -> anyhow::Result<(u16, Bytes)> {
    let status = response.status().as_u16();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}
