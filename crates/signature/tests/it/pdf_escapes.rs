//! Ways around the comparison of revisions: what one viewer shows and the comparison does not see.

use musubi_signature::NotASignature;

use crate::pdf_support::{
    Update, body, changes, document, find, first, forged_signature, last, refusal, startxref,
};

fn refused(why: &str) -> Result<String, String> {
    Err(why.to_owned())
}

/// What the first signature of a fixture says about the document after this update.
fn after(name: &str, update: Update) -> Result<String, String> {
    changes(&find(&update.to(&document(name)))[0])
}

/// The document with a second page, signed by somebody, and what that signature says after the update.
fn after_two_pages(update: Update) -> Result<String, String> {
    let two = Update::default()
        .object(2, "<< /Type /Pages /Kids [3 0 R 700 0 R] /Count 2 >>")
        .object(700, PAGE)
        .to(&document("pades-b-rsa"));
    let file = update.to(&forged_signature(&two, ""));
    let found = find(&file);
    changes(found.iter().find(|found| found.location.contains("Forged")).unwrap())
}

const PAGE: &str = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>";
const STAMP: &str = "<< /Type /Annot /Subtype /Stamp /Rect [0 0 595 842] /AP << /N 953 0 R >> >>";

#[test]
fn annotations_behind_a_reference_to_a_reference_are_seen() {
    let page = |annotations: &str| PAGE.replace(" >>", &format!(" /Annots {annotations} >>"));
    assert_eq!(after_two_pages(Update::default()), Ok("none".to_owned()));
    let update = || Update::default().object(952, STAMP).stream(953, "0 0 595 842 re f");
    let plain = update().object(700, page("[952 0 R]"));
    assert_eq!(after_two_pages(plain), refused("an annotation was added"));
    // Some viewers take one annotation for a list of it.
    let one = update().object(700, page("952 0 R"));
    assert_eq!(after_two_pages(one), refused("a PDF array that is none"));
    let twice = update().object(700, page("950 0 R")).object(950, "951 0 R").object(951, "[952 0 R]");
    let file = twice.to(&document("pades-b-rsa"));
    assert_eq!(refusal(&file), NotASignature::Malformed("a PDF object that is only a reference"));
}

/// The same page as at signing, with one more field on it.
fn with_field(flags: &str) -> Update {
    let file = document("pades-b-rsa");
    let also = |number| body(&file, number).replace("[ 8 0 R ]", "[ 8 0 R 900 0 R ]");
    let field = format!(
        "<< /Type /Annot /Subtype /Widget /FT /Sig /T (x) /Rect [0 0 595 842] {flags} /P 3 0 R /AP << /N 901 0 R >> >>"
    );
    Update::default().object(3, also(3)).object(7, also(7)).object(900, field).stream(901, "0 0 595 842 re f")
}

/// A flag for the screen does not count on paper; others are taken away by an action, or by the pointer.
#[test]
fn a_new_field_with_an_appearance_is_visible_whatever_its_flags_say() {
    for flags in ["", "/F 2", "/F 4", "/F 32", "/F 36", "/F 288", "/F 292"] {
        let visible = refused("a visible form field was added");
        assert_eq!(after("pades-b-rsa", with_field(flags)), visible, "{flags}");
    }
}

#[test]
fn flags_of_a_field_do_not_change_behind_a_reference() {
    let file = document("certified-2");
    let amount = body(&file, 7).replacen("<<", "<< /Ff 960 0 R", 1);
    // 8192: shown as asterisks.
    let update = Update::default().object(7, amount).object(960, "8192");
    assert_eq!(after("certified-2", update), refused("a form field was changed"));
}

#[test]
fn a_file_whose_end_a_viewer_does_not_find_is_refused() {
    let file = document("pades-b-rsa");
    let padded = |count: usize| [&file[..], &vec![b' '; count]].concat();
    assert_eq!(changes(&find(&padded(500))[0]), Ok("none".to_owned()));
    assert_eq!(changes(&find(&padded(2000))[0]), refused("bytes behind the last revision"));
}

