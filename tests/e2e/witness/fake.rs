//! A strict witness as the C2SP specification says, which can also misbehave.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use ledger::checkpoint::Checkpoint;
use ledger::clock::{Clock, SystemClock};
use ledger::cosignature::{AddCheckpoint, Cosigner, SIZE_CONTENT_TYPE, conflict_body};
use ledger::merkle::Hash;
use ledger::note::VerifierKey;
use ledger::proof::verify_consistency;

/// How a witness behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// As specified.
    Sound,
    /// Takes requests and never answers.
    Silent,
    /// Answers 500.
    Broken,
    /// Answers 200 with something that is no signature line.
    Garbage,
    /// Signs with another key.
    Impostor,
    /// Signs another text with its own key.
    Forger,
    /// Names another size every time.
    Undecided,
    /// Believes no proof.
    Refusing,
    /// Knows no log.
    Forgetful,
}

struct State {
    mood: Mood,
    known: Option<VerifierKey>,
    size: u64,
    root: Hash,
    asked: u64,
}

/// A witness on a free port; it ends with the process.
pub struct Fake {
    /// Its name in trust files.
    pub name: String,
    /// Its key.
    pub vkey: VerifierKey,
    /// Where it is.
    pub url: String,
    state: Arc<Mutex<State>>,
}

impl Fake {
    /// The witness `w<number>`.
    pub fn start(number: u8) -> Self {
        let name = format!("w{number}");
        let cosigner = Cosigner::from_seed(&format!("witness.example/{name}"), &[number; 32]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/prefix", listener.local_addr().unwrap());
        let vkey = cosigner.verifier().clone();
        let state = State { mood: Mood::Sound, known: None, size: 0, root: [0; 32], asked: 0 };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            // Connections that it leaves without an answer stay open.
            let mut silent = Vec::new();
            for stream in listener.incoming() {
                silent.extend(serve(stream.unwrap(), &shared, &cosigner));
            }
        });
        Self { name, vkey, url, state }
    }

    /// Lets it know a log.
    pub fn register(&self, log: VerifierKey) {
        self.state.lock().unwrap().known = Some(log);
    }

    /// The log that it knows.
    pub fn known(&self) -> Option<VerifierKey> {
        self.state.lock().unwrap().known.clone()
    }

    /// Changes how it behaves.
    pub fn set(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
    }

    /// The size that it has cosigned.
    pub fn size(&self) -> u64 {
        self.state.lock().unwrap().size
    }
}

/// Answers one request; gives the connection back if it does not.
fn serve(mut stream: TcpStream, state: &Mutex<State>, cosigner: &Cosigner) -> Option<TcpStream> {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut line, mut first, mut length) = (String::new(), String::new(), 0);
    while reader.read_line(&mut line).unwrap() > 2 {
        if first.is_empty() {
            first.clone_from(&line);
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut state = state.lock().unwrap();
    if state.mood == Mood::Silent {
        return Some(stream);
    }
    let (status, kind, body) = if first.starts_with("POST /prefix/add-checkpoint ") {
        state.answer(&body, cosigner)
    } else {
        (404, "text/plain", "no such path\n".to_owned())
    };
    let head = format!("HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n", body.len());
    // The client may be gone.
    let _ = stream.write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes());
    None
}

impl State {
    fn answer(&mut self, body: &[u8], cosigner: &Cosigner) -> (u16, &'static str, String) {
        let text = |status, body: &str| (status, "text/plain", format!("{body}\n"));
        self.asked += 1;
        match self.mood {
            Mood::Broken => return text(500, "broken"),
            Mood::Garbage => return text(200, "ok"),
            Mood::Undecided => return (409, SIZE_CONTENT_TYPE, conflict_body(self.asked % 2)),
            Mood::Refusing => return text(422, "no"),
            Mood::Forgetful => return text(404, "unknown log"),
            _ => {}
        }
        let Ok(request) = AddCheckpoint::parse(body) else { return text(400, "malformed") };
        let Some(known) = &self.known else { return text(404, "unknown log") };
        let Ok((head, note)) = Checkpoint::parse_note(request.checkpoint.as_bytes()) else {
            return text(400, "malformed checkpoint");
        };
        if head.origin != known.name() {
            return text(404, "unknown log");
        }
        if note.verify(std::slice::from_ref(known)).is_err() {
            return text(403, "not signed by the log");
        }
        if request.old_size > head.size {
            return text(400, "old size above the checkpoint's");
        }
        if request.old_size != self.size {
            return (409, SIZE_CONTENT_TYPE, conflict_body(self.size));
        }
        if self.size == head.size && self.size > 0 && self.root != head.root {
            return (409, SIZE_CONTENT_TYPE, conflict_body(self.size));
        }
        let proven = match self.size {
            0 => request.proof.is_empty(),
            old if old == head.size => request.proof.is_empty(),
            old => verify_consistency(old, &self.root, head.size, &head.root, &request.proof).is_ok(),
        };
        if !proven {
            return text(422, "the proof does not hold");
        }
        (self.size, self.root) = (head.size, head.root);
        let unix = u64::try_from(SystemClock.now().micros() / 1_000_000).unwrap();
        let line = match self.mood {
            Mood::Impostor => {
                Cosigner::from_seed("witness.example/other", &[77; 32]).unwrap().cosign(note.text(), unix)
            }
            Mood::Forger => cosigner.cosign("another text\n", unix),
            _ => cosigner.cosign(note.text(), unix),
        };
        (200, "text/plain", line.to_string())
    }
}
