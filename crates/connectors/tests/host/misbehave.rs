//! Adapters that go wrong in every way there is.

use std::io::{Write, stdin, stdout};
use std::process::ExitCode;

use ledger::time::Timestamp;
use ledger_connectors::adapter::{Adapter, InboundMessage, Refusal};
use ledger_connectors::child::run_adapter;
use ledger_connectors::protocol::{Fact, Health, Hello, Outcome, PROTOCOL_VERSION, Response, Step, Task};
use ledger_sandbox::{Settings, enter};
use serde_json::Value;

/// Well until a message other than `health` comes; then as its name says.
pub(crate) struct Actor(pub(crate) String);

impl Adapter for Actor {
    fn hello(&self) -> Hello {
        Hello {
            name: self.0.clone(),
            version: "1.0.0".into(),
            protocol: PROTOCOL_VERSION,
            capabilities: vec!["poll".into()],
            lookup_lag_ms: 0,
        }
    }

    fn configure(&mut self, _: &Value) -> Result<(), Refusal> {
        Ok(())
    }

    fn start(&self, task: &Task, _: Timestamp) -> Result<Step, Refusal> {
        if !matches!(task, Task::Health {}) {
            misbehave(&self.0);
        }
        let health = Health { account: Some("me".into()), product: None, findings: Vec::new() };
        Ok(Step::done(Outcome::Health(health)))
    }

    fn interpret(&self, _: &Task, _: &Value, _: &Response, _: Timestamp) -> Result<Step, Refusal> {
        Ok(Step::done(Outcome::Polled { cursor: Value::Null }))
    }

    fn inbound(&self, _: &InboundMessage<'_>) -> Result<Vec<Fact>, Refusal> {
        Ok(Vec::new())
    }
}

fn misbehave(how: &str) {
    let say = |text: &[u8]| {
        // The output may be closed by then, which ends the process.
        if stdout().write_all(text).and_then(|()| stdout().flush()).is_err() {
            std::process::exit(1);
        }
    };
    match how {
        "leaks" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(vec![1_u8; 1 << 20]);
            }
        }
        "spins" => loop {
            std::hint::spin_loop();
        },
        "hangs" => loop {
            std::thread::park();
        },
        "floods a line" => loop {
            say(&[b'x'; 4096]);
        },
        "floods lines" => loop {
            say(b"{\"v\":1,\"id\":3,\"reply\":{\"configured\":{}}}\n");
        },
        "floods stderr" => loop {
            let _when_nobody_reads = std::io::stderr().write_all(&[b'x'; 4096]);
        },
        "writes garbage" => say(b"Traceback (most recent call last):\n"),
        "writes bytes" => say(&[0xff, 0xfe, 0, b'\n']),
        "nests deep" => {
            let deep = "[".repeat(200_000);
            say(format!("{{\"v\":1,\"id\":3,\"reply\":{deep}\n").as_bytes());
        }
        "answers another" => {
            say(b"{\"v\":1,\"id\":99,\"reply\":{\"step\":{\"then\":{\"done\":{\"absent\":{}}}}}}\n")
        }
        "answers twice" => {
            say(b"{\"v\":1,\"id\":3,\"reply\":{\"step\":{\"then\":{\"done\":{\"absent\":{}}}}}}\n")
        }
        "answers otherwise" => say(b"{\"v\":1,\"id\":3,\"reply\":{\"facts\":[]}}\n"),
        "dies" => std::process::exit(7),
        "panics" => panic!("on purpose"),
        "aborts" => std::process::abort(),
        "opens a file" => drop(std::fs::read("/etc/hostname")),
        "is well" => {}
        other => panic!("unknown: {other}"),
    }
}

/// `adapter NAME [--unsafe-without=LAYER…]`
pub(crate) fn child(arguments: &[String]) -> ExitCode {
    let name = arguments[0].as_str();
    let layers = arguments[1..].iter().map(|argument| {
        argument.strip_prefix("--unsafe-without=").expect("a layer").parse().expect("a known layer")
    });
    let give_up: Vec<_> = layers.collect();
    match name {
        "is never ready" => {
            let mut line = String::new();
            while stdin().read_line(&mut line).is_ok_and(|count| count > 0) {}
            loop {
                std::thread::park();
            }
        }
        "is ready with nothing" => {
            println!("{{\"ready\":[]}}");
            run_adapter(&mut Actor("is well".into()), &give_up)
        }
        "says nothing of hello" => {
            let layers = enter(&Settings::builtin()).expect("shut in");
            println!("{{\"ready\":{:?}}}", layers.names());
            loop {
                std::thread::park();
            }
        }
        _ => run_adapter(&mut Actor(name.into()), &give_up),
    }
}
