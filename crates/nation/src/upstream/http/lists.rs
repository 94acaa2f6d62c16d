//! Announcements of revocation lists, and the lists themselves: whole, in parts (RFC 9110 14), or not at all if the
//! caller has them already. Bodies that lie in files are streamed.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use musubi_kernel::UnixTime;
use musubi_pki::AuthorityKind;
use serde::{Deserialize, Serialize};

use crate::list_writer::Scope;
use crate::profile::partition_name;
use crate::upstream::Refusal;
use crate::upstream::provider::{
    Content, ListBytes, ListName, Provider, Published, PublishedDelta, Scopes, scope_named,
};

/// Bytes of a streamed body that are read at once.
const PIECE: u64 = 256 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    scope: Scopes,
}

#[derive(Serialize)]
pub(super) struct Lists {
    lists: Vec<List>,
}

#[derive(Serialize)]
struct List {
    authority: AuthorityKind,
    key_id: String,
    number: u64,
    this_update: UnixTime,
    next_update: UnixTime,
    path: String,
    bytes: u64,
    sha256: String,
    scope: WireScope,
    deltas: Vec<Delta>,
}

/// `"full"`, or which municipality's and the directory name (DER) that its certificates carry.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum WireScope {
    Full,
    #[serde(untagged)]
    Municipality {
        municipality: &'static str,
        directory_name: String,
    },
}

#[derive(Serialize)]
struct Delta {
    base_number: u64,
    number: u64,
    path: String,
    bytes: u64,
    sha256: String,
}

impl From<Published> for List {
    fn from(list: Published) -> Self {
        let folder = format!("/upstream/v1/revocation-lists/{}/{}", list.authority, list.key_id);
        let (file, scope) = match list.scope {
            Scope::Full => ("full", WireScope::Full),
            Scope::Municipality(town) => {
                let directory_name = STANDARD.encode(partition_name(list.authority, town));
                (town.code, WireScope::Municipality { municipality: town.code, directory_name })
            }
        };
        let delta = |PublishedDelta { base_number, number, bytes, sha256 }| Delta {
            base_number,
            number,
            path: format!("{folder}/deltas/{file}/{base_number}-{number}.crl"),
            bytes,
            sha256: hex::encode(sha256),
        };
        Self {
            path: format!("{folder}/{file}.crl"),
            deltas: list.deltas.into_iter().map(delta).collect(),
            authority: list.authority,
            key_id: list.key_id,
            number: list.number,
            this_update: list.this_update,
            next_update: list.next_update,
            bytes: list.bytes,
            sha256: hex::encode(list.sha256),
            scope,
        }
    }
}

