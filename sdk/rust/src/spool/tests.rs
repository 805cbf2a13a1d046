use std::sync::atomic::{AtomicU8, Ordering};

use super::disk::OsDisk;
use super::*;

const LIMIT: u64 = 64 << 20;

fn open(dir: &Path) -> Spool {
    Spool::open(dir, LIMIT, Arc::new(OsDisk)).unwrap()
}

fn put(spool: &mut Spool, texts: &[&str]) {
    spool.append(&texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>()).unwrap();
}

fn texts(spool: &mut Spool) -> Vec<String> {
    let items = spool.oldest(1000, 1 << 20).unwrap();
    items.into_iter().map(|item| String::from_utf8(item.payload).unwrap()).collect()
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|e| e == "seg"));
    found.sort();
    found
}

#[test]
fn what_was_accepted_comes_back_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path());
    put(&mut spool, &["a", "b"]);
    put(&mut spool, &["c"]);
    drop(spool);
    let mut spool = open(dir.path());
    put(&mut spool, &["d"]);
    assert_eq!(texts(&mut spool), ["a", "b", "c", "d"]);
    let keys: Vec<Key> = spool.oldest(2, 1 << 20).unwrap().into_iter().map(|item| item.key).collect();
    spool.done(keys).unwrap();
    drop(spool);
    assert_eq!(texts(&mut open(dir.path())), ["c", "d"]);
}

#[test]
fn a_batch_keeps_its_bounds_but_always_moves() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path());
    put(&mut spool, &["aaaa", "bbbb", "cccc"]);
    assert_eq!(spool.oldest(2, 100).unwrap().len(), 2);
    assert_eq!(spool.oldest(10, 8).unwrap().len(), 2);
    assert_eq!(spool.oldest(10, 1).unwrap().len(), 1);
}

#[test]
fn a_spool_that_is_empty_holds_no_segment() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path());
    put(&mut spool, &["a", "b"]);
    let items = spool.oldest(10, 100).unwrap();
    spool.done(items.into_iter().map(|item| item.key)).unwrap();
    assert_eq!(segments(dir.path()), Vec::<PathBuf>::new());
    assert_eq!((spool.depth().events, spool.depth().bytes), (0, 0));
    put(&mut spool, &["c"]);
    assert_eq!(texts(&mut spool), ["c"]);
}

#[test]
fn a_torn_tail_is_cut_and_kept_aside() {
    let dir = tempfile::tempdir().unwrap();
    put(&mut open(dir.path()), &["first", "second"]);
    let path = &segments(dir.path())[0];
    let whole = fs::read(path).unwrap();
    for cut in 17 + 1..whole.len() {
        fs::write(path, &whole[..cut]).unwrap();
        let mut spool = open(dir.path());
        assert_eq!(texts(&mut spool), ["first"], "cut at {cut}");
        assert_eq!(spool.depth().torn_bytes, cut as u64 - 17);
        drop(spool);
        assert_eq!(open(dir.path()).depth().torn_bytes, 0, "a tail is cut once");
    }
    assert!(dir.path().join("damaged").read_dir().unwrap().count() > 0);
}

#[test]
fn a_damaged_record_is_kept_aside_and_the_others_come_back() {
    let dir = tempfile::tempdir().unwrap();
    put(&mut open(dir.path()), &["first", "second", "third"]);
    let path = &segments(dir.path())[0];
    let mut bytes = fs::read(path).unwrap();
    bytes[17 + 14] ^= 1;
    fs::write(path, &bytes).unwrap();
    let mut spool = open(dir.path());
    assert_eq!(texts(&mut spool), ["first", "third"]);
    assert_eq!((spool.depth().damaged_bytes, spool.depth().torn_bytes), (18, 0));

    // The disk can also change its mind while the spool is open.
    let (at, bytes) = (bytes.len() - 1, fs::read(path).unwrap());
    let mut changed = bytes;
    changed[at] ^= 1;
    fs::write(path, &changed).unwrap();
    assert_eq!(texts(&mut spool), ["first"]);
    assert_eq!(spool.depth().damaged_bytes, 18 + 5);
    assert_eq!(spool.depth().events, 1);
}

#[test]
fn a_full_spool_refuses_and_keeps_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(dir.path(), SPOOL_BYTES_MIN, Arc::new(OsDisk)).unwrap();
    let large = "x".repeat(500_000);
    for _ in 0..4 {
        put(&mut spool, &[&large]);
    }
    assert!(matches!(spool.append(&[large.clone().into()]), Err(SpoolError::Full { .. })));
    assert_eq!(spool.depth().events, 4);
    let items = spool.oldest(4, 4 << 20).unwrap();
    spool.done(items.into_iter().map(|item| item.key)).unwrap();
    put(&mut spool, &[&large]);
}

#[test]
fn one_process_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path());
    assert!(matches!(Spool::open(dir.path(), LIMIT, Arc::new(OsDisk)), Err(SpoolError::Locked { .. })));
    drop(first);
    open(dir.path());
}

/// A disk that fails: 0 not at all, 1 half-way through a write, 2 at a sync, 3 at a sync and when cutting back.
#[derive(Default)]
struct FailingDisk(Arc<AtomicU8>);
struct FailingFile(File, Arc<AtomicU8>);

impl Disk for FailingDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        OsDisk.create(path)?;
        Ok(Box::new(FailingFile(fs::OpenOptions::new().append(true).open(path)?, Arc::clone(&self.0))))
    }
}

impl Append for FailingFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.1.load(Ordering::SeqCst) == 1 {
            self.0.append(&bytes[..bytes.len() / 2])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.1.load(Ordering::SeqCst) >= 2 {
            Err(io::Error::other("input/output error"))
        } else {
            self.0.sync()
        }
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        if self.1.load(Ordering::SeqCst) == 3 {
            Err(io::Error::other("input/output error"))
        } else {
            self.0.cut(len)
        }
    }
}

#[test]
fn a_failing_disk_accepts_nothing_falsely_and_loses_nothing() {
    for mode in 1..=3 {
        let dir = tempfile::tempdir().unwrap();
        let fail = Arc::new(AtomicU8::new(0));
        let disk = Arc::new(FailingDisk(Arc::clone(&fail)));
        let mut spool = Spool::open(dir.path(), LIMIT, disk).unwrap();
        put(&mut spool, &["before"]);
        fail.store(mode, Ordering::SeqCst);
        assert!(matches!(spool.append(&[b"refused".to_vec()]), Err(SpoolError::Io { .. })), "mode {mode}");
        assert_eq!(texts(&mut spool), ["before"]);
        fail.store(0, Ordering::SeqCst);
        put(&mut spool, &["after"]);
        assert_eq!(texts(&mut spool), ["before", "after"]);
        drop(spool);
        let back = texts(&mut open(dir.path()));
        // Where the file could not even be cut back, the refused record may come back whole; it is never half there.
        let expected: &[&str] =
            if mode == 3 { &["before", "refused", "after"] } else { &["before", "after"] };
        assert_eq!(back, expected, "mode {mode}");
    }
}