/// A viewer that repairs looks for objects in streams and strings, too.
#[test]
fn a_later_revision_hides_no_text_that_reads_as_an_object() {
    let why = "text in a later revision that reads as an object or a trailer";
    let fake = "\n4 0 obj\n<< /Length 9 >>\nstream\nBT ET BT \nendstream\nendobj\n";
    assert_eq!(after("pades-b-rsa", Update::default().stream(800, fake)), refused(why));
    assert_eq!(after("pades-b-rsa", Update::default().object(800, format!("({fake})"))), refused(why));
    assert_eq!(after("pades-b-rsa", Update::default().object(800, "<< /X % 4 0 obj\n1 >>")), refused(why));
    assert_eq!(
        after("pades-b-rsa", Update::default().stream(800, "\ntrailer\n<< /Root 9 0 R >>")),
        refused(why)
    );
    assert_eq!(after("pades-b-rsa", Update::default().trailer(&format!("/X ({fake})"))), refused(why));
    let harmless = "an object, 4 objects, 4 0 object streams? the trailer of 4 0";
    assert_eq!(
        after("pades-b-rsa", Update::default().stream(800, &harmless.replace("0 obj", "0 Obj"))),
        Ok("none".to_owned())
    );
}

/// An update with objects in a stream: `index` and `objects` of it, and which of them the file names.
fn compressed(index: &str, objects: &str, named: &[(u32, u8)]) -> Vec<u8> {
    let file = document("pades-b-rsa");
    let mut out = file.clone();
    let container = out.len();
    let data = format!("{index} {objects}");
    let count = index.split_whitespace().count() / 2;
    out.extend_from_slice(
        format!(
            "950 0 obj\n<< /Type /ObjStm /N {count} /First {} /Length {} >>\nstream\n{data}\nendstream\nendobj\n",
            index.len() + 1,
            data.len()
        )
        .as_bytes(),
    );
    let at = out.len();
    let place = |offset: usize| [1, (offset >> 8) as u8, offset as u8, 0];
    let mut rows = Vec::new();
    let mut pairs = String::new();
    for (number, position) in named {
        rows.extend_from_slice(&[2, (950 >> 8) as u8, (950 & 0xFF) as u8, *position]);
        pairs.push_str(&format!("{number} 1 "));
    }
    rows.extend_from_slice(&[place(container), place(at)].concat());
    out.extend_from_slice(&section(&file, &format!("/W [1 2 1] /Index [{pairs}950 2]"), &rows, at));
    out
}

fn section(file: &[u8], shape: &str, rows: &[u8], at: usize) -> Vec<u8> {
    let head = format!(
        "951 0 obj\n<< /Type /XRef {shape} /Size 960 /Root 1 0 R /Info 10 0 R /Prev {} /Length {} >>\nstream\n",
        startxref(file),
        rows.len()
    );
    [head.as_bytes(), rows, format!("\nendstream\nendobj\nstartxref\n{at}\n%%EOF\n").as_bytes()].concat()
}

#[test]
fn an_object_stream_has_each_object_once_and_only_those_that_are_named() {
    let note = "<< /X 1 >>";
    let fine = compressed("910 0", note, &[(910, 0)]);
    assert_eq!(changes(&find(&fine)[0]), Ok("none".to_owned()));
    // Which of the two it is, viewers do not agree on.
    let twice = compressed("910 0 910 11", &format!("{note} << /X 2 >>"), &[(910, 1)]);
    assert_eq!(refusal(&twice), NotASignature::Malformed("an object stream has an object twice"));
    let unnamed = compressed("910 0 4 11", &format!("{note} << /X 2 >>"), &[(910, 0)]);
    assert_eq!(changes(&find(&unnamed)[0]), refused("an object stream with objects that are not named"));
    let nothing_named = compressed("4 0", note, &[]);
    assert_eq!(
        changes(&find(&nothing_named)[0]),
        refused("an object stream with objects that are not named")
    );
}

