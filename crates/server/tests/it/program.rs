//! The program, run over the fixtures of the signature formats.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a run came to.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    /// Every line as JSON.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A fixture's path.
pub(crate) fn fixture(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../signature/tests/fixtures");
    folder.join(name).display().to_string()
}

pub(crate) fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}

fn command(arguments: &[String]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_musubi"));
    command.args(arguments).env_remove("LC_ALL").env_remove("LC_MESSAGES").env("LANG", "C.UTF-8");
    command
}

/// Runs `musubi` with nothing on its standard input.
pub(crate) fn musubi(arguments: &[&str]) -> Run {
    with_input(arguments, b"")
}

pub(crate) fn with_input(arguments: &[&str], input: &[u8]) -> Run {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    run(command(&arguments), input)
}

pub(crate) fn run(mut command: Command, input: &[u8]) -> Run {
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().unwrap()
    });
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// The arguments by which the fixtures are judged: their root, what is below it, and the time.
pub(crate) fn trusting() -> Vec<String> {
    let mut out = Vec::new();
    for (option, value) in [
        ("--trust", fixture("pki/root.der")),
        ("--certificates", fixture("pki/chain.pem")),
        ("--crl", fixture("pki/root.crl")),
        ("--crl", fixture("pki/intermediate.crl")),
        ("--at", "2026-12-01T00:00:00Z".to_owned()),
    ] {
        out.extend([option.to_owned(), value]);
    }
    out
}

/// `musubi verify` with these anchors and further arguments.
pub(crate) fn verify(arguments: &[&str]) -> Run {
    run(verify_command(arguments), b"")
}

pub(crate) fn verify_command(arguments: &[&str]) -> Command {
    let mut all = vec!["verify".to_owned()];
    all.extend(trusting());
    all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    command(&all)
}
