//! Pairwise ids: each relying party's own stable name for a person (OpenID Connect Core, 8.1). Two relying
//! parties cannot compare theirs; without the platform's secret none can be traced back.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use musubi_kernel::Secret;

use crate::{PersonId, RelyingPartyId};

/// A relying party's own id of a person: `pw_` and 43 characters of base64url.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PairwiseId(String);

/// A text that is no pairwise id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a pairwise id")]
pub struct PairwiseIdError;

/// The id of `person` for `relying_party`: HMAC-SHA-256 over a label and both ids, each part with its length
/// before it, so that no two pairs give the same input. The same for ever, as long as the secret is.
#[must_use]
pub fn pairwise_id(
    secret: &Secret<Vec<u8>>,
    relying_party: &RelyingPartyId,
    person: &PersonId,
) -> PairwiseId {
    let parts = ["musubi pairwise id 1", relying_party.as_str(), person.as_str()];
    let lengths = parts.map(|part| (part.len() as u64).to_be_bytes());
    let message: Vec<&[u8]> =
        lengths.iter().zip(parts).flat_map(|(n, part)| [n.as_slice(), part.as_bytes()]).collect();
    let mac = musubi_crypto::hmac_sha256(secret.expose(), &message);
    PairwiseId(format!("pw_{}", URL_SAFE_NO_PAD.encode(mac)))
}

impl PairwiseId {
    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PairwiseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PairwiseId {
    type Err = PairwiseIdError;

    fn from_str(text: &str) -> Result<Self, PairwiseIdError> {
        let body = text.strip_prefix("pw_").ok_or(PairwiseIdError)?;
        match URL_SAFE_NO_PAD.decode(body) {
            Ok(mac) if mac.len() == 32 => Ok(Self(text.to_owned())),
            _ => Err(PairwiseIdError),
        }
    }
}

impl TryFrom<String> for PairwiseId {
    type Error = PairwiseIdError;

    fn try_from(text: String) -> Result<Self, PairwiseIdError> {
        text.parse()
    }
}

impl From<PairwiseId> for String {
    fn from(id: PairwiseId) -> String {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use musubi_kernel::SeededRandom;

    use super::*;

    #[test]
    fn each_relying_party_has_its_own_id_of_a_person_and_always_the_same() {
        let random = SeededRandom::new([1; 32]);
        let (secret, other_secret) = (Secret::new(vec![1; 32]), Secret::new(vec![2; 32]));
        let (rp, other_rp) = (RelyingPartyId::generate(&random), RelyingPartyId::generate(&random));
        let (person, other_person) = (PersonId::generate(&random), PersonId::generate(&random));
        let id = pairwise_id(&secret, &rp, &person);
        assert_eq!(id, pairwise_id(&secret, &rp, &person));
        assert_ne!(id, pairwise_id(&secret, &other_rp, &person));
        assert_ne!(id, pairwise_id(&secret, &rp, &other_person));
        assert_ne!(id, pairwise_id(&other_secret, &rp, &person));
        assert_eq!(id.as_str().len(), 46);
        assert_eq!(id.as_str().parse(), Ok(id.clone()));
        for wrong in ["", "pw_", "pw_AAAA", &id.as_str()[1..], &format!("{id}A"), person.as_str()] {
            assert_eq!(wrong.parse::<PairwiseId>(), Err(PairwiseIdError), "{wrong}");
        }
    }

    #[test]
    fn a_known_input_keeps_its_id_from_release_to_release() {
        let rp = "rp_00112233445566778899aabbccddeeff".parse().unwrap();
        let person = "pe_ffeeddccbbaa99887766554433221100".parse().unwrap();
        let id = pairwise_id(&Secret::new((0..32).collect()), &rp, &person);
        assert_eq!(id.as_str(), "pw_kK4_TPIWRAxMbHx_m6rKNE10ASJrx_eQQDZvpgyMrM0");
    }
}
