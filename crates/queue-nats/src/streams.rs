//! What is kept on the server: made where it is missing, looked at where it is there, and never changed. Whoever runs the
//! server may have given it more replicas.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream};
use async_nats::jetstream::{Context, ErrorCode};

use crate::error::QueueError;
use crate::names::{Lane, Names};

/// How long a piece that was handed out and not heard of again waits before it is handed out again. About as long as it
/// takes until somebody else has the lane of a process that died.
pub const ACK_WAIT: Duration = Duration::from_secs(10);
/// A piece that was handed out so often, and never ended, is stuck.
pub const DELIVERIES_MAX: u32 = 20;
/// Pieces of a lane that are handed out at once: more than anybody works on at once, so that those that wait for a later
/// try hold up no others.
pub const PENDING_MAX: u32 = 256;
/// Pieces in the queue at once: the server lists so many subjects at once with room to spare. More wait where they came
/// from.
pub const PIECES_MAX: usize = 50_000;
/// An offer that is made twice within this time counts once, though the first has been taken meanwhile. Short, so that an
/// emptied queue is soon filled again.
pub const DUPLICATE_WINDOW: Duration = Duration::from_secs(5);

/// Whatever hangs in the queue is forgotten after so long, and offered anew.
const AGE_MAX: Duration = Duration::from_secs(60 * 60);
/// A lane that nobody asks for is forgotten on the server after so long; it is made again.
const LANE_IDLE_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Advisories wait so long for somebody.
const ADVISORY_AGE_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const ADVISORIES_MAX: i64 = 100_000;
/// The consumer of advisories.
const ADVISORIES: &str = "park";
/// How long whoever takes an advisory may take for it.
const ADVISORY_ACK_WAIT: Duration = Duration::from_secs(30);

fn work_config(names: &Names) -> Config {
    Config {
        name: names.work(),
        subjects: vec![names.all()],
        retention: RetentionPolicy::WorkQueue,
        storage: StorageType::File,
        // A piece is there once, however often it is offered.
        max_messages_per_subject: 1,
        discard: DiscardPolicy::New,
        discard_new_per_subject: true,
        duplicate_window: DUPLICATE_WINDOW,
        max_age: AGE_MAX,
        max_message_size: 1024,
        num_replicas: 1,
        description: Some("work of an integration ledger; it may be emptied, and is filled again".to_owned()),
        ..Config::default()
    }
}

fn stuck_config(names: &Names) -> Config {
    Config {
        name: names.stuck(),
        subjects: vec![names.advisories()],
        retention: RetentionPolicy::WorkQueue,
        storage: StorageType::File,
        max_messages: ADVISORIES_MAX,
        // As the server writes "as many as you like".
        max_messages_per_subject: -1,
        max_age: ADVISORY_AGE_MAX,
        num_replicas: 1,
        description: Some("what an integration ledger was handed too often".to_owned()),
        ..Config::default()
    }
}

/// A stream as it must be; made where there is none.
async fn ensured(context: &Context, wanted: Config) -> Result<Stream, QueueError> {
    let name = wanted.name.clone();
    let failed = |error: &dyn std::error::Error| QueueError::refused(&format!("the stream {name}"), error);
    let missing = |code| code == ErrorCode::STREAM_NOT_FOUND;
    let stream = match context.get_stream(&wanted.name).await {
        Ok(stream) => stream,
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(told) if missing(told.error_code()) => {
                context.create_stream(wanted.clone()).await.map_err(|error| failed(&error))?
            }
            _ => return Err(failed(&error)),
        },
    };
    fits(&stream.cached_info().config, &wanted)?;
    Ok(stream)
}

/// What a stream must have whoever made it.
pub(crate) fn fits(found: &Config, wanted: &Config) -> Result<(), QueueError> {
    let essence = |config: &Config| {
        let per_subject = (config.max_messages_per_subject, config.discard_new_per_subject);
        (config.subjects.clone(), config.retention, per_subject)
    };
    if essence(found) == essence(wanted) {
        return Ok(());
    }
    Err(QueueError::Refused(format!(
        "the stream {} is set up in another way than the ledger needs: delete it (`nats stream rm {}`), it is made again and filled from the ledger",
        wanted.name, wanted.name
    )))
}

/// The streams of a queue.
#[derive(Clone)]
pub(crate) struct Streams {
    pub(crate) work: Stream,
    pub(crate) stuck: PullConsumer,
}

impl Streams {
    pub(crate) async fn ensured(context: &Context, names: &Names) -> Result<Self, QueueError> {
        let work = ensured(context, work_config(names)).await?;
        let stuck = ensured(context, stuck_config(names)).await?;
        let consumer = pull::Config {
            durable_name: Some(ADVISORIES.to_owned()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ADVISORY_ACK_WAIT,
            max_deliver: -1,
            ..pull::Config::default()
        };
        let made = stuck.create_consumer(consumer).await;
        let stuck = made.map_err(|error| QueueError::refused("the consumer of advisories", &error))?;
        Ok(Self { work, stuck })
    }

    /// The consumer of a lane.
    pub(crate) async fn lane(&self, names: &Names, lane: &Lane) -> Result<PullConsumer, QueueError> {
        let consumer = pull::Config {
            durable_name: Some(Names::consumer(lane)),
            filter_subject: names.lane(lane),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_deliver: DELIVERIES_MAX.into(),
            max_ack_pending: PENDING_MAX.into(),
            inactive_threshold: LANE_IDLE_MAX,
            ..pull::Config::default()
        };
        let made = self.work.create_consumer(consumer).await;
        made.map_err(|error| QueueError::refused("the consumer of a lane", &error))
    }
}

/// Do both streams fit? What is missing does.
pub(crate) async fn looked_at(context: &Context, names: &Names) -> Result<[Option<Stream>; 2], QueueError> {
    let mut found = [None, None];
    for (slot, wanted) in found.iter_mut().zip([work_config(names), stuck_config(names)]) {
        match context.get_stream(&wanted.name).await {
            Ok(stream) => {
                fits(&stream.cached_info().config, &wanted)?;
                *slot = Some(stream);
            }
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(told) if told.error_code() == ErrorCode::STREAM_NOT_FOUND => {}
                _ => return Err(QueueError::refused(&format!("the stream {}", wanted.name), &error)),
            },
        }
    }
    Ok(found)
}
