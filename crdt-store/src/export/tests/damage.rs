//! Copies that are torn, damaged, of others and made up.

use std::ops::Range;

use super::super::chunk::{CHUNK_HEAD_BYTES, Chunks, FileHead, Found};
use super::*;

/// Where the chunks of a file lie.
fn chunks(file: &[u8]) -> Vec<Range<usize>> {
    let mut at = FILE_HEAD_BYTES;
    let mut chunks = Vec::new();
    while at < file.len() {
        let length = u32::from_le_bytes(*file[at + 8..].first_chunk().expect("a length"));
        let end = at + CHUNK_HEAD_BYTES + length as usize;
        chunks.push(at..end);
        at = end;
    }
    chunks
}

/// The runs that are found in a file, and how many bytes are none.
fn read(mut file: &[u8]) -> (Vec<Vec<u8>>, u64, bool) {
    let mut chunks = Chunks::of(&mut file);
    let (mut runs, mut damaged, mut ended) = (Vec::new(), 0, false);
    chunks.head().expect("read");
    while let Some(found) = chunks.next().expect("read") {
        match found {
            Found::Run(run) | Found::Prefix(run) | Found::Evidence(run) => runs.push(run),
            Found::Damaged(bytes) => damaged += bytes,
            Found::End(_) => ended = true,
        }
    }
    (runs, damaged, ended)
}

#[test]
fn of_a_torn_file_everything_is_found_up_to_there_and_taken() {
    let (from, source) = store_of(&THREE);
    let (file, all) = (exported(&source), frontier(&from));
    let (chunks, runs) = (chunks(&file), read(&file).0);
    assert!(chunks.len() > 10, "{}", chunks.len());
    for length in FILE_HEAD_BYTES..file.len() {
        let whole = chunks.iter().filter(|chunk| chunk.end <= length).count();
        let rest = length - chunks[..whole].last().map_or(FILE_HEAD_BYTES, |chunk| chunk.end);
        let found = read(&file[..length]);
        assert!(found.0 == runs[..whole] && (found.1, found.2) == (rest as u64, false), "at {length}");
    }
    for length in (FILE_HEAD_BYTES..file.len()).step_by(211) {
        let (dir, mut store) = store_of(&[]);
        let done = taken(&mut store, &file[..length]);
        assert!(!done.ended && done.refused + done.gaps == 0, "{length}");
        assert_eq!(done.bytes, length as u64);
        assert!(frontier(&dir).iter().all(|(id, (size, _))| *size <= all[id].0));
        // Another copy brings what is missing.
        assert!(taken(&mut store, &file).is_whole());
        assert_eq!(frontier(&dir), all);
    }
}

#[test]
fn a_flipped_byte_costs_one_chunk_and_what_needs_it_and_is_told() {
    let (from, source) = store_of(&THREE);
    let (mut file, all) = (exported(&source), frontier(&from));
    let (chunks, runs) = (chunks(&file), read(&file).0);
    for at in 0..file.len() {
        file[at] ^= 1 << (at % 8);
        let hit = chunks.iter().position(|chunk| chunk.contains(&at));
        let (found, damaged, ended) = read(&file);
        let mut others = runs.clone();
        hit.filter(|hit| *hit < runs.len()).map(|hit| others.remove(hit));
        assert!(found == others && damaged > 0 && ended == (hit != Some(runs.len())), "at {at}");
        if at % 211 == 0 {
            let (dir, mut store) = store_of(&[]);
            let done = taken(&mut store, &file);
            assert!(!done.is_whole() && done.refused == 0, "at {at}");
            let held = frontier(&dir);
            let unlike = all.iter().filter(|(id, log)| held.get(*id) != Some(*log)).count();
            let is_run = hit.is_some_and(|hit| hit < runs.len());
            assert_eq!(unlike, usize::from(is_run), "one log at most lacks something: at {at}");
        }
        file[at] ^= 1 << (at % 8);
    }
}

#[test]
fn a_file_from_whose_middle_something_is_missing_is_not_whole() {
    let (_, source) = store_of(&THREE);
    let file = exported(&source);
    for gone in chunks(&file) {
        let (_, mut store) = store_of(&[]);
        let done = taken(&mut store, &[&file[..gone.start], &file[gone.end..]].concat());
        assert!(done.damaged_bytes == 0 && !done.is_whole(), "{gone:?}");
    }
}

