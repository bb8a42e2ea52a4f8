//! Overlays among themselves.

mod checked;
mod healing;
mod hostile;
mod joining;
mod leaves;
mod links;
mod world;
