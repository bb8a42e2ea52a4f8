//! What follows from how fresh this peer is: what it withholds from neighbours and from apps, and what it says of that.

use std::time::Duration;

use msec_gossip::{Interest, Topic};
use msec_identity::{Class, CollectionPath, PeerId};

use super::{KEEPS_LEASES, Lease, LeaseInput, Need};
use crate::node::control::control;
use crate::node::receipts::with_receipts;
use crate::node::{Event, Node};

/// How long a peer that was started may lack an answer before that is said.
const GRACE: Duration = Duration::from_secs(60);

/// How often what an issuer's grants say is looked at again: they expire.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Whether what this peer knows is fresh enough for a class of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Freshness {
    /// It was started a moment ago, and has not heard from an issuer yet.
    Unknown,
    /// It is, for all collections of that class.
    Fresh,
    /// It is not, and shows and gives them all the same.
    Open,
    /// It is not, and withholds some.
    Closed,
}

/// What is shown to nobody and given to nobody, since no issuer was heard from for too long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Withheld {
    /// All but what is the mesh's own.
    everything: bool,
    /// Collections, each with all that lies below it, in order.
    collections: Vec<CollectionPath>,
}

impl Withheld {
    /// Whether it is nothing.
    pub fn is_empty(&self) -> bool {
        !self.everything && self.collections.is_empty()
    }

    /// Whether a collection lies in it.
    pub fn covers(&self, collection: &CollectionPath) -> bool {
        let lies = || self.everything || self.collections.iter().any(|it| it.covers(collection));
        !collection.is_reserved() && lies()
    }

    /// The collections, with all that lies below them. The empty path stands for all.
    pub fn collections(&self) -> Vec<CollectionPath> {
        if self.everything { vec![CollectionPath::everything()] } else { self.collections.clone() }
    }

    /// What is left of what a neighbour is given.
    pub(in crate::node) fn leave(&self, interest: Interest) -> Interest {
        if self.is_empty() {
            return interest;
        }
        if self.everything {
            return interest.intersect(&with_receipts(Interest::none().with(&control())));
        }
        let topics: Vec<_> = self.collections.iter().filter_map(|it| Topic::new(it.as_str()).ok()).collect();
        interest.without(&topics)
    }
}

/// How it stands with a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseView {
    /// Which.
    pub class: Class,
    /// What it asks for.
    pub lease: Lease,
    /// Whether that is so.
    pub freshness: Freshness,
    /// How old the last word is of some issuer, where it is the oldest among the collections of that class. `None`: none was heard since this peer was started,
    /// or it needs none.
    pub age: Option<Duration>,
    /// Whose word.
    pub issuer: Option<PeerId>,
    /// The collections of that class that this peer wants. For public ones: none.
    pub collections: Vec<CollectionPath>,
    /// Those of them that are withheld.
    pub withheld: Vec<CollectionPath>,
}

impl Node {
    /// What is shown to nobody and given to nobody now.
    pub fn withheld(&self) -> &Withheld {
        &self.lease.withheld
    }

    /// How it stands with each class, the most protective last.
    pub fn leases(&self) -> Vec<LeaseView> {
        Class::ALL.map(|class| self.lease_of(class)).into()
    }

    fn lease_of(&self, class: Class) -> LeaseView {
        let needs: Vec<_> = self.lease.needs.iter().filter(|need| need.class == class).collect();
        let oldest = needs.iter().min_by_key(|need| need.since).and_then(|need| need.since);
        let paths = |needs: &[&Need]| needs.iter().map(|need| need.collection.clone()).collect::<Vec<_>>();
        let stale: Vec<_> = needs.iter().copied().filter(|need| self.withholds(need)).collect();
        let is_named = class != Class::Public;
        LeaseView {
            class,
            lease: self.config.leases.of(class),
            freshness: self.freshness(class),
            age: oldest.map(|(since, _)| self.now.mono.saturating_sub(since)),
            issuer: oldest.map(|(_, issuer)| issuer),
            collections: if is_named { paths(&needs) } else { Vec::new() },
            withheld: paths(&stale),
        }
    }

    /// What of its interest a neighbour is given now.
    pub(in crate::node) fn leave(&self, interest: Interest) -> Interest {
        self.lease.withheld.leave(interest)
    }

    /// Whether nothing is said of a collection to anybody now.
    pub(in crate::node) fn is_withheld(&self, collection: &CollectionPath) -> bool {
        self.lease.withheld.covers(collection)
    }

    /// Who stands over what may be another thing now.
    pub(in crate::node) fn look_at_leases_soon(&mut self) {
        self.lease.due = Some(self.now.mono);
    }

    /// Control entries came: some of them may be what lacked.
    pub(in crate::node) fn lease_entries_came(&mut self) {
        if self.lease.fresh.is_lacking() {
            self.look_at_leases_soon();
        }
    }

