//! Which addresses may be reached.
//!
//! IPv4 by a list of what is special (IANA special-purpose registry, RFC 6890 and its successors); IPv6 by a positive
//! rule: global unicast only, without the parts of it that are special. An address that is IPv4 in disguise is
//! unwrapped before it is judged.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

/// A text that is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a network: write it as 10.1.0.0/16, with a prefix of at least /8 (IPv4) or /16 (IPv6)")]
pub struct CidrError(String);

/// A shorter prefix is half the internet, and a mistake.
const PREFIX_MIN: (u8, u8) = (8, 16);

impl Cidr {
    const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Self {
        Self { network: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix }
    }

    const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Self {
        Self { network: IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)), prefix }
    }

    /// Whether all of another network lies in it.
    pub fn covers(&self, other: &Self) -> bool {
        self.prefix <= other.prefix && self.contains(other.network)
    }

    /// Whether the address lies in it. Families do not mix: unwrap first.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                (network.to_bits() ^ address.to_bits()) & mask == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                (network.to_bits() ^ address.to_bits()) & mask == 0
            }
            _ => false,
        }
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let error = || CidrError(text.chars().take(60).collect());
        let (network, prefix) = text.split_once('/').ok_or_else(error)?;
        let network: IpAddr = network.parse().map_err(|_| error())?;
        let prefix: u8 = prefix.parse().map_err(|_| error())?;
        let (least, most) = if network.is_ipv4() { (PREFIX_MIN.0, 32) } else { (PREFIX_MIN.1, 128) };
        let cidr = Self { network, prefix };
        if (least..=most).contains(&prefix) { Ok(cidr) } else { Err(error()) }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

/// Special, but an operator may have a system there.
const PRIVATE: [(Cidr, &str); 12] = [
    (Cidr::v4(10, 0, 0, 0, 8), "private"),
    (Cidr::v4(100, 64, 0, 0, 10), "shared with the provider"),
    (Cidr::v4(127, 0, 0, 0, 8), "this machine"),
    (Cidr::v4(172, 16, 0, 0, 12), "private"),
    (Cidr::v4(192, 0, 2, 0, 24), "documentation"),
    (Cidr::v4(192, 168, 0, 0, 16), "private"),
    (Cidr::v4(198, 18, 0, 0, 15), "benchmarks"),
    (Cidr::v4(198, 51, 100, 0, 24), "documentation"),
    (Cidr::v4(203, 0, 113, 0, 24), "documentation"),
    (Cidr { network: IpAddr::V6(Ipv6Addr::LOCALHOST), prefix: 128 }, "this machine"),
    (Cidr::v6(0xfc00, 0, 0, 7), "unique local"),
    (Cidr::v6(0x2001, 0xdb8, 0, 32), "documentation"),
];

/// Never a system that one integrates with.
const NEVER: [(Cidr, &str); 17] = [
    (Cidr::v4(0, 0, 0, 0, 8), "this network"),
    (Cidr::v4(169, 254, 0, 0, 16), "link-local, cloud metadata"),
    // Azure's wire server and Alibaba's and Oracle's metadata services stand outside link-local.
    (Cidr::v4(168, 63, 129, 16, 32), "cloud metadata"),
    (Cidr::v4(100, 100, 100, 200, 32), "cloud metadata"),
    (Cidr::v4(192, 0, 0, 0, 24), "protocol assignments"),
    (Cidr::v4(192, 88, 99, 0, 24), "6to4 relays"),
    (Cidr::v4(224, 0, 0, 0, 4), "multicast"),
    (Cidr::v4(240, 0, 0, 0, 4), "reserved, broadcast"),
    (
        Cidr { network: IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)), prefix: 128 },
        "cloud metadata",
    ),
    (
        Cidr { network: IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)), prefix: 128 },
        "cloud metadata",
    ),
    (Cidr::v6(0xfe80, 0, 0, 10), "link-local"),
    (Cidr::v6(0xff00, 0, 0, 8), "multicast"),
    (Cidr::v6(0x64, 0xff9b, 0, 96), "translated to IPv4"),
    (Cidr::v6(0x64, 0xff9b, 1, 48), "translated to IPv4"),
    (Cidr::v6(0x2001, 0, 0, 23), "protocol assignments, Teredo"),
    (Cidr::v6(0x2002, 0, 0, 16), "6to4"),
    (Cidr::v6(0x3fff, 0, 0, 20), "documentation"),
];

