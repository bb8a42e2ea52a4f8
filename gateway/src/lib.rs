//! The product for a Raspberry Pi: what sensors speak comes in, what people and programs read goes out.
//!
//! | module | what it holds |
//! |---|---|
//! | [`run`] | the gateway as it runs: a peer, what devices send, the page |
//! | [`config`] | its settings: a TOML file |
//! | [`mqtt`] | MQTT 3.1.1 in: what devices publish becomes readings, acknowledged once they are signed and on disk |
//! | [`demo`] | a small city on one machine, with real pedestrian counts |
//! | [`web`] | the page that shows verified readings as they come, `/healthz`, and the state as JSON |
//! | [`cli`] | the command line `msec-gateway`, as a function |
//!
//! The page shows what it is told, and asks nobody:
//!
//! ```
//! use msec_gateway::web::{Board, Place, Position};
//!
//! let position = Position { latitude: 43.46, longitude: -3.79 };
//! let place = Place { name: "Pier".into(), position: Some(position), unit: "dB".into() };
//! let board = Board::new("Santander", vec![place]).in_zone("Europe/Madrid");
//! board.reading(0, 1_700_000_000_000, 48.5);
//! ```

pub mod cli;
pub mod config;
pub mod demo;
pub mod mqtt;
pub mod run;
pub mod web;
