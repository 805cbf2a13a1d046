//! Puts a fake on a socket of this machine.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use crate::faults::{self, Fault, Faults};
use crate::http::{Message, Reply, Request};

/// More than any attachment of a test.
const BODY_MAX_BYTES: usize = 32 << 20;

/// A vendor's server, as a function.
pub trait Fake: Send + Sync + 'static {
    /// Answers, and says what it sends of its own accord because of it.
    fn handle(&self, request: &Request) -> (Reply, Vec<Message>);
}

/// A fake on its socket. Dropping it closes the socket.
pub struct Server<F> {
    /// The fake itself: to look into it, and to act as the people who work with it.
    pub fake: Arc<F>,
    /// What goes wrong.
    pub faults: Arc<Faults>,
    /// Where it listens.
    pub address: SocketAddr,
    outbox: UnboundedSender<Message>,
    tasks: [JoinHandle<()>; 2],
}

impl<F> Server<F> {
    /// Its base URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sends messages that an act of a person caused.
    pub fn send(&self, messages: Vec<Message>) {
        for message in messages {
            // The sender lives as long as this server.
            let _sent = self.outbox.send(message);
        }
    }
}

impl<F> Drop for Server<F> {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Listens on a port of loopback that the system chooses (0) or the caller.
///
/// # Errors
/// The port is taken.
pub async fn serve<F: Fake>(fake: F, port: u16) -> io::Result<Server<F>> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    let (fake, faults) = (Arc::new(fake), Arc::new(Faults::default()));
    let (outbox, messages) = unbounded_channel();
    let accept = tokio::spawn(accept(listener, fake.clone(), faults.clone(), outbox.clone()));
    let deliver = tokio::spawn(deliver(messages));
    Ok(Server { fake, faults, address, outbox, tasks: [accept, deliver] })
}

async fn accept<F: Fake>(
    listener: TcpListener,
    fake: Arc<F>,
    faults: Arc<Faults>,
    outbox: UnboundedSender<Message>,
) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(connection(stream, fake.clone(), faults.clone(), outbox.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection<F: Fake>(
    stream: TcpStream,
    fake: Arc<F>,
    faults: Arc<Faults>,
    outbox: UnboundedSender<Message>,
) {
    let service = service_fn(|request| answer(request, fake.as_ref(), &faults, &outbox));
    // A connection that breaks is the client's matter.
    let _ended =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// An error closes the connection without an answer.
async fn answer<F: Fake>(
    request: http::Request<Incoming>,
    fake: &F,
    faults: &Faults,
    outbox: &UnboundedSender<Message>,
) -> io::Result<http::Response<Full<Bytes>>> {
    let request = read(request).await?;
    let fault = faults.of(&request);
    if fault == Some(Fault::LoseRequest) {
        return Err(io::Error::from(io::ErrorKind::ConnectionReset));
    }
    if let Some(reply) = fault.as_ref().and_then(faults::reply) {
        return write(reply);
    }
    let (reply, messages) = fake.handle(&request);
    for message in messages {
        let _sent = outbox.send(message);
    }
    match fault {
        Some(Fault::LoseAnswer) => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::GatewayAfter(status)) => write(Reply::html(status, "<html>Bad gateway</html>")),
        _ => write(reply),
    }
}

async fn read(request: http::Request<Incoming>) -> io::Result<Request> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, BODY_MAX_BYTES).collect().await.map_err(io::Error::other)?;
    let decode = |part: &str| {
        // The form decoder takes a plus for a space, which a path does not.
        let text = part.replace('+', "%2B");
        let pair = url::form_urlencoded::parse(text.as_bytes()).next();
        pair.map(|(name, _)| name.into_owned()).unwrap_or_default()
    };
    let headers = head.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let query = head.uri.query().unwrap_or_default();
    Ok(Request {
        method: head.method.to_string(),
        path: head.uri.path().split('/').filter(|part| !part.is_empty()).map(decode).collect(),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers: headers.collect(),
        body: body.to_bytes().to_vec(),
    })
}

fn write(reply: Reply) -> io::Result<http::Response<Full<Bytes>>> {
    let mut response = http::Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    response.body(Full::new(Bytes::from(reply.body))).map_err(io::Error::other)
}

/// Posts webhooks in order, each once: the vendors' own retries are minutes apart.
async fn deliver(mut messages: UnboundedReceiver<Message>) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    while let Some(message) = messages.recv().await {
        let mut request = http::Request::post(&message.url);
        for (name, value) in &message.headers {
            request = request.header(name, value);
        }
        let request: Result<_, Infallible> = Ok(request.body(Full::new(Bytes::from(message.body))));
        if let Ok(Ok(request)) = request {
            // Whoever does not listen misses it, as with the vendor.
            let _missed = client.request(request).await;
        }
    }
}
