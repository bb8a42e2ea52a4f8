//! A grid of parameters and seeds: which runs it is, and what came of each.
//!
//! Every run is a job of its own, with a number, a seed and a file, so that an array of jobs on a cluster can share them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::metrics::Metrics;
use crate::scenario::Override;

/// The most jobs of a sweep. A grid with more is refused.
pub const JOBS_MAX: usize = 100_000;

/// The longest result file, in bytes. A longer one is refused.
pub const RESULT_BYTES_MAX: u64 = 1 << 20;

/// The most files that are read of one result set; further ones are an error.
pub const RESULTS_MAX: usize = 2 * JOBS_MAX;

/// One value of a scenario, and what it is to be in turn: `city.peers=100,300,1000`.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis(Vec<Override>);

impl FromStr for Axis {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (path, values) =
            text.split_once('=').ok_or("write it as path=value,value, such as city.peers=100,300")?;
        let values = values.split(',').map(|value| format!("{path}={value}").parse());
        Ok(Self(values.collect::<Result<_, _>>()?))
    }
}

/// Seeds: `5`, `1,2,3` or `1..=20`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seeds(pub Vec<u64>);

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| format!("{text:?} is no seed"));
        let range = text.split_once("..=").or_else(|| text.split_once(".."));
        let seeds: Vec<u64> = match range {
            Some((from, to)) => {
                let (from, to) = (number(from)?, number(to)?);
                let count = to.saturating_sub(from).saturating_add(1);
                if to < from || count > JOBS_MAX as u64 {
                    return Err(format!("write 1 to {JOBS_MAX} seeds as first..=last"));
                }
                (from..=to).collect()
            }
            // Each once: a run that is counted twice would look like agreement.
            None => text.split(',').map(number).collect::<Result<BTreeSet<_>, _>>()?.into_iter().collect(),
        };
        Ok(Self(seeds))
    }
}

/// One run of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Counted from 0.
    pub number: usize,
    /// What is set in the scenario.
    pub overrides: Vec<Override>,
    /// The seed.
    pub seed: u64,
}

/// What came of one run of a sweep: the content of its file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobResult {
    /// The scenario's name.
    pub scenario: String,
    /// A hash of its text, as the file was written.
    pub text: String,
    /// What was set in it.
    pub settings: BTreeMap<String, String>,
    /// The seed.
    pub seed: u64,
    /// What was counted.
    pub metrics: Metrics,
}

/// A result set that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// The file system says no.
    #[error("cannot read {path}")]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no result.
    #[error("{path} is no result of a sweep: {reason}")]
    NoResult {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// There is none.
    #[error("there is no result in {path}: run msec-sim sweep with -o {path} first")]
    Empty {
        /// Where.
        path: PathBuf,
    },
}

/// All jobs of a grid: every combination of values, each with every seed, the seed changing fastest.
pub fn jobs(axes: &[Axis], seeds: &Seeds) -> Result<Vec<Job>, String> {
    let points = axes.iter().try_fold(1_usize, |all, axis| all.checked_mul(axis.0.len()));
    let all = points.and_then(|points| points.checked_mul(seeds.0.len())).unwrap_or(usize::MAX);
    if all == 0 || all > JOBS_MAX {
        return Err(format!("a sweep is 1 to {JOBS_MAX} runs: give it fewer values or seeds"));
    }
    let mut combinations = vec![Vec::new()];
    for Axis(values) in axes {
        let with = |before: &Vec<Override>| {
            values
                .iter()
                .map(|value| [before.as_slice(), std::slice::from_ref(value)].concat())
                .collect::<Vec<_>>()
        };
        combinations = combinations.iter().flat_map(with).collect();
    }
    let runs = combinations.iter().flat_map(|set| seeds.0.iter().map(move |seed| (set, *seed)));
    Ok(runs.enumerate().map(|(number, (set, seed))| Job { number, overrides: set.clone(), seed }).collect())
}

impl Job {
    /// Where its result goes.
    pub fn path(&self, dir: &Path) -> PathBuf {
        dir.join(format!("job-{:05}.json", self.number))
    }

    /// What it sets, by path.
    pub fn settings(&self) -> BTreeMap<String, String> {
        self.overrides.iter().map(|set| (set.path().to_owned(), set.value().to_string())).collect()
    }
}

/// Reads one result.
pub fn read(path: &Path) -> Result<JobResult, ResultsError> {
    let io = |source| ResultsError::Io { path: path.to_owned(), source };
    let no_result = |reason: String| ResultsError::NoResult { path: path.to_owned(), reason };
    if std::fs::metadata(path).map_err(io)?.len() > RESULT_BYTES_MAX {
        return Err(no_result("it is too long".into()));
    }
    let bytes = std::fs::read(path).map_err(io)?;
    serde_json::from_slice(&bytes).map_err(|error| no_result(error.to_string()))
}

/// Reads all results of a directory, or one file, in the order of their names.
pub fn read_all(path: &Path) -> Result<Vec<JobResult>, ResultsError> {
    if path.is_file() {
        return Ok(vec![read(path)?]);
    }
    let io = |source| ResultsError::Io { path: path.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(io)?.take(RESULTS_MAX) {
        let file = entry.map_err(io)?.path();
        if file.extension().is_some_and(|extension| extension == "json") {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(ResultsError::Empty { path: path.to_owned() });
    }
    files.iter().map(|file| read(file)).collect()
}

/// A point of a grid: the scenario's name, and what was set in it, by path.
pub type Point = (String, Vec<(String, String)>);

/// Results by what was set, each set with those of all seeds.
pub fn by_point(results: &[JobResult]) -> BTreeMap<Point, Vec<&JobResult>> {
    let mut points: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for result in results {
        let settings = result.settings.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        points.entry((result.scenario.clone(), settings)).or_default().push(result);
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_with_every_seed() {
        let axes: Vec<Axis> = ["city.peers=10,20", "link.lte.loss=0,0.1,0.2"]
            .iter()
            .map(|a| a.parse().expect("an axis"))
            .collect();
        let jobs = jobs(&axes, &"1..=4".parse().expect("seeds")).expect("jobs");
        assert_eq!(jobs.len(), 24);
        assert!(jobs.iter().enumerate().all(|(n, job)| job.number == n));
        assert_eq!((jobs[0].seed, jobs[1].seed, jobs[4].seed), (1, 2, 1));
        assert_eq!(jobs[23].settings()["city.peers"], "20");
        assert_eq!(jobs[4].settings()["link.lte.loss"], "0.1");
        assert_ne!(jobs[0].path(Path::new("x")), jobs[1].path(Path::new("x")));
    }

    #[test]
    fn seeds_are_written_in_three_ways() {
        let seeds = |text: &str| text.parse::<Seeds>().map(|seeds| seeds.0);
        assert_eq!(seeds("5"), Ok(vec![5]));
        assert_eq!(seeds("1, 7"), Ok(vec![1, 7]));
        assert_eq!(seeds("3..=5"), Ok(vec![3, 4, 5]));
        assert_eq!(seeds("3..5"), Ok(vec![3, 4, 5]));
        assert!(seeds("5..=3").is_err() && seeds("x").is_err() && seeds("0..=99999999").is_err());
    }

    #[test]
    fn too_large_a_grid_is_refused() {
        let axis: Axis = "a=1,2,3,4,5,6,7,8,9,10".parse().expect("an axis");
        assert!(jobs(&vec![axis; 30], &Seeds(vec![1])).is_err());
        assert!(jobs(&[], &Seeds(vec![])).is_err());
    }
}
