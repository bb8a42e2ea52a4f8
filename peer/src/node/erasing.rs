//! Bodies that are to be gone, because somebody who may has said so: off the own disk, and never taken or passed on again.
//!
//! Transitions, for one erasure:
//!
//! ```text
//! entered in a control log --> what it covers is taken from nobody any more, nor kept for those who ask (see `Run::verify`)
//!                          --> noted: whatever of it the store has is erased soon, together with what else comes meanwhile
//! noted  -- it is time     --> erased in the store, one batch at a time; tried again where the disk refuses
//!        -- the store says that nothing is left, or nothing of its logs is held, and a manager or roots said it --> confirmed (see `receipts`)
//! ```
//!
//! Of a log that is not held something may be here all the same: claims over it, and what the store has set aside. Whose it is is not
//! known, nor whether the order counts there. So the store is asked before anything is confirmed: claims go that stand in logs in which the
//! order counts; where others are left, it is not confirmed.
//!
//! A log that comes after its erasure comes without those bodies. Its positions are noted in the store all the same, so that whatever
//! lies in its files of an earlier time goes too; that reads all of the store, nothing shown depends on it, and it may wait for long.
//! After a restart the control logs say again what is to be erased, and the store what was: what a crash interrupted is gone on with.
//!
//! Who has erased something for itself alone holds entries that nobody would take without their bodies. It does not give them: what is
//! asked for is answered up to the first of these, and whoever asks for that gets no answer, and asks elsewhere. What lies
//! behind is told as held all the same, since it is, and new entries are pushed on.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use msec_crdt_store::{About, LogHeader, ToErase};
use msec_gossip::Input as GossipInput;
use msec_identity::{Change, Erased, LogId, UnixMillis};

use super::logs::key_of;
use super::{Node, Output};

/// How long an erasure waits for others, since each batch reads all of the store. Chosen: those who erase many streams sign a few
/// records within it.
const WINDOW: Duration = Duration::from_millis(200);
/// And one of a log that came later, of whose bodies none was taken.
const TIDY_WINDOW: Duration = Duration::from_secs(600);
/// The pause before an erasure that failed is tried again, doubled at each failure.
const RETRY_MIN: Duration = Duration::from_secs(1);
/// The longest of these.
const RETRY_MAX: Duration = Duration::from_secs(60);
/// The most erasures that wait to be confirmed. Further ones are not confirmed before a restart; they are carried out all the same.
pub const ERASURES_UNCONFIRMED_MAX: usize = 16_384;

/// Whether what others write is held here, and claims of it. A sensor's program is built without.
const HOLDS_OF_OTHERS: bool = cfg!(any(feature = "index", not(feature = "net")));

/// What is to be erased, and what was.
#[derive(Debug, Default)]
pub(super) struct Erasing {
    /// What the store has erased, whoever wanted it: stretches in their order, that don't touch.
    gone: BTreeMap<LogId, Vec<Range<u64>>>,
    /// Logs of which something may be to be erased. Bounded by the logs that are held.
    noted: BTreeSet<LogId>,
    /// Logs that are named and not held, of which the store is to be asked. Bounded by what is named.
    unseen: BTreeSet<LogId>,
    /// What the store does now, or did last.
    asked: Arc<ToErase>,
    /// Orders about logs that are not held, over which claims are left here where the orders do not count. Bounded by the orders.
    left: BTreeSet<[u8; 32]>,
    /// When those are looked at.
    due: Option<Duration>,
    under_way: bool,
    /// The pause after a failure.
    pause: Option<Duration>,
    /// Erasures that were not confirmed, and when they were signed.
    unconfirmed: BTreeMap<[u8; 32], UnixMillis>,
    /// Whether one of them may be done now.
    is_news: bool,
}

impl Erasing {
    /// When to look again.
    pub(super) fn due(&self) -> Option<Duration> {
        self.due.filter(|_| !self.under_way)
    }

    /// Whether nothing that is to be erased soon is left.
    pub(super) fn is_idle(&self, now: Duration) -> bool {
        let is_soon = |due: Duration| due.saturating_sub(now) <= RETRY_MAX;
        !self.under_way && !self.is_news && !self.due.is_some_and(is_soon)
    }

