//! Ten thousand disturbances of a stream, each found, and what is applied in the end is the truth, each entry once.
//!
//! The model beside the receiver is a list: the numbers that were applied. It knows which disturbance was made, and so
//! what the receiver must say of it.

use std::collections::BTreeMap;

use musubi_crypto::Ed25519Signer;
use musubi_feed::{Accepted, Contradiction, Place, Proven, Receiver, Refusal, Standing};
use musubi_kernel::{Random as _, SeededRandom};

use crate::truth::{NOW, Platform};

/// Entries of one run.
const ENTRIES: usize = 60;
const DISTURBANCES: usize = 10_000;

/// What may befall a stream on its way, or at a platform that lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Disturbance {
    /// An entry is left out.
    Gap,
    /// Another entry of a number that was applied, rightly signed.
    Fork,
    /// The next entry, rightly signed, but of another past.
    OtherPast,
    /// Two neighbours change places.
    Swap,
    /// A stretch comes in any order.
    Reorder,
    /// An entry that was applied comes again.
    Duplicate,
    /// A changed byte.
    Changed,
    /// Signed by somebody else.
    Forgery,
    /// Meant for somebody else.
    OtherStream,
    /// A token that was cut off.
    Truncated,
    /// The stream ends before its end.
    EndCutOff,
    /// A heartbeat that speaks of another entry.
    LyingHeartbeat,
    /// The process ends and begins again from its stored place.
    Restart,
}

const ALL: [Disturbance; 13] = [
    Disturbance::Gap,
    Disturbance::Fork,
    Disturbance::OtherPast,
    Disturbance::Swap,
    Disturbance::Reorder,
    Disturbance::Duplicate,
    Disturbance::Changed,
    Disturbance::Forgery,
    Disturbance::OtherStream,
    Disturbance::Truncated,
    Disturbance::EndCutOff,
    Disturbance::LyingHeartbeat,
    Disturbance::Restart,
];

struct Dice(SeededRandom);

impl Dice {
    fn below(&self, n: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        (u64::from_le_bytes(bytes) % n as u64) as usize
    }
}

/// The receiver with the model: what its effects are, and the place stored with them.
struct Bank {
    receiver: Receiver,
    applied: Vec<u64>,
    stored: Place,
}

impl Bank {
    fn new(platform: &Platform) -> Self {
        let receiver = platform.receiver();
        let stored = receiver.place().clone();
        Self { receiver, applied: Vec::new(), stored }
    }

    /// Effects and place together.
    fn apply(&mut self, sequence: u64) {
        self.applied.push(sequence);
        self.stored = self.receiver.place().clone();
    }

    fn take(&mut self, token: &str) -> Result<Accepted, Refusal> {
        let said = self.receiver.accept(token);
        if let Ok(Accepted::New(entry)) = &said {
            self.apply(entry.position.sequence);
            while let Some(entry) = self.receiver.ready().unwrap() {
                self.apply(entry.position.sequence);
            }
        }
        said
    }

    fn restart(&mut self, platform: &Platform) {
        let json = serde_json::to_string(&self.stored).unwrap();
        let place: Place = serde_json::from_str(&json).unwrap();
        self.receiver = platform.receiver_at(place);
    }

    fn next(&self) -> usize {
        self.applied.len() + 1
    }

    /// Asks for what is missing, as a receiver does that was told of a gap.
    fn catch_up(&mut self, platform: &Platform, to: usize) {
        while self.next() <= to {
            let next = self.next();
            assert!(matches!(self.take(platform.entry(next)), Ok(Accepted::New(_))));
        }
    }
}

fn changed(token: &str, dice: &Dice) -> String {
    let mut bytes = token.as_bytes().to_vec();
    let at = dice.below(bytes.len());
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).unwrap()
}

