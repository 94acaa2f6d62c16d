//! The structure of the file: what is not exactly right is refused, and hostile files cost little.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use musubi_signature::{NotASignature, pdf};

use crate::pdf_support::{
    Update, broken, changes, document, find, first, last, overwrite, refusal, startxref, verifies,
};

fn malformed(what: &'static str) -> NotASignature {
    NotASignature::Malformed(what)
}

fn file_of(objects: &[(u32, &str)]) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut table = String::new();
    for (number, body) in objects {
        table.push_str(&format!("{number} 1\n{:010} 00000 n \n", out.len()));
        out.extend_from_slice(format!("{number} 0 obj\n{body}\nendobj\n").as_bytes());
    }
    let at = out.len();
    out.extend_from_slice(
        format!("xref\n0 1\n0000000000 65535 f \n{table}trailer\n<< /Size 100 /Root 1 0 R >>\nstartxref\n{at}\n%%EOF\n").as_bytes(),
    );
    out
}

const CATALOG: (u32, &str) = (1, "<< /Type /Catalog /Pages 2 0 R >>");

#[test]
fn a_file_that_is_no_pdf_or_does_not_end_as_one_is_refused() {
    let file = document("pades-b-rsa");
    assert_eq!(refusal(b""), malformed("not a PDF"));
    assert_eq!(refusal(b"%PDF-1.7\n"), malformed("the file does not end as a PDF does"));
    assert_eq!(refusal(&[b"\n", &file[..]].concat()), malformed("not a PDF"));
    assert_eq!(refusal(&file[..file.len() - 8]), malformed("the file does not end as a PDF does"));
}

#[test]
fn an_encrypted_file_is_refused_with_what_to_do() {
    let file = Update::default().trailer("/Encrypt 9 0 R").to(&document("pades-b-rsa"));
    let NotASignature::Malformed(text) = refusal(&file) else { panic!() };
    assert!(text.contains("encrypted"), "{text}");
}

#[test]
fn sections_must_be_in_order() {
    let file = document("pades-b-rsa");
    let here = Update::default().to(&file);
    for prev in [startxref(&here), here.len() - 1] {
        assert!(matches!(refusal(&Update::default().prev(prev).to(&file)), NotASignature::Malformed(_)));
    }
    // Leaving out the newest revision leaves out the signature's own.
    let first_table = startxref(&document("unsigned"));
    let forged = Update::default().prev(first_table).to(&file);
    assert!(matches!(refusal(&forged), NotASignature::NoSignature | NotASignature::Malformed(_)));
}

#[test]
fn a_table_that_is_not_exact_is_refused() {
    let file = document("unsigned");
    for (from, to) in [
        ("0000000015 00000 n \n", "0000000016 00000 n \n"),
        ("0000000015 00000 n \n", "0000000064 00000 n \n"),
        ("0000000015 00000 n \n", "0000000015 00001 n \n"),
        ("0000000015 00000 n \n", "0000000015 00000 x \n"),
        ("0000000015 00000 n \n", "0000000015 00000 n  "),
        ("0000000015 00000 n \n", "9999999999 00000 n \n"),
        ("0 6\n", "0 9\n"),
        ("/Size 6", "/Size 5"),
        ("trailer", "tailler"),
        ("startxref\n4", "startxref\n3"),
    ] {
        assert!(matches!(refusal(&overwrite(&file, from, to)), NotASignature::Malformed(_)), "{to}");
    }
}

#[test]
fn text_that_readers_read_differently_is_refused() {
    for body in [
        "<< /A 1 /A 2 >>",
        "<< /A 1 /#41 2 >>",
        "<< /A#00 1 >>",
        "<< /A#4 1 >>",
        "(open",
        "<41 4G>",
        "1.2.3",
        "--1",
        "<< /A >>",
        "<< /Length 4 >>\nstream\nxx\nendstream",
        "<< /Length 2 >>\nstream\rxx\nendstream",
        "<< /Length 1 >>\nstream\nxx\nendstream",
        "<< >>\nstream\nxx\nendstream",
        "trueish",
        "1 2 endobj",
    ] {
        assert!(matches!(refusal(&file_of(&[CATALOG, (3, body)])), NotASignature::Malformed(_)), "{body}");
    }
}

