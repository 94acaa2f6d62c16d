//! Which crate may name which: every arrow points to a strictly lower floor, and the libraries that matter have one
//! door each.

use std::collections::{BTreeMap, BTreeSet};

use super::{File, files, hold, root};

/// The floors of ARCHITECTURE.md. A new crate takes its place here and there.
const FLOORS: [(&str, u8); 26] = [
    ("kernel", 0),
    ("mapping", 0),
    ("crypto", 1),
    ("store", 1),
    ("telemetry", 1),
    ("httpkit", 2),
    ("feed", 2),
    ("pki", 2),
    ("card", 2),
    ("connector", 3),
    ("platform", 3),
    ("signature", 3),
    ("stream", 4),
    ("verification", 4),
    ("web", 6),
    ("console", 6),
    ("server", 7),
    ("agent", 7),
    ("nation", 7),
    ("services", 7),
    ("demo", 8),
    ("scenarios", 9),
    ("bench", 9),
    ("bench-documents", 9),
    ("drill", 9),
    ("bench-status", 9),
];

/// Libraries that do cryptography. `rand_chacha` in `kernel` makes the seeded randomness of tests and of the
/// simulated nation and protects nothing; TLS comes with the HTTP client.
const CRYPTO_LIBRARIES: [&str; 22] = [
    "aws-lc-rs",
    "jsonwebtoken",
    "ring",
    "rsa",
    "openssl",
    "boring",
    "rustls",
    "sha1",
    "sha2",
    "sha3",
    "hmac",
    "hkdf",
    "aes",
    "aes-gcm",
    "chacha20poly1305",
    "ed25519-dalek",
    "p256",
    "p384",
    "ecdsa",
    "x509-cert",
    "rustls-webpki",
    "subtle",
];

/// What benchmarks measure beside.
const MEASURED_BESIDE: [(&str, &str); 1] = [("bench-status", "x509-cert")];

/// Libraries that speak to databases.
const SQL_LIBRARIES: [&str; 6] = ["sqlx", "rusqlite", "tokio-postgres", "diesel", "sea-orm", "sea-query"];

/// The names that a crate's manifest lists below `[…dependencies]`.
struct Manifest {
    folder: String,
    ordinary: BTreeSet<String>,
    all: BTreeSet<String>,
}

fn manifests() -> Vec<Manifest> {
    let manifests: Vec<File> = files()
        .into_iter()
        .filter(|file| {
            file.name() == "Cargo.toml"
                && file.path.matches('/').count() == 2
                && file.crate_folder().is_some()
        })
        .collect();
    manifests
        .iter()
        .map(|file| {
            let mut manifest = Manifest {
                folder: file.crate_folder().unwrap_or_default().to_owned(),
                ordinary: BTreeSet::new(),
                all: BTreeSet::new(),
            };
            let mut section = "";
            for line in file.text.lines().map(str::trim) {
                if let Some(name) = line.strip_prefix('[') {
                    section = name.trim_end_matches(']');
                } else if section.ends_with("dependencies")
                    && !line.starts_with('#')
                    && let Some(name) = line.split(['.', '=', ' ']).next().filter(|name| !name.is_empty())
                {
                    manifest.all.insert(name.to_owned());
                    if !section.ends_with("dev-dependencies") {
                        manifest.ordinary.insert(name.to_owned());
                    }
                }
            }
            manifest
        })
        .collect()
}

fn ours(names: &BTreeSet<String>) -> impl Iterator<Item = &str> {
    names.iter().filter_map(|name| name.strip_prefix("musubi-"))
}

/// Everything of ours that `folder` links, itself included.
fn linked(folder: &str) -> BTreeSet<String> {
    let arrows: BTreeMap<String, BTreeSet<String>> =
        manifests().into_iter().map(|m| (m.folder, m.ordinary)).collect();
    let mut reached = BTreeSet::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        if reached.insert(next.clone()) {
            open.extend(ours(&arrows[&next]).map(str::to_owned));
        }
    }
    reached
}

