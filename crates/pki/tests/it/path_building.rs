//! Building of paths among several candidates (RFC 4158), and the work that it may cost.

use musubi_pki::path::*;
use musubi_pki::{Budget, ReasonCode, RevocationMode, SubIndication};

use crate::path_support::*;
use crate::support::der::*;

fn root() -> Cert {
    Cert::authority("Root", 1)
}

fn ca() -> Cert {
    Cert::authority("CA", 2)
}

const CHAIN_FAILURE: SubIndication = SubIndication::CertificateChainGeneralFailure;

#[test]
fn a_leaf_under_an_authority_under_an_anchor_passes_and_the_chain_is_told() {
    let case = PathCase::chain(Cert::leaf("Leaf", 3), ca());
    let judgement = case.passes();
    let expected = [&case.leaf, &case.intermediates[0], &case.anchors[0]];
    assert_eq!(judgement.chain.iter().collect::<Vec<_>>(), expected);
    assert!(judgement.public_key.is_some());
    let expected = WorkDone {
        signature_checks: 2,
        candidates: 2,
        policy_and_name_steps: judgement.work.policy_and_name_steps,
    };
    assert_eq!(judgement.work, expected);
}

#[test]
fn without_an_anchor_no_path_is_found() {
    let mut case = PathCase::chain(Cert::leaf("Leaf", 3), ca());
    case.anchors = vec![Cert::authority("Stranger", 9).der()];
    let judgement =
        case.fails(SubIndication::NoCertificateChainFound, ReasonCode::CertificateUntrusted, &["path.found"]);
    // As far as it leads.
    assert_eq!(judgement.chain, [case.leaf.clone(), case.intermediates[0].clone()]);
    case.anchors.clear();
    case.fails(SubIndication::NoCertificateChainFound, ReasonCode::CertificateUntrusted, &["path.found"]);
}

#[test]
fn an_anchor_of_the_same_name_with_another_key_is_not_the_issuer() {
    let mut case = PathCase::chain(Cert::leaf("Leaf", 3), ca());
    case.anchors = vec![Cert::authority("Root", 9).der()];
    case.fails(CHAIN_FAILURE, ReasonCode::CertificateUntrusted, &["path.signatures"]);
}

#[test]
fn of_authorities_of_one_name_the_one_that_signed_is_found() {
    let leaf = Cert::leaf("Leaf", 3).by("CA", 2);
    let namesakes = (20..40).map(|key| Cert::authority("CA", key).by("Root", 1));
    let mut candidates: Vec<Cert> = namesakes.collect();
    candidates.push(ca().by("Root", 1));
    let judgement = PathCase::of(&leaf, &candidates, &[root()]).passes();
    assert_eq!(judgement.chain[1], candidates[20].der());
}

#[test]
fn key_identifiers_order_the_candidates_and_prove_nothing() {
    let leaf = Cert::leaf("Leaf", 3).by("CA", 2).with_key_ids(3, 2);
    let namesakes = (20..40).map(|key| Cert::authority("CA", key).by("Root", 1).with_key_ids(key, 1));
    let mut candidates: Vec<Cert> = namesakes.collect();
    candidates.push(ca().by("Root", 1).with_key_ids(2, 1));
    // The right one is looked at first.
    let judgement = PathCase::of(&leaf, &candidates, &[root()]).passes();
    assert_eq!(judgement.work.signature_checks, 2);
    // One that claims the identifier and has another key.
    candidates[0] = Cert::authority("CA", 20).by("Root", 1).with_key_ids(2, 1);
    candidates[20] = ca().by("Root", 1).with_key_ids(77, 1);
    PathCase::of(&leaf, &candidates, &[root()]).passes();
}

#[test]
fn a_path_that_fails_is_left_for_one_that_passes() {
    // Two certificates of one authority with one key: the first has expired, is no authority's, or goes by a bridge
    // that excludes it.
    let leaf = Cert::leaf("Leaf", 3).by("CA", 2);
    for wrong in [
        ca().by("Root", 1).valid(-20, -10),
        Cert::leaf("CA", 2).by("Root", 1),
        ca().by("Root", 1).with(musubi_pki::oid::KEY_USAGE, true, tlv(3, &[7, 0x80])),
    ] {
        let right = ca().by("Root", 1);
        for candidates in [[wrong.clone(), right.clone()], [right.clone(), wrong.clone()]] {
            let judgement = PathCase::of(&leaf, &candidates, &[root()]).passes();
            assert_eq!(judgement.chain[1], right.der());
        }
    }
}

