//! What may be changed after a signature, and what may not: certification, locked fields, shadow attacks.

use musubi_pki::{ReasonCode, SubIndication};

use crate::pdf_support::{
    Update, body, broken, broken_ids, changes, document, find, first, forged_signature, last, number_of,
    startxref, verifies,
};

/// What the first signature says about the document after this update.
fn after(name: &str, update: Update) -> Result<String, String> {
    let file = update.to(&document(name));
    let found = find(&file);
    assert!(verifies(&found[0]));
    let result = changes(&found[0]);
    assert_eq!(result.is_err(), broken_ids(&found[0]).contains(&"pdf.changes_after_signing"));
    result
}

fn refused(why: &str) -> Result<String, String> {
    Err(why.to_owned())
}

fn allowed(classes: &str) -> Result<String, String> {
    Ok(classes.to_owned())
}

#[test]
fn a_refused_change_is_reported_as_such() {
    let file = Update::default().stream(4, "BT (900 yen) Tj ET").to(&document("pades-b-rsa"));
    let found = find(&file);
    let [rule] = found[0]
        .rules
        .iter()
        .filter(|r| r.result.id() == "pdf.changes_after_signing")
        .collect::<Vec<_>>()[..]
    else {
        panic!()
    };
    assert_eq!(rule.on_failure, (SubIndication::SigConstraintsFailure, ReasonCode::DocumentChanged));
}

/// Hide, replace, hide-and-replace (NDSS 2021), by what each has to change.
#[test]
fn shadow_attacks_change_what_is_reached() {
    let object = "an object of the document was changed";
    let page = body(&document("pades-b-rsa"), 3);
    let catalog = body(&document("pades-b-rsa"), 1);
    let with = |key: &str| catalog.replacen("<<", &format!("<< {key}"), 1);
    let pages = "<< /Type /Pages /Kids [601 0 R] /Count 1 >>";
    let hidden = "<< /Type /Page /Parent 600 0 R /MediaBox [0 0 595 842] >>";
    let table = [
        // Replace: the content, the font.
        (Update::default().stream(4, "BT (900 yen) Tj ET"), object),
        (Update::default().object(5, "<< /Type /Font /Subtype /Type3 >>"), object),
        // Hide: what lay above is gone.
        (Update::default().free(4), object),
        (Update::default().object(4, "null"), object),
        // Hide and replace: another tree of pages, another catalog.
        (
            Update::default()
                .object(2, "<< /Type /Pages /Kids [3 0 R 601 0 R] /Count 2 >>")
                .object(601, hidden),
            object,
        ),
        (
            Update::default()
                .object(1, catalog.replace("/Pages 2 0 R", "/Pages 600 0 R"))
                .object(600, pages)
                .object(601, hidden),
            "the document catalog was changed",
        ),
        (Update::default().object(700, &*catalog).trailer("/Root 700 0 R"), "another document catalog"),
        (
            Update::default()
                .object(3, page.replace("/Contents 4 0 R", "/Contents 602 0 R"))
                .stream(602, "x"),
            "a page was changed",
        ),
        (Update::default().object(3, page.replace("595", "300")), "a page was changed"),
        (
            Update::default().object(3, page.replacen("<<", "<< /AA << /O 603 0 R >>", 1)),
            "a page was changed",
        ),
        (Update::default().object(3, "null"), object),
        // What acts or is shown beside the pages.
        (
            Update::default().object(1, with("/OpenAction << /S /JavaScript /JS (x) >>")),
            "the document catalog was changed",
        ),
        (
            Update::default().object(1, with("/Names << /JavaScript 604 0 R >>")),
            "the document catalog was changed",
        ),
        (Update::default().object(1, with("/OCProperties << >>")), "the document catalog was changed"),
        (Update::default().object(1, catalog.replace("/AcroForm", "/Other")), "the form was replaced"),
    ];
    for (number, (update, why)) in table.into_iter().enumerate() {
        assert_eq!(after("pades-b-rsa", update), refused(why), "{number}");
    }
}

