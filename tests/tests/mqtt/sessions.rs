//! Sessions as they should be: who is let in, the order of acknowledgements, keep-alive, take-over, and who is slow.

use std::time::{Duration, Instant};

use msec_tests::mqtt::{Client, Connect, packet, puback, publish};
use msec_tests::wait::block_until;

use crate::gateway;

#[test]
fn only_known_devices_are_let_in() {
    let mut gateway = gateway("");
    let address = gateway.start();
    let code = |connect: Connect<'_>| {
        let (mut client, code) = Client::connect(address, &connect);
        assert!(code == Some(0) || client.is_closed(), "who is not let in is disconnected");
        code
    };
    let ok = Connect::default();
    assert_eq!(code(ok.clone()), Some(0));
    assert_eq!(code(Connect { clean: false, ..ok.clone() }), Some(0), "without a session that is present");
    assert_eq!(code(Connect { level: 5, ..ok.clone() }), Some(1));
    assert_eq!(code(Connect { level: 3, ..ok.clone() }), Some(1));
    assert_eq!(code(Connect { client_id: "", clean: false, ..ok.clone() }), Some(2));
    assert_eq!(code(Connect { client_id: "", ..ok.clone() }), Some(0));
    assert_eq!(code(Connect { password: None, ..ok.clone() }), Some(4));
    assert_eq!(code(Connect { user: None, password: None, ..ok.clone() }), Some(4));
    assert_eq!(code(Connect { password: Some("another token"), ..ok.clone() }), Some(5));
    assert_eq!(code(Connect { user: Some("nobody"), ..ok }), Some(5));
    let log = gateway.log();
    assert!(log.contains("not let in as `mic`") && !log.contains("another token"), "{log}");
}

#[test]
fn what_is_acknowledged_is_in_the_store_and_in_order() {
    let mut gateway = gateway("");
    let address = gateway.start();
    let mut mic = Client::mic(address);
    let count = 300u16;
    let burst: Vec<u8> =
        (1..=count).flat_map(|n| publish(1, n, "sensors/mic", n.to_string().as_bytes())).collect();
    // Far more than may be under way: the rest waits in the socket.
    mic.send(&burst);
    for n in 1..=count {
        assert_eq!(mic.receive(), Some(puback(n)), "in the order of the messages");
    }
    // QoS 0 keeps its place among them, and is answered by nothing.
    mic.send(&publish(0, 0, "sensors/mic", b"{\"value\": -1.5, \"time\": \"2026-01-01T00:00:00Z\"}"));
    mic.send(&packet(0xc0, &[]));
    assert_eq!(mic.receive(), Some(vec![0xd0, 0]), "PINGRESP");
    assert!(mic.publish(7, "sensors/mic", "1e3"));
    mic.send(&packet(0x82, &[&[0, 9][..], &[0, 1, b'a', 1], &[0, 1, b'#', 0]].concat()));
    assert_eq!(mic.receive(), Some(vec![0x90, 4, 0, 9, 0x80, 0x80]), "nothing is subscribed to");
    mic.send(&packet(0xa2, &[0, 10, 0, 1, b'a']));
    assert_eq!(mic.receive(), Some(vec![0xb0, 2, 0, 10]));
    mic.send(&packet(0xe0, &[]));
    assert!(mic.is_closed());
    assert_eq!(
        gateway.process.as_mut().expect("it runs").signal("TERM").code(),
        Some(0),
        "as systemd stops it"
    );
    let expected: Vec<_> = (1..=count).map(f64::from).chain([-1.5, 1000.0]).collect();
    assert_eq!(gateway.values("mic"), expected);
}

#[test]
fn a_second_client_of_one_name_takes_over_and_one_of_another_device_does_not() {
    let mut gateway = gateway("");
    let address = gateway.start();
    let mut first = Client::mic(address);
    assert!(first.publish(1, "sensors/a", "1"));
    let (mut other, code) = Client::connect(address, &Connect { user: Some("tap"), ..Connect::default() });
    assert_eq!(code, Some(0));
    assert!(first.publish(2, "sensors/a", "2"), "a client id is a device's own");
    let mut second = Client::mic(address);
    assert!(first.is_closed(), "the first one is over");
    assert!(second.publish(3, "sensors/a", "3") && other.publish(4, "sensors/a", "4"));
    block_until("two sessions are open", || gateway.counted("sessions") == 2);
}

