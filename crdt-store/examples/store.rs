//! Fills a store with readings, opens it again, and asks it: how long that takes, and what is in memory meanwhile.
//!
//! ```text
//! cargo run --release -p msec-crdt-store --features index --example store -- 10000000
//! ```
//!
//! Readings of 10,000 streams, one a minute, 60 to an entry; with a second argument so many to an entry, with a third one
//! into that directory. A directory that holds a store already is only opened and asked.
//!
//! `-- rolled 10000000` rolls them up, too, as a gateway does.
//!
//! `-- writes 10` instead says how many bytes the disk is made to write for each entry of 200 bytes that nobody can compress, when
//! the 50 entries of a sync come from 10 logs.
#![allow(clippy::disallowed_methods, reason = "it measures")]

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use msec_crdt_store::{
    FileDir, LogHeader, OwnLog, Query, Reading, Resolution, RollUpQuery, Storage, StorageError, Store,
    StoreConfig, TimeQuality, VerifiedRun,
};
use msec_identity::{Identity, SpaceId, UnixMillis};

const STREAMS: usize = 10_000;
/// Streams whose entries are one commit.
const COMMIT: usize = 250;
const START: UnixMillis = UnixMillis(1_700_000_000_000);
const MINUTE_MS: i64 = 60_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1).peekable();
    if args.next_if(|word| word == "writes").is_some() {
        return writes(args.next().map_or(Ok(10), |text| text.parse())?);
    }
    let roll_ups = args.next_if(|word| word == "rolled").is_some();
    let readings: usize = args.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let per_entry: usize = args.next().map_or(Ok(60), |text| text.parse())?;
    let kept = args.next().map(PathBuf::from);
    let temporary = tempfile::tempdir()?;
    let dir = kept.unwrap_or_else(|| temporary.path().to_owned());
    let config = StoreConfig { index: true, roll_ups, ..StoreConfig::default() };
    let open = || Store::open_with(FileDir::open(&dir)?, config.clone());

    let (mut store, opened) = open()?;
    if opened.logs.is_empty() {
        let cpu = cpu_ms();
        fill(&mut store, readings, per_entry)?;
        println!("{:.0} ms of CPU to fill it, and make what it is filled with", cpu_ms() - cpu);
        let start = Instant::now();
        store.close();
        println!("closed in {:.0} ms", millis(start));
    }
    drop(store);
    let size = |name: &str| std::fs::metadata(dir.join(name)).map_or(0, |data| data.len());
    let names = std::fs::read_dir(&dir)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let segments: u64 = names.filter(|name| name.ends_with(".msec")).map(|name| size(&name)).sum();
    println!("{} MB of segments, {} MB of index", segments / 1_000_000, size("index.redb") / 1_000_000);
    println!("{} kB resident before it is opened", status_kb("VmRSS:"));

    let (start, cpu) = (Instant::now(), cpu_ms());
    let (store, opened) = open()?;
    let (took, cpu) = (millis(start), cpu_ms() - cpu);
    let logs = opened.logs.len();
    println!("opened in {took:.0} ms, {cpu:.0} of CPU: {logs} logs, {} kB", status_kb("VmRSS:"));
    ask(&store, logs)?;
    println!("{} kB resident, {} kB at most", status_kb("VmRSS:"), status_kb("VmHWM:"));
    Ok(())
}

/// Syncs after 50 entries from so many logs, often enough that the index is written too, and then closes the store.
fn writes(logs: usize) -> Result<(), Box<dyn Error>> {
    const SYNCS: usize = 6_000;
    const ENTRIES: usize = 50;
    let dir = tempfile::tempdir_in(".")?;
    let config = StoreConfig { index: true, ..StoreConfig::default() };
    let (mut store, _) = Store::open_with(FileDir::open(dir.path())?, config)?;
    let author = Identity::from_seed([7; 32]);
    let header = |n: usize| {
        let path = "parks/noise".parse().expect("a path");
        LogHeader::new(SpaceId([0; 32]), path, &format!("s-{n}"), author.peer(), [1; 16])
    };
    let mut own: Vec<OwnLog> = (0..logs).map(|n| OwnLog::create(header(n))).collect();
    let before = bytes_written();
    let mut body = [0; 200];
    let mut state = 1u64;
    for sync in 0..SYNCS {
        for entry in 0..ENTRIES {
            for part in body.chunks_mut(8) {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                part.copy_from_slice(&(state ^ (state >> 29)).to_le_bytes());
            }
            let now = START.saturating_add(sync as i64);
            own[entry % logs].append_change(now, TimeQuality::Synchronised, [3; 16], body.to_vec())?;
        }
        let runs: Vec<_> = own.iter_mut().filter_map(|log| log.sign(&author, START)).collect();
        store.apply(sync as u64 + 1, &runs)?;
        store.sync()?;
    }
    let synced = bytes_written();
    store.close();
    let each = |bytes: u64| (bytes - before) as f64 / (SYNCS * ENTRIES) as f64;
    println!("{logs} logs: {:.0} bytes an entry, {:.0} with closing", each(synced), each(bytes_written()));
    Ok(())
}

