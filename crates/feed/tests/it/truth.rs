//! A platform that tells the truth, for the tests of those that do not.

use musubi_crypto::Ed25519Signer;
use musubi_feed::{
    CREDENTIAL_CHANGE, Event, Heartbeat, ListInUse, Place, Position, Receiver, Stream, VerifyingKey,
    seal_entry, seal_heartbeat,
};
use musubi_kernel::UnixTime;

pub(crate) const NOW: UnixTime = UnixTime(1_790_000_000);

pub(crate) struct Platform {
    pub(crate) stream: Stream,
    pub(crate) key: Ed25519Signer,
    /// Entry `n` at index `n - 1`.
    pub(crate) entries: Vec<String>,
    /// The place after entry `n` at index `n`.
    pub(crate) places: Vec<Position>,
}

impl Platform {
    pub(crate) fn with(entries: usize) -> Self {
        let stream = Stream { issuer: "https://api.example.jp".into(), audience: "rp_1".into() };
        let key = Ed25519Signer::from_seed(&[7; 32]).unwrap();
        let places = vec![stream.start()];
        let mut platform = Self { stream, key, entries: Vec::new(), places };
        for _ in 0..entries {
            platform.append("truth");
        }
        platform
    }

    pub(crate) fn event(what: &str) -> Event {
        let body = serde_json::json!({ "change": "renewed", "customer_id": what });
        Event::about(CREDENTIAL_CHANGE, "pw_x".into(), body.as_object().unwrap().clone())
    }

    /// Another entry `sequence`, signed by the same key.
    pub(crate) fn other(&self, sequence: usize) -> (String, Position) {
        seal_entry(&self.stream, &self.places[sequence - 1], &Self::event("a lie"), NOW, &self.key)
    }

    pub(crate) fn append(&mut self, what: &str) {
        let last = self.places[self.places.len() - 1];
        let (token, place) = seal_entry(&self.stream, &last, &Self::event(what), NOW, &self.key);
        self.entries.push(token);
        self.places.push(place);
    }

    pub(crate) fn keys(&self) -> Vec<VerifyingKey> {
        vec![VerifyingKey::new(self.key.public_key())]
    }

    pub(crate) fn receiver(&self) -> Receiver {
        self.receiver_at(Place::from(&self.stream))
    }

    pub(crate) fn receiver_at(&self, place: Place) -> Receiver {
        Receiver::new(self.stream.clone(), self.keys(), place)
    }

    /// Entry `sequence`.
    pub(crate) fn entry(&self, sequence: usize) -> &str {
        &self.entries[sequence - 1]
    }

    pub(crate) fn heartbeat(&self, last: usize, list: i64, at: UnixTime) -> String {
        self.heartbeat_of(self.places[last], list, at)
    }

    pub(crate) fn heartbeat_of(&self, last: Position, list: i64, at: UnixTime) -> String {
        let list = ListInUse {
            authority: "digital_signature".into(),
            key_id: "00".repeat(20),
            number: list,
            this_update: 1,
            next_update: 2,
        };
        let heartbeat = Heartbeat { last, customers: 3, lists: vec![list], at: at.0 };
        seal_heartbeat(&self.stream, &heartbeat, &self.key)
    }
}
