//! Draws a map as SVG, with sensors, two bus lines and a collection round, to look at what a scenario gets:
//!
//! ```text
//! cargo run -p msec-simulator --example draw_map -- santander map.svg
//! cargo run -p msec-simulator --example draw_map -- '{ grid = { blocks_x = 20 } }' map.svg 16 2000
//! ```
//!
//! The arguments: the map, as it stands in a scenario (a name, or an inline table); the file; how many districts
//! (default 12), how many sensors (default 1,000), and the seed (default 1).

use std::fmt::Write as _;

use anyhow::Context;
use msec_simulator::Seed;
use msec_simulator::map::{Map, MapSpec, Point, RouteKind, Site, StreetClass};

#[derive(serde::Deserialize)]
struct Scenario {
    map: MapSpec,
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [spec, file, numbers @ ..] = arguments.as_slice() else {
        anyhow::bail!("say which map, and to which file: draw_map santander map.svg")
    };
    let spec = if spec.starts_with('{') { format!("map = {spec}") } else { format!("map = \"{spec}\"") };
    let spec = toml::from_str::<Scenario>(&spec).context("this is no map")?.map;
    let number = |n: usize, default: u64| numbers.get(n).map_or(Ok(default), |text| text.parse());
    let (districts, sensors, seed) = (number(0, 12)?, number(1, 1_000)?, Seed(number(2, 1)?));
    let map = Map::build(&spec, districts as usize, &mut seed.dice("map", 0))?;
    std::fs::write(file, draw(&map, sensors, seed)?)
        .with_context(|| format!("`{file}` cannot be written"))?;
    println!(
        "{}: {:.1} x {:.1} km, {} junctions, {:.0} km of streets, {} districts, {} depots",
        map.name(),
        map.width_m() / 1e3,
        map.height_m() / 1e3,
        map.street_graph().junctions().len(),
        map.street_graph().length_m() / 1e3,
        map.districts().len(),
        map.depots().len(),
    );
    Ok(())
}

/// The whole drawing, north up.
fn draw(map: &Map, sensors: u64, seed: Seed) -> Result<String, std::fmt::Error> {
    let (width, height) = (map.width_m(), map.height_m());
    let dot = width.max(height) / 600.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 {:.0} {width:.0} {height:.0}\" width=\"1000\">\n\
         <rect y=\"{:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" fill=\"#f4f1ea\"/>\n",
        -height, -height
    );
    for water in map.water() {
        shape(&mut svg, water, "fill=\"#a9cbe0\" stroke=\"#a9cbe0\" stroke-width=\"4\"")?;
    }
    for park in map.parks() {
        shape(&mut svg, park, "fill=\"#cfe3b8\"")?;
    }
    for segment in map.street_graph().segments() {
        let (colour, wide) = match segment.class {
            StreetClass::Arterial => ("#8a7f70", 1.8),
            StreetClass::Street => ("#b9b1a5", 1.0),
            StreetClass::Service => ("#c4b7c9", 1.0),
            StreetClass::Path => ("#9dbb84", 0.6),
        };
        line(&mut svg, &segment.line, colour, wide * dot * 0.7)?;
    }
    let mut dice = seed.dice("draw_map", 0);
    for colour in ["#c0392b", "#8e44ad"] {
        line(&mut svg, map.route(RouteKind::Bus, &mut dice).points(), colour, dot * 1.5)?;
    }
    let round = map.route(RouteKind::Round { depot: 0, streets: 60 }, &mut dice);
    line(&mut svg, round.points(), "#d68910", dot * 1.5)?;
    let sites = [
        (Site::Street, "#1f4e79", 6),
        (Site::Block, "#444444", 2),
        (Site::Park, "#2e7d32", 1),
        (Site::Harbour, "#00838f", 1),
    ];
    let all: u64 = sites.iter().map(|(_, _, share)| share).sum();
    for (site, colour, share) in sites {
        for _ in 0..sensors * share / all {
            disc(&mut svg, map.place(&site, None, &mut dice), colour, dot)?;
        }
    }
    for (at, colour) in map
        .depots()
        .iter()
        .map(|at| (*at, "#d68910"))
        .chain(map.fixed().iter().map(|(_, at)| (*at, "#c0392b")))
    {
        disc(&mut svg, at, colour, dot * 2.5)?;
    }
    for district in map.districts() {
        let Point { x_m, y_m } = district.centre;
        writeln!(
            svg,
            "<text x=\"{x_m:.0}\" y=\"{:.0}\" font-size=\"{:.0}\" font-family=\"sans-serif\" text-anchor=\"middle\" \
             stroke=\"white\" stroke-width=\"{:.0}\" paint-order=\"stroke\">{}</text>",
            -y_m,
            dot * 9.0,
            dot * 2.0,
            district.name
        )?;
    }
    writeln!(
        svg,
        "<text x=\"{:.0}\" y=\"{:.0}\" font-size=\"{:.0}\" font-family=\"sans-serif\">{}</text>\n</svg>",
        dot * 4.0,
        -dot * 4.0,
        dot * 7.0,
        map.attribution().unwrap_or_default()
    )?;
    Ok(svg)
}

fn points(of: &[Point]) -> String {
    of.iter().map(|at| format!("{:.1},{:.1} ", at.x_m, -at.y_m)).collect()
}

fn shape(svg: &mut String, outline: &[Point], how: &str) -> std::fmt::Result {
    writeln!(svg, "<polygon points=\"{}\" {how}/>", points(outline))
}

fn line(svg: &mut String, course: &[Point], colour: &str, width: f64) -> std::fmt::Result {
    writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width:.1}\" stroke-linejoin=\"round\"/>",
        points(course)
    )
}

fn disc(svg: &mut String, at: Point, colour: &str, radius: f64) -> std::fmt::Result {
    writeln!(svg, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius:.1}\" fill=\"{colour}\"/>", at.x_m, -at.y_m)
}
