//! Places and times of logs, as gossip is told of them.

use msec_crdt_store::Place;
use msec_gossip::{LEVEL_TOLD, Topic};
use msec_identity::ControlRecord;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const SANTANDER: (f64, f64) = (43.46, -3.80);

/// Writes one reading at a place, in a stream of its own.
fn write(rig: &mut Rig, ticket: u64, place: Option<(f64, f64)>) {
    let place =
        place.map(|(latitude, longitude)| Place::from_degrees(latitude, longitude).expect("on Earth"));
    let stream = StreamSpec::new("parks/noise", &format!("mic-{ticket}")).expect("a stream").place(place);
    let content = Content::Readings(vec![Reading::new(rig.wall, ticket as f64)]);
    rig.handle(Input::Publish { ticket: Ticket(ticket), stream, content });
    rig.pass(WINDOW);
    rig.sync();
}

/// A reader that wants that, once it has met `writer`.
fn reader(writer: &mut Rig, interest: Interest, role: Role, link: u64) -> Rig {
    let config = Config { interest, role, contacts: vec![contact(3)], ..Config::default() };
    let mut reader = rig(10 + link as u8, &[Right::Read], config);
    (reader.mono, reader.wall) = (writer.mono, writer.wall);
    connect(&mut reader, writer, link);
    settle(&mut reader, writer, link);
    reader
}

fn relay() -> Rig {
    rig(3, &[Right::Relay, Right::Read, Right::Write], Config::default())
}

#[test]
fn a_reader_gets_what_is_near_and_what_has_no_place() {
    let mut gateway = relay();
    let (latitude, longitude) = SANTANDER;
    write(&mut gateway, 1, Some(SANTANDER));
    write(&mut gateway, 2, Some((latitude + 0.1, longitude)));
    write(&mut gateway, 3, None);
    let near = Interest::all().near(latitude, longitude, 500.0).expect("an area");
    let mut reader = reader(&mut gateway, near, Role::Relay, 0);
    // What comes live as well.
    for (ticket, place) in [(4, Some(SANTANDER)), (5, Some((latitude, longitude + 0.1))), (6, None)] {
        write(&mut gateway, ticket, place);
        exchange(&mut reader, &mut gateway, 0);
    }
    settle(&mut reader, &mut gateway, 0);
    let mut values = reader.verified();
    values.sort_by(f64::total_cmp);
    assert_eq!(values, [1.0, 3.0, 4.0, 6.0]);
}

#[test]
fn a_stream_that_was_quiet_for_too_long_comes_whole_once_it_writes_again() {
    let mut gateway = relay();
    write(&mut gateway, 1, None);
    write(&mut gateway, 2, None);
    gateway.pass(3 * HOUR);
    let since = Interest::all().since(gateway.wall.saturating_add(-3_600_000));
    let mut reader = reader(&mut gateway, since, Role::Relay, 0);
    assert_eq!((reader.verified(), reader.node.frontier().count()), (vec![], 0));
    write(&mut gateway, 2, None);
    settle(&mut reader, &mut gateway, 0);
    assert_eq!(reader.verified(), [2.0, 2.0], "and what it wrote before that");
    // A restart finds the same in the store.
    let papers = vec![grant(&Identity::from_seed([3; 32]), &[Right::Relay, Right::Read], 30)];
    let at = (gateway.mono, gateway.wall);
    let mut gateway = rig_with(3, papers, Config::default(), gateway.dir);
    (gateway.mono, gateway.wall) = at;
    let since = Interest::all().since(gateway.wall.saturating_add(-3_600_000));
    let mut reader = self::reader(&mut gateway, since, Role::Relay, 1);
    assert_eq!(reader.verified(), [2.0, 2.0]);
}

#[test]
fn a_clock_that_was_never_set_is_of_all_times() {
    let mut gateway = relay();
    let wall = std::mem::replace(&mut gateway.wall, UnixMillis(5_000));
    write(&mut gateway, 1, None);
    gateway.wall = wall;
    let since = Interest::all().since(gateway.wall.saturating_add(-3_600_000));
    assert_eq!(reader(&mut gateway, since, Role::Relay, 0).verified(), [1.0]);
}

