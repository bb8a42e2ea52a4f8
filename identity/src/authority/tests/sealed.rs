//! Epochs of sealed collections: which count, and which is the current one.

use proptest::prelude::*;
use proptest::sample::Index;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::city::*;
use crate::authority::{Authority, EPOCHS_OF_ONE_ISSUER_MAX, Entered, WAITING_MAX};
use crate::error::ControlError;
use crate::sealed::{EpochRecord, EpochSecret, NamesSecret, SealingEndorsement};
use crate::{Class, ControlRecord, Cut, EpochId, Grant, Identity, Record, Right, Rights, UnixMillis};

const AT: UnixMillis = UnixMillis(150);

/// The first epoch of a collection.
fn epoch(issuer: u8, collection: &str, seed: u8) -> EpochRecord {
    follow(issuer, collection, None, seed)
}

/// The next one.
fn after(previous: &EpochRecord, issuer: u8, seed: u8) -> EpochRecord {
    follow(issuer, previous.collection.as_str(), Some(previous), seed)
}

fn follow(issuer: u8, collection: &str, previous: Option<&EpochRecord>, seed: u8) -> EpochRecord {
    let rng = &mut ChaCha20Rng::from_seed([seed; 32]);
    let secret = EpochSecret::draw(NamesSecret::draw(rng), rng);
    secret.record((alone().space(), peer(issuer)), path(collection), previous, AT)
}

fn current(authority: &Authority, collection: &str) -> Option<EpochId> {
    let ids: Vec<_> = authority.epochs_of(&path(collection)).into_iter().map(|it| it.id()).collect();
    let sealed = authority.sealed().get(&path(collection)).map(|it| it.id());
    assert_eq!(ids.last().copied(), sealed, "the two ways to ask agree");
    sealed
}

fn manager() -> Grant {
    first(alone().space(), ROOT, MANAGER)
}

#[test]
fn an_epoch_counts_where_its_issuer_manages_the_collection_and_has_entered_it() {
    let (of_manager, within, beyond) =
        (manager(), epoch(MANAGER, "parks/noise", 1), epoch(MANAGER, "harbour", 2));
    let events = [
        shown(ROOT, &of_manager),
        entered(MANAGER, &within, Some(&of_manager), 3),
        entered(MANAGER, &beyond, Some(&of_manager), 4),
    ];
    let authority = in_every_order(&alone(), &events);
    assert_eq!(current(&authority, "parks/noise"), Some(within.id()));
    assert_eq!(current(&authority, "harbour"), None, "it does not manage that");
    // Shown, and entered nowhere.
    let only_shown = fold(&alone(), &[shown(ROOT, &of_manager), shown(MANAGER, &within)]);
    assert_eq!(current(&only_shown, "parks/noise"), None);
    assert!(only_shown.epoch(&within.id()).is_some(), "it is kept all the same");
}

#[test]
fn what_is_sealed_is_personal_and_so_is_what_lies_below_it() {
    let (of_manager, within) = (manager(), epoch(MANAGER, "parks/noise", 1));
    let events = [shown(ROOT, &of_manager), entered(MANAGER, &within, Some(&of_manager), 3)];
    let authority = in_every_order(&alone(), &events);
    let class = |on: &str| authority.class_of(&path(on));
    assert_eq!(
        [class("parks/noise"), class("parks/noise/roof"), class("parks")],
        [Class::Personal, Class::Personal, Class::Public]
    );
    assert_eq!(authority.classes(), [(path("parks/noise"), Class::Personal)]);
}

#[test]
fn who_only_writes_seals_nothing_and_neither_does_a_stranger() {
    let writer =
        Grant { rights: Rights::of([Right::Read, Right::Write]), ..first(alone().space(), ROOT, SENSOR) };
    let (own, foreign) = (epoch(SENSOR, "parks", 1), epoch(STRANGER, "parks", 2));
    let events = [
        shown(ROOT, &writer),
        entered(SENSOR, &own, Some(&writer), 1),
        entered(STRANGER, &foreign, Some(&writer), 1),
        entered(STRANGER, &epoch(STRANGER, "parks", 3), None, 1),
    ];
    assert!(in_every_order(&alone(), &events).sealed().is_empty());
}

