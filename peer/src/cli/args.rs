//! What can be written on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};
use msec_crdt_store::ValueQuality;
use msec_identity::CollectionPath;

#[cfg(feature = "index")]
use super::keep::KeepArg;
use super::values::{ContactArg, NearArg, PlaceArg, StreamArg, TimeArg, WithinArg, listen, number, quality};
#[cfg(feature = "index")]
use crate::node::ClassLease;

/// A peer of the M-Sec mesh: a smart city without a cloud.
#[derive(Debug, Parser)]
#[command(name = "msec", version, subcommand_required = true, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
    #[cfg(feature = "index")]
    #[command(flatten)]
    pub(super) unlock: super::unlock::Unlock,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make an identity in a data directory
    #[command(
        after_help = "Example:\n  msec init --data-dir sensor\n  1f0c…   (the peer's id; give it to whoever grants)"
    )]
    Init(Where),
    /// Show the peer's id
    #[command(after_help = "Example:\n  msec id --data-dir sensor")]
    Id(Where),
    /// Found a space, which this peer then owns; makes the identity if there is none
    #[command(after_help = "Example:\n  msec found harbour --data-dir gateway")]
    Found(Found),
    /// Let somebody do something, as a root or by a grant with `manage`
    #[cfg(feature = "index")]
    #[command(
        after_help = "Examples:\n  msec grant 1f0c… --may write --in parks --out sensor.invitation --data-dir gateway\n  \
                      msec grant 9c31… --may manage,read,write --in parks --depth 2 --out office.invitation\n  \
                      msec grant 1f0c… --may write --in parks --rate 60 --within 43.42,-3.85,43.47,-3.76 --out sensor.invitation\n\n\
                      The file is an invitation: it holds the space's manifest, the grant, and all that it hangs on. Whoever\n\
                      is named in it takes it in with `msec join`; nobody else has a use for it."
    )]
    Grant(Box<super::grant::Grant>),
    /// Show what was granted, by whom, and what became of it
    #[cfg(feature = "index")]
    #[command(
        after_help = "Examples:\n  msec grants --data-dir gateway\n  msec grants 1f0c9a --in parks --json"
    )]
    Grants(super::grants::Grants),
    /// Agree, as a root, to what another root said: an invitation, or a record by its id
    #[cfg(feature = "index")]
    #[command(
        after_help = "Examples:\n  msec approve sensor.invitation --data-dir mayor\n  msec approve 77ab… --data-dir mayor"
    )]
    Approve(super::grant::Approve),
    /// Say what kind of data a collection holds, so that peers withhold it which have not heard from an issuer for too long
    #[cfg(feature = "index")]
    #[command(
        after_help = "Examples:\n  msec classify parks/doors actuation --data-dir gateway\n  msec classify clinic personal\n\n\
                      Of what several say of it, and of what lies above it, the most protective counts."
    )]
    Classify(super::classify::Classify),
    /// End a grant, or all grants of a peer
    #[cfg(feature = "index")]
    #[command(
        after_help = "Examples:\n  msec revoke 1f0c9a --reason 'stolen from the pier' --data-dir gateway\n  \
                      msec revoke 9c3177 --all --yes\n\n\
                      What this peer holds of the logs stays, unless --cut says otherwise. Neighbours are told first of all."
    )]
    Revoke(super::revoke::Revoke),
    /// Give a new device what a lost one had, and end what the lost one may
    #[cfg(feature = "index")]
    #[command(
        after_help = "Example:\n  msec replace 1f0c9a 9c3177… --reason 'stolen from the pier' --out mic-1.invitation --data-dir gateway\n\n\
                      What this peer holds of the lost one's logs stays. The new one joins with the file, and goes on with its streams."
    )]
    Replace(super::replace::Replace),
    /// Let logs count that a revocation left out
    #[cfg(feature = "index")]
    #[command(after_help = "Example:\n  msec restore 5ab91c --data-dir gateway")]
    Restore(super::revoke::Restore),
    /// Erase what streams hold, everywhere and for good, and show who has done so
    #[cfg(feature = "index")]
    #[command(
        after_help = "Examples:\n  msec erase --stream parks/noise/mic-1 --from 2026-11-24 --to 2026-11-25 --dry-run\n  \
                      msec erase --by 9c3177 --reason 'asked for' --data-dir gateway\n  msec erase --under 1f0c9a --yes\n\n\
                      Of all that it names what this peer holds is erased: run it where most is held. It cannot be taken back."
    )]
    Erase(super::erase::Erase),
    /// Show what was ordered to be erased, who has done so, and who has not said so
    #[cfg(feature = "index")]
    #[command(after_help = "Examples:\n  msec erasures --data-dir gateway\n  msec erasures 5ab91c --json")]
    Erasures(super::erase::Erasures),
    /// Say who could read something at some time, by what right, and what ended it
    #[cfg(feature = "index")]
    #[command(
        after_help = "Examples:\n  msec explain parks/noise --at 2026-11-24T18:00:00Z --data-dir gateway\n  \
                      msec explain parks/noise/mic-1 --receipt answer.txt\n  msec explain --check answer.txt"
    )]
    Explain(super::explain::Explain),
    /// Seal a collection in which nothing lies yet: relays carry what is published there, and only readers read it
    #[cfg(feature = "index")]
    #[command(after_help = "Example:\n  msec seal homes/power --data-dir gateway\n\n\
                      It takes a grant to manage the collection and to read it. Keep this peer running: it wraps the epoch for\n\
                      whoever may read or write there.")]
    Seal(super::sealing::Seal),
    /// Show sealed collections: the epoch of each, for whom it was wrapped, and who waits for what
    #[cfg(feature = "index")]
    #[command(after_help = "Example:\n  msec epochs --in homes --data-dir gateway")]
    Epochs(super::sealing::Epochs),
    /// Let somebody in who comes with a code: shows it as a QR code, then words to compare
    #[cfg(feature = "index")]
    #[command(after_help = "Examples:\n  msec invite --may read --in parks --days 30 --data-dir gateway\n  \
                      msec invite --may write --in parks --hint 192.0.2.7:4000 --png code.png\n\n\
                      A code is good for one peer, once. Let it in only if both screens show the same words.")]
    Invite(super::invite::Invite),
    /// Make a walk-up code to be printed: whoever comes with it may read for a while, and nobody is asked
    #[cfg(feature = "index")]
    #[command(
        after_help = "Examples:\n  msec bench --in parks --hours 2 --png bench.png --data-dir gateway\n  \
                      msec bench --in parks --anywhere --hint 192.0.2.7:4000 --svg poster.svg --data-dir gateway\n\n\
                      A gateway lets in who is on its own Wi-Fi or LAN, unless the code says --anywhere.\n\
                      It works beside `msec run` and `msec-gateway run`, whichever runs there, and after a restart."
    )]
    Bench(super::bench::Bench),
    /// Come into a space with a code, or take in an invitation, or further grants for the same space
    #[command(
        after_help = "Examples:\n  msec join MSEC:248K… --data-dir phone\n  msec join code.png --data-dir phone\n  msec join sensor.invitation --data-dir sensor\n  \
                      msec join link.invitation --data-dir gateway-in-harbour --key-of gateway"
    )]
    Join(Join),
    /// Care for the peer's key: a passphrase, its words on paper, and back
    #[cfg(feature = "index")]
    #[command(
        after_help = "Examples:\n  msec key protect --data-dir office\n  msec key words --data-dir office\n  msec key restore --data-dir office"
    )]
    Key {
        #[command(subcommand)]
        command: super::key::KeyCommand,
    },
    /// Run the peer until Ctrl-C or SIGTERM
    #[command(after_help = "Examples:\n  msec run --data-dir gateway\n  \
                      msec run --data-dir gateway --listen 0.0.0.0:4000 --tail\n  \
                      echo 48.5 | msec run --data-dir sensor --contact 192.0.2.7:4000 --publish parks/noise/mic-1 --unit dB\n  \
                      msec run --data-dir phone --leaf --interest parks --near 43.46,-3.80,500 --since 2h\n\n\
                      Peers of the same space on one local network find each other by mDNS. Others are told with --contact.")]
    Run(Run),
    /// Publish readings: given here, or a line each on standard input
    #[command(
        after_help = "Examples:\n  msec publish parks/noise/mic-1 48.5 --unit dB --data-dir sensor\n  \
                      tail -f readings.txt | msec publish parks/noise/mic-1 --unit dB --place 43.46,-3.79\n  \
                      msec publish fleet/air/bus-7 21.5 --quality uncertain --at 43.46,-3.79\n\n\
                      A line is VALUE, or TIME VALUE with TIME in milliseconds since 1970 or as in RFC 3339; behind it may\n\
                      stand uncertain or bad, and @LAT,LON.\n\
                      What is `published` is signed and on disk. Where no peer runs, neighbours get it when one does."
    )]
    Publish(Publish),
    /// Show readings as they come, also those of this peer, until Ctrl-C
    #[command(after_help = "Example:\n  msec tail --in parks --near 43.46,-3.79,2km --data-dir gateway")]
    Tail(Tail),
    /// Show readings that are held, the newest first
    #[command(after_help = "Examples:\n  msec query --in parks --since 24h --data-dir gateway\n  \
                      msec query --since 2026-11-24T18:00:00Z --until 2026-11-25 --near 43.46,-3.79,500 --json\n  \
                      msec query --in parks --every hour --since 7d --limit 1000 --csv > week.csv\n  \
                      msec query --in fleet --within 43.42,-3.85,43.47,-3.76")]
    Query(QueryArgs),
    /// The registry of things: add, set, remove, show
    #[cfg(feature = "documents")]
    #[command(
        after_help = "Examples:\n  msec things add parks/noise/mic-1 --name 'Pier microphone' --place 43.46,-3.79 --unit dB\n  \
                      msec things set parks/noise/mic-1 --owner 'Harbour office'\n  msec things show"
    )]
    Things(super::things::Things),
    /// The store of a peer that does not run: check, repair, stats, compact, export, import
    #[command(
        after_help = "Examples:\n  msec store check --data-dir gateway\n  msec store export city.msec --data-dir gateway"
    )]
    Store {
        #[command(subcommand)]
        command: super::store::StoreCommand,
    },
    /// Show whom the peer is linked with
    #[command(after_help = "Example:\n  msec peers --data-dir gateway")]
    Peers(Where),
    /// Show how the peer is
    #[command(after_help = "Example:\n  msec status --data-dir gateway")]
    Status(Where),
}