#[test]
fn a_bridge_leads_from_one_domain_into_another() {
    // As in the GPKI: each domain's root and the bridge certify each other.
    let leaf = Cert::leaf("Leaf", 3).by("Municipal CA", 30);
    let candidates = [
        Cert::authority("Ministry Root", 1).by("Bridge", 50),
        Cert::authority("Bridge", 50).by("Municipal Root", 31),
        Cert::authority("Municipal Root", 31).by("Bridge", 50),
        Cert::authority("Bridge", 50).by("Ministry Root", 1),
        Cert::authority("Municipal Root", 31),
        Cert::authority("Municipal CA", 30).by("Municipal Root", 31),
    ];
    for anchor in [Cert::authority("Ministry Root", 1), Cert::authority("Municipal Root", 31)] {
        PathCase::of(&leaf, &candidates, &[anchor]).passes();
    }
    let judgement = PathCase::of(&leaf, &candidates, &[Cert::authority("Ministry Root", 1)]).passes();
    assert_eq!(judgement.chain.len(), 5);
}

#[test]
fn authorities_that_certify_each_other_in_a_ring_end_without_a_path() {
    let ring: Vec<Cert> = (0..8_u16)
        .map(|n| {
            Cert::authority(&format!("Ring {n}"), 60 + n)
                .by(&format!("Ring {}", (n + 1) % 8), 60 + (n + 1) % 8)
        })
        .collect();
    let leaf = Cert::leaf("Leaf", 3).by("Ring 0", 60);
    let judgement = PathCase::of(&leaf, &ring, &[root()]).fails(
        SubIndication::NoCertificateChainFound,
        ReasonCode::CertificateUntrusted,
        &["path.found"],
    );
    assert!(judgement.work.candidates <= 32, "{:?}", judgement.work);
}

#[test]
fn one_entity_stands_once_in_a_path() {
    // Self-issued certificates of one key, many of them, differ only by serial number.
    let again = |serial| {
        let mut certificate = ca().by("CA", 2);
        certificate.serial = serial;
        certificate
    };
    let candidates: Vec<Cert> = (100..150).map(again).chain([ca().by("Root", 1)]).collect();
    let judgement = PathCase::of(&Cert::leaf("Leaf", 3).by("CA", 2), &candidates, &[root()]).passes();
    assert_eq!(judgement.chain.len(), 3);
}

#[test]
fn the_anchors_own_certificate_among_the_candidates_does_no_harm() {
    let mut case = PathCase::chain(Cert::leaf("Leaf", 3), ca());
    case.intermediates.insert(0, root().der());
    case.intermediates.push(case.leaf.clone());
    assert_eq!(case.passes().chain.len(), 3);
}

#[test]
fn an_anchor_need_not_be_self_signed() {
    let leaf = Cert::leaf("Leaf", 3).by("CA", 2);
    let judgement = PathCase::of(&leaf, &[], &[ca().by("Unknown", 9)]).passes();
    assert_eq!(judgement.chain.len(), 2);
}

#[test]
fn an_anchor_that_has_expired_or_is_no_authority_anchors_nothing() {
    let leaf = Cert::leaf("Leaf", 3).by("Root", 1);
    let untrusted = ReasonCode::CertificateUntrusted;
    let case = |anchor: Cert| PathCase::of(&leaf, &[], &[anchor]);
    case(root().valid(-20, -10)).fails(
        SubIndication::NoCertificateChainFoundNoPoe,
        untrusted,
        &["path.anchor"],
    );
    case(root().valid(10, 20)).fails(SubIndication::NoCertificateChainFound, untrusted, &["path.anchor"]);
    case(Cert::leaf("Root", 1)).breaks("path.anchor");
    case(root().with(musubi_pki::oid::KEY_USAGE, true, tlv(3, &[7, 0x80]))).breaks("path.anchor");
    // Version 1 cannot say what it is; whoever trusts it says so.
    let mut old = Cert::leaf("Root", 1);
    old.version = 1;
    case(old).passes();
}

#[test]
fn a_leaf_that_is_an_anchors_own_certificate_passes_by_its_own_signature() {
    PathCase::of(&root(), &[], &[root()]).passes();
    // Trusted, but signed by somebody else: no anchor issued it.
    let odd = ca().by("Unknown", 9);
    PathCase::of(&odd, &[], std::slice::from_ref(&odd)).fails(
        SubIndication::NoCertificateChainFound,
        ReasonCode::CertificateUntrusted,
        &["path.found"],
    );
}

