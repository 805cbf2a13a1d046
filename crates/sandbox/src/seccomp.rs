//! The system call filters. They carry most of the load: of the layers alone, this one stops every known escape.
//!
//! Lists of what is allowed, with arguments where the call alone says too little. What is left out on purpose and
//! what is kept against instinct: `rt_sigaction` and `tgkill` stay, because without them an abort becomes a spin.

use std::collections::BTreeMap;

use libc::{c_long, c_ulong};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition, SeccompFilter,
    SeccompRule,
};

use crate::confine::Profile;

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

const EXEC: u64 = libc::PROT_EXEC as u64;
const WRITE_EXEC: u64 = (libc::PROT_EXEC | libc::PROT_WRITE) as u64;
const ANONYMOUS: u64 = libc::MAP_ANONYMOUS as u64;
/// The bits of open(2)'s flags that could change something.
const CHANGING: u64 = (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | libc::O_APPEND) as u64;

/// Installs the filter of this profile for the calling thread. Needs no_new_privs.
pub(crate) fn install(profile: &Profile) -> Result<(), String> {
    let own_id = u64::from(std::process::id());
    match profile {
        // Our own code makes no other call: one that does has been taken over, so it dies at once.
        Profile::Builtin => load(builtin(own_id).map_err(text)?, SeccompAction::KillProcess),
        // Interpreters try this and that at their start and live with a refusal.
        Profile::Foreign { .. } => {
            // glibc takes "not implemented" for an old kernel and falls back to clone, whose flags can be read.
            // The kernel takes the strictest answer of all filters, so the list may allow what the first refuses.
            let enosys = u32::try_from(libc::ENOSYS).map_err(text)?;
            let eperm = u32::try_from(libc::EPERM).map_err(text)?;
            load_inverse(BTreeMap::from([(libc::SYS_clone3, Vec::new())]), SeccompAction::Errno(enosys))?;
            let mut listed = foreign(own_id).map_err(text)?;
            listed.insert(libc::SYS_clone3, Vec::new());
            load(listed, SeccompAction::Errno(eperm))
        }
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

fn load(allowed: Rules, otherwise: SeccompAction) -> Result<(), String> {
    apply(SeccompFilter::new(allowed, otherwise, SeccompAction::Allow, arch()?).map_err(text)?)
}

fn load_inverse(caught: Rules, action: SeccompAction) -> Result<(), String> {
    apply(SeccompFilter::new(caught, SeccompAction::Allow, action, arch()?).map_err(text)?)
}

fn arch() -> Result<seccompiler::TargetArch, String> {
    std::env::consts::ARCH.try_into().map_err(text)
}

fn apply(filter: SeccompFilter) -> Result<(), String> {
    let program: BpfProgram = filter.try_into().map_err(text)?;
    seccompiler::apply_filter(&program).map_err(text)
}

type Built<T> = Result<T, seccompiler::BackendError>;

fn is(argument: u8, len: Len, op: Op, value: u64) -> Built<SeccompCondition> {
    SeccompCondition::new(argument, len, op, value)
}

/// Allowed if all these hold.
fn when(conditions: Vec<SeccompCondition>) -> Built<Vec<SeccompRule>> {
    Ok(vec![SeccompRule::new(conditions)?])
}

fn argument_in(argument: u8, values: &[u64]) -> Built<Vec<SeccompRule>> {
    values.iter().map(|value| SeccompRule::new(vec![is(argument, Len::Qword, Op::Eq, *value)?])).collect()
}

/// What both profiles may do.
fn common(own_id: u64) -> Built<Rules> {
    let mut rules: Rules = [
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_brk,
        libc::SYS_madvise,
        libc::SYS_futex,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_getrandom,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_gettid,
        libc::SYS_getpid,
        libc::SYS_sched_yield,
        libc::SYS_restart_syscall,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ]
    .into_iter()
    .map(|call| (call, Vec::new()))
    .collect();
    rules.insert(libc::SYS_tgkill, when(vec![is(0, Len::Qword, Op::Eq, own_id)?])?);
    rules.insert(libc::SYS_mprotect, when(vec![is(2, Len::Qword, Op::MaskedEq(EXEC), 0)?])?);
    Ok(rules)
}

fn builtin(own_id: u64) -> Built<Rules> {
    let mut rules = common(own_id)?;
    rules.insert(libc::SYS_read, argument_in(0, &[0])?);
    rules.insert(libc::SYS_write, argument_in(0, &[1, 2])?);
    rules.insert(
        libc::SYS_mmap,
        when(vec![
            is(2, Len::Qword, Op::MaskedEq(EXEC), 0)?,
            is(3, Len::Qword, Op::MaskedEq(ANONYMOUS), ANONYMOUS)?,
        ])?,
    );
    Ok(rules)
}

/// Files may be opened for reading (Landlock says which), and mapped; nothing that speaks to anyone.
fn foreign(own_id: u64) -> Built<Rules> {
    let mut rules = common(own_id)?;
    for call in [
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_pread64,
        libc::SYS_close,
        libc::SYS_fstat,
        libc::SYS_newfstatat,
        libc::SYS_statx,
        libc::SYS_lseek,
        libc::SYS_faccessat,
        libc::SYS_faccessat2,
        libc::SYS_readlinkat,
        libc::SYS_getdents64,
        libc::SYS_getcwd,
        libc::SYS_fadvise64,
        libc::SYS_clock_getres,
        libc::SYS_nanosleep,
        libc::SYS_getppid,
        libc::SYS_getuid,
        libc::SYS_geteuid,
        libc::SYS_getgid,
        libc::SYS_getegid,
        libc::SYS_set_tid_address,
        libc::SYS_set_robust_list,
        libc::SYS_rseq,
        libc::SYS_uname,
        libc::SYS_sysinfo,
        libc::SYS_dup,
        libc::SYS_ppoll,
        libc::SYS_pselect6,
        libc::SYS_epoll_create1,
        libc::SYS_epoll_ctl,
        libc::SYS_epoll_pwait,
        libc::SYS_eventfd2,
        libc::SYS_pipe2,
        // The launcher's own; what may be executed is Landlock's to say.
        libc::SYS_execve,
    ] {
        rules.insert(call, Vec::new());
    }
    rules.extend(by_architecture()?);
    rules.insert(libc::SYS_write, argument_in(0, &[1, 2])?);
    rules.insert(libc::SYS_sched_getaffinity, argument_in(0, &[0, own_id])?);
    rules.insert(libc::SYS_writev, argument_in(0, &[1, 2])?);
    rules.insert(libc::SYS_openat, when(vec![is(2, Len::Dword, Op::MaskedEq(CHANGING), 0)?])?);
    // Code may be mapped from files, never written: not writable and executable at once, not made so later.
    let code = SeccompRule::new(vec![
        is(2, Len::Qword, Op::MaskedEq(WRITE_EXEC), EXEC)?,
        is(3, Len::Qword, Op::MaskedEq(ANONYMOUS), 0)?,
    ])?;
    let data = SeccompRule::new(vec![is(2, Len::Qword, Op::MaskedEq(EXEC), 0)?])?;
    rules.insert(libc::SYS_mmap, vec![code, data]);
    let thread = (libc::CLONE_THREAD | libc::CLONE_VM | libc::CLONE_SIGHAND) as u64;
    rules.insert(libc::SYS_clone, when(vec![is(0, Len::Qword, Op::MaskedEq(thread), thread)?])?);
    let fcntls = [libc::F_GETFD, libc::F_SETFD, libc::F_GETFL, libc::F_DUPFD_CLOEXEC];
    rules.insert(libc::SYS_fcntl, argument_in(1, &fcntls.map(|c| c as u64))?);
    rules.insert(libc::SYS_ioctl, argument_in(1, &[libc::TCGETS as c_ulong, libc::FIOCLEX as c_ulong])?);
    let own_limits = vec![is(0, Len::Dword, Op::Eq, 0)?, is(2, Len::Qword, Op::Eq, 0)?];
    rules.insert(libc::SYS_prlimit64, when(own_limits)?);
    Ok(rules)
}

/// The older calls, which only x86-64 still has.
#[cfg(target_arch = "x86_64")]
fn by_architecture() -> Built<Rules> {
    let mut rules: Rules = [
        libc::SYS_stat,
        libc::SYS_lstat,
        libc::SYS_access,
        libc::SYS_readlink,
        libc::SYS_poll,
        libc::SYS_select,
        libc::SYS_epoll_wait,
        libc::SYS_getrlimit,
        // Thread-local storage is set up with it. Its other codes touch only the caller's own registers.
        libc::SYS_arch_prctl,
    ]
    .into_iter()
    .map(|call| (call, Vec::new()))
    .collect();
    rules.insert(libc::SYS_open, when(vec![is(1, Len::Dword, Op::MaskedEq(CHANGING), 0)?])?);
    Ok(rules)
}

#[cfg(not(target_arch = "x86_64"))]
fn by_architecture() -> Built<Rules> {
    Ok(Rules::new())
}
