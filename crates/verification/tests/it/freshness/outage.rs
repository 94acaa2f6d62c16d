//! The outage drill: the authority cannot be reached for 72 hours, what comes from it is cut off, forged or rolled back, clocks
//! are wrong by a day, the process and its database go down in between. No answer is older than its contract; unknown is said to
//! be neither good nor revoked; what is held is settled, what went on is followed up, and corrections reach everyone.

use std::collections::BTreeMap;

use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, RevocationReason};
use serde_json::{Value, json};

use super::support::{DAY, HOUR, Key, NOW, authority::HOLDER_NAME, der::utc_time};
use super::world::{Answer, Client, Revoked, Serial, World, announced, list, worlds};

/// A relying party of the drill.
struct Party {
    client: Client,
    max_age: i64,
    rule: &'static str,
    /// How old evidence may be for a provisional acceptance.
    provisional: Option<i64>,
}

/// What one of them was told, and when by the platform's clock.
struct Said {
    party: usize,
    serial: Serial,
    answer: String,
    state: String,
    at: UnixTime,
}

struct Drill {
    world: World,
    parties: Vec<Party>,
    said: Vec<Said>,
}

/// Known at every relying party from the beginning; revoked two hours later, which nobody learns for three days.
const KNOWN: Serial = 1;
/// Known, too; revoked in the second night.
const LATER: Serial = 2;
/// Known, and never revoked.
const SOUND: Serial = 3;
const REVOKED: [Revoked; 2] = [
    Revoked(KNOWN, UnixTime(NOW.0 + 2 * HOUR), RevocationReason::KeyCompromise),
    Revoked(LATER, UnixTime(NOW.0 + 30 * HOUR), RevocationReason::CessationOfOperation),
];

fn revoked_at(serial: Serial) -> Option<UnixTime> {
    REVOKED.iter().find(|revoked| revoked.0 == serial).map(|revoked| revoked.1)
}

impl Drill {
    async fn begin(world: World) -> Self {
        let mut parties = Vec::new();
        for (rule, max_age, provisional) in [
            ("refuse", 24 * HOUR, None),
            ("hold", 12 * HOUR, None),
            ("accept_with_follow_up", 6 * HOUR, Some(96 * HOUR)),
        ] {
            let client = world.client().await;
            let contract = json!({
                "max_age_seconds": max_age, "in_outage": rule, "check_by": "list",
                "provisional_max_age_seconds": provisional,
            });
            world.set_contract(&client, contract).await;
            parties.push(Party { client, max_age, rule, provisional });
        }
        world.publish(1, &[]);
        assert!(world.round().await);
        for party in &parties {
            for serial in [KNOWN, LATER, SOUND] {
                world.link(&party.client, serial, &format!("c-{serial}")).await;
            }
        }
        Self { world, parties, said: Vec::new() }
    }

    /// Everyone asks about everyone, and no answer is more than the evidence allows.
    async fn everyone_asks(&mut self, evidence_made_at: UnixTime) {
        let now = self.world.now();
        let age = now.since(evidence_made_at);
        for index in 0..self.parties.len() {
            for serial in [KNOWN, LATER, SOUND] {
                let party = &self.parties[index];
                let signed_in = self.world.sign_in(&party.client, serial).await;
                self.check_verdict(index, age, &signed_in);
                self.note(index, serial, &signed_in);
                let party = &self.parties[index];
                let checked = self.world.change_check(&party.client, &format!("c-{serial}")).await;
                self.check_states(index, age, &checked);
                self.note(index, serial, &checked);
            }
        }
    }

