//! Whence a passphrase comes: a file, a credential of systemd, or a person at a terminal. Never an argument and never the environment,
//! which others on the machine can read.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::Args as ClapArgs;
use msec_identity::Passphrase;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::args::Where;
use crate::sdk::DataDir;

/// The longest passphrase, in bytes. A longer one is refused.
const PASSPHRASE_BYTES_MAX: usize = 1024;
/// The shortest new one, in characters.
const PASSPHRASE_CHARS_MIN: usize = 8;
/// What systemd's `LoadCredential=` has to call it.
const CREDENTIAL: &str = "msec-passphrase";

/// What was said on the command line of this process. A second call of `main` in one process keeps the first one's.
static SAID: OnceLock<Unlock> = OnceLock::new();

/// How a key that lies under a passphrase is opened.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Unlock {
    /// Where the passphrase is, if the key lies under one: a file that only its owner reads, or /dev/fd/N [default: the credential
    /// msec-passphrase of systemd, or a question at the terminal]
    #[arg(long, global = true, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Unlock {
    /// The directory of a peer, whose key is opened so.
    pub fn dir(&self, path: impl Into<PathBuf>) -> DataDir {
        let unlock = self.clone();
        DataDir::at(path).unlocked_by(move |key| unlock.ask(key))
    }

    /// Remembers it for the commands of this process.
    pub(super) fn remember(self) {
        let _ = SAID.set(self);
    }

    fn ask(&self, key: &Path) -> io::Result<Passphrase> {
        if let Some(file) = &self.passphrase_file {
            return from_file(file);
        }
        // Its service manager's directory, which nobody else can read.
        if let Some(file) =
            std::env::var_os("CREDENTIALS_DIRECTORY").map(|dir| PathBuf::from(dir).join(CREDENTIAL))
            && file.exists()
        {
            return from_file(&file);
        }
        if !io::stdin().is_terminal() {
            return Err(io::Error::other(format!(
                "run this at a terminal, or give --passphrase-file FILE, or load the credential `{CREDENTIAL}` with systemd"
            )));
        }
        from_terminal(&format!("Passphrase of {}: ", key.display()))
    }
}

impl Where {
    /// The peer's directory, whose key is opened as the command line says.
    pub(super) fn dir(&self) -> DataDir {
        SAID.get().cloned().unwrap_or_default().dir(&self.data_dir)
    }
}

/// A new passphrase: from a file, or asked for twice.
pub(super) fn new_passphrase(file: Option<&Path>) -> anyhow::Result<Passphrase> {
    if let Some(file) = file {
        let line = line_of(file)?;
        long_enough(&line)?;
        return Ok(Passphrase::new(line.as_str().to_owned()));
    }
    anyhow::ensure!(io::stdin().is_terminal(), "run this at a terminal, or give --new-passphrase-file FILE");
    let first = line_without_echo("New passphrase: ")?;
    anyhow::ensure!(!first.is_empty(), "a passphrase is not empty: nothing was changed");
    long_enough(&first)?;
    let again = line_without_echo("The same again: ")?;
    anyhow::ensure!(*first == *again, "the two are not the same: nothing was changed");
    Ok(Passphrase::new(first.as_str().to_owned()))
}

/// Refuses one that whoever has the file would find by trying.
fn long_enough(passphrase: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        passphrase.chars().count() >= PASSPHRASE_CHARS_MIN,
        "whoever takes the file finds so short a passphrase by trying: choose at least {PASSPHRASE_CHARS_MIN} characters, such as four \
         words. Nothing was changed"
    );
    Ok(())
}

fn from_file(path: &Path) -> io::Result<Passphrase> {
    Ok(Passphrase::new(line_of(path)?.as_str().to_owned()))
}

