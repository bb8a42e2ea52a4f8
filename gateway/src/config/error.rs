//! What is wrong with a file, where it stands, and what to write instead.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::FILE_BYTES_MAX;

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is none.
    #[error("there is no {}: make one with `msec-gateway config --print > {}`", path.display(), path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something in it is wrong.
    #[error("{}{fault}", path.display())]
    Fault {
        /// Which file.
        path: PathBuf,
        /// What.
        fault: Fault,
    },
}

/// Something in a file that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1, where there is one.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: Problem,
}

/// As it follows the name of the file.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, ", line {line}: {}", self.problem),
            None => write!(f, ": {}", self.problem),
        }
    }
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is longer than is read.
    #[error("the file is longer than {FILE_BYTES_MAX} bytes: settings take a few kilobytes")]
    TooLong,
    /// It is not text.
    #[error("the file is not UTF-8 text")]
    NotText,
    /// It is not TOML.
    #[error("not TOML: {message}")]
    Syntax {
        /// What the parser says.
        message: String,
    },
    /// A key that nobody knows.
    #[error("unknown key `{key}`{}: did you mean `{nearest}`?", in_table(table))]
    UnknownKey {
        /// The key.
        key: String,
        /// The table that it stands in.
        table: String,
        /// The known key that is most like it.
        nearest: String,
    },
    /// A value that cannot be.
    #[error("`{key}`{}: {reason}", in_table(table))]
    Value {
        /// The key.
        key: String,
        /// The table that it stands in.
        table: String,
        /// What is wrong with it, and what to write.
        reason: String,
    },
    /// Anything else that the parser says.
    #[error("{message}")]
    Other {
        /// What it says.
        message: String,
    },
}

fn in_table(table: &str) -> String {
    match table {
        "" => String::new(),
        several @ ("mqtt.device" | "mqtt.rule" | "peer.keep") => format!(" in [[{several}]]"),
        table => format!(" in [{table}]"),
    }
}
