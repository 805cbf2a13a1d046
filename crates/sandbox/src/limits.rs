//! What a process may use up.
#![expect(unsafe_code, reason = "setrlimit(2) has no safe wrapper in the tree")]

use std::io;

use crate::sys::check;

/// Bounds of one adapter's process. A line of the protocol has 1 MiB at most, its tree in memory perhaps 40 times
/// that; everything beyond is a leak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Address space, bytes.
    pub memory_bytes: u64,
    /// Processor time over the life of the process, seconds. The host replaces a process long before that; this
    /// is what ends one that spins when the host cannot. Hard, because process 1 of a pid namespace is deaf to SIGXCPU.
    pub cpu_seconds: u64,
    /// Open files, the three streams included.
    pub open_files: u64,
    /// Processes and threads of the user, or `None` to leave the bound as it is.
    pub processes: Option<u64>,
}

impl Limits {
    /// For our own executable: three streams and one thread.
    pub fn builtin() -> Self {
        Self { memory_bytes: 256 << 20, cpu_seconds: 600, open_files: 3, processes: Some(0) }
    }

    /// For an interpreter, which opens its library one file after the other. Threads are bounded by the memory.
    pub fn foreign() -> Self {
        Self { memory_bytes: 1 << 30, cpu_seconds: 600, open_files: 64, processes: None }
    }
}

pub(crate) fn apply(limits: &Limits) -> io::Result<()> {
    set(libc::RLIMIT_CORE, 0)?;
    set(libc::RLIMIT_FSIZE, 0)?;
    set(libc::RLIMIT_MSGQUEUE, 0)?;
    set(libc::RLIMIT_MEMLOCK, 0)?;
    set(libc::RLIMIT_AS, limits.memory_bytes)?;
    set(libc::RLIMIT_CPU, limits.cpu_seconds)?;
    set(libc::RLIMIT_NOFILE, limits.open_files)?;
    match limits.processes {
        Some(count) => set(libc::RLIMIT_NPROC, count),
        None => Ok(()),
    }
}

/// Sets soft and hard limit and reads them back: a kernel or filter that only pretends is found out.
fn set(resource: libc::__rlimit_resource_t, value: u64) -> io::Result<()> {
    let wanted = libc::rlimit { rlim_cur: value, rlim_max: value };
    let mut got = libc::rlimit { rlim_cur: u64::MAX, rlim_max: u64::MAX };
    // SAFETY: both structures outlive the calls.
    unsafe {
        check(libc::setrlimit(resource, &raw const wanted))?;
        check(libc::getrlimit(resource, &raw mut got))?;
    }
    if got.rlim_cur > value || got.rlim_max > value {
        return Err(io::Error::other("the limit reads back larger than it was set"));
    }
    Ok(())
}
