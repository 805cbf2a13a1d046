use ledger::domain::DomainEvent;
use ledger::epochs;

use super::*;
use crate::refusal::RefusalKind::{Conflict, Invalid, NotFound};
use crate::testing::given;
use crate::values::{DisputeReason, HashBase64, KeyIdText, OriginName, PublicKeyText, RevokedKeyReason};
use crate::values::{SignatureText, VkeyText};

fn kid(n: u8) -> KeyIdText {
    KeyIdText::new(format!("{n:032x}")).unwrap()
}

fn key(n: u8) -> PublicKeyText {
    PublicKeyText::new(format!("{n:043x}=")).unwrap()
}

fn proof() -> SignatureText {
    SignatureText::new(format!("{:086x}==", 1)).unwrap()
}

fn genesis() -> KeyGenesis {
    KeyGenesis {
        origin: OriginName::new("ledger.example/t").unwrap(),
        key: key(1),
        kid: kid(1),
        checkpoint_vkey: VkeyText::new("ledger.example/t+00000000+AQ").unwrap(),
        predecessor: None,
    }
}

fn begin() -> KeyCommand {
    let g = genesis();
    KeyCommand::Begin {
        origin: g.origin,
        key: g.key,
        kid: g.kid,
        checkpoint_vkey: g.checkpoint_vkey,
        predecessor: g.predecessor,
    }
}

fn rotate(from: u8, to: u8) -> KeyCommand {
    KeyCommand::Rotate { old_kid: kid(from), key: key(to), kid: kid(to), proof: proof() }
}

fn rotated(from: u8, to: u8) -> KeyEvent {
    KeyRotated { old_kid: kid(from), key: key(to), kid: kid(to), proof: proof() }.into()
}

#[test]
fn a_log_begins_once_and_its_key_rotates() {
    given::<Key>([]).when(&begin()).then([genesis().into()]);
    given::<Key>([genesis().into()]).when(&begin()).then_refused(Conflict, "key-genesis-exists", "");
    given::<Key>([]).when(&rotate(1, 2)).then_refused(NotFound, "key-no-genesis", "");
    given::<Key>([genesis().into()]).when(&rotate(1, 2)).then([rotated(1, 2)]);
    given::<Key>([genesis().into()]).when(&rotate(9, 2)).then_refused(Conflict, "key-not-active", "/old_kid");
    given::<Key>([genesis().into(), rotated(1, 2)]).when(&rotate(2, 1)).then_refused(
        Conflict,
        "key-reused",
        "/kid",
    );
    assert_eq!(given::<Key>([genesis().into(), rotated(1, 2)]).state().active, Some(kid(2)));
}

#[test]
fn a_key_is_revoked_and_entries_are_disputed() {
    let revoke = |n| KeyCommand::Revoke { kid: kid(n), reason: RevokedKeyReason::Compromised };
    let revoked = KeyEvent::from(KeyRevoked { kid: kid(1), reason: RevokedKeyReason::Compromised });
    given::<Key>([genesis().into()]).when(&revoke(1)).then([revoked.clone()]);
    given::<Key>([genesis().into(), revoked.clone()]).when(&revoke(1)).then_nothing();
    given::<Key>([genesis().into()]).when(&revoke(2)).then_refused(NotFound, "key-unknown", "/kid");
    assert_eq!(given::<Key>([genesis().into(), revoked.clone()]).state().active, None);
    // Revoking the old key leaves the new one active.
    assert_eq!(given::<Key>([genesis().into(), rotated(1, 2), revoked]).state().active, Some(kid(2)));

    let reason = DisputeReason::Clock;
    let log_size = 10;
    let dispute =
        |n, from_index, to_index| KeyCommand::Dispute { kid: kid(n), from_index, to_index, log_size, reason };
    let disputed = KeyDisputed { kid: kid(1), from_index: 4, to_index: 9, reason };
    given::<Key>([genesis().into()]).when(&dispute(1, 4, 9)).then([disputed.into()]);
    given::<Key>([genesis().into()]).when(&dispute(1, 9, 4)).then_refused(
        Invalid,
        "key-dispute-range",
        "/to_index",
    );
    given::<Key>([genesis().into()]).when(&dispute(1, 4, 10)).then_refused(
        Invalid,
        "key-dispute-range",
        "/to_index",
    );
    given::<Key>([genesis().into()]).when(&dispute(2, 4, 9)).then_refused(NotFound, "key-unknown", "/kid");
}

/// The bytes that this aggregate writes are those that `ledger::epochs` folds.
#[test]
fn key_events_are_what_the_epochs_read() {
    let predecessor = Predecessor {
        origin: OriginName::new("ledger.example/t").unwrap(),
        size: 7,
        root: HashBase64::new(format!("{}=", "A".repeat(43))).unwrap(),
    };
    let events: [KeyEvent; 4] = [
        KeyGenesis { predecessor: Some(predecessor), ..genesis() }.into(),
        rotated(1, 2),
        KeyRevoked { kid: kid(1), reason: RevokedKeyReason::Lost }.into(),
        KeyDisputed { kid: kid(1), from_index: 1, to_index: 2, reason: DisputeReason::Error }.into(),
    ];
    for event in events {
        let data = serde_json::Value::Object(event.encode().public);
        let given = data.clone();
        let back = match event.event_type() {
            epochs::GENESIS => to_value(serde_json::from_value::<epochs::Genesis>(given).unwrap()),
            epochs::ROTATED => to_value(serde_json::from_value::<epochs::Rotated>(given).unwrap()),
            epochs::REVOKED => to_value(serde_json::from_value::<epochs::Revoked>(given).unwrap()),
            epochs::DISPUTED => to_value(serde_json::from_value::<epochs::Disputed>(given).unwrap()),
            other => panic!("{other}"),
        };
        assert_eq!(back, data);
    }
}

fn to_value(data: impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(data).unwrap()
}
