//! Commands that ask the peer: the one that runs, or the store where none does.

use anyhow::Context;
use serde_json::json;
use tokio::runtime::Runtime;

use super::args::{QueryArgs, Tail, Where};
use super::show::{freshness, row, say, span, table, within, written};
use super::signal::Signal;
use super::words::{day, entries, logs};
use crate::control::{Answer, QueryRequest, Request, Session};
use crate::net::wall_clock;
use crate::sdk::{Granted, Status};

/// What is said of a peer that all neighbours refuse.
pub(super) const REFUSED: &str = "neighbours refuse this peer. Its grant may be over: ask the space's owner";

pub(super) fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")
}

pub(super) fn query(args: &QueryArgs) -> anyhow::Result<()> {
    each(&args.place, &request(args), |answer| match answer {
        Answer::Row(it) => say(row(&it, args.place.json)),
        Answer::Withheld(why) => eprintln!("msec: {why}"),
        #[cfg(feature = "index")]
        Answer::Unread(it) => super::sealing::unread(&it.collection, it.entries),
        _ => {}
    })
}

/// What is asked for.
pub(super) fn request(args: &QueryArgs) -> Request {
    let now = wall_clock();
    Request::Query(QueryRequest {
        collection: args.which.collection.clone(),
        stream: args.which.stream.clone(),
        since: args.since.map(|time| time.from(now)),
        until: args.until.map(|time| time.from(now)),
        near: args.which.near.map(|near| near.0),
        within: args.which.within.map(|within| within.0),
        limit: args.limit,
        #[cfg(feature = "index")]
        every: args.every.map(|every| every.0),
    })
}

/// What a peer may do, as people say it, and what it lacks.
fn may(status: &Status) -> String {
    let one = |granted: &Granted| {
        let place = match granted.collection.as_str() {
            "" => "everywhere".to_owned(),
            collection => format!("in {collection}"),
        };
        format!("{} {place} until {}", granted.rights, day(granted.until_ms))
    };
    match &status.grants[..] {
        [] if status.approvals_missing > 0 => format!(
            "nothing yet: {} more of the space's roots must agree, by `msec approve` where they live",
            status.approvals_missing
        ),
        [] if status.root => "nothing itself: it is a root, and grants with `msec grant`".into(),
        [] => "nothing: ask the space's owner for a grant".into(),
        grants => grants.iter().map(one).collect::<Vec<_>>().join("; "),
    }
}

/// Asks the peer, running or not, and shows each answer.
pub(super) fn each(place: &Where, request: &Request, mut show: impl FnMut(Answer)) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        let mut session = Session::open(&place.dir()).await?;
        let answered = async {
            session.ask(request).await?;
            while let Some(answer) = session.next().await? {
                show(answer);
            }
            Ok(())
        };
        let answered = answered.await;
        session.close().await;
        answered
    })
}

/// Reaches the peer that runs there, or says how to start one.
pub(super) async fn running(place: &Where) -> anyhow::Result<Session> {
    let dir = place.dir();
    dir.inhabited()?;
    let session = Session::running(&dir).await?;
    session.with_context(|| {
        let dir = dir.path().display();
        format!("no peer runs in {dir}: start it with `msec run --data-dir {dir}`")
    })
}

pub(super) fn tail(args: &Tail) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        let mut signal = Signal::listen()?;
        let mut session = running(&args.place).await?;
        let request = Request::Tail {
            collection: args.which.collection.clone(),
            stream: args.which.stream.clone(),
            near: args.which.near.map(|near| near.0),
            within: args.which.within.map(|within| within.0),
        };
        session.ask(&request).await?;
        loop {
            tokio::select! {
                () = signal.wait() => return Ok(()),
                answer = session.next() => match answer? {
                    Some(Answer::Row(it)) => say(row(&it, args.place.json)),
                    Some(Answer::Withheld(why)) => eprintln!("msec: {why}"),
                    Some(Answer::Missed(missed)) => {
                        eprintln!("msec: {missed} events were not shown; `msec query` finds the readings");
                    }
                    Some(_) => {}
                    None => return Ok(()),
                },
            }
        }
    })
}

