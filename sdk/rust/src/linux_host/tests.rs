use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use super::*;
use crate::evidence::CheckResult;

/// A planted tree: files with their modes.
struct Tree {
    dir: tempfile::TempDir,
}

impl Tree {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self { dir }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path.trim_start_matches('/'))
    }

    fn directory(&self, path: &str, mode: u32) -> &Self {
        fs::create_dir_all(self.path(path)).unwrap();
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    fn file(&self, path: &str, mode: u32, text: &str) -> &Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    fn options(&self) -> Options {
        let uid = fs::metadata(self.dir.path()).unwrap().uid();
        Options { root: self.dir.path().to_owned(), owner_uid: uid, ..Options::default() }
    }

    fn run(&self, check: Check) -> CheckReport {
        check(&self.options())
    }
}

fn objects(report: &CheckReport) -> Vec<&str> {
    let all: Vec<&str> = report.findings.iter().map(|finding| finding["object"].as_str()).collect();
    for finding in &report.findings {
        for member in ["severity", "detail", "remediation"] {
            assert!(!finding[member].is_empty(), "{finding:?}");
        }
    }
    all
}

/// A machine that is hardened in everything that is checked.
fn hardened() -> Tree {
    let tree = Tree::new();
    tree.file("/etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/bash\n")
        .file("/etc/group", 0o644, "root:x:0:\nsudo:x:27:alice\n")
        .file("/etc/shadow", 0o640, "root:!:19000:0:99999:7:::\nalice:$y$j9T$abc$def:19000:0:99999:7:::\n")
        .file("/etc/gshadow", 0o640, "root:*::\n")
        .file("/usr/sbin/sshd", 0o755, "")
        .file(
            "/etc/ssh/sshd_config",
            0o600,
            "Include /etc/ssh/sshd_config.d/*.conf\nPermitRootLogin yes\nX11Forwarding no\n\
             Ciphers aes256-gcm@openssh.com,chacha20-poly1305@openssh.com\n",
        )
        .file("/etc/ssh/sshd_config.d/10-hard.conf", 0o600, "PermitRootLogin no\nPasswordAuthentication no\n")
        .file("/etc/ssh/sshd_config.d/ignored.txt", 0o600, "PermitEmptyPasswords yes\n")
        .file(
            "/etc/sudoers",
            0o440,
            "# comment\nDefaults env_reset, use_pty\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n",
        )
        .file("/etc/sudoers.d/backup", 0o440, "backup ALL=(root) /usr/bin/rsync --server\n")
        .file("/etc/sudoers.d/README.txt", 0o440, "ALL ALL=(ALL) NOPASSWD: ALL\n")
        .directory("/tmp", 0o1777)
        .file("/usr/bin/tool", 0o755, "");
    for (setting, value) in [
        ("kernel/kptr_restrict", "2"),
        ("kernel/dmesg_restrict", "1"),
        ("kernel/randomize_va_space", "2"),
        ("net/ipv4/tcp_syncookies", "1"),
        ("net/ipv4/conf/all/rp_filter", "2"),
        ("net/ipv4/conf/all/accept_redirects", "0"),
    ] {
        tree.file(&format!("/proc/sys/{setting}"), 0o644, &format!("{value}\n"));
    }
    let head =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
    let line = |n: u32, local: &str, remote: &str, state: &str, inode: u32| {
        format!(
            "{n:4}: {local} {remote} {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1 0 100 0 0 10 0\n"
        )
    };
    let tcp = [
        head.to_owned(),
        line(0, "00000000:0016", "00000000:0000", "0A", 11),
        line(1, "0100007F:1F90", "00000000:0000", "0A", 12),
        line(2, "0A00000A:A1B2", "0B00000A:01BB", "01", 13),
    ];
    tree.file("/proc/net/tcp", 0o444, &tcp.concat());
    for table in ["tcp6", "udp", "udp6"] {
        tree.file(&format!("/proc/net/{table}"), 0o444, head);
    }
    tree
}

#[test]
fn a_hardened_machine_passes_every_check() {
    let reports = run(&hardened().options());
    for report in &reports {
        assert_eq!(report.result, CheckResult::Pass, "{report:#?}");
        assert!(report.checked > 0 && report.findings.is_empty(), "{report:#?}");
        assert_eq!(report.clone().into_evidence().validate(), Ok(()));
    }
    let checks: BTreeSet<&str> = reports.iter().map(|report| report.check.as_str()).collect();
    assert_eq!(checks.len(), CHECKS.len());
}

