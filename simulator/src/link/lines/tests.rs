use super::*;
use crate::link::framing::PACKET_BYTES;
use crate::link::{Degradation, Kind, Strained};
use crate::seed::Seed;

const NOW: Duration = Duration::from_secs(100);
const SILENCE_MAX: Duration = Duration::from_secs(20);
const TO: LinkId = LinkId(1);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// 10 ms, and a packet of 1,228 bytes takes 1,228 ms up and 614 ms down.
fn slow() -> LinkClass {
    LinkClass { latency_ms: 10.0, up_bps: 8_000, down_bps: 16_000, ..LinkClass::wire("slow") }
}

fn radio() -> LinkClass {
    LinkClass { down_bps: 8_000, range_m: Some(50.0), ..slow() }
}

/// Each peer has one interface, of that class.
fn lines(classes: &[LinkClass], peers: &[u8]) -> Lines {
    classes.iter().for_each(|class| class.check().expect("a class"));
    let mut lines = Lines::new(classes, SILENCE_MAX, Seed(1).dice("lines", 0));
    peers.iter().for_each(|class| lines.settle(&[ClassId(*class)]));
    lines
}

fn route(lines: &Lines, a: usize, b: usize) -> Route {
    lines.route(PeerIndex(a), PeerIndex(b), 10.0).expect("a route")
}

fn reaches(left: Left) -> Duration {
    match left {
        Left::Reaches(at) => at - NOW,
        other => panic!("{other:?}"),
    }
}

fn message(kind: Kind, bytes: usize) -> Message {
    Message { kind, bytes: vec![0; bytes] }
}

#[test]
fn over_the_citys_network_latencies_add_and_each_line_takes_its_time() {
    let mut lines = lines(&[slow()], &[0, 0, 0]);
    let there = route(&lines, 0, 1);
    assert_eq!(reaches(lines.send(NOW, there, 0, PACKET_BYTES)), ms(1_228 + 20 + 614));
    // The same interface, another connection: it waits for the first.
    let elsewhere = route(&lines, 0, 2);
    assert_eq!(reaches(lines.send(NOW, elsewhere, 0, PACKET_BYTES)), ms(2 * 1_228 + 20 + 614));
    // Of several packets only the last goes over the second line after the first line is done.
    assert_eq!(reaches(lines.send(NOW, route(&lines, 1, 2), 0, 3 * PACKET_BYTES)), ms(3 * 1_228 + 20 + 614));
    // Where the second line is the slower one it is what takes the time.
    let mut narrow = lines_of_two_rates();
    let at = reaches(narrow.send(NOW, route(&narrow, 0, 1), 0, 3 * PACKET_BYTES));
    assert!((ms(3 * 1_228)..ms(3 * 1_228 + 5)).contains(&at), "{at:?}");
}

fn lines_of_two_rates() -> Lines {
    let fast = LinkClass::wire("fast");
    let narrow = LinkClass { down_bps: 8_000, ..LinkClass::wire("narrow") };
    lines(&[fast, narrow], &[0, 1])
}

#[test]
fn two_who_send_to_one_share_its_line() {
    let mut lines = lines(&[slow()], &[0, 0, 0]);
    let routes = [route(&lines, 0, 2), route(&lines, 1, 2)];
    let at = routes.map(|route| NOW + reaches(lines.send(NOW, route, 0, PACKET_BYTES)));
    assert_eq!(at[0], at[1]);
    let first = lines.receive(at[0], routes[0], 1, TO, message(Kind::Live, PACKET_BYTES));
    assert!(matches!(first, (Received::Now(_), false)), "{first:?}");
    let second = lines.receive(at[1], routes[1], 1, TO, message(Kind::Live, PACKET_BYTES));
    let Received::At(later, _) = second.0 else { panic!("{second:?}") };
    assert_eq!(later, at[1] + ms(614), "the two overlapped");
}

