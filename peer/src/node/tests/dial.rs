//! Whom to dial, and when.

use super::*;

fn dials(rig: &mut Rig) -> Vec<SocketAddr> {
    rig.take(|output| match output {
        Output::Dial { address } => Some(*address),
        _ => None,
    })
}

#[test]
fn dialling_backs_off_up_to_its_limit() {
    let mut a = sensor();
    a.handle(Input::Timeout);
    assert_eq!(dials(&mut a), [address(3)], "at once");
    let mut pauses = Vec::new();
    for _ in 0..10 {
        a.handle(Input::DialFailed { address: address(3) });
        let before = a.mono;
        while dials(&mut a).is_empty() {
            let next = a.node.poll_timeout().expect("something to wait for");
            a.pass(next - a.mono);
        }
        pauses.push(a.mono - before);
    }
    assert!(pauses[0] < Duration::from_millis(320) && pauses[9] > Duration::from_secs(11), "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause <= Duration::from_secs(19)), "{pauses:?}");
}

#[test]
fn what_is_found_on_the_link_is_dialled_until_it_stops_answering() {
    let mut a = gateway();
    a.handle(Input::Discovered { address: address(7) });
    assert_eq!(dials(&mut a), [address(7)], "at once");
    a.handle(Input::Discovered { address: address(7) });
    assert!(dials(&mut a).is_empty(), "it is under way");
    let mut tries = 1;
    loop {
        a.handle(Input::DialFailed { address: address(7) });
        let Some(next) = a.node.poll_timeout().filter(|next| *next < a.mono + Duration::from_secs(60)) else {
            break;
        };
        a.pass(next - a.mono);
        match dials(&mut a).len() {
            0 => break,
            _ => tries += 1,
        }
        assert!(tries < 20, "it is given up");
    }
    assert!(tries > 5, "{tries} tries, for half a minute");
    a.pass(Duration::from_secs(600));
    assert!(dials(&mut a).is_empty(), "given up");
    a.handle(Input::Discovered { address: address(7) });
    assert_eq!(dials(&mut a), [address(7)], "until it is found again");
}

#[test]
fn a_link_full_of_announcements_is_dialled_up_to_the_bound() {
    let mut a = rig(
        3,
        &[Right::Read],
        Config { discovered_max: 4, contacts: vec![contact(200)], ..Config::default() },
    );
    a.handle(Input::Timeout);
    for n in 1..100 {
        a.handle(Input::Discovered { address: address(n) });
    }
    let dialled = dials(&mut a);
    assert_eq!(dialled.len(), 5, "the contact and four more: {dialled:?}");
    assert!(dialled.contains(&address(200)), "what was found crowds out no contact");
}
