//! What a scenario says goes wrong, from when until when.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::schedule::Step;
use super::{Census, PlanError, Strike, Who};
use crate::clock::{DRIFT_PPM_MAX, JUMP_S_MAX};
use crate::disk::{Damage, DiskFault, Kept};
use crate::error::ClockError;
use crate::link::{Degradation, Strained};
use crate::paths::Broken;
use crate::peer::PeerIndex;
use crate::seed::Dice;

/// Pairs of peers that one fault may part.
const PAIRS_MAX: usize = 100_000;

/// A fault and its time, as a scenario says it: `{ kind = "crash", who = { population = "gateways" }, from_s = 60 }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// When it begins, in seconds.
    pub from_s: f64,
    /// When it is mended, in seconds. Without it, it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_s: Option<f64>,
    /// What.
    #[serde(flatten)]
    pub fault: Fault,
}

/// Something that goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// They are cut from everybody else. Of two partitions the later one counts.
    Partition {
        /// Who.
        who: Who,
    },
    /// All links between the ones and the others are broken.
    BreakLinks {
        /// The ones.
        between: Who,
        /// The others.
        and: Who,
        /// How.
        #[serde(default)]
        how: Broken,
    },
    /// They crash, one after the other, and each starts again as long after as the fault lasts.
    Crash {
        /// Who.
        who: Who,
        /// What is left of a commit that was under way.
        #[serde(default)]
        kept: Kept,
        /// What happens to the disk meanwhile: `wiped` is a restart without the disk.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        damage: Option<Damage>,
        /// Within how many seconds all of them crash. Default: at once.
        #[serde(default)]
        within_s: f64,
    },
    /// All of them lose their power at once, and have it back at once.
    PowerCut {
        /// Who: a district, for instance.
        who: Who,
        /// What is left of commits that were under way.
        #[serde(default)]
        kept: Kept,
    },
    /// Their disks are damaged, which they find out when they start next.
    Damage {
        /// Whose.
        who: Who,
        /// How.
        damage: Damage,
    },
    /// Their disks are out of order.
    Disk {
        /// Whose.
        who: Who,
        /// How.
        how: DiskFault,
    },
    /// Their civil clocks jump, and are set right at the end.
    ClockJump {
        /// Whose.
        who: Who,
        /// How far, in seconds; back, if it is negative.
        by_s: i64,
    },
    /// Their clocks run too fast, and are set right at the end.
    ClockDrift {
        /// Whose.
        who: Who,
        /// By how much, in parts per million; too slowly, if it is negative.
        ppm: i32,
    },
    /// Their clocks were never set, and are at the end.
    ClockUnset {
        /// Whose.
        who: Who,
    },
    /// All links of a class are worse than usual, or those of some peers.
    Degrade {
        /// Which class.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<String>,
        /// Or whose.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        who: Option<Who>,
        /// By how much.
        by: Degradation,
    },
    /// No fault, but as good as one for whoever comes late: they let go of what they hold when it begins, and others have said by its
    /// end that they hold.
    LetGo {
        /// Who.
        who: Who,
        /// How many neighbours have to hold it. Default: 2.
        #[serde(default = "two")]
        copies: usize,
        /// How many of the last entries of each log stay. Default: 0; one always does.
        #[serde(default)]
        keep: u64,
    },
}

fn two() -> usize {
    2
}

impl Planned {
    /// Whom and when exactly: the strikes that it is made of, in any order.
    pub(super) fn steps(&self, census: &dyn Census, dice: &mut Dice) -> Result<Vec<Step>, PlanError> {
        let from = seconds(self.from_s)?;
        let until = self.until_s.map(seconds).transpose()?;
        if until.is_some_and(|until| until < from) {
            return Err(PlanError::Backwards {
                from_s: self.from_s,
                until_s: self.until_s.unwrap_or_default(),
            });
        }
        let mut span = Span { from, until, steps: Vec::new() };
        self.fault.begin_and_end(&mut span, census, dice)?;
        Ok(span.steps)
    }
}

/// A fault that is being planned.
struct Span {
    from: Duration,
    until: Option<Duration>,
    steps: Vec<Step>,
}

impl Span {
    fn begins(&mut self, strikes: impl IntoIterator<Item = Strike>) {
        let from = self.from;
        self.steps.extend(strikes.into_iter().map(|strike| Step { at: from, strike }));
    }

    fn ends(&mut self, strikes: impl IntoIterator<Item = Strike>) {
        if let Some(until) = self.until {
            self.steps.extend(strikes.into_iter().map(|strike| Step { at: until, strike }));
        }
    }

    /// One strike for each at the beginning, and one at the end.
    fn each(
        &mut self,
        who: &[PeerIndex],
        begin: impl Fn(PeerIndex) -> Strike,
        end: impl Fn(PeerIndex) -> Option<Strike>,
    ) {
        self.begins(who.iter().map(|peer| begin(*peer)));
        self.ends(who.iter().filter_map(|peer| end(*peer)));
    }
}

