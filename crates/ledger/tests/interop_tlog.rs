//! Our notes, checkpoints, tiles and proofs, judged by `signed_note` and `tlog_tiles`, which nobody here wrote.

use std::collections::HashMap;

use ledger::checkpoint::Checkpoint;
use ledger::merkle::{HashReader as _, Node, leaf_hash};
use ledger::note::{Note, NoteSigner};
use ledger::proof;
use ledger::tile::{TileBuilder, TileId, TileReader};
use signed_note::{StandardSigner, StandardVerifier, VerifierList};
use tlog_tiles::tile::{Tile, TileHashReader, TileReader as TheirTileReader};
use tlog_tiles::tlog::{self, Hash};

const SIZES: [u64; 5] = [1, 255, 256, 257, 70_000];

/// Our tiles behind their interface. Their paths are those of the older sumdb, with a height.
struct OurTiles(HashMap<String, Vec<u8>>);

impl TheirTileReader for OurTiles {
    fn height(&self) -> u8 {
        8
    }
    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog::Error> {
        Ok(tiles.iter().map(|tile| self.0[&tile.path().replacen("tile/8/", "tile/", 1)].clone()).collect())
    }
    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

fn log(size: u64) -> (TileBuilder, HashMap<String, Vec<u8>>) {
    let mut builder = TileBuilder::default();
    (0..size).for_each(|n| builder.push(leaf_hash(format!("event-{n}").as_bytes())));
    let tiles = builder.drain().into_iter().map(|(id, bytes)| (id.path(), bytes)).collect();
    (builder, tiles)
}

fn places(size: u64) -> Vec<u64> {
    let mut places = vec![0, size / 3, size / 2, size - 1];
    places.extend([254, 255, 256].iter().filter(|place| **place < size));
    places
}

#[test]
fn their_tile_reader_authenticates_our_tiles() {
    for size in SIZES {
        let (builder, tiles) = log(size);
        let (root, ours) = (Hash(builder.root()), OurTiles(tiles));
        let reader = TileHashReader::new(size, root, &ours);
        assert_eq!(tlog::tree_hash(size, &reader).unwrap(), root, "root of {size}");
        for index in places(size) {
            let leaf = tlog::record_hash(format!("event-{index}").as_bytes());
            let theirs = tlog::prove_record(size, index, &reader).unwrap();
            tlog::check_record(&theirs, size, root, index, leaf).unwrap();
            let theirs: Vec<[u8; 32]> = theirs.iter().map(|hash| hash.0).collect();
            let read = |id: TileId| ours.0.get(&id.path()).cloned().ok_or("missing");
            assert_eq!(proof::inclusion(index, size, &TileReader::new(size, read)).unwrap(), theirs);
        }
    }
}

#[test]
fn their_tile_reader_refuses_a_changed_tile() {
    let (builder, mut tiles) = log(257);
    tiles.get_mut("tile/0/000").unwrap()[17] ^= 1;
    let ours = OurTiles(tiles);
    let reader = TileHashReader::new(257, Hash(builder.root()), &ours);
    assert!(tlog::prove_record(257, 3, &reader).is_err());
}

#[test]
fn they_accept_our_proofs() {
    for size in SIZES {
        let (builder, tiles) = log(size);
        let read = |id: TileId| tiles.get(&id.path()).cloned().ok_or("missing");
        let reader = TileReader::new(size, read);
        for place in places(size) {
            let path = proof::inclusion(place, size, &reader).unwrap().into_iter().map(Hash).collect();
            let leaf = Hash(reader.node(Node { level: 0, index: place }).unwrap());
            tlog::check_record(&path, size, Hash(builder.root()), place, leaf).unwrap();

            let old = place + 1;
            let old_root = ledger::merkle::root_at(old, &reader).unwrap();
            let path = proof::consistency(old, size, &reader).unwrap().into_iter().map(Hash).collect();
            tlog::check_tree(&path, size, Hash(builder.root()), old, Hash(old_root)).unwrap();
        }
    }
}

#[test]
fn they_write_the_same_tiles() {
    struct Stored(std::cell::RefCell<Vec<Hash>>);
    impl tlog::HashReader for Stored {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog::Error> {
            Ok(indexes.iter().map(|index| self.0.borrow()[*index as usize]).collect())
        }
    }
    let stored = Stored(std::cell::RefCell::default());
    let size = 257;
    for n in 0..size {
        let hashes = tlog::stored_hashes(n, format!("event-{n}").as_bytes(), &stored).unwrap();
        stored.0.borrow_mut().extend(hashes);
    }
    let theirs: HashMap<String, Vec<u8>> = Tile::new_tiles(8, 0, size)
        .iter()
        .map(|tile| (tile.path().replacen("tile/8/", "tile/", 1), tile.read_data(&stored).unwrap()))
        .collect();
    assert_eq!(theirs, log(size).1);
}

#[test]
fn they_read_our_checkpoint_and_note() {
    let signer = NoteSigner::from_seed("ledger.example/log", &[7; 32]).unwrap();
    let (builder, _) = log(257);
    let ours = Checkpoint { origin: "ledger.example/log".into(), size: 257, root: builder.root() };
    let note = ours.sign(&signer).unwrap().to_string();

    let theirs = signed_note::Note::from_bytes(note.as_bytes()).unwrap();
    let known =
        VerifierList::new(vec![Box::new(StandardVerifier::new(&signer.verifier().to_string()).unwrap())]);
    let (verified, unverified) = theirs.verify(&known).unwrap();
    assert_eq!((verified.len(), unverified.len()), (1, 0));
    let read = tlog_tiles::checkpoint::Checkpoint::from_bytes(theirs.text()).unwrap();
    assert_eq!((read.origin(), read.size(), read.hash().0), ("ledger.example/log", 257, builder.root()));

    let changed = note.replace("\n257\n", "\n258\n");
    assert!(signed_note::Note::from_bytes(changed.as_bytes()).unwrap().verify(&known).is_err());
}

#[test]
fn we_read_their_note() {
    let vkey = NoteSigner::from_seed("signer.example", &[3; 32]).unwrap().verifier().clone();
    let key_id = u32::from_be_bytes(vkey.key_id());
    let key = ledger::b64::encode([&[1][..], &[3; 32]].concat());
    let signer = StandardSigner::new(&format!("PRIVATE+KEY+signer.example+{key_id:08x}+{key}")).unwrap();
    let mut theirs = signed_note::Note::new(b"text\n", &[]).unwrap();
    theirs.add_sigs(&[&signer]).unwrap();
    let bytes = theirs.to_bytes();
    let ours = Note::parse(&bytes).unwrap();
    assert!(ours.verify(&[vkey]).is_ok());
    assert_eq!(ours.to_string().into_bytes(), bytes);
}
