//! A contact's ways through the table.

use super::*;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn small() -> Config {
    Config { passive_max: 2, remembered_max: 2, fixed_max: 1, ..Config::default() }
}

struct Rig {
    contacts: Contacts,
    config: Config,
    dice: Dice,
}

impl Rig {
    fn new() -> Self {
        Self { contacts: Contacts::default(), config: small(), dice: Dice::new([1; 32]) }
    }

    fn add(&mut self, id: u64, source: Source, peer: u8, lived_at: Duration) {
        let heard = Heard {
            id: ContactId(id),
            source,
            peer: Some(PeerId([peer; 32])),
            record: Record::new(&[peer, 1]),
            lived_at,
        };
        self.contacts.add(heard, false, &self.config, &mut self.dice);
    }

    fn place(&self, id: u64) -> Option<Place> {
        self.contacts.get(ContactId(id)).map(|contact| contact.place)
    }

    fn failed(&mut self, id: u64, why: DialFailure, now: Duration) {
        self.contacts.failed(ContactId(id), why, now, &self.config, &mut self.dice);
    }

    fn not_before(&self, id: u64) -> Duration {
        self.contacts.get(ContactId(id)).unwrap().not_before
    }
}

#[test]
fn who_has_no_room_is_remembered_and_the_oldest_forgotten() {
    let mut rig = Rig::new();
    for id in 1..=5 {
        rig.add(id, Source::Hearsay, id as u8, s(id));
    }
    assert_eq!(rig.place(5), Some(Place::Passive), "the last one has a place");
    assert_eq!((rig.contacts.count(Place::Passive), rig.contacts.count(Place::Remembered)), (2, 2));
    assert_eq!(rig.contacts.forgotten.len(), 1);
    let kept: Vec<_> = rig.contacts.in_place(Place::Remembered).map(|(id, _)| id).collect();
    assert!(rig.contacts.forgotten[0] < kept[0], "the one that lived longest ago");
}

#[test]
fn one_peer_is_one_entry() {
    let mut rig = Rig::new();
    rig.add(1, Source::Hearsay, 7, s(1));
    rig.add(2, Source::Hearsay, 7, s(2));
    assert_eq!((rig.place(1), rig.place(2)), (None, Some(Place::Passive)));
    rig.add(3, Source::Configured, 7, s(2));
    assert_eq!((rig.place(2), rig.place(3)), (None, Some(Place::Fixed)));
    rig.add(3, Source::Hearsay, 7, s(3));
    assert_eq!(rig.place(3), Some(Place::Fixed), "what is configured stays so");
    assert!(rig.contacts.record_of(&PeerId([7; 32])).is_some());
}

#[test]
fn what_is_fixed_is_bounded_and_takes_nothing_away() {
    let mut rig = Rig::new();
    rig.add(1, Source::Configured, 1, s(0));
    rig.add(2, Source::Discovered, 2, s(0));
    assert_eq!(rig.contacts.forgotten, [ContactId(2)]);
    rig.add(3, Source::Hearsay, 3, s(0));
    rig.add(3, Source::Discovered, 3, s(0));
    assert_eq!(rig.place(3), Some(Place::Passive), "it stays what it was");
}

#[test]
fn failures_double_the_pause_and_news_end_it() {
    let mut rig = Rig::new();
    rig.add(1, Source::Hearsay, 1, s(0));
    let mut before = s(0);
    for round in 0..14 {
        rig.contacts.dialled(ContactId(1), s(10));
        rig.failed(1, DialFailure::Unreachable, s(10));
        let pause = rig.not_before(1) - s(10);
        assert!(pause > before || pause > s(440), "round {round}: {pause:?}");
        before = pause;
    }
    assert!(before <= s(750), "{before:?}");
    assert_eq!(rig.place(1), Some(Place::Remembered));
    assert!(rig.contacts.get(ContactId(1)).unwrap().is_strange());
    rig.add(1, Source::Hearsay, 1, s(9));
    assert!(rig.not_before(1) > s(10), "it lived before our last try: no news");
    rig.add(1, Source::Hearsay, 1, s(11));
    assert_eq!(rig.not_before(1), s(0));
    assert!(!rig.contacts.get(ContactId(1)).unwrap().is_strange());
}

#[test]
fn who_denies_us_is_left_alone() {
    let mut rig = Rig::new();
    rig.add(1, Source::Configured, 1, s(0));
    rig.failed(1, DialFailure::Denied, s(5));
    assert_eq!(rig.not_before(1), s(605));
    assert!(!rig.contacts.get(ContactId(1)).unwrap().is_strange(), "and is not probed");
}

#[test]
fn who_has_no_room_is_asked_ever_more_seldom() {
    let mut rig = Rig::new();
    rig.add(1, Source::Configured, 1, s(0));
    let mut pauses = Vec::new();
    for _ in 0..4 {
        rig.contacts.reached(ContactId(1), PeerId([1; 32]), s(9), &rig.config);
        rig.failed(1, DialFailure::Refused, s(9));
        pauses.push((rig.not_before(1) - s(9)).as_secs());
    }
    assert!((3..=5).contains(&pauses[0]) && (24..=40).contains(&pauses[3]), "{pauses:?}");
}

#[test]
fn neighbours_come_and_go() {
    let mut rig = Rig::new();
    let peer = PeerId([1; 32]);
    rig.add(1, Source::Hearsay, 1, s(0));
    rig.contacts.linked(&peer, false, &rig.config, &mut rig.dice);
    assert_eq!(rig.place(1), Some(Place::Linked));
    rig.contacts.unlinked(&peer, false, s(5), &rig.config, &mut rig.dice);
    assert_eq!(rig.place(1), Some(Place::Passive), "it left in peace");
    rig.contacts.linked(&peer, false, &rig.config, &mut rig.dice);
    rig.contacts.unlinked(&peer, true, s(9), &rig.config, &mut rig.dice);
    assert_eq!(rig.place(1), Some(Place::Remembered), "it was lost");
    assert!(rig.contacts.get(ContactId(1)).unwrap().is_strange());
}

#[test]
fn what_is_looked_up_is_what_is_there() {
    let mut rig = Rig::new();
    for step in 0..400u64 {
        let (id, now) = (step * 7 % 13, s(step));
        match step % 5 {
            0 | 1 => rig.add(id, Source::Hearsay, (id % 9) as u8, now),
            2 => rig.failed(id, DialFailure::Unreachable, now),
            3 => drop(rig.contacts.reached(ContactId(id), PeerId([(id % 9) as u8; 32]), now, &rig.config)),
            _ => rig.failed(id, DialFailure::Refused, now),
        }
        let all: Vec<_> = rig.contacts.iter().collect();
        let ages =
            all.iter().filter(|(_, it)| it.place == Place::Remembered).map(|(id, it)| (it.lived_at, *id));
        assert_eq!(ages.collect::<BTreeSet<_>>(), rig.contacts.by_age, "step {step}");
        let records = all.iter().filter_map(|(id, it)| Some((it.record.clone()?, *id)));
        assert_eq!(records.collect::<BTreeMap<_, _>>(), rig.contacts.by_record, "step {step}");
        rig.contacts.forgotten.clear();
    }
}
