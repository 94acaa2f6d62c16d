//! What a receiver does with what reaches it, by whichever way and in whatever order: applies each entry once and in order,
//! finds gaps, forks, swaps and forgeries, and says what heartbeats prove.
//!
//! ```text
//!              accept(token)                              heartbeat(token)
//!  next number, right `previous` ──► New            its place is ours ────► Complete
//!  a number that we have ──────────► Again, Old     its place lies ahead ─► Behind: ask for entries
//!  a later number ─────────────────► Gap: held back older than the last ──► Outdated
//!  same number, other bytes ───────► Fork ──┐       its hash is not ours ─► Fork ──┐
//!  next number, wrong `previous` ──► NotNext┴► stopped, until an operator decides ◄┘
//! ```
//!
//! Does no I/O. The caller stores [`Receiver::place`] **in the transaction of the effects** of the entry that it was given,
//! and nowhere else: then a crash at any moment loses nothing and applies nothing twice. If that transaction fails, the
//! receiver is made anew from the stored place. Entries that are held back are not part of the place: after a restart they
//! are asked for again.

use std::collections::{BTreeMap, VecDeque};

use musubi_crypto::Sha256Digest;
use musubi_kernel::UnixTime;
use serde::{Deserialize, Serialize};

use crate::chain::{Entry, Position, Stream, open_entry};
use crate::heartbeat::{ListInUse, open_heartbeat};
use crate::token::{TokenError, VerifyingKey};

/// Of so many newest entries the hash is remembered: a second copy of one of them is compared byte for byte.
pub const REMEMBERED: usize = 1024;
/// So many numbers beyond the next one are held back; what lies further is refused as a gap and comes again.
pub const HELD_BACK: u64 = 256;
/// How far a sender's clock may be ahead, in seconds.
const MAX_SKEW: i64 = 300;
/// A transaction at the sender ends within this time, in seconds: a heartbeat made so long after an entry knows of it.
const SETTLED_AFTER: i64 = 3600;

/// Two signed statements of the sender that cannot both be true. Kept with both tokens, it is evidence against the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Contradiction {
    /// There are two entries of this number, or a heartbeat speaks of another one than ours.
    #[error("two different entries have the number {sequence}")]
    Fork {
        /// The number.
        sequence: u64,
    },
    /// The entry of this number names another predecessor than the one that we have.
    #[error("entry {sequence} does not follow the entry before it")]
    NotNext {
        /// The number.
        sequence: u64,
    },
}

/// Why a token changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not what the sender signed for this stream.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Entries lie between. This one is held back if it is near; ask for those after `expected - 1`.
    #[error("entry {got} came before entry {expected}")]
    Gap {
        /// The next number.
        expected: u64,
        /// The number that came.
        got: u64,
    },
    /// It contradicts what was received: nothing is applied from here on.
    #[error(transparent)]
    Contradiction(Contradiction),
    /// It was contradicted before. An operator looks at both tokens and begins anew ([`Place::after`]).
    #[error("stopped: {0}")]
    Stopped(Contradiction),
    /// A heartbeat names an older list than an earlier heartbeat did. It proves nothing.
    #[error("a heartbeat names an older revocation list than an earlier one did")]
    ListsWentBack,
    /// A heartbeat names an earlier last entry than the sender must know of: was it restored from a backup? It proves
    /// nothing.
    #[error("a heartbeat does not know of entries that were received")]
    HeadWentBack,
    /// A heartbeat was made more than five minutes after now: one of the clocks is wrong. It proves nothing.
    #[error("a heartbeat comes from the future: one of the clocks is wrong")]
    FromTheFuture,
}

/// What became of an entry that is genuine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// It is the next one: apply it, store the place, then ask [`Receiver::ready`].
    New(Entry),
    /// It was applied before, byte for byte.
    Again,
    /// It was applied before, so long ago that its bytes are not compared any more.
    Old,
}

/// What a genuine heartbeat proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proven {
    /// At its time there was no entry that we do not have.
    Complete,
    /// There are entries up to this number: ask for those after our place.
    Behind {
        /// The last number.
        last: u64,
    },
    /// A newer one was accepted before.
    Outdated,
}

/// What is known of completeness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// There was nothing else at that time.
    Complete {
        /// Of the heartbeat.
        as_of: UnixTime,
    },
    /// Entries are missing.
    Behind {
        /// Our last number.
        have: u64,
        /// The sender's.
        last: u64,
    },
    /// There was no heartbeat for too long: something may have been withheld since.
    Unproven {
        /// Of the newest heartbeat.
        since: Option<UnixTime>,
    },
    /// The sender contradicted itself.
    Stopped(Contradiction),
}

/// The newest heartbeat that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// When it was made.
    pub at: UnixTime,
    /// The last entry that it names.
    pub last: Position,
    /// The watched customers.
    pub customers: u64,
    /// The lists whose changes are all in the stream up to `last`.
    pub lists: Vec<ListInUse>,
}

