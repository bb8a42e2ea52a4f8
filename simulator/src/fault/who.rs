//! Whom a scenario means: by what they are, where they are, or which.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::PlanError;
use crate::link::ClassId;
use crate::peer::PeerIndex;
use crate::seed::Dice;

/// What is known of the peers of a city.
pub trait Census {
    /// How many peers there are.
    fn peers(&self) -> usize;

    /// The peers of a population. `None`: there is none of that name.
    fn population(&self, name: &str) -> Option<Vec<PeerIndex>>;

    /// The peers that live in a district. `None`: there is none of that name.
    fn district(&self, name: &str) -> Option<Vec<PeerIndex>>;

    /// A class of links. `None`: there is none of that name.
    fn link_class(&self, name: &str) -> Option<ClassId> {
        let _ = name;
        None
    }
}

/// A choice of peers: those that fit all that is said, and of them a share, or so many, drawn at random.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Who {
    /// Of this population.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub population: Option<String>,
    /// In this district.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub district: Option<String>,
    /// Among these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peers: Option<Vec<PeerIndex>>,
    /// This share of them, from 0 to 1, rounded up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// So many of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
}

impl Who {
    /// These.
    pub fn peers(peers: impl IntoIterator<Item = PeerIndex>) -> Self {
        Self { peers: Some(peers.into_iter().collect()), ..Self::default() }
    }

    /// A population.
    pub fn population(name: &str) -> Self {
        Self { population: Some(name.to_owned()), ..Self::default() }
    }

    /// A district.
    pub fn district(name: &str) -> Self {
        Self { district: Some(name.to_owned()), ..Self::default() }
    }

    /// This share of them.
    #[must_use]
    pub fn share(mut self, share: f64) -> Self {
        self.share = Some(share);
        self
    }

    /// Who they are, in order. A choice that says nothing means everybody.
    pub fn resolve(&self, census: &dyn Census, dice: &mut Dice) -> Result<Vec<PeerIndex>, PlanError> {
        let mut sets: Vec<BTreeSet<PeerIndex>> = Vec::new();
        if let Some(name) = &self.population {
            let found = census.population(name);
            sets.push(
                found.ok_or_else(|| PlanError::Population { name: name.clone() })?.into_iter().collect(),
            );
        }
        if let Some(name) = &self.district {
            let found = census.district(name);
            sets.push(found.ok_or_else(|| PlanError::District { name: name.clone() })?.into_iter().collect());
        }
        if let Some(peers) = &self.peers {
            if let Some(peer) = peers.iter().find(|peer| peer.0 >= census.peers()) {
                return Err(PlanError::Peer { peer: *peer, peers: census.peers() });
            }
            sets.push(peers.iter().copied().collect());
        }
        let everybody = (0..census.peers()).map(PeerIndex);
        let mut among: Vec<_> = everybody.filter(|peer| sets.iter().all(|set| set.contains(peer))).collect();
        let wanted = self.wanted(among.len())?;
        while among.len() > wanted {
            among.swap_remove(dice.index(among.len()));
        }
        if among.is_empty() {
            return Err(PlanError::Nobody { who: self.to_string() });
        }
        among.sort_unstable();
        Ok(among)
    }

    /// How many of so many.
    fn wanted(&self, among: usize) -> Result<usize, PlanError> {
        let share = match self.share {
            Some(share) if !(0.0..=1.0).contains(&share) => return Err(PlanError::Share { share }),
            Some(share) => (among as f64 * share).ceil() as usize,
            None => among,
        };
        Ok(share.min(self.count.unwrap_or(among)))
    }
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(share) = self.share {
            write!(f, "{} % of ", share * 100.0)?;
        }
        if let Some(count) = self.count {
            write!(f, "{count} of ")?;
        }
        match (&self.population, &self.peers) {
            (Some(name), _) => f.write_str(name)?,
            (None, Some(peers)) => write!(f, "{} named peers", peers.len())?,
            (None, None) => f.write_str("everybody")?,
        }
        self.district.as_ref().map_or(Ok(()), |name| write!(f, " in {name}"))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::seed::Seed;

    /// Twenty peers: the first four are gateways, and the even ones live at the harbour.
    pub(in crate::fault) struct Twenty;

    impl Census for Twenty {
        fn peers(&self) -> usize {
            20
        }

        fn population(&self, name: &str) -> Option<Vec<PeerIndex>> {
            (name == "gateways").then(|| (0..4).map(PeerIndex).collect())
        }

        fn district(&self, name: &str) -> Option<Vec<PeerIndex>> {
            (name == "harbour").then(|| (0..20).step_by(2).map(PeerIndex).collect())
        }

        fn link_class(&self, name: &str) -> Option<ClassId> {
            (name == "ethernet").then_some(ClassId(0))
        }
    }

    fn resolve(who: &Who) -> Result<Vec<usize>, PlanError> {
        let peers = who.resolve(&Twenty, &mut Seed(1).dice("test", 0))?;
        Ok(peers.into_iter().map(|peer| peer.0).collect())
    }

    #[test]
    fn what_is_said_narrows_and_a_share_is_drawn() {
        assert_eq!(resolve(&Who::population("gateways")).expect("some"), [0, 1, 2, 3]);
        let both = Who { district: Some("harbour".into()), ..Who::population("gateways") };
        assert_eq!(resolve(&both).expect("some"), [0, 2]);
        assert_eq!(resolve(&Who::peers([PeerIndex(3), PeerIndex(1)])).expect("some"), [1, 3]);
        let tenth = Who::district("harbour").share(0.25);
        let drawn = resolve(&tenth).expect("some");
        assert!(drawn.len() == 3 && drawn.iter().all(|peer| peer % 2 == 0), "{drawn:?}");
        assert_eq!(drawn, resolve(&tenth).expect("some"), "one seed, one choice");
        assert_eq!(resolve(&Who::default()).expect("everybody").len(), 20);
    }

    #[test]
    fn a_choice_of_nobody_is_refused_with_the_reason() {
        let text = |who: Who| resolve(&who).expect_err("refused").to_string();
        assert!(text(Who::population("boats")).contains("`boats`"));
        assert!(text(Who::district("moon")).contains("`moon`"));
        assert!(text(Who::peers([PeerIndex(20)])).contains("20"));
        assert!(text(Who::default().share(1.5)).contains("from 0 to 1"));
        assert!(text(Who { count: Some(0), ..Who::default() }).contains("there is none"));
    }
}
