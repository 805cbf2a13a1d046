//! Names, bytes and the tiles of a growing tree.

use proptest::prelude::*;

use super::*;
use crate::merkle::tests::leaves;
use crate::merkle::{HashReader, MemoryTree, Node};

fn tile(level: u8, index: u64, width: u16) -> Resource {
    Resource::Tile(TileId { level, index, width })
}

#[test]
fn paths_are_those_of_the_specification() {
    for (path, resource) in [
        ("checkpoint", Resource::Checkpoint),
        ("tile/0/x001/x234/067", tile(0, 1_234_067, 256)),
        ("tile/0/000", tile(0, 0, 256)),
        ("tile/1/999.p/255", tile(1, 999, 255)),
        ("tile/63/x001/000.p/1", tile(63, 1000, 1)),
        ("tile/entries/273.p/112", Resource::Entries(EntriesId { index: 273, width: 112 })),
        ("tile/0/x018/x446/x744/x073/x709/x551/615", tile(0, u64::MAX, 256)),
    ] {
        assert_eq!(path.parse(), Ok(resource), "{path}");
        assert_eq!(resource.to_string(), path);
    }
}

#[test]
fn every_other_spelling_is_refused() {
    for path in [
        "",
        "Checkpoint",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/1000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001",
        "tile/0/x001/x002",
        "tile/00/001",
        "tile/64/001",
        "tile/-1/001",
        "tile/+1/001",
        "tile/0/+01",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/01",
        "tile/0/001.p/",
        "tile/0/001.p",
        "tile/0/001/",
        "tile/8/0/001",
        "tile/data/001",
        "tile/entries/",
        "/tile/0/001",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/００１",
        "tile/0/001.p/1/",
        "tile/0/../001",
    ] {
        assert_eq!(path.parse::<Resource>(), Err(PathError), "{path:?}");
    }
}

#[test]
fn a_log_of_70000_has_the_tiles_that_the_format_names() {
    let tiles: Vec<TileId> = tiles_between(0, 70_000).collect();
    let level = |l| tiles.iter().filter(move |t| t.level == l).copied().collect::<Vec<_>>();
    assert_eq!(level(0).len(), 274);
    assert!(level(0)[..273].iter().all(|t| t.width == 256));
    assert_eq!(level(0)[273].path(), "tile/0/273.p/112");
    assert_eq!(level(1).iter().map(|t| t.path()).collect::<Vec<_>>(), ["tile/1/000", "tile/1/001.p/17"]);
    assert_eq!(level(2).iter().map(|t| t.path()).collect::<Vec<_>>(), ["tile/2/000.p/1"]);
    assert_eq!(tiles.len(), 277);
    assert_eq!(EntriesId::all(70_000).last().unwrap().path(), "tile/entries/273.p/112");
}

#[test]
fn an_empty_tile_is_never_named() {
    assert_eq!(tiles_between(0, 0).count(), 0);
    assert_eq!(tiles_between(0, 256).map(|t| t.path()).collect::<Vec<_>>(), ["tile/0/000", "tile/1/000.p/1"]);
    assert_eq!(TileId::at(0, 1, 256), None);
    assert_eq!(TileId::at(8, 0, u64::MAX), None);
    assert_eq!(EntriesId::all(0).count(), 0);
    assert_eq!(tiles_between(u64::MAX - 1, u64::MAX).count(), 1);
}

#[test]
fn bundles_of_entries_are_read_strictly() {
    let bundle = encode_entries([&b"one"[..], b"", b"three"]).unwrap();
    assert_eq!(bundle, b"\0\x03one\0\0\0\x05three");
    assert_eq!(decode_entries(&bundle, 3).unwrap(), [&b"one"[..], b"", b"three"]);
    assert_eq!(decode_entries(&bundle, 2), Err(EntriesError::Count { expected: 2, found: 3 }));
    assert_eq!(decode_entries(&bundle, 4), Err(EntriesError::Count { expected: 4, found: 3 }));
    assert_eq!(decode_entries(&bundle[..11], 3), Err(EntriesError::CutOff(2)));
    assert_eq!(decode_entries(&bundle[..8], 3), Err(EntriesError::CutOff(2)));
    assert_eq!(encode_entries([&[0; 65_536][..]]), Err(EntriesError::TooLong(65_536)));
}

