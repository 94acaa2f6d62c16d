//! A consent's years: reminders, its end, withdrawal here and at the authority.

use musubi_kernel::UnixTime;
use musubi_pki::SerialNumber;
use musubi_platform::consent::{self, Consent, ConsentId, Item, NewConsent, text_digest};
use musubi_platform::metering::{FeeTable, Month, monthly_report};
use musubi_platform::person::PersonId;
use musubi_verification::consent_keeping::{Kept, keep, withdraw};
use musubi_verification::upstream::{LatestAttributes, WithdrawnConsent};
use serde_json::json;

use crate::support::{DAY, HOUR, NOW};
use crate::world::{World, worlds};

/// The first instant after ten years from the next day.
fn end() -> UnixTime {
    UnixTime::parse_rfc3339("2036-04-01T15:00:00Z").unwrap()
}

async fn given(world: &World, person: &PersonId, until: UnixTime) -> Consent {
    let random = world.context().random.clone();
    let new = NewConsent {
        id: ConsentId::generate(&*random),
        relying_party: world.bank.registered.id.clone(),
        person: person.clone(),
        items: vec![Item::Address],
        text_sha256: text_digest("同意します"),
        valid_from: world.now(),
        valid_until: until,
    };
    let mut tx = world.context().db.begin().await.unwrap();
    let consent = consent::grant(&mut tx, &new, &*random, world.now()).await.unwrap();
    tx.commit().await.unwrap();
    consent
}

async fn step(world: &World) -> Kept {
    keep(&world.verification).await.unwrap()
}

async fn told(world: &World, after: u64) -> Vec<String> {
    let told = world.told(&world.bank, after).await;
    told.into_iter()
        .map(|(kind, body)| format!("{kind} {} {}", body["change"].as_str().unwrap(), body["customer_id"]))
        .collect()
}

async fn count(world: &World) -> u64 {
    world.told(&world.bank, 0).await.len() as u64
}

#[tokio::test]
async fn a_resident_is_reminded_every_year_and_told_of_the_end_before_and_then() {
    for world in worlds().await {
        let person = world.link(&world.bank, 1..2).await.remove(0);
        let before = count(&world).await;
        let consent = given(&world, &person, end()).await;
        world.clock.set(consent.given_at.plus(365 * DAY - 1));
        assert_eq!(step(&world).await, Kept::default(), "{}", world.engine());
        world.clock.advance(1);
        assert_eq!(step(&world).await, Kept { reminded: 1, ..Kept::default() });
        assert_eq!(step(&world).await, Kept::default(), "once");
        world.clock.advance(365 * DAY);
        assert_eq!(step(&world).await, Kept { reminded: 1, ..Kept::default() });
        world.clock.set(end().plus(-92 * DAY - 1));
        assert_eq!(step(&world).await, Kept { reminded: 1, ..Kept::default() });
        world.clock.advance(1);
        assert_eq!(step(&world).await, Kept { ending: 1, ..Kept::default() });
        world.clock.set(end().plus(-1));
        assert_eq!(step(&world).await, Kept::default());
        let mut tx = world.context().db.begin_read().await.unwrap();
        let id = &world.bank.registered.id;
        let active = consent::active_for(&mut tx, id, &person, world.now()).await.unwrap();
        assert_eq!(active.map(|active| active.id), Some(consent.id), "to the last second");
        assert_eq!(consent::active_for(&mut tx, id, &person, end()).await.unwrap(), None);
        drop(tx);
        assert!(told(&world, before).await.is_empty(), "reminders are the resident's business");
        world.clock.set(end());
        assert_eq!(step(&world).await, Kept { ended: 1, ..Kept::default() });
        world.clock.advance(400 * DAY);
        assert_eq!(step(&world).await, Kept::default(), "nothing more is said of it");
        assert_eq!(told(&world, before).await, ["consent ended \"c-1\""]);
        let audited = world.audited(&person).await;
        assert_eq!(audited[..2], ["consent.ended", "consent.ends_soon"]);
        assert_eq!(audited.iter().filter(|kind| *kind == "consent.reminded").count(), 3);
    }
}

