//! Group commit.

use super::*;

#[test]
fn a_reading_is_acknowledged_and_leaves_only_when_it_is_durable() {
    let (mut a, mut b) = (sensor(), gateway());
    connect(&mut a, &mut b, 0);
    a.publish(7, 48.5);
    let commits = a.commits();
    assert_eq!(commits.len(), 1, "nothing is under way: the commit starts at once");
    a.pass(Duration::from_secs(1));
    assert!(
        a.acknowledged().is_empty() && a.sends().iter().all(|m| m.len() < 100),
        "nothing left before the disk answered"
    );

    a.store.apply(1, &commits[0].1).expect("applied");
    a.handle(Input::Durable { through: 1 });
    assert_eq!(a.acknowledged(), [(7, true)]);
    exchange(&mut a, &mut b, 0);
    assert_eq!(b.verified(), [48.5]);
}

#[test]
fn what_comes_during_a_sync_goes_into_the_next_commit() {
    let mut a = sensor();
    (1..=20).for_each(|n| a.publish(n, n as f64));
    let first = a.commits();
    assert_eq!((first.len(), first[0].1[0].entries().len()), (1, 2), "the header and the first reading");
    a.handle(Input::Durable { through: 1 });
    let second = a.commits();
    assert_eq!(
        (second.len(), second[0].1.len()),
        (1, 1),
        "one commit and one signature for the other nineteen"
    );
    assert_eq!(second[0].1[0].entries().len(), 19);
    assert_eq!(a.acknowledged(), [(1, true)]);
    a.handle(Input::Durable { through: 2 });
    assert_eq!(a.acknowledged().len(), 19);
}

#[test]
fn in_a_thrifty_collection_the_first_entry_waits_for_company() {
    let mut a = rig(2, &[Right::Write], thrifty());
    a.publish(7, 48.5);
    a.pass(WINDOW / 2);
    assert!(a.commits().is_empty(), "the first entry waits");
    a.publish(8, 49.5);
    a.pass(WINDOW / 2);
    let commits = a.commits();
    assert_eq!((commits.len(), commits[0].1.len()), (1, 1), "one commit and one signature for both");
}

#[test]
fn a_thrifty_commit_starts_when_enough_waits() {
    let mut a = rig(2, &[Right::Write], Config { thrifty_entries: 3, ..thrifty() });
    (1..=2).for_each(|n| a.publish(n, 1.0));
    assert!(a.commits().is_empty());
    a.publish(3, 1.0);
    assert_eq!(a.commits().len(), 1, "three");
    (4..=5).for_each(|n| a.publish(n, 1.0));
    a.handle(Input::Durable { through: 1 });
    assert!(a.commits().is_empty(), "what came during the sync waits as well");
    a.publish(6, 1.0);
    assert_eq!(a.commits().len(), 1, "and was counted");
}

#[test]
fn runs_of_others_wait_as_long_in_a_thrifty_collection() {
    let settings = Config { thrifty_window: 10 * WINDOW, ..thrifty() };
    let (mut a, mut b) = (sensor(), rig(3, &[Right::Relay, Right::Read, Right::Write], settings));
    connect(&mut a, &mut b, 0);
    a.publish(1, 48.5);
    a.sync();
    exchange(&mut a, &mut b, 0);
    b.pass(Config::default().store_window);
    assert!(b.commits().is_empty());
    b.pass(10 * WINDOW);
    assert_eq!(b.commits().len(), 1);
}

#[test]
fn what_is_not_thrifty_takes_along_what_is() {
    let elsewhere = vec!["harbour".parse().expect("a path")];
    let mut a = rig(2, &[Right::Write], Config { thrifty: elsewhere, ..thrifty() });
    a.publish(1, 1.0);
    assert_eq!(a.commits().len(), 1, "at once");
}

#[test]
fn runs_of_others_wait_for_company_and_own_entries_take_them_along() {
    let (mut a, mut b) = (sensor(), rig(3, &[Right::Relay, Right::Read, Right::Write], Config::default()));
    connect(&mut a, &mut b, 0);
    a.publish(1, 48.5);
    a.sync();
    exchange(&mut a, &mut b, 0);
    assert_eq!(b.verified(), [48.5], "shown at once");
    assert!(b.commits().is_empty(), "and stored with what comes soon");
    b.publish(2, 1.0);
    let commits = b.commits();
    assert_eq!((commits.len(), commits[0].1.len()), (1, 2), "an own entry does not wait, and takes it along");
    b.handle(Input::Durable { through: 1 });
    a.publish(3, 49.5);
    a.sync();
    exchange(&mut a, &mut b, 0);
    assert!(b.commits().is_empty());
    b.pass(Config::default().store_window);
    assert_eq!(b.commits().len(), 1, "alone, it waits for its window");
}

