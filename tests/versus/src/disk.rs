//! What the disk does: bytes written, the latency of a sync, what a directory takes.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use rustix::fs::Advice;

use crate::clock::{Stopwatch, percentile};

/// So many syncs are timed.
const PROBES: usize = 200;
/// So much is appended before each: about what a reading takes.
const PROBE_BYTES: usize = 265;

/// Bytes that this process has caused to be written so far (`write_bytes`). The kernel counts a page when it becomes dirty, so
/// that one that is written again after a sync counts again, as it does for the disk. The journal of the file system is not
/// in it, and neither is anything on tmpfs.
pub fn written_bytes() -> anyhow::Result<u64> {
    let io = fs::read_to_string("/proc/self/io")?;
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    Ok(line.unwrap_or_default().trim().parse()?)
}

/// What kind of file system a path lies on.
pub fn file_system(path: &Path) -> io::Result<String> {
    Ok(match rustix::fs::statfs(path)?.f_type as u64 & 0xffff_ffff {
        0xef53 => "ext4".to_owned(),
        0x0102_1994 => "tmpfs (in memory: nothing is written, and no sync waits)".to_owned(),
        0x9123_683e => "btrfs".to_owned(),
        0x5846_5342 => "xfs".to_owned(),
        0x794c_7630 => "overlayfs".to_owned(),
        0xf2f5_2010 => "f2fs".to_owned(),
        other => format!("file system {other:#x}"),
    })
}

/// How long an append of a reading and its `fdatasync` take in that directory: half of them, and 99 of 100, in milliseconds.
pub fn sync_latency_ms(directory: &Path) -> io::Result<(f64, f64)> {
    let path = directory.join("probe");
    let mut file = File::create(&path)?;
    let mut times = Vec::with_capacity(PROBES);
    for _ in 0..PROBES {
        let clock = Stopwatch::start();
        file.write_all(&[0x5a; PROBE_BYTES])?;
        file.sync_data()?;
        times.push(clock.ms());
    }
    fs::remove_file(path)?;
    Ok((percentile(&mut times, 50), percentile(&mut times, 99)))
}

/// The bytes of all files below a directory, as long as they are: not rounded up to blocks.
pub fn size_of(directory: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    each_file(directory, &mut |path| {
        bytes += fs::metadata(path)?.len();
        Ok(())
    })?;
    Ok(bytes)
}

/// Lets the kernel forget what it holds of all files below a directory, so that the next reader meets the disk.
pub fn forget(directory: &Path) -> io::Result<()> {
    each_file(directory, &mut |path| {
        let file = File::open(path)?;
        file.sync_all()?;
        Ok(rustix::fs::fadvise(&file, 0, None, Advice::DontNeed)?)
    })
}

fn each_file(directory: &Path, act: &mut impl FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            each_file(&path, act)?;
        } else {
            act(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_counted() {
        let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).expect("a directory");
        let before = written_bytes().expect("counted");
        let mut file = File::create(directory.path().join("file")).expect("created");
        file.write_all(&[1; 100_000]).expect("written");
        file.sync_all().expect("synced");
        assert_eq!(size_of(directory.path()).expect("summed"), 100_000);
        let kind = file_system(directory.path()).expect("known");
        if !kind.starts_with("tmpfs") {
            assert!(written_bytes().expect("counted") - before >= 100_000, "on {kind}");
        }
        forget(directory.path()).expect("forgotten");
    }
}
