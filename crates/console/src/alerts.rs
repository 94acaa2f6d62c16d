//! What the operator should look at, from the figures alone: the same conditions as in `docs/operations/musubi.rules.yml`,
//! for who has no Prometheus. Sends nothing.

use musubi_kernel::UnixTime;

use crate::{Contract, ListFigure, StreamFigure};

/// Undelivered entries of one receiver from which on it is told.
pub(crate) const DEEP: u64 = 10_000;
/// Age of an undelivered entry from which on it is told, in seconds.
pub(crate) const LATE: i64 = 3600;

/// How urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Answers are missing or wrong for somebody now.
    Page,
    /// Before long.
    Warn,
}

/// What is the matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertKind {
    /// There is no list at all.
    NoList,
    /// A list's nextUpdate has passed.
    ListOverdue,
    /// A list is older than some relying parties accept.
    ListTooOld,
    /// A list's thisUpdate lies in the future: this clock or the authority's is wrong.
    ClockOff,
    /// Many entries wait for a receiver.
    QueueDeep,
    /// An entry has waited for long.
    QueueLate,
    /// Delivery is stopped.
    ReceiverStopped,
    /// A receiver refused entries for good.
    DeadLetters,
}

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// How urgent.
    pub severity: Severity,
    /// What.
    pub kind: AlertKind,
    /// Which list (authority) or relying party (id).
    pub of: String,
    /// How many relying parties, entries or seconds it is about.
    pub amount: u64,
}

fn seconds(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// Everything that is the matter at `at`, the urgent first.
#[must_use]
pub fn alerts(
    lists: &[ListFigure],
    contracts: &[Contract],
    streams: &[StreamFigure],
    at: UnixTime,
) -> Vec<Alert> {
    let mut found = Vec::new();
    let mut tell = |severity, kind, of: &str, amount| {
        found.push(Alert { severity, kind, of: of.to_owned(), amount });
    };
    if lists.is_empty() {
        tell(Severity::Page, AlertKind::NoList, "", 0);
    }
    for list in lists {
        let age = at.since(list.this_update);
        let missed: u64 =
            contracts.iter().filter(|c| c.max_age_seconds < age).map(|c| c.relying_parties).sum();
        if at > list.next_update {
            tell(
                Severity::Page,
                AlertKind::ListOverdue,
                &list.authority,
                seconds(at.since(list.next_update)),
            );
        }
        if missed > 0 {
            tell(Severity::Page, AlertKind::ListTooOld, &list.authority, missed);
        }
        if age < -300 {
            tell(Severity::Page, AlertKind::ClockOff, &list.authority, seconds(-age));
        }
    }
    for stream in streams {
        let of = stream.relying_party.as_str();
        if stream.state.is_stopped() {
            tell(Severity::Warn, AlertKind::ReceiverStopped, of, stream.depth());
        }
        if stream.depth() >= DEEP {
            tell(Severity::Warn, AlertKind::QueueDeep, of, stream.depth());
        }
        let waited = stream.oldest_undelivered_at.map_or(0, |oldest| at.since(oldest));
        if waited >= LATE {
            tell(Severity::Warn, AlertKind::QueueLate, of, seconds(waited));
        }
        if stream.dead_letters > 0 {
            tell(Severity::Warn, AlertKind::DeadLetters, of, stream.dead_letters);
        }
    }
    found.sort_by_key(|alert| alert.severity);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StreamState;

    const AT: UnixTime = UnixTime(1_790_000_000);

    fn list(age: i64, due_in: i64) -> ListFigure {
        ListFigure {
            authority: "digital_signature".into(),
            key_id: "ab".into(),
            number: 1,
            this_update: AT.plus(-age),
            next_update: AT.plus(due_in),
            entries: 10,
            taken_in_at: AT,
        }
    }

    fn stream(head: u64, delivered: Option<u64>, waited: i64, state: StreamState) -> StreamFigure {
        StreamFigure {
            relying_party: format!("rp_{}", "a".repeat(32)).parse().unwrap(),
            name_ja: "銀行".into(),
            name_en: "Bank".into(),
            head,
            customers: 0,
            delivered,
            oldest_undelivered_at: (waited > 0).then(|| AT.plus(-waited)),
            dead_letters: 0,
            state,
        }
    }

    fn kinds(lists: &[ListFigure], streams: &[StreamFigure]) -> Vec<(AlertKind, u64)> {
        let contract = |max_age_seconds, relying_parties| Contract { max_age_seconds, relying_parties };
        let contracts = [contract(3600, 2), contract(86_400, 5)];
        alerts(lists, &contracts, streams, AT).iter().map(|alert| (alert.kind, alert.amount)).collect()
    }

    #[test]
    fn a_list_is_told_for_exactly_those_whose_contract_it_misses() {
        assert_eq!(kinds(&[list(3600, 10)], &[]), []);
        assert_eq!(kinds(&[list(3601, 10)], &[]), [(AlertKind::ListTooOld, 2)]);
        assert_eq!(kinds(&[list(86_401, 10)], &[]), [(AlertKind::ListTooOld, 7)]);
        assert_eq!(kinds(&[list(60, 0)], &[]), [], "due now is not overdue");
        assert_eq!(kinds(&[list(60, -1)], &[]), [(AlertKind::ListOverdue, 1)]);
        assert_eq!(kinds(&[list(-301, 86_400)], &[]), [(AlertKind::ClockOff, 301)]);
        assert_eq!(kinds(&[], &[]), [(AlertKind::NoList, 0)]);
    }

    #[test]
    fn a_receiver_is_told_when_it_is_deep_late_or_stopped_and_the_urgent_come_first() {
        use StreamState::{Delivering, Fetched, Paused};
        let fresh = [list(60, 10)];
        assert_eq!(kinds(&fresh, &[stream(DEEP, Some(1), LATE - 1, Delivering)]), []);
        assert_eq!(kinds(&fresh, &[stream(DEEP, Some(0), 1, Delivering)]), [(AlertKind::QueueDeep, DEEP)]);
        assert_eq!(kinds(&fresh, &[stream(5, Some(4), LATE, Delivering)]), [(AlertKind::QueueLate, 3600)]);
        assert_eq!(kinds(&fresh, &[stream(DEEP, None, 0, Fetched)]), [], "who fetches is not waited for");
        let both = kinds(&[list(60, -1)], &[stream(5, Some(3), 1, Paused)]);
        assert_eq!(both, [(AlertKind::ListOverdue, 1), (AlertKind::ReceiverStopped, 2)]);
    }
}
