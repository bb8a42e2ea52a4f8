//! Segments without what does not count any more.
//!
//! ```text
//! dead enough -- rewrite --> beside it, synced -- ledger: rewritten once more --> renamed --> told where its entries lie
//! all before it is gone, and all of it is dead -- ledger: the next one is the first --> removed
//! ```
//!
//! Dead are entries of logs below where those begin, and runs that are not the ones by which their entries are held: others
//! had come before them, or lacked their predecessors. Where runs go, their number stays, so that those that follow have the
//! numbers that they had. A crash leaves files beside that are removed, or an index that is made again; each segment is
//! the old one or the new one, and both say the same.
//!
//! One segment is looked at after the other, so that commits are not held up for longer than one takes. Memory and index are told
//! where its entries lie then (see `relocate`). Where something was erased, all is read again, with another index.
//!
//! The last segment, which is written to, is left as it is, unless something in it was erased.

use std::io;
use std::ops::Range;

use super::frame::{self, FILE_HEADER_BYTES, FRAME_HEADER_BYTES, Found, Mark};
use super::ledger::Record;
use super::relocate::Moved;
use super::segments::{self, Start, name_of};
use super::stored::StoredRun;
use super::stretch::Stretch;
use super::view::View;
use super::{Medium, Storage, Store};
use crate::error::StorageError;

/// What the name of a file ends with that is being written beside another.
pub(super) const BESIDE: &str = ".new";
/// And that of a snapshot of a document. A build without documents removes it all the same where something is erased.
pub(super) const SNAPSHOT: &str = ".snapshot";

/// What became of the segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compacted {
    /// How many were rewritten.
    pub rewritten: usize,
    /// How many were removed.
    pub removed: usize,
    /// How many bytes less they take. An erased entry may take more than one with a short body.
    pub bytes: u64,
}

impl Compacted {
    /// And that.
    pub fn add(&mut self, other: Self) {
        self.rewritten += other.rewritten;
        self.removed += other.removed;
        self.bytes += other.bytes;
    }
}

/// What a segment would be without what is dead in it.
struct Sifted {
    /// All its bytes then.
    bytes: Vec<u8>,
    /// How long it is now.
    len: u64,
    /// Whether nothing is left but the numbers of runs.
    is_dead: bool,
    /// Whether bodies lie in it that were erased.
    has_erased: bool,
    /// Whether runs lie in it of logs that are not held: their predecessors were cut off.
    has_strays: bool,
    /// Where its entries lie then.
    moved: Vec<Moved>,
}

/// A segment that was written beside another.
struct Beside {
    number: u32,
    /// Whether nothing is left in it.
    is_dead: bool,
    moved: Vec<Moved>,
}

/// What of a run counts.
enum Left {
    Nothing,
    /// Nothing of its log is held.
    Stray,
    /// All, or some of it: this payload, and where in it stretches lie.
    Some(Vec<u8>, Vec<Moved>),
}

impl Store {
    /// As [`Storage::compact_next`].
    pub(super) fn sift(
        &mut self,
        dead_percent_min: u8,
        from: u32,
    ) -> Result<(Compacted, Option<u32>), StorageError> {
        self.sync()?;
        let looked_at = from.max(self.ledger.told.first)..self.segment.number;
        let numbers = segments::list(self.shared.medium.as_ref())?;
        let Some(number) = numbers.into_iter().find(|number| looked_at.contains(number)) else {
            return Ok((Compacted::default(), None));
        };
        let done = self.sift_those(number..number + 1, &|it| {
            let dead = it.len.saturating_sub(it.bytes.len() as u64);
            dead > 0 && dead * 100 >= u64::from(dead_percent_min) * it.len
        })?;
        Ok((done, Some(number + 1)))
    }

    /// Rewrites the segments in which bodies lie that were erased, or of which nobody knows whether they were to be.
    pub(super) fn sift_erased(&mut self) -> Result<Compacted, StorageError> {
        self.sift_those(self.ledger.told.first..self.segment.number + 1, &|it| it.has_erased || it.has_strays)
    }

