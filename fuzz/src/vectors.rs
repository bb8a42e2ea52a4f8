//! The examples of `docs/wire.md`, from `gossip/vectors`: good frames for seeds.

/// Frames of gossip, those that are refused too.
pub fn gossip() -> Vec<Vec<u8>> {
    parse(include_str!("../../gossip/vectors/gossip.txt"))
}

/// Messages of overlays, those that are refused too.
pub fn overlay() -> Vec<Vec<u8>> {
    parse(include_str!("../../gossip/vectors/overlay.txt"))
}

/// Messages about freshness.
pub fn freshness() -> Vec<Vec<u8>> {
    let lines = include_str!("../../peer/vectors/freshness.txt").lines();
    let hex = lines.filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(": "));
    let digits = |hex: &str| hex.chars().filter_map(|c| c.to_digit(16)).collect::<Vec<_>>();
    hex.map(|(_, hex)| digits(hex).chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()).collect()
}

/// A name in brackets; below it hex up to two spaces, line by line.
fn parse(text: &str) -> Vec<Vec<u8>> {
    let mut vectors: Vec<Vec<u8>> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('[') {
            vectors.push(Vec::new());
            continue;
        }
        let (hex, _) = line.split_once("  ").expect("what the bytes are stands behind them");
        let digits: Vec<_> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
        let bytes = digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8);
        vectors.last_mut().expect("a name comes first").extend(bytes);
    }
    vectors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_vector_is_a_frame_of_its_channel() {
        assert!(gossip().len() > 20 && overlay().len() > 15);
        assert_eq!(gossip()[0][..2], [0x02, 0x00], "a push");
        assert_eq!(overlay()[0], [0x42, 0, 1, 0, 0, 0], "a leaf that joins");
        assert_eq!(freshness()[0], [0x82, 0, 0], "an issuer");
    }
}
