//! What devices get wrong: it is never acknowledged, it is counted, it is shown, and the log says what to do.

use msec_tests::mqtt::{Client, Gateway, packet, publish};
use msec_tests::wait::block_until;

use crate::{GATEWAY, gateway};

/// Sends bytes as `mic`. They must end the session without an answer.
fn breaks(gateway: &Gateway, bytes: &[u8]) {
    let mut mic = Client::mic(gateway.said("mqtt").parse().expect("an address"));
    mic.send(bytes);
    assert!(mic.is_closed(), "{bytes:x?} is not answered");
}

/// What must stand in the log.
fn says(gateway: &Gateway, expected: &str) {
    block_until(&format!("the log says {expected:?}"), || gateway.log().contains(expected));
}

#[test]
fn messages_that_are_no_readings() {
    let mut gateway = gateway("");
    let address = gateway.start();
    let bad = [
        ("sensors/a", "NaN", "not a finite number"),
        ("sensors/a", "1e999", ""),
        ("sensors/a", "-Infinity", ""),
        ("sensors/a", "warm", ""),
        ("sensors/a", "\"48.5\"", ""),
        ("sensors/a", "{\"value\": \"48.5\"}", ""),
        ("sensors/a", "{\"temperature\": 1}", ""),
        ("sensors/a", "{\"value\": 1, \"time\": 1700000000}", ""),
        ("sensors/a", "{\"value\": 1, \"time\": \"noon\"}", ""),
        ("sensors/a", "", ""),
        ("sensors/a", "48.5 dB", ""),
        ("kitchen/a", "1", "no rule is for this topic: add a [[mqtt.rule]]"),
        ("sensors/a/b", "1", ""),
        ("sensors/", "1", "a stream has a name"),
        ("roads/a", "1", "has no grant to write to `roads`: ask an owner"),
    ];
    for (n, (topic, payload, reason)) in bad.into_iter().enumerate() {
        // QoS 1: the session ends, and what was right before it is acknowledged.
        let mut mic = Client::mic(address);
        assert!(mic.publish(1, "sensors/good", &n.to_string()));
        assert!(!mic.publish(2, topic, payload), "`{payload}` on {topic} is not acknowledged");
        // QoS 0: the message is dropped, and the session goes on.
        let mut mic = Client::mic(address);
        mic.send(&publish(0, 0, topic, payload.as_bytes()));
        assert!(mic.publish(3, "sensors/good", &n.to_string()));
        says(&gateway, reason);
    }
    let refused = 2 * bad.len() as u64;
    block_until("all are counted", || gateway.counted("refused") == refused);
    assert_eq!((gateway.counted("stored"), gateway.counted("messages")), (refused, 2 * refused));
    // One line for each kind of mistake, however often it is made; and the page shows them too.
    let lines = gateway.log().lines().filter(|line| line.contains("refused mic")).count();
    assert_eq!(lines, 4, "{}", gateway.log());
    let shown = gateway.page()["refused"].to_string();
    assert!(shown.contains("mic on `kitchen/a`: no rule is for this topic"), "{shown}");
    assert!(gateway.process.as_mut().expect("it runs").interrupt().success());
    assert_eq!(gateway.values("good").len(), 2 * bad.len());
    assert!(gateway.values("a").is_empty(), "nothing of them is stored");
}

#[test]
fn packets_that_break_the_rules() {
    let mut gateway = gateway("packet_bytes_max = 1000");
    gateway.start();
    breaks(&gateway, &publish(1, 7, "sensors/a", &[b'1'; 2_000]));
    says(&gateway, "send at most 1000, or raise `packet_bytes_max`");
    // By its header alone.
    breaks(&gateway, &[0x30, 0xff, 0xff, 0xff, 0x7f]);
    breaks(&gateway, &publish(2, 7, "sensors/a", b"1"));
    says(&gateway, "QoS 2 is not spoken here");
    for bytes in [
        &[0x00, 0x00][..],
        &[0xf0, 0x00],
        &[0x36, 0x00],
        &[0x30, 0x80, 0x80, 0x80, 0x80, 0x01],
        &[0xc1, 0x00],
        &packet(0x10, &[]),
        &packet(0x62, &[0, 1]),
        &packet(0x40, &[0, 1]),
        &packet(0x80, &[0, 1, 0, 1, b'a', 0]),
        &packet(0x82, &[0, 1]),
        &publish(1, 0, "sensors/a", b"1"),
        &publish(1, 7, "sensors/+", b"1"),
        &publish(1, 7, "", b"1"),
        &packet(0x30, &[0, 9, b'a']),
        &msec_tests::mqtt::Connect::default().bytes(),
    ] {
        breaks(&gateway, bytes);
    }
    block_until("all are counted", || gateway.counted("refused") == 18);
    // Also from somebody who has not said who it is.
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &publish(1, 1, "sensors/a", b"1"),
        &[0x10, 0xff, 0xff, 0xff, 0xff, 0xff],
    ] {
        let mut stranger = Client::open(gateway.said("mqtt").parse().expect("an address"));
        stranger.send(bytes);
        assert!(stranger.is_closed());
    }
    assert_eq!(gateway.counted("stored"), 0);
}

#[test]
fn streams_beyond_the_bound() {
    let mut gateway = gateway("streams_max = 3");
    let mut mic = Client::mic(gateway.start());
    for n in 1..=3 {
        assert!(mic.publish(n, &format!("sensors/{n}"), "1"));
    }
    assert!(mic.publish(4, "sensors/1", "2"), "a stream that is known");
    assert!(!mic.publish(5, "sensors/4", "1"));
    says(&gateway, "raise `streams_max` in [mqtt]");
}

#[test]
fn a_peer_that_may_not_write_is_told_when_it_starts() {
    let mut gateway = Gateway::new(GATEWAY, "read", "");
    let mut mic = Client::mic(gateway.start());
    says(&gateway, "no grant lets this peer write to `parks/noise`");
    assert!(!mic.publish(1, "sensors/a", "1"));
    says(&gateway, "has no grant to write to `parks/noise`: ask an owner of the space for one");
}

#[test]
fn on_a_full_disk_nothing_is_acknowledged_and_devices_wait() {
    let mut gateway = gateway("");
    let address = gateway.start_on_a_full_disk(32);
    let mut mic = Client::mic(address);
    // One after the other, until the disk is full: the last one is not answered.
    let mut said = 0u16;
    let mut answered = 0u16;
    block_until("the disk is full", || {
        if said == answered {
            said += 1;
            mic.send(&publish(1, said, "sensors/mic", said.to_string().as_bytes()));
        }
        if mic.has_answer() {
            assert_eq!(mic.receive(), Some(msec_tests::mqtt::puback(said)));
            answered = said;
        }
        gateway.log().contains("the disk refuses to write")
    });
    assert!(answered >= 1 && said == answered + 1, "{answered} of {said} were acknowledged");
    // Who comes now is told, and who was there waits.
    let (_, code) =
        Client::connect(address, &msec_tests::mqtt::Connect { client_id: "new", ..Default::default() });
    assert_eq!(code, Some(3), "the server is unavailable");
    assert!(!mic.has_answer());
    gateway.process.as_mut().expect("it runs").kill();
    let values = gateway.values("mic");
    assert_eq!(
        values,
        (1..=answered).map(f64::from).collect::<Vec<_>>(),
        "what was acknowledged, and no more"
    );
}
