//! A device takes the place of a lost one.

use minicbor::{Decode, Decoder, Encode, decode};

use super::text::ShortText;
use crate::id::{LogId, PeerId, SpaceId};
use crate::path::CollectionPath;
use crate::record::Record;

/// The most streams that one record names: it fits [`crate::RECORD_BYTES_MAX`] whatever they are called. Of further ones the new logs
/// name no predecessor.
pub const REPLACED_STREAMS_MAX: usize = 32;
/// The longest name of a stream, in bytes.
const STREAM_BYTES_MAX: usize = 128;

/// "That peer takes the place of that one", signed by whoever grants it what the other one had. It gives no right: it tells the new
/// device which logs its own go on from, since it may not read them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Replacement {
    /// The space.
    #[n(0)]
    pub space: SpaceId,
    /// Who signs.
    #[n(1)]
    pub issuer: PeerId,
    /// Whose place is taken.
    #[n(2)]
    pub old: PeerId,
    /// Who takes it.
    #[n(3)]
    pub new: PeerId,
    /// The streams that the old one wrote, at most [`REPLACED_STREAMS_MAX`], in order.
    #[n(4)]
    pub streams: ReplacedStreams,
}

/// A stream of the old device, and its last log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct ReplacedStream {
    /// The collection.
    #[n(0)]
    pub collection: CollectionPath,
    /// Its name there.
    #[n(1)]
    pub stream: ShortText<STREAM_BYTES_MAX>,
    /// The log that the new one goes on from.
    #[n(2)]
    pub log: LogId,
}

/// Streams in order, each once, at most [`REPLACED_STREAMS_MAX`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Encode)]
#[cbor(transparent)]
pub struct ReplacedStreams(#[n(0)] Vec<ReplacedStream>);

impl ReplacedStreams {
    /// These, in whatever order they come; what is beyond [`REPLACED_STREAMS_MAX`] is left out.
    pub fn of(streams: impl IntoIterator<Item = ReplacedStream>) -> Self {
        let mut streams: Vec<_> = streams.into_iter().collect();
        streams.sort_unstable();
        streams.dedup_by(|a, b| (&a.collection, &a.stream) == (&b.collection, &b.stream));
        streams.truncate(REPLACED_STREAMS_MAX);
        Self(streams)
    }

    /// All of them.
    pub fn as_slice(&self) -> &[ReplacedStream] {
        &self.0
    }

    /// The log of a stream, if it is named.
    pub fn log_of(&self, collection: &CollectionPath, stream: &str) -> Option<LogId> {
        let is = |it: &&ReplacedStream| it.collection == *collection && it.stream.as_str() == stream;
        self.0.iter().find(is).map(|it| it.log)
    }
}

impl<'b, C> Decode<'b, C> for ReplacedStreams {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let streams: Vec<ReplacedStream> = d.decode()?;
        let name = |it: &ReplacedStream| (it.collection.clone(), it.stream.clone());
        if streams.len() > REPLACED_STREAMS_MAX
            || streams.windows(2).any(|two| name(&two[0]) >= name(&two[1]))
        {
            return Err(decode::Error::message("streams are in order, each once, and not too many"));
        }
        Ok(Self(streams))
    }
}

impl Record for Replacement {
    const DOMAIN: &'static str = "msec/replacement/1";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Identity;
    use crate::path::PATH_BYTES_MAX;
    use crate::record::{RECORD_BYTES_MAX, Unverified};

    fn stream(collection: &str, name: &str, log: u8) -> ReplacedStream {
        ReplacedStream {
            collection: collection.parse().expect("a path"),
            stream: name.parse().expect("a name"),
            log: LogId([log; 32]),
        }
    }

    fn record(streams: ReplacedStreams) -> (Identity, Replacement) {
        let issuer = Identity::from_seed([1; 32]);
        let (old, new) = (PeerId([2; 32]), PeerId([3; 32]));
        let record = Replacement { space: SpaceId([4; 32]), issuer: issuer.peer(), old, new, streams };
        (issuer, record)
    }

    #[test]
    fn each_stream_is_named_once_and_found() {
        let streams = ReplacedStreams::of([
            stream("parks", "mic-2", 2),
            stream("parks", "mic-1", 1),
            stream("parks", "mic-2", 9),
        ]);
        assert_eq!(streams.as_slice().len(), 2);
        let found = |collection: &str, name| streams.log_of(&collection.parse().expect("a path"), name);
        assert_eq!(found("parks", "mic-2"), Some(LogId([2; 32])));
        assert_eq!((found("parks", "mic-3"), found("roads", "mic-1")), (None, None));
    }

    #[test]
    fn the_longest_record_fits_and_one_out_of_order_is_refused() {
        let path = "p".repeat(PATH_BYTES_MAX);
        let long = |at: usize| stream(&path, &format!("{at:0>width$}", width = STREAM_BYTES_MAX), 1);
        let (issuer, longest) = record(ReplacedStreams::of((0..100).map(long)));
        assert_eq!(longest.streams.as_slice().len(), REPLACED_STREAMS_MAX);
        let bytes = issuer.sign(longest.clone()).to_bytes();
        assert!(bytes.len() <= RECORD_BYTES_MAX, "{} bytes", bytes.len());
        let read = Unverified::<Replacement>::from_bytes(&bytes).expect("parses");
        assert_eq!(*read.claims(), longest);
        let mut turned = longest.streams.0.clone();
        turned.swap(0, 1);
        let bytes = issuer.sign(record(ReplacedStreams(turned)).1).to_bytes();
        assert!(Unverified::<Replacement>::from_bytes(&bytes).is_err());
        let many = (0..=REPLACED_STREAMS_MAX).map(|at| stream("p", &format!("{at:03}"), 1)).collect();
        let bytes = issuer.sign(record(ReplacedStreams(many)).1).to_bytes();
        assert!(Unverified::<Replacement>::from_bytes(&bytes).is_err());
    }
}
