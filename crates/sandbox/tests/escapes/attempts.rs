//! The attempts to break out. Each says whether it got what it wanted; none leaves damage when nothing stops it,
//! because the control runs them all with no layer.

use std::ffi::CString;
use std::io;
use std::ptr::{null, null_mut};

use libc::{c_int, c_long, c_void};

/// What an attempt aims at, told on its command line.
pub struct Aim {
    /// A folder with planted files: `read`, `chmod`, `rename`, `unlink`, and a unix socket `socket`.
    pub folder: String,
    /// A process that sleeps.
    pub victim: i32,
    /// A TCP listener and a UDP socket on loopback.
    pub tcp: u16,
    pub udp: u16,
    /// The name of a listening abstract unix socket.
    pub abstract_name: String,
}

pub type Attempt = (&'static str, fn(&Aim) -> bool);

fn ok(result: c_int) -> bool {
    result >= 0
}

fn call(number: c_long, a: usize, b: usize, c: usize, d: usize) -> bool {
    unsafe { libc::syscall(number, a, b, c, d) >= 0 }
}

fn planted(aim: &Aim, name: &str) -> CString {
    CString::new(format!("{}/{name}", aim.folder)).expect("no NUL")
}

fn open(path: &str, flags: c_int) -> bool {
    let path = CString::new(path).expect("no NUL");
    unsafe { ok(libc::open(path.as_ptr(), flags, 0o600)) }
}

fn inet(aim_port: u16) -> libc::sockaddr_in {
    let mut address: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    address.sin_family = libc::AF_INET as u16;
    address.sin_port = aim_port.to_be();
    address.sin_addr.s_addr = u32::from_be_bytes([127, 0, 0, 1]).to_be();
    address
}

fn connect_unix(bytes: &[u8]) -> bool {
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as u16;
    for (to, from) in address.sun_path.iter_mut().zip(bytes) {
        *to = *from as libc::c_char;
    }
    let length = (size_of::<libc::sa_family_t>() + bytes.len()) as u32;
    unsafe {
        let socket = libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0);
        ok(socket) && ok(libc::connect(socket, (&raw const address).cast(), length))
    }
}

fn socket(family: c_int, kind: c_int) -> bool {
    unsafe { ok(libc::socket(family, kind, 0)) }
}

fn map(bytes: usize, protection: c_int) -> *mut c_void {
    unsafe { libc::mmap(null_mut(), bytes, protection, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0) }
}

/// A kernel that knows the call and has taken it up answers with something else than these.
fn not_refused() -> bool {
    !matches!(io::Error::last_os_error().raw_os_error(), Some(libc::EPERM | libc::EACCES | libc::ENOSYS))
}

