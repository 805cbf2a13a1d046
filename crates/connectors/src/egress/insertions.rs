//! What is put into a request last, as its credential is: names of people, which stand in no record of it.

use async_trait::async_trait;
use bytes::Bytes;

use super::client::Outgoing;

/// What is put in the place of something in a request's body, at the last moment and in no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inserted {
    /// What stands in the body.
    pub place: String,
    /// What is sent instead.
    pub value: String,
}

/// What may stand in a request and must not stand in a record of it.
#[async_trait]
pub trait Insertions: Send + Sync + 'static {
    /// What is to be put into this text, or why that cannot be known.
    async fn of(&self, text: &str) -> Result<Vec<Inserted>, String>;
}

/// For connections that put nothing in.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoInsertions;

#[async_trait]
impl Insertions for NoInsertions {
    async fn of(&self, _text: &str) -> Result<Vec<Inserted>, String> {
        Ok(Vec::new())
    }
}

/// The request with what is put in last; JSON bodies alone have such places.
pub(super) async fn filled(
    insertions: &dyn Insertions,
    outgoing: &Outgoing,
) -> Result<(Outgoing, Vec<Inserted>), String> {
    let mut filled = outgoing.clone();
    let is_json = outgoing.headers.get("content-type").is_some_and(|kind| kind.contains("json"));
    let Some(text) = std::str::from_utf8(&outgoing.body).ok().filter(|_| is_json) else {
        return Ok((filled, Vec::new()));
    };
    let inserted = insertions.of(text).await?;
    if !inserted.is_empty() {
        let text = inserted.iter().fold(text.to_owned(), |text, inserted| {
            let escaped = serde_json::Value::from(inserted.value.as_str()).to_string();
            text.replace(&inserted.place, &escaped[1..escaped.len() - 1])
        });
        filled.body = Bytes::from(text);
    }
    Ok((filled, inserted))
}
