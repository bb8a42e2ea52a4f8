//! The numbers of a recording as tables. Peers, messages and faults go by their row, from 0 on, so that tables can be
//! joined.

use super::table::{Column, Table, Values};
use crate::recording::{NO_DISTRICT, Recording};

pub(super) fn of(recording: &Recording) -> Vec<Table> {
    vec![
        series(recording),
        traffic(recording),
        latency(recording),
        messages(recording),
        arrivals(recording),
        peers(recording),
        tracks(recording),
        links(recording),
        classes(recording),
        faults(recording),
        revocations(recording),
        verdicts(recording),
    ]
}

fn count<T>(name: &str, rows: &[T], of: impl Fn(&T) -> u64) -> Column {
    Column { name: name.into(), values: Values::Count(rows.iter().map(of).collect()) }
}

fn measure<T>(name: &str, rows: &[T], of: impl Fn(&T) -> f64) -> Column {
    Column { name: name.into(), values: Values::Number(rows.iter().map(of).collect()) }
}

fn maybe<T>(name: &str, rows: &[T], of: impl Fn(&T) -> Option<f64>) -> Column {
    Column { name: name.into(), values: Values::Maybe(rows.iter().map(of).collect()) }
}

fn text<T>(name: &str, rows: &[T], of: impl Fn(&T) -> String) -> Column {
    Column { name: name.into(), values: Values::Text(rows.iter().map(of).collect()) }
}

fn flag<T>(name: &str, rows: &[T], of: impl Fn(&T) -> bool) -> Column {
    Column { name: name.into(), values: Values::Flag(rows.iter().map(of).collect()) }
}

/// Seconds that were kept in few bits, as the decimal number that they stand for.
fn wide(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}

fn series(recording: &Recording) -> Table {
    let rows = &recording.series;
    let columns = vec![
        measure("t_s", rows, |row| row.t_s),
        measure("wall_s", rows, |row| row.wall_s),
        count("events", rows, |row| row.events),
        count("peers_up", rows, |row| u64::from(row.peers_up)),
        count("links", rows, |row| u64::from(row.links)),
        count("published", rows, |row| row.published),
        count("delivered", rows, |row| row.delivered),
        count("lag", rows, |row| row.lag),
        count("bytes", rows, |row| row.bytes),
    ];
    Table { name: "series", columns }
}

/// One row for each time and class.
fn traffic(recording: &Recording) -> Table {
    let rows: Vec<_> = recording
        .series
        .iter()
        .flat_map(|row| recording.classes.iter().enumerate().map(move |(n, class)| (row, n, class)))
        .collect();
    let columns = vec![
        measure("t_s", &rows, |(row, ..)| row.t_s),
        text("class", &rows, |(_, _, class)| class.name.clone()),
        count("bytes", &rows, |(row, n, _)| row.bytes_by_class.get(*n).copied().unwrap_or_default()),
        measure("airtime_s", &rows, |(row, n, _)| {
            row.airtime_s_by_class.get(*n).copied().unwrap_or_default()
        }),
    ];
    Table { name: "traffic", columns }
}

/// One row for each bucket that holds something.
fn latency(recording: &Recording) -> Table {
    let rows: Vec<_> = recording
        .latency
        .iter()
        .flat_map(|it| it.histogram.buckets().map(|bucket| (it.readers.clone(), bucket)))
        .collect();
    let columns = vec![
        text("readers", &rows, |(readers, _)| readers.clone()),
        measure("over_ms", &rows, |(_, bucket)| bucket.from.as_micros() as f64 / 1_000.0),
        measure("up_to_ms", &rows, |(_, bucket)| bucket.to.as_micros() as f64 / 1_000.0),
        count("deliveries", &rows, |(_, bucket)| bucket.count),
    ];
    Table { name: "latency", columns }
}

fn messages(recording: &Recording) -> Table {
    let rows = &recording.spread;
    let columns = vec![
        count("author", rows, |message| u64::from(message.author)),
        text("stream", rows, |message| message.stream.clone()),
        measure("published_s", rows, |message| message.published_s),
        count("readers", rows, |message| u64::from(message.readers)),
        count("arrived", rows, |message| message.arrivals.len() as u64),
    ];
    Table { name: "messages", columns }
}

