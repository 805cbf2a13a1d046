//! The stand-in, seen by the vendor's client.

use kurrentdb::{
    AppendToStreamOptions, Client, Error, EventData, ReadStreamOptions, StreamPosition, StreamState,
    SubscribeToAllOptions, SubscriptionEvent, SubscriptionFilter,
};
use ledger_fakes_eventstore::{APPEND_BYTES_MAX, Cluster, Fault};
use uuid::Uuid;

fn client(url: &str) -> Client {
    Client::new(url.parse().expect("a connection string")).expect("a client")
}

fn event(id: u128) -> EventData {
    EventData::binary("noted", vec![1, 2, 3].into()).id(Uuid::from_u128(id))
}

fn at(state: StreamState) -> AppendToStreamOptions {
    AppendToStreamOptions::default().stream_state(state).requires_leader(true)
}

#[tokio::test]
async fn appends_stand_at_their_revision_and_are_repeated_without_effect() {
    let cluster = Cluster::start(1).await.unwrap();
    let client = client(&cluster.url());
    let first = client.append_to_stream("s", &at(StreamState::NoStream), vec![event(1), event(2)]).await;
    assert_eq!(first.unwrap().next_expected_version, 1);
    let again = client.append_to_stream("s", &at(StreamState::NoStream), vec![event(1), event(2)]).await;
    assert_eq!(again.unwrap().next_expected_version, 1);
    for (state, events) in [
        (StreamState::NoStream, vec![event(1), event(3)]),
        (StreamState::StreamRevision(0), vec![event(3)]),
        (StreamState::StreamRevision(7), vec![event(3)]),
    ] {
        let refused = client.append_to_stream("s", &at(state), events).await;
        assert!(matches!(refused, Err(Error::WrongExpectedVersion { .. })), "{refused:?}");
    }
    let next = client.append_to_stream("s", &at(StreamState::StreamRevision(1)), event(3)).await;
    assert_eq!(next.unwrap().next_expected_version, 2);
    let ids: Vec<Uuid> = cluster.events().iter().map(|event| event.id).collect();
    assert_eq!(ids, [1, 2, 3].map(Uuid::from_u128));

    let large = EventData::binary("noted", vec![0; APPEND_BYTES_MAX + 1].into());
    let refused = client.append_to_stream("s", &at(StreamState::StreamRevision(2)), large).await;
    assert!(matches!(&refused, Err(Error::Grpc { message, .. }) if message.contains("Maximum Append Size")));
}

#[tokio::test]
async fn streams_are_read_both_ways_and_deleted_for_good() {
    let cluster = Cluster::start(1).await.unwrap();
    let client = client(&cluster.url());
    client
        .append_to_stream("s", &at(StreamState::NoStream), vec![event(1), event(2), event(3)])
        .await
        .unwrap();
    let revisions = async |options: ReadStreamOptions| {
        let mut stream = client.read_stream("s", &options).await.unwrap();
        let mut seen = Vec::new();
        while let Some(event) = stream.next().await.unwrap() {
            seen.push(event.get_original_event().revision);
        }
        seen
    };
    assert_eq!(revisions(ReadStreamOptions::default().max_count(2)).await, [0, 1]);
    assert_eq!(revisions(ReadStreamOptions::default().position(StreamPosition::Position(1))).await, [1, 2]);
    let backwards = ReadStreamOptions::default().backwards().position(StreamPosition::End);
    assert_eq!(revisions(backwards).await, [2, 1, 0]);
    let missing = client.read_stream("other", &ReadStreamOptions::default()).await.unwrap().next().await;
    assert!(matches!(missing, Err(Error::ResourceNotFound)));
    client.tombstone_stream("s", &Default::default()).await.unwrap();
    let gone = client.append_to_stream("s", &at(StreamState::Any), event(4)).await;
    assert!(matches!(gone, Err(Error::ResourceDeleted)), "{gone:?}");
}

