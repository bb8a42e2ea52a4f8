//! Measures this project side by side with what a user would pick instead: its gossip, and its store.
//!
//! | module | what it is |
//! |---|---|
//! | [`protocol`] | what a gossip protocol looks like to the driver |
//! | [`ours`] | this project's overlay and gossip, as such a protocol |
//! | [`iroh`] | `iroh-gossip`'s public state machine, as such a protocol |
//! | [`world`] | the driver: nodes, connections and time |
//! | [`network`], [`queue`], [`seed`] | latencies and faults, what happens when, what is random |
//! | [`payload`], [`deliveries`], [`traffic`] | what is published, who got it, and what it cost |
//! | [`flood`] | the fastest that any broadcast could be on the same links |
//! | [`setup`], [`scenario`] | how a run begins, and what is done and measured |
//! | [`plan`] | which runs a comparison is made of |
//! | [`entry`] | how long a real entry is |
//! | [`sets`], [`pair`] | two sets that differ; two of our machines that hold them |
//! | [`ranges`], [`riblt`] | negentropy, and a plain rateless code |
//! | [`city`] | what was really measured in two places |
//! | [`ingest`] | durable appends: ours, SQLite, fjall, redb |
//! | [`codec`] | columns of readings in few bytes: ours, pco, Gorilla's XOR, packed integers |
//! | [`size`] | bytes on disk: ours, SQLite, Parquet, Automerge, CSV |
//! | [`catchup`] | a fresh peer fetches what another has: ours, samod, a copied file |
//! | [`district`] | many streams in one store, for a year |
//! | [`designs`] | two designs of a store, to be measured before one is built |
//! | [`document`] | a stream as an Automerge document |
//! | [`clock`], [`disk`] | time, CPU and memory; what the disk does |
//! | [`profile`] | what a run of gossip spends its time on |
//! | [`figures`] | tables and JSON |
//! | [`program`] | arguments, errors and exit codes of all programs |

pub mod catchup;
pub mod city;
pub mod clock;
pub mod codec;
pub mod deliveries;
pub mod designs;
pub mod disk;
pub mod district;
pub mod document;
pub mod entry;
pub mod figures;
pub mod flood;
pub mod ingest;
pub mod iroh;
pub mod network;
pub mod ours;
pub mod pair;
pub mod payload;
pub mod plan;
pub mod profile;
pub mod program;
pub mod protocol;
pub mod queue;
pub mod ranges;
pub mod riblt;
pub mod scenario;
pub mod seed;
pub mod sets;
pub mod setup;
pub mod size;
pub mod traffic;
pub mod world;
