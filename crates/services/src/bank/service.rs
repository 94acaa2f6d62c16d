//! The bank's rules: what a filled form must be, what the customer signs, when an attempt is repeated. No HTTP,
//! no SQL, no clock.

use musubi_httpkit::page::Tr;
use musubi_kernel::{Date, Random, UnixTime};

use crate::platform_client::{Application, Attributes, Consent, PartialAttributes, PresenceProof};

/// Longest name, in characters.
pub const NAME_LIMIT: usize = 100;
/// Longest address, in characters.
pub const ADDRESS_LIMIT: usize = 200;
/// Longest certificate in base64, in bytes.
const CERTIFICATE_LIMIT: usize = 16 * 1024;
/// Longest signature in base64, in bytes.
const SIGNATURE_LIMIT: usize = 2 * 1024;
/// Pause before a step that could not be done is tried again, in seconds.
pub(crate) const RETRY_SECONDS: i64 = 5;
/// Longest pause between two questions for attributes that are not there yet, in seconds.
const LONGEST_PAUSE: i64 = 3600;
/// How long a visitor stays signed in, in seconds.
pub(crate) const SESSION_SECONDS: i64 = 3600;
/// How long a reception slip can be looked at, in seconds.
pub(crate) const RECEPTION_SECONDS: i64 = 600;
/// How long the bank tries to open the transaction of a drafted application, in seconds.
pub(crate) const DRAFT_SECONDS: i64 = 3600;
/// How long an application that led to no account is kept, in seconds (30 days).
pub(crate) const KEEP_APPLICATION_SECONDS: i64 = 30 * 86_400;
/// How long a sign-in is kept, in seconds.
pub(crate) const KEEP_SIGN_IN_SECONDS: i64 = 86_400;
/// What a new customer starts with.
pub(crate) const WELCOME_GIFT_YEN: i64 = 1000;

/// The application form as it was sent: every field may be empty or anything.
#[derive(Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct ApplyForm {
    /// 氏名.
    pub name: String,
    /// 住所.
    pub address: String,
    /// 生年月日: `1980-02-17`, `1980/2/17` or `19800217`, also in full-width digits.
    pub date_of_birth: String,
    /// `male`, `female` or `unknown`.
    pub sex: String,
    /// `ordinary` or `savings`.
    pub account_type: String,
    /// Not empty: consent to receive the latest attributes.
    pub consent: String,
}

/// A field of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// 氏名.
    Name,
    /// 住所.
    Address,
    /// 生年月日.
    DateOfBirth,
    /// 性別.
    Sex,
    /// 口座の種類.
    AccountType,
}

/// What is wrong with a field; [`Fault::key`] is its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The name is empty.
    NameMissing,
    /// The name is too long.
    NameLong,
    /// The address is empty.
    AddressMissing,
    /// The address is too long.
    AddressLong,
    /// A line break, or another character that the reader of the signed text would not see.
    Characters,
    /// The date of birth is empty.
    DateMissing,
    /// Not a date.
    DateWrong,
    /// A date in the future.
    DateFuture,
    /// No sex chosen.
    SexMissing,
    /// No account type chosen.
    AccountTypeMissing,
}

impl Fault {
    /// All faults, for the test that each has a text.
    pub const ALL: [Self; 10] = [
        Self::NameMissing,
        Self::NameLong,
        Self::AddressMissing,
        Self::AddressLong,
        Self::Characters,
        Self::DateMissing,
        Self::DateWrong,
        Self::DateFuture,
        Self::SexMissing,
        Self::AccountTypeMissing,
    ];

    /// The key of its text.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::NameMissing => "fault.name_missing",
            Self::NameLong => "fault.name_long",
            Self::AddressMissing => "fault.address_missing",
            Self::AddressLong => "fault.address_long",
            Self::Characters => "fault.characters",
            Self::DateMissing => "fault.date_missing",
            Self::DateWrong => "fault.date_wrong",
            Self::DateFuture => "fault.date_future",
            Self::SexMissing => "fault.sex_missing",
            Self::AccountTypeMissing => "fault.account_type_missing",
        }
    }
}

/// A form that can be sent on.
pub(crate) struct CheckedForm {
    attributes: Attributes,
    account_type: AccountType,
    consent: bool,
}

#[derive(Clone, Copy)]
enum AccountType {
    Ordinary,
    Savings,
}