pub const ATTEMPTS: &[Attempt] = &[
    // Files.
    ("open-shadow", |_| open("/etc/shadow", libc::O_RDONLY)),
    ("open-passwd", |_| open("/etc/passwd", libc::O_RDONLY)),
    ("open-planted", |aim| open(&format!("{}/read", aim.folder), libc::O_RDONLY)),
    ("create-file", |aim| open(&format!("{}/made", aim.folder), libc::O_CREAT | libc::O_WRONLY)),
    ("open-proc-mem", |_| open("/proc/self/mem", libc::O_RDWR)),
    ("open-environ-of-victim", |aim| open(&format!("/proc/{}/environ", aim.victim), libc::O_RDONLY)),
    ("open-null", |_| open("/dev/null", libc::O_WRONLY)),
    ("stat-shadow", |_| unsafe {
        let mut meta: libc::stat = std::mem::zeroed();
        ok(libc::stat(c"/etc/shadow".as_ptr(), &raw mut meta))
    }),
    ("list-root-home", |_| unsafe { !libc::opendir(c"/etc".as_ptr()).is_null() }),
    ("readlink-exe", |_| unsafe {
        let mut buffer = [0_i8; 256];
        libc::readlink(c"/proc/self/exe".as_ptr(), buffer.as_mut_ptr().cast(), 256) > 0
    }),
    ("access-hosts", |_| unsafe { ok(libc::access(c"/etc/hostname".as_ptr(), libc::F_OK)) }),
    ("chmod", |aim| unsafe { ok(libc::chmod(planted(aim, "chmod").as_ptr(), 0o600)) }),
    ("rename", |aim| unsafe {
        ok(libc::rename(planted(aim, "rename").as_ptr(), planted(aim, "renamed").as_ptr()))
    }),
    ("unlink", |aim| unsafe { ok(libc::unlink(planted(aim, "unlink").as_ptr())) }),
    ("mkdir", |aim| unsafe { ok(libc::mkdir(planted(aim, "folder").as_ptr(), 0o700)) }),
    ("symlink", |aim| unsafe { ok(libc::symlink(c"/etc".as_ptr(), planted(aim, "link").as_ptr())) }),
    ("mkfifo", |aim| unsafe { ok(libc::mkfifo(planted(aim, "fifo").as_ptr(), 0o600)) }),
    ("truncate", |aim| unsafe { ok(libc::truncate(planted(aim, "chmod").as_ptr(), 0)) }),
    ("statfs", |aim| unsafe {
        let mut meta: libc::statfs = std::mem::zeroed();
        ok(libc::statfs(planted(aim, "").as_ptr(), &raw mut meta))
    }),
    ("inotify", |aim| unsafe {
        let watch = libc::inotify_init();
        ok(watch) && ok(libc::inotify_add_watch(watch, planted(aim, "").as_ptr(), libc::IN_OPEN))
    }),
    ("memfd", |_| call(libc::SYS_memfd_create, c"code".as_ptr() as usize, 0, 0, 0)),
    ("inherited-descriptor", |_| (3..256).any(|fd| unsafe { ok(libc::fcntl(fd, libc::F_GETFD)) })),
    ("inherited-environment", |_| std::env::vars_os().next().is_some()),
    // The network.
    ("tcp-connect", |aim| unsafe {
        let (socket, to) = (libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0), inet(aim.tcp));
        ok(socket) && ok(libc::connect(socket, (&raw const to).cast(), size_of_val(&to) as u32))
    }),
    ("udp-send", |aim| unsafe {
        let (socket, to) = (libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0), inet(aim.udp));
        let length = size_of_val(&to) as u32;
        ok(socket) && libc::sendto(socket, c"x".as_ptr().cast(), 1, 0, (&raw const to).cast(), length) == 1
    }),
    ("tcp-listen", |_| unsafe {
        let (socket, any) = (libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0), inet(0));
        ok(socket)
            && ok(libc::bind(socket, (&raw const any).cast(), size_of_val(&any) as u32))
            && ok(libc::listen(socket, 1))
    }),
    ("unix-connect", |aim| connect_unix(planted(aim, "socket").as_bytes())),
    ("abstract-connect", |aim| connect_unix(&[&[0], aim.abstract_name.as_bytes()].concat())),
    ("socketpair", |_| unsafe {
        let mut pair = [0; 2];
        ok(libc::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0, pair.as_mut_ptr()))
    }),
    ("netlink", |_| socket(libc::AF_NETLINK, libc::SOCK_RAW)),
    ("udp6-socket", |_| socket(libc::AF_INET6, libc::SOCK_DGRAM)),
    ("io-uring", |_| unsafe {
        let mut parameters = [0_u8; 120];
        libc::syscall(libc::SYS_io_uring_setup, 4, parameters.as_mut_ptr()) >= 0
    }),
    // Other processes.
    ("fork", |_| unsafe {
        match libc::fork() {
            0 => libc::_exit(0),
            child => ok(child),
        }
    }),
    ("vfork-by-clone", |_| unsafe {
        match libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) {
            0 => libc::_exit(0),
            child => child > 0,
        }
    }),
    ("thread", |_| {
        extern "C" fn nothing(_: *mut c_void) -> *mut c_void {
            null_mut()
        }
        unsafe {
            let mut thread = 0;
            libc::pthread_create(&raw mut thread, null(), nothing, null_mut()) == 0
        }
    }),
    ("exec", |_| unsafe {
        let arguments = [c"/bin/sh".as_ptr(), c"-c".as_ptr(), c"echo escaped".as_ptr(), null()];
        libc::execve(c"/bin/sh".as_ptr(), arguments.as_ptr(), [null()].as_ptr());
        false
    }),
    ("exec-planted", |aim| unsafe {
        let program = planted(aim, "program");
        libc::execve(program.as_ptr(), [program.as_ptr(), null()].as_ptr(), [null()].as_ptr());
        false
    }),
    ("signal-victim", |aim| unsafe { ok(libc::kill(aim.victim, 0)) }),
    ("signal-by-tgkill", |aim| call(libc::SYS_tgkill, aim.victim as usize, aim.victim as usize, 0, 0)),
    ("trace-victim", |aim| unsafe { ok(libc::ptrace(libc::PTRACE_SEIZE, aim.victim, 0, 0) as c_int) }),
    ("read-victim-memory", |aim| unsafe {
        let mut byte = 0_u8;
        let local = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
        libc::process_vm_readv(aim.victim, &raw const local, 1, &raw const local, 1, 0);
        // A permitted call fails on the address (EFAULT), a forbidden one on the right.
        not_refused() && io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT)
    }),
    ("pidfd-of-victim", |aim| call(libc::SYS_pidfd_open, aim.victim as usize, 0, 0, 0)),
    ("prlimit-of-victim", |aim| unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        ok(libc::prlimit(aim.victim, libc::RLIMIT_NOFILE, null(), &raw mut limit))
    }),
    ("affinity-of-victim", |aim| unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        ok(libc::sched_getaffinity(aim.victim, size_of_val(&set), &raw mut set))
    }),
    ("leave-process-group", |_| unsafe { ok(libc::setsid()) }),
    ("nice-of-victim", |aim| unsafe { ok(libc::setpriority(libc::PRIO_PROCESS, aim.victim as u32, 1)) }),
    // Namespaces and mounts.
    ("unshare-user", |_| unsafe { ok(libc::unshare(libc::CLONE_NEWUSER)) }),
    ("unshare-net", |_| unsafe { ok(libc::unshare(libc::CLONE_NEWNET)) }),
    ("mount-tmpfs", |aim| unsafe {
        ok(libc::unshare(libc::CLONE_NEWNS))
            && ok(libc::mount(c"t".as_ptr(), planted(aim, "").as_ptr(), c"tmpfs".as_ptr(), 0, null()))
    }),
    ("chroot", |_| unsafe { ok(libc::chroot(c"/".as_ptr())) }),
    ("host-name", |_| unsafe {
        // The name it has already: nothing changes, but only someone with the right is let through.
        let mut name = [0_i8; 65];
        libc::gethostname(name.as_mut_ptr().cast(), 64);
        ok(libc::sethostname(name.as_ptr().cast(), libc::strlen(name.as_ptr().cast())))
    }),
    // Rights.
    ("become-root", |_| unsafe { ok(libc::setresuid(0, 0, 0)) }),
    ("keep-capabilities", |_| unsafe { ok(libc::prctl(libc::PR_SET_KEEPCAPS, 1, 0, 0, 0)) }),
    ("bpf", |_| unsafe {
        // BPF_MAP_CREATE of an array of four bytes.
        let mut attributes = [0_u32; 32];
        attributes[..4].copy_from_slice(&[2, 4, 4, 1]);
        libc::syscall(libc::SYS_bpf, 0, attributes.as_mut_ptr(), 128) >= 0
    }),
    ("perf-events", |_| unsafe {
        let mut attributes = [0_u32; 32];
        (attributes[0], attributes[1]) = (1, 128);
        libc::syscall(libc::SYS_perf_event_open, attributes.as_ptr(), 0, -1, -1, 0) >= 0
    }),
    ("userfaultfd", |_| call(libc::SYS_userfaultfd, libc::O_CLOEXEC as usize, 0, 0, 0)),
    ("add-key", |_| unsafe {
        libc::syscall(libc::SYS_add_key, c"user".as_ptr(), c"k".as_ptr(), c"v".as_ptr(), 1, -1) >= 0
    }),
    ("kernel-log", |_| unsafe { ok(libc::klogctl(10, null_mut(), 0)) }),
    ("shared-memory", |_| unsafe {
        let id = libc::shmget(libc::IPC_PRIVATE, 4096, libc::IPC_CREAT | 0o600);
        ok(id) && ok(libc::shmctl(id, libc::IPC_RMID, null_mut()))
    }),
    ("message-queue", |_| unsafe {
        let id = libc::msgget(libc::IPC_PRIVATE, libc::IPC_CREAT | 0o600);
        ok(id) && ok(libc::msgctl(id, libc::IPC_RMID, null_mut()))
    }),
    ("clock-adjust", |_| unsafe {
        let mut reading: libc::timex = std::mem::zeroed();
        ok(libc::adjtimex(&raw mut reading))
    }),
    ("real-time-priority", |_| unsafe {
        let priority = libc::sched_param { sched_priority: 1 };
        ok(libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const priority))
    }),
    // Memory and limits.
    ("writable-code", |_| {
        map(4096, libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC) != libc::MAP_FAILED
    }),
    ("make-code", |_| unsafe {
        let page = map(4096, libc::PROT_READ | libc::PROT_WRITE);
        page != libc::MAP_FAILED && ok(libc::mprotect(page, 4096, libc::PROT_READ | libc::PROT_EXEC))
    }),
    ("data-becomes-code", |_| unsafe { ok(libc::personality(0x0040_0000)) }),
    ("two-gigabytes", |_| map(2 << 30, libc::PROT_READ | libc::PROT_WRITE) != libc::MAP_FAILED),
    ("raise-a-limit", |_| unsafe {
        let limit = libc::rlimit { rlim_cur: 4096, rlim_max: 4096 };
        ok(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit))
    }),
    ("ioctl-on-stream", |_| unsafe {
        let mut waiting: c_int = 0;
        ok(libc::ioctl(0, libc::FIONREAD, &raw mut waiting))
    }),
    #[cfg(target_arch = "x86_64")]
    ("thirty-two-bit-call", |_| {
        // getuid by its number of the 32-bit table, which a filter by 64-bit numbers alone would read as another call.
        let mut result: u32 = 199;
        unsafe { std::arch::asm!("int 0x80", inout("eax") result) };
        (result as i32) >= 0
    }),
];
