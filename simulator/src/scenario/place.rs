//! Where in a file something stands.

use toml::de::{DeTable, DeValue};

/// The line of a byte, counted from 1.
pub(super) fn line_at(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|b| *b == b'\n').count() + 1
}

/// The line of what a path such as `city.peers` or `population.2.share` names, or of the nearest table around it.
pub(super) fn line_of(text: &str, path: &str) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let mut at = None;
    let mut here: Option<&DeValue<'_>> = None;
    for (n, part) in path.split('.').enumerate() {
        let next = match (n, here) {
            (0, _) => root.get_ref().iter().find(|(key, _)| key.get_ref() == part),
            (_, Some(DeValue::Table(table))) => table.iter().find(|(key, _)| key.get_ref() == part),
            (_, Some(DeValue::Array(array))) => {
                let Some(item) = part.parse().ok().and_then(|n: usize| array.get(n)) else { break };
                at = Some(item.span().start);
                here = Some(item.get_ref());
                continue;
            }
            _ => None,
        };
        let Some((key, value)) = next else { break };
        at = Some(key.span().start);
        here = Some(value.get_ref());
    }
    at.map(|byte| line_at(text, byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "name = \"x\"\n\n[city]\npeers = 3\n\n[[population]]\nname = \"a\"\n\n[[population]]\nname = \"b\"\nshare = 0.1\n";

    #[test]
    fn a_path_has_a_line() {
        assert_eq!(line_of(TEXT, "name"), Some(1));
        assert_eq!(line_of(TEXT, "city.peers"), Some(4));
        assert_eq!(line_of(TEXT, "population.1.share"), Some(11));
    }

    #[test]
    fn what_is_missing_has_the_line_of_what_it_is_missing_in() {
        assert_eq!(line_of(TEXT, "city.map"), Some(3));
        assert_eq!(line_of(TEXT, "population.1.site"), Some(9));
        assert_eq!(line_of(TEXT, "nothing"), None);
    }
}
