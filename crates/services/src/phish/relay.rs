//! The fraudster's conversation with the bank: what a browser would say, said by a program.

use std::sync::PoisonError;

use musubi_httpkit::page::Lang;
use musubi_kernel::random_body;
use reqwest::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{RequestBuilder, Response};

use super::Phish;

/// How many sign-ins are remembered.
const REMEMBERED: usize = 64;

/// What is begun at the bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// Signing in with the PIN.
    SignIn,
    /// Checking in without PIN.
    Reception,
}

impl Door {
    /// Where it begins at the bank.
    fn path(self) -> &'static str {
        match self {
            Self::SignIn => "/sign-in",
            Self::Reception => "/reception",
        }
    }
}

/// A sign-in or a check-in at the bank that a visitor's card is to answer.
#[derive(Clone)]
pub(crate) struct Relayed {
    /// Ours, in the visitor's address.
    pub(crate) id: String,
    pub(crate) door: Door,
    /// The bank's page, `/sign-in/si_…`.
    path: String,
    /// The bank's cookies.
    cookies: String,
    /// What the bank's page hands to the card window.
    pub(crate) card_request: serde_json::Value,
}

/// What the bank did with the card's answer.
pub(crate) enum BankAnswer {
    /// Refused, in the bank's words.
    Refused { what: String, next: String },
    /// Let the fraudster in: the defence failed.
    LetIn,
}

/// The bank's pages are not what they were, or the bank does not answer.
#[derive(Debug, thiserror::Error)]
#[error("the bank's pages cannot be relayed")]
pub(crate) struct RelayError;

impl From<reqwest::Error> for RelayError {
    fn from(_: reqwest::Error) -> Self {
        Self
    }
}

impl Phish {
    /// Begins a sign-in or a check-in at the bank and copies its card request.
    pub(crate) async fn begin(&self, door: Door, lang: Lang) -> Result<Relayed, RelayError> {
        let nothing: [(&str, &str); 0] = [];
        let post = self.0.http.post(self.url(door.path())).form(&nothing);
        let response = self.as_browser(post, "").send().await?;
        let (path, cookies) = (location(&response).ok_or(RelayError)?, cookies(&response));
        let page = self.0.http.get(self.url(&format!("{path}?lang={}", lang.code())));
        let page = page.header(COOKIE, &cookies).send().await?.text().await?;
        let request = between(&page, "id=\"card-request\">", "</script>").ok_or(RelayError)?;
        let card_request = serde_json::from_str(request).map_err(|_| RelayError)?;
        let relayed = Relayed { id: random_body(&*self.0.random), door, path, cookies, card_request };
        let mut all = self.0.relayed.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED {
            all.remove(0);
        }
        all.push(relayed.clone());
        Ok(relayed)
    }

    /// A sign-in that was begun here.
    pub(crate) fn relayed(&self, id: &str) -> Option<Relayed> {
        let all = self.0.relayed.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|relayed| relayed.id == id).cloned()
    }

    /// Gives the card's answer to the bank as if it were ours.
    pub(crate) async fn complete(
        &self,
        relayed: &Relayed,
        answer: &[(&str, &str)],
        lang: Lang,
    ) -> Result<BankAnswer, RelayError> {
        let post = self.0.http.post(self.url(&format!("{}/complete", relayed.path))).form(answer);
        let response = self.as_browser(post, &relayed.cookies).send().await?;
        let onward = location(&response).ok_or(RelayError)?;
        if matches!(onward.as_str(), "/account" | "/reception/slip") {
            return Ok(BankAnswer::LetIn);
        }
        let page = self.0.http.get(self.url(&format!("{onward}?lang={}", lang.code())));
        let page = page.header(COOKIE, &relayed.cookies).send().await?.text().await?;
        let element =
            |id: &str| between(&page, &format!("id=\"{id}\">"), "</p>").map(|text| unescape(text.trim()));
        let what = element("refusal-what").or_else(|| element("waiting-what")).ok_or(RelayError)?;
        let next = element("refusal-next").or_else(|| element("waiting-next")).unwrap_or_default();
        Ok(BankAnswer::Refused { what, next })
    }

    /// A program may claim any `Origin`: the bank's protection against foreign posts is for browsers.
    fn as_browser(&self, request: RequestBuilder, cookies: &str) -> RequestBuilder {
        let request = request.header(ORIGIN, &self.0.bank_origin);
        if cookies.is_empty() { request } else { request.header(COOKIE, cookies) }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.0.bank_origin)
    }
}

/// A path of the bank; nowhere else is followed.
fn location(response: &Response) -> Option<String> {
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    (location.starts_with('/') && !location.starts_with("//")).then(|| location.to_owned())
}

fn cookies(response: &Response) -> String {
    let set = response.headers().get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    set.filter_map(|cookie| cookie.split(';').next()).collect::<Vec<_>>().join("; ")
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(found, _)| found)
}

/// Undoes the escaping of a text in an HTML page of ours.
fn unescape(text: &str) -> String {
    [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_escaped_comes_back() {
        assert_eq!(unescape("a &#38;#60; &#60;b&#62;"), "a &#60; <b>");
        assert_eq!(between("<p id=\"x\">yes</p>", "id=\"x\">", "</p>"), Some("yes"));
        assert_eq!(between("<p>", "id=\"x\">", "</p>"), None);
    }
}