/// Checks a form against `today` (in Japan).
///
/// # Errors
/// Every field that is wrong, in the order of the form.
pub(crate) fn check_form(form: &ApplyForm, today: Date) -> Result<CheckedForm, Vec<(Field, Fault)>> {
    let mut faults = Vec::new();
    let mut text = |field, value: &str, limit, missing, long| {
        let value = value.trim();
        if value.is_empty() {
            faults.push((field, missing));
        } else if value.chars().count() > limit {
            faults.push((field, long));
        } else if value.chars().any(musubi_kernel::deceives) {
            // One line stays one line of the text that is signed, and reads in one direction.
            faults.push((field, Fault::Characters));
        }
        value.to_owned()
    };
    let name = text(Field::Name, &form.name, NAME_LIMIT, Fault::NameMissing, Fault::NameLong);
    let address =
        text(Field::Address, &form.address, ADDRESS_LIMIT, Fault::AddressMissing, Fault::AddressLong);
    let date_of_birth = match read_date(&form.date_of_birth) {
        _ if form.date_of_birth.trim().is_empty() => Err(Fault::DateMissing),
        Some(date) if date > today => Err(Fault::DateFuture),
        Some(date) => Ok(date.to_string()),
        None => Err(Fault::DateWrong),
    }
    .unwrap_or_else(|fault| {
        faults.push((Field::DateOfBirth, fault));
        String::new()
    });
    if !["male", "female", "unknown"].contains(&form.sex.as_str()) {
        faults.push((Field::Sex, Fault::SexMissing));
    }
    let account_type = match form.account_type.as_str() {
        "ordinary" => Some(AccountType::Ordinary),
        "savings" => Some(AccountType::Savings),
        _ => None,
    };
    match account_type {
        Some(account_type) if faults.is_empty() => Ok(CheckedForm {
            attributes: Attributes { name, address, date_of_birth, sex: form.sex.clone() },
            account_type,
            consent: !form.consent.is_empty(),
        }),
        Some(_) => Err(faults),
        None => {
            faults.push((Field::AccountType, Fault::AccountTypeMissing));
            Err(faults)
        }
    }
}

fn read_date(text: &str) -> Option<Date> {
    let plain: String = text
        .trim()
        .chars()
        .map(|c| match c {
            '０'..='９' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
            '/' | '／' | '.' | '．' | '－' | '‐' | '−' | 'ー' => '-',
            other => other,
        })
        .collect();
    let (year, month, day) = if plain.len() == 8 && plain.bytes().all(|b| b.is_ascii_digit()) {
        (plain.get(0..4)?, plain.get(4..6)?, plain.get(6..8)?)
    } else {
        let mut parts = plain.split('-');
        let found = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        found
    };
    let digits =
        |t: &str, most: usize| !t.is_empty() && t.len() <= most && t.bytes().all(|b| b.is_ascii_digit());
    if year.len() != 4 || !digits(year, 4) || !digits(month, 2) || !digits(day, 2) {
        return None;
    }
    let year = year.parse().ok().filter(|year| *year >= 1868)?;
    Date::new(year, month.parse().ok()?, day.parse().ok()?).ok()
}

impl CheckedForm {
    /// What the customer will sign, in the language of the page.
    pub(crate) fn application(self, t: Tr) -> Application {
        let wish = match self.account_type {
            AccountType::Ordinary => t.get("statement.ordinary"),
            AccountType::Savings => t.get("statement.savings"),
        };
        let statements = [wish, t.get("statement.true"), t.get("statement.clean")];
        let items = ["name", "address", "date_of_birth", "sex"];
        Application {
            title: t.get("statement.title").to_owned(),
            statements: statements.map(str::to_owned).to_vec(),
            attributes: self.attributes,
            latest_attributes_consent: self
                .consent
                .then(|| Consent { items: items.map(str::to_owned).to_vec() }),
        }
    }
}

/// The application as a dishonest bank would send it after the customer has signed another (the lab).
pub(crate) fn tampered(mut application: Application) -> Application {
    application.statements.push("年会費 10,000円の支払いに同意します。".to_owned());
    application
}

/// Whether `text` can be the base64 of a certificate or a signature.
fn is_base64(text: &str, limit: usize) -> bool {
    !text.is_empty()
        && text.len() <= limit
        && text.len().is_multiple_of(4)
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
}

