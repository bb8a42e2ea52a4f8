//! What a [`Recording`] looks like: one page of HTML that stands alone, and tables for other programs.
//!
//! The page holds its style, its script and its data, opens from a disk without a network, and says all its numbers without
//! the script too. Names in a recording are anybody's: they pass through [`html::Html::text`] or are data for the script,
//! which shows them as text; and the page's policy lets no script run but the one whose hash it names.

mod csv;
mod data;
mod headline;
mod html;
mod numbers;
mod parquet;
mod sections;
mod table;
mod tables;

#[cfg(test)]
mod tests;

use data_encoding::BASE64;
use sha2::{Digest as _, Sha256};
pub use table::{Column, Table, Values};

use crate::recording::Recording;
use html::Html;

const PAGE: &str = include_str!("report/page.html");
const STYLE: &str = include_str!("report/style.css");
const SCRIPT: &str = concat!(
    "\"use strict\";\n(() => {\n",
    include_str!("report/script/format.js"),
    include_str!("report/script/data.js"),
    include_str!("report/script/chart.js"),
    include_str!("report/script/latency.js"),
    include_str!("report/script/revoked.js"),
    include_str!("report/script/series.js"),
    include_str!("report/script/city.js"),
    include_str!("report/script/view.js"),
    include_str!("report/script/player.js"),
    include_str!("report/script/main.js"),
    "})();\n"
);

impl Recording {
    /// As a page: one self-contained file of HTML.
    pub fn to_html(&self) -> String {
        let hash = BASE64.encode(&Sha256::digest(SCRIPT));
        fill(PAGE, |name| {
            let mut html = Html::default();
            match name {
                "policy" => html.text(&format!("script-src 'sha256-{hash}'")),
                "style" => html.raw(STYLE),
                "script" => html.raw(SCRIPT),
                "data" => html.data(&data::of(self)),
                "title" => html.text(&self.scenario),
                "description" => html.text(&self.description),
                "run" => html.text(&headline::run(self)),
                "headline" => headline::headline(&mut html, self),
                "figures" => headline::figures(&mut html, self),
                "map" => sections::map(&mut html, self),
                "spread" => sections::spread(&mut html, self),
                "latency" => sections::latency(&mut html, self),
                "faults" => sections::faults(&mut html, self),
                "revocations" => sections::revocations(&mut html, self),
                "classes" => sections::classes(&mut html, self),
                "verdicts" => sections::verdicts(&mut html, self),
                "wires" => sections::wires(&mut html, self),
                "again" => sections::again(&mut html, self),
                "left_out" => sections::left_out(&mut html, self),
                _ => unreachable!("the template names `{name}`, which nobody fills"),
            };
            html.into_string()
        })
    }

    /// As raw numbers: a table for each kind of thing.
    pub fn tables(&self) -> Vec<Table> {
        tables::of(self)
    }
}

/// Puts values in the places of `{{names}}`, in one pass: what stands in a value is left as it is.
fn fill(template: &'static str, mut value: impl FnMut(&str) -> String) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").expect("every place in the template is closed");
        filled.push_str(before);
        filled.push_str(&value(name));
        rest = after;
    }
    filled.push_str(rest);
    filled
}
