//! What is sealed is what is opened, and nothing else opens.

use musubi_crypto::Ed25519Signer;
use musubi_feed::{
    CREDENTIAL_CHANGE, Event, Heartbeat, Stream, TokenError, VerifyingKey, open_entry, open_heartbeat,
    seal_entry, seal_heartbeat,
};
use musubi_kernel::UnixTime;

fn stream() -> Stream {
    Stream { issuer: "https://api.example.jp".into(), audience: "rp_1".into() }
}

fn event() -> Event {
    let body = serde_json::json!({ "change": "renewed", "customer_id": "c-1" });
    Event::about(CREDENTIAL_CHANGE, "pw_x".into(), body.as_object().unwrap().clone())
}

#[test]
fn an_entry_opens_as_it_was_sealed_and_names_the_one_before() {
    let key = Ed25519Signer::from_seed(&[7; 32]).unwrap();
    let keys = [VerifyingKey::new(key.public_key())];
    let (first, after_first) = seal_entry(&stream(), &stream().start(), &event(), UnixTime(5), &key);
    let (second, after_second) = seal_entry(&stream(), &after_first, &event(), UnixTime(6), &key);
    let opened = open_entry(&second, &stream(), &keys).unwrap();
    assert_eq!((opened.position, opened.previous, opened.at), (after_second, after_first.hash, UnixTime(6)));
    assert_eq!(opened.event, event());
    assert_eq!(open_entry(&first, &stream(), &keys).unwrap().previous, stream().start().hash);
    assert_eq!(VerifyingKey::from_jwk(&keys[0].jwk()), Some(keys[0].clone()));
}

#[test]
fn another_stream_another_key_a_changed_byte_and_a_heartbeat_in_its_place_are_refused() {
    let key = Ed25519Signer::from_seed(&[7; 32]).unwrap();
    let keys = [VerifyingKey::new(key.public_key())];
    let (token, last) = seal_entry(&stream(), &stream().start(), &event(), UnixTime(5), &key);
    let other = Stream { audience: "rp_2".into(), ..stream() };
    assert_eq!(open_entry(&token, &other, &keys), Err(TokenError::OtherStream));
    let stranger = [VerifyingKey::new([9; 32])];
    assert_eq!(open_entry(&token, &stream(), &stranger), Err(TokenError::UnknownKey));
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        assert!(open_entry(std::str::from_utf8(&bytes).unwrap(), &stream(), &keys).is_err(), "{at}");
    }
    let heartbeat = Heartbeat { last, customers: 3, lists: Vec::new(), at: 9 };
    let beat = seal_heartbeat(&stream(), &heartbeat, &key);
    assert_eq!(open_heartbeat(&beat, &stream(), &keys), Ok(heartbeat));
    assert_eq!(open_entry(&beat, &stream(), &keys), Err(TokenError::Malformed));
    assert_eq!(open_heartbeat(&token, &stream(), &keys), Err(TokenError::Malformed));
}
