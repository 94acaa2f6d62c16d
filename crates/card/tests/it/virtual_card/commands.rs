//! The table of commands and what the card answers (facts §4.1 to §4.7), `commands.txt`. Every section begins with a new
//! card; all rows that fail are told at once.

use std::fmt::Write as _;

use musubi_card::virtual_card::{Behaviour, Chaining, Profile, VirtualCard};
use musubi_kernel::SeededRandom;

use super::support::{self, Holder, LARGE_KEY};

const TABLE: &str = include_str!("commands.txt");

/// What a row expects of the data before the status word.
enum Expected {
    Bytes(Vec<u8>),
    Length(usize),
}

#[test]
fn every_command_is_answered_as_the_table_says() {
    let random = SeededRandom::new([4; 32]);
    let mut card = None;
    let (mut rows, mut failures) = (0, String::new());
    for (number, line) in TABLE.lines().enumerate() {
        let number = number + 1;
        let row = line.split('#').next().unwrap().trim();
        if row.is_empty() {
            continue;
        }
        if let Some(section) = row.strip_prefix('[') {
            card = Some(new_card(section.trim_end_matches(']')));
            continue;
        }
        let card = card.as_mut().expect("a section");
        match row {
            "power off and on" => card.power_cycle(),
            "warm reset" => card.reset(),
            _ => {
                rows += 1;
                let (command, answer) =
                    row.split_once("->").unwrap_or_else(|| panic!("line {number}: {row}"));
                let response = card.answer(&bytes(command), &random).response.expect("the card is there");
                if let Some(failure) = contradiction(&response, answer) {
                    writeln!(failures, "line {number}: {row}\n    but {failure}").unwrap();
                }
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
    assert!(rows >= 400, "the table has lost rows: {rows}");
}

fn new_card(section: &str) -> VirtualCard {
    let mut behaviour = Behaviour::default();
    let (mut profile, mut holder) = (Profile::Plastic, Holder::Adult);
    for word in section.split_once(':').map_or("", |(_, words)| words).split_whitespace() {
        match word {
            "android" => profile = Profile::AndroidToken,
            "under-15" => holder = Holder::Under15,
            "get-response" => behaviour.chaining = Chaining::GetResponse,
            _ => panic!("unknown kind of card: {word}"),
        }
    }
    VirtualCard::new(support::image(&LARGE_KEY, profile, holder), support::memory(holder), behaviour)
}

fn contradiction(response: &[u8], answer: &str) -> Option<String> {
    let (data, status) = response.split_at(response.len() - 2);
    let (expected, expected_status) = answer.trim().rsplit_once(' ').unwrap_or(("", answer.trim()));
    let expected = match expected.trim().strip_prefix('(') {
        Some(length) => Expected::Length(length.trim_end_matches(')').parse().expect("a length")),
        None => Expected::Bytes(bytes(expected)),
    };
    let fits = match expected {
        Expected::Bytes(expected) => data == expected,
        Expected::Length(length) => data.len() == length,
    };
    let status = hex::encode_upper(status);
    (status != expected_status || !fits)
        .then(|| format!("{} bytes {} {status}", data.len(), hex::encode_upper(&data[..data.len().min(40)])))
}

/// Reads words: hexadecimal bytes, `XX*N` a byte `N` times, `'text'`, and a name for an application identifier.
fn bytes(text: &str) -> Vec<u8> {
    text.split_whitespace().flat_map(word).collect()
}

fn word(word: &str) -> Vec<u8> {
    let hex = |digits: &str| hex::decode(digits).unwrap_or_else(|_| panic!("{word} is no hexadecimal"));
    let name = match word {
        "JPKI" => "D392F000260100000001",
        "TEXT" => "D3921000310001010408",
        "SURFACE" => "D3921000310001010402",
        "REGISTER" => "D3921000310001010401",
        "COMMON" => "D3921000310001010100",
        "ISD" => "A0000001510000",
        "DIGESTINFO" => "3031300D060960864801650304020105000420",
        _ => "",
    };
    if !name.is_empty() {
        return hex(name);
    }
    if let Some(text) = word.strip_prefix('\'') {
        return text.trim_end_matches('\'').into();
    }
    match word.split_once('*') {
        Some((octet, times)) => hex(octet).repeat(times.parse().expect("a number")),
        None => hex(word),
    }
}
