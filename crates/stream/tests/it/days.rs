//! Daily files.

use std::io::Read as _;

use axum::body::Body;
use flate2::read::GzDecoder;
use musubi_feed::{DayReader, DayStatement};
use musubi_kernel::Clock as _;
use serde_json::json;

use crate::world::{Answer, Client, World, worlds};

/// The world begins at 22:13 of this day.
const TODAY: &str = "2026-09-21";
/// To 01:00 of the next day, when today is closed.
const UNTIL_CLOSED: i64 = 10_000;
const DAY: i64 = 86_400;

async fn day(world: &World, client: &Client, day: &str) -> Answer {
    world.get(client, &format!("/v1/change-events/days/{day}")).await
}

/// Reads a file to its end; answers its statement and the customers.
fn read(world: &World, client: &Client, bytes: &[u8]) -> (DayStatement, Vec<String>) {
    let text = std::str::from_utf8(bytes).unwrap();
    assert!(text.ends_with('\n'));
    let mut lines = text.lines().map(|line| serde_json::from_str::<String>(line).unwrap());
    let stream = musubi_platform::change_stream::stream_of(&world.context, &client.id);
    let mut reader = DayReader::begin(&lines.next().unwrap(), &stream, &world.keys()).unwrap();
    let customers = lines.map(|line| {
        let entry = reader.line(&line).unwrap();
        entry.event.body["customer_id"].as_str().unwrap().to_owned()
    });
    let customers = customers.collect();
    let statement = reader.statement().clone();
    reader.end().unwrap();
    (statement, customers)
}

#[tokio::test]
async fn each_entry_is_in_the_file_of_its_day_and_in_no_other() {
    for world in worlds().await {
        let bank = world.client().await;
        world.append(&bank, 1, 2).await;
        world.clock.advance(DAY);
        world.append(&bank, 3, 1).await;
        world.clock.advance(2 * DAY);
        world.append(&bank, 4, 1).await;
        assert_eq!(world.clock.now().date_in_japan().to_string(), "2026-09-24");
        let bank = world.renewed(bank).await;
        let listed = world.get(&bank, "/v1/change-events/days").await;
        let days = json!({ "days": [
            { "day": TODAY, "after": 0, "last": 2 },
            { "day": "2026-09-22", "after": 2, "last": 3 },
            { "day": "2026-09-23", "after": 3, "last": 3 },
        ]});
        assert_eq!(listed.body, days);
        let mut last = None;
        for (name, customers) in
            [(TODAY, vec!["c-1", "c-2"]), ("2026-09-22", vec!["c-3"]), ("2026-09-23", vec![])]
        {
            let answer = day(&world, &bank, name).await;
            assert_eq!(answer.header("content-type"), "application/jsonl");
            assert_eq!(answer.header("content-length"), answer.bytes.len().to_string());
            let (statement, found) = read(&world, &bank, &answer.bytes);
            assert_eq!(
                (statement.day.as_str(), found),
                (name, customers.iter().map(ToString::to_string).collect())
            );
            assert!(last.is_none_or(|last| last == statement.before), "one day begins where the other ends");
            last = Some(statement.last);
        }
    }
}

#[tokio::test]
async fn a_day_that_is_not_over_and_one_before_the_stream_have_no_file() {
    for world in worlds().await {
        let bank = world.client().await;
        world.append(&bank, 1, 1).await;
        assert_eq!(day(&world, &bank, TODAY).await.code(), (404, "stream.day_not_over"));
        assert_eq!(day(&world, &bank, "2026-09-20").await.code(), (404, "stream.day_unknown"));
        assert_eq!(day(&world, &bank, "2999-01-01").await.code(), (404, "stream.day_not_over"));
        for wrong in ["2026-9-1", "today", "2026-02-30", "2026-09-21Z", "-1-1-1", "9999999-01-01"] {
            assert_eq!(day(&world, &bank, wrong).await.code(), (404, "stream.day_unknown"), "{wrong}");
        }
        world.clock.advance(UNTIL_CLOSED - 1);
        let bank = world.renewed(bank).await;
        assert_eq!(day(&world, &bank, TODAY).await.code(), (404, "stream.day_not_over"));
        world.clock.advance(1);
        assert_eq!(day(&world, &bank, TODAY).await.status, 200);
        let empty = world.client().await;
        assert_eq!(day(&world, &empty, TODAY).await.code(), (404, "stream.day_unknown"));
        assert_eq!(world.get(&empty, "/v1/change-events/days").await.body, json!({ "days": [] }));
    }
}

