//! Locale files against templates and code.

use std::path::Path;

use musubi_httpkit::page::Texts;
use musubi_httpkit::page::testing::locale_faults;
use musubi_services::bank::Fault;

fn services() -> [(&'static str, Texts); 2] {
    [
        (
            "bank",
            Texts::new(
                include_str!("../../src/bank/locales/ja.txt"),
                include_str!("../../src/bank/locales/en.txt"),
            ),
        ),
        (
            "phish",
            Texts::new(
                include_str!("../../src/phish/locales/ja.txt"),
                include_str!("../../src/phish/locales/en.txt"),
            ),
        ),
    ]
}

#[test]
fn every_text_that_is_asked_for_is_there_in_both_languages() {
    for (name, texts) in services() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name);
        let faults: Vec<String> = locale_faults(&texts, "t", &folder)
            .into_iter()
            .filter(|fault| !fault.contains("`live.new`"))
            .collect();
        assert_eq!(faults, [""; 0]);
    }
}

#[test]
fn every_fault_of_the_form_has_its_words() {
    let [(_, bank), _] = services();
    for fault in Fault::ALL {
        assert!(bank.has(fault.key()), "{}", fault.key());
    }
}

/// A text that nothing asks for is a text that nobody reads any more.
#[test]
fn every_text_is_asked_for() {
    for (name, texts) in services() {
        let mut sources = String::new();
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|e| e == "rs" || e == "html") {
                    sources += &std::fs::read_to_string(path).unwrap();
                }
            }
        }
        let unread: Vec<&str> = texts
            .keys()
            .filter(|key| !key.starts_with("check.") && !sources.contains(&format!("\"{key}\"")))
            .collect();
        assert_eq!(unread, [""; 0], "{name}");
    }
}