/// How far a receiver is: all that it must keep. JSON of at most 50 kilobytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredPlace")]
pub struct Place {
    last: Position,
    /// When the last entry was written.
    written_at: Option<UnixTime>,
    #[serde(with = "hashes")]
    recent: VecDeque<Sha256Digest>,
    heard: Option<Heard>,
    stopped: Option<Contradiction>,
}

#[derive(Deserialize)]
struct StoredPlace {
    last: Position,
    written_at: Option<UnixTime>,
    #[serde(with = "hashes")]
    recent: VecDeque<Sha256Digest>,
    heard: Option<Heard>,
    stopped: Option<Contradiction>,
}

impl TryFrom<StoredPlace> for Place {
    type Error = &'static str;

    fn try_from(stored: StoredPlace) -> Result<Self, Self::Error> {
        let StoredPlace { last, written_at, recent, heard, stopped } = stored;
        let length = u64::try_from(recent.len()).unwrap_or(u64::MAX);
        if recent.len() > REMEMBERED || length > last.sequence {
            return Err("more hashes than entries");
        }
        if recent.back().is_some_and(|hash| *hash != last.hash) {
            return Err("the last hash is not that of the last entry");
        }
        Ok(Self { last, written_at, recent, heard, stopped })
    }
}

impl Place {
    /// The place after `last`: at the beginning [`Stream::start`], or what an operator decided on.
    #[must_use]
    pub fn after(last: Position) -> Self {
        Self { last, written_at: None, recent: VecDeque::new(), heard: None, stopped: None }
    }

    /// The last applied entry.
    #[must_use]
    pub fn last(&self) -> &Position {
        &self.last
    }

    /// The newest heartbeat that was accepted.
    #[must_use]
    pub fn heard(&self) -> Option<&Heard> {
        self.heard.as_ref()
    }

    /// Why nothing is applied any more.
    #[must_use]
    pub fn stopped(&self) -> Option<Contradiction> {
        self.stopped
    }

    /// What is known of completeness at `now`, if the newest heartbeat counts for `patience` seconds.
    #[must_use]
    pub fn standing(&self, now: UnixTime, patience: i64) -> Standing {
        if let Some(contradiction) = self.stopped {
            return Standing::Stopped(contradiction);
        }
        match &self.heard {
            Some(heard) if now.since(heard.at) <= patience => {
                if self.last.sequence < heard.last.sequence {
                    Standing::Behind { have: self.last.sequence, last: heard.last.sequence }
                } else {
                    Standing::Complete { as_of: heard.at }
                }
            }
            heard => Standing::Unproven { since: heard.as_ref().map(|heard| heard.at) },
        }
    }

    /// The hash of entry `sequence`, if it is remembered.
    fn hash_of(&self, sequence: u64) -> Option<&Sha256Digest> {
        if sequence == self.last.sequence {
            return Some(&self.last.hash);
        }
        let back = usize::try_from(self.last.sequence.checked_sub(sequence)?).ok()?;
        self.recent.get(self.recent.len().checked_sub(back.checked_add(1)?)?)
    }

    fn move_to(&mut self, entry: &Entry) {
        if self.recent.len() >= REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(entry.position.hash);
        self.last = entry.position;
        self.written_at = Some(entry.at);
    }
}

/// The place before the first entry.
impl From<&Stream> for Place {
    fn from(stream: &Stream) -> Self {
        Self::after(stream.start())
    }
}

/// A receiver of one stream.
#[derive(Debug, Clone)]
pub struct Receiver {
    stream: Stream,
    keys: Vec<VerifyingKey>,
    place: Place,
    waiting: BTreeMap<u64, Entry>,
}

impl Receiver {
    /// A receiver of `stream`, whose tokens one of `keys` signs, that continues after `place`.
    #[must_use]
    pub fn new(stream: Stream, keys: Vec<VerifyingKey>, place: Place) -> Self {
        Self { stream, keys, place, waiting: BTreeMap::new() }
    }

    /// What to store with the effects.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// How many entries are held back behind a gap.
    #[must_use]
    pub fn held_back(&self) -> usize {
        self.waiting.len()
    }

    /// Forgets what is held back, for whoever asks for it again from its place.
    pub fn let_go(&mut self) {
        self.waiting.clear();
    }

    /// Takes an entry.
    ///
    /// # Errors
    /// [`Refusal`]. After [`Refusal::Contradiction`] the place says so, and is worth storing.
    pub fn accept(&mut self, token: &str) -> Result<Accepted, Refusal> {
        self.going_on()?;
        let entry = open_entry(token, &self.stream, &self.keys)?;
        let expected = self.place.last.sequence.saturating_add(1);
        let got = entry.position.sequence;
        if got < expected {
            return match self.place.hash_of(got) {
                Some(hash) if *hash == entry.position.hash => Ok(Accepted::Again),
                Some(_) => Err(self.stop(Contradiction::Fork { sequence: got })),
                None => Ok(Accepted::Old),
            };
        }
        if self.waiting.get(&got).is_some_and(|other| other.position != entry.position) {
            return Err(self.stop(Contradiction::Fork { sequence: got }));
        }
        if got > expected {
            if got - expected <= HELD_BACK {
                self.waiting.insert(got, entry);
            }
            return Err(Refusal::Gap { expected, got });
        }
        self.waiting.remove(&got);
        self.follow(entry).map(Accepted::New)
    }

