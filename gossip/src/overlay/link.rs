//! What is known of one link.

use std::time::Duration;

use msec_identity::PeerId;

use super::io::{ContactId, Leave};
use super::message::Record;

/// How far a link has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// We dialled, and measure before we ask for anything.
    Measuring,
    /// We dialled, and wait for a welcome.
    Greeted,
    /// The other side dialled, and has not said why.
    Awaited,
    /// We said no, and the other side is to hang up.
    Refused,
    /// Both sides agreed.
    Up,
    /// One of us left.
    Left,
}

/// Why a contact is dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A neighbour is missing.
    Refill,
    /// Somebody who left named it as one who has room.
    Instead,
    /// Its walk ended here.
    Newcomer,
    /// It may be cheaper than a neighbour.
    Optimise,
    /// A link that is never exchanged for cost.
    Far,
    /// It may live in another part.
    Probe,
}

/// A ping that is not answered yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ping {
    pub(super) nonce: u32,
    pub(super) sent_at: Duration,
    /// When it is to be said again.
    pub(super) again_at: Duration,
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) state: State,
    /// What we dialled; `None` if the other side did.
    pub(super) dialled: Option<(ContactId, Purpose)>,
    /// The neighbour that we give up for it, once it is up.
    pub(super) instead_of: Option<PeerId>,
    /// What is still to be said when we have left: why, and who has room now, once the node has checked that.
    pub(super) farewell: Option<(Leave, Record)>,
    pub(super) leaf: bool,
    /// Never exchanged for cost, as both sides agreed.
    pub(super) far: bool,
    /// One of us was told by whoever runs it to keep this link: it makes room for nobody.
    pub(super) kept: bool,
    /// It carries messages: it is up, or one of us left and the trees still find other ways.
    pub(super) carries: bool,
    /// Since when it is there, or up.
    pub(super) since: Duration,
    pub(super) heard_at: Duration,
    pub(super) ping: Option<Ping>,
    /// The last nonce that was answered: said again, it is an echo and no offence.
    pub(super) answered: Option<u32>,
    pub(super) measure_at: Duration,
    /// Round trips that were measured, up to 255.
    pub(super) samples: u8,
    round_trip: Duration,
    expense: Duration,
    /// The cost that was last reported.
    pub(super) reported: Option<Duration>,
    /// Oddities that prove nothing: who has many of them is the first to lose its place.
    pub(super) doubts: u32,
    /// What it told and sent on walks since `minute`.
    pub(super) minute: Duration,
    pub(super) told: u32,
    pub(super) walks: u32,
}

impl Link {
    pub(super) fn new(now: Duration, dialled: Option<(ContactId, Purpose)>, expense: Duration) -> Self {
        Self {
            state: State::Awaited,
            dialled,
            instead_of: None,
            farewell: None,
            leaf: false,
            far: false,
            kept: false,
            carries: false,
            since: now,
            heard_at: now,
            ping: None,
            answered: None,
            measure_at: now,
            samples: 0,
            round_trip: Duration::ZERO,
            expense,
            reported: None,
            doubts: 0,
            minute: now,
            told: 0,
            walks: 0,
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.state == State::Up
    }

    /// Whether it is up with a relay.
    pub(super) fn is_relay(&self) -> bool {
        self.is_up() && !self.leaf
    }

    /// Takes in one round trip: RFC 6298, section 2, with an alpha of 1/8.
    pub(super) fn measured(&mut self, round_trip: Duration) {
        self.round_trip = match self.samples {
            0 => round_trip,
            _ => self.round_trip - self.round_trip / 8 + round_trip / 8,
        };
        self.samples = self.samples.saturating_add(1);
    }

    /// The round trip and the expense, once it was measured.
    pub(super) fn cost(&self) -> Option<Duration> {
        (self.samples > 0).then(|| self.round_trip.saturating_add(self.expense))
    }

    pub(super) fn expense(&self) -> Duration {
        self.expense
    }

    /// Starts a new minute of quotas if the last one is over. What was odd is forgotten by and by: a node that may not
    /// dial what it is told of says nothing, and nobody is to blame.
    pub(super) fn count_from(&mut self, now: Duration) {
        if now.saturating_sub(self.minute) >= Duration::from_secs(60) {
            (self.minute, self.told, self.walks) = (now, 0, 0);
            self.doubts /= 2;
        }
    }
}

/// Whether two costs of one link differ so much that it is news: by a tenth, and by a millisecond.
pub(super) fn differ(cost: Duration, other: Duration) -> bool {
    let (less, more) = (cost.min(other), cost.max(other));
    less.saturating_add((less / 10).max(Duration::from_millis(1))) < more
}

/// Whether `cost` is so much less than `than` that an exchange pays: by a fourth, and by four milliseconds. It moves four
/// ends of links, and with each of them what some hundred trees tell to half the neighbourhood: some ten kilobytes.
pub(super) fn pays(cost: Duration, than: Duration) -> bool {
    cost.saturating_add((cost / 4).max(Duration::from_millis(4))) < than
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn round_trips_are_smoothed_and_the_expense_is_not() {
        let mut link = Link::new(ms(0), None, ms(100));
        assert_eq!(link.cost(), None);
        link.measured(ms(80));
        assert_eq!(link.cost(), Some(ms(180)));
        link.measured(ms(160));
        assert_eq!(link.cost(), Some(ms(190)));
    }

    #[test]
    fn news_is_a_tenth_and_a_millisecond_and_an_exchange_pays_by_far_more() {
        assert!(differ(ms(100), ms(111)) && differ(ms(111), ms(100)));
        assert!(!differ(ms(100), ms(110)));
        assert!(!differ(ms(2), ms(3)) && differ(ms(2), ms(4)));
        assert!(pays(ms(100), ms(126)));
        assert!(!pays(ms(100), ms(125)));
        assert!(!pays(ms(2), ms(6)) && pays(ms(2), ms(7)));
    }
}
