//! What may stand in which file: SQL, the web framework, clocks and other sources of the outside world, and the
//! making of a verified certificate.

use super::sources::{names, read};
use super::{File, hold, needed, rust_files};

/// Statements begin with one of these, in capitals throughout.
const STATEMENTS: [&str; 12] = [
    "SELECT ",
    "INSERT INTO ",
    "UPDATE ",
    "DELETE FROM ",
    "CREATE TABLE ",
    "CREATE INDEX ",
    "CREATE UNIQUE INDEX ",
    "DROP TABLE ",
    "ALTER TABLE ",
    "WITH RECURSIVE ",
    "TRUNCATE ",
    "PRAGMA ",
];

fn is_statement(text: &str) -> bool {
    STATEMENTS.iter().any(|s| text.starts_with(s)) && (!text.starts_with("UPDATE ") || text.contains(" SET "))
}

/// A test may look into a table, since a feature's own reader would hide what it hides; it may not write.
#[test]
fn sql_text_stands_only_in_sql_rs_migrations_and_store() {
    let mut faults = Vec::new();
    for file in rust_files() {
        if file.name() == "sql.rs"
            || file.crate_folder() == Some("store")
            || file.path.ends_with("tidy/layers.rs")
        {
            continue;
        }
        for (line, text) in read(&file.text).strings {
            let text = text.trim_start();
            if is_statement(text) && !(file.is_test() && text.starts_with("SELECT ")) {
                faults.push(format!("{}:{line}: {}", file.path, text.lines().next().unwrap_or_default()));
            }
        }
    }
    hold("SQL belongs into the feature's sql.rs or migrations/:", faults);
}

#[test]
fn the_sql_driver_is_named_only_by_store() {
    let named = rust_files().into_iter().filter(|file| file.crate_folder() != Some("store"));
    let faults = named.filter(|file| names(&read(&file.text).code, "sqlx")).map(|file| file.path).collect();
    hold("only crates/store names the SQL driver:", faults);
}

/// Files that name the web framework without being a feature's `http.rs`, and why.
const WEB_EXCEPTIONS: [(&str, &str); 7] = [
    ("crates/server/src/lib.rs", "composition: answers the routers of the API and of the portal"),
    ("crates/server/src/cli.rs", "composition: serves them"),
    ("crates/server/src/openapi.rs", "composition: merges every feature's routes and their document"),
    ("crates/demo/src/running.rs", "composition: one router per host"),
    (
        "crates/verification/src/lib.rs",
        "lets handlers take the platform's context out of the service's state",
    ),
    ("crates/verification/src/once.rs", "the idempotency key around every handler of this crate"),
    ("crates/services/src/visit.rs", "extractors that the http.rs of both sample sites share"),
];

/// Crates and folders whose business is HTTP or pages.
fn speaks_http(file: &File) -> bool {
    matches!(file.crate_folder(), Some("httpkit" | "web" | "console" | "connector"))
        || file.name() == "http.rs"
        || file.path.contains("/http/")
        || file.path.contains("/pages/")
        || file.path.starts_with("crates/demo/src/start/")
        || file.path.starts_with("crates/agent/src/serve/")
        || file.is_test()
}

#[test]
fn the_web_framework_is_named_only_where_http_is_spoken() {
    let (mut faults, mut used) = (Vec::new(), Vec::new());
    for file in rust_files() {
        if speaks_http(&file)
            || !["axum", "tower_http", "hyper"].iter().any(|word| names(&read(&file.text).code, word))
        {
            continue;
        }
        if WEB_EXCEPTIONS.iter().any(|(path, _)| *path == file.path) {
            used.push(file.path);
        } else {
            faults.push(file.path);
        }
    }
    hold(
        "only httpkit, web, console, connector, pages, the agent's serve and a feature's http.rs name the web framework:",
        faults,
    );
    needed(&WEB_EXCEPTIONS, &used);
}

/// Words by which the outside world comes in.
const OUTSIDE: [&str; 22] = [
    "SystemTime",
    "Instant::now",
    "now_utc",
    "SystemClock",
    ".now()",
    "std::fs",
    "fs::read",
    "File::open",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "TcpStream",
    "UdpSocket",
    "tokio::",
    "reqwest",
    "SystemRandom",
    "thread_rng",
    "OsRng",
    "getrandom",
    "stdin()",
    "println!",
];

/// The one place of the pure crates that knows of threads: a computation on two cores, of which nothing outlives the call.
const ON_TWO_CORES: &str = "crates/pki/src/both.rs";

fn outside(code: &str) -> impl Iterator<Item = &'static str> {
    let reads = |word: &&str| if word.starts_with('.') { code.contains(*word) } else { names(code, word) };
    OUTSIDE.into_iter().filter(reads)
}

