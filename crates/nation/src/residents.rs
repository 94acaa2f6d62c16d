//! Who lives in the nation on its founding day: ordinary people first, then one resident for each hard case
//! of the facts (§8.1). All are invented. Days count back from the founding day (`epoch`).

use musubi_kernel::{TimeError, UnixTime};
use musubi_pki::{AuthorityKind, DateOfBirth, RevocationReason, Sex};

use crate::Text;
use crate::profile::anniversary;

/// When somebody was born.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Birth {
    /// On this date.
    On(&'static str),
    /// On this month and day of the year in which they are so many years old.
    Aged { years: i32, month: u8, day: u8 },
}

impl Birth {
    pub(crate) fn date(self, epoch: UnixTime) -> Result<DateOfBirth, TimeError> {
        match self {
            Self::On(text) => text.parse().map_err(|_| TimeError),
            Self::Aged { years, month, day } => {
                let date = anniversary(epoch.date_in_japan().year() - years, month, day)?;
                date.to_string().parse().map_err(|_| TimeError)
            }
        }
    }
}

/// Something that happened to a card before the founding day.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Past {
    /// A pair of certificates was issued (one alone for a child).
    Issued { days_ago: i64 },
    /// Both certificates were revoked.
    Revoked { days_ago: i64, reason: RevocationReason },
    /// The resident died or left.
    Left { days_ago: i64 },
}

impl Past {
    pub(crate) fn days_ago(self) -> i64 {
        match self {
            Self::Issued { days_ago } | Self::Revoked { days_ago, .. } | Self::Left { days_ago } => days_ago,
        }
    }
}

/// Where a card comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A municipality handed it over.
    Genuine,
    /// A forger made it: certificates of an imitated authority (same name, key identifier, policies) under the
    /// serial numbers of this resident's certificates.
    ForgedWithSerialsOf(&'static str),
}

/// A resident of the founding day.
#[derive(Debug)]
pub(crate) struct Founder {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) kana: &'static str,
    pub(crate) municipality: &'static str,
    /// What follows the municipality's name in the address.
    pub(crate) street: &'static str,
    pub(crate) birth: Birth,
    pub(crate) sex: Sex,
    pub(crate) past: &'static [Past],
    pub(crate) origin: Origin,
    /// Whether the certificate carries the reading of the name, in an entry that verifiers do not know.
    pub(crate) furigana: bool,
    pub(crate) note: Text,
}

/// A person without a hard case, to be varied.
const ORDINARY: Founder = Founder {
    id: "",
    name: "",
    kana: "",
    municipality: "13221",
    street: "",
    birth: Birth::On("1980-01-01"),
    sex: Sex::Female,
    past: &[Past::Issued { days_ago: 160 }],
    origin: Origin::Genuine,
    furigana: false,
    note: Text { ja: "", en: "" },
};

const fn issued_then(reason: RevocationReason) -> [Past; 2] {
    [Past::Issued { days_ago: 320 }, Past::Revoked { days_ago: 12, reason }]
}

const STOLEN: [Past; 2] = issued_then(RevocationReason::KeyCompromise);
const HELD: [Past; 2] = issued_then(RevocationReason::CertificateHold);

