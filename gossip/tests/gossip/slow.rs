//! Catch-up over a slow link: two machines, a pipe of so many bytes a second, and no loss, as QUIC has none.
//!
//! Messages that steer go before chunks, as a driver sends them; chunks stand in line behind each other.

use std::collections::BTreeMap;
use std::time::Duration;

use msec_gossip::{Config, Gossip, Input, Interest, Key, Output};
use msec_identity::PeerId;

use crate::rig::{A, B, key, ms, topic, version};
use crate::wire::Wire;

const LATENCY: Duration = ms(100);

/// A chunk begins with its key, and where it begins in that.
const HEAD_BYTES: usize = 40;

fn parse(chunk: &[u8]) -> (Key, u64, usize) {
    let (key, rest) = chunk.split_first_chunk().unwrap();
    let (begin, entries) = rest.split_first_chunk().unwrap();
    (Key(*key), u64::from_le_bytes(*begin), entries.len())
}

/// What is on its way.
enum Event {
    Arrives { at: usize, bytes: Vec<u8> },
    Wake,
}

struct Pair {
    now: Duration,
    /// The one that has everything, and the one that lacks it.
    machines: [Gossip; 2],
    /// Bytes a second that chunks get.
    rate: u64,
    line_free: Duration,
    /// Bytes of each entry; a log is as many of these as its size.
    entry_bytes: usize,
    events: BTreeMap<(Duration, u64), Event>,
    made: u64,
    /// How often each part was sent.
    chunks: BTreeMap<(Key, u64), u32>,
    chunk_bytes: u64,
    queued_max: Duration,
    shed_next: bool,
    /// After so many chunks more the link breaks.
    breaks_after: Option<u32>,
}

impl Pair {
    fn new(rate: u64, logs: u64, entries: u64, entry_bytes: usize) -> Self {
        let machine = |peer| Gossip::new(Config::default(), peer, Interest::all(), peer.0);
        let mut pair = Self {
            now: Duration::ZERO,
            machines: [machine(A), machine(B)],
            rate,
            line_free: Duration::ZERO,
            entry_bytes,
            events: BTreeMap::new(),
            made: 0,
            chunks: BTreeMap::new(),
            chunk_bytes: 0,
            queued_max: Duration::ZERO,
            shed_next: false,
            breaks_after: None,
        };
        for n in 0..logs {
            pair.hold(0, key(n), entries, None);
        }
        pair.meet();
        pair
    }

    fn meet(&mut self) {
        for (of, peer) in [(0, B), (1, A)] {
            self.tell(of, Input::NeighbourUp { peer, interest: Interest::all(), leaf: false });
        }
    }

    /// The link is gone, with all that is on it.
    fn part(&mut self) {
        self.events.clear();
        self.line_free = self.now;
        for (of, peer) in [(0, B), (1, A)] {
            self.tell(of, Input::NeighbourDown { peer });
            let left = self.machines[of].table_sizes();
            assert_eq!((left.wants, left.wants_in_flight, left.serving), (0, 0, 0), "nobody is left to ask");
        }
    }

    /// One of them starts again, with what is on its disk, in another life.
    fn restart(&mut self, of: usize, life: u8) {
        let held: Vec<_> = (0..9).filter_map(|n| Some((key(n), self.machines[of].held(&key(n))?))).collect();
        self.machines[of] = Gossip::new(Config::default(), [A, B][of], Interest::all(), [life; 32]);
        for (key, version) in held {
            self.hold(of, key, version.size, None);
        }
    }

    fn push(&mut self, at: Duration, event: Event) {
        self.made += 1;
        self.events.insert((at, self.made), event);
    }

    fn hold(&mut self, of: usize, key: Key, size: u64, from: Option<PeerId>) {
        let (topic, version) = (topic("parks"), version(size));
        self.machines[of]
            .handle(self.now, Input::Accepted { key, topic, version, from, origin: None, payload: None });
        self.machines[of].handle(self.now, Input::Durable { key, version, number: None });
    }

    fn tell(&mut self, of: usize, input: Input) {
        self.machines[of].handle(self.now, input);
        while let Some(output) = self.machines[of].poll_output() {
            match output {
                Output::Send { bytes, .. } => self.send(of, bytes),
                Output::Serve { to, key, from, bytes_max } => self.serve(of, to, key, from, bytes_max),
                Output::Deliver { from, key, payload, .. } => {
                    let (of_key, begin, entries) = parse(&payload);
                    assert!(key.names(&of_key));
                    assert_eq!(self.machines[of].held(&of_key).map_or(0, |held| held.size), begin);
                    self.hold(of, of_key, begin + (entries / self.entry_bytes) as u64, Some(from));
                }
                other => panic!("{other:?}"),
            }
        }
        if let Some(due) = self.machines[of].poll_timeout() {
            self.push(due.max(self.now), Event::Wake);
        }
    }

    fn serve(&mut self, of: usize, to: PeerId, key: Key, from: u64, bytes_max: usize) {
        let held = self.machines[of].held(&key).unwrap().size;
        let entries = ((bytes_max / self.entry_bytes) as u64).clamp(1, held - from);
        let mut chunk = [&key.0[..], &from.to_le_bytes()].concat();
        chunk.resize(HEAD_BYTES + entries as usize * self.entry_bytes, 7);
        self.machines[of].handle(self.now, Input::Served { to, key, from, chunk: Some(chunk) });
    }

