//! Reads `sshd_config` as sshd does: keywords without case, the first value counts, `Include` in place, `Match` apart.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::Options;

/// OpenSSH's own bound for files that include files.
const INCLUDE_DEPTH_MAX: usize = 16;

/// A setting inside a `Match` block: it counts for some connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conditional {
    /// The block's condition.
    pub condition: String,
    /// The keyword in lower case.
    pub keyword: String,
    /// Its value.
    pub value: String,
}

/// The settings that were read.
#[derive(Debug, Default)]
pub struct Settings {
    /// What counts for all connections, by keyword in lower case.
    pub global: BTreeMap<String, String>,
    /// What counts for some.
    pub conditional: Vec<Conditional>,
    /// Files that could not be read, and why.
    pub unreadable: Vec<(PathBuf, String)>,
}

/// Reads the configuration of the system that is looked at.
pub fn read(options: &Options) -> Settings {
    let mut settings = Settings::default();
    file(options, Path::new("/etc/ssh/sshd_config"), None, 0, &mut settings);
    settings
}

/// Reads the output of `sshd -T`: one keyword with its value a line, no conditions.
pub fn effective(output: &str) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    for (keyword, value) in output.lines().filter_map(keyword_and_value) {
        settings.entry(keyword).or_insert(value);
    }
    settings
}

fn file(options: &Options, path: &Path, condition: Option<&str>, depth: usize, settings: &mut Settings) {
    let text = match options.read(path) {
        Ok(text) => text,
        Err(error) => return settings.unreadable.push((path.to_owned(), error.to_string())),
    };
    // A Match block ends with its file; a file included in a block belongs to the block.
    let mut condition = condition.map(str::to_owned);
    for (keyword, value) in text.lines().filter_map(keyword_and_value) {
        match (keyword.as_str(), &condition) {
            ("match", _) => condition = (!value.eq_ignore_ascii_case("all")).then_some(value),
            ("include", _) if depth >= INCLUDE_DEPTH_MAX => {
                settings.unreadable.push((PathBuf::from(value), "included too deeply".to_owned()));
            }
            ("include", _) => {
                for pattern in value.split_whitespace() {
                    for included in glob(options, &Path::new("/etc/ssh").join(pattern.trim_matches('"'))) {
                        file(options, &included, condition.as_deref(), depth + 1, settings);
                    }
                }
            }
            (_, None) => drop(settings.global.entry(keyword).or_insert(value)),
            (_, Some(condition)) => {
                settings.conditional.push(Conditional { condition: condition.clone(), keyword, value });
            }
        }
    }
}

/// `Keyword value`, `Keyword=value`, `Keyword "value"`; comments and empty lines give nothing.
fn keyword_and_value(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let end = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
    let (keyword, value) = line.split_at(end);
    let value = value.trim_start_matches(|c: char| c.is_whitespace() || c == '=');
    // sshd takes a word that starts with # as a comment behind a value.
    let value = value.split(" #").next().unwrap_or_default().trim();
    let bare = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).filter(|v| !v.contains('"'));
    Some((keyword.to_ascii_lowercase(), bare.unwrap_or(value).to_owned()))
}

/// The files that a pattern names, in order. Wildcards are known in the last part only, as in practice.
pub fn glob(options: &Options, pattern: &Path) -> Vec<PathBuf> {
    let name = pattern.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !name.contains(['*', '?']) {
        return vec![pattern.to_owned()];
    }
    let parent = pattern.parent().unwrap_or(Path::new("/"));
    let entries = fs::read_dir(options.path(parent)).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut found: Vec<PathBuf> = names
        .filter(|file| !file.starts_with('.') && matches(name.as_bytes(), file.as_bytes()))
        .map(|file| parent.join(file))
        .collect();
    found.sort();
    found
}

/// `*` and `?`, by the usual greedy algorithm with one point of return.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut back) = (0, 0, None);
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            back = Some((p + 1, t));
            p += 1;
        } else if pattern.get(p).is_some_and(|c| *c == b'?' || *c == text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((after_star, from)) = back {
            back = Some((after_star, from + 1));
            (p, t) = (after_star, from + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let read = |line| keyword_and_value(line).map(|(k, v)| format!("{k}|{v}"));
        assert_eq!(read("PermitRootLogin yes").as_deref(), Some("permitrootlogin|yes"));
        assert_eq!(read("  Port=22  ").as_deref(), Some("port|22"));
        assert_eq!(read("Banner \"/etc/issue\" # shown").as_deref(), Some("banner|/etc/issue"));
        assert_eq!(read("# PermitRootLogin yes"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn patterns() {
        for (pattern, text, fits) in [
            ("*.conf", "50-cloud.conf", true),
            ("*.conf", "50-cloud.conf~", false),
            ("a*b*c", "axxbyyc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), fits, "{pattern} {text}");
        }
    }
}