/// What the card answered, as the page posts it.
#[derive(Clone, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct CardAnswer {
    pub(crate) certificate: String,
    pub(crate) signature: String,
    /// The origin as the card window saw and signed it; empty where the document has it.
    pub(crate) origin: String,
    /// EF 0007 of 券面事項入力補助AP; this and the next two only for an enrolment.
    pub(crate) presence_key_record: String,
    pub(crate) presence_card_certificate: String,
    pub(crate) presence_signature: String,
}

impl CardAnswer {
    /// Whether it has the form of an answer; what it is worth, the platform judges.
    pub(crate) fn is_plausible(&self) -> bool {
        is_base64(&self.certificate, CERTIFICATE_LIMIT)
            && is_base64(&self.signature, SIGNATURE_LIMIT)
            && self.origin.len() <= 300
            && !self.origin.chars().any(char::is_control)
    }

    /// The proof for an enrolment, if it has the form of one.
    pub(crate) fn presence(&self) -> Option<PresenceProof> {
        let is_plausible = is_base64(&self.presence_key_record, CERTIFICATE_LIMIT)
            && is_base64(&self.presence_card_certificate, CERTIFICATE_LIMIT)
            && is_base64(&self.presence_signature, SIGNATURE_LIMIT);
        is_plausible.then(|| PresenceProof {
            key_record: self.presence_key_record.clone(),
            card_certificate: self.presence_card_certificate.clone(),
            signature: self.presence_signature.clone(),
        })
    }
}

/// How many seconds to wait before asking again for attributes that are not there yet.
pub(crate) fn pause_after(attempts: i64) -> i64 {
    let doublings = u32::try_from(attempts.clamp(0, 10)).unwrap_or(10);
    (2 * RETRY_SECONDS * 2_i64.pow(doublings)).min(LONGEST_PAUSE)
}

/// `known` with what was newly provided.
pub(crate) fn updated(known: &Attributes, latest: PartialAttributes) -> Attributes {
    Attributes {
        name: latest.name.unwrap_or_else(|| known.name.clone()),
        address: latest.address.unwrap_or_else(|| known.address.clone()),
        date_of_birth: latest.date_of_birth.unwrap_or_else(|| known.date_of_birth.clone()),
        sex: latest.sex.unwrap_or_else(|| known.sex.clone()),
    }
}

/// `count` random decimal digits, the first not zero.
pub(crate) fn random_digits(random: &dyn Random, count: u32) -> String {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    let lowest = 10_u64.pow(count.clamp(1, 15) - 1);
    (lowest + u64::from_le_bytes(bytes) % (9 * lowest)).to_string()
}

/// A name of which one letter of each word is left; of a single letter, none.
pub(crate) fn masked_name(name: &str) -> String {
    let separator = if name.contains('\u{3000}') { "\u{3000}" } else { " " };
    let masked = |word: &str| {
        let rest = word.chars().count() - 1;
        match word.chars().next() {
            Some(first) if rest > 0 => format!("{first}{}", "＊".repeat(rest)),
            _ => "＊".to_owned(),
        }
    };
    name.split_whitespace().map(masked).collect::<Vec<_>>().join(separator)
}

/// A customer number of which the last three digits are left.
pub(crate) fn masked_number(number: &str) -> String {
    let shown = number.char_indices().rev().nth(2).map_or(number.len(), |(at, _)| at);
    let mask = |(at, c): (usize, char)| if at < shown && c.is_ascii_digit() { '*' } else { c };
    number.char_indices().map(mask).collect()
}

