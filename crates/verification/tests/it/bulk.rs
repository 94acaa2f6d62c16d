//! Bulk registration: what becomes of lines, and that a cut anywhere changes nothing.

use musubi_crypto::sha256;
use musubi_pki::{RevocationReason, SerialNumber};
use musubi_verification::upstream::SerialSuccession;
use musubi_verification::watching::bulk::{self, BulkError, Intake, RegistrationId};
use musubi_verification::watching::{Basis, Ground, application};
use serde_json::{Value, json};

use crate::support::authority::{Authority, Leaf};
use crate::support::der::integer;
use crate::support::lists::{List, entry};
use crate::support::{HOUR, Key, NOW, sign};
use crate::world::{World, base64, worlds};

fn start(format: &str, basis: &str) -> Value {
    json!({ "format": format, "purpose": "benefit_payment", "basis": basis, "reference": "Art. 108" })
}

fn customers(range: std::ops::Range<u32>) -> String {
    range.map(|n| format!("{{\"customer_id\":\"c-{n}\"}}\n")).collect()
}

/// A small generator, so that cuts are where a seed puts them.
struct Cuts(u64);

impl Cuts {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

#[tokio::test]
async fn every_line_has_its_result_and_every_new_customer_counts() {
    for world in worlds().await {
        let persons = world.link(&world.bank, 1..6).await;
        world.link(&world.shop, 50..51).await;
        let other = json!({ "purpose": "address_upkeep", "basis": "contract" });
        world.call(&world.bank, "PUT", "/v1/watched-customers/c-4", Some(other)).await;
        let same = json!({ "purpose": "benefit_payment", "basis": "contract" });
        world.call(&world.bank, "PUT", "/v1/watched-customers/c-5", Some(same)).await;
        let proofed = world.proof(&world.bank, 6).await;
        let before = world.told(&world.bank, 0).await.len() as u64;
        let file = concat!(
            "{\"customer_id\":\"c-1\"}\n",
            "{\"customer_id\":\"c-2\"}\r\n",
            "\n",
            "{\"customer_id\":\"c-1\"}\n",
            "{\"customer_id\":\"c-50\"}\n",
            "not json\n",
            "{\"customer_id\":\"c-4\"}\n",
            "{\"customer_id\":\"c-5\"}\n",
            "{\"customer_id\":\"c-6\"}\n",
            "{\"customer_id\":\"c-3\"}",
        );
        let mut body = start("ndjson", "law");
        body["bytes"] = json!(file.len());
        body["lines"] = json!(10);
        body["sha256"] = json!(musubi_kernel::hex_lower(&sha256(file.as_bytes())));
        let id = world.begin(&world.bank, body).await;
        let answer = world.append(&world.bank, &id, 0, "?1", file).await;
        let ended = answer.json();
        assert_eq!((answer.status.as_u16(), &ended["state"]), (200, &json!("complete")), "{ended}");
        assert_eq!(answer.header("upload-offset"), file.len().to_string());
        assert_eq!(
            world.results(&world.bank, &id, 0).await,
            [
                "1 c-1 watched",
                "2 c-2 watched",
                "4 c-1 duplicate_line",
                "5 c-50 not_linked",
                "6 - malformed",
                "7 c-4 refused.watch.other_purpose",
                "8 c-5 already_watched",
                "9 c-6 watched",
                "10 c-3 watched",
            ],
            "{}",
            world.engine()
        );
        assert_eq!(ended["results"]["watched"], 4);
        assert_eq!(world.results(&world.bank, &id, 9).await, ["10 c-3 watched"]);
        // The proofed customer was counted before, and is now watched for what the file says.
        assert_eq!(world.audited(&proofed).await, ["watching.changed"]);
        assert_eq!(world.counted(&world.bank).await, 6);
        assert_eq!(world.counted(&world.shop).await, 0);
        let told = world.told(&world.bank, before).await;
        assert_eq!(told.len(), 1);
        assert_eq!((&told[0].1["change"], &told[0].1["customers"]), (&json!("began_in_bulk"), &json!(3)));
        assert_eq!(world.audited(&persons[1]).await[0], "watching.begun");
        // The same file again, in another registration: nothing new.
        let id = world.begin(&world.bank, start("ndjson", "law")).await;
        let answer = world.append(&world.bank, &id, 0, "?1", customers(1..4)).await;
        assert_eq!(answer.json()["results"], json!({ "already_watched": 3 }));
        assert_eq!(world.counted(&world.bank).await, 6);
    }
}

/// Loses the process at random points: what it had taken and not written is gone. A write that was under way may outlive
/// it, so that the next one finds another offset than it read: then it asks again, as a sender does.
async fn sent_by_a_dying_process(world: &World, id: &RegistrationId, file: &[u8], seed: u64) {
    let mut cuts = Cuts(seed);
    loop {
        match attempt(world, id, file, &mut cuts).await {
            Ok(true) => return,
            Ok(false) | Err(BulkError::Offset { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// One process; answers whether the file was finished.
async fn attempt(
    world: &World,
    id: &RegistrationId,
    file: &[u8],
    cuts: &mut Cuts,
) -> Result<bool, BulkError> {
    let relying_party = &world.bank.registered;
    let offset = {
        let mut tx = world.context().db.begin_read().await?;
        bulk::find(&mut tx, &relying_party.id, id).await?.received
    };
    let mut intake = Intake::open(&world.verification, relying_party, id, offset).await?;
    let mut rest = &file[usize::try_from(offset).unwrap()..];
    for _ in 0..=cuts.below(6) {
        let (now, later) = rest.split_at((1 + cuts.below(70_000)).min(rest.len()));
        intake.take(now).await?;
        rest = later;
    }
    if rest.is_empty() {
        intake.finish().await?;
        return Ok(true);
    }
    // Half of the time the request ends in order; else the process is gone.
    if cuts.below(2) == 0 {
        intake.pause().await?;
    }
    Ok(false)
}

#[tokio::test]
async fn cut_or_killed_anywhere_nothing_is_left_out_and_nothing_is_done_twice() {
    for world in worlds().await {
        world.link(&world.bank, 0..300).await;
        // Customers who are linked and who are not, duplicates, nonsense, and two kinds of line ends.
        let file: String = (0..20_000_u32)
            .map(|n| match n % 100 {
                7 => "nonsense\n".to_owned(),
                8 => "\r\n".to_owned(),
                9 => format!("{{\"customer_id\":\"c-{}\"}}\r\n", n / 100),
                _ => format!("{{\"customer_id\":\"x-{n}\"}}\n"),
            })
            .collect();
        let mut whole = Vec::new();
        for seed in 1..4 {
            let mut body = start("ndjson", "law");
            body["sha256"] = json!(musubi_kernel::hex_lower(&sha256(file.as_bytes())));
            body["lines"] = json!(20_000);
            let id = world.begin(&world.bank, body).await;
            sent_by_a_dying_process(&world, &id.parse().unwrap(), file.as_bytes(), seed).await;
            let state =
                world.call(&world.bank, "GET", &format!("/v1/bulk-registrations/{id}"), None).await.json();
            assert_eq!((&state["state"], &state["lines"]), (&json!("complete"), &json!(20_000)), "{state}");
            let results = world.results(&world.bank, &id, 0).await;
            let numbers: Vec<u64> =
                results.iter().map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect();
            let expected: Vec<u64> = (1..=20_000).filter(|n| (n - 1) % 100 != 8).collect();
            assert_eq!(numbers, expected);
            let first = seed == 1;
            assert_eq!(state["results"]["watched"].as_u64(), first.then_some(200), "{state}");
            assert_eq!(state["results"]["already_watched"].as_u64(), (!first).then_some(200), "{state}");
            assert_eq!(world.counted(&world.bank).await, 200, "{}", world.engine());
            let kinds: Vec<String> =
                results.iter().map(|line| line.replace("already_watched", "watched")).collect();
            if first {
                whole = kinds;
            } else {
                assert_eq!(kinds, whole);
            }
        }
    }
}

fn holder(serial: u16) -> Vec<u8> {
    let mut leaf = Leaf::signature();
    leaf.serial = integer(&serial.to_be_bytes());
    Authority::signature_second().issue(&leaf)
}

fn line(customer: &str, certificate: &[u8], text: &str) -> String {
    let line = json!({
        "customer_id": customer, "document": base64(text.as_bytes()), "certificate": base64(certificate),
        "signature": base64(&sign(Key::Holder, text.as_bytes())),
    });
    format!("{line}\n")
}

#[tokio::test]
async fn a_signed_application_links_and_watches_its_signer_if_its_verdict_passes() {
    for world in worlds().await {
        let ground = Ground {
            purpose: "benefit_payment".into(),
            basis: Basis::Law,
            reference: Some("Art. 108".into()),
        };
        let bank = &world.bank.registered;
        let text = |customer: &str, at| application::render(bank, customer, &ground, at);
        let good = holder(0x0101);
        let revoked = holder(0x0202);
        let next = holder(0x0303);
        // The third certificate follows the first: the same person.
        {
            let mut said = world.upstream.0.lock().unwrap();
            let of = |serial: u32| format!("digital_signature/{}", SerialNumber::from(serial));
            let succession = SerialSuccession {
                predecessors: vec![SerialNumber::from(0x0101)],
                current: SerialNumber::from(0x0303),
                next_issued_at: None,
            };
            said.successions.insert(of(0x0303), succession);
        }
        let list = List::of(&Authority::signature_second());
        let gone = entry(&[0x02, 0x02], NOW.plus(-2 * HOUR), RevocationReason::KeyCompromise);
        world.publish(list.entry(gone), 2).await;
        let unsigned = text("c-5", NOW).replace("c-5", "c-6");
        let file = [
            line("c-1", &good, &text("c-1", NOW)),
            line("c-2", &revoked, &text("c-2", NOW)),
            line("c-3", &good, &text("c-2", NOW)),
            line("c-4", &good, &text("c-4", NOW.plus(-367 * 24 * HOUR))),
            line("c-5", &good, &unsigned),
            line("c-7", &next, &text("c-7", NOW)),
            line("c-1", &next, &text("c-1", NOW)),
        ]
        .concat();
        let id = world.begin(&world.bank, start("ndjson", "law")).await;
        let answer = world.append(&world.bank, &id, 0, "?1", file).await;
        assert_eq!(answer.json()["state"], "complete", "{}", answer.text);
        assert_eq!(
            world.results(&world.bank, &id, 0).await,
            [
                "1 c-1 watched",
                "2 c-2 refused.certificate.revoked",
                "3 c-3 refused.application.document",
                "4 c-4 refused.application.time",
                "5 c-5 refused.application.document",
                "6 c-7 refused.link.other_customer",
                "7 c-1 already_watched",
            ],
            "{}",
            world.engine()
        );
        assert_eq!(world.counted(&world.bank).await, 1);
        let read = world.call(&world.bank, "GET", "/v1/watched-customers/c-1", None).await.json();
        assert_eq!((&read["basis"], &read["purpose"]), (&json!("law"), &json!("benefit_payment")));
        // Another person's application for a customer id that is taken, and an authority that does not answer.
        let stranger = holder(0x0404);
        let id = world.begin(&world.bank, start("ndjson", "law")).await;
        let first = line("c-1", &stranger, &text("c-1", NOW));
        let answer = world.append(&world.bank, &id, 0, "?0", first.clone()).await;
        assert_eq!(answer.json()["state"], "open");
        world.upstream.0.lock().unwrap().unreachable = true;
        let second = line("c-8", &stranger, &text("c-8", NOW));
        world.append(&world.bank, &id, first.len() as u64, "?1", second).await;
        assert_eq!(
            world.results(&world.bank, &id, 0).await,
            ["1 c-1 refused.link.customer_taken", "2 c-8 refused.upstream.unreachable"]
        );
        assert_eq!(world.counted(&world.bank).await, 1);
    }
}
