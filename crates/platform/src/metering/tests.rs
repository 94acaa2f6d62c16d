//! Counts on both engines; money against examples worked out by hand.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;
use musubi_httpkit::page::Lang;
use musubi_kernel::{Date, UnixTime};

use super::*;
use crate::test_support::{NOW, World, worlds};

fn date(year: i32, month: u8, day: u8) -> Date {
    Date::new(year, month, day).unwrap()
}

fn day_count(item: Item, day: Date, count: u64) -> DayCount {
    DayCount { item, day, count }
}

fn table(toml_like: serde_json::Value) -> Result<FeeTable, String> {
    serde_json::from_value(toml_like).map_err(|error| error.to_string())
}

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

/// 2 yen until the 15th for nothing, half a yen for the operator, a quarter from the 1001st; 5000 yen a month.
fn some_fees() -> FeeTable {
    table(serde_json::json!({
        "monthly_base_yen": 5000,
        "item": [{
            "name": "authentication_check.list", "authority_yen": 2, "free_from": "2023-01-01",
            "free_until": "2026-04-15", "operator_yen": "0.5",
            "operator_tiers": [{ "above": 1000, "yen": "0.25" }],
        }],
    }))
    .unwrap()
}

fn plan() -> Plan {
    Plan {
        customers: 120_000,
        checks_per_thousand: 500,
        consenting: 600,
        changing: 100,
        method: CheckMethod::List,
        delivery: DeliveryMethod::Push,
        joining: Joining::Signature,
    }
}

#[test]
fn amounts_are_exact_to_a_thousandth_of_a_yen_and_nothing_else_is_an_amount() {
    assert_eq!(amount("0.1").times(3), amount("0.3"));
    assert_eq!(amount("20").to_string(), "20");
    assert_eq!(amount("0.125").to_string(), "0.125");
    assert_eq!(amount("1.50").to_string(), "1.5");
    assert_eq!(amount("7.999").whole_yen(), 7);
    for wrong in ["", ".5", "1.", "1.2345", "-1", "+1", "1e3", "１", "1000000001", "99999999999", "1,000"] {
        assert!(wrong.parse::<Amount>().is_err(), "{wrong}");
    }
    assert_eq!(amount("1000000000").times(u64::MAX).milliyen(), i64::MAX, "stops instead of turning around");
    assert!(serde_json::from_str::<Amount>("0.5").is_err(), "no binary fractions");
}

#[test]
fn a_months_price_is_what_a_clerk_works_out_by_hand() {
    let counts = [
        day_count(AUTHENTICATION_CHECK_BY_LIST, date(2026, 4, 10), 600),
        day_count(AUTHENTICATION_CHECK_BY_LIST, date(2026, 4, 20), 900),
        day_count(LATEST_ATTRIBUTES, date(2026, 4, 20), 3),
    ];
    let month = "2026-04".parse().unwrap();
    let report = MonthlyReport::new(month, &counts, (Vec::new(), false), &some_fees());
    let [checks, latest] = report.lines[..] else { panic!("{:?}", report.lines) };
    let told = [day_count(CHANGE_EVENT, date(2026, 4, 20), 5)];
    assert_eq!(report::lines(&told, &some_fees())[0].charged, 0, "nobody lists a fee for it");
    // 900 after the free days at 2 yen; 1000 at 0.5 and 500 at 0.25.
    assert_eq!((checks.count, checks.charged), (1500, 900));
    assert_eq!((checks.authority, checks.operator), (amount("1800"), amount("625")));
    assert_eq!((latest.authority, latest.operator), (amount("60"), Amount::ZERO));
    // 1800 + 625 + 60 + 5000 = 7485; a tenth of it is 748.5.
    assert_eq!(report.total, Total { net_yen: 7485, tax_yen: 748, tax_percent: 10 });
    assert_eq!(report.total.gross_yen(), 8233);
}