/// What was prepared before signing comes into use: here as certificates that are also the page's content.
#[test]
fn an_object_with_two_roles_is_compared_in_the_strict_one() {
    let file = document("shadow-shared");
    assert_eq!(broken(&find(&file)[0]), []);
    let update = Update::default().object(9, "[ 4 0 R 605 0 R ]").stream(605, "BT (900 yen) Tj ET");
    assert_eq!(after("shadow-shared", update), refused("an object of the document was changed"));
    let dss = body(&file, 1).replace("/Certs 9 0 R", "/Certs [ 605 0 R ]");
    let update = Update::default().object(1, dss).stream(605, "no certificate");
    assert_eq!(after("shadow-shared", update), allowed("ltv"));
}

#[test]
fn an_older_place_of_an_object_is_a_change_like_any_other() {
    let file = document("two");
    let old_page = first(&file, b"\n3 0 obj") + 1;
    let older = Update::default().repoint(3, old_page).to(&file);
    let found = find(&older);
    assert_eq!(changes(&found[0]), refused("an annotation was deleted"));
    assert_eq!(changes(&found[1]), refused("an annotation was deleted"));
    // A copy of what is there changes nothing.
    let copied =
        Update::default().object(3, body(&file, 3)).repoint(4, first(&file, b"\n4 0 obj") + 1).to(&file);
    let found = find(&copied);
    assert_eq!((changes(&found[0]), changes(&found[1])), (allowed("signature"), allowed("none")));
}

#[test]
fn what_nothing_reaches_changes_nothing() {
    assert_eq!(after("pades-b-rsa", Update::default().stream(800, "x")), allowed("none"));
}

#[test]
fn information_about_the_document_may_only_get_a_new_date_and_producer() {
    let file = document("pades-b-rsa");
    let info = number_of(&file, "/Producer");
    let update = || Update::default();
    assert_eq!(
        after("pades-b-rsa", update().object(info, "<< /Producer (x) /ModDate (D:20270101) >>")),
        allowed("metadata")
    );
    let titled = update().object(info, "<< /Producer (x) /Title (x) >>");
    assert_eq!(after("pades-b-rsa", titled), refused("the information about the document was changed"));
}

#[test]
fn a_form_may_be_filled_in_only_where_a_certification_or_a_lock_leaves_it_open() {
    for (name, result) in [
        ("certified-2-filled", allowed("form_fill")),
        ("certified-3-filled", allowed("form_fill")),
        ("locked-filled", allowed("form_fill")),
        ("locked-broken", refused("a form field was filled in that is locked, or was not left open")),
        ("form-filled-after", refused("a form field was filled in that is locked, or was not left open")),
    ] {
        let file = document(name);
        let found = find(&file);
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!(changes(&found[0]), result, "{name}");
        assert!(verifies(&found[0]), "{name}");
    }
}

#[test]
fn a_signature_can_close_what_the_author_left_open() {
    let file = document("lock-closes-filled");
    let found = find(&file);
    let of = |name: &str| found.iter().find(|found| found.location.contains(name)).unwrap();
    assert_eq!(changes(of("Author")), allowed("form_fill, signature"));
    let why = "a form field was filled in that is locked, or was not left open";
    assert_eq!(changes(of("Closing")), refused(why));
}

#[test]
fn a_certified_document_may_be_approved_in_the_field_that_it_has_for_that() {
    for name in ["certified-2-approved", "certified-3-approved"] {
        let file = document(name);
        let mut results: Vec<_> = find(&file).iter().map(|found| (broken(found), changes(found))).collect();
        results.sort_by_key(|(_, changes)| changes.clone());
        assert_eq!(results, [(vec![], allowed("form_fill, signature")), (vec![], allowed("none"))], "{name}");
    }
}

