//! The edge cases on which Ed25519 verifiers differ, and the agreement of single and batch verification.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use proptest::prelude::*;
use sha2::{Digest, Sha512};

use super::*;
use crate::clock::SeededEntropy;

fn hex<const N: usize>(text: &str) -> [u8; N] {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    let bytes: Vec<u8> = text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect();
    bytes.try_into().unwrap()
}

/// "Taming the many EdDSAs" (eprint 2020/1244), the published vectors of `ed25519-speccheck`: message, key,
/// signature, what registration says of the key, and what the equation says of an unregistered one.
type Case =
    (&'static str, &'static str, &'static str, Result<(), KeyError>, Option<Result<(), SignatureError>>);

const TORSION_A: &str = "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43";
const MIXED_A: &str = "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d";
const SMALL_A: &str = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa";
const GOOD_A: &str = "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623";
const NOT_CANONICAL_A: &str = "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";

const CASES: [Case; 14] = [
    // Small A and R, S = 0.
    (
        "8c93255d71dcab10e8f379c26200f3c7bd5f09d9bc3068d3ef4edeb4853022b6",
        SMALL_A,
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a0000000000000000000000000000000000000000000000000000000000000000",
        Err(KeyError::SmallOrder),
        None,
    ),
    // Small A, mixed R.
    (
        "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
        SMALL_A,
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
        Err(KeyError::SmallOrder),
        None,
    ),
    // Mixed A, small R.
    (
        "aebf3f2601a0c8c5d39cc7d8911642f740b78168218da8471772b35f9d35b9ab",
        TORSION_A,
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa8c4bd45aecaca5b24fb97bc10ac27ac8751a7dfe1baff8b953ec9f5833ca260e",
        Err(KeyError::Torsion),
        Some(Err(SignatureError::SmallOrderR)),
    ),
    // Mixed A and R, both equations hold.
    (
        "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
        MIXED_A,
        "9046a64750444938de19f227bb80485e92b83fdb4b6506c160484c016cc1852f87909e14428a7a1d62e9f22f3d3ad7802db02eb2e688b6c52fcd6648a98bd009",
        Err(KeyError::Torsion),
        Some(Ok(())),
    ),
    // Mixed A and R, only the cofactored equation holds.
    (
        "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
        MIXED_A,
        "160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed5125ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09",
        Err(KeyError::Torsion),
        Some(Ok(())),
    ),
    // As before, and only if 8 is not multiplied into k before it is reduced.
    (
        "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
        MIXED_A,
        "21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7e40bc836dac0f71076f9abe3a53f9c03c1ceeeddb658d0030494ace586687405",
        Err(KeyError::Torsion),
        Some(Ok(())),
    ),
    // S beyond the group order.
    (
        "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
        GOOD_A,
        "e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e547f7690a0e2ddcd04d87dbc3490dc19b3b3052f7ff0538cb68afb369ba3a514",
        Ok(()),
        Some(Err(SignatureError::S)),
    ),
    // S far beyond the group order.
    (
        "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
        GOOD_A,
        "8ce5b96c8f26d0ab6c47958c9e68b937104cd36e13c33566acd2fe8d38aa19427e71f98a473474f2f13f06f97c20d58cc3f54b8bd0d272f42b695dd7e89a8c22",
        Ok(()),
        Some(Err(SignatureError::S)),
    ),
    // R not canonical (y = p), of the first edition of the vectors.
    (
        "fdaebc429f4a735932a160da1301080c13280eea8bc280d1b392c6b9e6ba3a5a",
        TORSION_A,
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f454d370c8d9fc323a41450f8d513eafeb5b0697390c1e505a0d4ddc71f566607",
        Err(KeyError::Torsion),
        Some(Err(SignatureError::R)),
    ),
    (
        "84b698d39be126ff55fe45079e6c8bf64a0d7db6994560b4e96b7021eb39c1a1",
        TORSION_A,
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f084d5b99c2a9463d9c8bd5026916996984eeec87ddf1d3be329006ace1b37b09",
        Err(KeyError::Torsion),
        Some(Err(SignatureError::R)),
    ),
    // R not canonical (x = 0 with its sign bit), of the second edition.
    (
        "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
        TORSION_A,
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff03be9678ac102edcd92b0210bb34d7428d12ffc5df5f37e359941266a4e35f0f",
        Err(KeyError::Torsion),
        Some(Err(SignatureError::R)),
    ),
    (
        "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
        TORSION_A,
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffca8c5b64cd208982aa38d4936621a4775aa233aa0505711d8fdcfdaa943d4908",
        Err(KeyError::Torsion),
        Some(Err(SignatureError::R)),
    ),
    // A not canonical.
    (
        "e96b7021eb39c1a163b6da4e3093dcd3f21387da4cc4572be588fafae23c155b",
        NOT_CANONICAL_A,
        "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dca5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
        Err(KeyError::NotCanonical),
        None,
    ),
    (
        "39a591f5321bbe07fd5a23dc2f39d025d74526615746727ceefd6e82ae65c06f",
        NOT_CANONICAL_A,
        "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dca5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
        Err(KeyError::NotCanonical),
        None,
    ),
];

/// What the batch says of one signature.
fn in_batch(key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> Result<(), SignatureError> {
    let mut batch = BatchVerifier::new();
    batch.add(7, key, message, signature);
    batch.finish(&SeededEntropy::new(1)).first().map_or(Ok(()), |(_, error)| Err(*error))
}

#[test]
fn the_published_edge_cases_are_judged_by_the_rule() {
    for (n, (message, key, signature, registered, verdict)) in CASES.iter().enumerate() {
        let (message, key, signature) = (hex::<32>(message), hex::<32>(key), hex::<64>(signature));
        assert_eq!(PublicKey::from_bytes(&key).map(drop), *registered, "key of case {n}");
        let Some(verdict) = verdict else { continue };
        let key = PublicKey::unregistered(&key).unwrap();
        assert_eq!(verify(&key, &message, &signature), *verdict, "case {n}");
        assert_eq!(in_batch(&key, &message, &signature), *verdict, "case {n} in a batch");
    }
    // Without the cofactor, cases 4 and 5 fall: the difference is real.
    for (n, expected) in [(3, Ok(())), (4, Err(SignatureError::Mismatch)), (5, Err(SignatureError::Mismatch))]
    {
        let (message, key, signature, _, _) = CASES[n];
        let key = PublicKey::unregistered(&hex(key)).unwrap();
        assert_eq!(verify_strict(&key, &hex::<32>(message), &hex(signature)), expected, "case {n}");
    }
}

#[test]
fn no_point_of_small_order_is_registered_in_any_spelling() {
    for point in EIGHT_TORSION {
        assert_eq!(PublicKey::from_bytes(point.compress().as_bytes()), Err(KeyError::SmallOrder));
    }
    // y = p and y = p + 1, with and without the sign bit; y = 1 with the sign bit.
    for text in [
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "0200000000000000000000000000000000000000000000000000000000000000",
    ] {
        assert_eq!(PublicKey::from_bytes(&hex(text)), Err(KeyError::NotCanonical), "{text}");
    }
}

/// A signature whose R carries a torsion component, made by the owner of the key.
fn with_torsion_in_r(secret: Scalar, message: &[u8], torsion: &EdwardsPoint) -> (PublicKey, [u8; 64]) {
    let key = (ED25519_BASEPOINT_POINT * secret).compress().to_bytes();
    let nonce = secret * secret + Scalar::ONE;
    let r = (ED25519_BASEPOINT_POINT * nonce + torsion).compress().to_bytes();
    let hash: [u8; 64] =
        Sha512::new().chain_update(r).chain_update(key).chain_update(message).finalize().into();
    let s = nonce + Scalar::from_bytes_mod_order_wide(&hash) * secret;
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r);
    signature[32..].copy_from_slice(&s.to_bytes());
    (PublicKey::from_bytes(&key).unwrap(), signature)
}

#[test]
fn torsion_in_r_is_accepted_alike_by_single_and_batch_and_refused_by_strict() {
    for (n, torsion) in EIGHT_TORSION.iter().enumerate() {
        let (key, signature) = with_torsion_in_r(Scalar::from(77_u64), b"message", torsion);
        assert_eq!(verify(&key, b"message", &signature), Ok(()), "torsion {n}");
        assert_eq!(in_batch(&key, b"message", &signature), Ok(()), "torsion {n}");
        let strict = if n == 0 { Ok(()) } else { Err(SignatureError::Mismatch) };
        assert_eq!(verify_strict(&key, b"message", &signature), strict, "torsion {n}");
    }
}

#[test]
fn a_key_with_torsion_is_not_registered() {
    for torsion in &EIGHT_TORSION[1..] {
        let key = (ED25519_BASEPOINT_POINT * Scalar::from(5_u64) + torsion).compress();
        assert_eq!(PublicKey::from_bytes(key.as_bytes()), Err(KeyError::Torsion));
    }
}

#[test]
fn a_batch_names_exactly_the_bad_ones() {
    let signers: Vec<_> = (0..3).map(|n| SoftSigner::from_seed(&[n; 32])).collect();
    let messages: Vec<Vec<u8>> = (0..200_u8).map(|n| vec![n; 40]).collect();
    let fill = |bad: &[u64]| {
        let mut batch = BatchVerifier::new();
        for (n, message) in (0_u64..).zip(&messages) {
            let signer = &signers[n as usize % 3];
            let mut signature = signer.sign(message);
            // A flipped bit in S: still canonical, still a point.
            signature[32] ^= u8::from(bad.contains(&n));
            batch.add(n, &signer.public_key(), message, &signature);
        }
        batch
    };
    let entropy = SeededEntropy::new(3);
    assert_eq!(fill(&[]).finish(&entropy), []);
    let named = |bad: &[u64]| bad.iter().map(|n| (*n, SignatureError::Mismatch)).collect::<Vec<_>>();
    assert_eq!(fill(&[199, 3, 0]).finish(&entropy), named(&[0, 3, 199]));
    let mut batch = fill(&[5]);
    batch.add(1000, &signers[0].public_key(), b"x", &[0xFF; 64]);
    assert_eq!((batch.len(), batch.is_empty()), (201, false));
    assert_eq!(batch.finish(&entropy), [(5, SignatureError::Mismatch), (1000, SignatureError::S)]);
    assert!(batch.is_empty() && batch.finish(&entropy).is_empty());
}

/// Two bad signatures whose faults cancel out in a plain sum: the random factors tell.
#[test]
fn faults_that_cancel_out_are_noticed() {
    let signer = SoftSigner::from_seed(&[4; 32]);
    let shifted = |message: &[u8], by: Scalar| {
        let mut signature = signer.sign(message);
        let s = Scalar::from_canonical_bytes(signature[32..].try_into().unwrap()).unwrap();
        signature[32..].copy_from_slice(&(s + by).to_bytes());
        signature
    };
    let mut batch = BatchVerifier::new();
    batch.add(0, &signer.public_key(), b"a", &shifted(b"a", Scalar::ONE));
    batch.add(1, &signer.public_key(), b"b", &shifted(b"b", -Scalar::ONE));
    let bad = batch.finish(&SeededEntropy::new(9));
    assert_eq!(bad, [(0, SignatureError::Mismatch), (1, SignatureError::Mismatch)]);
}

#[test]
fn key_ids_are_read_in_one_spelling() {
    let kid = Kid::of(&[1; 32]);
    assert_eq!(kid.to_string().parse(), Ok(kid));
    let (upper, short) = (kid.to_string().to_uppercase(), kid.to_string()[1..].to_owned());
    for text in [upper.as_str(), short.as_str(), "", "g0000000000000000000000000000000"] {
        assert_eq!(text.parse::<Kid>(), Err(KeyError::Kid), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_changed_bit_of_message_or_signature_is_refused_alike(
        seed in any::<[u8; 32]>(), message in proptest::collection::vec(any::<u8>(), 1..80), bit in 0_usize..1152,
    ) {
        let signer = SoftSigner::from_seed(&seed);
        let (key, mut signature) = (signer.public_key(), signer.sign(&message));
        prop_assert_eq!(verify(&key, &message, &signature), Ok(()));
        prop_assert_eq!(verify_strict(&key, &message, &signature), Ok(()));
        prop_assert_eq!(in_batch(&key, &message, &signature), Ok(()));
        let mut message = message;
        if bit < 512 {
            signature[bit / 8] ^= 1 << (bit % 8);
        } else {
            let bit = (bit - 512) % (message.len() * 8);
            message[bit / 8] ^= 1 << (bit % 8);
        }
        let verdict = verify(&key, &message, &signature);
        prop_assert!(verdict.is_err());
        prop_assert_eq!(in_batch(&key, &message, &signature), verdict);
        prop_assert!(verify_strict(&key, &message, &signature).is_err());
    }
}