/// What a past transaction is shown as when its time ran out.
pub(crate) fn has_lapsed(expires_at: Option<UnixTime>, now: UnixTime) -> bool {
    expires_at.is_some_and(|at| at <= now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> ApplyForm {
        ApplyForm {
            name: "結城　花子".into(),
            address: "東京都結市一丁目１－１".into(),
            date_of_birth: "1980-02-17".into(),
            sex: "female".into(),
            account_type: "ordinary".into(),
            consent: String::new(),
        }
    }

    fn faults(form: &ApplyForm) -> Vec<(Field, Fault)> {
        check_form(form, Date::new(2026, 11, 21).unwrap()).err().unwrap_or_default()
    }

    #[test]
    fn a_complete_form_passes_and_dates_are_read_as_people_write_them() {
        assert_eq!(faults(&form()), []);
        for date in ["1980-02-17", "1980/2/17", "19800217", "１９８０．０２．１７", " 1980-2-17 "] {
            let checked = check_form(
                &ApplyForm { date_of_birth: date.into(), ..form() },
                Date::new(2026, 11, 21).unwrap(),
            );
            assert_eq!(
                checked.ok().map(|f| f.attributes.date_of_birth),
                Some("1980-02-17".to_owned()),
                "{date}"
            );
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        use {Fault as W, Field as F};
        assert_eq!(
            faults(&ApplyForm::default()),
            [
                (F::Name, W::NameMissing),
                (F::Address, W::AddressMissing),
                (F::DateOfBirth, W::DateMissing),
                (F::Sex, W::SexMissing),
                (F::AccountType, W::AccountTypeMissing)
            ]
        );
        assert_eq!(faults(&ApplyForm { name: "あ".repeat(101), ..form() }), [(F::Name, W::NameLong)]);
        assert_eq!(
            faults(&ApplyForm { address: "あ".repeat(201), ..form() }),
            [(F::Address, W::AddressLong)]
        );
        assert_eq!(faults(&ApplyForm { sex: "robot".into(), ..form() }), [(F::Sex, W::SexMissing)]);
        assert_eq!(
            faults(&ApplyForm { date_of_birth: "2026-11-22".into(), ..form() }),
            [(F::DateOfBirth, W::DateFuture)]
        );
        for wrong in
            ["yesterday", "1980-02-30", "80-2-17", "1980-2", "1980-2-17-1", "0001-01-01", "+1980-1-1"]
        {
            let faults = faults(&ApplyForm { date_of_birth: wrong.into(), ..form() });
            assert_eq!(faults, [(F::DateOfBirth, W::DateWrong)], "{wrong}");
        }
    }

    #[test]
    fn a_line_break_cannot_add_a_line_to_the_signed_text() {
        let form = ApplyForm { name: "花子\norigin: https://evil.example".into(), ..form() };
        assert_eq!(faults(&form), [(Field::Name, Fault::Characters)]);
    }

    #[test]
    fn nobody_signs_a_character_that_is_not_seen() {
        for unseen in ['\u{200B}', '\u{200F}', '\u{061C}', '\u{2060}', '\u{202E}'] {
            let form = ApplyForm { address: format!("東京都{unseen}清瀬市"), ..form() };
            assert_eq!(faults(&form), [(Field::Address, Fault::Characters)], "{unseen:?}");
        }
    }

    #[test]
    fn an_answer_is_bounded_base64() {
        let answer =
            CardAnswer { certificate: "AAAA".into(), signature: "AAA=".into(), ..CardAnswer::default() };
        assert!(answer.is_plausible());
        assert!(!CardAnswer { certificate: "AAA".into(), ..answer.clone() }.is_plausible());
        assert!(!CardAnswer { certificate: "A".repeat(16 * 1024 + 4), ..answer.clone() }.is_plausible());
        assert!(!CardAnswer { signature: "<b>=".into(), ..answer.clone() }.is_plausible());
        assert!(!CardAnswer { origin: "http://a\n".into(), ..answer }.is_plausible());
    }

    #[test]
    fn an_enrolment_has_all_three_parts_or_is_none() {
        let whole = CardAnswer {
            presence_key_record: "AAAA".into(),
            presence_card_certificate: "BBBB".into(),
            presence_signature: "CCCC".into(),
            ..CardAnswer::default()
        };
        assert!(whole.presence().is_some());
        assert!(CardAnswer { presence_key_record: String::new(), ..whole.clone() }.presence().is_none());
        assert!(CardAnswer { presence_signature: "<b>=".into(), ..whole.clone() }.presence().is_none());
        assert!(CardAnswer { presence_card_certificate: "BB".into(), ..whole }.presence().is_none());
    }

    #[test]
    fn what_a_slip_shows_of_a_customer_does_not_name_them() {
        assert_eq!(masked_name("結城　花子"), "結＊　花＊");
        assert_eq!(masked_name("MARIA  DA SILVA"), "M＊＊＊＊ D＊ S＊＊＊＊");
        assert_eq!(masked_name("林"), "＊");
        assert_eq!(masked_number("MB-123456789012"), "MB-*********012");
        assert_eq!(masked_number("12"), "**");
    }

    #[test]
    fn pauses_grow_up_to_an_hour() {
        assert_eq!([0, 1, 2, 20].map(pause_after), [10, 20, 40, 3600]);
    }
}
