//! Limits of grants, held by those who take and give, and by honest writers themselves.
//!
//! | limit | whoever writes under the grant | whoever takes what it wrote, or gives it |
//! |---|---|---|
//! | place | begins no log that is measured elsewhere | a log that is has no right to be written ([`msec_identity::Grant::reaches`]); who may hold what lies in a box is told of that, to the spot ([`Interest::fenced`]) |
//! | logs, incarnations of a stream | begins no more | of those that are held, the ones with the lowest ids count ([`counted`](self)); of the others nothing does |
//! | entries a minute, bytes a day | waits: a minute's, or a day's, at once after a rest | takes over a long time no more than that, and a minute's or day's: what is more comes later, by reconciliation. A writer that was silent may bring what it saved up |
//! | bytes a day, of who reads or relays | | gives it control entries only until the day's allowance has filled up again |
//!
//! A log that shows several grants is held to the limits of the one that allows most. In the mesh's own collections no grant limits
//! anything; what everybody may say there has bounds of its own ([`said`](self)). Where the clock was never set, nothing is held back by it.

mod bucket;
mod counted;
mod said;

use std::collections::BTreeMap;
use std::time::Duration;

use msec_crdt_store::{Entry, LogHeader, LogState};
use msec_gossip::Interest;
use msec_identity::{Caveats, GrantId, LogId, PeerId, Shown, UnixMillis};

use self::bucket::{Bucket, Rate};
use self::counted::Counted;
pub use self::said::CONTROL_LOGS_MAX;
use self::said::Said;
#[cfg(test)]
pub(super) use self::said::{SAID_ENTRIES_MAX, SAID_LOGS_HELD_MAX, SAID_LOGS_MAX};
use super::control::control;
use super::links::{holdable, holds};
use super::logs::stream_name;
use super::{Node, PublishError, StreamName};

/// The most peers that are not linked and whose reading is remembered. Beyond it, it is forgotten of all of these.
const READERS_MAX: usize = 1_024;

#[derive(Debug, Default)]
pub(super) struct Limits {
    counted: Counted,
    pub(super) said: Said,
    /// Own grants by which this peer writes.
    writing: BTreeMap<GrantId, Writing>,
    /// Grants of others.
    taken: BTreeMap<GrantId, Taken>,
    /// Linked peers whose reading is limited.
    readers: BTreeMap<PeerId, Reader>,
}

#[derive(Debug)]
struct Writing {
    entries: Option<(Rate, Bucket)>,
    bytes: Option<(Rate, Bucket)>,
}

/// What was taken under a grant.
#[derive(Debug)]
struct Taken {
    entries: Since,
    bytes: Since,
}

#[derive(Debug)]
struct Since {
    at: UnixMillis,
    many: u64,
}

#[derive(Debug)]
struct Reader {
    rate: Rate,
    bucket: Bucket,
    is_spent: bool,
}

impl Taken {
    fn since(at: UnixMillis) -> Self {
        let nothing = || Since { at, many: 0 };
        Self { entries: nothing(), bytes: nothing() }
    }
}

impl Since {
    fn has_room(&self, rate: Rate, now: UnixMillis) -> bool {
        let passed = u64::try_from(now.0.saturating_sub(self.at.0)).unwrap_or(0);
        rate.has_room(self.many, passed)
    }
}

/// Whether a grant limits how many logs there may be.
fn counts_logs(limits: &Caveats) -> bool {
    limits.logs_max.is_some() || limits.incarnations_max.is_some()
}

fn entries_rate(limits: &Caveats) -> Option<Rate> {
    limits.rate_per_minute.map(|most| Rate::in_a_minute(most.into()))
}

fn bytes_rate(limits: &Caveats) -> Option<Rate> {
    limits.bytes_per_day.map(Rate::in_a_day)
}

impl Node {
    fn limits_of(&self, grant: &GrantId) -> Option<&Caveats> {
        self.authority.grant(grant)?.caveats.as_ref()
    }

    /// A log is held from now on: those of its author that do not count any more for it are bounded.
    pub(super) fn count_log(&mut self, log: &LogId) {
        for log in self.count(log) {
            if let Some(shown) = self.logs.shown_by(&log) {
                self.bound_log(log, self.bound_by(&log, shown));
            }
        }
    }

    /// The logs were found in the store.
    pub(super) fn count_loaded(&mut self, logs: &[LogId]) {
        for log in logs {
            self.count(log);
            self.remember(log);
        }
    }

