//! Servers for tests: one of one's own on a free port and a fresh directory, or a tenant of one's own on a shared one.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::channel;
use std::time::Duration;

use ledger::clock::Stopwatch;
use serde_json::{Value, json};

/// The binary under test.
pub const LEDGER: &str = env!("CARGO_BIN_EXE_ledger");

/// How long a condition may take to come true on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running `ledger serve`.
pub struct Server {
    /// Absent for a tenant of the shared server.
    child: Option<Child>,
    /// `http://127.0.0.1:port`
    pub url: String,
    /// The admin key of the first start.
    pub admin: String,
    dir: Dir,
}

#[derive(Clone)]
enum Dir {
    Own(std::sync::Arc<tempfile::TempDir>),
    Kept(PathBuf),
}

/// An answer: status, headers that tests look at, body.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body as JSON, `Null` if it is not.
    pub json: Value,
    /// The body as text.
    pub text: String,
    /// All headers.
    pub headers: ureq::http::HeaderMap,
}

impl Answer {
    /// The last part of the problem's type.
    pub fn problem(&self) -> &str {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{}", self.text);
        assert_eq!(self.json["status"], self.status, "{}", self.text);
        assert!(self.json["request_id"].is_string() && self.json["detail"].is_string(), "{}", self.text);
        self.json["type"].as_str().unwrap().rsplit('/').next().unwrap()
    }

    /// The body, if the request succeeded.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, self.text);
        self.json
    }
}

/// The first lines of a server that started.
struct Started {
    child: Child,
    url: String,
}

/// Starts `ledger serve`, or another verb, behind the programs in `wrapper`, and waits until it listens; otherwise what it
/// said.
fn spawn(wrapper: &[&str], verb: &[&str], data: &Path, settings: &[(&str, &str)]) -> Result<Started, String> {
    let words = wrapper.iter().chain(&[LEDGER]).chain(verb).chain(&["--listen", "127.0.0.1:0"]);
    let words: Vec<&str> = words.copied().collect();
    let errors = tempfile::NamedTempFile::new().unwrap();
    let mut child = Command::new(words[0])
        .args(&words[1..])
        .arg("--data")
        .arg(data)
        .env("LEDGER_LOG_LEVEL", "warn")
        .envs(settings.iter().copied())
        .stdout(Stdio::piped())
        .stderr(errors.reopen().unwrap())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = lines.by_ref().map_while(Result::ok).find_map(|line| {
        let (_, url) = line.split_once("listening")?;
        Some(url.trim().to_owned())
    });
    let Some(url) = url else {
        let status = child.wait().unwrap();
        return Err(format!("{status}: {}", std::fs::read_to_string(errors.path()).unwrap()));
    };
    // What it prints later must not fill the pipe.
    std::thread::spawn(move || lines.for_each(drop));
    Ok(Started { child, url })
}

/// The server that tests share; it ends with the thread that started it, and so with the process.
fn shared() -> &'static (String, String, Dir) {
    static SHARED: OnceLock<(String, String, Dir)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let (send, receive) = channel();
        std::thread::spawn(move || {
            let dir = std::sync::Arc::new(tempfile::tempdir().unwrap());
            let mut server = Server::launch(&["setpriv", "--pdeathsig", "KILL"], Dir::Own(dir), &[]).unwrap();
            send.send((server.url.clone(), server.admin.clone(), server.dir.clone())).unwrap();
            server.child.as_mut().map(Child::wait)
        });
        receive.recv().unwrap()
    })
}

impl Server {
    /// A fresh ledger.
    pub fn start() -> Self {
        Self::launch(&[], Dir::fresh(), &[]).unwrap()
    }

    /// A fresh tenant of the shared ledger; its admin is no operator.
    pub fn tenant() -> Self {
        let (url, operator, dir) = shared();
        let mut server = Self { child: None, url: url.clone(), admin: operator.clone(), dir: dir.clone() };
        let made = server.post("/v1/tenants", &json!({"name": "a tenant of the tests"})).ok();
        server.admin = made["admin"]["key"].as_str().unwrap().to_owned();
        server
    }