#[test]
fn a_cross_reference_stream_is_made_of_plain_numbers() {
    let file = document("pades-b-rsa");
    let at = file.len();
    let row = [1, (at >> 8) as u8, at as u8, 0];
    let with = |shape: &str| [&file[..], &section(&file, shape, &row, at)].concat();
    assert_eq!(changes(&find(&with("/W [1 2 1] /Index [951 1]"))[0]), Ok("none".to_owned()));
    let index = NotASignature::Malformed("the index of a cross-reference stream");
    for shape in
        ["/W [1 2 1] /Index [9 0 R 951 1]", "/W [1 2 1] /Index [951 1 null]", "/W [1 2 1] /Index [951 1.0 1]"]
    {
        assert_eq!(refusal(&with(shape)), index, "{shape}");
    }
    let widths = NotASignature::Malformed("the widths of a cross-reference stream");
    for shape in
        ["/W [1 9 0 R 2 1] /Index [951 1]", "/W [1 2 1 null] /Index [951 1]", "/W [1 2 1 9] /Index [951 1]"]
    {
        assert_eq!(refusal(&with(shape)), widths, "{shape}");
    }
}

/// Viewers count such a table from zero.
#[test]
fn a_table_that_begins_with_a_free_object_one_is_refused() {
    let file = Update::default().free(1).to(&document("pades-b-rsa"));
    assert_eq!(
        refusal(&file),
        NotASignature::Malformed("a cross-reference table that begins with a free object 1")
    );
}

/// A viewer that reads the table first takes the object for deleted.
#[test]
fn a_later_revision_does_not_call_an_object_free_and_give_it_a_place() {
    let file = document("pades-b-rsa");
    let hybrid = |table: &str| {
        let mut out = file.clone();
        let copy = out.len();
        out.extend_from_slice(format!("4 0 obj\n{}\nendobj\n", body(&file, 4)).as_bytes());
        let stream = out.len();
        out.extend_from_slice(
            b"951 0 obj\n<< /Type /XRef /W [1 2 1] /Index [4 1] /Size 952 /Length 4 >>\nstream\n",
        );
        out.extend_from_slice(&[1, (copy >> 8) as u8, copy as u8, 0]);
        out.extend_from_slice(b"\nendstream\nendobj\n");
        let at = out.len();
        out.extend_from_slice(
            format!(
                "xref\n{table}trailer\n<< /Size 952 /Root 1 0 R /Info 10 0 R /Prev {} /XRefStm {stream} >>\nstartxref\n{at}\n%%EOF\n",
                startxref(&file)
            )
            .as_bytes(),
        );
        out
    };
    assert_eq!(changes(&find(&hybrid("0 0\n"))[0]), Ok("none".to_owned()));
    let free = hybrid("4 1\n0000000000 65535 f \n");
    assert_eq!(changes(&find(&free)[0]), refused("an object that is free to some readers"));
    assert!(first(&free, b"%PDF") < last(&free, b"%%EOF"));
}

/// Some viewers read an object of a stream up to the next one, others to its own end (ISO 32000-2 7.5.7).
#[test]
fn objects_of_a_stream_stand_one_behind_the_other() {
    let two = "<< /X 1 >> << /X 2 >>";
    let named = [(910, 0), (911, 1)];
    assert_eq!(changes(&find(&compressed("910 0 911 11", two, &named))[0]), Ok("none".to_owned()));
    let order = NotASignature::Malformed("the index of an object stream");
    assert_eq!(refusal(&compressed("910 11 911 0", two, &named)), order);
    let inside = refusal(&compressed("910 0 911 6", two, &named));
    assert!(matches!(inside, NotASignature::Malformed(_)), "{inside:?}");
    assert!(matches!(refusal(&compressed("910 0 911 5", two, &named)), NotASignature::Malformed(_)));
}

/// An object beyond `/Size` of the newest trailer is missing to some viewers (ISO 32000-2 table 15).
#[test]
fn a_later_revision_cuts_no_objects_off() {
    let update = Update::default().object(2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
    let file = update.to(&document("pades-b-rsa"));
    assert_eq!(changes(&find(&file)[0]), Ok("none".to_owned()));
    let of_size = |size: &str| {
        let at = last(&file, b"/Size 1000");
        [&file[..at], format!("/Size {size:<4}").as_bytes(), &file[at + 10..]].concat()
    };
    assert_eq!(changes(&find(&of_size("11"))[0]), Ok("none".to_owned()));
    for size in ["3", "4", "10"] {
        assert_eq!(changes(&find(&of_size(size))[0]), refused("objects beyond /Size of a later revision"));
    }
}