    fn expected(&self, party: usize, age: i64) -> &'static str {
        let party = &self.parties[party];
        let in_time = (-300..=48 * HOUR).contains(&age);
        match (party.rule, party.provisional) {
            _ if in_time && age <= party.max_age => "accepted",
            ("hold", _) => "held",
            (_, Some(most)) if (0..=most).contains(&age) => "provisional",
            _ => "refused",
        }
    }

    fn check_verdict(&self, party: usize, age: i64, answer: &Answer) {
        let expected = self.expected(party, age);
        assert_eq!(answer.str("state"), expected, "at an age of {age}: {}", answer.body);
        assert_eq!(answer.body["provisional"], expected == "provisional");
        let freshness = &answer.body["verdict"]["freshness"];
        assert_eq!(freshness["age_seconds"], age.max(0), "every answer says its age");
        if expected == "accepted" {
            assert_eq!(answer.indication(), "TOTAL-PASSED");
            assert!(freshness["age_seconds"].as_i64().unwrap() <= self.parties[party].max_age);
        } else {
            assert_eq!((answer.indication(), answer.reason()), ("INDETERMINATE", "revocation_list.too_old"));
        }
    }

    fn check_states(&self, party: usize, age: i64, answer: &Answer) {
        let expected = match self.expected(party, age) {
            "accepted" => "answered",
            other => other,
        };
        assert_eq!(answer.str("state"), expected, "at an age of {age}: {}", answer.body);
        for certificate in answer.body["certificates"].as_array().unwrap() {
            // The signing certificate was seen at the proofing, the other one at the first sign-in.
            let state = if expected == "answered" { "good" } else { "undetermined" };
            assert_eq!(certificate["state"], state, "{}", answer.body);
            assert_eq!(certificate["freshness"]["age_seconds"], age.max(0));
        }
    }

    fn note(&mut self, party: usize, serial: Serial, answer: &Answer) {
        let state = if answer.str("state") == "answered" { "accepted" } else { answer.str("state") };
        self.said.push(Said {
            party,
            serial,
            answer: answer.str("id").to_owned(),
            state: state.to_owned(),
            at: self.world.now(),
        });
    }

    /// Each relying party's entries about answers, by answer.
    async fn told(&self) -> BTreeMap<String, Vec<(&'static str, Value)>> {
        let mut all: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for party in &self.parties {
            for event in ["settled", "correction"] {
                for body in self.world.told(&party.client, event).await {
                    let answer = body["answer"].as_str().unwrap().to_owned();
                    all.entry(answer).or_default().push((event, body));
                }
            }
        }
        all
    }

    /// Once the evidence is there, everything that was said and is to be said is in the streams, once.
    async fn all_is_told(&self) {
        let told = self.told().await;
        let mut expected = 0;
        for said in &self.said {
            let entries = told.get(&said.answer).map(Vec::as_slice).unwrap_or_default();
            let is_check = said.answer.starts_with("cc_");
            let revoked = revoked_at(said.serial);
            // A change check is about two certificates, each of which may have been said to be good.
            let of_each = if is_check { 2 } else { 1 };
            let (event, count, now) = match (said.state.as_str(), revoked) {
                ("accepted", Some(at)) if at <= said.at => ("correction", of_each, "revoked"),
                ("accepted" | "refused", _) => ("none", 0, ""),
                ("held", Some(_)) => ("settled", 1, "revoked"),
                ("held" | "provisional", None) => ("settled", 1, "good"),
                ("provisional", Some(at)) if at <= said.at => ("correction", of_each, "revoked"),
                ("provisional", Some(_)) => ("correction", 1, "revoked"),
                other => panic!("{other:?}"),
            };
            expected += count;
            assert_eq!(entries.len(), count, "{event} of {} ({}): {entries:?}", said.answer, said.state);
            for (told_as, body) in entries {
                assert_eq!((*told_as, body["now"].as_str().unwrap()), (event, now), "{body}");
                let words = if said.state == "accepted" { "good" } else { said.state.as_str() };
                assert_eq!(body["said"], words, "{body}");
                assert_eq!(body["answered_at"], said.at.rfc3339());
            }
        }
        assert_eq!(told.values().map(Vec::len).sum::<usize>(), expected, "and nothing else");
    }
}

/// What the intake must refuse, made by whoever stands between: the lists of before, so that nothing is learned from them.
fn tampering(world: &World, step: usize) -> &'static str {
    let made_at = world.script().now;
    let forged_by = |key: Key| {
        move |authority: AuthorityKind| {
            let mut list = list(authority, 9, made_at, &[]);
            list.authority.key = key;
            (announced(authority, 9), list.der())
        }
    };
    match step % 4 {
        0 => {
            world.script().reachable = false;
            "unreachable"
        }
        1 => {
            world.publish_made(|authority| {
                let mut der = list(authority, 9, made_at, &[]).der();
                der.truncate(der.len() / 2);
                (announced(authority, 9), der)
            });
            "cut off"
        }
        2 => {
            world.publish_made(forged_by(Key::Stranger));
            "wrongly signed"
        }
        _ => {
            // The authority's own list of two days before the first, under a higher number.
            world.publish_made(|authority| {
                let mut old = list(authority, 9, NOW.plus(-2 * DAY), &[]);
                old.next_update = utc_time(made_at.plus(DAY));
                (announced(authority, 9), old.der())
            });
            "rolled back"
        }
    }
}

