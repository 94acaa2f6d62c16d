//! A card of a nation that does not exist: what its issuer writes.

use musubi_card::client::Attributes;
use musubi_card::genuineness::{CardAuthorities, CardAuthority};
use musubi_card::records::card_certificate::certificate_file;
use musubi_card::records::public_key::CardPublicKey;
use musubi_card::records::surface::Face;
use musubi_card::records::{Issuer, KeyId, key_id};
use musubi_crypto::CardKey;
use musubi_kernel::Secret;

use crate::keys::{self, key};

pub(crate) fn public(key: &CardKey) -> CardPublicKey {
    CardPublicKey::new(&key.modulus(), &key.exponent()).unwrap()
}

pub(crate) fn authority_id() -> KeyId {
    key_id("9000033", "001", 0).unwrap()
}

pub(crate) fn issuer_id() -> KeyId {
    key_id("9132213", "000", 0).unwrap()
}

pub(crate) fn authority(which: usize) -> CardAuthorities {
    let key = key(which);
    CardAuthorities::new(vec![CardAuthority {
        key_id: authority_id(),
        modulus: key.modulus(),
        exponent: key.exponent(),
    }])
}

/// EF 0004: the issuer's certificate by the authority.
pub(crate) fn certificate() -> Vec<u8> {
    let issuer = public(&key(keys::ISSUER));
    certificate_file(&authority_id(), &issuer_id(), &issuer, &key(keys::AUTHORITY)).unwrap()
}

/// Calls with the issuer.
pub(crate) fn by_issuer<T>(write: impl FnOnce(Issuer<'_>) -> T) -> T {
    write(Issuer { key: &key(keys::ISSUER), certificate: &certificate() })
}

pub(crate) fn number() -> Secret<String> {
    Secret::new("537686677188".to_owned())
}

pub(crate) fn attributes() -> Attributes {
    Attributes {
        name: "結城　花".to_owned(),
        address: "東京都千代田区１－２－３".to_owned(),
        date_of_birth: "19900401".to_owned(),
        sex: 2,
    }
}

pub(crate) fn face() -> Face<'static> {
    Face {
        date_of_birth: "19900401",
        sex: 2,
        name_png: &[1; 40],
        address_png: &[2; 200],
        photograph: &[3; 300],
        expires_on: "20350401",
        security_code_png: &[4; 20],
    }
}
