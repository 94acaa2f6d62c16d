//! The monthly report as CSV (RFC 4180) that spreadsheets open: UTF-8 with its mark, and no cell that runs as a formula.

use std::fmt::Write as _;

use musubi_httpkit::page::Lang;

use super::MonthlyReport;

/// A cell. One that a spreadsheet would take for a formula gets an apostrophe before it (OWASP, CSV Injection): names
/// and purposes are other people's words.
#[must_use]
pub fn cell(text: &str) -> String {
    let formula =
        text.trim_start().starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
            || text.starts_with(['\t', '\r', '\n']);
    let defused = if formula { format!("'{text}") } else { text.to_owned() };
    if defused.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", defused.replace('"', "\"\""))
    } else {
        defused
    }
}

fn row(out: &mut String, cells: &[&str]) {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    // Writing to a text does not fail.
    let _ = write!(out, "{}\r\n", cells.join(","));
}

/// The report of a relying party: the lines, then the counts by purpose, then the sums. One table, one meaning in each
/// column; empty where it has none.
#[must_use]
pub fn report_csv(report: &MonthlyReport, id: &str, name: &str, lang: Lang) -> String {
    let mut out = String::from('\u{feff}');
    row(&mut out, &lang.pick(HEAD_JA, HEAD_EN));
    let month = report.month.to_string();
    let head = [month.as_str(), id, name];
    let mut write = |rest: [&str; 9]| row(&mut out, &[&head[..], &rest[..]].concat());
    for line in &report.lines {
        write([
            lang.pick("項目", "item"),
            line.item.name,
            lang.pick(line.item.ja, line.item.en),
            "",
            &line.count.to_string(),
            &line.charged.to_string(),
            &line.authority.to_string(),
            &line.operator.to_string(),
            &line.authority.plus(line.operator).to_string(),
        ]);
    }
    for purpose in &report.purposes {
        let (kind, meaning) = lang.pick(("目的別", purpose.item.ja), ("purpose", purpose.item.en));
        let count = purpose.count.to_string();
        write([kind, purpose.item.name, meaning, &purpose.purpose, &count, "", "", "", ""]);
    }
    let base = report.base.to_string();
    write([lang.pick("基本料金", "base"), "", "", "", "", "", "", &base, &base]);
    for (meaning, yen) in [
        (lang.pick("税抜合計", "net"), report.total.net_yen),
        (lang.pick("消費税", "consumption tax"), report.total.tax_yen),
        (lang.pick("税込合計", "gross"), report.total.gross_yen()),
    ] {
        write([lang.pick("合計", "total"), "", meaning, "", "", "", "", "", &yen.to_string()]);
    }
    out
}

const HEAD_JA: [&str; 12] = [
    "月",
    "事業者ID",
    "事業者名",
    "区分",
    "項目",
    "内容",
    "利用目的",
    "件数",
    "有料の件数",
    "認証局の手数料（円）",
    "運用者の料金（円）",
    "金額（円）",
];
const HEAD_EN: [&str; 12] = [
    "month",
    "relying_party_id",
    "relying_party",
    "row",
    "item",
    "meaning",
    "purpose",
    "count",
    "charged",
    "authority_yen",
    "operator_yen",
    "yen",
];
