//! What really happened beside what was told of it.
//!
//! The ledger has its own rule of what evidence decides, which it does not take from the platform: a reason that is given,
//! and for an end whether another certificate followed it later.

use std::collections::BTreeMap;
use std::collections::HashMap;

use musubi_kernel::UnixTime;
use musubi_nation::population::TrueMeaning;
use musubi_pki::{AuthorityKind, RevocationReason};
use musubi_verification::change_check::ChangeKind;
use musubi_verification::watching::{Disclosure, purpose};
use serde_json::{Value, json};

/// A revocation: the holder's number, the authority, when.
pub(super) type Key = (u32, AuthorityKind, UnixTime);

/// What the nation knows of a revocation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Truth {
    pub(super) serial: u32,
    pub(super) meaning: TrueMeaning,
    /// What was recorded.
    pub(super) reason: RevocationReason,
    /// It stood on a list before its certificate came to its end.
    pub(super) listed: bool,
    /// An end after which the holder was issued another certificate, before the platform asked.
    pub(super) followed_later: bool,
}

/// What a relying party was told last of a revocation.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) change: String,
    pub(super) sequence: u64,
    pub(super) pending: bool,
}

#[derive(Default)]
pub(super) struct Ledger {
    pub(super) truths: HashMap<Key, Truth>,
    told: HashMap<Key, Told>,
    /// Entries that contradict the truth, another entry or their purpose: how many of each sort.
    wrong: BTreeMap<&'static str, u64>,
    entries: u64,
    refined: u64,
}

/// How it came out.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) wrong: u64,
    pub(super) undecided: u64,
    pub(super) result: Value,
}

impl Ledger {
    fn wrong(&mut self, sort: &'static str) {
        *self.wrong.entry(sort).or_default() += 1;
    }

    /// Takes an entry's body that tells of a customer's change.
    pub(super) fn hear(&mut self, key: Key, sequence: u64, body: &serde_json::Map<String, Value>) {
        self.entries += 1;
        let change = body.get("change").and_then(Value::as_str).unwrap_or_default().to_owned();
        let pending = body.get("pending").and_then(Value::as_bool).unwrap_or_default();
        let told = Told { change, sequence, pending };
        let before = self.told.insert(key, told);
        match (before, body.get("refines").and_then(Value::as_u64)) {
            (None, None) => {}
            (Some(before), Some(refines)) if before.pending && before.sequence == refines => {
                self.refined += 1;
            }
            (Some(_), None) => self.wrong("told twice"),
            (_, Some(_)) => self.wrong("refines something else"),
        }
        if !self.truths.contains_key(&key) {
            self.wrong("never happened");
        }
    }

    /// Compares everything; `purpose_of` says for what a holder is watched.
    pub(super) fn compare(self, purpose_of: impl Fn(u32) -> &'static str) -> Outcome {
        let mut table: BTreeMap<(String, &str), u64> = BTreeMap::new();
        let (mut undecided, mut undetermined, mut unlisted) = (0_u64, 0_u64, 0_u64);
        let mut wrong: BTreeMap<&'static str, u64> = BTreeMap::new();
        for (key, truth) in &self.truths {
            let told = self.told.get(key);
            if !truth.listed && told.is_none() {
                unlisted += 1;
                continue;
            }
            let word = told.map_or("(nothing)", |told| told.change.as_str());
            *table.entry((word.to_owned(), truth.meaning.as_str())).or_default() += 1;
            let allowed = |kind| word_under(purpose_of(key.0), kind) == word;
            if word == ChangeKind::Undetermined.as_str() {
                let evidence_decides = truth.reason != RevocationReason::Unspecified && !truth.followed_later;
                if evidence_decides { undecided += 1 } else { undetermined += 1 }
            } else if !allowed(kind_of(truth.meaning)) && !allowed(ChangeKind::Undetermined) {
                *wrong.entry("another meaning").or_default() += 1;
            }
        }
        for (sort, count) in &self.wrong {
            *wrong.entry(sort).or_default() += count;
        }
        let rows = table
            .iter()
            .map(|((told, truth), count)| json!({ "told": told, "truth": truth, "count": count }));
        let result = json!({
            "table": rows.collect::<Vec<_>>(),
            "revocations": self.truths.len(),
            "entries": self.entries,
            "refined": self.refined,
            "off_the_list_before_it_came": unlisted,
            "wrong": wrong,
            "undetermined_although_evidence_decides": undecided,
            "undetermined": undetermined,
        });
        Outcome { wrong: wrong.values().sum(), undecided, result }
    }
}

