//! The MLflow probe: against answers as MLflow gives them, and against a real MLflow.
//!
//! The real one is large, so it is behind a switch: `LEDGER_TEST_MLFLOW=1` installs it from PyPI into a virtual
//! environment below `target/`, `LEDGER_TEST_MLFLOW=/path/to/mlflow` takes one that is there.
#![cfg(feature = "mlflow")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ledger::clock::Stopwatch;
use ledger_probe::CheckResult;
use ledger_probe::report::CheckReport;
use ledger_probe::runner::{CollectError, Collector as _};
use ledger_probes::mlflow::MlflowCollector;
use serde_json::{Value, json};

const TIMEOUT: Duration = Duration::from_secs(60);

/// Answers each request by its path and query; ends with the test.
fn serve(answer: impl Fn(&str) -> (u16, Value) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/base", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let target = lines.next().unwrap_or_default().split(' ').nth(1).unwrap_or_default().to_owned();
            let authorized =
                lines.take_while(|line| !line.is_empty()).any(|l| l == "authorization: Bearer geheim");
            let path = target.strip_prefix("/base/api/2.0/mlflow/").unwrap_or_default();
            let (status, body) = if authorized { answer(path) } else { (401, Value::Null) };
            let body = body.to_string();
            let head =
                format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            drop((&stream).write_all(format!("{head}{body}").as_bytes()));
        }
    });
    url
}

fn tag(key: &str, value: &str) -> Value {
    json!({"key": key, "value": value})
}

fn planted(path: &str) -> (u16, Value) {
    let answer = match path {
        "registered-models/search?max_results=100" => json!({
            "registered_models": [{
                "name": "credit", "description": "Scores loans", "tags": [tag("owner", "risk-team")],
                "aliases": [{"alias": "champion", "version": "2"}, {"alias": "old", "version": "1"}],
            }],
            "next_page_token": "p2",
        }),
        "registered-models/search?max_results=100&page_token=p2" => json!({
            "registered_models": [{"name": "chat", "tags": [tag("owner", " ")]}],
        }),
        "model-versions/search?max_results=100" => json!({"model_versions": [
            {"name": "credit", "version": "1", "current_stage": "None"},
            {"name": "credit", "version": "2", "run_id": "good", "tags": [tag("approved_by", "ben")]},
            {"name": "chat", "version": "1", "current_stage": "Production", "run_id": "bare", "tags": [tag("approved_by", "Ann")]},
            {"name": "chat", "version": "2", "current_stage": "Production", "run_id": "gone"},
            {"name": "chat", "version": "3", "current_stage": "Production", "run_id": "deleted", "user_id": "ben", "tags": [tag("approved_by", "ann")]},
            {"name": "chat", "version": "4", "current_stage": "Production", "tags": [tag("approved_by", "ann")]},
        ]}),
        "runs/get?run_id=good" => run("active", json!([{"key": "auc", "value": 0.9}])),
        "runs/get?run_id=bare" => run("active", json!([])),
        "runs/get?run_id=deleted" => run("deleted", json!([])),
        _ => return (404, json!({"error_code": "RESOURCE_DOES_NOT_EXIST"})),
    };
    (200, answer)
}

fn run(stage: &str, metrics: Value) -> Value {
    json!({"run": {"info": {"user_id": "ann", "lifecycle_stage": stage}, "data": {"metrics": metrics}}})
}

struct Secret(tempfile::TempDir);

impl Secret {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("token"), "geheim\n").unwrap();
        Self(dir)
    }

    fn options(&self, url: &str) -> Value {
        json!({"url": url, "secret_file": self.0.path().join("token")})
    }
}

fn objects(reports: &[CheckReport], check: &str) -> Vec<String> {
    let report = reports.iter().find(|report| report.check == check).unwrap();
    report.findings.iter().map(|f| format!("{}: {}", f["severity"], f["object"])).collect()
}

#[test]
fn planted_faults_are_found_and_nothing_else() {
    let secret = Secret::new();
    let reports = MlflowCollector.collect(&secret.options(&serve(planted)), TIMEOUT).unwrap();
    assert_eq!(objects(&reports, "mlflow/ownership"), ["medium: model chat", "low: model chat"]);
    assert_eq!(
        objects(&reports, "mlflow/approval"),
        ["high: model chat version 1", "high: model chat version 2"]
    );
    assert_eq!(
        objects(&reports, "mlflow/lineage"),
        ["high: model chat version 2", "high: model chat version 3", "high: model chat version 4"]
    );
    assert_eq!(objects(&reports, "mlflow/evaluation"), ["medium: model chat version 1"]);
    let counts: Vec<(u32, u32)> = reports.iter().map(|report| (report.checked, report.skipped)).collect();
    assert_eq!(counts, [(2, 0), (5, 0), (5, 0), (2, 3)]);
    for report in reports {
        assert_eq!(report.result, CheckResult::Fail);
        assert_eq!(report.into_evidence().validate(), Ok(()));
    }
}

#[test]
fn an_empty_registry_proves_nothing() {
    let secret = Secret::new();
    let reports = MlflowCollector.collect(&secret.options(&serve(|_| (200, json!({})))), TIMEOUT).unwrap();
    assert!(reports.iter().all(|report| report.result == CheckResult::Inconclusive && report.checked == 0));
}