#[test]
fn of_two_epochs_the_higher_number_counts_and_of_one_number_the_lower_hash() {
    let of_manager = manager();
    let before = epoch(MANAGER, "parks", 3);
    let mut rivals = [after(&before, MANAGER, 1), after(&before, ROOT, 2)];
    let events = [
        shown(ROOT, &of_manager),
        entered(MANAGER, &before, Some(&of_manager), 0),
        entered(MANAGER, &rivals[0], Some(&of_manager), 1),
        entered(ROOT, &rivals[1], None, 5),
    ];
    let authority = in_every_order(&alone(), &events);
    rivals.sort_by_key(EpochRecord::id);
    assert_eq!(current(&authority, "parks"), Some(rivals[0].id()));
    assert_eq!(
        authority.epochs_of(&path("parks")).len(),
        3,
        "the others still count for what was sealed to them"
    );
}

#[test]
fn what_a_revoked_manager_enters_past_its_cut_is_no_epoch() {
    let of_manager = manager();
    let log = control(MANAGER, Some(&of_manager));
    let below = epoch(MANAGER, "parks", 1);
    let past = after(&below, MANAGER, 2);
    let events = [
        shown(ROOT, &of_manager),
        entered(MANAGER, &below, Some(&of_manager), 2),
        entered(MANAGER, &past, Some(&of_manager), 3),
        shown(ROOT, &revoke(ROOT, &of_manager, &[Cut { log, size: 3, root: [7; 32] }])),
    ];
    let before = fold(&alone(), &events[..3]);
    assert_eq!(current(&before, "parks"), Some(past.id()));
    assert_eq!(current(&in_every_order(&alone(), &events), "parks"), Some(below.id()));
}

/// In another control log of its issuer under the same grant.
fn in_another_log(number: u8, event: &Event) -> Event {
    let place = event.place.map(|place| Entered { log: log(number), ..place });
    Event { place, ..event.clone() }
}

#[test]
fn what_a_revoked_manager_enters_past_its_cut_pushes_no_epoch_out() {
    let (of_manager, it) = (manager(), epoch(MANAGER, "parks", 1));
    let at = |number, position| in_another_log(number, &entered(MANAGER, &it, Some(&of_manager), position));
    let mut events = vec![
        shown(ROOT, &of_manager),
        at(9, 3),
        shown(ROOT, &revoke(ROOT, &of_manager, &[cut(log(1), 3), cut(log(9), 4)])),
    ];
    assert_eq!(current(&in_every_order(&alone(), &events), "parks"), Some(it.id()));
    // The same record again and again, in logs with lower ids, past where they are cut.
    for number in [1, 2, 3, 4] {
        events.extend((4..9).map(|position| at(number, position)));
    }
    let [forth, back] = [fold(&alone(), &events), fold(&alone(), events.iter().rev())];
    assert_eq!(current(&forth, "parks"), Some(it.id()));
    assert_eq!(current(&back, "parks"), Some(it.id()));
    // Each further log costs as much as an epoch.
    let mut full = forth;
    for _ in 0..EPOCHS_OF_ONE_ISSUER_MAX {
        full.sealed.room.took(&peer(MANAGER), true);
    }
    let further = at(5, 0);
    let refused = full.enter(further.place.expect("entered"), further.record);
    assert!(matches!(refused, Err(ControlError::Epochs)));
}

#[test]
fn an_epoch_counts_only_right_after_the_one_that_it_ends() {
    let (of_manager, first) = (manager(), epoch(MANAGER, "parks", 1));
    let next = after(&first, MANAGER, 2);
    let leaps = [
        EpochRecord { number: u32::MAX, ..after(&first, MANAGER, 3) },
        EpochRecord { number: u32::MAX, previous: None, ..next.clone() },
        EpochRecord { number: 0, ..after(&first, MANAGER, 4) },
        // After one of another collection, and after none that is held.
        EpochRecord { collection: path("parks/noise"), ..after(&first, MANAGER, 5) },
        after(&after(&first, MANAGER, 6), MANAGER, 7),
    ];
    let enter = |it: &EpochRecord, position| entered(MANAGER, it, Some(&of_manager), position);
    let mut events = vec![shown(ROOT, &of_manager), enter(&first, 0), enter(&next, 1)];
    events.extend(leaps.iter().map(|it| enter(it, 2)));
    for authority in [fold(&alone(), &events), fold(&alone(), events.iter().rev())] {
        assert_eq!(current(&authority, "parks"), Some(next.id()));
        assert_eq!(authority.epochs_of(&path("parks")).len(), 2);
        assert_eq!(current(&authority, "parks/noise"), None);
    }
    // Somebody went on from what is cut since: its epoch counts, and is the current one.
    let log = control(MANAGER, Some(&of_manager));
    let honest = after(&next, ROOT, 8);
    let ended = [
        shown(ROOT, &of_manager),
        enter(&first, 0),
        enter(&next, 1),
        entered(ROOT, &honest, None, 0),
        shown(ROOT, &revoke(ROOT, &of_manager, &[cut(log, 1)])),
    ];
    let authority = in_every_order(&alone(), &ended);
    assert_eq!(current(&authority, "parks"), Some(honest.id()));
    assert_eq!(authority.epochs_of(&path("parks")).len(), 2, "the first and the last");
}