impl Fault {
    /// What it is called in a scenario.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Partition { .. } => "partition",
            Self::BreakLinks { .. } => "break_links",
            Self::Crash { .. } => "crash",
            Self::PowerCut { .. } => "power_cut",
            Self::Damage { .. } => "damage",
            Self::Disk { .. } => "disk",
            Self::ClockJump { .. } => "clock_jump",
            Self::ClockDrift { .. } => "clock_drift",
            Self::ClockUnset { .. } => "clock_unset",
            Self::Degrade { .. } => "degrade",
            Self::LetGo { .. } => "let_go",
        }
    }

    fn begin_and_end(&self, span: &mut Span, census: &dyn Census, dice: &mut Dice) -> Result<(), PlanError> {
        match self {
            Self::Partition { who } => {
                span.begins([Strike::Partition(vec![who.resolve(census, dice)?])]);
                span.ends([Strike::Heal]);
            }
            Self::BreakLinks { between, and, how } => {
                let pairs = pairs(&between.resolve(census, dice)?, &and.resolve(census, dice)?)?;
                if pairs.is_empty() {
                    return Err(PlanError::Nobody { who: format!("a link between {between} and {and}") });
                }
                span.begins(pairs.iter().map(|(a, b)| Strike::Break(*a, *b, *how)));
                span.ends(pairs.iter().map(|(a, b)| Strike::Mend(*a, *b)));
            }
            Self::Crash { who, kept, damage, within_s } => {
                let who = who.resolve(census, dice)?;
                crash(span, &who, *kept, *damage, seconds(*within_s)?);
            }
            Self::PowerCut { who, kept } => {
                let who = who.resolve(census, dice)?;
                crash(span, &who, *kept, None, Duration::ZERO);
            }
            Self::Damage { who, damage } => {
                span.each(&who.resolve(census, dice)?, |peer| Strike::Damage(peer, *damage), |_| None);
            }
            Self::Disk { who, how } => {
                let who = who.resolve(census, dice)?;
                span.each(&who, |peer| Strike::Disk(peer, *how), |peer| Some(Strike::DiskMended(peer)));
            }
            Self::ClockJump { .. } | Self::ClockDrift { .. } | Self::ClockUnset { .. } => {
                self.clocks(span, census, dice)?;
            }
            Self::LetGo { who, copies, keep } => {
                let let_go = |peer| Some(Strike::LetGo(peer, *copies, *keep));
                span.each(&who.resolve(census, dice)?, Strike::MarkHeld, let_go);
            }
            Self::Degrade { class, who, by } => {
                by.check()?;
                let strained = strained(class.as_deref(), who.as_ref(), census, dice)?;
                span.begins(strained.iter().map(|whose| Strike::Degrade(*whose, *by)));
                span.ends(strained.iter().map(|whose| Strike::Restore(*whose)));
            }
        }
        Ok(())
    }

    fn clocks(&self, span: &mut Span, census: &dyn Census, dice: &mut Dice) -> Result<(), PlanError> {
        let set = |peer| Some(Strike::ClockSet(peer));
        match self {
            Self::ClockJump { by_s, .. } if by_s.unsigned_abs() > JUMP_S_MAX.unsigned_abs() => {
                return Err(ClockError::Jump { by_s: *by_s }.into());
            }
            Self::ClockDrift { ppm, .. } if ppm.unsigned_abs() > DRIFT_PPM_MAX.unsigned_abs() => {
                return Err(ClockError::Drift { ppm: *ppm }.into());
            }
            Self::ClockJump { who, by_s } => {
                span.each(&who.resolve(census, dice)?, |peer| Strike::ClockJump(peer, *by_s), set);
            }
            Self::ClockDrift { who, ppm } => {
                span.each(&who.resolve(census, dice)?, |peer| Strike::ClockDrift(peer, *ppm), set);
            }
            Self::ClockUnset { who } => span.each(&who.resolve(census, dice)?, Strike::ClockUnset, set),
            _ => {}
        }
        Ok(())
    }
}

/// Each crashes at its turn, and is down as long as the fault lasts.
fn crash(span: &mut Span, who: &[PeerIndex], kept: Kept, damage: Option<Damage>, within: Duration) {
    for (n, peer) in who.iter().enumerate() {
        let late = within * n as u32 / who.len() as u32;
        let mut step = |at, strike| span.steps.push(Step { at: at + late, strike });
        step(span.from, Strike::Crash(*peer, kept));
        if let Some(damage) = damage {
            step(span.from, Strike::Damage(*peer, damage));
        }
        if let Some(until) = span.until {
            step(until, Strike::Restart(*peer));
        }
    }
}

/// A class of links, or the links of some peers.
fn strained(
    class: Option<&str>,
    who: Option<&Who>,
    census: &dyn Census,
    dice: &mut Dice,
) -> Result<Vec<Strained>, PlanError> {
    match (class, who) {
        (Some(name), None) => {
            let class = census.link_class(name).ok_or_else(|| PlanError::Class { name: name.to_owned() })?;
            Ok(vec![Strained::Class(class)])
        }
        (None, Some(who)) => Ok(who.resolve(census, dice)?.into_iter().map(Strained::Peer).collect()),
        (Some(_), Some(_)) | (None, None) => Err(PlanError::ClassOrWho),
    }
}

/// Each of the ones with each of the others, once.
fn pairs(ones: &[PeerIndex], others: &[PeerIndex]) -> Result<Vec<(PeerIndex, PeerIndex)>, PlanError> {
    if ones.len() * others.len() > PAIRS_MAX {
        return Err(PlanError::Pairs { pairs: ones.len() * others.len(), max: PAIRS_MAX });
    }
    let all = ones.iter().flat_map(|a| others.iter().map(move |b| (*a.min(b), *a.max(b))));
    let mut pairs: Vec<_> = all.filter(|(a, b)| a != b).collect();
    pairs.sort_unstable();
    pairs.dedup();
    Ok(pairs)
}

pub(super) fn seconds(s: f64) -> Result<Duration, PlanError> {
    Duration::try_from_secs_f64(s).map_err(|_| PlanError::Time { s })
}
