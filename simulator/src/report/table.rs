//! A table by columns, whatever it is then written as.

/// A table. All its columns are of one length.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its name, and its file's.
    pub name: &'static str,
    /// From left to right.
    pub columns: Vec<Column>,
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// With the unit at its end.
    pub name: String,
    /// From top to bottom.
    pub values: Values,
}

/// What stands in a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Counts and indices.
    Count(Vec<u64>),
    /// Measures.
    Number(Vec<f64>),
    /// Measures, where there is one.
    Maybe(Vec<Option<f64>>),
    /// Names and sentences.
    Text(Vec<String>),
    /// Yes or no.
    Flag(Vec<bool>),
}

impl Table {
    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.values.len())
    }
}

impl Values {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Count(values) => values.len(),
            Self::Number(values) => values.len(),
            Self::Maybe(values) => values.len(),
            Self::Text(values) => values.len(),
            Self::Flag(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
