//! SHA-256 over bytes that come in several requests, possibly to several processes: its state can be kept in a database
//! in between. aws-lc, which does everything else here, cannot give its state away.
//!
//! Says whether a file arrived as it was meant; decides nothing about trust.

use sha2::Digest as _;
use sha2::digest::common::hazmat::SerializableState as _;

use crate::Sha256Digest;

/// A SHA-256 computation that can be put away and taken up again.
#[derive(Clone)]
pub struct ResumableSha256(sha2::Sha256);

impl std::fmt::Debug for ResumableSha256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ResumableSha256(…)")
    }
}

impl Default for ResumableSha256 {
    fn default() -> Self {
        Self(sha2::Sha256::new())
    }
}

impl ResumableSha256 {
    /// A computation that was put away by [`ResumableSha256::state`]; `None` if these bytes are not one.
    #[must_use]
    pub fn resume(state: &[u8]) -> Option<Self> {
        let state = state.try_into().ok()?;
        sha2::Sha256::deserialize(&state).ok().map(Self)
    }

    /// The computation so far, about 100 bytes. Holds up to 63 of the bytes that were given last.
    #[must_use]
    pub fn state(&self) -> Vec<u8> {
        self.0.serialize().to_vec()
    }

    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of everything that was given.
    #[must_use]
    pub fn finish(self) -> Sha256Digest {
        self.0.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn put_away_anywhere_and_taken_up_again_it_is_the_same_digest() {
        let bytes: Vec<u8> = (0..1000_u32).map(|n| (n % 251) as u8).collect();
        let whole = crate::sha256(&bytes);
        for cut in [0, 1, 63, 64, 65, 127, 128, 500, 999, 1000] {
            let mut first = ResumableSha256::default();
            first.update(&bytes[..cut]);
            let mut second = ResumableSha256::resume(&first.state()).unwrap();
            second.update(&bytes[cut..]);
            assert_eq!(second.finish(), whole, "{cut}");
        }
        assert!(ResumableSha256::resume(b"").is_none() && ResumableSha256::resume(&[0xFF; 500]).is_none());
    }
}
