//! A key on paper: as words, whole or split, and back.

use std::fs;
use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args as ClapArgs;
use msec_identity::backup::{Share, combine, to_words};
use msec_identity::{Identity, PeerId};
use serde_json::json;
use zeroize::Zeroizing;

use super::super::args::Where;
use super::super::ask::runtime;
use super::super::show::say;
use crate::control::Session;
use crate::sdk::{DataDir, KeyRestored, key_on_paper};

/// The most of a file with words that is read, in bytes: fifteen shares of forty words fit four times.
const WORDS_BYTES_MAX: u64 = 32 * 1024;
/// Words in a row on the screen, so that a slip is found by its row.
const WORDS_A_ROW: usize = 6;

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Words {
    /// Don't ask, and print them though no terminal is there
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Split {
    /// Among how many
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=15))]
    shares: u8,
    /// How many of them bring it back
    #[arg(long, value_name = "K", default_value_t = 2, value_parser = clap::value_parser!(u8).range(2..=15))]
    threshold: u8,
    /// Don't ask, and print them though no terminal is there
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Restore {
    /// Files with words: a whole key, or shares of one, with an empty line between two [default: what is typed]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Set another key that lies there aside; it is kept under another name
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    place: Where,
}

pub(in crate::cli) fn words(args: &Words) -> anyhow::Result<()> {
    let dir = args.place.dir();
    dir.inhabited()?;
    if !agreed(args.yes, "Whoever reads these words is this peer from then on, and may do all that it may.")?
    {
        bail!("nothing was shown");
    }
    let identity = dir.identity()?;
    let words = to_words(&identity);
    if args.place.json {
        say(Zeroizing::new(json!({ "peer": identity.peer(), "words": words.as_str() }).to_string()).as_str());
        return Ok(());
    }
    say(format!("# The key of {}, whole", identity.peer()));
    say(rows(&words).as_str());
    eprintln!(
        "Next: write them on paper, keep that where the machine is not, and clear the screen. `msec key restore` takes them back"
    );
    Ok(())
}

pub(in crate::cli) fn split(args: &Split) -> anyhow::Result<()> {
    let dir = args.place.dir();
    dir.inhabited()?;
    let warning = format!(
        "Any {} of these shares are this peer, and may do all that it may. One alone says nothing.",
        args.threshold
    );
    if !agreed(args.yes, &warning)? {
        bail!("nothing was shown");
    }
    let peer = dir.identity()?.peer();
    let shares = dir.split_key(args.threshold, args.shares)??;
    for share in &shares {
        let words = share.to_words();
        if args.place.json {
            let line = json!({ "peer": peer, "share": share.index(), "threshold": share.threshold(), "words": words.as_str() });
            say(Zeroizing::new(line.to_string()).as_str());
            continue;
        }
        say(format!(
            "# Share {} of {}; any {} bring {peer} back",
            share.index(),
            args.shares,
            args.threshold
        ));
        say(rows(&words).as_str());
        say("");
    }
    if !args.place.json {
        eprintln!(
            "Next: a paper for each, with the line above it; keep them in different places. `msec key restore` takes {} of them back. Those of \
             another splitting don't fit to these",
            args.threshold
        );
    }
    Ok(())
}

/// Whether the words may be shown. On something else than a screen they are shown to whoever says so only.
fn agreed(yes: bool, warning: &str) -> anyhow::Result<bool> {
    if yes {
        return Ok(true);
    }
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        bail!("the words are shown at a terminal only: give --yes to print them here. {warning}");
    }
    eprint!("{warning}\nLook behind you. Show them? [y/N] ");
    std::io::stderr().flush().ok();
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("cannot read the answer")?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

/// A few words a row.
fn rows(words: &str) -> Zeroizing<String> {
    // As long as the text is, so that no copy is left behind where it grew.
    let mut text = Zeroizing::new(String::with_capacity(words.len() + 1));
    for (at, word) in words.split(' ').enumerate() {
        match at {
            0 => {}
            at if at % WORDS_A_ROW == 0 => text.push('\n'),
            _ => text.push(' '),
        }
        text.push_str(word);
    }
    text
}

pub(in crate::cli) fn restore(args: &Restore) -> anyhow::Result<()> {
    let dir = args.place.dir();
    if runtime()?.block_on(Session::running(&dir))?.is_some() {
        bail!("a peer runs there: stop it, and bring the key back then");
    }
    let identity = match &args.files[..] {
        [] if std::io::stdin().is_terminal() => typed()?,
        [] => found(&paragraphs(&read(std::io::stdin().lock(), "what is typed")?))?,
        files => {
            let mut texts = Vec::new();
            for file in files {
                let name = file.display().to_string();
                let open = fs::File::open(file).with_context(|| format!("cannot read {name}"))?;
                texts.extend(paragraphs(&read(open, &name)?));
            }
            found(&texts)?
        }
    };
    put(args, &dir, &identity)
}

/// Keeps the key, and says what that means.
fn put(args: &Restore, dir: &DataDir, identity: &Identity) -> anyhow::Result<()> {
    let peer = identity.peer();
    let restored = dir.restore_key(identity, args.replace).context(
        "the words are right, and the key was not put there: name another --data-dir, or set the one that lies there aside with --replace",
    )?;
    if args.place.json {
        let aside = match &restored {
            KeyRestored::Instead { aside } => Some(aside),
            _ => None,
        };
        say(json!({ "peer": peer, "new": restored != KeyRestored::Same, "aside": aside }));
        return Ok(());
    }
    say_restored(&peer, &restored);
    if restored != KeyRestored::Same {
        let dir = dir.path().display();
        eprintln!(
            "Next: `msec key protect --data-dir {dir}`, and `msec join` with an invitation of this peer if the directory is new. Its old \
             logs come back from its neighbours, and it goes on in new ones. Never run one key on two machines"
        );
    }
    Ok(())
}