#[test]
fn on_a_shared_interface_live_goes_before_chunks() {
    let mut lines = lines(&[slow()], &[0, 0, 0]);
    let (one, other) = (route(&lines, 0, 1), route(&lines, 0, 2));
    let due = lines.send_chunk(NOW, one, 0, TO, message(Kind::Chunk, 10 * PACKET_BYTES)).expect("room");
    assert_eq!(due, Some(NOW + ms(12_280)));
    assert_eq!(reaches(lines.send(NOW + ms(1_000), other, 0, PACKET_BYTES)), ms(1_000 + 1_228 + 20 + 614));
    let Ripe::Later(at) = lines.look(NOW + ms(12_280), one.ends[0], Half::Up) else { panic!("not yet") };
    assert_eq!(at, NOW + ms(12_280 + 1_228));
    let Ripe::Done(parcel, None) = lines.look(at, one.ends[0], Half::Up) else { panic!("now") };
    assert_eq!((parcel.to, parcel.stage), (TO, Stage::Leaving));
    let reached = lines.chunk_left(at, one, 0, parcel.message.bytes.len());
    assert_eq!(reached, Some(at + ms(20 + 614)));
    let reached = reached.expect("no loss");
    let waits = lines.receive(reached, one, 1, TO, parcel.message);
    assert!(matches!(waits, (Received::Waits(Some(at)), false) if at == reached), "{waits:?}");
}

#[test]
fn a_queue_that_is_full_sheds() {
    let mut lines = lines(&[LinkClass { queue_bytes: 5_000, ..slow() }], &[0, 0]);
    let there = route(&lines, 0, 1);
    let sent = (0..20).filter(|_| lines.send(NOW, there, 0, PACKET_BYTES) != Left::Shed).count();
    assert_eq!(sent, 6, "five packets wait, and one is on the line");
    assert!(lines.send_chunk(NOW, there, 0, TO, message(Kind::Chunk, 6_000)).is_err());
    let traffic = &lines.traffic(NOW, std::iter::empty())[0];
    assert_eq!((traffic.messages, traffic.shed), (12, 15), "sent and received, shed at the sender");
    assert_eq!(traffic.queue_max_ms, 5.0 * 1_228.0);
}

#[test]
fn a_radio_sends_or_listens() {
    let mut lines = lines(&[radio()], &[0, 0, 0]);
    let (there, on) = (route(&lines, 0, 1), route(&lines, 1, 2));
    let at = reaches(lines.send(NOW, there, 0, PACKET_BYTES));
    assert_eq!(at, ms(1_228 + 10), "it is received while it is sent");
    assert!(matches!(
        lines.receive(NOW + at, there, 1, TO, message(Kind::Live, PACKET_BYTES)).0,
        Received::Now(_)
    ));
    // Its acknowledgement, 60 bytes, goes before what it sends now.
    let on_air = reaches(lines.send(NOW + at, on, 0, PACKET_BYTES)) - at;
    assert_eq!(on_air, ms(60 + 1_228 + 10));
    let while_it_sends = lines.receive(NOW + at + ms(500), there, 1, TO, message(Kind::Live, PACKET_BYTES));
    let Received::At(later, _) = while_it_sends.0 else { panic!("{while_it_sends:?}") };
    assert_eq!(later, NOW + at + ms(60 + 2 * 1_228));
    let airtime = lines.traffic(NOW, std::iter::empty())[0].airtime_s;
    assert!((airtime - (2.0 * 1.228 + 2.0 * 0.06)).abs() < 1e-9, "{airtime} s");
}

#[test]
fn packets_are_lost_on_both_lines_and_come_later() {
    let lossy = LinkClass { loss: 0.1, up_bps: 8_000_000, down_bps: 8_000_000, ..slow() };
    let mut lines = lines(&[lossy], &[0, 0]);
    let there = route(&lines, 0, 1);
    let (mut late, messages) = (0, 4_000);
    for n in 0..messages {
        let now = NOW + Duration::from_secs(n);
        let Left::Reaches(at) = lines.send(now, there, 0, PACKET_BYTES) else { panic!("room") };
        // The timeout is 2 round trips' halves on either line, 25 ms, and two packets.
        late += u64::from(at - now > ms(40 + 25));
    }
    let share = late as f64 / messages as f64;
    assert!((0.17..0.21).contains(&share), "{share} came late, 0.19 are lost on one line or the other");
    // After a timeout two are sent, which are lost as often: 0.19 * (1 + 2 * 0.19), and a little more.
    let lost = lines.traffic(NOW, std::iter::empty())[0].lost as f64 / messages as f64;
    assert!((0.24..0.30).contains(&lost), "{lost} lost for each sent");
}

