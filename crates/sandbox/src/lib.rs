//! Shuts the process of an adapter in.
//!
//! An adapter turns JSON lines into JSON lines and needs nothing else of the machine.
//! [`enter`] takes everything else away from the calling process, first thing in `main`:
//!
//! | layer | what it takes away | mandatory |
//! | --- | --- | --- |
//! | user | root's identity (uid and gid become `nobody`) | where the host is root |
//! | namespaces | network, mounts, other processes, IPC, host name | where the kernel permits |
//! | capabilities | all, the bounding set included | no (there is nothing left to use them on) |
//! | no_new_privs | setuid and file capabilities | yes |
//! | Landlock | every access to files, TCP, abstract sockets and signals to the outside | yes, fully enforced |
//! | rlimits | memory, CPU, files, processes | yes |
//! | seccomp | every system call that is not on a short list | yes |
//!
//! Two profiles: [`Profile::Builtin`] for our own executable, which has been loaded when it shuts itself in,
//! and [`Profile::Foreign`] for any other, which a launcher ([`launch`]) shuts in before it is loaded.
//! The second is weaker: a loader and an interpreter must open and map files, so they may read what is declared.
//!
//! A mandatory layer that cannot be had is an error: the adapter does not start.
//! Landlock's usual best-effort mode is not used, because it runs on without protection on a kernel without it.
//!
//! What this crate does not do: read the protocol, restart adapters, watch wall-clock deadlines (RLIMIT_CPU does
//! not see a process that sleeps; the host does).

mod capabilities;
mod confine;
mod landlock_rules;
mod launcher;
mod layer;
mod limits;
mod namespaces;
mod seccomp;
mod spawn;
mod sys;

pub use confine::{Profile, SandboxError, Settings, enter};
pub use launcher::{Launch, LaunchError, launch};
pub use layer::{Layer, Layers};
pub use limits::Limits;
pub use spawn::{harden, kill_group};