#[test]
fn a_manager_of_one_collection_leaves_the_others_room_for_epochs() {
    let space = alone().space();
    let (one, other) = (Grant { resource: path("parks"), ..manager() }, first(space, ROOT, DEPUTY));
    let mut authority = fold(&alone(), &[shown(ROOT, &one), shown(ROOT, &other)]);
    for _ in 0..EPOCHS_OF_ONE_ISSUER_MAX {
        authority.sealed.room.took(&peer(MANAGER), true);
    }
    let full = entered(MANAGER, &epoch(MANAGER, "parks", 1), Some(&one), 0);
    let refused = authority.enter(full.place.expect("entered"), full.record);
    assert!(matches!(refused, Err(ControlError::Epochs)));
    let it = epoch(DEPUTY, "parks", 2);
    put(&mut authority, &entered(DEPUTY, &it, Some(&other), 0));
    assert_eq!(current(&authority, "parks"), Some(it.id()));
    // Whatever managers do, roots have room.
    for by in 50..52 {
        (0..EPOCHS_OF_ONE_ISSUER_MAX).for_each(|_| authority.sealed.room.took(&peer(by), true));
    }
    put(&mut authority, &entered(ROOT, &epoch(ROOT, "harbour", 3), None, 0));
}

#[test]
fn who_manages_and_may_not_read_begins_no_epoch() {
    let it = epoch(MANAGER, "parks", 1);
    let manages = Grant { rights: Rights::of([Right::Manage, Right::Write]), ..manager() };
    let reads = Grant { rights: Rights::of([Right::Read]), ..manager() };
    let events = [shown(ROOT, &manages), shown(ROOT, &reads), entered(MANAGER, &it, Some(&manages), 3)];
    let authority = in_every_order(&alone(), &events);
    assert_eq!(current(&authority, "parks"), None);
    assert_eq!(authority.once_sealed().count(), 0);
}

#[test]
fn what_somebody_sealed_who_managed_it_once_was_once_sealed_whatever_was_cut_since() {
    let (of_manager, it) = (manager(), epoch(MANAGER, "parks", 1));
    let events = [
        shown(ROOT, &of_manager),
        entered(MANAGER, &it, Some(&of_manager), 3),
        shown(ROOT, &revoke(ROOT, &of_manager, &[])),
        entered(STRANGER, &epoch(STRANGER, "harbour", 2), None, 1),
        entered(MANAGER, &epoch(MANAGER, "harbour", 3), Some(&of_manager), 4),
    ];
    let authority = in_every_order(&alone(), &events);
    assert!(authority.sealed().is_empty());
    assert_eq!(authority.once_sealed().map(|it| it.id()).collect::<Vec<_>>(), [it.id()]);
}

#[test]
fn an_epoch_of_a_root_needs_as_many_voices_as_all_that_roots_say() {
    let home = manifest(&[ROOT, SECOND], 2);
    let it = EpochRecord { space: home.space(), ..epoch(ROOT, "parks", 1) };
    let alone = [entered(ROOT, &it, None, 0)];
    assert!(fold(&home, &alone).sealed().is_empty());
    let agreed = [alone[0].clone(), shown(SECOND, &approve(home.space(), SECOND, it.hash()))];
    assert_eq!(current(&in_every_order(&home, &agreed), "parks"), Some(it.id()));
}

