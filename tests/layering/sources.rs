//! What may stand where, from the sources themselves.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A source file: its path below the root, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// Lines of code with their numbers; comments and test modules are left out.
    fn code(&self) -> Vec<(usize, &str)> {
        let mut code = Vec::new();
        let mut lines = self.text.lines().enumerate().peekable();
        while let Some((n, line)) = lines.next() {
            if line.trim() == "#[cfg(test)]" {
                // A test module that is written out ends the file; one in a file of its own is a line.
                match lines.peek() {
                    Some((_, next)) if next.trim_end().ends_with(';') => drop(lines.next()),
                    _ => break,
                }
            } else if !line.trim_start().starts_with("//") {
                code.push((n + 1, line));
            }
        }
        code
    }

    /// Modules of this file that are only there in tests, as the paths below which they lie.
    fn test_modules(&self) -> Vec<String> {
        let (folder, file) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        let folder = match file {
            "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
            _ => format!("{folder}/{}", file.trim_end_matches(".rs")),
        };
        let lines: Vec<&str> = self.text.lines().map(str::trim).collect();
        let tests = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]");
        let names = tests.filter_map(|pair| {
            pair[1].trim_start_matches("pub(crate) ").strip_prefix("mod ")?.strip_suffix(';')
        });
        names.map(|name| format!("{folder}/{name}")).collect()
    }

    fn is_below(&self, module: &str) -> bool {
        self.path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    }
}

/// Splits into code and tests: folders of tests, and modules that are declared for tests alone.
fn without_tests(sources: &[Source]) -> Vec<&Source> {
    let modules: Vec<String> = sources.iter().flat_map(Source::test_modules).collect();
    let in_folder = |s: &Source| s.path.split('/').any(|part| part == "tests" || part == "fuzz");
    sources.iter().filter(|s| !in_folder(s) && !modules.iter().any(|module| s.is_below(module))).collect()
}

/// All files with one of the extensions, below the folders of the product.
fn sources(extensions: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for folder in ["aggregates", "crates", "migrations", "projections", "replay", "sdk", "src"] {
        walk(&root().join(folder), extensions, &mut found);
    }
    assert!(found.len() > 50 || extensions != ["rs"], "the sources are not found");
    found
}

fn walk(folder: &Path, extensions: &[&str], found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.expect("a folder can be read").path()) {
        if path.is_dir() {
            if !path.ends_with("target") && !path.ends_with("node_modules") {
                walk(&path, extensions, found);
            }
        } else if path.extension().is_some_and(|e| extensions.iter().any(|wanted| e == *wanted)) {
            let text = fs::read_to_string(&path).expect("a source is text");
            let path = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
            found.push(Source { path, text });
        }
    }
}

/// Places outside of tests and of the allowed files where a line matches.
fn breaches(sources: &[Source], allowed: &[&str], matches: fn(&str) -> bool) -> Vec<String> {
    let guarded = without_tests(sources).into_iter().filter(|s| !allowed.contains(&s.path.as_str()));
    guarded
        .flat_map(|s| {
            s.code()
                .into_iter()
                .filter(|(_, line)| matches(line))
                .map(|(n, line)| format!("{}:{n}: {}", s.path, line.trim()))
        })
        .collect()
}

fn reads_environment(line: &str) -> bool {
    ["env::var", "env::vars", "env::set_var", "std::env::{"].iter().any(|call| line.contains(call))
        || (line.contains("arg(") && line.contains(" env"))
}

#[test]
fn only_the_configuration_reads_the_environment() {
    let found = breaches(&sources(&["rs"]), &["src/config.rs"], reads_environment);
    assert!(found.is_empty(), "{found:#?}");
    let planted = [Source::new("src/api/x.rs", "let home = std::env::var(\"HOME\");\n")];
    assert_eq!(breaches(&planted, &["src/config.rs"], reads_environment).len(), 1);
    let in_tests =
        [Source::new("src/a.rs", "#[cfg(test)]\nmod tests { fn f() { std::env::var(\"X\"); } }\n")];
    assert!(breaches(&in_tests, &[], reads_environment).is_empty());
}

