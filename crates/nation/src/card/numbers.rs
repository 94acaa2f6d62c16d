//! Numbers that stand on a card or open something on it. They follow from the seed and are nobody's; all but the card's
//! own number are [`Secret`], so that no log shows what a real card would keep.

use musubi_card::records::individual_number::with_check_digit;
use musubi_crypto::sha256_parts;
use musubi_kernel::{Date, Secret};
use musubi_pki::{DateOfBirth, Era};

use super::sql::CardRow;
use crate::{NationError, ResidentId, profile};

/// Numbers of one card.
#[derive(Debug)]
pub(super) struct Numbers {
    /// 個人番号 (照合番号A): 12 digits with a right check digit. Stands in the card's own files and nowhere else.
    pub(super) individual: Secret<String>,
    /// 照合番号B: date of birth, year of expiry, security code; 14 digits.
    pub(super) number_b: Secret<String>,
    /// Date of birth as a number that opens: `YYMMDD` with the year of the era.
    pub(super) birth: Secret<String>,
    /// セキュリティコード: the last 4 digits of 照合番号B.
    pub(super) security_code: Secret<String>,
    /// The card's number: 15 digits, of which the first is 9, which no card that was issued has.
    pub(super) card: String,
    /// Last day of the card.
    pub(super) ends: Date,
}

impl Numbers {
    pub(super) fn of(
        seed: u64,
        id: &ResidentId,
        card: &CardRow,
        born: DateOfBirth,
    ) -> Result<Self, NationError> {
        let number = card.number.to_be_bytes();
        let ends = profile::card_end(card.issued_at, born)?;
        let birth = era_date(born);
        let security_code = digits(seed, b"security code\0", &[id.as_str().as_bytes(), &number], 4);
        let eleven = digits(seed, b"individual number\0", &[id.as_str().as_bytes()], 11);
        Ok(Self {
            individual: with_check_digit(&Secret::new(eleven))?,
            number_b: Secret::new(format!("{birth}{:04}{security_code}", ends.year())),
            birth: Secret::new(birth),
            security_code: Secret::new(security_code),
            card: format!("9{}", digits(seed, b"card number\0", &[id.as_str().as_bytes(), &number], 14)),
            ends,
        })
    }
}

/// Decimal digits that follow from the seed.
fn digits(seed: u64, what: &[u8], of: &[&[u8]], count: usize) -> String {
    let mut parts = [what, of.len().to_be_bytes().as_slice()].concat();
    for part in of {
        parts.extend(part.len().to_be_bytes());
        parts.extend_from_slice(part);
    }
    let digest = sha256_parts(&[b"musubi nation number\0", &seed.to_be_bytes(), &parts]);
    digest.iter().take(count).map(|byte| char::from(b'0' + byte % 10)).collect()
}

/// `YYMMDD` with the year of the era (和暦); a date without era keeps the year of the century.
fn era_date(born: DateOfBirth) -> String {
    let before_first = match born.era {
        Era::Meiji => 1867,
        Era::Taisho => 1911,
        Era::Showa => 1925,
        Era::Heisei => 1988,
        Era::Reiwa => 2018,
        Era::Unknown => 0,
    };
    format!("{:02}{:02}{:02}", born.year.saturating_sub(before_first) % 100, born.month, born.day)
}

#[cfg(test)]
mod tests {
    use musubi_kernel::UnixTime;

    use super::*;

    fn numbers(id: &str, number: i64) -> Numbers {
        let card = CardRow { number, issued_at: UnixTime(1_761_528_957) };
        Numbers::of(1, &id.parse().unwrap(), &card, "1980-02-17".parse().unwrap()).unwrap()
    }

    #[test]
    fn number_b_is_date_of_birth_in_the_era_year_of_expiry_and_code() {
        let numbers = numbers("aoki-misaki", 1);
        let b = numbers.number_b.expose();
        assert_eq!((b.len(), b.get(..10)), (14, Some("5502172035")), "as on the real test card");
        assert_eq!(era_date("2019-05-01".parse().unwrap()), "010501");
        assert_eq!(era_date("1912-07-29".parse().unwrap()), "450729");
    }

    #[test]
    fn the_individual_number_is_the_persons_and_the_others_are_the_cards() {
        let (first, second) = (numbers("aoki-misaki", 1), numbers("aoki-misaki", 2));
        assert_eq!(first.individual.expose(), second.individual.expose());
        assert_ne!(first.card, second.card);
        assert_ne!(first.individual.expose(), numbers("sato-kenichi", 1).individual.expose());
        assert_eq!(first.individual.expose().len(), 12);
        assert!(first.card.len() == 15 && first.card.starts_with('9'));
        assert!(!format!("{first:?}").contains(first.individual.expose().as_str()));
    }
}
