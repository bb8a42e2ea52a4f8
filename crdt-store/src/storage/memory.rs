//! A directory in memory. It knows what was synced, so that a power cut can be done to the rest, and it breaks when told.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Medium;

/// A directory in memory. Clones are the same directory; [`Self::copy`] makes another one.
#[derive(Debug, Clone, Default)]
pub struct MemoryDir(Arc<Mutex<Files>>);

/// How a [`MemoryDir`] breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Breakage {
    /// One step is refused, as by a disk that is full: of what it should write, the first half is there.
    Once,
    /// So is everything from there on, as when the machine stops.
    ForGood,
}

/// Something that was done and is not durable, as it is shown to whoever decides what a power cut leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unsynced {
    /// So many bytes were written.
    Written(usize),
    /// A file was made, cut or removed.
    Renamed,
}

#[derive(Debug, Clone, Default)]
struct Files {
    files: BTreeMap<String, Vec<u8>>,
    /// What is not durable, in its order.
    pending: Vec<Pending>,
    steps: u64,
    breaks: Option<(u64, Breakage)>,
}

/// A step that can be taken back, and done again.
#[derive(Debug, Clone)]
struct Pending {
    name: String,
    step: Step,
}

#[derive(Debug, Clone)]
enum Step {
    /// What lay from `at` on is in `other` while the step counts, and what was written is while it does not.
    Changed { at: usize, other: Vec<u8>, written: usize },
    /// What it held when it was taken back, which was synced.
    Made(Vec<u8>),
    /// What it held.
    Removed(Vec<u8>),
    /// It had this name before; and what had its name then, or has the other one while the step is taken back.
    Named { before: String, other: Option<Vec<u8>> },
}

impl MemoryDir {
    fn files(&self) -> MutexGuard<'_, Files> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another directory that holds the same.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.files().clone())))
    }

    /// What a power cut leaves: all that was synced, and the first `kept` bytes of what was not.
    pub fn crash(&self, kept: usize) {
        let mut left = kept;
        self.crash_with(|unsynced| match unsynced {
            Unsynced::Written(bytes) => {
                let kept = bytes.min(left);
                left -= kept;
                0..kept
            }
            Unsynced::Renamed => 0..1,
        });
    }

    /// What a power cut leaves, when each step that was not synced may be kept, lost or torn: `fate` says which part of
    /// the bytes is there. Of what is no bytes: an empty part loses it. The machine is whole again afterwards.
    pub fn crash_with(&self, mut fate: impl FnMut(Unsynced) -> Range<usize>) {
        let files = &mut *self.files();
        let mut pending = std::mem::take(&mut files.pending);
        for step in pending.iter_mut().rev() {
            files.take_back(step);
        }
        // What was done to a file that was never there is lost with it.
        let mut lost: Vec<String> = Vec::new();
        for Pending { name, step } in pending {
            match step {
                Step::Changed { at, other, written } if !lost.contains(&name) => {
                    let unsynced = if written > 0 { Unsynced::Written(written) } else { Unsynced::Renamed };
                    files.redo(&name, at, &other, written, fate(unsynced));
                }
                Step::Changed { .. } => {}
                Step::Made(held) => {
                    lost.retain(|it| *it != name);
                    if fate(Unsynced::Renamed).is_empty() {
                        lost.push(name);
                    } else {
                        files.files.insert(name, held);
                    }
                }
                Step::Removed(_) => {
                    lost.retain(|it| *it != name);
                    if !fate(Unsynced::Renamed).is_empty() {
                        files.files.remove(&name);
                    }
                }
                Step::Named { before, .. } => {
                    lost.retain(|it| *it != name && *it != before);
                    let is_kept = !fate(Unsynced::Renamed).is_empty();
                    match files.files.contains_key(&before).then_some(is_kept) {
                        Some(true) => drop(files.name(&before, &name)),
                        // What was done to it under the new name is lost with that.
                        Some(false) => lost.push(name),
                        None => {}
                    }
                }
            }
        }
        files.breaks = None;
    }

    /// How many bytes were written and not synced.
    pub fn unsynced(&self) -> usize {
        let bytes = |pending: &Pending| match pending.step {
            Step::Changed { written, .. } => written,
            Step::Made(_) | Step::Removed(_) | Step::Named { .. } => 0,
        };
        self.files().pending.iter().map(bytes).sum()
    }

    /// How often it was asked to write, sync, cut or remove something.
    pub fn steps(&self) -> u64 {
        self.files().steps
    }

    /// Breaks at that step, counted from the first one ever.
    pub fn break_at(&self, step: u64, how: Breakage) {
        self.files().breaks = Some((step, how));
    }

    /// Is whole again.
    pub fn mend(&self) {
        self.files().breaks = None;
    }

    /// All files, and how long they are.
    pub fn lengths(&self) -> BTreeMap<String, usize> {
        self.files().files.iter().map(|(name, bytes)| (name.clone(), bytes.len())).collect()
    }

    /// What a file holds.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.files().files.get(name).cloned()
    }

    /// Flips a bit, as a bad disk would. Beyond the end: nothing.
    pub fn flip(&self, name: &str, at: usize, bit: u8) {
        if let Some(byte) = self.files().files.get_mut(name).and_then(|bytes| bytes.get_mut(at)) {
            *byte ^= 1 << (bit % 8);
        }
    }

    /// Puts other bytes in place of what lies from `at` on, as a page that went bad. Beyond the end: nothing.
    pub fn overwrite(&self, name: &str, at: usize, with: &[u8]) {
        if let Some(place) = self.files().files.get_mut(name).and_then(|bytes| bytes.get_mut(at..)) {
            place.iter_mut().zip(with).for_each(|(byte, with)| *byte = *with);
        }
    }
}

