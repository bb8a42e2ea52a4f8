//! Columns of readings: ours against pco, Gorilla's XOR, and packed integers, on real data.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use serde_json::{Map, Value, json};

use msec_versus::city::{self, Stream};
use msec_versus::codec::{CONTENDERS, Contender};
use msec_versus::figures::{Figures, Line, rounded};
use msec_versus::program;

/// Compares ways to write columns of readings: ours, pco, Gorilla's XOR, packed integers.
#[derive(Debug, Parser)]
#[command(after_help = "Example: codec --data ../../../shared/data --segments 12,60,4096 --json")]
struct Args {
    /// A directory with `auckland-pedestrians` and `norway-air`. Default: the year that lies in this repository.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Readings in a segment; 0: a whole column, for ours in as many bodies as it takes.
    #[arg(long, value_delimiter = ',', default_value = "1,10,12,60,600,0")]
    segments: Vec<usize>,
    /// The most readings of each stream.
    #[arg(long, default_value_t = usize::MAX)]
    readings: usize,
    /// Ends with a line of JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    program::run("codec", run)
}

fn run(args: &Args) -> anyhow::Result<()> {
    let data = args.data.clone().unwrap_or_else(city::committed);
    for contender in &CONTENDERS {
        println!("  {:12} {}", contender.name, contender.about);
    }
    let mut figures = Figures::default();
    for (set, mut streams) in sets(&data)? {
        streams.iter_mut().for_each(|stream| stream.readings.truncate(args.readings));
        for segment in &args.segments {
            for contender in &CONTENDERS {
                figures.0.push(measure(contender, set, &streams, *segment)?);
            }
        }
    }
    println!("{}", figures.table());
    if args.json {
        println!("{}", to_json(&figures, &args.segments));
    }
    Ok(())
}

/// Auckland's counts, and Norway's columns by what they measure.
fn sets(data: &std::path::Path) -> anyhow::Result<Vec<(&'static str, Vec<Stream>)>> {
    let mut sets = vec![("auckland", city::auckland(data)?.streams)];
    let air: Vec<Stream> = city::norway(data)?.into_iter().flat_map(|station| station.streams).collect();
    for column in ["pm25", "temperature", "windSpeed", "rain"] {
        sets.push((column, air.iter().filter(|it| it.name.ends_with(column)).cloned().collect()));
    }
    sets.push(("norway", air));
    Ok(sets)
}

fn measure(contender: &Contender, set: &str, streams: &[Stream], segment: usize) -> anyhow::Result<Line> {
    let outcome = contender.measure(streams, if segment == 0 { usize::MAX } else { segment })?;
    let readings = outcome.readings as f64;
    Ok(Line {
        scenario: scenario(set, segment),
        protocol: contender.name,
        seed: 1,
        figures: vec![
            ("bytes_a_time", outcome.times_bytes as f64 / readings),
            ("bytes_a_value", outcome.values_bytes as f64 / readings),
            ("bytes_a_reading", outcome.bytes as f64 / readings),
            ("written_m_cpu_s", readings / outcome.write_s / 1e6),
            ("read_m_cpu_s", readings / outcome.read_s / 1e6),
        ],
    })
}

fn scenario(set: &str, segment: usize) -> String {
    if segment == 0 { format!("{set}_whole") } else { format!("{set}_{segment}") }
}

/// Everything by `who_set_segment_figure`, and ours against pco by name.
fn to_json(figures: &Figures, segments: &[usize]) -> Value {
    let mut all = Map::new();
    for segment in segments {
        for set in ["auckland", "norway"] {
            let scenario = scenario(set, *segment);
            let of = |who: &str, what: &str| figures.mean(&scenario, who, what).unwrap_or(f64::NAN);
            for figure in ["bytes_a_value", "bytes_a_reading", "written_m_cpu_s", "read_m_cpu_s"] {
                let ratio = of("ours", figure) / of("pco", figure);
                all.insert(format!("vs_pco_{scenario}_{figure}"), rounded(ratio));
            }
        }
    }
    for line in &figures.0 {
        for (name, value) in &line.figures {
            all.insert(format!("{}_{}_{name}", line.protocol, line.scenario), json!(rounded(*value)));
        }
    }
    Value::Object(all)
}
