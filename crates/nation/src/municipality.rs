//! The municipalities of the simulated nation: real names and real codes (全国地方公共団体コード without the
//! check digit, as the certificates' subjects carry them), a small choice of the 1,900.
//!
//! The romaji forms name the partition of the revocation list (`CN=Kiyose-shi CRLDP` under `OU=Tokyo-to`);
//! a ward of a designated city (政令指定都市) carries its city: `Sapporo-shi-Chuo-ku`.

/// A municipality.
#[derive(Debug, PartialEq, Eq)]
pub struct Municipality {
    /// Five-digit code.
    pub code: &'static str,
    /// Name with prefecture (`東京都清瀬市`): an address begins with it.
    pub name: &'static str,
    /// Prefecture in romaji (`Tokyo-to`), as certificates write it.
    pub prefecture_romaji: &'static str,
    /// Municipality in romaji (`Kiyose-shi`), as certificates write it.
    pub romaji: &'static str,
}

const fn m(
    code: &'static str,
    name: &'static str,
    prefecture_romaji: &'static str,
    romaji: &'static str,
) -> Municipality {
    Municipality { code, name, prefecture_romaji, romaji }
}

/// All municipalities of the nation, by code.
pub static MUNICIPALITIES: &[Municipality] = &[
    m("01101", "北海道札幌市中央区", "Hokkai-do", "Sapporo-shi-Chuo-ku"),
    m("02201", "青森県青森市", "Aomori-ken", "Aomori-shi"),
    m("04101", "宮城県仙台市青葉区", "Miyagi-ken", "Sendai-shi-Aoba-ku"),
    m("11203", "埼玉県川口市", "Saitama-ken", "Kawaguchi-shi"),
    m("13101", "東京都千代田区", "Tokyo-to", "Chiyoda-ku"),
    m("13104", "東京都新宿区", "Tokyo-to", "Shinjuku-ku"),
    m("13112", "東京都世田谷区", "Tokyo-to", "Setagaya-ku"),
    m("13221", "東京都清瀬市", "Tokyo-to", "Kiyose-shi"),
    m("13421", "東京都小笠原村", "Tokyo-to", "Ogasawara-mura"),
    m("14103", "神奈川県横浜市西区", "Kanagawa-ken", "Yokohama-shi-Nishi-ku"),
    m("17201", "石川県金沢市", "Ishikawa-ken", "Kanazawa-shi"),
    m("20202", "長野県松本市", "Nagano-ken", "Matsumoto-shi"),
    m("23106", "愛知県名古屋市中区", "Aichi-ken", "Nagoya-shi-Naka-ku"),
    m("26104", "京都府京都市中京区", "Kyoto-fu", "Kyoto-shi-Nakagyo-ku"),
    m("27102", "大阪府大阪市都島区", "Osaka-fu", "Osaka-shi-Miyakojima-ku"),
    m("28110", "兵庫県神戸市中央区", "Hyogo-ken", "Kobe-shi-Chuo-ku"),
    m("32201", "島根県松江市", "Shimane-ken", "Matsue-shi"),
    m("34101", "広島県広島市中区", "Hiroshima-ken", "Hiroshima-shi-Naka-ku"),
    m("38201", "愛媛県松山市", "Ehime-ken", "Matsuyama-shi"),
    m("40133", "福岡県福岡市中央区", "Fukuoka-ken", "Fukuoka-shi-Chuo-ku"),
    m("47201", "沖縄県那覇市", "Okinawa-ken", "Naha-shi"),
];

/// The municipality with a code.
#[must_use]
pub fn municipality(code: &str) -> Option<&'static Municipality> {
    MUNICIPALITIES.iter().find(|m| m.code == code)
}