fn say_restored(peer: &PeerId, restored: &KeyRestored) {
    say(match restored {
        KeyRestored::New => format!("the key of {peer} is back"),
        KeyRestored::Same => format!("the key of {peer} is there already: nothing was changed"),
        KeyRestored::Instead { aside } => {
            format!("the key of {peer} is back; the other one is kept as {}", aside.display())
        }
    });
}

fn read(from: impl Read, name: &str) -> anyhow::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(WORDS_BYTES_MAX as usize + 1));
    let read = from.take(WORDS_BYTES_MAX + 1).read_to_string(&mut text);
    read.with_context(|| format!("cannot read {name}"))?;
    if text.len() as u64 > WORDS_BYTES_MAX {
        bail!("{name} holds more than words: it is longer than {WORDS_BYTES_MAX} bytes");
    }
    Ok(text)
}

/// What stands between empty lines, without those that begin with `#`.
fn paragraphs(text: &str) -> Vec<Zeroizing<String>> {
    let mut paragraphs = Vec::new();
    let mut paragraph = Zeroizing::new(String::with_capacity(text.len()));
    for line in text.lines().chain([""]) {
        if !line.trim().is_empty() {
            if !line.trim_start().starts_with('#') {
                paragraph.push_str(line);
                paragraph.push('\n');
            }
        } else if !paragraph.is_empty() {
            let next = Zeroizing::new(String::with_capacity(text.len()));
            paragraphs.push(std::mem::replace(&mut paragraph, next));
        }
    }
    paragraphs
}

fn found(texts: &[Zeroizing<String>]) -> anyhow::Result<Identity> {
    if texts.is_empty() {
        bail!("there are no words: give those of a key, or of as many shares as it takes");
    }
    // Which of them is wrong is said, as far as one alone can be.
    for (at, text) in texts.iter().enumerate() {
        let alone = key_on_paper(&[text.as_str()]);
        alone.with_context(|| format!("paper {} of {}", at + 1, texts.len()))?;
    }
    let texts: Vec<_> = texts.iter().map(|it| it.as_str()).collect();
    if let Some(identity) = key_on_paper(&texts)? {
        return Ok(identity);
    }
    // How many there are, and how many it takes.
    let shares = texts.iter().map(|text| Share::from_words(text)).collect::<Result<Vec<_>, _>>()?;
    Ok(combine(&shares)?)
}

/// Asks for one paper after the other, and for one again where it has a slip.
fn typed() -> anyhow::Result<Identity> {
    let mut papers: Vec<Zeroizing<String>> = Vec::new();
    loop {
        let which = match papers.len() {
            0 => "the words of the key, or of a share".to_owned(),
            more => format!("the words of another share ({more} so far)"),
        };
        eprintln!("Type {which}, in as many rows as you like, then an empty line:");
        let paper = typed_paper()?;
        papers.push(paper);
        let alone = papers.last().map(|paper| key_on_paper(&[paper.as_str()]));
        let texts: Vec<_> = papers.iter().map(|it| it.as_str()).collect();
        let together = match alone {
            Some(Err(error)) => Err(error),
            _ => key_on_paper(&texts),
        };
        match together {
            Ok(Some(identity)) => return Ok(identity),
            Ok(None) => {}
            Err(error) => {
                eprintln!("msec: {error}. Type that paper again");
                papers.pop();
            }
        }
    }
}

fn typed_paper() -> anyhow::Result<Zeroizing<String>> {
    let mut paper = Zeroizing::new(String::with_capacity(WORDS_BYTES_MAX as usize));
    let mut lines = std::io::stdin().lock().take(WORDS_BYTES_MAX);
    loop {
        let before = paper.len();
        let length = lines.read_line(&mut paper).context("cannot read what is typed")?;
        if length == 0 && paper.trim().is_empty() {
            bail!("no key was brought back");
        }
        if length == 0 || (paper[before..].trim().is_empty() && before > 0) {
            return Ok(paper);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn papers_are_parted_by_empty_lines_and_remarks_are_not_words() {
        let text = "\n# The key of 1f0c\nacorn arrow\narrow\n\n\n# nothing\n\nalbum banana\n";
        let found: Vec<_> = paragraphs(text).iter().map(|it| it.as_str().to_owned()).collect();
        assert_eq!(found, ["acorn arrow\narrow\n", "album banana\n"]);
    }

    #[test]
    fn what_is_shown_is_read_back_and_a_slip_is_pointed_out() {
        let identity = Identity::from_seed([9; 32]);
        let shown = format!("# The key, whole\n{}\n", rows(&to_words(&identity)).as_str());
        assert!(shown.lines().skip(1).all(|row| row.split(' ').count() == WORDS_A_ROW));
        assert_eq!(found(&paragraphs(&shown)).expect("a key").peer(), identity.peer());
        let slip = shown.replacen("arrow", "arow", 1);
        let error = format!("{:#}", found(&paragraphs(&slip)).expect_err("a slip"));
        assert!(error.contains("word 2") && error.contains("`arrow`"), "{error}");
        assert!(format!("{:#}", found(&[]).expect_err("none")).contains("no words"));
        let mut rng = <rand_chacha::ChaCha20Rng as rand_core::SeedableRng>::from_seed([1; 32]);
        let shares = msec_identity::backup::split(&identity, 3, 5, &mut rng).expect("splits");
        let two: Vec<_> = shares[..2].iter().map(Share::to_words).collect();
        let error = format!("{:#}", found(&two).expect_err("too few"));
        assert!(error.contains("3 shares bring the key back, these are 2"), "{error}");
    }
}