    /// Rewrites those of some that are worth it.
    fn sift_those(
        &mut self,
        looked_at: Range<u32>,
        is_worth_it: &dyn Fn(&Sifted) -> bool,
    ) -> Result<Compacted, StorageError> {
        let view = self.shared.view();
        let (mut done, mut beside, mut has_erased) = (Compacted::default(), Vec::new(), false);
        let (numbers, mut first) = (segments::list(view.medium.as_ref())?, self.ledger.told.first);
        for number in numbers.into_iter().filter(|number| looked_at.contains(number)) {
            let sifted = self.sifted(&view, number)?;
            if sifted.is_dead && number == first && number != self.segment.number {
                (first, done.removed) = (number + 1, done.removed + 1);
                done.bytes += sifted.len;
            } else if is_worth_it(&sifted) {
                write_beside(view.medium.as_ref(), number, &sifted.bytes)?;
                has_erased |= sifted.has_erased;
                done.rewritten += 1;
                done.bytes += sifted.len.saturating_sub(sifted.bytes.len() as u64);
                beside.push(Beside { number, is_dead: sifted.is_dead, moved: sifted.moved });
            }
        }
        self.replace(&beside, has_erased)?;
        self.remove_before(first)?;
        Ok(done)
    }

    /// Puts what was written beside segments in their place. What was erased may be in the index, too: another one is made then.
    fn replace(&mut self, beside: &[Beside], has_erased: bool) -> Result<(), StorageError> {
        if beside.is_empty() {
            return Ok(());
        }
        if !has_erased {
            self.leave_with_index();
        }
        // Where nothing is left, nothing lies elsewhere than before.
        let all_dead = beside.iter().all(|it| it.is_dead);
        if !all_dead {
            // From here on, an index that says where entries lie is of before.
            self.ledger.write(&[Record::Rewritten(self.ledger.told.rewritten + 1)])?;
        }
        let shared = self.shared.clone();
        // Who reads meanwhile would look where other bytes lie by then.
        let _nobody_reads = shared.files_change();
        let medium = &shared.medium;
        let rename = |it: &Beside| {
            let name = name_of(it.number);
            medium.rename(&format!("{name}{BESIDE}"), &name)
        };
        let renamed = beside.iter().try_for_each(rename).and_then(|()| medium.sync_dir());
        // Nothing is written to a file whose name may not last.
        self.failed |= renamed.is_err();
        if !all_dead {
            let moved: Vec<_> = beside.iter().flat_map(|it| &it.moved).copied().collect();
            let is_clear = renamed.is_ok() && !has_erased && self.is_indexed();
            if !is_clear || self.relocate(&moved).is_err() {
                // Some have their new name, whatever went wrong.
                self.read_again()?;
            }
        }
        Ok(renamed?)
    }

    /// Lets the index come up to here: its checkpoint must not be in a segment that is gone, or is another one.
    fn leave_with_index(&mut self) {
        if let Some(index) = self.shared.index() {
            self.checkpoint(&index);
        }
    }

    /// Removes the segments before that one, of which nothing is held.
    fn remove_before(&mut self, first: u32) -> Result<(), StorageError> {
        if first <= self.ledger.told.first {
            return Ok(());
        }
        self.leave_with_index();
        self.ledger.write(&[Record::First(first)])?;
        Ok(remove_segments_before(self.shared.medium.as_ref(), first)?)
    }

    /// Reads a segment, and leaves out what is dead.
    fn sifted(&self, view: &View, number: u32) -> Result<Sifted, StorageError> {
        let (medium, name) = (view.medium.as_ref(), name_of(number));
        let len = medium.len(&name)?.unwrap_or(0);
        let mut sifted = Sifted {
            bytes: Vec::new(),
            len,
            is_dead: true,
            has_erased: false,
            has_strays: false,
            moved: Vec::new(),
        };
        match segments::start_of(medium, number, len)? {
            Start::Empty => return Ok(sifted),
            Start::Right(..) => {}
            Start::Torn | Start::Corrupt => return self.shared.note(Err(StorageError::Damaged)),
        }
        sifted.bytes.resize(FILE_HEADER_BYTES as usize, 0);
        medium.read_at(&name, 0, &mut sifted.bytes)?;
        let (mut at, mut gone) = (FILE_HEADER_BYTES, 0);
        loop {
            let payload = match frame::read(medium, &name, len, at)? {
                Found::Payload(payload, _) => payload,
                Found::End => break,
                Found::Torn | Found::Corrupt(_) => return self.shared.note(Err(StorageError::Damaged)),
            };
            let next = at + (FRAME_HEADER_BYTES + payload.len()) as u64;
            match payload.split_first() {
                Some((mark, count)) if *mark == Mark::Gone as u8 => {
                    gone += count.first_chunk().map_or(0, |count| u64::from_le_bytes(*count));
                }
                Some((mark, _)) if *mark == Mark::Cut as u8 => {
                    write_gone(&mut sifted.bytes, &mut gone);
                    frame::write(&mut sifted.bytes, Mark::Cut, |_| ());
                }
                _ => {
                    let place = (number, at + FRAME_HEADER_BYTES as u64);
                    match self.left_of(view, place, payload, &mut sifted.has_erased)? {
                        Left::Nothing => gone += 1,
                        Left::Stray => (gone, sifted.has_strays) = (gone + 1, true),
                        Left::Some(left, moved) => {
                            write_gone(&mut sifted.bytes, &mut gone);
                            frame::write(&mut sifted.bytes, left[0], |out| out.extend_from_slice(&left[1..]));
                            let at = (sifted.bytes.len() - left.len()) as u32;
                            sifted.moved.extend(moved.into_iter().map(|it| Moved {
                                stretch: Stretch { offset: it.stretch.offset + at, ..it.stretch },
                                ..it
                            }));
                            sifted.is_dead = false;
                        }
                    }
                }
            }
            at = next;
        }
        write_gone(&mut sifted.bytes, &mut gone);
        Ok(sifted)
    }