#[test]
fn a_closed_document_may_get_long_term_data_and_nothing_else() {
    let file = document("certified-1-lta");
    let found = find(&file);
    assert_eq!((broken(&found[0]), changes(&found[0])), (vec![], allowed("ltv, timestamp")));
    let note = body(&document("certified-1"), 8);
    let filled = Update::default().object(8, note.replacen("<<", "<< /V (agreed)", 1).replace("/V ()", ""));
    assert_eq!(
        after("certified-1", filled),
        refused("a form field was filled in that is locked, or was not left open")
    );
    let signed = forged_signature(&document("certified-1"), "");
    let author = find(&signed).into_iter().find(verifies).unwrap();
    assert_eq!(changes(&author), refused("a signature was added to a document that is closed"));
}

#[test]
fn what_is_not_the_value_of_a_field_may_not_be_changed() {
    let file = document("certified-3");
    let note = body(&file, 8);
    let table = [
        (note.replace("[72 560 272 580]", "[72 600 272 620]"), "a form field was changed"),
        (note.replacen("<<", "<< /A << /S /URI /URI (x) >>", 1), "a form field was changed"),
        (note.replacen("<<", "<< /AA << >>", 1), "a form field was changed"),
        (note.replace("/FT /Tx", "/FT /Btn"), "a form field was changed"),
        (note.replace("(note)", "(other)"), "a form field was changed"),
        (note.replacen("<<", "<< /AS (x)", 1), "a form field was changed"),
        (note.replacen("<<", "<< /Kids [ 606 0 R ]", 1), "the parts of a form field were changed"),
        ("null".to_owned(), "a form field was replaced"),
    ];
    for (body, why) in table {
        let update = Update::default().object(8, &*body).object(606, "<< /Subtype /Widget >>");
        assert_eq!(after("certified-3", update), refused(why), "{body}");
    }
    let form = number_of(&file, "/SigFlags");
    let fields = body(&file, form);
    let table = [
        (fields.replacen("<<", "<< /NeedAppearances true", 1), "the form was changed"),
        (fields.replacen("<<", "<< /XFA 607 0 R", 1), "the form was changed"),
        (fields.replace("/SigFlags 3", "/SigFlags 9"), "the form was changed"),
        (fields.replace("8 0 R ", ""), "a form field was deleted"),
        (fields.replace("7 0 R 8 0 R", "8 0 R 7 0 R"), "a form field was replaced"),
        (fields.replacen(" ]", " 608 0 R ]", 1), "a form field was added"),
    ];
    for (body, why) in table {
        let update = Update::default().object(form, &*body).object(608, "<< /FT /Tx /T (x) >>");
        assert_eq!(after("certified-3", update), refused(why), "{body}");
    }
}

/// Evil annotations (IEEE S&P 2021): what paints covers what was certified.
#[test]
fn only_plain_annotations_may_be_added_and_only_where_certification_allows_them() {
    let add = |name: &str, annotation: &str| {
        let page = body(&document(name), 3);
        let annots = page.find("/Annots").unwrap();
        let end = annots + page[annots..].find(']').unwrap();
        let page = format!("{} 910 0 R {}", &page[..end], &page[end..]);
        after(name, Update::default().object(3, page).object(910, annotation).stream(911, "x"))
    };
    let plain = "<< /Type /Annot /Subtype /Text /Rect [9 9 29 29] /Contents (why?) /P 3 0 R >>";
    assert_eq!(add("certified-3", plain), allowed("annotation"));
    for name in ["certified-2", "certified-1", "visible", "two"] {
        assert_eq!(add(name, plain), refused("an annotation was added"), "{name}");
    }
    let covers = "an annotation was added that may cover something";
    for evil in [
        "<< /Subtype /FreeText /Rect [0 0 500 800] /Contents (900 yen) >>",
        "<< /Subtype /Stamp /Rect [0 0 500 800] /AP << /N 911 0 R >> >>",
        "<< /Subtype /Text /Rect [0 0 500 800] /AP << /N 911 0 R >> >>",
        "<< /Subtype /Redact /Rect [0 0 500 800] >>",
        "<< /Subtype /Link /Rect [0 0 500 800] /A << /S /URI /URI (x) >> >>",
        "<< /Subtype /Widget /Rect [0 0 500 800] >>",
        "<< /Subtype /Text /Rect [0 0 500 800] /OC 911 0 R >>",
    ] {
        assert_eq!(add("certified-3", evil), refused(covers), "{evil}");
    }
    assert_eq!(add("certified-3", "7"), refused("an annotation was added"));
}