#[test]
fn one_commit_at_a_time() {
    let mut a = sensor();
    a.publish(1, 1.0);
    a.pass(WINDOW);
    assert_eq!(a.commits().len(), 1);
    a.publish(2, 2.0);
    a.pass(Duration::from_secs(5));
    assert!(a.commits().is_empty(), "the disk has not answered");
    a.handle(Input::Durable { through: 1 });
    assert_eq!(a.commits().len(), 1, "what waited goes at once");
}

#[test]
fn a_failed_commit_is_tried_again_and_nothing_is_lost() {
    let mut a = sensor();
    a.publish(1, 1.0);
    a.pass(WINDOW);
    let first = a.commits();
    a.handle(Input::CommitFailed { seq: 1 });
    assert!(matches!(a.events()[..], [Event::StorageFailing]));
    a.publish(2, 2.0);
    assert_eq!(a.acknowledged(), [(2, false)], "refused while the disk refuses");
    a.pass(Duration::from_millis(999));
    assert!(a.commits().is_empty());
    a.pass(Duration::from_millis(1));
    assert_eq!(a.commits(), first, "the same commit");
    // Once the time to wait for was the end of time, which no clock can add to.
    let due = a.node.poll_timeout();
    assert!(due.is_none_or(|due| due < Duration::from_secs(3600)), "{due:?}");
    a.pass(Duration::from_secs(100));
    assert!(a.commits().is_empty(), "not again before an answer");
    a.handle(Input::CommitFailed { seq: 1 });
    assert!(a.events().is_empty(), "said once");
    a.pass(Duration::from_secs(2));
    assert_eq!(a.commits().len(), 1);
    a.handle(Input::Durable { through: 1 });
    assert!(matches!(a.events()[..], [Event::StorageRecovered, Event::Written(_)]));
    assert_eq!(a.acknowledged(), [(1, true)]);
}

/// What was dropped since too much waited came again after three seconds, and after that again.
#[test]
fn who_catches_up_faster_than_the_disk_writes_drops_nothing_of_it() {
    let waiting_bytes_max = 16 * 1024;
    let (mut a, mut b) = (
        rig(2, &[Right::Relay, Right::Read, Right::Write], Config::default()),
        rig(3, &[Right::Relay, Right::Read], Config { waiting_bytes_max, ..Config::default() }),
    );
    for n in 0..1_000u32 {
        let stream = StreamSpec::new("parks/noise", &format!("mic-{}", n % 10)).expect("a stream").unit("dB");
        let content = Content::Readings(vec![Reading::new(START, f64::from(n))]);
        a.handle(Input::Publish { ticket: Ticket(u64::from(n)), stream, content });
        a.sync();
    }
    connect(&mut a, &mut b, 0);
    // Returns how many runs were stored.
    let store = |b: &mut Rig| {
        b.pass(WINDOW);
        let commits = b.commits();
        for (seq, runs) in &commits {
            b.store.apply(*seq, runs).expect("applied");
            let through = b.store.sync().expect("synced");
            b.handle(Input::Durable { through });
        }
        commits.iter().map(|(_, runs)| runs.len()).sum::<usize>()
    };
    let (mut rounds, mut runs) = (0, 0);
    while b.node.frontier().map(|(_, size, _)| size).sum::<u64>() < 1_010 || !b.node.is_settled() {
        answer_reads(&mut a);
        exchange(&mut a, &mut b, 0);
        let (waits, _) = b.node.commits.waiting_bytes();
        assert!(waits <= waiting_bytes_max + 4 * 1024, "{waits} bytes");
        rounds += 1;
        assert!(rounds < 200, "it goes on as long as the disk does");
        // The disk is slow.
        runs += if rounds % 5 == 0 { store(&mut b) } else { 0 };
    }
    assert_eq!(b.node.gossip_stats().delivered, runs as u64, "all that came was taken");
}

#[test]
fn what_others_send_never_keeps_a_peer_from_writing() {
    let settings = Config { waiting_bytes_max: 1, ..Config::default() };
    let (mut a, mut b) = (sensor(), rig(3, &[Right::Relay, Right::Read, Right::Write], settings));
    connect(&mut a, &mut b, 0);
    a.publish(1, 1.0);
    a.pass(WINDOW);
    a.sync();
    exchange(&mut a, &mut b, 0);
    assert_eq!(b.verified(), [1.0], "it waits for the disk, and fills it");
    b.publish(2, 2.0);
    b.pass(WINDOW);
    b.sync();
    assert_eq!(b.acknowledged(), [(2, true)]);
}
