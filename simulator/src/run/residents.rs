//! Who lives where, and whom each dials: populations, placed on a map.

use std::collections::BTreeSet;
use std::iter;

use msec_identity::{Right, Rights};
use msec_peer::gossip::Interest;
use msec_peer::node;

use crate::fault::Census;
use crate::link::{ClassId, LinkClass};
use crate::map::{Map, Point, Route};
use crate::peer::{PeerIndex, PeerSpec};
use crate::scenario::{DIALS_MAX, DialScope, DialSpec, InterestSpec, PopulationSpec, Role, Scenario, Scope};
use crate::seed::{Dice, Seed};

/// What everybody who says nothing else dials.
const DIALS: DialSpec = DialSpec { gateways: 2, of: DialScope::District };

/// Gateways that a district has at least, if there are enough: an entry then lies in three places.
const GATEWAYS_EACH: usize = 3;

/// Gateways of its own district that a gateway dials at most: the next ones of the ring that they stand in.
const RING_MAX: usize = 3;

/// One who lives in the city, or will.
#[derive(Debug, Clone)]
pub struct Resident {
    /// The population, by its place in the scenario.
    pub population: usize,
    /// Which one of it, counted from 0.
    pub nth: usize,
    /// The district, by its place on the map.
    pub district: usize,
    /// Where.
    pub at: Point,
    /// Where it goes, if it moves, and how far along it is at the beginning, in metres.
    pub route: Option<(Route, f64)>,
    /// When it joins; those who are there from the start join at 0.
    pub joins: std::time::Duration,
}

/// All who live in a city, in the order in which they are added to its world: [`PeerIndex`] counts along.
#[derive(Debug)]
pub struct Residents {
    all: Vec<Resident>,
    populations: Vec<String>,
    districts: Vec<String>,
    classes: Vec<LinkClass>,
    /// The populations that mean harm.
    hostile: BTreeSet<usize>,
    /// Gateways by district.
    gateways: Vec<Vec<PeerIndex>>,
}

impl Residents {
    /// Places everybody.
    pub(super) fn settle(scenario: &Scenario, classes: &[LinkClass], map: &Map, seed: Seed) -> Self {
        let districts = map.districts().len();
        let mut all = Vec::new();
        // Gateways go round the districts until each has its few; the others stand where the map has most to serve. Hostile
        // ones go round for themselves.
        let mut rounds = [0, 0];
        for (population, (spec, size)) in scenario.populations.iter().zip(scenario.sizes()).enumerate() {
            let mut dice = seed.dice("settle", population as u64);
            for nth in 0..size {
                let round = &mut rounds[usize::from(spec.hostile.is_some())];
                let goes_round = spec.role == Role::Gateway && *round < GATEWAYS_EACH * districts;
                let district = goes_round.then_some(*round % districts);
                *round += usize::from(district.is_some());
                let route = spec.moves.map(|moves| {
                    let route = map.route(moves.route.kind(nth), &mut dice);
                    // In tenths of a millimetre, so that a draw is a whole number.
                    let ahead_m = dice.below((route.length_m() * 1e4) as u64) as f64 / 1e4;
                    (route, ahead_m)
                });
                // What moves lives where it is at first: all lines begin at a few ends of the city.
                let at = match &route {
                    Some((route, ahead_m)) => route.at(*ahead_m),
                    None => map.place(&spec.site.site(nth), district, &mut dice),
                };
                let district = district.unwrap_or_else(|| map.district_of(at));
                let joins = spec.joins_at(nth, size);
                all.push(Resident { population, nth, district, at, route, joins });
            }
        }
        all.sort_by_key(|resident| resident.joins);
        let mut gateways = vec![Vec::new(); districts];
        for (n, resident) in all.iter().enumerate() {
            if scenario.populations[resident.population].role == Role::Gateway {
                gateways[resident.district].push(PeerIndex(n));
            }
        }
        Self {
            all,
            populations: scenario.populations.iter().map(|spec| spec.name.clone()).collect(),
            districts: map.districts().iter().map(|district| district.name.clone()).collect(),
            classes: classes.to_vec(),
            hostile: (0..)
                .zip(&scenario.populations)
                .filter(|(_, it)| it.hostile.is_some())
                .map(|(n, _)| n)
                .collect(),
            gateways,
        }
    }

