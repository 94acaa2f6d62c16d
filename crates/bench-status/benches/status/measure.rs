//! What is measured of Musubi, and of usual sets on the same data.

use std::collections::HashSet;
use std::fs::File;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use musubi_pki::{
    Digester, EntryStatus, MAX_LIST_BYTES, Phase, SerialNumber, SerialSet, Source, SourceError,
    VerifiedDeltaList, VerifiedRevocationList,
};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use super::made::{DELTA, DIGEST, LIST, SEALED, Seeded, anchors, chosen, population};

/// Processor time of this process so far.
pub(crate) fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Wall and processor time from a moment on.
#[derive(Clone, Copy)]
pub(crate) struct Clock(Instant, Duration);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now(), processor_time())
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }

    pub(crate) fn processor(&self) -> Duration {
        processor_time().saturating_sub(self.1)
    }

    pub(crate) fn told(&self) -> Value {
        json!({ "seconds": rounded(self.seconds()), "processor_seconds": rounded(self.processor().as_secs_f64()) })
    }
}

pub(crate) fn rounded(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e6
}

/// A line of `/proc/self/status`, in bytes: `VmHWM` the peak, `VmRSS` what is resident, `RssFile` of it mapped.
pub(crate) fn memory(line: &str) -> u64 {
    memory_of("self", line)
}

pub(crate) fn memory_of(process: &str, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let found = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    let kilobytes = found.and_then(|text| text.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}

/// A file as the source of a list.
struct FileSource(File, u64);

impl FileSource {
    fn open(path: &Path) -> Self {
        let file = File::open(path).unwrap();
        let length = file.metadata().unwrap().len();
        Self(file, length)
    }
}

impl Source for FileSource {
    fn len(&self) -> u64 {
        self.1
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), SourceError> {
        self.0.read_exact_at(into, offset).map_err(|_| SourceError)
    }
}

/// When the bytes are hashed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hashing {
    /// By the reader, in a pass of its own.
    WhileReading,
    /// By whoever stored the bytes as they arrived.
    BeforeReading,
}

/// Reads and verifies the list, and stores its sealed form.
pub(crate) fn intake(folder: &Path, hashing: Hashing) -> Value {
    let source = FileSource::open(&folder.join(LIST));
    let anchors = anchors(folder);
    let before = Clock::start();
    let digests = (hashing == Hashing::BeforeReading).then(|| {
        let mut digester = Digester::new();
        let mut buffer = vec![0; 1 << 20];
        let mut at = 0;
        while at < source.len() {
            let part = usize::try_from(source.len() - at).unwrap().min(buffer.len());
            source.read_at(at, &mut buffer[..part]).unwrap();
            digester.update(&buffer[..part]);
            at += part as u64;
        }
        digester.finish().unwrap()
    });
    let hashed = digests.is_some().then(|| before.told());
    let clock = Clock::start();
    // Each phase, and wall and processor time at its end.
    let mut phases: Vec<(Phase, (f64, f64))> = Vec::new();
    let now = || (clock.seconds(), clock.processor().as_secs_f64());
    let list = VerifiedRevocationList::read_and_verify(
        &source,
        digests,
        &anchors,
        MAX_LIST_BYTES as u64,
        &mut |progress| {
            match phases.last_mut() {
                Some((phase, until)) if *phase == progress.phase => *until = now(),
                _ => phases.push((progress.phase, now())),
            }
            ControlFlow::Continue(())
        },
    )
    .unwrap();
    let ended = now();
    let (seconds, took) = (ended.0, clock.told());
    let mut begun = (0.0, 0.0);
    let ends =
        phases.iter().map(|(phase, until)| (phase, if *phase == Phase::Tree { ended } else { *until }));
    let phases: serde_json::Map<String, Value> = ends
        .map(|(phase, end)| {
            let part =
                json!({ "seconds": rounded(end.0 - begun.0), "processor_seconds": rounded(end.1 - begun.1) });
            begun = end;
            (format!("{phase:?}").to_lowercase(), part)
        })
        .collect();
    let storing = Clock::start();
    let sealed = list.sealed().unwrap();
    let digest = list.sealed_sha256().unwrap();
    musubi_mapping::write_once(&folder.join(SEALED), sealed).unwrap();
    std::fs::write(folder.join(DIGEST), digest).unwrap();
    json!({
        "entries": list.len(), "took": took, "phases": phases, "hashed_as_it_arrived": hashed,
        "megabytes_per_second": rounded(source.len() as f64 / 1e6 / seconds),
        "peak_bytes": memory("VmHWM"), "sealed_bytes": sealed.len(), "digest_and_store": storing.told(),
    })
}

