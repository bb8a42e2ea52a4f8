//! A code in a picture: a PNG, such as a screenshot or a photo, or an SVG that `msec` drew.
//!
//! A picture is foreign bytes. Its size is looked at before anything is allocated for it, and what is no picture of a code is said in words.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use msec_identity::pairing::Code;
use png::{ColorType, Decoder, Limits, Transformations};
use rqrr::PreparedImage;

/// The largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// The most pixels: a photo of 16 megapixels.
const PIXELS_MAX: u64 = 4_096 * 4_096;
/// The widest code, in modules with the white around it: version 40 of ISO/IEC 18004.
const MODULES_MAX: usize = 177 + 8;
/// Pixels a module of an SVG gets before it is read.
const SCALE: usize = 4;

/// Shades of grey, 0 is black.
struct Grey {
    width: usize,
    shades: Vec<u8>,
}

/// The code in a picture; `None`: by its name the file is none.
pub(super) fn code_in(path: &Path) -> anyhow::Result<Option<Code>> {
    let is = |kind: &str| path.extension().is_some_and(|it| it.eq_ignore_ascii_case(kind));
    if ["jpg", "jpeg", "heic", "webp", "gif", "bmp", "pdf"].into_iter().any(is) {
        bail!(
            "{} is a picture that is not read here: save it as PNG, or scan it and give the text that it holds",
            path.display()
        );
    }
    if !is("png") && !is("svg") {
        return Ok(None);
    }
    let cannot = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(cannot)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).with_context(cannot)?;
    let found = code_of(&bytes).with_context(|| format!("no code was read from {}", path.display()))?;
    Ok(Some(found))
}

/// The one code in the bytes of a picture.
pub(super) fn code_of(bytes: &[u8]) -> anyhow::Result<Code> {
    ensure!(bytes.len() as u64 <= FILE_BYTES_MAX, "it is larger than 16 MiB: cut out the code");
    let grey = if bytes.starts_with(b"\x89PNG") { from_png(bytes)? } else { from_svg(bytes)? };
    let mut found: Vec<Code> = Vec::new();
    let mut why = None;
    for text in texts(&grey) {
        match Code::parse(&text) {
            Ok(code) if found.contains(&code) => {}
            Ok(code) => found.push(code),
            Err(error) => why = Some(error),
        }
    }
    match (found.len(), why) {
        (1, _) => Ok(found.remove(0)),
        (0, None) => {
            bail!("there is no QR code in it that can be read: take the picture again, nearer and straight")
        }
        (0, Some(error)) => {
            Err(anyhow::Error::new(error).context("the QR code in it does not let anybody in"))
        }
        _ => bail!("there are several codes in it: cut out the one that is meant"),
    }
}

/// What the QR codes in a picture hold.
fn texts(grey: &Grey) -> Vec<String> {
    let height = grey.shades.len() / grey.width.max(1);
    if grey.width == 0 || height == 0 {
        return Vec::new();
    }
    let shade = |x: usize, y: usize| grey.shades.get(y * grey.width + x).copied().unwrap_or(u8::MAX);
    let mut image = PreparedImage::prepare_from_greyscale(grey.width, height, shade);
    image.detect_grids().into_iter().filter_map(|grid| grid.decode().ok()).map(|(_, text)| text).collect()
}

