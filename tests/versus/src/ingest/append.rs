//! The floor: a file to which readings are appended, each with its length and a check, and one sync a window.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::{Durable, Offer};

/// A bare file.
#[derive(Debug)]
pub(super) struct Append {
    file: File,
}

impl Append {
    /// A file in that directory.
    pub(super) fn create(directory: &Path) -> anyhow::Result<Self> {
        Ok(Self { file: File::create(directory.join("readings"))? })
    }
}

impl Durable for Append {
    fn window(&mut self, offers: &[Offer], done: &mut dyn FnMut(usize)) -> anyhow::Result<()> {
        let mut bytes = Vec::new();
        for offer in offers {
            bytes.extend((offer.log as u32).to_le_bytes());
            bytes.extend((offer.body.len() as u32).to_le_bytes());
            bytes.extend(&blake3::hash(&offer.body).as_bytes()[..8]);
            bytes.extend(offer.body);
        }
        self.file.write_all(&bytes)?;
        self.file.sync_data()?;
        done(offers.len());
        Ok(())
    }

    fn close(self: Box<Self>) -> anyhow::Result<()> {
        Ok(self.file.sync_all()?)
    }
}
