//! One connection, and all of them.

use std::collections::VecDeque;
use std::time::Duration;

use msec_identity::handshake::ChannelBinding;
use msec_peer::node::LinkId;
use msec_peer::outbox::Outbox;

use crate::PeerIndex;
use crate::happening::Message;
use crate::link::{Line, Route};

/// What joins the two ends of a connection, from its first packet to its last: QUIC does not look for another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    /// The model of all links, since one of the two names no interface.
    Plain,
    /// An interface of each.
    Lines(Route),
}

#[derive(Debug)]
pub(super) struct Connection {
    /// Who dialled, and who was dialled.
    pub(super) ends: [End; 2],
    pub(super) binding: ChannelBinding,
    pub(super) path: Path,
    /// Since when both ends know of it.
    pub(super) up_since: Option<Duration>,
    /// When something was on it last.
    pub(super) active: Duration,
    /// Which cut its path suffers.
    pub(super) cut: Option<u64>,
    /// Nothing comes from an end for so long that it is given up.
    pub(super) silent: bool,
    /// What waits for the path, with the end that it is for.
    pub(super) stalled: Vec<(LinkId, Message)>,
    pub(super) stalled_bytes: usize,
}

#[derive(Debug)]
pub(super) struct End {
    pub(super) peer: PeerIndex,
    pub(super) state: State,
    /// What is sent from here, on the main stream and where links have a model.
    pub(super) line: Line,
    /// What waits for that line. Most have room for all that is sent.
    pub(super) outbox: Option<Box<Outbox>>,
    /// When the last message of the main stream is through the interface here.
    pub(super) through: Duration,
    /// What came before this end was admitted, and is no handshake.
    pub(super) held: Vec<Message>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The peer has not heard of it yet.
    Coming,
    /// Up, in its handshake.
    Open,
    Admitted,
    /// Closed here, or the peer is gone.
    Gone,
}

impl End {
    pub(super) fn new(peer: PeerIndex, state: State) -> Self {
        Self { peer, state, line: Line::default(), outbox: None, through: Duration::ZERO, held: Vec::new() }
    }
}

/// The name of an end: two for each connection.
pub(super) fn name(connection: u64, side: usize) -> LinkId {
    LinkId(connection * 2 + side as u64)
}

pub(super) fn place(link: LinkId) -> (u64, usize) {
    (link.0 / 2, (link.0 % 2) as usize)
}

/// All connections, by numbers that are never given twice.
///
/// They are looked up with every message, so that they lie in a row: each number has a place, from that of the oldest
/// connection that is still there on. A place takes 8 bytes.
#[derive(Debug, Default)]
pub(super) struct Connections {
    first: u64,
    places: VecDeque<Option<Box<Connection>>>,
    /// The connections of each peer, in the order of their numbers.
    of_peer: Vec<Vec<u64>>,
}

impl Connections {
    pub(super) fn get(&self, connection: u64) -> Option<&Connection> {
        self.places.get(connection.checked_sub(self.first)? as usize)?.as_deref()
    }

    pub(super) fn get_mut(&mut self, connection: u64) -> Option<&mut Connection> {
        self.places.get_mut(connection.checked_sub(self.first)? as usize)?.as_deref_mut()
    }

    /// Takes one in. Returns its number.
    pub(super) fn add(&mut self, it: Connection) -> u64 {
        let connection = self.first + self.places.len() as u64;
        for end in &it.ends {
            if self.of_peer.len() <= end.peer.0 {
                self.of_peer.resize_with(end.peer.0 + 1, Vec::new);
            }
            let of_peer = &mut self.of_peer[end.peer.0];
            // A peer that dials itself has one connection, with two ends.
            if of_peer.last() != Some(&connection) {
                of_peer.push(connection);
            }
        }
        self.places.push_back(Some(Box::new(it)));
        connection
    }

    pub(super) fn remove(&mut self, connection: u64) {
        let Some(index) = connection.checked_sub(self.first) else { return };
        let Some(it) = self.places.get_mut(index as usize).and_then(Option::take) else { return };
        for end in &it.ends {
            let of_peer = &mut self.of_peer[end.peer.0];
            if let Ok(at) = of_peer.binary_search(&connection) {
                of_peer.remove(at);
            }
        }
        while let Some(None) = self.places.front() {
            self.places.pop_front();
            self.first += 1;
        }
    }

    /// The numbers of those of one peer.
    pub(super) fn of(&self, peer: PeerIndex) -> &[u64] {
        self.of_peer.get(peer.0).map(Vec::as_slice).unwrap_or_default()
    }

    /// All of them, in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Connection)> {
        (self.first..).zip(&self.places).filter_map(|(number, it)| Some((number, it.as_deref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(a: usize, b: usize) -> Connection {
        let end = |peer| End::new(PeerIndex(peer), State::Open);
        Connection {
            ends: [end(a), end(b)],
            binding: ChannelBinding([0; 32]),
            path: Path::Plain,
            up_since: None,
            active: Duration::ZERO,
            cut: None,
            silent: false,
            stalled: Vec::new(),
            stalled_bytes: 0,
        }
    }

    #[test]
    fn numbers_are_found_until_they_are_removed_and_never_given_again() {
        let mut all = Connections::default();
        let numbers: Vec<_> = (0..5).map(|n| all.add(between(n, n + 1))).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4]);
        assert_eq!(all.of(PeerIndex(1)), [0, 1]);
        all.remove(1);
        assert!(all.get(1).is_none() && all.get(2).is_some() && all.places.len() == 5);
        all.remove(0);
        assert_eq!((all.first, all.places.len()), (2, 3), "what is over at the front takes no place");
        assert_eq!(all.get_mut(4).map(|it| it.ends[0].peer), Some(PeerIndex(4)));
        assert_eq!(all.of(PeerIndex(1)), [0u64; 0]);
        all.remove(0);
        assert_eq!(all.iter().map(|(number, _)| number).collect::<Vec<_>>(), [2, 3, 4]);
        for n in 2..5 {
            all.remove(n);
        }
        assert_eq!(all.add(between(7, 7)), 5);
        assert_eq!(all.of(PeerIndex(7)), [5]);
    }
}
