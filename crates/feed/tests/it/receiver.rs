//! One rule each of what a receiver does.

use musubi_feed::{
    Accepted, Contradiction, HELD_BACK, Place, Proven, REMEMBERED, Receiver, Refusal, Standing, TokenError,
};

use crate::truth::{NOW, Platform};

fn applied(receiver: &mut Receiver, token: &str) -> u64 {
    match receiver.accept(token) {
        Ok(Accepted::New(entry)) => entry.position.sequence,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_next_entry_is_new_a_second_copy_is_not_and_the_place_survives_as_json() {
    let platform = Platform::with(3);
    let mut receiver = platform.receiver();
    assert_eq!(applied(&mut receiver, platform.entry(1)), 1);
    assert_eq!(receiver.accept(platform.entry(1)), Ok(Accepted::Again));
    let json = serde_json::to_string(receiver.place()).unwrap();
    let mut receiver = platform.receiver_at(serde_json::from_str(&json).unwrap());
    assert_eq!(receiver.accept(platform.entry(1)), Ok(Accepted::Again));
    assert_eq!(applied(&mut receiver, platform.entry(2)), 2);
    assert_eq!(*receiver.place().last(), platform.places[2]);
}

#[test]
fn what_came_too_early_is_held_back_until_the_gap_is_filled() {
    let platform = Platform::with(4);
    let mut receiver = platform.receiver();
    for early in [3, 2, 4, 3] {
        let gap = Refusal::Gap { expected: 1, got: early as u64 };
        assert_eq!(receiver.accept(platform.entry(early)), Err(gap));
    }
    assert_eq!((receiver.held_back(), receiver.ready()), (3, Ok(None)));
    applied(&mut receiver, platform.entry(1));
    let mut order = Vec::new();
    while let Some(entry) = receiver.ready().unwrap() {
        order.push(entry.position.sequence);
    }
    assert_eq!((order, receiver.held_back()), (vec![2, 3, 4], 0));
    assert_eq!(receiver.accept(platform.entry(3)), Ok(Accepted::Again));
}

#[test]
fn no_more_is_held_back_than_the_bound_and_what_was_not_comes_again() {
    let many = usize::try_from(HELD_BACK).unwrap() + 10;
    let platform = Platform::with(many);
    let mut receiver = platform.receiver();
    for early in (2..=many).rev() {
        receiver.accept(platform.entry(early)).unwrap_err();
    }
    assert_eq!(receiver.held_back() as u64, HELD_BACK);
    applied(&mut receiver, platform.entry(1));
    while receiver.ready().unwrap().is_some() {}
    let next = receiver.place().last().sequence + 1;
    assert_eq!(next, HELD_BACK + 2);
    for late in usize::try_from(next).unwrap()..=many {
        applied(&mut receiver, platform.entry(late));
    }
}

#[test]
fn two_entries_of_one_number_stop_the_receiver_for_good() {
    let platform = Platform::with(3);
    let mut receiver = platform.receiver();
    applied(&mut receiver, platform.entry(1));
    applied(&mut receiver, platform.entry(2));
    let fork = Contradiction::Fork { sequence: 1 };
    assert_eq!(receiver.accept(&platform.other(1).0), Err(Refusal::Contradiction(fork)));
    let json = serde_json::to_string(receiver.place()).unwrap();
    let mut receiver = platform.receiver_at(serde_json::from_str(&json).unwrap());
    assert_eq!(receiver.accept(platform.entry(3)), Err(Refusal::Stopped(fork)));
    assert_eq!(receiver.ready(), Err(Refusal::Stopped(fork)));
    assert_eq!(receiver.heartbeat(&platform.heartbeat(2, 1, NOW), NOW), Err(Refusal::Stopped(fork)));
    assert_eq!(receiver.place().standing(NOW, 60), Standing::Stopped(fork));
    let mut anew = platform.receiver_at(Place::after(*receiver.place().last()));
    assert_eq!(applied(&mut anew, platform.entry(3)), 3, "an operator began anew");
}

#[test]
fn an_entry_that_follows_another_one_than_ours_stops_the_receiver() {
    let mut liar = Platform::with(1);
    liar.entries[0] = liar.other(1).0;
    liar.places[1] = liar.other(1).1;
    liar.append("after the lie");
    let truth = Platform::with(2);
    let mut receiver = truth.receiver();
    applied(&mut receiver, truth.entry(1));
    let wrong = Contradiction::NotNext { sequence: 2 };
    assert_eq!(receiver.accept(liar.entry(2)), Err(Refusal::Contradiction(wrong)));
    assert_eq!(receiver.place().last().sequence, 1, "it was not applied");
}

#[test]
fn what_is_held_back_is_judged_when_its_turn_comes() {
    let mut liar = Platform::with(2);
    liar.entries[1] = liar.other(2).0;
    liar.places[2] = liar.other(2).1;
    liar.append("after the lie");
    let truth = Platform::with(3);
    let mut receiver = truth.receiver();
    receiver.accept(liar.entry(3)).unwrap_err();
    applied(&mut receiver, truth.entry(1));
    applied(&mut receiver, truth.entry(2));
    let wrong = Contradiction::NotNext { sequence: 3 };
    assert_eq!(receiver.ready(), Err(Refusal::Contradiction(wrong)));
    let mut receiver = truth.receiver();
    receiver.accept(truth.entry(3)).unwrap_err();
    let fork = Contradiction::Fork { sequence: 3 };
    assert_eq!(receiver.accept(liar.entry(3)), Err(Refusal::Contradiction(fork)), "two are held back");
}

#[test]
fn a_forgery_changes_nothing_and_stops_nothing() {
    let platform = Platform::with(2);
    let mut receiver = platform.receiver();
    let forged =
        Platform { key: musubi_crypto::Ed25519Signer::from_seed(&[8; 32]).unwrap(), ..Platform::with(0) };
    assert_eq!(receiver.accept(&forged.other(1).0), Err(Refusal::Token(TokenError::UnknownKey)));
    let cut = &platform.entry(1)[..platform.entry(1).len() - 1];
    assert!(matches!(receiver.accept(cut), Err(Refusal::Token(_))));
    assert_eq!(*receiver.place(), Place::from(&platform.stream));
    assert_eq!(applied(&mut receiver, platform.entry(1)), 1);
}

#[test]
fn a_copy_older_than_what_is_remembered_is_old_and_one_within_is_compared() {
    let platform = Platform::with(REMEMBERED + 2);
    let mut receiver = platform.receiver();
    for sequence in 1..=REMEMBERED + 2 {
        applied(&mut receiver, platform.entry(sequence));
    }
    assert_eq!(receiver.accept(platform.entry(2)), Ok(Accepted::Old));
    assert_eq!(receiver.accept(platform.entry(3)), Ok(Accepted::Again));
    let json = serde_json::to_string(receiver.place()).unwrap();
    assert!(json.len() < 50_000, "{}", json.len());
    let fork = Contradiction::Fork { sequence: 3 };
    assert_eq!(receiver.accept(&platform.other(3).0), Err(Refusal::Contradiction(fork)));
}

#[test]
fn a_heartbeat_proves_completeness_or_says_what_is_missing() {
    let platform = Platform::with(2);
    let mut receiver = platform.receiver();
    assert_eq!(receiver.place().standing(NOW, 60), Standing::Unproven { since: None });
    assert_eq!(receiver.heartbeat(&platform.heartbeat(0, 1, NOW), NOW), Ok(Proven::Complete));
    let later = NOW.plus(15);
    assert_eq!(receiver.heartbeat(&platform.heartbeat(2, 2, later), later), Ok(Proven::Behind { last: 2 }));
    assert_eq!(receiver.place().standing(later, 60), Standing::Behind { have: 0, last: 2 });
    applied(&mut receiver, platform.entry(1));
    applied(&mut receiver, platform.entry(2));
    assert_eq!(receiver.place().standing(later, 60), Standing::Complete { as_of: later });
    let too_late = later.plus(61);
    assert_eq!(receiver.place().standing(too_late, 60), Standing::Unproven { since: Some(later) });
    let heard = receiver.place().heard().unwrap();
    assert_eq!((heard.customers, heard.lists[0].number), (3, 2));
}

#[test]
fn a_heartbeat_with_another_hash_than_ours_is_a_fork_before_or_after_the_entry() {
    let platform = Platform::with(2);
    let lie = platform.heartbeat_of(platform.other(1).1, 1, NOW);
    let fork = Contradiction::Fork { sequence: 1 };
    let mut receiver = platform.receiver();
    applied(&mut receiver, platform.entry(1));
    applied(&mut receiver, platform.entry(2));
    assert_eq!(receiver.heartbeat(&lie, NOW), Err(Refusal::Contradiction(fork)), "an entry that we have");
    let mut receiver = platform.receiver();
    assert_eq!(receiver.heartbeat(&lie, NOW), Ok(Proven::Behind { last: 1 }));
    assert_eq!(receiver.accept(platform.entry(1)), Err(Refusal::Contradiction(fork)), "one that came after");
    let mut receiver = platform.receiver();
    receiver.accept(platform.entry(2)).unwrap_err();
    let lie = platform.heartbeat_of(platform.other(2).1, 1, NOW);
    let fork = Contradiction::Fork { sequence: 2 };
    assert_eq!(receiver.heartbeat(&lie, NOW), Err(Refusal::Contradiction(fork)), "one that is held back");
    let mut receiver = platform.receiver();
    receiver.heartbeat(&platform.heartbeat(2, 1, NOW), NOW).unwrap();
    assert_eq!(receiver.heartbeat(&lie, NOW), Err(Refusal::Contradiction(fork)), "two heartbeats");
}

#[test]
fn lists_and_head_never_go_back_and_an_older_heartbeat_is_passed_over() {
    let platform = Platform::with(2);
    let mut receiver = platform.receiver();
    applied(&mut receiver, platform.entry(1));
    applied(&mut receiver, platform.entry(2));
    receiver.heartbeat(&platform.heartbeat(2, 5, NOW), NOW).unwrap();
    let later = NOW.plus(1);
    assert_eq!(receiver.heartbeat(&platform.heartbeat(2, 4, NOW.plus(-9)), NOW), Ok(Proven::Outdated));
    assert_eq!(receiver.heartbeat(&platform.heartbeat(2, 4, NOW), NOW), Ok(Proven::Outdated), "one second");
    assert_eq!(receiver.heartbeat(&platform.heartbeat(2, 4, later), later), Err(Refusal::ListsWentBack));
    assert_eq!(receiver.heartbeat(&platform.heartbeat(1, 6, later), later), Err(Refusal::HeadWentBack));
    assert_eq!(receiver.place().heard().unwrap().at, NOW, "none of them counts");
    assert_eq!(receiver.heartbeat(&platform.heartbeat(2, 6, later), later), Ok(Proven::Complete));
}

#[test]
fn a_platform_that_forgot_entries_and_one_whose_clock_is_ahead_prove_nothing() {
    let platform = Platform::with(2);
    let mut receiver = platform.receiver();
    applied(&mut receiver, platform.entry(1));
    applied(&mut receiver, platform.entry(2));
    assert_eq!(receiver.heartbeat(&platform.heartbeat(1, 1, NOW), NOW), Ok(Proven::Complete), "overtaken");
    let mut receiver = platform.receiver();
    applied(&mut receiver, platform.entry(1));
    applied(&mut receiver, platform.entry(2));
    let later = NOW.plus(3601);
    assert_eq!(receiver.heartbeat(&platform.heartbeat(1, 1, later), later), Err(Refusal::HeadWentBack));
    let tomorrow = later.plus(86_400);
    assert_eq!(receiver.heartbeat(&platform.heartbeat(2, 1, tomorrow), later), Err(Refusal::FromTheFuture));
    assert_eq!(receiver.heartbeat(&platform.heartbeat(2, 1, later), later), Ok(Proven::Complete));
}

#[test]
fn a_place_that_was_written_by_nobody_is_not_read() {
    let platform = Platform::with(2);
    let mut receiver = platform.receiver();
    applied(&mut receiver, platform.entry(1));
    let good = serde_json::to_value(receiver.place()).unwrap();
    for (member, value) in [
        ("recent", serde_json::json!("AAAA")),
        ("recent", serde_json::json!(serde_json::to_value(platform.places[0]).unwrap()["hash"])),
        ("last", serde_json::json!({ "sequence": 0, "hash": good["last"]["hash"] })),
        ("stopped", serde_json::json!("no")),
    ] {
        let mut wrong = good.clone();
        wrong[member] = value;
        assert!(serde_json::from_value::<Place>(wrong.clone()).is_err(), "{wrong}");
    }
    assert!(serde_json::from_value::<Place>(good).is_ok());
}