#[test]
fn what_is_no_certificate_is_told_so_and_passed_over_among_candidates() {
    let mut case = PathCase::chain(Cert::leaf("Leaf", 3), ca());
    case.intermediates.insert(0, b"not a certificate".to_vec());
    case.passes();
    case.leaf = b"not a certificate".to_vec();
    let judgement = case.judged();
    assert_eq!(judgement.verdict.sub_indication(), Some(SubIndication::FormatFailure));
    assert!(judgement.public_key.is_none() && judgement.chain.is_empty());
    let anchors = PathAnchors::from_certificates([b"not a certificate"]);
    assert!(matches!(anchors, Err(PathAnchorError::Certificate { position: 0, .. })));
}

#[test]
fn of_paths_that_fail_the_closest_to_passing_is_reported() {
    // By one way the authority is none, by the other the leaf is only out of date.
    let leaf = Cert::leaf("Leaf", 3).by("CA", 2).valid(-20, -10);
    let other = Cert::authority("CA", 2).by("Root", 1).with_path_length(0);
    for candidates in [
        [Cert::leaf("CA", 2).by("Root", 1), other.clone()],
        [other.clone(), Cert::leaf("CA", 2).by("Root", 1)],
    ] {
        let judgement = PathCase::of(&leaf, &candidates, &[root()]).fails(
            SubIndication::OutOfBoundsNoPoe,
            ReasonCode::CertificateExpired,
            &["path.validity"],
        );
        assert_eq!(judgement.chain[1], other.der());
    }
}

fn budget(change: impl FnOnce(&mut Budget)) -> Budget {
    let mut budget = Budget::default();
    change(&mut budget);
    budget
}

#[track_caller]
fn is_too_complex(case: &PathCase) -> PathJudgement {
    let judgement = case.judged();
    let verdict = &judgement.verdict;
    assert_eq!(verdict.sub_indication(), Some(CHAIN_FAILURE), "{verdict:#?}");
    assert_eq!(verdict.reason(), Some(ReasonCode::TooComplex));
    assert!(failed(verdict).contains(&"path.budget"));
    let (work, budget) = (judgement.work, case.policy.budget);
    assert!(work.signature_checks <= budget.max_signature_checks, "{work:?}");
    assert!(work.candidates <= budget.max_candidates, "{work:?}");
    assert!(work.policy_and_name_steps <= budget.max_policy_and_name_steps, "{work:?}");
    judgement
}

/// Layers of authorities, each certified by every one of the layer above: the paths are as many as a power.
fn mesh(layers: u16, width: u16) -> Vec<Cert> {
    let name = |layer: u16, n: u16| format!("Layer {layer} no. {n}");
    let mut out = Vec::new();
    for layer in 0..layers {
        for n in 0..width {
            for above in 0..width {
                let issuer = (name(layer + 1, above), 1_000 + (layer + 1) * width + above);
                let mut certificate =
                    Cert::authority(&name(layer, n), 1_000 + layer * width + n).by(&issuer.0, issuer.1);
                certificate.serial = above;
                out.push(certificate);
            }
        }
    }
    out
}

#[test]
fn a_mesh_of_cross_certificates_without_an_anchor_ends_within_the_budget() {
    let leaf = Cert::leaf("Leaf", 3).by("Layer 0 no. 0", 1_000);
    let case = PathCase::of(&leaf, &mesh(12, 4), &[root()]);
    is_too_complex(&case);
}

#[test]
fn a_mesh_in_which_every_path_reaches_the_anchor_and_fails_ends_within_the_budget() {
    let leaf = Cert::leaf("Leaf", 3).by("Layer 0 no. 0", 1_000).valid(-20, -10);
    let anchors: Vec<Cert> =
        (0..4).map(|n| Cert::authority(&format!("Layer 8 no. {n}"), 1_000 + 8 * 4 + n)).collect();
    let case = PathCase::of(&leaf, &mesh(8, 4), &anchors);
    let judgement = is_too_complex(&case);
    assert!(judgement.work.signature_checks <= 200);
}

#[test]
fn two_thousand_candidates_of_one_name_end_within_the_budget() {
    let leaf = Cert::leaf("Leaf", 3).by("CA", 2);
    let candidates: Vec<Cert> = (100..2_100).map(|key| Cert::authority("CA", key).by("Root", 1)).collect();
    let mut case = PathCase::of(&leaf, &candidates, &[root()]);
    let judgement = is_too_complex(&case);
    assert_eq!(judgement.work.signature_checks, case.policy.budget.max_signature_checks);
    // More than are ever read: what was not read may have been the right one.
    case.policy.budget = budget(|b| b.max_candidates = 10);
    is_too_complex(&case);
    // The right one passes if it is named, however many others there are.
    let leaf = leaf.with_key_ids(3, 2);
    let with_ids = |key| Cert::authority("CA", key).by("Root", 1).with_key_ids(key, 1);
    let candidates: Vec<Cert> = (1_500..2_000).chain([2]).map(with_ids).collect();
    let judgement = PathCase::of(&leaf, &candidates, &[root()]).passes();
    assert_eq!(judgement.work.signature_checks, 2);
}

