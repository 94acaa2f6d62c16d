//! The file of the authorities of cards (カード認証局) whose cards may be enrolled for use without PIN. Keys, not certificates:
//! card-verifiable certificates name their issuer by a key identifier, and J-LIS does not publish a list of them.
//!
//! ```toml
//! [[authority]]
//! key_id = "3936303030303033…"     # 16 bytes, as card-verifiable certificates name their issuer
//! modulus = "c080e7cd…"            # RSA, 2048 bits, big-endian
//! exponent = "010001"
//! ```
//! All three in hex. Generations of an authority may share a key identifier. Name those of 券面事項入力補助AP alone.

use musubi_card::records::public_key::{CardPublicKey, EXPONENT};
use musubi_verification::presence::{CardAuthorities, CardAuthority};
use serde::Deserialize;

/// More than this is a file of something else.
const MAX_AUTHORITIES: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    authority: Vec<Authority>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Authority {
    key_id: String,
    modulus: String,
    exponent: String,
}

/// Reads such a file.
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn parse(text: &str) -> Result<CardAuthorities, String> {
    let file: File = toml::from_str(text).map_err(|e| e.message().to_owned())?;
    if file.authority.is_empty() {
        return Err(
            "no [[authority]]: leave card_authorities out if there is to be no use without PIN".into()
        );
    }
    if file.authority.len() > MAX_AUTHORITIES {
        return Err(format!("more than {MAX_AUTHORITIES} authorities"));
    }
    let mut authorities = Vec::with_capacity(file.authority.len());
    for authority in &file.authority {
        let authority = read(authority)?;
        if authorities.contains(&authority) {
            return Err(format!("key_id {}: the same key stands twice", hex::encode(authority.key_id)));
        }
        authorities.push(authority);
    }
    Ok(CardAuthorities::new(authorities))
}

fn read(authority: &Authority) -> Result<CardAuthority, String> {
    let bytes = |name: &str, text: &str| hex::decode(text).map_err(|_| format!("{name} must be hex"));
    let key_id = bytes("key_id", &authority.key_id)?
        .try_into()
        .map_err(|_| "key_id must have 16 bytes: 32 hex digits".to_owned())?;
    let modulus = bytes("modulus", &authority.modulus)?;
    if CardPublicKey::new(&modulus, &EXPONENT).is_err() {
        return Err(
            "modulus must be odd and of 2048 bits: 512 hex digits, the first of them from 8 on".into()
        );
    }
    let exponent = bytes("exponent", &authority.exponent)?;
    if exponent != EXPONENT {
        return Err("exponent must be 010001, as on every card".into());
    }
    Ok(CardAuthority { key_id, modulus, exponent })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(key_id: &str, modulus: &str, exponent: &str) -> String {
        format!("[[authority]]\nkey_id = \"{key_id}\"\nmodulus = \"{modulus}\"\nexponent = \"{exponent}\"\n")
    }

    #[test]
    fn each_authority_stands_once_and_has_a_key_as_cards_have() {
        let (id, modulus) = ("ab".repeat(16), "c3".repeat(256));
        let two = file(&id, &modulus, "010001") + &file(&"cd".repeat(16), &modulus, "010001");
        assert!(!parse(&two).unwrap().is_empty());
        for wrong in [
            String::new(),
            file(&id, &modulus, "010001").repeat(2),
            file("ab", &modulus, "010001"),
            file(&id, "c3", "010001"),
            file(&id, &"03".repeat(256), "010001"),
            file(&id, &modulus, "03"),
            file(&id, &modulus, "010000"),
            file(&id, &modulus, ""),
            file(&id, &modulus, "no hex"),
            file(&id, &modulus, "010001") + "colour = \"red\"\n",
            "[[authority]]\nkey_id = \"00\"\n".to_owned(),
        ] {
            assert!(parse(&wrong).is_err(), "{wrong}");
        }
    }
}
