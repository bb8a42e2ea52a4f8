//! All that goes wrong in a run, in the order of time.

use std::collections::BTreeMap;
use std::time::Duration;

use super::planned::seconds;
use super::{Census, Planned, Strike};
use crate::erasure::Erase;
use crate::error::{ClockError, LinkError};
use crate::peer::PeerIndex;
use crate::revocation::Revoke;
use crate::seed::Seed;
use crate::world::World;

/// A plan that cannot be followed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// No such population.
    #[error("there is no population `{name}`: name one that the scenario has")]
    Population {
        /// The name.
        name: String,
    },
    /// No such district.
    #[error("there is no district `{name}`: name one that the map has")]
    District {
        /// The name.
        name: String,
    },
    /// No such class of links.
    #[error("there is no class of links `{name}`: name one that the scenario has")]
    Class {
        /// The name.
        name: String,
    },
    /// Both or neither.
    #[error("links are degraded by `class` or by `who`: give one of them")]
    ClassOrWho,
    /// No such peer.
    #[error("there is no peer {peer}: they are numbered from 0, and there are {peers}")]
    Peer {
        /// Which.
        peer: PeerIndex,
        /// How many there are.
        peers: usize,
    },
    /// Not a share.
    #[error("`share` is {share}: give it a value from 0 to 1")]
    Share {
        /// Its value.
        share: f64,
    },
    /// It would strike nobody.
    #[error("{who}: there is none, and a fault has to strike one at least")]
    Nobody {
        /// Who.
        who: String,
    },
    /// Not one issuer.
    #[error("{who}: a revocation has one issuer: let `by` choose one peer, with `count = 1`")]
    Issuers {
        /// Who.
        who: String,
    },
    /// Too many links.
    #[error(
        "{pairs} pairs of peers are too many for one fault: at most {max}; cut them off with `partition`"
    )]
    Pairs {
        /// How many.
        pairs: usize,
        /// How many may be.
        max: usize,
    },
    /// Not a time.
    #[error("{s} is no time: give seconds from 0 on")]
    Time {
        /// What was given.
        s: f64,
    },
    /// It would end before it begins.
    #[error("a fault lasts from second {from_s} until {until_s}: let it end after it begins")]
    Backwards {
        /// When it begins.
        from_s: f64,
        /// When it ends.
        until_s: f64,
    },
    /// No clock does that.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// No link can be so bad.
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// One strike of a fault.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) at: Duration,
    pub(super) strike: Strike,
}

/// The strikes of a run that have not happened yet.
#[derive(Debug, Clone, Default)]
pub struct Schedule {
    /// By time, and at one time by turn.
    steps: BTreeMap<(Duration, u64), (Option<usize>, Strike)>,
    next: u64,
    faults: Vec<Fault>,
}

/// A fault as a whole.
#[derive(Debug, Clone)]
struct Fault {
    name: &'static str,
    left: usize,
    /// Whether all is as before once its last strike is done.
    ends: bool,
    /// Which it is in the world, since it has begun.
    begun: Option<usize>,
}

impl Schedule {
    /// Adds faults as a scenario says them. Whom they strike is drawn from the seed, for each fault by itself.
    pub fn plan(&mut self, faults: &[Planned], census: &dyn Census, seed: Seed) -> Result<(), PlanError> {
        for planned in faults {
            let which = self.faults.len();
            let mut steps = planned.steps(census, &mut seed.dice("schedule", which as u64))?;
            steps.sort_by_key(|step| step.at);
            let name = planned.fault.name();
            let ends = planned.until_s.is_some() || name == "damage";
            self.faults.push(Fault { name, left: steps.len(), ends, begun: None });
            steps.into_iter().for_each(|step| self.push(step.at, Some(which), step.strike));
        }
        Ok(())
    }

