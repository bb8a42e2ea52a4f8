//! What is kept of neighbours, and when.

use super::*;

fn notes(rig: &mut Rig) -> Vec<Vec<u8>> {
    rig.take(|output| match output {
        Output::Keep { note } => Some(note.clone()),
        _ => None,
    })
}

#[test]
fn what_is_known_of_neighbours_is_kept_when_it_moved_and_not_again_and_again() {
    let all = [Right::Write, Right::Relay, Right::Read];
    let config = Config { contacts: vec![contact(3)], ..Config::default() };
    let (mut a, mut b) = (rig(2, &all, config), gateway());
    assert_eq!((notes(&mut b), b.node.unkept()), (vec![], None), "nobody was met");
    connect(&mut a, &mut b, 0);
    settle(&mut a, &mut b, 0);
    let first = notes(&mut b);
    assert_eq!(first.iter().map(Vec::len).collect::<Vec<_>>(), [56], "one peer was met");
    settle(&mut a, &mut b, 0);
    for n in 0..8 {
        a.publish(n, 1.0);
        settle(&mut a, &mut b, 0);
    }
    let later = notes(&mut b);
    assert!((1..=3).contains(&later.len()), "{} in eighty seconds", later.len());
    b.pass(Duration::from_secs(60));
    notes(&mut b);
    assert_eq!(b.node.unkept(), None, "all is kept");
    let last = later.last().expect("one").clone();
    b.store.keep(&last).expect("kept");
    let papers = vec![grant(&Identity::from_seed([3; 32]), &[Right::Relay, Right::Read], 30)];
    let mut b = rig_with(3, papers, Config::default(), b.dir);
    assert_eq!(b.node.unkept(), None, "as it was kept");
    assert_eq!(b.node.gossip.cursors(), last);
    assert_eq!(b.node.gossip.table_sizes().cursors, 1);
}
