//! RSA-2048 keys that follow from (seed, label), so that one seed gives byte-identical certificates on every
//! machine: golden files and screenshots stay the same, and a resident's private key need not be stored. The
//! seed is public; such a key must never protect anything real.
//!
//! A ChaCha20 stream of SHA-256(seed, label) gives two 1024-bit starting points; the primes are the next ones
//! from there. The search takes about half a second per key, therefore `hints.bin` holds the distances for the
//! labels of the default seed (`cargo run -p musubi-nation --example make_hints`). A hint is only a hint: if
//! one Miller–Rabin round contradicts it, the search is done.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use musubi_crypto::{
    BadSignature, CardKey, KeyError, PublicKey, RsaSigner, Sha256Digest, SignError, SignatureAlgorithm,
    sha1_for_key_identifiers, sha256_parts,
};
use musubi_kernel::{Random as _, SeededRandom};
use musubi_pki::AuthorityKind;
use num_bigint::BigUint;
use num_integer::Integer as _;
use num_traits::{One as _, ToPrimitive as _, Zero as _};

use crate::residents::FOUNDERS;
use crate::{MUNICIPALITIES, der};

/// The seed of the demonstration, for which hints are shipped.
pub const DEFAULT_SEED: u64 = 20_260_401;

/// What tells the authorities of cards apart in their key identifiers: of the card itself, of 券面事項確認AP, of
/// 券面事項入力補助AP (facts §4.5).
pub(crate) const CARD_AUTHORITIES: [&str; 3] = ["20", "23", "33"];

const EXPONENT: u32 = 65_537;
const HINTS: &[u8] = include_bytes!("hints.bin");
/// 8 bytes of the digest of (seed, label), then the two distances as big-endian u16.
const HINT_LENGTH: usize = 12;
/// So many issuances per resident have hints; further ones are searched.
const HINTED_ISSUANCES: u32 = 4;
/// So many cards per resident have hints, likewise.
const HINTED_CARDS: i64 = 2;
/// Miller–Rabin bases of the search. The starting points are not an adversary's choice, for which eight
/// rounds on 1024 bits leave far less than 2^-100 (Damgård, Landrock, Pomerance 1993).
const BASES: [u32; 8] = [2, 3, 5, 7, 11, 13, 17, 19];
/// More keys than one demonstration uses.
const CACHE_LIMIT: usize = 4096;

/// A derived key pair.
#[derive(Debug)]
pub(crate) struct NationKey {
    signer: RsaSigner,
    modulus: Vec<u8>,
    spki: Vec<u8>,
    key_id: [u8; 20],
    /// The same key with the bare operation, as a card has it.
    card_key: Arc<CardKey>,
}

impl NationKey {
    /// `SubjectPublicKeyInfo`, DER.
    pub(crate) fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The content of the SPKI's bit string: `RSAPublicKey`, DER.
    pub(crate) fn public_key(&self) -> &[u8] {
        self.signer.public_key_pkcs1_der()
    }

    /// The key as a card holds it.
    pub(crate) fn card_key(&self) -> &Arc<CardKey> {
        &self.card_key
    }

    /// Key identifier: SHA-1 of the SPKI's bit string (RFC 5280 4.2.1.2 method 1).
    pub(crate) fn key_id(&self) -> &[u8; 20] {
        &self.key_id
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.signer.sign_pkcs1_sha256(message)
    }

    /// The same over a message that was hashed piece by piece.
    pub(crate) fn sign_digest(&self, digest: &Sha256Digest) -> Result<Vec<u8>, SignError> {
        self.signer.sign_pkcs1_sha256_digest(digest)
    }

    /// Checks a signature over `message` under this key.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let exponent = EXPONENT.to_be_bytes();
        PublicKey::rsa(&self.spki, &self.modulus, &exponent).map_err(|_: KeyError| BadSignature)?.verify(
            SignatureAlgorithm::RsaPkcs1Sha256,
            message,
            signature,
        )
    }
}

/// Keys by seed and label.
type Cache = HashMap<(u64, String), Arc<NationKey>>;

