//! Tags of attributes: what is kept of a matching file in their place.
//!
//! A tag is HMAC-SHA-256, cut to 128 bits, under a key that follows from the platform's secret, over the relying party and
//! the four attributes in one spelling. Without the secret nobody can try attributes out; with another relying party the
//! same person has another tag, so that two relying parties' files cannot be joined.
//!
//! One spelling (`docs/watching.md`): NFKC; no spaces, no variation selectors; one hyphen for all, the long-vowel mark
//! among them; katakana for hiragana; capital letters; in addresses `5丁目8番42号`, `五丁目8番地42` and `5-8-42` are one.
//! Variant kanji (髙 and 高) stay two: which of them a register means is not for us to guess.

use musubi_crypto::hmac_sha256;
use musubi_kernel::Secret;
use musubi_pki::{BasicAttributes, DateOfBirth, Sex};
use musubi_platform::relying_party::RelyingPartyId;
use unicode_normalization::UnicodeNormalization as _;

use crate::identity_proofing::Attributes;

/// A tag, 16 bytes.
pub(crate) type Tag = [u8; 16];

/// The key of all tags.
pub(crate) struct TagKey(Secret<[u8; 32]>);

impl TagKey {
    /// The key that follows from the platform's secret.
    pub(crate) fn derive(platform_secret: &Secret<Vec<u8>>) -> Self {
        Self(Secret::new(hmac_sha256(platform_secret.expose(), &[b"musubi matching tag key 1"])))
    }

    /// The tag of what a relying party says of a customer; `None` if date of birth or sex are none.
    pub(crate) fn of_line(&self, relying_party: &RelyingPartyId, said: &Attributes) -> Option<Tag> {
        let date: DateOfBirth = said.date_of_birth.parse().ok()?;
        let sex: Sex = said.sex.parse().ok()?;
        self.of(relying_party, &said.name, &said.address, date, sex)
    }

    /// The tag of what a certificate proves; `None` where a substitute character stands in it, since nobody knows which
    /// character it stands for.
    pub(crate) fn of_certificate(
        &self,
        relying_party: &RelyingPartyId,
        proven: &BasicAttributes,
    ) -> Option<Tag> {
        if proven.name_substitutes.iter().chain(&proven.address_substitutes).any(|substitute| *substitute) {
            return None;
        }
        self.of(relying_party, &proven.name, &proven.address, proven.date_of_birth, proven.sex)
    }

    fn of(
        &self,
        relying_party: &RelyingPartyId,
        name: &str,
        address: &str,
        date: DateOfBirth,
        sex: Sex,
    ) -> Option<Tag> {
        let (name, address) = (one_spelling(name), one_spelling_of_address(address));
        if name.is_empty() || address.is_empty() {
            return None;
        }
        let date = date.to_string();
        let parts = [relying_party.as_str(), &name, &address, &date, sex.as_str()];
        // Each with its length before it, so that no two give the same input.
        let lengths = parts.map(|part| (part.len() as u64).to_be_bytes());
        let message: Vec<&[u8]> =
            lengths.iter().zip(parts).flat_map(|(n, part)| [n.as_slice(), part.as_bytes()]).collect();
        let mac = hmac_sha256(self.0.expose(), &message);
        mac.get(..16)?.try_into().ok()
    }
}

/// A text in the one spelling.
fn one_spelling(text: &str) -> String {
    text.nfkc()
        .filter_map(|c| match c {
            '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' => None,
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30FC}' | '-' => Some('-'),
            'ぁ'..='ゖ' => char::from_u32(u32::from(c) + 0x60),
            c if c.is_whitespace() => None,
            c => Some(c.to_ascii_uppercase()),
        })
        .collect()
}

/// What stands between the numbers of an address and says no more than a hyphen. Longer ones first.
const BETWEEN_NUMBERS: [&str; 6] = ["丁目", "番地ノ", "番地", "番", "号", "ノ"];