#[test]
fn the_free_days_begin_and_end_as_written_both_included() {
    let fees = some_fees();
    let fee = fees.fee(AUTHENTICATION_CHECK_BY_LIST).unwrap();
    for (day, charged) in [
        (date(2022, 12, 31), true),
        (date(2023, 1, 1), false),
        (date(2026, 4, 15), false),
        (date(2026, 4, 16), true),
    ] {
        assert_eq!(fee.is_charged(day), charged, "{day}");
    }
}

#[test]
fn tiers_price_each_piece_by_its_place() {
    let fee = some_fees().fee(AUTHENTICATION_CHECK_BY_LIST).unwrap().clone();
    for (count, yen) in [(0, "0"), (1, "0.5"), (1000, "500"), (1001, "500.25"), (5000, "1500")] {
        assert_eq!(fee.operator_for(count), amount(yen), "{count}");
    }
}

#[test]
fn the_default_table_has_the_listed_fees_and_their_free_time() {
    let fees = FeeTable::default();
    let charged = |item, day| {
        let fee = fees.fee(item).unwrap();
        if fee.is_charged(day) { fee.authority.whole_yen() } else { 0 }
    };
    let (past, now) = (date(2022, 6, 1), date(2026, 11, 21));
    assert_eq!((charged(SIGNATURE_CHECK_BY_LIST, past), charged(SIGNATURE_CHECK_BY_LIST, now)), (20, 0));
    assert_eq!(charged(AUTHENTICATION_CHECK_BY_LIST, past), 2);
    assert_eq!(charged(SIGNATURE_CHECK_BY_OCSP, date(2025, 12, 31)), 0);
    assert_eq!(charged(SIGNATURE_CHECK_BY_OCSP, date(2026, 1, 1)), 20);
    assert_eq!(charged(AUTHENTICATION_CHECK_BY_OCSP, now), 2);
    assert_eq!(charged(LATEST_ATTRIBUTES, now), 20);
    assert_eq!(fees.fees().len(), ITEMS.len());
}

#[test]
fn a_fee_table_that_could_be_misread_is_refused() {
    let item = |item: serde_json::Value| table(serde_json::json!({ "item": [item] }));
    for wrong in [
        item(serde_json::json!({ "name": "no_such_work" })),
        item(serde_json::json!({ "name": "delivery", "operator_yen": 0.5 })),
        item(serde_json::json!({ "name": "delivery", "operator_yen": -1 })),
        item(serde_json::json!({ "name": "delivery", "price": 1 })),
        item(serde_json::json!({ "name": "delivery", "free_until": "2026-01-01" })),
        item(
            serde_json::json!({ "name": "delivery", "free_from": "2026-02-01", "free_until": "2026-01-31" }),
        ),
        item(serde_json::json!({ "name": "delivery", "free_from": "2026-2-1" })),
        item(serde_json::json!({ "name": "delivery", "free_from": "2026-02-30" })),
        item(serde_json::json!({ "name": "delivery", "operator_tiers": [{ "above": 0, "yen": 1 }] })),
        item(
            serde_json::json!({ "name": "delivery", "operator_tiers": [{ "above": 9, "yen": 1 }, { "above": 9, "yen": 2 }] }),
        ),
        table(serde_json::json!({ "item": [{ "name": "delivery" }, { "name": "delivery" }] })),
        table(serde_json::json!({ "consumption_tax_percent": 101 })),
        table(serde_json::json!({ "colour": "red" })),
    ] {
        wrong.unwrap_err();
    }
    assert_eq!(table(serde_json::json!({})).unwrap(), FeeTable::default());
}

