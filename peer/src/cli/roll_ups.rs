//! What minutes, hours and days come to: a table for people, CSV for spreadsheets, JSON for programs.

use std::str::FromStr;

use serde_json::json;

use super::args::QueryArgs;
use super::ask::{each, request};
use super::show::{say, table};
use super::values::show_time;
use crate::control::{Answer, Every, RollUpLine};

/// How long a bucket is.
#[derive(Debug, Clone, Copy)]
pub(super) struct EveryArg(pub(super) Every);

impl FromStr for EveryArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "minute" => Ok(Self(Every::Minute)),
            "hour" => Ok(Self(Every::Hour)),
            "day" => Ok(Self(Every::Day)),
            _ => Err(format!("`{text}` is none of those that are kept: write minute, hour or day")),
        }
    }
}

/// Asks for roll-ups, and shows them.
pub(super) fn roll_ups(args: &QueryArgs) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    each(&args.place, &request(args), |answer| match answer {
        Answer::RollUp(line) if args.place.json => say(json!(line)),
        Answer::RollUp(line) => lines.push(line),
        Answer::Withheld(why) => eprintln!("msec: {why}"),
        _ => {}
    })?;
    if args.csv {
        say(CSV_HEADER);
        lines.iter().for_each(|line| say(csv(line)));
    } else if !args.place.json {
        let header =
            ["begins", "stream", "count", "min", "mean", "max", "unit", ""].map(String::from).to_vec();
        if !lines.is_empty() {
            table(&[vec![header], lines.iter().map(cells).collect()].concat());
        }
    }
    Ok(())
}

fn cells(line: &RollUpLine) -> Vec<String> {
    let value = |value: Option<f64>| value.map_or_else(|| "-".into(), short);
    let left_out = line.uncertain + line.bad;
    let mut notes = Vec::new();
    if let (Some(claims), Some(vouchers)) = (line.claims, line.vouchers) {
        notes.push(format!("claimed {claims} times, by {vouchers} at least"));
    }
    if left_out > 0 {
        notes.push(format!("{left_out} not good"));
    }
    if line.contested {
        notes.push("contested".into());
    }
    vec![
        begins(line),
        format!("{}/{}", line.collection, line.stream),
        line.count.to_string(),
        value(line.min),
        value(line.mean),
        value(line.max),
        line.unit.clone(),
        notes.join("; "),
    ]
}

/// To the minute, UTC.
fn begins(line: &RollUpLine) -> String {
    let time = show_time(line.begin_ms);
    time.strip_suffix(":00.000Z").map_or(time.clone(), |minute| format!("{minute}Z"))
}

/// Seven digits are enough for people.
fn short(value: f64) -> String {
    format!("{value:.6e}").parse::<f64>().unwrap_or(value).to_string()
}

const CSV_HEADER: &str = "begins,ends,collection,stream,unit,count,min,mean,max,sum,uncertain,bad,author,claims,vouchers,contested";

/// As in RFC 4180; the values to the last bit.
fn csv(line: &RollUpLine) -> String {
    let value = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let number = |number: Option<u32>| number.map_or_else(String::new, |number| number.to_string());
    [
        show_time(line.begin_ms),
        show_time(line.end_ms),
        quoted(&line.collection),
        quoted(&line.stream),
        quoted(&line.unit),
        line.count.to_string(),
        value(line.min),
        value(line.mean),
        value(line.max),
        value(line.sum),
        line.uncertain.to_string(),
        line.bad.to_string(),
        line.author.to_string(),
        number(line.claims),
        number(line.vouchers),
        if line.contested { "contested" } else { "" }.to_owned(),
    ]
    .join(",")
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use msec_identity::PeerId;

    use super::*;

    fn line() -> RollUpLine {
        RollUpLine {
            begin_ms: 1_699_999_200_000,
            end_ms: 1_700_002_800_000,
            count: 3,
            min: Some(48.5),
            mean: Some(145.6 / 3.0),
            max: Some(48.6),
            sum: Some(145.6),
            unit: "dB".into(),
            uncertain: 1,
            bad: 0,
            collection: "parks/noise".into(),
            stream: "mic, \"old\"".into(),
            place: None,
            author: PeerId([7; 32]),
            claims: Some(2),
            vouchers: Some(3),
            contested: true,
        }
    }

    #[test]
    fn a_line_of_csv_has_a_cell_for_each_heading() {
        let text = csv(&line());
        let begin =
            "2023-11-14T22:00:00.000Z,2023-11-14T23:00:00.000Z,parks/noise,\"mic, \"\"old\"\"\",dB,3,48.5,";
        assert!(text.starts_with(begin), "{text}");
        let without_name = text.replace("\"mic, \"\"old\"\"\"", "mic");
        assert_eq!(without_name.split(',').count(), CSV_HEADER.split(',').count());
        assert!(
            text.ends_with(
                ",1,0,0707070707070707070707070707070707070707070707070707070707070707,2,3,contested"
            ),
            "{text}"
        );
    }

    #[test]
    fn people_see_few_digits_and_what_was_claimed() {
        let cells = cells(&line());
        assert_eq!(cells[0], "2023-11-14T22:00Z");
        assert_eq!(cells[4], "48.53333");
        assert_eq!(cells[7], "claimed 2 times, by 3 at least; 1 not good; contested");
        assert!("week".parse::<EveryArg>().is_err() && "hour".parse::<EveryArg>().is_ok());
    }
}