#[tokio::test]
async fn what_was_withdrawn_at_the_authority_is_withdrawn_here_within_the_hour() {
    for world in worlds().await {
        let persons = world.link(&world.bank, 1..5).await;
        let mut consents = Vec::new();
        for person in &persons {
            consents.push(given(&world, person, end()).await);
        }
        let before = count(&world).await;
        assert_eq!(step(&world).await, Kept::default(), "nothing is withdrawn: {}", world.engine());
        {
            let mut said = world.upstream.0.lock().unwrap();
            for (n, consent) in (0..).zip(&consents[..3]) {
                said.withdrawn.push(WithdrawnConsent { id: consent.id.clone(), at: NOW.plus(n) });
            }
            // Of nobody here.
            let stranger = ConsentId::generate(&*world.context().random);
            said.withdrawn.push(WithdrawnConsent { id: stranger, at: NOW.plus(9) });
        }
        world.clock.advance(HOUR - 1);
        assert_eq!(step(&world).await, Kept::default(), "not before its time");
        world.clock.advance(1);
        assert_eq!(step(&world).await, Kept { withdrawn: 3, ..Kept::default() });
        world.clock.advance(HOUR);
        assert_eq!(step(&world).await, Kept::default(), "told again, it is withdrawn once");
        let words: Vec<_> = (1..4).map(|n| format!("consent withdrawn \"c-{n}\"")).collect();
        assert_eq!(told(&world, before).await, words);
        assert_eq!(world.audited(&persons[0]).await[0], "consent.withdrawn");
        let mut tx = world.context().db.begin_read().await.unwrap();
        let still = consent::by_id(&mut tx, &consents[3].id).await.unwrap().unwrap();
        assert_eq!(still.withdrawn_at, None);
    }
}

#[tokio::test]
async fn an_authority_that_does_not_answer_is_asked_again_and_takes_nothing_from_the_reminders() {
    for world in worlds().await {
        let person = world.link(&world.bank, 1..2).await.remove(0);
        let consent = given(&world, &person, end()).await;
        let withdrawn = WithdrawnConsent { id: consent.id.clone(), at: NOW };
        {
            let mut said = world.upstream.0.lock().unwrap();
            said.withdrawn.push(withdrawn);
            said.unreachable = true;
        }
        world.clock.advance(365 * DAY);
        assert_eq!(step(&world).await, Kept { reminded: 1, unanswered: 1, ..Kept::default() });
        world.upstream.0.lock().unwrap().unreachable = false;
        assert_eq!(step(&world).await, Kept { withdrawn: 1, ..Kept::default() }, "{}", world.engine());
    }
}

#[tokio::test]
async fn a_withdrawal_here_is_told_once_and_ends_the_reminders() {
    for world in worlds().await {
        let person = world.link(&world.bank, 1..2).await.remove(0);
        let consent = given(&world, &person, end()).await;
        let before = count(&world).await;
        for _ in 0..2 {
            withdraw(&world.verification, &consent.id, &person, world.now()).await.unwrap();
        }
        let (kind, body) = world.told(&world.bank, before).await.remove(0);
        assert_eq!((kind.as_str(), &body["consent"]), ("consent", &json!(consent.id)), "{}", world.engine());
        assert_eq!(told(&world, before).await, ["consent withdrawn \"c-1\""]);
        world.clock.advance(366 * DAY);
        assert_eq!(step(&world).await, Kept::default());
    }
}

#[tokio::test]
async fn latest_attributes_come_once_after_a_change_and_nothing_of_them_is_kept() {
    const CANARY: &str = "CANARY-NAHA-1-1-1";
    for world in worlds().await {
        let person = world.link(&world.bank, 1..2).await.remove(0);
        given(&world, &person, end()).await;
        let ask = async || {
            let asked = json!({ "customer_id": "c-1" });
            world.call(&world.bank, "POST", "/v1/latest-attributes", Some(asked)).await
        };
        assert_eq!(ask().await.code(), (404, "latest_attributes.none_newer".into()), "{}", world.engine());
        world.upstream.0.lock().unwrap().latest = Some(LatestAttributes {
            attributes: [("address", CANARY), ("name", "CANARY-NAME")]
                .map(|(item, value)| (item.to_owned(), value.to_owned()))
                .to_vec(),
            serial: SerialNumber::from(0x0707),
            fee_yen: 20,
        });
        let answer = ask().await.json();
        assert_eq!((&answer["attributes"], &answer["fee_yen"]), (&json!({ "address": CANARY }), &json!(20)));
        assert_eq!(ask().await.code(), (404, "latest_attributes.none_newer".into()), "once");
        let stored = world.everything_stored().await;
        assert!(
            stored.contains("latest_attributes"),
            "what is stored was looked through: {}",
            world.engine()
        );
        for canary in [CANARY, "CANARY-NAME"] {
            assert!(!stored.contains(canary) && !stored.contains(&hex(canary)), "{}", world.engine());
        }
        let mut tx = world.context().db.begin_read().await.unwrap();
        let (id, fees) = (&world.bank.registered.id, FeeTable::default());
        let report = monthly_report(&mut tx, id, Month::at(world.now()), &fees).await.unwrap();
        let counted = report.lines.iter().find(|line| line.item.name == "latest_attributes");
        assert_eq!(counted.map(|line| line.count), Some(1), "a refusal costs nothing");
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}
