//! Telling the neighbours, and finding out whether they have it.

use std::time::Duration;

use super::Trees;
use super::dist::TreeId;
use super::link::Link;
use super::route::Slot;
use super::wire::{Extent, STEPS_MAX, Sum, TreeMessage, Way, steps, sum};

/// When a check follows a change, and when one follows a check, plus up to a fourth of it.
const CHECK_SOON: Duration = Duration::from_secs(10);
const CHECK_INTERVAL: Duration = Duration::from_secs(300);

/// A neighbour is told everything again at most this often, however often it asks.
pub(super) const RETELL_INTERVAL: Duration = Duration::from_secs(5);

impl Trees {
    /// Tells each neighbour what is new to it, as far as that is due.
    pub(super) fn tell(&mut self, now: Duration) {
        let due = self.pace.told(now);
        let mut news: Vec<Vec<(TreeId, Way)>> = vec![Vec::new(); self.links.len()];
        let mut has_former = false;
        let is_anyone_fresh = self.links.iter().flatten().any(|link| link.is_fresh);
        for route in &mut self.routes {
            let is_urgent = std::mem::take(&mut route.is_urgent);
            let is_news = route.news().is_some_and(|news| is_urgent || news <= due);
            if !is_news && !is_anyone_fresh {
                continue;
            }
            let before = *route;
            if is_news {
                route.tell();
            }
            has_former |= route.former != Slot::NONE;
            for (at, link) in self.links.iter().enumerate() {
                let Some(link) = link else { continue };
                let slot = Slot(at as u16);
                let way = route.way_told(slot);
                let is_due = if link.is_fresh { way.says_something() } else { way != before.way_told(slot) };
                if is_due {
                    news[at].push((route.tree, way));
                }
            }
        }
        self.routes.retain(|route| !route.is_over());
        if has_former {
            // They are let go then.
            self.pace.soon(now);
        }
        for (link, ways) in self.links.iter_mut().zip(news) {
            let Some(link) = link else { continue };
            let mut extent = match (std::mem::take(&mut link.is_fresh), link.retold) {
                (false, _) => Extent::Changes,
                (true, None) => Extent::First,
                (true, Some(_)) => Extent::Whole,
            };
            if ways.is_empty() && extent == Extent::Changes {
                continue;
            }
            let mut chunks = ways.chunks(STEPS_MAX);
            let first = chunks.next().unwrap_or_default();
            for ways in std::iter::once(first).chain(chunks) {
                let vector = TreeMessage::Vector { extent, steps: steps(ways) };
                self.outputs.push_back((link.peer, vector));
                extent = Extent::Changes;
            }
            check_no_later(link, now.saturating_add(CHECK_SOON));
        }
    }

    /// [`Link::check_at`] has come, if it has.
    pub(super) fn check_due(&mut self, now: Duration, at: usize) {
        let Some(link) = self.links[at].as_mut().filter(|link| link.check_at.is_some_and(|at| at <= now))
        else {
            return;
        };
        // Neighbours differ in it, and so do links: they don't beat in time.
        let jitter = CHECK_INTERVAL / 1_024 * ((self.me.0 ^ TreeId::of(&link.peer).0) % 256);
        link.check_at = Some(now.saturating_add(CHECK_INTERVAL).saturating_add(jitter));
        let slot = Slot(at as u16);
        let told = self.routes.iter().map(|it| (it.tree, it.way_told(slot)));
        let sum = sum(told.filter(|(_, way)| way.says_something()));
        self.outputs.push_back((link.peer, TreeMessage::Check { sum }));
    }

    /// A neighbour says what we should have of it.
    pub(super) fn check(&mut self, slot: Slot, theirs: Sum) {
        if let Some(link) = self.links[usize::from(slot.0)].as_mut().filter(|link| link.sum() != theirs) {
            self.outputs.push_back((link.peer, TreeMessage::Retell));
        }
    }

    /// A neighbour lacks what we told.
    pub(super) fn retell(&mut self, now: Duration, slot: Slot) {
        if let Some(link) = self.links[usize::from(slot.0)].as_mut()
            && link.retold.is_none_or(|at| now >= at.saturating_add(RETELL_INTERVAL))
        {
            link.retold = Some(now);
            link.is_fresh = true;
            self.pace.soon(now);
        }
    }
}

/// Asks the neighbour by then.
pub(super) fn check_no_later(link: &mut Link, at: Duration) {
    link.check_at = Some(link.check_at.map_or(at, |standing| standing.min(at)));
}
