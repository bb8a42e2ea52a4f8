//! Which class a collection has, whatever came first.

use super::city::*;
use crate::authority::{Authority, CLASSES_OF_ONE_ISSUER_MAX};
use crate::error::ControlError;
use crate::{Class, Classified, ControlRecord, Entered, Grant, Record};

fn say(issuer: u8, collection: &str, class: Class, number: u64) -> Classified {
    Classified { space: alone().space(), issuer: peer(issuer), collection: path(collection), class, number }
}

fn manager() -> Grant {
    first(alone().space(), ROOT, MANAGER)
}

fn class(authority: &Authority, collection: &str) -> Class {
    authority.class_of(&path(collection))
}

#[test]
fn what_nobody_classified_is_public() {
    let authority = fold(&alone(), []);
    assert_eq!((class(&authority, "parks"), authority.classes()), (Class::Public, Vec::new()));
}

#[test]
fn the_most_protective_of_what_is_said_of_it_and_above_it_counts() {
    let events = [
        shown(ROOT, &manager()),
        entered(ROOT, &say(ROOT, "parks", Class::Personal, 1), None, 0),
        entered(MANAGER, &say(MANAGER, "parks/noise", Class::Actuation, 1), Some(&manager()), 0),
        entered(MANAGER, &say(MANAGER, "parks", Class::Public, 1), Some(&manager()), 1),
    ];
    let authority = in_every_order(&alone(), &events);
    assert_eq!(class(&authority, "parks"), Class::Personal, "a manager lowers nothing that a root said");
    assert_eq!(class(&authority, "parks/noise/7"), Class::Actuation);
    assert_eq!(class(&authority, "parks/air"), Class::Personal);
    assert_eq!((class(&authority, "parksmith"), class(&authority, "")), (Class::Public, Class::Public));
    let all = [(path("parks"), Class::Personal), (path("parks/noise"), Class::Actuation)];
    assert_eq!(authority.classes(), all);
}

#[test]
fn of_what_one_says_the_highest_number_counts_and_of_one_number_the_more_protective() {
    let of = |class, number, at| entered(ROOT, &say(ROOT, "parks", class, number), None, at);
    let lowered = [of(Class::Actuation, 1, 0), of(Class::Public, 3, 1), of(Class::Personal, 2, 2)];
    let authority = in_every_order(&alone(), &lowered);
    assert_eq!(class(&authority, "parks"), Class::Public);
    assert_eq!(authority.next_class_number(&peer(ROOT), &path("parks")), 4);
    assert_eq!(authority.next_class_number(&peer(MANAGER), &path("parks")), 1);
    let alike = [of(Class::Public, 3, 0), of(Class::Personal, 3, 1)];
    assert_eq!(class(&in_every_order(&alone(), &alike), "parks"), Class::Personal);
}

#[test]
fn who_does_not_manage_it_and_who_only_shows_it_says_nothing() {
    let elsewhere = Grant { resource: path("harbour"), ..manager() };
    let reader = Grant { rights: crate::Rights::of([crate::Right::Read]), ..manager() };
    let said = say(MANAGER, "parks", Class::Personal, 1);
    for event in [
        shown(MANAGER, &said),
        entered(MANAGER, &said, None, 0),
        entered(MANAGER, &said, Some(&elsewhere), 0),
        entered(MANAGER, &said, Some(&reader), 0),
        Event { place: entered(SENSOR, &said, Some(&manager()), 0).place, ..shown(MANAGER, &said) },
    ] {
        let events = [shown(ROOT, &manager()), shown(ROOT, &elsewhere), shown(ROOT, &reader), event];
        assert_eq!(class(&in_every_order(&alone(), &events), "parks"), Class::Public);
    }
}

#[test]
fn a_class_outlives_its_manager_below_the_cut_of_its_log_and_not_past_it() {
    let log = control(MANAGER, Some(&manager()));
    let events = [
        shown(ROOT, &manager()),
        entered(MANAGER, &say(MANAGER, "parks/a", Class::Personal, 1), Some(&manager()), 0),
        entered(MANAGER, &say(MANAGER, "parks/b", Class::Personal, 1), Some(&manager()), 1),
        shown(ROOT, &revoke(ROOT, &manager(), &[cut(log, 1)])),
    ];
    let authority = in_every_order(&alone(), &events);
    assert_eq!(
        (class(&authority, "parks/a"), class(&authority, "parks/b")),
        (Class::Personal, Class::Public)
    );
}

#[test]
fn what_roots_say_needs_as_many_voices_as_must_agree() {
    let manifest = manifest(&[ROOT, SECOND], 2);
    let said = Classified { space: manifest.space(), ..say(ROOT, "parks", Class::Personal, 1) };
    let alone = [entered(ROOT, &said, None, 0)];
    assert_eq!(class(&in_every_order(&manifest, &alone), "parks"), Class::Public);
    let [first] = alone;
    let approval = shown(SECOND, &approve(manifest.space(), SECOND, said.hash()));
    assert_eq!(class(&in_every_order(&manifest, &[first, approval]), "parks"), Class::Personal);
}

#[test]
fn what_a_root_said_that_goes_counts_below_the_cut_of_its_log() {
    let manifest = alone();
    let log = control(ROOT, None);
    let events = [
        entered(ROOT, &say(ROOT, "parks/a", Class::Personal, 1), None, 0),
        entered(ROOT, &say(ROOT, "parks/b", Class::Personal, 1), None, 1),
        shown(ROOT, &succeed(manifest.space(), ROOT, &[SECOND], 1, &[cut(log, 1)])),
    ];
    let authority = in_every_order(&manifest, &events);
    assert_eq!(
        (class(&authority, "parks/a"), class(&authority, "parks/b")),
        (Class::Personal, Class::Public)
    );
}

#[test]
fn one_issuer_says_only_so_much_of_classes_and_a_forged_record_nothing() {
    let mut authority = fold(&alone(), [&shown(ROOT, &manager())]);
    let place = |position| Entered {
        log: control(MANAGER, Some(&manager())),
        author: peer(MANAGER),
        under: Some(manager().id()),
        position,
    };
    let forged: ControlRecord = signed(STRANGER, say(MANAGER, "parks", Class::Personal, 1));
    assert!(matches!(authority.enter(place(0), forged), Err(ControlError::Record(_))));
    for n in 0..CLASSES_OF_ONE_ISSUER_MAX as u64 {
        let record = signed(MANAGER, say(MANAGER, "parks", Class::Personal, n));
        assert!(authority.enter(place(n), record).expect("room").classes);
    }
    let further = signed(MANAGER, say(MANAGER, "parks", Class::Actuation, 999));
    assert!(matches!(authority.enter(place(999), further), Err(ControlError::Classes)));
    let of_root = signed(ROOT, say(ROOT, "parks", Class::Actuation, 1));
    let place = Entered { log: control(ROOT, None), author: peer(ROOT), under: None, position: 0 };
    assert!(authority.enter(place, of_root).expect("a root has room").classes);
    assert_eq!(class(&authority, "parks"), Class::Actuation);
}