    /// How many erasures wait to be confirmed.
    pub(super) fn unconfirmed(&self) -> usize {
        self.unconfirmed.len()
    }

    fn add(&mut self, erased: &[(LogId, Range<u64>)]) {
        for (log, range) in erased {
            add(self.gone.entry(*log).or_default(), range.clone());
        }
    }

    fn note(&mut self, log: LogId, at: Duration) {
        self.noted.insert(log);
        self.wait(at);
    }

    fn wait(&mut self, at: Duration) {
        self.due = Some(self.due.map_or(at, |before| before.min(at)));
    }
}

impl Node {
    /// Takes in what the store had erased, once all logs were loaded.
    pub(super) fn load_erased(&mut self, erased: &[(LogId, Range<u64>)]) {
        self.erasing.add(erased);
        let everything = Change { everything: true, ..Change::default() };
        self.erasures_changed(&everything);
    }

    /// An erasure was entered. Those who manage nothing leave half of the room to others.
    pub(super) fn knows_erasure(&mut self, hash: [u8; 32], at: UnixMillis) {
        if !self.confirms() {
            return;
        }
        let part = if self.authority.erases_of_others(&hash) { 1 } else { 2 };
        if self.erasing.unconfirmed.len() < ERASURES_UNCONFIRMED_MAX / part {
            self.erasing.unconfirmed.insert(hash, at);
            self.erasing.is_news = true;
        }
    }

    /// Erasures are there that were not, or count otherwise than before.
    pub(super) fn erasures_changed(&mut self, change: &Change) {
        for log in self.authority.logs_erased_by(change) {
            if HOLDS_OF_OTHERS && self.logs.get(&log).is_none() {
                self.erasing.unseen.insert(log);
                self.erasing.wait(self.now.mono + WINDOW);
                continue;
            }
            self.leave_erased(&log);
            if self.to_erase(&log).is_empty() {
                continue;
            }
            // Nobody is given it from memory, either.
            self.tell_gossip(GossipInput::Erased { key: key_of(&log) });
            self.erasing.note(log, self.now.mono + WINDOW);
        }
        self.erasing.is_news = true;
    }

    /// A log is held that was not.
    pub(super) fn erase_of_new(&mut self, log: LogId) {
        let left = self.erasing.left.iter().filter_map(|hash| self.authority.erasure(hash));
        let others: Vec<_> = left.filter(|it| it.logs.contains(&log)).flat_map(|it| it.logs).collect();
        for other in others.into_iter().filter(|other| self.logs.get(other).is_none()) {
            self.erasing.unseen.insert(other);
            self.erasing.wait(self.now.mono + WINDOW);
        }
        if self.authority.has_erasures() && !self.to_erase(&log).is_empty() {
            self.erasing.note(log, self.now.mono + TIDY_WINDOW);
        }
    }

    /// Starts to erase if it is time, and confirms what is done.
    pub(super) fn erase_due(&mut self) {
        if std::mem::take(&mut self.erasing.is_news) {
            self.confirm_erased();
        }
        if self.erasing.due().is_none_or(|due| due > self.now.mono) {
            return;
        }
        self.erasing.due = None;
        let mut order = ToErase::default();
        for log in std::mem::take(&mut self.erasing.noted) {
            order.entries.extend(self.to_erase(&log).into_iter().map(|range| (log, range)));
        }
        let unseen = std::mem::take(&mut self.erasing.unseen);
        order.about = if unseen.is_empty() { Vec::new() } else { self.about(&unseen) };
        if !order.entries.is_empty() || !order.about.is_empty() {
            self.erasing.under_way = true;
            self.erasing.asked = Arc::new(order);
            self.output(Output::Erase { order: self.erasing.asked.clone() });
        }
    }