impl Files {
    /// Counts a step. An error: it broke here.
    fn step(&mut self) -> io::Result<()> {
        let step = self.steps;
        self.steps += 1;
        match self.breaks {
            Some((at, Breakage::Once)) if step == at => Err(io::ErrorKind::StorageFull.into()),
            Some((at, Breakage::ForGood)) if step >= at => Err(io::ErrorKind::Other.into()),
            _ => Ok(()),
        }
    }

    /// Whether the machine stands still.
    fn is_dead(&self) -> bool {
        self.breaks.is_some_and(|(at, how)| how == Breakage::ForGood && self.steps > at)
    }

    fn read(&self, name: &str) -> io::Result<&Vec<u8>> {
        if self.is_dead() {
            return Err(io::ErrorKind::Other.into());
        }
        self.files.get(name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The bytes of a file, which is made if it is not there.
    fn make(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.files.contains_key(name) {
            self.pending.push(Pending { name: name.into(), step: Step::Made(Vec::new()) });
        }
        self.files.entry(name.into()).or_default()
    }

    fn write(&mut self, name: &str, at: usize, bytes: &[u8]) {
        let file = self.make(name);
        let from = at.min(file.len());
        let other = file[from..file.len().min(at + bytes.len())].to_vec();
        if file.len() < at + bytes.len() {
            file.resize(at + bytes.len(), 0);
        }
        file[at..at + bytes.len()].copy_from_slice(bytes);
        let written = at + bytes.len() - from;
        let step = Step::Changed { at: from, other, written };
        self.pending.push(Pending { name: name.into(), step });
    }

    fn cut(&mut self, name: &str, len: usize) {
        let file = self.make(name);
        let (at, other) = (file.len().min(len), file.get(len..).unwrap_or_default().to_vec());
        file.resize(len, 0);
        // Zeros that were added are bytes that were written.
        let step = Step::Changed { at, other, written: len - at };
        self.pending.push(Pending { name: name.into(), step });
    }

    /// Gives a file another name. Returns what had that name before.
    fn name(&mut self, name: &str, to: &str) -> Option<Vec<u8>> {
        let file = self.files.remove(name)?;
        self.files.insert(to.into(), file)
    }

    /// Undoes the last step, and notes what it takes to do it again.
    fn take_back(&mut self, Pending { name, step }: &mut Pending) {
        match step {
            Step::Changed { at, other, written } => {
                let Some(file) = self.files.get_mut(name) else { return };
                let end = (*at + *written).min(file.len());
                let new = file[*at..end].to_vec();
                file.splice(*at..end, std::mem::replace(other, new));
            }
            Step::Made(held) => *held = self.files.remove(name).unwrap_or_default(),
            Step::Removed(held) => drop(self.files.insert(name.clone(), std::mem::take(held))),
            Step::Named { before, other } => {
                self.name(name, before);
                if let Some(other) = other.take() {
                    self.files.insert(name.clone(), other);
                }
            }
        }
    }

    /// Does again a part of a change that was taken back.
    fn redo(&mut self, name: &str, at: usize, new: &[u8], written: usize, kept: Range<usize>) {
        let Some(file) = self.files.get_mut(name) else { return };
        if written == 0 {
            if !kept.is_empty() {
                file.truncate(at);
            }
            return;
        }
        let kept = kept.start.min(new.len())..kept.end.min(new.len());
        if kept.is_empty() {
            return;
        }
        if file.len() < at + kept.end {
            file.resize(at + kept.end, 0);
        }
        file[at + kept.start..at + kept.end].copy_from_slice(&new[kept]);
    }
}

impl Medium for MemoryDir {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.files().files.keys().cloned().collect())
    }

