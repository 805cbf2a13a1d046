//! Reading: pages, and subscriptions that go on.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, stream};
use tokio::sync::mpsc;
use tonic::{Request, Response, Status};

use super::page::Question;
use crate::log::Recorded;
use crate::node::Node;
use crate::proto::streams as wire;
use crate::proto::streams::read_req::options::CountOption;
use crate::proto::streams::read_req::options::uuid_option;
use crate::proto::streams::read_resp::{self, Content, read_event};
use crate::proto::{StreamIdentifier, Uuid, uuid};

type Answers = Pin<Box<dyn Stream<Item = Result<wire::ReadResp, Status>> + Send>>;

pub(crate) async fn read(
    node: Arc<Node>,
    request: Request<wire::ReadReq>,
) -> Result<Response<Answers>, Status> {
    node.must_lead(&request)?;
    node.shared.catch_up();
    let options =
        request.into_inner().options.ok_or_else(|| Status::invalid_argument("options are needed"))?;
    let structured = options
        .uuid_option
        .is_some_and(|option| matches!(option.content, Some(uuid_option::Content::Structured(()))));
    let question = Question::new(&options)?;
    match options.count_option {
        Some(CountOption::Count(count)) => {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            let found = match question.page(&node.shared.log)? {
                Some(found) => found,
                None => {
                    let stream_identifier = Some(StreamIdentifier {
                        stream_name: question.stream().unwrap_or_default().as_bytes().to_vec().into(),
                    });
                    let content = Content::StreamNotFound(read_resp::StreamNotFound { stream_identifier });
                    return Ok(Response::new(Box::pin(stream::iter([Ok(message(content))]))));
                }
            };
            let events: Vec<_> =
                found.into_iter().take(count).map(|event| Ok(message(shown(event, structured)))).collect();
            Ok(Response::new(Box::pin(stream::iter(events))))
        }
        Some(CountOption::Subscription(_)) => {
            // The server holds a few events for a subscriber, then waits for it.
            let (sender, receiver) = mpsc::channel(64);
            tokio::spawn(follow(node, question, structured, sender));
            let answers = stream::unfold(receiver, |mut receiver| async {
                receiver.recv().await.map(|answer| (answer, receiver))
            });
            Ok(Response::new(Box::pin(answers)))
        }
        None => Err(Status::invalid_argument("a count or a subscription is needed")),
    }
}

/// Gives everything behind the question's place, says when it has, and goes on. Ends with its subscriber, or when the
/// node no longer leads.
async fn follow(
    node: Arc<Node>,
    mut question: Question,
    structured: bool,
    sender: mpsc::Sender<Result<wire::ReadResp, Status>>,
) {
    let mut grown = node.shared.log.grown();
    let confirmation = read_resp::SubscriptionConfirmation { subscription_id: "1".to_owned() };
    let mut open = sender.send(Ok(message(Content::Confirmation(confirmation)))).await.is_ok();
    let mut caught_up = false;
    while open {
        grown.borrow_and_update();
        let found = match question.page(&node.shared.log) {
            Ok(found) => found.unwrap_or_default(),
            Err(status) => {
                drop(sender.send(Err(status)).await);
                return;
            }
        };
        for event in found {
            question.after(&event);
            open = open && sender.send(Ok(message(shown(event, structured)))).await.is_ok();
        }
        if let Some(content) = question.checkpoint(&node.shared.log) {
            open = open && sender.send(Ok(message(content))).await.is_ok();
        }
        if !caught_up {
            caught_up = true;
            let said = read_resp::CaughtUp { timestamp: None, stream_revision: None, position: None };
            open = open && sender.send(Ok(message(Content::CaughtUp(said)))).await.is_ok();
        }
        tokio::select! {
            changed = grown.changed() => open = open && changed.is_ok(),
            () = sender.closed() => return,
        }
    }
}

fn message(content: Content) -> wire::ReadResp {
    wire::ReadResp { content: Some(content) }
}

fn shown(event: Recorded, structured: bool) -> Content {
    let value = if structured {
        let (most, least) = event.id.as_u64_pair();
        uuid::Value::Structured(uuid::Structured {
            most_significant_bits: most as i64,
            least_significant_bits: least as i64,
        })
    } else {
        uuid::Value::String(event.id.to_string())
    };
    let recorded = read_event::RecordedEvent {
        id: Some(Uuid { value: Some(value) }),
        stream_identifier: Some(StreamIdentifier { stream_name: event.stream.into_bytes().into() }),
        stream_revision: event.revision,
        prepare_position: event.position,
        commit_position: event.position,
        metadata: event.metadata,
        custom_metadata: event.custom_metadata,
        data: event.data,
    };
    Content::Event(read_resp::ReadEvent {
        event: Some(recorded),
        link: None,
        position: Some(read_event::Position::CommitPosition(event.position)),
    })
}