    /// What the orders that name one of these logs say of logs that are not held, and in which logs they count that are.
    fn about(&self, logs: &BTreeSet<LogId>) -> Vec<About> {
        let is_unheld = |log: &LogId| self.logs.get(log).is_none();
        let all = self.authority.all_erasures().into_iter();
        let orders = all.filter(|it| it.logs.iter().any(|log| logs.contains(log) && is_unheld(log)));
        // Most count in the same logs.
        let mut sets = BTreeSet::<Arc<BTreeSet<LogId>>>::new();
        let about = |order: Erased| {
            let hash = order.erasure;
            let of =
                |log: LogId| self.authority.names_of(&hash, &log).into_iter().map(move |range| (log, range));
            let entries = order.logs.into_iter().filter(is_unheld).flat_map(of).collect();
            let mut counts = BTreeMap::new();
            let makers = self.logs.held().filter(|state| {
                let (author, collection) = (state.header().author(), state.header().collection());
                let asked = || self.authority.erases_in(&hash, &author, collection);
                *counts.entry((author == order.issuer, collection)).or_insert_with(asked)
            });
            let makers = Arc::new(makers.map(|state| state.log()).collect());
            sets.insert(Arc::clone(&makers));
            let makers = sets.get(&makers).unwrap_or(&makers).clone();
            About { order: hash, entries, makers }
        };
        orders.map(about).collect()
    }

    /// The store has erased, or failed to. `ordered`: it was asked by this node.
    pub(super) fn erased(
        &mut self,
        entries: &[(LogId, Range<u64>)],
        left: &[[u8; 32]],
        done: bool,
        ordered: bool,
    ) {
        let logs: BTreeSet<_> = entries.iter().map(|(log, _)| *log).collect();
        for log in &logs {
            self.tell_gossip(GossipInput::Erased { key: key_of(log) });
        }
        self.erasing.is_news = true;
        if done {
            self.erasing.add(entries);
            logs.iter().for_each(|log| self.leave_erased(log));
        }
        if !ordered {
            return;
        }
        self.erasing.under_way = false;
        let asked = std::mem::take(&mut self.erasing.asked);
        if done {
            self.erasing.pause = None;
            for about in &asked.about {
                self.erasing.left.remove(&about.order);
            }
            self.erasing.left.extend(left);
            return;
        }
        let pause = self.erasing.pause.map_or(RETRY_MIN, |before| (before * 2).min(RETRY_MAX));
        self.erasing.pause = Some(pause);
        let at = self.now.mono + pause;
        self.erasing.unseen.extend(asked.about.iter().flat_map(|it| &it.entries).map(|(log, _)| *log));
        self.erasing.wait(at);
        logs.into_iter().for_each(|log| self.erasing.note(log, at));
    }

    /// An own log in which entries are to be erased that are not written yet goes on in another one, whose name nobody knows yet: what is
    /// published would be gone and acknowledged.
    fn leave_erased(&mut self, log: &LogId) {
        let Some(header) = self.logs.get(log).map(|state| state.header().clone()) else { return };
        let Some(own) = self.own_log(&header).filter(|own| own.header().id() == *log) else { return };
        let (size, author) = (own.size(), header.author());
        let named = self.authority.erased(log, &author, header.collection());
        let gone = self.erasing.gone.get(log).into_iter().flatten();
        if author == self.peer() && named.iter().chain(gone).any(|range| range.end > size) {
            tracing::warn!(%log, "an order names entries that are not written yet: the stream goes on in another log");
            self.abandon_own(&header, *log);
        }
    }

    /// What of a log that is held is to be erased, and was not.
    fn to_erase(&self, log: &LogId) -> Vec<Range<u64>> {
        let Some(state) = self.logs.get(log) else { return Vec::new() };
        let header = state.header();
        let wanted = self.authority.erased(log, &header.author(), header.collection());
        match self.erasing.gone.get(log) {
            Some(gone) => minus(wanted, gone),
            None => wanted,
        }
    }

    /// Whether nothing is left here of what is to be erased of a log.
    #[cfg(all(feature = "net", feature = "index"))]
    pub(crate) fn has_erased(&self, log: &LogId) -> bool {
        self.to_erase(log).is_empty()
    }

    /// Confirms what is carried out here: of each of the logs where it counts nothing is left; or none of its logs is held, and it is by
    /// somebody who may erase what others write.
    fn confirm_erased(&mut self) {
        let done = |node: &Self, hash: &[u8; 32]| {
            let Some(erasure) = node.authority.erasure(hash) else { return false };
            if !node.is_clear_of_unheld(&erasure) {
                return false;
            }
            let held = erasure.logs.iter().filter_map(|log| node.logs.get(log));
            let counts =
                |header: &LogHeader| node.authority.erases_in(hash, &header.author(), header.collection());
            let (mut any, mut counting) = (false, 0);
            for state in held {
                any = true;
                if counts(state.header()) {
                    counting += 1;
                    if !node.to_erase(&state.log()).is_empty() {
                        return false;
                    }
                }
            }
            counting > 0 || !any && node.authority.erases_of_others(hash)
        };
        let all: Vec<_> = self.erasing.unconfirmed.iter().map(|(hash, at)| (*hash, *at)).collect();
        for (hash, at) in all {
            if done(self, &hash) {
                self.erasing.unconfirmed.remove(&hash);
                self.confirm_erasure(hash, at);
            }
        }
    }

