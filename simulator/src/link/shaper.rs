//! One direction of an interface: a queue with a rate, of which each message takes its part.
//!
//! All connections of a peer's interface share it. Live messages leave in the order in which they came, at once if
//! nothing of their kind is before them: a chunk that is leaving makes way and goes on after them, as QUIC's packets of
//! higher priority go before the others. Where the time on air is limited, what leaves is a frame at a time, and what has
//! begun is not interrupted. A radio sends and receives through one such queue.
//!
//! Live messages are only booked: when each has left is known when it comes. Chunks wait here, and the world is asked to
//! look again when the first of them is due ([`Shaper::ripe`]), which it is at most once at a time.

use std::collections::VecDeque;
use std::time::Duration;

use msec_peer::node::LinkId;

use super::duty::DutyCycle;
use crate::happening::Message;

/// A direction of an interface. A radio has only `Up`, for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    Up,
    Down,
}

/// Whether something is at its sender's interface or at its receiver's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Leaving,
    Arriving,
}

/// A chunk that waits.
#[derive(Debug)]
pub(crate) struct Parcel {
    /// The end that it is for.
    pub(crate) to: LinkId,
    pub(crate) message: Message,
    pub(crate) stage: Stage,
    /// What it still takes.
    pub(super) takes: Duration,
    /// What a frame of it takes.
    pub(super) frame: Duration,
    /// Since when it waits.
    pub(super) since: Duration,
}

/// What has become of the chunk that is first.
#[derive(Debug)]
pub(crate) enum Ripe {
    /// There is none, or it was looked at too early.
    Nothing,
    /// Look again then.
    Later(Duration),
    /// It is through; look again then for the next.
    Done(Box<Parcel>, Option<Duration>),
}

/// How a shaper is limited beside its rate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// What may be on air in an hour.
    pub(super) allowed: Option<Duration>,
    /// A silence that is longer ends the connections.
    pub(super) silence_max: Duration,
}

/// When something leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) from: Duration,
    pub(super) until: Duration,
}

/// A queue.
#[derive(Debug, Default)]
pub(super) struct Shaper {
    /// When the live messages have left that were booked.
    live_free: Duration,
    /// When the chunk that is first is through; if there is none, when the last one was.
    bulk_until: Duration,
    /// When the world looks again.
    due: Option<Duration>,
    bulk: VecDeque<Parcel>,
    bulk_bytes: usize,
    /// How long it was used.
    pub(super) busy: Duration,
    duty: Option<Box<DutyCycle>>,
}

impl Shaper {
    pub(super) fn new(limited: bool) -> Self {
        Self { duty: limited.then(Box::default), ..Self::default() }
    }

