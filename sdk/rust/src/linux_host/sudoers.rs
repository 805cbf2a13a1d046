//! Who may become root by sudo, and with how much ado.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{Options, Plan};
use crate::report::{CheckReport, Severity, Tally};

/// The check's name, headline and controls.
pub const PLAN: Plan = Plan {
    check: "linux-host/sudoers",
    title: "Rights given by sudo",
    controls: &[("starter", "host-2"), ("nist-800-53", "ac-6")],
};
const SUDOERS: &str = "/etc/sudoers";
/// sudo's own bound for files that include files is 128; a real configuration has one level.
const INCLUDE_DEPTH_MAX: usize = 16;

/// A line that says something, with its file.
struct Line {
    file: PathBuf,
    text: String,
}

/// Runs the check.
pub fn check(options: &Options) -> CheckReport {
    if !options.path(SUDOERS).exists() {
        return PLAN.not_installed("sudo");
    }
    let mut tally = Tally::default();
    let mut lines = Vec::new();
    read(options, Path::new(SUDOERS), 0, &mut lines, &mut tally);
    let aliases = command_aliases(&lines);
    for line in &lines {
        if let Some(settings) = line.text.strip_prefix("Defaults") {
            tally.check();
            defaults(&line.file, settings, &mut tally);
        } else if !is_alias(&line.text) {
            tally.check();
            rule(options, line, &aliases, &mut tally);
        }
    }
    PLAN.report(tally)
}

fn read(options: &Options, path: &Path, depth: usize, lines: &mut Vec<Line>, tally: &mut Tally) {
    let text = match options.read(path) {
        Ok(text) => text,
        Err(error) => return tally.skip(path.display(), error),
    };
    tally.check();
    permissions(options, path, tally);
    for line in text.replace("\\\n", " ").lines() {
        let line = line.trim();
        let include = ["@include ", "#include "].iter().find_map(|word| line.strip_prefix(word));
        let directory = ["@includedir ", "#includedir "].iter().find_map(|word| line.strip_prefix(word));
        if depth >= INCLUDE_DEPTH_MAX && (include.is_some() || directory.is_some()) {
            tally.skip(line, "included too deeply");
        } else if let Some(file) = include {
            read(options, &beside(path, file), depth + 1, lines, tally);
        } else if let Some(directory) = directory {
            for file in included(options, &beside(path, directory), tally) {
                read(options, &file, depth + 1, lines, tally);
            }
        } else if let Some(text) = without_comment(line) {
            lines.push(Line { file: path.to_owned(), text });
        }
    }
}

fn beside(path: &Path, file: &str) -> PathBuf {
    path.parent().unwrap_or(Path::new("/")).join(file.trim().trim_matches('"'))
}

/// sudo skips names that contain a dot or end in `~` (sudoers(5)).
fn included(options: &Options, directory: &Path, tally: &mut Tally) -> Vec<PathBuf> {
    let entries = match fs::read_dir(options.path(directory)) {
        Ok(entries) => entries,
        Err(error) => {
            tally.skip(directory.display(), error);
            return Vec::new();
        }
    };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut files: Vec<PathBuf> = names
        .filter(|name| !name.contains('.') && !name.ends_with('~'))
        .map(|name| directory.join(name))
        .collect();
    files.sort();
    files
}

