//! What the nation issues, judged by the platform's own verifier: each resident gets the verdict of their note.

use std::sync::Arc;

use musubi_nation::CardOperation::{Authenticate, Sign};
use musubi_pki::{
    AuthorityKind, BasicAttributes, Environment, Evidence, Judgement, MAX_LIST_BYTES, Policy, SignedData,
    TrustAnchors, VerifiedRevocationList, judge,
};

use crate::support::{AOKI, EPOCH, Nation};
use crate::upstream::Upstream;

async fn full_lists(nation: &Nation, anchors: &TrustAnchors) -> Vec<Arc<VerifiedRevocationList>> {
    let upstream = Upstream::of(nation);
    let mut lists = Vec::new();
    for list in upstream.lists().await {
        let (_, der) = upstream.get(list["path"].as_str().unwrap()).await;
        let verified = VerifiedRevocationList::parse_and_verify(&der, anchors, MAX_LIST_BYTES).unwrap();
        assert_eq!(verified.key_id(), list["key_id"].as_str().unwrap());
        assert_eq!(Some(verified.number()), list["number"].as_u64());
        lists.push(Arc::new(verified));
    }
    lists
}

async fn judged(
    nation: &Nation,
    anchors: &TrustAnchors,
    lists: &[Arc<VerifiedRevocationList>],
    id: &str,
    kind: AuthorityKind,
) -> Judgement {
    let operation = if kind == AuthorityKind::DigitalSignature { Sign } else { Authenticate };
    let (certificate, signature) = nation.sign(id, operation, b"document").await;
    let evidence = Evidence {
        certificate: &certificate,
        expected_kind: kind,
        signature: &signature,
        signed_data: SignedData::Bytes(b"document"),
        expected_digest: None,
        lists,
        ocsp: &[],
    };
    judge(&evidence, anchors, &Policy { not_signed_before: Some(EPOCH), ..Policy::default() }, EPOCH)
}

#[tokio::test]
async fn every_resident_gets_the_verdict_that_their_note_promises() {
    let nation = Nation::sqlite().await;
    let anchors = TrustAnchors::insecure_test_hierarchy(nation.world.trust_anchors()).unwrap();
    let lists = full_lists(&nation, &anchors).await;
    for resident in nation.world.residents().await.unwrap() {
        let id = resident.id.as_str();
        let expected = match id {
            "furukawa-akira" => Some("certificate.expired"),
            "morita-tsuyoshi" | "nishimura-tadashi" => Some("certificate.revoked"),
            "okamoto-megumi" => Some("certificate.held"),
            "kageyama-so" => Some("certificate.other_authority"),
            _ => None,
        };
        for kind in AuthorityKind::ALL {
            if kind == AuthorityKind::DigitalSignature && resident.card.signature.is_none() {
                continue;
            }
            let judgement = judged(&nation, &anchors, &lists, id, kind).await;
            let reason = judgement.verdict.reason().map(|reason| reason.code().as_str());
            assert_eq!(reason, expected, "{id} {kind}: {:?}", judgement.verdict.checks());
            assert_eq!(judgement.certificate.is_some(), expected.is_none());
            if let Some(attributes) = judgement.certificate.as_ref().and_then(|c| c.attributes()) {
                let BasicAttributes { date_of_birth, sex, .. } = attributes;
                assert!(
                    attributes.name_matches(&resident.name) && attributes.address_matches(&resident.address),
                    "{id}"
                );
                assert_eq!((*date_of_birth, *sex), (resident.date_of_birth, resident.sex), "{id}");
            }
        }
    }
}

#[tokio::test]
async fn a_municipalitys_list_covers_its_own_certificates_and_no_other() {
    let nation = Nation::sqlite().await;
    let anchors = TrustAnchors::insecure_test_hierarchy(nation.world.trust_anchors()).unwrap();
    let upstream = Upstream::of(&nation);
    for (town, passes) in [("13221.crl", true), ("47201.crl", false)] {
        let mut lists = Vec::new();
        for list in upstream.lists().await {
            let (_, der) = upstream.get(&list["path"].as_str().unwrap().replace("full.crl", town)).await;
            lists.push(Arc::new(
                VerifiedRevocationList::parse_and_verify(&der, &anchors, MAX_LIST_BYTES).unwrap(),
            ));
        }
        for kind in AuthorityKind::ALL {
            let judgement = judged(&nation, &anchors, &lists, AOKI, kind).await;
            assert_eq!(judgement.verdict.is_passed(), passes, "{town} {kind}");
        }
    }
}

#[tokio::test]
async fn no_certificate_of_the_nation_passes_in_production() {
    let nation = Nation::sqlite().await;
    let anchors = TrustAnchors::production().unwrap();
    assert_eq!(anchors.environment(), Environment::Production);
    for kind in AuthorityKind::ALL {
        let judgement = judged(&nation, &anchors, &[], AOKI, kind).await;
        let reason = judgement.verdict.reason().map(|reason| reason.code().as_str());
        assert_eq!(reason, Some("certificate.other_authority"), "{kind}");
    }
}
