use super::*;

const KEY: [u8; 32] = [7; 32];
const STORE: [u8; 16] = [9; 16];

fn written(path: &Path) -> HeadFile {
    let mut file = HeadFile::create(path, &KEY, &STORE).unwrap();
    for (log, size) in [(1, 1), (1, 2), (1, 3), (40, 9), (2, 5)] {
        file.write(log, size, [u8::try_from(size).unwrap(); 32]).unwrap();
    }
    file.sync().unwrap();
    file
}

fn reopened(path: &Path) -> Result<Vec<(i64, u64)>, HeadFileError> {
    let file = HeadFile::open(path, &KEY, &STORE)?.expect("there is a file");
    Ok(file.logs().map(|log| (log, file.head(log).unwrap().size)).collect())
}

#[test]
fn the_newest_head_of_every_log_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("heads");
    assert!(HeadFile::open(&path, &KEY, &STORE).unwrap().is_none());
    written(&path);
    assert_eq!(reopened(&path).unwrap(), [(1, 3), (2, 5), (40, 9)]);
}

#[test]
fn another_key_another_store_and_another_file_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("heads");
    written(&path);
    assert!(HeadFile::open(&path, &[8; 32], &STORE).is_err());
    assert!(HeadFile::open(&path, &KEY, &[8; 16]).is_err());
    std::fs::write(&path, b"something else").unwrap();
    assert!(HeadFile::open(&path, &KEY, &STORE).is_err());
}

/// Whatever byte is flipped, a size is never invented: refused, or the record before the last counts.
#[test]
fn a_flipped_byte_is_refused_or_gives_the_record_before() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("heads");
    written(&path);
    let good = std::fs::read(&path).unwrap();
    let step = if cfg!(debug_assertions) { 7 } else { 1 };
    let (mut refused, mut before) = (0, 0);
    for at in (0..good.len()).filter(|at| good[*at] != 0 || at % step == 0) {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        std::fs::write(&path, &bad).unwrap();
        match reopened(&path) {
            Err(_) => refused += 1,
            Ok(heads) if heads == [(1, 2), (2, 5), (40, 9)] => before += 1,
            Ok(heads) => assert_eq!(heads, [(1, 3), (2, 5), (40, 9)], "byte {at}"),
        }
    }
    assert!(refused > 0 && before > 0);
}

#[test]
fn a_torn_last_write_leaves_the_record_before() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("heads");
    let mut file = written(&path);
    let good = std::fs::read(&path).unwrap();
    file.write(1, 4, [4; 32]).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let at = usize::try_from(offset(1, 1)).unwrap();
    for cut in 0..RECORD_BYTES {
        let mut torn = whole.clone();
        torn[at + cut..at + RECORD_BYTES].copy_from_slice(&good[at + cut..at + RECORD_BYTES]);
        std::fs::write(&path, &torn).unwrap();
        let size = reopened(&path).unwrap()[0].1;
        assert!(size == 3 || size == 4 || cut == 0 && size == 2, "cut at {cut}: {size}");
    }
}