    /// One of them.
    pub fn get(&self, peer: PeerIndex) -> Option<&Resident> {
        self.all.get(peer.0)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (PeerIndex, &Resident)> {
        self.all.iter().enumerate().map(|(n, resident)| (PeerIndex(n), resident))
    }

    /// What the population is called that one belongs to.
    pub fn population(&self, resident: &Resident) -> &str {
        &self.populations[resident.population]
    }

    /// What the district is called where one lives: the first part of its collections.
    pub fn district(&self, resident: &Resident) -> &str {
        &self.districts[resident.district]
    }

    /// What one of them is to be in the world.
    pub(super) fn spec(&self, peer: PeerIndex, scenario: &Scenario, dice: &mut Dice) -> PeerSpec {
        let resident = &self.all[peer.0];
        let population = &scenario.populations[resident.population];
        let mut spec = match population.role {
            Role::Gateway => PeerSpec::gateway(),
            Role::Sensor => PeerSpec::sensor(),
            Role::Phone | Role::Office => PeerSpec::citizen(),
        };
        if population.role == Role::Sensor && population.interest.is_some() {
            // Who is to hold what others wrote has to be given it.
            spec = spec.on("", Rights::of([Right::Relay, Right::Read, Right::Write]));
        }
        spec.settings.leases = scenario.leases.leases();
        spec.settings.interest = self.interest(resident, population);
        spec = if population.relays() { spec.relay() } else { spec.leaf() };
        spec.interfaces =
            population.interfaces.iter().filter_map(|name| class_id(&self.classes, name)).collect();
        spec.position = resident.at;
        spec.discover = population.discovers;
        spec.disk.commit = std::time::Duration::from_secs_f64(population.commit_ms / 1_000.0);
        spec.behaviour = population.hostile.clone();
        spec.issuer = population.issues;
        spec.granted_by = population.granted_by.as_deref().and_then(|name| self.population_of(name)?.next());
        spec.is_entered = population.entered;
        for contact in self.contacts(peer, population, dice) {
            spec = spec.contact(contact);
        }
        spec
    }

    /// The peers of a population, by its name.
    fn population_of(&self, name: &str) -> Option<impl Iterator<Item = PeerIndex> + '_> {
        let population = self.populations.iter().position(|it| it == name)?;
        Some(self.of(population))
    }