/// A follower names the leader, and the client goes there.
#[tokio::test]
async fn a_follower_names_the_leader() {
    let cluster = Cluster::start(3).await.unwrap();
    let client = client(&cluster.url_of(1));
    let refused = client.append_to_stream("s", &at(StreamState::Any), event(1)).await;
    let Err(Error::NotLeaderException(leader)) = refused else { panic!("{refused:?}") };
    assert!(cluster.url_of(0).contains(&format!("//{}:{}?", leader.host, leader.port)));
    client.append_to_stream("s", &at(StreamState::Any), event(1)).await.unwrap();
    cluster.elect(2);
    let refused = client.append_to_stream("s", &at(StreamState::Any), event(2)).await;
    assert!(matches!(refused, Err(Error::NotLeaderException(_))), "{refused:?}");
    client.append_to_stream("s", &at(StreamState::Any), event(2)).await.unwrap();
    assert_eq!(cluster.events().len(), 2);
}

#[tokio::test]
async fn a_subscription_gives_what_is_there_says_so_and_goes_on() {
    let cluster = Cluster::start(1).await.unwrap();
    let client = client(&cluster.url());
    client.append_to_stream("log-a", &at(StreamState::Any), vec![event(1), event(2)]).await.unwrap();
    cluster.write("other", "not asked for");
    let filter = SubscriptionFilter::on_stream_name().add_prefix("log-");
    let mut subscription = client.subscribe_to_all(&SubscribeToAllOptions::default().filter(filter)).await;
    let mut told = Vec::new();
    while told.last() != Some(&"caught up") {
        told.push(match subscription.next_subscription_event().await.unwrap() {
            SubscriptionEvent::Confirmed(_) => "confirmed",
            SubscriptionEvent::EventAppeared(_) => "event",
            SubscriptionEvent::Checkpoint(_) => "checkpoint",
            SubscriptionEvent::CaughtUp(_) => "caught up",
            _ => "other",
        });
    }
    assert_eq!(told, ["confirmed", "event", "event", "checkpoint", "caught up"]);
    client.append_to_stream("log-b", &at(StreamState::Any), event(3)).await.unwrap();
    let event = subscription.next().await.unwrap();
    assert_eq!(
        (event.get_original_stream_id(), event.get_original_event().id),
        ("log-b", Uuid::from_u128(3))
    );
}

/// The outcome of an append that fails is what the fault says, and sending it again settles it.
#[tokio::test]
async fn faults_do_what_they_say() {
    let faults = [
        (Fault::LostAnswer, 1),
        (Fault::TimedOut, 1),
        (Fault::Unavailable, 0),
        (Fault::Reset, 0),
        (Fault::LeaderChange, 0),
    ];
    for (fault, stored) in faults {
        let cluster = Cluster::start(2).await.unwrap();
        cluster.faults(Some(Box::new(move |number| if number == 0 { fault } else { Fault::None })));
        let failed = client(&cluster.url_of(0));
        let failed = failed.append_to_stream("s", &at(StreamState::NoStream), event(1)).await;
        assert!(failed.is_err(), "{fault:?}");
        assert_eq!(cluster.events().len(), stored, "{fault:?}");
        let again = client(&cluster.url_of(cluster.leader()));
        again.append_to_stream("s", &at(StreamState::NoStream), event(1)).await.unwrap();
        assert_eq!(cluster.events().len(), 1, "{fault:?}");
    }
    // Told that it failed, and there in the end.
    let cluster = Cluster::start(1).await.unwrap();
    cluster.faults(Some(Box::new(|number| if number == 0 { Fault::Late } else { Fault::None })));
    let failed = client(&cluster.url()).append_to_stream("s", &at(StreamState::NoStream), event(1)).await;
    assert!(failed.is_err());
    let other = client(&cluster.url()).append_to_stream("s", &at(StreamState::NoStream), event(2)).await;
    assert!(matches!(other, Err(Error::WrongExpectedVersion { .. })), "the late one was first: {other:?}");
    assert_eq!(cluster.events().len(), 1);
}