    /// The next entry, if it is one of those that were held back: apply it, store the place, and ask again.
    ///
    /// # Errors
    /// [`Refusal::Contradiction`] if it does not follow after all.
    pub fn ready(&mut self) -> Result<Option<Entry>, Refusal> {
        self.going_on()?;
        match self.waiting.remove(&self.place.last.sequence.saturating_add(1)) {
            Some(entry) => self.follow(entry).map(Some),
            None => Ok(None),
        }
    }

    /// Takes a heartbeat, at `now`.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn heartbeat(&mut self, token: &str, now: UnixTime) -> Result<Proven, Refusal> {
        self.going_on()?;
        let heartbeat = open_heartbeat(token, &self.stream, &self.keys)?;
        let at = UnixTime(heartbeat.at);
        let named = heartbeat.last;
        // Whatever its age: two signed hashes of one entry contradict each other.
        if self.hash_known(named.sequence).is_some_and(|hash| hash != named.hash) {
            return Err(self.stop(Contradiction::Fork { sequence: named.sequence }));
        }
        if at.since(now) > MAX_SKEW {
            return Err(Refusal::FromTheFuture);
        }
        if let Some(heard) = &self.place.heard {
            if at < heard.at {
                return Ok(Proven::Outdated);
            }
            let back = named.sequence < heard.last.sequence;
            if back || went_back(&heard.lists, &heartbeat.lists) {
                // Two of one second come in any order.
                return match (at == heard.at, back) {
                    (true, _) => Ok(Proven::Outdated),
                    (false, true) => Err(Refusal::HeadWentBack),
                    (false, false) => Err(Refusal::ListsWentBack),
                };
            }
        }
        let ours = self.place.last.sequence;
        let settled = self.place.written_at.is_some_and(|written| at.since(written) > SETTLED_AFTER);
        if named.sequence < ours && settled {
            return Err(Refusal::HeadWentBack);
        }
        let (customers, lists) = (heartbeat.customers, heartbeat.lists);
        self.place.heard = Some(Heard { at, last: named, customers, lists });
        Ok(if named.sequence > ours { Proven::Behind { last: named.sequence } } else { Proven::Complete })
    }

    fn going_on(&self) -> Result<(), Refusal> {
        self.place.stopped.map_or(Ok(()), |contradiction| Err(Refusal::Stopped(contradiction)))
    }

    fn stop(&mut self, contradiction: Contradiction) -> Refusal {
        self.place.stopped = Some(contradiction);
        self.waiting.clear();
        Refusal::Contradiction(contradiction)
    }

    fn follow(&mut self, entry: Entry) -> Result<Entry, Refusal> {
        let sequence = entry.position.sequence;
        let other =
            self.place.heard.as_ref().is_some_and(|heard| {
                heard.last.sequence == sequence && heard.last.hash != entry.position.hash
            });
        if other {
            return Err(self.stop(Contradiction::Fork { sequence }));
        }
        if entry.previous != self.place.last.hash {
            return Err(self.stop(Contradiction::NotNext { sequence }));
        }
        self.place.move_to(&entry);
        Ok(entry)
    }

    fn hash_known(&self, sequence: u64) -> Option<Sha256Digest> {
        if sequence == 0 {
            return Some(self.stream.start().hash);
        }
        let waiting = || self.waiting.get(&sequence).map(|entry| entry.position.hash);
        let heard = || self.place.heard.as_ref().filter(|h| h.last.sequence == sequence).map(|h| h.last.hash);
        self.place.hash_of(sequence).copied().or_else(waiting).or_else(heard)
    }
}

/// Whether one of the lists known `before` has a lower number `now`. One that is not named any more has ended.
fn went_back(before: &[ListInUse], now: &[ListInUse]) -> bool {
    now.iter().any(|list| {
        before.iter().any(|known| {
            known.authority == list.authority && known.key_id == list.key_id && known.number > list.number
        })
    })
}

/// Hashes one after another, as one base64url text.
mod hashes {
    use std::collections::VecDeque;

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(
        hashes: &VecDeque<[u8; 32]>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = hashes.iter().flatten().copied().collect();
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<VecDeque<[u8; 32]>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || de::Error::custom("not hashes as base64url");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
        let (hashes, rest) = bytes.as_chunks::<32>();
        if rest.is_empty() { Ok(hashes.iter().copied().collect()) } else { Err(wrong()) }
    }
}
