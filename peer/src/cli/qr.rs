//! Codes as pictures: in a terminal, as SVG, as PNG.
//!
//! A terminal's cell is about twice as high as it is wide, so that one cell shows two modules, one above the other, with half
//! blocks (U+2580, U+2584, U+2588). The picture brings its own white: a code on a dark terminal is read all the same.

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args as ClapArgs;
use qrcode::{Color, EcLevel, QrCode};
use rustix::termios::tcgetwinsize;

use super::out::Out;

/// Modules of white around a code, as ISO/IEC 18004 asks for.
const QUIET: usize = 4;
/// Modules of white around it on a screen, which is enough for those who scan it there.
const QUIET_ON_SCREEN: usize = 2;
/// Lines of a terminal that are needed below a code.
const LINES_BELOW: u16 = 1;
/// Pixels a module has in a PNG.
const SCALE: usize = 8;

/// Where a code goes, beside standard output.
#[derive(Debug, ClapArgs)]
pub(super) struct Files {
    /// Show the QR code even where no terminal is
    #[arg(long)]
    qr: bool,
    /// Write the QR code to a file as well
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
    /// The same as SVG
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

impl Files {
    /// Opens those that were named.
    pub(super) fn open(&self) -> anyhow::Result<Opened> {
        let open = |path: &Option<PathBuf>| path.as_deref().map(Out::secret).transpose();
        Ok(Opened { png: open(&self.png)?, svg: open(&self.svg)? })
    }

    /// Shows a code, where somebody sees it: last of all, so that nothing scrolls it away.
    pub(super) fn show(&self, code: &str) -> anyhow::Result<()> {
        let is_terminal = std::io::stdout().is_terminal();
        if !self.qr && !is_terminal {
            return Ok(());
        }
        let picture = Picture::on_screen(code)?;
        let size = tcgetwinsize(std::io::stdout()).ok().filter(|_| is_terminal);
        let (columns, rows) = size.map_or((0, 0), |size| (size.ws_col, size.ws_row));
        let (fits, why) = picture.fits(columns, rows);
        // A terminal that is too low can be made higher; lines that are too long are torn for good.
        if fits {
            print!("{}", picture.terminal());
        }
        if let Some(why) = why {
            eprintln!("msec: {why}");
        }
        Ok(())
    }
}

/// The files that were named, open.
#[derive(Debug)]
pub(super) struct Opened {
    png: Option<Out>,
    svg: Option<Out>,
}

impl Opened {
    /// Writes them.
    pub(super) fn write(self, picture: &Picture) -> anyhow::Result<()> {
        self.png.map_or(Ok(()), |out| out.write(&picture.png()))?;
        self.svg.map_or(Ok(()), |out| out.write(picture.svg().as_bytes()))
    }
}

/// A code as a picture: its modules.
#[derive(Debug)]
pub struct Picture {
    dark: Vec<bool>,
    width: usize,
    quiet: usize,
}

impl Picture {
    /// Of that text. Codes are made of letters that QR codes hold in fewer bits.
    pub fn of(text: &str) -> anyhow::Result<Self> {
        Self::with(text, EcLevel::M, QUIET)
    }

    /// Of that text, as small as it can be: a screen has no scratches.
    fn on_screen(text: &str) -> anyhow::Result<Self> {
        Self::with(text, EcLevel::L, QUIET_ON_SCREEN)
    }

    fn with(text: &str, level: EcLevel, quiet: usize) -> anyhow::Result<Self> {
        let code = QrCode::with_error_correction_level(text, level);
        let code = code.context("the code is too long for a QR code: give fewer hints")?;
        let dark = code.to_colors().into_iter().map(|it| it == Color::Dark).collect();
        Ok(Self { dark, width: code.width(), quiet })
    }

    /// How wide it is with the white around it.
    fn outer(&self) -> usize {
        self.width + 2 * self.quiet
    }

    /// Whether a module is dark, counted with the white around it.
    fn is_dark(&self, x: usize, y: usize) -> bool {
        let inside = |at: usize| at.checked_sub(self.quiet).filter(|at| *at < self.width);
        match (inside(x), inside(y)) {
            (Some(x), Some(y)) => self.dark[y * self.width + x],
            _ => false,
        }
    }

    /// Whether its lines are whole on a terminal of that size, and what to do where not all of it is seen there. 0: nobody knows the size.
    fn fits(&self, columns: u16, rows: u16) -> (bool, Option<String>) {
        let (width, height) = (self.outer(), self.outer().div_ceil(2) + usize::from(LINES_BELOW));
        let is_enough = |has: u16, needs: usize| has == 0 || usize::from(has) >= needs;
        let (is_wide, is_high) = (is_enough(columns, width), is_enough(rows, height));
        let why = (!is_wide || !is_high).then(|| {
            format!(
                "the QR code does not fit: it takes a terminal of {width} by {height}, and this one has {columns} by {rows}. Make it larger, or \
                 name a file with --png"
            )
        });
        (is_wide, why)
    }

    /// For a terminal: black on white, whatever its colours are.
    pub(super) fn terminal(&self) -> String {
        const BLACK_ON_WHITE: &str = "\u{1b}[38;5;16;48;5;231m";
        let mut text = String::new();
        for y in (0..self.outer()).step_by(2) {
            text += BLACK_ON_WHITE;
            for x in 0..self.outer() {
                text.push(match (self.is_dark(x, y), self.is_dark(x, y + 1)) {
                    (true, true) => '\u{2588}',
                    (true, false) => '\u{2580}',
                    (false, true) => '\u{2584}',
                    (false, false) => ' ',
                });
            }
            text += "\u{1b}[0m\n";
        }
        text
    }