#[test]
fn every_crate_has_a_floor_and_every_floor_a_crate() {
    let folders: BTreeSet<String> = std::fs::read_dir(root().join("crates"))
        .expect("crates/")
        .map(|entry| entry.expect("crates/").file_name().to_string_lossy().into_owned())
        .collect();
    let floors: BTreeSet<String> = FLOORS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(folders, floors, "a crate and its floor: tidy/arrows.rs and ARCHITECTURE.md");
    assert_eq!(manifests().len(), folders.len(), "a folder of crates/ without a Cargo.toml");
}

#[test]
fn every_arrow_points_to_a_lower_floor() {
    let floors: BTreeMap<&str, u8> = FLOORS.into_iter().collect();
    let mut faults = Vec::new();
    for manifest in manifests() {
        let from = floors[manifest.folder.as_str()];
        for name in ours(&manifest.all) {
            let to = floors[name];
            if to >= from {
                faults.push(format!("{} (floor {from}) names {name} (floor {to})", manifest.folder));
            }
        }
    }
    hold("a crate may only name crates of a lower floor; a new arrow is argued in docs/adr/:", faults);
}

#[test]
fn only_store_names_the_sql_driver_and_only_crypto_a_crypto_library() {
    let mut faults = Vec::new();
    for manifest in manifests() {
        for (door, libraries) in [("store", &SQL_LIBRARIES[..]), ("crypto", &CRYPTO_LIBRARIES[..])] {
            let named = libraries.iter().filter(|library| {
                manifest.all.contains(**library)
                    && (manifest.ordinary.contains(**library)
                        || !MEASURED_BESIDE.contains(&(manifest.folder.as_str(), **library)))
            });
            if manifest.folder != door {
                faults.extend(
                    named.map(|library| format!("{} names {library}; its door is {door}", manifest.folder)),
                );
            }
        }
    }
    hold("libraries that matter have one door each:", faults);
}

#[test]
fn only_mapping_departs_from_the_lints_that_forbid_unsafe_code() {
    let departs = |file: &File| {
        let whole = file
            .text
            .split("[lints]")
            .nth(1)
            .is_some_and(|lints| lints.trim().starts_with("workspace = true"));
        file.name() == "Cargo.toml"
            && file.path.matches('/').count() == 2
            && file.crate_folder().is_some()
            && !whole
    };
    let departing: Vec<String> = files()
        .into_iter()
        .filter(departs)
        .filter_map(|file| file.crate_folder().map(str::to_owned))
        .collect();
    assert_eq!(departing, ["mapping"], "every other crate has the workspace's lints");
}

#[test]
fn the_server_links_neither_the_nation_nor_the_sample_services() {
    let linked = linked("server");
    for foreign in ["nation", "services", "demo"] {
        assert!(!linked.contains(foreign), "the operator's binary links {foreign}: {linked:?}");
    }
}

#[test]
fn nation_and_sample_services_know_the_platform_only_by_http() {
    for outsider in ["nation", "services"] {
        let linked = linked(outsider);
        for inside in ["platform", "verification", "web", "server"] {
            assert!(!linked.contains(inside), "{outsider} links {inside}; it may only speak HTTP to it");
        }
    }
    assert!(!linked("services").contains("nation"), "a relying party does not know the nation");
}

#[test]
fn the_verifier_links_no_database_and_no_network() {
    let linked = linked("pki");
    assert_eq!(
        linked,
        ["crypto", "kernel", "pki"].map(str::to_owned).into(),
        "pki is pure and publishable alone"
    );
    let foreign: Vec<String> = manifests()
        .into_iter()
        .filter(|m| linked.contains(&m.folder))
        .flat_map(|m| m.ordinary)
        .filter(|name| ["tokio", "reqwest", "axum", "hyper", "sqlx", "futures-util"].contains(&name.as_str()))
        .collect();
    hold("pki and what it stands on do no input or output:", foreign);
}
