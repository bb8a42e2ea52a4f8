//! What wants are called, by which their answers are known.

use msec_gossip::{Input, Interest, Output};

use crate::rig::{A, B, chunk, item, key, ms, rig_of};
use crate::wire::Wire;

#[test]
fn an_answer_to_what_was_asked_before_the_link_began_anew_is_nobodys() {
    let mut rig = rig_of(&[A]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.pass(ms(200));
    let before = rig.asked(A, key(1));
    for _ in 0..2 {
        // Where only its interest changed, what it was asked for is still on its way.
        rig.up(A, Interest::all());
        rig.have(A, &[item(key(2), "parks", 9)]);
        rig.pass(ms(200));
        assert!(rig.asked(A, key(2)) > before);
        rig.outputs();
        rig.receive(A, &chunk(before));
        rig.receive(A, &Wire::Unserved { id: before });
        assert_eq!(rig.outputs(), []);
    }
    assert_eq!(rig.gossip.stats().unwanted, 4);
    rig.answer_of(A, key(2), vec![1]);
    assert!(matches!(rig.outputs()[..], [Output::Deliver { .. }]));
}

#[test]
fn the_next_link_s_wants_come_after_those_of_all_before() {
    let mut rig = rig_of(&[A, B]);
    for n in 0..4 {
        rig.have(A, &[item(key(n), "parks", 9)]);
    }
    rig.pass(ms(200));
    let last = (0..4).map(|n| rig.asked(A, key(n))).max().unwrap();
    rig.input(Input::NeighbourDown { peer: A });
    rig.have(B, &[item(key(9), "parks", 9)]);
    rig.pass(ms(200));
    assert_eq!(rig.asked(B, key(9)), 0, "each neighbour's are counted by themselves, and stay short");
    rig.input(Input::NeighbourDown { peer: B });
    rig.up(B, Interest::all());
    rig.have(B, &[item(key(8), "parks", 9)]);
    rig.pass(ms(200));
    assert_eq!(rig.asked(B, key(8)), last + 1);
}

#[test]
fn what_is_asked_again_keeps_its_id_so_that_either_answer_will_do() {
    let mut rig = rig_of(&[A]);
    rig.have(A, &[item(key(1), "parks", 9)]);
    rig.pass(ms(200));
    let id = rig.asked(A, key(1));
    rig.outputs();
    // It is late, then lost, and asked for again.
    rig.pass(ms(30_000));
    assert_eq!((rig.wants().len(), rig.asked(A, key(1))), (1, id));
    rig.answer(A);
    assert!(matches!(rig.outputs()[..], [Output::Deliver { .. }]), "the answer to the first question");
    rig.answer(A);
    assert_eq!((rig.outputs(), rig.gossip.stats().unwanted), (vec![], 1), "the answer to the second");
    rig.accept(key(1), "parks", 4, Some(A));
    assert_eq!((rig.wants().len(), rig.asked(A, key(1))), (1, id + 1), "what follows is another question");
}

#[test]
fn ids_that_nobody_gave_are_counted_and_that_is_all() {
    let mut rig = rig_of(&[A]);
    for id in [0, 1, u64::MAX] {
        rig.receive(A, &chunk(id));
        rig.receive(A, &Wire::Unserved { id });
    }
    assert_eq!((rig.outputs(), rig.gossip.stats().unwanted), (vec![], 6));
    assert_eq!(rig.gossip.neighbours().count(), 1);
}

#[test]
fn who_asks_again_under_another_id_is_answered_under_that() {
    let mut rig = rig_of(&[A]);
    rig.load(&[item(key(1), "parks", 5)]);
    for (id, from) in [(7, 0), (8, 0), (9, 2)] {
        rig.receive(A, &Wire::Want { id, key: key(1), from, kib_max: 4 });
    }
    assert!(matches!(rig.outputs()[..], [Output::Serve { from: 0, .. }]), "one at a time");
    rig.input(Input::Served { to: A, key: key(1), from: 0, chunk: Some(b"chunk".to_vec()) });
    assert_eq!(rig.sent(), [(A, chunk(8))]);
}