#[tokio::test]
async fn a_closed_day_never_changes_and_a_late_entry_goes_into_the_next() {
    for world in worlds().await {
        let bank = world.client().await;
        world.append(&bank, 1, 1).await;
        world.clock.advance(UNTIL_CLOSED);
        let bank = world.renewed(bank).await;
        let before = day(&world, &bank, TODAY).await;
        // As a transaction that took its time before midnight and ends after one o'clock.
        world.clock.advance(-UNTIL_CLOSED);
        world.append(&bank, 2, 1).await;
        world.clock.advance(UNTIL_CLOSED + DAY);
        let bank = world.renewed(bank).await;
        let after = day(&world, &bank, TODAY).await;
        assert_eq!(
            (before.bytes, before.headers["etag"].clone()),
            (after.bytes, after.headers["etag"].clone())
        );
        let next = day(&world, &bank, "2026-09-22").await;
        assert_eq!(read(&world, &bank, &next.bytes).1, ["c-2"]);
    }
}

#[tokio::test]
async fn the_same_bytes_come_whole_in_parts_and_compressed() {
    for world in worlds().await {
        let bank = world.client().await;
        world.append(&bank, 1, 1200).await;
        world.clock.advance(UNTIL_CLOSED);
        let bank = world.renewed(bank).await;
        let whole = day(&world, &bank, TODAY).await;
        assert_eq!(read(&world, &bank, &whole.bytes).1.len(), 1200);
        let length = whole.bytes.len();
        let path = format!("/v1/change-events/days/{TODAY}");
        let ask = async |name: &str, value: &str| {
            let request = World::asks(&bank, &path).header(name, value);
            world.send(request.body(Body::empty()).unwrap()).await
        };
        let (middle, end) = (length / 2, length - 1);
        for (range, from, to) in [
            (format!("bytes=0-{}", middle - 1), 0, middle),
            (format!("bytes={middle}-"), middle, length),
            ("bytes=-5".to_owned(), length - 5, length),
            (format!("bytes={end}-{length}"), end, length),
            ("bytes=7-7".to_owned(), 7, 8),
        ] {
            let part = ask("range", &range).await;
            assert_eq!((part.status.as_u16(), &part.bytes[..]), (206, &whole.bytes[from..to]), "{range}");
            assert_eq!(part.header("content-range"), format!("bytes {from}-{}/{length}", to - 1));
            assert_eq!(part.header("content-length"), (to - from).to_string());
        }
        let beyond = ask("range", &format!("bytes={length}-")).await;
        assert_eq!(beyond.code(), (416, "stream.range_unsatisfiable"));
        assert_eq!(beyond.header("content-range"), format!("bytes */{length}"));
        for passed_over in ["bytes=5-4", "lines=1-2", "bytes=0-1,3-4", "bytes=x-"] {
            assert_eq!(ask("range", passed_over).await.bytes.len(), length, "{passed_over}");
        }
        let gzip = ask("accept-encoding", "br, gzip;q=0.5").await;
        assert_eq!(gzip.header("content-encoding"), "gzip");
        assert!(gzip.bytes.len() < length);
        let mut plain = Vec::new();
        GzDecoder::new(&gzip.bytes[..]).read_to_end(&mut plain).unwrap();
        assert_eq!(plain, whole.bytes);
        assert_eq!(ask("accept-encoding", "gzip;q=0").await.bytes, whole.bytes);
        assert_eq!(ask("if-none-match", whole.header("etag")).await.status, 304);
        let weak = format!("\"other\", W/{}", whole.header("etag"));
        assert_eq!(ask("if-none-match", &weak).await.status, 304);
        assert_eq!(ask("if-none-match", "\"other\"").await.status, 200);
        let both = World::asks(&bank, &path).header("range", "bytes=0-1").header("if-range", "\"other\"");
        assert_eq!(world.send(both.body(Body::empty()).unwrap()).await.status, 200, "of another file");
    }
}

#[tokio::test]
async fn two_who_close_the_same_day_at_once_get_the_same_file() {
    for world in worlds().await {
        let bank = world.client().await;
        world.append(&bank, 1, 3).await;
        world.clock.advance(UNTIL_CLOSED);
        let bank = world.renewed(bank).await;
        let asked = || day(&world, &bank, TODAY);
        let (one, two, three) = tokio::join!(asked(), asked(), asked());
        assert_eq!(one.status, 200);
        assert!(one.bytes == two.bytes && two.bytes == three.bytes);
    }
}
