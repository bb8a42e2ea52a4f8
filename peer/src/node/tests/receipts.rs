//! Who confirms that it knows of the end of a grant, and what it says.

use msec_crdt_store::Run;
use msec_identity::{ControlRecord, ControlStream, Cuts, Receipt, Record, Revocation, Verified};

use super::prefixes::Town;
use super::revoked::issue;
use super::*;

const OWNER: usize = 0;
const GATEWAY: usize = 1;
const READER: usize = 2;

fn confirming() -> Config {
    Config { receipts: true, contacts: vec![contact(2)], ..Config::default() }
}

/// The owner's own peer and a gateway, which confirm, and somebody who only reads.
fn town() -> Town {
    let all = [Right::Relay, Right::Read, Right::Write, Right::Manage];
    let owner = rig(1, &all, Config { receipts: true, ..Config::default() });
    let gateway = rig(2, &[Right::Relay, Right::Read], confirming());
    Town::with([owner, gateway, rig(3, &[Right::Read], confirming())])
}

fn revoke(holder: u8, rights: &[Right], at: UnixMillis) -> Verified<Revocation> {
    root().sign(Revocation {
        space: manifest().space(),
        issuer: root().peer(),
        grant: grant(&Identity::from_seed([holder; 32]), rights, 30).id(),
        cuts: Cuts::default(),
        at,
        reason: "lost".parse().expect("a reason"),
    })
}

/// What stands in the logs of receipts that somebody holds: who confirms what, and what it gave away.
fn receipts(rig: &Rig) -> Vec<Receipt> {
    let mut found = Vec::new();
    for (log, ..) in rig.node.frontier().collect::<Vec<_>>() {
        let chunk = rig.store.read(&log, 0, 1 << 20).expect("read").expect("held");
        for entry in Run::from_bytes(&chunk.bytes).expect("a run").entries {
            let record = entry.body.bytes().and_then(|body| ControlRecord::from_bytes(body).ok());
            if let Some(ControlRecord::Receipt(it)) = record {
                found.push(it.claims().clone());
            }
        }
    }
    found
}

fn said(rig: &Rig) -> Vec<(u64, [u8; 32])> {
    rig.node.served_after().iter().map(|it| (it.bytes, it.revocation)).collect()
}

/// Somebody may read, and the gateway has five readings from the owner.
fn give_away(town: &mut Town) {
    issue(
        &mut town.rigs[OWNER],
        ControlStream::Root,
        grant(&Identity::from_seed([3; 32]), &[Right::Read], 30),
    );
    for value in 1..=5 {
        town.rigs[OWNER].publish(value, value as f64);
        town.rigs[OWNER].pass(WINDOW);
    }
    town.link(GATEWAY, OWNER);
    town.run(5);
    town.rigs[OWNER].acknowledged();
}

#[test]
fn who_relays_confirms_once_what_it_gave_away_and_the_owner_gets_to_know() {
    let mut town = town();
    give_away(&mut town);
    // The gateway does not know yet, and gives all that it has.
    let signed_at = town.rigs[OWNER].wall;
    town.unlink_all();
    town.link(READER, GATEWAY);
    let gateway = Identity::from_seed([2; 32]);
    let revoked = revoke(3, &[Right::Read], signed_at);
    issue(&mut town.rigs[OWNER], ControlStream::Root, revoked.clone());
    town.run(10);
    town.link(GATEWAY, OWNER);
    town.run(20);
    let by: Vec<_> = receipts(&town.rigs[OWNER]).iter().map(|it| (it.issuer, it.of)).collect();
    let expected = [1, 2].map(|seed| (Identity::from_seed([seed; 32]).peer(), revoked.hash()));
    let mut by = by;
    by.sort_unstable();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(by, expected, "each once, and nobody who only reads");
    let of_gateway = receipts(&town.rigs[OWNER]).into_iter().find(|it| it.issuer == gateway.peer());
    let of_gateway = of_gateway.expect("its receipt");
    assert!(of_gateway.at >= signed_at && of_gateway.role == Rights::of([Right::Read, Right::Relay]));
    assert_eq!(town.stored(READER).len(), 5);
    assert!(of_gateway.served > 100, "{of_gateway:?}");
    assert_eq!(said(&town.rigs[GATEWAY]), [(of_gateway.served, revoked.hash())]);
    assert_eq!(said(&town.rigs[OWNER]), []);
}

