//! `musubi-agent virtual` between a nation and a reader that are both played here: what each says reaches the other as it
//! is, and what happens when one of them goes. With real readers and a real nation: `crates/scenarios`.

use std::net::Ipv4Addr;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdout, Command};

const ATR: [u8; 9] = [0x3B, 0xE0, 0x00, 0xFF, 0x81, 0x31, 0xFE, 0x45, 0x14];
/// Long enough for a busy machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was asked of the nation, in order, and when its card gives no answer.
#[derive(Clone, Default)]
struct Nation {
    log: Arc<Mutex<Vec<String>>>,
    /// A command that begins with this byte is not answered.
    gone_at: Option<u8>,
    /// Whether the card is back when its power comes on.
    comes_back: bool,
}

impl Nation {
    fn saw(&self, text: impl Into<String>) {
        self.log.lock().unwrap().push(text.into());
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Answers on a port of its own; gives the origin.
    async fn start(&self) -> String {
        let router = Router::new()
            .route("/virtual/cards", get(cards))
            .route("/virtual/cards/{resident}/block", post(block))
            .route("/virtual/sessions", post(begin))
            .route("/virtual/sessions/{id}/apdu", post(apdu))
            .route("/virtual/sessions/{id}/power", post(power))
            .route("/virtual/sessions/{id}", delete(end))
            .with_state(self.clone());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        format!("http://card.localhost:{port}")
    }
}

async fn cards(headers: HeaderMap) -> Response {
    assert!(headers[header::HOST].to_str().unwrap().starts_with("card.localhost:"));
    let list = r#"[{"resident":"aoki","name":"青木","note":"one"},{"resident":"sato","name":"佐藤\u001b[31m","note":"two"}]"#;
    ([(header::CONTENT_TYPE, "application/json")], list).into_response()
}

async fn begin(State(nation): State<Nation>, body: String) -> Response {
    nation.saw(format!("begin {body}"));
    let answer = format!(r#"{{"session":"s1","atr":"{}"}}"#, hex::encode(ATR));
    (StatusCode::CREATED, [(header::CONTENT_TYPE, "application/json")], answer).into_response()
}

async fn block(State(nation): State<Nation>, Path(resident): Path<String>, body: String) -> StatusCode {
    nation.saw(format!("block {resident} {body}"));
    StatusCode::NO_CONTENT
}

/// The answer is the command backwards, and 9000.
async fn apdu(State(nation): State<Nation>, Path(id): Path<String>, command: Bytes) -> Response {
    assert_eq!(id, "s1");
    if command.first().copied() == nation.gone_at && nation.gone_at.is_some() {
        return StatusCode::GONE.into_response();
    }
    let mut answer: Vec<u8> = command.iter().rev().copied().collect();
    answer.extend([0x90, 0x00]);
    answer.into_response()
}

async fn power(State(nation): State<Nation>, body: String) -> StatusCode {
    nation.saw(format!("power {body}"));
    let back = nation.gone_at.is_none() || nation.comes_back;
    if back { StatusCode::NO_CONTENT } else { StatusCode::GONE }
}

async fn end(State(nation): State<Nation>) -> StatusCode {
    nation.saw("end");
    StatusCode::NO_CONTENT
}

/// The program, its lines, and vpcd's end of the cable.
struct Running {
    agent: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

fn agent(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_musubi-agent"));
    command.args(["virtual", "--language", "en"]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

fn start(nation: &str, port: u16, more: &[&str]) -> Running {
    let port = port.to_string();
    let mut agent = agent(&[&["--nation", nation, "--reader-port", &port], more].concat()).spawn().unwrap();
    let lines = BufReader::new(agent.stdout.take().unwrap()).lines();
    Running { agent, lines }
}

impl Running {
    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await.expect("a line");
        line.unwrap().expect("the program goes on")
    }

    async fn ended(self) -> (Option<i32>, String) {
        let output = tokio::time::timeout(PATIENCE, self.agent.wait_with_output()).await.expect("it ends");
        let Output { status, stderr, .. } = output.unwrap();
        (status.code(), String::from_utf8(stderr).unwrap())
    }
}

async fn accept(vpcd: &TcpListener) -> TcpStream {
    tokio::time::timeout(PATIENCE, vpcd.accept()).await.expect("the card connects").unwrap().0
}

async fn says(reader: &mut TcpStream, message: &[u8]) {
    let length = u16::try_from(message.len()).unwrap();
    reader.write_all(&[&length.to_be_bytes()[..], message].concat()).await.unwrap();
}

async fn hears(reader: &mut TcpStream) -> Vec<u8> {
    let message = async {
        let mut message = vec![0; usize::from(reader.read_u16().await.unwrap())];
        reader.read_exact(&mut message).await.unwrap();
        message
    };
    tokio::time::timeout(PATIENCE, message).await.expect("an answer")
}

async fn vpcd() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

#[tokio::test]
async fn commands_and_answers_pass_as_they_are_and_the_end_is_clean() {
    let nation = Nation::default();
    let (vpcd, port) = vpcd().await;
    let more = ["--resident", "sato", "--profile", "android_token", "--get-response", "--removed-at", "9"];
    let mut running = start(&nation.start().await, port, &more);
    let mut reader = accept(&vpcd).await;
    says(&mut reader, &[1]).await;
    says(&mut reader, &[4]).await;
    assert_eq!(hears(&mut reader).await, ATR);
    let ready = running.line().await;
    assert!(ready.contains("佐藤") && ready.contains(&port.to_string()), "{ready}");
    assert!(!ready.contains('\u{1B}'), "a name does not steer the terminal");
    // An extended command of 65,000 bytes is longer than any that a card gets.
    let long: Vec<u8> = (0..65_000_u32).map(|n| n.to_be_bytes()[3]).collect();
    for command in [vec![0x00, 0xA4, 0x04, 0x0C], vec![0x00, 0xB0, 0x00, 0x00, 0x00], long] {
        says(&mut reader, &command).await;
        let expected: Vec<u8> = command.iter().rev().copied().chain([0x90, 0x00]).collect();
        assert_eq!(hears(&mut reader).await, expected);
    }
    says(&mut reader, &[2]).await;
    says(&mut reader, &[0]).await;
    // Answered after the two above were passed on: messages are taken in order.
    says(&mut reader, &[4]).await;
    assert_eq!(hears(&mut reader).await, ATR);

    let pid = running.agent.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
    assert_eq!(running.line().await, "The virtual card was taken away.");
    assert_eq!(running.ended().await.0, Some(0));
    let log = nation.log();
    let begun: serde_json::Value = serde_json::from_str(log[0].strip_prefix("begin ").unwrap()).unwrap();
    assert_eq!(
        begun,
        serde_json::json!({
            "resident": "sato", "profile": "android_token", "chaining": "get_response",
            "delay_ms": 0, "removed_at": 9, "torn_at": null,
        })
    );
    assert_eq!(log[1..], [r#"power {"to":"on"}"#, r#"power {"to":"reset"}"#, r#"power {"to":"off"}"#, "end"]);
}

#[tokio::test]
async fn a_card_that_is_taken_away_ends_the_program_and_frees_the_reader() {
    let nation = Nation { gone_at: Some(0x80), ..Nation::default() };
    let (vpcd, port) = vpcd().await;
    let mut running = start(&nation.start().await, port, &[]);
    let mut reader = accept(&vpcd).await;
    says(&mut reader, &[0x80, 0x2A, 0x00, 0x80]).await;
    assert_eq!(running.line().await, "The virtual card has left the reader.");
    assert_eq!(reader.read(&mut [0; 8]).await.unwrap(), 0, "vpcd sees that the card is gone");
    assert_eq!(running.ended().await.0, Some(0));
}

#[tokio::test]
async fn a_card_whose_power_failed_comes_back_to_the_reader() {
    let nation = Nation { gone_at: Some(0x80), comes_back: true, ..Nation::default() };
    let (vpcd, port) = vpcd().await;
    let mut running = start(&nation.start().await, port, &[]);
    let mut reader = accept(&vpcd).await;
    says(&mut reader, &[0x80, 0x2A, 0x00, 0x80]).await;
    assert_eq!(running.line().await, "The virtual card's power failed. Putting it back on the reader.");
    let mut reader = accept(&vpcd).await;
    says(&mut reader, &[0x00, 0x84]).await;
    assert_eq!(hears(&mut reader).await, [0x84, 0x00, 0x90, 0x00]);
}

#[tokio::test]
async fn a_reader_that_is_not_there_yet_is_waited_for_and_one_that_went_too() {
    let nation = Nation::default();
    let origin = nation.start().await;
    let (vpcd, port) = vpcd().await;
    drop(vpcd);
    let mut running = start(&origin, port, &[]);
    let mut warnings = BufReader::new(running.agent.stderr.take().unwrap()).lines();
    let what = warnings.next_line().await.unwrap().unwrap();
    assert!(what.contains(&format!("port {port}")), "{what}");
    let next = warnings.next_line().await.unwrap().unwrap();
    assert!(next.contains("sudo apt install pcscd vsmartcard-vpcd"), "{next}");
    let vpcd = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    drop(accept(&vpcd).await);
    let mut reader = accept(&vpcd).await;
    says(&mut reader, &[4]).await;
    assert_eq!(hears(&mut reader).await, ATR);
    // What is no message of vpcd's ends the connection, not the program.
    says(&mut reader, &[9]).await;
    let mut reader = accept(&vpcd).await;
    says(&mut reader, &[4]).await;
    assert_eq!(hears(&mut reader).await, ATR);
}

#[tokio::test]
async fn residents_are_listed_and_an_unknown_one_or_a_silent_nation_is_said() {
    let origin = Nation::default().start().await;
    let run = async |arguments: &[&str]| {
        let output = tokio::time::timeout(PATIENCE, agent(arguments).output()).await.unwrap().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, out, _) = run(&["--nation", &origin, "--list"]).await;
    assert_eq!((code, out.as_str()), (Some(0), "aoki\t青木\tone\nsato\t佐藤\\u{1B}[31m\ttwo\n"));
    let (code, _, err) = run(&["--nation", &origin, "--resident", "nobody"]).await;
    assert_eq!(code, Some(2));
    assert!(err.contains("musubi-agent virtual --list"), "{err}");
    // A port on which nobody listens any more.
    let (listener, port) = vpcd().await;
    drop(listener);
    let (code, _, err) = run(&["--nation", &format!("http://card.localhost:{port}")]).await;
    assert_eq!(code, Some(2));
    assert!(err.contains("Start the demo (cargo run --release)"), "{err}");
    let (code, ..) = run(&["--removed-at", "0"]).await;
    assert_eq!(code, Some(64));
}

#[tokio::test]
async fn a_pin_is_blocked_before_the_card_lies_on_the_reader() {
    let nation = Nation::default();
    let (vpcd, port) = vpcd().await;
    let more = ["--resident", "aoki", "--block", "authentication", "--block", "text_attributes"];
    let _running = start(&nation.start().await, port, &more);
    drop(accept(&vpcd).await);
    let log = nation.log();
    let expected = [r#"block aoki {"pin":"authentication"}"#, r#"block aoki {"pin":"text_attributes"}"#]
        .map(str::to_owned);
    assert_eq!(log[..2], expected);
    assert!(log[2].starts_with("begin "), "{log:?}");
}