/// Names of `StatusCode` constants for errors.
fn names_an_error_status(line: &str) -> bool {
    const ERRORS: &[&str] = &[
        "BAD_REQUEST",
        "UNAUTHORIZED",
        "FORBIDDEN",
        "NOT_FOUND",
        "METHOD_NOT_ALLOWED",
        "CONFLICT",
        "GONE",
        "PRECONDITION_FAILED",
        "PAYLOAD_TOO_LARGE",
        "UNSUPPORTED_MEDIA_TYPE",
        "UNPROCESSABLE_ENTITY",
        "TOO_MANY_REQUESTS",
        "INTERNAL_SERVER_ERROR",
        "NOT_IMPLEMENTED",
        "BAD_GATEWAY",
        "SERVICE_UNAVAILABLE",
        "GATEWAY_TIMEOUT",
    ];
    ERRORS.iter().any(|status| line.contains(&format!("StatusCode::{status}")))
}

#[test]
fn only_one_file_gives_errors_their_http_status() {
    let server: Vec<Source> = sources(&["rs"]).into_iter().filter(|s| s.path.starts_with("src/")).collect();
    // The reference of a benchmark is a server of its own, bare on purpose.
    let allowed = ["src/error.rs", "src/bench/reference.rs"];
    let found = breaches(&server, &allowed, names_an_error_status);
    assert!(found.is_empty(), "{found:#?}");
    let planted = [Source::new("src/api/x.rs", "return StatusCode::NOT_FOUND;\n")];
    assert_eq!(breaches(&planted, &["src/error.rs"], names_an_error_status).len(), 1);
}

/// Statements that change or remove rows of the table of events.
fn changes_events(text: &str) -> bool {
    let words: Vec<String> = text
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let is = |at: usize, word: &str| words.get(at).is_some_and(|found| found == word);
    (0..words.len()).any(|at| {
        (is(at, "update") && is(at + 1, "events"))
            || (is(at, "delete") && is(at + 1, "from") && is(at + 2, "events"))
            || (is(at, "replace") && is(at + 1, "into") && is(at + 2, "events"))
            || (is(at, "drop") && is(at + 1, "table") && is(at + 2, "events"))
            || (is(at, "truncate") && (is(at + 1, "events") || is(at + 2, "events")))
    })
}

/// The whole text at once, since a statement may be broken over lines.
#[test]
fn no_statement_updates_or_deletes_an_event() {
    for source in without_tests(&sources(&["rs", "sql"])) {
        let code: String = source.code().iter().map(|(_, line)| format!("{line}\n")).collect();
        // A trigger that forbids it names it.
        let forbidding = [
            "BEFORE UPDATE OR DELETE OR TRUNCATE ON events",
            "BEFORE UPDATE ON events",
            "BEFORE DELETE ON events",
        ];
        let code = forbidding.iter().fold(code, |code, trigger| code.replace(trigger, ""));
        assert!(!changes_events(&code), "{} changes events", source.path);
    }
    for planted in [
        "UPDATE events SET x = 1",
        "delete\n  from events where 1",
        "INSERT OR REPLACE INTO events",
        "DROP TABLE events",
    ] {
        assert!(changes_events(planted), "{planted} is not found");
    }
    assert!(!changes_events("UPDATE heads SET x; SELECT * FROM events; DELETE FROM events_seen"));
}

#[test]
fn the_store_offers_no_way_to_change_an_event() {
    let contract =
        fs::read_to_string(root().join("crates/store/src/contract.rs")).expect("the contract is there");
    let (_, after) = contract.split_once("pub trait EventStore").expect("the trait is there");
    let (body, _) = after.split_once("\n}").expect("the trait ends");
    let methods: Vec<&str> = body
        .lines()
        .filter_map(|line| line.trim().trim_start_matches("async ").strip_prefix("fn "))
        .map(|line| line.split(['(', '<']).next().unwrap_or_default())
        .collect();
    assert!((1..=7).contains(&methods.len()), "{methods:?}");
    for method in methods {
        let verbs = ["update", "delete", "remove", "truncate", "replace", "put", "set"];
        assert!(!verbs.iter().any(|verb| method.starts_with(verb)), "{method}");
    }
}