/// Nor one whose clock was set meanwhile, nor where the revocation is dated ahead.
#[test]
fn a_gateway_without_a_clock_says_no_less_than_it_gave() {
    for (is_unset, is_set_later, ahead_ms) in [(true, false, 0), (true, true, 0), (false, false, DAY_MS)] {
        let mut town = town();
        if is_unset {
            town.rigs[GATEWAY].wall = UnixMillis(1_000);
        }
        give_away(&mut town);
        let signed_at = town.rigs[OWNER].wall.saturating_add(ahead_ms);
        town.unlink_all();
        town.link(READER, GATEWAY);
        let revoked = revoke(3, &[Right::Read], signed_at);
        issue(&mut town.rigs[OWNER], ControlStream::Root, revoked.clone());
        town.run(10);
        assert_eq!(town.stored(READER).len(), 5);
        if is_set_later {
            town.rigs[GATEWAY].wall = town.rigs[OWNER].wall;
        }
        town.link(GATEWAY, OWNER);
        town.run(20);
        let gateway = Identity::from_seed([2; 32]).peer();
        let of_gateway = receipts(&town.rigs[OWNER]).into_iter().find(|it| it.issuer == gateway);
        assert!(of_gateway.expect("its receipt").served > 100, "{is_unset} {is_set_later} {ahead_ms}");
    }
}

#[test]
fn a_restart_confirms_nothing_twice_and_what_was_over_before_it_was_let_in_not_at_all() {
    let mut town = town();
    town.link(GATEWAY, OWNER);
    let before = UnixMillis(START.0 - 10 * DAY_MS);
    issue(
        &mut town.rigs[OWNER],
        ControlStream::Root,
        grant(&Identity::from_seed([7; 32]), &[Right::Read], 30),
    );
    issue(&mut town.rigs[OWNER], ControlStream::Root, revoke(7, &[Right::Read], before));
    issue(&mut town.rigs[OWNER], ControlStream::Root, revoke(3, &[Right::Read], START));
    // One was over before they were let in, and of the other nobody has seen the grant: it does not bind yet.
    town.run(5);
    assert_eq!(receipts(&town.rigs[GATEWAY]), []);
    town.link(READER, GATEWAY);
    town.run(10);
    assert_eq!(receipts(&town.rigs[GATEWAY]).len(), 1, "the gateway was shown it");
    town.unlink_all();
    let papers = vec![grant(&Identity::from_seed([2; 32]), &[Right::Relay, Right::Read], 30)];
    let dir = town.rigs[GATEWAY].dir.clone();
    town.rigs[GATEWAY] = rig_with(2, papers, confirming(), dir);
    town.run(5);
    town.link(GATEWAY, OWNER);
    town.run(10);
    assert_eq!(receipts(&town.rigs[OWNER]).len(), 1);
    assert_eq!(receipts(&town.rigs[GATEWAY]).len(), 1);
}

#[test]
fn without_being_told_to_nobody_confirms() {
    let all = [Right::Relay, Right::Read, Right::Write, Right::Manage];
    let mut town = Town::with([rig(1, &all, Config::default())]);
    let own = grant(&Identity::from_seed([4; 32]), &[Right::Read], 30);
    issue(&mut town.rigs[OWNER], ControlStream::Root, own);
    issue(&mut town.rigs[OWNER], ControlStream::Root, revoke(4, &[Right::Read], START));
    town.run(5);
    assert_eq!(receipts(&town.rigs[OWNER]), []);
    let stream = StreamSpec::new(".receipts", "ends").expect("a stream");
    let readings = Content::Readings(vec![Reading::new(START, 1.0)]);
    town.rigs[OWNER].handle(Input::Publish { ticket: Ticket(1), stream, content: readings });
    assert_eq!(town.rigs[OWNER].acknowledged(), [(1, false)], "it is no collection for readings");
}
