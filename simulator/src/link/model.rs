//! A link that is like every other, and alone: for worlds whose peers name no interface.
//!
//! Real links are QUIC: a main stream that is reliable and ordered, and a stream of its own for each chunk of catch-up,
//! reliable too and unordered among themselves. [`LinkModel::reliable`] is that: a packet that is lost comes later. Without
//! it messages are dropped, doubled and overtaken, which is harsher than QUIC: gossip must cope with that too. The
//! handshake always comes whole and in order, since on a real link nothing else would admit anybody.

use std::time::Duration;

use msec_peer::outbox::Lane;

use super::Kind;
use super::strain::Degradation;
use crate::error::LinkError;
use crate::seed::Dice;

/// Times in a row that one message is lost on a reliable link, at most. QUIC would give up at its idle timeout.
const RETRANSMISSIONS_MAX: u32 = 8;

/// How often the wait for an acknowledgement doubles. Other packets get through, and each acknowledgement ends the doubling
/// (RFC 9002, section 6.2.1): without this, one unlucky message would hold up its stream for minutes.
const DOUBLINGS_MAX: u32 = 2;

/// What QUIC allows for a delayed acknowledgement (RFC 9002, section 6.2.1: `max_ack_delay`).
pub(super) const ACK_DELAY: Duration = Duration::from_millis(25);

/// What a link does to messages. Probabilities are for each message, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkModel {
    /// The time that a message takes at least. Default: 20 ms, a city's DSL or LTE.
    pub latency: Duration,
    /// How much longer it takes at most, evenly distributed. Default: 5 ms.
    pub jitter: Duration,
    /// How often a message is lost. Default: never.
    pub loss: f64,
    /// How often it comes twice; on unreliable links only. Default: never.
    pub duplication: f64,
    /// How often it is held up for up to four times the latency and jitter, so that others overtake it; on unreliable
    /// links only, since QUIC puts in order again. Default: never.
    pub reordering: f64,
    /// Bytes a second in each direction. `None`: without limit, the default.
    pub bandwidth: Option<u64>,
    /// Whether what is lost comes later, and in order. Default: as QUIC does.
    pub reliable: bool,
}

impl Default for LinkModel {
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(20),
            jitter: Duration::from_millis(5),
            loss: 0.0,
            duplication: 0.0,
            reordering: 0.0,
            bandwidth: None,
            reliable: true,
        }
    }
}

/// One direction of a connection, as far as it remembers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Line {
    /// When the last message of the main stream arrives.
    pub(crate) ordered_until: Duration,
    /// When what was sent on the main stream has left.
    live_free: Duration,
    /// When the chunks that were sent have left.
    bulk_free: Duration,
}

impl Line {
    /// When the next message for that lane may leave.
    pub(crate) fn free(&self, lane: Lane) -> Duration {
        match lane {
            Lane::Live => self.live_free,
            Lane::Chunks => self.bulk_free,
        }
    }
}

impl LinkModel {
    /// Refuses what cannot be simulated.
    pub fn check(&self) -> Result<(), LinkError> {
        for (name, value) in
            [("loss", self.loss), ("duplication", self.duplication), ("reordering", self.reordering)]
        {
            // Also refuses a NaN.
            if !(0.0..=1.0).contains(&value) {
                return Err(LinkError::NotAProbability { name, value });
            }
        }
        if self.bandwidth == Some(0) {
            return Err(LinkError::NoBandwidth);
        }
        Ok(())
    }

    /// The same link when it does worse than usual. What has no limit keeps none.
    pub(crate) fn degraded(self, by: Degradation) -> Self {
        Self {
            latency: by.delay(self.latency),
            jitter: by.delay(self.jitter),
            loss: by.loss(self.loss),
            bandwidth: self
                .bandwidth
                .map(|bandwidth| ((bandwidth as f64 * by.bandwidth_factor) as u64).max(1)),
            ..self
        }
    }

    /// How long one message takes that is neither lost nor queued.
    pub(crate) fn delay(&self, dice: &mut Dice) -> Duration {
        self.latency + dice.duration(self.jitter)
    }

    /// How long one takes that is sent until it comes.
    pub(crate) fn sure_delay(&self, dice: &mut Dice) -> Duration {
        let mut delay = self.delay(dice);
        let timeout = self.latency * 2 + self.jitter * 4 + ACK_DELAY;
        for attempt in 0..RETRANSMISSIONS_MAX {
            if !dice.chance(self.loss) {
                break;
            }
            delay += timeout * (1 << attempt.min(DOUBLINGS_MAX));
        }
        delay
    }

    /// Sends a message of that many bytes. Returns when it arrives, if it does, and when once more.
    pub(crate) fn send(
        &self,
        line: &mut Line,
        now: Duration,
        bytes: usize,
        kind: Kind,
        dice: &mut Dice,
    ) -> [Option<Duration>; 2] {
        let left = self.leave(line, now, bytes, kind);
        if kind == Kind::Handshake || self.reliable {
            let arrives = left + self.sure_delay(dice);
            return [Some(Self::in_order(line, arrives, kind)), None];
        }
        let times = if dice.chance(self.duplication) { 2 } else { 1 };
        let mut arrivals = [None; 2];
        for arrival in arrivals.iter_mut().take(times) {
            if dice.chance(self.loss) {
                continue;
            }
            let mut arrives = left + self.delay(dice);
            if dice.chance(self.reordering) {
                arrives += dice.duration((self.latency + self.jitter) * 4);
            }
            if kind == Kind::Live {
                // A close waits for what was sent before it.
                line.ordered_until = line.ordered_until.max(arrives);
            }
            *arrival = Some(arrives);
        }
        arrivals
    }

