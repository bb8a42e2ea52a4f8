//! Makes a compact extract of the streets in a GeoJSON file, as `data/helsinki/streets.tsv` is one:
//!
//! ```text
//! cargo run -p msec-simulator --example compact_streets -- streets.geojson > streets.tsv
//! ```

use anyhow::Context;

fn main() -> anyhow::Result<()> {
    let path =
        std::env::args().nth(1).context("say which file: compact_streets streets.geojson > streets.tsv")?;
    let bytes = std::fs::read(&path).with_context(|| format!("`{path}` cannot be read"))?;
    print!("{}", msec_simulator::map::compact(&bytes)?);
    Ok(())
}
