//! Kernel settings under `/proc/sys`.

use super::{Options, Plan};
use crate::report::{CheckReport, Severity, Tally};

/// The check's name, headline and controls.
pub const PLAN: Plan = Plan {
    check: "linux-host/kernel-settings",
    title: "Kernel settings that harden the machine",
    controls: &[("starter", "host-4"), ("nist-800-53", "cm-6"), ("nist-800-53", "si-16")],
};

/// A setting: its path, the values that are accepted, the one that is advised, and why.
struct Setting(&'static str, fn(i64) -> bool, i64, Severity, &'static str);

const SETTINGS: [Setting; 24] = [
    Setting(
        "kernel/kptr_restrict",
        at_least_1,
        1,
        Severity::Medium,
        "kernel addresses are shown to everyone",
    ),
    Setting("kernel/dmesg_restrict", at_least_1, 1, Severity::Low, "the kernel log can be read by everyone"),
    Setting("kernel/randomize_va_space", two, 2, Severity::High, "memory addresses are not fully random"),
    Setting(
        "kernel/yama/ptrace_scope",
        at_least_1,
        1,
        Severity::Medium,
        "a process can read the memory of any other of its user",
    ),
    Setting(
        "kernel/unprivileged_bpf_disabled",
        at_least_1,
        1,
        Severity::Medium,
        "everyone may load BPF programs",
    ),
    Setting(
        "kernel/perf_event_paranoid",
        at_least_2,
        2,
        Severity::Low,
        "everyone may watch the kernel's performance events",
    ),
    Setting("kernel/sysrq", not_one, 176, Severity::Low, "all functions of the SysRq key are on"),
    Setting("fs/protected_hardlinks", one, 1, Severity::Medium, "hard links to files of others can be made"),
    Setting(
        "fs/protected_symlinks",
        one,
        1,
        Severity::Medium,
        "symbolic links in /tmp of others are followed",
    ),
    Setting("fs/protected_fifos", at_least_1, 1, Severity::Low, "named pipes of others in /tmp are opened"),
    Setting(
        "fs/protected_regular",
        at_least_1,
        1,
        Severity::Low,
        "files of others in /tmp are opened for writing",
    ),
    Setting(
        "fs/suid_dumpable",
        not_one,
        0,
        Severity::Medium,
        "core dumps of privileged programs are written",
    ),
    Setting(
        "net/ipv4/tcp_syncookies",
        at_least_1,
        1,
        Severity::Medium,
        "a flood of SYN packets exhausts the machine",
    ),
    Setting(
        "net/ipv4/conf/all/rp_filter",
        one_or_two,
        1,
        Severity::Medium,
        "packets with forged sender addresses are accepted",
    ),
    Setting(
        "net/ipv4/conf/all/accept_redirects",
        zero,
        0,
        Severity::Medium,
        "others can change the routes by ICMP",
    ),
    Setting(
        "net/ipv4/conf/default/accept_redirects",
        zero,
        0,
        Severity::Medium,
        "others can change the routes by ICMP",
    ),
    Setting(
        "net/ipv4/conf/all/secure_redirects",
        zero,
        0,
        Severity::Low,
        "gateways can change the routes by ICMP",
    ),
    Setting(
        "net/ipv4/conf/all/send_redirects",
        zero,
        0,
        Severity::Low,
        "the machine tells others to change their routes",
    ),
    Setting(
        "net/ipv4/conf/all/accept_source_route",
        zero,
        0,
        Severity::Medium,
        "senders can choose the route of packets",
    ),
    Setting(
        "net/ipv4/icmp_echo_ignore_broadcasts",
        one,
        1,
        Severity::Low,
        "the machine answers pings to broadcast addresses",
    ),
    Setting(
        "net/ipv4/icmp_ignore_bogus_error_responses",
        one,
        1,
        Severity::Low,
        "bogus ICMP answers fill the log",
    ),
    Setting(
        "net/ipv6/conf/all/accept_redirects",
        zero,
        0,
        Severity::Medium,
        "others can change the routes by ICMPv6",
    ),
    Setting(
        "net/ipv6/conf/default/accept_redirects",
        zero,
        0,
        Severity::Medium,
        "others can change the routes by ICMPv6",
    ),
    Setting(
        "net/ipv6/conf/all/accept_source_route",
        at_most_0,
        0,
        Severity::Medium,
        "senders can choose the route of packets",
    ),
];

const fn zero(value: i64) -> bool {
    value == 0
}
const fn one(value: i64) -> bool {
    value == 1
}
const fn two(value: i64) -> bool {
    value == 2
}
const fn one_or_two(value: i64) -> bool {
    value == 1 || value == 2
}
const fn not_one(value: i64) -> bool {
    value != 1
}
const fn at_least_1(value: i64) -> bool {
    value >= 1
}
const fn at_least_2(value: i64) -> bool {
    value >= 2
}
const fn at_most_0(value: i64) -> bool {
    value <= 0
}

/// Runs the check.
pub fn check(options: &Options) -> CheckReport {
    let mut tally = Tally::default();
    for Setting(path, accepted, advised, severity, why) in &SETTINGS {
        let name = path.replace('/', ".");
        let text = match options.read(format!("/proc/sys/{path}")) {
            Ok(text) => text,
            // Not every kernel has every setting, and containers hide some.
            Err(error) => {
                tally.skip(name, error);
                continue;
            }
        };
        let Ok(value) = text.trim().parse::<i64>() else {
            tally.skip(name, "not a number");
            continue;
        };
        tally.check();
        if !accepted(value) {
            tally.finding(
                *severity,
                name.as_str(),
                format!("is {value}: {why}"),
                format!("set {name} = {advised} in /etc/sysctl.d/90-hardening.conf and run sysctl --system"),
            );
        }
    }
    PLAN.report(tally)
}