/// 2000::/3, the only part of IPv6 that is routed as global unicast.
const GLOBAL_V6: Cidr = Cidr::v6(0x2000, 0, 0, 3);

/// An address that may not be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{address} may not be reached ({class}){}", if *.unlockable { "; an operator can allow its network for this connection" } else { "" })]
pub struct Forbidden {
    /// Which.
    pub address: IpAddr,
    /// What it is.
    pub class: &'static str,
    /// Whether a connection's list of networks could allow it.
    pub unlockable: bool,
}

/// What a connection may reach beside the public internet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Networks of self-hosted systems.
    pub networks: Vec<Cidr>,
    /// Ports beside 443 and 8443.
    pub ports: Vec<u16>,
    /// Whether `http:` is taken where the network is one of those above.
    pub plain_http: bool,
}

impl Policy {
    /// Whether the address may be reached.
    ///
    /// # Errors
    /// It is special, and not in a network of the connection.
    pub fn check(&self, address: IpAddr) -> Result<(), Forbidden> {
        let address = unwrap(address);
        let forbidden = |class, unlockable| Err(Forbidden { address, class, unlockable });
        if let Some((_, class)) = NEVER.iter().find(|(network, _)| network.contains(address)) {
            return forbidden(*class, false);
        }
        if self.allows(address) {
            return Ok(());
        }
        if let Some((_, class)) = PRIVATE.iter().find(|(network, _)| network.contains(address)) {
            return forbidden(*class, true);
        }
        if address.is_ipv6() && !GLOBAL_V6.contains(address) {
            return forbidden("not global unicast", false);
        }
        Ok(())
    }

    /// Whether the address lies in a network of the connection, and only because of that may be reached.
    pub fn allows(&self, address: IpAddr) -> bool {
        let address = unwrap(address);
        self.networks.iter().any(|network| network.contains(address))
    }
}

/// ::ffff:0:0/96 is IPv4 to the kernel that connects.
fn unwrap(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn every_special_network_is_forbidden_from_its_first_to_its_last_address() {
        let policy = Policy::default();
        for (network, class) in NEVER.iter().chain(&PRIVATE) {
            let last = match network.network {
                IpAddr::V4(a) => IpAddr::V4(Ipv4Addr::from_bits(
                    a.to_bits() | u32::MAX.checked_shr(network.prefix.into()).unwrap_or(0),
                )),
                IpAddr::V6(a) => IpAddr::V6(Ipv6Addr::from_bits(
                    a.to_bits() | u128::MAX.checked_shr(network.prefix.into()).unwrap_or(0),
                )),
            };
            for address in [network.network, last] {
                assert!(policy.check(address).is_err(), "{address} ({class})");
                if let IpAddr::V4(v4) = address {
                    assert!(policy.check(IpAddr::V6(v4.to_ipv6_mapped())).is_err(), "::ffff:{v4} ({class})");
                }
            }
        }
    }

    #[test]
    fn public_addresses_and_their_neighbours_may_be_reached() {
        let policy = Policy::default();
        for text in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2600::1",
            "2001:200::1",
            "2003::1",
            "3ffe::1",
            "::ffff:1.1.1.1",
        ] {
            assert_eq!(policy.check(ip(text)), Ok(()), "{text}");
        }
        for text in ["::", "::1.1.1.1", "100::1", "4000::1", "5f00::1", "fec0::1", "fc00::1"] {
            assert!(policy.check(ip(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn a_list_of_networks_unlocks_what_it_names_and_never_metadata() {
        let networks = ["10.1.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "fd00::/16", "100.64.0.0/10"];
        let networks: Vec<Cidr> = networks.iter().map(|text| text.parse().expect("a network")).collect();
        let policy = Policy { networks, ..Policy::default() };
        for text in ["10.1.2.3", "127.0.0.1", "::ffff:10.1.2.3", "fd00:1::1", "100.64.1.1"] {
            assert_eq!(policy.check(ip(text)), Ok(()), "{text}");
        }
        for text in ["10.2.0.1", "192.168.1.1", "::1", "169.254.169.254", "fd00:ec2::254", "100.100.100.200"]
        {
            assert!(policy.check(ip(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn a_network_is_written_with_a_prefix_that_means_something() {
        for text in ["0.0.0.0/0", "10.0.0.0/7", "10.0.0.0", "10.0.0.0/33", "::/0", "x/8", "10.0.0.0/-1", ""] {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
        assert_eq!("10.1.0.0/16".parse::<Cidr>().map(|c| c.to_string()), Ok("10.1.0.0/16".into()));
    }
}
