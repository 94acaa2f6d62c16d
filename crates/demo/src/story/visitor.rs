//! A visitor without a screen: cookies per site, forms, the card window. It sends what a browser would send and
//! reads pages by the ids of their elements.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::Sites;

/// What went otherwise than the story tells.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

/// Makes a [`Failure`] of anything that can be shown.
pub(super) fn failure(text: impl std::fmt::Display) -> Failure {
    Failure(text.to_string())
}

/// A page that was read.
#[derive(Debug)]
pub struct Page {
    /// The site's label.
    pub site: String,
    /// Path and query, after redirects.
    pub path: String,
    /// HTTP status.
    pub status: u16,
    /// The HTML or JSON.
    pub body: String,
}

impl Page {
    /// The text inside the element with this id, without tags. `None` if there is no such element.
    #[must_use]
    pub fn text(&self, id: &str) -> Option<String> {
        let (start, name) = self.element(id)?;
        let rest = self.body.get(start..)?;
        let open_end = rest.find('>')? + 1;
        let mut depth = 1_usize;
        let mut at = open_end;
        let (open, close) = (format!("<{name}"), format!("</{name}"));
        while depth > 0 {
            let tail = rest.get(at..)?;
            let next_close = tail.find(&close)?;
            match tail.find(&open) {
                Some(next_open) if next_open < next_close => {
                    depth += 1;
                    at += next_open + open.len();
                }
                _ => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(plain(rest.get(open_end..at + next_close)?));
                    }
                    at += next_close + close.len();
                }
            }
        }
        None
    }

    /// An attribute of the element with this id.
    #[must_use]
    pub fn attribute(&self, id: &str, attribute: &str) -> Option<String> {
        let (start, _) = self.element(id)?;
        let tag = self.body.get(start..)?.split('>').next()?;
        let value = tag.split_once(&format!(" {attribute}=\""))?.1.split('"').next()?;
        Some(unescape(value))
    }

    /// The JSON in the script element with this id.
    #[must_use]
    pub fn json(&self, id: &str) -> Option<Value> {
        let (start, _) = self.element(id)?;
        let rest = self.body.get(start..)?;
        let (_, content) = rest.split_once('>')?;
        serde_json::from_str(content.split("</script").next()?).ok()
    }

    fn element(&self, id: &str) -> Option<(usize, &str)> {
        let at = self.body.find(&format!(" id=\"{id}\""))?;
        let start = self.body.get(..at)?.rfind('<')?;
        let name = self.body.get(start + 1..)?.split([' ', '>']).next()?;
        Some((start, name))
    }

    /// The path, for messages.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}{}", if self.site.is_empty() { "start" } else { &self.site }, self.path)
    }
}