#[test]
fn what_is_only_unusual_is_read() {
    for body in [
        "<< /A (a\\)b(c)) /B <4 1 4> /C [ 1 0 R 2 R ] % comment\n >>".replace("2 R", "2").as_str(),
        "<</A/B/C[1(2)<33>]/D -.5/E +7/F null>>",
        "<< /Length 4 0 R >>\nstream\r\nxx\r\nendstream",
    ] {
        assert_eq!(refusal(&file_of(&[CATALOG, (3, body), (4, "2")])), NotASignature::NoSignature, "{body}");
    }
}

#[test]
fn a_form_that_is_no_tree_is_refused() {
    let form = |body: &str| {
        refusal(&file_of(&[(1, "<< /Type /Catalog /AcroForm << /Fields [3 0 R] >> >>"), (3, body)]))
    };
    assert_eq!(form("<< /T (a) /Kids [3 0 R] >>"), malformed("a form field stands twice in the form"));
    assert_eq!(form("<< /T (a) /Kids [<< >>] >>"), malformed("a form field that is no object of its own"));
    assert_eq!(form("[]"), malformed("a form field"));
    // A reference to a field that was deleted.
    assert_eq!(form("<< /T (a) /Kids [4 0 R] >>"), NotASignature::NoSignature);
}

#[test]
fn deep_nesting_is_refused() {
    let deep = "[".repeat(100_000);
    assert!(matches!(refusal(&file_of(&[CATALOG, (3, &deep)])), NotASignature::TooMuch { .. }));
}

/// Two bytes of the file would be many in memory.
#[test]
fn an_object_of_too_many_items_is_refused() {
    let long = format!("[{}]", "0 ".repeat(1 << 19));
    let refused = refusal(&file_of(&[CATALOG, (3, &long)]));
    assert_eq!(refused, NotASignature::TooMuch { what: "items of a PDF object", limit: 1 << 18 });
}

/// Objects that stand inside one another's strings would be read again and again.
#[test]
fn work_is_in_proportion_to_the_file() {
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut table = String::new();
    let count = 20_000;
    for number in 1..=count {
        table.push_str(&format!("{:010} 00000 n \n", out.len()));
        out.extend_from_slice(format!("{number} 0 obj (").as_bytes());
    }
    out.extend_from_slice(")".repeat(count).as_bytes());
    let at = out.len();
    out.extend_from_slice(
        format!(
            "xref\n0 {}\n0000000000 65535 f \n{table}trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{at}\n%%EOF\n",
            count + 1,
            count + 1
        )
        .as_bytes(),
    );
    assert!(pdf::find(&out, None).is_err());
}

/// Every signature has what followed it read again, and many small items take longer than their bytes do.
#[test]
fn many_items_count_for_more_than_their_bytes() {
    let mut file = document("pades-b-rsa");
    for number in 100..125 {
        let hidden = "<< /Type /Sig /SubFilter /adbe.pkcs7.detached /ByteRange [0 AAAAAAAAAA BBBBBBBBBB CCCCCCCCCC] /Contents <3000> >>";
        file = Update::default().object(number, hidden).to(&file);
        let start = last(&file, b"/Contents <") + 10;
        let numbers = [start, start + 6, file.len() - start - 6];
        for (name, number) in ["AAAAAAAAAA", "BBBBBBBBBB", "CCCCCCCCCC"].iter().zip(numbers) {
            file = overwrite(&file, name, &format!("{number:<10}"));
        }
    }
    let of_items = |item: &str| format!("[{}]", item.repeat(250_000 * 2 / item.len()));
    let with = |body: String| {
        let file = Update::default().object(300, body).to(&file);
        pdf::find(&file, None).map(|found| found.iter().map(changes).collect::<Vec<_>>())
    };
    let few = with(of_items("(12345678901234567890123456789012345678)")).unwrap();
    assert!(few.len() == 26 && few.iter().all(Result::is_ok), "{few:?}");
    assert!(matches!(with(of_items("0 ")), Err(NotASignature::TooMuch { what: "readings of a PDF", .. })));
}