#[test]
fn a_root_that_goes_still_agrees_to_an_epoch_below_the_cut_of_its_log_and_not_past_it() {
    let home = manifest(&[ROOT, SECOND], 2);
    let it = EpochRecord { space: home.space(), ..epoch(ROOT, "parks", 1) };
    let cut = Cut { log: control(SECOND, None), size: 1, root: [7; 32] };
    let next = succeed(home.space(), ROOT, &[ROOT, THIRD], 2, &[cut]);
    for (position, counts) in [(0, true), (1, false)] {
        let events = [
            entered(ROOT, &it, None, 0),
            entered(SECOND, &approve(home.space(), SECOND, it.hash()), None, position),
            shown(ROOT, &next),
            shown(SECOND, &approve(home.space(), SECOND, next.hash())),
        ];
        let authority = in_every_order(&home, &events);
        assert_eq!(authority.roots(), [peer(ROOT), peer(THIRD)]);
        assert_eq!(current(&authority, "parks").is_some(), counts, "{position}");
    }
}

fn endorsed(by: u8, number: u32, not_after: i64) -> SealingEndorsement {
    let key = key(by).sealing_key(alone().space(), number, UnixMillis(not_after));
    SealingEndorsement::clone(key.endorsement())
}

#[test]
fn of_a_peers_sealing_keys_the_higher_number_counts_and_then_the_longer_one() {
    let all = [endorsed(SENSOR, 0, 900), endorsed(SENSOR, 1, 100), endorsed(SENSOR, 1, 200)];
    let let_in = shown(ROOT, &first(alone().space(), ROOT, SENSOR));
    let events: Vec<_> = all.iter().map(|it| shown(SENSOR, it)).chain([let_in.clone()]).collect();
    let authority = in_every_order(&alone(), &events);
    assert_eq!(authority.sealing_key(&peer(SENSOR)).map(|it| &**it), Some(&all[2]));
    // Nobody says so of somebody else.
    let mut authority = fold(&alone(), [&let_in]);
    let forged: ControlRecord = signed(STRANGER, all[0].clone());
    assert!(authority.learn(forged).is_err());
    assert_eq!(authority.sealing_key(&peer(SENSOR)), None);
}

#[test]
fn whoever_may_read_or_write_all_of_it_now_is_entitled_and_from_its_earliest_grant_on() {
    let space = alone().space();
    let grant = |holder, rights: &[Right], on: &str, from| Grant {
        rights: Rights::of(rights.iter().copied()),
        resource: path(on),
        not_before: UnixMillis(from),
        ..first(space, ROOT, holder)
    };
    let over = grant(STRANGER, &[Right::Read], "parks", 100);
    let events = [
        shown(ROOT, &grant(MANAGER, &[Right::Read], "parks", 140)),
        shown(ROOT, &grant(MANAGER, &[Right::Read, Right::Write], "", 120)),
        shown(ROOT, &grant(SENSOR, &[Right::Write], "parks", 100)),
        shown(ROOT, &grant(DEPUTY, &[Right::Read], "parks/noise", 100)),
        shown(ROOT, &over),
        shown(ROOT, &revoke(ROOT, &over, &[])),
    ];
    let authority = fold(&alone(), &events);
    let entitled = authority.entitled(&path("parks"), AT);
    assert_eq!(entitled.len(), 2);
    let (both, writes) = (entitled[&peer(MANAGER)], entitled[&peer(SENSOR)]);
    assert_eq!((both.reads_from, both.writes), (Some(UnixMillis(120)), true));
    assert_eq!((writes.reads_from, writes.writes), (None, true));
    assert!(authority.entitled(&path("parks"), UnixMillis(201)).is_empty(), "grants end");
}

#[test]
fn who_only_relays_could_read_what_is_in_clear_and_not_what_is_sealed() {
    let space = alone().space();
    let of_manager = manager();
    let relays =
        Grant { rights: Rights::of([Right::Relay]), resource: path(""), ..first(space, ROOT, SENSOR) };
    let events = [
        shown(ROOT, &of_manager),
        shown(ROOT, &relays),
        entered(MANAGER, &epoch(MANAGER, "parks/noise", 1), Some(&of_manager), 3),
    ];
    let authority = in_every_order(&alone(), &events);
    let could = |on: &str| authority.readers(&path(on), AT).iter().map(|it| it.holder).collect::<Vec<_>>();
    assert_eq!(could("parks/noise"), [peer(MANAGER)]);
    assert_eq!(could("parks/noise/roof"), [peer(MANAGER)], "nor what lies below");
    assert_eq!(could("parks").len(), 2);
}