#[test]
fn months_are_written_in_one_way_and_follow_one_another() {
    let month: Month = "2026-12".parse().unwrap();
    assert_eq!(
        (month.next().to_string(), month.previous().to_string()),
        ("2027-01".into(), "2026-11".into())
    );
    assert_eq!(month.next().previous(), month);
    // The last second of the month in Japan, and the next.
    let last = date(2026, 12, 31).ends_in_japan();
    assert_eq!((Month::at(last), Month::at(last.plus(1))), (month, month.next()));
    for wrong in ["2026-4", "2026-13", "2026-00", "26-04", "2026/04", "2026-04-01", " 2026-04", "1999-12", ""]
    {
        assert!(wrong.parse::<Month>().is_err(), "{wrong}");
    }
}

#[test]
fn an_estimate_is_what_a_planner_works_out_by_hand() {
    let estimate = estimate(&plan(), &FeeTable::default(), date(2026, 11, 21));
    assert_eq!(estimate.from.to_string(), "2026-12");
    let counts: Vec<_> = estimate.month.iter().map(|line| (line.item, line.count)).collect();
    // 120,000 × 0.5 checks; 12,000 changes a year, so 1,000 a month, each pushed; 600 of them consented.
    assert_eq!(
        counts,
        [
            (AUTHENTICATION_CHECK_BY_LIST, 60_000),
            (CHANGE_EVENT, 1000),
            (DELIVERY, 1000),
            (LATEST_ATTRIBUTES, 600)
        ]
    );
    // 600 × 20 yen; lists are free.
    assert_eq!(estimate.month_total, Total { net_yen: 12_000, tax_yen: 1200, tax_percent: 10 });
    assert_eq!(estimate.once_total.net_yen, 0);
    assert_eq!((estimate.year_total.net_yen, estimate.year_total.tax_yen), (144_000, 14_400));
}

#[test]
fn a_free_time_that_ends_within_the_year_is_counted_month_by_month() {
    let ocsp = Plan { method: CheckMethod::Ocsp, ..plan() };
    // October to December 2025 for nothing, then nine months of 60,000 × 2 yen.
    let before = estimate(&ocsp, &FeeTable::default(), date(2025, 9, 10));
    assert_eq!(before.month_total.net_yen, 12_000);
    assert_eq!(before.year_total.net_yen, 12 * 12_000 + 9 * 120_000);
    // Afterwards the signatures of 120,000 applicants cost 20 yen each.
    let after = estimate(&ocsp, &FeeTable::default(), date(2026, 1, 10));
    assert_eq!(after.once_total.net_yen, 2_400_000);
    assert_eq!(after.year_total.net_yen, 12 * 132_000 + 2_400_000);
}

#[test]
fn the_steps_are_those_of_the_plan() {
    let steps = |plan: &Plan| -> BTreeSet<&str> {
        estimate(plan, &FeeTable::default(), date(2026, 11, 21)).steps.iter().map(|step| step.id).collect()
    };
    let (all, push) = (STEPS.iter().map(|step| step.id).collect::<BTreeSet<_>>(), steps(&plan()));
    assert_eq!(all.len(), STEPS.len(), "a step's name is its own");
    assert!(
        push.contains("endpoint") && push.contains("consent_text") && push.contains("signed_application")
    );
    assert!(!push.contains("reading") && !push.contains("bulk_file"));
    let other = Plan { consenting: 0, delivery: DeliveryMethod::DailyFile, joining: Joining::Bulk, ..plan() };
    let quiet = steps(&other);
    assert!(quiet.contains("reading") && quiet.contains("bulk_file"));
    assert!(
        !quiet.contains("endpoint") && !quiet.contains("consent_text") && !quiet.contains("consent_screen")
    );
    for step in STEPS {
        assert!(!step.ja.is_ascii() && step.en.len() > 20, "{}", step.id);
    }
}