fn plain(html: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => {
                inside = false;
                out.push(' ');
            }
            c if !inside => out.push(c),
            _ => {}
        }
    }
    unescape(&out.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn unescape(text: &str) -> String {
    text.replace("&#60;", "<")
        .replace("&lt;", "<")
        .replace("&#62;", ">")
        .replace("&gt;", ">")
        .replace("&#34;", "\"")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&#x27;", "'")
        .replace("&#38;", "&")
        .replace("&amp;", "&")
}

/// The visitor.
#[derive(Debug)]
pub struct Visitor {
    client: reqwest::Client,
    sites: Sites,
    cookies: BTreeMap<String, BTreeMap<String, String>>,
}

impl Visitor {
    /// A visitor without cookies.
    #[must_use]
    pub fn new(sites: Sites) -> Self {
        let client = musubi_httpkit::client::http_client(Duration::from_secs(20));
        Self { client, sites, cookies: BTreeMap::new() }
    }

    /// Reads a page, following redirects within the demo.
    ///
    /// # Errors
    /// [`Failure`] if no answer comes.
    pub async fn get(&mut self, site: &str, path: &str) -> Result<Page, Failure> {
        self.send(Method::GET, site, path, None).await
    }

    /// Sends a form as the site's own page would, following redirects.
    ///
    /// # Errors
    /// [`Failure`] if no answer comes.
    pub async fn post(&mut self, site: &str, path: &str, fields: &[(&str, &str)]) -> Result<Page, Failure> {
        self.send(Method::POST, site, path, Some(fields)).await
    }

    async fn send(
        &mut self,
        method: Method,
        site: &str,
        path: &str,
        fields: Option<&[(&str, &str)]>,
    ) -> Result<Page, Failure> {
        let mut response = self.once(method, site, path, fields).await?;
        for _ in 0..8 {
            let Some(to) = response.1.take() else { return Ok(response.0) };
            let (site, path) = self.place(&response.0.site, &to)?;
            response = self.once(Method::GET, &site, &path, None).await?;
        }
        Err(failure("too many redirects"))
    }

    fn place(&self, site: &str, to: &str) -> Result<(String, String), Failure> {
        if to.starts_with('/') {
            return Ok((site.to_owned(), to.to_owned()));
        }
        let rest = to.strip_prefix("http://").ok_or_else(|| failure(format!("redirected to {to}")))?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let name = host.strip_suffix(&format!("localhost:{}", self.sites.port));
        let label =
            name.ok_or_else(|| failure(format!("redirected out of the demo: {to}")))?.trim_end_matches('.');
        Ok((label.to_owned(), format!("/{path}")))
    }

    async fn once(
        &mut self,
        method: Method,
        site: &str,
        path: &str,
        fields: Option<&[(&str, &str)]>,
    ) -> Result<(Page, Option<String>), Failure> {
        let origin = self.sites.origin(site);
        let mut request = self.client.request(method.clone(), format!("{origin}{path}"));
        if let Some(cookies) = self.cookies.get(site) {
            let all: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, all.join("; "));
        }
        if method != Method::GET {
            request = request.header(ORIGIN, &origin);
        }
        if let Some(fields) = fields {
            request = request.form(fields);
        }
        let response = request.send().await.map_err(|e| failure(format!("{site}{path}: {e}")))?;
        for cookie in response.headers().get_all(SET_COOKIE) {
            self.remember(site, cookie.to_str().unwrap_or_default());
        }
        let status = response.status();
        let to = status
            .is_redirection()
            .then(|| response.headers().get(LOCATION).and_then(|v| v.to_str().ok()).map(str::to_owned))
            .flatten();
        let body = response.text().await.map_err(|e| failure(format!("{site}{path}: {e}")))?;
        Ok((Page { site: site.to_owned(), path: path.to_owned(), status: status.as_u16(), body }, to))
    }

    fn remember(&mut self, site: &str, header: &str) {
        let jar = self.cookies.entry(site.to_owned()).or_default();
        if let Some((name, value)) = header.split(';').next().and_then(|pair| pair.split_once('=')) {
            if value.is_empty() || header.contains("Max-Age=0") {
                jar.remove(name.trim());
            } else {
                jar.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
    }

    /// Puts a resident's card on the reader.
    ///
    /// # Errors
    /// [`Failure`] if there is no such resident.
    pub async fn insert_card(&mut self, resident: &str) -> Result<Page, Failure> {
        let page = self.post("card", "/insert", &[("resident", resident)]).await?;
        if page.status == 200 {
            Ok(page)
        } else {
            Err(failure(format!("{} answered {}", page.place(), page.status)))
        }
    }

    /// Asks the card window, as if the page of `caller` had opened it and the resident had typed `pin`.
    ///
    /// # Errors
    /// [`Failure`] if no answer comes. A refusal is an answer: `Ok(Err(problem))`.
    pub async fn ask_card(
        &self,
        caller: &str,
        request: &Value,
        pin: &str,
    ) -> Result<Result<Value, Value>, Failure> {
        self.ask_card_with(caller, request, &json!({ "pin": pin })).await
    }

    /// The same, with whatever the resident typed and ticked: `pin`, `text_pin`, `last_try`, or nothing.
    ///
    /// # Errors
    /// As [`Self::ask_card`].
    pub async fn ask_card_with(
        &self,
        caller: &str,
        request: &Value,
        typed: &Value,
    ) -> Result<Result<Value, Value>, Failure> {
        let card = self.sites.origin("card");
        let cookie = self.cookies.get("card").and_then(|jar| jar.get("card")).cloned().unwrap_or_default();
        let mut body = json!({ "origin": self.sites.origin(caller), "request": request });
        if let (Some(members), Some(typed)) = (body.as_object_mut(), typed.as_object()) {
            members.extend(typed.clone());
        }
        let response = self
            .client
            .post(format!("{card}/window/answer"))
            .header(ORIGIN, &card)
            .header(COOKIE, format!("card={cookie}"))
            .json(&body)
            .send()
            .await
            .map_err(failure)?;
        let ok = response.status() == StatusCode::OK;
        let value: Value = response.json().await.map_err(failure)?;
        Ok(if ok { Ok(value) } else { Err(value) })
    }
}

#[cfg(test)]
mod tests {
    use super::Page;

    fn page(body: &str) -> Page {
        Page { site: "bank".into(), path: "/".into(), status: 200, body: body.into() }
    }

    #[test]
    fn elements_are_read_by_id_with_nesting_and_entities() {
        let p = page("<div class=\"a\" id=\"x\"><div>a &amp; b</div><p>c</p></div><div>d</div>");
        assert_eq!(p.text("x").as_deref(), Some("a & b c"));
        assert_eq!(p.attribute("x", "class").as_deref(), Some("a"));
        assert_eq!(p.text("y"), None);
    }

    #[test]
    fn the_request_is_read_from_its_script_element() {
        let p = page("<script type=\"application/json\" id=\"card-request\">{\"version\":1}</script>");
        assert_eq!(p.json("card-request"), Some(serde_json::json!({ "version": 1 })));
    }
}
