//! Who is in the cluster, and what the server can do.

use std::sync::Arc;

use tonic::{Response, Status};

use crate::node::Node;
use crate::proto::gossip::member_info::VNodeState;
use crate::proto::gossip::{ClusterInfo, EndPoint, MemberInfo};
use crate::proto::server_features::{SupportedMethod, SupportedMethods};
use crate::proto::{Uuid, uuid};

/// The version whose behaviour this follows.
const VERSION: &str = "24.10.0";

pub(crate) async fn members(node: Arc<Node>) -> Result<Response<ClusterInfo>, Status> {
    let leader = node.shared.leader();
    let member = |(number, address): (usize, &std::net::SocketAddr)| MemberInfo {
        instance_id: Some(Uuid {
            value: Some(uuid::Value::String(::uuid::Uuid::from_u128(number as u128 + 1).to_string())),
        }),
        time_stamp: 0,
        state: if number == leader { VNodeState::Leader } else { VNodeState::Follower }.into(),
        is_alive: true,
        http_end_point: Some(EndPoint { address: address.ip().to_string(), port: address.port().into() }),
    };
    let members = node.shared.addresses.iter().enumerate().map(member).collect();
    Ok(Response::new(ClusterInfo { members }))
}

pub(crate) async fn features() -> Result<Response<SupportedMethods>, Status> {
    let method = |name: &str| SupportedMethod {
        method_name: name.to_owned(),
        service_name: "event_store.client.streams.streams".to_owned(),
        features: Vec::new(),
    };
    let methods = ["append", "read", "tombstone"].map(method).to_vec();
    Ok(Response::new(SupportedMethods { methods, event_store_server_version: VERSION.to_owned() }))
}
