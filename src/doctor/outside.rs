//! What the ledger needs of its surroundings: a kernel that shuts adapters in, and witnesses that answer.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::Report;
use crate::config::Config;
use crate::runtime::witness::Witnesses;

const SANDBOX: &str = "sandbox";
const WITNESSES: &str = "witnesses";

/// An adapter that is asked for the layers that hold, and nothing else.
const ADAPTER: &str = "jira";
/// Layers that an adapter can do without, though less shut in.
const OPTIONAL: [(&str, &str); 2] = [
    (
        "namespaces",
        "allow user namespaces (kernel.unprivileged_userns_clone, the seccomp profile of the container, RestrictNamespaces of the unit)",
    ),
    ("capabilities", "let the process drop its capabilities"),
];

/// The layers that this machine grants to an adapter, by starting one.
pub async fn sandbox(report: &mut Report) {
    let started = tokio::task::spawn_blocking(layers).await;
    let layers = match started.map_err(anyhow::Error::from).and_then(|layers| layers) {
        Ok(layers) => layers,
        Err(error) => {
            let mend = "Landlock and seccomp of the kernel (5.13 or later) are needed; adapters do not start without";
            return report.fail(SANDBOX, format!("an adapter cannot be shut in: {error:#}"), mend);
        }
    };
    let found = format!("adapters get {}", layers.join(", "));
    let lacking: Vec<_> =
        OPTIONAL.into_iter().filter(|(layer, _)| layers.iter().all(|held| held != layer)).collect();
    if lacking.is_empty() {
        return report.ok(SANDBOX, found);
    }
    let (names, mends): (Vec<&str>, Vec<&str>) = lacking.into_iter().unzip();
    report.warn(SANDBOX, format!("{found}, without {}", names.join(" and ")), mends.join("; "));
}

/// An adapter says which layers hold before anything else, and ends when nobody asks it anything.
fn layers() -> anyhow::Result<Vec<String>> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["adapter", ADAPTER])
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    if let Some(output) = child.stdout.take() {
        BufReader::new(output).read_line(&mut line)?;
    }
    let ended = child.wait_with_output()?;
    let ready: Value = serde_json::from_str(&line).unwrap_or_default();
    let Some(layers) = ready["ready"].as_array() else {
        anyhow::bail!("{}", String::from_utf8_lossy(&ended.stderr).trim());
    };
    Ok(layers.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// Do the witnesses answer? Nothing is submitted.
pub async fn witnesses(report: &mut Report, config: &Config) {
    let witnesses = match Witnesses::configured(config) {
        Ok(Some(witnesses)) => witnesses,
        Ok(None) => return report.ok(WITNESSES, "none are set (witness.policy)"),
        Err(error) => {
            return report.fail(WITNESSES, format!("{error:#}"), "mend the file that witness.policy names");
        }
    };
    let (silent, all) = (witnesses.silent().await, witnesses.policy().witnesses().count());
    if silent.is_empty() {
        return report.ok(WITNESSES, format!("all {all} answer"));
    }
    let names: Vec<&str> = silent.iter().map(|(name, _)| name.as_str()).collect();
    let told: Vec<String> = silent.iter().map(|(name, why)| format!("{name}: {why}")).collect();
    let found = format!("{} of {all} do not answer: {}", silent.len(), told.join("; "));
    if witnesses.policy().is_quorum(&names) {
        let mend = "a start is refused until they answer, or are taken out of witness.policy";
        return report.fail(WITNESSES, found, mend);
    }
    report.warn(WITNESSES, found, "the others are enough to start");
}
