//! Key streams, right and wrong.

use super::*;
use crate::clock::SeededEntropy;
use crate::disclosure::NoDataKeys;
use crate::domain::{Cause, EventBody};
use crate::dsse;
use crate::event::{EventHash, SealContext, SealedEvent, seal};
use crate::ids::Actor;
use crate::keys::{Signer, SoftSigner};

const ORIGIN: &str = "ledger.example/t1";

fn signer(n: u8) -> SoftSigner {
    SoftSigner::from_seed(&[n; 32])
}

fn event_of(
    tenant: &str,
    stream: &str,
    seq: u64,
    event_type: &'static str,
    data: EventBody,
    by: &SoftSigner,
) -> SealedEvent {
    let (tenant, stream) = (TenantId::new(tenant).unwrap(), StreamId::new(stream).unwrap());
    let actor = Actor::system("test");
    let ctx = SealContext {
        tenant: &tenant,
        stream: &stream,
        seq,
        prev: (seq > 0).then_some(EventHash([0; 32])),
        time: "2026-03-01".parse().unwrap(),
        actor: &actor,
        command: None,
        cause: Cause::default(),
    };
    seal(event_type, &data, &ctx, by, &NoDataKeys, &SeededEntropy::new(1)).unwrap()
}

fn key_event(seq: u64, event: &KeyEvent, by: &SoftSigner) -> SealedEvent {
    let body = EventBody { public: event.to_data(), withheld: Vec::new() };
    event_of("t1", "key-t1", seq, event.event_type(), body, by)
}

fn genesis(key: &SoftSigner) -> Genesis {
    Genesis {
        origin: ORIGIN.into(),
        key: b64::encode(key.public_key().as_bytes()),
        kid: key.kid(),
        checkpoint_vkey: "ledger.example/t1+00000000+AAAA".into(),
        predecessor: None,
    }
}

fn other(by: &SoftSigner) -> SealedEvent {
    event_of("t1", "evidence-1", 0, "ledger.evidence.submitted.v1", EventBody::default(), by)
}

/// Admits the event and, as a caller must, verifies its signature under the key that comes back.
fn admit(epochs: &mut Epochs, index: u64, event: &SealedEvent) -> Result<(), EpochError> {
    let key = epochs.admit(index, &Header::parse(&event.header).unwrap())?;
    verify(&key, &dsse::pae(dsse::PAYLOAD_TYPE, &event.header), &event.signature).unwrap();
    Ok(())
}

fn started(key: &SoftSigner) -> Epochs {
    let mut epochs = Epochs::new();
    admit(&mut epochs, 0, &key_event(0, &KeyEvent::Genesis(genesis(key)), key)).unwrap();
    epochs
}

fn rotated(old: &SoftSigner, new: &SoftSigner) -> Rotated {
    Rotated::prove(ORIGIN, old.kid(), new)
}

#[test]
fn an_entry_is_valid_under_the_key_that_is_active_before_it() {
    let (a, b) = (signer(1), signer(2));
    let mut epochs = started(&a);
    admit(&mut epochs, 1, &other(&a)).unwrap();
    assert_eq!(
        admit(&mut epochs, 2, &other(&b)),
        Err(EpochError::NotActive { found: b.kid(), active: Some(a.kid()) })
    );
    admit(&mut epochs, 2, &key_event(1, &KeyEvent::Rotated(rotated(&a, &b)), &a)).unwrap();
    assert_eq!(
        admit(&mut epochs, 3, &other(&a)),
        Err(EpochError::NotActive { found: a.kid(), active: Some(b.kid()) })
    );
    admit(&mut epochs, 3, &other(&b)).unwrap();
    assert_eq!(epochs.genesis().unwrap().origin, ORIGIN);
    assert!(epochs.key(a.kid()).is_some() && epochs.key(b.kid()).is_some());
}

#[test]
fn a_log_starts_with_its_genesis_and_has_one() {
    let a = signer(1);
    let mut epochs = Epochs::new();
    assert_eq!(admit(&mut epochs, 0, &other(&a)), Err(EpochError::NoGenesis));
    let elsewhere = EventBody { public: KeyEvent::Genesis(genesis(&a)).to_data(), withheld: Vec::new() };
    assert_eq!(
        admit(&mut epochs, 0, &event_of("t1", "key-t2", 0, GENESIS, elsewhere, &a)),
        Err(EpochError::NoGenesis)
    );
    let borrowed = key_event(0, &KeyEvent::Genesis(genesis(&signer(2))), &a);
    assert!(matches!(admit(&mut epochs, 0, &borrowed), Err(EpochError::State(_))));
    let mut epochs = started(&a);
    let again = key_event(1, &KeyEvent::Genesis(genesis(&a)), &a);
    assert!(matches!(admit(&mut epochs, 1, &again), Err(EpochError::State(_))));
    let stranger = event_of("t2", "evidence-1", 0, "ledger.evidence.submitted.v1", EventBody::default(), &a);
    assert!(matches!(admit(&mut epochs, 1, &stranger), Err(EpochError::Tenant { .. })));
}