#[test]
fn what_these_rules_forbid_is_found() {
    assert!(
        is_statement("SELECT 1") && is_statement("UPDATE t SET a = 1") && !is_statement("UPDATE the page")
    );
    let code = read("let at = clock.now(); use std::fs; tokio::spawn(x); Instant::now(); // reqwest\n let knows = unknown();").code;
    assert_eq!(outside(&code).collect::<Vec<_>>(), ["Instant::now", ".now()", "std::fs", "tokio::"]);
}

#[test]
fn pki_card_signature_and_every_service_rs_read_no_clock_file_network_or_random_source() {
    let mut faults = Vec::new();
    let mut seen = 0;
    for file in rust_files() {
        let pure =
            matches!(file.crate_folder(), Some("pki" | "signature" | "card")) || file.name() == "service.rs";
        if !pure || file.is_test() {
            continue;
        }
        seen += 1;
        let code = read(&file.text).code;
        // Unit tests at the end of a file may do what tests do.
        let code = code.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let found = outside(code).filter(|word| file.path != ON_TWO_CORES || *word != "std::thread");
        faults.extend(found.map(|word| format!("{}: {word}", file.path)));
    }
    assert!(seen > 25, "only {seen} files were looked at: has the layout changed?");
    hold("rules and the verifier are given time, bytes and randomness as arguments:", faults);
}

#[test]
fn a_verified_certificate_and_a_verdict_are_made_in_one_place_each() {
    for (maker, homes) in [
        ("VerifiedCertificate::new(", &["crates/pki/src/judge.rs"][..]),
        ("Verdict::concluded(", &["crates/pki/src/judge.rs", "crates/pki/src/path/judge.rs"][..]),
    ] {
        let makers: Vec<String> = rust_files()
            .into_iter()
            .filter(|file| read(&file.text).code.contains(maker))
            .map(|file| file.path)
            .collect();
        assert_eq!(makers, homes, "{maker} is called elsewhere than in a judgement");
    }
}

#[test]
fn migrations_are_named_after_their_feature_and_file() {
    let mut faults = Vec::new();
    for file in rust_files() {
        for (line, text) in read(&file.text).strings {
            let Some(migration) = text.strip_prefix("migrations/").and_then(|m| m.strip_suffix(".sql"))
            else {
                continue;
            };
            let number = migration.split('_').next().unwrap_or_default();
            let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let at_hand = super::root().join(folder).join(&text).is_file();
            if number.len() != 4 || !number.bytes().all(|b| b.is_ascii_digit()) || !at_hand {
                faults.push(format!("{}:{line}: {text}", file.path));
            }
        }
    }
    hold("a migration is migrations/0001_what.sql beside the module that brings it:", faults);
}

/// Words that a log line may not hold as a field: what they name is personal or secret.
const PRIVATE: [&str; 22] = [
    "pin",
    "password",
    "secret",
    "token",
    "cookie",
    "assertion",
    "serial",
    "certificate",
    "signature",
    "document",
    "body",
    "form",
    "attributes",
    "name",
    "kana",
    "address",
    "birth",
    "sex",
    "customer",
    "person",
    "subject",
    "resident",
];

/// The fields and texts of every log line in `source`: what stands between `tracing::level!(` and its `)`.
fn log_lines(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for level in ["error!(", "warn!(", "info!(", "debug!(", "trace!("] {
        for (at, _) in code.match_indices(level) {
            let rest = &code[at + level.len()..];
            let mut depth = 1;
            let end = rest.find(|c| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                depth == 0
            });
            found.push(&rest[..end.unwrap_or(rest.len())]);
        }
    }
    found
}

fn private(line: &str) -> Option<&'static str> {
    let words = || line.split(|c: char| !c.is_alphanumeric());
    PRIVATE
        .into_iter()
        .find(|private| words().any(|word| word == *private))
        .or(line.contains('?').then_some("?"))
}

#[test]
fn no_log_line_has_a_private_field_or_shows_a_whole_value() {
    assert_eq!(private("%error, customer_id = %id"), Some("customer"));
    assert_eq!(private("?value"), Some("?"));
    assert_eq!(private("%error, number = list.number()"), None);
    let mut faults = Vec::new();
    let mut seen = 0;
    for file in rust_files().into_iter().filter(|file| !file.is_test()) {
        let source = read(&file.text);
        for line in log_lines(&source.code) {
            seen += 1;
            faults.extend(private(line).map(|word| format!("{}: «{word}» in {}", file.path, line.trim())));
        }
    }
    assert!(seen > 10, "only {seen} log lines were looked at");
    hold("a log line names no person, no secret and no value by its Debug form:", faults);
}
