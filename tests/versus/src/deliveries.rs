//! Who got what, and when.

use std::ops::Range;

use crate::network::{Network, NodeId};
use crate::payload::Payload;
use crate::queue::Micros;

/// Stands for "not yet".
const NEVER: u32 = u32::MAX;

#[derive(Debug)]
struct Round {
    sender: NodeId,
    published: Micros,
    /// For each node, when it came, counted from then.
    after: Vec<u32>,
}

/// The rounds of a run: one message each.
#[derive(Debug)]
pub struct Deliveries {
    nodes: usize,
    rounds: Vec<Round>,
    /// Deliveries to who had it already: an error of the protocol's.
    pub repeated: u64,
}

impl Deliveries {
    /// No rounds yet.
    pub fn new(nodes: u32) -> Self {
        Self { nodes: nodes as usize, rounds: Vec::new(), repeated: 0 }
    }

    /// How many rounds there were.
    pub fn rounds(&self) -> u32 {
        self.rounds.len() as u32
    }

    pub(crate) fn publish(&mut self, sender: NodeId, now: Micros) -> u32 {
        let mut after = vec![NEVER; self.nodes];
        after[sender as usize] = 0;
        self.rounds.push(Round { sender, published: now, after });
        self.rounds.len() as u32 - 1
    }

    pub(crate) fn deliver(&mut self, node: NodeId, payload: Payload, now: Micros) {
        let Some(round) = self.rounds.get_mut(payload.round as usize) else { return };
        let after = &mut round.after[node as usize];
        if *after == NEVER {
            *after = u32::try_from(now - round.published).unwrap_or(NEVER - 1);
        } else {
            self.repeated += 1;
        }
    }

    /// Of those who live and did not publish it: how long after, for each who got it within `within`.
    fn delays<'a>(
        &'a self,
        round: u32,
        network: &'a Network,
        within: Micros,
    ) -> impl Iterator<Item = u32> + 'a {
        let round = &self.rounds[round as usize];
        let others = move |node: &usize| *node != round.sender as usize && network.is_alive(*node as NodeId);
        let delays = (0..self.nodes).filter(others).map(|node| round.after[node]);
        delays.filter(move |after| *after != NEVER && Micros::from(*after) <= within)
    }

    /// How many live and did not publish it.
    fn others(&self, round: u32, network: &Network) -> u64 {
        let sender = self.rounds[round as usize].sender;
        let others = |node: &NodeId| *node != sender && network.is_alive(*node);
        (0..self.nodes as NodeId).filter(others).count() as u64
    }

    /// The part of the others that got it within that time.
    pub fn share(&self, round: u32, network: &Network, within: Micros) -> f64 {
        self.delays(round, network, within).count() as f64 / self.others(round, network).max(1) as f64
    }

    /// How many deliveries are still owed in these rounds.
    pub fn missed(&self, rounds: Range<u32>, network: &Network) -> u64 {
        let owed = |round| self.others(round, network) - self.count(round, network);
        rounds.map(owed).sum()
    }

    /// How many got it.
    pub fn count(&self, round: u32, network: &Network) -> u64 {
        self.delays(round, network, Micros::MAX).count() as u64
    }

    /// How long it took in these rounds: of all deliveries the middle one and the one in a hundred, and the mean of each
    /// round's last.
    pub fn latencies(&self, rounds: Range<u32>, network: &Network) -> Latencies {
        let mut all: Vec<u32> = Vec::new();
        let mut lasts = Vec::new();
        for round in rounds {
            let from = all.len();
            all.extend(self.delays(round, network, Micros::MAX));
            lasts.push(all[from..].iter().copied().max().unwrap_or(0));
        }
        all.sort_unstable();
        let at = |part: f64| all.get((all.len() as f64 * part) as usize).copied().unwrap_or(0);
        let ms = |micros: f64| micros / 1_000.0;
        let mean = lasts.iter().map(|last| f64::from(*last)).sum::<f64>() / lasts.len().max(1) as f64;
        Latencies {
            p50_ms: ms(f64::from(at(0.5))),
            p99_ms: ms(f64::from(at(0.99))),
            last_ms: ms(mean),
            worst_ms: ms(f64::from(lasts.iter().copied().max().unwrap_or(0))),
        }
    }
}

/// Milliseconds from publishing to delivery.
#[derive(Clone, Copy, Debug, Default)]
pub struct Latencies {
    /// Half of all deliveries are faster.
    pub p50_ms: f64,
    /// All but one in a hundred are.
    pub p99_ms: f64,
    /// The last of a round, in the mean of rounds.
    pub last_ms: f64,
    /// The last of all.
    pub worst_ms: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Geometry;

    #[test]
    fn counts_who_lives_and_did_not_publish() {
        let mut network = Network::new(4, Geometry::Independent, 1);
        let mut deliveries = Deliveries::new(4);
        let round = deliveries.publish(0, 1_000);
        let payload = Payload { round, sender: 0, bytes: 200 };
        deliveries.deliver(1, payload, 3_000);
        deliveries.deliver(2, payload, 9_000);
        assert_eq!(deliveries.missed(0..1, &network), 1);
        assert_eq!(deliveries.latencies(0..1, &network).last_ms, 8.0);
        assert_eq!(deliveries.latencies(0..1, &network).p50_ms, 8.0);
        assert!(deliveries.share(round, &network, 2_000) < 0.34);
        network.kill(3);
        assert_eq!(deliveries.missed(0..1, &network), 0);
        assert_eq!(deliveries.share(round, &network, 9_000), 1.0);
        deliveries.deliver(2, payload, 9_000);
        assert_eq!(deliveries.repeated, 1);
    }
}