fn from_png(bytes: &[u8]) -> anyhow::Result<Grey> {
    const BAD: &str = "it is no PNG that can be read";
    let limits = Limits { bytes: 4 * PIXELS_MAX as usize };
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let mut reader = decoder.read_info().context(BAD)?;
    let info = reader.info();
    let (width, height) = (info.width, info.height);
    ensure!(
        u64::from(width) * u64::from(height) <= PIXELS_MAX,
        "it has {width} times {height} pixels, and 16 millions are read: make it smaller, or cut out the code"
    );
    let size = reader.output_buffer_size().context(BAD)?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).context(BAD)?;
    let (samples, is_grey, has_alpha) = match frame.color_type {
        ColorType::Grayscale => (1, true, false),
        ColorType::GrayscaleAlpha => (2, true, true),
        ColorType::Rgb => (3, false, false),
        ColorType::Rgba => (4, false, true),
        ColorType::Indexed => bail!(BAD),
    };
    let shade = |pixel: &[u8]| {
        let sample = |at: usize| u32::from(pixel.get(at).copied().unwrap_or(u8::MAX));
        // Luma as in ITU-R BT.601, in thousandths.
        let luma =
            if is_grey { sample(0) } else { (299 * sample(0) + 587 * sample(1) + 114 * sample(2)) / 1_000 };
        // What shines through is white.
        let alpha = if has_alpha { sample(samples - 1) } else { 255 };
        u8::try_from((luma * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
    };
    let width = frame.width as usize;
    let rows = pixels.chunks_exact(frame.line_size.max(1)).take(frame.height as usize);
    let shades = rows.flat_map(|row| row.chunks_exact(samples).take(width)).map(shade).collect();
    Ok(Grey { width, shades })
}

/// Reads an SVG as `msec invite --svg` writes it: one path of rectangles, a module high.
fn from_svg(bytes: &[u8]) -> anyhow::Result<Grey> {
    const OTHERS: &str = "it is no SVG that msec drew, and no PNG: save it as PNG";
    let text = std::str::from_utf8(bytes).context(OTHERS)?;
    let between = |before: &str| Some(text.split_once(before)?.1.split_once('"')?.0);
    let modules: usize = between("viewBox=\"0 0 ")
        .and_then(|size| size.split(' ').next()?.parse().ok())
        .filter(|size| (1..=MODULES_MAX).contains(size))
        .context(OTHERS)?;
    let path = between("<path fill=\"#000\" d=\"").context(OTHERS)?;
    let width = modules * SCALE;
    let mut shades = vec![u8::MAX; width * width];
    for rectangle in path.split('M').filter(|it| !it.is_empty()) {
        let (x, y, run) = rectangle_of(rectangle).context(OTHERS)?;
        ensure!(y < modules && x.checked_add(run).is_some_and(|end| end <= modules), OTHERS);
        for row in y * SCALE..(y + 1) * SCALE {
            shades[row * width..][x * SCALE..(x + run) * SCALE].fill(0);
        }
    }
    Ok(Grey { width, shades })
}

/// `X Yh RUN v1h-RUN z`, without the blanks.
fn rectangle_of(text: &str) -> Option<(usize, usize, usize)> {
    let (place, rest) = text.split_once('h')?;
    let (x, y) = place.split_once(' ')?;
    let (run, _) = rest.split_once('v')?;
    Some((x.parse().ok()?, y.parse().ok()?, run.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use msec_identity::pairing::{Hints, Invite, InviteSecret};
    use msec_identity::{PeerId, SpaceId, UnixMillis};
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::super::qr::Picture;
    use super::*;

    fn invite(seed: u8) -> Invite {
        let secret = InviteSecret::draw(&mut ChaCha20Rng::from_seed([seed; 32]));
        let hints = Hints::new(vec!["192.0.2.1:4000".parse().expect("an address")]).expect("hints");
        Invite::new(SpaceId([1; 32]), PeerId([2; 32]), secret, UnixMillis(1_767_225_600_000), hints)
    }

    fn picture(seed: u8) -> Picture {
        Picture::of(&invite(seed).to_string()).expect("it fits")
    }

    /// A PNG of these shades, with the samples that a screenshot has.
    fn png_of(width: u32, shades: &[u8], color: ColorType) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, shades.len() as u32 / width);
        encoder.set_color(color);
        let pixels: Vec<u8> = match color {
            ColorType::Rgba => shades.iter().flat_map(|shade| [*shade, *shade, *shade, 255]).collect(),
            _ => shades.to_vec(),
        };
        encoder.write_header().expect("a header").write_image_data(&pixels).expect("pixels");
        bytes
    }

    /// Twice a picture of ours, beside each other, on a grey desk, each larger than it was.
    fn desk(pictures: &[Picture]) -> (u32, Vec<u8>) {
        let greys: Vec<_> = pictures.iter().map(|it| from_svg(it.svg().as_bytes()).expect("ours")).collect();
        let (side, margin) = (greys[0].width, 40);
        let width = margin + greys.len() * (side + margin);
        let mut shades = vec![200; width * (side + 2 * margin)];
        for (at, grey) in greys.iter().enumerate() {
            let left = margin + at * (side + margin);
            for (y, row) in grey.shades.chunks(side).enumerate() {
                shades[(y + margin) * width + left..][..side].copy_from_slice(row);
            }
        }
        (width as u32, shades)
    }

    #[test]
    fn what_msec_draws_is_read_back() {
        for seed in 0..8 {
            let picture = picture(seed);
            let expected = Code::Invite(Box::new(invite(seed)));
            assert_eq!(code_of(&picture.png()).expect("a PNG"), expected);
            assert_eq!(code_of(picture.svg().as_bytes()).expect("an SVG"), expected);
        }
    }

    #[test]
    fn a_code_on_a_screenshot_is_found_and_of_two_neither_is_taken() {
        let (width, shades) = desk(&[picture(1)]);
        for color in [ColorType::Grayscale, ColorType::Rgba] {
            let found = code_of(&png_of(width, &shades, color)).expect("a code");
            assert_eq!(found, Code::Invite(Box::new(invite(1))));
        }
        let (width, shades) = desk(&[picture(1), picture(2)]);
        let error = code_of(&png_of(width, &shades, ColorType::Grayscale)).expect_err("two codes");
        assert!(error.to_string().contains("several codes"), "{error}");
        let (width, shades) = desk(&[picture(1), picture(1)]);
        code_of(&png_of(width, &shades, ColorType::Grayscale)).expect("the same twice is one");
    }

    #[test]
    fn what_holds_no_code_says_so() {
        let blank = png_of(64, &[255; 64 * 64], ColorType::Grayscale);
        let error = code_of(&blank).expect_err("nothing");
        assert!(error.to_string().contains("no QR code"), "{error}");
        let other = Picture::of("HTTPS://EXAMPLE.ORG").expect("it fits").png();
        let error = format!("{:#}", code_of(&other).expect_err("another code"));
        assert!(error.contains("does not let anybody in"), "{error}");
        for bytes in [&b""[..], b"\x89PNG", b"<svg viewBox=\"0 0 10 10\">", b"GIF89a", &[0xff; 99]] {
            code_of(bytes).expect_err("no picture");
        }
    }

    #[test]
    fn a_picture_that_says_that_it_is_huge_takes_no_memory() {
        let mut huge = png_of(8, &[255; 64], ColorType::Grayscale);
        huge[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        let crc = crc(&huge[12..29]);
        huge[29..33].copy_from_slice(&crc.to_be_bytes());
        let error = format!("{:#}", code_of(&huge).expect_err("65,536 times 65,536"));
        assert!(error.contains("65536 times 65536 pixels") || error.contains("can be read"), "{error}");
        let large = vec![0; FILE_BYTES_MAX as usize + 1];
        assert!(code_of(&large).expect_err("too large").to_string().contains("16 MiB"));
    }

    /// As PNG has it (RFC 2083, section 15).
    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
            })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn pictures_that_were_scratched_never_panic(
            seed in 0u8..4, scratches in proptest::collection::vec((any::<usize>(), 1usize..900, any::<u8>()), 0..60),
        ) {
            let (width, mut shades) = desk(&[picture(seed)]);
            for (at, length, shade) in scratches {
                let at = at % shades.len();
                let end = (at + length).min(shades.len());
                shades[at..end].fill(shade);
            }
            if let Ok(found) = code_of(&png_of(width, &shades, ColorType::Grayscale)) {
                prop_assert_eq!(found, Code::Invite(Box::new(invite(seed))), "its check holds");
            }
        }

        #[test]
        fn arbitrary_files_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), at: usize, which in 0u8..3) {
            let mut file = match which {
                0 => picture(1).png(),
                1 => picture(1).svg().into_bytes(),
                _ => Vec::new(),
            };
            let at = at % (file.len() + 1);
            let end = (at + bytes.len() / 8).min(file.len());
            file.splice(at..end, bytes);
            let _ = code_of(&file);
        }
    }
}
