//! The program with the computer's smart-card service: a virtual card on a virtual reader, which the program itself puts
//! there, read and used through PC/SC. Runs inside `scripts/with-cards`, which has readers.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use musubi_card::virtual_card::{Profile, VirtualCard};
use musubi_kernel::SeededRandom;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::card::{AUTHENTICATION, virtual_card};

const PATIENCE: Duration = Duration::from_secs(60);

type Shared = Arc<Mutex<OnReader>>;

/// A card, and how many commands it answers before it is taken away.
struct OnReader {
    card: VirtualCard,
    answers: u32,
}

fn on_reader(answers: u32) -> Shared {
    Arc::new(Mutex::new(OnReader { card: virtual_card(Profile::Plastic, true), answers }))
}

/// A nation with one card, as its endpoints show it.
async fn nation(card: Shared) -> String {
    let json = |body: String| ([(header::CONTENT_TYPE, "application/json")], body).into_response();
    let cards = move || async move { json(r#"[{"resident":"one","name":"Nobody","note":"-"}]"#.to_owned()) };
    let begin = move |State(card): State<Shared>| async move {
        let atr = hex::encode(card.lock().unwrap().card.atr());
        let begun: Response = json(format!(r#"{{"session":"s1","atr":"{atr}"}}"#));
        (StatusCode::CREATED, begun)
    };
    let apdu = async |State(on): State<Shared>, command: Bytes| {
        let mut on = on.lock().unwrap();
        let Some(left) = on.answers.checked_sub(1) else { return StatusCode::GONE.into_response() };
        on.answers = left;
        on.card.answer(&command, &SeededRandom::new([5; 32])).response.unwrap().into_response()
    };
    let power = async |State(on): State<Shared>, to: String| {
        let mut on = on.lock().unwrap();
        match on.answers {
            0 => return StatusCode::GONE,
            _ if to.contains("reset") => on.card.reset(),
            _ => on.card.power_cycle(),
        }
        StatusCode::NO_CONTENT
    };
    let router = Router::new()
        .route("/virtual/cards", get(cards))
        .route("/virtual/sessions", post(begin))
        .route("/virtual/sessions/s1/apdu", post(apdu))
        .route("/virtual/sessions/s1/power", post(power))
        .route("/virtual/sessions/s1", delete(StatusCode::NO_CONTENT))
        .with_state(card);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://card.localhost:{port}")
}

/// Runs a command of the program with these lines on its standard input.
async fn agent(arguments: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_musubi-agent"));
    command.args(["--language", "en"]).args(arguments).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("it ends").unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Puts the card on the reader of this port; ready is what the program says.
async fn insert(origin: &str, port: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_musubi-agent"));
    command
        .args(["virtual", "--language", "en", "--nation", origin, "--reader-port", port])
        .kill_on_drop(true);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("a line").unwrap().unwrap();
    assert!(line.starts_with("The virtual card of Nobody is on "), "{line}");
    // Its later lines need a reader, too.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    child
}

/// The reader of this port that has a card, as the program lists it.
async fn reader_with_card(port: &str) -> String {
    let (code, out, _) = agent(&["readers"], "").await;
    assert_eq!(code, Some(0));
    let is_it = |line: &&str| line.contains(port) && line.ends_with("\ta card");
    let line = out.lines().find(is_it).unwrap_or_else(|| panic!("no card at {port}: {out}"));
    line.split('\t').next().unwrap().to_owned()
}

/// The port of a reader for this test alone; none outside of `scripts/with-cards`.
fn port(number: usize) -> Option<String> {
    let Ok(ports) = std::env::var("MUSUBI_TEST_READERS") else {
        println!("not here: `scripts/with-cards cargo test -p musubi-agent` has readers");
        return None;
    };
    Some(ports.split_whitespace().nth(number).expect("readers enough").to_owned())
}

// More than one thread: the card that this test holds itself is answered by the nation that it plays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_on_a_reader_is_found_read_used_and_missed() {
    let Some(port) = port(0) else { return };
    let origin = nation(on_reader(u32::MAX)).await;
    let folder = tempfile::tempdir().unwrap();

    let mut inserted = insert(&origin, &port).await;
    let reader = reader_with_card(&port).await;
    let on = ["--reader", reader.as_str()];

    let der = folder.path().join("auth.der");
    let save = ["read", "--certificate", "auth", "--out", der.to_str().unwrap()];
    assert_eq!(agent(&[&save[..], &on].concat(), "").await.0, Some(0));
    assert_eq!(std::fs::read(&der).unwrap(), AUTHENTICATION);

    let file = folder.path().join("contract.txt");
    std::fs::write(&file, "契約書\n").unwrap();
    let sign = ["sign", file.to_str().unwrap(), "--pin-stdin"];
    let (code, _, err) = agent(&[&sign[..], &on].concat(), "WRONG99\n").await;
    assert_eq!(code, Some(1));
    assert!(err.contains("Tries left before it is blocked: 4."), "{err}");
    assert_eq!(agent(&[&sign[..], &on].concat(), "ABC123\n").await.0, Some(0));
    let message = std::fs::read(folder.path().join("contract.txt.p7s")).unwrap();
    assert_eq!(musubi_signature::cms::find(&message, Some("契約書\n".as_bytes())).unwrap().len(), 1);

    let change = [&["pin", "change", "authentication", "--pin-stdin"][..], &on].concat();
    assert_eq!(agent(&change, "1234\n4321\n4321\n").await.0, Some(0));
    assert_eq!(agent(&change, "4321\n1234\n1234\n").await.0, Some(0));
    let (_, out, _) = agent(&[&["pin", "status"][..], &on].concat(), "").await;
    assert!(out.contains("user-authentication certificate: 3"), "{out}");

    let name = reader.clone();
    let held = tokio::task::spawn_blocking(move || musubi_agent::pcsc::connect(Some(&name)).unwrap());
    let held = held.await.unwrap();
    let (code, _, err) = agent(&[&["read"][..], &on].concat(), "").await;
    assert_eq!(code, Some(2));
    assert!(err.contains("Another program is using the card."), "{err}");
    tokio::task::spawn_blocking(move || drop(held)).await.unwrap();
    assert_eq!(agent(&[&["read"][..], &on].concat(), "").await.0, Some(0));

    inserted.kill().await.unwrap();
    let gone = tokio::time::timeout(PATIENCE, async {
        loop {
            let (code, _, err) = agent(&[&["read"][..], &on].concat(), "").await;
            if err.contains("There is no card on the reader.") {
                return code;
            }
        }
    });
    assert_eq!(gone.await.expect("pcscd looks at its readers"), Some(2));
    let (code, _, err) = agent(&["read", "--reader", "no such reader"], "").await;
    assert_eq!((code, err.contains("No card reader was found.")), (Some(2), true));
}

#[tokio::test]
async fn a_card_that_is_taken_away_while_it_is_read_is_said_to_have_left() {
    let Some(port) = port(1) else { return };
    // Enough to be found a My Number Card, not enough to be read.
    let origin = nation(on_reader(4)).await;
    let mut inserted = insert(&origin, &port).await;
    let reader = reader_with_card(&port).await;
    let (code, _, err) = agent(&["read", "--reader", &reader], "").await;
    assert_eq!(code, Some(2));
    assert!(err.contains("The card left the reader before the end."), "{err}");
    let ended = tokio::time::timeout(PATIENCE, inserted.wait()).await.expect("nothing is left to do");
    assert_eq!(ended.unwrap().code(), Some(0));
}
