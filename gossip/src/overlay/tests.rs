//! Overlays among themselves.

mod healing;
mod hostile;
mod joining;
mod leaves;
mod links;
mod world;
