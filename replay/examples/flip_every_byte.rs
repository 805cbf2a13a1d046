//! Flips every byte of every file of a small export, one at a time, and expects each copy to be refused with the file
//! named: `flip_every_byte EXPORT`. The test of the crate does the same with strides.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

use ledger_replay::{NoProgress, Options, verify};

fn files(directory: &Path, into: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() { files(&path, into)? } else { into.push(path) }
    }
    Ok(())
}

fn main() -> ExitCode {
    let export = PathBuf::from(std::env::args().nth(1).expect("usage: flip_every_byte EXPORT"));
    let options = Options { bundle: export.clone(), threads: Some(1), ..Options::default() };
    let run = || verify(&options, &NoProgress).expect("the export can be read");
    assert!(run().ok, "the export must be sound to begin with");
    let (mut flips, mut refused, mut named) = (0_u64, 0_u64, 0_u64);
    let mut all = Vec::new();
    files(&export, &mut all).expect("the export can be listed");
    for path in &all {
        let name = path.strip_prefix(&export).expect("listed below it").display().to_string();
        let whole = fs::read(path).expect("the file can be read");
        let mut bytes = whole.clone();
        for at in 0..bytes.len() {
            bytes[at] ^= 1 << (at % 8);
            fs::write(path, &bytes).expect("the file can be written");
            let report = run();
            flips += 1;
            refused += u64::from(!report.ok);
            let names_it = report.failures.iter().any(|failure| failure.to_string().contains(&name));
            named += u64::from(names_it);
            bytes[at] = whole[at];
        }
        fs::write(path, &whole).expect("the file can be written");
    }
    println!("{} files, {flips} flips: {refused} refused, {named} with the file named", all.len());
    if flips == refused && flips == named && run().ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
