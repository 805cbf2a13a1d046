//! Namespaces of its own: no network, no mounts but the declared ones, no other process, no shared memory.
//!
//! Not mandatory: containers and hardened kernels often forbid them, and the other layers stand without them.

use std::ffi::c_ulong;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::confine::{Profile, SandboxError};
use crate::sys::{self, Forked};

const ALL: libc::c_int = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

/// Enters them and goes on in the child. `false`: the kernel permits none; nothing has changed.
///
/// The child dies with the process that called, and that one with the host: an adapter that hears nothing, because it spins
/// or sleeps, would outlive a host that is killed.
pub(crate) fn enter(profile: &Profile, host: libc::pid_t) -> Result<bool, SandboxError> {
    let (uid, gid) = sys::ids();
    if sys::unshare(ALL).is_err() {
        return Ok(false);
    }
    // From here on a failure leaves a half-made namespace: only stricter than none, but not to be called achieved.
    let prepared = map_ids(uid, gid).and_then(|()| root_for(profile));
    let step = |step| move |source| SandboxError::Step { step, source };
    sys::die_with(host).map_err(step("die with the host"))?;
    let (read, write) = sys::pipe().map_err(step("pipe"))?;
    match sys::fork().map_err(step("fork into the pid namespace"))? {
        Forked::Parent(child) => {
            // It keeps none of the child's streams open: the host must see their end when the child ends.
            for fd in [0, 1, 2, read] {
                sys::close(fd);
            }
            sys::end_like(child)
        }
        Forked::Child => {
            sys::close(write);
            sys::die_with_parent().map_err(step("die with the parent"))?;
            // The parent may have died before the line above; getppid says 0 across namespaces, so the pipe tells.
            if sys::hung_up(read) {
                return Err(SandboxError::Step {
                    step: "parent",
                    source: io::Error::from(io::ErrorKind::BrokenPipe),
                });
            }
            sys::close(read);
            sys::prctl(libc::PR_SET_DUMPABLE, 0).map_err(step("be undumpable"))?;
            Ok(prepared.is_ok())
        }
    }
}

/// The process is `nobody` inside, so that an exec brings no capability back; nested user namespaces are forbidden,
/// else one of them would give them all back.
fn map_ids(uid: u32, gid: u32) -> io::Result<()> {
    let nobody = sys::NOBODY;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{nobody} {uid} 1"))?;
    fs::write("/proc/self/gid_map", format!("{nobody} {gid} 1"))?;
    fs::write("/proc/sys/user/max_user_namespaces", "0")
}

/// A root with nothing in it but the declared paths, read-only.
fn root_for(profile: &Profile) -> io::Result<()> {
    const NEW_ROOT: &str = "/tmp";
    sys::mount("none", "/", "", libc::MS_REC | libc::MS_PRIVATE, None)?;
    let readable: &[PathBuf] = match profile {
        Profile::Builtin => &[],
        Profile::Foreign { readable } => readable,
    };
    // The declared paths are opened under their old names, so the new root is built beside them, not over them.
    let staged: Vec<(PathBuf, Node)> =
        readable.iter().filter_map(|path| Node::of(path).map(|node| (path.clone(), node))).collect();
    let under_new_root = staged.iter().any(|(path, _)| path.starts_with(NEW_ROOT));
    let base = if under_new_root { "/mnt" } else { NEW_ROOT };
    let flags = libc::MS_NOSUID | libc::MS_NODEV;
    sys::mount("tmpfs", base, "tmpfs", flags, Some("size=1m,nr_inodes=4k,mode=755"))?;
    for (path, node) in &staged {
        node.place(path, Path::new(base))?;
    }
    sys::mount("tmpfs", base, "tmpfs", flags | libc::MS_REMOUNT | libc::MS_RDONLY, None)?;
    std::env::set_current_dir(base)?;
    sys::pivot_here()?;
    std::env::set_current_dir("/")
}

/// What a declared path is.
enum Node {
    Folder,
    File,
    Link(PathBuf),
}

impl Node {
    fn of(path: &Path) -> Option<Self> {
        let meta = fs::symlink_metadata(path).ok()?;
        if meta.file_type().is_symlink() {
            return fs::read_link(path).ok().map(Self::Link);
        }
        Some(if meta.is_dir() { Self::Folder } else { Self::File })
    }

    /// Puts the path under the new root: a link as a link, everything else as a read-only bind mount.
    fn place(&self, path: &Path, base: &Path) -> io::Result<()> {
        let inside = path.strip_prefix("/").map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        let target = base.join(inside);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        match self {
            Self::Link(to) => match std::os::unix::fs::symlink(to, &target) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                placed => placed,
            },
            Self::Folder => fs::create_dir_all(&target).and_then(|()| bind(path, &target)),
            Self::File => fs::write(&target, "").and_then(|()| bind(path, &target)),
        }
    }
}

fn bind(from: &Path, to: &Path) -> io::Result<()> {
    let text = |path: &Path| {
        path.to_str().map(String::from).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))
    };
    let (from, to) = (text(from)?, text(to)?);
    sys::mount(&from, &to, "", libc::MS_BIND | libc::MS_REC, None)?;
    let read_only: c_ulong = libc::MS_BIND | libc::MS_REMOUNT | libc::MS_RDONLY | libc::MS_NOSUID;
    // A mount with flags that are locked from outside refuses the remount; Landlock forbids writing in any case.
    let _locked = sys::mount("none", &to, "", read_only | libc::MS_NODEV, None);
    Ok(())
}
