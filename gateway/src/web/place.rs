use serde::Serialize;

/// Somewhere that something is measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Place {
    /// What people call it.
    pub name: String,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// What is measured there, in UCUM.
    pub unit: String,
}
