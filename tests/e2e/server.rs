//! A server of one's own on a free port and a fresh directory, stopped by its pid.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// The binary under test.
pub const LEDGER: &str = env!("CARGO_BIN_EXE_ledger");

/// A running `ledger serve`.
pub struct Server {
    child: Child,
    /// `http://127.0.0.1:port`
    pub url: String,
    /// The admin key of the first start.
    pub admin: String,
    dir: Dir,
}

enum Dir {
    Own(tempfile::TempDir),
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

impl Server {
    /// A fresh ledger.
    pub fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::launch(Dir::Own(dir), &[])
    }

    /// A ledger in a directory that outlives it.
    pub fn start_in(dir: &Path) -> Self {
        Self::launch(Dir::Kept(dir.to_owned()), &[])
    }

    /// A fresh ledger with more arguments.
    pub fn start_with(args: &[&str]) -> Self {
        Self::launch(Dir::Own(tempfile::tempdir().unwrap()), args)
    }

    fn launch(dir: Dir, args: &[&str]) -> Self {
        let data = dir.path().join("data");
        let mut child = Command::new(LEDGER)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(&data)
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = loop {
            let line = lines.next().expect("the server says where it listens").unwrap();
            if let Some((_, url)) = line.split_once("listening") {
                break url.trim().to_owned();
            }
        };
        // What it prints later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let admin = std::fs::read_to_string(data.join("admin.key")).unwrap().trim().to_owned();
        Self { child, url, admin, dir }
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The server's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// kill -9, and waits until the process is gone.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and waits; the exit code.
    pub fn stop(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
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
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut builder = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            builder = builder.header(name, value);
        }
        let mut response = match body {
            Some(body) => agent.run(builder.body(body.to_vec()).unwrap()),
            None => agent.run(builder.body(()).unwrap()),
        }
        .unwrap();
        let bytes = response.body_mut().with_config().limit(64 << 20).read_to_vec().unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer {
            status: response.status().as_u16(),
            json: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            text,
            headers: response.headers().clone(),
        }
    }

    /// A new key of a role for the admin's tenant.
    pub fn key(&self, role: &str) -> String {
        let made = self.post("/v1/credentials", &serde_json::json!({"role": role, "label": "test"})).ok();
        made["key"].as_str().unwrap().to_owned()
    }
}

impl Dir {
    fn path(&self) -> &Path {
        match self {
            Self::Own(dir) => dir.path(),
            Self::Kept(path) => path,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a verb of the binary to its end.
pub fn ledger(args: &[&str]) -> Output {
    Command::new(LEDGER).args(args).output().unwrap()
}

/// A UUIDv7 of the present.
pub fn uuid() -> String {
    ledger::ids::uuid_v7(&ledger::clock::SystemClock, &ledger::clock::OsEntropy).to_string()
}

/// A piece of evidence as a probe sends it.
pub fn evidence(control: &str, result: &str) -> Value {
    let now = ledger::clock::Clock::now(&ledger::clock::SystemClock).to_string();
    serde_json::json!({
        "id": uuid(), "check": "test/check", "controls": [{"framework": "starter", "control": control}],
        "result": result, "checked": 3, "skipped": 0,
        "observed_from": now, "observed_to": now, "sent_at": now,
        "title": "a check of the tests",
        "findings": [{"what": "nothing"}],
    })
}