/// How far the primes lie behind their starting points, in steps of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Distances(u16, u16);

/// The key of (seed, label); made once per process.
pub(crate) fn derive(seed: u64, label: &str) -> Result<Arc<NationKey>, SignError> {
    static CACHE: OnceLock<Mutex<Cache>> = OnceLock::new();
    let cache = || CACHE.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let name = (seed, label.to_owned());
    if let Some(key) = cache().get(&name) {
        return Ok(Arc::clone(key));
    }
    let (p, q) = primes(seed, label);
    let key = Arc::new(build(p, q)?);
    let mut kept = cache();
    if kept.len() >= CACHE_LIMIT {
        kept.clear();
    }
    kept.insert(name, Arc::clone(&key));
    Ok(key)
}

/// As [`derive()`], away from the async threads: a search takes half a second.
pub(crate) async fn derive_apart(seed: u64, label: &str) -> Result<Arc<NationKey>, SignError> {
    let label = label.to_owned();
    tokio::task::spawn_blocking(move || derive(seed, &label)).await.map_err(|_| SignError)?
}

/// Label of an authority's generation.
pub(crate) fn authority_label(kind: AuthorityKind, generation: i64) -> String {
    format!("authority/{kind}/{generation}")
}

/// Label of the OCSP responder of a generation.
pub(crate) fn responder_label(kind: AuthorityKind, generation: i64) -> String {
    format!("responder/{kind}/{generation}")
}

/// Label of the forger's imitation of an authority.
pub(crate) fn forger_label(kind: AuthorityKind) -> String {
    format!("forger/{kind}")
}

/// Label of a resident's `issuance`th key (from 0) of a kind.
pub(crate) fn resident_label(id: &str, kind: AuthorityKind, issuance: usize) -> String {
    format!("resident/{id}/{kind}/{issuance}")
}

/// What a key is for that belongs to the card itself, not to a certificate on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChipKey {
    /// Free key of 券面事項入力補助AP.
    Text,
    /// Free key of 券面事項確認AP.
    Surface,
    /// Takes the session keys of secure messaging.
    Session,
    /// INTERNAL AUTHENTICATE of 共通カードAP.
    CardCommon,
}

impl ChipKey {
    const ALL: [Self; 4] = [Self::Text, Self::Surface, Self::Session, Self::CardCommon];
}

/// Label of a key of a resident's `number`th card (from 1).
pub(crate) fn chip_label(id: &str, number: i64, key: ChipKey) -> String {
    let name = match key {
        ChipKey::Text => "text",
        ChipKey::Surface => "surface",
        ChipKey::Session => "session",
        ChipKey::CardCommon => "card_common",
    };
    format!("card/{id}/{number}/{name}")
}

/// Label of the authority of cards (カード認証局) of an application, which `suffix` names in key identifiers.
pub(crate) fn card_authority_label(suffix: &str) -> String {
    format!("card_authority/{suffix}")
}

/// Label of the key by which a municipality signs what stands on its cards.
pub(crate) fn card_signer_label(municipality: &str) -> String {
    format!("card_signer/{municipality}")
}

/// Searches the keys of the default seed and answers the bytes of `hints.bin`. Takes minutes.
#[must_use]
pub fn make_hints() -> Vec<u8> {
    let mut labels = Vec::new();
    for kind in AuthorityKind::ALL {
        labels.push(forger_label(kind));
        for generation in 1..=2 {
            labels.push(authority_label(kind, generation));
            labels.push(responder_label(kind, generation));
        }
        for founder in FOUNDERS {
            labels.extend((0..HINTED_ISSUANCES as usize).map(|n| resident_label(founder.id, kind, n)));
        }
    }
    labels.extend(CARD_AUTHORITIES.iter().map(|suffix| card_authority_label(suffix)));
    labels.extend(MUNICIPALITIES.iter().map(|town| card_signer_label(town.code)));
    for founder in FOUNDERS {
        for number in 1..=HINTED_CARDS {
            labels.extend(ChipKey::ALL.iter().map(|key| chip_label(founder.id, number, *key)));
        }
    }
    let mut records: Vec<[u8; HINT_LENGTH]> = labels
        .iter()
        .map(|label| {
            let Distances(p, q) = search(DEFAULT_SEED, label);
            let mut record = [0; HINT_LENGTH];
            let parts =
                name_of_hint(DEFAULT_SEED, label).into_iter().chain(p.to_be_bytes()).chain(q.to_be_bytes());
            record.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
            record
        })
        .collect();
    records.sort_unstable();
    records.concat()
}

