//! Orders about logs that are not held: something that says what was in them may be here all the same.

use msec_crdt_store::{CompactRange, Place, Recompute, Resolution};
use msec_identity::{Area, Caveats};

use super::*;

const FIRST: &str = "00000001.msec";
const ASIDE: &str = "aside.msec";

fn holds(rig: &Rig, part: &[u8]) -> bool {
    let in_file = |name: &String| {
        let bytes = rig.dir.bytes(name).unwrap_or_default();
        bytes.windows(part.len()).any(|it| it == part)
    };
    rig.dir.lengths().keys().any(in_file)
}

fn publish(rig: &mut Rig, stream: StreamSpec, content: Content) {
    rig.handle(Input::Publish { ticket: Ticket(1), stream, content });
    rig.pass(WINDOW);
    rig.sync();
    assert_eq!(rig.acknowledged(), [(1, true)]);
}

/// The owner, a sensor far away whose gateway claims what it measured, and somebody who may only read what lies here: it has the claim,
/// and not what that is about.
fn town_with_a_claim() -> (Town, LogId, Vec<u8>) {
    let gateway = rig(3, &[Right::Relay, Right::Read, Right::Write], confirming());
    let area =
        Area { south_e7: 434_000_000, west_e7: -39_000_000, north_e7: 435_000_000, east_e7: -37_000_000 };
    let like = Grant::clone(&grant(&Identity::from_seed([4; 32]), &[Right::Read], 30));
    let caveats = Some(Caveats { place: Some(area), ..Caveats::default() });
    let paper = root().sign(Grant { caveats, not_before: START, ..like });
    let reader = rig_with(4, vec![paper], confirming(), MemoryDir::default());
    let mut town = Town::with([rig(1, &OWNERS, confirming()), sensor(), gateway, reader]);
    let far = StreamSpec::new("parks/noise", "far").expect("a stream");
    let far = far.place(Place::from_degrees(50.1, 8.6));
    town.link(SENSOR, GATEWAY);
    town.run(2);
    for value in [61.0, 62.0, 63.0] {
        let reading = Reading::new(town.rigs[SENSOR].wall, value);
        publish(&mut town.rigs[SENSOR], far.clone(), Content::Readings(vec![reading]));
    }
    town.run(10);
    let log = log_of(&town.rigs[GATEWAY]);
    let chunk = town.rigs[GATEWAY].store.read(&log, 0, 1 << 20).expect("read").expect("held");
    let mut claim = Recompute::begin(log, Resolution::Hour, CompactRange::empty(0));
    for entry in Run::from_bytes(&chunk.bytes).expect("a run").entries {
        claim.push(&entry).expect("few buckets");
    }
    let claim = claim.finish().expect("a claim");
    let body = claim.as_claim().to_bytes();
    let stream = StreamSpec::new("parks/noise", "roll-ups").expect("a stream");
    publish(&mut town.rigs[GATEWAY], stream, Content::Claim(Box::new(claim)));
    town.unlink_all();
    town.run(10);
    town.link(READER, GATEWAY);
    town.run(20);
    town.unlink_all();
    assert!(holds(&town.rigs[READER], &body));
    assert!(bodies(&town.rigs[READER], &log).is_empty());
    (town, log, body)
}

#[test]
fn who_holds_a_claim_and_not_its_log_erases_the_claim_before_it_confirms() {
    let (mut town, log, body) = town_with_a_claim();
    let order = erasure(1, log, 2, 4);
    let stranger = erasure(4, log, 1, 3);
    issue(&mut town.rigs[READER], ControlStream::Own, stranger.clone());
    town.run(10);
    assert!(holds(&town.rigs[READER], &body), "whose log it is nobody here knows");
    assert!(confirmed(&town.rigs[READER], &stranger).is_empty());
    issue(&mut town.rigs[OWNER], ControlStream::Root, order.clone());
    town.link(OWNER, READER);
    town.run(20);
    assert!(!holds(&town.rigs[READER], &body));
    assert!(confirmed(&town.rigs[READER], &order).contains(&READER));
    // Whoever has not heard of it yet brings the claim no more, and the reader is not asked for what it holds no more.
    town.unlink_all();
    town.run(10);
    town.link(READER, GATEWAY);
    town.run(20);
    assert!(!holds(&town.rigs[READER], &body) && !holds(&town.rigs[GATEWAY], &body));
    assert_eq!(bodies(&town.rigs[GATEWAY], &log), [true, true, false, false]);
    // Nor is anything done over after a restart.
    restart(&mut town.rigs[READER], 4, &[Right::Read], confirming());
    town.run(2);
    assert_eq!(confirmed(&town.rigs[READER], &order).iter().filter(|who| **who == READER).count(), 1);
}

#[test]
fn nothing_is_confirmed_while_what_was_set_aside_may_hold_it() {
    let mut town = full_town();
    let log = log_of(&town.rigs[OWNER]);
    let owner = &mut town.rigs[OWNER];
    owner.dir.flip(FIRST, 60, 1);
    restart(owner, 1, &OWNERS, confirming());
    assert!(bodies(owner, &log).is_empty() && owner.dir.bytes(ASIDE).is_some());
    let order = erasure(1, log, 2, 4);
    issue(owner, ControlStream::Root, order.clone());
    owner.pass(Duration::from_millis(500));
    assert!(owner.outputs.iter().any(|output| matches!(output, Output::Erase { .. })));
    for (seq, runs) in owner.commits() {
        owner.store.apply(seq, &runs).expect("applied");
        let through = owner.store.sync().expect("synced");
        owner.handle(Input::Durable { through });
    }
    assert!(confirmed(owner, &order).is_empty(), "the disk has not said so");
    owner.sync();
    owner.sync();
    assert!(owner.dir.bytes(ASIDE).is_none());
    assert_eq!(confirmed(owner, &order), [OWNER]);
}