#[cfg(not(feature = "index"))]
impl Where {
    /// The peer's directory.
    pub(super) fn dir(&self) -> crate::sdk::DataDir {
        crate::sdk::DataDir::at(&self.data_dir)
    }
}

/// Where the peer lives.
#[derive(Debug, ClapArgs)]
pub(super) struct Where {
    /// The peer's data directory
    #[arg(long, default_value = "msec-data", value_name = "DIR")]
    pub(super) data_dir: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Found {
    /// What people call the space
    pub(super) name: String,
    /// Other roots beside this peer: their ids, or files with what `msec id` shows there
    #[arg(long, value_name = "ID|FILE", value_delimiter = ',', requires = "out")]
    pub(super) roots: Vec<String>,
    /// How many roots must agree
    #[arg(long, value_name = "K", default_value_t = 1)]
    pub(super) threshold: u8,
    /// The file with which the other roots join
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) place: Where,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Join {
    /// A code, as `msec invite` shows it, or a picture of it (PNG, or SVG by msec); or invitations for this peer, as `msec grant` writes them
    #[arg(required = true, value_name = "CODE|PICTURE|FILE")]
    pub(super) invitations: Vec<String>,
    /// What the inviter's owner is shown beside the words [default: the name of this machine]
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// Be the same peer as in this data directory, which is in another space: takes its key over
    #[arg(long, value_name = "DIR")]
    pub(super) key_of: Option<PathBuf>,
    #[command(flatten)]
    pub(super) place: Where,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Run {
    /// The address to listen on; port 0 is any that is free, which others find by mDNS
    #[arg(long, default_value = "0.0.0.0:0", value_name = "ADDR", value_parser = listen)]
    pub(super) listen: SocketAddr,
    /// Listen for iroh as well, on this one address of this machine; what is to be dialled is printed
    #[cfg(feature = "iroh")]
    #[arg(long, value_name = "ADDR")]
    pub(super) iroh: Option<SocketAddr>,
    /// A peer to keep a link with: ADDR, or ID@ADDR to accept nobody else there; may be given several times
    #[arg(long, value_name = "[ID@]ADDR")]
    pub(super) contact: Vec<ContactArg>,
    /// Neither look for others on the local network, nor be found there
    #[arg(long)]
    pub(super) no_mdns: bool,
    /// Relay nothing, and hold nothing of others but what --interest, --near and --since name: for sensors and phones
    #[arg(long)]
    pub(super) leaf: bool,
    /// Hold only this collection and those below it; may be given several times
    #[arg(long, value_name = "COLLECTION")]
    pub(super) interest: Vec<CollectionPath>,
    /// Hold only what is measured within so many metres (or km) of a place, and what has no place
    #[arg(long, value_name = "LAT,LON,RADIUS", allow_hyphen_values = true)]
    pub(super) near: Option<NearArg>,
    /// Hold only streams that wrote something at this time or later, written as for `msec query`
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<TimeArg>,
    /// Where others are told that they can dial this peer [default: where it listens]; may be given several times
    #[arg(long, value_name = "ADDR", conflicts_with = "leaf")]
    pub(super) advertise: Vec<SocketAddr>,
    /// Spare the flash card in this collection and those below it, "" for all: write once a second; may be given several times
    #[arg(long, value_name = "COLLECTION")]
    pub(super) thrifty: Vec<CollectionPath>,
    /// Claim what hours come to, once a day, in this collection and those below it, "" for all, and countersign the claims of others that are right; a leaf claims what it wrote itself; may be given several times
    #[cfg(feature = "index")]
    #[arg(long, value_name = "COLLECTION")]
    pub(super) claims: Vec<CollectionPath>,
    /// Let go of what is older or more than that there and below, once others hold it; may be given several times
    #[cfg(feature = "index")]
    #[arg(long, value_name = "COLLECTION,raw=AGE,roll-ups=AGE,bytes=SIZE")]
    pub(super) keep: Vec<KeepArg>,
    /// How many neighbours have to hold what is let go of
    #[cfg(feature = "index")]
    #[arg(long, value_name = "N", default_value_t = 2, requires = "keep")]
    pub(super) copies: usize,
    /// How old the last word of an issuer may be for a class of data, and whether what is of it is withheld then; may be given several times
    #[cfg(feature = "index")]
    #[arg(long, value_name = "CLASS=AGE[,open|closed]")]
    pub(super) lease: Vec<ClassLease>,
    /// Print every reading that is verified
    #[arg(long)]
    pub(super) tail: bool,
    /// Publish what comes on standard input, a line a reading, as `msec publish` does
    #[arg(long, value_name = "COLLECTION/STREAM")]
    pub(super) publish: Option<StreamArg>,
    /// The unit of what is published, in UCUM's case-sensitive notation
    #[arg(long, requires = "publish")]
    pub(super) unit: Option<String>,
    #[command(flatten)]
    pub(super) place: Where,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Publish {
    /// The stream; the last segment is its name, what stands before it the collection
    #[arg(value_name = "COLLECTION/STREAM")]
    pub(super) stream: StreamArg,
    /// What was measured; standard input is read if there is nothing here
    #[arg(value_name = "VALUE", allow_negative_numbers = true, value_parser = number)]
    pub(super) values: Vec<f64>,
    /// The unit, in UCUM's case-sensitive notation [default: the stream's own; `1`, which counts things, for a new one]
    #[arg(long)]
    pub(super) unit: Option<String>,
    /// Where it is measured, in degrees north and east; written down with a stream's first reading
    #[arg(long, value_name = "LAT,LON", allow_hyphen_values = true)]
    pub(super) place: Option<PlaceArg>,
    /// Where a sensor that moves was, in degrees north and east; written down with each reading
    #[arg(long, value_name = "LAT,LON", allow_hyphen_values = true, conflicts_with = "place")]
    pub(super) at: Option<PlaceArg>,
    /// How good it is: good, uncertain (doubtful) or bad (known to be wrong)
    #[arg(long, default_value = "good", value_parser = quality)]
    pub(super) quality: ValueQuality,
    #[command(flatten)]
    pub(super) home: Where,
}

/// Which readings to show.
#[derive(Debug, ClapArgs)]
pub(super) struct Which {
    /// A collection and those below it
    #[arg(long = "in", default_value = "", value_name = "COLLECTION")]
    pub(super) collection: String,
    /// Streams of this name only
    #[arg(long)]
    pub(super) stream: Option<String>,
    /// Measured within so many metres (or km) of a place; what has no place is nowhere near
    #[arg(long, value_name = "LAT,LON,RADIUS", allow_hyphen_values = true)]
    pub(super) near: Option<NearArg>,
    /// Measured in a box on the map, in degrees; what has no place is in none
    #[arg(long, value_name = "SOUTH,WEST,NORTH,EAST", allow_hyphen_values = true)]
    pub(super) within: Option<WithinArg>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Tail {
    #[command(flatten)]
    pub(super) which: Which,
    #[command(flatten)]
    pub(super) place: Where,
}

#[derive(Debug, ClapArgs)]
pub(super) struct QueryArgs {
    #[command(flatten)]
    pub(super) which: Which,
    /// Measured at this time or later: 90m, 24h, 7d ago, a date (UTC), or a time as in RFC 3339
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<TimeArg>,
    /// Measured before this time
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<TimeArg>,
    /// At most so many
    #[arg(long, default_value_t = 20)]
    pub(super) limit: usize,
    /// Show what the readings of each minute, hour or day (UTC) come to, instead of the readings
    #[cfg(feature = "index")]
    #[arg(long, value_name = "minute|hour|day")]
    pub(super) every: Option<super::roll_ups::EveryArg>,
    /// Print what they come to as CSV
    #[cfg(feature = "index")]
    #[arg(long, requires = "every", conflicts_with = "json")]
    pub(super) csv: bool,
    #[command(flatten)]
    pub(super) place: Where,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_every_command_has_an_example() {
        let mut args = Args::command();
        args.build();
        args.clone().debug_assert();
        for command in args.get_subcommands().filter(|command| command.get_name() != "help") {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.contains("Example"), "{}", command.get_name());
        }
    }

    #[test]
    fn every_command_has_a_manual_page_of_one_screen_that_names_its_flags() {
        let manual = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/manual");
        let mut args = Args::command();
        args.build();
        for command in args.get_subcommands().filter(|command| command.get_name() != "help") {
            let name = command.get_name();
            let page = std::fs::read_to_string(manual.join(format!("msec-{name}.md")));
            let page = page.unwrap_or_else(|error| panic!("the page of msec {name}: {error}"));
            assert!(page.lines().count() <= 50, "msec {name}: more than a screen");
            let commands = std::iter::once(command).chain(command.get_subcommands());
            let flags = commands.flat_map(clap::Command::get_arguments).filter_map(|arg| arg.get_long());
            let everywhere = if name == "key" { "" } else { "passphrase-file" };
            for flag in flags.filter(|flag| !["help", everywhere].contains(flag)) {
                assert!(page.contains(&format!("--{flag}")), "msec {name}: --{flag} is missing");
            }
        }
    }
}
