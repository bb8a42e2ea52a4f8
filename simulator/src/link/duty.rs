//! How much of an hour a transmitter may be on air.
//!
//! ETSI EN 300 220-2 (V3.2.1, table B.1) allows 1 % in most of the EU's band of 868 MHz, and EN 300 220-1 counts it over
//! any hour. So it is counted here: the sum of what was sent in the hour that ends with a transmission is never more.
//! Many devices rest for 99 times its length after each frame instead, which is stricter; what is allowed is what counts.

use std::collections::VecDeque;
use std::time::Duration;

/// Over which time the share is counted.
pub(super) const WINDOW: Duration = Duration::from_secs(3_600);

/// What one transmitter has sent in the last hour.
///
/// Transmissions that follow each other without a pause are one span. There are at most as many spans as frames of the
/// least length fit into the allowance: 700 at LoRa's fastest.
#[derive(Debug, Clone, Default)]
pub(super) struct DutyCycle {
    spans: VecDeque<Span>,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    from: Duration,
    to: Duration,
}

impl DutyCycle {
    /// When a transmission of that length may begin, at the earliest: not before `at`, nor before the last one is over.
    pub(super) fn earliest(&self, at: Duration, takes: Duration, allowed: Duration) -> Duration {
        let at = self.spans.back().map_or(at, |last| at.max(last.to));
        let left = (at + takes).saturating_sub(WINDOW);
        let within = |span: &Span| span.to.saturating_sub(span.from.max(left));
        let sent: Duration = self.spans.iter().map(within).sum();
        let mut excess = (sent + takes).saturating_sub(allowed);
        if excess.is_zero() {
            return at;
        }
        // The hour has to begin so much later that the excess lies before it.
        for span in &self.spans {
            let length = within(span);
            if length >= excess {
                let left = span.from.max(left) + excess;
                return at.max((left + WINDOW).saturating_sub(takes));
            }
            excess -= length;
        }
        // It alone is longer than what is allowed; settings are checked for that.
        at.max(self.spans.back().map_or(at, |last| last.to + WINDOW))
    }

    /// Something is sent.
    pub(super) fn record(&mut self, now: Duration, from: Duration, takes: Duration) {
        while self.spans.front().is_some_and(|span| span.to + WINDOW <= now) {
            self.spans.pop_front();
        }
        match self.spans.back_mut() {
            Some(last) if last.to == from => last.to += takes,
            _ => self.spans.push_back(Span { from, to: from + takes }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    const ALLOWED: Duration = Duration::from_secs(36);

    #[test]
    fn no_hour_holds_more_than_is_allowed_and_nothing_is_wasted() {
        let (mut duty, mut dice) = (DutyCycle::default(), Seed(1).dice("test", 0));
        let (mut now, mut sent) = (Duration::from_secs(5), Vec::new());
        while now < WINDOW * 6 {
            let takes = Duration::from_millis(20) + dice.duration(Duration::from_secs(2));
            let from = duty.earliest(now, takes, ALLOWED);
            assert!(from >= now);
            duty.record(now, from, takes);
            sent.push((from, from + takes));
            now = from
                + takes
                + if dice.chance(0.5) { Duration::ZERO } else { dice.duration(Duration::from_secs(9)) };
        }
        let on_air = |from: Duration, to: Duration| -> Duration {
            sent.iter().map(|(a, b)| (*b).min(to).saturating_sub((*a).max(from))).sum()
        };
        let mut fullest = Duration::ZERO;
        // The sum is greatest where an hour begins or ends with a transmission.
        for (from, to) in &sent {
            for begin in [*from, to.saturating_sub(WINDOW)] {
                let sum = on_air(begin, begin + WINDOW);
                assert!(sum <= ALLOWED, "{sum:?} in the hour from {begin:?}");
                fullest = fullest.max(sum);
            }
        }
        assert!(fullest > ALLOWED - Duration::from_millis(1), "{fullest:?} could have been more");
        assert!(duty.spans.len() <= 700);
    }

    #[test]
    fn what_is_allowed_may_be_sent_at_once() {
        let mut duty = DutyCycle::default();
        let second = Duration::from_secs(1);
        for n in 0..36 {
            assert_eq!(duty.earliest(second * 100, second, ALLOWED), second * (100 + n));
            duty.record(second * 100, second * (100 + n), second);
        }
        assert_eq!(duty.spans.len(), 1);
        assert_eq!(duty.earliest(second * 200, second, ALLOWED), second * 100 + WINDOW);
    }
}
