//! `negentropy`: reconciliation of ranges, with its own defaults and no limit on a frame.

use negentropy::{Id, Negentropy, NegentropyStorageVector};

use crate::sets::Sets;

/// What one reconciliation cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranges {
    /// Both ways, until the initiator knew all.
    pub bytes: u64,
    /// Questions and their answers.
    pub round_trips: u64,
    /// Differences that it found.
    pub found: u64,
}

/// Reconciles the two sides. It orders items by a time: here by their place, which is the order of their names.
pub fn reconcile(sets: &Sets) -> anyhow::Result<Ranges> {
    let (client, server) = (storage(sets, true)?, storage(sets, false)?);
    let mut client = Negentropy::owned(client, 0)?;
    let mut server = Negentropy::owned(server, 0)?;
    let (mut have, mut need) = (Vec::new(), Vec::new());
    let mut question = client.initiate()?;
    let (mut bytes, mut round_trips) = (0, 0);
    loop {
        let answer = server.reconcile(&question)?;
        bytes += (question.len() + answer.len()) as u64;
        round_trips += 1;
        match client.reconcile_with_ids(&answer, &mut have, &mut need)? {
            Some(next) => question = next,
            None => return Ok(Ranges { bytes, round_trips, found: (have.len() + need.len()) as u64 }),
        }
    }
}

fn storage(sets: &Sets, is_first: bool) -> anyhow::Result<NegentropyStorageVector> {
    let mut storage = NegentropyStorageVector::with_capacity(sets.all.len());
    for (place, id) in sets.side(is_first) {
        storage.insert(place as u64, Id::from_byte_array(*id))?;
    }
    storage.seal()?;
    Ok(storage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sets::Shape;

    #[test]
    fn finds_all() {
        for shape in [Shape::Spread, Shape::Clustered] {
            let ranges = reconcile(&Sets::new(5_000, 40, shape, 1)).unwrap();
            assert_eq!(ranges.found, 40);
        }
    }
}
