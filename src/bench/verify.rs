//! Offline verification of a whole export with all its checks, beside the bare signatures.

use std::path::Path;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, bail};
use ledger::bundle::{BundleMeta, BundleWriter};
use ledger::checkpoint::Checkpoint;
use ledger::clock::{Clock as _, OsEntropy, Stopwatch, SystemClock};
use ledger::event::EventHash;
use ledger::keys::{BatchVerifier, PublicKey, Signer as _, SoftSigner};
use ledger::policy::Policy;
use ledger_replay::{DirectorySink, NoProgress, Options, verify};
use ledger_store::Read;

use super::ground::Ground;
use super::place::{Place, Scratch};
use super::workload::Samples;
use super::{Figure, rate};
use crate::cli::bench::BenchArgs;
use crate::config::{Config, StoreUrl};

/// Signatures of the reference: enough for a steady rate, few enough to be held.
const BARE_SIGNATURES: u64 = 200_000;

/// Measures verification.
///
/// # Errors
/// The store's, or an export that does not verify.
pub fn run(config: &Config, args: &BenchArgs) -> Result<Vec<Figure>> {
    if config.store.url()? != StoreUrl::Embedded {
        bail!(
            "what is verified is an exported bundle, the same from every store: leave --store and store.url away"
        );
    }
    let scratch = Scratch::new()?;
    let bundle = scratch.path().join("bundle");
    let runtime = crate::cli::serve::runtime()?;
    let entries = runtime.block_on(export(config, args, &scratch.path().join("data"), &bundle))?;
    drop(runtime);
    let options = Options { bundle, policy: None, since: None, strict: false, threads: None };
    let report = verify(&options, &NoProgress)?;
    if !report.ok {
        bail!("the export does not verify: {:?}", report.failures);
    }
    let bare = signatures(args.events.min(BARE_SIGNATURES))?;
    #[expect(clippy::cast_precision_loss, reason = "a figure to read")]
    let value = entries as f64 / report.seconds;
    let figure = Figure::new(
        format!("verify {entries} events, all checks"),
        value,
        "events/s",
        "key-folded signatures alone, as many threads",
        bare,
    )
    .detail("time", report.seconds, "s")
    .detail("peak memory of the whole run", peak_mib()?, "MiB");
    Ok(vec![figure])
}

/// Writes the events of a fresh ledger as a bundle; how many entries it has.
async fn export(config: &Config, args: &BenchArgs, data: &Path, bundle: &Path) -> Result<u64> {
    let place = Arc::new(Place::create(&Ground::of(config).await?, data).await?);
    place.fill(&Arc::new(Samples::new()), args.events, args.writers).await?;
    let keys = place.keyring.log(&place.tenant).context("the tenant has a log")?;
    let signer = keys.checkpoint_signer();
    let head = place.store.log_head(&place.tenant).await?.context("the log has a head")?;
    let mut writer = BundleWriter::new(DirectorySink::create(bundle)?);
    let (mut next, mut genesis) = (0, None);
    while next < head.size {
        let page = place.store.read(Read::log(&place.tenant, next).limit(10_000)).await?;
        for event in &page.events {
            genesis.get_or_insert_with(|| EventHash::of(&event.header).0);
            writer.entry(&crate::history::proof::entry(event)?)?;
        }
        next = page.next;
    }
    let origin = signer.verifier().name().to_owned();
    let note = Checkpoint { origin, size: head.size, root: head.root }.sign(signer)?.to_string();
    let policy = Policy::of_logs(genesis, [signer.verifier().clone()]);
    let meta = BundleMeta {
        tenant: place.tenant.clone(),
        time: SystemClock.now(),
        purpose: "audit".into(),
        redactions: vec!["confidential".into(), "personal".into()],
    };
    let (sink, summary) = writer.finish(&note, &policy, meta, signer)?;
    sink.close()?;
    Ok(summary.entries)
}

/// The rate of batch verification of distinct messages of one key, on as many threads as there are processors.
fn signatures(count: u64) -> Result<f64> {
    let signer = SoftSigner::from_seed(&[3; 32]);
    let key: PublicKey = signer.public_key();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let message = |n: u64| {
        // As long as the bytes that are signed for a piece of evidence.
        let mut message = vec![b'm'; 700];
        message[..8].copy_from_slice(&n.to_le_bytes());
        message
    };
    let signed: Vec<_> = (0..count)
        .map(message)
        .map(|m| {
            let s = signer.sign(&m);
            (m, s)
        })
        .collect();
    let watch = Stopwatch::start();
    let bad = thread::scope(|scope| {
        let parts = signed.chunks(signed.len().div_ceil(threads).max(1));
        let workers: Vec<_> = parts
            .map(|part| {
                scope.spawn(move || {
                    part.chunks(BatchVerifier::GOOD_SIZE).map(|batch| verified(&key, batch)).sum::<usize>()
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("a verifier does not panic")).sum::<usize>()
    });
    let rate = rate(count, watch.elapsed());
    if bad > 0 {
        bail!("{bad} good signatures were refused");
    }
    Ok(rate)
}

fn verified(key: &PublicKey, batch: &[(Vec<u8>, [u8; 64])]) -> usize {
    let mut verifier = BatchVerifier::new();
    verifier.reserve(batch.len());
    for (n, (message, signature)) in (0..).zip(batch) {
        verifier.add(n, key, message, signature);
    }
    verifier.finish(&OsEntropy).len()
}

fn peak_mib() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).context("no VmHWM")?;
    Ok(kib.parse::<f64>()? / 1024.0)
}
