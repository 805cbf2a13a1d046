//! What the registry must look like.

use ledger_probe::report::{Severity, Tally};

use super::Options;
use super::registry::{Registry, Run, Version, tagged};

/// Every model names who answers for it, and says what it is for.
pub fn ownership(registry: &Registry, options: &Options, tally: &mut Tally) {
    for model in &registry.models {
        tally.check();
        let object = format!("model {}", model.name);
        if tagged(&model.tags, &options.owner_tags).is_none() {
            tally.finding(
                Severity::Medium,
                object.as_str(),
                format!("names nobody who answers for it: no tag {}", options.owner_tags.join(" or ")),
                format!(
                    "set the tag {} of the model",
                    options.owner_tags.first().map_or("owner", String::as_str)
                ),
            );
        }
        if model.description.trim().is_empty() {
            tally.finding(
                Severity::Low,
                object,
                "does not say what it is for: its description is empty",
                "describe its purpose and its limits",
            );
        }
    }
}

/// Every version in use carries an approval, by someone else than who made it.
pub fn approval(registry: &Registry, options: &Options, tally: &mut Tally) {
    for version in registry.in_use() {
        tally.check();
        let remediation =
            format!("have someone else approve it, and set the tag {}", options.approval_tags.join(" or "));
        match tagged(&version.tags, &options.approval_tags) {
            None => tally.finding(
                Severity::High,
                object(version),
                format!("is in use without approval: no tag {}", options.approval_tags.join(" or ")),
                remediation,
            ),
            Some(approver) if authors(version).any(|author| author.eq_ignore_ascii_case(approver)) => tally
                .finding(
                    Severity::High,
                    object(version),
                    format!("was approved by {approver}, who made it"),
                    remediation,
                ),
            Some(_) => {}
        }
    }
}

/// Who registered the version, and who ran its run.
fn authors(version: &Version) -> impl Iterator<Item = &str> {
    let runner = match &version.run {
        Run::Found { user, .. } => user.as_str(),
        _ => "",
    };
    [version.user_id.as_str(), runner].into_iter().filter(|author| !author.is_empty())
}

/// Every version in use names a run, and that run is there.
pub fn lineage(registry: &Registry, _: &Options, tally: &mut Tally) {
    for version in registry.in_use() {
        tally.check();
        let detail = match &version.run {
            Run::Found { .. } => continue,
            Run::Unasked => "names no run: how it was made is not known".to_owned(),
            Run::Missing => format!("names the run {}, which is not there", version.run_id),
            Run::Deleted => format!("names the run {}, which was deleted", version.run_id),
        };
        tally.finding(
            Severity::High,
            object(version),
            detail,
            "register the version from its run, and keep runs of versions in use",
        );
    }
}

/// The run of every version in use has metrics. What has no run is told by [`lineage`].
pub fn evaluation(registry: &Registry, _: &Options, tally: &mut Tally) {
    for version in registry.in_use() {
        match &version.run {
            Run::Found { metrics: 0, .. } => {
                tally.check();
                tally.finding(
                    Severity::Medium,
                    object(version),
                    format!("its run {} has no metrics: it was not evaluated there", version.run_id),
                    "log the metrics of its evaluation in the run",
                );
            }
            Run::Found { .. } => tally.check(),
            _ => tally.skip(object(version), "its run cannot be looked up"),
        }
    }
}

fn object(version: &Version) -> String {
    format!("model {} version {}", version.name, version.version)
}
