//! The published attacks on signed PDFs, on documents of an independent signer: each must break a rule.

use musubi_pki::SubIndication;
use musubi_signature::{Extent, NotASignature, pdf};

use crate::pdf_support::{
    Update, body, broken, broken_ids, changes, document, evidence, find, first, forged_signature, last,
    number_of, overwrite, refusal, startxref, verifies,
};

/// jpki/myna: only the first signature was looked at, and where its range ended did not matter.
#[test]
fn ghsa_g258_q5gf_7hvx_every_signature_dictionary_is_judged_and_the_byte_range_enforced() {
    // A second signature, in the form, with another's CMS.
    let file = forged_signature(&document("visible"), "");
    let found = find(&file);
    assert_eq!(found.len(), 2);
    assert_eq!(broken(&found[0]), []);
    assert_eq!(found[0].extent, Extent::Part("revision 2 of 3".to_owned()));
    assert_eq!(broken(&found[1]), [("cms.message_digest", SubIndication::HashFailure)]);

    // One that no field names: as an object, inside of another object, and in an unsigned document.
    let hidden = "<< /Type /Sig /SubFilter /ETSI.CAdES.detached /ByteRange [0 1 2 3] /Contents <30> >>";
    for (name, body) in [
        ("pades-b-rsa", hidden.to_owned()),
        ("pades-b-rsa", format!("<< /Inside [ {hidden} ] >>")),
        ("unsigned", hidden.replace("/Type /Sig", "")),
        ("streams-unsigned", hidden.replace("/ByteRange", "/Byte#52ange")),
    ] {
        let file = Update::default().object(500, body).to(&document(name));
        let found = find(&file);
        let hidden = found.last().unwrap();
        assert_eq!(found.len(), 1 + usize::from(name == "pades-b-rsa"));
        assert!(hidden.location.ends_with("(hidden from the form)"), "{}", hidden.location);
        assert_eq!(broken_ids(hidden)[..2], ["pdf.field", "pdf.byte_range"]);
        assert_eq!(hidden.extent, Extent::Part("no revision of the file".to_owned()));
    }
}

/// Universal signature forgery (CCS 2019): a viewer that finds nothing to verify must not show a signature as valid.
#[test]
fn a_missing_or_odd_byte_range_or_contents_is_refused() {
    let file = document("pades-b-rsa");
    let number = number_of(&file, "/ByteRange");
    let signature = body(&file, number);
    let range = &signature[signature.find("/ByteRange").unwrap()..]
        [..signature.find(']').unwrap() - signature.find("/ByteRange").unwrap() + 1];
    let contents = &signature[signature.find("/Contents").unwrap()..]
        [..signature.find('>').unwrap() - signature.find("/Contents").unwrap() + 1];
    let ranges = [
        "",
        "/ByteRange null",
        "/ByteRange []",
        "/ByteRange [0 0 0 0]",
        "/ByteRange [0 1 2]",
        "/ByteRange (0 1 2 3)",
        "/ByteRange [0 -1 2 3]",
        "/ByteRange [0 1.0 2 3]",
        "/ByteRange [0 999999999999999999 0 999999999999999999]",
        "/ByteRange [1 2 3 4]",
        "/ByteRange [0 1 2 3 4 5]",
        "/ByteRange [/a /b /c /d]",
    ];
    for replaced in ranges {
        let forged = Update::default().object(number, signature.replace(range, replaced)).to(&file);
        let found = find(&forged);
        assert_eq!(found.len(), 1, "{replaced}");
        assert!(broken_ids(&found[0]).contains(&"pdf.byte_range"), "{replaced}");
    }
    for replaced in [
        "",
        "/Contents null",
        "/Contents <>",
        "/Contents <00>",
        "/Contents ()",
        "/Contents 7",
        "/Contents <3080>",
    ] {
        let forged = Update::default().object(number, signature.replace(contents, replaced)).to(&file);
        let found = find(&forged);
        assert_eq!(found.len(), 1, "{replaced}");
        assert!(broken_ids(&found[0]).contains(&"pdf.contents"), "{replaced}");
        assert!(!verifies(&found[0]));
    }
    // Nothing to recognise it by but the field. Without a value nothing says to be signed.
    for (value, signatures) in [("<< >>", 1), ("7", 1), ("(text)", 1), ("null", 0)] {
        let forged = Update::default().object(number, value).to(&file);
        assert_eq!(pdf::find(&forged, None).map_or(0, |found| found.len()), signatures, "{value}");
    }
}

