//! A virtual card with the certificates of a test card (fixtures of `crates/pki`), whose key is ours: the key of the
//! signature certificate is put in the place of the test card's, so that what is signed verifies; the authority's signature
//! no longer does, and nothing here asks for it. Shared by the tests of the commands and those from outside.

use std::sync::Arc;

use musubi_card::PinReference;
use musubi_card::virtual_card::jpki::{self, CertifiedKey, JpkiContents};
use musubi_card::virtual_card::{Behaviour, Image, Memory, Profile, VirtualCard};
use musubi_crypto::CardKey;

pub(crate) const PIN: &str = "1234";
pub(crate) const PASSWORD: &str = "ABC123";
pub(crate) const AUTHENTICATION: &[u8] = include_bytes!("../../../pki/tests/fixtures/jpki-auth-cert.der");
pub(crate) const AUTHORITY: &[u8] = include_bytes!("../../../pki/tests/fixtures/jpki-auth-ca-cert.der");
const SIGNATURE: &[u8] = include_bytes!("../../../pki/tests/fixtures/jpki-sign-cert.der");
const SIGNATURE_AUTHORITY: &[u8] = include_bytes!("../../../pki/tests/fixtures/jpki-sign-ca-cert.der");

/// Two primes of 1024 bits, for tests only.
const P: &str = "CB26232729AA7067473B16C9CD9B2D46536FBA2A65061835769FB263DC5D5669FFA5FCEDD2E10E7096657F357011A0321F3A1D6C\
                 9AB8FD25BE90F211DC5A71E1A2176B1B3945B62E91E7FB0D2A006B30D45961175F5E53E7C17A0A0EEA05626714574AC1A3666216\
                 89996BEE1C7569F8445ACB5999ADD34AB24AE777DDEC42EF";
const Q: &str = "FFCF6EAED54094607A9A5628032743E678ABAF58466B41C11793A9556833EBBB958CF6C5C71B0E5369A1EA8E358B27F6903F0C0A\
                 C7FDE66F1EA99980871CF2081EC5D59BA2BABDD21C692724750D11CBE98EA680B9DF3AD3CC0BA283424B56A188B70086417F2624\
                 6977E11CD4D256A37596DB019CE16D14B51419E20CE38B23";

fn key() -> Arc<CardKey> {
    let bytes = |text: &str| hex::decode(text).unwrap();
    Arc::new(CardKey::from_primes(&bytes(P), &bytes(Q), 65_537).unwrap())
}

/// The test card's signature certificate with our key.
pub(crate) fn signature_certificate() -> Vec<u8> {
    let mut der = SIGNATURE.to_vec();
    // INTEGER of 257 bytes: a modulus of 2048 bits. It stands there once.
    let head = [0x02, 0x82, 0x01, 0x01, 0x00];
    let at = der.windows(5).position(|window| window == head).unwrap() + head.len();
    der[at..at + 256].copy_from_slice(&key().modulus());
    der
}

/// A card of this carrier, with a signature certificate or without one.
pub(crate) fn virtual_card(profile: Profile, has_signature: bool) -> VirtualCard {
    let certified = |certificate| CertifiedKey { certificate, key: key() };
    let contents = JpkiContents {
        authentication: Some(certified(AUTHENTICATION.to_vec())),
        signature: has_signature.then(|| certified(signature_certificate())),
        authentication_authority: AUTHORITY.to_vec(),
        signature_authority: SIGNATURE_AUTHORITY.to_vec(),
    };
    let applications = vec![jpki::application(&contents, profile)];
    let image = Arc::new(Image { profile, applications, issuer_data: Vec::new() });
    let mut memory = Memory::default().with(PinReference::Authentication, PIN);
    if has_signature {
        memory = memory.with(PinReference::Signature, PASSWORD);
    }
    VirtualCard::new(image, memory, Behaviour::default())
}
