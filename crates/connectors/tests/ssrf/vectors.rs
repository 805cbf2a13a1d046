//! The URLs and answers that are tried.

use std::net::IpAddr;

/// A URL, and whether it means this machine, so that the control may be sent there.
pub(crate) struct Vector {
    pub(crate) url: String,
    pub(crate) loopback: bool,
}

/// Spellings of this machine's address.
const LOOPBACK: &[&str] = &[
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "127.0.0.1.",
    "0x7f.1",
    "0x7f000001",
    "0x7F.0x0.0x0.0x1",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "00000177.1",
    "2130706433",
    "0x7f.0.0.01",
    "127.0x0.0.1",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "１２７.0.0.1",
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "%6cocalhost",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "ⓛocalhost",
    "sub.localhost",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "0",
    "0.0.0.0",
    "0x0",
    "[::]",
];

/// Addresses of other networks: the first and the last of each class.
const ELSEWHERE: &[&str] = &[
    "0.0.0.1",
    "0.255.255.255",
    "10.0.0.0",
    "10.255.255.255",
    "100.64.0.0",
    "100.127.255.255",
    "169.254.0.0",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "192.0.0.0",
    "192.0.0.192",
    "192.0.0.255",
    "192.0.2.0",
    "192.0.2.255",
    "192.88.99.0",
    "192.88.99.255",
    "192.168.0.0",
    "192.168.255.255",
    "198.18.0.0",
    "198.19.255.255",
    "198.51.100.0",
    "198.51.100.255",
    "203.0.113.0",
    "203.0.113.255",
    "224.0.0.0",
    "239.255.255.255",
    "240.0.0.0",
    "255.255.255.254",
    "255.255.255.255",
    "168.63.129.16",
    "100.100.100.200",
    "0xa9fea9fe",
    "2852039166",
    "0251.0376.0251.0376",
    "169.16689662",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[::ffff:10.0.0.1]",
    "[::ffff:192.168.0.1]",
    "[::169.254.169.254]",
    "[fe80::1]",
    "[febf::1]",
    "[fec0::1]",
    "[fc00::1]",
    "[fdff::1]",
    "[fd00:ec2::254]",
    "[fd20:ce::254]",
    "[ff02::1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2001::1]",
    "[2001:1ff:ffff::1]",
    "[2001:db8::1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[3fff::1]",
    "[100::1]",
    "[4000::1]",
    "[::2]",
    "127.0.0.1.nip.example",
    "10.0.0.1.nip.example",
    "169.254.169.254.nip.example",
    "--1.nip.example",
    "metadata.google.internal",
    "internal.example",
];

/// Whole URLs that say one thing to a reader and another to a parser.
fn tricks(port: u16) -> Vec<String> {
    [
        "http://good.example@127.0.0.1:PORT/",
        "http://good.example:80@127.0.0.1:PORT/",
        "http://good.example%00@127.0.0.1:PORT/",
        "http://127.0.0.1:PORT\\@good.example/",
        "http://good.example\\@127.0.0.1:PORT/",
        "http://127.0.0.1:PORT#@good.example/",
        "http://127.0.0.1:PORT?@good.example/",
        "http:127.0.0.1:PORT/",
        "http:/127.0.0.1:PORT/",
        "http:///127.0.0.1:PORT/",
        "http:\\\\127.0.0.1:PORT/",
        "http://127.0.0.1\t:PORT/",
        "http://127.0.0.1\n:PORT/",
        " http://127.0.0.1:PORT/",
        "http://127.0.0.1:PORT/ HTTP/1.1\r\nHost: good.example",
        "HTTP://127.0.0.1:PORT/",
        "ftp://127.0.0.1:PORT/",
        "gopher://127.0.0.1:PORT/_GET",
        "file:///etc/passwd",
        "dict://127.0.0.1:PORT/",
        "unix:/run/docker.sock",
        "http+unix://%2Frun%2Fdocker.sock/",
        "ws://127.0.0.1:PORT/",
        "data:text/plain,x",
        "javascript:x",
        "jar:http://127.0.0.1:PORT/!/",
        "//127.0.0.1:PORT/",
        "127.0.0.1:PORT",
        "http://[::1%25lo]:PORT/",
        "http://[::ffff:127.0.0.1%2525]:PORT/",
        "http://127.0.0.1:PORT@/",
    ]
    .iter()
    .map(|url| url.replace("PORT", &port.to_string()))
    .collect()
}

pub(crate) fn urls(port: u16) -> Vec<Vector> {
    let hosts = |hosts: &[&str], loopback| -> Vec<Vector> {
        let url = |host: &&str| Vector { url: format!("http://{host}:{port}/"), loopback };
        hosts.iter().map(url).collect()
    };
    let mut all = hosts(LOOPBACK, true);
    all.extend(hosts(ELSEWHERE, false));
    // The control is a client, not a person: of the tricks it gets those that a client might take.
    all.extend(
        tricks(port)
            .into_iter()
            .map(|url| Vector { loopback: url.contains("127.0.0.1") && url.starts_with("http"), url }),
    );
    all
}

/// Answers of a name server that hide a forbidden address among others.
pub(crate) fn mixed_answers() -> Vec<Vec<IpAddr>> {
    let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
    vec![
        vec![ip("1.1.1.1"), ip("127.0.0.1")],
        vec![ip("127.0.0.1"), ip("1.1.1.1")],
        vec![ip("2600::1"), ip("::1")],
        vec![ip("1.1.1.1"), ip("2600::1"), ip("::ffff:10.0.0.1")],
        vec![ip("1.1.1.1"), ip("169.254.169.254")],
        vec![ip("1.1.1.1"), ip("fe80::1")],
        vec![ip("1.1.1.1"), ip("64:ff9b::7f00:1")],
        vec![ip("0.0.0.0")],
        vec![],
    ]
    .into_iter()
    .filter(|answer| !answer.is_empty())
    .collect()
}
