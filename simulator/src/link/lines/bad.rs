//! What goes wrong with packets: losses and how they are repaired, and lines that are worse than usual.

use std::time::Duration;

use super::{Lines, Route, Sized};
use crate::link::Strained;
use crate::link::model::ACK_DELAY;
use crate::link::strain::Degradation;

/// So many packets have to come after one before it counts as lost (RFC 9002, section 6.1.1).
const REORDERING_MAX: u32 = 3;

/// What a QUIC packet takes at least until it is missed, in eighths of a round trip (RFC 9002, section 6.1.2).
const MISSED_AFTER_EIGHTHS: u32 = 9;

/// Packets that are sent after a timeout (RFC 9002, section 6.2.4; `quinn` sends as many).
const PROBES: u32 = 2;

/// How a packet that was lost is made good.
#[derive(Debug, Default)]
struct Repair {
    /// How much later it comes.
    delay: Duration,
    /// How often it was lost.
    lost: u32,
    /// How often it was sent again.
    sent: u32,
}

impl Lines {
    /// How much later a message is whole because of packets that were lost. `None`: one did not come before the connection
    /// was given up.
    pub(super) fn repair(
        &mut self,
        left: Duration,
        route: Route,
        from: u32,
        to: u32,
        sized: Sized,
    ) -> Option<Duration> {
        let (mut longest, mut sum) = (Duration::ZERO, Repair::default());
        let each = sized.takes / sized.packets;
        for n in 0..sized.packets {
            let after = sized.packets - 1 - n;
            let at = left.saturating_sub(each * after);
            if self.is_lost(at, route, from, to) {
                let repair = self.sent_again(at, route, from, to, after);
                // The packets after it were under way meanwhile.
                longest = longest.max(repair.delay.saturating_sub(each * after));
                sum.lost += repair.lost;
                sum.sent += repair.sent;
            }
        }
        if sum.lost > 0 {
            let bytes = (sized.bytes / sized.packets as usize) * sum.sent as usize;
            let again = Sized { packets: sum.sent, bytes, takes: each * sum.sent };
            let counter = self.counter(from);
            counter.lost += u64::from(sum.lost);
            counter.wire_bytes += again.bytes as u64;
            // Without time on air nothing is sent again; whoever waits for it finds that out.
            let _ = self.book(left, from, again);
        }
        (longest <= self.silence_max).then_some(longest)
    }

    /// How a packet that was lost comes after all. It is given up once the other side has heard nothing for too long.
    fn sent_again(&mut self, at: Duration, route: Route, from: u32, to: u32, after: u32) -> Repair {
        let (round_trip, mut timeout) = self.timeouts(route, from, to);
        // What the channel is like later is seen here, and not remembered: others look at it before.
        let channels = [from, to].map(|interface| self.interfaces[interface as usize].channel);
        let mut repair = Repair { delay: Duration::ZERO, lost: 1, sent: 0 };
        let mut comes = false;
        if after >= REORDERING_MAX {
            repair.delay = round_trip * MISSED_AFTER_EIGHTHS / 8;
            comes = self.comes(at, &mut repair, route, from, to);
        }
        while !comes && repair.delay <= self.silence_max {
            repair.delay += timeout;
            timeout *= 2;
            for _ in 0..PROBES {
                comes |= self.comes(at, &mut repair, route, from, to);
            }
        }
        for (interface, channel) in [from, to].into_iter().zip(channels) {
            self.interfaces[interface as usize].channel = channel;
        }
        repair
    }

    /// Whether a packet comes that is sent again at this point of a repair.
    fn comes(&mut self, at: Duration, repair: &mut Repair, route: Route, from: u32, to: u32) -> bool {
        let is_lost = self.is_lost(at + repair.delay, route, from, to);
        repair.sent += 1;
        repair.lost += u32::from(is_lost);
        !is_lost
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
