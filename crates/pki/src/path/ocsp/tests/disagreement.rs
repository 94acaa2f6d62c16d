//! Answers that contradict each other.

use super::is_good;
use super::made::{Answer, DAY, HOUR, Made, NOW, ask, ask_for, good, revoked, unknown};
use crate::path::status::Status;
use crate::policy::ValidationPolicy;

const HOLD: u8 = 6;
const COMPROMISE: u8 = 1;

fn older(status: Vec<u8>) -> Answer {
    Answer::issued(NOW.plus(-3 * HOUR), status)
}

fn newer(status: Vec<u8>) -> Answer {
    Answer::issued(NOW.plus(-HOUR), status)
}

/// Both in one response, and in two, in either order.
fn ask_both(a: &Answer, b: &Answer) -> Vec<Status> {
    let one = |answer: &Answer| Made::of(std::slice::from_ref(answer));
    let mut together = Made::of(&[a.clone(), b.clone()]);
    together.produced_at = a.this_update.max(b.this_update);
    vec![ask(&[one(a), one(b)]), ask(&[one(b), one(a)]), ask(&[together])]
}

fn is_revoked(status: &Status) -> bool {
    matches!(status, Status::Revoked { .. })
}

#[test]
fn a_revocation_is_never_taken_back() {
    let since = NOW.plus(-DAY);
    for (a, b) in [
        (older(revoked(since, COMPROMISE)), newer(good())),
        (older(good()), newer(revoked(since, COMPROMISE))),
        (newer(good()), newer(revoked(since, COMPROMISE))),
    ] {
        assert!(ask_both(&a, &b).iter().all(is_revoked));
    }
}

#[test]
fn a_hold_lasts_until_it_is_lifted() {
    let hold = revoked(NOW.plus(-DAY), HOLD);
    assert!(ask_both(&older(hold.clone()), &newer(good())).iter().all(is_good));
    assert!(ask_both(&older(good()), &newer(hold.clone())).iter().all(is_revoked));
    assert!(ask_both(&newer(good()), &newer(hold)).iter().all(is_revoked));
}

#[test]
fn that_a_hold_was_lifted_later_does_not_help_a_signature_made_meanwhile() {
    let control = NOW.plus(-10 * DAY);
    let hold = revoked(control.plus(-DAY), HOLD);
    let ask = |a: Answer, b: Answer| {
        let responses = [Made::of(&[a]).der(), Made::of(&[b]).der()];
        ask_for(control, NOW, &ValidationPolicy::default(), &responses)
    };
    assert!(is_revoked(&ask(Answer::issued(control.plus(-HOUR), hold.clone()), newer(good()))));
    assert!(is_revoked(&ask(Answer::issued(control.plus(HOUR), hold.clone()), newer(good()))));
    let lifted = Answer::issued(control.plus(-HOUR), good());
    assert!(is_good(&ask(Answer::issued(control.plus(-2 * HOUR), hold), lifted)));
}

#[test]
fn who_does_not_know_contradicts_nobody() {
    assert!(ask_both(&older(good()), &newer(unknown())).iter().all(is_good));
    let since = NOW.plus(-DAY);
    assert!(ask_both(&older(revoked(since, COMPROMISE)), &newer(unknown())).iter().all(is_revoked));
}

#[test]
fn the_newest_of_the_good_is_named() {
    for answer in ask_both(&older(good()), &newer(good())) {
        let Status::Good { window, .. } = answer else { panic!("{answer:?}") };
        assert_eq!(window.this_update, NOW.plus(-HOUR));
    }
}