fn arrivals(recording: &Recording) -> Table {
    let rows: Vec<_> = recording
        .spread
        .iter()
        .enumerate()
        .flat_map(|(message, it)| it.arrivals.iter().map(move |(peer, after)| (message, *peer, *after)))
        .collect();
    let columns = vec![
        count("message", &rows, |(message, ..)| *message as u64),
        count("peer", &rows, |(_, peer, _)| u64::from(*peer)),
        measure("after_s", &rows, |(.., after)| wide(*after)),
    ];
    Table { name: "arrivals", columns }
}

fn peers(recording: &Recording) -> Table {
    let rows: Vec<_> = recording.peers.iter().enumerate().collect();
    let district = |district: u16| match recording.map.districts.get(usize::from(district)) {
        Some(known) if district != NO_DISTRICT => known.name.clone(),
        _ => String::new(),
    };
    let columns = vec![
        count("peer", &rows, |(n, _)| *n as u64),
        text("population", &rows, |(_, peer)| peer.population.clone()),
        text("role", &rows, |(_, peer)| peer.role.clone()),
        measure("x_m", &rows, |(_, peer)| wide(peer.at[0])),
        measure("y_m", &rows, |(_, peer)| wide(peer.at[1])),
        text("district", &rows, |(_, peer)| district(peer.district)),
        flag("hostile", &rows, |(_, peer)| peer.hostile),
    ];
    Table { name: "peers", columns }
}

fn tracks(recording: &Recording) -> Table {
    let rows: Vec<_> = recording
        .peers
        .iter()
        .enumerate()
        .flat_map(|(n, peer)| peer.track.iter().map(move |(time, at)| (n, *time, *at)))
        .collect();
    let columns = vec![
        count("peer", &rows, |(n, ..)| *n as u64),
        measure("t_s", &rows, |(_, time, _)| wide(*time)),
        measure("x_m", &rows, |(.., at)| wide(at[0])),
        measure("y_m", &rows, |(.., at)| wide(at[1])),
    ];
    Table { name: "tracks", columns }
}

fn links(recording: &Recording) -> Table {
    let rows = &recording.links;
    let columns = vec![
        count("a", rows, |link| u64::from(link.a)),
        count("b", rows, |link| u64::from(link.b)),
        text("class", rows, |link| link.class.clone()),
        measure("up_s", rows, |link| link.up_s),
        maybe("down_s", rows, |link| link.down_s),
    ];
    Table { name: "links", columns }
}

fn classes(recording: &Recording) -> Table {
    let rows = &recording.classes;
    let columns = vec![
        text("class", rows, |class| class.name.clone()),
        count("messages", rows, |class| class.messages),
        count("bytes", rows, |class| class.bytes),
        count("lost", rows, |class| class.lost),
        count("shed", rows, |class| class.shed),
        measure("airtime_s", rows, |class| class.airtime_s),
        measure("queue_max_ms", rows, |class| class.queue_max_ms),
        measure("busiest_share", rows, |class| class.busiest_share),
    ];
    Table { name: "classes", columns }
}

fn faults(recording: &Recording) -> Table {
    let rows = &recording.faults;
    let columns = vec![
        text("what", rows, |fault| fault.what.clone()),
        measure("from_s", rows, |fault| fault.from_s),
        measure("until_s", rows, |fault| fault.until_s),
        maybe("agreed_after_s", rows, |fault| fault.agreed_after_s),
    ];
    Table { name: "faults", columns }
}

fn revocations(recording: &Recording) -> Table {
    let rows = &recording.revocations;
    let columns = vec![
        text("what", rows, |it| it.what.clone()),
        measure("issued_s", rows, |it| it.issued_s),
        count("reachable", rows, |it| it.reachable.into()),
        count("known", rows, |it| it.known_after_s.len() as u64),
        maybe("last_known_after_s", rows, |it| it.known_after_s.last().copied().map(f64::from)),
        count("returned", rows, |it| it.returned_after_s.len() as u64),
        maybe("last_returned_after_s", rows, |it| it.returned_after_s.last().copied().map(f64::from)),
        count("exposed_bytes", rows, |it| it.exposed_bytes),
        measure("exposed_for_s", rows, |it| it.exposed_for_s),
    ];
    Table { name: "revocations", columns }
}

fn verdicts(recording: &Recording) -> Table {
    let rows = &recording.verdicts;
    let columns = vec![
        text("checker", rows, |verdict| verdict.checker.clone()),
        flag("safety", rows, |verdict| verdict.safety),
        count("looked", rows, |verdict| verdict.looked),
        count("violations", rows, |verdict| verdict.violations),
    ];
    Table { name: "verdicts", columns }
}