/// Does one disturbance to a receiver that is at some place; answers whether it ends this run.
fn disturb(kind: Disturbance, platform: &Platform, bank: &mut Bank, dice: &Dice) -> bool {
    let next = bank.next();
    let behind = dice.below(next - 1) + 1;
    match kind {
        Disturbance::Gap => {
            let ahead = next + 1 + dice.below(ENTRIES - next);
            let gap = Refusal::Gap { expected: next as u64, got: ahead as u64 };
            assert_eq!(bank.take(platform.entry(ahead)), Err(gap));
            bank.catch_up(platform, ahead);
        }
        Disturbance::Fork => {
            let fork = Contradiction::Fork { sequence: behind as u64 };
            assert_eq!(bank.take(&platform.other(behind).0), Err(Refusal::Contradiction(fork)));
            assert_eq!(bank.take(platform.entry(next)), Err(Refusal::Stopped(fork)));
            return true;
        }
        Disturbance::OtherPast => {
            let mut liar = Platform::with(next - 2);
            liar.append("a lie");
            liar.append("after the lie");
            let wrong = Contradiction::NotNext { sequence: next as u64 };
            assert_eq!(bank.take(liar.entry(next)), Err(Refusal::Contradiction(wrong)));
            assert_eq!(bank.take(platform.entry(next)), Err(Refusal::Stopped(wrong)));
            return true;
        }
        Disturbance::Swap => {
            let gap = Refusal::Gap { expected: next as u64, got: next as u64 + 1 };
            assert_eq!(bank.take(platform.entry(next + 1)), Err(gap));
            assert!(matches!(bank.take(platform.entry(next)), Ok(Accepted::New(_))));
            assert_eq!(bank.next(), next + 2, "the one that waited follows by itself");
        }
        Disturbance::Reorder => {
            let last = (next + dice.below(12)).min(ENTRIES);
            let mut order: Vec<usize> = (next..=last).collect();
            for at in (1..order.len()).rev() {
                order.swap(at, dice.below(at + 1));
            }
            for sequence in order {
                match bank.take(platform.entry(sequence)) {
                    Ok(Accepted::New(_)) | Err(Refusal::Gap { .. }) => {}
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(bank.next(), last + 1);
        }
        Disturbance::Duplicate => {
            assert_eq!(bank.take(platform.entry(behind)), Ok(Accepted::Again));
        }
        Disturbance::Changed => {
            let said = bank.take(&changed(platform.entry(next), dice));
            assert!(matches!(said, Err(Refusal::Token(_))), "{said:?}");
        }
        Disturbance::Forgery => {
            let stranger = Ed25519Signer::from_seed(&[dice.below(200) as u8 + 8; 32]).unwrap();
            let last = &platform.places[next - 1];
            let (forged, _) =
                musubi_feed::seal_entry(&platform.stream, last, &Platform::event("forged"), NOW, &stranger);
            assert!(matches!(bank.take(&forged), Err(Refusal::Token(_))));
        }
        Disturbance::OtherStream => {
            let mut other = Platform::with(0);
            other.stream.audience = "rp_2".into();
            let last = &platform.places[next - 1];
            let (token, _) =
                musubi_feed::seal_entry(&other.stream, last, &Platform::event("theirs"), NOW, &other.key);
            assert!(matches!(bank.take(&token), Err(Refusal::Token(_))));
        }
        Disturbance::Truncated => {
            let token = platform.entry(next);
            let cut = &token[..dice.below(token.len())];
            assert!(matches!(bank.take(cut), Err(Refusal::Token(_))));
        }
        Disturbance::EndCutOff => {
            let now = NOW.plus(next as i64);
            let beat = platform.heartbeat(ENTRIES, 1, now);
            assert_eq!(bank.receiver.heartbeat(&beat, now), Ok(Proven::Behind { last: ENTRIES as u64 }));
            let standing = bank.receiver.place().standing(now, 60);
            assert_eq!(standing, Standing::Behind { have: next as u64 - 1, last: ENTRIES as u64 });
            bank.catch_up(platform, ENTRIES);
            assert_eq!(bank.receiver.place().standing(now, 60), Standing::Complete { as_of: now });
            return true;
        }
        Disturbance::LyingHeartbeat => {
            let lie = platform.heartbeat_of(platform.other(behind).1, 1, NOW);
            let fork = Contradiction::Fork { sequence: behind as u64 };
            assert_eq!(bank.receiver.heartbeat(&lie, NOW), Err(Refusal::Contradiction(fork)));
            return true;
        }
        Disturbance::Restart => bank.restart(platform),
    }
    false
}

#[test]
fn ten_thousand_disturbances_are_found_and_each_entry_is_applied_once_and_in_order() {
    let platform = Platform::with(ENTRIES);
    let truth: Vec<u64> = (1..=ENTRIES as u64).collect();
    let dice = Dice(SeededRandom::new([5; 32]));
    let mut made: BTreeMap<Disturbance, usize> = BTreeMap::new();
    while made.values().sum::<usize>() < DISTURBANCES {
        let mut bank = Bank::new(&platform);
        let mut stopped = false;
        // A disturbance needs a past to contradict and a future to leave out.
        bank.catch_up(&platform, 2);
        while !stopped && bank.next() < ENTRIES {
            let kind = ALL[dice.below(ALL.len())];
            *made.entry(kind).or_default() += 1;
            stopped = disturb(kind, &platform, &mut bank, &dice);
            assert_eq!(bank.applied, truth[..bank.applied.len()], "{kind:?}");
            if !stopped && bank.next() < ENTRIES {
                let to = bank.next() + dice.below(3);
                bank.catch_up(&platform, to.min(ENTRIES - 1));
            }
        }
        if bank.receiver.place().stopped().is_none() {
            bank.catch_up(&platform, ENTRIES);
            assert_eq!(bank.applied, truth);
            let beat = platform.heartbeat(ENTRIES, 1, NOW.plus(1000));
            assert_eq!(bank.receiver.heartbeat(&beat, NOW.plus(1000)), Ok(Proven::Complete));
        }
    }
    for kind in ALL {
        assert!(made[&kind] > 100, "{kind:?} was made {} times only", made[&kind]);
    }
}
