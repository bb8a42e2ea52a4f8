//! A directory in which `msec` is run by hand, as people do it: each peer has a data directory in it, by its name.

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Process, json, run};
use crate::wait::block_until;

/// The directory, and the program.
pub struct Desk {
    dir: TempDir,
    msec: &'static str,
}

/// Makes a type that is a [`Desk`] with methods of its own.
#[macro_export]
macro_rules! own_desk {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        struct $name($crate::desk::Desk);

        impl std::ops::Deref for $name {
            type Target = $crate::desk::Desk;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }
    };
}

impl Desk {
    /// An empty one, for that `msec`.
    pub fn new(msec: &'static str) -> Self {
        Self { dir: tempfile::tempdir().expect("a directory"), msec }
    }

    /// Where something of that name lies.
    pub fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().expect("text").to_owned()
    }

    /// Runs `msec` on the data directory of that name, to a good end.
    pub fn msec(&self, home: &str, args: &[&str]) -> Vec<Value> {
        json(self.msec, args.iter().copied().chain(["--data-dir", &self.path(home), "--json"]))
    }

    /// Runs `msec`, which must fail, and returns what it says.
    pub fn refused(&self, home: &str, args: &[&str]) -> String {
        let output = run(self.msec, args.iter().copied().chain(["--data-dir", &self.path(home)]));
        assert!(!output.status.success(), "{args:?}");
        String::from_utf8(output.stderr).expect("text")
    }

    /// Whether `msec` succeeds, and what it says to people, on both of its streams.
    pub fn says(&self, home: &str, args: &[&str]) -> (bool, String) {
        let output = run(self.msec, args.iter().copied().chain(["--data-dir", &self.path(home)]));
        let text = String::from_utf8([output.stdout, output.stderr].concat()).expect("text");
        (output.status.success(), text)
    }

    /// Makes a peer, and returns its id.
    pub fn init(&self, home: &str) -> String {
        text(&self.msec(home, &["init"])[0]["peer"])
    }

    /// Starts `msec` on the data directory of that name.
    pub fn start(&self, home: &str, args: &[&str]) -> Process {
        Process::start(self.msec, args.iter().copied().chain(["--data-dir", &self.path(home), "--json"]))
    }

    /// `msec run`, once it listens, and where it does.
    pub fn run(&self, home: &str, contacts: &[&str]) -> (Process, String) {
        let contacts: Vec<_> = contacts.iter().flat_map(|contact| ["--contact", contact]).collect();
        self.run_at(home, "127.0.0.1:0", &contacts)
    }

    /// The same, listening there, and with more arguments.
    pub fn run_at(&self, home: &str, listen: &str, more: &[&str]) -> (Process, String) {
        let process = self.start(home, &[&["run", "--no-mdns", "--listen", listen][..], more].concat());
        block_until("it listens", || !process.out.json("listening").is_empty());
        let address = text(&process.out.json("listening")[0]);
        (process, address)
    }

    /// The values that a peer shows of a collection, the oldest first.
    pub fn values(&self, home: &str, collection: &str) -> Vec<f64> {
        let rows = self.msec(home, &["query", "--in", collection]);
        rows.iter().rev().filter_map(|row| row["value"].as_f64()).collect()
    }
}

/// A text of some JSON; empty where it is something else.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
