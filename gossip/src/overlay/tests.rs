//! Overlays among themselves.

mod joining;
mod world;