fn mapped(folder: &Path) -> VerifiedRevocationList {
    let digest = std::fs::read(folder.join(DIGEST)).unwrap();
    let bytes = musubi_mapping::open(&folder.join(SEALED)).unwrap();
    VerifiedRevocationList::from_sealed(bytes, &digest.try_into().unwrap(), &anchors(folder)).unwrap()
}

fn serial(number: u64) -> SerialNumber {
    SerialNumber::from_be_bytes(&number.to_be_bytes()).unwrap()
}

/// Starts with the stored list: not in the page cache, then in it.
pub(crate) fn start(folder: &Path) -> Value {
    let once = || {
        let clock = Clock::start();
        let list = mapped(folder);
        let found = list.status_of(&serial(12_345)) != EntryStatus::NotListed;
        (clock.told(), found, list)
    };
    let file = File::open(folder.join(SEALED)).unwrap();
    file.sync_all().unwrap();
    let dropped = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).is_ok();
    let (cold, ..) = once();
    // Kept, so that what is resident is told of a list that is in use.
    let (warm, _, list) = once();
    json!({
        "entries": list.len(), "not_in_page_cache": if dropped { cold } else { Value::Null }, "in_page_cache": warm,
        "resident_bytes": memory("VmRSS"), "of_which_mapped": memory("RssFile"), "peak_bytes": memory("VmHWM"),
    })
}

/// Nanoseconds for one, by processor time; the best of three rounds.
fn each(count: usize, mut all: impl FnMut() -> usize) -> (f64, usize) {
    let rounds = (0..3).map(|_| {
        let clock = Clock::start();
        let found = all();
        (clock.processor().as_secs_f64() * 1e9 / count as f64, found)
    });
    rounds.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
}

fn told((nanoseconds, found): (f64, usize)) -> Value {
    json!({ "nanoseconds": rounded(nanoseconds), "millions_per_second": rounded(1e3 / nanoseconds), "found": found })
}

