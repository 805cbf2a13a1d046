//! A ledger in memory that checks every byte of the wire format, and misbehaves when told to.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger::apikey::{ApiKey, Environment};
use ledger::clock::{Clock, SeededEntropy};
use ledger::disclosure::NoDataKeys;
use ledger::domain::{Cause, EventBody};
use ledger::epochs::{GENESIS, Genesis, ROTATED, Rotated, key_stream};
use ledger::event::{EventHash, SealContext, entry_bytes, seal};
use ledger::http_signature::{self, SignatureError, SignatureInput};
use ledger::ids::{Actor, CommandId, StreamId, TenantId};
use ledger::keys::{Signer, SoftSigner};
use ledger::time::Timestamp;
use ledger_probe::evidence::Evidence;
use ledger_probe::transport::{Request, Response, Transport, TransportError};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// What the ledger does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It cannot be reached.
    Down,
    /// It does what was asked, and the answer is lost.
    AnswerLost,
    /// It answers with a problem and Retry-After.
    Busy(u16, u64),
    /// Something in between answers with a page.
    Page(u16),
    /// The receipt is signed with a key of someone else.
    ForeignKey,
    /// One bit of the receipt's signature is flipped.
    FlippedBit,
    /// The receipt is for other evidence.
    OtherEvidence,
    /// It refuses the time of every signature.
    AlwaysSkewed,
}

/// A request that was seen.
#[derive(Debug, Clone)]
pub struct Seen {
    /// By the test's clock.
    pub at: Timestamp,
    pub path: String,
    pub body: Value,
}

#[derive(Default)]
struct State {
    evidence: HashMap<Uuid, (Vec<u8>, Value)>,
    deliveries: HashMap<Uuid, usize>,
    nonces: HashSet<String>,
    seen: Vec<Seen>,
    faults: VecDeque<Fault>,
    down_until: Option<Timestamp>,
    offset_seconds: i64,
    unknown_controls: HashSet<String>,
    poison: Option<(String, u16)>,
    batch_bytes_max: usize,
    probe_known: bool,
    signer_seed: u8,
    key_entries: Vec<(Vec<u8>, EventHash)>,
}

/// The ledger.
pub struct TestLedger {
    clock: Arc<dyn Clock>,
    key: ApiKey,
    tenant: TenantId,
    state: Mutex<State>,
}

/// The three signature headers and the type of the body.
pub struct Headers<'a> {
    pub content_type: &'a str,
    pub content_digest: &'a str,
    pub signature_input: &'a str,
    pub signature: &'a str,
}

fn signer(seed: u8) -> SoftSigner {
    SoftSigner::from_seed(&[seed; 32])
}

fn problem(status: u16, kind: &str, detail: &str) -> Response {
    let body = json!({
        "type": format!("https://ledger.example/errors/{kind}"), "title": kind, "status": status, "detail": detail,
        "request_id": "r",
    });
    Response {
        status,
        content_type: "application/problem+json".into(),
        body: body.to_string().into_bytes(),
        ..Response::default()
    }
}

fn ok(body: &Value) -> Response {
    Response {
        status: 200,
        content_type: "application/json".into(),
        body: body.to_string().into_bytes(),
        ..Response::default()
    }
}

