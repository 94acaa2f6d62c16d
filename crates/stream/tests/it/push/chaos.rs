//! Receivers of bad conduct, senders that die: nothing is lost, nothing is applied twice, nobody waits for another.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use musubi_kernel::{Random as _, SeededRandom};
use musubi_stream::push::{GIVE_UP_AFTER, RETRIES, State, Style};
use tokio::sync::watch;

use super::receiver::{Book, Conduct, Receiver, Taken, speaking};
use super::world::{World, worlds};

/// A time limit for receivers that never answer: long enough for those that do.
const SHORT: Duration = Duration::from_millis(300);

async fn listening(world: &World, receiver: &Receiver, entries: usize) -> musubi_platform::RelyingPartyId {
    let party = world.someone();
    world.append(&party, entries).await;
    receiver.show(&world.listen(&party, &receiver.url(), Style::SetPush).await);
    party
}

#[tokio::test]
async fn each_failure_has_its_word_and_the_next_attempt_its_time() {
    for world in worlds().await {
        for (conduct, word, least) in [
            (Conduct::Status(500), "status_500", 1),
            (Conduct::Status(200), "status_200", 1),
            (Conduct::Status(400), "status_400", 1),
            (Conduct::Redirect, "redirected", 1),
            (Conduct::Busy(429, 90), "status_429", 90),
            (Conduct::Busy(503, 1_000_000), "status_503", 3600),
            (Conduct::Error("invalid_key"), "invalid_key", 1),
            (Conduct::TakeAndVanish, "answer_broken", 1),
            (Conduct::Silent, "timed_out", 1),
        ] {
            let receiver = Receiver::start(move |_| conduct).await;
            let party = listening(&world, &receiver, 1).await;
            let silent = conduct == Conduct::Silent;
            let sender = if silent { world.sender_within(Duration::from_secs(2)) } else { world.sender() };
            sender.drain().await.unwrap();
            let status = world.status(&party).await;
            assert_eq!(status.last_failure.as_deref(), Some(word));
            assert_eq!((status.state, status.delivered, status.attempts), (State::Active, 0, 1), "{word}");
            let wait = status.next_attempt_at.unwrap().since(world.now());
            assert!((least..=least + least / 5).contains(&wait), "{word}: {wait}");
        }
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_or_speaks_another_protocol_proves_nothing() {
    for world in worlds().await {
        let closed = {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            format!("http://{}", listener.local_addr().unwrap())
        };
        for (origin, word) in [
            (closed, "connection_failed"),
            (speaking(b"220 mail.example ESMTP\r\n").await, "answer_broken"),
            (speaking(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await, "ownership_not_shown"),
            (speaking(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\n\r\n").await, "status_302"),
            ("http://nobody.invalid".to_owned(), "url_refused"),
        ] {
            let party = world.someone();
            if word != "url_refused" {
                world.listen(&party, &format!("{origin}/events"), Style::SetPush).await;
                world.drain().await;
                let status = world.status(&party).await;
                assert_eq!(status.last_failure.as_deref(), Some(word), "{origin}");
                assert_eq!(status.state, State::Unverified);
            }
        }
    }
}

#[tokio::test]
async fn after_seven_days_of_failing_the_endpoint_pauses_and_resumed_it_misses_nothing() {
    for world in worlds().await {
        let down = Arc::new(AtomicUsize::new(1));
        let seen = down.clone();
        let choice = move |_: &_| {
            if seen.load(Ordering::SeqCst) == 1 { Conduct::Status(503) } else { Conduct::Accept }
        };
        let receiver = Receiver::start(choice).await;
        let party = listening(&world, &receiver, 3).await;
        let began = world.now();
        world.drain().await;
        let mut waits = Vec::new();
        while world.status(&party).await.state == State::Active {
            waits.push(world.wait_for_attempt(&party).await);
            world.drain().await;
        }
        for (index, wait) in waits.iter().enumerate() {
            let table = RETRIES.get(index).copied().unwrap_or(3600);
            assert!((table..=table + table / 5).contains(wait), "attempt {index}: {wait}");
        }
        let lasted = world.now().since(began);
        assert!((GIVE_UP_AFTER..GIVE_UP_AFTER + 4320).contains(&lasted), "{lasted}");
        let status = world.status(&party).await;
        assert_eq!((status.state, status.stopped_because.as_deref()), (State::Paused, Some("unreachable")));
        assert_eq!((status.delivered, status.head), (0, 4));
        let tries = i64::try_from(waits.len()).unwrap() + 1;
        assert_eq!(world.metered(&party, "delivery_attempt").await, tries);
        down.store(0, Ordering::SeqCst);
        world.clock.advance(86_400);
        world.drain().await;
        assert!(receiver.got().is_empty(), "a paused endpoint is left alone");
        world.resume(&party).await;
        world.drain().await;
        assert_eq!(receiver.tokens(), world.tokens(&party).await);
        assert_eq!(world.metered(&party, "delivery").await, 4);
    }
}

#[tokio::test]
async fn a_proof_that_never_comes_is_asked_for_seven_days_and_no_longer() {
    for world in worlds().await {
        let (party, receiver) = (world.someone(), Receiver::good().await);
        world.listen(&party, &receiver.url(), Style::SetPush).await;
        world.drain().await;
        while world.status(&party).await.state == State::Unverified {
            world.wait_for_attempt(&party).await;
            world.drain().await;
        }
        let status = world.status(&party).await;
        assert_eq!(
            (status.state, status.stopped_because.as_deref()),
            (State::Paused, Some("ownership_not_shown"))
        );
        assert_eq!(world.metered(&party, "delivery_attempt").await, 0, "no entry was tried");
    }
}

/// Any conduct at random, many receivers, many entries: every entry is applied once, in order.
#[tokio::test]
async fn with_receivers_of_every_conduct_nothing_is_lost_and_nothing_applied_twice() {
    for world in worlds().await {
        let mut parties = Vec::new();
        for seed in 0..8 {
            let random = SeededRandom::new([seed; 32]);
            let choice = move |got: &super::receiver::Got| {
                if got.body.is_empty() {
                    return Conduct::Accept;
                }
                let mut dice = [0];
                random.fill(&mut dice);
                match dice[0] % 16 {
                    0 => Conduct::Status(500),
                    1 => Conduct::Busy(429, 3),
                    2 => Conduct::TakeAndVanish,
                    3 => Conduct::AcceptCut,
                    4 => Conduct::Redirect,
                    5 => Conduct::Error("access_denied"),
                    6 if dice[0] < 32 => Conduct::Silent,
                    _ => Conduct::Accept,
                }
            };
            let receiver = Receiver::start(choice).await;
            parties.push((listening(&world, &receiver, 40).await, receiver));
        }
        let sender = world.sender_within(SHORT);
        for round in 0.. {
            sender.drain().await.unwrap();
            if round == 3 {
                for (party, _) in &parties {
                    world.append(party, 10).await;
                }
            }
            let mut waiting = 0;
            for (party, _) in &parties {
                waiting += world.status(party).await.depth();
            }
            if waiting == 0 && round > 3 {
                break;
            }
            assert!(round < 500, "{waiting} entries still wait");
            world.clock.advance(3700);
        }
        let mut again = 0;
        for (party, receiver) in &parties {
            let mut book = Book::new(world.stream(party), world.keys());
            for token in receiver.tokens() {
                again += usize::from(book.take(&token) == Taken::Again);
            }
            assert_eq!(book.applied, world.tokens(party).await);
            assert_eq!(book.applied.len(), 50);
            assert_eq!(world.metered(party, "delivery").await, 50);
        }
        assert!(again > 0, "connections broke before the answer, so some came again");
    }
}

#[tokio::test]
async fn who_says_yes_without_reading_gets_it_again_by_replay() {
    for world in worlds().await {
        let careless = Arc::new(AtomicUsize::new(1));
        let seen = careless.clone();
        let choice = move |_: &_| {
            if seen.load(Ordering::SeqCst) == 1 { Conduct::AcceptUnread } else { Conduct::Accept }
        };
        let receiver = Receiver::start(choice).await;
        let party = listening(&world, &receiver, 5).await;
        world.drain().await;
        assert_eq!((receiver.tokens().len(), world.status(&party).await.delivered), (0, 5));
        careless.store(0, Ordering::SeqCst);
        world.replay(&party, 1).await;
        world.drain().await;
        assert_eq!(receiver.tokens(), world.tokens(&party).await);
    }
}

/// A sender that dies after the receiver took an entry and before that was noted: one entry comes twice, and is known.
#[tokio::test]
async fn a_sender_killed_between_sending_and_noting_sends_one_entry_twice_at_most() {
    for world in worlds().await {
        for at in [1, 3, 5] {
            let (took, mut taken) = watch::channel(0);
            // The answer to this one never comes: at that moment the sender dies.
            let fatal = Arc::new(AtomicUsize::new(at));
            let seen = fatal.clone();
            let choice = move |got: &super::receiver::Got| {
                let number = usize::try_from(got.sequence().unwrap_or(0)).unwrap();
                let fatal = number != 0 && number == seen.load(Ordering::SeqCst);
                if fatal {
                    seen.store(0, Ordering::SeqCst);
                    took.send_replace(number);
                    return Conduct::TakeAndHold;
                }
                Conduct::Accept
            };
            let receiver = Receiver::start(choice).await;
            let party = listening(&world, &receiver, 6).await;
            let sender = world.sender();
            let dying = tokio::spawn(async move { sender.drain().await });
            taken.wait_for(|number| *number == at).await.unwrap();
            receiver.has(at).await;
            dying.abort();
            assert!(dying.await.unwrap_err().is_cancelled());
            assert_eq!(world.status(&party).await.delivered, u64::try_from(at - 1).unwrap());
            world.drain().await;
            assert_eq!(receiver.tokens().len(), at, "while the lease of the dead lasts, nobody else sends");
            world.clock.advance(61);
            world.drain().await;
            let mut book = Book::new(world.stream(&party), world.keys());
            let again = receiver.tokens().iter().filter(|token| book.take(token) == Taken::Again).count();
            assert_eq!(again, 1);
            assert_eq!(book.applied, world.tokens(&party).await);
        }
    }
}

#[tokio::test]
async fn a_database_that_goes_away_between_sending_and_noting_costs_one_repetition_at_most() {
    for mut world in worlds().await {
        let (took, mut taken) = watch::channel(false);
        let choice = move |got: &super::receiver::Got| {
            if got.sequence() == Some(3) && !took.send_replace(true) {
                return Conduct::TakeAndHold;
            }
            Conduct::Accept
        };
        let receiver = Receiver::start(choice).await;
        let party = listening(&world, &receiver, 6).await;
        let sender = world.sender_within(Duration::from_secs(2));
        let running = tokio::spawn(async move { sender.drain().await });
        taken.wait_for(|taken| *taken).await.unwrap();
        world.restart_database().await;
        assert!(running.await.unwrap().is_err(), "a drain says so; a running sender asks again");
        assert_eq!(world.status(&party).await.delivered, 2);
        world.clock.advance(61);
        world.drain().await;
        let mut book = Book::new(world.stream(&party), world.keys());
        let again = receiver.tokens().iter().filter(|token| book.take(token) == Taken::Again).count();
        assert_eq!((again, book.applied.len()), (1, 6));
    }
}

#[tokio::test]
async fn a_silent_receiver_keeps_nobody_waiting() {
    for world in worlds().await {
        let silent = Receiver::start(|_| Conduct::Silent).await;
        let mut silents = Vec::new();
        for _ in 0..20 {
            silents.push(listening(&world, &silent, 1).await);
        }
        let (stop, stopped) = watch::channel(false);
        // The request's limit is a minute and the test's is less: whoever waited for a silent one would be late.
        let sender = world.sender_within(Duration::from_secs(60));
        let running = tokio::spawn(async move { sender.run(stopped).await });
        let good = Receiver::good().await;
        let party = listening(&world, &good, 30).await;
        world.streams.push().wake();
        tokio::time::timeout(Duration::from_secs(50), good.has(31)).await.expect("the others are served");
        assert_eq!(good.tokens(), world.tokens(&party).await);
        for party in silents {
            assert_eq!(world.status(&party).await.attempts, 0, "the silent ones are still being waited for");
        }
        drop(stop);
        running.abort();
    }
}

#[tokio::test]
async fn a_sender_that_is_asked_to_stop_finishes_its_requests_and_the_next_goes_on_at_once() {
    for world in worlds().await {
        let receiver = Receiver::good().await;
        let party = listening(&world, &receiver, 400).await;
        let (stop, stopped) = watch::channel(false);
        let sender = world.sender();
        let running = tokio::spawn(async move { sender.run(stopped).await });
        receiver.has(20).await;
        stop.send_replace(true);
        running.await.unwrap();
        let sent = receiver.tokens().len();
        assert_eq!(u64::try_from(sent).unwrap(), world.status(&party).await.delivered, "all is noted");
        world.drain().await;
        assert_eq!(receiver.tokens(), world.tokens(&party).await, "no lease was left behind");
    }
}

/// A proxy between that says yes, and passes on later, in any order, some twice.
#[tokio::test]
async fn what_a_proxy_reorders_and_doubles_is_applied_once_and_in_order() {
    for world in worlds().await {
        let proxy = Receiver::good().await;
        let party = listening(&world, &proxy, 60).await;
        world.drain().await;
        let mut passed = proxy.tokens();
        let random = SeededRandom::new([9; 32]);
        for at in 0..passed.len() {
            let mut dice = [0; 2];
            random.fill(&mut dice);
            let other = usize::from(dice[0]) % passed.len();
            passed.swap(at, other);
            if dice[1] < 64 {
                passed.push(passed[other].clone());
            }
        }
        let mut book = Book::new(world.stream(&party), world.keys());
        for token in &passed {
            book.take(token);
        }
        assert_eq!(book.applied, world.tokens(&party).await);
    }
}

#[tokio::test]
async fn an_endpoint_that_changes_hands_during_a_run_gets_nothing_from_the_former_one() {
    for world in worlds().await {
        let (took, mut taken) = watch::channel(false);
        let choice = move |got: &super::receiver::Got| {
            if got.sequence() == Some(2) {
                took.send_replace(true);
                return Conduct::TakeAndHold;
            }
            Conduct::Accept
        };
        let receiver = Receiver::start(choice).await;
        let party = listening(&world, &receiver, 4).await;
        let sender = world.sender_within(Duration::from_secs(2));
        let running = tokio::spawn(async move { sender.drain().await });
        taken.wait_for(|taken| *taken).await.unwrap();
        let elsewhere = Receiver::good().await;
        world.listen(&party, &elsewhere.url(), Style::SetPush).await;
        running.await.unwrap().unwrap();
        let status = world.status(&party).await;
        assert_eq!(
            (status.state, status.delivered),
            (State::Unverified, 1),
            "the former run's answers do not count"
        );
    }
}