    fn len(&self, name: &str) -> io::Result<Option<u64>> {
        Ok(self.files().files.get(name).map(|bytes| bytes.len() as u64))
    }

    fn read_at(&self, name: &str, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let files = self.files();
        let end = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let start = usize::try_from(offset).map_err(|_| end())?;
        let range = start..start.checked_add(bytes.len()).ok_or_else(end)?;
        bytes.copy_from_slice(files.read(name)?.get(range).ok_or_else(end)?);
        Ok(())
    }

    fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut files = self.files();
        let at = usize::try_from(offset).map_err(|_| io::ErrorKind::StorageFull)?;
        let dead = files.is_dead();
        let done = files.step();
        match done {
            Ok(()) => files.write(name, at, bytes),
            Err(_) if dead => {}
            Err(_) => files.write(name, at, &bytes[..bytes.len() / 2]),
        }
        done
    }

    fn set_len(&self, name: &str, len: u64) -> io::Result<()> {
        let mut files = self.files();
        files.step()?;
        files.cut(name, usize::try_from(len).map_err(|_| io::ErrorKind::StorageFull)?);
        Ok(())
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        let mut files = self.files();
        files.step()?;
        files.read(name)?;
        // What was done to a file of that name before this one was made goes with the directory.
        let (mut of_this, mut name) = (true, name.to_owned());
        let mut kept: Vec<Pending> = Vec::new();
        for step in std::mem::take(&mut files.pending).into_iter().rev() {
            let is_its = step.name == name && of_this;
            match &step.step {
                Step::Changed { .. } if is_its => continue,
                // The name that it had before.
                Step::Named { before, .. } if is_its => name.clone_from(before),
                Step::Named { before, .. } => of_this &= *before != name && step.name != name,
                Step::Made(_) | Step::Removed(_) => of_this &= step.name != name,
                Step::Changed { .. } => {}
            }
            kept.push(step);
        }
        kept.reverse();
        files.pending = kept;
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut files = self.files();
        files.step()?;
        if let Some(held) = files.files.remove(name) {
            files.pending.push(Pending { name: name.into(), step: Step::Removed(held) });
        }
        Ok(())
    }

    fn rename(&self, name: &str, to: &str) -> io::Result<()> {
        let mut files = self.files();
        files.step()?;
        files.read(name)?;
        let other = files.name(name, to);
        files.pending.push(Pending { name: to.into(), step: Step::Named { before: name.into(), other } });
        Ok(())
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut files = self.files();
        files.step()?;
        // What became of the files of a name. With one that is gone for good, what was done to it is too.
        let mut fates: BTreeMap<String, Option<String>> = BTreeMap::new();
        let mut kept: Vec<Pending> = Vec::new();
        for Pending { name, step } in std::mem::take(&mut files.pending).into_iter().rev() {
            let now = fates.get(&name).cloned().unwrap_or_else(|| Some(name.clone()));
            match step {
                Step::Removed(_) | Step::Made(_) => drop(fates.insert(name, None)),
                Step::Named { before, .. } => {
                    fates.insert(name, None);
                    fates.insert(before, now);
                }
                Step::Changed { .. } => kept.extend(now.map(|name| Pending { name, step })),
            }
        }
        kept.reverse();
        files.pending = kept;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
