//! Appending, and what may go wrong with it.

use std::sync::Arc;
use std::time::Duration;

use tonic::{Request, Response, Status, Streaming};

use super::{deleted, name, too_large};
use crate::faults::Fault;
use crate::log::{Appended, Expected, Proposed, Refusal};
use crate::node::Node;
use crate::proto::streams as wire;
use crate::proto::streams::append_req::Content;
use crate::proto::streams::append_req::options::ExpectedStreamRevision;
use crate::proto::streams::append_resp::{self, wrong_expected_version};
use crate::proto::{Uuid, uuid};

pub(crate) async fn append(
    node: Arc<Node>,
    request: Request<Streaming<wire::AppendReq>>,
) -> Result<Response<wire::AppendResp>, Status> {
    node.must_lead(&request)?;
    let (stream, expected, events) = receive(request.into_inner()).await?;
    // A write that was under way reaches the log before one that comes in now.
    node.shared.catch_up();
    let fault = node.shared.faults.next();
    match fault {
        Fault::Unavailable => return Err(Status::unavailable("Server Is Too Busy")),
        Fault::Reset => {
            node.shared.reset();
            return Err(Status::unavailable("the connection is reset"));
        }
        Fault::LeaderChange => {
            node.shared.elect(node.number + 1);
            node.lead()?;
        }
        Fault::Late => {
            node.shared.write_late(stream, expected, events);
            return Err(Status::unavailable("Server Is Not Ready"));
        }
        Fault::None | Fault::LostAnswer | Fault::TimedOut | Fault::SlowMs(_) => {}
    }
    let outcome = node.shared.log.append(&stream, expected, events);
    match fault {
        Fault::LostAnswer => {
            node.shared.reset();
            return Err(Status::unavailable("the connection is reset"));
        }
        Fault::TimedOut => return Err(Status::aborted("Operation timed out")),
        Fault::SlowMs(pause) => tokio::time::sleep(Duration::from_millis(pause)).await,
        _ => {}
    }
    let result = match outcome {
        Ok(appended) => append_resp::Result::Success(success(appended)),
        Err(Refusal::WrongVersion { current }) => {
            append_resp::Result::WrongExpectedVersion(wrong(expected, current))
        }
        Err(Refusal::Deleted) => return Err(deleted(&stream)),
        Err(Refusal::TooLarge) => return Err(too_large()),
    };
    Ok(Response::new(wire::AppendResp { result: Some(result) }))
}

async fn receive(
    mut messages: Streaming<wire::AppendReq>,
) -> Result<(String, Expected, Vec<Proposed>), Status> {
    let first = messages.message().await?.and_then(|message| message.content);
    let Some(Content::Options(options)) = first else {
        return Err(Status::invalid_argument("the options come first"));
    };
    let stream = name(options.stream_identifier)?;
    let expected = match options.expected_stream_revision {
        Some(ExpectedStreamRevision::Revision(revision)) => Expected::Revision(revision),
        Some(ExpectedStreamRevision::NoStream(())) => Expected::NoStream,
        Some(ExpectedStreamRevision::StreamExists(())) => Expected::Exists,
        Some(ExpectedStreamRevision::Any(())) => Expected::Any,
        None => return Err(Status::invalid_argument("an expected revision is needed")),
    };
    let mut events = Vec::new();
    while let Some(message) = messages.message().await? {
        let Some(Content::ProposedMessage(proposed)) = message.content else {
            return Err(Status::invalid_argument("only events follow the options"));
        };
        if !["type", "content-type"].iter().all(|name| proposed.metadata.contains_key(*name)) {
            return Err(Status::invalid_argument("Required Metadata Property is missing"));
        }
        let mut metadata = proposed.metadata;
        metadata.insert("created".to_owned(), "0".to_owned());
        let id = read_uuid(proposed.id)?;
        let (custom_metadata, data) = (proposed.custom_metadata, proposed.data);
        events.push(Proposed { id, metadata, custom_metadata, data });
    }
    if events.is_empty() {
        Err(Status::invalid_argument("no events"))
    } else {
        Ok((stream, expected, events))
    }
}

fn read_uuid(id: Option<Uuid>) -> Result<::uuid::Uuid, Status> {
    match id.and_then(|id| id.value) {
        Some(uuid::Value::String(text)) => text.parse().map_err(|_| Status::invalid_argument("not a UUID")),
        Some(uuid::Value::Structured(bits)) => Ok(::uuid::Uuid::from_u64_pair(
            bits.most_significant_bits as u64,
            bits.least_significant_bits as u64,
        )),
        None => Err(Status::invalid_argument("an event has no id")),
    }
}

fn success(appended: Appended) -> append_resp::Success {
    use append_resp::success::{CurrentRevisionOption, PositionOption};
    let position = |at| append_resp::Position { commit_position: at, prepare_position: at };
    append_resp::Success {
        current_revision_option: Some(CurrentRevisionOption::CurrentRevision(appended.revision)),
        position_option: Some(match appended.position {
            Some(at) => PositionOption::Position(position(at)),
            None => PositionOption::NoPosition(()),
        }),
    }
}

/// The old and the new members, as the server gives both.
fn wrong(expected: Expected, current: Option<u64>) -> append_resp::WrongExpectedVersion {
    use wrong_expected_version::*;
    append_resp::WrongExpectedVersion {
        current_revision_option_20_6_0: Some(match current {
            Some(revision) => CurrentRevisionOption2060::CurrentRevision2060(revision),
            None => CurrentRevisionOption2060::NoStream2060(()),
        }),
        expected_revision_option_20_6_0: Some(match expected {
            Expected::Revision(revision) => ExpectedRevisionOption2060::ExpectedRevision2060(revision),
            Expected::Exists => ExpectedRevisionOption2060::StreamExists2060(()),
            Expected::Any | Expected::NoStream => ExpectedRevisionOption2060::Any2060(()),
        }),
        current_revision_option: Some(match current {
            Some(revision) => CurrentRevisionOption::CurrentRevision(revision),
            None => CurrentRevisionOption::CurrentNoStream(()),
        }),
        expected_revision_option: Some(match expected {
            Expected::Revision(revision) => ExpectedRevisionOption::ExpectedRevision(revision),
            Expected::Exists => ExpectedRevisionOption::ExpectedStreamExists(()),
            Expected::Any => ExpectedRevisionOption::ExpectedAny(()),
            Expected::NoStream => ExpectedRevisionOption::ExpectedNoStream(()),
        }),
    }
}
