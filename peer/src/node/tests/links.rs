//! Handshakes, admission, and what ends a link.

use super::*;

#[test]
fn a_stranger_is_told_that_it_is_one_and_nothing_else() {
    let (mut a, mut b) = (rig(4, &[], Config { contacts: vec![contact(3)], ..Config::default() }), gateway());
    connect(&mut a, &mut b, 0);
    assert_eq!(b.closes(), [CloseReason::Refused(Refusal::Stranger)]);
    assert_eq!(a.closes(), [CloseReason::RefusedByPeer(Refusal::Stranger)]);
    let refused = b.events();
    assert!(
        matches!(&refused[..], [Event::Refused(Refused { peer: Some(peer), kind: RefusedKind::Stranger, .. })] if *peer == a.node.peer())
    );
    assert_eq!(b.node.neighbours().count() + a.node.neighbours().count(), 0);
}

#[test]
fn whoever_expects_somebody_else_does_not_link() {
    let expected = Contact { address: address(3), peer: Some(PeerId([9; 32])) };
    let mut a = rig(2, &[Right::Write], Config { contacts: vec![expected], ..Config::default() });
    let mut b = gateway();
    a.link_up(0, Some(address(3)));
    b.link_up(0, None);
    exchange(&mut a, &mut b, 0);
    assert_eq!(a.closes(), [CloseReason::WrongPeer]);
    assert_eq!(a.node.neighbours().count(), 0);
}

#[test]
fn a_handshake_that_takes_too_long_is_cut_off() {
    let mut b = gateway();
    b.link_up(0, None);
    b.pass(Duration::from_secs(9));
    assert!(b.closes().is_empty());
    b.pass(Duration::from_secs(1));
    assert_eq!(b.closes(), [CloseReason::TooSlow]);
}

#[test]
fn strangers_beyond_the_bound_are_turned_away() {
    let mut b = rig(3, &[Right::Relay], Config { handshakes_max: 2, ..Config::default() });
    for link in 0..3 {
        b.link_up(link, None);
    }
    assert_eq!(b.closes(), [CloseReason::Crowded]);
}

#[test]
fn who_has_no_room_hears_one_at_a_time_and_turns_the_others_away_unheard() {
    let mut b = rig(3, &[Right::Relay], Config { links_max: 1, ..Config::default() });
    let mut first = sensor();
    connect(&mut first, &mut b, 0);
    let mut others = [4, 5]
        .map(|seed| rig(seed, &[Right::Write], Config { contacts: vec![contact(3)], ..Config::default() }));
    let mut said = Vec::new();
    for (other, link) in others.iter_mut().zip(1..) {
        b.link_up(link, None);
        other.link_up(link, Some(address(3)));
        for bytes in other.sends() {
            b.handle(Input::Received { link: LinkId(link), bytes });
        }
        said.extend(b.sends());
    }
    assert_eq!(b.closes(), [CloseReason::Refused(Refusal::Full)], "the second of them");
    assert_eq!(said.iter().map(Vec::len).collect::<Vec<_>>()[1], 3);
    let [_, turned_away] = &mut others;
    turned_away.handle(Input::Received { link: LinkId(2), bytes: said.remove(1) });
    assert_eq!(turned_away.closes(), [CloseReason::RefusedByPeer(Refusal::Full)]);
    let dials = |rig: &mut Rig| rig.take(|output| matches!(output, Output::Dial { .. }).then_some(())).len();
    dials(turned_away);
    turned_away.pass(Duration::from_secs(40));
    assert_eq!(dials(turned_away), 0, "it was asked to wait");
    turned_away.pass(Duration::from_secs(40));
    assert!(dials(turned_away) > 0);
}

#[test]
fn of_two_links_both_sides_keep_the_one_that_the_smaller_id_dialled() {
    for first_dials in [true, false] {
        let (mut a, mut b) = (sensor(), gateway());
        let smaller_is_a = a.node.peer() < b.node.peer();
        let (one, two) = if first_dials { (&mut a, &mut b) } else { (&mut b, &mut a) };
        connect(one, two, 0);
        connect(two, one, 1);
        assert_eq!((a.node.links.len(), b.node.links.len()), (1, 1));
        let kept_is_a = if first_dials == smaller_is_a { LinkId(0) } else { LinkId(1) };
        let ids = [a.node.peer(), b.node.peer()];
        for (rig, other) in [(&a, ids[1]), (&b, ids[0])] {
            assert_eq!(
                rig.node.links.link_of(&other),
                Some(kept_is_a),
                "first dialled by the sensor: {first_dials}"
            );
        }
    }
}

#[test]
fn a_peer_that_comes_back_replaces_its_old_link() {
    let (mut a, mut b) = (sensor(), gateway());
    connect(&mut a, &mut b, 0);
    // The sensor was restarted; the gateway has not noticed.
    let mut again = sensor();
    connect(&mut again, &mut b, 1);
    assert_eq!(b.closes(), [CloseReason::Duplicate]);
    assert_eq!(b.node.links.link_of(&a.node.peer()), Some(LinkId(1)));
}

#[test]
fn a_neighbour_whose_grant_expires_is_let_go() {
    let identity = Identity::from_seed([2; 32]);
    let papers = vec![grant(&identity, &[Right::Write], 1)];
    let config = Config { contacts: vec![contact(3)], ..Config::default() };
    let (mut a, mut b) = (rig_with(2, papers, config, MemoryDir::default()), gateway());
    connect(&mut a, &mut b, 0);
    b.pass(Duration::from_secs(3600));
    assert!(b.closes().is_empty());
    b.pass(Duration::from_secs(24 * 3600));
    assert_eq!(b.closes(), [CloseReason::Expired]);
}

#[test]
fn what_no_honest_peer_sends_ends_the_link() {
    let range_of_all = [2, 2, 0];
    let doubled_item = [&[7; 32][..], b"\x02a/\x01", &[0; 32][..]].concat();
    let disordered = [&range_of_all[..], &[2], &doubled_item, &doubled_item].concat();
    let honest_then_broken = vec![2, 1, 0, 0xff];
    let other_version = vec![1, 1, 0];
    for bytes in [vec![], vec![2], vec![0xff; 40], disordered, honest_then_broken, other_version] {
        let (mut a, mut b) = (sensor(), gateway());
        connect(&mut a, &mut b, 0);
        b.handle(Input::Received { link: LinkId(0), bytes: bytes.clone() });
        assert_eq!(b.closes(), [CloseReason::Misbehaved], "{bytes:?}");
        assert_eq!(b.node.neighbours().count(), 0);
    }
}

#[test]
fn whoever_has_no_room_for_control_entries_is_let_go_and_who_has_none_for_readings_is_not() {
    let (mut a, mut b) = (sensor(), gateway());
    connect(&mut a, &mut b, 0);
    b.handle(Input::Shed { link: LinkId(0), priority: Priority::Live, frame: vec![2, 1, 0] });
    assert_eq!((b.closes(), b.node.neighbours().count()), (vec![], 1));
    b.handle(Input::Shed { link: LinkId(0), priority: Priority::Control, frame: vec![2, 1, 0] });
    assert_eq!((b.closes(), b.node.neighbours().count()), (vec![CloseReason::TooSlow], 0));
}

proptest::proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(frames in proptest::collection::vec(proptest::collection::vec(proptest::num::u8::ANY, 0..200), 1..6), dialled: bool) {
        let mut b = gateway();
        b.link_up(0, dialled.then(|| address(9)));
        for bytes in frames {
            b.handle(Input::Received { link: LinkId(0), bytes });
        }
    }
}
