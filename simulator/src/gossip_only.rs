//! Bare gossip machines, a hundred thousand of them: without node, keys and disk.
//!
//! What a city of full peers cannot show on one machine, how gossip itself grows, a run of [`GossipOnly`] can. Each peer is the
//! very machine that ships, with neighbours that are given and stay; entries are a few bytes that nobody verifies, durable as
//! soon as they are there. Time is virtual, and one thread runs all, with the queue and the dice of [`crate::World`].
//!
//! | module | what it holds |
//! |---|---|
//! | `links` | [`Links`]: who is whose neighbour, and how far away |
//! | `config` | [`GossipOnlyConfig`]: the machines' numbers, and what links do to messages |
//! | `city` | [`GossipOnly`]: the machines, and what goes on between them |
//! | `entries` | what was published, and how an entry looks on the wire |
//! | `report` | [`GossipOnlyReport`]: who has what, when it came, and what it cost |
//!
//! ```
//! use std::time::Duration;
//! use msec_simulator::Seed;
//! use msec_simulator::gossip_only::{GossipOnly, GossipOnlyConfig, Links};
//!
//! let links = Links::ring_with_chords(100, 3, Duration::from_millis(5)..Duration::from_millis(50), &mut Seed(1).dice("links", 0));
//! let mut city = GossipOnly::new(Seed(1), links, GossipOnlyConfig::default())?;
//! city.run_until(Duration::from_secs(2));
//! city.publish(42, 200);
//! city.run_until(Duration::from_secs(30));
//! let report = city.report();
//! assert_eq!((report.deliveries, report.missed), (99, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod city;
mod config;
mod entries;
mod links;
mod report;

pub use city::GossipOnly;
pub use config::{GossipOnlyConfig, GossipOnlyError};
pub use entries::Published;
pub use links::{Links, LinksError};
pub use report::GossipOnlyReport;
