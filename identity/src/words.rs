//! 256 plain words, one for each value of a byte: for what a person reads out, compares or writes down.
//!
//! The list is our own. Every two words differ in three letters at least, so that a slip of the pen is noticed, and it is clear
//! which word was meant; the first four letters tell them all apart.

use zeroize::Zeroizing;

use crate::error::WordsError;

/// In the order of the alphabet, a space between two.
const LIST: &str = "\
    abacus acorn album alpha amber anchor angle arch arctic arrow atlas autumn avenue badge ballet bamboo \
    banana banjo beach beaver berry bishop bonsai bottle bread breeze brick brush bubble bucket butter \
    cabin cactus camel canoe canvas cargo carpet castle cedar cement cereal chalk cinema circus clock \
    clover cobalt coffee copper cotton cousin cowboy crater crown cube cycle daisy debate denim desert \
    diesel doctor domino donkey dragon drum dynamo echo elbow elder engine epoch essay fabric falcon family \
    fiddle field finch fjord flame forest fossil fresco galaxy garage garden garlic gazebo geyser ginger \
    globe goat gravel guitar harbor helmet heron hiccup hotel hurdle hyena hyphen igloo iguana index insect \
    iris island ivory jaguar jelly jewel jigsaw kayak kernel kiosk kitten kiwi knight koala ladder lagoon \
    laptop lasso laurel lava leaf lichen lily lizard lobby locust lunar lyric magnet mammal maple meadow \
    melody menu metal meteor mirror modem moon mosaic muffin museum napkin nectar needle nest nickel noble \
    notch nugget nurse nylon oasis oblong ocean octave olive onion opera orange orbit orchid outfit oxygen \
    oyster ozone pajama palace panda paper path peanut pencil phrase piano picnic pigeon pillow pixel polar \
    pony potato pulley puppet puzzle python quartz quilt quiver rabbit raft recipe ribbon rose rumba safari \
    salad saturn sauce scarf school season sheep silver siren sketch sledge snail snow sofa sonnet spade \
    sponge squash squid stable street studio summer swan syrup talent teapot temple tennis theory throne \
    tower train trophy tulip tundra tunnel tutor tuxedo urban video violin visor vivid waffle walnut wheat \
    whisk window yacht yogurt zebra";

/// The longest word.
const LETTERS_MAX: usize = 6;

/// The word for a byte.
pub(crate) fn word(byte: u8) -> &'static str {
    LIST.split(' ').nth(byte.into()).expect("there are 256 words")
}

/// The words for these bytes, a space between two.
pub(crate) fn words(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * (LETTERS_MAX + 1)));
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 {
            text.push(' ');
        }
        text.push_str(word(*byte));
    }
    text
}

/// The bytes that were written as words, at most `max`. Anything but letters parts two words, so that they may be numbered, or in
/// rows; capitals don't matter.
pub(crate) fn bytes(text: &str, max: usize) -> Result<Zeroizing<Vec<u8>>, WordsError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(max));
    for written in text.split(|it: char| !it.is_alphabetic()).filter(|it| !it.is_empty()) {
        if bytes.len() == max {
            return Err(WordsError::TooMany { max });
        }
        let known = LIST.split(' ').position(|word| word.eq_ignore_ascii_case(written));
        let byte = known.and_then(|at| u8::try_from(at).ok());
        let at = bytes.len() + 1;
        bytes.push(byte.ok_or_else(|| WordsError::Unknown { at, meant: meant(written) })?);
    }
    Ok(bytes)
}

/// The nearest word to `written`: one slip away (a letter too many, too few, or another), of which there is one at most; or
/// else with two letters that changed places, if that is one word only.
fn meant(written: &str) -> Option<&'static str> {
    if written.len() > LETTERS_MAX + 1 {
        return None;
    }
    let written = written.to_ascii_lowercase();
    let near = |far: fn(&[u8], &[u8]) -> bool| {
        let mut found = LIST.split(' ').filter(move |word| far(word.as_bytes(), written.as_bytes()));
        found.next().filter(|_| found.next().is_none())
    };
    near.clone()(one_slip).or_else(|| near(swapped))
}

/// Whether two words are the same but for two letters beside each other that changed places.
fn swapped(a: &[u8], b: &[u8]) -> bool {
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (Some(&[a, other, ref a_rest @ ..]), Some(&[b, another, ref b_rest @ ..])) =
        (a.get(same..), b.get(same..))
    else {
        return false;
    };
    (a, other) == (another, b) && a_rest == b_rest
}

/// Whether two words are the same but for one letter.
fn one_slip(a: &[u8], b: &[u8]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let same = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    match long.len() - short.len() {
        0 => same < short.len() && short[same + 1..] == long[same + 1..],
        1 => short[same..] == long[same + 1..],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// How many letters have to be put in, left out or changed.
    fn distance(a: &str, b: &str) -> usize {
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, x) in a.bytes().enumerate() {
            let mut corner = std::mem::replace(&mut row[0], i + 1);
            for (j, y) in b.bytes().enumerate() {
                let changed = corner + usize::from(x != y);
                corner = row[j + 1];
                row[j + 1] = changed.min(corner + 1).min(row[j] + 1);
            }
        }
        row[b.len()]
    }

    #[test]
    fn there_are_256_short_words_in_order_and_far_apart() {
        let list: Vec<_> = LIST.split(' ').collect();
        assert_eq!(list.len(), 256);
        assert!(list.is_sorted());
        assert!(list.iter().all(|it| (4..=LETTERS_MAX).contains(&it.len())));
        assert!(list.iter().all(|it| it.bytes().all(|letter| letter.is_ascii_lowercase())));
        assert_eq!(list.iter().map(|it| &it[..4]).collect::<BTreeSet<_>>().len(), 256);
        for (at, a) in list.iter().enumerate() {
            for b in &list[..at] {
                assert!(distance(a, b) >= 3, "{a} and {b}");
            }
        }
    }

    #[test]
    fn a_slip_is_found_and_what_was_meant_is_said() {
        for (written, word) in
            [("acron", Some("acorn")), ("acorns", Some("acorn")), ("zbra", Some("zebra")), ("wheel", None)]
        {
            let error = bytes(&format!("abacus {written}"), 4).expect_err("no such word");
            assert_eq!(error, WordsError::Unknown { at: 2, meant: word }, "{written}");
        }
        assert!(bytes("abacus zbra", 4).expect_err("unknown").to_string().contains("`zebra`"));
    }

    #[test]
    fn numbers_rows_and_capitals_dont_matter() {
        assert_eq!(bytes("1. Abacus, 2. ACORN\n3. zebra", 3).expect("three words").as_slice(), [0, 1, 255]);
        assert_eq!(bytes("abacus abacus", 1), Err(WordsError::TooMany { max: 1 }));
    }

    proptest! {
        #[test]
        fn there_and_back(written in proptest::collection::vec(any::<u8>(), 0..60)) {
            let read = bytes(&words(&written), 60).expect("words");
            prop_assert_eq!(read.as_slice(), &written[..]);
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,200}") {
            let _ = bytes(&text, 40);
        }

        #[test]
        fn one_slip_is_a_distance_of_one(a in "[a-c]{0,5}", b in "[a-c]{0,5}") {
            prop_assert_eq!(one_slip(a.as_bytes(), b.as_bytes()), distance(&a, &b) == 1);
        }
    }
}
