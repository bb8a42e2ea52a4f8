//! All things of a registry as the first changes of another one, which has no history then.

use msec_identity::{LogId, UnixMillis};

use super::change::CHANGE_OPS_MAX;
use super::draft::Draft;
use super::error::ThingError;
use super::fold::Document;
use super::registry::{Thing, add, is_id};
use crate::log::BODY_BYTES_MAX;

/// The most operations that add one thing: two maps, and five values.
const THING_OPERATIONS: usize = 7;
/// More bytes than those take beside their texts: keys, columns, and two numbers of eight bytes.
const THING_BYTES: usize = 160;
/// More bytes than a change takes beside them: what it builds on, which in a new document is little, and names of columns.
const CHANGE_BYTES: usize = 4_096;

/// With how many of these things, from the first one on, one change is made at most: with some hundred.
pub fn things_in_a_change(things: &[Thing]) -> usize {
    let (mut bytes, mut operations) = (CHANGE_BYTES, 0);
    let fits = |thing: &&Thing| {
        let texts = [&thing.name, &thing.unit, &thing.owner].map(|text| text.as_ref().map_or(0, String::len));
        bytes += thing.id.len() + texts.iter().sum::<usize>() + THING_BYTES;
        operations += THING_OPERATIONS;
        bytes <= BODY_BYTES_MAX && operations <= CHANGE_OPS_MAX
    };
    things.iter().take_while(fits).count()
}

impl Document {
    /// Makes the change entry of `log` that adds these things, no more than [`things_in_a_change`] says. `None`: there are none.
    pub fn add_things(
        &self,
        log: LogId,
        time: UnixMillis,
        things: &[Thing],
    ) -> Result<Option<Draft>, ThingError> {
        for thing in things {
            thing.patch().check()?;
            if !is_id(&thing.id) {
                return Err(ThingError::Id { bytes: thing.id.len() });
            }
        }
        self.draft(log, time, |edit| things.iter().try_for_each(|thing| add(edit, thing)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{THING_TEXT_BYTES_MAX, ThingView};
    use super::*;
    use crate::changes::ChangeEntry;
    use crate::log::Place;

    const NOW: UnixMillis = UnixMillis(1_767_225_600_000);

    fn things(count: usize, text: usize) -> Vec<Thing> {
        let thing = |n| Thing {
            id: format!("{n:0text$}"),
            name: Some("n".repeat(text)),
            unit: Some("u".repeat(text)),
            owner: Some("o".repeat(text)),
            place: Place::from_degrees(-36.85, 174.76 + n as f64 / 1e4),
        };
        (0..count).map(thing).collect()
    }

    #[test]
    fn a_registry_is_carried_over_in_as_few_changes_as_it_takes() {
        for (count, text, changes) in [(0, 10, 0), (250, 10, 1), (900, 10, 3), (100, THING_TEXT_BYTES_MAX, 2)]
        {
            let (all, log, mut document) = (things(count, text), LogId([7; 32]), Document::new());
            let (mut rest, mut entries) = (&all[..], 0);
            while !rest.is_empty() {
                let (now, later) = rest.split_at(things_in_a_change(rest));
                let draft = document.add_things(log, NOW, now).expect("added").expect("a change");
                assert!(!draft.more && draft.body.len() <= BODY_BYTES_MAX);
                entries += 1;
                document.fold([ChangeEntry { log, position: entries, body: draft.body }]).expect("folded");
                rest = later;
            }
            assert_eq!((entries, document.refused()), (changes, 0), "{count} things");
            let shown = document.things().expect("shown").things;
            let expected: Vec<_> =
                all.into_iter().map(|thing| ThingView { thing, conflicts: vec![] }).collect();
            assert_eq!(shown, expected);
            assert_eq!(document.add_things(log, NOW, &[]).expect("nothing to do"), None);
        }
    }

    #[test]
    fn nothing_is_added_where_one_thing_is_refused() {
        let document = Document::new();
        let refused =
            |things: &[Thing]| document.add_things(LogId([7; 32]), NOW, things).expect_err("refused");
        let good = Thing::new("mic");
        assert!(matches!(refused(&[good.clone(), good.clone()]), ThingError::Exists { .. }));
        assert!(matches!(refused(&[good.clone(), Thing::new("")]), ThingError::Id { bytes: 0 }));
        let long = Thing { name: Some("n".repeat(THING_TEXT_BYTES_MAX + 1)), ..Thing::new("horn") };
        assert!(matches!(refused(&[good, long]), ThingError::Text { .. }));
    }
}
