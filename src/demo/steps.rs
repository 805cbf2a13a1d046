//! The steps, in order. Each prints what it does and what came of it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use ledger::ids::EventId;
use ledger_replay::{NoProgress, Options, Report, verify};
use serde_json::{Value, json};

use super::client::{Client, text};
use super::tamper;
use super::vendors::Vendors;
use crate::app::App;

/// What the steps work with.
pub struct Stage {
    /// A client of the ledger, with the first key.
    pub client: Client,
    /// The systems that are told.
    pub vendors: Arc<Vendors>,
    /// The ledger, for its directory, its name and its clock: all else goes over HTTP.
    pub app: Arc<App>,
}

impl Stage {
    /// Hands in the result of a check.
    fn hand_in(&self, seen: &Value, control: &str, result: &str, title: &str) -> Result<()> {
        let now = self.app.clock.now();
        let mut evidence = json!({
            "id": EventId::generate(&*self.app.clock, &*self.app.entropy), "check": seen["check"], "target_ref": seen["target_ref"],
            "controls": [{ "framework": "starter", "control": control }], "result": result, "checked": 1,
            "observed_from": now, "observed_to": now, "sent_at": now, "title": title,
        });
        if let Some(probe) = text(seen, "source").strip_prefix("probe:") {
            evidence["probe"] = probe.into();
        }
        self.client.post("/v1/evidence", &evidence).map(drop)
    }
}

fn step(number: usize, what: &str) {
    println!("\n{number}. {what}");
}

/// Runs all steps.
///
/// # Errors
/// The first step that failed.
pub fn all(stage: &Stage) -> Result<()> {
    let Stage { client, vendors, app } = stage;
    let (dir, name) = (&app.config.data.dir, &app.name);
    step(1, "A ledger, made from nothing");
    println!("   ledger     {name}, serving on {}", client.url());
    let me = client.get("/v1/whoami")?;
    println!("   tenant     {}", text(&me, "tenant"));
    println!("   admin key  in {}, readable by you alone", dir.join("admin.key").display());

    step(2, "The starter framework");
    let imported = client.post("/v1/frameworks/starter", &json!({}))?;
    println!(
        "   {} controls imported, committed as entry {} of the log",
        imported["controls"], imported["receipt"]["index"]
    );

    step(3, "Two systems to tell: stand-ins for Jira and ServiceNow");
    vendors.integrate(client)?;

    step(4, "Evidence of this machine, by the host probe");
    probe(client, dir)?;

    step(5, "What it says of the controls");
    let failed = scorecard(stage)?;

    step(6, "Each failed control, once in each system");
    vendors.show_tickets(client, failed.len())?;

    step(7, "One is worked on, and mended");
    let control = &failed[0];
    let task = vendors.work_on(client, control)?;
    mend(stage, control)?;
    vendors.show_closed(client, &task)?;
    exchanges(client)?;

    step(8, "A receipt, with proof");
    receipt(client)?;

    step(9, "The history, exported and verified offline");
    let trust = dir.join("demo.trust");
    std::fs::write(&trust, text(&me, "trust")).context("cannot write the trust file")?;
    let bundle = dir.join("demo-bundle");
    export(dir, &bundle)?;
    let report = check(&bundle, &trust)?;
    ensure!(report.ok, "the export does not verify: {report}");
    println!("   ledger-replay verify {}", bundle.display());
    println!(
        "   VERIFIED: {} entries, {} streams, {} disclosed members, every signature and hash",
        report.size, report.counts.streams, report.counts.disclosed
    );

    step(10, "A copy, with one bit changed");
    let copy = dir.join("demo-bundle-tampered");
    tamper::copy(&bundle, &copy)?;
    let (file, at) = tamper::flip_a_bit(&copy)?;
    println!("   one bit of byte {at} of {} changed", file.display());
    let report = check(&copy, &trust)?;
    ensure!(!report.ok, "the tampered copy was accepted");
    println!("   REFUSED, {} failures:", report.failures_total);
    for failure in report.failures.iter().take(3) {
        println!("     {failure}");
    }
    println!("\nEverything held.");
    Ok(())
}

/// Runs one of this binary's own verbs, as a user would; what it printed.
fn own_verb(arguments: &[&str]) -> Result<Vec<u8>> {
    println!("   $ ledger {}", arguments.join(" "));
    let binary = std::env::current_exe().context("cannot find this program")?;
    let output =
        Command::new(binary).args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("ledger {} failed: {}", arguments[0], String::from_utf8_lossy(&output.stdout));
    }
    Ok(output.stdout)
}

fn probe(client: &Client, dir: &Path) -> Result<()> {
    let (key, spool) = (dir.join("admin.key"), dir.join("demo-spool"));
    let (key, spool) = (key.to_string_lossy(), spool.to_string_lossy());
    let printed = own_verb(&[
        "probe",
        "run",
        "linux-host",
        "--url",
        client.url(),
        "--key-file",
        &key,
        "--spool",
        &spool,
    ])?;
    for line in String::from_utf8_lossy(&printed).lines() {
        println!("   {line}");
    }
    Ok(())
}

