//! Data keys of people, rotation across starts, another key-encryption key.

use ledger::clock::{ManualClock, SeededEntropy};
use ledger::disclosure::SealedDisclosure;
use ledger::domain::{Cause, Withheld};
use ledger::event::{Header, SealContext, SealedEvent, seal};
use ledger::ids::{Actor, StreamId};

use super::*;
use crate::MemoryStore;
use crate::bootstrap::Bootstrap;

fn started(store: &Arc<MemoryStore>, keyring: Keyring) -> Bootstrap {
    Bootstrap {
        store: store.clone(),
        side: store.clone(),
        keyring: Arc::new(keyring),
        clock: Arc::new(ManualClock::new("2026-03-01".parse().unwrap())),
        entropy: Arc::new(SeededEntropy::new(5)),
    }
}

fn keyring(store: &Arc<MemoryStore>, kek: u8) -> Keyring {
    Keyring::new(store.clone(), Kek::new(&[kek; 32]), Arc::new(SeededEntropy::new(u64::from(kek))))
}

fn tenant() -> TenantId {
    TenantId::new("t1").unwrap()
}

fn subject() -> SubjectId {
    SubjectId::new("person-1").unwrap()
}

fn body() -> EventBody {
    let about = |name, class| Withheld { name, value: "secret".into(), class };
    let withheld = vec![about("title", Class::Confidential), about("owner", Class::Personal(subject()))];
    EventBody { public: serde_json::Map::new(), withheld }
}

fn sealed(bootstrap: &Bootstrap) -> Result<SealedEvent, ledger::event::SealError> {
    let (tenant, stream, actor) = (tenant(), StreamId::new("a-1").unwrap(), Actor::system("test"));
    let ctx = SealContext {
        tenant: &tenant,
        stream: &stream,
        seq: 0,
        prev: None,
        time: bootstrap.clock.now(),
        actor: &actor,
        command: None,
        cause: Cause::default(),
    };
    let keyring = &bootstrap.keyring;
    let signer = keyring.log(&tenant).unwrap().signer();
    seal("ledger.test.done.v1", &body(), &ctx, &*signer, &**keyring, &*bootstrap.entropy)
}

fn opens(bootstrap: &Bootstrap, event: &SealedEvent, sealed: &SealedDisclosure) -> bool {
    let keyring = &bootstrap.keyring;
    let key = match &sealed.class {
        Class::Personal(subject) => keyring.subject_key(&tenant(), subject),
        _ => keyring.tenant_key(&tenant()),
    };
    let digests = Header::parse(&event.header).unwrap().sd;
    key.is_ok_and(|key| sealed.open(&key, &tenant(), &event.id, &digests).is_ok())
}

async fn ready(store: &Arc<MemoryStore>) -> Bootstrap {
    let bootstrap = started(store, keyring(store, 1));
    bootstrap.open("").await.unwrap();
    bootstrap.create(&tenant(), None).await.unwrap();
    bootstrap
}

#[tokio::test]
async fn a_persons_key_is_durable_before_it_is_used_and_gone_when_destroyed() {
    let store = Arc::new(MemoryStore::new());
    let bootstrap = ready(&store).await;
    assert!(sealed(&bootstrap).is_err(), "no key was made for this person");
    bootstrap.keyring.prepare(&tenant(), &body()).await.unwrap();
    let event = sealed(&bootstrap).unwrap();
    assert!(event.disclosures.iter().all(|sealed| opens(&bootstrap, &event, sealed)));
    // After a start the key is read when it is needed.
    let again = started(&store, keyring(&store, 1));
    again.open("").await.unwrap();
    let personal = &event.disclosures[1];
    assert!(!opens(&again, &event, personal));
    assert_eq!(again.keyring.load_subject(&tenant(), &subject()).await, Ok(true));
    assert!(opens(&again, &event, personal));
    // Destroyed, it is nowhere; what is confidential stays readable.
    let key = secret_key(&tenant(), SecretKind::SubjectDataKey, subject().as_str());
    assert_eq!(store.delete_secret(&key).await, Ok(true));
    again.keyring.forget_subject(&tenant(), &subject());
    assert_eq!(again.keyring.load_subject(&tenant(), &subject()).await, Ok(false));
    assert!(!opens(&again, &event, personal) && opens(&again, &event, &event.disclosures[0]));
}

#[tokio::test]
async fn a_rotation_that_is_not_committed_changes_nothing() {
    let store = Arc::new(MemoryStore::new());
    let bootstrap = ready(&store).await;
    let before = bootstrap.keyring.log(&tenant()).unwrap().signer().kid();
    let rotated = bootstrap.keyring.prepare_rotation(&tenant()).await.unwrap();
    assert_eq!((rotated.old_kid, rotated.kid == before), (before, false));
    let again = started(&store, keyring(&store, 1));
    again.open("").await.unwrap();
    assert_eq!(
        again.keyring.log(&tenant()).unwrap().signer().kid(),
        before,
        "the log says which key is active"
    );
    again.keyring.activate(&tenant(), rotated.kid).await.unwrap();
    assert_eq!(again.keyring.log(&tenant()).unwrap().signer().kid(), rotated.kid);
    let unknown = again.keyring.activate(&tenant(), Kid([0; 16])).await;
    assert_eq!(unknown, Err(KeyringError::Missing { what: "event-key", tenant: tenant() }));
}

#[tokio::test]
async fn everything_moves_to_another_key_encryption_key() {
    let store = Arc::new(MemoryStore::new());
    let first = ready(&store).await;
    first.keyring.prepare(&tenant(), &body()).await.unwrap();
    let own = first.keyring.own_secret(&tenant(), "pepper").await.unwrap();
    let event = sealed(&first).unwrap();
    let tenants = [TenantId::system(), tenant()];
    let both = started(&store, keyring(&store, 2).with_old_kek(Kek::new(&[1; 32])));
    both.open("").await.unwrap();
    let moved = both.keyring.rewrap(&tenants).await.unwrap();
    assert_eq!(moved, 2 * 4 + 2);
    assert_eq!(both.keyring.rewrap(&tenants).await, Ok(0));
    // The old key is needed no more, and opens nothing.
    let new = started(&store, keyring(&store, 2));
    new.open("").await.unwrap();
    new.keyring.load_subject(&tenant(), &subject()).await.unwrap();
    assert!(event.disclosures.iter().all(|sealed| opens(&new, &event, sealed)));
    assert_eq!(new.keyring.own_secret(&tenant(), "pepper").await.unwrap(), own);
    assert!(started(&store, keyring(&store, 1)).open("").await.is_err());
}

#[tokio::test]
async fn the_mac_of_a_command_differs_by_tenant_and_body() {
    let store = Arc::new(MemoryStore::new());
    let bootstrap = ready(&store).await;
    let mac = |tenant: &TenantId, body: &[u8]| bootstrap.keyring.log(tenant).unwrap().body_mac(body);
    assert_eq!(mac(&tenant(), b"{}"), mac(&tenant(), b"{}"));
    assert_ne!(mac(&tenant(), b"{}"), mac(&tenant(), b"[]"));
    assert_ne!(mac(&tenant(), b"{}"), mac(&TenantId::system(), b"{}"));
}