    /// The peers of a population, by its place in the scenario.
    pub(super) fn of(&self, population: usize) -> impl Iterator<Item = PeerIndex> + '_ {
        self.iter().filter(move |(_, it)| it.population == population).map(|(peer, _)| peer)
    }

    fn interest(&self, resident: &Resident, population: &PopulationSpec) -> Interest {
        let usual = match population.role {
            Role::Gateway | Role::Phone => Scope::District,
            Role::Sensor => Scope::None,
            Role::Office => Scope::All,
        };
        let collections = match &population.interest {
            None => return self.scope(usual, resident),
            Some(InterestSpec::Scope(scope)) => return self.scope(*scope, resident),
            Some(InterestSpec::Collections(collections)) => collections,
        };
        Interest::of(collections.iter().map(String::as_str)).expect("a scenario's collections are checked")
    }

    fn scope(&self, scope: Scope, resident: &Resident) -> Interest {
        match scope {
            Scope::All => Interest::all(),
            Scope::None => Interest::none(),
            Scope::District => Interest::of([self.district(resident)]).expect("a district is a collection"),
        }
    }

    /// Whom one dials, each once, and never itself.
    fn contacts(&self, peer: PeerIndex, population: &PopulationSpec, dice: &mut Dice) -> Vec<PeerIndex> {
        let resident = &self.all[peer.0];
        let dials = match (population.dials, population.role) {
            (Some(dials), _) => dials,
            // Who wants everything needs somebody of every district who has it.
            _ if self.interest(resident, population) == Interest::all() => {
                DialSpec { gateways: 1, of: DialScope::Every }
            }
            (None, Role::Gateway) => return self.backbone(peer),
            (None, Role::Office | Role::Sensor | Role::Phone) => DIALS,
        };
        let near =
            |gateways: &mut dyn Iterator<Item = PeerIndex>| self.nearest(peer, gateways, dials.gateways);
        match dials.of {
            DialScope::District => {
                // Any of the nearest few: if all took the very nearest, the one in the middle would be full.
                let few = dials.gateways * 2;
                let mut near = self.nearest(peer, &mut self.gateways[resident.district].iter().copied(), few);
                let honest = |all: &[PeerIndex]| all.iter().filter(|g| !self.is_hostile(**g)).count();
                while honest(&near) > dials.gateways {
                    near.remove(dice.index(near.len()));
                }
                near
            }
            DialScope::City => near(&mut self.gateways.iter().flatten().copied()),
            DialScope::Random => {
                let mut left: Vec<_> =
                    self.gateways.iter().flatten().copied().filter(|g| *g != peer).collect();
                let drawn =
                    iter::from_fn(|| (!left.is_empty()).then(|| left.swap_remove(dice.index(left.len()))));
                self.until_honest(drawn, dials.gateways)
            }
            DialScope::Every => {
                let of_each = |gateways: &Vec<PeerIndex>| {
                    let honest = |g: &PeerIndex| *g != peer && !self.is_hostile(*g);
                    let others: Vec<_> = gateways.iter().copied().filter(honest).collect();
                    others.get(dice.index(others.len())).copied()
                };
                let contacts = self.gateways.iter().filter_map(of_each);
                contacts.take(node::Config::CONTACTS_MAX).collect()
            }
        }
    }

    /// The nearest of some gateways.
    fn nearest(
        &self,
        peer: PeerIndex,
        gateways: &mut dyn Iterator<Item = PeerIndex>,
        wanted: usize,
    ) -> Vec<PeerIndex> {
        let from = self.all[peer.0].at;
        let mut by_distance: Vec<_> =
            gateways.filter(|g| *g != peer).map(|g| (self.all[g.0].at.distance_m(from), g)).collect();
        by_distance.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        self.until_honest(by_distance.into_iter().map(|(_, gateway)| gateway), wanted)
    }

    /// The first of some gateways, until so many of them are honest. Hostile ones that come before are dialled as well, and do
    /// not count: whoever dials nobody else could not be helped.
    fn until_honest(&self, mut gateways: impl Iterator<Item = PeerIndex>, wanted: usize) -> Vec<PeerIndex> {
        let (mut chosen, mut honest) = (Vec::new(), 0);
        while honest < wanted
            && let Some(gateway) = gateways.next()
        {
            let is_hostile = self.is_hostile(gateway);
            honest += usize::from(!is_hostile);
            if !is_hostile || chosen.len() < honest + DIALS_MAX {
                chosen.push(gateway);
            }
        }
        chosen
    }

    /// A gateway dials the next ones in the ring of its district, and one of the next district's. Hostile ones stand beside
    /// the ring: each dials some of it, and one of it dials each.
    fn backbone(&self, peer: PeerIndex) -> Vec<PeerIndex> {
        let district = self.all[peer.0].district;
        let honest = |district: usize| -> Vec<PeerIndex> {
            self.gateways[district].iter().copied().filter(|g| !self.is_hostile(*g)).collect()
        };
        let ring = honest(district);
        let Some(place) = ring.iter().position(|g| *g == peer) else {
            return ring.into_iter().take(RING_MAX).collect();
        };
        // Of two who would dial each other, one does.
        let next = (1..=RING_MAX.min(ring.len() / 2)).map(|step| ring[(place + step) % ring.len()]);
        let mut contacts: Vec<PeerIndex> = next.collect();
        if ring.len() == 2 && place == 1 {
            contacts.clear();
        }
        let beside = self.gateways[district].iter().filter(|g| self.is_hostile(**g)).enumerate();
        contacts.extend(beside.filter(|(n, _)| n % ring.len() == place).map(|(_, g)| *g).take(RING_MAX));
        let others = (1..self.gateways.len()).map(|step| honest((district + step) % self.gateways.len()));
        if let Some(next) = others.into_iter().find(|gateways| !gateways.is_empty()) {
            contacts.push(next[place % next.len()]);
        }
        contacts
    }

    fn is_hostile(&self, peer: PeerIndex) -> bool {
        self.hostile.contains(&self.all[peer.0].population)
    }
}

impl Census for Residents {
    fn link_class(&self, name: &str) -> Option<ClassId> {
        class_id(&self.classes, name)
    }

    fn peers(&self) -> usize {
        self.all.len()
    }

    fn population(&self, name: &str) -> Option<Vec<PeerIndex>> {
        self.population_of(name).map(Iterator::collect)
    }

    fn district(&self, name: &str) -> Option<Vec<PeerIndex>> {
        let district = self.districts.iter().position(|it| it == name)?;
        Some(self.iter().filter(|(_, it)| it.district == district).map(|(peer, _)| peer).collect())
    }
}

fn class_id(classes: &[LinkClass], name: &str) -> Option<ClassId> {
    classes.iter().position(|class| class.name == name).and_then(|n| u8::try_from(n).ok()).map(ClassId)
}