/// Shows the scorecard and gives the controls that fail. A host without a finding is given one, so that there is something
/// to show.
fn scorecard(stage: &Stage) -> Result<Vec<String>> {
    let failed = judged(&stage.client)?;
    if !failed.is_empty() {
        return Ok(failed);
    }
    println!("   nothing fails here: an example of a finding is handed in");
    let seen = json!({ "check": "demo/example", "target_ref": "this-host" });
    stage.hand_in(&seen, "host-1", "fail", "An example of a finding")?;
    stage.client.wait("/v1/controls/starter/host-1", |control| text(control, "status") == "fail")?;
    Ok(vec!["host-1".into()])
}

/// Every source that says that a control fails says that it holds, as the next run of its check would.
fn mend(stage: &Stage, control: &str) -> Result<()> {
    let path = format!("/v1/controls/starter/{control}");
    let seen = stage.client.get(&path)?;
    let sources = seen["source_results"].as_array().into_iter().flatten();
    for source in sources.filter(|source| text(source, "result") == "fail") {
        stage.hand_in(source, control, "pass", "The finding is mended (handed in by the demo)")?;
        println!("   evidence   {} now says pass (handed in by the demo)", text(source, "check"));
    }
    stage.client.wait(&path, |control| text(control, "status") == "pass")?;
    Ok(())
}

/// Shows what was said to the other systems.
fn exchanges(client: &Client) -> Result<()> {
    let seen = client.get("/v1/exchanges?limit=1000")?;
    let all = seen["items"].as_array().map_or(&[][..], Vec::as_slice);
    let changing =
        all.iter().filter(|exchange| !text(exchange, "method").eq_ignore_ascii_case("get")).count();
    ensure!(changing > 0, "no exchange is in the log");
    println!(
        "   {} requests were sent, {changing} of them to change something; each is an event of the log",
        all.len()
    );
    Ok(())
}

fn judged(client: &Client) -> Result<Vec<String>> {
    let events = client.get("/v1/evidence?limit=1000")?;
    let expected = events["items"].as_array().map_or(0, Vec::len);
    ensure!(expected > 0, "the probe handed in no evidence");
    // Read models and reactors follow the log by a moment: wait until every control that evidence names has a status.
    let named: std::collections::BTreeSet<&str> = events["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item["controls"].as_str())
        .flat_map(str::split_whitespace)
        .collect();
    let cards = client.wait("/v1/scorecards", |cards| {
        let card = &cards["items"][0];
        let judged = card["total"].as_u64().unwrap_or(0) - card["unknown"].as_u64().unwrap_or(0);
        judged >= named.len() as u64
    })?;
    let card = &cards["items"][0];
    println!("   {expected} pieces of evidence, about {} controls", named.len());
    println!(
        "   starter    {} controls: {} pass, {} fail, {} inconclusive, {} not applicable, {} error, {} stale, {} unknown",
        card["total"],
        card["pass"],
        card["fail"],
        card["inconclusive"],
        card["not_applicable"],
        card["error"],
        card["stale"],
        card["unknown"]
    );
    let controls = client.get("/v1/controls?framework=starter&limit=1000")?;
    let mut failed = Vec::new();
    for control in controls["items"].as_array().into_iter().flatten() {
        if text(control, "status") == "fail" {
            failed.push(text(control, "control").to_owned());
        }
        if text(control, "status") != "unknown" {
            println!(
                "     {:<14} {:<14} {}",
                text(control, "control"),
                text(control, "status"),
                text(control, "title")
            );
        }
    }
    Ok(failed)
}

fn receipt(client: &Client) -> Result<()> {
    let newest = client.get("/v1/evidence?limit=1")?["items"][0].clone();
    let index = newest["index"].as_u64().context("evidence has an index")?;
    let proof = client.text(&format!("/v1/events/{index}/proof"))?;
    let parsed = ledger::tlog_proof::TlogProof::parse(proof.as_bytes())?;
    let (checkpoint, _) = parsed.verify_path()?;
    println!("   {} {}", text(&newest, "check"), text(&newest, "result"));
    println!("   is entry {index} of {}, proven by {} hashes", checkpoint.origin, parsed.path.len());
    println!(
        "   up to the signed root {} of {} entries",
        ledger::b64::encode(checkpoint.root),
        checkpoint.size
    );
    Ok(())
}

fn export(dir: &Path, bundle: &Path) -> Result<()> {
    let printed =
        own_verb(&["export", "--data", &dir.to_string_lossy(), "--out", &bundle.to_string_lossy()])?;
    for line in String::from_utf8_lossy(&printed).lines() {
        println!("   {line}");
    }
    Ok(())
}

fn check(bundle: &Path, trust: &Path) -> Result<Report> {
    let options = Options { bundle: bundle.to_owned(), policy: Some(trust.to_owned()), ..Options::default() };
    Ok(verify(&options, &NoProgress)?)
}
