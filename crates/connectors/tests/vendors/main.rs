//! The built-in adapters against the fake vendors, and the example of a custom one against a plain HTTP service: through
//! the sandboxed process, the guard and real sockets.
//! The test executable is its own adapter.

mod example;
mod faults;
mod jira;
mod judge;
mod mtls;
mod oauth;
mod rig;
mod servicenow;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("adapter") => return ledger_connectors::child::run(&arguments[2], &[]),
        Some("adapter-launch") => return ledger_connectors::child::run_foreign(&arguments[2]),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let passed = runtime.block_on(async {
        if arguments.iter().any(|argument| argument == "--judge") {
            return judge::suite(&arguments).await;
        }
        let mut passed = example::suite().await;
        passed += jira::suite().await;
        passed += servicenow::suite().await;
        passed += oauth::suite().await;
        passed += mtls::suite().await;
        passed + faults::suite().await
    });
    println!("{passed} passed, 0 failed");
    ExitCode::SUCCESS
}
