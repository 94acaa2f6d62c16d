//! When to try again: a table, with jitter so that receivers that fell together do not all return in one second.

use musubi_kernel::{Random, UnixTime};

/// Seconds before the second attempt, the third and so on; the last goes on.
pub const RETRIES: [i64; 6] = [1, 5, 30, 120, 600, 3600];

/// Seconds of failing after which an endpoint is paused.
pub const GIVE_UP_AFTER: i64 = 7 * 24 * 3600;

/// When to try again after the `attempts`-th failure in a row (from 1). Never before the table says, up to a fifth later;
/// `retry_after` is what the receiver asked for, in seconds, already bounded.
pub(super) fn next_attempt(
    attempts: u32,
    retry_after: Option<u32>,
    random: &dyn Random,
    at: UnixTime,
) -> UnixTime {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let [.., last] = RETRIES;
    let wait = RETRIES.get(index).copied().unwrap_or(last).max(retry_after.map_or(0, i64::from));
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    let jitter = u64::from_le_bytes(bytes) % (u64::try_from(wait / 5).unwrap_or(0) + 1);
    at.plus(wait + i64::try_from(jitter).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use musubi_kernel::SeededRandom;

    use super::*;

    #[test]
    fn waits_grow_by_the_table_with_at_most_a_fifth_more() {
        let random = SeededRandom::new([3; 32]);
        let at = UnixTime(1_000);
        for (attempts, wait) in
            [(1, 1), (2, 5), (3, 30), (4, 120), (5, 600), (6, 3600), (7, 3600), (999, 3600)]
        {
            let waits: Vec<i64> =
                (0..200).map(|_| next_attempt(attempts, None, &random, at).since(at)).collect();
            assert!(waits.iter().all(|w| (wait..=wait + wait / 5).contains(w)), "{attempts}: {waits:?}");
            assert!(wait < 5 || waits.iter().any(|w| *w != waits[0]), "{attempts}: no jitter");
        }
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_wait_and_not_for_a_shorter_one() {
        let random = SeededRandom::new([3; 32]);
        assert!(next_attempt(1, Some(90), &random, UnixTime(0)).0 >= 90);
        assert!(next_attempt(6, Some(1), &random, UnixTime(0)).0 >= 3600);
    }
}