#[test]
fn what_is_no_export_is_said_to_be_none() {
    let (_, mut store) = store_of(&[]);
    let (_, source) = store_of(&THREE);
    for file in [&b""[..], b"MSECCOPY", &vec![b'x'; 3 << 20]] {
        assert!(matches!(import_as(NOBODY, &mut store, file), Err(ImportError::NotAnExport)));
    }
    let mut elsewhere = FileHead::of(SpaceId([9; 32])).to_bytes();
    elsewhere.extend_from_slice(&exported(&source)[FILE_HEAD_BYTES..]);
    let refused = import_as(NOBODY, &mut store, &elsewhere);
    assert!(matches!(refused, Err(ImportError::OtherSpace { theirs: SpaceId([9, ..]), .. })));
    let later = FileHead { format: FORMAT + 1, space: space() }.to_bytes();
    assert!(matches!(import_as(NOBODY, &mut store, &later), Err(ImportError::Format { found: 2, known: 1 })));
    assert_eq!(store.logs_len(), 0);
}

/// What is read from, and how much was.
struct Counted<'a>(&'a [u8], usize);

impl std::io::Read for Counted<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let n = self.0.read(bytes)?;
        self.1 += n;
        Ok(n)
    }
}

#[test]
fn a_file_is_read_once_whatever_it_says() {
    // Heads of long chunks, with the wrong payload behind each.
    let head = chunk(Kind::Run, &[1; 500_000])[..CHUNK_HEAD_BYTES].to_vec();
    let file = head.repeat(100_000);
    let mut counted = Counted(&file, 0);
    let mut chunks = Chunks::of(&mut counted);
    let mut found = 0;
    while chunks.next().expect("read").is_some() {
        found += 1;
    }
    assert_eq!(chunks.taken(), file.len() as u64);
    assert_eq!(counted.1, file.len());
    // Five of them cover most of it. Those behind end beyond the file, and each is passed over.
    assert!(found < 20_000, "{found}");
}

#[test]
fn a_log_that_the_disk_changed_is_told_and_the_others_are_exported() {
    let (dir, source) = store_of(&THREE);
    dir.flip("00000002.msec", 500, 1);
    let mut file = Vec::new();
    let done = export_in(CHUNK, &source, space(), &|_| true, &mut file, &mut |_| ()).expect("written");
    assert_eq!(done.unreadable, 1);
    let (other, mut store) = store_of(&[]);
    let imported = taken(&mut store, &file);
    assert!(imported.is_whole() && imported.refused == 0);
    let (_, undamaged) = store_of(&THREE);
    let all = exported(&undamaged);
    let (whole, mut store) = store_of(&[]);
    taken(&mut store, &all);
    let (whole, held) = (frontier(&whole), frontier(&other));
    assert_eq!(whole.iter().filter(|(id, log)| held.get(*id) == Some(*log)).count(), 2);
}

proptest! {
    #[test]
    fn no_file_makes_the_reader_fall(pieces in proptest::collection::vec(piece(), 0..12), head in any::<bool>()) {
        let (dir, mut store) = store_of(&THREE[..1]);
        let before = frontier(&dir);
        let mut file = if head { exported(&store)[..FILE_HEAD_BYTES].to_vec() } else { Vec::new() };
        pieces.iter().for_each(|piece| file.extend_from_slice(piece));
        if let Ok(done) = import_as(author(1).peer(), &mut store, &file) {
            prop_assert_eq!(done.entries, 0);
            prop_assert!(!done.own_were_missing && done.bytes <= file.len() as u64);
        }
        prop_assert_eq!(frontier(&dir), before);
    }
}

/// Something that may be in a file: noise, beginnings of chunks, chunks full of noise, and ends.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..200);
    let begin = chunk(Kind::Run, &[0; 64])[..CHUNK_HEAD_BYTES].to_vec();
    prop_oneof![
        bytes(),
        Just(begin),
        bytes().prop_map(|bytes| chunk(Kind::Run, &bytes)),
        Just(b"MSECRUNMSECRUN".to_vec()),
        any::<u64>().prop_map(|runs| chunk(Kind::End, &runs.to_le_bytes())),
    ]
}
