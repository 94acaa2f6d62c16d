//! The story: a resident opens a bank account, signs in, moves house, and the bank learns of it; checks in without PIN; then
//! every refusal; then the resident sees every use in the portal. It goes through the same pages and addresses that a
//! browser uses, and asserts at every step.

mod presence;
mod refusals;
mod steps;
mod visitor;

use std::future::Future;
use std::pin::Pin;

use serde_json::Value;

use crate::Sites;

pub use visitor::{Failure, Page, Visitor};

/// The PIN and the signing password of every card in the demo.
pub(crate) const PIN: &str = musubi_nation::DEMO_PIN;
pub(crate) const PASSWORD: &str = musubi_nation::DEMO_PASSWORD;

/// The person of the story.
pub const RESIDENT: &str = "aoki-misaki";

/// What a step does; it answers what it saw.
pub type StepFuture<'a> = Pin<Box<dyn Future<Output = Result<String, Failure>> + Send + 'a>>;

/// A step of the story.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Stable name.
    pub id: &'static str,
    /// Title in Japanese.
    pub ja: &'static str,
    /// Title in English.
    pub en: &'static str,
    /// What it does. Done again after a crash, it comes to the same.
    pub run: for<'a> fn(&'a mut Story) -> StepFuture<'a>,
}

/// What is known while the story goes on.
#[derive(Debug)]
pub struct Story {
    /// The visitor.
    pub visitor: Visitor,
    /// The application's page at the bank.
    pub application: Option<String>,
    /// The bank's customer id.
    pub customer_id: Option<String>,
    /// The address before the move.
    pub old_address: Option<String>,
    /// The address after the move.
    pub new_address: Option<String>,
}

impl Story {
    /// A story on the demo behind `sites`.
    #[must_use]
    pub fn new(sites: Sites) -> Self {
        Self {
            visitor: Visitor::new(sites),
            application: None,
            customer_id: None,
            old_address: None,
            new_address: None,
        }
    }
}

/// The main job: steps 1 to 4.
pub const MAIN: &[Step] = steps::MAIN;

/// All steps in order.
#[must_use]
pub fn steps() -> Vec<Step> {
    [steps::MAIN, presence::STEPS, refusals::REFUSALS, steps::AFTER, presence::AFTER].concat()
}

/// The outcome of a step.
#[derive(Debug, serde::Serialize)]
pub struct Told {
    /// The step's stable name.
    pub step: &'static str,
    /// Title in Japanese.
    pub ja: &'static str,
    /// Title in English.
    pub en: &'static str,
    /// `passed` or `failed`.
    pub outcome: &'static str,
    /// What was seen, or what went wrong.
    pub detail: String,
}

/// Runs the whole story and tells each step as it ends; answers whether every assertion held.
pub async fn run(sites: Sites, mut tell: impl FnMut(&Told)) -> bool {
    let mut story = Story::new(sites);
    let mut held = true;
    for step in steps() {
        let done = (step.run)(&mut story).await;
        let (outcome, detail) = match done {
            Ok(detail) => ("passed", detail),
            Err(failure) => ("failed", failure.to_string()),
        };
        held &= outcome == "passed";
        tell(&Told { step: step.id, ja: step.ja, en: step.en, outcome, detail });
    }
    held
}

/// The form fields of a card's answer.
pub(crate) fn answer_fields(answer: &Value) -> [(&'static str, &str); 3] {
    ["certificate", "signature", "origin"]
        .map(|name| (name, answer.get(name).and_then(Value::as_str).unwrap_or_default()))
}