impl TestLedger {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_seed(clock, 1)
    }

    /// A ledger with another signing key, so with another log.
    pub fn with_seed(clock: Arc<dyn Clock>, seed: u8) -> Self {
        let state =
            State { signer_seed: seed, batch_bytes_max: usize::MAX, probe_known: true, ..State::default() };
        let ledger = Self {
            clock,
            key: ApiKey::generate(Environment::Test, &SeededEntropy::new(11)),
            tenant: TenantId::new("0190a000-0000-7000-8000-000000000001").unwrap(),
            state: state.into(),
        };
        let origin = format!("test/{}", ledger.tenant);
        let key = signer(seed).public_key();
        let genesis = Genesis {
            origin,
            key: STANDARD.encode(key.as_bytes()),
            kid: key.kid(),
            checkpoint_vkey: vkey(),
            predecessor: None,
        };
        ledger.append_key_event(GENESIS, &serde_json::to_value(genesis).unwrap(), seed);
        ledger
    }

    fn append_key_event(&self, kind: &'static str, data: &Value, seed: u8) {
        let mut state = self.state.lock().unwrap();
        let stream = key_stream(&self.tenant).unwrap();
        let (seq, prev) = (state.key_entries.len() as u64, state.key_entries.last().map(|(_, hash)| *hash));
        let data = data.as_object().unwrap().clone();
        let sealed = self.seal(kind, data, &stream, seq, prev, None, seed);
        state.key_entries.push(sealed);
    }

    #[expect(clippy::too_many_arguments, reason = "each is one member of the header")]
    fn seal(
        &self,
        kind: &'static str,
        data: Map<String, Value>,
        stream: &StreamId,
        seq: u64,
        prev: Option<EventHash>,
        command: Option<&CommandId>,
        seed: u8,
    ) -> (Vec<u8>, EventHash) {
        let actor = Actor::system("test");
        let ctx = SealContext {
            tenant: &self.tenant,
            stream,
            seq,
            prev,
            time: self.clock.now(),
            actor: &actor,
            command,
            cause: Cause::default(),
        };
        let body = EventBody { public: data, withheld: Vec::new() };
        let signer = signer(seed);
        let event = seal(kind, &body, &ctx, &signer, &NoDataKeys, &SeededEntropy::new(seq + 5)).unwrap();
        (entry_bytes(&event.header, &event.signature, event.kid), event.hash)
    }

    pub fn api_key(&self) -> String {
        self.key.expose().to_string()
    }

    /// The pin of its log.
    pub fn genesis(&self) -> String {
        self.state.lock().unwrap().key_entries[0].1.to_string()
    }

    /// Puts a new signing key in the place of the old one.
    pub fn rotate(&self, seed: u8) {
        let old = self.state.lock().unwrap().signer_seed;
        let origin = format!("test/{}", self.tenant);
        let rotated = Rotated::prove(&origin, signer(old).kid(), &signer(seed));
        self.append_key_event(ROTATED, &serde_json::to_value(rotated).unwrap(), old);
        self.state.lock().unwrap().signer_seed = seed;
    }

    pub fn fault(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.lock().unwrap().faults.extend(faults);
    }

    pub fn forget_faults(&self) {
        self.state.lock().unwrap().faults.clear();
    }

    pub fn down_until(&self, time: Timestamp) {
        self.state.lock().unwrap().down_until = Some(time);
    }

    /// How far its clock is ahead.
    pub fn clock_ahead(&self, seconds: i64) {
        self.state.lock().unwrap().offset_seconds = seconds;
    }

    pub fn control_unknown(&self, control: &str, unknown: bool) {
        let mut state = self.state.lock().unwrap();
        if unknown {
            state.unknown_controls.insert(control.to_owned());
        } else {
            state.unknown_controls.remove(control);
        }
    }

    /// A batch that holds this text is refused as a whole.
    pub fn poison(&self, text: &str, status: u16) {
        self.state.lock().unwrap().poison = Some((text.to_owned(), status));
    }

    pub fn probe_known(&self, known: bool) {
        self.state.lock().unwrap().probe_known = known;
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    /// The ids that it holds, each once by construction; with how often each was handed in.
    pub fn held(&self) -> HashMap<Uuid, usize> {
        let state = self.state.lock().unwrap();
        assert!(state.evidence.keys().all(|id| state.deliveries.contains_key(id)));
        state.deliveries.clone()
    }

    /// Holds exactly these, no more and no less.
    #[track_caller]
    pub fn assert_holds(&self, ids: &[Uuid]) {
        let held: HashSet<Uuid> = self.held().into_keys().collect();
        let expected: HashSet<Uuid> = ids.iter().copied().collect();
        assert_eq!(ids.len(), expected.len(), "ids repeat");
        let missing = expected.difference(&held).count();
        let extra = held.difference(&expected).count();
        assert_eq!((missing, extra), (0, 0), "missing and unexpected evidence");
    }

    /// Answers a request, or not.
    pub fn handle(&self, method: &str, path: &str, headers: &Headers<'_>, body: &[u8]) -> Option<Response> {
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap();
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        state.seen.push(Seen { at: now, path: path.to_owned(), body: json });
        if state.down_until.is_some_and(|until| now < until) {
            return None;
        }
        let fault = if path == "/v1/keys" { None } else { state.faults.pop_front() };
        match fault {
            Some(Fault::Down) => return None,
            Some(Fault::Busy(status, after)) => {
                return Some(Response { retry_after: Some(after), ..problem(status, "overloaded", "later") });
            }
            Some(Fault::Page(status)) => {
                let page = b"<html>no</html>".to_vec();
                return Some(Response {
                    status,
                    content_type: "text/html".into(),
                    body: page,
                    ..Response::default()
                });
            }
            _ => {}
        }
        let server_time = Timestamp::from_micros(now.micros() + state.offset_seconds * 1_000_000);
        let verdict = if fault == Some(Fault::AlwaysSkewed) {
            Err(SignatureError::Skewed { created: 0, now: 0 })
        } else {
            self.authenticate(method, path, headers, body, server_time, &mut state)
        };
        match verdict {
            Ok(()) => {}
            Err(SignatureError::Skewed { .. }) => {
                let refusal = problem(401, "clock-skew", "the signature's time is too far from the server's");
                return Some(Response { ledger_time: Some(server_time.to_string()), ..refusal });
            }
            Err(error) => return Some(problem(401, "unauthenticated", &error.to_string())),
        }
        let response = match (method, path) {
            ("GET", "/v1/keys") => {
                let entries: Vec<String> =
                    state.key_entries.iter().map(|(entry, _)| STANDARD.encode(entry)).collect();
                ok(&json!({"tenant": self.tenant, "entries": entries}))
            }
            ("POST", "/v1/evidence/batch") => self.batch(&mut state, headers, body, fault),
            ("POST", "/v1/probes/models/heartbeat") if state.probe_known => heartbeat(body),
            _ => problem(404, "not-found", "there is no such thing"),
        };
        (fault != Some(Fault::AnswerLost)).then_some(response)
    }

    fn authenticate(
        &self,
        method: &str,
        path: &str,
        headers: &Headers<'_>,
        body: &[u8],
        now: Timestamp,
        state: &mut State,
    ) -> Result<(), SignatureError> {
        let input = SignatureInput::parse(headers.signature_input)?;
        if input.keyid != self.key.id() || !state.nonces.insert(input.nonce.clone()) {
            return Err(SignatureError::Malformed("unknown key or repeated nonce"));
        }
        let request = http_signature::Request { method, path, query: None, body };
        let key = self.key.request_key().public_key();
        input.verify(&request, headers.content_digest, headers.signature, &key, now)
    }

    fn batch(&self, state: &mut State, headers: &Headers<'_>, body: &[u8], fault: Option<Fault>) -> Response {
        if headers.content_type != "application/json" {
            return problem(415, "unsupported-media-type", headers.content_type);
        }
        if body.len() > state.batch_bytes_max {
            return problem(413, "too-large", "the body is too large");
        }
        if let Some((text, status)) = &state.poison
            && String::from_utf8_lossy(body).contains(text)
        {
            return problem(*status, "malformed", "an item spoils the batch");
        }
        let parsed = match ledger::canonical::parse_checked(body) {
            Ok(parsed) => parsed,
            Err(error) => return problem(400, "malformed", &error.to_string()),
        };
        let object = parsed.as_object().filter(|object| object.len() == 1);
        let Some(items) = object.and_then(|object| object.get("items")).and_then(Value::as_array) else {
            return problem(400, "malformed", "{\"items\":[…]} expected");
        };
        if items.is_empty() || items.len() > 500 {
            return problem(400, "malformed", "1 to 500 items");
        }
        let results: Vec<Value> = items.iter().map(|item| self.item(state, item, fault)).collect();
        ok(&json!({"results": results}))
    }

    fn item(&self, state: &mut State, item: &Value, fault: Option<Fault>) -> Value {
        let refuse = |detail: &str| json!({"status": 422, "problem": {"title": "invalid", "detail": detail}});
        let evidence: Evidence = match serde_json::from_value(item.clone()) {
            Ok(evidence) => evidence,
            Err(error) => return refuse(&error.to_string()),
        };
        let whole =
            evidence.observed_from.is_some() && evidence.observed_to.is_some() && evidence.sent_at.is_some();
        let Some(id) = evidence.id.filter(|id| whole && id.get_version_num() == 7) else {
            return refuse("id, observed_from, observed_to and sent_at are required");
        };
        if let Err(error) = evidence.validate() {
            return refuse(&error.to_string());
        }
        if let Some(control) = evidence.controls.iter().find(|c| state.unknown_controls.contains(&c.control))
        {
            return refuse(&format!("control {} is unknown", control.control));
        }
        *state.deliveries.entry(id).or_default() += 1;
        let bytes = item.to_string().into_bytes();
        let (known, mut receipt) = match state.evidence.get(&id) {
            Some((first, _)) if *first != bytes => {
                state.deliveries.entry(id).and_modify(|n| *n -= 1);
                return json!({"status": 422, "problem": {"title": "command-reused", "detail": "other bytes"}});
            }
            Some((_, receipt)) => (true, receipt.clone()),
            None => (false, self.receipt(&evidence, id, state)),
        };
        if !known {
            state.evidence.insert(id, (bytes, receipt.clone()));
        }
        receipt["duplicate"] = known.into();
        self.spoil(&mut receipt, &evidence, id, fault);
        json!({"status": if known { 200 } else { 201 }, "receipt": receipt})
    }

    fn receipt(&self, evidence: &Evidence, id: Uuid, state: &State) -> Value {
        self.signed_receipt(evidence, id, state.signer_seed, state.evidence.len() as u64 + 1)
    }

    fn signed_receipt(&self, evidence: &Evidence, id: Uuid, seed: u8, index: u64) -> Value {
        let stream = StreamId::of("evidence", id).unwrap();
        let command = CommandId::new(id.to_string()).unwrap();
        let data = json!({"check": evidence.check, "result": evidence.result, "checked": evidence.checked});
        let kind = "ledger.evidence.submitted.v1";
        let data = data.as_object().unwrap().clone();
        let (entry, _) = self.seal(kind, data, &stream, 0, None, Some(&command), seed);
        json!({
            "evidence": id, "event": Uuid::nil(), "tenant": self.tenant, "stream": stream, "seq": 0, "index": index,
            "entry": STANDARD.encode(entry), "recorded_result": evidence.result, "duplicate": false,
        })
    }

    fn spoil(&self, receipt: &mut Value, evidence: &Evidence, id: Uuid, fault: Option<Fault>) {
        match fault {
            Some(Fault::ForeignKey) => *receipt = self.signed_receipt(evidence, id, 99, 1),
            Some(Fault::OtherEvidence) => {
                let seed = 1;
                receipt["entry"] =
                    self.signed_receipt(evidence, Uuid::from_u128(5), seed, 1)["entry"].clone();
            }
            Some(Fault::FlippedBit) => {
                let entry = STANDARD.decode(receipt["entry"].as_str().unwrap()).unwrap();
                let mut entry: Value = serde_json::from_slice(&entry).unwrap();
                let signature = entry["signatures"][0]["sig"].as_str().unwrap();
                let mut signature = STANDARD.decode(signature).unwrap();
                signature[40] ^= 1;
                entry["signatures"][0]["sig"] = STANDARD.encode(signature).into();
                receipt["entry"] = STANDARD.encode(entry.to_string()).into();
            }
            _ => {}
        }
    }
}

fn heartbeat(body: &[u8]) -> Response {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let numbers = ["cadence_seconds", "spool_events", "spool_bytes"].iter().all(|name| body[*name].is_u64());
    let texts = ["sent_at", "version"].iter().all(|name| body[*name].is_string());
    if numbers && texts && body.as_object().is_some_and(|object| object.len() == 5) {
        return ok(&json!({}));
    }
    problem(422, "invalid", "not a heartbeat")
}

fn vkey() -> String {
    "ledger.example/log+11639dd4+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4".to_owned()
}

/// The way to the ledger within one process.
pub struct Door(pub Arc<TestLedger>);

impl Transport for Door {
    fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        let headers = Headers {
            content_type: "application/json",
            content_digest: &request.signed.content_digest,
            signature_input: &request.signed.signature_input,
            signature: &request.signed.signature,
        };
        let answer = self.0.handle(request.method, request.path, &headers, request.body);
        answer.ok_or_else(|| TransportError("the connection was closed".to_owned()))
    }
}