#[test]
fn a_loss_that_others_follow_is_repaired_sooner() {
    let lossy = LinkClass { loss: 0.005, up_bps: 80_000_000, down_bps: 80_000_000, ..slow() };
    let mean = |packets: usize| {
        let mut lines = lines(std::slice::from_ref(&lossy), &[0, 0]);
        let there = route(&lines, 0, 1);
        let times = (0..2_000).map(|n| {
            let now = NOW + Duration::from_secs(n);
            match lines.send(now, there, 0, packets * PACKET_BYTES) {
                Left::Reaches(at) => at - now,
                other => panic!("{other:?}"),
            }
        });
        let late: Vec<_> = times.filter(|time| *time > ms(35)).map(|time| time.as_secs_f64()).collect();
        late.iter().sum::<f64>() / late.len() as f64
    };
    let (alone, followed) = (mean(1), mean(10));
    assert!(followed < alone, "{followed} s with nine others, {alone} s alone");
}

#[test]
fn bursts_of_a_lines_own_are_seen_by_all_its_connections() {
    let bursty =
        LinkClass { burst_share: 0.2, burst_ms: 2_000.0, up_bps: 8_000_000, down_bps: 8_000_000, ..slow() };
    let mut lines = lines(&[bursty, LinkClass::wire("sound")], &[0, 1, 1]);
    let (one, other) = (route(&lines, 0, 1), route(&lines, 0, 2));
    let (mut both, mut either) = (0, 0);
    for n in 0..3_000 {
        let now = NOW + Duration::from_secs(n);
        let lost = [one, other].map(|route| lines.datagram(now, route, 0, 100).is_none());
        both += u32::from(lost[0] && lost[1]);
        either += u32::from(lost[0] || lost[1]);
    }
    assert!((500..700).contains(&either), "{either} of 3,000 seconds were bad");
    assert!(f64::from(both) > 0.95 * f64::from(either), "{both} of {either} for both");
}

#[test]
fn nobody_dials_in_behind_a_nat() {
    let nat = LinkClass { nat: true, ..slow() };
    let lines = lines(&[slow(), nat], &[0, 1, 1]);
    let route = |a: usize, b: usize| lines.route(PeerIndex(a), PeerIndex(b), 10.0);
    assert!(route(1, 0).is_some() && route(0, 1).is_none() && route(1, 2).is_none());
}

#[test]
fn the_fastest_way_is_taken_and_radios_end_at_their_range() {
    let mut lines = Lines::new(&LinkClass::built_in(), SILENCE_MAX, Seed(1).dice("lines", 0));
    lines.settle(&[ClassId::LORA, ClassId::WIFI, ClassId::LTE]);
    lines.settle(&[ClassId::FIBRE, ClassId::WIFI, ClassId::LORA]);
    lines.settle(&[ClassId::MESH, ClassId::LORA]);
    lines.settle(&[]);
    let class = |a: usize, b: usize, distance_m: f64| {
        lines.route(PeerIndex(a), PeerIndex(b), distance_m).map(|route| lines.class_of(route))
    };
    assert_eq!(class(0, 1, 79.0), Some(ClassId::WIFI));
    assert_eq!(class(0, 1, 81.0), Some(ClassId::LTE), "over the city's network, LTE the slower");
    assert_eq!(class(1, 0, 81.0), Some(ClassId::LORA), "nobody dials in over LTE");
    assert_eq!(class(1, 0, 3_000.0), None);
    assert_eq!((class(2, 1, 5.0), class(2, 1, 2_001.0)), (Some(ClassId::LORA), None));
    let wifi = lines.route(PeerIndex(0), PeerIndex(1), 10.0).expect("a route");
    assert!(lines.holds(wifi, 80.0) && !lines.holds(wifi, 80.1));
    assert!(lines.is_plain(PeerIndex(3)) && !lines.is_plain(PeerIndex(2)));
    assert!(lines.hear(PeerIndex(0), PeerIndex(1), 80.0) && !lines.hear(PeerIndex(1), PeerIndex(2), 80.0));
}