/// The catalogue that ships with the product has every control that the checks name.
#[test]
fn the_starter_catalogue_has_the_controls() {
    let catalogue: serde_json::Value =
        serde_json::from_str(include_str!("../../../../aggregates/catalogs/starter.json")).unwrap();
    let groups = catalogue["groups"].as_array().unwrap();
    let controls = groups.iter().flat_map(|group| group["controls"].as_array().unwrap());
    let known: BTreeSet<&str> = controls.map(|control| control["id"].as_str().unwrap()).collect();
    for report in run(&Tree::new().options()) {
        let mut starter = report.controls.iter().filter(|control| control.framework == "starter").peekable();
        assert!(starter.peek().is_some(), "{}", report.check);
        assert!(starter.all(|control| known.contains(control.control.as_str())), "{}", report.check);
        assert!(report.controls.iter().any(|control| control.framework == "nist-800-53"), "{}", report.check);
    }
}

#[test]
fn an_empty_tree_is_never_a_pass() {
    let tree = Tree::new();
    for report in run(&tree.options()) {
        let expected = match report.check.as_str() {
            "linux-host/sshd" | "linux-host/sudoers" => CheckResult::NotApplicable,
            _ => CheckResult::Inconclusive,
        };
        assert_eq!((report.result, report.checked), (expected, 0), "{report:#?}");
    }
}

#[test]
fn accounts() {
    let tree = hardened();
    tree.file(
        "/etc/passwd",
        0o666,
        "root:x:0:0::/root:/bin/bash\ntoor:x:0:0::/:/bin/sh\nopen::1001:1001::/:/bin/sh\n\
         a:x:1002:1::/:/bin/sh\nb:x:1002:1::/:/bin/sh\n+::::::\nbroken\n",
    )
    .file(
        "/etc/shadow",
        0o644,
        "root:!:1::::::\nempty::1::::::\nmd5:$1$aa$bb:1::::::\ndes:aaaaaaaaaaaaa:1::::::\n",
    );
    let report = tree.run(accounts::check);
    assert_eq!(
        objects(&report),
        [
            "/etc/passwd",
            "/etc/shadow",
            "account open",
            "account +",
            "/etc/passwd",
            "account toor",
            "uid 1002",
            "account empty",
            "account md5",
            "account des",
        ]
    );
    assert_eq!((report.result, report.checked, report.skipped), (CheckResult::Fail, 4 + 7 + 4, 0));

    // What cannot be read is skipped and counted, not passed over.
    fs::remove_file(tree.path("/etc/shadow")).unwrap();
    tree.file("/etc/passwd", 0o644, "root:x:0:0::/root:/bin/bash\n");
    let report = tree.run(accounts::check);
    assert_eq!((report.result, report.checked, report.skipped), (CheckResult::Pass, 4, 2));
    assert!(report.summary.contains("/etc/shadow"), "{}", report.summary);
}

#[test]
fn kernel_settings() {
    let tree = hardened();
    for (setting, value) in [
        ("kernel/kptr_restrict", "0"),
        ("kernel/sysrq", "1"),
        ("net/ipv4/conf/all/rp_filter", "0"),
        ("net/ipv4/conf/all/accept_redirects", "1"),
        ("kernel/dmesg_restrict", "garbage"),
    ] {
        tree.file(&format!("/proc/sys/{setting}"), 0o644, value);
    }
    let report = tree.run(kernel::check);
    assert_eq!(
        objects(&report),
        [
            "kernel.kptr_restrict",
            "kernel.sysrq",
            "net.ipv4.conf.all.rp_filter",
            "net.ipv4.conf.all.accept_redirects"
        ]
    );
    assert_eq!((report.checked, report.skipped), (6, 18));
}

#[test]
fn sshd_settings_defaults_includes_and_conditions() {
    let tree = hardened();
    tree.file(
        "/etc/ssh/sshd_config.d/10-hard.conf",
        0o600,
        "permitrootlogin=YES\nMACs hmac-sha2-256,hmac-md5\n",
    )
    .file(
        "/etc/ssh/sshd_config",
        0o600,
        "Include sshd_config.d/*.conf\nPermitRootLogin no\nLoginGraceTime 0\nMatch Address 10.0.0.0/8\n  \
             PermitEmptyPasswords yes\n  X11Forwarding no\nMatch all\nLogLevel QUIET\n",
    );
    let report = tree.run(sshd::check);
    assert_eq!(
        objects(&report),
        [
            "permitrootlogin",
            "passwordauthentication",
            "logingracetime",
            "loglevel",
            "macs",
            "permitemptypasswords in Match Address 10.0.0.0/8"
        ]
    );
    assert!(report.findings[1]["detail"].contains("by default"));

    fs::remove_file(tree.path("/etc/ssh/sshd_config")).unwrap();
    let report = tree.run(sshd::check);
    assert_eq!((report.result, report.checked, report.skipped), (CheckResult::Inconclusive, 0, 1));
}