/// Signature wrapping (CCS 2019): the second signed part is moved, and what is shown stands between.
#[test]
fn a_moved_second_part_is_refused() {
    let file = document("pades-b-rsa");
    let number = number_of(&file, "/ByteRange");
    let signature = body(&file, number);
    let (open, close) = (signature.find('[').unwrap(), signature.find(']').unwrap());
    let numbers: Vec<usize> =
        signature[open + 1..close].split_whitespace().map(|n| n.parse().unwrap()).collect();
    let [_, length, resumes, more] = *numbers.as_slice() else { panic!() };
    // The replaced dictionary points at a copy of the second part behind everything.
    let with = |range: String| format!("{}{range}{}", &signature[..=open], &signature[close..]);
    let stream = String::from_utf8_lossy(&file[resumes..resumes + more]).into_owned();
    let draft = Update::default()
        .object(number, with(format!("0 {length} 0000000000 {more}")))
        .stream(950, &stream)
        .to(&file);
    let moved = last(&draft, stream.as_bytes());
    let wrapped = overwrite(&draft, "0000000000 ", &format!("{moved:<10} "));
    let found = find(&wrapped);
    assert!(broken_ids(&found[0]).contains(&"pdf.byte_range"));
    assert_eq!(
        evidence(&found[0], "pdf.byte_range", "problem").unwrap(),
        "the byte range leaves out something else than the contents"
    );
    // The dictionary keeps its own, right range: it covers a revision in which it was another object.
    let copied = Update::default().object(number, &signature).stream(4, "BT (900 yen) Tj ET").to(&file);
    let found = find(&copied);
    assert!(broken_ids(&found[0]).contains(&"pdf.byte_range"));
}

#[test]
fn a_gap_that_is_not_exactly_the_contents_is_refused() {
    let file = document("pades-b-rsa");
    let at = first(&file, b"/ByteRange [0 ") + 14;
    let text = String::from_utf8_lossy(&file[at..at + 40]).into_owned();
    let length: usize = text.split_whitespace().next().unwrap().parse().unwrap();
    for wrong in [length - 1, length + 1] {
        let forged = overwrite(&file, &format!("[0 {length} "), &format!("[0 {wrong} "));
        let found = find(&forged);
        assert_eq!(broken_ids(&found[0])[..1], ["pdf.byte_range"]);
    }
}

#[test]
fn a_range_that_ends_before_the_end_of_a_revision_is_refused() {
    let file = document("pades-b-rsa");
    let open = first(&file, b"/ByteRange [");
    let range = String::from_utf8_lossy(&file[open..open + first(&file[open..], b"]")]).into_owned();
    let more = range.split_whitespace().last().unwrap();
    let shorter = format!("{}", more.parse::<usize>().unwrap() - 10);
    assert_eq!(more.len(), shorter.len());
    let forged = overwrite(&file, &format!(" {more}]"), &format!(" {shorter}]"));
    let found = find(&forged);
    assert_eq!(
        evidence(&found[0], "pdf.byte_range", "problem").unwrap(),
        "the byte range does not end at the end of a revision"
    );
}

/// Incremental saving attacks (CCS 2019).
#[test]
fn an_incremental_update_that_changes_content_is_refused() {
    for name in ["pades-b-rsa", "pkcs7-rsa", "streams", "pades-lta", "two", "certified-3"] {
        let file = document(name);
        let page = if name == "streams" { number_of(&file, "/Type /Page\n") } else { 3 };
        let other = body(&file, page).replace("595", "300");
        let forged = Update::default().object(page, other).to(&file);
        for found in find(&forged) {
            assert_eq!(
                broken(&found),
                [("pdf.changes_after_signing", SubIndication::SigConstraintsFailure)],
                "{name}"
            );
            assert_eq!(changes(&found), Err("a page was changed".to_owned()), "{name}");
        }
    }
}

