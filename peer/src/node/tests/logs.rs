//! Own logs: the clock, the bounds, and what a store that was cut back does.

use super::*;

#[test]
fn a_clock_that_was_never_set_is_said_once_and_marks_what_is_written() {
    let (mut a, mut b) = (sensor(), gateway());
    a.wall = UnixMillis(5_000);
    a.publish(1, 1.0);
    a.pass(WINDOW);
    assert_eq!(a.events().iter().filter(|e| matches!(e, Event::ClockUnset { .. })).count(), 1);
    let commits = a.commits();
    let qualities: Vec<_> = commits[0].1[0].entries().iter().map(|e| e.quality).collect();
    assert_eq!(qualities, [TimeQuality::Unsynchronised; 2]);
    a.store.apply(1, &commits[0].1).expect("applied");
    a.handle(Input::Durable { through: 1 });
    // And others let it in: its endorsement does not end in 1970.
    connect(&mut a, &mut b, 0);
    assert_eq!(b.node.neighbours().count(), 1);
}

#[test]
fn what_the_system_knows_of_its_clock_is_said_of_what_is_written() {
    use msec_crdt_store::ClockBound;
    let mut a = sensor();
    let within = TimeQuality::Bounded(ClockBound::of_ms(5_000).expect("a bound"));
    let told = [Some(within), Some(TimeQuality::Unsynchronised), None];
    let mut qualities = Vec::new();
    let mut write = |a: &mut Rig, n| {
        a.publish(n, 1.0);
        for (seq, runs) in a.commits() {
            qualities.extend(runs[0].entries().iter().map(|entry| entry.quality));
            a.store.apply(seq, &runs).expect("applied");
            let through = a.store.sync().expect("synced");
            a.handle(Input::Durable { through });
        }
    };
    for (n, clock) in (1..).zip(told) {
        a.handle(Input::Clock(clock));
        write(&mut a, n);
    }
    a.wall = UnixMillis(5_000);
    a.handle(Input::Clock(Some(within)));
    write(&mut a, 4);
    // The log's header was written with the first one.
    qualities.remove(0);
    let unset = TimeQuality::Unsynchronised;
    assert_eq!(qualities, [within, unset, TimeQuality::Synchronised, unset], "1970 is never within seconds");
    assert!(a.events().iter().any(|e| matches!(e, Event::ClockUnset { .. })));
}

#[test]
fn without_a_grant_nothing_is_written() {
    let mut b = gateway();
    b.publish(1, 1.0);
    assert_eq!(b.acknowledged(), [(1, false)]);
    b.pass(WINDOW);
    assert!(b.commits().is_empty());
}

#[test]
fn too_much_that_waits_for_the_disk_is_refused() {
    let mut a = rig(2, &[Right::Write], Config { waiting_bytes_max: 1, ..Config::default() });
    a.publish(1, 1.0);
    a.pass(WINDOW);
    a.publish(2, 2.0);
    assert_eq!(a.acknowledged(), [(2, false)]);
    a.sync();
    assert_eq!(a.acknowledged(), [(1, true)]);
    a.publish(3, 3.0);
    assert!(a.acknowledged().is_empty(), "there is room again");
}

#[test]
fn a_restart_continues_the_log() {
    let mut a = sensor();
    a.publish(1, 1.0);
    a.pass(WINDOW);
    a.sync();
    let before: Vec<_> = a.node.frontier().map(|(log, ..)| log).collect();
    let identity = Identity::from_seed([2; 32]);
    let papers = vec![grant(&identity, &[Right::Write], 30)];
    let mut a = rig_with(2, papers, Config::default(), a.dir);
    a.publish(2, 2.0);
    a.pass(WINDOW);
    a.sync();
    let after: Vec<_> = a.node.frontier().map(|(log, size, _)| (log, size)).collect();
    assert_eq!(after, [(before[0], 3)], "a header and two readings in one log");
}

#[test]
fn a_store_that_was_damaged_never_continues_its_own_log() {
    let mut a = sensor();
    for value in [1.0, 2.0] {
        a.publish(1, value);
        a.pass(WINDOW);
        a.sync();
    }
    let old = a.node.frontier().next().expect("a log").0;
    let segment = "00000001.msec";
    a.dir.flip(segment, a.dir.lengths()[segment] - 10, 0);
    let papers = vec![grant(&Identity::from_seed([2; 32]), &[Right::Write], 30)];
    let mut a = rig_with(2, papers, Config::default(), a.dir);
    a.publish(3, 3.0);
    assert!(matches!(&a.events()[..], [Event::NewIncarnation { before, .. }] if *before == old));
    a.pass(WINDOW);
    a.sync();
    let sizes: Vec<_> = a.node.frontier().map(|(log, size, _)| (log == old, size)).collect();
    assert!(sizes.contains(&(true, 2)) && sizes.contains(&(false, 2)), "{sizes:?}");
}

#[test]
fn a_store_that_was_set_back_goes_on_in_a_new_log_once_a_neighbour_shows_the_old_one() {
    let papers = || vec![grant(&Identity::from_seed([2; 32]), &[Right::Write], 30)];
    let config = || Config { contacts: vec![contact(3)], ..Config::default() };
    let (mut a, mut b) = (sensor(), gateway());
    a.publish(1, 1.0);
    a.pass(WINDOW);
    a.sync();
    let (old, ..) = a.node.frontier().next().expect("a log");
    let backup = a.dir.copy();
    let mut a = rig_with(2, papers(), config(), a.dir);
    connect(&mut a, &mut b, 0);
    a.publish(2, 2.0);
    a.pass(WINDOW);
    a.sync();
    settle(&mut a, &mut b, 0);
    assert_eq!(b.verified(), [1.0, 2.0]);

    // The backup is put back, and something is on its way to the disk when the neighbour shows what was forgotten.
    let mut restored = rig_with(2, papers(), config(), backup);
    connect(&mut restored, &mut b, 1);
    restored.events();
    settle(&mut restored, &mut b, 1);
    let over = |event: &Event| matches!(event, Event::NewIncarnation { before, .. } if *before == old);
    assert!(restored.events().iter().any(over), "at once, not with the next reading");
    // A restart in between finds that the old log is over.
    let mut restored = rig_with(2, papers(), config(), restored.dir);
    restored.publish(3, 3.0);
    assert!(!restored.events().iter().any(over), "the new log is continued");
    restored.pass(WINDOW);
    restored.sync();
    let sizes: Vec<_> = restored.node.frontier().map(|(log, size, _)| (log == old, size)).collect();
    assert!(sizes.contains(&(true, 3)) && sizes.contains(&(false, 2)), "{sizes:?}");
}

#[test]
fn a_stream_keeps_the_unit_that_it_was_begun_in() {
    let mut a = sensor();
    a.publish(1, 48.5);
    let stream = StreamSpec::new("parks/noise", "mic-1").expect("a stream");
    for (ticket, stream) in [(2, stream.clone().unit("Pa")), (3, stream)] {
        let content = Content::Readings(vec![Reading::new(START, 1.0)]);
        a.handle(Input::Publish { ticket: Ticket(ticket), stream, content });
    }
    a.pass(WINDOW);
    a.sync();
    a.sync();
    assert_eq!(a.acknowledged(), [(2, false), (1, true), (3, true)], "another unit is refused");
}