    /// As SVG, one path for all that is dark.
    pub fn svg(&self) -> String {
        let size = self.outer();
        let mut path = String::new();
        for y in 0..size {
            let mut x = 0;
            while x < size {
                let run = (x..size).take_while(|x| self.is_dark(*x, y)).count();
                if run > 0 {
                    path += &format!("M{x} {y}h{run}v1h-{run}z");
                }
                x += run.max(1);
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\" shape-rendering=\"crispEdges\">\
             <path fill=\"#fff\" d=\"M0 0h{size}v{size}h-{size}z\"/><path fill=\"#000\" d=\"{path}\"/></svg>\n"
        )
    }

    /// As PNG (RFC 2083), one bit a pixel, without compression: it has some 20 kB.
    pub fn png(&self) -> Vec<u8> {
        let size = self.outer() * SCALE;
        let side = u32::try_from(size).expect("a few hundred pixels").to_be_bytes();
        // Each row: filter 0, then its bits, white being 1.
        let mut rows = Vec::new();
        for y in 0..size {
            rows.push(0);
            let bits = (0..size).map(|x| !self.is_dark(x / SCALE, y / SCALE)).collect::<Vec<_>>();
            rows.extend(bits.chunks(8).map(|eight| {
                eight.iter().enumerate().fold(0, |byte, (at, white)| byte | u8::from(*white) << (7 - at))
            }));
        }
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        chunk(&mut png, b"IHDR", &[&side[..], &side, &[1, 0, 0, 0, 0]].concat());
        chunk(&mut png, b"IDAT", &stored(&rows));
        chunk(&mut png, b"IEND", &[]);
        png
    }
}

/// A zlib stream (RFC 1950) of stored blocks (RFC 1951, section 3.2.4).
fn stored(bytes: &[u8]) -> Vec<u8> {
    const BLOCK_BYTES_MAX: usize = 65_535;
    let mut stream = vec![0x78, 0x01];
    let mut blocks = bytes.chunks(BLOCK_BYTES_MAX).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).expect("a block is no longer");
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    let (mut a, mut b) = (1u32, 0u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    stream.extend((b << 16 | a).to_be_bytes());
    stream
}

fn chunk(png: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    let length = u32::try_from(data.len()).expect("a chunk is short");
    png.extend(length.to_be_bytes());
    let from = png.len();
    png.extend(kind);
    png.extend(data);
    let crc = crc(&png[from..]);
    png.extend(crc.to_be_bytes());
}

/// CRC-32 as in RFC 2083, section 3.4.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| match crc & 1 {
            1 => crc >> 1 ^ 0xedb8_8320,
            _ => crc >> 1,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "MSEC:248K2H42GG2R8";

    #[test]
    fn all_pictures_show_the_same_modules() {
        let picture = Picture::of(CODE).expect("a picture");
        let (size, dark) = (picture.outer(), picture.dark.iter().filter(|dark| **dark).count());
        assert_eq!((picture.width, size), (21, 29), "the smallest code, with white around it");
        // The corner that a reader looks for: seven dark modules, a light one.
        assert!((QUIET..QUIET + 7).all(|x| picture.is_dark(x, QUIET)) && !picture.is_dark(QUIET + 7, QUIET));
        let text = picture.terminal();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), size.div_ceil(2));
        let count = |c: char| text.chars().filter(|it| *it == c).count();
        assert_eq!(2 * count('\u{2588}') + count('\u{2580}') + count('\u{2584}'), dark);
        let svg = picture.svg();
        let path = svg.rsplit("d=\"").next().expect("a path");
        let widths = path.split('h').filter_map(|run| run.split_once('v')?.0.parse::<usize>().ok());
        let widths: usize = widths.sum();
        assert_eq!(widths, dark);
    }

    #[test]
    fn an_invitation_fits_a_terminal_of_80_by_24_and_what_does_not_says_so() {
        // As long as one with a hint: docs/architecture.md, "Letting somebody in".
        let code = format!("MSEC:{}", "A".repeat(144));
        let picture = Picture::on_screen(&code).expect("a picture");
        assert_eq!((picture.outer(), picture.terminal().lines().count()), (41, 21));
        for (columns, rows) in [(80, 24), (41, 22), (0, 0)] {
            assert_eq!(picture.fits(columns, rows), (true, None));
        }
        for (columns, rows) in [(40, 24), (80, 21)] {
            let (shown, why) = picture.fits(columns, rows);
            let why = why.expect("too small");
            assert!(shown == (columns == 80) && why.contains("41 by 22") && why.contains("--png"), "{why}");
        }
    }

    #[test]
    fn a_png_is_one_that_readers_read() {
        assert_eq!(crc(b"IEND"), 0xae42_6082, "as at the end of every PNG");
        assert_eq!(
            stored(b"abc"),
            [&[0x78, 1, 1, 3, 0, 0xfc, 0xff][..], b"abc", &[2, 0x4d, 1, 0x27]].concat()
        );
        let picture = Picture::of(CODE).expect("a picture");
        let png = picture.png();
        let rows = (29 * SCALE) * (29 * SCALE / 8 + 1);
        assert!(png.len() < rows + 100 && png.len() > rows, "{}", png.len());
    }
}
