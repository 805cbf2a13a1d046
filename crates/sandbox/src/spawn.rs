//! The host's side: what a child gets before its executable is loaded, and how it is ended.
#![expect(unsafe_code, reason = "pre_exec and close_range(2) have no safe form")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::sys;

/// Prepares a child: no environment, `/` as its folder, a process group of its own, no inherited descriptor but the
/// three streams, and death with the thread that spawns it.
///
/// The kernel's parent-death signal follows the **thread** that forked: spawn from one that lives as long as the host.
pub fn harden(command: &mut Command) {
    command.env_clear().current_dir("/").process_group(0);
    let parent = std::process::id();
    let before_exec = move || {
        sys::die_with_parent()?;
        // SAFETY: takes nothing and cannot fail.
        if u32::try_from(unsafe { libc::getppid() }) != Ok(parent) {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe));
        }
        // SAFETY: integers only; marks every descriptor above the streams to be closed by the exec.
        let closed =
            unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
        sys::check(i32::try_from(closed).unwrap_or(-1)).map(drop)
    };
    // SAFETY: between fork and exec it makes system calls only: no allocation, no lock.
    unsafe { command.pre_exec(before_exec) };
}

/// Kills the process group that [`harden`] made for this child. One that is gone already is fine.
pub fn kill_group(leader: u32) {
    if let Ok(group) = libc::pid_t::try_from(leader)
        && group > 1
    {
        // SAFETY: integers only.
        unsafe { libc::killpg(group, libc::SIGKILL) };
    }
}
