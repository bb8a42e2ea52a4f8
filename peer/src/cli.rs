//! The command line `msec`, as a function, so that tests can own a thin binary around it.

mod args;
mod ask;
#[cfg(feature = "index")]
mod bench;
#[cfg(feature = "index")]
mod classify;
#[cfg(feature = "index")]
mod erase;
#[cfg(feature = "index")]
mod explain;
#[cfg(feature = "index")]
mod export;
#[cfg(feature = "index")]
mod grant;
#[cfg(feature = "index")]
mod grants;
#[cfg(feature = "index")]
mod invite;
mod join;
#[cfg(feature = "index")]
mod keep;
#[cfg(feature = "index")]
mod key;
mod line;
mod out;
#[cfg(feature = "index")]
mod picture;
mod publish;
#[cfg(feature = "index")]
mod qr;
#[cfg(feature = "index")]
mod replace;
#[cfg(feature = "index")]
mod revoke;
#[cfg(feature = "index")]
mod roll_ups;
mod run;
#[cfg(feature = "index")]
mod sealing;
mod show;
mod signal;
mod space;
mod store;
#[cfg(feature = "documents")]
mod things;
#[cfg(feature = "index")]
mod unlock;
mod values;
mod words;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
#[cfg(feature = "index")]
pub use qr::Picture;
pub use signal::Signal;
#[cfg(feature = "index")]
pub use unlock::Unlock;

/// Runs `msec` with these arguments, the program's name first.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Args = match parse(args) {
        Ok(args) => args,
        Err(code) => return code,
    };
    log_to_stderr();
    #[cfg(feature = "index")]
    args.unlock.clone().remember();
    match obey(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("msec: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Parses arguments. What is wrong with them, help and versions are printed; the code is for the process to end with.
pub fn parse<A: Parser>(args: impl IntoIterator<Item = OsString>) -> Result<A, ExitCode> {
    A::try_parse_from(args).map_err(|error| {
        // Where there is no terminal left to tell, nothing is told.
        let _ = error.print();
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
    })
}

/// How many kinds of values of the command line a text is. Not for programs: the fuzz targets reach the parsers by it.
#[doc(hidden)]
pub fn kinds_of_value(text: &str) -> usize {
    values::kinds(text)
}

/// Whether there is one code in the bytes of a picture. Not for programs: the fuzz targets reach the reader by it.
#[cfg(feature = "index")]
#[doc(hidden)]
pub fn is_picture_of_a_code(bytes: &[u8]) -> bool {
    picture::code_of(bytes).is_ok()
}

fn obey(args: Args) -> anyhow::Result<()> {
    match args.command {
        Command::Init(init) => space::init(&init),
        Command::Id(id) => space::id(&id),
        Command::Found(found) => space::found(&found),
        #[cfg(feature = "index")]
        Command::Grant(args) => grant::grant(&args),
        #[cfg(feature = "index")]
        Command::Grants(args) => grants::grants(&args),
        #[cfg(feature = "index")]
        Command::Approve(args) => grant::approve(&args),
        #[cfg(feature = "index")]
        Command::Classify(args) => classify::classify(&args),
        #[cfg(feature = "index")]
        Command::Revoke(args) => revoke::revoke(&args),
        #[cfg(feature = "index")]
        Command::Replace(args) => replace::replace(&args),
        #[cfg(feature = "index")]
        Command::Restore(args) => revoke::restore(&args),
        #[cfg(feature = "index")]
        Command::Erase(args) => erase::erase(&args),
        #[cfg(feature = "index")]
        Command::Erasures(args) => erase::erasures(&args),
        #[cfg(feature = "index")]
        Command::Explain(args) => explain::explain(&args),
        #[cfg(feature = "index")]
        Command::Seal(args) => sealing::seal(&args),
        #[cfg(feature = "index")]
        Command::Epochs(args) => sealing::epochs(&args),
        #[cfg(feature = "index")]
        Command::Bench(args) => bench::bench(&args),
        #[cfg(feature = "index")]
        Command::Invite(args) => invite::invite(&args),
        Command::Join(args) => join::join(&args),
        #[cfg(feature = "index")]
        Command::Key { command } => key::key(&command),
        Command::Run(options) => run::run(options),
        Command::Publish(publish) => publish::publish(&publish),
        Command::Tail(tail) => ask::tail(&tail),
        #[cfg(feature = "index")]
        Command::Query(query) if query.every.is_some() => roll_ups::roll_ups(&query),
        Command::Query(query) => ask::query(&query),
        #[cfg(feature = "documents")]
        Command::Things(args) => things::things(args),
        Command::Peers(place) => ask::peers(&place),
        Command::Store { command } => store::store(&command),
        Command::Status(place) => ask::status(&place),
    }
}

/// Logs go to standard error: warnings by default, or what `RUST_LOG` asks for, such as `info` or `msec_peer=debug`.
pub fn log_to_stderr() {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::prelude::*;
    let asked = std::env::var("RUST_LOG").ok().and_then(|text| text.parse::<Targets>().ok());
    let filter = asked.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // A second call in one process, as in tests, keeps the first one's settings.
    let _ = tracing_subscriber::registry().with(lines).with(filter).try_init();
}