#[test]
fn bytes_that_belong_to_no_revision_are_refused() {
    let file = document("pades-b-rsa");
    let body = b"4 0 obj\n<< /Length 9 >>\nstream\n(900 yen)\nendstream\nendobj\n";
    // A body without a table, and the end of the file repeated.
    let mut forged = [&file[..], body].concat();
    forged.extend_from_slice(format!("startxref\n{}\n%%EOF\n", startxref(&file)).as_bytes());
    let found = find(&forged);
    assert_eq!(broken_ids(&found[0]), ["pdf.changes_after_signing"]);
    assert!(matches!(found[0].extent, Extent::Part(_)));
    // The same below a table that does not name it, and in a comment.
    for between in [&body[..], b"%4 0 obj\n<< >>\n%endobj\n"] {
        let forged = Update::default().object(800, "<< >>").between(between).to(&file);
        let found = find(&forged);
        assert_eq!(changes(&found[0]), Err("bytes between the objects of a later revision".to_owned()));
    }
    // Without an end there is nothing that all readers agree on.
    assert!(matches!(refusal(&[&file[..], body].concat()), NotASignature::Malformed(_)));
}

#[test]
fn one_line_end_behind_the_signed_bytes_changes_nothing() {
    let file = document("pades-b-rsa");
    let longer = [&file[..], b"\n"].concat();
    assert_eq!(broken(&find(&longer)[0]), []);
}

#[test]
fn contents_must_be_plain_digits_and_end_in_zeros() {
    let file = document("pades-b-rsa");
    for (from, to) in [("000>", "001>"), ("000>", "0 0>"), ("000>", "00 >"), ("0000>", "00>  ")] {
        let forged = overwrite(&file, from, to);
        let found = find(&forged);
        assert!(!broken(&found[0]).is_empty(), "{to}");
    }
    assert_eq!(broken_ids(&find(&overwrite(&file, "000>", "001>"))[0])[..1], ["pdf.contents"]);
}

#[test]
fn outdated_and_unknown_kinds_are_refused() {
    for (to, sub) in [
        ("/adbe.pkcs7.sha1    ", SubIndication::CryptoConstraintsFailure),
        ("/adbe.x509.rsa_sha1 ", SubIndication::CryptoConstraintsFailure),
        ("/ETSI.CAdES.unknown ", SubIndication::FormatFailure),
        ("null                ", SubIndication::FormatFailure),
        ("/ETSI.RFC3161       ", SubIndication::FormatFailure),
    ] {
        let forged = overwrite(&document("pades-b-rsa"), "/ETSI.CAdES.detached", to);
        let found = find(&forged);
        assert_eq!(broken(&found[0])[0], ("pdf.sub_filter", sub), "{to}");
    }
    // Another kind that is known: what it says is signed, too.
    let forged = overwrite(&document("pades-b-rsa"), "/ETSI.CAdES.detached", "/adbe.pkcs7.detached");
    assert_eq!(broken_ids(&find(&forged)[0]), ["cms.message_digest"]);
    let forged = overwrite(&document("pades-lta"), "/Type /DocTimeStamp", "/Type /Sig         ");
    assert_eq!(broken_ids(find(&forged).last().unwrap())[..1], ["pdf.sub_filter"]);
}

#[test]
fn a_certification_that_is_not_the_first_signature_is_refused() {
    let reference = "/Reference [ << /TransformMethod /DocMDP /TransformParams << /P 3 >> >> ]";
    let file = forged_signature(&document("visible"), reference);
    let found = find(&file);
    assert_eq!(broken_ids(&found[1])[..1], ["pdf.certification"]);
    assert_eq!(broken(&found[0]), []);
}

#[test]
fn a_signature_that_was_put_into_its_field_later_is_refused() {
    // The first signature, shown once more by a second field.
    let file = document("visible");
    let (form, signature) = (number_of(&file, "/SigFlags"), number_of(&file, "/ByteRange"));
    let forged = Update::default()
        .object(form, body(&file, form).replacen(" ]", " 900 0 R ]", 1))
        .object(900, format!("<< /FT /Sig /T (Again) /Rect [0 0 0 0] /V {signature} 0 R >>"))
        .to(&file);
    let found = find(&forged);
    assert_eq!(found.len(), 1);
    assert_eq!(changes(&found[0]), Err("a signature was added that was prepared before".to_owned()));
}