    /// How long a live message would wait.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        self.live_free.saturating_sub(now)
    }

    /// Books a live message, a frame of which takes `frame`. `None`: there is no time on air for so long that nobody would
    /// be connected any more.
    pub(super) fn live(
        &mut self,
        now: Duration,
        takes: Duration,
        frame: Duration,
        limits: Limits,
    ) -> Option<Slot> {
        let mut from = self.live_free.max(now);
        let mut until = from + takes;
        if let (Some(duty), Some(allowed)) = (&mut self.duty, limits.allowed) {
            let frames = takes.as_nanos().div_ceil(frame.as_nanos().max(1)).max(1) as u32;
            let each = takes / frames;
            let longest = takes - each * (frames - 1);
            let mut at = from;
            for n in 0..frames {
                let start = duty.earliest(at, longest, allowed);
                if start - at.max(now) > limits.silence_max {
                    self.live_free = self.live_free.max(at);
                    return None;
                }
                // The last one takes what the division left over.
                let length = if n + 1 == frames { takes - each * n } else { each };
                duty.record(now, start, length);
                self.busy += length;
                from = if n == 0 { start } else { from };
                at = start + length;
            }
            until = at;
        } else {
            self.busy += takes;
            if !self.bulk.is_empty() {
                self.bulk_until += takes;
            }
        }
        self.live_free = until;
        Some(Slot { from, until })
    }

    /// Books what was received: it ends now if there was nothing else, and later otherwise. Returns when it is through.
    pub(super) fn heard(&mut self, now: Duration, takes: Duration) -> Duration {
        self.busy += takes;
        if self.duty.is_some() {
            // What is booked here is mostly silence, during which it listens.
            return now;
        }
        if !self.bulk.is_empty() {
            self.bulk_until += takes;
        }
        self.live_free = (self.live_free + takes).max(now);
        self.live_free
    }

    /// Lets a chunk wait, if there is room. Returns when to look again, if nobody is to look yet.
    pub(super) fn wait_for(
        &mut self,
        now: Duration,
        parcel: Parcel,
        bytes_max: usize,
    ) -> Result<Option<Duration>, Parcel> {
        let bytes = parcel.message.bytes.len();
        if self.bulk_bytes + bytes > bytes_max {
            return Err(parcel);
        }
        self.bulk_bytes += bytes;
        if self.bulk.is_empty() {
            self.bulk_until = self.through(now, &parcel);
        }
        self.bulk.push_back(parcel);
        if self.due.is_some() {
            return Ok(None);
        }
        self.due = Some(self.bulk_until);
        Ok(self.due)
    }

    /// When a chunk that comes to an empty queue is through.
    fn through(&self, now: Duration, parcel: &Parcel) -> Duration {
        match parcel.stage {
            // Its frames are booked one by one.
            Stage::Leaving if self.duty.is_some() => self.live_free.max(now),
            Stage::Leaving => self.live_free.max(now) + parcel.takes,
            Stage::Arriving if self.duty.is_some() => now,
            // It has been arriving for as long as it takes.
            Stage::Arriving => {
                self.live_free.max(self.bulk_until).max(now.saturating_sub(parcel.takes)) + parcel.takes
            }
        }
    }

    /// The world looks. Looks that nobody asked for, since the queue was emptied, find nothing.
    pub(super) fn ripe(&mut self, now: Duration, limits: Limits) -> Ripe {
        if self.due != Some(now) {
            return Ripe::Nothing;
        }
        self.due = None;
        let Some(first) = self.bulk.front_mut() else { return Ripe::Nothing };
        if self.bulk_until > now {
            return self.later(self.bulk_until);
        }
        if let (Some(duty), Some(allowed), Stage::Leaving) = (&mut self.duty, limits.allowed, first.stage)
            && !first.takes.is_zero()
        {
            let frame = first.frame.min(first.takes);
            let from = duty.earliest(self.live_free.max(now), frame, allowed);
            if from > now {
                return self.later(from);
            }
            duty.record(now, now, frame);
            self.busy += frame;
            first.takes -= frame;
            self.live_free = now + frame;
            return self.later(now + frame);
        }
        let parcel = self.bulk.pop_front().expect("there is a first one");
        self.bulk_bytes -= parcel.message.bytes.len();
        if self.duty.is_none() || parcel.stage == Stage::Arriving {
            self.busy += parcel.takes;
        }
        self.bulk_until = now;
        if let Some(next) = self.bulk.front() {
            // It has waited, so that it begins now even if it is arriving.
            self.bulk_until = match self.duty {
                Some(_) => now,
                None => self.live_free.max(now) + next.takes,
            };
            self.due = Some(self.bulk_until);
        }
        Ripe::Done(Box::new(parcel), self.due)
    }

    fn later(&mut self, at: Duration) -> Ripe {
        self.bulk_until = at;
        self.due = Some(at);
        Ripe::Later(at)
    }

    /// The power is gone, and with it what waited. What was on air was on air.
    pub(super) fn clear(&mut self, now: Duration) {
        self.bulk.clear();
        self.bulk_bytes = 0;
        self.due = None;
        self.live_free = self.live_free.min(now);
        self.bulk_until = self.bulk_until.min(now);
    }
}

#[cfg(test)]
mod tests;
