//! Evidence that a log was forked: its author signed two heads of which one is not the beginning of the other.
//!
//! Anybody can check it who has nothing but these bytes, and it is a few hundred of them: the log's header, which names the
//! author and makes the log's id; the two heads; what the longer log had in truth where the shorter head ends; and the path
//! of RFC 9162, section 2.1.4, from there to the longer head. The same shape as the "split view" that witnesses of
//! certificate transparency report.
//!
//! It says, too, what both histories have in common, as far as hashes of it tell: the subtrees that the shorter log is made of come
//! with it, and lead to the shorter head; the path has those of the longer log in the same places. Those from the left that
//! are equal are the same entries in both histories. Of a log of 1,000 entries that was forked at the 990th these are 960. Where
//! the fork lies in the first subtree, which is more than half of the log, it shows nothing in common, and so it does where
//! both heads are over as many entries: then there is no path.

mod peaks;
mod trace;

use minicbor::{Decoder, Encoder};
use msec_identity::{LogId, PeerId, Unverified, Verifier};

pub use self::trace::{ForkTrace, Traced};

use super::{Head, LogHeader};
use crate::error::EvidenceError;
use crate::merkle::{
    CompactRange, PROOF_HASHES_MAX, Roots, TreeHash, roots_from_consistency, subtrees_from_consistency,
};

/// The longest evidence, in bytes: a header with as many grants as it can show, and the longest path.
pub const EVIDENCE_BYTES_MAX: usize = 32 * 1024;

const DOMAIN: &str = "msec/fork/1";

/// Evidence that nobody has checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ForkEvidence {
    /// The log's header. Only its names count here: they make the log's id, and one of them is the author.
    pub header: LogHeader,
    /// The head over no more entries.
    pub shorter: Unverified<Head>,
    /// The head over no fewer entries.
    pub longer: Unverified<Head>,
    /// The root over as many entries as the shorter head has, as the longer log has them.
    pub beginning: TreeHash,
    /// From there to the longer head. Empty if both heads are over as many entries.
    pub path: Vec<TreeHash>,
    /// The subtrees that the shorter log is made of, from left to right.
    pub subtrees: Vec<TreeHash>,
}

/// A fork that was proven: its author signed both heads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fork(ForkEvidence);

impl ForkEvidence {
    /// Parses one evidence that fills all of `bytes`.
    ///
    /// # Errors
    ///
    /// [`EvidenceError::Malformed`] if it is none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EvidenceError> {
        if bytes.len() > EVIDENCE_BYTES_MAX {
            return Err(EvidenceError::Malformed);
        }
        let mut d = Decoder::new(bytes);
        let it = Self::read(&mut d).map_err(|_| EvidenceError::Malformed)?;
        if d.position() != bytes.len() || it.to_bytes() != bytes {
            return Err(EvidenceError::Malformed);
        }
        Ok(it)
    }

    fn read(d: &mut Decoder<'_>) -> Result<Self, minicbor::decode::Error> {
        let wrong = |what| minicbor::decode::Error::message(what);
        if d.array()? != Some(7) || d.str()? != DOMAIN {
            return Err(wrong("no evidence of a fork"));
        }
        let header = d.decode()?;
        let mut head = || Unverified::from_bytes(d.bytes()?).map_err(|_| wrong("no head"));
        let (shorter, longer) = (head()?, head()?);
        let hash = |bytes: &[u8]| TreeHash::try_from(bytes).map_err(|_| wrong("no hash"));
        let beginning = hash(d.bytes()?)?;
        let mut hashes = || {
            let count = d.array()?.filter(|count| *count <= PROOF_HASHES_MAX as u64);
            let count = count.ok_or_else(|| wrong("no path"))?;
            (0..count).map(|_| hash(d.bytes()?)).collect::<Result<Vec<_>, _>>()
        };
        let (path, subtrees) = (hashes()?, hashes()?);
        Ok(Self { header, shorter, longer, beginning, path, subtrees })
    }

    /// The encoding that [`ForkEvidence::from_bytes`] reads, and no other.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut e = Encoder::new(Vec::new());
        let write = |e: &mut Encoder<Vec<u8>>| {
            e.array(7)?.str(DOMAIN)?.encode(&self.header)?;
            e.bytes(&self.shorter.to_bytes())?.bytes(&self.longer.to_bytes())?.bytes(&self.beginning)?;
            for hashes in [&self.path, &self.subtrees] {
                e.array(hashes.len() as u64)?;
                hashes.iter().try_for_each(|hash| e.bytes(hash).map(drop))?;
            }
            Ok(())
        };
        let written: Result<(), minicbor::encode::Error<std::convert::Infallible>> = write(&mut e);
        written.expect("writing to a Vec cannot fail");
        e.into_writer()
    }

    /// Checks all of it: that both heads are of this log and signed by its author, and that they exclude each other.
    ///
    /// # Errors
    ///
    /// What it does not show. Whoever passed it on should have checked.
    pub fn verify(self, verifier: &Verifier) -> Result<Fork, EvidenceError> {
        self.header.check().map_err(|_| EvidenceError::Malformed)?;
        let (log, author) = (self.header.id(), self.header.author());
        let (m, n) = (self.shorter.claims(), self.longer.claims());
        if m.log != log || n.log != log {
            return Err(EvidenceError::OtherLog);
        }
        let roots = roots_from_consistency(m.size, n.size, self.beginning, &self.path);
        if roots != Some(Roots { old: self.beginning, new: n.root }) {
            return Err(EvidenceError::NoPath);
        }
        if self.beginning == m.root {
            return Err(EvidenceError::NoFork);
        }
        let subtrees = CompactRange::from_hashes(0, m.size, self.subtrees.clone());
        if subtrees.is_none_or(|subtrees| subtrees.root() != m.root) {
            return Err(EvidenceError::OtherSubtrees);
        }
        for head in [&self.shorter, &self.longer] {
            head.clone().verify_by(verifier, &author).map_err(EvidenceError::Head)?;
        }
        Ok(Fork(self))
    }
}

impl Fork {
    /// Who signed both.
    pub fn author(&self) -> PeerId {
        self.0.header.author()
    }

    /// Of which log.
    pub fn log(&self) -> LogId {
        self.0.shorter.claims().log
    }

    /// The header of the log.
    pub fn header(&self) -> &LogHeader {
        &self.0.header
    }

    /// The two heads, that over fewer entries first.
    pub fn heads(&self) -> [&Head; 2] {
        [self.0.shorter.claims(), self.0.longer.claims()]
    }

    /// What both histories begin with, as far as this shows it: the subtrees of the shorter log that are in both.
    pub(crate) fn common(&self) -> CompactRange {
        let ForkEvidence { shorter, longer, beginning, path, subtrees, .. } = &self.0;
        let (m, n) = (shorter.claims().size, longer.claims().size);
        let ours = CompactRange::from_hashes(0, m, subtrees.clone());
        let both = ours.zip(subtrees_from_consistency(m, n, *beginning, path));
        both.map_or_else(|| CompactRange::empty(0), |(ours, theirs)| ours.common(&theirs))
    }

    /// How many entries both histories begin with at least.
    pub fn in_common(&self) -> u64 {
        self.common().end()
    }

    /// What others can check.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }
}

#[cfg(test)]
mod tests;
