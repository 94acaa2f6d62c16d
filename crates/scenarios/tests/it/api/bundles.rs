//! Proof-carrying verdicts: what the platform answered follows from the bundle that it gives out, and from nothing else.

use musubi_kernel::Secret;
use musubi_nation::CardOperation;
use musubi_pki::TrustAnchors;
use musubi_platform::Context;
use musubi_signature::bundle::{Difference, Replayed, Roots, replay};
use musubi_verification::evidence::{self, EvidenceError};
use serde_json::{Value, json};

use super::fixture::{Answer, DAY, Fixture, fixtures};
use super::flows::{PASSED, Signed};

const MISAKI: &str = "aoki-misaki";

impl Fixture {
    /// The bundle of the verdict with this audit index.
    pub(crate) async fn bundle(&self, index: u64) -> Vec<u8> {
        let context = self.platform.context();
        let mut tx = context.db.begin_read().await.unwrap();
        evidence::bundle(&mut tx, context, index).await.unwrap()
    }

    pub(crate) fn anchors(&self) -> TrustAnchors {
        TrustAnchors::insecure_test_hierarchy(self.world.trust_anchors()).unwrap()
    }

    pub(crate) fn replay(&self, bundle: &[u8]) -> Result<Replayed, Difference> {
        let key = self.platform.context().signing_key.public_key();
        replay(bundle, &Roots { anchors: &self.anchors(), platform_keys: &[key] })
    }

    /// Every verdict that a relying party is answered follows from its bundle.
    pub(crate) async fn assert_replays(&self, answer: &Answer) -> Replayed {
        let bundle = self.bundle(answer.body["audit"]["index"].as_u64().unwrap()).await;
        let replayed =
            self.replay(&bundle).unwrap_or_else(|difference| panic!("{difference}: {}", answer.text));
        let verdict = serde_json::to_value(&replayed.verdict).unwrap();
        assert_eq!(without_citations(&verdict), without_citations(&answer.body["verdict"]));
        replayed
    }
}

/// A later rule's citation is not in the bundle.
fn without_citations(verdict: &Value) -> Value {
    let mut verdict = verdict.clone();
    for check in verdict["checks"].as_array_mut().unwrap() {
        check.as_object_mut().unwrap().remove("citation");
    }
    verdict
}

