//! Every step of stories that are drawn, one after the other, until there were as many as are asked for.

use proptest::test_runner::{TestError, TestRunner};

use super::*;

/// Power cuts, unless `MSEC_CRASH_POINTS` says how many.
const POINTS: u64 = if cfg!(debug_assertions) { 60 } else { 600 };

/// A story, and what becomes of each of its power cuts.
#[derive(Debug, Clone)]
struct Told {
    commits: Vec<([usize; 3], Next)>,
    again_at: Vec<u64>,
    fates: Vec<(usize, usize)>,
    flips: Vec<(usize, usize)>,
    index: bool,
    roll_ups: bool,
}

fn told() -> impl Strategy<Value = Told> {
    let again_at = proptest::collection::vec(0u64..40, 1..20);
    let fates = proptest::collection::vec((0usize..2_000, 0usize..600), 1..40);
    let flips = proptest::collection::vec(any::<(usize, usize)>(), 1..20);
    let of_cuts = (again_at, fates, flips);
    (commits(), of_cuts, any::<bool>(), any::<bool>()).prop_map(|(commits, of_cuts, index, roll_ups)| {
        let (again_at, fates, flips) = of_cuts;
        Told { commits, again_at, fates, flips, index, roll_ups }
    })
}

/// Cuts the power at each step of a story. Returns at how many.
fn at_every_step(told: &Told) -> Result<u64, TestCaseError> {
    let Told { commits, again_at, fates, flips, index, roll_ups } = told;
    let story = Story::of(commits);
    let config = StoreConfig { roll_ups: *roll_ups, ..tiny(*index) };
    let last = steps(&story, &config);
    for at in 0..=last {
        let of = at as usize;
        let (again_at, flip) = (again_at[of % again_at.len()], flips[of % flips.len()]);
        let shifted = [&fates[of % fates.len()..], &fates[..of % fates.len()]].concat();
        let cut = PowerCut { at, again_at, fates: &shifted, flip };
        crash(&story, &config, cut).map_err(|error| match error {
            TestCaseError::Fail(why) => TestCaseError::fail(format!("at step {at} of {last}: {why}")),
            rejected @ TestCaseError::Reject(_) => rejected,
        })?;
    }
    Ok(last + 1)
}

/// No write, sync, cut, removal or renaming is one at which the power may not be cut.
#[test]
fn a_power_cut_at_every_step_of_a_story_loses_nothing_acknowledged() {
    let asked = std::env::var("MSEC_CRASH_POINTS").map(|text| text.parse().expect("a number"));
    let (wanted, mut tried, mut stories) = (asked.unwrap_or(POINTS), 0, 0u64);
    // What is found is made smaller for a minute, and each story takes a while.
    let config = ProptestConfig {
        cases: 1,
        max_shrink_time: 60_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    while tried < wanted {
        let of_story = std::cell::Cell::new(0);
        // Each runs so many cases, and no more.
        let done = TestRunner::new(config.clone()).run(&told(), |told| {
            of_story.set(at_every_step(&told)?);
            Ok(())
        });
        match done {
            Ok(()) => (tried, stories) = (tried + of_story.get(), stories + 1),
            Err(TestError::Fail(why, told)) => panic!("{why}, after {tried} power cuts: {told:?}"),
            Err(error) => panic!("{error}"),
        }
    }
    println!("{tried} power cuts, at every step of {stories} stories");
}
