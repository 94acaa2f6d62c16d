//! Which of the two languages a page speaks.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE};
use axum::http::request::Parts;

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lang {
    /// 日本語.
    Ja,
    /// English.
    En,
}

impl Lang {
    /// `ja` or `en`: the value of `lang` attributes, parameters and cookies.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::En => "en",
        }
    }

    /// The language that this one is switched to.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Ja => Self::En,
            Self::En => Self::Ja,
        }
    }

    /// Reads `ja` or `en`.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Ja, Self::En].into_iter().find(|lang| lang.code() == code)
    }

    /// That of a program at a terminal: Japanese if `LC_ALL`, `LC_MESSAGES` or `LANG`, the first that is set, says so.
    #[must_use]
    pub fn of_environment() -> Self {
        let set = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        let value = set("LC_ALL").or_else(|| set("LC_MESSAGES")).or_else(|| set("LANG")).unwrap_or_default();
        if value.starts_with("ja") { Self::Ja } else { Self::En }
    }

    /// The one of two values that is in this language.
    pub fn pick<T>(self, ja: T, en: T) -> T {
        match self {
            Self::Ja => ja,
            Self::En => en,
        }
    }
}

/// The language of a request: `?lang=`, else the cookie `lang`, else `Accept-Language`, else Japanese.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLang(pub Lang);

impl PageLang {
    pub(crate) fn of(parts: &Parts) -> Self {
        let lang = asked_for(parts.uri.query())
            .or_else(|| remembered(parts))
            .or_else(|| accepted(parts))
            .unwrap_or(Lang::Ja);
        Self(lang)
    }
}

impl<S: Sync> FromRequestParts<S> for PageLang {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

/// The language that `?lang=` names.
pub(crate) fn asked_for(query: Option<&str>) -> Option<Lang> {
    query?.split('&').find_map(|pair| Lang::from_code(pair.strip_prefix("lang=")?))
}

fn remembered(parts: &Parts) -> Option<Lang> {
    let cookies = parts.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|value| value.split(';'))
        .find_map(|pair| Lang::from_code(pair.trim().strip_prefix("lang=")?))
}

/// The range with the greatest quality that is one of ours (RFC 9110, 12.5.4); the first among equals.
fn accepted(parts: &Parts) -> Option<Lang> {
    let header = parts.headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?;
    let mut best: Option<(Lang, f32)> = None;
    for range in header.split(',') {
        let mut pieces = range.split(';');
        let primary = pieces
            .next()
            .unwrap_or_default()
            .trim()
            .split('-')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let quality = pieces
            .find_map(|p| p.trim().strip_prefix("q="))
            .map_or(1.0, |q| q.trim().parse::<f32>().unwrap_or(0.0));
        if let Some(lang) = Lang::from_code(&primary)
            && quality > 0.0
            && best.is_none_or(|(_, greatest)| quality > greatest)
        {
            best = Some((lang, quality));
        }
    }
    best.map(|(lang, _)| lang)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn lang(uri: &str, cookie: &str, accept: &str) -> Lang {
        let request = Request::builder().uri(uri).header("cookie", cookie).header("accept-language", accept);
        PageLang::of(&request.body(()).unwrap().into_parts().0).0
    }

    #[test]
    fn the_parameter_wins_over_the_cookie_the_cookie_over_the_browser_and_japanese_is_the_rest() {
        assert_eq!(lang("/a?lang=en", "lang=ja", "ja"), Lang::En);
        assert_eq!(lang("/a?x=1&lang=ja", "lang=en", "en"), Lang::Ja);
        assert_eq!(lang("/a?lang=fr", "x=1; lang=en", "ja"), Lang::En);
        assert_eq!(lang("/a", "", "fr, en-GB;q=0.8, ja;q=0.4"), Lang::En);
        assert_eq!(lang("/a", "", "en;q=0, ja;q=0.1"), Lang::Ja);
        assert_eq!(lang("/a", "", "ja, en"), Lang::Ja);
        assert_eq!(lang("/a", "mylang=en", "fr;q=x"), Lang::Ja);
    }
}
