//! What the two sides of a handshake tell each other beside who they are: what they want.
//!
//! A CBOR array of one to three fields, of which the last ones are left out if there is nothing to say: the prefixes; the
//! numbers of the cells, or null for everywhere; the hour since when. Each is in the one order in which an [`Interest`] has
//! them.

use minicbor::data::Type;
use minicbor::decode::Error;
use minicbor::{Decoder, Encoder};
use msec_gossip::{Hour, INTEREST_CELLS_MAX, Interest};

use super::control::control;

/// Says that this is wanted.
pub(super) fn of(interest: &Interest) -> Vec<u8> {
    // Control entries go without saying.
    let prefixes: Vec<&str> = interest.prefixes().filter(|path| *path != control().as_str()).collect();
    let (cells, since) = (interest.cells(), interest.since_hour());
    let fields = if since.is_some() { 3 } else { 1 + u64::from(cells.is_some()) };
    let mut e = Encoder::new(Vec::new());
    let write = || {
        e.array(fields)?.encode(prefixes)?;
        match cells {
            Some(cells) => drop(e.encode(cells)?),
            None if fields > 1 => drop(e.null()?),
            None => {}
        }
        since.map_or(Ok(()), |since| e.u32(since.number()).map(drop))
    };
    let written: Result<(), minicbor::encode::Error<std::convert::Infallible>> = write();
    written.expect("writing to a Vec cannot fail");
    e.into_writer()
}

/// What a greeting says is wanted, and control entries. One that cannot be read wants nothing else.
pub(super) fn wanted(greeting: &[u8]) -> Interest {
    read(&mut Decoder::new(greeting)).unwrap_or_else(|_| Interest::none()).with(&control())
}

fn read(d: &mut Decoder<'_>) -> Result<Interest, Error> {
    let fields = d.array()?.unwrap_or_default();
    let prefixes: Vec<String> = d.decode()?;
    let mut cells = None;
    if fields > 1 && !is_null(d)? {
        let mut numbers = Vec::new();
        for _ in 0..d.array()?.unwrap_or_default() {
            if numbers.len() == INTEREST_CELLS_MAX {
                return Err(Error::message("too many cells"));
            }
            numbers.push(d.u64()?);
        }
        cells = Some(numbers);
    }
    let mut since = None;
    if fields > 2 && !is_null(d)? {
        since = Some(Hour::from_number(d.u32()?).ok_or(Error::message("no hour"))?);
    }
    let prefixes = prefixes.iter().map(String::as_str);
    Interest::from_parts(prefixes, cells.as_deref(), since).map_err(|_| Error::message("no interest"))
}

/// Reads a null, if one is next.
fn is_null(d: &mut Decoder<'_>) -> Result<bool, Error> {
    let is_null = d.datatype()? == Type::Null;
    if is_null {
        d.null()?;
    }
    Ok(is_null)
}

#[cfg(test)]
mod tests {
    use msec_identity::UnixMillis;
    use proptest::prelude::*;

    use super::*;

    fn parks() -> Interest {
        Interest::of(["parks", "air"]).expect("prefixes")
    }

    /// As `docs/wire.md` has them.
    #[test]
    fn the_bytes_are_these() {
        let here = parks().within((43.46, -3.80), (43.46, -3.80)).expect("an area");
        let hour = UnixMillis(490_000 * 3_600_000);
        for (interest, hex) in [
            (Interest::none(), "8180"),
            (Interest::all(), "818160"),
            (parks(), "8182646169722f667061726b732f"),
            (parks().since(hour), "8382646169722f667061726b732ff61a00077a10"),
            (here, "8282646169722f667061726b732f811b0000019ff3b0fa25"),
        ] {
            let bytes = of(&interest);
            let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(text, hex);
            assert_eq!(wanted(&bytes), interest.with(&control()));
        }
    }

    #[test]
    fn control_entries_are_wanted_by_everybody_and_named_by_nobody() {
        for interest in [Interest::none(), Interest::all(), parks()] {
            let bytes = of(&interest);
            assert_eq!(of(&interest.clone().with(&control())), bytes);
            assert_eq!(wanted(&bytes), interest.with(&control()));
        }
    }

    #[test]
    fn what_is_spelled_otherwise_wants_nothing() {
        for bad in [
            minicbor::to_vec([["parks/", "air/"]]),
            minicbor::to_vec([["parks"]]),
            minicbor::to_vec((["parks/"], [1u64])),
            minicbor::to_vec((["parks/"], [5u64, 4])),
            minicbor::to_vec((["parks/"], vec![1u64 << 40; 65])),
            minicbor::to_vec((["parks/"], None::<u64>, 0)),
            minicbor::to_vec((["parks/"], None::<u64>, "x")),
            minicbor::to_vec("parks/"),
        ] {
            assert_eq!(wanted(&bad.expect("encodes")), Interest::none().with(&control()));
        }
    }

    #[test]
    fn what_says_nothing_may_be_said() {
        let nulls = minicbor::to_vec((["parks/"], None::<u64>, None::<u64>)).expect("encodes");
        assert_eq!(wanted(&nulls), Interest::of(["parks"]).expect("a prefix").with(&control()));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let interest = wanted(&bytes);
            prop_assert_eq!(wanted(&of(&interest)), interest);
        }
    }
}