    /// Adds revocations as a scenario says them, and what is restored of them.
    pub fn plan_revocations(
        &mut self,
        revokes: &[Revoke],
        census: &dyn Census,
        seed: Seed,
    ) -> Result<(), PlanError> {
        for (nth, revoke) in revokes.iter().enumerate() {
            let mut dice = seed.dice("revocations", nth as u64);
            let holders = revoke.who.resolve(census, &mut dice)?;
            let by = revoke.by.as_ref().map(|by| match by.resolve(census, &mut dice)?[..] {
                [by] => Ok(by),
                _ => Err(PlanError::Issuers { who: by.to_string() }),
            });
            let by = by.transpose()?;
            let (at, restore) = (seconds(revoke.at_s)?, revoke.restore_at_s.map(seconds).transpose()?);
            let which = self.faults.len();
            let left = holders.len() * (1 + usize::from(restore.is_some()));
            self.faults.push(Fault { name: "revocation", left, ends: true, begun: None });
            for holder in &holders {
                self.push(at, Some(which), Strike::Revoke(*holder, by, revoke.cut));
            }
            for holder in restore.iter().flat_map(|_| &holders) {
                self.push(restore.unwrap_or(at), Some(which), Strike::RestoreRights(*holder));
            }
        }
        Ok(())
    }

    /// Adds what is to be erased. Of whom, and who says so, is drawn from `seed`.
    pub fn plan_erasures(
        &mut self,
        erases: &[Erase],
        census: &dyn Census,
        seed: Seed,
    ) -> Result<(), PlanError> {
        for (nth, erase) in erases.iter().enumerate() {
            let mut dice = seed.dice("erasures", nth as u64);
            let authors = erase.who.resolve(census, &mut dice)?;
            let by = erase.by.as_ref().map(|by| match by.resolve(census, &mut dice)?[..] {
                [by] => Ok(by),
                _ => Err(PlanError::Issuers { who: by.to_string() }),
            });
            let (by, at) = (by.transpose()?, seconds(erase.at_s)?);
            let which = self.faults.len();
            self.faults.push(Fault { name: "erasure", left: authors.len(), ends: true, begun: None });
            authors.into_iter().for_each(|author| self.push(at, Some(which), Strike::Erase(author, by)));
        }
        Ok(())
    }

    /// Adds a single strike, after what is planned for the same time already.
    pub fn add(&mut self, at: Duration, strike: Strike) {
        self.push(at, None, strike);
    }

    /// When something goes wrong next.
    pub fn due(&self) -> Option<Duration> {
        self.steps.first_key_value().map(|((at, _), _)| *at)
    }

    /// When the last strike happens.
    pub fn end(&self) -> Option<Duration> {
        self.steps.last_key_value().map(|((at, _), _)| *at)
    }

    /// Does all that is due. Returns what could not be done.
    pub fn strike(&mut self, world: &mut World) -> Vec<String> {
        let mut failed = Vec::new();
        while let Some(entry) = self.steps.first_entry().filter(|entry| entry.key().0 <= world.time()) {
            let (which, strike) = entry.remove();
            if let Some(fault) = which.and_then(|which| self.faults.get_mut(which)) {
                fault.begun.get_or_insert_with(|| world.fault_begins(fault.name.to_owned()));
            }
            if let Err(error) = strike.strike(world) {
                failed.push(format!("{strike:?}: {error}"));
            }
            if let Some(fault) = which.and_then(|which| self.faults.get_mut(which)) {
                fault.left -= 1;
                if let (0, true, Some(begun)) = (fault.left, fault.ends, fault.begun) {
                    world.fault_ends(begun);
                }
            }
        }
        failed
    }

    fn push(&mut self, at: Duration, fault: Option<usize>, strike: Strike) {
        self.steps.insert((at, self.next), (fault, strike));
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::who::tests::Twenty;
    use super::*;
    use crate::{NetworkModel, PeerSpec};

    fn planned(text: &str) -> Result<Planned, serde_json::Error> {
        serde_json::from_str(text)
    }

    fn schedule(faults: &[&str]) -> Result<Schedule, PlanError> {
        let faults: Vec<_> = faults.iter().map(|text| planned(text).expect("a fault")).collect();
        let mut schedule = Schedule::default();
        schedule.plan(&faults, &Twenty, Seed(1))?;
        Ok(schedule)
    }

    fn strikes(schedule: &Schedule) -> Vec<String> {
        schedule
            .steps
            .iter()
            .map(|((at, _), (_, strike))| format!("{} {strike:?}", at.as_secs_f64()))
            .collect()
    }

    fn twenty() -> World {
        let mut world = World::new(1, NetworkModel::default()).expect("a world");
        for n in 0..20 {
            let spec = if n < 4 { PeerSpec::gateway() } else { PeerSpec::sensor().contact(PeerIndex(n % 4)) };
            world.add_peer(spec).expect("a peer");
        }
        world
    }

    #[test]
    fn a_crash_comes_in_turn_and_each_is_down_as_long() {
        let text = r#"{"kind": "crash", "who": {"population": "gateways", "count": 2}, "damage": "wiped",
            "within_s": 10, "from_s": 5, "until_s": 7.5}"#;
        let schedule = schedule(&[text]).expect("a plan");
        let steps = strikes(&schedule);
        let times: Vec<_> = steps.iter().map(|step| step.split(' ').next().unwrap_or_default()).collect();
        assert_eq!(times, ["5", "5", "7.5", "10", "10", "12.5"], "{steps:?}");
        assert!(steps[1].contains("Damage") && steps[5].contains("Restart"), "{steps:?}");
    }

