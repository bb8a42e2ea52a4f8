//! What lines carried: messages, and what QUIC sends beside them.

use std::time::Duration;

use super::{Lines, Route, Sized, strained};
use crate::link::traffic::ClassTraffic;

/// How long a connection is quiet before one end sends a packet that keeps it up, which the other acknowledges; as in the
/// driver.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

impl Lines {
    /// What was carried until now, by class; with what keeps connections up that are quiet since then.
    pub(crate) fn traffic(
        &self,
        now: Duration,
        quiet: impl Iterator<Item = (Duration, Route)>,
    ) -> Vec<ClassTraffic> {
        let mut counters = self.counters.clone();
        for (since, route) in quiet {
            for end in route.ends {
                counters[self.class(end)].add(self.kept_alive(since, now, end), route.radio);
            }
        }
        let classes = self.media.iter().zip(&counters).enumerate();
        let traffic = classes.map(|(class, (medium, counters))| {
            let interfaces = self.interfaces.iter().filter(|it| usize::from(it.class.0) == class);
            let busiest = interfaces.map(|it| it.up.busy.max(it.down.busy)).max().unwrap_or_default();
            ClassTraffic {
                name: medium.name.clone(),
                messages: counters.messages,
                bytes: counters.bytes,
                wire_bytes: counters.wire_bytes,
                lost: counters.lost,
                shed: counters.shed,
                airtime_s: counters.airtime.as_secs_f64(),
                queue_max_ms: counters.queue_max.as_secs_f64() * 1e3,
                // What is booked may lie in the future.
                busiest_share: (busiest.as_secs_f64() / now.as_secs_f64().max(1e-9)).min(1.0),
            }
        });
        traffic.collect()
    }

    /// A connection was quiet from one time to another, and was kept up: that is counted, and waits in no queue. Where time
    /// on air is limited nothing is counted: there it would not have been kept up.
    pub(crate) fn quiet(&mut self, from: Duration, to: Duration, route: Route) {
        for end in route.ends {
            let kept = self.kept_alive(from, to, end);
            let it = &mut self.interfaces[end as usize];
            it.up.busy += kept.takes;
            self.counters[usize::from(it.class.0)].add(kept, route.radio);
        }
    }

    /// What an end sends to keep a connection up that is quiet for so long. Both ends wait for the same time after what they
    /// sent or heard last, so that every other time both send: an end sends three packets in two turns.
    fn kept_alive(&self, from: Duration, to: Duration, end: u32) -> Sized {
        let medium = self.medium(end);
        let turns = (to.saturating_sub(from).as_millis() / KEEP_ALIVE.as_millis()) as u32;
        let kept = medium.up.acks(if medium.allowed.is_some() { 0 } else { turns * 3 / 2 });
        Sized { takes: strained(self.interfaces[end as usize].strain, kept.takes), ..kept }
    }

    /// Counts a message, with what it is on the sender's and, over the city's network, on the receiver's line.
    pub(super) fn count(&mut self, route: Route, side: usize, bytes: usize, up: usize, down: usize) {
        let (from, to) = (route.ends[side], route.ends[1 - side]);
        for (interface, on_wire) in route.lines(from, to).zip([up, down]) {
            let counter = self.counter(interface);
            counter.messages += 1;
            counter.bytes += bytes as u64;
            counter.wire_bytes += on_wire as u64;
        }
    }
}
