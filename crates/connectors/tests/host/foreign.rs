//! A foreign adapter: a Python script, launched in the second profile. Skipped, and said so, where there is none.

use std::path::{Path, PathBuf};

use ledger_connectors::child::Foreign;
use ledger_connectors::host::{CallError, Instance, Limits, Program};
use ledger_connectors::protocol::{Call, Reply};
use serde_json::json;

use crate::{health, is_health, limits, own};

const SCRIPT: &str = r#"
import json, os, socket, sys

def tries(call):
    try:
        call()
        return "escaped"
    except Exception as error:
        return "held"

def reply(call):
    if "hello" in call:
        return {"hello": {"name": "snake", "version": "1.0.0", "protocol": 1, "capabilities": ["inbound"], "lookup_lag_ms": 0}}
    if "configure" in call:
        return {"configured": {}}
    if "health" in call:
        return {"step": {"then": {"done": {"health": {}}}}}
    results = [
        tries(lambda: open("/etc/passwd").read()),
        tries(lambda: open(__file__, "a")),
        tries(lambda: open("/tmp/made", "w")),
        tries(lambda: os.listdir("/home")),
        tries(lambda: socket.socket()),
        tries(lambda: os.fork()),
        tries(lambda: os.system("true") == 0 or 1 / 0),
        tries(lambda: os.kill(os.getppid(), 0)),
        tries(lambda: os.environ["HOME"]),
    ]
    return {"refused": {"kind": "unsupported", "message": " ".join(results)}}

for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({"v": 1, "id": request["id"], "reply": reply(request["call"])}), flush=True)
"#;

pub(crate) async fn suite() -> usize {
    let Some(python) =
        ["/usr/bin/python3", "/usr/local/bin/python3"].into_iter().find(|p| Path::new(p).exists())
    else {
        println!("skipped: no Python here to be a foreign adapter");
        return 0;
    };
    let folder = std::env::temp_dir().join(format!("ledger-foreign-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let script = folder.join("adapter.py");
    std::fs::write(&script, SCRIPT).expect("written");
    // The script is the package; the interpreter is what the manifest declares beside it.
    let readable: Vec<PathBuf> = ["/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache"]
        .into_iter()
        .map(Into::into)
        .chain([folder.clone()])
        .collect();
    let foreign = Foreign {
        program: python.into(),
        arguments: vec!["-I".into(), script.display().to_string()],
        readable,
        give_up: Vec::new(),
    };
    let generous = Limits { message: limits().message * 5, start: limits().start * 5, ..limits() };
    let snake = Instance::new(Program::foreign(own(), &foreign), json!({}), generous);
    let first = snake.call(health()).await;
    assert!(is_health(&first), "{first:?}");
    println!("a Python adapter runs in: {}", snake.running().expect("runs").layers.join(" "));
    let inbound = Call::Inbound {
        headers: Default::default(),
        body: String::new(),
        received_at: ledger::time::Timestamp::from_micros(0),
    };
    match snake.call(inbound).await {
        Ok(Reply::Refused(failure)) => {
            assert!(!failure.message.contains("escaped"), "{}", failure.message);
            assert_eq!(failure.message.split(' ').count(), 9);
        }
        other => panic!("{other:?}"),
    }
    // What is not declared cannot even be loaded.
    let undeclared = Foreign { readable: vec![folder.clone()], ..foreign };
    let result =
        Instance::new(Program::foreign(own(), &undeclared), json!({}), generous).call(health()).await;
    assert!(matches!(result, Err(CallError::Process(_))), "{result:?}");
    std::fs::remove_dir_all(&folder).expect("removed");
    3
}