fn kind_of(truth: TrueMeaning) -> ChangeKind {
    match truth {
        TrueMeaning::AttributesChanged => ChangeKind::AttributesChanged,
        TrueMeaning::Renewed => ChangeKind::Renewed,
        TrueMeaning::Ended => ChangeKind::Ended,
        TrueMeaning::HeldOrCompromised => ChangeKind::HeldOrCompromised,
    }
}

/// How a purpose has a change told.
fn word_under(named: &str, kind: ChangeKind) -> &'static str {
    match purpose(named).map(|purpose| (purpose.tells)(kind)) {
        Some(Disclosure::Evidence | Disclosure::Kind) => kind.as_str(),
        Some(Disclosure::Fact) | None => "not_told",
        Some(Disclosure::Nothing) => "(nothing)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = (1, AuthorityKind::DigitalSignature, UnixTime(5));

    fn ledger(meaning: TrueMeaning, reason: RevocationReason) -> Ledger {
        let mut ledger = Ledger::default();
        let truth = Truth { serial: 1, meaning, reason, listed: true, followed_later: false };
        ledger.truths.insert(KEY, truth);
        ledger
    }

    fn body(change: &str, pending: bool, refines: Option<u64>) -> serde_json::Map<String, Value> {
        let body = json!({ "change": change, "pending": pending, "refines": refines });
        body.as_object().unwrap().clone()
    }

    fn counts(ledger: Ledger, purpose: &'static str) -> (u64, u64) {
        let outcome = ledger.compare(|_| purpose);
        (outcome.wrong, outcome.undecided)
    }

    #[test]
    fn a_guess_a_silence_and_a_shrug_are_found_out() {
        let dead = || ledger(TrueMeaning::Ended, RevocationReason::CessationOfOperation);
        let told = |change: &str| {
            let mut ledger = dead();
            ledger.hear(KEY, 1, &body(change, false, None));
            ledger
        };
        assert_eq!(counts(told("ended"), "contract_maintenance"), (0, 0));
        assert_eq!(counts(told("renewed"), "contract_maintenance"), (1, 0), "a guess");
        assert_eq!(counts(told("undetermined"), "contract_maintenance"), (0, 1), "evidence decides");
        assert_eq!(counts(told("not_told"), "contract_maintenance"), (1, 0));
        assert_eq!(counts(told("not_told"), "credential_status"), (0, 0));
        assert_eq!(counts(told("ended"), "credential_status"), (1, 0), "more than the purpose lets");
        assert_eq!(counts(dead(), "contract_maintenance"), (1, 0), "lost");
        assert_eq!(counts(dead(), "address_upkeep"), (0, 0));
        let mut vague = ledger(TrueMeaning::Ended, RevocationReason::Unspecified);
        vague.hear(KEY, 1, &body("undetermined", false, None));
        assert_eq!(counts(vague, "contract_maintenance"), (0, 0));
    }

    #[test]
    fn what_is_told_twice_or_refines_something_else_or_never_happened_is_wrong() {
        let dead = || ledger(TrueMeaning::Ended, RevocationReason::CessationOfOperation);
        for (entries, wrong) in [
            (vec![("undetermined", true, None), ("ended", false, Some(1))], 0),
            (vec![("undetermined", true, None), ("ended", false, None)], 1),
            (vec![("undetermined", true, None), ("ended", false, Some(7))], 1),
            (vec![("undetermined", false, None), ("ended", false, Some(1))], 1),
            (vec![("ended", false, Some(1))], 1),
        ] {
            let mut ledger = dead();
            for (sequence, (change, pending, refines)) in (1..).zip(&entries) {
                ledger.hear(KEY, sequence, &body(change, *pending, *refines));
            }
            assert_eq!(counts(ledger, "contract_maintenance").0, wrong, "{entries:?}");
        }
        let mut invented = dead();
        invented.hear(KEY, 1, &body("ended", false, None));
        invented.hear((2, KEY.1, KEY.2), 2, &body("ended", false, None));
        assert_eq!(counts(invented, "contract_maintenance").0, 1);
    }
}