/// What this process made the disk write.
fn bytes_written() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    io.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok()).unwrap_or(0)
}

/// Asks what apps ask, and says how long the fastest answer of some took.
fn ask(store: &Store, streams: usize) -> Result<(), Box<dyn Error>> {
    let best = |what: &str, times: usize, ask: &dyn Fn(usize) -> Result<usize, Box<dyn Error>>| {
        let (mut best, mut rows) = (f64::MAX, 0);
        let cpu = cpu_ms();
        for n in 0..times {
            let start = Instant::now();
            rows = ask(n)?;
            best = millis(start).min(best);
        }
        let cpu = (cpu_ms() - cpu) / times as f64;
        println!("{what}: {rows} rows, {cpu:.3} ms of CPU, {best:.3} ms at best");
        Ok::<_, Box<dyn Error>>(())
    };
    let latest = store.latest(&Query::default())?;
    let newest = latest.first().map_or(START, |row| row.reading.time);
    best("latest of all streams", 200, &|_| Ok(store.latest(&Query::default())?.len()))?;
    let day = |back: i64| {
        move |n: usize| -> Query {
            let until = newest.saturating_add(1 - back * 86_400_000);
            let stream = Some(format!("s-{}", n * 37 % streams));
            Query { stream, since: until.saturating_add(-86_400_000), until, ..Query::default() }
        }
    };
    for back in [0, 2] {
        let day = day(back);
        best(&format!("a day of one stream, {back} days ago"), 1_000, &|n| Ok(store.query(&day(n))?.len()))?;
    }
    best("the newest 100 of all", 100, &|_| {
        Ok(store.query(&Query { limit: 100, ..Query::default() })?.len())
    })?;
    let day = day(0);
    let hours = |n: usize| {
        let Query { stream, since, until, .. } = day(n);
        RollUpQuery { stream, since, until, ..RollUpQuery::every(Resolution::Hour) }
    };
    if matches!(store.roll_ups(&hours(0)), Err(StorageError::NoRollUps)) {
        return Ok(());
    }
    best("a day of hours of one stream", 1_000, &|n| Ok(store.roll_ups(&hours(n))?.len()))?;
    let all = RollUpQuery { since: newest, ..RollUpQuery::every(Resolution::Hour) };
    best("this hour of all streams", 20, &|_| Ok(store.roll_ups(&all)?.len()))
}

/// Writes readings of all streams, as they would come: an entry of each, in turn.
fn fill(store: &mut Store, readings: usize, per_entry: usize) -> Result<(), Box<dyn Error>> {
    let author = Identity::from_seed([7; 32]);
    let header = |n: usize| {
        let path = format!("parks/noise/district-{}", n % 20).parse().expect("a path");
        LogHeader::new(SpaceId([0; 32]), path, &format!("s-{n}"), author.peer(), [1; 16]).with_unit("dB")
    };
    let mut logs: Vec<OwnLog> = (0..STREAMS).map(|n| OwnLog::create(header(n))).collect();
    let start = Instant::now();
    let (mut written, mut seq, mut entry, mut longest) = (0, 0, 0i64, 0f64);
    let mut value = 1u64;
    let mut in_store = 0.0;
    while written < readings {
        for part in logs.chunks_mut(COMMIT) {
            let mut runs: Vec<VerifiedRun> = Vec::with_capacity(COMMIT);
            for log in part {
                let first = START.saturating_add(entry * per_entry as i64 * MINUTE_MS);
                let batch: Vec<_> = (0..per_entry as i64)
                    .map(|n| {
                        value = value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        Reading::new(first.saturating_add(n * MINUTE_MS), (value >> 54) as f64 / 10.0)
                    })
                    .collect();
                log.append_readings(first, TimeQuality::Synchronised, [3; 16], &batch)?;
                runs.extend(log.sign(&author, first));
                written += per_entry;
            }
            seq += 1;
            let worked = Instant::now();
            store.apply(seq, &runs)?;
            store.sync()?;
            let took = millis(worked);
            (longest, in_store) = (longest.max(took), in_store + took);
        }
        entry += 1;
    }
    println!(
        "{written} readings in {seq} commits: {:.1} s, {:.1} s of it in the store, the longest commit {longest:.0} ms",
        millis(start) / 1e3,
        in_store / 1e3
    );
    println!("{} kB resident at most", status_kb("VmHWM:"));
    println!("{:.1} bytes written to the disk for each reading", bytes_written() as f64 / written as f64);
    Ok(())
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// CPU time of this process, to 10 ms: other processes do not count.
fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |n: usize| fields.get(n).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) * 10.0
}

/// A line of this process's status, in kB.
fn status_kb(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found =
        status.lines().find_map(|text| text.strip_prefix(line)?.trim().strip_suffix(" kB")?.parse().ok());
    found.unwrap_or(0)
}
