//! Cursors and what a neighbour puts off: what is waited for, and for how long.

use crate::rig::{A, Rig, item, key, ms, rig_of, steps};
use crate::wire::{Step, Wire, named, root};

/// A tells, with each of our rounds, of one change that we lack. Returns whether the next root says that it was taken in.
fn told_of(rig: &mut Rig) -> bool {
    let items = named(&[item(key(1), "parks", 9)]);
    rig.receive(A, &Wire::Reconcile(Step::Changes { since: 0, upto: 5, more: false, items }));
    for _ in 0..200 {
        rig.pass(ms(100));
        let resumes = steps_and_wants(rig);
        if let Some(resume) = resumes {
            return resume.is_some_and(|(_, through)| through == 5);
        }
    }
    panic!("no round in twenty seconds");
}

/// Refuses for now what is wanted. Returns where our root resumes, if there was one.
fn steps_and_wants(rig: &mut Rig) -> Option<Option<([u8; 4], u64)>> {
    let mut resumes = None;
    for (_, message) in rig.sent() {
        match message {
            Wire::Want { id, .. } => rig.receive(A, &Wire::Unserved { id }),
            Wire::Reconcile(Step::Root { resume, .. }) => resumes = Some(resume),
            _ => {}
        }
    }
    resumes
}

/// Found by `convergence`: a cursor that moved past what was only put off, which eight more rounds did not show.
#[test]
fn what_is_put_off_is_asked_for_again_and_the_cursor_stays_behind_it() {
    let mut rig = rig_of(&[A]);
    rig.receive(A, &root(&[], 0, None));
    rig.outputs();
    for _ in 0..3 {
        assert!(!told_of(&mut rig), "it is not here");
    }
    assert!((2..=4).contains(&rig.gossip.stats().unserved), "{:?}", rig.gossip.stats());
    // Now it serves.
    let items = named(&[item(key(1), "parks", 9)]);
    let changes = Wire::Reconcile(Step::Changes { since: 0, upto: 5, more: false, items });
    rig.pass(ms(10_000));
    rig.receive(A, &changes);
    rig.pass(ms(200));
    rig.answer(A);
    rig.accept(key(1), "parks", 9, Some(A));
    rig.durable(key(1), 9);
    rig.outputs();
    rig.pass(ms(15_000));
    let steps = steps(&mut rig);
    assert!(steps.iter().any(|step| matches!(step, Step::Root { resume: Some((_, 5)), .. })), "{steps:?}");
}

#[test]
fn who_puts_it_off_for_ever_does_not_hold_the_cursor_up() {
    let mut rig = rig_of(&[A]);
    rig.receive(A, &root(&[], 0, None));
    rig.outputs();
    let rounds = (1..=40).find(|_| told_of(&mut rig));
    assert!(rounds.is_some_and(|rounds| rounds >= 4), "{rounds:?} rounds");
}
