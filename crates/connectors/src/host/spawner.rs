//! One thread that spawns all adapters and never ends.
//!
//! The kernel kills an adapter when the *thread* that spawned it ends, and the runtime's threads come and go.

use std::io;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};

use tokio::process::Child;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

struct Job {
    command: Command,
    runtime: Handle,
    answer: oneshot::Sender<io::Result<Child>>,
}

fn spawner() -> &'static Sender<Job> {
    static SPAWNER: OnceLock<Sender<Job>> = OnceLock::new();
    SPAWNER.get_or_init(|| {
        let (sender, jobs) = channel::<Job>();
        std::thread::Builder::new()
            .name("adapter-spawner".into())
            .spawn(move || {
                // The sender is static: this loop ends with the process.
                for job in jobs {
                    let _runtime = job.runtime.enter();
                    let mut command = tokio::process::Command::from(job.command);
                    // A caller that no longer waits drops the child, which ends it.
                    let _unless_gone = job.answer.send(command.kill_on_drop(true).spawn());
                }
            })
            .expect("a thread can be started");
        sender
    })
}

/// Spawns a command hardened, with pipes for its three streams.
pub(super) async fn spawn(mut command: Command) -> io::Result<Child> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    ledger_sandbox::harden(&mut command);
    let (answer, child) = oneshot::channel();
    let gone = || io::Error::other("the spawner has ended");
    spawner().send(Job { command, runtime: Handle::current(), answer }).map_err(|_| gone())?;
    child.await.map_err(|_| gone())?
}
