use ledger::clock::OsEntropy;

use super::*;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000).plus(Duration::from_secs(seconds))
}

fn begin(sessions: &Sessions, credential: &str, seconds: u64) -> SessionId {
    sessions.begin(credential, [1; 32], TenantId::system(), at(seconds), &OsEntropy)
}

#[test]
fn a_session_is_found_by_its_id_alone() {
    let sessions = Sessions::default();
    let id = begin(&sessions, "a", 0);
    assert_eq!(sessions.get(&id, at(1)).expect("it is there").credential, "a");
    assert!(sessions.get("planted", at(1)).is_none());
    sessions.end(&id);
    assert!(sessions.get(&id, at(1)).is_none());
}

#[test]
fn every_sign_in_gives_another_id_and_another_token() {
    let sessions = Sessions::default();
    let (first, second) = (begin(&sessions, "a", 0), begin(&sessions, "a", 0));
    assert_ne!(first, second);
    assert_eq!(first.len(), 43);
    let token = |id: &str| sessions.get(id, at(1)).expect("it is there").csrf;
    assert_ne!(token(&first), token(&second));
}

#[test]
fn a_session_ends_when_it_is_idle_and_when_it_is_old() {
    let sessions = Sessions::default();
    let idle = begin(&sessions, "a", 0);
    assert!(sessions.get(&idle, at(IDLE.as_secs() + 1)).is_none());

    let busy = begin(&sessions, "a", 0);
    let mut now = 0;
    while now < LIFETIME.as_secs() {
        assert!(sessions.get(&busy, at(now)).is_some(), "{now}");
        now += IDLE.as_secs() / 2;
    }
    assert!(sessions.get(&busy, at(LIFETIME.as_secs() + 1)).is_none());
}

#[test]
fn what_is_said_is_said_once() {
    let sessions = Sessions::default();
    let id = begin(&sessions, "a", 0);
    sessions.change(&id, |session| session.said = Some(Said { kind: "good", text: "done".into() }));
    assert!(sessions.get(&id, at(1)).expect("it is there").said.is_some());
    assert!(sessions.get(&id, at(1)).expect("it is there").said.is_none());
}

#[test]
fn one_credential_cannot_push_the_others_out() {
    let sessions = Sessions::default();
    let other = begin(&sessions, "other", 0);
    let first = begin(&sessions, "greedy", 1);
    for n in 0..SESSIONS_OF_ONE_MAX as u64 {
        begin(&sessions, "greedy", 2 + n);
    }
    assert!(sessions.get(&other, at(200)).is_some());
    assert!(sessions.get(&first, at(200)).is_none());
    assert_eq!(sessions.all().len(), 1 + SESSIONS_OF_ONE_MAX);
}