    fn send(&mut self, from: usize, bytes: Vec<u8>) {
        let mut left = self.now;
        if let Some(Wire::Chunk { payload, .. }) = Wire::decode(&bytes).first() {
            let (key, begin, _) = parse(payload);
            if std::mem::take(&mut self.shed_next) {
                let peer = [B, A][from];
                return self.machines[from].handle(self.now, Input::Shed { peer, frame: bytes });
            }
            *self.chunks.entry((key, begin)).or_default() += 1;
            self.chunk_bytes += bytes.len() as u64;
            self.breaks_after = self.breaks_after.map(|chunks| chunks - 1);
            let takes = Duration::from_micros(bytes.len() as u64 * 1_000_000 / self.rate);
            self.line_free = self.line_free.max(self.now) + takes;
            self.queued_max = self.queued_max.max(self.line_free - self.now);
            left = self.line_free;
        }
        self.push(left + LATENCY, Event::Arrives { at: 1 - from, bytes });
    }

    /// Until both hold the same. Returns how long it took.
    fn finish(&mut self, logs: u64, entries: u64) -> Duration {
        self.run(logs, entries);
        self.now
    }

    /// As long as that, or until the link is to break.
    fn run(&mut self, logs: u64, entries: u64) -> bool {
        while (0..logs).any(|n| self.machines[1].held(&key(n)).is_none_or(|held| held.size < entries)) {
            let ((at, _), event) = self.events.pop_first().unwrap();
            assert!(at < ms(3_600_000), "nothing comes of it");
            if self.breaks_after == Some(0) {
                return false;
            }
            self.now = at;
            match event {
                Event::Arrives { at, bytes } => {
                    self.tell(at, Input::Received { from: [B, A][at], bytes });
                }
                Event::Wake => (0..2).for_each(|of| {
                    if self.machines[of].poll_timeout().is_some_and(|due| due <= at) {
                        self.tell(of, Input::Timeout);
                    }
                }),
            }
        }
        true
    }

    fn twice(&self) -> usize {
        self.chunks.values().filter(|count| **count > 1).count()
    }
}

/// Found by the simulator: a fixed timeout of three seconds made a 124 kB chunk go out four times at 20 kB/s.
#[test]
fn a_chunk_of_124_kb_goes_out_once_at_20_kb_a_second() {
    let mut pair = Pair::new(20_000, 1, 5, 124_000);
    let took = pair.finish(1, 5);
    assert_eq!((pair.twice(), pair.chunks.len()), (0, 5));
    assert!(took < ms(34_000), "{took:?}: 31 s of them are the bytes");
}

#[test]
fn a_slow_link_is_kept_busy_with_little_waiting_in_it() {
    let mut pair = Pair::new(20_000, 40, 100, 500);
    let took = pair.finish(40, 100);
    assert_eq!(pair.twice(), 0);
    assert!(took < ms(115_000), "{took:?}: 100 s of them are the bytes");
    assert!(pair.queued_max < ms(3_000), "{:?} of chunks wait", pair.queued_max);
    assert_eq!(pair.machines[1].stats().unwanted, 0);
}

#[test]
fn a_fast_link_is_filled() {
    let mut pair = Pair::new(10_000_000, 40, 500, 1_000);
    let took = pair.finish(40, 500);
    assert_eq!(pair.twice(), 0);
    assert!(took < ms(6_000), "{took:?}: 2 s of them are the bytes");
}

#[test]
fn what_was_shed_is_said_and_asked_for_again() {
    let mut pair = Pair::new(20_000, 1, 10, 1_000);
    pair.shed_next = true;
    let took = pair.finish(1, 10);
    assert_eq!((pair.twice(), pair.machines[1].stats().unserved), (0, 1));
    assert!(took < ms(15_000), "{took:?}");
}

/// A million readings in one log: whoever starts again, what is fetched twice is the one chunk under way.
#[test]
fn a_long_run_goes_on_where_the_link_broke() {
    const ENTRIES: u64 = 1_000_000;
    const ENTRY_BYTES: usize = 4;
    let mut pair = Pair::new(4_000_000, 1, ENTRIES, ENTRY_BYTES);
    let mut breaks = 0;
    loop {
        pair.breaks_after = Some(3);
        if pair.run(1, ENTRIES) {
            break;
        }
        let here = pair.machines[1].held(&key(0)).map_or(0, |held| held.size);
        pair.part();
        breaks += 1;
        // One end, the other, or neither.
        if breaks % 3 < 2 {
            pair.restart(breaks % 3, breaks as u8);
        }
        pair.meet();
        assert_eq!(pair.machines[1].held(&key(0)).map_or(0, |held| held.size), here);
    }
    assert!(breaks >= 6, "{breaks} breaks");
    assert!(pair.twice() <= breaks && pair.chunks.values().all(|times| *times <= 2), "{:?}", pair.chunks);
    let (all, chunk_max) = (ENTRIES * ENTRY_BYTES as u64, 256 << 10);
    let (most, chunks) = (all + breaks as u64 * chunk_max, pair.chunk_bytes);
    assert!(
        chunks > all && chunks < most + 64 * (pair.chunks.len() + breaks) as u64,
        "{chunks} bytes of {all}"
    );
}
