//! What goes wrong with keys that people write down.

/// Words that are not what was written down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// A word that is not in the list.
    #[error("word {at} is not one of the list{}", meant.map(|it| format!(": was it `{it}`?")).unwrap_or_default())]
    Unknown {
        /// Which, from 1.
        at: usize,
        /// What was meant, if one letter is wrong, or two changed places.
        meant: Option<&'static str>,
    },
    /// More words than there can be.
    #[error("there are more than {max} words: write down one key at a time")]
    TooMany {
        /// As many as there can be.
        max: usize,
    },
    /// Fewer words than there must be.
    #[error("these are {words} words, and there must be {expected}: some are missing")]
    Missing {
        /// How many there must be.
        expected: usize,
        /// How many there are.
        words: usize,
    },
    /// The check does not fit: a word is another of the list, or two changed places.
    #[error("a word is wrong, or two changed places: compare them with what was written down")]
    Check,
    /// The first word says that it is something else.
    #[error("these are not the words of {expected}: the first word says so")]
    Kind {
        /// What was asked for.
        expected: &'static str,
    },
}

/// Shares that do not bring back a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// A share's words are wrong.
    #[error(transparent)]
    Words(#[from] WordsError),
    /// No such splitting.
    #[error(
        "a key is split into {threshold} of {shares}: both are 2 to 15, and the first is not the greater"
    )]
    Numbers {
        /// How many bring it back.
        threshold: u8,
        /// How many there are.
        shares: u8,
    },
    /// Not enough.
    #[error("{threshold} shares bring the key back, these are {shares}: find another")]
    TooFew {
        /// How many bring it back.
        threshold: u8,
        /// How many there are.
        shares: usize,
    },
    /// One share twice.
    #[error("share {index} was given twice: find another")]
    Twice {
        /// Which.
        index: u8,
    },
    /// Shares of different keys.
    #[error("the shares are not of one key: compare their third to sixth words")]
    Mixed,
    /// The words of a whole key, and others that are not of the same.
    #[error(
        "these are the words of a whole key, and others beside them: give one key's words alone, or only shares of one key"
    )]
    Beside,
    /// They bring back something else.
    #[error(
        "the shares do not fit together: one of them was changed, or they are of two splittings of one key"
    )]
    Unfit,
}
