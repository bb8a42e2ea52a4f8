//! Peers that do what they should not, and what becomes of the others: nothing.

use msec_crdt_store::Row;
use msec_identity::{Right, Rights};
use msec_peer::node::{RefusedKind, StreamSpec};
use msec_simulator::{Behaviour, Broken, Checkers, DiskFault, Kept, PeerIndex, PeerSpec};

use crate::rig::{Chain, seconds};

/// A chain with a hostile peer at both gateways, that publishes for half a minute.
fn attacked(behaviour: Behaviour, spec: PeerSpec) -> (Chain, PeerIndex) {
    let mut chain = Chain::new(1);
    let spec = spec.contact(chain.near).contact(chain.far).behaves(behaviour);
    let hostile = chain.world.add_peer(spec).expect("a peer");
    chain.publish_all(0..60);
    (chain, hostile)
}

/// Nothing is missed, and no checker finds anything.
#[track_caller]
fn assert_unharmed(chain: &mut Chain, shown: usize) {
    let mut checkers = Checkers::default();
    checkers.during(&chain.world);
    chain.world.run_for(seconds(60));
    checkers.at_end(&chain.world);
    assert_eq!(checkers.count(), 0, "{:#?}", checkers.found());
    assert_eq!(chain.shown(chain.citizen).len(), shown);
}

fn is_linked(chain: &Chain, with: PeerIndex) -> bool {
    let id = chain.world.id(with);
    let near = chain.world.node(chain.near).expect("up");
    near.neighbours().any(|neighbour| Some(neighbour.peer) == id)
}

#[test]
fn silence_is_borne() {
    let (mut chain, hostile) = attacked(Behaviour::Silence, PeerSpec::gateway());
    assert!(is_linked(&chain, hostile), "it keeps its link");
    assert_unharmed(&mut chain, 60);
}

#[test]
fn replays_change_nothing() {
    let (mut chain, hostile) = attacked(Behaviour::Replay, PeerSpec::gateway());
    // What it heard of the overlay, and says again out of turn, convicts it.
    assert!(is_linked(&chain, hostile) || chain.refused(RefusedKind::Malformed) > 0);
    assert_unharmed(&mut chain, 60);
}

#[test]
fn garbage_costs_its_sender_the_link() {
    let (mut chain, _) = attacked(Behaviour::Garbage, PeerSpec::gateway());
    assert!(chain.refused(RefusedKind::Malformed) > 0, "{:?}", chain.world.ledger().refused());
    assert_unharmed(&mut chain, 60);
}

#[test]
fn a_flood_fills_no_table_over_its_bound() {
    let (mut chain, hostile) = attacked(Behaviour::Flood, PeerSpec::gateway());
    let stats = chain.world.node(chain.near).expect("up").gossip_stats();
    assert!(is_linked(&chain, hostile) || chain.refused(RefusedKind::Malformed) > 0);
    assert!(stats.duplicates + stats.throttled + stats.hearsay_dropped + stats.unwanted > 0, "{stats:?}");
    assert_unharmed(&mut chain, 60);
}

#[test]
fn what_is_written_under_a_forged_grant_is_nowhere() {
    let relays = PeerSpec::gateway().on("", Rights::of([Right::Read, Right::Relay]));
    let (mut chain, hostile) = attacked(Behaviour::ForgedGrants, relays);
    assert!(chain.refused(RefusedKind::NotAuthorised) > 10, "{:?}", chain.world.ledger().refused());
    chain.world.crash(hostile, Kept::Synced);
    chain.world.run_for(seconds(2));
    let author = chain.world.id(hostile);
    // Entries under a grant that has expired are taken, as the architecture says: there are no checkpoints yet.
    let rows = chain.world.readings_of(chain.citizen);
    let forged = rows.iter().filter(|row| Some(row.author()) == author).count();
    assert!(forged < 30, "one in seven of a hundred and twenty");
    assert_unharmed(&mut chain, 60 + forged);
}

