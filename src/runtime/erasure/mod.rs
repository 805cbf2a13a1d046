//! Erasing a data subject (formats.md §6): its key, ciphertexts and command records are destroyed, the log says so.
//!
//! Order, so that a crash at any point is taken up by the next start: the list says what is asked, the event is appended
//! (or refused, under a hold), the list says so, the bytes are destroyed. The list lies outside of backups: a store that
//! was restored from one is erased again before it serves.

mod list;

use std::collections::BTreeSet;
use std::time::Duration;

use ledger::disclosure::DataKeys;
use ledger::event::Header;
use ledger::ids::{CommandId, StreamId, SubjectId, TenantId, uuid_v7};
use ledger_aggregates::subject::{Subject, SubjectCommand};
use ledger_aggregates::values::HashText;
use ledger_store::{SecretKey, SecretKind};
use sha2::{Digest, Sha256};

pub use list::{ErasureList, Step};

use crate::app::App;
use crate::auth::principal::Caller;
use crate::commands::{Done, Order};
use crate::error::ApiError;
use crate::history::{disclose, proof};

/// A reader may hold the write-ahead log, which still has the old bytes: tried again so often.
const DESTROY_ATTEMPTS_MAX: u32 = 20;
/// How long between two attempts: readers hold it for one page of a query.
const DESTROY_REST: Duration = Duration::from_millis(250);

/// What there is of a subject.
struct Found {
    digests: Vec<HashText>,
    commands: Vec<CommandId>,
    key: bool,
}

/// What became of an erasure.
pub struct Erased {
    /// What was committed.
    pub done: Done,
    /// How many members cannot be read any more.
    pub members: usize,
}

impl App {
    /// Erases a data subject.
    ///
    /// # Errors
    /// `not-found`: nothing is known of the subject; `conflict`: a hold runs; else the store, and then the next start
    /// goes on with it.
    pub async fn erase(
        &self,
        caller: &Caller,
        id: CommandId,
        subject: &SubjectId,
    ) -> Result<Erased, ApiError> {
        let tenant = &caller.tenant;
        let found = self.found(tenant, subject).await?;
        let stream = subject_stream(subject)?;
        let known = self.store.stream_head(tenant, &stream).await?.is_some();
        if !known && !found.key && found.digests.is_empty() {
            return Err(ApiError::not_found(format!("data subject {subject}")));
        }
        self.erasures.note(tenant, subject, Step::Asked).map_err(ApiError::internal)?;
        let command = SubjectCommand::Erase { digests: found.digests.clone() };
        let order = Order::new(caller, stream, id, format!("erase {subject}").as_bytes());
        let done = match self.command::<Subject>(&order, &command).await {
            Ok(done) => done,
            Err(refused) => {
                // Unless the outcome is unknown: then the next start asks again.
                if refused.retry_after_s.is_none() {
                    self.erasures.note(tenant, subject, Step::Refused).map_err(ApiError::internal)?;
                }
                return Err(refused);
            }
        };
        self.erasures.note(tenant, subject, Step::Recorded).map_err(ApiError::internal)?;
        self.destroy(tenant, subject, &found).await?;
        Ok(Erased { done, members: found.digests.len() })
    }

    /// Applies the list: what was asked is finished, and what was erased before is erased again in a restored store.
    ///
    /// # Errors
    /// The store; nothing may be served before it is mended.
    pub async fn apply_erasures(&self) -> Result<(), ApiError> {
        for (tenant, subject, step) in self.erasures.open().map_err(ApiError::internal)? {
            if self.log(&tenant).is_err() {
                continue;
            }
            let found = self.found(&tenant, &subject).await?;
            if !found.key && found.digests.is_empty() {
                continue;
            }
            let stream = subject_stream(&subject)?;
            let own = |what: &str| {
                let id = CommandId::new(format!("{what}-{}", uuid_v7(&*self.clock, &*self.entropy)));
                Ok::<_, ApiError>(Order::system(
                    "erasure",
                    &tenant,
                    stream.clone(),
                    id.map_err(ApiError::internal)?,
                ))
            };
            if step == Step::Recorded {
                // It was erased once, whatever this older store says of a hold that ended before.
                self.command::<Subject>(&own("release")?, &SubjectCommand::Release).await?;
            }
            let erase = SubjectCommand::Erase { digests: found.digests.clone() };
            match self.command::<Subject>(&own("erase")?, &erase).await {
                Ok(_) => {}
                Err(refused) if refused.retry_after_s.is_none() => {
                    tracing::warn!(%tenant, %subject, reason = %refused.detail, "an erasure that was asked for is refused");
                    self.erasures.note(&tenant, &subject, Step::Refused).map_err(ApiError::internal)?;
                    continue;
                }
                Err(error) => return Err(error),
            }
            self.erasures.note(&tenant, &subject, Step::Recorded).map_err(ApiError::internal)?;
            self.destroy(&tenant, &subject, &found).await?;
            tracing::warn!(%tenant, %subject, members = found.digests.len(), "a data subject of the erasure list was erased");
        }
        Ok(())
    }

    async fn found(&self, tenant: &TenantId, subject: &SubjectId) -> Result<Found, ApiError> {
        let sealed = self.side.disclosures_of(tenant, subject).await?;
        let key = self.keyring.load_subject(tenant, subject).await?;
        let (mut digests, mut commands) = (Vec::new(), BTreeSet::new());
        for kept in &sealed {
            let event = proof::event(&*self.store, tenant, kept.index).await?;
            let header = Header::parse_trusted(&event.header).map_err(ApiError::internal)?;
            commands.extend(header.cmd.iter().cloned());
            // Without the key it cannot be read any more, nor told which of the digests it was.
            let Ok(key) = self.keyring.subject_key(tenant, subject) else { continue };
            let members =
                kept.disclosure.open(&key, tenant, &header.id, &header.sd).map_err(ApiError::internal)?;
            for member in &members {
                let text = disclose::text(member).map_err(ApiError::internal)?;
                let digest = ledger::b64::encode_url(Sha256::digest(text));
                digests.push(HashText::new(digest).map_err(ApiError::internal)?);
            }
        }
        Ok(Found { digests, commands: commands.into_iter().collect(), key })
    }

    /// Destroys the key first: from then on nothing of it can be read, whatever happens to the rest.
    async fn destroy(&self, tenant: &TenantId, subject: &SubjectId, found: &Found) -> Result<(), ApiError> {
        self.keyring.forget_subject(tenant, subject);
        let id = subject.as_str().to_owned();
        let key = SecretKey { tenant: tenant.clone(), kind: SecretKind::SubjectDataKey, id };
        let mut attempt = 1;
        loop {
            let destroyed = async {
                self.side.delete_secret(&key).await?;
                self.side.erase(tenant, subject, &found.commands).await
            };
            match destroyed.await {
                Ok(_) => return Ok(()),
                Err(error) if attempt == DESTROY_ATTEMPTS_MAX || !error.retryable() => {
                    return Err(error.into());
                }
                Err(_) => tokio::time::sleep(DESTROY_REST).await,
            }
            attempt += 1;
        }
    }
}

fn subject_stream(subject: &SubjectId) -> Result<StreamId, ApiError> {
    StreamId::of("subject", subject).map_err(ApiError::internal)
}