#[test]
fn a_compressed_stream_that_grows_beyond_the_limit_is_refused() {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    let block = vec![b' '; 1 << 20];
    for _ in 0..17 {
        zlib.write_all(&block).unwrap();
    }
    let bomb = zlib.finish().unwrap();
    let mut out = b"%PDF-1.7\n".to_vec();
    let container = out.len();
    out.extend_from_slice(
        format!(
            "2 0 obj\n<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length {} >>\nstream\n",
            bomb.len()
        )
        .as_bytes(),
    );
    out.extend_from_slice(&bomb);
    out.extend_from_slice(b"\nendstream\nendobj\n");
    let table = out.len();
    let mut rows = vec![0_u8; 4];
    for (kind, offset, index) in [(2, 2, 0), (1, container, 0), (1, table, 0)] {
        rows.extend([kind, (offset >> 8) as u8, offset as u8, index]);
    }
    out.extend_from_slice(b"3 0 obj\n<< /Type /XRef /W [1 2 1] /Size 4 /Root 1 0 R /Length 16 >>\nstream\n");
    out.extend_from_slice(&rows);
    out.extend_from_slice(format!("\nendstream\nendobj\nstartxref\n{table}\n%%EOF\n").as_bytes());
    assert_eq!(
        refusal(&out),
        NotASignature::TooMuch { what: "bytes in a compressed PDF stream", limit: 16 << 20 }
    );
}

#[test]
fn an_object_stream_may_not_be_replaced() {
    let file = document("streams");
    let at = first(&file, b"/Type /ObjStm");
    let head = last(&file[..at], b" 0 obj");
    let start = file[..head].iter().rposition(|b| !b.is_ascii_digit()).unwrap() + 1;
    let number = std::str::from_utf8(&file[start..head]).unwrap().parse().unwrap();
    let forged = Update::default().stream(number, "x").to(&file);
    assert_eq!(refusal(&forged), malformed("an object stream was replaced"));
}

/// A hybrid file gives old and new readers the same objects, or it is refused (ISO 32000-2 7.5.8.4).
#[test]
fn a_hybrid_file_must_not_have_two_answers() {
    let hybrid = |number: u8| {
        let mut out = b"%PDF-1.7\n".to_vec();
        let catalog = out.len();
        out.extend_from_slice(b"1 0 obj\n<< /Type /Catalog >>\nendobj\n");
        let other = out.len();
        out.extend_from_slice(
            format!("{number} 0 obj\n<< /Type /Catalog /Other true >>\nendobj\n").as_bytes(),
        );
        let stream = out.len();
        let row = [1, (other >> 8) as u8, other as u8, 0];
        out.extend_from_slice(
            format!("9 0 obj\n<< /Type /XRef /W [1 2 1] /Index [{number} 1] /Size 10 /Length 4 >>\nstream\n")
                .as_bytes(),
        );
        out.extend_from_slice(&row);
        out.extend_from_slice(b"\nendstream\nendobj\n");
        let table = out.len();
        out.extend_from_slice(
            format!(
                "xref\n0 2\n0000000000 65535 f \n{catalog:010} 00000 n \ntrailer\n\
                 << /Size 10 /Root 1 0 R /XRefStm {stream} >>\nstartxref\n{table}\n%%EOF\n"
            )
            .as_bytes(),
        );
        out
    };
    assert_eq!(refusal(&hybrid(2)), NotASignature::NoSignature);
    assert_eq!(refusal(&hybrid(1)), malformed("an object has two places in one update"));
}

/// As a common word processor writes it: an empty table behind all, with the stream of the revision before.
#[test]
fn an_empty_table_with_a_stream_before_it_is_read() {
    let file = file_of(&[CATALOG, (3, "7")]);
    let mut out = file[..last(&file, b"xref\n0 1")].to_vec();
    let stream = out.len();
    let row = [1, (stream >> 8) as u8, stream as u8, 0];
    out.extend_from_slice(b"9 0 obj\n<< /Type /XRef /W [1 2 1] /Index [9 1] /Size 10 /Length 4 >>\nstream\n");
    out.extend_from_slice(&row);
    out.extend_from_slice(b"\nendstream\nendobj\n");
    let first_table = out.len();
    let table = &file[last(&file, b"xref\n0 1")..last(&file, b"startxref")];
    out.extend_from_slice(table);
    out.extend_from_slice(format!("startxref\n{first_table}\n%%EOF\n").as_bytes());
    let second = out.len();
    out.extend_from_slice(
        format!(
            "xref\n0 0\ntrailer\n<< /Size 100 /Root 1 0 R /Prev {first_table} /XRefStm {stream} >>\n\
             startxref\n{second}\n%%EOF"
        )
        .as_bytes(),
    );
    assert_eq!(refusal(&out), NotASignature::NoSignature);
}

