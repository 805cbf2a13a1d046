//! One node: its connections, and the way from a path to a method.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::codec::ProstCodec;
use tonic::codegen::Service;
use tonic::server::Grpc;
use tonic::{Request, Response, Status};

use crate::cluster::Shared;
use crate::gossip;
use crate::proto::{gossip as wire_gossip, server_features, streams as wire};
use crate::streams;

/// A node.
pub(crate) struct Node {
    pub number: usize,
    pub shared: Arc<Shared>,
}

impl Node {
    /// Refuses what must be done by the leader, as the server does: with the leader's address.
    pub fn must_lead<T>(&self, request: &Request<T>) -> Result<(), Status> {
        let wanted = request.metadata().get("requires-leader").is_some_and(|value| value == "true");
        if wanted { self.lead() } else { Ok(()) }
    }

    pub fn lead(&self) -> Result<(), Status> {
        let leader = self.shared.leader();
        if leader == self.number {
            return Ok(());
        }
        let address: SocketAddr = self.shared.addresses[leader];
        let mut status = Status::not_found("Leader info available");
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        for (name, value) in
            [("exception", "not-leader"), ("leader-endpoint-host", &host), ("leader-endpoint-port", &port)]
        {
            status.metadata_mut().insert(name, value.parse().expect("an address is ASCII"));
        }
        Err(status)
    }
}

/// Takes connections until its task is ended.
pub(crate) async fn serve(node: Arc<Node>, listener: TcpListener) {
    // A connection that could not be accepted is the client's loss.
    while let Ok((socket, _)) = listener.accept().await {
        let (node, mut resets) = (node.clone(), node.shared.resets());
        tokio::spawn(async move {
            let service = service_fn(move |request| route(node.clone(), request));
            let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(socket), service);
            tokio::select! {
                _ = connection => {}
                _ = resets.changed() => {}
            }
        });
    }
}

type Answer<T> = Result<Response<T>, Status>;

/// A method as the service that `tonic` asks for.
struct Method<F>(F);

impl<F, A, B, Fut> Service<Request<A>> for Method<F>
where
    F: FnMut(Request<A>) -> Fut,
    Fut: Future<Output = Answer<B>> + Send + 'static,
{
    type Response = Response<B>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Answer<B>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        Box::pin((self.0)(request))
    }
}

async fn route(
    node: Arc<Node>,
    request: http::Request<Incoming>,
) -> Result<http::Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    Ok(match path.as_str() {
        "/event_store.client.streams.Streams/Append" => {
            let codec = ProstCodec::<wire::AppendResp, wire::AppendReq>::default();
            let method = Method(move |request| streams::append(node.clone(), request));
            Grpc::new(codec).client_streaming(method, request).await
        }
        "/event_store.client.streams.Streams/Read" => {
            let codec = ProstCodec::<wire::ReadResp, wire::ReadReq>::default();
            let method = Method(move |request| streams::read(node.clone(), request));
            Grpc::new(codec).server_streaming(method, request).await
        }
        "/event_store.client.streams.Streams/Tombstone" => {
            let codec = ProstCodec::<wire::TombstoneResp, wire::TombstoneReq>::default();
            let method = Method(move |request| streams::tombstone(node.clone(), request));
            Grpc::new(codec).unary(method, request).await
        }
        "/event_store.client.gossip.Gossip/Read" => {
            let codec = ProstCodec::<wire_gossip::ClusterInfo, ()>::default();
            let method = Method(move |_: Request<()>| gossip::members(node.clone()));
            Grpc::new(codec).unary(method, request).await
        }
        "/event_store.client.server_features.ServerFeatures/GetSupportedMethods" => {
            let codec = ProstCodec::<server_features::SupportedMethods, ()>::default();
            let method = Method(move |_: Request<()>| gossip::features());
            Grpc::new(codec).unary(method, request).await
        }
        _ => Status::unimplemented(path).into_http(),
    })
}