pub(super) fn peers(place: &Where) -> anyhow::Result<()> {
    let answers = runtime()?.block_on(async {
        let mut session = running(place).await?;
        session.ask(&Request::Peers).await?;
        let mut neighbours = Vec::new();
        while let Some(answer) = session.next().await? {
            if let Answer::Neighbour(neighbour) = answer {
                neighbours.push(neighbour);
            }
        }
        anyhow::Ok(neighbours)
    })?;
    if place.json {
        answers.iter().for_each(|neighbour| say(json!(neighbour)));
        return Ok(());
    }
    if answers.is_empty() {
        eprintln!(
            "msec: linked with nobody yet: peers on the local network are found by mDNS, others are named with --contact; a contact that does not answer is tried again; UDP must pass"
        );
    }
    let cells = |it: &crate::sdk::Neighbour| {
        let away = it.cost_ms.or(it.round_trip_ms);
        let round_trip = away.map_or_else(String::new, |ms| format!("{ms:.1} ms away"));
        let since = format!("linked for {}", span(it.linked_s));
        let role = if it.leaf { "leaf" } else { "relay" };
        vec![it.peer.to_string(), it.address.clone(), role.into(), it.found.to_string(), since, round_trip]
    };
    table(&answers.iter().map(cells).collect::<Vec<_>>());
    Ok(())
}

/// What is said of logs that were forked.
fn contested(logs: usize) -> String {
    match logs {
        0 => String::new(),
        1 => "; 1 log is contested: its writer signed two histories".into(),
        logs => format!("; {logs} logs are contested: their writers signed two histories"),
    }
}

/// What was let go, and what stays though it is old.
fn let_go(status: &Status) -> String {
    let mut parts = vec![match status.let_go_entries {
        0 => "nothing".to_owned(),
        count => format!("{} at the beginning of {}", entries(count), logs(status.let_go_logs)),
    }];
    let Some(kept) = &status.retention else { return parts.remove(0) };
    if kept.unvouched_logs > 0 {
        parts.push(format!("{} logs wait until more neighbours hold what is old", kept.unvouched_logs));
    }
    if kept.unclaimed_logs > 0 {
        parts.push(format!("{} logs wait until claims stand for what is old", kept.unclaimed_logs));
    }
    parts.extend(kept.over.iter().map(|it| match it.collection.as_str() {
        "" => format!("{} bytes over the cap", it.bytes),
        collection => format!("{collection} is {} bytes over its cap", it.bytes),
    }));
    parts.join("; ")
}

/// With how many it is linked, or why with none.
fn neighbours(status: &Status) -> String {
    match status.refused {
        true => format!("0: {REFUSED}"),
        false => status.neighbours.to_string(),
    }
}

/// Whom it gave something after the end of its grant, before it knew of that.
fn given_after(status: &Status) -> String {
    let given = status.served_after.iter().map(|it| format!("{} bytes to {}", it.bytes, it.holder.short()));
    let given = given.collect::<Vec<_>>().join(", ");
    if given.is_empty() { "nothing to whom a grant had ended".into() } else { format!("up to {given}") }
}

pub(super) fn status(place: &Where) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        let mut session = Session::open(&place.dir()).await?;
        let running = session.is_running();
        session.ask(&Request::Status).await?;
        let mut status = None;
        while let Some(answer) = session.next().await? {
            if let Answer::Status(it) = answer {
                status = Some(it);
            }
        }
        session.close().await;
        let status = status.context("the peer did not say how it is")?;
        if place.json {
            let mut object = json!(status);
            object["running"] = running.into();
            say(object);
            return Ok(());
        }
        let runs = match running {
            true => format!(
                "for {}, listening on {}, mDNS {}",
                span(status.uptime_s),
                status.address,
                if status.mdns { "on" } else { "off" }
            ),
            false => format!("no: start it with `msec run --data-dir {}`", place.data_dir.display()),
        };
        let line = |name: &str, value: String| vec![name.to_owned(), value];
        let clock = "not set: what is written is marked as unsynchronised until it is";
        let leases: Vec<_> = status.leases.iter().map(|it| line(&it.class, freshness(it))).collect();
        let mut lines = vec![
            line("peer", status.peer.to_string()),
            line("space", format!("{} ({})", status.space_name, status.space.short())),
            line("may", may(&status)),
            line("running", runs),
            line("role", if status.leaf { "leaf: relays nothing" } else { "relay" }.into()),
            line("neighbours", neighbours(&status)),
            line(
                "holds",
                format!("{}, {}{}", logs(status.logs), entries(status.entries), contested(status.contested)),
            ),
            line("let go", let_go(&status)),
            line("given after", given_after(&status)),
            line(
                "disk",
                if status.storage_ok { "writes" } else { "refuses to write: free some space" }.into(),
            ),
            line("written", written(status.written_bytes, status.stored_readings)),
            line(
                "clock",
                match (status.clock_set, status.clock_within_ms) {
                    (true, Some(ms)) => format!("set, within {}", within(ms)),
                    (true, None) => "set".into(),
                    (false, _) => clock.into(),
                },
            ),
            line("version", status.version),
        ];
        let before_disk = lines.iter().position(|line| line[0] == "disk").unwrap_or(0);
        lines.splice(before_disk..before_disk, leases);
        table(&lines);
        Ok(())
    })
}
