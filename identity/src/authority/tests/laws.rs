//! What holds of every set of records, in whatever order they come.

use proptest::prelude::*;
use proptest::sample::Index;

use super::city::*;
use super::model::Model;
use crate::authority::{Authority, Entered};
use crate::{
    Cut, Grant, Holder, LogId, Manifest, Record, Restoration, Revocation, Right, Rights, Succession,
    UnixMillis,
};

/// Roots of today and of tomorrow, managers, holders, and the roots of another city.
const PEERS: [u8; 9] = [ROOT, SECOND, THIRD, MANAGER, DEPUTY, SENSOR, STRANGER, ABROAD, ABROAD + 1];
const ROOTS: [u8; 3] = [ROOT, SECOND, THIRD];
const EVENTS_MAX: usize = 18;

#[derive(Debug, Clone)]
struct Choice {
    kind: u8,
    /// Which of those before, and which peers.
    of: Index,
    who: Index,
    whom: Index,
    /// What differs from the usual.
    twist: u8,
    size: u64,
    position: Option<u64>,
    log: Index,
}

impl Choice {
    /// One time out of so many.
    fn every(&self, times: u8) -> bool {
        self.twist.is_multiple_of(times)
    }
}

fn choice() -> impl Strategy<Value = Choice> {
    let indices = (any::<Index>(), any::<Index>(), any::<Index>(), any::<Index>());
    (0u8..23, indices, any::<u8>(), 0u64..4, proptest::option::of(0u64..4)).prop_map(
        |(kind, (of, who, whom, log), twist, size, position)| Choice {
            kind,
            of,
            who,
            whom,
            twist,
            size,
            position,
            log,
        },
    )
}

fn abroad() -> Manifest {
    Manifest::new("elsewhere", vec![peer(ABROAD), peer(ABROAD + 1)], 1, [0; 16]).expect("a manifest")
}

/// What is made of the choices: each record refers to some before it.
struct Town {
    home: Manifest,
    grants: Vec<(Grant, u8)>,
    revocations: Vec<Revocation>,
    successions: Vec<Succession>,
    said: Vec<([u8; 32], Option<Grant>)>,
    events: Vec<Event>,
}

impl Town {
    fn of(threshold: u8, choices: &[Choice]) -> Self {
        let home = manifest(&ROOTS[..2], threshold);
        let first = first(home.space(), ROOT, MANAGER);
        let mut town = Self {
            home,
            grants: vec![(first.clone(), MANAGER)],
            revocations: Vec::new(),
            successions: Vec::new(),
            said: Vec::new(),
            events: Vec::new(),
        };
        town.say(ROOT, &first, None, Some(0));
        choices.iter().for_each(|choice| town.add(choice));
        town
    }

    fn say<R: Record + Clone>(&mut self, by: u8, record: &R, under: Option<&Grant>, position: Option<u64>)
    where
        crate::ControlRecord: From<crate::Verified<R>>,
    {
        self.said.push((record.hash(), under.cloned()));
        self.events.push(match position {
            None => shown(by, record),
            Some(position) => entered(by, record, under, position),
        });
    }

