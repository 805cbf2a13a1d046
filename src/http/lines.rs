//! The answer to something that takes long: a line of JSON each time it has come further, and one at its end.

use anyhow::{Result, bail};
use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// Lines that wait for a slow reader: progress is dropped rather than the work held up.
const LINES_MAX: usize = 64;

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line<T> {
    /// How far it is.
    Far(Far),
    /// It is whole.
    Done(T),
    /// It was given up.
    Failed(String),
}

/// How far something is.
#[derive(Debug, Serialize, Deserialize)]
pub struct Far {
    /// What is being done, in a word.
    pub step: String,
    /// Events that are done.
    pub done: u64,
    /// Events in all.
    pub of: u64,
}

/// Tells whoever asked.
pub struct Teller(mpsc::Sender<Bytes>);

impl Teller {
    /// How far it is.
    pub fn far(&self, step: &str, done: u64, of: u64) {
        let far = Far { step: step.to_owned(), done, of };
        // A reader that is slow, or gone, misses it.
        drop(self.0.try_send(bytes(&Line::<()>::Far(far))));
    }
}

/// Does something and answers with lines. It is done whether the asker stays or not.
pub fn answer<T, F>(work: impl FnOnce(Teller) -> F) -> Response
where
    T: Serialize + Send,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let (send, receive) = mpsc::channel::<Bytes>(LINES_MAX);
    let working = work(Teller(send.clone()));
    tokio::spawn(async move {
        let last = match working.await {
            Ok(done) => Line::Done(done),
            Err(error) => Line::Failed(format!("{error:#}")),
        };
        // The asker may be gone.
        let _ = send.send(bytes(&last)).await;
    });
    let lines = futures_util::stream::unfold(receive, |mut receive| async {
        receive.recv().await.map(|bytes| (Ok::<_, std::convert::Infallible>(bytes), receive))
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}

/// Reads such an answer to its end, and tells `far` what it says on the way.
///
/// # Errors
/// What the server says it failed with, or the connection broke.
pub async fn follow<T: DeserializeOwned>(
    response: hyper::Response<hyper::body::Incoming>,
    mut far: impl FnMut(&Far),
) -> Result<T> {
    let status = response.status();
    let mut body = response.into_body();
    let mut buffer = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        buffer.extend_from_slice(&data);
        if !status.is_success() {
            continue;
        }
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = buffer.drain(..=end).collect();
            match serde_json::from_slice(&line)? {
                Line::Far(told) => far(&told),
                Line::Done(done) => return Ok(done),
                Line::Failed(reason) => bail!("{reason}"),
            }
        }
    }
    bail!("the server did not finish: {}", String::from_utf8_lossy(&buffer))
}

fn bytes<T: Serialize>(line: &Line<T>) -> Bytes {
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    bytes.into()
}
