//! How large a bundle is, in the real world's numbers.

use std::sync::Arc;

use musubi_crypto::merkle::{Levels, leaf_hash, range_proof};
use musubi_pki::*;
use musubi_signature::bundle::*;

use super::made::{attributes_rule, audit, platform, record, upstream_rule};
use super::support::{DAY, HOUR, NOW};

const ROOT: &[u8] = include_bytes!("../../../../pki/tests/fixtures/roots-test/signca-test-2024.cer");
const CERTIFICATE: &[u8] = include_bytes!("../../../../pki/tests/fixtures/jpki-sign-cert.der");

/// The certificate of a real test card, a list of a million entries and a log of a million records. Nobody outside
/// J-LIS can sign such a list, so the commitment is made of the entries alone.
#[test]
fn a_real_certificate_in_a_million_takes_4_kb() {
    let anchors =
        TrustAnchors::insecure_test_hierarchy([(AuthorityKind::DigitalSignature, ROOT.to_vec())]).unwrap();
    let certificate = UnverifiedCertificate::parse(CERTIFICATE).unwrap();
    let serial = certificate.serial().clone();
    let (entries, first, neighbours, hashes) = absent_in_a_million();
    let commitment = ListCommitment {
        issuer: *anchors.anchors()[0].fingerprint().first_chunk().unwrap(),
        scope: ListScope::Full,
        number: 4_321,
        this_update: NOW.plus(-HOUR),
        next_update: NOW.plus(DAY),
        sha256: [7; 32],
        entries,
        entries_per_leaf: 16,
        root: hashes.0,
    };
    let proof = StatusProof { first, neighbours, hashes: hashes.1 };
    let list = VerifiedRevocationList::proven(&commitment, &serial, &proof, &anchors).unwrap();
    let (lists, signature) = (vec![Arc::new(list)], [0x5A; 256]);
    let evidence = Evidence {
        certificate: CERTIFICATE,
        expected_kind: AuthorityKind::DigitalSignature,
        signature: &signature,
        signed_data: SignedData::Bytes(b"application"),
        expected_digest: Some(musubi_crypto::sha256(b"application")),
        lists: &lists,
        ocsp: &[],
    };
    let policy =
        Policy { not_signed_before: Some(NOW.plus(-60)), max_list_age: Some(86_400), min_rsa_bits: 2048 };
    let judgement = judge(&evidence, &anchors, &policy, NOW);
    let evidence = JpkiEvidence {
        certificate: CERTIFICATE.to_vec(),
        expected_kind: AuthorityKind::DigitalSignature,
        signature: signature.to_vec(),
        digests: judgement.digests.clone(),
        expected_digest: evidence.expected_digest,
        lists: vec![ListEvidence { commitment, proof }],
        ocsp: Vec::new(),
        policy,
        presence: None,
    };
    let rules = vec![attributes_rule(true), upstream_rule(true)];
    let content = Content::of(evidence, &judgement.verdict, rules, None);
    let encoded = content.encode();
    let audit = audit(record(&encoded, content.indication().as_str()), 1_000_000);
    let bundle = seal(&encoded, &audit, &platform());
    let roots = Roots { anchors: &anchors, platform_keys: &[platform().public_key()] };
    assert!(replay(&bundle, &roots).is_ok());
    // How many hashes the two proofs have depends on where certificate and record stand.
    let places = || (0..1_000_000_u64).step_by(997);
    let in_list = places().map(|at| range_proof(62_500, at / 16, 1, &mut |_, _| [0; 32]).len());
    let in_log =
        places().map(|n| n * 7 % 1_000_000).map(|index| usize::try_from(index.count_ones()).unwrap());
    let own = content.evidence.lists[0].proof.hashes.len() + audit.path.len();
    let sizes: Vec<usize> =
        in_list.zip(in_log).map(|(a, b)| bundle.len() + 32 * (a + b) - 32 * own).collect();
    let mean = sizes.iter().sum::<usize>() / sizes.len();
    let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
    println!(
        "this bundle {}, mean {mean}, from {least} to {most}; of which content {}, certificate {}, audit record {}",
        bundle.len(),
        encoded.len(),
        CERTIFICATE.len(),
        audit.record.len(),
    );
    assert!(mean <= 4200 && *most < 5000, "{mean} {most}");
}

type Absent = (u64, u64, Vec<RevokedEntry>, ([u8; 32], Vec<[u8; 32]>));

/// Serial numbers 2, 6, 10, … up to four million; the card's, 2 025 991, stands between two of them.
fn absent_in_a_million() -> Absent {
    let entry = |n: u32| (2 + 4 * n, NOW.plus(-i64::from(n % 500) * DAY), (n % 7) as u8);
    let record = |n: u32| {
        let (serial, at, reason) = entry(n);
        let mut record = [0; 29];
        record[16..20].copy_from_slice(&serial.to_be_bytes());
        record[20..28].copy_from_slice(&at.0.to_be_bytes());
        record[28] = reason;
        record
    };
    let of_leaf = |leaf: u32| 16 * leaf..16 * leaf + 16;
    let leaves =
        (0..62_500).map(|leaf| leaf_hash(of_leaf(leaf).map(record).collect::<Vec<_>>().as_flattened()));
    let levels = Levels::over(leaves.collect());
    // Both neighbours stand in one leaf.
    let leaf = (0x1E_E607 - 2) / 4 / 16;
    let hashes = range_proof(62_500, u64::from(leaf), 1, &mut |from, to| levels.subtree(from, to).unwrap());
    let neighbours = of_leaf(leaf).map(|n| {
        let (serial, at, reason) = entry(n);
        let reason = RevocationReason::from_code(reason).unwrap();
        RevokedEntry { serial: SerialNumber::from(serial), at, reason }
    });
    (1_000_000, 16 * u64::from(leaf), neighbours.collect(), (levels.root(), hashes))
}