fn one_spelling_of_address(text: &str) -> String {
    let text = with_digits_before_chome(&one_spelling(text));
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        let after_number = out.ends_with(|c: char| c.is_ascii_digit());
        let word = BETWEEN_NUMBERS.iter().find(|word| after_number && rest.starts_with(**word));
        let Some(word) = word else {
            out.push(c);
            rest = rest.split_at(c.len_utf8()).1;
            continue;
        };
        rest = rest.split_at(word.len()).1;
        // Before another number it is a hyphen, unless one follows anyway; at the end of the numbers, nothing.
        if rest.starts_with(|c: char| c.is_ascii_digit()) {
            out.push('-');
        }
    }
    out
}

/// `五丁目` and `十二丁目` with digits. Elsewhere a kanji numeral may be part of a name.
fn with_digits_before_chome(text: &str) -> String {
    let Some(end) = text.find("丁目") else { return text.to_owned() };
    let (before, after) = text.split_at(end);
    let start = before
        .char_indices()
        .rev()
        .take_while(|(_, c)| numeral(*c).is_some())
        .last()
        .map_or(before.len(), |(index, _)| index);
    let (name, number) = before.split_at(start);
    let mut value = 0_u32;
    for digit in number.chars().filter_map(numeral) {
        value = match (digit, value) {
            (10, 0) => 10,
            (10, tens) => tens.saturating_mul(10),
            (digit, before) => before.saturating_add(digit),
        };
    }
    if value == 0 { text.to_owned() } else { format!("{name}{value}{after}") }
}

fn numeral(c: char) -> Option<u32> {
    let digits = ['一', '二', '三', '四', '五', '六', '七', '八', '九', '十'];
    digits.iter().position(|digit| *digit == c).and_then(|index| u32::try_from(index + 1).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, address: &str) -> Attributes {
        Attributes {
            name: name.into(),
            address: address.into(),
            date_of_birth: "1990-04-12".into(),
            sex: "female".into(),
        }
    }

    fn key() -> TagKey {
        TagKey::derive(&Secret::new(vec![7; 32]))
    }

    fn bank() -> RelyingPartyId {
        format!("rp_{}", "a".repeat(32)).parse().unwrap()
    }

    #[test]
    fn spellings_of_one_address_and_name_have_one_tag() {
        let one = key().of_line(&bank(), &said("結城　みさき", "東京都清瀬市中里５丁目８番４２号")).unwrap();
        for (name, address) in [
            ("結城 ミサキ", "東京都清瀬市中里5-8-42"),
            ("結城ﾐｻｷ", "東京都 清瀬市中里５－８－４２"),
            ("結城みさき", "東京都清瀬市中里五丁目８番地４２"),
            ("結城\u{3000}みさき", "東京都清瀬市中里5丁目8−42号"),
        ] {
            assert_eq!(key().of_line(&bank(), &said(name, address)), Some(one), "{name} {address}");
        }
        let twelve = key().of_line(&bank(), &said("山", "札幌市北十二条西十二丁目3番4号"));
        assert_eq!(twelve, key().of_line(&bank(), &said("山", "札幌市北十二条西12-3-4")));
    }

    #[test]
    fn another_person_relying_party_or_secret_has_another_tag() {
        let one = key().of_line(&bank(), &said("結城みさき", "清瀬市中里5-8-42"));
        let shop = format!("rp_{}", "b".repeat(32)).parse().unwrap();
        let mut older = said("結城みさき", "清瀬市中里5-8-42");
        older.date_of_birth = "1990-04-11".into();
        for other in [
            key().of_line(&bank(), &said("結城みさと", "清瀬市中里5-8-42")),
            key().of_line(&bank(), &said("結城みさき", "清瀬市中里5-84-2")),
            key().of_line(&bank(), &said("結城みさき", "清瀬市中里58-42")),
            key().of_line(&bank(), &older),
            key().of_line(&shop, &said("結城みさき", "清瀬市中里5-8-42")),
            TagKey::derive(&Secret::new(vec![8; 32]))
                .of_line(&bank(), &said("結城みさき", "清瀬市中里5-8-42")),
        ] {
            assert!(other.is_some() && other != one);
        }
        assert_eq!(key().of_line(&bank(), &said(" ", "清瀬市")), None);
    }
}