    /// A fresh tenant of the shared ledger that has the starter catalogue.
    pub fn with_starter() -> Self {
        let server = Self::tenant();
        server.import_starter();
        server
    }

    /// A server that somebody else has started and ends.
    pub fn at(url: &str, admin: &str) -> Self {
        Self { child: None, url: url.to_owned(), admin: admin.to_owned(), dir: Dir::Kept(PathBuf::new()) }
    }

    /// A ledger in a directory that outlives it.
    pub fn start_in(dir: &Path) -> Self {
        Self::launch(&[], Dir::Kept(dir.to_owned()), &[]).unwrap()
    }

    /// A fresh ledger with other settings (`LEDGER_*`).
    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        Self::launch(&[], Dir::fresh(), settings).unwrap()
    }

    /// A ledger in a directory that outlives it, with other settings (`LEDGER_*`).
    pub fn start_in_with(dir: &Path, settings: &[(&str, &str)]) -> Self {
        Self::launch(&[], Dir::Kept(dir.to_owned()), settings).unwrap()
    }

    /// A ledger in a directory, started through another program; what it said if it does not start.
    pub fn try_start(wrapper: &[&str], dir: &Path) -> Result<Self, String> {
        Self::launch(wrapper, Dir::Kept(dir.to_owned()), &[])
    }

    fn launch(wrapper: &[&str], dir: Dir, settings: &[(&str, &str)]) -> Result<Self, String> {
        let data = dir.path().join("data");
        let Started { child, url } = spawn(wrapper, &["serve"], &data, settings)?;
        let admin = std::fs::read_to_string(data.join("admin.key")).unwrap().trim().to_owned();
        Ok(Self { child: Some(child), url, admin, dir })
    }

    /// A process of a ledger that several share: `verb` is `serve` or `worker` with what belongs to it. The key is that
    /// of the ledger's first start.
    pub fn node(verb: &[&str], dir: &Path, settings: &[(&str, &str)], admin: Option<&str>) -> Self {
        let data = dir.join("data");
        let Started { child, url } = spawn(&[], verb, &data, settings).unwrap();
        let own = || std::fs::read_to_string(data.join("admin.key")).unwrap().trim().to_owned();
        let admin = admin.map_or_else(own, str::to_owned);
        let node = Self { child: Some(child), url, admin, dir: Dir::Kept(dir.to_owned()) };
        // As whoever puts requests before several of them does.
        wait_for("the process to be ready", || (node.get("/readyz").status == 200).then_some(()));
        node
    }

    /// What a process of a shared ledger says that does not start.
    #[track_caller]
    pub fn refused(verb: &[&str], dir: &Path, settings: &[(&str, &str)]) -> String {
        match spawn(&[], verb, &dir.join("data"), settings) {
            Err(said) => said,
            Ok(Started { mut child, url }) => {
                child.kill().unwrap();
                panic!("it started, at {url}")
            }
        }
    }

    /// The admin's key.
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// Imports the starter catalogue.
    pub fn import_starter(&self) {
        self.post("/v1/frameworks/starter", &json!({})).ok();
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The server's process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// kill -9, and waits until the process is gone.
    pub fn kill(mut self) {
        let child = self.child.as_mut().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM, and waits; the exit code.
    pub fn stop(mut self) -> Option<i32> {
        self.terminate();
        self.child.as_mut().unwrap().wait().unwrap().code()
    }

    /// SIGTERM, without waiting.
    pub fn terminate(&self) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// GET with the admin key.
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, Some(&self.admin), None)
    }

    /// POST JSON with the admin key.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path, Some(&self.admin), Some(body.to_string().as_bytes()))
    }

    /// Any request.
    pub fn request(&self, method: &str, path: &str, key: Option<&str>, body: Option<&[u8]>) -> Answer {
        let mut headers = vec![];
        if let Some(key) = key {
            headers.push(("authorization".to_owned(), format!("Bearer {key}")));
        }
        if body.is_some() {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        self.raw(method, path, &headers, body)
    }

    /// Any request with any headers.
    pub fn raw(&self, method: &str, path: &str, headers: &[(String, String)], body: Option<&[u8]>) -> Answer {
        self.send(&agent(), method, path, headers, body).unwrap()
    }

    /// As [`raw`](Self::raw), over the connections of an agent; the error if there is no answer.
    pub fn send(
        &self,
        agent: &ureq::Agent,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: Option<&[u8]>,
    ) -> Result<Answer, ureq::Error> {
        let mut builder = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            builder = builder.header(name, value);
        }
        let mut response = match body {
            Some(body) => agent.run(builder.body(body.to_vec()).unwrap()),
            None => agent.run(builder.body(()).unwrap()),
        }?;
        let bytes = response.body_mut().with_config().limit(64 << 20).read_to_vec()?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Answer {
            status: response.status().as_u16(),
            json: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            text,
            headers: response.headers().clone(),
        })
    }

    /// Where the log ends, once read models and reactors have seen all of it. The same before and after several lists
    /// were read: they are of one state, and nothing more follows from it.
    pub fn caught_up(&self) -> Option<u64> {
        let ready = self.get("/readyz").json;
        let behind = |lag: &str| ready[lag].as_u64() != Some(0);
        if behind("projection_lag") || behind("reaction_lag") { None } else { ready["position"].as_u64() }
    }

    /// A new key of a role for the admin's tenant.
    pub fn key(&self, role: &str) -> String {
        let made = self.post("/v1/credentials", &json!({"role": role, "label": "test"})).ok();
        made["key"].as_str().unwrap().to_owned()
    }
}