fn primes(seed: u64, label: &str) -> (BigUint, BigUint) {
    let starts = starting_points(seed, label);
    let at = |Distances(p, q): Distances| (&starts.0 + 2 * u32::from(p), &starts.1 + 2 * u32::from(q));
    if let Some((p, q)) = hinted(seed, label).map(at)
        && passes_round(&p, 2)
        && passes_round(&q, 2)
    {
        return (p, q);
    }
    at(search(seed, label))
}

fn name_of_hint(seed: u64, label: &str) -> [u8; 8] {
    let digest = sha256_parts(&[b"musubi nation hint\0", &seed.to_be_bytes(), label.as_bytes()]);
    let mut name = [0; 8];
    name.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    name
}

fn hinted(seed: u64, label: &str) -> Option<Distances> {
    let name = name_of_hint(seed, label);
    let (records, _) = HINTS.as_chunks::<HINT_LENGTH>();
    let found = records.binary_search_by(|record| record.iter().take(8).cmp(name.iter())).ok()?;
    match records.get(found)?.get(8..)? {
        [a, b, c, d] => Some(Distances(u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]))),
        _ => None,
    }
}

/// Two odd numbers of 1024 bits whose two top bits are set, so that their product has 2048.
fn starting_points(seed: u64, label: &str) -> (BigUint, BigUint) {
    let stream =
        SeededRandom::new(sha256_parts(&[b"musubi nation key\0", &seed.to_be_bytes(), label.as_bytes()]));
    let next = || {
        let mut bytes = [0; 128];
        stream.fill(&mut bytes);
        let mut n = BigUint::from_bytes_be(&bytes);
        n.set_bit(1023, true);
        n.set_bit(1022, true);
        n.set_bit(0, true);
        n
    };
    (next(), next())
}

fn search(seed: u64, label: &str) -> Distances {
    let (p, q) = starting_points(seed, label);
    Distances(next_prime(&p), next_prime(&q))
}

/// Steps of two from `start` to the next prime that suits the exponent. A gap of 65,536 steps does not occur
/// at 1024 bits (the expected gap is 355 steps); the largest distance would then give no working key.
fn next_prime(start: &BigUint) -> u16 {
    let residues: Vec<(u32, u32)> =
        small_primes().iter().map(|p| (*p, (start % *p).to_u32().unwrap_or_default())).collect();
    (0..u16::MAX)
        .find(|step| {
            let ahead = 2 * u32::from(*step);
            if residues.iter().any(|(p, r)| (r + ahead) % p == 0) {
                return false;
            }
            let n = start + ahead;
            (&n % EXPONENT) != BigUint::one() && BASES.iter().all(|base| passes_round(&n, *base))
        })
        .unwrap_or(u16::MAX)
}

fn small_primes() -> &'static [u32] {
    static PRIMES: OnceLock<Vec<u32>> = OnceLock::new();
    PRIMES.get_or_init(|| {
        let mut primes: Vec<u32> = Vec::new();
        for n in (3..4000_u32).step_by(2) {
            if primes.iter().all(|p| n % p != 0) {
                primes.push(n);
            }
        }
        primes
    })
}

/// One Miller–Rabin round of the odd number `n`.
fn passes_round(n: &BigUint, base: u32) -> bool {
    let minus_one = n - 1_u32;
    let twos = minus_one.trailing_zeros().unwrap_or_default();
    let mut x = BigUint::from(base).modpow(&(&minus_one >> twos), n);
    if x.is_one() || x == minus_one {
        return true;
    }
    for _ in 1..twos {
        x = &x * &x % n;
        if x == minus_one {
            return true;
        }
    }
    false
}