/// Epochs, keys, grants, and what ends them: of whoever.
fn events(choices: &[(u8, u8, u8, u64)]) -> Vec<Event> {
    let of_manager = manager();
    let (mut events, log) = (vec![shown(ROOT, &of_manager)], control(MANAGER, Some(&of_manager)));
    let mut last: [Option<EpochRecord>; 2] = [None, None];
    for (kind, who, number, position) in choices {
        let at = usize::from(*number) % 2;
        let mut next = |issuer| {
            let previous = last[at].as_ref().filter(|_| number % 3 > 0);
            let it = follow(issuer, PATHS[at], previous, *who);
            last[at] = Some(it.clone());
            it
        };
        let event = match kind % 6 {
            0 => entered(MANAGER, &next(MANAGER), Some(&of_manager), *position),
            1 => in_another_log(number % 3, &entered(MANAGER, &next(MANAGER), Some(&of_manager), *position)),
            2 => entered(ROOT, &next(ROOT), None, *position),
            3 => shown(ROOT, &revoke(ROOT, &of_manager, &[Cut { log, size: *position, root: [7; 32] }])),
            4 => shown(*who % 40, &endorsed(*who % 40, u32::from(number % 2), i64::from(*number))),
            _ => entered(STRANGER, &next(STRANGER), Some(&of_manager), *position),
        };
        events.push(event);
    }
    events
}

type Picture = (Vec<(String, EpochId)>, Vec<Vec<EpochId>>, Vec<Option<[u8; 32]>>);

fn picture(authority: &Authority) -> Picture {
    let sealed = authority.sealed().into_iter().map(|(path, it)| (path.to_string(), it.id())).collect();
    let all = PATHS.map(|on| authority.epochs_of(&path(on)).into_iter().map(|it| it.id()).collect());
    let keys = (0..40).map(|by| authority.sealing_key(&peer(by)).map(|it| it.hash())).collect();
    (sealed, all.to_vec(), keys)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_order_and_no_repetition_changes_what_is_sealed(
        choices in proptest::collection::vec((any::<u8>(), any::<u8>(), any::<u8>(), 0u64..6), 1..14),
        order in proptest::collection::vec(any::<Index>(), 28),
    ) {
        let events = events(&choices);
        let reference = picture(&fold(&alone(), &events));
        let mut shuffled: Vec<_> = order.iter().zip(&events).collect();
        shuffled.sort_by_key(|(at, _)| at.index(1_000_000));
        let again = order.iter().map(|at| at.get(&events));
        let all = again.chain(shuffled.into_iter().map(|(_, event)| event));
        prop_assert_eq!(picture(&fold(&alone(), all)), reference.clone());
        prop_assert_eq!(picture(&fold(&alone(), events.iter().rev())), reference);
    }
}

#[test]
fn who_was_never_let_in_has_no_sealing_key_here() {
    let let_in = shown(ROOT, &first(alone().space(), ROOT, SENSOR));
    let mut authority = empty(&alone());
    let made_up = |nth: u32| {
        let seed = *blake3::hash(&nth.to_le_bytes()).as_bytes();
        let key = Identity::from_seed(seed).sealing_key(alone().space(), 0, UnixMillis(900));
        key.endorsement().clone()
    };
    // However many peers somebody makes up, they take no room from those who are let in.
    for nth in 1..WAITING_MAX {
        let key = made_up(nth);
        authority.sealed.keys.insert(key.peer, key);
    }
    let last = made_up(0);
    assert!(authority.learn(last.clone().into()).is_ok());
    assert_eq!(authority.sealing_key(&last.peer), None);
    assert!(matches!(authority.learn(made_up(WAITING_MAX).into()), Err(ControlError::Waiting)));
    let key_of = |authority: &Authority, by| authority.sealing_key(&peer(by)).is_some();
    put(&mut authority, &let_in);
    for by in [SENSOR, ROOT] {
        assert!(authority.learn(signed(by, endorsed(by, 0, 900))).expect("let in").sealed);
        assert!(key_of(&authority, by));
    }
}
