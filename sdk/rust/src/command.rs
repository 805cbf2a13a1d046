//! Runs a program with a deadline and a bound for its output.

use std::io::{self, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use ledger::clock::Stopwatch;

/// The most that a program may print: more than the largest report, less than what hurts.
pub const OUTPUT_BYTES_MAX: u64 = 8 << 20;
/// The most of its complaints that is kept.
const STDERR_BYTES_MAX: u64 = 64 << 10;

/// What a program did.
#[derive(Debug)]
pub struct Output {
    /// Did it exit with 0?
    pub success: bool,
    /// How it ended, in words.
    pub ended: String,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained about, cut.
    pub stderr: String,
}

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It could not be started.
    #[error("cannot start {program}: {error}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        error: io::Error,
    },
    /// It took too long, and was killed.
    #[error("{program} was killed: it took longer than {} s", timeout.as_secs())]
    Timeout {
        /// The program.
        program: String,
        /// The deadline.
        timeout: Duration,
    },
    /// It printed too much, and was killed.
    #[error("{program} was killed: it printed more than {limit} bytes")]
    TooMuch {
        /// The program.
        program: String,
        /// The bound.
        limit: u64,
    },
}

/// Runs a program in a process group of its own, without standard input, and kills the group at the deadline.
///
/// # Errors
/// [`CommandError`]
pub fn run(command: &mut Command, timeout: Duration, limit: u64) -> Result<Output, CommandError> {
    run_with_input(command, &[], timeout, limit)
}

/// [`run`], with `input` on standard input.
///
/// # Errors
/// [`CommandError`]
pub fn run_with_input(
    command: &mut Command,
    input: &[u8],
    timeout: Duration,
    limit: u64,
) -> Result<Output, CommandError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let started = Stopwatch::start();
    let mut child = command
        .stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| CommandError::Start { program: program.clone(), error })?;
    let (tell, told) = mpsc::channel();
    if let Some(mut stdin) = child.stdin.take() {
        let input = input.to_vec();
        // A program that does not read its input must not block us: the write ends when its group is killed.
        std::thread::spawn(move || drop(stdin.write_all(&input)));
    }
    if let Some(pipe) = child.stdout.take() {
        read(Box::new(pipe), limit, 0, tell.clone());
    }
    if let Some(pipe) = child.stderr.take() {
        read(Box::new(pipe), STDERR_BYTES_MAX, 1, tell);
    }
    let mut outputs = [None, None];
    while outputs.iter().any(Option::is_none) {
        let left = timeout.saturating_sub(started.elapsed());
        match told.recv_timeout(left) {
            Ok((0, bytes)) if bytes.len() as u64 > limit => {
                kill(&mut child);
                return Err(CommandError::TooMuch { program, limit });
            }
            Ok((which, bytes)) => outputs[which] = Some(bytes),
            Err(_) => {
                kill(&mut child);
                return Err(CommandError::Timeout { program, timeout });
            }
        }
    }
    let status = wait(&mut child, timeout.saturating_sub(started.elapsed()));
    let Some(status) = status else {
        kill(&mut child);
        return Err(CommandError::Timeout { program, timeout });
    };
    let [stdout, stderr] = outputs.map(Option::unwrap_or_default);
    Ok(Output {
        success: status.success(),
        ended: status.to_string(),
        stdout,
        stderr: String::from_utf8_lossy(&stderr).trim().to_owned(),
    })
}

/// Reads a pipe to its end, or one byte beyond `limit`, and on without keeping so that the writer is not blocked.
fn read(mut pipe: Box<dyn Read + Send>, limit: u64, which: usize, tell: mpsc::Sender<(usize, Vec<u8>)>) {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        drop(pipe.by_ref().take(limit + 1).read_to_end(&mut bytes));
        drop(tell.send((which, bytes)));
        drop(io::copy(&mut pipe, &mut io::sink()));
    });
}

/// Both pipes are closed, so the end is near; a program may close them and go on all the same.
fn wait(child: &mut Child, timeout: Duration) -> Option<std::process::ExitStatus> {
    let since = Stopwatch::start();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if since.elapsed() < timeout => std::thread::sleep(Duration::from_millis(5)),
            _ => return None,
        }
    }
}

/// Kills the whole process group: the program may have started others.
fn kill(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        // It may be gone already.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    drop(child.kill());
    drop(child.wait());
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_and_end_are_told() {
        let output = run_with_input(&mut shell("cat; echo oops >&2; exit 3"), b"in", PATIENCE, 100).unwrap();
        assert_eq!(
            (output.success, output.stdout.as_slice(), output.stderr.as_str()),
            (false, &b"in"[..], "oops")
        );
        assert!(output.ended.contains('3'), "{}", output.ended);
    }

    #[test]
    fn a_hanging_program_and_its_children_are_killed() {
        let dir = tempfile::tempdir().unwrap();
        let pid = dir.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", pid.display());
        let error = run(&mut shell(&script), Duration::from_millis(300), 100).unwrap_err();
        assert!(matches!(error, CommandError::Timeout { .. }), "{error}");
        let child = std::fs::read_to_string(&pid).unwrap();
        let gone = || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.trim()));
            stat.map_or(true, |stat| stat.contains(") Z "))
        };
        while !gone() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_flood_is_cut_off() {
        let error = run(&mut shell("yes"), PATIENCE, 1000).unwrap_err();
        assert!(matches!(error, CommandError::TooMuch { .. }), "{error}");
        let missing = run(&mut Command::new("/does/not/exist"), PATIENCE, 1000).unwrap_err();
        assert!(matches!(missing, CommandError::Start { .. }), "{missing}");
    }
}