/// The founders; the first is the demonstration's main person.
pub(crate) static FOUNDERS: &[Founder] = &[
    Founder {
        id: "aoki-misaki",
        name: "青木　美咲",
        kana: "アオキ　ミサキ",
        street: "松山１－２－３",
        birth: Birth::On("1988-07-21"),
        note: Text {
            ja: "ふつうの成人。まずこのカードで試してください。",
            en: "An ordinary adult. Try this card first.",
        },
        ..ORDINARY
    },
    Founder {
        id: "sato-kenichi",
        name: "佐藤　健一",
        kana: "サトウ　ケンイチ",
        municipality: "27102",
        street: "都島本通３－１４－１５",
        birth: Birth::On("1975-11-03"),
        sex: Sex::Male,
        past: &[Past::Issued { days_ago: 900 }],
        note: Text {
            ja: "ふつうの成人。証明書は前の世代の認証局が発行しました。",
            en: "An ordinary adult. The certificates come from the older generation of the authorities.",
        },
        ..ORDINARY
    },
    Founder {
        id: "takahashi-naoki",
        name: "高橋　直樹",
        kana: "タカハシ　ナオキ",
        municipality: "14103",
        street: "みなとみらい２－２－１－１２０５",
        birth: Birth::On("1984-03-09"),
        sex: Sex::Male,
        note: Text { ja: "家族の父。", en: "Father of a family." },
        ..ORDINARY
    },
    Founder {
        id: "takahashi-yumiko",
        name: "高橋　由美子",
        kana: "タカハシ　ユミコ",
        municipality: "14103",
        street: "みなとみらい２－２－１－１２０５",
        birth: Birth::On("1986-10-30"),
        past: &[Past::Issued { days_ago: 700 }],
        note: Text { ja: "家族の母。", en: "Mother of the family." },
        ..ORDINARY
    },
    Founder {
        id: "takahashi-hinata",
        name: "高橋　陽向",
        kana: "タカハシ　ヒナタ",
        municipality: "14103",
        street: "みなとみらい２－２－１－１２０５",
        birth: Birth::Aged { years: 6, month: 6, day: 15 },
        note: Text {
            ja: "15歳未満の子ども(令和生まれ)。署名用電子証明書はありません。",
            en: "A child under 15, born in Reiwa: no digital-signature certificate.",
        },
        ..ORDINARY
    },
    Founder {
        id: "takahashi-riku",
        name: "高橋　陸",
        kana: "タカハシ　リク",
        municipality: "14103",
        street: "みなとみらい２－２－１－１２０５",
        // 15 at the end of the year after the founding day's.
        birth: Birth::Aged { years: 14, month: 12, day: 31 },
        sex: Sex::Male,
        note: Text {
            ja: "まもなく15歳になる子ども。誕生日のあとに更新すると署名用電子証明書が発行されます。",
            en: "A child soon to be 15: a renewal after that birthday brings a digital-signature certificate.",
        },
        ..ORDINARY
    },
    Founder {
        id: "yoshino-ieko",
        name: "𠮷野　家子",
        kana: "ヨシノ　イエコ",
        municipality: "13104",
        street: "西新宿２－８－１",
        birth: Birth::On("1992-05-17"),
        note: Text {
            ja: "「𠮷」は証明書で使えないため「〓」に置き換わり、その位置が記録されます。",
            en: "𠮷 is outside the certificate's repertoire: 〓 stands there, and the position is recorded.",
        },
        ..ORDINARY
    },
    Founder {
        id: "takasaki-osamu",
        name: "髙﨑　修",
        kana: "タカサキ　オサム",
        municipality: "04101",
        street: "国分町３－７－１",
        birth: Birth::On("1969-12-24"),
        sex: Sex::Male,
        note: Text {
            ja: "「髙」「﨑」は証明書では「高」「崎」になり、置き換えの位置が記録されます。",
            en: "髙 and 﨑 become 高 and 崎 in the certificate, and the positions are recorded.",
        },
        ..ORDINARY
    },
    Founder {
        id: "teramachi-sumiyo",
        name: "寺町　澄代",
        kana: "テラマチ　スミヨ",
        municipality: "26104",
        street: "寺町通御池上る上本能寺前町四百八十八番地の二十四　京都中京区役所前通り歴史的町並み保存地区伝統的建造物群管理組合所有\
                 賃貸共同住宅グランドレジデンス御池寺町通りアネックス別館東棟北側階段室型住戸第二期増築部分高層階居住区画三十二階\
                 第三千二百七号室（株式会社洛中不動産管理センター京都御池支店気付）寺町澄代および同居親族一同様方　表札名義寺町　\
                 郵便受箱番号三二〇七番　宅配便保管庫利用可",
        birth: Birth::On("1958-08-16"),
        note: Text {
            ja: "住所が上限の200文字です。",
            en: "The address has 200 characters, the most that there can be.",
        },
        ..ORDINARY
    },
    Founder {
        id: "uehara-ume",
        name: "上原　ウメ",
        kana: "ウエハラ　ウメ",
        municipality: "47201",
        street: "首里金城町３－１８",
        birth: Birth::On("1912-06-15"),
        note: Text { ja: "明治45年生まれ。", en: "Born in Meiji 45 (1912)." },
        ..ORDINARY
    },
    Founder {
        id: "garcia-maria",
        name: "ＧＡＲＣＩＡ　ＭＡＲＴＩＮＥＺ　ＭＡＲＩＡ　ＦＥＲＮＡＮＤＡ（山本　マリア）",
        kana: "ガルシア　マルティネス　マリア　フェルナンダ",
        municipality: "23106",
        street: "栄４－１－８－９０３",
        birth: Birth::On("1990-02-11"),
        note: Text {
            ja: "外国人住民。氏名はローマ字で、通称が付いています。",
            en: "A foreign resident: a romaji name with an alias (通称).",
        },
        ..ORDINARY
    },
    Founder {
        id: "fujiwara-kaoru",
        name: "藤原　薫",
        kana: "フジワラ　カオル",
        municipality: "28110",
        street: "三宮町１－９－１",
        birth: Birth::On("1997-09-05"),
        sex: Sex::Unknown,
        note: Text { ja: "性別が「不明」(3)です。", en: "The sex is recorded as unknown (3)." },
        ..ORDINARY
    },
    Founder {
        id: "takanashi-nanami",
        name: "小鳥遊　七海",
        kana: "タカナシ　ナナミ",
        municipality: "20202",
        street: "丸の内４－１",
        birth: Birth::On("2001-01-25"),
        furigana: true,
        note: Text {
            ja: "証明書に未知の項目(フリガナを模した独自OID)があります。検証者は無視しなければなりません。",
            en: "The certificate has an entry that verifiers do not know (a reading, under an OID of our own) and must tolerate.",
        },
        ..ORDINARY
    },
    Founder {
        id: "ninomiya-ayumu",
        name: "二宮　歩",
        kana: "ニノミヤ　アユム",
        municipality: "38201",
        street: "道後湯之町５－６",
        birth: Birth::On("1996-02-29"),
        sex: Sex::Male,
        note: Text {
            ja: "2月29日生まれ。平年は2月28日に証明書の期限が来ます(本システムの選択)。",
            en: "Born on 29 February: in a common year the certificates end on the 28th (our choice).",
        },
        ..ORDINARY
    },
    Founder {
        id: "furukawa-akira",
        name: "古川　昭",
        kana: "フルカワ　アキラ",
        municipality: "17201",
        street: "広坂１－１－１",
        birth: Birth::On("1951-04-18"),
        sex: Sex::Male,
        past: &[Past::Issued { days_ago: 2270 }],
        note: Text {
            ja: "両方の証明書の有効期間が満了しています。", en: "Both certificates have expired."
        },
        ..ORDINARY
    },
    Founder {
        id: "morita-tsuyoshi",
        name: "森田　剛士",
        kana: "モリタ　ツヨシ",
        municipality: "11203",
        street: "青木２－１－１",
        birth: Birth::On("1979-06-08"),
        sex: Sex::Male,
        past: &STOLEN,
        note: Text {
            ja: "カードと暗証番号を盗まれ、両方の証明書が失効しています(keyCompromise)。",
            en: "Card and PINs were stolen: both certificates are revoked (keyCompromise).",
        },
        ..ORDINARY
    },
    Founder {
        id: "okamoto-megumi",
        name: "岡本　恵",
        kana: "オカモト　メグミ",
        municipality: "34101",
        street: "国泰寺町１－６－３４",
        birth: Birth::On("1994-03-27"),
        past: &HELD,
        note: Text {
            ja: "紛失を届け出て、一時保留中です(certificateHold)。保留は解除されません。",
            en: "Reported the card lost: both certificates are on hold (certificateHold), which is never released.",
        },
        ..ORDINARY
    },
    Founder {
        id: "nishimura-tadashi",
        name: "西村　正",
        kana: "ニシムラ　タダシ",
        municipality: "32201",
        street: "末次町８６",
        birth: Birth::On("1938-01-30"),
        sex: Sex::Male,
        past: &[Past::Issued { days_ago: 400 }, Past::Left { days_ago: 25 }],
        note: Text {
            ja: "亡くなりました。カードだけが残っています(cessationOfOperation)。",
            en: "Has died; only the card remains (cessationOfOperation).",
        },
        ..ORDINARY
    },
    Founder {
        id: "kageyama-so",
        name: "影山　装",
        kana: "カゲヤマ　ソウ",
        municipality: "27102",
        street: "都島本通９－９－９",
        birth: Birth::On("1983-04-04"),
        sex: Sex::Male,
        past: &[Past::Issued { days_ago: 30 }],
        origin: Origin::ForgedWithSerialsOf("sato-kenichi"),
        note: Text {
            ja: "偽造カード。認証局の名前・鍵識別子・ポリシーも、佐藤健一さんの発行番号も本物と同じですが、署名した鍵だけが違います。",
            en: "A counterfeit card: the authority's name, key identifier and policy and Kenichi Sato's serial numbers are copied; only the signing key differs.",
        },
        ..ORDINARY
    },
    Founder {
        id: "watanabe-makoto",
        name: "渡辺　誠",
        kana: "ワタナベ　マコト",
        municipality: "01101",
        street: "北１条西２",
        birth: Birth::On("1972-02-14"),
        sex: Sex::Male,
        past: &[
            Past::Issued { days_ago: 1500 },
            Past::Revoked { days_ago: 200, reason: RevocationReason::Superseded },
            Past::Issued { days_ago: 200 },
        ],
        note: Text {
            ja: "証明書を更新済み。新しい発行番号は古い番号の後継です(認証局の世代もまたぎます)。",
            en: "Has renewed: the new serial numbers succeed the old ones, across generations of the authorities.",
        },
        ..ORDINARY
    },
    Founder {
        id: "inoue-sakura",
        name: "井上　さくら",
        kana: "イノウエ　サクラ",
        municipality: "40133",
        street: "天神１－８－１",
        birth: Birth::On("2004-04-02"),
        past: &[
            Past::Issued { days_ago: 100 },
            Past::Revoked { days_ago: 96, reason: RevocationReason::Unspecified },
            Past::Issued { days_ago: 95 },
        ],
        note: Text {
            ja: "最初のカードは交付前に破棄され(unspecified)、作り直されました。",
            en: "The first card was destroyed before it was handed over (unspecified) and made again.",
        },
        ..ORDINARY
    },
];