    /// Whether the store was asked about the logs that an order names and that are not held, and has nothing of them.
    fn is_clear_of_unheld(&self, erasure: &Erased) -> bool {
        let Erasing { unseen, asked, left, .. } = &self.erasing;
        let mut unheld = erasure.logs.iter().filter(|log| self.logs.get(log).is_none());
        let is_asked = || asked.about.iter().any(|it| it.order == erasure.erasure);
        unheld.all(|log| !unseen.contains(log) && !is_asked() && !left.contains(&erasure.erasure))
    }

    /// What of a chunk a neighbour may be given: what comes before the first entry that was erased here alone. `None`: nothing.
    #[cfg(any(feature = "index", not(feature = "net")))]
    pub(super) fn whole_part(&self, log: &LogId, chunk: msec_crdt_store::Chunk) -> Option<Vec<u8>> {
        let is_touched = |gone: &Vec<Range<u64>>| {
            let after = gone.partition_point(|range| range.end <= chunk.from);
            gone.get(after).is_some_and(|range| range.start < chunk.end)
        };
        let Some(state) = self.logs.get(log).filter(|_| self.erasing.gone.get(log).is_some_and(is_touched))
        else {
            return Some(chunk.bytes);
        };
        // What stands for entries that were let go has no bodies at all.
        let Ok(run) = msec_crdt_store::Run::from_bytes(&chunk.bytes) else { return Some(chunk.bytes) };
        match run.first_lacking(state.header(), &self.authority) {
            None => Some(chunk.bytes),
            Some(position) => run.up_to(position).map(|run| run.to_bytes()),
        }
    }

    /// A sensor's program erases nothing for itself alone.
    #[cfg(not(any(feature = "index", not(feature = "net"))))]
    pub(super) fn whole_part(&self, _: &LogId, chunk: msec_crdt_store::Chunk) -> Option<Vec<u8>> {
        Some(chunk.bytes)
    }
}

/// Adds a stretch to others.
fn add(all: &mut Vec<Range<u64>>, range: Range<u64>) {
    let first = all.partition_point(|other| other.end < range.start);
    let last = all.partition_point(|other| other.start <= range.end);
    let touched = all.get(first..last).unwrap_or_default().iter();
    let joined = touched.fold(range, |joined, it| joined.start.min(it.start)..joined.end.max(it.end));
    all.splice(first..last, [joined]);
}

/// What of these is not among those, both in their order and apart.
fn minus(wanted: Vec<Range<u64>>, gone: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut left = Vec::new();
    for range in wanted {
        let mut at = range.start;
        let after = gone.partition_point(|it| it.end <= range.start);
        for it in gone[after..].iter().take_while(|it| it.start < range.end) {
            if at < it.start {
                left.push(at..it.start);
            }
            at = at.max(it.end);
        }
        if at < range.end {
            left.push(at..range.end);
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_left_is_what_was_wanted_and_is_not_gone(
            wanted in proptest::collection::vec((0u64..60, 1u64..9), 0..9),
            gone in proptest::collection::vec((0u64..60, 1u64..9), 0..9),
        ) {
            let joined = |all: &[(u64, u64)]| {
                let mut ranges = Vec::new();
                all.iter().for_each(|(start, len)| add(&mut ranges, *start..start + len));
                ranges
            };
            let set = |all: &[Range<u64>]| all.iter().cloned().flatten().collect::<BTreeSet<_>>();
            let (wanted, gone) = (joined(&wanted), joined(&gone));
            prop_assert!(wanted.windows(2).all(|two| two[0].end < two[1].start));
            let left = minus(wanted.clone(), &gone);
            prop_assert_eq!(set(&left), &set(&wanted) - &set(&gone));
        }
    }
}
