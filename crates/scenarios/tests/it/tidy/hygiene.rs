//! Sizes, unfinished work, paths of somebody's machine, notices of foreign data, locale files.

use std::collections::{BTreeMap, BTreeSet};

use super::{files, hold, root, walk};

/// Past this many lines the head says why the file is not two.
const LONG: usize = 500;
/// Past this many the file is two.
const TOO_LONG: usize = 800;

#[test]
fn no_source_is_longer_than_800_lines_and_a_long_one_says_why() {
    let mut faults = Vec::new();
    for file in files() {
        if !["rs", "js", "css", "html", "sql"].contains(&file.extension()) {
            continue;
        }
        let lines = file.text.lines().count();
        let head: String = file.text.lines().take(12).collect::<Vec<_>>().join(" ").to_lowercase();
        if lines > TOO_LONG {
            faults.push(format!("{}: {lines} lines; split it by a noun of the standard", file.path));
        } else if lines > LONG && !(head.contains("longer than") && head.contains("500")) {
            faults.push(format!(
                "{}: {lines} lines; its head says `Longer than 500 lines because …`",
                file.path
            ));
        }
    }
    hold("a file fits the head of who reads it:", faults);
}

#[test]
fn nothing_is_left_unfinished() {
    // Written in two parts, so that this file does not find itself.
    let marks =
        [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("to", "do!("), concat!("unimple", "mented!(")];
    let mut faults = Vec::new();
    for file in files() {
        for (number, line) in file.text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                faults.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    hold("finish it, or write an issue:", faults);
}

#[test]
fn no_path_of_anybodys_machine_is_written_down() {
    let paths = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!("/tm", "p/brief"),
    ];
    let mut faults = Vec::new();
    for file in files() {
        for (number, line) in file.text.lines().enumerate() {
            if paths.iter().any(|path| line.contains(path)) {
                faults.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    hold("these paths exist on one machine only:", faults);
}

#[test]
fn foreign_data_comes_with_a_notice() {
    let root = root();
    let mut folders = BTreeSet::new();
    walk(&root, &root, &mut |path, _| {
        let parts: Vec<&str> = path.split('/').collect();
        for (depth, part) in parts.iter().enumerate().take(parts.len() - 1) {
            if ["fixtures", "anchors", "vectors", "vendor"].contains(part) {
                folders.insert(parts[..=depth].join("/"));
            }
        }
    });
    assert!(folders.len() >= 2, "the folders of foreign data are not where they were: {folders:?}");
    let faults = folders
        .into_iter()
        .filter(|folder| !["NOTICE", "NOTICE.md"].iter().any(|name| root.join(folder).join(name).is_file()))
        .collect();
    hold("a NOTICE in the folder says whose data it is, whence it comes and under which licence:", faults);
}

/// Keys of a locale file, and what is wrong with it.
fn keys(path: &str, text: &str, faults: &mut Vec<String>) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once(" = ") {
            Some((key, value)) if !key.is_empty() && !value.trim().is_empty() => {
                if !keys.insert(key.to_owned()) {
                    faults.push(format!("{path}:{}: {key} is there twice", number + 1));
                }
            }
            _ => faults.push(format!("{path}:{}: not `key = text`", number + 1)),
        }
    }
    keys
}

#[test]
fn every_text_is_there_in_japanese_and_in_english() {
    let mut faults = Vec::new();
    let mut folders: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for file in files() {
        if let Some((folder, "ja.txt" | "en.txt")) = file.path.rsplit_once('/') {
            let keys = keys(&file.path, &file.text, &mut faults);
            folders.entry(folder.to_owned()).or_default().insert(file.name().to_owned(), keys);
        }
    }
    assert!(folders.len() >= 5, "the locale folders are not where they were: {:?}", folders.keys());
    for (folder, languages) in folders {
        let of = |language: &str| languages.get(language).cloned().unwrap_or_default();
        let (ja, en) = (of("ja.txt"), of("en.txt"));
        faults.extend(ja.difference(&en).map(|key| format!("{folder}/en.txt lacks {key}")));
        faults.extend(en.difference(&ja).map(|key| format!("{folder}/ja.txt lacks {key}")));
    }
    hold("both languages have the same texts:", faults);
}