impl Dir {
    fn fresh() -> Self {
        Self::Own(std::sync::Arc::new(tempfile::tempdir().unwrap()))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Own(dir) => dir.path(),
            Self::Kept(path) => path,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Already gone is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A client that takes every status as an answer.
pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

/// The headers of a JSON request with a key.
pub fn json_headers(key: &str) -> Vec<(String, String)> {
    vec![
        ("authorization".to_owned(), format!("Bearer {key}")),
        ("content-type".to_owned(), "application/json".to_owned()),
    ]
}

/// Asks again and again until there is an answer.
#[track_caller]
pub fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let since = Stopwatch::start();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(since.elapsed() < PATIENCE, "waited too long for {what}");
        std::thread::yield_now();
    }
}

/// Runs a verb of the binary to its end.
pub fn ledger(args: &[&str]) -> Output {
    ledger_with(args, &[])
}

/// Runs the binary with other settings (`LEDGER_*`).
pub fn ledger_with(args: &[&str], settings: &[(&str, &str)]) -> Output {
    Command::new(LEDGER).args(args).envs(settings.iter().copied()).output().unwrap()
}

/// A UUIDv7 of the present.
pub fn uuid() -> String {
    ledger::ids::uuid_v7(&ledger::clock::SystemClock, &ledger::clock::OsEntropy).to_string()
}

/// A piece of evidence as a probe sends it.
pub fn evidence(control: &str, result: &str) -> Value {
    let now = ledger::clock::Clock::now(&ledger::clock::SystemClock).to_string();
    json!({
        "id": uuid(), "check": "test/check", "controls": [{"framework": "starter", "control": control}],
        "result": result, "checked": 3, "skipped": 0,
        "observed_from": now, "observed_to": now, "sent_at": now,
        "title": "a check of the tests",
        "findings": [{"what": "nothing"}],
    })
}

/// The present as RFC 3339, so many seconds from now.
pub fn time(offset_seconds: i64) -> String {
    let now = ledger::clock::Clock::now(&ledger::clock::SystemClock);
    ledger::time::Timestamp::from_micros(now.micros() + offset_seconds * 1_000_000).to_string()
}