/// PKCS#1 `RSAPrivateKey` (RFC 8017 A.1.2) of two primes.
fn build(p: BigUint, q: BigUint) -> Result<NationKey, SignError> {
    let (p, q) = if p > q { (p, q) } else { (q, p) };
    let (p1, q1) = (&p - 1_u32, &q - 1_u32);
    let e = BigUint::from(EXPONENT);
    let n = &p * &q;
    let d = e.modinv(&p1.lcm(&q1)).unwrap_or_else(BigUint::zero);
    let coefficient = q.modinv(&p).unwrap_or_else(BigUint::zero);
    let card_key = Arc::new(CardKey::from_primes(&p.to_bytes_be(), &q.to_bytes_be(), EXPONENT)?);
    let numbers = [BigUint::zero(), n.clone(), e, d.clone(), p, q, &d % &p1, &d % &q1, coefficient];
    let parts: Vec<Vec<u8>> = numbers.iter().map(|number| der::unsigned(&number.to_bytes_be())).collect();
    let signer = RsaSigner::from_pkcs1_der(&der::sequence(&parts))?;
    let spki = signer.spki_der()?;
    let key_id = sha1_for_key_identifiers(signer.public_key_pkcs1_der());
    Ok(NationKey { signer, modulus: n.to_bytes_be(), spki, key_id, card_key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hinted_and_searched_primes_are_the_same() {
        for label in [
            authority_label(AuthorityKind::DigitalSignature, 1),
            resident_label(FOUNDERS[0].id, AuthorityKind::UserAuthentication, 1),
        ] {
            assert_eq!(
                hinted(DEFAULT_SEED, &label),
                Some(search(DEFAULT_SEED, &label)),
                "{label}: run make_hints"
            );
        }
    }

    #[test]
    fn every_founding_key_has_a_hint_that_leads_to_primes() {
        let (records, rest) = HINTS.as_chunks::<HINT_LENGTH>();
        assert!(rest.is_empty() && records.is_sorted());
        for founder in FOUNDERS {
            for kind in AuthorityKind::ALL {
                assert!(
                    hinted(DEFAULT_SEED, &resident_label(founder.id, kind, 0)).is_some(),
                    "{}",
                    founder.id
                );
            }
            for key in ChipKey::ALL {
                assert!(hinted(DEFAULT_SEED, &chip_label(founder.id, 1, key)).is_some(), "{}", founder.id);
            }
        }
        for suffix in CARD_AUTHORITIES {
            assert!(hinted(DEFAULT_SEED, &card_authority_label(suffix)).is_some(), "{suffix}");
        }
        for town in MUNICIPALITIES {
            assert!(hinted(DEFAULT_SEED, &card_signer_label(town.code)).is_some(), "{}", town.code);
        }
        let label = responder_label(AuthorityKind::UserAuthentication, 2);
        let (p, q) = primes(DEFAULT_SEED, &label);
        assert!([p, q].iter().all(|n| BASES.iter().all(|base| passes_round(n, *base))));
    }

    #[test]
    fn a_key_signs_what_it_verifies_and_nothing_else() {
        let key = derive(DEFAULT_SEED, &forger_label(AuthorityKind::DigitalSignature)).unwrap();
        let signature = key.sign(b"musubi").unwrap();
        assert!(key.verify(b"musubi", &signature).is_ok());
        assert!(key.verify(b"Musubi", &signature).is_err());
        let other = derive(DEFAULT_SEED, &forger_label(AuthorityKind::UserAuthentication)).unwrap();
        assert!(other.verify(b"musubi", &signature).is_err());
    }

    #[test]
    fn composites_do_not_pass_for_primes() {
        for n in [9_u32, 561, 1105, 6601, 62_745] {
            assert!(!BASES.iter().all(|base| passes_round(&BigUint::from(n), *base)), "{n}");
        }
        for n in [104_729_u32, 2_147_483_647] {
            assert!(BASES.iter().all(|base| passes_round(&BigUint::from(n), *base)), "{n}");
        }
    }
}
