//! 基本4情報: name, address, date of birth and sex, as they stand in a digital-signature certificate
//! (personalData OIDs .1 to .6), and their comparison with what a person wrote in a form.
//!
//! Characters that the certificate's repertoire lacks are replaced there; a mask says at which positions. A
//! replaced character can stand for any character, so it matches anything. Nothing else is fuzzy but the
//! spellings that Japanese forms mix without meaning a difference: full and half width, kinds of space,
//! kinds of hyphen.

use std::fmt;
use std::str::FromStr;

/// A value that is no date of birth or sex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a date of birth or a sex")]
pub struct AttributeError;

/// The era digit before a date of birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Era {
    /// 0: unknown.
    Unknown,
    /// 1: 明治.
    Meiji,
    /// 2: 大正.
    Taisho,
    /// 3: 昭和.
    Showa,
    /// 4: 平成.
    Heisei,
    /// 5: 令和.
    Reiwa,
}

impl Era {
    /// The digit in the certificate.
    #[must_use]
    pub fn digit(self) -> char {
        match self {
            Self::Unknown => '0',
            Self::Meiji => '1',
            Self::Taisho => '2',
            Self::Showa => '3',
            Self::Heisei => '4',
            Self::Reiwa => '5',
        }
    }

    fn from_digit(digit: char) -> Option<Self> {
        [Self::Unknown, Self::Meiji, Self::Taisho, Self::Showa, Self::Heisei, Self::Reiwa]
            .into_iter()
            .find(|era| era.digit() == digit)
    }
}

/// A date of birth: an era and a Gregorian date. Parts that are unknown are zero, so that `1900-00-00` is
/// allowed; a resident's record may not know more.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DateOfBirth {
    /// The era in which the certificate counts the year.
    pub era: Era,
    /// Gregorian year.
    pub year: u16,
    /// 1 to 12, or 0 if unknown.
    pub month: u8,
    /// 1 to 31, or 0 if unknown.
    pub day: u8,
}

impl DateOfBirth {
    /// Reads the certificate's nine digits: era digit, then `YYYYMMDD`.
    ///
    /// # Errors
    /// [`AttributeError`] if it is not nine digits with a known era, a month to 12 and a day to 31.
    pub fn from_certificate(text: &str) -> Result<Self, AttributeError> {
        let era = text.chars().next().and_then(Era::from_digit).ok_or(AttributeError)?;
        let date = text
            .get(1..)
            .filter(|d| d.len() == 8 && d.bytes().all(|b| b.is_ascii_digit()))
            .ok_or(AttributeError)?;
        let part = |range| date.get(range).and_then(|t: &str| t.parse::<u16>().ok()).ok_or(AttributeError);
        Self::checked(era, part(0..4)?, part(4..6)?, part(6..8)?)
    }

    fn checked(era: Era, year: u16, month: u16, day: u16) -> Result<Self, AttributeError> {
        match (u8::try_from(month), u8::try_from(day)) {
            (Ok(month), Ok(day)) if month <= 12 && day <= 31 && year <= 9999 => {
                Ok(Self { era, year, month, day })
            }
            _ => Err(AttributeError),
        }
    }

    /// The certificate's nine digits.
    #[must_use]
    pub fn to_certificate(self) -> String {
        format!("{}{:04}{:02}{:02}", self.era.digit(), self.year, self.month, self.day)
    }
}

impl fmt::Display for DateOfBirth {
    /// `1980-02-17`; the era is not part of the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Debug for DateOfBirth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DateOfBirth(…)")
    }
}

impl FromStr for DateOfBirth {
    type Err = AttributeError;

    /// Reads `1980-02-17`; the era follows from the date.
    fn from_str(text: &str) -> Result<Self, AttributeError> {
        let mut parts = text.split('-');
        let (Some(y), Some(m), Some(d), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(AttributeError);
        };
        if y.len() != 4 || m.len() != 2 || d.len() != 2 {
            return Err(AttributeError);
        }
        let number = |t: &str| {
            if t.bytes().all(|b| b.is_ascii_digit()) {
                t.parse::<u16>().map_err(|_| AttributeError)
            } else {
                Err(AttributeError)
            }
        };
        let (year, month, day) = (number(y)?, number(m)?, number(d)?);
        let era = match (year, month, day) {
            (0, _, _) => Era::Unknown,
            date if date >= (2019, 5, 1) => Era::Reiwa,
            date if date >= (1989, 1, 8) => Era::Heisei,
            date if date >= (1926, 12, 25) => Era::Showa,
            date if date >= (1912, 7, 30) => Era::Taisho,
            _ => Era::Meiji,
        };
        Self::checked(era, year, month, day)
    }
}

/// 性別. The certificate has one digit; any digit but 1 and 2 means that it is not known or not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sex {
    /// 1: 男.
    Male,
    /// 2: 女.
    Female,
    /// 3, 0, 9 and every other digit: 不明.
    Unknown,
}

impl Sex {
    /// Reads the certificate's digit.
    ///
    /// # Errors
    /// [`AttributeError`] if it is not one digit.
    pub fn from_certificate(text: &str) -> Result<Self, AttributeError> {
        match text.as_bytes() {
            [b'1'] => Ok(Self::Male),
            [b'2'] => Ok(Self::Female),
            [b'0'..=b'9'] => Ok(Self::Unknown),
            _ => Err(AttributeError),
        }
    }

