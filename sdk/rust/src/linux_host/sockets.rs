//! What listens for the network, and which process it belongs to.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Options, Plan};
use crate::report::{CheckReport, Severity, Tally};

/// The check's name, headline and controls.
pub const PLAN: Plan = Plan {
    check: "linux-host/listening-sockets",
    title: "Services that listen on the network",
    controls: &[("starter", "host-5"), ("nist-800-53", "cm-7"), ("nist-800-53", "sc-7")],
};

/// The state TCP_LISTEN, and TCP_CLOSE, which an unconnected UDP socket has (include/net/tcp_states.h).
const TABLES: [(&str, &str, &str); 4] =
    [("tcp", "tcp", "0A"), ("tcp6", "tcp", "0A"), ("udp", "udp", "07"), ("udp6", "udp", "07")];

#[derive(Debug, PartialEq, Eq)]
struct Listener {
    protocol: &'static str,
    address: IpAddr,
    port: u16,
    inode: u64,
}

/// One port: where it can be reached, and whose it is.
#[derive(Default)]
struct Exposed {
    addresses: Vec<String>,
    owners: Vec<String>,
}

/// Runs the check.
pub fn check(options: &Options) -> CheckReport {
    let mut tally = Tally::default();
    let mut listeners = Vec::new();
    for (table, protocol, state) in TABLES {
        let path = format!("/proc/net/{table}");
        match options.read(&path) {
            Ok(text) => {
                // An empty table was looked at too: nothing listens there.
                tally.check();
                listeners.extend(text.lines().skip(1).filter_map(|line| listener(line, protocol, state)));
            }
            Err(error) => tally.skip(path, error),
        }
    }
    tally.check_many(listeners.len());
    let exposed: Vec<&Listener> =
        listeners.iter().filter(|l| reachable(l.address) && !allowed(options, l)).collect();
    let owners = if exposed.is_empty() { HashMap::new() } else { owners(options) };
    let mut by_port: BTreeMap<(&str, u16), Exposed> = BTreeMap::new();
    for listener in exposed {
        let entry = by_port.entry((listener.protocol, listener.port)).or_default();
        push_new(&mut entry.addresses, listener.address.to_string());
        let unknown = || "a process that is not visible to this user".to_owned();
        push_new(&mut entry.owners, owners.get(&listener.inode).cloned().unwrap_or_else(unknown));
    }
    for ((protocol, port), Exposed { addresses, owners }) in by_port {
        tally.finding(
            Severity::Medium,
            format!("{protocol}/{port}"),
            format!("{} listens on {}", owners.join(", "), addresses.join(", ")),
            format!("bind it to 127.0.0.1, stop it, or allow \"{protocol}/{port}\" in the probe file if it is intended"),
        );
    }
    PLAN.report(tally)
}

fn push_new(list: &mut Vec<String>, text: String) {
    if !list.contains(&text) {
        list.push(text);
    }
}

fn allowed(options: &Options, listener: &Listener) -> bool {
    options.allowed_ports.iter().any(|port| *port == format!("{}/{}", listener.protocol, listener.port))
}

const fn reachable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_loopback(),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => !v4.is_loopback(),
            None => !v6.is_loopback(),
        },
    }
}

/// One line: `sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode …`.
fn listener(line: &str, protocol: &'static str, state: &str) -> Option<Listener> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (address, port) = fields.get(1)?.split_once(':')?;
    // A connected UDP socket has a remote port.
    if *fields.get(3)? != state || !fields.get(2)?.ends_with(":0000") {
        return None;
    }
    Some(Listener {
        protocol,
        address: parse_address(address)?,
        port: u16::from_str_radix(port, 16).ok()?,
        inode: fields.get(9)?.parse().ok()?,
    })
}

/// The kernel prints addresses as 32-bit words in the byte order of the machine, which is little-endian here.
fn parse_address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(hex.get(at..at + 8)?, 16).ok()?.to_le_bytes());
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let mut bytes = [0; 16];
            for (n, chunk) in bytes.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(n * 8)?);
            }
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

/// Which process holds which socket: `/proc/<pid>/fd/*` link to `socket:[<inode>]`.
fn owners(options: &Options) -> HashMap<u64, String> {
    let mut owners = HashMap::new();
    for process in fs::read_dir(options.path("/proc")).into_iter().flatten().flatten() {
        let name = process.file_name().to_string_lossy().into_owned();
        if !name.bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        let command = options.read(format!("/proc/{name}/comm")).unwrap_or_default();
        for descriptor in fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten() {
            let Ok(target) = fs::read_link(descriptor.path()) else { continue };
            let inode =
                target.to_str().and_then(|t| t.strip_prefix("socket:[")).and_then(|t| t.strip_suffix(']'));
            if let Some(inode) = inode.and_then(|text| text.parse().ok()) {
                owners.entry(inode).or_insert_with(|| format!("{} (pid {name})", command.trim()));
            }
        }
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_kernel_prints_them() {
        let read = |hex| parse_address(hex).unwrap().to_string();
        assert_eq!(read("0100007F"), "127.0.0.1");
        assert_eq!(read("00000000000000000000000001000000"), "::1");
        assert_eq!(read("B80D0120000000000000000001000000"), "2001:db8::1");
        assert_eq!(parse_address("01"), None);
        assert!(!reachable(parse_address("0000000000000000FFFF00000100007F").unwrap()));
        assert!(reachable(parse_address("00000000").unwrap()));
    }
}
