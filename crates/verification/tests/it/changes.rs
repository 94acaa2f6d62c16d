//! Pending changes: an end that is told twice, the second time with what it means.

use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, CertKey, RevocationReason, SerialNumber};
use musubi_platform::person::PersonId;
use musubi_verification::change_check::follow_up::{PENDING_FOR, Settled, settle_due};
use musubi_verification::linking::{person_of, settle_person};
use musubi_verification::upstream::SerialSuccession;
use serde_json::{Value, json};

use crate::support::authority::Authority;
use crate::support::lists::{List, entry};
use crate::support::{DAY, HOUR, NOW};
use crate::world::{World, name_of, worlds};

fn signing(serial: u32) -> CertKey {
    CertKey { authority: AuthorityKind::DigitalSignature, serial: SerialNumber::from(serial) }
}

/// The authority's answer about a certificate.
fn upstream_says(world: &World, of: u32, current: u32, next_issued_at: Option<UnixTime>) {
    let current = SerialNumber::from(current);
    let succession = SerialSuccession { predecessors: Vec::new(), current, next_issued_at };
    world.upstream.0.lock().unwrap().successions.insert(name_of(&signing(of)), succession);
}

/// Customer `c-1` of the bank with certificate 1, watched for this purpose.
async fn watched_for(world: &World, purpose: &str) -> PersonId {
    let person = world.link(&world.bank, 1..2).await.remove(0);
    let ground = json!({ "purpose": purpose, "basis": "contract", "reference": "No. 7" });
    let answer = world.call(&world.bank, "PUT", "/v1/watched-customers/c-1", Some(ground)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    person
}

/// A list says at `NOW` that certificate 1 ended an hour ago; its number in the bank's stream before that.
async fn ends(world: &World) -> u64 {
    let before = world.told(&world.bank, 0).await.len() as u64;
    let list = List::of(&Authority::signature_second());
    world.publish(list.entry(entry(&[1], ENDED, RevocationReason::CessationOfOperation)), 2).await;
    before
}

const ENDED: UnixTime = UnixTime(NOW.0 - HOUR);

/// What was told, without the watching: word, `pending`, `refines`.
async fn told(world: &World, after: u64) -> Vec<(String, Value, Value)> {
    let told = world.told(&world.bank, after).await;
    let change = |(_, body): (String, Value)| {
        (body["change"].as_str().unwrap().to_owned(), body["pending"].clone(), body["refines"].clone())
    };
    told.into_iter().map(change).collect()
}

async fn asked_now(world: &World) -> String {
    let asked = json!({ "customer_id": "c-1" });
    // The access token is of the first minutes.
    let now = world.now();
    world.clock.set(NOW);
    let answer = world.call(&world.bank, "POST", "/v1/change-checks", Some(asked)).await.json();
    world.clock.set(now);
    answer["certificates"][0]["change"].as_str().unwrap_or_default().to_owned()
}

fn pending() -> (String, Value, Value) {
    ("undetermined".into(), json!(true), json!(null))
}

#[tokio::test]
async fn an_end_without_a_next_certificate_is_told_as_ended_once_the_linkage_must_be_there() {
    for world in worlds().await {
        let person = watched_for(&world, "contract_maintenance").await;
        upstream_says(&world, 1, 1, None);
        let before = ends(&world).await;
        assert_eq!(told(&world, before).await, [pending()], "{}", world.engine());
        assert_eq!(asked_now(&world).await, "undetermined");
        // An hour after the end a next certificate may not be linked yet: nobody is asked.
        assert_eq!(settle_due(&world.verification).await.unwrap(), Settled::default());
        world.clock.advance(HOUR);
        let settled = settle_due(&world.verification).await.unwrap();
        assert_eq!(settled, Settled { decided: 1, told: 1, ..Settled::default() });
        let ended = ("ended".to_owned(), json!(null), json!(before + 1));
        assert_eq!(told(&world, before).await, [pending(), ended]);
        assert_eq!(asked_now(&world).await, "ended");
        assert_eq!(world.audited(&person).await[1], "change_event.refined");
        // Nothing is told twice.
        world.clock.advance(30 * DAY);
        assert_eq!(settle_due(&world.verification).await.unwrap(), Settled::default());
        assert_eq!(told(&world, before).await.len(), 2);
    }
}

#[tokio::test]
async fn an_end_with_a_certificate_issued_with_it_is_a_renewal_and_the_person_is_followed() {
    for world in worlds().await {
        let person = watched_for(&world, "contract_maintenance").await;
        upstream_says(&world, 1, 2, Some(ENDED));
        let before = ends(&world).await;
        world.clock.advance(HOUR);
        settle_due(&world.verification).await.unwrap();
        let renewed = ("renewed".to_owned(), json!(null), json!(before + 1));
        assert_eq!(told(&world, before).await, [pending(), renewed], "{}", world.engine());
        let mut tx = world.context().db.begin_read().await.unwrap();
        assert_eq!(person_of(&mut tx, &signing(2)).await.unwrap(), Some(person));
    }
}

#[tokio::test]
async fn an_end_with_a_certificate_issued_later_or_nobody_says_when_stays_undetermined_silently() {
    for issued in [None, Some(ENDED.plus(HOUR))] {
        for world in worlds().await {
            let person = watched_for(&world, "contract_maintenance").await;
            upstream_says(&world, 1, 2, issued);
            let before = ends(&world).await;
            world.clock.advance(3 * HOUR);
            let settled = settle_due(&world.verification).await.unwrap();
            assert_eq!(settled, Settled { undetermined: 1, ..Settled::default() }, "{}", world.engine());
            assert_eq!(told(&world, before).await, [pending()]);
            let mut tx = world.context().db.begin_read().await.unwrap();
            assert_eq!(person_of(&mut tx, &signing(2)).await.unwrap(), Some(person), "followed all the same");
        }
    }
}

#[tokio::test]
async fn an_end_of_one_certificate_says_nothing_of_a_holder_whose_other_one_is_good() {
    for world in worlds().await {
        let person = watched_for(&world, "contract_maintenance").await;
        let other = CertKey { authority: AuthorityKind::UserAuthentication, serial: SerialNumber::from(9) };
        let mut tx = world.context().db.begin().await.unwrap();
        // Joined to the person by what upstream says about the counterpart.
        world.upstream.0.lock().unwrap().counterparts.insert(name_of(&other), SerialNumber::from(1));
        let relatives = musubi_verification::linking::relatives(&*world.upstream, &other).await.unwrap();
        let random = world.context().random.clone();
        let joined =
            settle_person(&mut tx, &other, NOW.plus(90 * DAY), &relatives, &*random, NOW).await.unwrap();
        assert_eq!(joined, person);
        tx.commit().await.unwrap();
        upstream_says(&world, 1, 1, None);
        let before = ends(&world).await;
        // A list of the other authority that was made after the end.
        world.publish(List::of(&Authority::authentication()).updates(NOW, NOW.plus(DAY)), 2).await;
        world.clock.advance(2 * HOUR);
        let settled = settle_due(&world.verification).await.unwrap();
        assert_eq!(settled, Settled { undetermined: 1, ..Settled::default() }, "{}", world.engine());
        assert_eq!(told(&world, before).await, [pending()]);
    }
}

#[tokio::test]
async fn an_authority_that_does_not_answer_is_asked_again_and_after_two_weeks_no_more() {
    for world in worlds().await {
        watched_for(&world, "contract_maintenance").await;
        upstream_says(&world, 1, 1, None);
        let before = ends(&world).await;
        world.clock.advance(HOUR);
        world.upstream.0.lock().unwrap().unreachable = true;
        let waiting = Settled { waiting: 1, ..Settled::default() };
        assert_eq!(settle_due(&world.verification).await.unwrap(), waiting, "{}", world.engine());
        assert_eq!(settle_due(&world.verification).await.unwrap(), Settled::default(), "not before its time");
        world.clock.advance(15 * 60);
        assert_eq!(settle_due(&world.verification).await.unwrap(), waiting);
        world.clock.advance(PENDING_FOR);
        let settled = settle_due(&world.verification).await.unwrap();
        assert_eq!(settled, Settled { undetermined: 1, ..Settled::default() });
        world.upstream.0.lock().unwrap().unreachable = false;
        world.clock.advance(DAY);
        assert_eq!(settle_due(&world.verification).await.unwrap(), Settled::default());
        assert_eq!(told(&world, before).await, [pending()]);
    }
}

#[tokio::test]
async fn a_purpose_is_told_no_more_than_it_lets_and_not_again_if_the_word_is_the_same() {
    let refined = |word: &str| (word.to_owned(), json!(null), json!("first"));
    for (purpose, renewed, told_in_all) in [
        ("benefit_payment", false, vec![pending(), refined("ended")]),
        ("benefit_payment", true, vec![pending(), refined("not_told")]),
        ("credential_status", false, vec![("not_told".into(), json!(null), json!(null))]),
        ("address_upkeep", false, vec![]),
    ] {
        for world in worlds().await {
            watched_for(&world, purpose).await;
            let current = if renewed { 2 } else { 1 };
            upstream_says(&world, 1, current, renewed.then_some(ENDED));
            let before = ends(&world).await;
            world.clock.advance(HOUR);
            let settled = settle_due(&world.verification).await.unwrap();
            assert_eq!(settled.decided, 1, "decided for whoever asks: {purpose}");
            let mut expected = told_in_all.clone();
            for (_, _, refines) in &mut expected {
                if *refines == json!("first") {
                    *refines = json!(before + 1);
                }
            }
            assert_eq!(told(&world, before).await, expected, "{purpose}, {}", world.engine());
            for (_, body) in world.told(&world.bank, before).await {
                assert_eq!(body["evidence"]["reason"], json!(null), "{purpose}");
            }
        }
    }
}

#[tokio::test]
async fn whoever_no_longer_watches_is_told_nothing_more() {
    for world in worlds().await {
        watched_for(&world, "contract_maintenance").await;
        upstream_says(&world, 1, 1, None);
        ends(&world).await;
        let ended = world.call(&world.bank, "DELETE", "/v1/watched-customers/c-1", None).await;
        assert_eq!(ended.status, 200, "{}", ended.text);
        let before = world.told(&world.bank, 0).await.len() as u64;
        world.clock.advance(HOUR);
        let settled = settle_due(&world.verification).await.unwrap();
        assert_eq!(settled, Settled { decided: 1, ..Settled::default() }, "{}", world.engine());
        assert!(world.told(&world.bank, before).await.is_empty());
    }
}
