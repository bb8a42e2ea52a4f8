//! The command line `msec-gateway`, as a function, so that tests can own a thin binary around it.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::{config, demo, mqtt, run};

/// The gateway of the M-Sec mesh: a smart city without a cloud.
#[derive(Debug, Parser)]
#[command(name = "msec-gateway", version, subcommand_required = true, arg_required_else_help = true)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway: take in what devices publish by MQTT, link with other peers, serve the page
    #[command(
        after_help = "Example:\n  msec init          (prints an id; the space's owner runs `msec grant ID --may read,write --out gateway.invitation`)\n  \
                            msec join gateway.invitation\n  \
                            msec-gateway config --print > gateway.toml && msec-gateway token mic-1 >> gateway.toml\n  \
                            msec-gateway run\n\n\
                            It ends cleanly with Ctrl-C, and when systemd stops it."
    )]
    Run(RunArgs),
    /// Print all settings with their defaults, as a file to start from, or check a file
    #[command(
        after_help = "Examples:\n  msec-gateway config --print > gateway.toml\n  msec-gateway config --check gateway.toml"
    )]
    Config(ConfigArgs),
    /// Make a random token for a device, and the lines of the file that let it in
    #[command(
        after_help = "Examples:\n  msec-gateway token mic-1 >> gateway.toml\n  msec-gateway token --page\n\n\
                            With --page it is the operator's, who lets others in from the page; the line goes into [page].\n\n\
                            The token itself goes to standard error, once: it is the device's MQTT password, and its name is the\n\
                            user name. The file holds only the token's hash."
    )]
    Token(TokenArgs),
    /// Run a small city on this machine: 3 gateways, 21 sensors and a citizen, with a month of real pedestrian counts
    #[command(
        after_help = "Examples:\n  msec-gateway demo\n  msec-gateway demo --seconds 20 --listen 127.0.0.1:9000\n  \
                            msec-gateway demo --speed 3600 --data-dir city --json\n\n\
                            It ends with status 0 if nothing was lost and exactly what it planted was refused."
    )]
    Demo(DemoArgs),
}

#[derive(Debug, ClapArgs)]
struct RunArgs {
    /// The settings
    #[arg(long, value_name = "FILE", default_value = "gateway.toml")]
    config: PathBuf,
    /// Print where peer, MQTT and page listen as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    unlock: msec_peer::cli::Unlock,
}

#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
struct ConfigArgs {
    /// Print every setting with its default, its meaning, its unit and its bounds
    #[arg(long)]
    print: bool,
    /// Say what is wrong with a file, or that nothing is
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
struct TokenArgs {
    /// What the device is called: its MQTT user name
    #[arg(required_unless_present = "page")]
    name: Option<String>,
    /// Make the token of the page instead, with which an operator lets others in
    #[arg(long, conflicts_with = "name")]
    page: bool,
    /// Print name, token and hash as one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, ClapArgs)]
struct DemoArgs {
    /// How many seconds the sensors publish
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// City seconds that pass in one second; by default the whole month passes in the given seconds
    #[arg(long, value_parser = speed)]
    speed: Option<f64>,
    /// Where the 25 peers live, and are found again next time [default: a temporary directory that is removed]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where the page is served
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Print the summary as a JSON object on the last line
    #[arg(long)]
    json: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && speed > 0.0 => Ok(speed),
        _ => Err("write a number above 0, such as 3600 for an hour in a second".into()),
    }
}

/// Runs `msec-gateway` with these arguments, the program's name first.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Args = match msec_peer::cli::parse(args) {
        Ok(args) => args,
        Err(code) => return code,
    };
    msec_peer::cli::log_to_stderr();
    let done = match args.command {
        Command::Run(RunArgs { config, json, unlock }) => {
            run::run(&run::Options { config, json, unlock }).map(|()| true)
        }
        Command::Config(args) => configure(args).map(|()| true),
        Command::Token(args) => make_token(&args).map(|()| true),
        Command::Demo(args) => {
            let DemoArgs { seconds, speed, data_dir, listen, json } = args;
            demo::run(demo::Options { seconds, speed, data_dir, listen, json })
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("msec-gateway: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn configure(args: ConfigArgs) -> anyhow::Result<()> {
    match args.check {
        Some(path) => {
            config::load(&path)?;
            println!("{} is well", path.display());
        }
        None => print!("{}", config::DEFAULT_FILE),
    }
    Ok(())
}

/// Prints what goes into the file on standard output and the token beside it, so that the file can be appended to.
fn make_token(TokenArgs { name, page, json }: &TokenArgs) -> anyhow::Result<()> {
    let Some(name) = name.as_ref().filter(|_| !page) else {
        let token = mqtt::random_token();
        let hash = mqtt::TokenHash::of(token.as_bytes());
        if *json {
            println!("{}", serde_json::json!({ "token": token, "hash": hash.to_string() }));
            return Ok(());
        }
        eprintln!(
            "The token of the page, shown this once: {token}\nIn [page] put this line in place of the one that begins with `token`, restart the gateway, and open /invite:"
        );
        println!("token = \"{hash}\"");
        return Ok(());
    };
    anyhow::ensure!(
        mqtt::is_device_name(name) && !name.contains(['"', '\\']),
        "`{name}` cannot be the name of a device: write 1 to {} bytes without quotes, backslashes, `+`, `#`, braces and control characters",
        mqtt::DEVICE_NAME_BYTES_MAX
    );
    let token = mqtt::random_token();
    let hash = mqtt::TokenHash::of(token.as_bytes());
    if *json {
        println!("{}", serde_json::json!({ "name": name, "token": token, "hash": hash.to_string() }));
        return Ok(());
    }
    eprintln!("The token of {name}, shown this once: {token}");
    println!("\n[[mqtt.device]]\nname = \"{name}\"\ntoken = \"{hash}\"");
    Ok(())
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
    fn every_command_shows_an_example_and_has_a_manual_page_or_is_the_demo() {
        let manual = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/manual");
        for command in Args::command().get_subcommands() {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.contains("Example"), "{}", command.get_name());
            if command.get_name() == "demo" {
                continue;
            }
            let page = manual.join(format!("msec-gateway-{}.md", command.get_name()));
            let page = std::fs::read_to_string(page).expect("a page");
            assert!(page.lines().count() <= 50, "{}: more than a screen", command.get_name());
            for flag in command.get_arguments().filter_map(|arg| arg.get_long()) {
                assert!(page.contains(&format!("--{flag}")), "{}: --{flag} is missing", command.get_name());
            }
        }
    }

    #[test]
    fn a_speed_is_a_positive_number() {
        assert_eq!(speed("3600"), Ok(3600.0));
        for text in ["0", "-1", "inf", "NaN", "fast"] {
            assert!(speed(text).is_err(), "{text}");
        }
    }
}