/// The first line of a file. A file that others can read is refused, as such a key is.
fn line_of(path: &Path) -> io::Result<Zeroizing<String>> {
    let named = |why: String| io::Error::other(format!("{}: {why}", path.display()));
    let file = File::open(path).map_err(|error| named(error.to_string()))?;
    let meta = file.metadata().map_err(|error| named(error.to_string()))?;
    let mode = meta.mode() & 0o777;
    if meta.is_file() && mode & 0o077 != 0 {
        return Err(named(format!(
            "others can read it (mode {mode:03o}): run `chmod 600` on it, and choose another passphrase"
        )));
    }
    if !meta.is_file()
        && !meta.file_type().is_fifo()
        && !meta.file_type().is_char_device()
        && !meta.file_type().is_socket()
    {
        return Err(named("not a file".into()));
    }
    let line = read_line(file).map_err(|error| named(error.to_string()))?;
    if line.is_empty() {
        return Err(named("it holds no passphrase".into()));
    }
    Ok(line)
}

fn from_terminal(prompt: &str) -> io::Result<Passphrase> {
    Ok(Passphrase::new(line_without_echo(prompt)?.as_str().to_owned()))
}

/// What is typed at the terminal up to the end of the line, which it does not show.
fn line_without_echo(prompt: &str) -> io::Result<Zeroizing<String>> {
    let mut terminal = io::stderr();
    write!(terminal, "{prompt}").and_then(|()| terminal.flush())?;
    let silence = Silence::begin()?;
    let line = read_line(io::stdin().lock());
    drop(silence);
    let _ = writeln!(terminal);
    line
}

/// The terminal shows nothing of what is typed, for as long as this lives.
struct Silence(Termios);

impl Silence {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        // The end of the line is shown, so that whoever types sees that it was taken.
        silent.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // A terminal that is gone needs no setting.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// A line without its end, read byte by byte so that nothing is left in a buffer that nobody wipes.
fn read_line(mut from: impl Read) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(Vec::with_capacity(PASSPHRASE_BYTES_MAX));
    let mut byte = Zeroizing::new([0]);
    while from.read(&mut *byte)? == 1 && byte[0] != b'\n' {
        if line.len() == PASSPHRASE_BYTES_MAX {
            return Err(io::Error::other(format!("a passphrase has at most {PASSPHRASE_BYTES_MAX} bytes")));
        }
        line.push(byte[0]);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    let text = std::str::from_utf8(&line).map_err(|_| io::Error::other("a passphrase is text in UTF-8"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(bytes: &[u8], mode: u32) -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("passphrase");
        std::fs::write(&path, bytes).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("chmod");
        (home, path)
    }

    #[test]
    fn a_passphrase_is_the_first_line_of_a_file_that_nobody_else_reads() {
        for bytes in [&b"four plain words"[..], b"four plain words\n", b"four plain words\r\nmore\n"] {
            let line = read_line(bytes).expect("a line");
            assert_eq!(line.as_str(), "four plain words");
            let (_home, path) = file(bytes, 0o400);
            from_file(&path).expect("a passphrase");
        }
        let refused = |bytes: &[u8], mode| {
            let (_home, path) = file(bytes, mode);
            from_file(&path).expect_err("refused").to_string()
        };
        assert!(refused(b"four plain words", 0o640).contains("chmod 600"));
        assert!(refused(b"\n", 0o600).contains("no passphrase"));
        assert!(refused(&[0xff], 0o600).contains("UTF-8"));
        assert!(refused(&[b'x'; PASSPHRASE_BYTES_MAX + 1], 0o600).contains("at most 1024"));
        let missing = from_file(Path::new("/nowhere/passphrase")).expect_err("refused").to_string();
        assert!(missing.contains("/nowhere/passphrase"), "{missing}");
    }

    #[test]
    fn a_new_passphrase_is_not_one_that_is_found_by_trying() {
        let new = |bytes: &[u8]| {
            let (_home, path) = file(bytes, 0o600);
            new_passphrase(Some(&path)).map(drop).map_err(|error| error.to_string())
        };
        for short in ["x", "seven 7", "äöüäöüä"] {
            assert!(new(short.as_bytes()).expect_err(short).contains("at least 8 characters"));
        }
        new("äöüäöüäö".as_bytes()).expect("long enough");
    }

    #[test]
    fn debug_of_what_opens_a_key_shows_no_passphrase() {
        let (_home, path) = file(b"swordfish", 0o600);
        let unlock = Unlock { passphrase_file: Some(path.clone()) };
        assert!(!format!("{unlock:?} {:?}", from_file(&path)).contains("swordfish"));
    }
}