    fn add(&mut self, it: &Choice) {
        let anyone = PEERS[it.who.index(PEERS.len())];
        match it.kind {
            0..=7 => self.grant(it),
            8..=11 => {
                let (grant, _) = self.grants[it.of.index(self.grants.len())].clone();
                let issuer = self.above(&grant, it).unwrap_or(anyone);
                let cuts: Vec<_> = self.cuts(it).into_iter().collect();
                let mut revocation = revoke(issuer, &grant, &cuts);
                revocation.at = UnixMillis(i64::from(it.twist % 3));
                self.revocations.push(revocation.clone());
                self.say(issuer, &revocation, None, it.position);
            }
            12..=13 if !self.revocations.is_empty() => {
                let revocation = self.revocations[it.of.index(self.revocations.len())].clone();
                let same = PEERS.into_iter().find(|number| peer(*number) == revocation.issuer);
                let issuer = same.filter(|_| !it.every(3)).unwrap_or(anyone);
                let cuts: Vec<_> = self.cuts(it).into_iter().collect();
                let restoration: Restoration = restore(issuer, &revocation, &cuts);
                self.say(issuer, &restoration, None, it.position);
            }
            14..=16 => {
                let (of, _) = self.said[it.of.index(self.said.len())];
                let approver = if it.every(4) { anyone } else { ROOTS[it.who.index(3)] };
                self.say(approver, &approve(self.home.space(), approver, of), None, it.position);
            }
            20..=22 => {
                let issuer = if it.every(3) { anyone } else { [MANAGER, SENSOR, DEPUTY][it.who.index(3)] };
                let stretch = (log(1 + it.twist % 2), 1 + it.size, 2 + it.size + u64::from(it.twist % 3));
                let erasure = erase(self.home.space(), issuer, &[stretch]);
                self.say(issuer, &erasure, None, it.position);
            }
            _ => self.succeed(it),
        }
    }

    fn grant(&mut self, it: &Choice) {
        let whom = PEERS[it.whom.index(PEERS.len())];
        let (parent, holder) = self.grants[it.of.index(self.grants.len())].clone();
        let issuer = if it.every(8) { PEERS[it.who.index(PEERS.len())] } else { holder };
        let mut grant = if it.every(5) {
            first(self.home.space(), ROOTS[it.who.index(3)], whom)
        } else {
            below(&parent, issuer, whom)
        };
        let issuer = PEERS.into_iter().find(|number| peer(*number) == grant.issuer).expect("one of them");
        let mut holder = whom;
        match it.twist / 8 % 12 {
            0 => grant.rights = Rights::of([Right::Read]),
            1 => grant.resource = path("parks/noise"),
            2 => grant.resource = path("harbour"),
            3 => grant.depth = 7,
            4 => grant.not_after = UnixMillis(201),
            5 | 6 => {
                grant.holder = Holder::Space(abroad().space());
                holder = ABROAD;
            }
            _ => {}
        }
        self.grants.push((grant.clone(), holder));
        let under = grant.parent.map(|_| parent);
        self.say(issuer, &grant, under.as_ref(), it.position);
    }

    /// Mostly somebody who may.
    fn above(&self, grant: &Grant, it: &Choice) -> Option<u8> {
        let by = |grant: &Grant| PEERS.into_iter().find(|number| peer(*number) == grant.issuer);
        let parent = grant.parent.and_then(|id| self.grants.iter().find(|(grant, _)| grant.id() == id));
        match it.twist % 4 {
            0 => None,
            1 => parent.and_then(|(grant, _)| by(grant)),
            _ => by(grant),
        }
    }

    fn cuts(&self, it: &Choice) -> Option<Cut> {
        let control = self.events.iter().filter_map(|event| event.place.map(|place| place.log));
        let logs: Vec<LogId> = control.chain([log(1), log(2)]).collect();
        (!it.every(7)).then(|| cut(logs[it.log.index(logs.len())], it.size))
    }

    fn succeed(&mut self, it: &Choice) {
        let (issuer, twist) = (ROOTS[it.who.index(3)], usize::from(it.twist));
        let roots = &[&ROOTS[..1], &ROOTS[..2], &ROOTS[1..], &ROOTS[..], &ROOTS[2..]][twist % 5];
        let threshold = if roots.len() > 1 { 1 + (it.twist / 5) % 2 } else { 1 };
        let cuts: Vec<_> = [ROOT, SECOND].map(|root| cut(control(root, None), it.size)).into_iter().collect();
        let cuts = if it.every(3) { &cuts[..1] } else { &cuts[..] };
        let mut next = succeed(self.home.space(), issuer, roots, threshold, cuts);
        if !self.successions.is_empty() && it.every(2) {
            let before = &self.successions[it.of.index(self.successions.len())];
            (next.previous, next.serial) = (before.hash(), before.serial + 1);
        }
        self.successions.push(next.clone());
        self.say(issuer, &next, None, None);
    }

