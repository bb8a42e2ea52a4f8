//! Letting somebody in: a code on the screen, words to compare, and a person's yes.

use std::io::{BufRead, IsTerminal, Write};
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args as ClapArgs;
use serde_json::json;
use tokio::sync::mpsc;

use super::args::Where;
use super::ask::{running, runtime};
use super::qr::{Files, Picture};
use super::show::say;
use super::signal::Signal;
use super::words::{day, place};
use crate::control::{Answer, InviteAnswer, Request, Session};
use crate::net::wall_clock;
use crate::sdk::InviteTerms;

const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, ClapArgs)]
pub(super) struct Invite {
    /// What whoever comes may do: some of relay, read, write, manage
    #[arg(long, value_name = "RIGHTS", default_value = "read")]
    may: String,
    /// Where: a collection and those below it; the whole space if left out
    #[arg(long = "in", default_value = "", value_name = "COLLECTION")]
    collection: String,
    /// For how many days
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,
    /// For how many minutes the code is good
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_440))]
    minutes: u32,
    /// Where this peer can be dialled [default: where it tells others that it can]; may be given several times
    #[arg(long, value_name = "ADDR")]
    hint: Vec<SocketAddr>,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    place: Where,
}

pub(super) fn invite(args: &Invite) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        let mut signal = Signal::listen()?;
        let mut session = running(&args.place).await?;
        session
            .ask(&Request::Invite(InviteTerms {
                rights: args.may.clone(),
                collection: args.collection.clone(),
                days: args.days,
                lasts_s: args.minutes * 60,
                hints: args.hint.clone(),
            }))
            .await?;
        let host = Host { args, until_ms: None, counts: std::io::stderr().is_terminal() && !args.place.json };
        tokio::select! {
            done = host.run(&mut session) => done,
            () = signal.wait() => {
                eprintln!("\nmsec: the code is taken back");
                Ok(())
            }
        }
    })
}

struct Host<'a> {
    args: &'a Invite,
    /// Until when the code is good, once it is known.
    until_ms: Option<i64>,
    /// Whether the time that is left is shown.
    counts: bool,
}

impl Host<'_> {
    async fn run(mut self, session: &mut Session) -> anyhow::Result<()> {
        let mut lines = lines();
        let mut asked = false;
        let mut tick = tokio::time::interval(SECOND);
        loop {
            tokio::select! {
                answer = session.next() => match answer? {
                    Some(Answer::Invite(answer)) => asked = self.show(&answer)?.unwrap_or(asked),
                    Some(_) => {}
                    None => return Ok(()),
                },
                // What was typed before anybody asked answers nothing.
                Some(line) = lines.recv() => if std::mem::take(&mut asked) {
                    session.decide(matches!(line.trim(), "y" | "Y" | "yes" | "true")).await?;
                },
                _ = tick.tick(), if self.counts && !asked => self.count(),
            }
        }
    }

    /// Shows what happened. Whether somebody is to answer now, if that changes.
    fn show(&mut self, answer: &InviteAnswer) -> anyhow::Result<Option<bool>> {
        let as_json = self.args.place.json;
        self.wipe();
        // Whoever reads of a code finds its files.
        if let InviteAnswer::Code { code, .. } = answer {
            self.args.files.open()?.write(&Picture::of(code)?)?;
        }
        if as_json {
            say(json!(answer));
        }
        match answer {
            InviteAnswer::Code { code, until_ms } => {
                self.until_ms = Some(*until_ms);
                if !as_json {
                    self.show_code(code)?;
                }
            }
            InviteAnswer::Asks { peer, name, words } => {
                if !as_json {
                    let who = if name.is_empty() { String::new() } else { format!("\"{name}\", ") };
                    say(format!(
                        "{who}{} has the code. Both screens show:\n\n    {}\n",
                        peer.short(),
                        words.join("  ")
                    ));
                    eprint!("Do they see the same words? [y/N] ");
                    std::io::stderr().flush().ok();
                }
                return Ok(Some(true));
            }
            InviteAnswer::Gone(why) if !as_json => eprintln!("msec: {why}; the code is still good"),
            InviteAnswer::Declined if !as_json => say("not let in; the code is used up"),
            InviteAnswer::Joined { peer, rights, collection, until_ms, grant } if !as_json => say(format!(
                "{} may {rights} {} until {} now  [{}]",
                peer.short(),
                place(collection),
                day(*until_ms),
                grant.short()
            )),
            _ => {}
        }
        Ok(matches!(answer, InviteAnswer::Gone(_)).then_some(false))
    }

    fn show_code(&self, code: &str) -> anyhow::Result<()> {
        say(format!(
            "{code}\n\nFor one peer, once: let it scan this, or run `msec join CODE` there. Ctrl-C takes it back."
        ));
        self.args.files.show(code)
    }

    /// Shows how long the code is good.
    fn count(&self) {
        let Some(until) = self.until_ms else { return };
        let left = until.saturating_sub(wall_clock().0).max(0) / 1000;
        eprint!("\rgood for {}:{:02} ", left / 60, left % 60);
        std::io::stderr().flush().ok();
    }

    fn wipe(&self) {
        if self.counts && self.until_ms.is_some() {
            eprint!("\r\u{1b}[K");
        }
    }
}

/// The lines of standard input, as they come. A thread reads them: whoever types takes its time, and the thread ends with the program.
fn lines() -> mpsc::Receiver<String> {
    let (to, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if to.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}
