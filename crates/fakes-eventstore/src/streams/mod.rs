//! The service of streams.

mod append;
mod page;
mod read;

use std::collections::HashMap;
use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::log::APPEND_BYTES_MAX;
use crate::node::Node;
use crate::proto::StreamIdentifier;
use crate::proto::streams as wire;

pub(crate) use append::append;
pub(crate) use read::read;

/// Deletes a stream for good. Whoever expects a revision is not told from the others: nothing here needs it.
pub(crate) async fn tombstone(
    node: Arc<Node>,
    request: Request<wire::TombstoneReq>,
) -> Result<Response<wire::TombstoneResp>, Status> {
    node.lead()?;
    let stream = name(request.into_inner().options.and_then(|options| options.stream_identifier))?;
    node.shared.log.tombstone(&stream);
    let position_option = Some(wire::tombstone_resp::PositionOption::NoPosition(()));
    Ok(Response::new(wire::TombstoneResp { position_option }))
}

fn name(stream: Option<StreamIdentifier>) -> Result<String, Status> {
    let bytes = stream.ok_or_else(|| Status::invalid_argument("a stream is needed"))?.stream_name;
    String::from_utf8(bytes.to_vec()).map_err(|_| Status::invalid_argument("the stream's name is not UTF-8"))
}

/// A status with what the server says in its metadata.
fn exception(mut status: Status, says: HashMap<&'static str, String>) -> Status {
    for (name, value) in says {
        if let Ok(value) = value.parse() {
            status.metadata_mut().insert(name, value);
        }
    }
    status
}

fn deleted(stream: &str) -> Status {
    let says = [("exception", "stream-deleted".to_owned()), ("stream-name", stream.to_owned())];
    exception(Status::failed_precondition(format!("Event stream '{stream}' is deleted.")), says.into())
}

fn too_large() -> Status {
    let size = APPEND_BYTES_MAX.to_string();
    let says =
        [("exception", "maximum-append-size-exceeded".to_owned()), ("maximum-append-size", size.clone())];
    let message = format!("Maximum Append Size of {size} was exceeded.");
    exception(Status::invalid_argument(message), says.into())
}
