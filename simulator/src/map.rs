//! A city's geometry.

mod point;

pub use point::Point;
