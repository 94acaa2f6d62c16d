//! The nation's authority of cards (カード認証局): which keys vouch for what stands on a card and for the card's free key.
//! One authority per application, as on the real card (facts §4.5), and a signer per municipality below each.
//!
//! Real key identifiers begin with 5 (production) or 6 (test); these begin with 9 and name nobody. The keys follow from a
//! public seed: an authority that is told to trust them trusts everybody.


use musubi_card::genuineness::{CardAuthorities, CardAuthority};

use crate::NationError;
use crate::keys::{CARD_AUTHORITIES, card_authority_label, derive_apart};

/// Of the authority of cards whose keys vouch for an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vouched {
    /// The card as a whole.
    Card,
    /// 券面事項確認AP.
    Surface,
    /// 券面事項入力補助AP.
    Text,
}

impl Vouched {
    fn suffix(self) -> &'static str {
        let [card, surface, text] = CARD_AUTHORITIES;
        match self {
            Self::Card => card,
            Self::Surface => surface,
            Self::Text => text,
        }
    }
}

/// Key identifier of an authority: seven digits, 08 05, three digits, four bytes.
fn key_id(suffix: &str) -> [u8; 16] {
    identifier(&format!("90000{suffix}"), "001")
}

fn identifier(seven: &str, three: &str) -> [u8; 16] {
    let mut id = [0; 16];
    let bytes = seven.bytes().take(7).chain([0x08, 0x05]).chain(three.bytes().take(3));
    id.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    id
}

/// All of them, for who checks cards.
pub(super) async fn authorities(seed: u64) -> Result<CardAuthorities, NationError> {
    let mut all = Vec::new();
    for suffix in CARD_AUTHORITIES {
        let key = derive_apart(seed, &card_authority_label(suffix)).await?;
        let (modulus, exponent) = (key.card_key().modulus(), key.card_key().exponent());
        all.push(CardAuthority { key_id: key_id(suffix), modulus, exponent });
    }
    Ok(CardAuthorities::new(all))
}
