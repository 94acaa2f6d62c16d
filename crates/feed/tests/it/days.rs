//! A daily file reads to its end as it was made, and in no other way.

use musubi_feed::{
    Contradiction, DayReader, DayRefusal, DayStatement, Refusal, TokenError, open_day, seal_day,
};

use crate::truth::{NOW, Platform};

fn file(platform: &Platform, from: usize, to: usize) -> Vec<String> {
    let statement = DayStatement {
        day: "2026-04-01".into(),
        before: platform.places[from],
        last: platform.places[to],
        at: NOW.0,
    };
    let mut lines = vec![seal_day(&platform.stream, &statement, &platform.key)];
    lines.extend_from_slice(&platform.entries[from..to]);
    lines
}

fn read(platform: &Platform, lines: &[String]) -> Result<u64, DayRefusal> {
    let keys = platform.keys();
    let mut reader = DayReader::begin(&lines[0], &platform.stream, &keys).expect("a statement");
    for line in &lines[1..] {
        reader.line(line)?;
    }
    let last = reader.statement().last.sequence;
    reader.end().map(|()| last)
}

#[test]
fn a_file_reads_to_its_end_also_in_the_middle_of_the_stream_and_without_entries() {
    let platform = Platform::with(5);
    assert_eq!(read(&platform, &file(&platform, 0, 5)), Ok(5));
    assert_eq!(read(&platform, &file(&platform, 2, 4)), Ok(4));
    assert_eq!(read(&platform, &file(&platform, 3, 3)), Ok(3));
}

#[test]
fn a_file_that_was_cut_joined_or_changed_does_not() {
    let platform = Platform::with(5);
    let whole = file(&platform, 1, 4);
    let cut = &whole[..3];
    assert_eq!(read(&platform, cut), Err(DayRefusal::Truncated { expected: 4, got: 3 }));
    let mut left_out = whole.clone();
    left_out.remove(2);
    let gap = Refusal::Gap { expected: 3, got: 4 };
    assert_eq!(read(&platform, &left_out), Err(DayRefusal::Line(gap)));
    let mut twice = whole.clone();
    twice.insert(2, whole[1].clone());
    assert_eq!(read(&platform, &twice), Err(DayRefusal::TooMany));
    let mut longer = whole.clone();
    longer.push(platform.entries[4].clone());
    assert_eq!(read(&platform, &longer), Err(DayRefusal::TooMany));
    let mut other = whole;
    other[3] = platform.other(4).0;
    let fork = Refusal::Contradiction(Contradiction::Fork { sequence: 4 });
    assert_eq!(read(&platform, &other), Err(DayRefusal::Line(fork)), "another last entry, rightly signed");
}

#[test]
fn an_entry_is_no_statement_and_a_statement_no_entry() {
    let platform = Platform::with(1);
    let keys = platform.keys();
    let statement = &file(&platform, 0, 1)[0];
    assert_eq!(open_day(platform.entry(1), &platform.stream, &keys), Err(TokenError::Malformed));
    assert_eq!(platform.receiver().accept(statement), Err(Refusal::Token(TokenError::Malformed)));
}
