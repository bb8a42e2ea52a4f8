use super::*;
use crate::link::Kind;
use crate::seed::Seed;

const FREE: Limits = Limits { allowed: None, silence_max: Duration::from_secs(20) };

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn chunk(name: u64, stage: Stage, takes: Duration, frame: Duration) -> Parcel {
    let message = Message { kind: Kind::Chunk, bytes: vec![0; 1_000] };
    Parcel { to: LinkId(name), message, stage, takes, frame, since: Duration::ZERO }
}

/// Looks whenever a look is asked for, until then. What comes through, and when.
fn look(shaper: &mut Shaper, until: Duration, limits: Limits) -> Vec<(u64, Duration)> {
    let mut done = Vec::new();
    while let Some(at) = shaper.due.filter(|at| *at <= until) {
        if let Ripe::Done(parcel, _) = shaper.ripe(at, limits) {
            done.push((parcel.to.0, at));
        }
    }
    done
}

#[test]
fn a_queue_keeps_its_rate_and_its_order() {
    let (mut shaper, mut dice) = (Shaper::new(false), Seed(1).dice("test", 0));
    let (mut now, mut sum, mut last) = (ms(5), Duration::ZERO, Duration::ZERO);
    let mut done = Vec::new();
    for n in 0..400 {
        done.extend(look(&mut shaper, now, FREE));
        let takes = ms(1) + dice.duration(ms(9));
        sum += takes;
        if dice.chance(0.5) {
            let slot = shaper.live(now, takes, takes, FREE).expect("nothing forbids it");
            assert!(slot.from >= last && slot.until == slot.from + takes, "in order, one at a time");
            last = slot.until;
        } else {
            let parcel = chunk(n, Stage::Leaving, takes, takes);
            shaper.wait_for(now, parcel, usize::MAX).expect("there is room");
        }
        now += dice.duration(ms(4));
    }
    done.extend(look(&mut shaper, ms(10_000), FREE));
    assert!(done.is_sorted(), "chunks keep their order too");
    let end = done.last().expect("chunks").1.max(last);
    // It was never idle: what came took longer than the time in which it came.
    assert_eq!(end - ms(5), sum, "neither faster nor slower than its rate");
    assert_eq!(shaper.busy, sum);
}

#[test]
fn a_chunk_makes_way_and_goes_on() {
    let mut shaper = Shaper::new(false);
    let push = |shaper: &mut Shaper, now, name| {
        shaper.wait_for(now, chunk(name, Stage::Leaving, ms(100), ms(1)), 2_000).expect("room")
    };
    assert_eq!(push(&mut shaper, ms(0), 1), Some(ms(100)));
    assert_eq!(push(&mut shaper, ms(0), 2), None, "the world looks already");
    assert!(shaper.wait_for(ms(0), chunk(3, Stage::Leaving, ms(1), ms(1)), 2_000).is_err(), "full");
    let slot = shaper.live(ms(30), ms(20), ms(1), FREE).expect("a slot");
    assert_eq!(slot, Slot { from: ms(30), until: ms(50) }, "it does not wait for the chunk");
    assert_eq!(look(&mut shaper, ms(1_000), FREE), [(1, ms(120)), (2, ms(220))]);
}

#[test]
fn what_arrives_at_a_busy_interface_waits_its_turn() {
    let mut shaper = Shaper::new(false);
    assert_eq!(shaper.heard(ms(50), ms(10)), ms(50), "it was received while it came");
    assert_eq!(shaper.heard(ms(55), ms(10)), ms(60), "the two overlapped");
    let parcel = chunk(1, Stage::Arriving, ms(10), ms(10));
    assert_eq!(shaper.wait_for(ms(58), parcel, usize::MAX).expect("room"), Some(ms(70)));
    assert_eq!(shaper.heard(ms(62), ms(10)), ms(70), "live first");
    assert_eq!(look(&mut shaper, ms(1_000), FREE), [(1, ms(80))]);
}

#[test]
fn a_limited_transmitter_is_silent_when_its_hour_is_used_up_and_live_goes_first() {
    let limits = Limits { allowed: Some(ms(36_000)), silence_max: Duration::from_secs(20) };
    let mut shaper = Shaper::new(true);
    let parcel = chunk(1, Stage::Leaving, ms(10_000), ms(400));
    shaper.wait_for(ms(0), parcel, usize::MAX).expect("room");
    assert!(look(&mut shaper, ms(1_000), limits).is_empty());
    let slot = shaper.live(ms(1_000), ms(5_000), ms(400), limits).expect("a slot");
    assert_eq!(slot, Slot { from: ms(1_200), until: ms(6_200) }, "after the frame that is on air");
    assert_eq!(look(&mut shaper, ms(60_000), limits), [(1, ms(15_000))]);
    assert!(shaper.live(ms(60_000), ms(20_000), ms(400), limits).is_some());
    assert_eq!(shaper.live(ms(90_000), ms(5_000), ms(400), limits), None, "36 s are used up on the way");
    assert!((ms(35_600)..=ms(36_000)).contains(&shaper.busy), "{:?}, but for less than a frame", shaper.busy);
    assert_eq!(shaper.heard(ms(100_000), ms(400)), ms(100_000), "it listens all the same");
    shaper.clear(ms(100_000));
    assert_eq!(shaper.live(ms(101_000), ms(400), ms(400), limits), None, "a restart gives no new hour");
}