#[tokio::test]
async fn seventy_two_hours_without_the_authority() {
    for world in worlds().await {
        let mut drill = Drill::begin(world).await;
        drill.everyone_asks(NOW).await;
        for step in 0..12 {
            drill.world.advance(6 * HOUR);
            drill.world.script().reachable = true;
            let what = tampering(&drill.world, step);
            assert!(!drill.world.round().await, "{what}: refused");
            let number = drill.world.verification.lists().snapshot()[0].number();
            assert_eq!(number, 1, "{what}: what is held stays");
            if step % 5 == 2 {
                drill.world.restart().await;
            }
            if step % 3 == 0 || step == 11 {
                drill.everyone_asks(NOW).await;
            }
            assert!(drill.told().await.is_empty(), "nothing is known, nothing is told");
        }
        assert!(drill.said.iter().any(|said| said.state == "provisional" && said.party == 2));

        drill.world.script().reachable = true;
        drill.world.publish(2, &REVOKED);
        // The evidence is taken in within a second of its publication; what waits is looked at within a minute.
        assert!(drill.world.round().await);
        drill.world.advance(60);
        drill.world.round().await;
        drill.all_is_told().await;

        // And never again.
        drill.world.advance(HOUR);
        drill.world.restart().await;
        assert!(drill.world.round().await);
        drill.world.publish(3, &REVOKED);
        assert!(drill.world.round().await);
        drill.all_is_told().await;
        for said in drill.said.iter().filter(|said| said.answer.starts_with("ec_")) {
            let path = format!("/v1/entitlement-checks/{}", said.answer);
            let answer = drill.world.get(&drill.parties[said.party].client, &path).await.expect(200);
            let state = match (said.state.as_str(), revoked_at(said.serial)) {
                ("held" | "provisional", None) => "accepted",
                ("held" | "provisional", Some(_)) => "refused",
                (state, _) => state,
            };
            assert_eq!(answer.str("state"), state, "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_clock_that_is_a_day_ahead_makes_evidence_older_and_never_younger() {
    for world in worlds().await {
        let mut drill = Drill::begin(world).await;
        drill.world.clock.advance(DAY);
        drill.everyone_asks(NOW).await;
        drill.world.clock.advance(-DAY);
        drill.everyone_asks(NOW).await;
        drill.world.advance(120);
        assert!(drill.world.round().await);
        let told = drill.told().await;
        let waiting = drill.said.iter().filter(|said| ["held", "provisional"].contains(&said.state.as_str()));
        for said in waiting {
            assert_eq!(
                told[&said.answer][0].0, "settled",
                "the clock being right again, the evidence is young"
            );
            assert_eq!(told[&said.answer][0].1["now"], "good");
        }
    }
}

#[tokio::test]
async fn a_clock_that_is_a_day_behind_and_a_list_from_the_future_tell_nothing() {
    for world in worlds().await {
        let mut drill = Drill::begin(world).await;
        drill.world.clock.advance(-DAY);
        drill.everyone_asks(NOW).await;
        assert!(drill.said.iter().all(|said| ["held", "refused"].contains(&said.state.as_str())));
        drill.world.clock.advance(DAY);
        // The authority's clock is ahead: its list is taken in, and is no evidence until its time has come.
        drill.world.script().now = NOW.plus(DAY);
        drill.world.publish(2, &[]);
        assert!(drill.world.round().await);
        drill.everyone_asks(NOW.plus(DAY)).await;
        assert!(drill.told().await.is_empty(), "nobody was told anything");
        drill.world.clock.advance(DAY + 60);
        drill.world.round().await;
        let told = drill.told().await;
        for said in drill.said.iter().filter(|said| said.state == "held") {
            assert_eq!(told[&said.answer].len(), 1);
            assert_eq!(told[&said.answer][0].1["now"], "good");
        }
    }
}

#[tokio::test]
async fn a_held_application_makes_a_customer_once_there_is_evidence() {
    for world in worlds().await {
        let client = world.client().await;
        world.set_contract(&client, json!({ "max_age_seconds": HOUR, "in_outage": "hold" })).await;
        world.publish(1, &[]);
        assert!(world.round().await);
        world.script().reachable = false;
        // The list is young, but who the person is cannot be asked.
        let first = world.apply(&client, 7, "c-7", HOLDER_NAME).await;
        assert_eq!((first.str("state"), first.reason()), ("held", "upstream.unreachable"));
        world.advance(2 * HOUR);
        let second = world.apply(&client, 8, "c-8", HOLDER_NAME).await;
        assert_eq!((second.str("state"), second.reason()), ("held", "revocation_list.too_old"));
        let unlike = world.apply(&client, 9, "c-9", "別の　氏名").await;
        assert_eq!(unlike.str("state"), "held", "nothing is known of a certificate, nor of what it says");
        assert_eq!(world.verification.settle().await.unwrap(), 0);
        assert_eq!(
            world.post(&client, "/v1/change-checks", &json!({ "customer_id": "c-7" })).await.status,
            404
        );

        world.script().reachable = true;
        world.publish(2, &[]);
        world.advance(60);
        assert!(world.round().await);
        let told = world.told(&client, "settled").await;
        let by = |answer: &Answer| told.iter().find(|body| body["answer"] == answer.str("id")).unwrap();
        for (answer, customer) in [(&first, "c-7"), (&second, "c-8")] {
            let body = by(answer);
            assert_eq!((&body["state"], &body["customer_id"]), (&json!("accepted"), &json!(customer)));
            assert_eq!(body["verdict"]["indication"], "TOTAL-PASSED");
            assert!(body["verdict"]["freshness"]["age_seconds"].as_i64().unwrap() <= HOUR);
            assert_eq!(world.change_check(&client, customer).await.str("state"), "answered");
        }
        assert_eq!((&by(&unlike)["state"], &by(&unlike)["now"]), (&json!("refused"), &json!("refused")));
        let path = format!("/v1/identity-proofings/{}", second.str("id"));
        let read = world.get(&client, &path).await.expect(200);
        assert_eq!(read.str("state"), "accepted");
        let subjects: Vec<_> =
            world.stream(&client).await.into_iter().map(|entry| entry.event.subject).collect();
        assert!(subjects.contains(&Some(read.str("subject").to_owned())));
    }
}

#[tokio::test]
async fn a_hold_ends_when_its_time_is_over_and_says_that_nothing_is_known() {
    for world in worlds().await {
        let holding = world.client().await;
        let hold = json!({ "max_age_seconds": HOUR, "in_outage": "hold", "hold_seconds": 3 * HOUR });
        world.set_contract(&holding, hold).await;
        let going_on = world.client().await;
        let follow_up = json!({
            "max_age_seconds": HOUR, "in_outage": "accept_with_follow_up", "hold_seconds": 3 * HOUR,
            "provisional_max_age_seconds": DAY,
        });
        world.set_contract(&going_on, follow_up).await;
        world.publish(1, &[]);
        assert!(world.round().await);
        for client in [&holding, &going_on] {
            world.link(client, 1, "c-1").await;
        }
        world.script().reachable = false;
        world.advance(2 * HOUR);
        let held = [world.sign_in(&holding, 1).await, world.change_check(&holding, "c-1").await];
        let provisional = [world.sign_in(&going_on, 1).await, world.change_check(&going_on, "c-1").await];
        world.advance(3 * HOUR - 1);
        assert_eq!(world.verification.settle().await.unwrap(), 0);
        world.advance(61);
        assert_eq!(world.verification.settle().await.unwrap(), 4);
        let settled = world.told(&holding, "settled").await;
        let corrected = world.told(&going_on, "correction").await;
        for (answers, told) in [(held, settled), (provisional, corrected)] {
            assert_eq!(told.len(), 2);
            for answer in answers {
                let body = told.iter().find(|body| body["answer"] == answer.str("id")).unwrap();
                assert_eq!(body["now"], "undetermined", "neither good nor revoked: {body}");
            }
        }
    }
}

#[tokio::test]
async fn what_can_no_longer_be_read_is_ended_and_keeps_nothing_else_waiting() {
    for mut world in worlds().await {
        let client = world.client().await;
        world.publish(1, &[]);
        assert!(world.round().await);
        world.link(&client, 1, "c-1").await;
        world.set_contract(&client, json!({ "max_age_seconds": HOUR, "in_outage": "hold" })).await;
        world.script().reachable = false;
        world.advance(2 * HOUR);
        let lost = world.sign_in(&client, 1).await;
        world.restart_with(8).await;
        let kept = world.sign_in(&client, 1).await;
        assert_eq!((lost.str("state"), kept.str("state")), ("held", "held"));
        world.script().reachable = true;
        world.publish(2, &[]);
        world.advance(60);
        assert!(world.round().await);
        let told = world.told(&client, "settled").await;
        let by = |answer: &Answer| told.iter().find(|body| body["answer"] == answer.str("id")).unwrap();
        assert_eq!(
            (&by(&lost)["state"], &by(&lost)["code"]),
            (&json!("refused"), &json!("answer.unreadable"))
        );
        assert_eq!(by(&kept)["state"], "accepted");
        let path = format!("/v1/entitlement-checks/{}", lost.str("id"));
        assert_eq!(world.get(&client, &path).await.expect(200).str("state"), "refused");
    }
}