#[test]
fn a_plan_beyond_all_residents_is_refused_and_the_largest_one_does_not_overflow() {
    let largest = Plan {
        customers: MAX_CUSTOMERS,
        checks_per_thousand: MAX_CHECKS,
        consenting: 1000,
        changing: 1000,
        method: CheckMethod::Ocsp,
        ..plan()
    };
    let estimate = estimate(&largest.check().unwrap(), &FeeTable::default(), date(2026, 11, 21));
    // 200 thousand million checks at 2 yen, and 16,666,667 changes at 20 yen.
    assert_eq!(estimate.month_total.net_yen, 200_000_000_000 * 2 + 16_666_667 * 20);
    for wrong in [
        Plan { customers: 0, ..largest },
        Plan { customers: MAX_CUSTOMERS + 1, ..largest },
        Plan { checks_per_thousand: MAX_CHECKS + 1, ..largest },
        Plan { consenting: 1001, ..largest },
        Plan { changing: 1001, ..largest },
    ] {
        assert!(wrong.check().is_err(), "{wrong:?}");
    }
}

#[test]
fn no_cell_of_the_csv_runs_as_a_formula_or_breaks_out_of_its_cell() {
    for (text, safe) in [
        ("=HYPERLINK(\"http://x\")", "\"'=HYPERLINK(\"\"http://x\"\")\""),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("  =1", "'  =1"),
        ("＝1", "'＝1"),
        ("\r\n=1", "\"'\r\n=1\""),
        ("a,b", "\"a,b\""),
        ("口座開設", "口座開設"),
    ] {
        assert_eq!(cell(text), safe);
    }
    let purposes = vec![PurposeCount { purpose: "=1+1,\"x\"".into(), item: CHANGE_CHECK, count: 2 }];
    let counts = [day_count(CHANGE_CHECK, date(2026, 4, 1), 2)];
    let report =
        MonthlyReport::new("2026-04".parse().unwrap(), &counts, (purposes, false), &FeeTable::default());
    for lang in [Lang::Ja, Lang::En] {
        let csv = report_csv(&report, "rp_1", "=銀行", lang);
        assert!(csv.starts_with('\u{feff}'));
        assert!(csv.contains("'=銀行") && csv.contains("\"'=1+1,\"\"x\"\"\""), "{csv}");
        let plain: Vec<&str> =
            csv.split("\r\n").filter(|row| !row.is_empty() && !row.contains('"')).collect();
        assert!(plain.len() >= 5);
        assert!(plain.iter().all(|row| row.split(',').count() == 12), "{csv}");
    }
}