    /// Looks whether what this peer knows is fresh enough, if that may have changed. Says whether something is withheld now that was not,
    /// or the other way round.
    pub(in crate::node) fn review_leases(&mut self) -> bool {
        if self.lease.due.is_none_or(|due| due > self.now.mono) {
            return false;
        }
        if KEEPS_LEASES {
            let mut fresh = std::mem::take(&mut self.lease.fresh);
            fresh.settle(|logs| self.holds(logs));
            self.lease.fresh = fresh;
        }
        let me = self.peer();
        // What keeps no leases has heard from nobody, and answers nobody.
        let issues = KEEPS_LEASES && self.answers_now();
        self.tell_lease(LeaseInput::Issues(issues));
        let mut needs = self.needs();
        for need in &mut needs {
            let of_others = self.lease.fresh.since(|issuer| self.issues_over(issuer, &need.collection));
            // What it has not said itself, nobody below it has.
            let own = self.issues_over(&me, &need.collection).then_some((self.now.mono, me));
            need.since = of_others.max(own);
        }
        let shortest = needs.iter().map(|need| self.config.leases.of(need.class).max_age / 3).min();
        self.tell_lease(LeaseInput::Every(shortest));
        let before = std::mem::replace(&mut self.lease.needs, needs);
        if before.iter().any(|was| was.since.is_some() && self.lease.needs.iter().any(|it| it.lost(was))) {
            self.tell_lease(LeaseInput::Lost);
        }
        let withheld = self.withheld_now();
        let is_other = withheld != self.lease.withheld;
        if is_other {
            self.lease.withheld = withheld;
            self.review_soon();
        }
        self.say_freshness();
        self.lease.due = self.next_lease(issues);
        is_other
    }

    /// What this peer has to be fresh for: what it wants of others, by class.
    fn needs(&self) -> Vec<Need> {
        let reserved = |path: &str| path.starts_with('.');
        let wanted: Vec<_> = self.interest().prefixes().filter(|path| !reserved(path)).collect();
        let path = |text: &str| text.trim_end_matches('/').parse::<CollectionPath>().ok();
        let wanted: Vec<_> = wanted.into_iter().filter_map(path).collect();
        let is_wanted = |path: &CollectionPath| wanted.iter().any(|it| it.covers(path) || path.covers(it));
        let meets = |path: &CollectionPath| is_wanted(path) || self.holds_of_others(path);
        let need = |(collection, class)| Need { collection, class, since: None };
        let classified = self.authority.classes().into_iter().filter(|(path, _)| meets(path)).map(need);
        let public = wanted.iter().cloned().map(|path| need((path, Class::Public)));
        classified.chain(public).collect()
    }

    /// Whether something is held there that somebody else wrote: what was wanted once is held still.
    fn holds_of_others(&self, path: &CollectionPath) -> bool {
        let me = self.peer();
        let mut headers = self.logs.held().map(|state| state.header());
        headers.any(|header| header.author() != me && path.covers(header.collection()))
    }

    /// Until when a need is met.
    fn until(&self, need: &Need) -> Option<Duration> {
        need.since.map(|(since, _)| since + self.config.leases.of(need.class).max_age)
    }

    fn is_stale(&self, need: &Need) -> bool {
        self.until(need).is_none_or(|until| until <= self.now.mono)
    }

    fn withholds(&self, need: &Need) -> bool {
        self.config.leases.of(need.class).closed && self.is_stale(need)
    }

    fn withheld_now(&self) -> Withheld {
        let stale: Vec<_> = self.lease.needs.iter().filter(|need| self.withholds(need)).collect();
        let everything =
            stale.iter().any(|need| need.class == Class::Public || need.collection.as_str().is_empty());
        let mut collections: Vec<_> = stale.into_iter().map(|need| need.collection.clone()).collect();
        collections.sort_unstable();
        if everything {
            collections.clear();
        }
        Withheld { everything, collections }
    }

    /// How it stands with a class. What is not known yet is not called stale at once.
    fn freshness(&self, class: Class) -> Freshness {
        let lease = self.config.leases.of(class);
        let mut needs = self.lease.needs.iter().filter(|need| need.class == class);
        let Some(oldest) = needs.clone().min_by_key(|need| need.since) else { return Freshness::Fresh };
        if !needs.any(|need| self.is_stale(need)) {
            return Freshness::Fresh;
        }
        let patience = if lease.closed { GRACE.min(lease.max_age) } else { lease.max_age };
        match oldest.since {
            None if self.now.mono < self.lease.since + patience => Freshness::Unknown,
            _ if lease.closed => Freshness::Closed,
            _ => Freshness::Open,
        }
    }

    /// Says so where it is another thing than was said last.
    fn say_freshness(&mut self) {
        for (nth, class) in Class::ALL.into_iter().enumerate() {
            let freshness = self.freshness(class);
            let before = std::mem::replace(&mut self.lease.told[nth], freshness);
            let was_withheld = || {
                self.config.leases.of(class).closed && self.lease.needs.iter().any(|need| need.class == class)
            };
            // That all is well is news only to who was told otherwise, or not shown something.
            let is_news = match (before, freshness) {
                (_, Freshness::Open | Freshness::Closed) => before != freshness,
                (Freshness::Open | Freshness::Closed, _) => true,
                (Freshness::Unknown, Freshness::Fresh) => was_withheld(),
                _ => false,
            };
            if is_news {
                self.event(Event::Lease { class, freshness });
            }
        }
    }

    /// When it may be otherwise, if nobody says anything.
    fn next_lease(&self, issues: bool) -> Option<Duration> {
        if self.lease.needs.is_empty() && !issues {
            return None;
        }
        let now = self.now.mono;
        let ends = self.lease.needs.iter().filter_map(|need| self.until(need)).filter(|until| *until > now);
        let said = Class::ALL.map(|class| self.config.leases.of(class)).map(|lease| {
            self.lease.since + if lease.closed { GRACE.min(lease.max_age) } else { lease.max_age }
        });
        let look = now + LOOK_EVERY;
        ends.chain(said.into_iter().filter(|at| *at > now)).chain([look]).min()
    }
}
