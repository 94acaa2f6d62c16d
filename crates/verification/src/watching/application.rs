//! The signed application to be watched (変更確認の申込): the text that a resident signs with the digital-signature
//! certificate so that a contract from before this platform is linked. Our own design.
//!
//! The relying party writes the text, the resident reads and signs it wherever they sign, and the relying party sends it
//! in a bulk registration. The form is fixed line by line, so that nobody can be made to sign more or less; it names the
//! relying party and the customer id, so that it serves nobody else. It has no nonce: the same text again changes nothing.
//! It is good for a year.
//!
//! What it is worth is judged when it arrives, by the lists of that moment: a certificate that was revoked meanwhile does
//! not pass, since nobody vouches that the signature is older.

use musubi_kernel::UnixTime;
use musubi_platform::relying_party::RelyingParty;

use super::{Ground, purpose};

/// First line.
const TITLE: &str = "Musubi watching application 1";
/// How old an application may be, in seconds.
pub const MAX_AGE: i64 = 366 * 24 * 3600;
/// How far ahead the signer's clock may be, in seconds.
const MAX_SKEW: i64 = 300;
/// What the resident wishes.
const WISH: &str = "この申込先が、私の電子証明書の失効などの変更を確認することを申し込みます。 / \
    I apply for this relying party to check my certificates for revocation and other changes.";

/// The text, `signed_at` its time. Lines end with U+000A.
#[must_use]
pub fn render(
    relying_party: &RelyingParty,
    customer_id: &str,
    ground: &Ground,
    signed_at: UnixTime,
) -> String {
    let (ja, en) = purpose(&ground.purpose).map_or(("", ""), |purpose| (purpose.ja, purpose.en));
    format!(
        "{TITLE}\n\
         申込先 / relying party: {} / {}\n\
         内容 / wish: {WISH}\n\
         利用目的 / purpose: {ja} / {en}\n\
         日時 / time: {}\n\
         relying-party: {}\n\
         customer: {customer_id}\n\
         purpose: {}\n",
        relying_party.name_ja,
        relying_party.name_en,
        signed_at.rfc3339(),
        relying_party.id,
        ground.purpose,
    )
}

/// Why a text is not the application that it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotThis {
    /// Another form, relying party, customer or purpose.
    Document,
    /// Older than [`MAX_AGE`], or from the future.
    Time,
}

/// Whether `document` is the application of this customer at this relying party for this purpose, byte for byte; answers
/// the time that it names. The time is the signer's word: good for an upper bound of age, and for nothing else.
///
/// # Errors
/// [`NotThis`].
pub fn check(
    document: &[u8],
    relying_party: &RelyingParty,
    customer_id: &str,
    ground: &Ground,
    at: UnixTime,
) -> Result<UnixTime, NotThis> {
    let text = std::str::from_utf8(document).map_err(|_| NotThis::Document)?;
    let stated = text.lines().find_map(|line| line.strip_prefix("日時 / time: ")).ok_or(NotThis::Document)?;
    let signed_at = UnixTime::parse_rfc3339(stated).map_err(|_| NotThis::Document)?;
    if render(relying_party, customer_id, ground, signed_at) != text {
        return Err(NotThis::Document);
    }
    if signed_at > at.plus(MAX_SKEW) || at.since(signed_at) > MAX_AGE {
        return Err(NotThis::Time);
    }
    Ok(signed_at)
}

#[cfg(test)]
mod tests {
    use musubi_crypto::{ClientKey, JwkSet};

    use super::super::Basis;
    use super::*;

    #[test]
    fn only_the_very_text_for_this_customer_purpose_and_year_is_an_application() {
        let relying_party = RelyingParty {
            id: format!("rp_{}", "a".repeat(32)).parse().unwrap(),
            name_ja: "結び年金".into(),
            name_en: "Musubi Pension".into(),
            origins: Vec::new(),
            key_set: JwkSet::parse(&ClientKey::generate().unwrap().jwk_set()).unwrap(),
            created_at: UnixTime(0),
        };
        let ground = Ground { purpose: "benefit_payment".into(), basis: Basis::Law, reference: None };
        let at = UnixTime(1_790_000_000);
        let text = render(&relying_party, "c-1", &ground, at);
        let judged = |text: &str, at| check(text.as_bytes(), &relying_party, "c-1", &ground, at);
        assert_eq!(judged(&text, at.plus(100)), Ok(at));
        assert_eq!(judged(&text, at.plus(MAX_AGE + 1)), Err(NotThis::Time));
        assert_eq!(judged(&text, at.plus(-301)), Err(NotThis::Time));
        for other in [
            render(&relying_party, "c-2", &ground, at),
            text.replace("benefit_payment", "address_upkeep"),
            text.replace("結び年金", "別の年金"),
            format!("{text}more\n"),
            text.replace('\n', "\r\n"),
            String::new(),
        ] {
            assert_eq!(judged(&other, at), Err(NotThis::Document), "{other}");
        }
        assert_eq!(check(&[0xFF], &relying_party, "c-1", &ground, at), Err(NotThis::Document));
    }
}
