//! A walk-up code, to be printed and hung up.

use std::net::SocketAddr;

use anyhow::Context;
use clap::Args as ClapArgs;
use serde_json::json;

use super::args::Where;
use super::ask::{running, runtime};
use super::qr::{Files, Picture};
use super::show::say;
use super::words::day;
use crate::control::{Answer, Request};
use crate::sdk::BenchTerms;

#[derive(Debug, ClapArgs)]
pub(super) struct Bench {
    /// What visitors may read: a collection and those below it; the whole space if left out
    #[arg(long = "in", default_value = "", value_name = "COLLECTION")]
    collection: String,
    /// For how many hours each may
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=24))]
    hours: u32,
    /// For how many days the code works
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,
    /// Where this peer can be dialled [default: where it tells others that it can]; may be given several times
    #[arg(long, value_name = "ADDR")]
    hint: Vec<SocketAddr>,
    /// Let visitors in from anywhere, not only from the gateway's own Wi-Fi or LAN: then a photograph of the code is as good as the code
    #[arg(long)]
    anywhere: bool,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    place: Where,
}

pub(super) fn bench(args: &Bench) -> anyhow::Result<()> {
    let terms = BenchTerms {
        collection: args.collection.clone(),
        lasts_s: args.hours * 3600,
        days: args.days,
        hints: args.hint.clone(),
        anywhere: args.anywhere,
    };
    let files = args.files.open()?;
    let code = runtime()?.block_on(async {
        let mut session = running(&args.place).await?;
        session.ask(&Request::Bench(terms)).await?;
        let mut code = None;
        while let Some(answer) = session.next().await? {
            if let Answer::Bench(it) = answer {
                code = Some(it);
            }
        }
        code.context("the peer did not say what to print")
    })?;
    let picture = Picture::of(&code.code)?;
    files.write(&picture)?;
    if args.place.json {
        say(json!(code));
        return Ok(());
    }
    say(format!(
        "{}\n\nWhoever comes with this {} may read for {} h, until {}. It ends, and all that came by it, with `msec revoke {} --all`",
        code.code,
        if args.anywhere { "from anywhere" } else { "on the Wi-Fi or LAN of a gateway" },
        args.hours,
        day(code.until_ms),
        code.grant.short()
    ));
    args.files.show(&code.code)
}
