//! The test vectors of the specification are what this code makes.

use musubi_crypto::Ed25519Signer;
use musubi_feed::{
    CREDENTIAL_CHANGE, DayStatement, Event, Heartbeat, ListInUse, Place, Position, Proven, Receiver, Stream,
    VERIFICATION, VerifyingKey, seal_day, seal_entry, seal_heartbeat,
};
use musubi_kernel::UnixTime;
use serde_json::{Value, json};

/// RFC 8032, 7.1, test 1: a key that everybody knows.
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

fn vectors() -> Value {
    let seed: [u8; 32] = (0..32)
        .map(|n| u8::from_str_radix(&SEED[2 * n..2 * n + 2], 16).unwrap())
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    let key = Ed25519Signer::from_seed(&seed).unwrap();
    let stream = Stream {
        issuer: "https://api.musubi.example".into(),
        audience: "rp_0123456789abcdef0123456789abcdef".into(),
    };
    let change = json!({
        "change": "attributes_changed", "customer_id": "c-1001", "certificate_kind": "digital_signature",
        "occurred_at": "2026-04-01T02:00:00Z", "recorded_at": "2026-04-01T15:10:00Z",
        "evidence": { "reason": "affiliationChanged", "authority": "digital_signature",
                      "key_id": "1f".repeat(20), "list_number": 1024 },
        "latest_attributes": "available", "credential_type": "x509", "change_type": "revoke",
        "event_timestamp": 1_775_008_800,
    });
    let events = [
        Event::about(
            VERIFICATION,
            stream.audience.clone(),
            json!({ "state": "hello" }).as_object().unwrap().clone(),
        ),
        Event::about(CREDENTIAL_CHANGE, "pw_example".into(), change.as_object().unwrap().clone()),
    ];
    let mut last = stream.start();
    let mut entries = Vec::new();
    let mut places: Vec<Position> = vec![last];
    for (n, event) in events.iter().enumerate() {
        let (token, place) = seal_entry(&stream, &last, event, UnixTime(1_775_056_200 + n as i64), &key);
        entries.push(token);
        last = place;
        places.push(place);
    }
    let list = ListInUse {
        authority: "digital_signature".into(),
        key_id: "1f".repeat(20),
        number: 1024,
        this_update: 1_775_055_600,
        next_update: 1_775_142_000,
    };
    let heartbeat = Heartbeat { last, customers: 2, lists: vec![list], at: 1_775_056_260 };
    let day = DayStatement { day: "2026-04-02".into(), before: places[0], last, at: 1_775_145_600 };
    json!({
        "about": "Test vectors of docs/spec/change-stream.md. The key is test 1 of RFC 8032, 7.1.",
        "seed_hex": SEED,
        "jwks": { "keys": [VerifyingKey::new(key.public_key()).jwk()] },
        "issuer": stream.issuer, "audience": stream.audience,
        "places": places,
        "entries": entries,
        "heartbeat": seal_heartbeat(&stream, &heartbeat, &key),
        "day": seal_day(&stream, &day, &key),
    })
}

#[test]
fn the_vectors_of_the_specification_are_what_is_sealed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/spec/vectors/change-stream.json");
    let made = format!("{:#}\n", vectors());
    if std::env::var_os("MUSUBI_BLESS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), made, "MUSUBI_BLESS=1 writes it anew");
}

#[test]
fn a_receiver_accepts_the_vectors_with_nothing_but_the_published_key() {
    let vectors = vectors();
    let key = VerifyingKey::from_jwk(&vectors["jwks"]["keys"][0]).unwrap();
    let text = |name: &str| vectors[name].as_str().unwrap().to_owned();
    let stream = Stream { issuer: text("issuer"), audience: text("audience") };
    let mut receiver = Receiver::new(stream.clone(), vec![key], Place::from(&stream));
    for entry in vectors["entries"].as_array().unwrap() {
        receiver.accept(entry.as_str().unwrap()).unwrap();
    }
    let now = UnixTime(1_775_056_261);
    assert_eq!(receiver.heartbeat(&text("heartbeat"), now), Ok(Proven::Complete));
    assert_eq!(serde_json::to_value(receiver.place().last()).unwrap(), vectors["places"][2]);
}
