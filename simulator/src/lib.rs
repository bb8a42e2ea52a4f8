//! A city in one thread and in virtual time, running the node that ships.
//!
//! | module | what it holds |
//! |---|---|
//! | `world` | [`World`]: peers and links in virtual time; it does what a driver does, and knows no protocol |
//! | `peer`, `disk` | [`PeerSpec`], what a peer is to be; [`DiskModel`], the store on a medium that can be damaged |
//! | `link` | [`LinkClass`], what interfaces are plugged into, and [`LinkModel`], for worlds without them: what a link does to messages |
//! | `paths`, `places`, `network` | who can reach whom; where peers are; connections |
//! | `map` | [`Point`] |
//! | `fault` | [`Fault`]: what a scenario says goes wrong; [`Strike`], [`Schedule`]: what is done, and when |
//! | `clock` | a peer's two clocks, which may drift, jump, and never have been set |
//! | `hostile` | [`Behaviour`]: peers that do what they should not |
//! | `wire` | what carries messages, [`Wire`]: that model, or QUIC on simulated datagrams; [`compare_wires`] |
//! | `space` | [`Space`]: the root, the manifest and the grants |
//! | `ledger`, `witness` | [`Ledger`]: what apps asked for, and what came of it; what authors really wrote |
//! | `digest` | [`Digest`]: one hash over all that all nodes did |
//! | `seed`, `queue`, `happening` | [`Seed`], one for each use; what happens next |
//! | `checkers` | [`Checker`]: what must hold in every world, one a file |
//! | `topology`, `workload` | who lives in a city, and what its sensors publish |
//! | `gossip_only` | [`GossipOnly`]: bare gossip machines, a hundred thousand of them |
//! | `map` | [`Map`]: a city's streets, districts, places and routes |
//! | `city`, `metrics` | [`City`]: a run of a [`Scenario`], and its [`Report`] |
//! | `histogram` | [`Histogram`]: how long things took, within 3.2 % |
//! | `recording`, `report` | [`Recording`]: all that is left of a run, in a file; the page and the tables made from it |
//! | `cli` | the command line `msec-sim`, as a function |
//! | `stopwatch` | the one place that looks at a real clock |
//!
//! # A world of three
//!
//! ```
//! use std::time::Duration;
//! use msec_peer::node::StreamSpec;
//! use msec_simulator::{Kept, NetworkModel, PeerSpec, World, disagreements};
//!
//! let mut world = World::new(1, NetworkModel::default())?;
//! let gateway = world.add_peer(PeerSpec::gateway())?;
//! let sensor = world.add_peer(PeerSpec::sensor().contact(gateway))?;
//! let citizen = world.add_peer(PeerSpec::citizen().contact(gateway))?;
//!
//! let noise = StreamSpec::new("parks/noise", "mic-1")?.unit("dB");
//! world.publish(sensor, &noise, &[world.reading(48.5)]).expect("the sensor is up");
//! assert!(world.run_until_true(Duration::from_secs(5), |world| world.readings_of(citizen).len() == 1));
//!
//! // The gateway loses its power in the middle of a commit, and the sensor goes on.
//! world.publish(sensor, &noise, &[world.reading(51.0)]).expect("the sensor is up");
//! world.crash(gateway, Kept::Torn);
//! world.run_for(Duration::from_secs(5));
//! world.restart(gateway)?;
//! world.run_for(Duration::from_secs(60));
//! assert_eq!(world.readings_of(citizen).len(), 2);
//! assert!(disagreements(&world).is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod cli;

mod checkers;
mod city;
mod clock;
mod digest;
mod disk;
mod error;
mod fault;
mod gossip_only;
mod happening;
mod histogram;
mod hostile;
mod ledger;
mod link;
mod map;
mod metrics;
mod network;
mod paths;
mod peer;
mod places;
mod queue;
pub mod recording;
mod report;
mod seed;
mod space;
mod stopwatch;
mod topology;
mod witness;
mod wire;
mod workload;
mod world;

pub use checkers::{
    Acknowledged, Agreement, Authentic, Bounds, Checker, Checkers, Convergence, Delivery, Kind, OneHistory,
    SameState, Verdict, Violation, disagreements,
};
pub use city::{AGREE_WITHIN, City, Progress, Report, Scenario};
pub use clock::{DRIFT_PPM_MAX, JUMP_S_MAX};
pub use digest::Digest;
pub use disk::{Damage, DiskFault, DiskModel, Kept};
pub use error::{AddPeerError, ClockError, LinkError, RestartError, ScenarioError};
pub use fault::{Census, Fault, PlanError, Planned, Schedule, Strike, StrikeError, Struck, Who};
pub use gossip_only::{
    GossipOnly, GossipOnlyConfig, GossipOnlyError, GossipOnlyReport, Links, LinksError, Published,
};
pub use histogram::{BUCKETS, Bucket, Histogram};
pub use hostile::Behaviour;
pub use ledger::{KnownLog, Ledger, Outcome, Submission};
pub use link::{
    ClassId, ClassSettings, ClassTraffic, Degradation, INTERFACES_MAX, LinkClass, LinkModel, Lora, Strained,
};
pub use map::{
    AUCKLAND_PLACES, Auckland, CountedHour, DISTRICTS_MAX, District, DistrictKind, Fortnight, Fujisawa,
    GEOJSON_BYTES_MAX, Grid, Map, MapError, MapSpec, Point, Radial, Route, RouteKind, Santander, Segment,
    Site, SmallWorld, StreetClass, Streets, UnknownMap, compact as compact_streets,
};
pub use metrics::Metrics;
pub use network::{LINK_EVENTS_MAX, LinkEvent, LinkView, NetworkModel, Traffic};
pub use paths::Broken;
pub use peer::{PEERS_MAX, PeerIndex, PeerSpec};
pub use report::{Column, Table, Values};
pub use seed::{Dice, Seed};
pub use space::{EPOCH, Space};
pub use topology::{NODES_MIN, Population};
pub use wire::{BothWires, Datagrams, Delays, Wire, WireRun, compare_wires};
pub use workload::Workload;
pub use world::World;