    #[test]
    fn each_kind_begins_and_ends_and_the_world_remembers() {
        let kinds = [
            r#"{"kind": "partition", "who": {"district": "harbour"}, "from_s": 1, "until_s": 2}"#,
            r#"{"kind": "break_links", "between": {"peers": [0]}, "and": {"peers": [4, 8]}, "from_s": 1, "until_s": 2}"#,
            r#"{"kind": "power_cut", "who": {"district": "harbour"}, "from_s": 3, "until_s": 4}"#,
            r#"{"kind": "damage", "who": {"peers": [5]}, "damage": "page", "from_s": 1}"#,
            r#"{"kind": "disk", "who": {"peers": [6]}, "how": "fails", "from_s": 1, "until_s": 2}"#,
            r#"{"kind": "clock_jump", "who": {"peers": [7]}, "by_s": -86400, "from_s": 1, "until_s": 2}"#,
            r#"{"kind": "clock_drift", "who": {"share": 0.5}, "ppm": 200, "from_s": 1, "until_s": 2}"#,
            r#"{"kind": "clock_unset", "who": {"peers": [9]}, "from_s": 1, "until_s": 2}"#,
            r#"{"kind": "degrade", "who": {"peers": [10]}, "by": {"latency_factor": 4, "extra_loss": 0.1}, "from_s": 1, "until_s": 2}"#,
            r#"{"kind": "crash", "who": {"peers": [11]}, "from_s": 5}"#,
        ];
        let (mut schedule, mut world) = (schedule(&kinds).expect("a plan"), twenty());
        let end = schedule.end().expect("strikes");
        while let Some(due) = schedule.due() {
            world.run_until(due);
            assert_eq!(schedule.strike(&mut world), Vec::<String>::new());
        }
        assert!(world.time() == end && end == Duration::from_secs(5));
        assert!(!world.is_up(PeerIndex(11)) && world.is_up(PeerIndex(2)));
        let open: Vec<_> =
            world.struck().iter().filter(|it| it.until.is_none()).map(|it| it.what.as_str()).collect();
        assert_eq!((world.struck().len(), open), (10, vec!["crash"]));
    }

    #[test]
    fn a_fault_is_written_as_it_is_read() {
        let text = r#"{"from_s":1.0,"until_s":2.5,"kind":"crash","who":{"population":"gateways","share":0.1},"kept":"synced","within_s":0.0}"#;
        let fault = planned(text).expect("a fault");
        assert_eq!(serde_json::to_string(&fault).expect("JSON"), text);
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_words() {
        let unknown = [
            r#"{"kind": "crash", "who": {}, "from_s": 1, "untill_s": 2}"#,
            r#"{"kind": "crash", "who": {"people": 3}, "from_s": 1}"#,
            r#"{"kind": "earthquake", "who": {}, "from_s": 1}"#,
        ];
        assert!(unknown.iter().all(|text| planned(text).is_err()));
        let refused = |text| schedule(&[text]).expect_err("refused").to_string();
        for (text, answer) in [
            (r#"{"kind": "power_cut", "who": {"district": "moon"}, "from_s": 1}"#, "`moon`"),
            (r#"{"kind": "power_cut", "who": {}, "from_s": 3, "until_s": 2}"#, "let it end after"),
            (r#"{"kind": "power_cut", "who": {}, "from_s": -3}"#, "from 0 on"),
            (r#"{"kind": "clock_drift", "who": {}, "ppm": 2000000, "from_s": 1}"#, "a cheap oscillator"),
            (r#"{"kind": "degrade", "by": {}, "from_s": 1}"#, "give one of them"),
            (r#"{"kind": "degrade", "class": "string", "by": {}, "from_s": 1}"#, "`string`"),
        ] {
            let refused = refused(text);
            assert!(refused.contains(answer), "{refused}");
        }
    }
}
