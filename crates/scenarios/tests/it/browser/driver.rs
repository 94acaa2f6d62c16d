//! A headless Chromium behind its WebDriver: mouse and keyboard only, screenshots, the console's errors.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::wd::{Capabilities, WindowHandle};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Browser {
    pub(crate) client: Client,
    main: WindowHandle,
    shots: PathBuf,
    prefix: &'static str,
    _profile: tempfile::TempDir,
    _driver: Child,
}

/// Whether the browser is there; says so if it is left out, and fails in CI.
pub(crate) fn available() -> bool {
    let found = ["chromedriver", "chromium"].iter().all(|program| {
        std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
    });
    if !found {
        musubi_store::testing::left_out("browser stories (chromium and chromedriver are not installed)");
    }
    found
}

impl Browser {
    pub(crate) async fn start(prefix: &'static str, width: u32, height: u32, lang: &str) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver starts");
        let mut lines = BufReader::new(driver.stdout.take().expect("piped")).lines();
        let port = tokio::time::timeout(PATIENCE, async {
            while let Some(line) = lines.next_line().await.expect("readable") {
                if let Some((_, port)) = line.split_once("started successfully on port ") {
                    return port.trim_end_matches('.').parse::<u16>().expect("a port");
                }
            }
            panic!("chromedriver ended before it was ready");
        })
        .await
        .expect("chromedriver is ready in time");
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let profile = tempfile::tempdir().expect("a folder");
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".into(),
            "--disable-gpu".into(),
            "--disable-dev-shm-usage".into(),
            "--disable-quic".into(),
            "--no-first-run".into(),
            "--disable-background-networking".into(),
            "--disable-component-update".into(),
            "--disable-sync".into(),
            "--hide-scrollbars".into(),
            format!("--lang={lang}"),
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        let mut capabilities = Capabilities::new();
        capabilities.insert("browserName".into(), json!("chrome"));
        capabilities.insert(
            "goog:chromeOptions".into(),
            json!({ "args": arguments, "prefs": { "intl.accept_languages": lang } }),
        );
        capabilities.insert("goog:loggingPrefs".into(), json!({ "browser": "ALL" }));
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("a browser session");
        let main = client.window().await.expect("a window");
        let folder = std::env::var_os("MUSUBI_SCREENSHOTS").map_or_else(
            || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/screenshots"),
            PathBuf::from,
        );
        std::fs::create_dir_all(&folder).expect("a folder for screenshots");
        Self { client, main, shots: folder, prefix, _profile: profile, _driver: driver }
    }

    pub(crate) async fn open(&self, url: &str) {
        self.client.goto(url).await.expect("the page opens");
    }