#[test]
fn a_leaf_wants_what_it_tells() {
    let (latitude, longitude) = SANTANDER;
    let near = Interest::of(["parks"]).expect("a prefix").near(latitude, longitude, 50.0).expect("an area");
    let mut gateway = relay();
    // On the other side of its cell: its neighbour thinks that it wants that, so it does.
    write(&mut gateway, 1, Some((latitude + 0.008, longitude)));
    write(&mut gateway, 2, Some((latitude + 0.1, longitude)));
    let mut phone = reader(&mut gateway, near.clone(), Role::Leaf, 0);
    let told = phone.node.interest().clone();
    assert!(told.contains(&near) && told != near);
    assert!(told.cells().expect("cells").iter().all(|cell| cell.ilog2() <= 2 * u32::from(LEVEL_TOLD)));
    assert_eq!(phone.verified(), [1.0]);
    let whole = near.clone().with(&control::control());
    assert_eq!(reader(&mut gateway, near, Role::Relay, 1).node.interest(), &whole, "and control entries");
}

/// A grant of the root to read there.
fn reads(holder: &Identity, resource: &str, days: i64) -> Verified<Grant> {
    let of_parks = grant(holder, &[Right::Read], days);
    root().sign(Grant { resource: resource.parse().expect("a path"), ..Grant::clone(&of_parks) })
}

/// The root's peer, which writes and grants, with a sensor's readings in two collections.
fn office() -> Rig {
    let all = [Right::Relay, Right::Read, Right::Write, Right::Manage];
    let own = Grant { resource: CollectionPath::everything(), ..Grant::clone(&grant(&root(), &all, 30)) };
    let mut office = rig_with(1, vec![root().sign(own)], Config::default(), MemoryDir::default());
    for (ticket, collection) in [(1, "parks"), (2, "roads")] {
        let stream = StreamSpec::new(collection, "mic").expect("a stream");
        let content = Content::Readings(vec![Reading::new(office.wall, ticket as f64)]);
        office.handle(Input::Publish { ticket: Ticket(ticket), stream, content });
        office.sync();
    }
    office
}

fn enters(office: &mut Rig, record: ControlRecord) {
    let stream = StreamSpec::new(".control", "root").expect("a stream");
    let content = Content::Control(Box::new(record));
    office.handle(Input::Publish { ticket: Ticket(9), stream, content });
    office.sync();
    office.sync();
}

#[test]
fn what_an_own_grant_allows_that_came_by_a_control_log_is_wanted_at_once() {
    let reader = Identity::from_seed([10; 32]);
    for role in [Role::Relay, Role::Leaf] {
        let mut office = office();
        let config = Config { role, contacts: vec![contact(1)], ..Config::default() };
        let papers = vec![reads(&reader, "parks", 30)];
        let mut reader_rig = rig_with(10, papers, config, MemoryDir::default());
        connect(&mut reader_rig, &mut office, 0);
        settle(&mut reader_rig, &mut office, 0);
        assert_eq!(reader_rig.verified(), [1.0], "its grant is for the parks");
        enters(&mut office, reads(&reader, "roads", 29).into());
        settle(&mut reader_rig, &mut office, 0);
        assert_eq!(reader_rig.verified(), [2.0], "and now for the roads");
        // What is written from now on comes live.
        let stream = StreamSpec::new("roads", "mic").expect("a stream");
        let content = Content::Readings(vec![Reading::new(office.wall, 3.0)]);
        office.handle(Input::Publish { ticket: Ticket(3), stream, content });
        office.sync();
        exchange(&mut reader_rig, &mut office, 0);
        assert_eq!(reader_rig.verified(), [3.0]);
    }
}

#[test]
fn what_a_peer_wants_and_may_not_have_is_told_and_not_given() {
    let mut office = office();
    let reader = Identity::from_seed([10; 32]);
    let config = Config { contacts: vec![contact(1)], ..Config::default() };
    let mut reader = rig_with(10, vec![reads(&reader, "parks", 30)], config, MemoryDir::default());
    connect(&mut reader, &mut office, 0);
    settle(&mut reader, &mut office, 0);
    assert!(reader.node.wanted.covers(&Topic::new("roads").expect("a topic")));
    assert_eq!(reader.verified(), [1.0]);
    assert_eq!(reader.node.frontier().count(), 1);
}
