//! `musubi-agent serve` and `musubi-agent sites` as processes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use musubi_agent::serve::Register;

use super::station::{AT, BANK};

fn agent(state: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_musubi-agent"));
    command.args(["--language", "en"]).args(arguments).arg("--state").arg(state);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn the_program_says_where_it_is_and_the_code_serves_and_ends_when_asked_to() {
    let state = tempfile::tempdir().unwrap();
    let mut running = Running(agent(state.path(), &["serve", "--port", "0"]).spawn().unwrap());
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let address = lines.next().unwrap().unwrap();
    let address = address.split("http://").nth(1).unwrap().to_owned();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let code = lines.next().unwrap().unwrap();
    assert!(code.starts_with("Code to pair a browser: "), "{code}");

    let mut connection = TcpStream::connect(&address).unwrap();
    write!(connection, "GET /status HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("musubi_agent"), "{answer}");

    let port = address.split(':').nth(1).unwrap();
    let second = agent(state.path(), &["serve", "--port", port]).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains(&format!("Port {port} is in use")), "{said}");

    // An open connection does not keep it.
    let _idle = TcpStream::connect(&address).unwrap();
    let asked = Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status().unwrap();
    assert!(asked.success());
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
}

#[test]
fn sites_are_listed_and_forgotten_on_the_command_line() {
    let state = tempfile::tempdir().unwrap();
    let register = Register::open(state.path()).unwrap();
    register.approve(BANK, AT).unwrap();
    let run = |arguments: &[&str]| {
        let output = agent(state.path(), arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(run(&["sites", "list"]), (Some(0), format!("{BANK}\t{}\n", AT.rfc3339())));
    assert_eq!(run(&["sites", "forget", BANK]).0, Some(0));
    assert!(!register.is_approved(BANK).unwrap());
    assert_eq!(run(&["sites", "forget", BANK]).0, Some(1), "it was not there");
    assert_eq!(run(&["sites", "list"]), (Some(0), "You have allowed no site.\n".to_owned()));
    assert_eq!(run(&["sites", "forget-browsers"]).1, "0 browsers were forgotten.\n");
}

#[test]
fn state_that_cannot_be_read_stops_the_program_with_a_word() {
    let state = tempfile::tempdir().unwrap();
    std::fs::write(state.path().join("state.json"), r#"{"version":7}"#).unwrap();
    let output = agent(state.path(), &["serve", "--port", "0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("version 7"), "{said}");
}