/// Grows a log in steps, keeping what is drained as a store would, and checks every node of the result.
fn grow(steps: &[u64]) {
    let all = leaves(steps.iter().sum());
    let whole: MemoryTree = all.iter().copied().collect();
    let mut stored = TileSet::new(all.len() as u64);
    let mut builder = TileBuilder::default();
    let mut rest = all.iter();
    for step in steps {
        let before = builder.size();
        rest.by_ref().take(*step as usize).for_each(|leaf| builder.push(*leaf));
        let mut drained = builder.drain();
        let mut expected: Vec<TileId> = tiles_between(before, builder.size()).collect();
        drained.sort();
        expected.sort();
        assert_eq!(drained.iter().map(|(id, _)| *id).collect::<Vec<_>>(), expected);
        let tiles: std::collections::HashMap<TileId, Vec<u8>> = drained.iter().cloned().collect();
        drained.into_iter().for_each(|(id, bytes)| stored.insert(id, bytes).unwrap());
        let partial_of_before =
            |id| tiles.get(&id).cloned().unwrap_or_else(|| stored.bytes(id).unwrap().to_vec());
        let resumed = TileBuilder::resume(builder.size(), partial_of_before).unwrap();
        assert_eq!(resumed.frontier(), builder.frontier());
        assert_eq!((resumed.size(), resumed.root()), (builder.size(), builder.root()));
    }
    assert_eq!(builder.root(), whole.root());
    for level in 0..20 {
        for index in 0..(builder.size() >> level) {
            let node = Node { level, index };
            assert_eq!(stored.node(node).unwrap(), whole.node(node).unwrap(), "{node:?}");
        }
        let beyond = Node { level, index: builder.size() >> level };
        assert!(matches!(stored.node(beyond), Err(TileError::NotInTree { .. })));
    }
}

#[test]
fn a_tree_grown_in_steps_has_the_tiles_of_the_whole() {
    grow(&[1]);
    grow(&[255, 1, 1]);
    grow(&[256, 256, 3]);
    grow(&[1000, 64_536, 4464]);
}

#[test]
fn a_builder_refuses_tiles_of_another_size() {
    let error = TileBuilder::resume(257, |_| vec![0; 64]).unwrap_err();
    assert_eq!((error.tile.path(), error.expected, error.found), ("tile/0/001.p/1".to_owned(), 32, 64));
}

#[test]
fn a_reader_names_the_tile_that_fails() {
    let reader = TileReader::new(300, |_| Err::<Vec<u8>, _>("gone"));
    let error = reader.node(Node { level: 0, index: 299 }).unwrap_err();
    assert_eq!(error.to_string(), "tile/0/001.p/44: gone");
    let reader = TileReader::new(300, |_| Ok::<_, &str>(vec![0; 64]));
    assert!(matches!(reader.node(Node { level: 0, index: 299 }), Err(TileError::Length { found: 64, .. })));
}

proptest! {
    #[test]
    fn steps_of_any_length_give_the_same_tiles(steps in prop::collection::vec(1_u64..700, 1..6)) {
        grow(&steps);
    }

    #[test]
    fn a_path_is_read_back(level in 0_u8..64, index in any::<u64>(), shift in 0_u32..64, width in 1_u16..=256) {
        let resource = tile(level, index >> shift, width);
        prop_assert_eq!(resource.to_string().parse(), Ok(resource));
    }

    #[test]
    fn whatever_is_read_as_a_path_is_written_the_same(path in "(checkpoint|tile/(entries|[0-9]{1,2})/(x[0-9]{2,3}/){0,3}[0-9]{2,4}(\\.p/[0-9]{1,3})?)") {
        if let Ok(resource) = path.parse::<Resource>() {
            prop_assert_eq!(resource.to_string(), path);
        }
    }

    #[test]
    fn a_bundle_is_read_back_and_its_changes_never_panic(
        entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20),
        at in any::<prop::sample::Index>(), to in any::<u8>(),
    ) {
        let mut bundle = encode_entries(entries.iter().map(Vec::as_slice)).unwrap();
        let width = entries.len() as u16;
        prop_assert_eq!(decode_entries(&bundle, width).unwrap(), entries);
        if !bundle.is_empty() {
            let at = at.index(bundle.len());
            bundle[at] = to;
            if let Ok(read) = decode_entries(&bundle, width) {
                prop_assert_eq!(encode_entries(read).unwrap(), bundle);
            }
        }
    }
}