async fn count_at(world: &World, rp: &RelyingPartyId, purpose: &str, item: Item, n: i64, at: UnixTime) {
    let mut tx = world.context.db.begin().await.unwrap();
    count(&mut tx, rp, purpose, item, n, at).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_month_is_read_from_its_first_to_its_last_second_in_japan() {
    for world in worlds().await {
        let [own, other] = ["a", "b"].map(|digit| format!("rp_{}", digit.repeat(32)).parse().unwrap());
        let first = date(2026, 4, 1).starts_in_japan();
        let last = date(2026, 4, 30).ends_in_japan();
        for (at, n) in [(first.plus(-1), 1000), (first, 1), (last, 10), (last.plus(1), 2000)] {
            count_at(&world, &own, "sign_in", AUTHENTICATION_CHECK_BY_LIST, n, at).await;
        }
        count_at(&world, &own, "", AUTHENTICATION_CHECK_BY_LIST, 100, first).await;
        count_at(&world, &own, "sign_in", AUTHENTICATION_CHECK_BY_LIST, 5, first.plus(5)).await;
        count_at(&world, &other, "sign_in", AUTHENTICATION_CHECK_BY_LIST, 7, first).await;
        let mut tx = world.context.db.begin_read().await.unwrap();
        let month = "2026-04".parse().unwrap();
        let report = monthly_report(&mut tx, &own, month, &FeeTable::default()).await.unwrap();
        assert_eq!(report.lines.iter().map(|line| line.count).collect::<Vec<_>>(), [116]);
        let purposes: Vec<_> = report.purposes.iter().map(|p| (p.purpose.as_str(), p.count)).collect();
        assert_eq!(purposes, [("", 100), ("sign_in", 16)]);
        assert!(!report.purposes_left_out);
        let empty = monthly_report(&mut tx, &own, month.next().next(), &FeeTable::default()).await.unwrap();
        assert!(empty.lines.is_empty() && empty.total.gross_yen() == 0);
    }
}

#[tokio::test]
async fn purposes_without_number_are_cut_off_and_the_sum_stays_whole() {
    let worlds = worlds().await;
    let rp = format!("rp_{}", "a".repeat(32)).parse().unwrap();
    for world in worlds {
        let mut tx = world.context.db.begin().await.unwrap();
        for n in 0..600 {
            count(&mut tx, &rp, &format!("p{n}"), CHANGE_CHECK, 1, NOW).await.unwrap();
        }
        let report = monthly_report(&mut tx, &rp, Month::at(NOW), &FeeTable::default()).await.unwrap();
        assert_eq!((report.purposes.len(), report.purposes_left_out), (500, true));
        assert_eq!(report.lines[0].count, 600);
    }
}

fn request(path: &str, token: &str) -> Request<Body> {
    Request::get(path).header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn a_relying_party_reads_its_own_month_and_no_other() {
    for world in worlds().await {
        let (bank, shop) = (world.client().await, world.client().await);
        count_at(&world, &bank.id, "account_opening", SIGNATURE_CHECK_BY_LIST, 3, NOW).await;
        count_at(&world, &shop.id, "secret_campaign", LATEST_ATTRIBUTES, 5, NOW).await;
        let (of_bank, of_shop) = (world.token(&bank).await, world.token(&shop).await);
        let answer = world.send(request("/v1/usage", &of_bank)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.body["month"], Month::at(NOW).to_string());
        assert_eq!(answer.body["lines"][0]["count"], 3);
        assert_eq!(answer.body["lines"][0]["authority_yen"], "0");
        assert_eq!(answer.body["purposes"][0]["purpose"], "account_opening");
        assert!(!answer.body.to_string().contains("secret_campaign"));
        let answer = world.send(request("/v1/usage", &of_shop)).await;
        assert_eq!(answer.body["total"]["net_yen"], 100);
        assert_eq!(answer.body["total"]["gross_yen"], 110);
        for wrong in ["month=2026-4", "month=x", "relying_party=rp_x", "month="] {
            let answer = world.send(request(&format!("/v1/usage?{wrong}"), &of_bank)).await;
            assert_eq!(answer.code(), (400, "request.malformed"), "{wrong}");
        }
        assert_eq!(world.get("/v1/usage").await.code(), (401, "token.missing"));
        assert_eq!(world.get("/v1/estimate").await.code(), (401, "token.missing"));
    }
}

#[tokio::test]
async fn an_estimate_is_answered_with_what_must_be_done() {
    for world in worlds().await {
        let token = world.token(&world.client().await).await;
        let query =
            "customers=120000&checks_per_thousand=500&consenting_per_thousand=600&delivery=push&joining=bulk";
        let answer = world.send(request(&format!("/v1/estimate?{query}"), &token)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.body["month_total"]["net_yen"], 12_000);
        assert_eq!(answer.body["once"][0]["item"], "registration_line");
        assert!(answer.body["steps"].as_array().unwrap().iter().any(|step| step["id"] == "bulk_file"));
        assert_eq!(
            world.send(request("/v1/estimate", &token)).await.status,
            200,
            "every part has its default"
        );
        for (wrong, code) in [
            ("customers=0", "estimate.out_of_range"),
            ("consenting_per_thousand=1001", "estimate.out_of_range"),
            ("customers=many", "request.malformed"),
            ("delivery=pigeon", "request.malformed"),
            ("colour=red", "request.malformed"),
        ] {
            let answer = world.send(request(&format!("/v1/estimate?{wrong}"), &token)).await;
            assert_eq!(answer.code(), (400, code), "{wrong}");
        }
    }
}
