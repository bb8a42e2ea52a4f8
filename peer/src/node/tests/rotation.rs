//! Noise keys that their owner ended.

use msec_identity::handshake::{AwaitAnswer, Initiator, Introduction};
use msec_identity::{ControlRecord, ControlStream, HandshakeError, NoiseKey};

use super::*;

/// Somebody knocks with a Noise key alone.
fn knock(gateway: &mut Rig, key: &NoiseKey, link: u64) -> Result<(), HandshakeError> {
    let mut rng = ChaCha20Rng::from_seed([link as u8; 32]);
    gateway.link_up(link, None);
    gateway.sends();
    let (wait, first) = Initiator::start(key, BINDING, &mut rng).expect("starts");
    let owner = Identity::from_seed([2; 32]);
    let papers: ControlRecord = grant(&owner, &[Right::Write], 30).into();
    let intro = Introduction { space: manifest().space(), records: vec![papers], greeting: Vec::new() };
    gateway.handle(Input::Received { link: LinkId(link), bytes: first });
    let second = gateway.sends().remove(0);
    let (wait, third): (AwaitAnswer, _) = wait.read(&second, key, &intro)?;
    gateway.handle(Input::Received { link: LinkId(link), bytes: third });
    wait.read(&gateway.sends().remove(0), None).map(drop)
}

fn rotate(rig: &mut Rig) {
    let record = Box::new(rig.node.rotation().into());
    let stream = StreamSpec::new(".control", &ControlStream::Own.to_string()).expect("a stream");
    rig.handle(Input::Publish { ticket: Ticket(77), stream, content: Content::Control(record) });
    // What was published before it is written first.
    rig.sync();
    rig.sync();
    assert!(rig.acknowledged().contains(&(77, true)));
}

fn is_old(refused: Result<(), HandshakeError>) -> bool {
    matches!(refused, Err(HandshakeError::Refused(Refusal::OldKey)))
}

#[test]
fn who_rotates_takes_another_key_at_once_and_comes_again_with_it() {
    let (mut sensor, mut gateway) = (sensor(), gateway());
    connect(&mut sensor, &mut gateway, 0);
    settle(&mut sensor, &mut gateway, 0);
    let stolen = sensor.node.noise_key();
    sensor.publish(1, 1.0);
    rotate(&mut sensor);
    exchange(&mut sensor, &mut gateway, 0);
    settle(&mut sensor, &mut gateway, 0);
    assert!(gateway.closes().contains(&CloseReason::OldKey), "a thief's link would be closed alike");
    assert_eq!(gateway.node.neighbours().count(), 0);
    assert!(is_old(knock(&mut gateway, &stolen, 1)));
    let next = sensor.node.noise_key();
    assert_ne!(next.endorsement().noise, stolen.endorsement().noise);
    // The link is gone for the sensor too, which dials again.
    sensor.handle(Input::LinkDown { link: LinkId(0), why: Lost::Closed });
    connect(&mut sensor, &mut gateway, 2);
    sensor.publish(2, 2.0);
    settle(&mut sensor, &mut gateway, 2);
    assert_eq!(gateway.node.neighbours().count(), 1);
    assert_eq!(sensor.node.frontier().count(), 2, "its log goes on, beside what it says of itself");
    assert_eq!(gateway.node.frontier().collect::<Vec<_>>(), sensor.node.frontier().collect::<Vec<_>>());
}

#[test]
fn after_a_restart_an_ended_key_is_refused_and_a_new_one_of_its_owner_is_not() {
    let (mut sensor, mut gateway) = (sensor(), gateway());
    connect(&mut sensor, &mut gateway, 0);
    let stolen = sensor.node.noise_key();
    rotate(&mut sensor);
    settle(&mut sensor, &mut gateway, 0);
    let papers = |seed: u8, rights: &[Right]| vec![grant(&Identity::from_seed([seed; 32]), rights, 30)];
    let (dir_of_gateway, dir_of_sensor) = (gateway.dir.clone(), sensor.dir.clone());
    drop((sensor, gateway));
    let rights = [Right::Relay, Right::Read];
    let mut gateway = rig_with(3, papers(3, &rights), Config::default(), dir_of_gateway);
    assert!(is_old(knock(&mut gateway, &stolen, 1)));
    // Also where the sensor's clock shows an earlier time than when it rotated.
    let config = Config { contacts: vec![contact(3)], ..Config::default() };
    let mut sensor = rig_with(2, papers(2, &[Right::Write]), config, dir_of_sensor);
    sensor.wall = START.saturating_add(-DAY_MS / 2);
    connect(&mut sensor, &mut gateway, 2);
    assert_eq!(gateway.node.links.len(), 1);
}

#[test]
fn two_rotations_within_one_millisecond_end_both_keys() {
    let (mut sensor, mut gateway) = (sensor(), gateway());
    let first = sensor.node.noise_key();
    rotate(&mut sensor);
    let second = sensor.node.noise_key();
    rotate(&mut sensor);
    let third = sensor.node.noise_key();
    connect(&mut sensor, &mut gateway, 0);
    settle(&mut sensor, &mut gateway, 0);
    for (link, key) in [(1, &first), (2, &second)] {
        assert!(is_old(knock(&mut gateway, key, link)), "{link}");
    }
    assert_ne!(second.endorsement().noise, third.endorsement().noise);
    assert!(!is_old(knock(&mut gateway, &third, 3)));
}