    /// What counts of a run, which lies in that segment from there on, and whether something in it was erased.
    fn left_of(
        &self,
        view: &View,
        (segment, offset): (u32, u64),
        payload: Vec<u8>,
        has_erased: &mut bool,
    ) -> Result<Left, StorageError> {
        let Ok(mut run) = StoredRun::read(&payload) else {
            return self.shared.note(Err(StorageError::Damaged));
        };
        let erased = self.ledger.told.erased.erase_in(&run.log, run.from, &mut run.entries) > 0;
        *has_erased |= erased;
        let Some(log) = self.shared.log(&run.log) else { return Ok(Left::Stray) };
        let begin = log.begin();
        let (mut at, mut here) = (run.from.max(begin), Vec::new());
        while at < run.end().min(log.size()) {
            let stretch = view.stretch(&log, at)?;
            let is_here = (offset..offset + payload.len() as u64).contains(&stretch.offset.into());
            if stretch.segment == segment && is_here {
                here.push(stretch);
            }
            at = stretch.end;
        }
        if here.is_empty() {
            return Ok(Left::Nothing);
        }
        if run.from >= begin && !erased {
            let in_payload = |it: Stretch| Stretch { offset: it.offset - offset as u32, ..it };
            let moved = |it: Stretch| Moved { log: run.log, from: it.from, stretch: in_payload(it) };
            let moved = here.into_iter().map(moved).collect();
            return Ok(Left::Some(payload, moved));
        }
        run.entries.drain(..begin.saturating_sub(run.from) as usize);
        run.from = run.from.max(begin);
        let mut left = vec![payload[0]];
        run.write(&mut left);
        let rest = StoredRun::read(&left).ok();
        let in_rest = |it: &Stretch| {
            Some(Moved { log: run.log, from: it.from, stretch: it.in_rest(rest.as_ref()?, &left)? })
        };
        let Some(moved) = here.iter().map(in_rest).collect() else {
            return self.shared.note(Err(StorageError::Damaged));
        };
        Ok(Left::Some(left, moved))
    }
}

/// Notes how many runs are gone, if any are.
fn write_gone(out: &mut Vec<u8>, gone: &mut u64) {
    let count = std::mem::take(gone);
    if count > 0 {
        frame::write(out, Mark::Gone, |out| out.extend_from_slice(&count.to_le_bytes()));
    }
}

fn write_beside(medium: &dyn Medium, number: u32, bytes: &[u8]) -> io::Result<()> {
    let name = format!("{}{BESIDE}", name_of(number));
    medium.remove(&name)?;
    medium.write_at(&name, 0, bytes)?;
    medium.sync(&name)
}

/// Removes the segments before that one.
pub(super) fn remove_segments_before(medium: &dyn Medium, first: u32) -> io::Result<()> {
    let mut removed = false;
    for number in segments::list(medium)?.into_iter().take_while(|number| *number < first) {
        medium.remove(&name_of(number))?;
        removed = true;
    }
    if removed { medium.sync_dir() } else { Ok(()) }
}

/// Removes the files whose names end with this: [`BESIDE`], of what a crash left, or [`SNAPSHOT`].
pub(super) fn remove_ending(medium: &dyn Medium, ending: &str) -> io::Result<()> {
    for name in medium.list()?.iter().filter(|name| name.ends_with(ending)) {
        medium.remove(name)?;
    }
    Ok(())
}