#[test]
fn sudoers_rules_includes_and_aliases() {
    let tree = hardened();
    tree.file(
        "/etc/sudoers",
        0o442,
        "Defaults timestamp_timeout=-1\nDefaults:alice !authenticate\nCmnd_Alias EVERY = ALL\n\
         alice ALL = (ALL) EVERY\n%sudo ALL=(ALL:ALL) ALL\nbob ALL=(root) NOPASSWD: /usr/bin/apt, \\\n  /usr/bin/dpkg\n\
         #1001 ALL=(ALL) NOPASSWD:ALL\nALL ALL=(ALL) ALL\n#includedir sudoers.d\n@include /etc/missing\n",
    );
    let report = tree.run(sudoers::check);
    assert_eq!(
        objects(&report),
        [
            "/etc/sudoers",
            "/etc/sudoers",
            "/etc/sudoers",
            "/etc/sudoers: alice",
            "/etc/sudoers: bob",
            "/etc/sudoers: #1001",
            "/etc/sudoers: ALL"
        ]
    );
    assert_eq!(report.findings[5]["severity"], "critical");
    assert_eq!(report.findings[4]["severity"], "medium");
    assert_eq!((report.skipped, report.checked), (1, 2 + 2 + 5 + 1));
}

#[test]
fn files_that_everyone_may_write() {
    let tree = hardened();
    tree.file("/etc/open.conf", 0o666, "").directory("/opt/drop", 0o777).directory("/var/tmp", 0o1777);
    tree.file("/var/tmp/own", 0o600, "");
    symlink("/etc/shadow", tree.path("/opt/link")).unwrap();
    let report = tree.run(writable::check);
    let mut found = objects(&report);
    found.sort_unstable();
    assert_eq!(found, ["/etc/open.conf", "/opt/drop"]);

    // Cut short without findings: no pass.
    let hard = hardened();
    let report = writable::check(&Options { walk_entries_max: 3, ..hard.options() });
    assert_eq!((report.result, report.checked), (CheckResult::Inconclusive, 3));
    assert!(report.summary.contains("stopped after 3"), "{}", report.summary);
}

#[test]
fn services_on_the_network_and_their_owners() {
    let tree = hardened();
    let tcp = fs::read_to_string(tree.path("/proc/net/tcp")).unwrap();
    let more = tcp.lines().nth(1).unwrap().replace(":0016", ":1538").replace(" 11 1 ", " 77 1 ");
    tree.file("/proc/net/tcp", 0o444, &format!("{tcp}{more}\n"));
    let head = tcp.lines().next().unwrap();
    let six = "   0: 00000000000000000000000000000000:1538 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 78 1";
    tree.file("/proc/net/tcp6", 0o444, &format!("{head}\n{six}\n"));
    let udp = "   0: 00000000:0035 00000000:0000 07 0:0 00:0 0 0 0 79 1\n   1: 00000000:9999 01010101:0035 07 0:0 00:0 0 0 0 80 1";
    tree.file("/proc/net/udp", 0o444, &format!("{head}\n{udp}\n"));
    tree.file("/proc/4242/comm", 0o444, "postgres\n").directory("/proc/4242/fd", 0o755);
    for (descriptor, inode) in [("3", 77), ("4", 78)] {
        symlink(format!("socket:[{inode}]"), tree.path(&format!("/proc/4242/fd/{descriptor}"))).unwrap();
    }
    let report = tree.run(sockets::check);
    assert_eq!(objects(&report), ["tcp/5432", "udp/53"]);
    let detail = &report.findings[0]["detail"];
    assert!(detail.contains("postgres (pid 4242)") && detail.contains("0.0.0.0, ::"), "{detail}");
    assert!(report.findings[1]["detail"].contains("not visible"));
    assert_eq!((report.checked, report.skipped), (4 + 5, 0));

    let allowed = Options {
        allowed_ports: vec!["tcp/22".into(), "tcp/5432".into(), "udp/53".into()],
        ..tree.options()
    };
    assert_eq!(sockets::check(&allowed).result, CheckResult::Pass);
    fs::remove_dir_all(tree.path("/proc/net")).unwrap();
    let report = tree.run(sockets::check);
    assert_eq!((report.result, report.checked, report.skipped), (CheckResult::Inconclusive, 0, 4));
}

/// The machine that runs the tests is looked at too: nothing may panic, whatever it is like.
#[test]
fn the_running_system_can_be_checked() {
    for report in run(&Options { walk: vec![PathBuf::from("/etc")], ..Options::default() }) {
        assert_eq!(report.into_evidence().validate(), Ok(()));
    }
}
