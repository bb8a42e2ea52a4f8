//! Carries opaque versions between peers until all who are interested hold the same.
//!
//! [`Gossip`] is a machine without I/O: time, neighbours and messages go in as [`Input`], what to send and to verify
//! comes out as [`Output`]. What just happened is pushed; what a push lost, reconciliation finds. It looks into nothing
//! that it carries, and trusts no neighbour: whatever arrives goes to the node, which alone says what is accepted.
//!
//! | module | what it is |
//! |---|---|
//! | `machine` | [`Gossip`]: hands each input to the protocol that it is for |
//! | `io`, `stats`, `config`, `error` | what goes in and out, the counters, the numbers, who is to blame |
//! | `item`, `interest` | [`Key`], [`Version`], [`Topic`]; [`Interest`]: path prefixes, an area, and since when |
//! | `place`, `area`, `hour` | [`Spot`]s and the cells that hold them, sets of cells, [`Hour`]s |
//! | [`overlay`] | [`Overlay`], a machine of its own: who is linked with whom |
//! | `broadcast` | the next four, and what each learns from the others |
//! | `trees` | protocol: the shortest ways to some hundred roots |
//! | `push` | protocol: a live payload goes along a tree |
//! | `lazy`, `recent` | protocol: who is not next in the tree learns its short id, and fetches what doesn't come |
//! | `feed` | protocol: a leaf is pushed to by one of its neighbours |
//! | `announce` | protocol: what is too large to push, or was caught up with, is told by name |
//! | `offer` | protocol: what a neighbour wants and we don't is told until it holds it |
//! | `reconcile` | protocol: where do we differ? What changed since we met; for strangers fingerprints, lists and codes |
//! | `riblt` | the rateless codes that it uses |
//! | `wants` | protocol: fetch what a neighbour is ahead with, from one neighbour at a time |
//! | `answers` | how soon, how many and how large answers one neighbour is good for |
//! | `serve` | protocol: answer the wants of others |
//! | `mark` | who else holds what was on disk at some time |
//! | `quota` | what a neighbour, and an author, may make us do in a time |
//! | `core` | what the protocols share: what we hold, whom we know, the deadlines, the way out |
//! | `frontier`, `neighbour`, `timers`, `tables` | the tables in it, and how full they are |
//! | `frame`, `message`, `name`, `range`, `bounded` | the wire format, which `docs/wire.md` writes down for others |
//! | `vectors` | in tests: its examples, from `gossip/vectors` |
//!
//! Two peers, and a reading that one of them makes:
//!
//! ```
//! use std::time::Duration;
//! use msec_gossip::{Config, Gossip, Input, Interest, Key, Output, Topic, Version};
//! use msec_identity::PeerId;
//!
//! let (sensor, office) = (PeerId([1; 32]), PeerId([2; 32]));
//! let now = Duration::ZERO;
//! let mut a = Gossip::new(Config::default(), sensor, Interest::none(), [1; 32]);
//! let mut b = Gossip::new(Config::default(), office, Interest::all(), [2; 32]);
//! a.handle(now, Input::NeighbourUp { peer: office, interest: Interest::all(), leaf: false });
//! b.handle(now, Input::NeighbourUp { peer: sensor, interest: Interest::none(), leaf: false });
//!
//! let (key, topic) = (Key([7; 32]), Topic::new("parks/noise")?);
//! let version = Version { size: 1, digest: [9; 32] };
//! let payload = Some(b"42 dB".to_vec());
//! a.handle(now, Input::Accepted { key, topic, version, from: None, origin: None, payload });
//!
//! // The driver's part: what one sends, the other receives.
//! while let Some(output) = a.poll_output() {
//!     if let Output::Send { to, bytes, .. } = output {
//!         assert_eq!(to, office);
//!         b.handle(now, Input::Received { from: sensor, bytes });
//!     }
//! }
//! let delivered = Output::Deliver { from: sensor, key, payload: b"42 dB".to_vec(), live: true };
//! assert_eq!(b.poll_output(), Some(delivered));
//! # Ok::<(), msec_gossip::TopicError>(())
//! ```

mod announce;
mod answers;
mod area;
mod bounded;
mod broadcast;
mod config;
mod core;
mod error;
mod feed;
mod frame;
mod frontier;
mod hour;
mod interest;
mod io;
mod item;
mod lazy;
mod machine;
mod mark;
mod message;
mod name;
mod neighbour;
mod offer;
pub mod overlay;
mod place;
mod push;
mod quota;
mod range;
mod recent;
mod reconcile;
mod riblt;
mod serve;
mod stats;
mod tables;
mod timers;
mod trees;
#[cfg(test)]
mod vectors;
mod wants;

pub use area::INTEREST_CELLS_MAX;
pub use config::Config;
pub use error::{ConfigError, DecodeError, InterestError, TopicError};
pub use frame::payloads;
pub use hour::Hour;
pub use interest::{INTEREST_PREFIXES_MAX, Interest};
pub use io::{Input, Output, Priority};
pub use item::{Key, Origin, TOPIC_BYTES_MAX, Topic, Version};
pub use machine::Gossip;
pub use mark::Mark;
pub use overlay::Overlay;
pub use place::{LEVEL_MAX, LEVEL_TOLD, Spot};
pub use quota::Rate;
pub use stats::Stats;
pub use tables::Tables;
