//! Sessions: what a browser holds in place of a key.
//!
//! A session begins with a new random id at every sign-in, whatever the browser sent before, so that nobody can plant
//! one. It lives in memory: a restart signs everyone out. It gives no rights of its own: with every request the
//! credential behind it is looked up again, so that revoking or rotating it away ends the session at once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ledger::clock::Entropy;
use ledger::ids::TenantId;
use ledger::time::Timestamp;
use sha2::{Digest, Sha256};

/// A session ends this long after it began.
pub const LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// A session ends when it was not used for this long.
pub const IDLE: Duration = Duration::from_secs(2 * 3600);
/// More sessions are never kept: the one that was not used for longest gives way.
const SESSIONS_MAX: usize = 10_000;
/// More sessions of one credential are never kept, so that one key cannot push others out.
const SESSIONS_OF_ONE_MAX: usize = 100;

/// One session.
#[derive(Debug, Clone)]
pub struct Session {
    /// The credential that signed in.
    pub credential: String,
    /// Which of its secrets: a rotation that outlives its overlap ends the session.
    pub request_key: [u8; 32],
    /// The tenant that is looked at.
    pub tenant: TenantId,
    /// What forms must send back.
    pub csrf: String,
    /// What the next page says once.
    pub said: Option<Said>,
    /// A new key, until the next page has shown it.
    fresh: Option<Fresh>,
    began: Timestamp,
    used: Timestamp,
}

/// A key that is shown once.
#[derive(Clone)]
pub struct Fresh {
    /// What it is.
    pub title: &'static str,
    /// The key.
    pub key: String,
    /// Until when the key before it works.
    pub overlap: Option<Timestamp>,
    /// The trust file of a new tenant.
    pub trust: Option<String>,
}

impl std::fmt::Debug for Fresh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fresh").field("title", &self.title).finish_non_exhaustive()
    }
}

/// What a page says once about what was done.
#[derive(Debug, Clone)]
pub struct Said {
    /// `good`, `bad` or `warn`.
    pub kind: &'static str,
    /// In words.
    pub text: String,
}

/// All sessions. Ids are kept as digests, so that a look into memory or a core file gives none away.
#[derive(Debug, Default)]
pub struct Sessions {
    by_id: Mutex<HashMap<[u8; 32], Session>>,
}

/// A session's id as the cookie carries it.
pub type SessionId = String;

impl Sessions {
    /// Begins a session and gives its id.
    pub fn begin(
        &self,
        credential: &str,
        request_key: [u8; 32],
        tenant: TenantId,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> SessionId {
        let id = token(entropy);
        let session = Session {
            credential: credential.to_owned(),
            request_key,
            tenant,
            csrf: token(entropy),
            said: None,
            fresh: None,
            began: now,
            used: now,
        };
        let mut all = self.all();
        all.retain(|_, other| !over(other, now));
        if all.values().filter(|other| other.credential == credential).count() >= SESSIONS_OF_ONE_MAX {
            drop_oldest(&mut all, |other| other.credential == credential);
        }
        if all.len() >= SESSIONS_MAX {
            drop_oldest(&mut all, |_| true);
        }
        all.insert(digest(&id), session);
        id
    }

    /// The session with this id, if it has not ended; it counts as used.
    pub fn get(&self, id: &str, now: Timestamp) -> Option<Session> {
        let mut all = self.all();
        let key = digest(id);
        let session = all.get_mut(&key)?;
        if over(session, now) {
            all.remove(&key);
            return None;
        }
        session.used = now;
        let said = session.said.take();
        Some(Session { said, fresh: None, ..session.clone() })
    }

    /// Keeps a new key for the next page.
    pub fn keep_fresh(&self, id: &str, fresh: Fresh) {
        self.change(id, |session| session.fresh = Some(fresh));
    }

    /// The new key, the first time that it is asked for.
    pub fn take_fresh(&self, id: &str) -> Option<Fresh> {
        self.all().get_mut(&digest(id)).and_then(|session| session.fresh.take())
    }

    /// Changes a session.
    pub fn change(&self, id: &str, change: impl FnOnce(&mut Session)) {
        if let Some(session) = self.all().get_mut(&digest(id)) {
            change(session);
        }
    }

    /// Ends a session.
    pub fn end(&self, id: &str) {
        self.all().remove(&digest(id));
    }

    fn all(&self) -> MutexGuard<'_, HashMap<[u8; 32], Session>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn over(session: &Session, now: Timestamp) -> bool {
    now.since(session.began) > LIFETIME || now.since(session.used) > IDLE
}

fn drop_oldest(all: &mut HashMap<[u8; 32], Session>, among: impl Fn(&Session) -> bool) {
    let oldest =
        all.iter().filter(|(_, session)| among(session)).min_by_key(|(_, session)| session.used.micros());
    if let Some(id) = oldest.map(|(id, _)| *id) {
        all.remove(&id);
    }
}

fn digest(id: &str) -> [u8; 32] {
    Sha256::digest(id).into()
}

/// 256 random bits as text.
fn token(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    ledger::b64::encode_url(bytes)
}

#[cfg(test)]
mod tests;
