//! A stream as an Automerge document: a map from seconds to values, which takes one operation a reading.

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, AutomergeError, ROOT, ScalarValue};
use msec_crdt_store::Reading;

use crate::city::Stream;
use crate::seed;

/// The document of a stream, made of changes of so many readings. Counts are written as integers, which take less.
pub fn of(stream: &Stream, per_change: usize) -> anyhow::Result<Automerge> {
    let actor = seed::bytes(&[stream.name.bytes().fold(0, |hash, byte| seed::mix(hash ^ u64::from(byte)))]);
    let mut document = Automerge::new().with_actor(ActorId::from(&actor[..16]));
    for readings in stream.readings.chunks(per_change.max(1)) {
        let time = readings.first().map_or(0, |reading| reading.time.0 / 1_000);
        let options = |_: &()| CommitOptions::default().with_time(time);
        let put = document.transact_with::<_, _, AutomergeError, _>(options, |transaction| {
            readings
                .iter()
                .try_for_each(|reading| transaction.put(ROOT, key_of(reading), value_of(reading.value)))
        });
        put.map_err(|failure| failure.error)?;
    }
    Ok(document)
}

fn key_of(reading: &Reading) -> String {
    (reading.time.0 / 1_000).to_string()
}

fn value_of(value: f64) -> ScalarValue {
    let integer = value as i64;
    if integer as f64 == value { ScalarValue::Int(integer) } else { ScalarValue::F64(value) }
}

#[cfg(test)]
mod tests {
    use automerge::ReadDoc;
    use msec_identity::UnixMillis;

    use super::*;

    #[test]
    fn a_document_has_every_reading_and_as_many_changes_as_asked_for() {
        let readings = (0..120).map(|n| Reading::new(UnixMillis(n * 3_600_000), n as f64 / 2.0)).collect();
        let stream = Stream { name: "mic-1".to_owned(), unit: "dB", readings };
        for (per_change, changes) in [(60, 2), (1, 120), (500, 1)] {
            let document = of(&stream, per_change).expect("made");
            assert_eq!((document.length(ROOT), document.get_changes(&[]).len()), (120, changes));
        }
    }
}
