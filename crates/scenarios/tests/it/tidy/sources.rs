//! A rough reader of Rust: code without comments and literals, and the string literals. Enough to look for words;
//! it does not parse.

/// What stands in a source text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Source {
    /// The code; comments and the contents of literals are left out, line breaks stay.
    pub(super) code: String,
    /// The contents of string literals, each with its line from 1.
    pub(super) strings: Vec<(usize, String)>,
}

pub(super) fn read(text: &str) -> Source {
    let chars: Vec<char> = text.chars().collect();
    let mut source = Source::default();
    let mut at = 0;
    while at < chars.len() {
        at = match (chars[at], chars.get(at + 1)) {
            ('/', Some('/')) => (at..chars.len()).find(|i| chars[*i] == '\n').unwrap_or(chars.len()),
            ('/', Some('*')) => block_comment(&chars, at, &mut source),
            ('"', _) => string(&chars, at + 1, &mut source),
            ('r', _) if !within_word(&chars, at) => raw_string(&chars, at, &mut source),
            ('\'', _) => quote(&chars, at, &mut source),
            (c, _) => {
                source.code.push(c);
                at + 1
            }
        };
    }
    source
}

/// `r` inside a word begins no raw string; after the `b` or `c` of `br"` and `cr"` it does.
fn within_word(chars: &[char], at: usize) -> bool {
    let word = |i: usize| chars[i].is_alphanumeric() || chars[i] == '_';
    let prefix = at > 0 && matches!(chars[at - 1], 'b' | 'c') && (at == 1 || !word(at - 2));
    at > 0 && word(at - 1) && !prefix
}

fn block_comment(chars: &[char], mut at: usize, source: &mut Source) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            (c, _) => {
                if c == '\n' {
                    source.code.push(c);
                }
                at += 1;
            }
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn keep(source: &mut Source, literal: &[char]) {
    let line = source.code.matches('\n').count() + 1;
    source.code.push_str("\"\"");
    source.code.extend(literal.iter().filter(|c| **c == '\n'));
    source.strings.push((line, literal.iter().collect()));
}

fn string(chars: &[char], begin: usize, source: &mut Source) -> usize {
    let mut at = begin;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    let end = at.min(chars.len());
    keep(source, &chars[begin..end]);
    end + 1
}

fn raw_string(chars: &[char], at: usize, source: &mut Source) -> usize {
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    let begin = at + 2 + hashes;
    if chars.get(begin - 1) != Some(&'"') {
        source.code.push('r');
        return at + 1;
    }
    let closes = |i: &usize| chars[*i] == '"' && (1..=hashes).all(|n| chars.get(i + n) == Some(&'#'));
    let end = (begin..chars.len()).find(closes).unwrap_or(chars.len());
    keep(source, &chars[begin..end]);
    end + 1 + hashes
}

/// A character or a lifetime.
fn quote(chars: &[char], at: usize, source: &mut Source) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => {
            let end = (at + 3..chars.len()).find(|i| chars[*i] == '\'').unwrap_or(chars.len());
            end + 1
        }
        (Some(_), Some('\'')) => at + 3,
        _ => {
            source.code.push('\'');
            at + 1
        }
    }
}

/// Whether `word` stands in `code` as a whole path segment, not as a part of another word.
pub(super) fn names(code: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back().is_some_and(part);
        let after = word.ends_with(part) && code[at + word.len()..].chars().next().is_some_and(part);
        !before && !after
    })
}

#[test]
fn code_comments_and_literals_are_told_apart() {
    let text = "use a; // no \"string\"\n/* no /* more */ */ let x: &'static str = \"SELECT\\\" 1\";\nlet y = r#\"raw \"quoted\"\"#; let c = '\"'; let d = '\\''; for_r\"x\";";
    let source = read(text);
    let strings: Vec<_> = source.strings.iter().map(|(line, text)| (*line, text.as_str())).collect();
    assert_eq!(strings, [(2, "SELECT\\\" 1"), (3, "raw \"quoted\""), (3, "x")]);
    assert!(names(&source.code, "use") && !names(&source.code, "more") && !names(&source.code, "tati"));
    assert_eq!(source.code.matches('\n').count(), 2);
}
