//! What the operator types: the months and plans of the query, read leniently enough for a form and strictly enough for
//! money. A field that cannot be read is named; nothing is guessed.

use std::collections::BTreeMap;

use musubi_platform::metering::{
    CheckMethod, DeliveryMethod, Joining, MAX_CHECKS, MAX_CUSTOMERS, Plan, USUAL_CHANGES,
};

/// The estimator's form as it was filled in, to be shown again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlanForm {
    pub(crate) customers: String,
    /// Checks per customer and month, up to three decimals.
    pub(crate) checks: String,
    /// Percent, one decimal.
    pub(crate) consenting: String,
    /// Percent, one decimal.
    pub(crate) changing: String,
    pub(crate) method: String,
    pub(crate) delivery: String,
    pub(crate) joining: String,
    /// Names of the fields that cannot be read.
    pub(crate) wrong: Vec<&'static str>,
}

impl Default for PlanForm {
    fn default() -> Self {
        Self {
            customers: "10000".into(),
            checks: "1".into(),
            consenting: "60".into(),
            changing: decimal(USUAL_CHANGES, 1),
            method: "list".into(),
            delivery: "push".into(),
            joining: "signature".into(),
            wrong: Vec::new(),
        }
    }
}

/// `12.5` for 125 with one decimal.
fn decimal(value: u64, decimals: u32) -> String {
    let unit = 10_u64.pow(decimals);
    let width = usize::try_from(decimals).unwrap_or(0);
    let text = format!("{}.{:0width$}", value / unit, value % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A number with at most so many decimals, in units of the last one; commas, spaces and full-width digits are read.
fn number(text: &str, decimals: usize, most: u64) -> Option<u64> {
    let plain: String = text
        .chars()
        .filter(|c| !matches!(c, ',' | ' ' | '，' | '　'))
        .map(|c| match c {
            '０'..='９' => char::from_digit(u32::from(c) - u32::from('０'), 10).unwrap_or(c),
            '．' => '.',
            other => other,
        })
        .collect();
    let (whole, rest) = plain.split_once('.').unwrap_or((&plain, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 12 || rest.len() > decimals || !digits(whole) || !digits(rest) {
        return None;
    }
    format!("{whole}{rest:0<decimals$}").parse().ok().filter(|value| *value <= most)
}

impl PlanForm {
    /// The form and, if all of it can be read, the plan. What is missing has its default.
    pub(crate) fn read(query: &BTreeMap<String, String>) -> (Self, Option<Plan>) {
        let mut form = Self::default();
        for (name, field) in [
            ("customers", &mut form.customers),
            ("checks", &mut form.checks),
            ("consenting", &mut form.consenting),
            ("changing", &mut form.changing),
            ("method", &mut form.method),
            ("delivery", &mut form.delivery),
            ("joining", &mut form.joining),
        ] {
            if let Some(said) = query.get(name) {
                *field = said.chars().take(40).collect();
            }
        }
        let mut wrong = Vec::new();
        let mut note = |name, value: Option<u64>| {
            if value.is_none() {
                wrong.push(name);
            }
            value.unwrap_or(0)
        };
        let customers = note("customers", number(&form.customers, 0, MAX_CUSTOMERS).filter(|n| *n > 0));
        let checks = note("checks", number(&form.checks, 3, MAX_CHECKS));
        let consenting = note("consenting", number(&form.consenting, 1, 1000));
        let changing = note("changing", number(&form.changing, 1, 1000));
        let method = if form.method == "ocsp" { CheckMethod::Ocsp } else { CheckMethod::List };
        let delivery = match form.delivery.as_str() {
            "poll" => DeliveryMethod::Poll,
            "daily_file" => DeliveryMethod::DailyFile,
            _ => DeliveryMethod::Push,
        };
        let joining = if form.joining == "bulk" { Joining::Bulk } else { Joining::Signature };
        let plan =
            Plan { customers, checks_per_thousand: checks, consenting, changing, method, delivery, joining };
        let plan = if wrong.is_empty() { plan.check().ok() } else { None };
        form.wrong = wrong;
        (form, plan)
    }

    /// Whether a field cannot be read.
    pub(crate) fn is_wrong(&self, name: &str) -> bool {
        self.wrong.contains(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&str, &str)]) -> (PlanForm, Option<Plan>) {
        PlanForm::read(&fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn an_untouched_form_is_a_plan() {
        let plan = read(&[]).1.unwrap();
        assert_eq!((plan.customers, plan.checks_per_thousand), (10_000, 1000));
        assert_eq!((plan.consenting, plan.changing), (600, USUAL_CHANGES));
    }

    #[test]
    fn numbers_are_read_as_people_type_them() {
        let (_, plan) =
            read(&[("customers", "１，２００，０００"), ("checks", "0.5"), ("consenting", "12.5")]);
        let plan = plan.unwrap();
        assert_eq!((plan.customers, plan.checks_per_thousand, plan.consenting), (1_200_000, 500, 125));
    }

    #[test]
    fn what_cannot_be_read_is_named_and_shown_again_and_nothing_is_guessed() {
        let (form, plan) = read(&[("customers", "many"), ("consenting", "100.1"), ("changing", "-1")]);
        assert!(plan.is_none());
        assert_eq!(form.wrong, ["customers", "consenting", "changing"]);
        assert_eq!(form.customers, "many");
        for wrong in ["", "0", "200000001", "1e3", "1.5", "999999999999999999999"] {
            assert!(read(&[("customers", wrong)]).1.is_none(), "{wrong}");
        }
        assert!(read(&[("checks", "0.1234")]).1.is_none());
        assert!(read(&[("customers", &"9".repeat(10_000))]).0.customers.len() <= 40);
    }
}
