//! A citizen's app next to a sensor: it finds the sensor's peer on the local network, is admitted with a grant from a
//! file, fetches what the grant covers, shows the last 24 hours and follows. No gateway, no internet.
//!
//!     citizen DIR                 prints the id that the owner of the space grants to, with
//!                                 `msec grant ID --may read --in parks --out citizen.invitation`
//!     citizen DIR INVITATION      shows the readings

use std::error::Error;
use std::process::ExitCode;

use msec_peer::net::wall_clock;
use msec_peer::{Membership, Peer, PeerConfig, Query, Row};

const DAY_MS: i64 = 24 * 3600 * 1000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("citizen: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let config =
        PeerConfig::new(args.next().ok_or("say where the app keeps its data: citizen DIR [INVITATION]")?)?;
    let Some(invitation) = args.next() else {
        println!("{}", config.peer());
        return Ok(());
    };
    let app = Peer::open(config.join(Membership::from_file(invitation)?).on_lan()).await?;
    let mut readings = app.subscribe();

    // What it has from the last time, then what is fetched, then what comes.
    let since = wall_clock().saturating_add(-DAY_MS);
    let held = app.query(Query { since, ..Query::default() }).await?;
    held.iter().rev().for_each(show);
    loop {
        tokio::select! {
            row = readings.reading() => match row {
                Some(row) if row.reading.time >= since && !held.contains(&row) => show(&row),
                Some(_) => {}
                None => break,
            },
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    app.close().await;
    Ok(())
}

fn show(row: &Row) {
    println!(
        "{} {}/{} {} {}",
        row.reading.time.0,
        row.collection(),
        row.stream(),
        row.reading.value,
        row.unit()
    );
}
