//! `pco`, with its defaults.

use ::pco::data_types::Number;
use ::pco::standalone::{simple_compress, simple_decompress};
use ::pco::wrapped::{FileCompressor, FileDecompressor};
use ::pco::{ChunkConfig, PagingSpec};
use anyhow::Context;

use super::packed::{decimals, value_of};

const FITS: &str = "its defaults take any column";

pub(super) fn write_file<T: Number>(numbers: &[T]) -> Vec<u8> {
    simple_compress(numbers, &ChunkConfig::default()).expect(FITS)
}

pub(super) fn read_file<T: Number>(bytes: &[u8], _count: usize) -> anyhow::Result<Vec<T>> {
    Ok(simple_decompress(bytes)?)
}

/// One page, and what is needed to read it but for version, type and count.
pub(super) fn write_bare<T: Number>(numbers: &[T]) -> Vec<u8> {
    let paging = PagingSpec::Exact(vec![numbers.len()]);
    let config = ChunkConfig::default().with_paging_spec(paging);
    let mut chunk = FileCompressor::default().chunk_compressor(numbers, &config).expect(FITS);
    let mut bytes = Vec::new();
    chunk.write_meta(&mut bytes).expect(FITS);
    chunk.write_page(0, &mut bytes).expect(FITS);
    bytes
}

pub(super) fn read_bare<T: Number>(bytes: &[u8], count: usize) -> anyhow::Result<Vec<T>> {
    let mut header = Vec::new();
    FileCompressor::default().write_header(&mut header)?;
    let (file, _) = FileDecompressor::new(header.as_slice())?;
    let (mut chunk, rest) = file.chunk_decompressor::<T, _>(bytes)?;
    let mut numbers = vec![T::default(); count];
    chunk.page_decompressor(rest, count)?.read(&mut numbers)?;
    Ok(numbers)
}

pub(super) fn write_decimals(values: &[f64]) -> Vec<u8> {
    match decimals(values) {
        Some((exponent, numbers)) => [&[exponent], &write_bare(&numbers)[..]].concat(),
        None => [&[0xff], &write_bare(values)[..]].concat(),
    }
}

pub(super) fn read_decimals(bytes: &[u8], count: usize) -> anyhow::Result<Vec<f64>> {
    let (exponent, rest) = bytes.split_first().context("empty")?;
    if *exponent == 0xff {
        return read_bare(rest, count);
    }
    let numbers = read_bare::<i64>(rest, count)?;
    Ok(numbers.into_iter().map(|it| value_of(it, usize::from(*exponent))).collect())
}
