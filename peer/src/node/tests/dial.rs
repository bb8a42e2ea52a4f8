//! Where somebody is dialled, and what becomes of that. When is the overlay's business.

use super::*;

/// Takes the addresses that are to be dialled.
fn dials(rig: &mut Rig) -> Vec<SocketAddr> {
    rig.take(|output| match output {
        Output::Dial { address } => Some(*address),
        _ => None,
    })
}

/// Lets time pass until something is dialled, or `at_most` is over.
fn dials_within(rig: &mut Rig, at_most: Duration) -> Vec<SocketAddr> {
    let end = rig.mono + at_most;
    rig.handle(Input::Timeout);
    loop {
        let dialled = dials(rig);
        let next = rig.node.poll_timeout().filter(|next| *next <= end);
        match next {
            None => return dialled,
            _ if !dialled.is_empty() => return dialled,
            Some(next) => rig.pass(next.saturating_sub(rig.mono)),
        }
    }
}

fn fail(rig: &mut Rig, address: SocketAddr) {
    rig.handle(Input::DialFailed { address, why: DialFailure::TimedOut });
}

const MINUTE: Duration = Duration::from_secs(60);
/// The longest pause before a configured contact is dialled again.
const REDIAL_MAX: Duration = Duration::from_secs(15);

#[test]
fn a_contact_is_dialled_at_once_and_again_and_again_with_growing_pauses() {
    let mut a = sensor();
    assert_eq!(dials_within(&mut a, Duration::from_secs(1)), [address(3)]);
    let mut pauses = Vec::new();
    for _ in 0..6 {
        fail(&mut a, address(3));
        let before = a.mono;
        assert_eq!(dials_within(&mut a, 10 * MINUTE), [address(3)]);
        pauses.push(a.mono - before);
    }
    assert!(pauses[0] < Duration::from_secs(3) && pauses[5] > 4 * pauses[0], "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause <= REDIAL_MAX * 5 / 4), "{pauses:?}");
}

#[test]
fn what_is_found_on_the_link_is_dialled_until_it_stops_answering() {
    let mut a = gateway();
    a.handle(Input::Discovered { address: address(7) });
    assert_eq!(dials_within(&mut a, Duration::from_secs(1)), [address(7)]);
    a.handle(Input::Discovered { address: address(7) });
    assert!(dials(&mut a).is_empty(), "it is under way");
    let mut tries = 1;
    loop {
        fail(&mut a, address(7));
        if dials_within(&mut a, 10 * MINUTE).is_empty() {
            break;
        }
        tries += 1;
        assert!(tries < 20, "it is given up");
    }
    assert!(tries > 3, "{tries} tries");
    a.handle(Input::Discovered { address: address(7) });
    assert_eq!(dials_within(&mut a, MINUTE), [address(7)], "until it is found again");
}

#[test]
fn a_link_full_of_announcements_is_dialled_up_to_the_bound() {
    let config = Config { discovered_max: 4, contacts: vec![contact(200)], ..Config::default() };
    let mut a = rig(3, &[Right::Read], config);
    for n in 1..100 {
        a.handle(Input::Discovered { address: address(n) });
    }
    assert_eq!(a.node.sizes().contacts, 5, "the contact and four more");
    let dialled = dials_within(&mut a, Duration::from_secs(1));
    assert!(dialled.contains(&address(200)), "what was found crowds out no contact: {dialled:?}");
    // Whoever does not answer makes room.
    dialled.iter().filter(|it| **it != address(200)).for_each(|it| fail(&mut a, *it));
    a.handle(Input::Discovered { address: address(100) });
    assert_eq!(a.node.sizes().contacts, 5);
}

/// Who lives there, in its own word.
fn record(peer: &Identity, addresses: &[&str], issued: UnixMillis) -> Vec<u8> {
    let addresses = addresses.iter().map(|text| text.parse().expect("an address")).collect();
    let addresses = msec_identity::Addresses::new(addresses).expect("addresses");
    let expires = issued.saturating_add(DAY_MS);
    peer.sign(msec_identity::AddressRecord { peer: peer.peer(), addresses, issued, expires }).to_bytes()
}

/// A gateway on 10.0.0.3/24 with a neighbour that tells it things.
fn listening(config: Config) -> (Rig, PeerId) {
    let networks = vec![Network { ip: address(3).ip(), prefix: 24 }];
    let mut b = rig(3, &[Right::Relay, Right::Read], Config { networks, ..config });
    let mut a = sensor();
    connect(&mut a, &mut b, 0);
    (b, a.node.peer())
}

/// What the gateway would dial of these records, in the order in which it was told.
fn heard(config: Config, records: &[Vec<u8>]) -> Vec<Vec<SocketAddr>> {
    let (mut b, from) = listening(config);
    let known = |b: &Rig| b.node.dialler.book.all().len();
    records
        .iter()
        .map(|record| {
            let before = known(&b);
            b.node.check_record(from, record.clone());
            let all = b.node.dialler.book.all();
            let new = all.last().filter(|_| all.len() > before).map(|known| known.contact);
            new.map(|contact| b.node.dialler.book.addresses(contact)).unwrap_or_default()
        })
        .collect()
}

#[test]
fn what_a_peer_signs_is_kept_where_it_may_be_dialled() {
    let peer = |n| Identity::from_seed([n; 32]);
    let both = record(&peer(9), &["192.168.1.1:4000", "10.0.0.9:4000", "198.51.100.9:4000"], START);
    let expected = ["10.0.0.9:4000", "198.51.100.9:4000"].map(|text| text.parse().expect("an address"));
    let elsewhere = record(&peer(10), &["192.168.1.1:4000", "127.0.0.1:4000"], START);
    let old = record(&peer(11), &["10.0.0.9:4000"], START.saturating_add(-2 * DAY_MS));
    let mut forged = record(&peer(12), &["10.0.0.9:4000"], START);
    *forged.last_mut().expect("a signature") ^= 1;
    let own = record(&peer(3), &["10.0.0.9:4000"], START);
    let garbage = vec![7; 300];
    let records = [both, elsewhere, old, forged, own, garbage];
    let kept = heard(Config::default(), &records);
    assert_eq!(kept[0], expected);
    assert!(kept[1..].iter().all(Vec::is_empty), "{kept:?}");
    let none = heard(Config { hearsay_max: 0, ..Config::default() }, &records);
    assert!(none.iter().all(Vec::is_empty), "who wants no hearsay keeps none");
}

#[test]
fn an_address_that_its_peer_did_not_sign_convicts_and_what_is_old_or_strange_does_not() {
    let peer = Identity::from_seed([9; 32]);
    let good = record(&peer, &["10.0.0.9:4000"], START);
    let mut forged = good.clone();
    *forged.last_mut().expect("a signature") ^= 1;
    let mut later_version = good.clone();
    later_version[1..].iter_mut().find(|byte| **byte == b'1').map(|byte| *byte = b'2').expect("a version");
    let expired = record(&peer, &["10.0.0.9:4000"], START.saturating_add(-2 * DAY_MS));
    let (mut b, from) = listening(Config::default());
    b.handle(Input::Timeout);
    b.events();
    let mut told = |record: &[u8]| {
        b.node.check_record(from, record.to_vec());
        b.handle(Input::Timeout);
        let refused = |event| match event {
            Event::Refused(Refused { peer, kind, .. }) => Some((peer, kind)),
            _ => None,
        };
        (b.events().into_iter().filter_map(refused).collect::<Vec<_>>(), b.closes())
    };
    for harmless in [good, later_version, expired, vec![7; 300], Vec::new()] {
        assert_eq!(told(&harmless), (vec![], vec![]));
    }
    // Whoever passes it on has seen that.
    let (said, closed) = told(&forged);
    assert_eq!(said, [(Some(from), RefusedKind::ForgedAddress)]);
    assert_eq!(closed, [CloseReason::Misbehaved]);
}

#[test]
fn a_later_record_of_a_peer_counts_and_an_earlier_one_does_not() {
    let (mut b, from) = listening(Config::default());
    let peer = Identity::from_seed([9; 32]);
    let at = |b: &Rig| {
        let all = b.node.dialler.book.all();
        let it = all.iter().find(|it| it.peer == Some(peer.peer())).expect("it is known");
        b.node.dialler.book.addresses(it.contact)
    };
    b.node.check_record(from, record(&peer, &["10.0.0.9:4000"], START));
    let later = record(&peer, &["10.0.0.10:4000"], START.saturating_add(1));
    b.node.check_record(from, later);
    assert_eq!(at(&b), [address(10)]);
    b.node.check_record(from, record(&peer, &["10.0.0.9:4000"], START));
    assert_eq!(at(&b), [address(10)]);
    assert_eq!(b.node.sizes().hearsay, 1, "one peer is one contact");
}

#[test]
fn a_neighbour_that_makes_up_peers_has_few_of_them_looked_at() {
    let (mut b, from) = listening(Config::default());
    for n in 0..1_000_u32 {
        let mut seed = [7; 32];
        seed[..4].copy_from_slice(&n.to_le_bytes());
        let peer = Identity::from_seed(seed);
        b.node.check_record(from, record(&peer, &["198.51.100.9:4000"], START));
    }
    assert_eq!(b.node.sizes().hearsay, 128, "as many signatures are checked at once");
}

#[test]
fn the_addresses_of_a_contact_are_tried_one_after_the_other() {
    let (mut b, from) = listening(Config::default());
    let peer = Identity::from_seed([9; 32]);
    b.node.check_record(from, record(&peer, &["10.0.0.8:4000", "10.0.0.9:4000"], START));
    let all = b.node.dialler.book.all();
    let contact = all.iter().find(|it| it.peer == Some(peer.peer())).expect("it is known").contact;
    b.node.dial(contact);
    b.handle(Input::Timeout);
    assert_eq!(dials(&mut b), [address(8)]);
    fail(&mut b, address(8));
    assert_eq!(dials(&mut b), [address(9)]);
    fail(&mut b, address(9));
    assert_eq!(dials(&mut b), [], "there is no third");
}

#[test]
fn dials_to_signed_addresses_are_few_at_once() {
    let (mut b, from) = listening(Config::default());
    for n in 10..100 {
        let peer = Identity::from_seed([n; 32]);
        b.node.check_record(from, record(&peer, &[&format!("10.0.0.{n}:4000")], START));
    }
    for it in b.node.dialler.book.all() {
        b.node.dial(it.contact);
    }
    b.handle(Input::Timeout);
    let signed = |rig: &mut Rig| dials(rig).iter().filter(|it| **it != address(2)).count();
    assert_eq!(signed(&mut b), 32);
    b.pass(Duration::from_millis(499));
    assert_eq!(signed(&mut b), 0);
    b.pass(Duration::from_millis(1));
    assert_eq!(signed(&mut b), 1);
}

#[test]
fn a_relay_that_can_be_dialled_says_so_until_that_is_over_and_a_leaf_does_not() {
    let config = |role| Config { role, advertise: vec![address(3)], ..Config::default() };
    let mut relay = rig(3, &[Right::Relay], config(Role::Relay));
    let leaf = rig(3, &[Right::Relay], config(Role::Leaf));
    let issued = |rig: &Rig| rig.node.whereabouts.issued.map(|(issued, _)| issued);
    assert_eq!((issued(&relay), issued(&leaf)), (Some(START), None));
    relay.pass(Duration::from_secs(12 * 3600 - 1));
    assert_eq!(issued(&relay), Some(START));
    relay.pass(Duration::from_secs(1));
    assert_eq!(issued(&relay), Some(relay.wall), "signed again when half of it is over");
    relay.pass(MINUTE);
    let (advertise, networks) = (vec![address(4)], Vec::new());
    relay.handle(Input::Moved { advertise, networks });
    assert_eq!(issued(&relay), Some(relay.wall), "and when it has moved");
    assert!(relay.node.poll_timeout().is_none_or(|due| due > relay.mono), "a timer that rests");
}
