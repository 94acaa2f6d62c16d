//! A token bucket per caller, in bounded memory, in front of work that is done before a caller is known.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderValue, header};
use musubi_kernel::UnixTime;

use crate::Problem;
use crate::problems::REQUEST_RATE_LIMITED;

/// How much is allowed.
#[derive(Debug, Clone, Copy)]
pub struct RateLimit {
    /// So many at once.
    pub burst: u32,
    /// So many in a minute in the long run; at least 1.
    pub per_minute: u32,
    /// So many callers are told apart; further ones share one bucket.
    pub max_keys: usize,
}

/// Counts requests by key. Times are the caller's, in whole seconds.
#[derive(Debug)]
pub struct RateLimiter {
    limit: RateLimit,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    buckets: HashMap<String, Bucket>,
    /// Callers for whom there is no place share this one: a flood of new keys cannot evict the known ones.
    others: Bucket,
    swept_at: UnixTime,
}

/// Content in sixtieths of a request, so that one second adds exactly `per_minute`.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    content: i64,
    at: UnixTime,
}

const ONE: i64 = 60;

impl RateLimiter {
    /// A limiter that has seen nobody.
    #[must_use]
    pub fn new(limit: RateLimit) -> Self {
        let others = Bucket { content: i64::from(limit.burst) * ONE, at: UnixTime(i64::MIN) };
        let state = State { buckets: HashMap::new(), others, swept_at: UnixTime(i64::MIN) };
        Self { limit, state: Mutex::new(state) }
    }

    /// Takes one from the bucket of `key`.
    ///
    /// # Errors
    /// 429 `request.rate_limited` with `Retry-After` if the bucket is empty.
    pub fn check(&self, key: &str, at: UnixTime) -> Result<(), Problem> {
        self.take(key, at).map_err(|seconds| {
            Problem::new(&REQUEST_RATE_LIMITED).with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
        })
    }

    fn take(&self, key: &str, at: UnixTime) -> Result<(), u64> {
        let (capacity, rate) = (i64::from(self.limit.burst) * ONE, i64::from(self.limit.per_minute.max(1)));
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        let known = state.buckets.contains_key(key);
        if !known && state.buckets.len() >= self.limit.max_keys && state.swept_at != at {
            // A full bucket is as good as none. At most once a second: this walks over all of them.
            state.buckets.retain(|_, bucket| bucket.filled(at, capacity, rate).content < capacity);
            state.swept_at = at;
        }
        let bucket = if known || state.buckets.len() < self.limit.max_keys {
            state.buckets.entry(key.to_owned()).or_insert(Bucket { content: capacity, at })
        } else {
            &mut state.others
        };
        *bucket = bucket.filled(at, capacity, rate);
        if bucket.content < ONE {
            let missing = ONE - bucket.content;
            return Err(u64::try_from((missing + rate - 1) / rate).unwrap_or(1).max(1));
        }
        bucket.content -= ONE;
        Ok(())
    }
}

impl Bucket {
    fn filled(self, at: UnixTime, capacity: i64, rate: i64) -> Self {
        let gained = at.since(self.at).max(0).saturating_mul(rate);
        Self { content: self.content.saturating_add(gained).min(capacity), at: at.max(self.at) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: RateLimit = RateLimit { burst: 3, per_minute: 30, max_keys: 2 };

    #[test]
    fn a_burst_passes_then_one_every_two_seconds() {
        let limiter = RateLimiter::new(LIMIT);
        for _ in 0..3 {
            assert_eq!(limiter.take("a", UnixTime(100)), Ok(()));
        }
        assert_eq!(limiter.take("a", UnixTime(100)), Err(2));
        assert_eq!(limiter.take("a", UnixTime(101)), Err(1));
        assert_eq!(limiter.take("a", UnixTime(102)), Ok(()));
        assert_eq!(limiter.take("a", UnixTime(102)), Err(2));
        assert_eq!(limiter.take("b", UnixTime(102)), Ok(()), "another caller has its own bucket");
    }

    #[test]
    fn a_flood_of_new_keys_shares_one_bucket_and_evicts_nobody() {
        let limiter = RateLimiter::new(LIMIT);
        for _ in 0..3 {
            limiter.take("a", UnixTime(100)).unwrap();
        }
        limiter.take("b", UnixTime(100)).unwrap();
        let passed = (0..1000).filter(|n| limiter.take(&format!("flood {n}"), UnixTime(100)).is_ok()).count();
        assert_eq!(passed, 3);
        assert_eq!(limiter.take("a", UnixTime(100)), Err(2), "still known");
        assert_eq!(limiter.state.lock().unwrap().buckets.len(), 2);
        assert_eq!(limiter.take("c", UnixTime(200)), Ok(()), "idle buckets make place");
        assert_eq!(limiter.state.lock().unwrap().buckets.len(), 1);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_and_breaks_nothing() {
        let limiter = RateLimiter::new(LIMIT);
        for _ in 0..3 {
            limiter.take("a", UnixTime(100)).unwrap();
        }
        assert!(limiter.take("a", UnixTime(0)).is_err());
    }
}