pub(super) async fn announced<P: Provider>(
    State(provider): State<P>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Lists>, Refusal> {
    let Query(Asked { scope }) = asked.map_err(|_| Refusal::Malformed)?;
    let lists = provider.published(scope).await?.into_iter().map(List::from).collect();
    Ok(Json(Lists { lists }))
}

fn scope_of_file(name: &str) -> Result<Scope, Refusal> {
    match name {
        "full" => Ok(Scope::Full),
        "" => Err(Refusal::NotFound),
        code => scope_named(code).ok_or(Refusal::NotFound),
    }
}

pub(super) async fn complete<P: Provider>(
    State(provider): State<P>,
    Path((authority, key_id, file)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let name = ListName {
        authority: authority.parse().map_err(|_| Refusal::NotFound)?,
        key_id,
        scope: scope_of_file(file.strip_suffix(".crl").ok_or(Refusal::NotFound)?)?,
        delta: None,
    };
    Ok(served(provider.list(&name).await?, &headers))
}

pub(super) async fn delta<P: Provider>(
    State(provider): State<P>,
    Path((authority, key_id, scope, file)): Path<(String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let numbers = file.strip_suffix(".crl").and_then(|numbers| numbers.split_once('-'));
    let (base, number) = numbers.ok_or(Refusal::NotFound)?;
    let whole = |text: &str| text.parse().map_err(|_| Refusal::NotFound);
    let name = ListName {
        authority: authority.parse().map_err(|_| Refusal::NotFound)?,
        key_id,
        scope: scope_of_file(&scope)?,
        delta: Some((whole(base)?, whole(number)?)),
    };
    Ok(served(provider.list(&name).await?, &headers))
}

/// What of a body is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Bytes(Range<u64>),
    /// Nothing of it is there.
    Unsatisfiable,
}

/// Reads `Range` (RFC 9110 14.2). One range of bytes is honoured; several, other units and what cannot be read are
/// as if the header were not there, and so is a range that holds only for another version (`If-Range`).
fn part(headers: &HeaderMap, etag: &str, length: u64) -> Part {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if text(header::IF_RANGE).is_some_and(|version| version != etag) {
        return Part::Whole;
    }
    let range = text(header::RANGE).and_then(|range| range.strip_prefix("bytes="));
    let Some((first, last)) = range.and_then(|range| range.split_once('-')) else { return Part::Whole };
    let (first, end) = match (first.trim().parse::<u64>(), last.trim()) {
        (Ok(first), "") => (first, length),
        (Ok(first), last) => match last.parse::<u64>() {
            Ok(last) if last >= first => (first, last.saturating_add(1).min(length)),
            _ => return Part::Whole,
        },
        (Err(_), last) if first.trim().is_empty() => match last.parse::<u64>() {
            Ok(0) => return Part::Unsatisfiable,
            Ok(count) => (length.saturating_sub(count), length),
            Err(_) => return Part::Whole,
        },
        _ => return Part::Whole,
    };
    if first < end { Part::Bytes(first..end) } else { Part::Unsatisfiable }
}

fn served(list: ListBytes, headers: &HeaderMap) -> Response {
    let etag = format!("\"{}\"", hex::encode(list.sha256));
    let common = [
        (header::CONTENT_TYPE, "application/pkix-crl".to_owned()),
        (header::ETAG, etag.clone()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
    ];
    let known =
        headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()) == Some(etag.as_str());
    if known {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let length = list.length;
    match part(headers, &etag, length) {
        Part::Whole => {
            let said = [(header::CONTENT_LENGTH, length.to_string())];
            (common, said, body(list.content, 0..length)).into_response()
        }
        Part::Bytes(range) => {
            let said = [
                (header::CONTENT_LENGTH, (range.end - range.start).to_string()),
                (header::CONTENT_RANGE, format!("bytes {}-{}/{length}", range.start, range.end - 1)),
            ];
            (StatusCode::PARTIAL_CONTENT, common, said, body(list.content, range)).into_response()
        }
        Part::Unsatisfiable => {
            let said = [(header::CONTENT_RANGE, format!("bytes */{length}"))];
            (StatusCode::RANGE_NOT_SATISFIABLE, common, said).into_response()
        }
    }
}

fn body(content: Content, range: Range<u64>) -> Body {
    match content {
        Content::Memory(bytes) => {
            let whole = Bytes::from(bytes);
            let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(whole.len());
            Body::from(whole.slice(at(range.start)..at(range.end)))
        }
        Content::File(path) => Body::from_stream(pieces(path, range)),
    }
}

/// The bytes of a file, piece by piece, read away from the async threads. One that ends early ends in an error,
/// which cuts the connection: the caller sees fewer bytes than were announced.
fn pieces(
    path: PathBuf,
    range: Range<u64>,
) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    futures_util::stream::try_unfold(range, move |left| {
        let path = path.clone();
        async move {
            if left.is_empty() {
                return Ok(None);
            }
            let end = left.end.min(left.start + PIECE);
            let piece = move || -> std::io::Result<Vec<u8>> {
                let mut bytes = vec![0; usize::try_from(end - left.start).unwrap_or_default()];
                let mut file = std::fs::File::open(path)?;
                file.seek(SeekFrom::Start(left.start))?;
                file.read_exact(&mut bytes)?;
                Ok(bytes)
            };
            let bytes = tokio::task::spawn_blocking(piece).await.map_err(std::io::Error::other)??;
            Ok(Some((Bytes::from(bytes), end..left.end)))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(range: &str, condition: Option<&str>) -> Part {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, range.parse().unwrap());
        if let Some(condition) = condition {
            headers.insert(header::IF_RANGE, condition.parse().unwrap());
        }
        part(&headers, "\"tag\"", 100)
    }

    #[test]
    fn a_range_names_bytes_of_this_version_or_the_whole_is_sent() {
        assert_eq!(part(&HeaderMap::new(), "\"tag\"", 100), Part::Whole);
        assert_eq!(asked("bytes=0-0", None), Part::Bytes(0..1));
        assert_eq!(asked("bytes=40-", None), Part::Bytes(40..100));
        assert_eq!(asked("bytes=40-1000", None), Part::Bytes(40..100));
        assert_eq!(asked("bytes=-30", None), Part::Bytes(70..100));
        assert_eq!(asked("bytes=-300", None), Part::Bytes(0..100));
        assert_eq!(asked("bytes=40-", Some("\"tag\"")), Part::Bytes(40..100));
        assert_eq!(asked("bytes=40-", Some("\"other\"")), Part::Whole, "the list changed meanwhile");
        for outside in ["bytes=100-", "bytes=100-200", "bytes=-0"] {
            assert_eq!(asked(outside, None), Part::Unsatisfiable, "{outside}");
        }
        for unread in
            ["bytes=5-4", "bytes=a-b", "bytes=1-2,4-5", "lines=1-2", "bytes=", "bytes=-", "bytes=--1"]
        {
            assert_eq!(asked(unread, None), Part::Whole, "{unread}");
        }
        assert_eq!(asked("bytes=18446744073709551615-18446744073709551615", None), Part::Unsatisfiable);
    }

    #[tokio::test]
    async fn a_file_is_streamed_in_pieces_and_one_that_ends_early_is_an_error() {
        use futures_util::TryStreamExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list.crl");
        let content: Vec<u8> = (0..PIECE * 2 + 17).map(|n| (n % 251) as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let read: Vec<Bytes> = pieces(path.clone(), 3..PIECE * 2 + 17).try_collect().await.unwrap();
        assert_eq!(read.len(), 3);
        assert_eq!(read.concat(), content[3..]);
        let beyond: Result<Vec<Bytes>, _> = pieces(path, 0..PIECE * 2 + 18).try_collect().await;
        assert!(beyond.is_err());
    }
}
