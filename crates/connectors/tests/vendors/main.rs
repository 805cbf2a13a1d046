//! The built-in adapters against the fake vendors: through the sandboxed process, the guard and real sockets.
//! The test executable is its own adapter.

mod faults;
mod jira;
mod judge;
mod oauth;
mod rig;
mod servicenow;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|first| first == "adapter") {
        return ledger_connectors::child::run(&arguments[2], &[]);
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
        let mut passed = jira::suite().await;
        passed += servicenow::suite().await;
        passed += oauth::suite().await;
        passed + faults::suite().await
    });
    println!("{passed} passed, 0 failed");
    ExitCode::SUCCESS
}
