//! The steps, in order. Each prints what it does and what came of it.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use ledger_replay::{NoProgress, Options, Report, verify};
use serde_json::{Value, json};

use super::client::Client;
use super::tamper;

fn step(number: usize, what: &str) {
    println!("\n{number}. {what}");
}

/// Runs all steps.
///
/// # Errors
/// The first step that failed.
pub fn all(client: &Client, dir: &Path, name: &str) -> Result<()> {
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

    step(3, "Evidence of this machine, by the host probe");
    probe(client, dir)?;

    step(4, "What it says of the controls");
    scorecard(client)?;

    step(5, "A receipt, with proof");
    receipt(client)?;

    step(6, "The history, exported and verified offline");
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

    step(7, "A copy, with one bit changed");
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

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
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

fn scorecard(client: &Client) -> Result<()> {
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
    for control in
        client.get("/v1/controls?framework=starter&limit=1000")?["items"].as_array().into_iter().flatten()
    {
        if text(control, "status") != "unknown" {
            println!(
                "     {:<14} {:<14} {}",
                text(control, "control"),
                text(control, "status"),
                text(control, "title")
            );
        }
    }
    Ok(())
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
