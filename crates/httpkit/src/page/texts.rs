//! Locale tables: `key = text` lines, one file per language, compiled in.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::Lang;

/// The texts of one site in both languages. A crate keeps them in a `static LazyLock<Texts>`.
#[derive(Debug)]
pub struct Texts {
    ja: BTreeMap<&'static str, String>,
    en: BTreeMap<&'static str, String>,
}

/// The texts in one language.
#[derive(Debug, Clone, Copy)]
pub struct Tr {
    texts: &'static Texts,
    lang: Lang,
}

impl Texts {
    /// Reads two locale files: lines `key = text`, where `\n` in a text is a new line; `#` begins a comment.
    #[must_use]
    pub fn new(ja: &'static str, en: &'static str) -> Self {
        Self { ja: read(ja), en: read(en) }
    }

    /// The texts in `lang`.
    #[must_use]
    pub fn tr(&'static self, lang: Lang) -> Tr {
        Tr { texts: self, lang }
    }

    /// Whether both languages have `key`.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.ja.contains_key(key) && self.en.contains_key(key)
    }

    /// Keys that only one of the languages has: a test asserts that there is none.
    #[must_use]
    pub fn lonely_keys(&self) -> Vec<&'static str> {
        let only = |a: &BTreeMap<&'static str, String>, b: &BTreeMap<&'static str, String>| {
            a.keys().filter(|key| !b.contains_key(*key)).copied().collect::<Vec<_>>()
        };
        let mut keys = only(&self.ja, &self.en);
        keys.extend(only(&self.en, &self.ja));
        keys
    }

    /// All keys of the Japanese table, in order.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.ja.keys().copied()
    }

    /// The names in braces that the text of `key` has in each language, sorted.
    #[must_use]
    pub fn placeholders(&self, key: &str) -> (Vec<&str>, Vec<&str>) {
        (named(self.ja.get(key)), named(self.en.get(key)))
    }
}

fn named(text: Option<&String>) -> Vec<&str> {
    let text = text.map_or("", String::as_str);
    let mut names: Vec<&str> =
        text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name)).collect();
    names.sort_unstable();
    names
}

fn read(file: &'static str) -> BTreeMap<&'static str, String> {
    file.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(key, text)| (key.trim(), text.trim().replace("\\n", "\n")))
        .collect()
}

impl Tr {
    /// The text of `key`; the key itself where there is no text, so that a gap is seen and breaks nothing.
    #[must_use]
    pub fn get<'a>(&self, key: &'a str) -> &'a str {
        let table = match self.lang {
            Lang::Ja => &self.texts.ja,
            Lang::En => &self.texts.en,
        };
        table.get(key).map_or(key, String::as_str)
    }

    /// The text of `key`, each `{name}` replaced by its value. Values are not escaped: the template does that.
    #[must_use]
    pub fn with<V: Display>(&self, key: &str, values: &[(&str, V)]) -> String {
        let mut out = String::new();
        let mut rest = self.get(key);
        // One pass, so that a value that contains braces stays as it is.
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let value = after.split_once('}').and_then(|(name, tail)| {
                values.iter().find(|(known, _)| *known == name).map(|(_, value)| (value, tail))
            });
            match value {
                Some((value, tail)) => {
                    out.push_str(&value.to_string());
                    rest = tail;
                }
                None => {
                    out.push('{');
                    rest = after;
                }
            }
        }
        out + rest
    }

    /// The language of these texts.
    #[must_use]
    pub fn lang(&self) -> Lang {
        self.lang
    }

    /// `ja` or `en`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.lang.code()
    }

    /// The other language.
    #[must_use]
    pub fn other(&self) -> Lang {
        self.lang.other()
    }

    /// `ja` or `en`, whichever these texts are in.
    #[must_use]
    pub fn pick<'a>(&self, ja: &'a str, en: &'a str) -> &'a str {
        match self.lang {
            Lang::Ja => ja,
            Lang::En => en,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    static TEXTS: LazyLock<Texts> = LazyLock::new(|| {
        Texts::new(
            "# 注釈\na = {n}件、{who}さん\nb = 一\\n二 = 三\n",
            "a = {who}: {n} items\nb = one\nc = lonely\n",
        )
    });

    #[test]
    fn values_fill_their_places_in_either_order_and_are_not_read_again() {
        let values = [("n", "3"), ("who", "{n}")];
        assert_eq!(TEXTS.tr(Lang::Ja).with("a", &values), "3件、{n}さん");
        assert_eq!(TEXTS.tr(Lang::En).with("a", &values), "{n}: 3 items");
        assert_eq!(TEXTS.tr(Lang::En).with("a", &[("n", 3)]), "{who}: 3 items");
        assert_eq!(TEXTS.tr(Lang::Ja).get("b"), "一\n二 = 三");
    }

    #[test]
    fn a_key_without_text_shows_itself_and_is_found_by_the_check() {
        assert_eq!(TEXTS.tr(Lang::Ja).get("c"), "c");
        assert_eq!(TEXTS.lonely_keys(), ["c"]);
        assert!(TEXTS.has("a") && !TEXTS.has("c"));
    }
}
