//! A city in one thread and in virtual time, running the node that ships.
//!
//! | module | what it holds |
//! |---|---|
//! | `world` | [`World`]: peers and links in virtual time; it does what a driver does, and knows no protocol |
//! | `peer`, `disk`, `clock` | [`PeerSpec`], what a peer is to be; [`DiskModel`], the store on a medium that can be damaged; two clocks that may be wrong |
//! | [`link`], `paths`, `places`, `network` | what a link does to messages; who can reach whom; where peers are; connections |
//! | `fault`, `hostile` | [`Fault`], what goes wrong, and when; [`Behaviour`], peers that do what they should not |
//! | `space`, `revocation`, `leases` | [`Space`]: the root, the manifest and the grants; [`Revoked`]: a grant that is over; [`Leases`]: who withholds what |
//! | `ledger`, `witness`, `deliveries` | what apps asked for and what came of it; what authors really wrote; who had it when |
//! | `checkers` | [`Checker`]: what must hold in every world, one a file |
//! | `digest`, `seed`, `queue`, `happening` | one hash over all that all nodes did; one seed for each use; what happens next |
//! | [`map`] | streets, districts, places and routes |
//! | [`scenario`] | what is simulated, as a file |
//! | [`run`], `workload`, `metrics` | [`City`]: a scenario that is lived through; what its sensors publish; what is counted |
//! | [`recording`], `report`, `histogram` | all that is left of a run, in a file; the page and the tables made from it |
//! | [`sweep`], [`compare`], `stats` | many runs; two sets of them side by side |
//! | [`swarm`] | random small cities with random faults |
//! | [`gossip_only`] | bare gossip machines, a hundred thousand of them |
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
pub mod compare;
pub mod gossip_only;
pub mod link;
pub mod map;
pub mod recording;
pub mod run;
pub mod scenario;
pub mod swarm;
pub mod sweep;

mod checkers;
mod clock;
mod deliveries;
mod digest;
mod disk;
mod erasure;
mod error;
mod fault;
mod happening;
mod histogram;
mod hostile;
mod leases;
mod ledger;
mod metrics;
mod network;
mod paths;
mod peer;
mod places;
mod queue;
mod report;
mod revocation;
mod seed;
mod space;
mod stats;
mod stopwatch;
mod wire;
mod witness;
mod workload;
mod world;

pub use checkers::{
    Acknowledged, Agreement, Authentic, Bounds, Checker, Checkers, Convergence, Delivery, Erased, Kind,
    Lease, OneHistory, Revocation, SameState, Verdict, Violation, disagreements,
};
pub use clock::{DRIFT_PPM_MAX, JUMP_S_MAX};
pub use deliveries::{ARRIVALS_MAX, Deliveries, Followed};
pub use digest::Digest;
pub use disk::{Damage, DiskFault, DiskModel, Kept};
pub use erasure::{Erase, ErasureOrder, ErasureOrders};
pub use error::{AddPeerError, ClockError, LinkError, RestartError};
pub use fault::{Census, Fault, PlanError, Planned, Schedule, Strike, StrikeError, Struck, Who};
pub use histogram::{BUCKETS, Bucket, Histogram};
pub use hostile::Behaviour;
pub use leases::Leases;
pub use ledger::{KnownLog, Ledger, Outcome, Submission};
pub use link::{ClassId, LinkClass, LinkModel};
pub use map::{Map, Point};
pub use metrics::Metrics;
pub use network::{LINK_EVENTS_MAX, LinkEvent, LinkView, NetworkModel, Traffic};
pub use paths::Broken;
pub use peer::{PEERS_MAX, PeerIndex, PeerSpec};
pub use report::{Column, Table, Values};
pub use revocation::{CutAt, Issuer, Reached, Revoke, RevokeError, Revoked};
pub use run::{City, Options, Progress, Report};
pub use scenario::{Scenario, ScenarioError};
pub use seed::{Dice, Seed};
pub use space::{EPOCH, Space};
pub use stats::Median;
pub use wire::Wire;
pub use workload::{Measures, Workload};
pub use world::{Seen, Watcher, World};