#[test]
fn a_copied_card_forks_its_log_and_nothing_else_suffers() {
    let mut chain = Chain::new(1);
    let other = PeerSpec::sensor().contact(chain.far);
    let other = chain.world.add_peer(other).expect("a peer");
    let copy = Behaviour::Fork { of: chain.sensor, after_s: 10 };
    let copy = chain.world.add_peer(PeerSpec::sensor().contact(chain.far).behaves(copy)).expect("a peer");
    let air = StreamSpec::new("centre/air", "nose-1").expect("a stream");
    for n in 0..60 {
        chain.publish_all(n..n + 1);
        chain.world.publish(other, &air, &[chain.world.reading(1.0)]).expect("it is up");
    }
    assert!(chain.world.is_up(copy) && !chain.world.is_honest(chain.sensor) && chain.world.is_honest(other));
    let logs = chain.world.frontier(chain.near).into_iter().map(|(log, ..)| log);
    let forked: Vec<_> = logs.filter_map(|log| chain.world.forked_at(&log)).collect();
    assert_eq!(forked.len(), 1, "one log has two histories");
    assert!(forked[0] > 10, "they part where the card was copied");
    let mut checkers = Checkers::default();
    chain.world.run_for(seconds(60));
    checkers.at_end(&chain.world);
    assert_eq!(checkers.count(), 0, "{:#?}", checkers.found());
    for reader in [chain.near, chain.far, chain.citizen] {
        let contested: Vec<_> = chain.world.node(reader).expect("up").contested().collect();
        let signed = contested.iter().map(|fork| fork.heads().map(|head| head.size));
        assert_eq!(contested.len(), 1, "all know which log it is");
        assert!(signed.flatten().all(|size| size > forked[0]));
        let rows = chain.world.readings_of(reader);
        let of_it = rows.iter().filter(|row| row.log == contested[0].log());
        let from = contested[0].in_common();
        let is_contested = |row: &Row| row.log == contested[0].log() && row.position >= from;
        assert!(rows.iter().all(|row| row.contested == is_contested(row)));
        assert!(of_it.count() > 10, "what was held is not hidden");
    }
}

#[test]
fn who_learns_of_a_fork_while_it_is_behind_takes_nothing_more_and_misses_nothing() {
    let mut chain = Chain::new(1);
    let copy = Behaviour::Fork { of: chain.sensor, after_s: 10 };
    chain.world.add_peer(PeerSpec::sensor().contact(chain.far).behaves(copy)).expect("a peer");
    chain.publish_all(0..4);
    chain.world.break_link(chain.far, chain.citizen, Broken::Drops);
    chain.publish_all(4..60);
    chain.world.mend_link(chain.far, chain.citizen);
    let mut checkers = Checkers::default();
    chain.world.run_for(seconds(60));
    checkers.at_end(&chain.world);
    assert_eq!(checkers.count(), 0, "{:#?}", checkers.found());
    let contested: Vec<_> = chain.world.node(chain.citizen).expect("up").contested().collect();
    assert_eq!(contested.len(), 1, "it knows");
    let log = contested[0].log();
    let forked = chain.world.forked_at(&log).expect("it was");
    let held = chain.world.frontier(chain.citizen).into_iter().find(|(it, ..)| *it == log);
    assert!(held.is_some_and(|(_, size, _)| size < forked), "no head of it is accepted any more");
}

#[test]
fn evidence_that_a_failing_disk_did_not_take_is_kept_once_it_does() {
    let mut chain = Chain::new(1);
    let copy = Behaviour::Fork { of: chain.sensor, after_s: 10 };
    chain.world.add_peer(PeerSpec::sensor().contact(chain.far).behaves(copy)).expect("a peer");
    chain.publish_all(0..19);
    chain.world.set_disk_fault(chain.far, Some(DiskFault::Fails));
    chain.publish_all(19..60);
    let contested: Vec<_> = chain.world.node(chain.far).expect("up").contested().collect();
    assert_eq!(contested.len(), 1, "it has found out meanwhile");
    let (log, in_common) = (contested[0].log(), contested[0].in_common());
    chain.world.set_disk_fault(chain.far, None);
    chain.world.run_for(seconds(60));
    let rows = chain.world.readings_of(chain.far);
    let mut of_it = rows.iter().filter(|row| row.log == log).peekable();
    assert!(of_it.peek().is_some() && of_it.all(|row| row.contested == (row.position >= in_common)));
}

#[test]
fn forged_papers_open_no_door() {
    let (mut chain, hostile) = attacked(Behaviour::ForgedGrants, PeerSpec::stranger());
    assert!(chain.refused(RefusedKind::Stranger) > 0, "{:?}", chain.world.ledger().refused());
    let id = chain.world.id(hostile);
    for peer in [chain.near, chain.far] {
        let mut neighbours = chain.world.node(peer).expect("up").neighbours();
        assert!(neighbours.all(|neighbour| Some(neighbour.peer) != id));
    }
    assert_unharmed(&mut chain, 60);
}
