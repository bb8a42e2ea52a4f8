//! Peers without a grant, or with a narrow one.

use msec_identity::{Right, Rights};
use msec_peer::gossip::Interest;
use msec_peer::node::{PublishError, RefusedKind, StreamSpec};
use msec_simulator::{Outcome, PeerSpec};

use crate::rig::{Chain, assert_agree, noise, seconds};

#[test]
fn a_stranger_is_refused_everywhere() {
    let mut chain = Chain::new(1);
    let all = [chain.near, chain.far, chain.sensor, chain.citizen];
    let spec = all.into_iter().fold(PeerSpec::stranger(), PeerSpec::contact);
    let stranger = chain.world.add_peer(spec).expect("a peer");
    chain.publish_all(0..5);
    chain.world.run_for(seconds(30));

    let id = chain.world.id(stranger);
    for peer in all {
        let by_peer = chain.world.ledger().refusals().iter().filter(|(by, _)| *by == peer);
        assert!(by_peer.clone().count() > 0);
        assert!(
            by_peer.clone().all(|(_, refused)| refused.kind == RefusedKind::Stranger && refused.peer == id)
        );
        assert!(chain.world.node(peer).expect("up").neighbours().all(|other| Some(other.peer) != id));
    }
    assert_eq!(chain.shown(stranger).len(), 0);
    let ticket = chain.world.publish(stranger, &noise(), &[chain.world.reading(1.0)]).expect("it is up");
    let outcome = &chain.world.ledger().submission(ticket).expect("submitted").outcome;
    assert!(matches!(outcome, Outcome::Refused(PublishError::NotAuthorised { .. })), "{outcome:?}");
    assert_agree(&chain.world);
}

#[test]
fn a_reader_of_parks_is_given_parks() {
    let mut chain = Chain::new(1);
    let interest = Interest::of(["parks/", "centre/"]).expect("an interest");
    let reads = Rights::of([Right::Read]);
    let spec = PeerSpec::citizen().on("parks", reads).interest(interest).contact(chain.far);
    let visitor = chain.world.add_peer(spec).expect("a peer");
    let air = StreamSpec::new("centre/air", "nose-1").expect("a stream");
    chain.publish_all(0..5);
    chain.world.publish(chain.sensor, &air, &[chain.world.reading(7.0)]).expect("it is up");
    chain.world.run_for(seconds(30));
    assert_eq!(chain.shown(chain.citizen).len(), 6);
    assert_eq!(chain.shown(visitor).len(), 5, "what it may read of what it wants");
    assert_agree(&chain.world);
}