/// Annex F: the section at the beginning is the one that the end names, and refers to the one at the end.
#[test]
fn a_linearized_file_is_one_revision() {
    let mut out = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n".to_vec();
    let front = out.len();
    let head = |main: usize| {
        format!(
            "xref\n1 1\n0000000009 00000 n \ntrailer\n<< /Size 3 /Root 1 0 R /Prev {main:010} >>\nstartxref\n0\n%%EOF\n"
        )
    };
    let pages = front + head(0).len();
    let body = "2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\n";
    let main = pages + body.len();
    out.extend_from_slice(head(main).as_bytes());
    out.extend_from_slice(body.as_bytes());
    out.extend_from_slice(
        format!(
            "xref\n0 1\n0000000000 65535 f \n2 1\n{pages:010} 00000 n \ntrailer\n<< /Size 3 >>\nstartxref\n{front}\n%%EOF\n"
        )
        .as_bytes(),
    );
    assert_eq!(refusal(&out), NotASignature::NoSignature);
    let updated =
        Update::default().object(1, "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [] >> >>").to(&out);
    assert_eq!(refusal(&updated), NotASignature::NoSignature);
}

#[test]
fn no_single_changed_byte_of_what_is_signed_goes_unnoticed() {
    for (name, step) in [("pades-b-p256", 7), ("streams", 13)] {
        let file = document(name);
        let contents = first(&file, b"/Contents <3") + 10;
        let end = contents + first(&file[contents..], b">");
        for at in (0..contents).chain(end..file.len()).step_by(step) {
            let mut changed = file.clone();
            changed[at] ^= if at % 2 == 0 { 1 } else { 0x20 };
            if let Ok(found) = pdf::find(&changed, None) {
                assert!(found.iter().all(|f| !broken(f).is_empty() || !verifies(f)), "{name}: {at}");
            }
        }
    }
}

#[test]
fn no_prefix_and_no_changed_byte_is_too_much() {
    for name in ["streams-lta", "certified-2-approved"] {
        let file = document(name);
        for length in (0..file.len()).step_by(797) {
            let _ = pdf::find(&file[..length], None);
        }
        for at in (0..file.len()).step_by(601) {
            let mut changed = file.clone();
            changed[at] = changed[at].wrapping_add(13);
            let _ = pdf::find(&changed, None);
        }
    }
}

#[test]
fn an_update_with_a_cross_reference_stream_on_one_with_a_table_is_read() {
    let file = document("pades-b-rsa");
    let mut out = file.clone();
    let at = out.len();
    let row = [1, (at >> 8) as u8, at as u8, 0];
    let root = &file[last(&file, b"/Root")..][..11];
    let info = last(&file, b"/Info");
    let info = String::from_utf8_lossy(&file[info..info + first(&file[info..], b"R") + 1]).into_owned();
    out.extend_from_slice(
        format!(
            "900 0 obj\n<< /Type /XRef /W [1 2 1] /Index [900 1] /Size 901 {} {info} /Prev {} /Length 4 >>\nstream\n",
            String::from_utf8_lossy(root),
            startxref(&file)
        )
        .as_bytes(),
    );
    out.extend_from_slice(&row);
    out.extend_from_slice(format!("\nendstream\nendobj\nstartxref\n{at}\n%%EOF\n").as_bytes());
    let found = find(&out);
    assert_eq!((broken(&found[0]), changes(&found[0])), (vec![], Ok("none".to_owned())));
}

#[test]
fn a_name_that_every_field_would_repeat_is_refused() {
    let catalog = "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [3 0 R] >> >>";
    let named = |length| format!("<< /T ({}) /FT /Sig /Kids [4 0 R] >>", "n".repeat(length));
    let file = |length| file_of(&[(1, catalog), (3, &named(length)), (4, "<< /T (x) >>")]);
    assert_eq!(refusal(&file(4_000)), NotASignature::NoSignature);
    assert_eq!(
        refusal(&file(4_095)),
        NotASignature::TooMuch { what: "octets of a form field's name", limit: 4_096 }
    );
}