/// The founder with an identifier.
pub(crate) fn founder(id: &str) -> Option<&'static Founder> {
    FOUNDERS.iter().find(|f| f.id == id)
}

/// Residents under this age have no digital-signature certificate.
const SIGNING_AGE: i32 = 15;

/// The kinds of certificate that a resident can have at an age.
pub(crate) fn kinds_at_age(age: i32) -> &'static [AuthorityKind] {
    if age < SIGNING_AGE { &[AuthorityKind::UserAuthentication] } else { &AuthorityKind::ALL }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{ResidentId, municipality};

    #[test]
    fn founders_are_well_formed() {
        let ids: BTreeSet<_> = FOUNDERS.iter().map(|f| f.id).collect();
        assert_eq!(ids.len(), FOUNDERS.len());
        for f in FOUNDERS {
            assert!(f.id.parse::<ResidentId>().is_ok(), "{}", f.id);
            let town = municipality(f.municipality).unwrap();
            let length = town.name.chars().count() + f.street.chars().count();
            assert!(length <= 200, "{}: {length}", f.id);
            assert!(!f.note.ja.is_empty() && !f.note.en.is_empty() && !f.kana.is_empty());
            assert!(f.birth.date(UnixTime(1_775_000_000)).is_ok());
            assert!(f.past.is_sorted_by_key(|p| -p.days_ago()), "{}", f.id);
        }
    }

    #[test]
    fn one_address_has_exactly_200_characters() {
        let f = founder("teramachi-sumiyo").unwrap();
        let length = municipality(f.municipality).unwrap().name.chars().count() + f.street.chars().count();
        assert_eq!(length, 200);
    }
}
