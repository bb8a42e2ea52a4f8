//! Which runs a comparison is made of, and how they are done side by side.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::figures::{Figures, Line};
use crate::iroh::Iroh;
use crate::network::{Death, Geometry};
use crate::ours::Ours;
use crate::protocol::Protocol;
use crate::queue::{Micros, SECOND};
use crate::scenario::Bench;
use crate::setup::{Join, Setup};

/// Warm-up where nodes vanish: views are full, and nobody asks how good they are.
const WARM_UP_VANISH: Micros = 180 * SECOND;

/// A part of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Part {
    /// Random senders.
    Many,
    /// One sender.
    Sole,
    /// Messages of the size of a real entry, from random senders.
    Entry,
    /// One and ten per cent of all messages vanish.
    Loss,
    /// Ten minutes in two halves.
    Partition,
    /// Random senders, and latencies from places on a plane.
    Planar,
    /// Random senders, after all joined through one node.
    Join,
    /// So many per cent of the nodes vanish at once.
    Vanish,
}

/// Whom to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Who {
    /// Both.
    Both,
    /// This project's.
    Ours,
    /// iroh-gossip.
    Iroh,
}

/// One run of one protocol.
#[derive(Clone, Copy, Debug)]
struct Job {
    is_ours: bool,
    setup: Setup,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// All parts that go on one after the other in one network.
    Steady,
    Planar,
    Join,
    Vanish(u32, Death),
}

/// What is to be compared.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What all runs begin with; each has its own seed.
    pub setup: Setup,
    /// One run each.
    pub seeds: Vec<u64>,
    /// The parts, without doubles.
    pub parts: Vec<Part>,
    /// How many vanish, in per cent: one run each for those that fail and those that fall silent.
    pub vanishing: Vec<u32>,
    /// Whom to run.
    pub who: Who,
    /// The length of a real entry.
    pub entry_bytes: u32,
}

/// The scenario's name, for tables and JSON.
pub fn vanish_name(percent: u32, death: Death) -> String {
    match death {
        Death::Failing => format!("vanish_{percent}_failing"),
        Death::Silent => format!("vanish_{percent}_silent"),
    }
}

impl Plan {
    /// Does it all, on so many threads. `progress` is told of each run that is done.
    pub fn run(&self, threads: usize, progress: impl Fn(&str) + Sync) -> Figures {
        let jobs = self.jobs();
        let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..threads.clamp(1, jobs.len().max(1)) {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(job) = jobs.get(at) else { return };
                        let lines = self.work(job);
                        let name = if job.is_ours { Ours::NAME } else { Iroh::NAME };
                        let count = jobs.len();
                        progress(&format!(
                            "{name}, seed {}: {:?} ({}/{count})",
                            job.setup.seed,
                            job.what,
                            at + 1
                        ));
                        done.lock().expect("no run panics with it").push((at, lines));
                    }
                });
            }
        });
        let mut done = done.into_inner().expect("no run panics with it");
        // In the order of the plan, whoever was done first.
        done.sort_by_key(|(at, _)| *at);
        Figures(done.into_iter().flat_map(|(_, lines)| lines).collect())
    }

    fn jobs(&self) -> Vec<Job> {
        let mut whats = Vec::new();
        if self.parts.iter().any(|part| *part < Part::Planar) {
            whats.push(What::Steady);
        }
        if self.has(Part::Planar) {
            whats.push(What::Planar);
        }
        if self.has(Part::Join) {
            whats.push(What::Join);
        }
        if self.has(Part::Vanish) {
            let deaths = [Death::Failing, Death::Silent];
            let percents = self.vanishing.iter();
            whats.extend(percents.flat_map(|percent| deaths.map(|death| What::Vanish(*percent, death))));
        }
        let mut jobs = Vec::new();
        for what in whats {
            for is_ours in [false, true] {
                if self.who == if is_ours { Who::Iroh } else { Who::Ours } {
                    continue;
                }
                jobs.extend(self.seeds.iter().map(|seed| Job {
                    is_ours,
                    setup: Setup { seed: *seed, ..self.setup },
                    what,
                }));
            }
        }
        jobs
    }

    fn has(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }

    fn work(&self, job: &Job) -> Vec<Line> {
        if job.is_ours { self.measure::<Ours>(job) } else { self.measure::<Iroh>(job) }
    }

    fn measure<P: Protocol>(&self, job: &Job) -> Vec<Line> {
        let setup = job.setup;
        let mut bench = match job.what {
            What::Steady => Bench::<P>::new(setup),
            What::Planar => Bench::new(Setup { geometry: Geometry::Planar, ..setup }),
            What::Join => Bench::new(Setup { join: Join::One, ..setup }),
            What::Vanish(..) => Bench::new(Setup { warm_up: setup.warm_up.min(WARM_UP_VANISH), ..setup }),
        };
        match job.what {
            What::Steady => self.steady(&mut bench),
            What::Planar => bench.rounds("planar", false, 0),
            What::Join => bench.rounds("join_one", false, 0),
            What::Vanish(percent, death) => bench.vanish(&vanish_name(percent, death), percent, death),
        }
        bench.lines
    }

    fn steady<P: Protocol>(&self, bench: &mut Bench<P>) {
        if self.has(Part::Many) || self.has(Part::Join) {
            bench.rounds("many", false, 0);
        }
        if self.has(Part::Sole) {
            bench.rounds("one_sender", true, 0);
        }
        if self.has(Part::Entry) {
            bench.set_payload_bytes(self.entry_bytes);
            bench.rounds("entry", false, 0);
            bench.set_payload_bytes(crate::payload::PAYLOAD_BYTES);
        }
        if self.has(Part::Loss) {
            bench.rounds("loss_1", false, 10_000);
            bench.rounds("loss_10", false, 100_000);
        }
        if self.has(Part::Partition) {
            bench.partition("partition");
        }
    }
}