    /// The element with this id, when it is there and shown.
    pub(crate) async fn element(&self, id: &str) -> Element {
        let css = format!("#{id}");
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Ok(element) = self.client.find(Locator::Css(&css)).await
                && element.is_displayed().await.unwrap_or(false)
            {
                return element;
            }
            if tokio::time::Instant::now() > deadline {
                self.shot("failed").await;
                let place = self.client.current_url().await.map(|u| u.to_string()).unwrap_or_default();
                let text = self.page_text().await;
                panic!("#{id} did not appear on {place}:\n{text}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Whether the page that is shown has an element with this id.
    pub(crate) async fn has(&self, id: &str) -> bool {
        self.element_by_tag("main").await;
        self.client.find(Locator::Css(&format!("#{id}"))).await.is_ok()
    }

    /// A click of the mouse on the element with this id.
    pub(crate) async fn click(&self, id: &str) {
        let element = self.element(id).await;
        if let Err(error) = element.click().await {
            self.shot("failed").await;
            panic!("#{id} cannot be clicked: {error}");
        }
    }

    /// The same, as soon as the button takes clicks: some take none at first.
    pub(crate) async fn click_when_armed(&self, id: &str) {
        self.click(&format!("{id}:enabled")).await;
    }

    /// Keys typed while the element has the focus.
    pub(crate) async fn keys(&self, id: &str, keys: &str) {
        self.element(id).await.send_keys(keys).await.expect("keys can be typed");
    }

    pub(crate) async fn text(&self, id: &str) -> String {
        self.element(id).await.text().await.expect("text")
    }

    pub(crate) async fn page_text(&self) -> String {
        match self.client.find(Locator::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// Waits until the element's text contains `part`.
    pub(crate) async fn text_with(&self, id: &str, part: &str) -> String {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            // The page may be replaced while it is read.
            if let Ok(element) = self.client.find(Locator::Css(&format!("#{id}"))).await
                && let Ok(text) = element.text().await
                && text.contains(part)
            {
                return text;
            }
            if tokio::time::Instant::now() > deadline {
                self.shot("failed").await;
                panic!("#{id} did not come to contain «{part}»:\n{}", self.page_text().await);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Goes on in the card window that a click has opened.
    pub(crate) async fn in_card_window(&self) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let windows = self.client.windows().await.expect("windows");
            if let Some(popup) = windows.into_iter().find(|w| *w != self.main) {
                self.client.switch_to_window(popup).await.expect("the card window");
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "no card window opened");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Goes back to the page; the card window has closed itself.
    pub(crate) async fn in_page(&self) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while self.client.windows().await.expect("windows").len() > 1 {
            assert!(tokio::time::Instant::now() < deadline, "the card window stays open");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.client.switch_to_window(self.main.clone()).await.expect("the page");
    }

    pub(crate) async fn shot(&self, name: &str) {
        if let Ok(png) = self.client.screenshot().await {
            std::fs::write(self.shots.join(format!("{}-{name}.png", self.prefix)), png)
                .expect("a screenshot is kept");
        }
    }

    /// Nothing is wider than the window, and nothing moved after it was painted.
    pub(crate) async fn assert_steady(&self, width: u64) {
        let measured = self
            .client
            .execute(
                "return [document.documentElement.scrollWidth, window.innerWidth,
                   performance.getEntriesByType('layout-shift').reduce((sum, e) => sum + (e.hadRecentInput ? 0 : e.value), 0)]",
                vec![],
            )
            .await
            .expect("a measurement");
        let place = self.client.current_url().await.map(|u| u.to_string()).unwrap_or_default();
        let (content, window) = (measured[0].as_u64().unwrap_or(u64::MAX), measured[1].as_u64().unwrap_or(0));
        assert!(window <= width, "the window is {window} px wide, not {width}");
        assert!(content <= window, "{place} is {content} px wide in a window of {window} px");
        let shift = measured[2].as_f64().unwrap_or(1.0);
        assert!(shift < 0.01, "{place} shifts its layout by {shift}");
    }

    /// What the console reported as an error: a script's fault or a breach of the content security policy.
    pub(crate) async fn assert_console_is_quiet(&self) {
        let entries = self.client.issue_cmd(LogOf("browser")).await.expect("the log");
        let faults: Vec<String> = entries
            .as_array()
            .into_iter()
            .flatten()
            .filter(|entry| entry["level"] == "SEVERE")
            .map(|entry| entry["message"].as_str().unwrap_or_default().to_owned())
            // A refused form answers 4xx, and Chromium notes that as an error.
            .filter(|message| {
                !message.contains("Failed to load resource: the server responded with a status of 4")
            })
            .collect();
        assert_eq!(faults, Vec::<String>::new());
    }

    pub(crate) async fn end(self) {
        drop(self.client.close().await);
    }
}

/// Chromium's own command to read a log.
#[derive(Debug)]
struct LogOf(&'static str);

impl fantoccini::wd::WebDriverCompatibleCommand for LogOf {
    fn endpoint(&self, base_url: &url::Url, session_id: Option<&str>) -> Result<url::Url, url::ParseError> {
        base_url.join(&format!("session/{}/se/log", session_id.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "type": self.0 }).to_string()))
    }
}

impl Browser {
    pub(crate) async fn element_by_tag(&self, tag: &str) -> Element {
        self.client.find(Locator::Css(tag)).await.expect("the page has it")
    }

    /// A screen of this size, as a phone has it.
    pub(crate) async fn emulate_phone(&self, width: u32, height: u32) {
        let parameters = json!({ "width": width, "height": height, "deviceScaleFactor": 2, "mobile": true });
        let command = DevTools(json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": parameters }));
        self.client.issue_cmd(command).await.expect("a phone's screen");
    }

    /// Presses a key wherever the focus is.
    pub(crate) async fn press(&self, key: &str) {
        use fantoccini::actions::{InputSource, KeyAction, KeyActions};
        let value = key.chars().next().expect("a key");
        let keys =
            KeyActions::new("keyboard".into()).then(KeyAction::Down { value }).then(KeyAction::Up { value });
        self.client.perform_actions(keys).await.expect("a key can be pressed");
    }

    pub(crate) async fn press_enter(&self) {
        self.press("\u{E007}").await;
    }

    pub(crate) async fn type_text(&self, text: &str) {
        for c in text.chars() {
            self.press(&c.to_string()).await;
        }
    }

    /// Presses Tab until the element with this id has the focus.
    pub(crate) async fn tab_to(&self, id: &str) {
        self.element(id).await;
        for _ in 0..120 {
            if let Ok(active) = self.client.active_element().await
                && active.attr("id").await.ok().flatten().as_deref() == Some(id)
            {
                return;
            }
            self.press("\u{E004}").await;
        }
        self.shot("failed").await;
        panic!("the keyboard does not reach #{id}");
    }
}

/// A command of the DevTools protocol, sent through the driver.
#[derive(Debug)]
struct DevTools(serde_json::Value);

impl fantoccini::wd::WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base_url: &url::Url, session_id: Option<&str>) -> Result<url::Url, url::ParseError> {
        base_url.join(&format!("session/{}/goog/cdp/execute", session_id.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.0.to_string()))
    }
}