    fn count(&mut self, log: &LogId) -> Vec<LogId> {
        let (Some(state), Some(shown)) = (self.logs.get(log), self.logs.shown_by(log)) else {
            return Vec::new();
        };
        let header = state.header();
        if header.collection().is_reserved() {
            return self.limits.said.add(header, *log).into_iter().collect();
        }
        let Shown::Grants(grants) = shown else { return Vec::new() };
        let mut fallen = Vec::new();
        for grant in grants {
            if let Some(limits) = self.authority.grant(grant).and_then(|grant| grant.caveats.as_ref())
                && counts_logs(limits)
            {
                fallen.extend(self.limits.counted.add(*grant, limits, &stream_name(header), *log));
            }
        }
        fallen
    }

    /// By what of that a log counts: without the grants under which there are too many others. `None`: by all.
    pub(super) fn shown_within(&self, log: &LogId, header: &LogHeader, shown: &Shown) -> Option<Shown> {
        let Shown::Grants(grants) = shown else { return None };
        let counts = |grant: &GrantId| {
            self.limits_of(grant).is_none_or(|limits| {
                !counts_logs(limits)
                    || header.collection().is_reserved()
                    || self.limits.counted.has(grant, limits, &stream_name(header), log)
            })
        };
        let within: Vec<_> = grants.iter().filter(|grant| counts(grant)).copied().collect();
        (within.len() < grants.len()).then_some(Shown::Grants(within))
    }

    /// Whether this peer may begin one more log of that stream under a grant.
    pub(super) fn may_begin(&self, grant: &GrantId, name: &StreamName) -> bool {
        name.collection.is_reserved()
            || self.limits_of(grant).is_none_or(|limits| self.limits.counted.has_room(grant, limits, name))
    }

    /// Whether this peer may write one more entry now, by any of these grants: the one that is charged for it, if any is.
    pub(super) fn may_write_now(&mut self, by: &[GrantId]) -> Result<Option<GrantId>, PublishError> {
        let now = self.now.mono;
        let mut wait: Option<Duration> = None;
        for grant in by {
            let Some(limits) = self.limits_of(grant) else { return Ok(None) };
            let (entries, bytes) = (entries_rate(limits), bytes_rate(limits));
            if entries.is_none() && bytes.is_none() {
                return Ok(None);
            }
            let full = |rate: Option<Rate>| rate.map(|rate| (rate, Bucket::full(now, rate)));
            let new = || Writing { entries: full(entries), bytes: full(bytes) };
            let writing = self.limits.writing.entry(*grant).or_insert_with(new);
            let each = [&mut writing.entries, &mut writing.bytes].into_iter().flatten();
            match each.filter_map(|(rate, bucket)| bucket.is_empty_for(now, *rate)).max() {
                None => return Ok(Some(*grant)),
                Some(more) => wait = Some(wait.map_or(more, |wait| wait.min(more))),
            }
        }
        match wait {
            Some(again_in) => Err(PublishError::OverLimit { again_in }),
            None => Ok(None),
        }
    }

    /// This peer wrote an entry under a grant.
    pub(super) fn wrote_under(&mut self, grant: Option<GrantId>, bytes: usize) {
        let Some(writing) = grant.and_then(|grant| self.limits.writing.get_mut(&grant)) else { return };
        if let Some((rate, bucket)) = &mut writing.entries {
            bucket.charge(1, *rate);
        }
        if let Some((rate, bucket)) = &mut writing.bytes {
            bucket.charge(bytes as u64, *rate);
        }
    }

