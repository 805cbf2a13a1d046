//! Two processes on one set of leases, in virtual time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;

use super::*;
use crate::leases::Lease;

/// Leases as a database keeps them, and a line to it that can be cut.
#[derive(Default)]
struct Shared {
    held: Mutex<BTreeMap<String, (String, u64, Instant)>>,
}

struct Line {
    shared: Arc<Shared>,
    cut: AtomicBool,
    /// Cut without a word: a question has no answer.
    silent: bool,
}

#[async_trait]
impl Leases for Line {
    async fn hold(
        &self,
        names: &[String],
        holder: &str,
        ttl: Duration,
    ) -> Result<Vec<Option<u64>>, StoreError> {
        if self.cut.load(Ordering::Relaxed) {
            if self.silent {
                std::future::pending::<()>().await;
            }
            return Err(StoreError::Unavailable { reason: "cut".into() });
        }
        let (mut held, now) = (self.shared.held.lock().unwrap(), Instant::now());
        let take = |name: &String| match held.get(name).cloned() {
            Some((other, _, until)) if other != holder && until > now => None,
            Some((same, epoch, until)) => {
                let epoch = if same == holder && until > now { epoch } else { epoch + 1 };
                held.insert(name.clone(), (holder.to_owned(), epoch, now + ttl));
                Some(epoch)
            }
            None => {
                held.insert(name.clone(), (holder.to_owned(), 1, now + ttl));
                Some(1)
            }
        };
        Ok(names.iter().map(take).collect())
    }

    async fn release(&self, names: &[String], holder: &str) -> Result<(), StoreError> {
        let mut held = self.shared.held.lock().unwrap();
        for (_, (_, _, until)) in
            held.iter_mut().filter(|(name, (of, ..))| names.contains(name) && of == holder)
        {
            *until = Instant::now();
        }
        Ok(())
    }

    async fn leases(&self) -> Result<Vec<Lease>, StoreError> {
        Ok(Vec::new())
    }

    async fn place(&self, _: &str) -> Result<Vec<u8>, StoreError> {
        Ok(Vec::new())
    }

    async fn keep_place(&self, _: &str, _: u64, _: &[u8]) -> Result<bool, StoreError> {
        Ok(true)
    }
}

struct Process {
    line: Arc<Line>,
    duties: Arc<Duties>,
    stop: watch::Sender<bool>,
    done: tokio::task::JoinHandle<()>,
}

/// A process that counts itself in `at_work` while it does the duty, and notes the most that ever did.
fn process(
    name: &str,
    silent: bool,
    shared: &Arc<Shared>,
    at_work: &Arc<AtomicUsize>,
    most: &Arc<AtomicUsize>,
) -> Process {
    let line = Arc::new(Line { shared: Arc::clone(shared), cut: AtomicBool::new(false), silent });
    let leases: Arc<dyn Leases> = Arc::<Line>::clone(&line);
    let duties = Arc::new(Duties::new(leases, name.to_owned(), false));
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(Arc::clone(&duties).keep(stopped.clone()));
    let (at_work, most) = (Arc::clone(at_work), Arc::clone(most));
    let work = move |_, mut stop: watch::Receiver<bool>| {
        let (at_work, most) = (Arc::clone(&at_work), Arc::clone(&most));
        async move {
            most.fetch_max(at_work.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            turns_true(&mut stop).await;
            at_work.fetch_sub(1, Ordering::SeqCst);
        }
    };
    let done = tokio::spawn(Arc::clone(&duties).perform("duty", stopped, work));
    Process { line, duties, stop, done }
}

async fn holds(process: &Process) {
    let mut held = process.duties.want("duty");
    held.wait_for(Option::is_some).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_does_it_and_another_takes_over_when_that_one_is_cut_off_or_stops() {
    takes_over(false).await;
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_silent_is_let_go_as_well() {
    takes_over(true).await;
}

async fn takes_over(silent: bool) {
    let (shared, at_work, most) = (Arc::default(), Arc::default(), Arc::default());
    let one = process("one", silent, &shared, &at_work, &most);
    holds(&one).await;
    let two = process("two", silent, &shared, &at_work, &most);
    tokio::time::sleep(TTL * 4).await;
    assert_eq!((one.duties.held().len(), two.duties.held().len()), (1, 0));
    // Cut off, it stops by itself before another may begin.
    one.line.cut.store(true, Ordering::Relaxed);
    let since = Instant::now();
    holds(&two).await;
    assert!(since.elapsed() <= TTL + KEEP_EVERY * 2, "{:?}", since.elapsed());
    assert_eq!(one.duties.held().len(), 0);
    // Back again it waits; the other stops and gives it back.
    one.line.cut.store(false, Ordering::Relaxed);
    tokio::time::sleep(TTL * 2).await;
    assert_eq!(one.duties.held().len(), 0);
    let since = Instant::now();
    two.stop.send_replace(true);
    two.done.await.unwrap();
    holds(&one).await;
    assert!(since.elapsed() <= KEEP_EVERY * 2, "{:?}", since.elapsed());
    one.stop.send_replace(true);
    one.done.await.unwrap();
    assert_eq!((most.load(Ordering::SeqCst), at_work.load(Ordering::SeqCst)), (1, 0), "never two at once");
}