#[test]
fn what_is_degraded_is_slower_and_loses_more_until_it_is_not() {
    let mut lines = lines(&[slow()], &[0, 0, 0]);
    let there = route(&lines, 0, 1);
    let bad = Degradation { latency_factor: 3.0, extra_loss: 0.0, bandwidth_factor: 0.5 };
    lines.degrade(Strained::Peer(PeerIndex(0)), Some(bad));
    assert_eq!(reaches(lines.send(NOW, there, 0, PACKET_BYTES)), ms(2 * 1_228 + 30 + 10 + 614));
    lines.degrade(Strained::Class(ClassId(0)), Some(bad));
    lines.degrade(Strained::Peer(PeerIndex(0)), None);
    lines.settle(&[ClassId(0)]);
    let elsewhere = route(&lines, 3, 2);
    assert_eq!(reaches(lines.send(NOW, elsewhere, 0, PACKET_BYTES)), ms(2 * 1_228 + 60 + 2 * 614));
    let deaf = Degradation { extra_loss: 1.0, ..Degradation::default() };
    lines.degrade(Strained::Class(ClassId(0)), Some(deaf));
    assert_eq!(lines.datagram(NOW, route(&lines, 1, 2), 0, 100), None);
    let deaf = route(&lines, 1, 2);
    assert_eq!(lines.send(NOW, deaf, 0, 100), Left::Silent, "nothing comes through until the idle timeout");
    lines.degrade(Strained::Class(ClassId(0)), None);
    let last = route(&lines, 2, 1);
    assert_eq!(reaches(lines.send(NOW, last, 0, PACKET_BYTES)), ms(1_228 + 20 + 614));
}

#[test]
fn a_datagram_takes_its_bytes_and_nothing_else() {
    let mut lines = lines(&[slow()], &[0, 0]);
    let there = route(&lines, 0, 1);
    assert_eq!(lines.datagram(NOW, there, 0, 1_000), Some(NOW + ms(1_000 + 20 + 500)));
    assert_eq!(lines.datagram(NOW, there, 0, 1_000), Some(NOW + ms(2_000 + 20 + 500)));
    assert_eq!(lines.traffic(NOW, std::iter::empty())[0].wire_bytes, 2 * (1_000 + 1_000));
    let at = NOW + ms(1_520);
    assert_eq!(lines.datagram_heard(at, there, 1, 1_000), at);
    assert_eq!(lines.datagram_heard(at, there, 1, 1_000), at + ms(500), "two at once take twice as long");
}

#[test]
fn the_worst_that_is_not_refused_overflows_nothing() {
    let worst = LinkClass {
        latency_ms: 3_600_000.0,
        jitter_ms: 1e-9,
        jitter_p99_ms: 3_600_000.0,
        loss: 0.9,
        burst_share: 0.999,
        burst_ms: 3_600_000.0,
        up_bps: 8,
        down_bps: 8,
        frame_bytes: 1,
        frame_overhead_bytes: 1_500,
        frame_overhead_us: 1_000_000,
        ..slow()
    };
    let mut lines = lines(&[worst], &[0, 0]);
    let bad = Degradation { latency_factor: 1e3, extra_loss: 1.0, bandwidth_factor: 1e-3 };
    bad.check().expect("a degradation");
    for whose in [Strained::Class(ClassId(0)), Strained::Peer(PeerIndex(0)), Strained::Peer(PeerIndex(1))] {
        lines.degrade(whose, Some(bad));
    }
    let there = route(&lines, 0, 1);
    for _ in 0..3 {
        let Left::Reaches(at) = lines.send(NOW, there, 0, 4 << 20) else { break };
        lines.receive(at, there, 1, TO, message(Kind::Live, 4 << 20));
    }
    assert!(lines.traffic(NOW, std::iter::empty())[0].lost > 0);
}

#[test]
fn quiet_connections_are_kept_up_every_five_seconds() {
    let limited = LinkClass { duty_cycle: 0.5, ..radio() };
    let mut lines = lines(&[radio(), limited], &[0, 0, 1, 1]);
    let (there, limited) = (route(&lines, 0, 1), route(&lines, 2, 3));
    lines.quiet(NOW, NOW + ms(22_000), there);
    lines.quiet(NOW, NOW + ms(4_999), there);
    let later = NOW + ms(10_000);
    let traffic = lines.traffic(later, [(NOW, there), (NOW, limited)].into_iter());
    // Four turns and two, from either end, 60 bytes of 60 ms.
    assert_eq!(traffic[0].wire_bytes, (6 + 3) * 2 * 60);
    assert!((traffic[0].airtime_s - 1.08).abs() < 1e-9, "{}", traffic[0].airtime_s);
    assert_eq!(traffic[1].wire_bytes, 0, "nobody could");
    assert_eq!(lines.traffic(later, std::iter::empty())[0].wire_bytes, 6 * 2 * 60, "looking counts nothing");
}
