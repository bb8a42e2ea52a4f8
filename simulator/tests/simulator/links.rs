//! Links that are cut, slow, or broken.

use msec_peer::node::RefusedKind;
use msec_simulator::{Authentic, Broken, Checker, LinkModel, disagreements};

use crate::rig::{Chain, assert_agree, seconds};

#[test]
fn a_link_that_drops_everything_is_noticed_until_it_is_mended() {
    let mut chain = Chain::new(1);
    chain.world.break_link(chain.near, chain.far, Broken::Drops);
    chain.publish_all(0..3);
    chain.world.run_for(seconds(120));
    assert_eq!(chain.shown(chain.near).len(), 3);
    assert_eq!(chain.shown(chain.citizen).len(), 0);
    let found = disagreements(&chain.world);
    assert!(!found.is_empty(), "the checker says so");

    chain.world.mend_link(chain.near, chain.far);
    chain.world.run_for(seconds(60));
    assert_eq!(chain.shown(chain.citizen).len(), 3);
    assert_agree(&chain.world);
}

#[test]
fn a_short_cut_only_delays() {
    let mut chain = Chain::new(1);
    chain.world.break_link(chain.near, chain.far, Broken::Drops);
    chain.publish_all(0..6);
    chain.world.mend_link(chain.near, chain.far);
    // No time to dial again, nor to reconcile: what waited on the connection comes.
    chain.world.run_for(seconds(1));
    assert_eq!(chain.shown(chain.citizen).len(), 6);
}

#[test]
fn corrupted_bytes_are_refused_and_the_rest_goes_on() {
    let mut chain = Chain::new(1);
    chain.world.break_link(chain.near, chain.far, Broken::Corrupts);
    chain.publish_all(0..20);
    chain.world.run_for(seconds(60));
    let kinds = [RefusedKind::Malformed, RefusedKind::ForgedHead, RefusedKind::TamperedEntry];
    let refused: u64 = kinds.into_iter().map(|kind| chain.refused(kind)).sum();
    assert!(refused > 0, "{:?}", chain.world.ledger().refused());
    assert_eq!(Authentic::default().during(&chain.world), [""; 0], "nothing wrong is shown");
    assert_eq!(chain.shown(chain.near).len(), 20, "the sensor's own link is sound");

    chain.world.mend_link(chain.near, chain.far);
    // A neighbour that answered badly is believed again after at most `backoff_max`, ten minutes.
    let citizen = chain.citizen;
    let done = |world: &msec_simulator::World| world.readings_of(citizen).len() == 20;
    assert!(chain.world.run_until_true(seconds(700), done), "{:?}", chain.shown(citizen));
    assert_agree(&chain.world);
}

#[test]
fn a_narrow_link_carries_everything_in_the_end() {
    let mut chain = Chain::new(1);
    let narrow = LinkModel { bandwidth: Some(2_000), ..LinkModel::default() };
    chain.world.set_link(chain.near, chain.far, narrow).expect("a link");
    chain.publish_all(0..60);
    chain.world.run_for(seconds(60));
    assert_eq!(chain.shown(chain.citizen).len(), 60);
    assert_agree(&chain.world);
}
