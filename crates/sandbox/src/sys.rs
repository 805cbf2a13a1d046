//! Single system calls, each wrapped once.
#![expect(unsafe_code, reason = "the system calls that no safe crate in the tree wraps")]

use std::ffi::CString;
use std::io;
use std::os::fd::RawFd;

use libc::{c_int, c_ulong};

/// `nobody` on every distribution that matters; the kernel's overflow id.
pub(crate) const NOBODY: u32 = 65_534;

/// Turns a return value of -1 into the error behind it.
pub(crate) fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

pub(crate) fn prctl(option: c_int, argument: c_ulong) -> io::Result<()> {
    let zero: c_ulong = 0;
    // SAFETY: the options used in this crate take integers, no pointers.
    check(unsafe { libc::prctl(option, argument, zero, zero, zero) }).map(drop)
}

pub(crate) fn no_new_privs() -> io::Result<()> {
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1)
}

/// The number of threads of this process. Read from a folder of the kernel: the crate has no other need of files.
pub(crate) fn threads() -> io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/task")?.count())
}

pub(crate) fn is_root() -> bool {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// Gives up root's identity for good: no supplementary groups, then group, then user.
pub(crate) fn become_nobody() -> io::Result<()> {
    // SAFETY: an empty list of groups, and plain integers.
    unsafe {
        check(libc::setgroups(0, std::ptr::null()))?;
        check(libc::setresgid(NOBODY, NOBODY, NOBODY))?;
        check(libc::setresuid(NOBODY, NOBODY, NOBODY))?;
    }
    // The change of identity made the process undumpable, and then its own /proc files belong to root: the id maps
    // could not be written. The namespaces layer takes it back.
    prctl(libc::PR_SET_DUMPABLE, 1)
}

/// This process dies when its parent does. Cleared by every change of identity, so set again after each.
pub(crate) fn die_with_parent() -> io::Result<()> {
    prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as c_ulong)
}

/// Who started this process.
pub(crate) fn parent() -> libc::pid_t {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::getppid() }
}

/// [`die_with_parent`] once more, after a change of identity: the host may have died in between, when nothing told of it.
pub(crate) fn die_with(host: libc::pid_t) -> io::Result<()> {
    die_with_parent()?;
    if parent() == host { Ok(()) } else { Err(io::Error::from(io::ErrorKind::BrokenPipe)) }
}

pub(crate) fn unshare(flags: c_int) -> io::Result<()> {
    // SAFETY: flags only.
    check(unsafe { libc::unshare(flags) }).map(drop)
}

pub(crate) fn ids() -> (u32, u32) {
    // SAFETY: take nothing and cannot fail.
    unsafe { (libc::geteuid(), libc::getegid()) }
}

/// What a fork returns.
pub(crate) enum Forked {
    Parent(libc::pid_t),
    Child,
}

/// Forks. Sound only in a process with one thread, which `enter` has checked.
pub(crate) fn fork() -> io::Result<Forked> {
    // SAFETY: one thread, so no lock can be held by another one in the child.
    match check(unsafe { libc::fork() })? {
        0 => Ok(Forked::Child),
        child => Ok(Forked::Parent(child)),
    }
}

/// Waits for the child and ends as it ended, without running destructors.
pub(crate) fn end_like(child: libc::pid_t) -> ! {
    let mut status = 0;
    // SAFETY: `status` outlives the calls; `_exit` and `raise` take integers.
    unsafe {
        while libc::waitpid(child, &raw mut status, 0) < 0 {
            if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                libc::_exit(70);
            }
        }
        if libc::WIFSIGNALED(status) {
            let signal = libc::WTERMSIG(status);
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
            libc::_exit(128 + signal);
        }
        libc::_exit(libc::WEXITSTATUS(status))
    }
}

pub(crate) fn close(fd: RawFd) {
    // SAFETY: closing a descriptor that this process owns and does not use again.
    unsafe { libc::close(fd) };
}

/// A pipe, both ends closed on exec.
pub(crate) fn pipe() -> io::Result<(RawFd, RawFd)> {
    let mut ends = [0; 2];
    // SAFETY: the array has room for the two descriptors.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) })?;
    Ok((ends[0], ends[1]))
}

/// Whether the other end of this pipe is closed.
pub(crate) fn hung_up(fd: RawFd) -> bool {
    let mut byte = 0_u8;
    // SAFETY: one byte into a buffer of one byte; the pipe does not block.
    unsafe { libc::read(fd, (&raw mut byte).cast(), 1) == 0 }
}

pub(crate) fn mount(
    source: &str,
    target: &str,
    kind: &str,
    flags: c_ulong,
    data: Option<&str>,
) -> io::Result<()> {
    let text = |s: &str| CString::new(s).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput));
    let (source, target, kind) = (text(source)?, text(target)?, text(kind)?);
    let data = data.map(text).transpose()?;
    let data = data.as_ref().map_or(std::ptr::null(), |d| d.as_ptr().cast());
    // SAFETY: four strings that end in NUL and outlive the call, or a null pointer for none.
    check(unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, data) }).map(drop)
}

/// Makes the current folder the root and lets the old one go (`pivot_root(".", ".")`, see pivot_root(2) NOTES).
pub(crate) fn pivot_here() -> io::Result<()> {
    let dot = c".";
    // SAFETY: constant strings.
    unsafe {
        if libc::syscall(libc::SYS_pivot_root, dot.as_ptr(), dot.as_ptr()) < 0 {
            return Err(io::Error::last_os_error());
        }
        check(libc::umount2(dot.as_ptr(), libc::MNT_DETACH))?;
    }
    Ok(())
}

/// Replaces this process. Returns only if that failed.
pub(crate) fn execve(program: &CString, arguments: &[CString], environment: &[CString]) -> io::Error {
    let pointers = |list: &[CString]| -> Vec<*const libc::c_char> {
        list.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (arguments, environment) = (pointers(arguments), pointers(environment));
    // SAFETY: both arrays end in null and point to strings that outlive the call.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}