#[test]
fn who_is_silent_is_disconnected_after_one_and_a_half_times_the_keep_alive() {
    let mut gateway = gateway("keep_alive_min_s = 1\nconnect_timeout_s = 2");
    let address = gateway.start();
    let (mut mic, code) = Client::connect(address, &Connect { keep_alive: 2, ..Connect::default() });
    assert_eq!(code, Some(0));
    let mut heard = Instant::now();
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(1_000));
        mic.send(&packet(0xc0, &[]));
        heard = Instant::now();
        assert_eq!(mic.receive(), Some(vec![0xd0, 0]), "who pings is not silent");
    }
    // Half a packet is none.
    mic.send(&[0x30]);
    assert!(mic.is_closed());
    let silent = heard.elapsed();
    assert!((Duration::from_millis(2_900)..Duration::from_secs(20)).contains(&silent), "{silent:?}");

    // Who never says who it is, and who says half of it.
    let (mut nobody, mut half) = (Client::open(address), Client::open(address));
    half.send(&Connect::default().bytes()[..9]);
    assert!(nobody.is_closed() && half.is_closed());
}

#[test]
fn a_will_is_published_when_its_device_is_gone_and_not_when_it_leaves() {
    let mut gateway = gateway("");
    let address = gateway.start();
    let with = |will| Connect { will: Some(will), ..Connect::default() };
    let (mut leaves, _) = Client::connect(address, &with(("sensors/will", "1")));
    leaves.send(&packet(0xe0, &[]));
    assert!(leaves.is_closed());
    drop(Client::connect(address, &with(("sensors/will", "2"))));
    block_until("the will is stored", || gateway.counted("stored") == 1);
    // Most wills say that a device is offline, where no rule is: that is nobody's mistake.
    drop(Client::connect(address, &with(("tele/mic/LWT", "Offline"))));
    drop(Client::connect(address, &with(("sensors/will", "Offline"))));
    block_until("text where a number is due is refused", || gateway.counted("refused") == 1);
    assert!(gateway.process.as_mut().expect("it runs").interrupt().success());
    assert_eq!(gateway.values("will"), [2.0]);
}

#[test]
fn a_slow_client_and_a_half_open_one_stall_nobody() {
    let mut gateway = gateway("in_flight_max = 2");
    let address = gateway.start();
    let (mut slow, _) = Client::connect(address, &Connect { client_id: "slow", ..Connect::default() });
    // It sends pings and never reads an answer, until nothing more is taken of it.
    let pings = packet(0xc0, &[]).repeat(8 * 1024);
    let mut full = 0;
    let mut total = 0;
    block_until("the gateway does not read the slow client any more", || {
        let sent = slow.send_some(&pings);
        total += sent;
        full = if sent == 0 { full + 1 } else { 0 };
        full > 20
    });
    assert!(total < 64 * 1024 * 1024, "{total} bytes were taken");
    let half_open: Vec<_> = (0..10).map(|_| Client::open(address)).collect();
    let mut mic = Client::mic(address);
    for n in 1..=50 {
        assert!(mic.publish(n, "sensors/mic", "1"));
    }
    drop(half_open);
}

#[test]
fn there_are_as_many_sessions_as_the_file_says_and_strangers_take_no_place() {
    let mut gateway = gateway("connections_max = 2");
    let address = gateway.start();
    let strangers: Vec<_> = (0..100).map(|_| Client::open(address)).collect();
    drop(strangers);
    let connect = |id| Client::connect(address, &Connect { client_id: id, ..Connect::default() });
    let mut first = None;
    // Strangers leave their places when the gateway has noticed.
    block_until("the first is let in", || {
        let (client, code) = connect("one");
        first = Some(client);
        code == Some(0)
    });
    let (_second, code) = connect("two");
    assert_eq!(code, Some(0));
    assert_eq!(connect("three").1, Some(3), "the server is unavailable");
    drop(first);
    block_until("there is room again", || connect("three").1 == Some(0));
}