/// Lookups of hits, misses and half of each, in random order.
pub(crate) fn lookups(folder: &Path, queries: usize) -> Value {
    let list = mapped(folder);
    let listed: Vec<u64> = list.iter().map(|entry| entry.serial.short().unwrap()).collect();
    let set = SerialSet::of(listed.iter().copied().map(serial)).unwrap();
    let most = population(list.len() as u64);
    let mut random = Seeded(3);
    let hits: Vec<u64> =
        (0..queries).map(|_| listed[usize::try_from(random.below(listed.len() as u64)).unwrap()]).collect();
    let mut misses = Vec::with_capacity(queries);
    while misses.len() < queries {
        let number = random.below(most) + 1;
        if !set.contains(&serial(number)) {
            misses.push(number);
        }
    }
    let mixed: Vec<u64> =
        hits.iter().zip(&misses).flat_map(|(hit, miss)| [*hit, *miss]).take(queries).collect();
    let std_set: HashSet<u64> = listed.iter().copied().collect();
    let hashbrown_set: hashbrown::HashSet<u64> = listed.iter().copied().collect();
    let mut report = json!({ "queries": queries });
    for (name, numbers) in [("hit", &hits), ("miss", &misses), ("mixed", &mixed)] {
        let serials: Vec<SerialNumber> = numbers.iter().copied().map(serial).collect();
        let count = |of: &dyn Fn(&u64) -> bool| numbers.iter().filter(|number| of(number)).count();
        report[name] = json!({
            "contains": told(each(queries, || serials.iter().filter(|s| list.contains(s)).count())),
            "contains_each_batch": told(each(queries, || {
                let mut found = 0;
                list.contains_each(numbers, |_, listed| found += usize::from(listed));
                found
            })),
            "status_of": told(each(queries, || {
                serials.iter().filter(|s| list.status_of(s) != EntryStatus::NotListed).count()
            })),
            "statuses_of_batch": told(each(queries, || {
                list.statuses_of(&serials).iter().filter(|status| **status != EntryStatus::NotListed).count()
            })),
            "sorted_array_binary_search": told(each(queries, || count(&|n| listed.binary_search(n).is_ok()))),
            "std_hash_set": told(each(queries, || count(&|n| std_set.contains(n)))),
            "hashbrown_set": told(each(queries, || count(&|n| hashbrown_set.contains(n)))),
        });
    }
    report["bytes"] = json!({
        "sealed_with_facts_and_tree": list.sealed().map(<[u8]>::len), "set_without": set.sealed().len(),
        "sorted_array": listed.len() * 8,
        // A control byte beside each slot of 8 bytes.
        "hash_sets": hashbrown_set.allocation_size(),
    });
    report
}

/// Applies the delta, compares the lists, switches.
pub(crate) fn changes(folder: &Path) -> Value {
    let list = mapped(folder);
    let anchors = anchors(folder);
    let reading = Clock::start();
    let delta = FileSource::open(&folder.join(DELTA));
    let delta =
        VerifiedDeltaList::read_and_verify(&delta, None, &anchors, MAX_LIST_BYTES as u64, &mut |_| {
            ControlFlow::Continue(())
        })
        .unwrap();
    let reading = reading.told();
    let applying = Clock::start();
    let next = list.apply_delta(&delta).unwrap();
    let applying = applying.told();
    let comparing = Clock::start();
    let changed = next.changes_since(&list).count();
    let comparing = comparing.told();
    let sealing = Clock::start();
    next.sealed_sha256().unwrap();
    let sealing = sealing.told();
    // Both lists are ready: what is switched is a pointer.
    let (old, new) = (Arc::new(vec![Arc::new(list)]), Arc::new(vec![Arc::new(next)]));
    let current = ArcSwap::new(old.clone());
    let switching = Instant::now();
    for _ in 0..500_000 {
        current.store(new.clone());
        current.store(old.clone());
    }
    let switch = switching.elapsed().as_secs_f64() * 1e9 / 1e6;
    json!({
        "delta_entries": delta.len(), "delta_read_and_verified": reading, "delta_applied": applying,
        "changes": changed, "compared": comparing, "digest_of_result": sealing,
        "switch_nanoseconds": rounded(switch), "peak_bytes": memory("VmHWM"),
    })
}

/// Sets without facts: everybody's serial numbers, and those of watched certificates held against the list.
pub(crate) fn sets(folder: &Path) -> Value {
    let list = mapped(folder);
    let population = population(list.len() as u64);
    let clock = Clock::start();
    let all = SerialSet::of((1..=population).map(serial)).unwrap();
    let all_made = clock.told();
    let clock = Clock::start();
    let watched = SerialSet::of(chosen(population * 4 / 11, population, 5).map(serial)).unwrap();
    let watched_made = clock.told();
    let clock = Clock::start();
    let found = list.listed_among(&watched).count();
    let checked = clock.told();
    json!({
        "everybody": { "members": all.len(), "sealed_bytes": all.sealed().len(), "made": all_made },
        "watched": { "members": watched.len(), "sealed_bytes": watched.sealed().len(), "made": watched_made },
        "watched_that_are_listed": found, "check_of_all_watched": checked,
    })
}
