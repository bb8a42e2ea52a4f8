use serde::Serialize;

/// Somewhere that something is measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Place {
    /// What people call it.
    pub name: String,
    /// Where it is. Without that it is listed, and not on the map.
    pub position: Option<Position>,
    /// What is measured there, in UCUM.
    pub unit: String,
}

/// A position on Earth (WGS 84).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Position {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}
