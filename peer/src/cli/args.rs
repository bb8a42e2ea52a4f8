//! What can be written on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args as ClapArgs, Parser, Subcommand};
use msec_identity::PeerId;

/// A peer of the M-Sec mesh: a smart city without a cloud.
#[derive(Debug, Parser)]
#[command(name = "msec", version, subcommand_required = true, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
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
    /// Found a space, with this peer's key as its root
    #[command(after_help = "Example:\n  msec init --data-dir owner\n  msec found harbour --data-dir owner")]
    Found(Found),
    /// Let somebody do something in the space that this peer founded
    #[command(
        after_help = "Example:\n  msec grant 1f0c… --may write,relay --in parks --out sensor.grant --data-dir owner"
    )]
    Grant(GrantArgs),
    /// Take in a manifest and grants
    #[command(
        after_help = "Example:\n  msec join --manifest owner/space.manifest --grant sensor.grant --data-dir sensor"
    )]
    Join(Join),
    /// Run the peer
    #[command(after_help = "Examples:\n  msec run --data-dir gateway --listen 0.0.0.0:4000 --tail\n  \
                      echo 48.5 | msec run --data-dir sensor --contact 192.0.2.7:4000 --publish parks/noise/mic-1 --unit dB")]
    Run(Run),
    /// Show readings that are held, the newest first (while the peer is not running)
    #[command(after_help = "Example:\n  msec query --data-dir gateway --in parks --limit 10")]
    Query(QueryArgs),
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
    #[command(flatten)]
    pub(super) place: Where,
}

#[derive(Debug, ClapArgs)]
pub(super) struct GrantArgs {
    /// Who may: the id that `msec id` shows there
    pub(super) holder: PeerId,
    /// What: some of relay, read, write, manage
    #[arg(long, value_name = "RIGHTS")]
    pub(super) may: String,
    /// Where: a collection and those below it; the whole space if left out
    #[arg(long = "in", default_value = "", value_name = "COLLECTION")]
    pub(super) collection: String,
    /// For how many days
    #[arg(long, default_value_t = 365)]
    pub(super) days: u32,
    /// The file to write the grant to
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
    #[command(flatten)]
    pub(super) place: Where,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Join {
    /// The space's manifest
    #[arg(long, value_name = "FILE")]
    pub(super) manifest: PathBuf,
    /// A grant for this peer; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(super) grant: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) place: Where,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Run {
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    pub(super) listen: SocketAddr,
    /// A peer to keep a link with: ADDR, or ID@ADDR to accept nobody else there; may be given several times
    #[arg(long, value_name = "[ID@]ADDR")]
    pub(super) contact: Vec<ContactArg>,
    /// Hold nothing of others: for sensors and other leaves
    #[arg(long)]
    pub(super) leaf: bool,
    /// Print every reading that is verified
    #[arg(long)]
    pub(super) tail: bool,
    /// Publish what comes on standard input, a line a reading: VALUE, or UNIX_MILLISECONDS VALUE
    #[arg(long, value_name = "COLLECTION/STREAM")]
    pub(super) publish: Option<StreamArg>,
    /// The unit of what is published, in UCUM's case-sensitive notation
    #[arg(long, default_value = "1", requires = "publish")]
    pub(super) unit: String,
    #[command(flatten)]
    pub(super) place: Where,
}

#[derive(Debug, ClapArgs)]
pub(super) struct QueryArgs {
    /// A collection and those below it
    #[arg(long = "in", default_value = "", value_name = "COLLECTION")]
    pub(super) collection: String,
    /// One stream only
    #[arg(long)]
    pub(super) stream: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 20)]
    pub(super) limit: usize,
    #[command(flatten)]
    pub(super) place: Where,
}

/// `ADDR` or `ID@ADDR`.
#[derive(Debug, Clone)]
pub(super) struct ContactArg {
    pub(super) address: SocketAddr,
    pub(super) peer: Option<PeerId>,
}

impl FromStr for ContactArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (peer, address) = match text.split_once('@') {
            Some((peer, address)) => (Some(peer.parse().map_err(|e| format!("{e}"))?), address),
            None => (None, text),
        };
        let address = address.parse().map_err(|_| {
            format!("`{address}` is not an address: write it as 192.0.2.7:4000 or [2001:db8::7]:4000")
        })?;
        Ok(Self { address, peer })
    }
}

/// `COLLECTION/STREAM`: the last segment names the stream.
#[derive(Debug, Clone)]
pub(super) struct StreamArg {
    pub(super) collection: String,
    pub(super) stream: String,
}

impl FromStr for StreamArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.rsplit_once('/')
            .filter(|(collection, stream)| !collection.is_empty() && !stream.is_empty())
            .map(|(collection, stream)| Self { collection: collection.into(), stream: stream.into() })
            .ok_or_else(|| {
                format!("`{text}` does not name a stream: write COLLECTION/STREAM, such as parks/noise/mic-1")
            })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn contacts_and_streams_say_what_is_wrong() {
        assert!("127.0.0.1:4000".parse::<ContactArg>().is_ok());
        assert!("127.0.0.1".parse::<ContactArg>().is_err_and(|e| e.contains("192.0.2.7:4000")));
        assert!("abc@127.0.0.1:1".parse::<ContactArg>().is_err_and(|e| e.contains("64 hexadecimal")));
        assert!("noise".parse::<StreamArg>().is_err_and(|e| e.contains("COLLECTION/STREAM")));
    }
}