#[test]
fn a_log_succeeds_itself_after_a_loss_under_the_active_key() {
    let (a, b) = (signer(1), signer(2));
    let lost = |origin: &str| Predecessor { origin: origin.into(), size: 9, root: b64::encode([1; 32]) };
    let successor = |key: &SoftSigner, origin: &str, before: &str| {
        let genesis = Genesis { origin: origin.into(), predecessor: Some(lost(before)), ..genesis(key) };
        key_event(1, &KeyEvent::Genesis(genesis), &a)
    };
    let next = format!("{ORIGIN}/e2");
    for wrong in
        [successor(&a, ORIGIN, ORIGIN), successor(&a, &next, "elsewhere"), successor(&b, &next, ORIGIN)]
    {
        assert!(matches!(admit(&mut started(&a), 1, &wrong), Err(EpochError::State(_))));
    }
    let mut epochs = started(&a);
    admit(&mut epochs, 1, &successor(&a, &next, ORIGIN)).unwrap();
    assert_eq!((epochs.genesis().unwrap().origin.as_str(), epochs.active()), (next.as_str(), Some(a.kid())));
    admit(&mut epochs, 2, &other(&a)).unwrap();
}

#[test]
fn a_rotation_needs_the_old_key_and_the_new_keys_own_proof() {
    let (a, b, c) = (signer(1), signer(2), signer(3));
    let good = rotated(&a, &b);
    let foreign = Rotated::prove("ledger.example/t2", a.kid(), &b);
    let stolen = Rotated { key: b64::encode(c.public_key().as_bytes()), kid: c.kid(), ..good.clone() };
    let mislabelled = Rotated { kid: c.kid(), ..good.clone() };
    let not_old = rotated(&b, &c);
    let small = Rotated { key: b64::encode([0; 32]), kid: Kid::of(&[0; 32]), ..good.clone() };
    for (data, by) in
        [(&foreign, &a), (&stolen, &a), (&mislabelled, &a), (&not_old, &a), (&small, &a), (&good, &b)]
    {
        let mut epochs = started(&a);
        assert!(
            admit(&mut epochs, 1, &key_event(1, &KeyEvent::Rotated(data.clone()), by)).is_err(),
            "{data:?}"
        );
        assert_eq!(epochs.active(), Some(a.kid()), "a refused entry changes nothing");
    }
    let mut epochs = started(&a);
    admit(&mut epochs, 1, &key_event(1, &KeyEvent::Rotated(good), &a)).unwrap();
    let back = key_event(2, &KeyEvent::Rotated(rotated(&b, &a)), &b);
    assert_eq!(admit(&mut epochs, 2, &back), Err(EpochError::State("a key is introduced once")));
}

#[test]
fn revoking_the_active_key_ends_the_log() {
    let (a, b) = (signer(1), signer(2));
    let revoke = |kid| KeyEvent::Revoked(Revoked { kid, reason: RevokeReason::Compromised });
    let mut epochs = started(&a);
    admit(&mut epochs, 1, &key_event(1, &KeyEvent::Rotated(rotated(&a, &b)), &a)).unwrap();
    admit(&mut epochs, 2, &key_event(2, &revoke(a.kid()), &b)).unwrap();
    assert_eq!((epochs.active(), epochs.revoked()), (Some(b.kid()), &[(a.kid(), 2)][..]));
    assert!(admit(&mut epochs, 3, &key_event(3, &revoke(a.kid()), &b)).is_err(), "twice");
    assert!(admit(&mut epochs, 3, &key_event(3, &revoke(Kid([0; 16])), &b)).is_err(), "unknown");
    admit(&mut epochs, 3, &key_event(3, &revoke(b.kid()), &b)).unwrap();
    assert_eq!(
        admit(&mut epochs, 4, &other(&b)),
        Err(EpochError::NotActive { found: b.kid(), active: None })
    );
}

#[test]
fn a_disputed_range_is_reported_and_lies_in_the_past() {
    let a = signer(1);
    let dispute = |from_index, to_index| {
        let reason = DisputeReason::Compromised;
        KeyEvent::Disputed(Disputed { kid: a.kid(), from_index, to_index, reason })
    };
    let mut epochs = started(&a);
    for index in 1..5 {
        admit(&mut epochs, index, &other(&a)).unwrap();
    }
    for (from, to) in [(3, 2), (0, 5), (5, 5)] {
        assert!(admit(&mut epochs, 5, &key_event(1, &dispute(from, to), &a)).is_err());
    }
    admit(&mut epochs, 5, &key_event(1, &dispute(2, 4), &a)).unwrap();
    assert_eq!((epochs.disputes()[0].marked_at, epochs.disputes()[0].disputed.to_index), (5, 4));
    assert_eq!(epochs.active(), Some(a.kid()), "doubt is not revocation");
}

#[test]
fn key_events_stand_in_the_key_stream_and_nothing_else_does() {
    let (a, b) = (signer(1), signer(2));
    let mut epochs = started(&a);
    let data = EventBody { public: KeyEvent::Rotated(rotated(&a, &b)).to_data(), withheld: Vec::new() };
    assert!(admit(&mut epochs, 1, &event_of("t1", "evidence-1", 0, ROTATED, data, &a)).is_err());
    assert_eq!(epochs.active(), Some(a.kid()));
    let foreign = event_of("t1", "key-t1", 1, "ledger.evidence.submitted.v1", EventBody::default(), &a);
    assert!(admit(&mut epochs, 1, &foreign).is_err());
    let mut data = KeyEvent::Rotated(rotated(&a, &b)).to_data();
    data.insert("extra".into(), true.into());
    let unknown = event_of("t1", "key-t1", 1, ROTATED, EventBody { public: data, withheld: Vec::new() }, &a);
    assert!(matches!(admit(&mut epochs, 1, &unknown), Err(EpochError::Data(_))));
}