#[test]
fn a_path_that_is_too_long_is_refused_and_one_of_the_greatest_length_is_not() {
    let case = |intermediates: u16| {
        let name = |n: u16| if n == intermediates { "Root".to_owned() } else { format!("CA {n}") };
        let key = |n: u16| if n == intermediates { 1 } else { 100 + n };
        let chain: Vec<Cert> = (0..intermediates)
            .map(|n| Cert::authority(&name(n), key(n)).by(&name(n + 1), key(n + 1)))
            .collect();
        PathCase::of(&Cert::leaf("Leaf", 3).by(&name(0), key(0)), &chain, &[root()])
    };
    case(15).passes();
    is_too_complex(&case(16));
}

#[test]
fn exhaustion_never_passes_even_where_unknown_revocation_would() {
    let mut case = PathCase::chain(Cert::leaf("Leaf", 3), ca());
    case.policy.revocation = RevocationMode::IfPresent;
    case.crls = vec![list("CA", 2, &[]), list("Root", 1, &[])];
    case.passes();
    for checks in 0..4 {
        case.policy.budget = budget(|b| b.max_signature_checks = checks);
        is_too_complex(&case);
    }
    case.policy.budget = budget(|b| b.max_candidates = 1);
    is_too_complex(&case);
}

#[test]
fn the_same_evidence_gives_the_same_verdict_whatever_else_was_judged() {
    let leaf = Cert::leaf("Leaf", 3).by("Layer 0 no. 0", 1_000);
    let case = PathCase::of(&leaf, &mesh(3, 3), &[root()]);
    let (first, second) = (case.judged(), case.judged());
    assert_eq!(first.verdict, second.verdict);
    assert_eq!((first.chain, first.work), (second.chain, second.work));
}

#[test]
fn a_certificate_of_a_test_card_stands_under_the_jpkis_anchors() {
    let generation = |der: &[u8]| (musubi_pki::AuthorityKind::DigitalSignature, der.to_vec());
    let jpki = musubi_pki::TrustAnchors::insecure_test_hierarchy([
        generation(include_bytes!("../fixtures/roots-test/signca-test-2019.cer")),
        generation(include_bytes!("../fixtures/roots-test/signca-test-2024.cer")),
    ]);
    let anchors = PathAnchors::from(&jpki.unwrap());
    assert_eq!(anchors.anchors().len(), 2);
    let leaf: &[u8] = include_bytes!("../fixtures/jpki-sign-cert.der");
    let read = PathCertificate::parse(leaf).unwrap();
    let policy = musubi_pki::ValidationPolicy {
        revocation: RevocationMode::Off,
        explicit_policy: true,
        initial_policy_set: vec![musubi_pki::oid::POLICY_TEST_DIGITAL_SIGNATURE],
        ..musubi_pki::ValidationPolicy::default()
    };
    let purpose = Purpose {
        any_key_usage: vec![KeyUsage::DigitalSignature, KeyUsage::ContentCommitment],
        ..Purpose::default()
    };
    let rules =
        PathRules { policy: &policy, purpose: &purpose, times: Times::at(read.not_before.plus(3_600)) };
    let judgement = judge_path(&PathEvidence { leaf, ..PathEvidence::default() }, &anchors, &rules);
    assert!(judgement.verdict.is_passed(), "{:#?}", judgement.verdict);
    // A nobody's authority of the same names is none.
    let judgement =
        judge_path(&PathEvidence { leaf, ..PathEvidence::default() }, &PathAnchors::default(), &rules);
    assert_eq!(judgement.verdict.sub_indication(), Some(SubIndication::NoCertificateChainFound));
}

#[test]
fn evidence_names_nobody() {
    let mut case = PathCase::chain(Cert::leaf("Kuroto Mikiya", 3), ca());
    case.policy.revocation = RevocationMode::Required;
    let text = format!("{:?}", case.judged().verdict);
    assert!(!text.contains("Kuroto") && !text.contains("Root") && !text.contains("CA\""), "{text}");
}

