//! What lies between the nodes: how long a message takes, and whether it comes.

use crate::queue::{MILLISECOND, Micros, SECOND};
use crate::seed::{Dice, mix_all};

/// A node, by its number.
pub type NodeId = u32;

/// How long a connection stays up without a sign from the other end, as in QUIC's idle timeout.
pub const IDLE_TIMEOUT: Micros = 20 * SECOND;

/// How long a dial waits for whoever does not answer.
pub const DIAL_TIMEOUT: Micros = 5 * SECOND;

const LATENCY_MIN: Micros = 10 * MILLISECOND;
const LATENCY_SPREAD: Micros = 40 * MILLISECOND;

/// How the latencies of pairs relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Geometry {
    /// Drawn for each pair by itself, from 10 to 50 ms.
    Independent,
    /// Places on a unit square: 10 ms, and 40 ms more from corner to corner.
    Planar,
}

/// How the dead look to the living.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// Connections to them break, and dials fail, after one latency and one round trip.
    Failing,
    /// Nothing comes from them: connections time out, and so do dials.
    Silent,
}

/// Latencies and faults.
#[derive(Debug)]
pub struct Network {
    seed: u64,
    geometry: Geometry,
    dead: Vec<bool>,
    /// How the dead look.
    pub death: Death,
    /// Messages that vanish, of a million.
    pub loss_millionths: u64,
    /// Nothing passes between the halves.
    pub is_cut: bool,
    dice: Dice,
}

impl Network {
    /// A network without faults.
    pub fn new(nodes: u32, geometry: Geometry, seed: u64) -> Self {
        Self {
            seed,
            geometry,
            dead: vec![false; nodes as usize],
            death: Death::Failing,
            loss_millionths: 0,
            is_cut: false,
            dice: Dice::new(&[seed, 0x1055]),
        }
    }

    /// How long a message takes from `a` to `b`, and back.
    pub fn latency(&self, a: NodeId, b: NodeId) -> Micros {
        match self.geometry {
            Geometry::Independent => {
                let (low, high) = (a.min(b), a.max(b));
                let drawn = mix_all(&[self.seed, 0x11a7, u64::from(low), u64::from(high)]);
                LATENCY_MIN + drawn % (LATENCY_SPREAD + 1)
            }
            Geometry::Planar => {
                let ((x, y), (u, v)) = (self.place(a), self.place(b));
                // Multiplication, division and square roots are exact to the last bit in IEEE 754.
                let distance = ((x - u) * (x - u) + (y - v) * (y - v)).sqrt() / f64::sqrt(2.0);
                LATENCY_MIN + (LATENCY_SPREAD as f64 * distance) as Micros
            }
        }
    }

    fn place(&self, node: NodeId) -> (f64, f64) {
        let drawn = mix_all(&[self.seed, 0x91ace, u64::from(node)]);
        let part = |bits: u64| (bits & 0xffff_ffff) as f64 / f64::from(u32::MAX);
        (part(drawn), part(drawn >> 32))
    }

    /// Which half of a partition `node` is in.
    pub fn half(&self, node: NodeId) -> bool {
        mix_all(&[self.seed, 0x4a1f, u64::from(node)]) & 1 == 1
    }

    /// Whether what `a` sends to `b` can come.
    pub fn reaches(&self, a: NodeId, b: NodeId) -> bool {
        self.is_alive(a) && self.is_alive(b) && !(self.is_cut && self.half(a) != self.half(b))
    }

    /// Whether this message vanishes by chance.
    pub fn loses(&mut self) -> bool {
        self.dice.chance(self.loss_millionths)
    }

    /// Whether the node still runs.
    pub fn is_alive(&self, node: NodeId) -> bool {
        !self.dead[node as usize]
    }

    /// The node is gone, for ever.
    pub fn kill(&mut self, node: NodeId) {
        self.dead[node as usize] = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_of_pairs_and_in_bounds() {
        for geometry in [Geometry::Independent, Geometry::Planar] {
            let network = Network::new(50, geometry, 7);
            let mut sum = 0;
            for a in 0..50 {
                for b in 0..a {
                    let latency = network.latency(a, b);
                    assert_eq!(latency, network.latency(b, a));
                    assert!((10_000..=50_000).contains(&latency));
                    sum += latency;
                }
            }
            let mean = sum / (50 * 49 / 2);
            assert!((20_000..35_000).contains(&mean), "{geometry:?}: {mean}");
        }
    }

    #[test]
    fn a_cut_parts_halves_and_death_parts_all() {
        let mut network = Network::new(9, Geometry::Planar, 7);
        let other =
            (1..9).find(|node| network.half(*node) != network.half(0)).expect("nine nodes, two halves");
        network.is_cut = true;
        assert!(!network.reaches(0, other) && network.reaches(0, 0));
        network.is_cut = false;
        assert!(network.reaches(0, other));
        network.kill(other);
        assert!(!network.reaches(0, other) && !network.reaches(other, 0));
    }
}
