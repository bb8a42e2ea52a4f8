//! How long commits wait while a store is compacted, one segment between two commits, as the peer does it.
//!
//! ```text
//! cargo run --release -p msec-crdt-store --features index --example compact -- 200
//! ```
//!
//! Fills a store with so many megabytes of entries of 200 bytes, from 50 logs, lets go of three quarters of each log, and asks for a
//! commit of one entry again and again, five milliseconds after the one before was acknowledged, before and while segments are
//! rewritten.
#![allow(clippy::disallowed_methods, reason = "it measures")]

use std::error::Error;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use msec_crdt_store::{
    Compacted, FileDir, LogHeader, OwnLog, Storage, Store, StoreConfig, TimeQuality, VerifiedRun,
};
use msec_identity::{Identity, SpaceId, UnixMillis};

const LOGS: usize = 50;
/// Entries of each log in a commit.
const ENTRIES: usize = 8;
const START: UnixMillis = UnixMillis(1_700_000_000_000);
const PAUSE: Duration = Duration::from_millis(5);
const DEAD_PERCENT: u8 = 20;

enum Job {
    Commit(Box<VerifiedRun>, mpsc::Sender<()>),
    Compact(u32, mpsc::Sender<Option<u32>>),
    Stop,
}

fn main() -> Result<(), Box<dyn Error>> {
    let megabytes: u64 = std::env::args().nth(1).map_or(Ok(200), |text| text.parse())?;
    let dir = tempfile::tempdir_in(".")?;
    let config = StoreConfig { index: true, roll_ups: true, ..StoreConfig::default() };
    let (mut store, _) = Store::open_with(FileDir::open(dir.path())?, config)?;
    let author = Identity::from_seed([7; 32]);
    let mut logs: Vec<OwnLog> = (0..=LOGS)
        .map(|n| {
            let path = "parks/noise".parse().expect("a path");
            OwnLog::create(LogHeader::new(SpaceId([0; 32]), path, &format!("s-{n}"), author.peer(), [1; 16]))
        })
        .collect();
    let mut own = logs.pop().expect("one more");
    let mut dice = 1u64;
    let mut append = move |log: &mut OwnLog| -> Result<(), Box<dyn Error>> {
        let mut body = vec![0; 200];
        for part in body.chunks_mut(8) {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            part.copy_from_slice(&(dice ^ (dice >> 29)).to_le_bytes());
        }
        Ok(log.append_change(START, TimeQuality::Synchronised, [3; 16], body).map(drop)?)
    };
    let (mut seq, mut bytes) = (0, 0);
    while bytes < megabytes * 1_000_000 {
        for log in &mut logs {
            (0..ENTRIES).try_for_each(|_| append(log))?;
        }
        let runs: Vec<_> = logs.iter_mut().filter_map(|log| log.sign(&author, START)).collect();
        seq += 1;
        store.apply(seq, &runs)?;
        if seq % 16 == 0 {
            store.sync()?;
        }
        bytes += (LOGS * ENTRIES * 200) as u64;
    }
    store.sync()?;
    let start = Instant::now();
    let ends: Vec<_> = logs.iter().map(|log| (log.header().id(), log.size() * 3 / 4)).collect();
    let mut longest = Duration::ZERO;
    for part in ends.chunks(4) {
        let started = Instant::now();
        store.prune(part)?;
        longest = longest.max(started.elapsed());
    }
    println!(
        "{bytes} bytes in {seq} commits; three quarters let go in {:?}, {longest:?} at most for four logs",
        start.elapsed()
    );

    let (jobs, to_do) = mpsc::channel();
    let storage = std::thread::spawn(move || work(store, seq, &to_do));
    let mut commit = |jobs: &mpsc::Sender<Job>| -> Result<Duration, Box<dyn Error>> {
        append(&mut own)?;
        let run = own.sign(&author, START).ok_or("nothing to sign")?;
        let (done, acknowledged) = mpsc::channel();
        let start = Instant::now();
        jobs.send(Job::Commit(Box::new(run), done))?;
        acknowledged.recv()?;
        let took = start.elapsed();
        std::thread::sleep(PAUSE);
        Ok(took)
    };
    let mut before = (0..500).map(|_| commit(&jobs)).collect::<Result<Vec<_>, _>>()?;
    say("acknowledged before", &mut before);
    let (done, compacted) = mpsc::channel();
    jobs.send(Job::Compact(0, done.clone()))?;
    let (start, mut meanwhile) = (Instant::now(), Vec::new());
    loop {
        match compacted.try_recv() {
            Ok(Some(from)) => jobs.send(Job::Compact(from, done.clone()))?,
            Ok(None) => break,
            Err(_) => {}
        }
        meanwhile.push(commit(&jobs)?);
    }
    println!("compacted in {:?}", start.elapsed());
    say("acknowledged meanwhile", &mut meanwhile);
    jobs.send(Job::Stop)?;
    storage.join().map_err(|_| "the storage thread panicked")??;
    Ok(())
}

/// The storage thread: one job after the other.
fn work(mut store: Store, mut seq: u64, jobs: &mpsc::Receiver<Job>) -> Result<(), String> {
    let (mut steps, mut all) = (Vec::new(), Compacted::default());
    let text = |error: msec_crdt_store::StorageError| error.to_string();
    while let Ok(job) = jobs.recv() {
        match job {
            Job::Commit(run, done) => {
                seq += 1;
                store.apply(seq, &[*run]).map_err(text)?;
                store.sync().map_err(text)?;
                let _ = done.send(());
            }
            Job::Compact(from, done) => {
                let started = Instant::now();
                let (compacted, next) = store.compact_next(DEAD_PERCENT, from).map_err(text)?;
                steps.push(started.elapsed());
                all.add(compacted);
                let _ = done.send(next);
            }
            Job::Stop => break,
        }
    }
    say("one segment", &mut steps);
    println!("{all:?}");
    store.close();
    Ok(())
}

fn say(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |hundredths: usize| {
        let time = times.get((times.len() * hundredths / 100).min(times.len().saturating_sub(1)));
        time.map_or(0.0, |time| time.as_secs_f64() * 1e3)
    };
    println!(
        "{what}: {} times, p50 {:.1} ms, p99 {:.1} ms, {:.1} ms at most",
        times.len(),
        at(50),
        at(99),
        at(100)
    );
}