#[test]
fn an_anchor_that_another_one_certified_leads_on_to_it() {
    // The first has expired as an anchor and is well as a certificate of the second, by way of a third.
    let expired = ca().valid(-50, -10);
    let leaf = Cert::leaf("Leaf", 3).by("CA", 2);
    let mut certified = ca().by("Old Root", 7);
    certified.serial = 90;
    let anchors = [expired, certified, Cert::authority("Old Root", 7).by("Root", 1).valid(-50, -10), root()];
    let mut renewed = Cert::authority("Old Root", 7).by("Root", 1);
    renewed.serial = 91;
    let judgement = PathCase::of(&leaf, &[renewed], &anchors).passes();
    // Found first: the second anchor is one itself.
    assert_eq!(judgement.chain.len(), 2);
    let anchors = [anchors[0].clone(), root()];
    let mut by_root = ca().by("Root", 1).valid(-50, -10);
    by_root.not_after = crate::support::NOW.plus(crate::support::DAY);
    PathCase::of(&leaf, &[by_root], &anchors).passes();
}

#[test]
fn a_large_set_of_anchors_costs_no_more_than_its_names() {
    let leaf = Cert::leaf("Leaf", 3).by("CA", 2);
    let mut anchors: Vec<Cert> = (200..400).map(|n| Cert::authority(&format!("Root {n}"), n)).collect();
    anchors.push(root());
    let judgement = PathCase::of(&leaf, &[ca().by("Root", 1)], &anchors).passes();
    let found = judgement.verdict.check("path.found").unwrap();
    // The intermediate and the one anchor's own certificate.
    assert_eq!(found.evidence("candidates"), Some(&musubi_pki::EvidenceValue::Number(2)));
    assert_eq!(judgement.work.candidates, 2);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 200, ..Default::default() })]

    #[test]
    fn arbitrary_evidence_neither_panics_nor_passes(
        leaf in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
        others in proptest::collection::vec(proptest::collection::vec(proptest::num::u8::ANY, 0..100), 0..4),
        place in 0..400_usize,
        byte in proptest::num::u8::ANY,
    ) {
        let mut case = PathCase::chain(Cert::leaf("Leaf", 3), ca());
        case.policy.revocation = RevocationMode::Required;
        case.leaf = leaf;
        case.intermediates.extend(others.clone());
        case.crls.clone_from(&others);
        case.ocsp = others;
        proptest::prop_assert!(!case.judged().verdict.is_passed());
        // An authority's certificate with any byte changed is no authority's.
        let mut case = PathCase::chain(Cert::leaf("Leaf", 3), ca());
        let place = place % case.intermediates[0].len();
        let changed = case.intermediates[0][place] != byte;
        case.intermediates[0][place] = byte;
        proptest::prop_assert_eq!(case.judged().verdict.is_passed(), !changed);
    }
}

#[test]
fn long_names_and_many_extensions_in_a_mesh_end_within_the_budget() {
    // Every certificate has some 10 kB: names that differ only by case, and extensions that nobody knows.
    let long = |text: &str, upper: bool| {
        let filler = if upper { "FILLER" } else { "filler" }.repeat(600);
        name(&[(musubi_pki::oid::ORGANIZATION_NAME, filler.as_str()), (musubi_pki::oid::COMMON_NAME, text)])
    };
    let unknown = |n: usize| const_oid::ObjectIdentifier::new_unwrap(&format!("1.3.6.1.4.1.99999.{n}"));
    let mut candidates = mesh(3, 3);
    for certificate in &mut candidates {
        let label = |der: &[u8]| {
            let start = der.len() - "Layer 0 no. 0".len();
            String::from_utf8(der[start..].to_vec()).unwrap()
        };
        certificate.subject = long(&label(&certificate.subject), true);
        certificate.issuer = long(&label(&certificate.issuer), false);
        for n in 0..200 {
            certificate.extensions.push((unknown(n), false, Vec::new()));
        }
    }
    let mut leaf = Cert::leaf("Leaf", 3).by("Layer 0 no. 0", 1_000).valid(-20, -10);
    leaf.issuer = long("Layer 0 no. 0", false);
    let mut anchors: Vec<Cert> = (0..3).map(|n| Cert::authority("Top", 1_009 + n)).collect();
    for (n, anchor) in anchors.iter_mut().enumerate() {
        anchor.subject = long(&format!("Layer 3 no. {n}"), true);
        anchor.issuer = anchor.subject.clone();
    }
    let judgement = PathCase::of(&leaf, &candidates, &anchors).fails(
        SubIndication::OutOfBoundsNoPoe,
        ReasonCode::CertificateExpired,
        &["path.validity"],
    );
    // Every path was tried, every pair of certificate and key verified once: the leaf, the three certificates of its
    // issuer, and nine of each layer above.
    assert_eq!(judgement.work.signature_checks, 22);
    assert!(judgement.work.candidates > 22);
}
