//! A directory of files: the small part of storage that differs between a disk, memory and a disk that fails.

use std::fmt::Debug;
use std::io;

/// Files in one directory, as far as a [`super::Store`] needs them. Threads share it: what answers queries reads while
/// another one writes.
pub trait Medium: Debug + Send + Sync {
    /// The names of all files, in no order.
    fn list(&self) -> io::Result<Vec<String>>;

    /// How long a file is; `None` if there is none of that name.
    fn len(&self, name: &str) -> io::Result<Option<u64>>;

    /// Fills `bytes` from `offset` on, or fails.
    fn read_at(&self, name: &str, offset: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Writes `bytes` at `offset`, into a new file if there is none. On an error some of them may be there.
    fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes a file `len` bytes long: cuts it, or adds zeros.
    fn set_len(&self, name: &str, len: u64) -> io::Result<()>;

    /// Makes the bytes of a file durable.
    fn sync(&self, name: &str) -> io::Result<()>;

    /// Removes a file, if there is one.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Gives a file another name, in place of the file that has that name, if there is one: at no time is neither there.
    fn rename(&self, name: &str, to: &str) -> io::Result<()>;

    /// Makes durable which files there are.
    fn sync_dir(&self) -> io::Result<()>;
}
