//! Documents: links lead somewhere, and a line holds one sentence.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Our own documents: those of vendored assets and of packages are others'.
fn documents() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut open = vec![root()];
    while let Some(folder) = open.pop() {
        for path in
            fs::read_dir(folder).expect("a folder can be read").map(|entry| entry.expect("an entry").path())
        {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if path.is_dir()
                && !name.starts_with('.')
                && !["target", "node_modules", "vendor"].contains(&&*name)
            {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// Lines of prose with their numbers: code blocks, tables and headings are left out.
fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut in_code = false;
    let mut lines = Vec::new();
    for (n, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code && !line.starts_with(['|', '#']) {
            lines.push((n + 1, line));
        }
    }
    lines
}

/// The targets of links and pictures that are files.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    targets
        .map(|target| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:"))
        .collect()
}

/// A sentence ends, and another begins on the same line.
fn has_two_sentences(line: &str) -> bool {
    let without_code: String = line.split('`').step_by(2).collect();
    let ends = without_code
        .match_indices(". ")
        .chain(without_code.match_indices("? "))
        .chain(without_code.match_indices("! "));
    ends.map(|(at, _)| (&without_code[..at], &without_code[at + 2..])).any(|(before, after)| {
        // "1. Do this" is a list, "e.g. X" an abbreviation.
        let number = before.trim().chars().all(|c| c.is_ascii_digit()) && !before.trim().is_empty();
        let short = before.rsplit([' ', '(']).next().is_some_and(|word| word.len() < 2 || word.contains('.'));
        !number && !short && after.trim_start().starts_with(|c: char| c.is_uppercase())
    })
}

#[test]
fn links_lead_to_files_that_there_are() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a document is text");
        let folder = document.parent().unwrap_or(Path::new("."));
        let missing = links(&text).into_iter().filter(|target| !folder.join(target).exists());
        broken.extend(missing.map(|target| format!("{}: {target}", document.display())));
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert_eq!(links("[a](b.md#c) ![d](e.png) [f](https://g) [h](#i)"), ["b.md", "e.png"]);
}

#[test]
fn a_line_holds_one_sentence() {
    let mut found = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a document is text");
        let name = document.strip_prefix(root()).expect("below the root").display().to_string();
        found.extend(
            prose(&text)
                .iter()
                .filter(|(_, line)| has_two_sentences(line))
                .map(|(n, line)| format!("{name}:{n}: {line}")),
        );
    }
    assert!(found.is_empty(), "{found:#?}");
    assert!(has_two_sentences("It is so. And more."));
    for line in [
        "It is so.",
        "1. Do this",
        "Write `a. B` here",
        "See e.g. Rust, v. 2. and so on",
        "Version 1.2. is out",
    ] {
        assert!(!has_two_sentences(line), "{line}");
    }
}
