//! What a log is made of, and the one way in: [`Run::verify`].

mod bare;
mod clock;
mod entry;
mod evidence;
mod head;
mod header;
mod own;
mod prefix;
mod run;
mod state;

pub use clock::{ClockBound, TimeQuality};
pub use entry::{Body, COMMITMENT_SALT_BYTES, Entry, EntryKind};
pub use evidence::{EVIDENCE_BYTES_MAX, Fork, ForkEvidence, ForkTrace, Traced};
pub use head::Head;
pub use header::{HEADER_GRANTS_MAX, LogHeader, Place, STREAM_BYTES_MAX};
pub use own::{BODY_BYTES_MAX, OwnLog};
pub(crate) use prefix::{FittingPrefix, encode as encode_prefix, peaks};
pub use prefix::{Prefix, VerifiedPrefix};
#[cfg(test)]
pub(crate) use run::Fit;
pub(crate) use run::{Laid, Lay, write as write_run};
pub use run::{RUN_BYTES_MAX, Run, Verdict, VerifiedRun};
pub use state::LogState;