#[tokio::test]
async fn a_bundle_is_always_the_same_and_the_list_itself_confirms_it() {
    for fx in fixtures().await {
        fx.moves("sato-kenichi").await;
        fx.take_in().await;
        let answer = fx.apply(&fx.bank, "c-1", MISAKI, &[]).await.expect(200);
        assert_eq!(answer.verdict(), PASSED);
        let index = answer.body["audit"]["index"].as_u64().unwrap();
        let bundle = fx.bundle(index).await;
        fx.sign_in(&fx.clinic, MISAKI).await.expect(200);
        assert_eq!(fx.bundle(index).await, bundle);
        assert!(bundle.len() < 5000, "{}", bundle.len());

        let replayed = fx.replay(&bundle).unwrap();
        let recorded = &replayed.content.evidence.lists[0].commitment;
        let upstream = fx.platform.verification().upstream();
        let mut confirmed = 0;
        for list in upstream.revocation_lists().await.unwrap() {
            let der = super::lists::whole(upstream, &list.path).await.unwrap();
            match replayed.check_list(&der, &fx.anchors()) {
                Ok(0) => confirmed += 1,
                Err(Difference::GivenListUnused) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(confirmed, 1);
        // The log has held the same commitment since the list was taken in.
        let committed = fx.audited().await.into_iter().any(|record| {
            let detail = record.detail().unwrap();
            record.index < index
                && detail["sha256"] == hex::encode(recorded.sha256)
                && detail["tree_root"] == hex::encode(recorded.root)
                && detail["entries"] == recorded.entries
                && detail["next_update"] == recorded.next_update.rfc3339()
        });
        assert!(committed, "{}", fx.engine);
    }
}

#[tokio::test]
async fn what_could_not_be_judged_at_first_has_a_bundle_for_each_verdict() {
    for fx in fixtures().await {
        let proofing = fx.start_proofing(&fx.bank, "c-1", fx.application(MISAKI, &[]).await).await;
        let signed = fx.card(MISAKI, CardOperation::Sign, &proofing.document).await;
        fx.unreachable(true).await;
        let later = fx.complete_proofing(&fx.bank, &proofing, &proofing.application, &signed).await;
        fx.unreachable(false).await;
        let passed = fx.complete_proofing(&fx.bank, &proofing, &proofing.application, &signed).await;
        assert_eq!((later.verdict()[1], passed.verdict()), ("TRY_LATER", PASSED));
        let expected = [&later, &passed].map(|answer| answer.body["audit"]["index"].as_u64().unwrap());
        let mut tx = fx.platform.context().db.begin_read().await.unwrap();
        assert_eq!(evidence::bundles_of(&mut tx, &proofing.id).await.unwrap(), expected);
        assert!(evidence::bundles_of(&mut tx, "ip_unknown").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_is_no_certificate_is_kept_as_it_came() {
    let fx = Fixture::on_sqlite().await;
    let check = fx.start_check(&fx.bank).await;
    let nonsense = Signed { certificate: "bm90IGEgY2VydGlmaWNhdGU=".into(), signature: "AAAA".into() };
    let answer = fx.complete_check(&fx.bank, &check, &nonsense, fx.bank.origin).await.expect(200);
    let replayed = fx.assert_replays(&answer).await;
    assert_eq!(replayed.content.evidence.certificate, b"not a certificate");
    assert!(replayed.content.evidence.lists.is_empty());
}

#[tokio::test]
async fn a_verdict_replays_the_same_after_the_certificate_was_revoked() {
    let fx = Fixture::on_sqlite().await;
    let answer = fx.apply(&fx.bank, "c-1", MISAKI, &[]).await.expect(200);
    fx.moves(MISAKI).await;
    fx.clock.advance(DAY);
    fx.take_in().await;
    assert!(fx.assert_replays(&answer).await.verdict.is_passed());
}

#[tokio::test]
async fn the_database_does_not_hold_the_evidence_in_the_clear() {
    for fx in fixtures().await {
        let answer = fx.apply(&fx.bank, "c-1", MISAKI, &[]).await.expect(200);
        let index = answer.body["audit"]["index"].as_i64().unwrap();
        let certificate = fx.assert_replays(&answer).await.content.evidence.certificate;
        let context = fx.platform.context();
        let mut tx = context.db.begin_read().await.unwrap();
        let row = tx
            .query_one("SELECT sealed FROM verdict_evidence WHERE audit_index = $1", &[index.into()])
            .await
            .unwrap();
        let sealed = row.blob("sealed").unwrap();
        assert!(!sealed.windows(64).any(|part| certificate.windows(64).any(|other| part == other)));

        let index = u64::try_from(index).unwrap();
        let other = Context { pairwise_secret: Secret::new(vec![8; 32]).into(), ..context.clone() };
        let opened = evidence::bundle(&mut tx, &other, index).await;
        assert!(matches!(opened, Err(EvidenceError::Sealed(_))), "{}", fx.engine);
        let none = evidence::bundle(&mut tx, context, index + 1).await;
        assert!(matches!(none, Err(EvidenceError::Unknown)), "{}", fx.engine);
    }
}

#[tokio::test]
async fn a_relying_party_is_told_nothing_of_the_bundle() {
    let fx = Fixture::on_sqlite().await;
    let answer = fx.apply(&fx.bank, "c-1", MISAKI, &[]).await.expect(200);
    assert!(!answer.text.contains("bundle"));
    for path in ["bundle", "evidence"] {
        let path = format!("/v1/identity-proofings/{}/{path}", answer.str("id"));
        assert_eq!(fx.get(&fx.bank, &path).await.status, 404);
        assert_eq!(fx.post(&fx.bank, &path, &json!({})).await.status, 404);
    }
}