    /// `male`, `female` or `unknown`: the name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Male => "male",
            Self::Female => "female",
            Self::Unknown => "unknown",
        }
    }
}

impl FromStr for Sex {
    type Err = AttributeError;

    fn from_str(text: &str) -> Result<Self, AttributeError> {
        [Self::Male, Self::Female, Self::Unknown]
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or(AttributeError)
    }
}

/// The four basic attributes as the certificate states them.
#[derive(Clone, PartialEq, Eq)]
pub struct BasicAttributes {
    /// 氏名; family and given name separated by U+3000 on the cards seen.
    pub name: String,
    /// One entry per character of `name`: true where a substitute character stands.
    pub name_substitutes: Vec<bool>,
    /// 住所, from the prefecture on, without postal code.
    pub address: String,
    /// One entry per character of `address`: true where a substitute character stands.
    pub address_substitutes: Vec<bool>,
    /// 生年月日.
    pub date_of_birth: DateOfBirth,
    /// 性別.
    pub sex: Sex,
}

impl fmt::Debug for BasicAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BasicAttributes(…)")
    }
}

impl BasicAttributes {
    /// Whether `name`, as a person wrote it, is the certificate's.
    #[must_use]
    pub fn name_matches(&self, name: &str) -> bool {
        matches(&self.name, &self.name_substitutes, name)
    }

    /// Whether `address`, as a person wrote it, is the certificate's.
    #[must_use]
    pub fn address_matches(&self, address: &str) -> bool {
        matches(&self.address, &self.address_substitutes, address)
    }
}

fn matches(certified: &str, substitutes: &[bool], written: &str) -> bool {
    let certified = certified.chars().enumerate().filter_map(|(i, c)| {
        let any = substitutes.get(i).copied().unwrap_or(false);
        if any { Some(None) } else { fold(c).map(Some) }
    });
    let mut written = written.chars().filter_map(fold);
    for expected in certified {
        match (expected, written.next()) {
            (None, Some(_)) => {}
            (Some(a), Some(b)) if a == b => {}
            _ => return false,
        }
    }
    written.next().is_none()
}

/// One spelling for characters whose difference carries no meaning; spaces count for nothing.
fn fold(c: char) -> Option<char> {
    let c = match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        other => other,
    };
    match c {
        c if c.is_whitespace() => None,
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30FC}' | '\u{FF70}' | '\u{FF0D}' => Some('-'),
        c => Some(c.to_ascii_uppercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str, mask: &str) -> BasicAttributes {
        BasicAttributes {
            name: name.into(),
            name_substitutes: mask.chars().map(|c| c == '1').collect(),
            address: "東京都清瀬市観布子南１２－７－２０２".into(),
            address_substitutes: vec![false; 18],
            date_of_birth: DateOfBirth::from_certificate("319800217").unwrap(),
            sex: Sex::Male,
        }
    }

    #[test]
    fn width_spaces_and_hyphens_make_no_difference() {
        let p = person("黒桐　幹也", "00000");
        assert!(p.name_matches("黒桐 幹也") && p.name_matches("黒桐幹也"));
        assert!(
            p.address_matches("東京都清瀬市観布子南12-7-202")
                && p.address_matches("東京都清瀬市観布子南１２−７−２０２")
        );
        assert!(
            !p.name_matches("黒桐幹")
                && !p.name_matches("黒桐幹也子")
                && !p.name_matches("")
                && !p.name_matches("黒桐鮮花")
        );
        assert!(!p.address_matches("東京都清瀬市観布子南12-7-203"));
    }

    #[test]
    fn a_substituted_character_stands_for_exactly_one_character() {
        let p = person("〓野　家子", "10000");
        assert!(p.name_matches("𠮷野家子") && p.name_matches("吉野 家子"));
        assert!(!p.name_matches("野家子") && !p.name_matches("𠮷田家子"));
    }

    #[test]
    fn dates_of_birth_of_every_era_and_with_unknown_parts() {
        for (digits, text) in [
            ("119050401", "1905-04-01"),
            ("220190501", "2019-05-01"),
            ("520190501", "2019-05-01"),
            ("019000000", "1900-00-00"),
        ] {
            let date = DateOfBirth::from_certificate(digits).unwrap();
            assert_eq!(date.to_string(), text);
            assert_eq!(date.to_certificate(), digits);
        }
        assert_eq!("1989-01-08".parse::<DateOfBirth>().unwrap().to_certificate(), "419890108");
        assert_eq!("1989-01-07".parse::<DateOfBirth>().unwrap().to_certificate(), "319890107");
        for wrong in ["", "31980021", "619800217", "319801317", "319800232", "3198002１7"] {
            assert!(DateOfBirth::from_certificate(wrong).is_err(), "{wrong}");
        }
        for wrong in ["1980-2-17", "1980-02-17-1", "1980/02/17", "+980-02-17"] {
            assert!(wrong.parse::<DateOfBirth>().is_err(), "{wrong}");
        }
    }
}
