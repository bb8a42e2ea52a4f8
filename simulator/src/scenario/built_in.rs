//! The scenarios that come with the program, so that it can be tried where there is no checkout.

/// A scenario that comes with the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltIn {
    /// What to call it by.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        &[$(BuiltIn { name: $name, text: include_str!(concat!("../../scenarios/", $name, ".toml")) }),*]
    };
}

const ALL: &[BuiltIn] = built_in![
    "town",
    "auckland",
    "helsinki",
    "backbone",
    "storm",
    "hostile",
    "fujisawa",
    "revocation",
    "santander"
];

/// All of them, the smallest first.
pub fn built_ins() -> &'static [BuiltIn] {
    ALL
}

/// One of them.
pub fn built_in(name: &str) -> Option<BuiltIn> {
    ALL.iter().find(|it| it.name == name).copied()
}
