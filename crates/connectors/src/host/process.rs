//! One process: its streams, its bounds, its end.

use std::io;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::time::timeout;

use super::program::Program;
use super::spawner;
use crate::protocol::{
    Answer, Call, Hello, LINE_MAX, LineError, PROTOCOL_VERSION, Ready, Reply, Request, decode, encode,
};

/// The end of stderr that is kept to explain a death.
const STDERR_KEPT_BYTES: usize = 4 << 10;
/// An adapter has nothing to say on stderr but its last words: past this it is flooding, and no longer read.
const STDERR_MAX_BYTES: u64 = 1 << 20;

/// Between the end of an adapter's stream and its own.
const LAST_MOMENT: Duration = Duration::from_millis(100);

/// How a process failed its host. It is killed after any of these.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started.
    #[error("the adapter cannot be started: {0}")]
    Spawn(io::Error),
    /// It ended, or closed its stream.
    #[error("the adapter ended ({status}){said}")]
    Ended {
        /// How.
        status: String,
        /// Its last words, or nothing.
        said: String,
    },
    /// It did not answer in time.
    #[error("the adapter did not answer in time")]
    Deadline,
    /// What it wrote is not the protocol.
    #[error("the adapter broke the protocol: {0}")]
    Line(#[from] LineError),
    /// It answered another message, or a message with another's answer, or spoke unasked.
    #[error("the adapter answered what it was not asked")]
    Unasked,
    /// It started without a layer that it must have.
    #[error("the adapter runs without the layer {0}")]
    Unconfined(ledger_sandbox::Layer),
}

/// A process that has said `ready` and `hello`, and is configured.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    leader: Option<u32>,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    line: Vec<u8>,
    stderr: Arc<Mutex<Vec<u8>>>,
    next_id: u64,
    /// How many messages it has answered.
    pub(super) answered: u64,
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(leader) = self.leader {
            ledger_sandbox::kill_group(leader);
        }
    }
}

impl Process {
    /// Starts it and reads `ready`. The caller bounds the time.
    pub(super) async fn start(program: &Program) -> Result<(Self, Vec<String>), ProcessError> {
        program.check().map_err(ProcessError::Spawn)?;
        let mut child = spawner::spawn(program.command()).await.map_err(ProcessError::Spawn)?;
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(ProcessError::Spawn(io::Error::other("no pipes")));
        };
        let stderr = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(keep_last_words(errors, stderr.clone()));
        let leader = child.id();
        let output = BufReader::with_capacity(64 << 10, output);
        let line = Vec::new();
        let mut process = Self { child, leader, input, output, line, stderr, next_id: 1, answered: 0 };
        process.read_line().await?;
        let ready: Ready = serde_json::from_slice(&process.line)
            .map_err(|error| LineError::Malformed(format!("ready: {error}")))?;
        if let Some(layer) = program.missing(&ready.ready) {
            return Err(ProcessError::Unconfined(layer));
        }
        Ok((process, ready.ready))
    }

    /// `hello`: the adapter and the host agree on a version.
    pub(super) async fn hello(&mut self) -> Result<Hello, ProcessError> {
        match self.ask(Call::Hello { versions: vec![PROTOCOL_VERSION] }).await? {
            Reply::Hello(hello) if hello.protocol == PROTOCOL_VERSION => Ok(hello),
            Reply::Hello(hello) => Err(LineError::Version(hello.protocol).into()),
            _ => Err(ProcessError::Unasked),
        }
    }

    /// One message and its answer. The caller bounds the time.
    pub(super) async fn ask(&mut self, call: Call) -> Result<Reply, ProcessError> {
        let request = Request { v: PROTOCOL_VERSION, id: self.next_id, call };
        self.next_id += 1;
        // What already waits to be read answers nothing.
        if !self.output.buffer().is_empty() {
            return Err(ProcessError::Unasked);
        }
        let line = encode(&request)?;
        if self.input.write_all(&line).await.is_err() {
            return Err(self.ended().await);
        }
        self.read_line().await?;
        let answer: Answer = decode(&self.line)?;
        let fits = answer.id == request.id && answers(&request.call, &answer.reply);
        if !fits || !self.output.buffer().is_empty() {
            return Err(ProcessError::Unasked);
        }
        self.answered += 1;
        Ok(answer.reply)
    }

    async fn read_line(&mut self) -> Result<(), ProcessError> {
        self.line.clear();
        loop {
            let Ok(buffer) = self.output.fill_buf().await else { return Err(self.ended().await) };
            if buffer.is_empty() {
                return Err(self.ended().await);
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(buffer.len(), |at| at + 1);
            if self.line.len() + taken > LINE_MAX {
                return Err(LineError::TooLong.into());
            }
            self.line.extend_from_slice(&buffer[..taken]);
            self.output.consume(taken);
            if end.is_some() {
                return Ok(());
            }
        }
    }

    /// Its stream is at its end: let it end by itself for a moment, so that its status tells why, and make sure.
    async fn ended(&mut self) -> ProcessError {
        let natural = timeout(LAST_MOMENT, self.child.wait()).await;
        if let Some(leader) = self.leader {
            ledger_sandbox::kill_group(leader);
        }
        let ended = match natural {
            Ok(ended) => ended,
            Err(_) => self.child.wait().await,
        };
        let status = ended.map_or_else(|error| error.to_string(), describe);
        // Reaped: its id may be another's from now on.
        self.leader = None;
        let kept = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        let said = String::from_utf8_lossy(&kept).trim().to_owned();
        let said = if said.is_empty() { said } else { format!(": {said}") };
        ProcessError::Ended { status, said }
    }
}

fn answers(call: &Call, reply: &Reply) -> bool {
    match reply {
        Reply::Refused(_) => true,
        Reply::Hello(_) => matches!(call, Call::Hello { .. }),
        Reply::Configured {} => matches!(call, Call::Configure { .. }),
        Reply::Facts(_) => matches!(call, Call::Inbound { .. }),
        Reply::Step(_) => matches!(
            call,
            Call::Translate { .. }
                | Call::Poll { .. }
                | Call::Health { .. }
                | Call::Subscribe { .. }
                | Call::Unsubscribe { .. }
                | Call::Interpret { .. }
        ),
    }
}

/// SIGSYS has a meaning here that no one should have to look up.
fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    const SIGSYS: i32 = 31;
    match status.signal() {
        Some(SIGSYS) => "killed for a system call that its sandbox forbids".into(),
        _ => status.to_string(),
    }
}

async fn keep_last_words(errors: ChildStderr, kept: Arc<Mutex<Vec<u8>>>) {
    let mut errors = errors.take(STDERR_MAX_BYTES);
    let mut chunk = [0; 1024];
    while let Ok(count @ 1..) = errors.read(&mut chunk).await {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(&chunk[..count]);
        let surplus = kept.len().saturating_sub(STDERR_KEPT_BYTES);
        kept.drain(..surplus);
    }
}
