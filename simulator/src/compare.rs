//! Two result sets, side by side: is the second one worse, beyond the noise?

use crate::metrics::Metrics;
use crate::stats::Median;
use crate::sweep::{JobResult, Point, by_point};

/// Something that is counted in every run, and which way is better.
#[derive(Clone, Copy)]
pub struct Measure {
    /// As in JSON.
    pub name: &'static str,
    /// Its value.
    pub of: fn(&Metrics) -> f64,
    /// Which way is better.
    pub better: Better,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Less, beyond the noise and the tolerance.
    Less,
    /// Not one more: it must not happen at all.
    None,
    /// Neither: it is shown.
    Neither,
}

/// What is compared. What a run cost on the machine is shown, and judged only where asked for: other programs run there.
pub const MEASURES: &[Measure] = &[
    Measure { name: "missed", of: |m| m.missed as f64, better: Better::None },
    Measure { name: "violations", of: |m| m.violations as f64, better: Better::None },
    Measure { name: "not_converged", of: |m| f64::from(u8::from(!m.converged)), better: Better::None },
    Measure { name: "p50_ms", of: |m| m.p50_ms, better: Better::Less },
    Measure { name: "p99_ms", of: |m| m.p99_ms, better: Better::Less },
    Measure { name: "last_ms", of: |m| m.last_ms, better: Better::Less },
    Measure { name: "bytes", of: |m| m.bytes as f64, better: Better::Less },
    Measure { name: "messages", of: |m| m.messages as f64, better: Better::Less },
    Measure { name: "events", of: |m| m.events as f64, better: Better::Less },
    Measure { name: "delivered", of: |m| m.delivered as f64, better: Better::Neither },
    Measure { name: CPU, of: |m| m.cpu_s, better: Better::Neither },
];

/// What a run cost on the machine.
const CPU: &str = "cpu_s";

/// How two result sets are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// A median may grow by this part and is not called worse. Default: 0.02.
    pub tolerance: f64,
    /// Whether the time on the processor is judged too. Default: no.
    pub cpu: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { tolerance: 0.02, cpu: false }
    }
}

/// One measure at one point of the grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// What was set there.
    pub point: String,
    /// What was counted.
    pub measure: &'static str,
    /// In the first set.
    pub before: Median,
    /// In the second one.
    pub after: Median,
    /// What is to be thought of it.
    pub verdict: Change,
}

/// What is to be thought of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Worse, beyond the noise and the tolerance.
    Worse,
    /// Better by as much.
    Better,
    /// Neither.
    Same,
}

/// Compares point by point. What stands in one set only is left out, and counted.
pub fn compare(before: &[JobResult], after: &[JobResult], rules: Rules) -> (Vec<Difference>, usize) {
    let (before, after) = (by_point(before), by_point(after));
    let alone = before.keys().filter(|point| !after.contains_key(*point)).count()
        + after.keys().filter(|point| !before.contains_key(*point)).count();
    let mut found = Vec::new();
    for (point, one) in &before {
        let Some(other) = after.get(point) else { continue };
        for measure in MEASURES {
            let median =
                |results: &[&JobResult]| Median::of(results.iter().map(|it| (measure.of)(&it.metrics)));
            let (Some(before), Some(after)) = (median(one), median(other)) else { continue };
            let verdict = measure.judge(&before, &after, rules);
            found.push(Difference { point: name(point), measure: measure.name, before, after, verdict });
        }
    }
    (found, alone)
}

impl Measure {
    fn judge(&self, before: &Median, after: &Median, rules: Rules) -> Change {
        let judged = self.better == Better::Less || (rules.cpu && self.name == CPU);
        if self.better == Better::None {
            // One run in which it happens is one too many, whatever the median says.
            let (one, other) = (before.some * after.of, after.some * before.of);
            return match () {
                () if other > one || after.max > before.max => Change::Worse,
                () if other < one || after.max < before.max => Change::Better,
                () => Change::Same,
            };
        }
        if !judged || !before.differs(after) {
            return Change::Same;
        }
        let margin = before.median.abs() * rules.tolerance;
        if after.median > before.median + margin {
            Change::Worse
        } else if after.median < before.median - margin {
            Change::Better
        } else {
            Change::Same
        }
    }
}

/// A point of a grid, for a person.
pub fn name((scenario, settings): &Point) -> String {
    let settings = settings.iter().map(|(path, value)| format!(" {path}={value}"));
    format!("{scenario}{}", settings.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(p99: impl IntoIterator<Item = f64>, missed: u64) -> Vec<JobResult> {
        let result = |(seed, p99_ms): (usize, f64)| JobResult {
            scenario: "town".into(),
            text: String::new(),
            settings: [("city.peers".to_owned(), "50".to_owned())].into(),
            seed: seed as u64,
            metrics: Metrics {
                p99_ms,
                missed: if seed == 3 { missed } else { 0 },
                converged: true,
                ..Metrics::default()
            },
        };
        p99.into_iter().enumerate().map(result).collect()
    }

    fn verdict(before: &[JobResult], after: &[JobResult], measure: &str) -> Change {
        let (found, alone) = compare(before, after, Rules::default());
        assert_eq!(alone, 0);
        found.iter().find(|it| it.measure == measure).expect("it is compared").verdict
    }

    #[test]
    fn slower_beyond_the_noise_is_worse_and_within_it_is_not() {
        let before = results((0..10).map(|n| 100.0 + f64::from(n)), 0);
        let noise = results((0..10).map(|n| 103.0 + f64::from(n)), 0);
        let slower = results((0..10).map(|n| 120.0 + f64::from(n)), 0);
        assert_eq!(verdict(&before, &noise, "p99_ms"), Change::Same);
        assert_eq!(verdict(&before, &slower, "p99_ms"), Change::Worse);
        assert_eq!(verdict(&slower, &before, "p99_ms"), Change::Better);
    }

    #[test]
    fn one_reading_that_is_missed_in_one_run_is_worse() {
        let before = results((0..10).map(f64::from), 0);
        let after = results((0..10).map(f64::from), 1);
        assert_eq!(verdict(&before, &after, "missed"), Change::Worse);
        assert_eq!(verdict(&before, &before, "missed"), Change::Same);
    }

    #[test]
    fn one_run_more_that_fails_is_worse() {
        let failing = |count: usize| -> Vec<JobResult> {
            let mut all = results((0..10).map(f64::from), 0);
            all.iter_mut().take(count).for_each(|it| it.metrics.converged = false);
            all
        };
        assert_eq!(verdict(&failing(1), &failing(2), "not_converged"), Change::Worse);
        assert_eq!(verdict(&failing(2), &failing(1), "not_converged"), Change::Better);
    }

    #[test]
    fn what_stands_in_one_set_only_is_counted() {
        let other = JobResult { scenario: "other".into(), ..results([1.0], 0).remove(0) };
        let (found, alone) = compare(&results([1.0], 0), &[other], Rules::default());
        assert_eq!((found.len(), alone), (0, 2));
    }
}
