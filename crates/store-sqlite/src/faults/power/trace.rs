//! What a process has done to its files, read from a trace of its system calls.

use std::path::Path;

/// A step of the process, in order.
#[derive(Debug, Clone)]
pub enum Step {
    /// Bytes were written to a file; not durable yet.
    Write { file: usize, offset: usize, bytes: Vec<u8> },
    /// A file was cut or removed; not durable yet.
    Cut { file: usize, length: usize },
    /// All that was done to a file before the step `since` is durable.
    Synced { file: usize, since: usize },
    /// An event was acknowledged.
    Acknowledged { seq: u64, hash: String },
}

/// The arguments that make `strace` say all that is needed.
pub fn arguments(log: &str) -> Vec<String> {
    let calls = "trace=pwrite64,write,fsync,fdatasync,ftruncate,unlink,unlinkat";
    ["strace", "-f", "-q", "-y", "-xx", "-s", "200000", "-e", calls, "-o", log].map(str::to_owned).to_vec()
}

/// Reads the steps that concern the files `names` of `dir`, and the acknowledgements on standard output.
pub fn read(trace: &str, dir: &Path, names: &[&str]) -> Vec<Step> {
    let paths: Vec<String> = names.iter().map(|name| hex(dir.join(name).to_str().unwrap())).collect();
    let mut steps = Vec::new();
    // Syncs that have begun, by thread: what is written meanwhile may be left out.
    let mut begun: Vec<(&str, usize, usize)> = Vec::new();
    for line in trace.lines() {
        let (thread, call) = line.split_once(' ').unwrap();
        let call = call.trim_start();
        if call.starts_with("<... fsync resumed") || call.starts_with("<... fdatasync resumed") {
            if let Some(at) = begun.iter().position(|(of, ..)| *of == thread) {
                let (_, file, since) = begun.remove(at);
                steps.push(Step::Synced { file, since });
            }
            continue;
        }
        let Some((name, arguments)) = call.split_once('(') else { continue };
        let file = || {
            let path = arguments.split_once('<').map_or("", |(_, rest)| rest).split_once('>');
            let path = path.map_or("", |(path, _)| path);
            paths.iter().position(|known| known == path)
        };
        match name {
            "write" if arguments.starts_with("1<") => steps.extend(acknowledged(arguments)),
            "pwrite64" => {
                let Some(file) = file() else { continue };
                let bytes = unhex(arguments.split('"').nth(1).unwrap());
                let offset =
                    arguments.rsplit_once('"').unwrap().1.split([',', ')', ' ']).filter(|w| !w.is_empty());
                let offset = offset.clone().nth(1).unwrap().parse().unwrap();
                steps.push(Step::Write { file, offset, bytes });
            }
            "ftruncate" => {
                let Some(file) = file() else { continue };
                let length = arguments.split_once(">, ").unwrap().1;
                let length = length.split([')', ' ']).next().unwrap().parse().unwrap();
                steps.push(Step::Cut { file, length });
            }
            "fsync" | "fdatasync" => {
                let Some(file) = file() else { continue };
                if call.ends_with("<unfinished ...>") {
                    begun.push((thread, file, steps.len()));
                } else {
                    steps.push(Step::Synced { file, since: steps.len() });
                }
            }
            "unlink" | "unlinkat" => {
                let quoted = arguments.split('"').nth(1).unwrap_or("");
                if let Some(file) = paths.iter().position(|known| known == quoted) {
                    steps.push(Step::Cut { file, length: 0 });
                }
            }
            _ => {}
        }
    }
    steps
}

fn acknowledged(arguments: &str) -> Option<Step> {
    let text = String::from_utf8(unhex(arguments.split('"').nth(1)?)).ok()?;
    let mut words = text.trim().strip_prefix("acknowledged ")?.split(' ');
    Some(Step::Acknowledged { seq: words.next()?.parse().ok()?, hash: words.next()?.to_owned() })
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("\\x{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16).unwrap()).unwrap();
    text.as_bytes().chunks(4).map(|escape| digit(escape[2]) << 4 | digit(escape[3])).collect()
}