    fn model(&self) -> Model {
        Model::of(&self.home, &[abroad()], &self.events)
    }

    fn fold<'a>(&'a self, events: impl IntoIterator<Item = &'a Event>, abroad_at: usize) -> Authority {
        let mut authority = empty(&self.home);
        for (nth, event) in events.into_iter().enumerate() {
            if nth == abroad_at {
                let _ = authority.learn_manifest(abroad()).expect("taken");
            }
            put(&mut authority, event);
        }
        let _ = authority.learn_manifest(abroad()).expect("taken");
        authority
    }
}

fn town() -> impl Strategy<Value = Town> {
    (1u8..3, proptest::collection::vec(choice(), 1..EVENTS_MAX))
        .prop_map(|(threshold, choices)| Town::of(threshold, &choices))
        .no_shrink()
}

impl std::fmt::Debug for Town {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.events).finish()
    }
}

fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { cases: count, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(160))]

    #[test]
    fn the_fold_says_what_the_rules_say(town in town()) {
        let (model, authority) = (town.model(), town.fold(&town.events, 0));
        let (roots, threshold) = model.roots();
        prop_assert_eq!((authority.roots(), usize::from(authority.threshold())), (&roots[..], threshold));
        for grant in grants_of(&town.events) {
            let id = grant.id();
            prop_assert_eq!(authority.stands(&id), model.stands(&id), "whether {:?} stands", &grant);
            if !model.links(&id).is_empty() {
                prop_assert_eq!(authority.is_revoked(&id), model.is_revoked(&id), "whether {:?} is over", &grant);
            }
            for log in logs_of(&town.events) {
                prop_assert_eq!(counts(&authority, log, &grant), model.admissible(&id, &log), "{:?}", &grant);
            }
        }
        for (log, position) in [log(1), log(2)].iter().flat_map(|log| (0..9).map(move |at| (log, at))) {
            for (author, text) in [MANAGER, SENSOR].into_iter().flat_map(|it| PATHS.map(|text| (peer(it), text))) {
                let holds = |ranges: Vec<std::ops::Range<u64>>| ranges.iter().any(|it| it.contains(&position));
                let erased = holds(authority.erased(log, &author, &path(text)));
                prop_assert_eq!(erased, model.is_erased((log, position), author, &path(text)), "{} {}", position, text);
                let may_lack = holds(authority.may_lack(log, &author, &path(text)));
                prop_assert_eq!(may_lack, model.may_lack((log, position), author, &path(text)), "{} {}", position, text);
                prop_assert!(may_lack || !erased);
            }
        }
    }

    #[test]
    fn no_order_and_no_repetition_changes_anything(
        town in town(),
        order in proptest::collection::vec(any::<Index>(), 2 * EVENTS_MAX),
        abroad_at in 0usize..EVENTS_MAX,
    ) {
        let reference = picture(&town.fold(&town.events, 0), &town.events);
        let again: Vec<_> = order.iter().map(|at| at.get(&town.events)).collect();
        let mut shuffled: Vec<_> = order.iter().zip(&town.events).collect();
        shuffled.sort_by_key(|(at, _)| at.index(1_000_000));
        let all = again.into_iter().chain(shuffled.into_iter().map(|(_, event)| event));
        prop_assert_eq!(picture(&town.fold(all, abroad_at), &town.events), reference);
        let backwards = picture(&town.fold(town.events.iter().rev(), abroad_at), &town.events);
        prop_assert_eq!(backwards, picture(&town.fold(&town.events, 0), &town.events));
    }

    #[test]
    fn whatever_is_allowed_lies_within_every_link_above(town in town()) {
        let (model, authority) = (town.model(), town.fold(&town.events, 0));
        let grants = grants_of(&town.events);
        for holder in PEERS.map(peer) {
            for (right, on, at) in questions() {
                if authority.allows(&holder, right, &on, at) {
                    let within = |grant: &&Grant| {
                        grant.rights.contains(right) && grant.resource.covers(&on) && grant.is_valid(at)
                    };
                    let by = |grant: &&Grant| {
                        let links = model.links(&grant.id());
                        grant.holder == holder && !links.is_empty() && links.iter().all(within)
                    };
                    prop_assert!(grants.iter().any(|grant| by(&grant)), "{right:?} on {on}");
                }
            }
        }
    }

    /// Whatever somebody says who stands nowhere above, and is no root: all stays as it was.
    #[test]
    fn nobody_but_those_above_changes_anything(town in town(), of in any::<Index>(), size in 0u64..4) {
        let outsider = 99;
        let before = town.fold(&town.events, 0);
        let mut after = before.clone();
        let (grant, _) = of.get(&town.grants).clone();
        let revocation = revoke(outsider, &grant, &[cut(log(1), size)]);
        let mut events = vec![shown(outsider, &revocation), entered(outsider, &revocation, Some(&grant), 0)];
        let (record, _) = of.get(&town.said);
        events.push(shown(outsider, &approve(town.home.space(), outsider, *record)));
        events.push(shown(outsider, &succeed(town.home.space(), outsider, &[outsider], 1, &[])));
        if let Some(revocation) = town.revocations.first() {
            events.push(shown(outsider, &restore(outsider, revocation, &[cut(log(1), size)])));
        }
        events.push(shown(outsider, &below(&grant, outsider, outsider)));
        events.push(shown(outsider, &erase(town.home.space(), outsider, &[(log(1), 1, 9)])));
        events.iter().for_each(|event| { put(&mut after, event); });
        prop_assert_eq!(picture(&after, &town.events), picture(&before, &town.events));
        prop_assert!(!may_write(&after, outsider));
    }

    /// A manager's word that something is over stays, whatever becomes of the manager.
    #[test]
    fn what_is_revoked_stays_so_when_its_issuers_own_right_is_revoked(town in town(), of in any::<Index>()) {
        let before = town.fold(&town.events, 0);
        let (grant, _) = of.get(&town.grants).clone();
        let mut after = before.clone();
        for root in [ROOT, SECOND] {
            let revocation = revoke(root, &grant, &[]);
            put(&mut after, &shown(root, &revocation));
            for other in ROOTS {
                put(&mut after, &shown(other, &approve(town.home.space(), other, revocation.hash())));
            }
        }
        for other in grants_of(&town.events) {
            let id = other.id();
            prop_assert!(!before.is_revoked(&id) || after.is_revoked(&id));
            prop_assert!(!after.stands(&id) || before.stands(&id));
        }
    }

    /// A place that is not there, a table that is empty: whatever comes first, nothing panics and nobody gains a right.
    #[test]
    fn any_part_of_it_is_a_valid_state(town in town(), until in any::<Index>(), author in any::<Index>()) {
        let part = &town.events[..until.index(town.events.len())];
        let mut authority = town.fold(part, usize::MAX);
        let model = Model::of(&town.home, &[abroad()], part);
        for grant in grants_of(&town.events) {
            prop_assert_eq!(authority.stands(&grant.id()), model.stands(&grant.id()));
        }
        // What stands in somebody else's log is not entered.
        let before = picture(&authority, part);
        for event in part {
            let log = *author.get(&logs_of(part));
            let under = grants_of(part).first().map(Grant::id);
            let place = Entered { log, author: peer(98), under, position: 0 };
            let _ = authority.enter(place, event.record.clone()).expect("taken");
        }
        prop_assert_eq!(picture(&authority, part), before);
    }
}

fn questions() -> Vec<(Right, crate::CollectionPath, Option<UnixMillis>)> {
    let rights = [Right::Read, Right::Write, Right::Manage].into_iter();
    let asked = rights.flat_map(|right| PATHS.map(|on| (right, path(on))));
    asked.flat_map(|(right, on)| TIMES.map(move |at| (right, on.clone(), at))).collect()
}
