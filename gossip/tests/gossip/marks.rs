//! Who says that it holds what was on disk here at some time?

use std::time::Duration;

use msec_gossip::{Config, Interest, Key, Mark, Topic, Version};

use crate::pair::{Pair, peer};
use crate::rig::{A, key, ms, rig_of, steps};
use crate::wire::{Step, root};

fn hold(pair: &mut Pair, end: usize, keys: std::ops::Range<u64>, size: u64) {
    let topic = Topic::new("parks/noise").unwrap();
    keys.for_each(|n| pair.hold(end, key(n), &topic, Version { size, digest: [size as u8; 32] }));
}

fn took_in(pair: &Pair, end: usize, mark: Mark) -> bool {
    let of: Vec<_> = pair.ends[end].gossip.took_in(mark).map(|(of, _)| *of).collect();
    assert!(of.is_empty() || of == [peer(1 - end)]);
    !of.is_empty()
}

/// The other end holds what was there at the mark, though the two never hold the same at one time.
#[test]
fn who_has_caught_up_with_a_moment_says_so_however_much_happens_since() {
    let mut pair = Pair::new(&Config::default(), [Interest::all(), Interest::all()]);
    hold(&mut pair, 0, 0..300, 3);
    let before = pair.ends[0].gossip.mark();
    pair.up();
    assert!(!took_in(&pair, 0, before), "it has said nothing yet");
    for second in 0..60 {
        pair.run_for(Duration::from_secs(1));
        hold(&mut pair, 0, 300 + second..301 + second, 3);
    }
    assert!(took_in(&pair, 0, before));
    let now = pair.ends[0].gossip.mark();
    assert!(!took_in(&pair, 0, now), "of the last change it does not know");
    pair.run_for(Duration::from_secs(60));
    assert!(took_in(&pair, 0, now));
    // What the other one made is here, too.
    let theirs = pair.ends[1].gossip.mark();
    assert!(took_in(&pair, 1, theirs));
    pair.down();
    assert!(!took_in(&pair, 0, now), "who is gone says nothing");
}

#[test]
fn a_moment_of_another_life_or_one_that_was_not_reached_is_nobodys() {
    let mut rig = rig_of(&[A]);
    rig.load(&[crate::rig::item(key(1), "parks", 2), crate::rig::item(key(2), "parks", 2)]);
    rig.pass(ms(70_000));
    let ours = steps(&mut rig).into_iter().find_map(|step| match step {
        Step::Root { epoch, head, .. } => Some((epoch, head)),
        _ => None,
    });
    let (epoch, head) = ours.unwrap();
    assert_eq!(head, 2);
    let mark = rig.gossip.mark();
    let mut says = |resume| {
        rig.receive(A, &root(&[], 0, Some(resume)));
        rig.outputs();
        rig.gossip.took_in(mark).count()
    };
    assert_eq!(says(([0xee; 4], 2)), 0, "of another life");
    assert_eq!(says((epoch, 1)), 0, "not all of it");
    assert_eq!(says((epoch, 3)), 0, "of what never was");
    assert_eq!(says((epoch, 2)), 1);
    let held: Vec<(Key, u64)> =
        [1, 2].map(key).iter().filter_map(|key| Some((*key, rig.gossip.on_disk(key)?.0.size))).collect();
    assert_eq!(held.iter().map(|(_, size)| *size).collect::<Vec<_>>(), [2, 2]);
}
