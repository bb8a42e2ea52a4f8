//! Records that are entered in many control logs, and often.

use super::city::*;
use crate::authority::bounds::{CONTROL_LOGS_OF_ONE_ISSUER_MAX, RECORDS_OF_ONE_ISSUER_MAX};
use crate::authority::places::Slot;
use crate::authority::{Admissible, Authority};
use crate::{Class, Classified, Entered, Grant, GrantId, LogId, PeerId};

fn manager() -> Grant {
    first(alone().space(), ROOT, MANAGER)
}

/// The same, entered in that log.
fn again(event: &Event, log: LogId, position: u64) -> Event {
    let place = event.place.map(|place| Entered { log, position, ..place });
    Event { place, ..event.clone() }
}

/// What comes of these whichever comes first, and in the other direction.
fn whichever_comes_first(events: &[Event], see: impl Fn(&Authority)) {
    for first in 0..events.len() {
        let forwards = events[first..].iter().chain(&events[..first]);
        see(&fold(&alone(), forwards.clone()));
        see(&fold(&alone(), forwards.rev()));
    }
}

#[test]
fn a_grant_that_is_entered_in_five_logs_stands_alike_in_every_order() {
    let (manager, logs) = (manager(), [1, 2, 3, 4, 5].map(log));
    let sensor = below(&manager, MANAGER, SENSOR);
    let once = entered(MANAGER, &sensor, Some(&manager), 3);
    for named in logs {
        let mut events: Vec<_> = logs.iter().map(|log| again(&once, *log, 3)).collect();
        events.push(shown(ROOT, &manager));
        events.push(shown(ROOT, &revoke(ROOT, &manager, &[cut(named, 4)])));
        whichever_comes_first(&events, |authority| {
            assert!(authority.stands(&sensor.id()), "it is entered below the cut");
            assert_eq!(counts(authority, log(9), &sensor), Admissible::All);
        });
    }
}

#[test]
fn a_class_outlives_its_manager_over_a_restart() {
    let manager = manager();
    let said = Classified {
        space: alone().space(),
        issuer: peer(MANAGER),
        collection: path("parks"),
        class: Class::Personal,
        number: 1,
    };
    let once = entered(MANAGER, &said, Some(&manager), 0);
    let ended = shown(ROOT, &revoke(ROOT, &manager, &[cut(log(9), 2)]));
    let mut events = vec![shown(ROOT, &manager), again(&once, log(9), 1), ended];
    // Once its right is over the manager repeats it, past the cut and elsewhere. A store tells of the lowest id first.
    events.extend((2..9).map(|position| again(&once, log(9), position)));
    events.extend((0..9).map(|position| again(&once, log(1), position)));
    events.extend((2..7).map(|nth| again(&once, log(nth), 0)));
    whichever_comes_first(&events, |authority| {
        assert_eq!(authority.class_of(&path("parks")), Class::Personal);
    });
}

#[test]
fn a_revocation_by_a_root_that_goes_binds_wherever_else_it_is_entered() {
    let both = manifest(&[ROOT, SECOND], 1);
    let sensor = first(both.space(), SECOND, SENSOR);
    let once = entered(ROOT, &revoke(ROOT, &sensor, &[]), None, 1);
    let next = shown(SECOND, &succeed(both.space(), SECOND, &[SECOND], 1, &[cut(log(9), 2)]));
    let mut events = vec![shown(SECOND, &sensor), next];
    events.extend((0..6).map(|nth| again(&once, log(nth), 7)));
    events.extend([5, 1, 3].map(|position| again(&once, log(9), position)));
    for first in 0..events.len() {
        let authority = fold(&both, events[first..].iter().chain(&events[..first]));
        assert!(authority.is_revoked(&sensor.id()), "from the {first}th on");
    }
}

fn place(author: PeerId, log: u64, position: u64) -> Entered {
    let under = Some(GrantId([3; 32]));
    Entered { log: LogId(*blake3::hash(&log.to_le_bytes()).as_bytes()), author, under, position }
}

#[test]
fn of_each_log_the_lowest_place_is_kept_and_further_logs_cost_their_issuer() {
    let mut authority = fold(&alone(), [&shown(ROOT, &manager())]);
    let (by, record) = (peer(MANAGER), Slot::Grant(0));
    let places = |authority: &Authority| authority.places_of(record).map(|(_, at)| at).collect::<Vec<_>>();
    for (position, is_news) in [(7, true), (7, false), (9, false), (3, true), (u64::MAX, false)] {
        assert_eq!(authority.put(record, &place(by, 0, position)), is_news, "{position}");
    }
    assert_eq!(places(&authority), [3], "the lowest one");
    for _ in 1..RECORDS_OF_ONE_ISSUER_MAX {
        authority.issuers.took(&by, true, true, 0);
    }
    assert!(authority.put(record, &place(by, 1, 5)), "room for one more");
    assert!(!authority.put(record, &place(by, 2, 5)));
    assert!(authority.put(record, &place(by, 1, 4)), "a place that is known moves ahead");
    assert!(authority.put(Slot::Grant(1), &place(by, 2, 5)), "the first comes with its record");
    assert!(authority.put(record, &place(peer(ROOT), 3, 5)), "a root has room");
    assert_eq!(places(&authority), [3, 4, 5]);
}

#[test]
fn one_manager_leaves_room_for_the_logs_of_others() {
    let mut authority = fold(&alone(), [&shown(ROOT, &manager())]);
    let most = CONTROL_LOGS_OF_ONE_ISSUER_MAX as u64;
    for nth in 0..most {
        assert!(authority.put(Slot::Grant(nth as u32), &place(peer(MANAGER), nth, 1)));
    }
    assert!(!authority.put(Slot::Grant(most as u32), &place(peer(MANAGER), most, 1)));
    assert!(authority.put(Slot::Grant(0), &place(peer(MANAGER), 0, 0)), "in one that is known");
    for other in [DEPUTY, ROOT] {
        assert!(authority.put(Slot::Grant(most as u32), &place(peer(other), most + u64::from(other), 1)));
    }
}