    /// Whether there is room for what somebody else wrote by any of these grants, and then it is taken.
    pub(super) fn has_room_for(&mut self, log: &LogId, header: &LogHeader, entries: &[Entry]) -> bool {
        if header.collection().is_reserved() {
            return true;
        }
        let shown = match self.logs.shown_by(log) {
            Some(shown) => shown.clone(),
            None => header.right_to_write(&self.authority).unwrap_or(Shown::Grants(Vec::new())),
        };
        let (Shown::Grants(grants), Some(now)) = (shown, self.wall()) else { return true };
        let mut open = None;
        for id in &grants {
            let Some(grant) = self.authority.grant(id) else { continue };
            let Some(limits) = &grant.caveats else { return true };
            let (per_minute, per_day) = (entries_rate(limits), bytes_rate(limits));
            if per_minute.is_none() && per_day.is_none() {
                return true;
            }
            let taken = self.limits.taken.entry(*id).or_insert_with(|| Taken::since(grant.not_before));
            if per_minute.is_none_or(|rate| taken.entries.has_room(rate, now))
                && per_day.is_none_or(|rate| taken.bytes.has_room(rate, now))
            {
                open = Some(*id);
                break;
            }
        }
        let taken = open.and_then(|grant| self.limits.taken.get_mut(&grant));
        if let Some(taken) = taken {
            taken.entries.many = taken.entries.many.saturating_add(entries.len() as u64);
            let bytes: usize = entries.iter().map(Entry::body_len).sum();
            taken.bytes.many = taken.bytes.many.saturating_add(bytes as u64);
        }
        open.is_some()
    }

    /// What of a log was taken before a restart. How many bytes it was nobody counted: that of the time up to its last entry.
    fn remember(&mut self, log: &LogId) {
        let (Some(state), Some(Shown::Grants(grants))) = (self.logs.get(log), self.logs.shown_by(log)) else {
            return;
        };
        let now = self.now.wall;
        for id in grants {
            let Some(grant) = self.authority.grant(id) else { continue };
            let is_limited = |limits: &Caveats| entries_rate(limits).or(bytes_rate(limits)).is_some();
            if !grant.caveats.as_ref().is_some_and(is_limited) {
                continue;
            }
            let taken = self.limits.taken.entry(*id).or_insert_with(|| Taken::since(grant.not_before));
            taken.entries.many = taken.entries.many.saturating_add(LogState::size(state));
            taken.bytes.at = taken.bytes.at.max(state.latest().map_or(taken.bytes.at, |at| at.min(now)));
        }
    }

    /// What a linked peer may be given, of what it wants.
    pub(super) fn told_to(&mut self, peer: &PeerId, wanted: &Interest) -> Interest {
        if self.is_reading_spent(peer) {
            return wanted.intersect(&Interest::none().with(&control()));
        }
        self.leave(wanted.intersect(&holdable(&self.authority, peer, self.wall())))
    }

    /// Whether a peer was given all that it may in a day: its grants are looked at again.
    fn is_reading_spent(&mut self, peer: &PeerId) -> bool {
        let (now, wall) = (self.now.mono, self.wall());
        let reading =
            self.authority.grants_of(peer).filter(|grant| grant.is_valid(wall) && holds(grant.rights));
        let most: Option<Vec<u64>> = reading.map(|it| it.caveats.as_ref()?.bytes_per_day).collect();
        let Some(most) = most.and_then(|all| all.into_iter().max()) else {
            self.limits.readers.remove(peer);
            return false;
        };
        let rate = Rate::in_a_day(most);
        let new = || Reader { rate, bucket: Bucket::full(now, rate), is_spent: false };
        let reader = self.limits.readers.entry(*peer).or_insert_with(new);
        reader.rate = rate;
        reader.is_spent = reader.bucket.is_empty_for(now, rate).is_some();
        reader.is_spent
    }

    /// Whether a linked peer is given no data for now, as it was found last.
    pub(super) fn has_read_enough(&self, peer: &PeerId) -> bool {
        self.limits.readers.get(peer).is_some_and(|reader| reader.is_spent)
    }

    /// A peer was given bytes of data.
    pub(super) fn gave(&mut self, to: &PeerId, bytes: usize) {
        let now = self.now.mono;
        let Some(reader) = self.limits.readers.get_mut(to) else { return };
        reader.bucket.charge(bytes as u64, reader.rate);
        if !reader.is_spent && reader.bucket.is_empty_for(now, reader.rate).is_some() {
            reader.is_spent = true;
            tracing::info!(peer = %to, "was given all that it may be given in a day");
            self.review_soon();
        }
    }

    /// Forgets who is linked no more, and would be given as much as if it came for the first time.
    pub(super) fn forget_readers(&mut self) {
        let (now, links) = (self.now.mono, &self.links);
        let is_full = |reader: &mut Reader| reader.bucket.is_full(now, reader.rate);
        self.limits.readers.retain(|peer, reader| links.link_of(peer).is_some() || !is_full(reader));
        if self.limits.readers.len() > READERS_MAX {
            self.limits.readers.retain(|peer, _| links.link_of(peer).is_some());
        }
    }
}