/// Every crate takes the lints of the workspace, which forbid unsafe code; the sandbox alone says why it needs some.
#[test]
fn unsafe_code_is_forbidden_but_in_the_sandbox() {
    let workspace = fs::read_to_string(root().join("Cargo.toml")).expect("the workspace has a manifest");
    assert!(workspace.contains("unsafe_code = \"forbid\""));
    let manifests = sources(&["toml"]);
    for manifest in manifests.iter().filter(|m| m.path.ends_with("Cargo.toml")) {
        let takes_lints = manifest.text.contains("[lints]\nworkspace = true");
        assert!(
            takes_lints || manifest.path == "crates/sandbox/Cargo.toml",
            "{} has its own lints",
            manifest.path
        );
    }
    let has_unsafe = |line: &str| {
        ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "unsafe("].iter().any(|w| line.contains(w))
    };
    let code: Vec<Source> =
        sources(&["rs"]).into_iter().filter(|s| !s.path.starts_with("crates/sandbox/")).collect();
    let found = breaches(&code, &[], has_unsafe);
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(breaches(&[Source::new("src/a.rs", "unsafe { f() }\n")], &[], has_unsafe).len(), 1);
}

#[test]
fn lints_are_expected_with_a_reason_and_nothing_is_left_for_later() {
    let later = |line: &str| {
        ["#[allow(", "#![allow(", "todo!(", "unimplemented!(", "dbg!(", "#[ignore"]
            .iter()
            .any(|w| line.contains(w))
    };
    let all = sources(&["rs"]);
    let mut found = breaches(&all, &[], later);
    let ignored = all.iter().filter(|s| s.text.lines().any(|line| line.trim_start().starts_with("#[ignore")));
    found.extend(ignored.map(|s| format!("{} ignores a test", s.path)));
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(breaches(&[Source::new("src/a.rs", "#[allow(dead_code)]\n")], &[], later).len(), 1);
}

/// Sleeps that are not the pause between two looks at a condition.
fn bare_sleeps(tests: &str) -> Vec<usize> {
    let lines: Vec<&str> = tests.lines().collect();
    let in_loop = |at: usize| {
        lines[at.saturating_sub(6)..at]
            .iter()
            .any(|line| ["while ", "loop {"].iter().any(|head| line.contains(head)))
    };
    let sleeps = (0..lines.len()).filter(|&at| lines[at].contains("thread::sleep("));
    sleeps.filter(|&at| !in_loop(at)).map(|at| at + 1).collect()
}

/// A test that sleeps is slow on a fast machine and fails on a slow one: wait for a condition.
#[test]
fn tests_wait_for_conditions() {
    let mut all = sources(&["rs"]);
    walk(&root().join("tests"), &["rs"], &mut all);
    let code: Vec<&str> = without_tests(&all).iter().map(|s| s.path.as_str()).collect();
    for source in all.iter().filter(|s| s.path != "tests/layering/sources.rs") {
        let written_out = source.text.split_once("#[cfg(test)]\nmod tests {").map_or("", |(_, tests)| tests);
        let tests = if code.contains(&source.path.as_str()) { written_out } else { &source.text };
        assert_eq!(bare_sleeps(tests), Vec::<usize>::new(), "{} sleeps in a test", source.path);
    }
    assert_eq!(bare_sleeps("fn t() {\n    thread::sleep(D);\n}"), [2]);
    assert!(bare_sleeps("while !ready() {\n    thread::sleep(D);\n}").is_empty());
}

#[test]
fn test_modules_are_told_from_code() {
    let all = [
        Source::new("a/src/lib.rs", "#[cfg(test)]\nmod faults;\nmod x;\n"),
        Source::new("a/src/faults/deep.rs", ""),
        Source::new("a/src/faulty.rs", ""),
        Source::new(
            "a/src/x.rs",
            "#[cfg(test)]\nmod tests;\nfn f() {}\n#[cfg(test)]\nmod more { fn g() {} }\n",
        ),
        Source::new("a/src/x/tests.rs", ""),
    ];
    let code: Vec<&str> = without_tests(&all).iter().map(|s| s.path.as_str()).collect();
    assert_eq!(code, ["a/src/lib.rs", "a/src/faulty.rs", "a/src/x.rs"]);
    assert_eq!(all[3].code(), [(3, "fn f() {}")]);
}
