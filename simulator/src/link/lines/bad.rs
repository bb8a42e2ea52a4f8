//! What goes wrong with packets: losses and how they are repaired, and lines that are worse than usual.

use std::time::Duration;

use super::{Lines, PACKET_BYTES, Route, Sized};
use crate::link::Strained;
use crate::link::model::{ACK_DELAY, RETRANSMISSIONS_MAX};
use crate::link::strain::Degradation;

/// So many packets have to come after one before it counts as lost (RFC 9002, section 6.1.1).
const REORDERING_MAX: u32 = 3;

/// What a QUIC packet takes at least until it is missed, in eighths of a round trip (RFC 9002, section 6.1.2).
const MISSED_AFTER_EIGHTHS: u32 = 9;

impl Lines {
    /// How much later a message is whole because of packets that were lost.
    pub(super) fn repair(
        &mut self,
        left: Duration,
        route: Route,
        from: u32,
        to: u32,
        sized: Sized,
    ) -> Duration {
        let (mut longest, mut lost) = (Duration::ZERO, 0);
        let each = sized.takes / sized.packets;
        for n in 0..sized.packets {
            let after = sized.packets - 1 - n;
            let at = left.saturating_sub(each * after);
            if self.is_lost(at, route, from, to) {
                let (delay, times) = self.sent_again(at, route, from, to, after);
                // The packets after it were under way meanwhile.
                longest = longest.max(delay.saturating_sub(each * after));
                lost += times;
            }
        }
        if lost > 0 {
            let packet = self.medium(from).up.message(PACKET_BYTES);
            let again = Sized { packets: lost, bytes: packet.bytes * lost as usize, takes: each * lost };
            let counter = self.counter(from);
            counter.lost += u64::from(lost);
            counter.wire_bytes += again.bytes as u64;
            // Without time on air nothing is sent again; whoever waits for it finds that out.
            let _ = self.book(left, from, again);
        }
        longest
    }

    /// When a packet that was lost comes after all, and how often it was lost.
    fn sent_again(&mut self, at: Duration, route: Route, from: u32, to: u32, after: u32) -> (Duration, u32) {
        let (round_trip, timeout) = self.timeouts(route, from, to);
        let mut delay = if after >= REORDERING_MAX { round_trip * MISSED_AFTER_EIGHTHS / 8 } else { timeout };
        // What the channel is like later is seen here, and not remembered: others look at it before.
        let channels = [from, to].map(|interface| self.interfaces[interface as usize].channel);
        let mut times = 1;
        while times <= RETRANSMISSIONS_MAX && self.is_lost(at + delay, route, from, to) {
            delay += timeout * (1 << times);
            times += 1;
        }
        for (interface, channel) in [from, to].into_iter().zip(channels) {
            self.interfaces[interface as usize].channel = channel;
        }
        (delay, times)
    }

    /// A round trip as it mostly is, and the time after which an unacknowledged packet is sent again.
    fn timeouts(&self, route: Route, from: u32, to: u32) -> (Duration, Duration) {
        let (mut round_trip, mut timeout) = (Duration::ZERO, ACK_DELAY);
        for interface in route.lines(from, to) {
            let it = &self.interfaces[interface as usize];
            let medium = self.medium(interface);
            let strain = it.strain.unwrap_or_default();
            let packet = strain.takes(medium.up.full_packet());
            round_trip += strain.delay(medium.delay.median()) * 2 + packet;
            timeout += strain.delay(medium.delay.timeout_part()) + packet;
        }
        (round_trip, timeout)
    }

    /// Whether a packet is lost that leaves then.
    pub(super) fn is_lost(&mut self, at: Duration, route: Route, from: u32, to: u32) -> bool {
        for interface in route.lines(from, to) {
            let it = &mut self.interfaces[interface as usize];
            let medium = &self.media[usize::from(it.class.0)];
            let loss = it.strain.map_or(medium.loss, |strain| strain.loss(medium.loss));
            if loss > 0.0 && self.dice.chance(loss) {
                return true;
            }
            if let Some(bursts) = &medium.bursts
                && bursts.is_bad(&mut it.channel, at, &mut self.dice)
                && self.dice.chance(bursts.loss)
            {
                return true;
            }
        }
        false
    }

    /// Makes a class or a peer worse than usual, instead of what it was before. `None`: as usual.
    pub(crate) fn degrade(&mut self, whose: Strained, degradation: Option<Degradation>) {
        match degradation {
            Some(degradation) => self.strains.insert(whose, degradation),
            None => self.strains.remove(&whose),
        };
        for n in 0..self.interfaces.len() {
            self.strain(n);
        }
    }

    /// How much worse a peer's links are that go over no interface.
    pub(crate) fn strain_of(&self, peer: crate::PeerIndex) -> Option<Degradation> {
        if self.strains.is_empty() { None } else { self.strains.get(&Strained::Peer(peer)).copied() }
    }

    /// Works out how much worse an interface is.
    pub(super) fn strain(&mut self, n: usize) {
        let it = &mut self.interfaces[n];
        let of_class = self.strains.get(&Strained::Class(it.class));
        let of_peer = self.strains.get(&Strained::Peer(it.peer));
        it.strain = match (of_class, of_peer) {
            (Some(a), Some(b)) => Some(a.and(*b)),
            (Some(one), None) | (None, Some(one)) => Some(*one),
            (None, None) => None,
        };
    }
}