/// `#` starts a comment, unless a digit follows: then it is a uid.
fn without_comment(line: &str) -> Option<String> {
    let bytes = line.as_bytes();
    let comment = (0..bytes.len()).find(|at| {
        bytes[*at] == b'#'
            && !bytes.get(at + 1).is_some_and(u8::is_ascii_digit)
            && (*at == 0 || bytes[at - 1] != b'\\')
    });
    let text = line[..comment.unwrap_or(line.len())].trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn permissions(options: &Options, path: &Path, tally: &mut Tally) {
    let Ok(meta) = fs::metadata(options.path(path)) else { return };
    if meta.mode() & 0o022 != 0 || meta.uid() != options.owner_uid {
        tally.finding(
            Severity::Critical,
            path.display().to_string(),
            format!(
                "mode {:04o}, owner {}: others than root can give themselves rights",
                meta.mode() & 0o7777,
                meta.uid()
            ),
            format!("chown root:root {0} && chmod 0440 {0}", path.display()),
        );
    }
}

fn is_alias(text: &str) -> bool {
    ["User_Alias", "Runas_Alias", "Host_Alias", "Cmnd_Alias", "Cmd_Alias"]
        .iter()
        .any(|word| text.starts_with(word))
}

/// Aliases of commands: an alias for `ALL` gives as much as `ALL`.
fn command_aliases(lines: &[Line]) -> BTreeMap<String, String> {
    let definitions = lines.iter().filter_map(|line| {
        line.text.strip_prefix("Cmnd_Alias").or_else(|| line.text.strip_prefix("Cmd_Alias"))
    });
    let pairs =
        definitions.flat_map(|text| text.split(':')).filter_map(|definition| definition.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

fn defaults(file: &Path, settings: &str, tally: &mut Tally) {
    let object = file.display().to_string();
    let compact: String = settings.chars().filter(|c| !c.is_whitespace()).collect();
    let words =
        || compact.split(',').map(|word| word.trim_start_matches(|c: char| ":@!>".contains(c) && c != '!'));
    if words().any(|word| word.ends_with("!authenticate")) {
        tally.finding(
            Severity::High,
            object.as_str(),
            "Defaults !authenticate: sudo asks nobody for a password",
            "remove \"!authenticate\" from Defaults",
        );
    }
    if words().any(|word| word.ends_with("visiblepw") && !word.contains('!')) {
        tally.finding(
            Severity::Low,
            object.as_str(),
            "Defaults visiblepw: sudo reads passwords where they are shown",
            "remove \"visiblepw\" from Defaults",
        );
    }
    if words().any(|word| word.contains("timestamp_timeout=-")) {
        tally.finding(
            Severity::Medium,
            object,
            "Defaults timestamp_timeout below 0: once given, a password counts for ever",
            "set \"Defaults timestamp_timeout=15\"",
        );
    }
}

/// `user host = (runas) TAG: command, …`
fn rule(options: &Options, line: &Line, aliases: &BTreeMap<String, String>, tally: &mut Tally) {
    let Some((who, what)) = line.text.split_once('=') else { return };
    let user = who.split_whitespace().next().unwrap_or_default();
    let object = format!("{}: {user}", line.file.display());
    if user == "root" {
        return;
    }
    let no_password = what.contains("NOPASSWD:");
    let everything = commands(what).any(|command| grants_all(command, aliases, 0));
    if no_password {
        let (severity, extent) =
            if everything { (Severity::Critical, "everything") } else { (Severity::Medium, "some commands") };
        tally.finding(
            severity,
            object.as_str(),
            format!(
                "NOPASSWD: {user} may run {extent} as another user without a password: {:.200}",
                line.text
            ),
            "remove NOPASSWD, or limit it to commands that can do no harm",
        );
    }
    if user == "ALL" && everything {
        tally.finding(
            Severity::Critical,
            object,
            format!("every account may run everything: {:.200}", line.text),
            "remove the line and name who needs which command",
        );
    } else if everything && !no_password && !is_admin_group(options, user) {
        tally.finding(
            Severity::Medium,
            object,
            format!("{user} may run everything outside the administrators' groups: {:.200}", line.text),
            format!(
                "put {user} in the group {}, or name the commands",
                options.admin_groups.first().map_or("sudo", String::as_str)
            ),
        );
    }
}

fn is_admin_group(options: &Options, user: &str) -> bool {
    user.strip_prefix('%').is_some_and(|group| options.admin_groups.iter().any(|admin| admin == group))
}

/// The commands of a rule, without the users in parentheses and the tags before them.
fn commands(what: &str) -> impl Iterator<Item = &str> {
    what.split(',').map(|part| {
        let part = part.rsplit(')').next().unwrap_or_default();
        // A tag is upper case and ends with a colon; a colon inside a command is escaped.
        part.rsplit(": ").next().unwrap_or_default().rsplit("PASSWD:").next().unwrap_or_default().trim()
    })
}

fn grants_all(command: &str, aliases: &BTreeMap<String, String>, depth: usize) -> bool {
    if command == "ALL" {
        return true;
    }
    // Aliases may name aliases; a circle is an error that sudo reports itself.
    depth < 8
        && aliases
            .get(command)
            .is_some_and(|value| value.split(',').any(|part| grants_all(part.trim(), aliases, depth + 1)))
}