/// Sneaky signatures (IEEE S&P 2021): a field that is a signature in name only, above the content.
#[test]
fn a_new_visible_signature_field_is_refused_in_a_certified_document() {
    let add = |name: &str, field: &str| {
        let file = document(name);
        let form = number_of(&file, "/SigFlags");
        let update = Update::default()
            .object(form, body(&file, form).replacen(" ]", " 920 0 R ]", 1))
            .object(920, field)
            .stream(911, "x")
            .object(
                912,
                "<< /Type /Sig /SubFilter /ETSI.CAdES.detached /ByteRange [0 0 0 0] /Contents <00> >>",
            )
            .object(913, "7");
        let file = update.to(&file);
        changes(&find(&file)[0])
    };
    let visible = "<< /FT /Sig /T (N) /Rect [0 0 500 800] /AP << /N 911 0 R >> /V 912 0 R >>";
    assert_eq!(add("certified-3", visible), refused("a visible form field was added"));
    assert_eq!(add("visible", visible), allowed("signature"));
    assert_eq!(add("visible", &visible.replace("/V 912 0 R", "")), refused("a visible form field was added"));
    assert_eq!(
        add("certified-3", &visible.replace("/AP << /N 911 0 R >>", "/MK << /BG [1] >>")),
        refused("a visible form field was added")
    );
    assert_eq!(add("certified-3", &visible.replace("500", "0")), allowed("signature"));
    for (field, why) in [
        (visible.replace("/FT /Sig", "/FT /Tx"), "a form field was added"),
        (
            visible.replace("/T (N)", "/A << >> /T (N)"),
            "a form field was added that is more than a signature",
        ),
        (visible.replace("(N)", "(First)"), "a form field was added under the name of another"),
        (visible.replace("912 0 R", "913 0 R"), "a signature field got a value that is no signature"),
        (visible.replace("912 0 R", "1 0 R"), "a signature was added that was prepared before"),
    ] {
        assert_eq!(add("visible", &field), refused(why), "{field}");
    }
}

#[test]
fn a_signature_may_not_be_replaced_or_removed() {
    let file = document("two");
    let field = number_of(&file, "/T (Second)");
    let text = body(&file, field);
    let at = text.find("/V ").unwrap();
    let end = at + text[at..].find('R').unwrap() + 1;
    let removed = Update::default().object(field, format!("{}{}", &text[..at], &text[end..])).to(&file);
    let found = find(&removed);
    // It is still in the file, hidden from the form; what it covers says that it was changed.
    assert_eq!(found.len(), 2);
    assert_eq!(changes(&found[0]), refused("a visible form field was added"));
    assert_eq!(broken_ids(&found[1]), ["pdf.field", "pdf.changes_after_signing"]);
    // The appearance of a signature is what people believe.
    let look: u32 = text[text.find("/N ").unwrap() + 3..].split_whitespace().next().unwrap().parse().unwrap();
    let swapped = Update::default().object(look, "<< /Length 1 >>\nstream\nx\nendstream").to(&file);
    assert_eq!(changes(&find(&swapped)[1]), refused("the appearance of a signature was changed"));
    assert_eq!(startxref(&file), last(&file, b"xref\n0"));
}
