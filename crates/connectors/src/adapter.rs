//! An adapter, and the loop that lets it speak the protocol.

use std::io::{self, BufRead, Write};

use ledger::time::Timestamp;
use serde_json::Value;

use crate::protocol::{
    Answer, Call, Fact, Failure, FailureKind, Hello, LINE_MAX, LineError, PROTOCOL_VERSION, Purpose, Reply,
    Request, Response, Step, Task, decode, encode,
};

/// Why an adapter does not do what it is asked.
pub type Refusal = Box<Failure>;

/// A pure transformer between intents and a vendor's API. It performs no I/O and keeps nothing but its
/// configuration: the same calls give the same answers.
pub trait Adapter: Send {
    /// Who it is.
    fn hello(&self) -> Hello;

    /// Takes its configuration.
    ///
    /// # Errors
    /// What in it does not fit, with its JSON pointer as the field.
    fn configure(&mut self, config: &Value) -> Result<(), Refusal>;

    /// The first request of a task.
    ///
    /// # Errors
    /// The task cannot be done, whatever the vendor would say.
    fn start(&self, task: &Task, now: Timestamp) -> Result<Step, Refusal>;

    /// What a response means.
    ///
    /// # Errors
    /// The task cannot be done.
    fn interpret(
        &self,
        task: &Task,
        continuation: &Value,
        response: &Response,
        now: Timestamp,
    ) -> Result<Step, Refusal>;

    /// What a verified message of the vendor says.
    ///
    /// # Errors
    /// It is not a message that the adapter knows.
    fn inbound(&self, message: &InboundMessage<'_>) -> Result<Vec<Fact>, Refusal>;
}

/// A message of the vendor, its signature verified by the host.
#[derive(Debug, Clone, Copy)]
pub struct InboundMessage<'a> {
    /// The headers, lower case.
    pub headers: &'a std::collections::BTreeMap<String, String>,
    /// The body as it came.
    pub body: &'a str,
    /// When it came.
    pub received_at: Timestamp,
}

/// Why the loop ended before its input did.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The streams failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The host said something else than the protocol. There is no answer to that.
    #[error(transparent)]
    Line(#[from] LineError),
}

/// Answers every line of `input` on `output` until the input ends.
///
/// # Errors
/// The streams fail, or a line is not a message.
pub fn serve(
    adapter: &mut dyn Adapter,
    mut input: impl BufRead,
    mut output: impl Write,
) -> Result<(), ServeError> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let bound = LINE_MAX as u64 + 1;
        if io::Read::take(&mut input, bound).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let request: Request = decode(&line)?;
        let reply = answer(adapter, request.call).unwrap_or_else(|refusal| Reply::Refused(*refusal));
        let answer = Answer { v: PROTOCOL_VERSION, id: request.id, reply };
        // An answer that is too long is one that cannot be given.
        let line = encode(&answer).or_else(|error| {
            let failure = Failure::new(FailureKind::Unsupported, error.to_string());
            encode(&Answer { reply: Reply::Refused(failure), ..answer })
        })?;
        output.write_all(&line)?;
        output.flush()?;
    }
}

/// The answer to one call.
///
/// # Errors
/// What the adapter refuses.
pub fn answer(adapter: &mut dyn Adapter, call: Call) -> Result<Reply, Refusal> {
    match call {
        Call::Hello { versions } => {
            if !versions.contains(&PROTOCOL_VERSION) {
                let message = format!("this adapter speaks version {PROTOCOL_VERSION} of the protocol only");
                return Err(Failure::new(FailureKind::Unsupported, message).into());
            }
            Ok(Reply::Hello(adapter.hello()))
        }
        Call::Configure { config } => adapter.configure(&config).map(|()| Reply::Configured {}),
        Call::Translate { purpose, intent, now } => {
            let task = match purpose {
                Purpose::Perform => Task::Perform(intent),
                Purpose::Lookup => Task::Lookup(intent),
            };
            adapter.start(&task, now).map(Reply::Step)
        }
        Call::Poll { cursor, now } => adapter.start(&Task::Poll { cursor }, now).map(Reply::Step),
        Call::Health { now } => adapter.start(&Task::Health {}, now).map(Reply::Step),
        Call::Subscribe { url, state, now } => {
            adapter.start(&Task::Subscribe { url, state }, now).map(Reply::Step)
        }
        Call::Unsubscribe { state, now } => adapter.start(&Task::Unsubscribe { state }, now).map(Reply::Step),
        Call::Interpret { task, continuation, response, now } => {
            adapter.interpret(&task, &continuation, &response, now).map(Reply::Step)
        }
        Call::Inbound { headers, body, received_at } => {
            adapter.inbound(&InboundMessage { headers: &headers, body: &body, received_at }).map(Reply::Facts)
        }
    }
}