    /// The main stream keeps its order, a chunk keeps none.
    fn in_order(line: &mut Line, arrives: Duration, kind: Kind) -> Duration {
        if kind == Kind::Chunk {
            return arrives;
        }
        line.ordered_until = line.ordered_until.max(arrives);
        line.ordered_until
    }

    /// When a message has left the sender. Live messages go before chunks.
    fn leave(&self, line: &mut Line, now: Duration, bytes: usize, kind: Kind) -> Duration {
        let Some(rate) = self.bandwidth else { return now };
        let takes = Duration::from_nanos((bytes as u128 * 1_000_000_000 / u128::from(rate)) as u64);
        let start = match kind {
            Kind::Handshake | Kind::Live => line.live_free.max(now),
            Kind::Chunk => line.bulk_free.max(line.live_free).max(now),
        };
        let left = start + takes;
        match kind {
            Kind::Handshake | Kind::Live => line.live_free = left,
            Kind::Chunk => line.bulk_free = left,
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    const NOW: Duration = Duration::from_secs(9);

    fn send(model: &LinkModel, line: &mut Line, kind: Kind, dice: &mut Dice) -> Vec<Duration> {
        model.send(line, NOW, 1_000, kind, dice).into_iter().flatten().collect()
    }

    /// Found by the swarm: a sensor was stuck for ten minutes after its link had been bad for ten seconds.
    #[test]
    fn a_message_that_is_lost_again_and_again_holds_up_its_stream_for_no_minutes() {
        let latency = Duration::from_millis(400);
        let model = LinkModel { latency, jitter: Duration::ZERO, loss: 1.0, ..LinkModel::default() };
        let delay = model.sure_delay(&mut Seed(1).dice("test", 0));
        let timeout = latency * 2 + ACK_DELAY;
        assert_eq!(delay, latency + timeout * (1 + 2 + 4 * 6));
        assert!(delay < Duration::from_secs(30));
    }

    #[test]
    fn a_reliable_link_delays_what_is_lost_and_keeps_the_order() {
        let model = LinkModel { loss: 0.3, ..LinkModel::default() };
        let (mut line, mut dice) = (Line::default(), Seed(1).dice("test", 0));
        let mut last = NOW;
        let mut late = 0;
        for _ in 0..200 {
            let arrivals = send(&model, &mut line, Kind::Live, &mut dice);
            assert_eq!(arrivals.len(), 1);
            assert!(arrivals[0] >= last && arrivals[0] >= NOW + model.latency);
            late += u32::from(arrivals[0] > NOW + model.latency + model.jitter);
            last = arrivals[0];
        }
        assert!(late > 0);
        let chunk = (0..200).map(|_| send(&model, &mut line, Kind::Chunk, &mut dice)[0]).min();
        assert!(chunk < Some(last), "a chunk waits for no other");
    }

    #[test]
    fn an_unreliable_link_drops_doubles_and_reorders_all_but_the_handshake() {
        let model = LinkModel {
            loss: 0.2,
            duplication: 0.2,
            reordering: 0.2,
            reliable: false,
            ..LinkModel::default()
        };
        let (mut line, mut dice) = (Line::default(), Seed(1).dice("test", 0));
        let all: Vec<_> = (0..500).map(|_| send(&model, &mut line, Kind::Live, &mut dice)).collect();
        assert!(all.iter().any(Vec::is_empty), "some are lost");
        assert!(all.iter().any(|arrivals| arrivals.len() == 2), "some come twice");
        assert!(!all.concat().is_sorted(), "some are overtaken");
        let handshakes: Vec<_> =
            (0..100).flat_map(|_| send(&model, &mut line, Kind::Handshake, &mut dice)).collect();
        assert!(handshakes.len() == 100 && handshakes.is_sorted());
    }

    #[test]
    fn bandwidth_is_a_line_that_live_messages_take_first() {
        let model = LinkModel { bandwidth: Some(1_000), jitter: Duration::ZERO, ..LinkModel::default() };
        let (mut line, mut dice) = (Line::default(), Seed(1).dice("test", 0));
        let mut arrival = |kind| send(&model, &mut line, kind, &mut dice)[0] - NOW - model.latency;
        assert_eq!(arrival(Kind::Live), Duration::from_secs(1));
        assert_eq!(arrival(Kind::Chunk), Duration::from_secs(2));
        assert_eq!(arrival(Kind::Live), Duration::from_secs(2), "a chunk stands in front of no reading");
        assert_eq!(
            (line.free(Lane::Live), line.free(Lane::Chunks)),
            (NOW + Duration::from_secs(2), NOW + Duration::from_secs(2))
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(LinkModel::default().check().is_ok());
        assert!(LinkModel { loss: 1.5, ..LinkModel::default() }.check().is_err());
        assert!(LinkModel { reordering: f64::NAN, ..LinkModel::default() }.check().is_err());
        assert!(LinkModel { bandwidth: Some(0), ..LinkModel::default() }.check().is_err());
    }
}
