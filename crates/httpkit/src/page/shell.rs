//! The frame around a page: which site it is, in which language, and how a template becomes an answer.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::{FRAME, Lang, Tr};

/// Which site a page belongs to; each has its own colour band, so that nobody mistakes one for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// The start page of the demo.
    Demo,
    /// The sample bank.
    Bank,
    /// The town hall.
    Town,
    /// The resident's portal.
    Portal,
    /// The card window.
    Card,
    /// The fraudulent copy of the bank.
    Phish,
    /// The operator's console.
    Console,
    /// None of these.
    Plain,
}

impl Site {
    fn class(self) -> &'static str {
        match self {
            Self::Demo => "demo",
            Self::Bank => "bank",
            Self::Town => "town",
            Self::Portal => "portal",
            Self::Card => "card",
            Self::Phish => "phish",
            Self::Console => "console",
            Self::Plain => "plain",
        }
    }
}

/// What `base.html` shows around a page. A template's struct has it as the field `shell`.
#[derive(Debug, Clone)]
pub struct Shell {
    site: Site,
    name: &'static str,
    frame: Tr,
    simulation: bool,
}

impl Shell {
    /// The frame of `site`, called `name` in the page's language.
    #[must_use]
    pub fn new(site: Site, name: &'static str, lang: Lang) -> Self {
        // Portal and console may be the real ones; a message without a site may stand on them.
        let simulation = !matches!(site, Site::Portal | Site::Console | Site::Plain);
        Self { site, name, frame: FRAME.tr(lang), simulation }
    }

    /// Whether the footer says that nothing here is real. It does so everywhere but on portal and console, which
    /// say it where they trust a test hierarchy.
    #[must_use]
    pub fn with_simulation(mut self, simulation: bool) -> Self {
        self.simulation = simulation;
        self
    }

    /// Whether the footer says that nothing here is real.
    #[must_use]
    pub fn is_simulation(&self) -> bool {
        self.simulation
    }

    /// The site's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The class of the page's body: the site's colour band.
    #[must_use]
    pub fn site_class(&self) -> &'static str {
        self.site.class()
    }

    /// Texts of the frame.
    #[must_use]
    pub fn t(&self) -> Tr {
        self.frame
    }

    /// `ja` or `en`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.frame.code()
    }

    /// The language that the switch leads to.
    #[must_use]
    pub fn other_code(&self) -> &'static str {
        self.frame.other().code()
    }

    /// The switch's target: the same path in the other language.
    #[must_use]
    pub fn switch_href(&self) -> String {
        format!("?lang={}", self.other_code())
    }
}

/// A template as an HTML answer. With another status: `(StatusCode::NOT_FOUND, Html(page))`.
#[derive(Debug, Clone)]
pub struct Html<T: askama::Template>(pub T);

impl<T: askama::Template> IntoResponse for Html<T> {
    fn into_response(self) -> Response {
        match self.0.render() {
            Ok(page) => ([(CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response(),
            Err(error) => {
                tracing::error!(%error, "a page could not be rendered");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// A page that says one thing: what happened and what to do next.
#[derive(Debug, Clone, askama::Template)]
#[template(path = "message.html")]
pub struct MessagePage {
    shell: Shell,
    title: String,
    what: String,
    next: String,
    back: Option<(String, String)>,
}

impl MessagePage {
    pub(crate) fn new(frame: Tr, title: &str, what: &str, next: &str) -> Self {
        Self {
            shell: Shell::new(Site::Plain, "Musubi", frame.lang()),
            title: frame.get(title).to_owned(),
            what: frame.get(what).to_owned(),
            next: frame.get(next).to_owned(),
            back: None,
        }
    }

    /// A message in the frame of a site.
    #[must_use]
    pub fn of(
        shell: Shell,
        title: impl Into<String>,
        what: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self { shell, title: title.into(), what: what.into(), next: next.into(), back: None }
    }

    /// The same with a link, `label` to `href` (a path of this site, written by the program).
    #[must_use]
    pub fn with_link(mut self, href: impl Into<String>, label: impl Into<String>) -> Self {
        self.back = Some((href.into(), label.into()));
        self
    }
}

impl IntoResponse for MessagePage {
    fn into_response(self) -> Response {
        Html(self).into_response()
    }
}

/// JSON that can stand inside a `<script type="application/json">`: nothing in it ends the element. Use it in a
/// template with `|safe`.
///
/// Answers `null` for a value that has no JSON form (a map whose keys are no texts).
#[must_use]
pub fn json_for_script(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned());
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::json_for_script;

    #[test]
    fn no_value_ends_the_script_element() {
        let value = serde_json::json!({ "document": "</script><script>alert(1)</script><!-- &amp;" });
        let text = json_for_script(&value);
        assert!(!text.contains(['<', '>', '&']));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