#[test]
fn what_is_not_mlflow_or_refuses_is_told() {
    let secret = Secret::new();
    let collect = |options: &Value| MlflowCollector.collect(options, TIMEOUT).unwrap_err().to_string();
    let error = collect(&secret.options(&serve(|_| (404, Value::Null))));
    assert!(error.contains("is it an MLflow server"), "{error}");
    let error = collect(&secret.options(&serve(|_| (200, json!("page")))));
    assert!(error.contains("not MLflow's"), "{error}");
    let error = collect(&json!({"url": serve(planted)}));
    assert!(error.contains("credentials are refused"), "{error}");
    for wrong in
        [json!({}), json!({"url": "http://mlflow.example"}), json!({"url": "https://x", "token": "y"})]
    {
        assert!(matches!(MlflowCollector.plan(&wrong), Err(CollectError::Options(_))), "{wrong}");
    }
}

/// A real MLflow with a database of its own.
struct Mlflow {
    child: Child,
    url: String,
    _dir: tempfile::TempDir,
}

impl Drop for Mlflow {
    fn drop(&mut self) {
        // The server starts workers: all are in the process group that was made for it.
        drop(Command::new("kill").args(["-KILL", "--", &format!("-{}", self.child.id())]).output());
        drop(self.child.wait());
    }
}

#[expect(clippy::disallowed_methods, reason = "the switch for a test that needs a large download")]
fn program() -> Option<PathBuf> {
    let switch = std::env::var("LEDGER_TEST_MLFLOW").unwrap_or_default();
    if switch != "1" {
        return Some(PathBuf::from(switch)).filter(|path| path.exists());
    }
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mlflow");
    let program = dir.join("bin/mlflow");
    if !program.exists() {
        let succeed = |command: &mut Command| assert!(command.status().unwrap().success(), "{command:?}");
        succeed(Command::new("python3").args(["-m", "venv"]).arg(&dir));
        succeed(Command::new(dir.join("bin/pip")).args(["install", "--quiet", "mlflow>=3,<4"]));
    }
    Some(program)
}

impl Mlflow {
    fn start() -> Option<Self> {
        use std::os::unix::process::CommandExt as _;
        let Some(program) = program() else {
            eprintln!("left out: set LEDGER_TEST_MLFLOW=1 to install and run a real MLflow");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let database = format!("sqlite:///{}", dir.path().join("mlflow.db").display());
        let child = Command::new(program)
            .args(["server", "--host", "127.0.0.1", "--workers", "1", "--port", &port.to_string()])
            .args(["--backend-store-uri", &database, "--artifacts-destination"])
            .arg(dir.path().join("artifacts"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let mlflow = Self { child, url: format!("http://127.0.0.1:{port}"), _dir: dir };
        let since = Stopwatch::start();
        while ureq::get(format!("{}/health", mlflow.url)).call().is_err() {
            assert!(since.elapsed() < Duration::from_secs(180), "MLflow does not start");
            std::thread::sleep(Duration::from_millis(200));
        }
        Some(mlflow)
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}/api/2.0/mlflow/{path}", self.url);
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let request = config.new_agent().post(url).header("content-type", "application/json");
        let mut answer = request.send(body.to_string()).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    fn run(&self, user: &str, metric: bool) -> String {
        let run = self.post("runs/create", &json!({"experiment_id": "0", "user_id": user, "start_time": 1}));
        let id = run["run"]["info"]["run_id"].as_str().unwrap().to_owned();
        if metric {
            self.post("runs/log-metric", &json!({"run_id": id, "key": "auc", "value": 0.9, "timestamp": 1}));
        }
        id
    }

    fn model(&self, name: &str, description: &str, tags: Value) {
        self.post(
            "registered-models/create",
            &json!({"name": name, "description": description, "tags": tags}),
        );
    }

    fn version(&self, name: &str, run: Option<&str>, tags: Value, alias: Option<&str>) {
        let body =
            json!({"name": name, "source": "s3://models/x", "run_id": run.unwrap_or_default(), "tags": tags});
        let made = self.post("model-versions/create", &body);
        let version = made["model_version"]["version"].clone();
        if let Some(alias) = alias {
            self.post("registered-models/alias", &json!({"name": name, "alias": alias, "version": version}));
        }
    }
}

#[test]
fn a_real_mlflow() {
    let Some(mlflow) = Mlflow::start() else { return };
    let options = json!({"url": mlflow.url, "aliases_in_use": ["champion", "challenger", "third"]});
    let collect = || MlflowCollector.collect(&options, TIMEOUT).unwrap();
    assert!(
        collect().iter().all(|report| report.result == CheckResult::Inconclusive),
        "nothing is registered yet"
    );

    mlflow.model("credit", "Scores loans", json!([tag("owner", "risk-team")]));
    let good = mlflow.run("ann", true);
    mlflow.version("credit", Some(&good), json!([tag("approved_by", "ben")]), Some("champion"));
    mlflow.version("credit", None, json!([]), None);
    for report in collect() {
        assert_eq!((report.result, report.findings.len()), (CheckResult::Pass, 0), "{report:#?}");
    }

    mlflow.model("chat", "", json!([]));
    let (bare, deleted) = (mlflow.run("ann", false), mlflow.run("ann", true));
    mlflow.version("chat", Some(&bare), json!([tag("approved_by", "ann")]), Some("champion"));
    mlflow.version("chat", Some(&deleted), json!([tag("approved_by", "ben")]), Some("challenger"));
    mlflow.version("chat", None, json!([]), Some("third"));
    mlflow.post("runs/delete", &json!({"run_id": deleted}));
    let reports = collect();
    let sorted = |check: &str| {
        let mut found = objects(&reports, check);
        found.sort();
        found
    };
    assert_eq!(sorted("mlflow/ownership"), ["low: model chat", "medium: model chat"]);
    assert_eq!(sorted("mlflow/approval"), ["high: model chat version 1", "high: model chat version 3"]);
    assert_eq!(sorted("mlflow/lineage"), ["high: model chat version 2", "high: model chat version 3"]);
    assert_eq!(sorted("mlflow/evaluation"), ["medium: model chat version 1"]);
}
