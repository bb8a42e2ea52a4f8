//! What a link does to datagrams: the same [`crate::LinkModel`] that delays whole messages in the modelled network, and
//! nothing of what it does for them: whatever is lost here, QUIC has to notice and to send again. So a link is as it is on
//! either wire, and whether the model calls it reliable makes no difference here.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::PeerIndex;
use crate::paths::Paths;
use crate::seed::Dice;

/// How much waits at a link with a bandwidth, in time at its rate. What comes beyond it is dropped, as routers do: it is
/// what tells QUIC's congestion control to slow down.
const BUFFER: Duration = Duration::from_millis(250);
/// Bytes that wait there in any case: as many as a connection may send before it hears of the other side (RFC 9002,
/// section 7.2).
const BUFFER_BYTES_MIN: u64 = 14_720;

/// All links, as far as datagrams see them.
#[derive(Debug)]
pub(super) struct Air {
    lanes: BTreeMap<(PeerIndex, PeerIndex), Lane>,
    dice: Dice,
}

/// One direction between two peers. There are as many as pairs that have spoken.
#[derive(Debug, Default)]
struct Lane {
    /// When what was sent has left.
    free: Duration,
    /// When the last datagram arrives that was not overtaken.
    last: Duration,
}

impl Air {
    pub(super) fn new(dice: Dice) -> Self {
        Self { lanes: BTreeMap::new(), dice }
    }

    /// Sends a datagram of that many bytes, headers of UDP and IP among them. When it arrives, if it does, and when once
    /// more.
    pub(super) fn datagram(
        &mut self,
        paths: &Paths,
        now: Duration,
        from: PeerIndex,
        to: PeerIndex,
        bytes: usize,
    ) -> [Option<Duration>; 2] {
        if !paths.is_open(from, to) {
            return [None; 2];
        }
        let (model, dice) = (paths.model(from, to), &mut self.dice);
        let lane = self.lanes.entry((from, to)).or_default();
        let mut left = now;
        if let Some(rate) = model.bandwidth {
            let takes = |bytes: u64| {
                Duration::from_nanos((u128::from(bytes) * 1_000_000_000 / u128::from(rate)) as u64)
            };
            let start = lane.free.max(now);
            if start - now > BUFFER.max(takes(BUFFER_BYTES_MIN)) {
                return [None; 2];
            }
            left = start + takes(bytes as u64);
            lane.free = left;
        }
        let times = if dice.chance(model.duplication) { 2 } else { 1 };
        let mut arrivals = [None; 2];
        for arrival in arrivals.iter_mut().take(times) {
            if dice.chance(model.loss) {
                continue;
            }
            let arrives = left + model.delay(dice);
            // Routers are queues: a datagram that takes longer holds up those behind it, and only some are overtaken.
            *arrival = if dice.chance(model.reordering) {
                Some(arrives + dice.duration((model.latency + model.jitter) * 4))
            } else {
                lane.last = lane.last.max(arrives);
                Some(lane.last)
            };
        }
        arrivals
    }

    /// Draws for what happens to messages.
    pub(super) fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LinkModel;
    use crate::paths::Broken;
    use crate::seed::Seed;

    const HERE: PeerIndex = PeerIndex(0);
    const THERE: PeerIndex = PeerIndex(1);

    fn air(model: LinkModel) -> (Air, Paths) {
        (Air::new(Seed(1).dice("test", 0)), Paths::new(model))
    }

    fn arrivals((air, paths): &mut (Air, Paths), count: u32, apart: Duration) -> Vec<Duration> {
        let send = |n| air.datagram(paths, apart * n, HERE, THERE, 1_228).into_iter().flatten();
        (0..count).flat_map(send).collect()
    }

    #[test]
    fn datagrams_are_delayed_in_order_and_lost_as_often_as_the_model_says() {
        let model = LinkModel { loss: 0.1, ..LinkModel::default() };
        let arrived = arrivals(&mut air(model), 2_000, Duration::from_millis(1));
        assert!((1_740..1_860).contains(&arrived.len()), "{} of 2,000 arrive", arrived.len());
        assert!(arrived.is_sorted());
        assert!(arrived[0] >= model.latency && arrived[0] < model.latency + model.jitter);
    }

    #[test]
    fn some_come_twice_and_some_are_overtaken_if_the_model_says_so() {
        let model = LinkModel { duplication: 0.2, reordering: 0.2, ..LinkModel::default() };
        let arrived = arrivals(&mut air(model), 500, Duration::from_millis(1));
        assert!((560..640).contains(&arrived.len()), "{} of 500", arrived.len());
        assert!(!arrived.is_sorted());
    }

    #[test]
    fn bandwidth_is_a_queue_that_drops_what_comes_beyond_it() {
        let model = LinkModel { bandwidth: Some(122_800), jitter: Duration::ZERO, ..LinkModel::default() };
        let mut air = air(model);
        let arrived = arrivals(&mut air, 100, Duration::ZERO);
        // 10 ms each; whoever finds 250 ms before it is still taken.
        assert_eq!(arrived.len(), 26);
        let apart: Vec<_> = arrived.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(apart.iter().all(|apart| *apart == Duration::from_millis(10)), "{apart:?}");
        let later = air.0.datagram(&air.1, Duration::from_secs(1), HERE, THERE, 1_228)[0];
        assert_eq!(later, Some(Duration::from_millis(1_030)), "the queue has drained");
        let back = air.0.datagram(&air.1, Duration::ZERO, THERE, HERE, 1_228)[0];
        assert_eq!(back, Some(Duration::from_millis(30)), "each direction has its own");
    }

    #[test]
    fn nothing_comes_through_a_broken_path() {
        let mut air = air(LinkModel::default());
        air.1.set_broken(HERE, THERE, Some(Broken::Drops));
        assert!(arrivals(&mut air, 1, Duration::ZERO).is_empty());
        air.1.set_broken(HERE, THERE, None);
        assert_eq!(arrivals(&mut air, 1, Duration::ZERO).len(), 1);
    }
}
