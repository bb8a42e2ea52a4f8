//! Who is whose neighbour, and how far away.

use std::ops::Range;
use std::time::Duration;

use crate::map::Point;
use crate::seed::Dice;

/// Neighbours that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinksError {
    /// A neighbour that is not there.
    #[error("peer {peer} has neighbour {neighbour}, and there are {peers} peers, counted from 0")]
    NoSuchPeer {
        /// Whose neighbour.
        peer: usize,
        /// Which.
        neighbour: u32,
        /// How many there are.
        peers: usize,
    },
    /// More peers than an index counts.
    #[error("there are {peers} peers, and a run holds at most {max}", max = u32::MAX)]
    TooMany {
        /// How many there are.
        peers: usize,
    },
    /// A place is missing.
    #[error("there are {peers} peers and {places} places: give each peer one")]
    Places {
        /// How many peers.
        peers: usize,
        /// How many places.
        places: usize,
    },
}

/// One direction of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lane {
    pub(crate) to: u32,
    pub(crate) latency: Duration,
    /// When what was sent has left.
    pub(crate) free: Duration,
}

/// All links: each peer's lanes, by their ends. A link has both directions, and one latency.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Links {
    pub(crate) lanes: Vec<Vec<Lane>>,
}

impl Links {
    /// Links along an adjacency (a link that one of its ends names is enough), with a latency each that is drawn once.
    pub fn drawn(around: &[Vec<u32>], latency: Range<Duration>, dice: &mut Dice) -> Result<Self, LinksError> {
        let span = latency.end.saturating_sub(latency.start);
        Self::with(around, |_, _| latency.start + dice.duration(span))
    }

    /// Links along an adjacency between peers at places: `base`, and so much more for each kilometre of distance.
    pub fn placed(
        around: &[Vec<u32>],
        places: &[Point],
        base: Duration,
        per_km: Duration,
    ) -> Result<Self, LinksError> {
        if places.len() != around.len() {
            return Err(LinksError::Places { peers: around.len(), places: places.len() });
        }
        Self::with(around, |a, b| {
            let km = places[a].distance_m(places[b]) / 1_000.0;
            base.saturating_add(per_km.mul_f64(if km.is_finite() { km } else { 0.0 }))
        })
    }

    /// A ring in which everybody has that many chords to anybody: connected, and few steps across. About `2 + 2 * chords`
    /// neighbours each, in the mean; a chord that is there already is not drawn again.
    pub fn ring_with_chords(peers: usize, chords: usize, latency: Range<Duration>, dice: &mut Dice) -> Self {
        let peers = peers.min(u32::MAX as usize);
        let around: Vec<Vec<u32>> = (0..peers)
            .map(|n| {
                let next = (n + 1) % peers;
                std::iter::once(next)
                    .chain((0..chords).map(|_| dice.index(peers)))
                    .map(|other| other as u32)
                    .collect()
            })
            .collect();
        Self::drawn(&around, latency, dice).expect("everybody's neighbours are among the peers")
    }

    /// How many peers.
    pub fn peers(&self) -> usize {
        self.lanes.len()
    }

    /// How many links.
    pub fn count(&self) -> usize {
        self.lanes.iter().map(Vec::len).sum::<usize>() / 2
    }

    fn with(
        around: &[Vec<u32>],
        mut latency: impl FnMut(usize, usize) -> Duration,
    ) -> Result<Self, LinksError> {
        let peers = around.len();
        if peers > u32::MAX as usize {
            return Err(LinksError::TooMany { peers });
        }
        let mut pairs = Vec::new();
        for (peer, neighbours) in around.iter().enumerate() {
            for neighbour in neighbours {
                if *neighbour as usize >= peers {
                    return Err(LinksError::NoSuchPeer { peer, neighbour: *neighbour, peers });
                }
                pairs.push((peer.min(*neighbour as usize), peer.max(*neighbour as usize)));
            }
        }
        // In order, so that latencies do not depend on who named a link.
        pairs.sort_unstable();
        pairs.dedup();
        let mut lanes: Vec<Vec<Lane>> = vec![Vec::new(); peers];
        for (a, b) in pairs.into_iter().filter(|(a, b)| a != b) {
            let latency = latency(a, b);
            let lane = |to: usize| Lane { to: to as u32, latency, free: Duration::ZERO };
            lanes[a].push(lane(b));
            lanes[b].push(lane(a));
        }
        lanes.iter_mut().for_each(|lanes| lanes.sort_unstable_by_key(|lane| lane.to));
        Ok(Self { lanes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn one_end_names_a_link_and_both_have_it() {
        let around = [vec![1, 1, 0], vec![2], vec![1]];
        let links = Links::drawn(&around, MS..MS * 9, &mut Seed(1).dice("test", 0)).expect("links");
        assert_eq!((links.peers(), links.count()), (3, 2));
        let ends: Vec<u32> = links.lanes[1].iter().map(|lane| lane.to).collect();
        assert_eq!(ends, [0, 2]);
        assert_eq!(links.lanes[0][0].latency, links.lanes[1][0].latency);
        assert!((MS..MS * 9).contains(&links.lanes[2][0].latency));
    }

    #[test]
    fn far_is_late() {
        let places = [Point::new(0.0, 0.0), Point::new(3_000.0, 4_000.0)];
        let links = Links::placed(&[vec![1], vec![]], &places, MS, MS * 2).expect("links");
        assert_eq!(links.lanes[1][0].latency, MS * 11);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let refused = Links::placed(&[vec![], vec![7]], &[Point::default(); 2], MS, MS);
        assert_eq!(refused, Err(LinksError::NoSuchPeer { peer: 1, neighbour: 7, peers: 2 }));
        assert_eq!(Links::placed(&[vec![]], &[], MS, MS), Err(LinksError::Places { peers: 1, places: 0 }));
    }

    #[test]
    fn a_ring_of_any_size() {
        for peers in [0, 1, 2, 3, 50] {
            let links = Links::ring_with_chords(peers, 2, MS..MS, &mut Seed(1).dice("test", 0));
            assert_eq!(links.peers(), peers);
            assert!(
                links
                    .lanes
                    .iter()
                    .enumerate()
                    .all(|(n, lanes)| lanes.iter().all(|lane| lane.to as usize != n))
            );
        }
    }
}
