//! What the attempts aim at, and how they are run and judged.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use ledger_sandbox::{Layer, harden};
use seccompiler::{SeccompAction, SeccompFilter};

pub enum End {
    Escaped,
    Held,
    Refused(String),
}

pub struct Stage {
    folder: PathBuf,
    program: PathBuf,
    victim: Child,
    tcp: TcpListener,
    udp: UdpSocket,
    abstract_name: String,
    _listeners: [UnixListener; 2],
    pub is_root: bool,
}

impl Stage {
    pub fn set() -> Self {
        let folder = std::env::temp_dir().join(format!("ledger-escapes-{}", std::process::id()));
        std::fs::create_dir(&folder).expect("a folder of our own");
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o777)).expect("open to nobody");
        for name in ["read", "chmod", "rename", "unlink"] {
            std::fs::write(folder.join(name), "planted").expect("planted");
        }
        let script = folder.join("program");
        std::fs::write(&script, "#!/bin/sh\necho escaped\n").expect("planted");
        // A copy of its own, so that nobody may load it wherever the build folder lies.
        let program = folder.join("escapes");
        std::fs::copy(std::env::current_exe().expect("own path"), &program).expect("copied");
        for file in [&script, &program] {
            std::fs::set_permissions(file, PermissionsExt::from_mode(0o755)).expect("executable");
        }
        let abstract_name = format!("ledger-escapes-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&abstract_name).expect("a name");
        let listeners = [
            UnixListener::bind(folder.join("socket")).expect("a unix socket"),
            UnixListener::bind_addr(&address).expect("an abstract socket"),
        ];
        std::fs::set_permissions(folder.join("socket"), PermissionsExt::from_mode(0o777))
            .expect("open to nobody");
        // A descriptor without close-on-exec, for an adapter to inherit by mistake.
        assert!(unsafe { libc::dup(0) } > 2);
        Self {
            victim: Command::new("/bin/sleep").arg("600").spawn().expect("a victim"),
            tcp: TcpListener::bind("127.0.0.1:0").expect("a listener"),
            udp: UdpSocket::bind("127.0.0.1:0").expect("a socket"),
            is_root: unsafe { libc::geteuid() } == 0,
            folder,
            program,
            abstract_name,
            _listeners: listeners,
        }
    }

    /// Runs one attempt as the host would run an adapter; with no layer it is not even hardened.
    pub fn run(&self, profile: &str, given_up: &str, attempt: &str, without: Option<Layer>) -> End {
        for name in ["rename", "unlink"] {
            std::fs::write(self.folder.join(name), "planted").expect("planted");
        }
        for name in ["made", "link", "fifo", "renamed"] {
            let _absent = std::fs::remove_file(self.folder.join(name));
        }
        let _absent = std::fs::remove_dir(self.folder.join("folder"));
        let mut command = Command::new(&self.program);
        if let Some(layer) = without {
            command.args(["kernel-without", layer.name()]);
        }
        let port =
            |address: std::io::Result<std::net::SocketAddr>| address.expect("bound").port().to_string();
        command
            .args(["adapter", profile, given_up, attempt])
            .arg(&self.folder)
            .arg(self.victim.id().to_string())
            .args([port(self.tcp.local_addr()), port(self.udp.local_addr()), self.abstract_name.clone()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let control = given_up.split(',').count() == Layer::ALL.len();
        if !control {
            harden(&mut command);
        }
        let output = command.output().expect("spawned");
        let text = String::from_utf8_lossy(&output.stdout);
        if let Some(reason) = text.lines().find_map(|line| line.strip_prefix("refused: ")) {
            return End::Refused(reason.into());
        }
        if text.lines().any(|line| line == "escaped") {
            return End::Escaped;
        }
        // A loader that cannot open its library ends with 127; a panic of this program is no success of the sandbox.
        let killed = output.status.signal().is_some() || output.status.code() == Some(127);
        let held = text.lines().any(|line| line == "held");
        assert!(
            held || killed,
            "{attempt}: {text} {:?} {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        End::Held
    }

    /// Kills a host that has an adapter which hears nothing, and waits until the adapter's processes are gone.
    pub fn dead_host_leaves_nothing(&self, profile: &str) -> bool {
        let mut host = Command::new(&self.program)
            .args(["idle-host"])
            .arg(&self.program)
            .arg(profile)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("spawned");
        let mut line = String::new();
        BufReader::new(host.stdout.take().expect("piped")).read_line(&mut line).expect("the adapter's ids");
        let ids: Vec<String> = line.split_whitespace().map(String::from).collect();
        assert!(!ids.is_empty() && ids.iter().all(|id| alive(id)), "{line}");
        host.kill().expect("killed");
        host.wait().expect("waited");
        for _ in 0..2000 {
            if !ids.iter().any(|id| alive(id)) {
                return true;
            }
            std::thread::yield_now();
            std::thread::park_timeout(std::time::Duration::from_millis(1));
        }
        false
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _gone = self.victim.kill();
        let _gone = self.victim.wait();
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}

fn alive(id: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// `idle-host PROGRAM PROFILE`: spawns an adapter that does not listen to its input, which would tell it of the end, prints
/// the ids of its processes, and waits to be killed.
pub fn idle_host(arguments: &[String]) -> ExitCode {
    let mut command = Command::new(&arguments[0]);
    command.args(["adapter", &arguments[1], "", "stay"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    harden(&mut command);
    let mut adapter = command.spawn().expect("spawned");
    let mut line = String::new();
    BufReader::new(adapter.stdout.take().expect("piped")).read_line(&mut line).expect("ready");
    assert!(line.starts_with("ready"), "{line}");
    let outer = adapter.id();
    let inner = std::fs::read_to_string(format!("/proc/{outer}/task/{outer}/children")).unwrap_or_default();
    println!("{outer} {inner}");
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest).expect("stdin");
    let _ended = adapter.wait();
    ExitCode::SUCCESS
}

/// `kernel-without LAYER ARGUMENTS…`: the same program on a kernel that refuses what the layer is made of.
pub fn kernel_without(arguments: &[String]) -> ExitCode {
    let layer: Layer = arguments[0].parse().expect("a layer");
    let (calls, errno): (&[libc::c_long], i32) = match layer {
        Layer::Landlock => (&[libc::SYS_landlock_create_ruleset], libc::ENOSYS),
        Layer::Rlimits => (&[libc::SYS_setrlimit, libc::SYS_prlimit64], libc::EPERM),
        Layer::Seccomp => (&[libc::SYS_seccomp], libc::ENOSYS),
        Layer::NoNewPrivs => (&[libc::SYS_prctl], libc::EINVAL),
        other => panic!("{other} is not mandatory"),
    };
    let mut rules = BTreeMap::new();
    for call in calls {
        let matching = match layer {
            Layer::NoNewPrivs => vec![
                seccompiler::SeccompRule::new(vec![
                    seccompiler::SeccompCondition::new(
                        0,
                        seccompiler::SeccompCmpArgLen::Dword,
                        seccompiler::SeccompCmpOp::Eq,
                        libc::PR_SET_NO_NEW_PRIVS as u64,
                    )
                    .expect("a condition"),
                ])
                .expect("a rule"),
            ],
            _ => Vec::new(),
        };
        rules.insert(*call, matching);
    }
    let action = SeccompAction::Errno(errno as u32);
    let arch = std::env::consts::ARCH.try_into().expect("a known architecture");
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, arch).expect("a filter");
    let program: seccompiler::BpfProgram = filter.try_into().expect("a program");
    seccompiler::apply_filter(&program).expect("applied");
    let own: &Path = &std::env::current_exe().expect("own path");
    let error = Command::new(own).args(&arguments[1..]).exec();
    panic!("{error}");
}
