//! Whole judgements of documents.

use musubi_kernel::UnixTime;
use musubi_pki::ValidationPolicy;
use musubi_pki::path::PathAnchors;
use musubi_signature::{Context, judge_document};

#[test]
fn survey() {
    let base = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let read = |name: &str| std::fs::read(base.join("pki").join(name)).unwrap();
    let anchors = PathAnchors::from_certificates([read("root.der")]).unwrap();
    let (a, b) = (read("intermediate.crl"), read("root.crl"));
    let inter = read("intermediate.der");
    let policy = ValidationPolicy::default();
    let context = Context {
        anchors: &anchors,
        timestamp_anchors: &anchors,
        certificates: &[&inter],
        crls: &[&a, &b],
        ocsp: &[],
        policy: &policy,
        judged_at: UnixTime::parse_rfc3339("2026-12-01T00:00:00Z").unwrap(),
    };
    for dir in ["cms", "timestamp", "jws", "pdf", "xml"] {
        let mut files: Vec<_> = std::fs::read_dir(base.join(dir))
            .unwrap()
            .map(|e| e.unwrap().path())
            .filter(|p| p.is_file())
            .collect();
        files.sort();
        let content = ["content.txt", "document.txt", "content.bin", "content"]
            .iter()
            .find_map(|n| std::fs::read(base.join(dir).join(n)).ok());
        for file in files {
            let bytes = std::fs::read(&file).unwrap();
            let name = file.file_name().unwrap().to_string_lossy().to_string();
            if name.ends_with(".sh") || name.ends_with(".py") || name.ends_with(".txt") {
                continue;
            }
            let judged = judge_document(&bytes, None, &context)
                .or_else(|_| judge_document(&bytes, content.as_deref(), &context));
            match judged {
                Ok(j) => {
                    for s in &j.signatures {
                        let bad: Vec<_> = s
                            .verdict
                            .checks()
                            .iter()
                            .filter(|c| {
                                matches!(
                                    c.outcome(),
                                    musubi_pki::Outcome::Failed | musubi_pki::Outcome::Inconclusive
                                )
                            })
                            .map(|c| format!("{c:?}"))
                            .collect();
                        println!(
                            "{dir}/{name}: {} {:?} {:?} {} ts {:?}\n      {}",
                            s.verdict.indication(),
                            s.verdict.sub_indication(),
                            s.level,
                            s.format,
                            s.timestamps.iter().map(|t| t.verdict.indication().as_str()).collect::<Vec<_>>(),
                            bad.join("\n      ")
                        );
                    }
                }
                Err(e) => println!("{dir}/{name}: ERROR {e}"),
            }
        }
    }
}
