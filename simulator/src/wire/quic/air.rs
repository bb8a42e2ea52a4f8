//! What a link does to datagrams: the same [`crate::LinkModel`] that delays whole messages in the modelled network, and
//! nothing of what it does for them: whatever is lost here, QUIC has to notice and to send again. So a link is as it is on
//! either wire, and whether the model calls it reliable makes no difference here. Interfaces of link classes have queues and
//! losses of their own ([`Network::send_datagram`]); what they let through keeps its order.
//!
//! [`Network::send_datagram`]: crate::network::Network::send_datagram

use std::collections::BTreeMap;
use std::time::Duration;

use crate::PeerIndex;
use crate::link::LinkModel;
use crate::network::Sent;
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

    /// Takes in a datagram that was sent, of that many bytes with the headers of UDP and IP. When it arrives, if it does, and
    /// when once more.
    pub(super) fn carry(
        &mut self,
        now: Duration,
        (from, to): (PeerIndex, PeerIndex),
        bytes: usize,
        sent: Sent,
    ) -> [Option<Duration>; 2] {
        let lane = self.lanes.entry((from, to)).or_default();
        match sent {
            Sent::Lost => [None; 2],
            Sent::On(model) => lane.carry(&model, now, bytes, &mut self.dice),
            Sent::Reaches(at) => [Some(lane.in_order(at)), None],
        }
    }

    /// Draws for what happens to messages.
    pub(super) fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }
}

impl Lane {
    /// Routers are queues: a datagram that takes longer holds up those behind it.
    fn in_order(&mut self, at: Duration) -> Duration {
        self.last = self.last.max(at);
        self.last
    }

    fn carry(
        &mut self,
        model: &LinkModel,
        now: Duration,
        bytes: usize,
        dice: &mut Dice,
    ) -> [Option<Duration>; 2] {
        let Some(left) = self.leave(model, now, bytes) else { return [None; 2] };
        let times = if dice.chance(model.duplication) { 2 } else { 1 };
        let mut arrivals = [None; 2];
        for arrival in arrivals.iter_mut().take(times) {
            if dice.chance(model.loss) {
                continue;
            }
            let arrives = left + model.delay(dice);
            // Only some are overtaken.
            *arrival = if dice.chance(model.reordering) {
                Some(arrives + dice.duration((model.latency + model.jitter) * 4))
            } else {
                Some(self.in_order(arrives))
            };
        }
        arrivals
    }

    /// When a datagram has left the queue. `None`: it is full.
    fn leave(&mut self, model: &LinkModel, now: Duration, bytes: usize) -> Option<Duration> {
        let Some(rate) = model.bandwidth else { return Some(now) };
        let takes =
            |bytes: u64| Duration::from_nanos((u128::from(bytes) * 1_000_000_000 / u128::from(rate)) as u64);
        let start = self.free.max(now);
        if start - now > BUFFER.max(takes(BUFFER_BYTES_MIN)) {
            return None;
        }
        self.free = start + takes(bytes as u64);
        Some(self.free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    const HERE: PeerIndex = PeerIndex(0);
    const THERE: PeerIndex = PeerIndex(1);

    /// So many datagrams, so far apart, on a new link.
    fn arrivals(model: LinkModel, count: u32, apart: Duration) -> Vec<Duration> {
        let mut air = Air::new(Seed(1).dice("test", 0));
        let send = |n| air.carry(apart * n, (HERE, THERE), 1_228, Sent::On(model)).into_iter().flatten();
        (0..count).flat_map(send).collect()
    }

    #[test]
    fn datagrams_are_delayed_in_order_and_lost_as_often_as_the_model_says() {
        let model = LinkModel { loss: 0.1, ..LinkModel::default() };
        let arrived = arrivals(model, 2_000, Duration::from_millis(1));
        assert!((1_740..1_860).contains(&arrived.len()), "{} of 2,000 arrive", arrived.len());
        assert!(arrived.is_sorted());
        assert!(arrived[0] >= model.latency && arrived[0] < model.latency + model.jitter);
    }

    #[test]
    fn some_come_twice_and_some_are_overtaken_if_the_model_says_so() {
        let model = LinkModel { duplication: 0.2, reordering: 0.2, ..LinkModel::default() };
        let arrived = arrivals(model, 500, Duration::from_millis(1));
        assert!((560..640).contains(&arrived.len()), "{} of 500", arrived.len());
        assert!(!arrived.is_sorted());
    }

    #[test]
    fn bandwidth_is_a_queue_that_drops_what_comes_beyond_it() {
        let model = LinkModel { bandwidth: Some(122_800), jitter: Duration::ZERO, ..LinkModel::default() };
        let arrived = arrivals(model, 100, Duration::ZERO);
        // 10 ms each; whoever finds 250 ms before it is still taken.
        assert_eq!(arrived.len(), 26);
        let apart: Vec<_> = arrived.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(apart.iter().all(|apart| *apart == Duration::from_millis(10)), "{apart:?}");
        let mut air = Air::new(Seed(1).dice("test", 0));
        let mut send = |at, ends| air.carry(at, ends, 1_228, Sent::On(model))[0];
        let ms = Duration::from_millis;
        assert_eq!(send(ms(0), (HERE, THERE)), Some(ms(30)));
        assert_eq!(send(ms(0), (THERE, HERE)), Some(ms(30)), "each direction has its own");
        assert_eq!(send(ms(0), (HERE, THERE)), Some(ms(40)));
        assert_eq!(send(ms(1_000), (HERE, THERE)), Some(ms(1_030)), "the queue has drained");
    }

    #[test]
    fn what_interfaces_let_through_keeps_its_order() {
        let mut air = Air::new(Seed(1).dice("test", 0));
        let mut send = |sent| air.carry(Duration::ZERO, (HERE, THERE), 1_228, sent);
        let ms = Duration::from_millis;
        assert_eq!(send(Sent::Reaches(ms(50))), [Some(ms(50)), None]);
        assert_eq!(send(Sent::Reaches(ms(30))), [Some(ms(50)), None]);
        assert_eq!(send(Sent::Lost), [None; 2]);
    }
}
