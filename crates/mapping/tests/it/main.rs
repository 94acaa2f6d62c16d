//! Files that are written once and mapped.
#![allow(missing_docs)]

use musubi_mapping::{open, write_once};

#[test]
fn what_was_written_is_mapped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list");
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    write_once(&path, &bytes).unwrap();
    assert_eq!((*open(&path).unwrap()).as_ref(), bytes);
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["list"], "nothing temporary is left");
}

#[test]
fn a_mapping_outlives_the_file_and_its_replacement() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list");
    write_once(&path, b"first").unwrap();
    let first = open(&path).unwrap();
    write_once(&path, b"the second").unwrap();
    assert_eq!((*first).as_ref(), b"first");
    assert_eq!((*open(&path).unwrap()).as_ref(), b"the second");
    std::fs::remove_file(&path).unwrap();
    assert_eq!((*first).as_ref(), b"first");
}

#[test]
fn an_empty_file_is_empty_and_a_folder_or_nothing_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list");
    write_once(&path, b"").unwrap();
    assert!((*open(&path).unwrap()).as_ref().is_empty());
    assert!(open(folder.path()).is_err());
    assert!(open(&folder.path().join("absent")).is_err());
    assert!(write_once(&folder.path().join("absent/list"), b"x").is_err());
}

#[test]
fn a_file_that_cannot_take_its_name_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("taken");
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("x"), b"x").unwrap();
    assert!(write_once(&path, b"list").is_err());
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1);
}
