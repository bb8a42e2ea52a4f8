//! Whose rights end in a random city: writers, readers and those who let others in.
//!
//! Drawn apart from all else, so that a seed has the same city beside it.

use std::time::Duration;

use super::draw::{PUBLISH_S, population};
use crate::fault::Who;
use crate::hostile::Behaviour;
use crate::revocation::{CutAt, Issuer, Revoke};
use crate::scenario::{InterestSpec, PopulationSpec, Role, Scenario, Scope};
use crate::seed::Dice;

/// The share of cities in which somebody's rights end.
const REVOKING: f64 = 0.4;

/// The most revocations of a city.
const REVOKES_MAX: u64 = 4;

/// Lets rights end in a city, now and then.
pub(super) fn end(scenario: &mut Scenario, dice: &mut Dice) {
    if !dice.chance(REVOKING) {
        return;
    }
    let role = [Role::Office, Role::Gateway][dice.index(2)];
    add(scenario, issuer(scenario, "registry", role, Issuer::Root));
    let managed = dice.chance(0.6);
    if managed {
        // Nobody dials an office: what others rely on does not go with it.
        add(scenario, issuer(scenario, "managers", Role::Office, Issuer::Manager));
        let entered = dice.chance(0.7);
        let whom = ["sensors", "readers"][dice.index(2)];
        for it in scenario.populations.iter_mut().filter(|it| it.name == "sensors" || it.name == whom) {
            (it.granted_by, it.entered) = (Some("managers".into()), entered);
        }
    }
    let revokes = 1 + dice.below(REVOKES_MAX);
    for _ in 0..revokes {
        let holders = ["sensors", "readers", "managers"][dice.index(if managed { 3 } else { 2 })];
        let who = Who { count: Some(1 + dice.index(2)), ..Who::population(holders) };
        // Two may say it of one: the root, and whoever granted it.
        let by = (dice.chance(0.5) || holders == "managers").then(|| Who::population("registry"));
        scenario.revokes.push(revoke(who, by, dice));
    }
    if dice.chance(0.3) {
        let thief = thief(scenario);
        add(scenario, thief);
        let (who, by) = (Who::population("thief"), Some(Who::population("registry")));
        scenario.revokes.push(revoke(who, by, dice));
    }
}

fn revoke(who: Who, by: Option<Who>, dice: &mut Dice) -> Revoke {
    let at_s = 3 + dice.below(PUBLISH_S - 5);
    let restore_at_s = dice.chance(0.4).then(|| (at_s + 1 + dice.below(15)) as f64);
    let cut = [CutAt::Now, CutAt::Now, CutAt::Stale, CutAt::None][dice.index(4)];
    Revoke { at_s: at_s as f64, who, by, cut, restore_at_s }
}

fn add(scenario: &mut Scenario, population: PopulationSpec) {
    scenario.city.peers += 1;
    scenario.populations.push(population);
}

/// One peer that holds everything, linked as gateways are.
fn issuer(scenario: &Scenario, name: &str, role: Role, issues: Issuer) -> PopulationSpec {
    let interfaces = scenario.populations[0].interfaces.clone();
    let interest = Some(InterestSpec::Scope(Scope::All));
    let it = population(name, role, 0.0);
    PopulationSpec { share: None, count: Some(1), issues: Some(issues), interfaces, interest, ..it }
}

/// One that was stolen, and goes on.
fn thief(scenario: &Scenario) -> PopulationSpec {
    let like =
        scenario.populations.iter().find(|it| it.name == "sensors").unwrap_or(&scenario.populations[0]);
    let publishes =
        like.publishes.clone().map(|it| crate::scenario::PublishSpec { every: Duration::from_secs(1), ..it });
    let it = population("thief", Role::Sensor, 0.0);
    let hostile = Some(Behaviour::Backdates);
    PopulationSpec {
        share: None,
        count: Some(1),
        interfaces: like.interfaces.clone(),
        publishes,
        hostile,
        ..it
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::revocation::CutAt;
    use crate::swarm::draw;

    #[test]
    fn writers_readers_and_managers_are_revoked_with_each_cut_and_some_are_restored() {
        let all: Vec<_> = (0..200).flat_map(|seed| draw(seed).revokes).collect();
        let whom: BTreeSet<_> = all.iter().filter_map(|it| it.who.population.clone()).collect();
        assert_eq!(whom.into_iter().collect::<Vec<_>>(), ["managers", "readers", "sensors", "thief"]);
        for cut in [CutAt::Now, CutAt::Stale, CutAt::None] {
            assert!(all.iter().any(|it| it.cut == cut && it.restore_at_s.is_some()), "{cut:?}");
        }
    }
}
