//! The border between adapters and host, kept by the build: without the feature `host` the crate links nothing that
//! performs I/O, and the modules that remain name none of it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Nothing of this may be linked into what only transforms.
const IO_CRATES: [&str; 8] =
    ["tokio", "hyper", "hyper-util", "rustls", "socket2", "mio", "reqwest", "ledger-sandbox"];
/// Nothing of this may be named in it.
const IO_NAMES: [&str; 6] = ["std::fs", "std::net", "std::process", "std::env", "tokio", "SystemClock"];
/// The host's side: everything else is an adapter's.
const HOST: [&str; 4] = ["child.rs", "host", "egress", "drive"];

#[test]
fn without_the_host_nothing_performs_io() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "-p", "ledger-connectors", "--no-default-features", "--edges", "normal"])
        .args(["--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8_lossy(&output.stdout);
    assert!(tree.contains("serde_json"), "control: the tree is read");
    for line in tree.lines() {
        let name = line.split(' ').next().unwrap_or_default();
        assert!(!IO_CRATES.contains(&name), "an adapter links {name}");
    }
}

#[test]
fn adapters_name_no_io() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut read = 0;
    for file in rust_files(&source) {
        let inside = file.strip_prefix(&source).expect("below");
        if inside.components().next().is_some_and(|first| HOST.iter().any(|host| first.as_os_str() == *host))
        {
            continue;
        }
        read += 1;
        let text = std::fs::read_to_string(&file).expect("read");
        for name in IO_NAMES {
            let code = text.lines().find(|line| !line.trim_start().starts_with("//") && line.contains(name));
            assert!(code.is_none(), "{} names {name}: {}", inside.display(), code.unwrap_or_default());
        }
    }
    assert!(read > 5, "control: the files are read");
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}
