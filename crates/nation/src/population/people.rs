//! The residents, 24 bytes each, and what they look like in attributes: names and addresses follow from the seed and
//! from how often they changed, so that none is stored. Nobody in it is a real person.

use musubi_crypto::sha256_parts;
use musubi_pki::{BasicAttributes, DateOfBirth, Era, Sex};

use super::{PerKind, date_of, register::NONE};
use crate::MUNICIPALITIES;

/// No certificates.
const NOTHING: PerKind<u32> = PerKind { digital_signature: NONE, user_authentication: NONE };
/// No card.
pub(super) const NO_CARD: i32 = i32::MIN;

const FAMILIES: [&str; 40] = [
    "佐藤",
    "鈴木",
    "高橋",
    "田中",
    "伊藤",
    "渡辺",
    "山本",
    "中村",
    "小林",
    "加藤",
    "吉田",
    "山田",
    "佐々木",
    "山口",
    "松本",
    "井上",
    "木村",
    "林",
    "斎藤",
    "清水",
    "山崎",
    "森",
    "池田",
    "橋本",
    "阿部",
    "石川",
    "山下",
    "中島",
    "石井",
    "小川",
    "前田",
    "岡田",
    "長谷川",
    "藤田",
    "後藤",
    "近藤",
    "村上",
    "遠藤",
    "青木",
    "坂本",
];
const GIVEN: [[&str; 20]; 2] = [
    [
        "大翔", "蓮", "悠真", "陽翔", "湊", "健一", "浩", "誠", "隆", "修", "翔太", "拓也", "大輔", "直樹",
        "正", "清", "勇", "進", "和夫", "茂",
    ],
    [
        "陽葵",
        "凛",
        "紬",
        "葵",
        "結菜",
        "美咲",
        "愛",
        "彩",
        "香織",
        "真由美",
        "恵子",
        "洋子",
        "幸子",
        "和子",
        "節子",
        "明美",
        "由美子",
        "久美子",
        "直美",
        "裕子",
    ],
];
const STREETS: [&str; 12] =
    ["本町", "中央", "栄町", "緑町", "桜木", "泉", "旭町", "若葉", "東", "南", "朝日", "新町"];

/// A resident.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resident {
    /// Day of birth, in days since 1970.
    pub(super) born: i32,
    /// The last day of the card; [`NO_CARD`] without one.
    pub(super) card_end: i32,
    /// Places of the newest signing certificate and user-authentication certificate.
    pub(super) newest: PerKind<u32>,
    /// How often the address has changed.
    pub(super) addresses: u16,
    /// How often the name has changed.
    pub(super) names: u8,
    pub(super) town: u8,
    pub(super) female: bool,
    /// Alive and in the country.
    pub(super) present: bool,
}

const _: () = assert!(size_of::<Resident>() == 24);

impl Resident {
    pub(super) fn new(born: i32, town: u8, female: bool) -> Self {
        Self { born, card_end: NO_CARD, newest: NOTHING, addresses: 0, names: 0, town, female, present: true }
    }

    pub(super) fn has_card(&self, today: i32) -> bool {
        self.present && self.card_end >= today
    }

    /// Whole years of age, near enough for choosing people; rules that depend on a birthday use the date.
    pub(super) fn age(&self, today: i32) -> i32 {
        (today - self.born) * 100 / 36_525
    }

    pub(super) fn date_of_birth(&self) -> DateOfBirth {
        let date = date_of(self.born);
        let text = date.to_string();
        // Every date that a population has is one of a certificate.
        text.parse().unwrap_or(DateOfBirth { era: Era::Unknown, year: 0, month: 0, day: 0 })
    }

    pub(super) fn attributes(&self, seed: u64, number: u32) -> BasicAttributes {
        let person = seed_of(seed, number, b"person", 0);
        let family = stepped(person >> 8, self.names.into(), FAMILIES.len());
        let home = seed_of(seed, number, b"home", self.addresses.into());
        let given =
            GIVEN.get(usize::from(self.female)).and_then(|names| pick(names, person)).unwrap_or_default();
        let name = format!("{}\u{3000}{given}", pick(&FAMILIES, family).unwrap_or_default());
        let town = MUNICIPALITIES.get(usize::from(self.town)).map_or("", |town| town.name);
        let street = pick(&STREETS, stepped(person >> 32, self.addresses.into(), STREETS.len()));
        let street = street.unwrap_or_default();
        let [block, house, room] = [8, 24, 40].map(|shift| (home >> shift) % 30 + 1);
        let numbers: String = format!("{block}-{house}-{room}").chars().map(full_width).collect();
        let address = format!("{town}{street}{numbers}");
        BasicAttributes {
            name_substitutes: vec![false; name.chars().count()],
            address_substitutes: vec![false; address.chars().count()],
            name,
            address,
            date_of_birth: self.date_of_birth(),
            sex: if self.female { Sex::Female } else { Sex::Male },
        }
    }
}

fn full_width(c: char) -> char {
    char::from_u32(u32::from(c) + 0xFEE0).filter(|_| c.is_ascii_graphic()).unwrap_or(c)
}

/// A choice of `n` that is another with each version.
fn stepped(base: u64, version: u64, n: usize) -> u64 {
    let step = 1 + base / 1024 % (n as u64 - 1);
    (base + version % n as u64 * step) % n as u64
}

fn pick<'a>(from: &[&'a str], by: u64) -> Option<&'a str> {
    from.get(usize::try_from(by % from.len().max(1) as u64).ok()?).copied()
}

fn seed_of(seed: u64, number: u32, what: &[u8], version: u64) -> u64 {
    let digest = sha256_parts(&[&seed.to_be_bytes(), &number.to_be_bytes(), &version.to_be_bytes(), what]);
    digest.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_name_or_address_changes_just_that() {
        let before = Resident::new(-10_000, 3, true);
        let moved = Resident { addresses: 1, ..before };
        let renamed = Resident { names: 1, ..before };
        let [a, b, c] = [before, moved, renamed].map(|resident| resident.attributes(7, 42));
        assert_eq!((a.name == b.name, a.address == b.address), (true, false));
        assert_eq!((a.name == c.name, a.address == c.address), (false, true));
        assert_eq!(a.name.split('\u{3000}').nth(1), c.name.split('\u{3000}').nth(1), "the given name stays");
        assert!(a.address.starts_with("埼玉県川口市"));
        assert_eq!(a.date_of_birth.to_string(), "1942-08-16");
        assert_eq!(Resident::new(-10_000, 3, true).attributes(7, 43).date_of_birth, a.date_of_birth);
    }
}
