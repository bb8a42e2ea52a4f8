//! Claims stand for bodies that are gone, each entry once, whoever says so in whatever order.

use msec_identity::PeerId;

use super::*;
use crate::merkle::CompactRange;
use crate::rollup::{ClaimView, Recompute, Recomputed};

/// A peer that claims something of others' logs, in a log of its own.
pub(super) fn gateway(n: u8, collection: &str) -> Writer {
    let identity = Identity::from_seed([n; 32]);
    let path = collection.parse().expect("a path");
    let header = LogHeader::new(SpaceId([0; 32]), path, "roll-ups", identity.peer(), [1; 16]);
    Writer { identity, log: OwnLog::create(header), written: 0 }
}

impl Writer {
    pub(super) fn id(&self) -> PeerId {
        self.identity.peer()
    }

    /// A run with these claims and countersignatures.
    pub(super) fn saying(&mut self, claims: &[&Recomputed], confirmed: &[&Recomputed]) -> VerifiedRun {
        for claim in claims {
            let done = self.log.append_claim(START, TimeQuality::Synchronised, [4; 16], claim);
            done.expect("appended");
        }
        for claim in confirmed {
            let confirmed = claim.confirm(claim.as_claim()).expect("its own");
            let done =
                self.log.append_countersignature(START, TimeQuality::Synchronised, [4; 16], &confirmed);
            done.expect("appended");
        }
        self.log.sign(&self.identity, START).expect("something to sign")
    }
}

/// What a stretch of a log comes to.
pub(super) fn claim(
    log: &Writer,
    entries: &[Entry],
    from: usize,
    to: usize,
    resolution: Resolution,
) -> Recomputed {
    let mut before = CompactRange::empty(0);
    entries[..from].iter().for_each(|entry| before.push(entry.leaf()));
    let mut it = Recompute::begin(log.log.header().id(), resolution, before);
    entries[from..to].iter().for_each(|entry| it.push(entry).expect("few buckets"));
    it.finish().expect("a claim")
}

/// A log of thirty readings, one each ten minutes, in runs of six; entry 0 is its header.
pub(super) fn log() -> (Writer, Vec<VerifiedRun>) {
    let mut writer = writer("a");
    let runs = (0..5).map(|n| writer.measured(&(0..6).map(|i| vec![(n * 6 + i) * 10]).collect::<Vec<_>>()));
    let runs = runs.collect();
    (writer, runs)
}

/// That log, and what stretches of it come to, by the hour.
pub(super) fn claimed<const N: usize>(
    stretches: [(usize, usize); N],
) -> (Writer, Vec<VerifiedRun>, [Recomputed; N]) {
    let (log, runs) = log();
    let all = entries(&runs);
    let claims = stretches.map(|(from, to)| claim(&log, &all, from, to, Resolution::Hour));
    (log, runs, claims)
}

/// A store that holds these runs, each in a commit of its own.
pub(super) fn holding(runs: &[VerifiedRun], index: bool) -> (MemoryDir, Store) {
    let dir = MemoryDir::default();
    let (mut store, _) = Store::open_with(dir.clone(), rolled(index)).expect("opens");
    for (seq, run) in (1..).zip(runs) {
        store.apply(seq, std::slice::from_ref(run)).expect("applied");
        store.sync().expect("synced");
    }
    (dir, store)
}

fn hours(store: &Store) -> Vec<RollUpRow> {
    let query = RollUpQuery { stream: Some("a".into()), ..RollUpQuery::every(Resolution::Hour) };
    store.roll_ups(&query).expect("answers")
}

fn of(store: &Store, log: &Writer) -> Vec<ClaimView> {
    store.queries().claims(&log.log.header().id()).expect("answers")
}

/// Adjacent claims, and the buckets after them: the answer is as if nothing had gone.
#[test]
fn claims_and_what_is_left_come_to_what_was_there() {
    let (log, runs) = log();
    let all = entries(&runs);
    let (_, whole) = holding(&runs, true);
    let mut gateway = gateway(9, "parks/noise");
    // The second one ends in the middle of an hour.
    let (first, second) =
        (claim(&log, &all, 0, 8, Resolution::Minute), claim(&log, &all, 8, 17, Resolution::Hour));
    let said_so = gateway.saying(&[&first, &second], &[]);
    for index in [false, true] {
        let pruned: Vec<_> = runs.iter().map(|run| without_bodies(run, |at| (1..17).contains(&at))).collect();
        let (dir, mut store) = holding(&[std::slice::from_ref(&said_so), &pruned[..]].concat(), index);
        let rows = hours(&store);
        assert_eq!(said(&rows), said(&hours(&whole)));
        let claims: Vec<_> = rows.iter().map(|row| row.claimed.map_or(0, |it| it.claims)).collect();
        assert_eq!(claims, [0, 0, 0, 1, 2, 1], "of each hour, the newest first");
        assert!(rows.iter().filter_map(|row| row.claimed).all(|it| it.vouchers == 1 && !it.by_author));
        let chain = store.queries().chain(&log.log.header().id(), Resolution::Hour).expect("answers");
        assert_eq!(chain.iter().map(|it| (it.from, it.to)).collect::<Vec<_>>(), [(0, 8), (8, 17)]);
        // Minutes are known only as far as somebody claimed them.
        let minutes = RollUpQuery { stream: Some("a".into()), ..RollUpQuery::every(Resolution::Minute) };
        assert_eq!(store.roll_ups(&minutes).expect("answers").len(), 7 + 14);
        store.close();
        assert_eq!(hours(&store), rows, "from the index");
        drop(store);
        let (store, _) = Store::open_with(dir, rolled(index)).expect("opens");
        assert_eq!(hours(&store), rows, "opened again");
    }
}

/// Bodies that are there speak for themselves.
#[test]
fn claims_say_nothing_where_bodies_are() {
    let (_, runs, [whole]) = claimed([(0, 31)]);
    let said_so = gateway(9, "parks/noise").saying(&[&whole], &[]);
    let (_, store) = holding(&[&runs[..], &[said_so]].concat(), true);
    assert!(hours(&store).iter().all(|row| row.claimed.is_none()));
    assert_eq!(hours(&store).iter().map(|row| row.bucket.count()).sum::<u64>(), 30);
}

#[test]
fn who_says_what_of_a_log_is_told() {
    let (log, runs) = log();
    let all = entries(&runs);
    let [mut maker, mut second, mut third] = [7, 8, 9].map(|n| gateway(n, "parks/noise"));
    let mut elsewhere = gateway(10, "parks/air");
    let it = claim(&log, &all, 0, 20, Resolution::Hour);
    let said_so = [
        // Who makes the same claim vouches for it too, and nobody counts twice.
        maker.saying(&[&it], &[&it]),
        second.saying(&[&it], &[]),
        third.saying(&[], &[&it, &it]),
        // Whoever sees the log may not see this.
        elsewhere.saying(&[], &[&it]),
    ];
    let (_, store) = holding(&[&runs[..], &said_so].concat(), true);
    let claims = of(&store, &log);
    let mut makers = vec![maker.id(), second.id()];
    makers.sort_unstable();
    let [view] = &claims[..] else { panic!("one claim, not {claims:?}") };
    assert_eq!(
        (view.makers.clone(), view.countersigned.clone(), view.vouchers()),
        (makers, vec![third.id()], 3)
    );
    assert_eq!((view.hash, view.from, view.to, view.fits), (it.as_claim().hash(), 0, 20, Some(true)));
    // A log that is not held so far is waited for.
    let (_, store) = holding(&[&runs[..2], &said_so].concat(), true);
    assert_eq!(of(&store, &log)[0].fits, None);
    let (_, store) = holding(&said_so, true);
    assert!(of(&store, &log).is_empty(), "of what is not held nothing is known");
}

/// A claim of something that never was.
fn lie(log: &Writer, from: usize, to: usize, all: &[Entry]) -> Recomputed {
    let mut other = all.to_vec();
    let mut liar = writer("a");
    liar.measure(&[0, 10, 20, 30]);
    let run = liar.log.sign(&liar.identity, START).expect("something to sign");
    other[from.max(1)] = run.entries[1].clone();
    claim(log, &other, from, to, Resolution::Hour)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Some lie about entries, or claim what overlaps. In whatever order it comes, the answer is the same: the author is
    /// believed first, and nothing is counted twice.
    #[test]
    fn each_entry_is_counted_once_whatever_order_claims_come_in(
        order in Just((0..9usize).collect::<Vec<_>>()).prop_shuffle(),
        index in any::<bool>(),
        close in any::<bool>(),
    ) {
        let (mut log, mut runs) = log();
        let all = entries(&runs);
        let whole = said(&hours(&holding(&runs, false).1));
        runs.iter_mut().for_each(|run| *run = without_bodies(run, |at| at > 0));
        let [mut a, mut b, mut c] = [7, 8, 9].map(|n| gateway(n, "parks/noise"));
        let by_author = claim(&log, &all, 0, 12, Resolution::Hour);
        runs.push(log.saying(&[&by_author], &[]));
        let (of_a, of_b) = (claim(&log, &all, 12, 31, Resolution::Hour), claim(&log, &all, 5, 20, Resolution::Hour));
        let said_so = [
            a.saying(&[&of_a], &[]),
            b.saying(&[&of_b], &[&of_a]),
            c.saying(&[&lie(&log, 0, 31, &all), &lie(&log, 12, 31, &all)], &[]),
        ];
        // Logs keep their order, and are mixed in any way.
        let logs = [&runs[..], &said_so[..1], &said_so[1..2], &said_so[2..]];
        let mut next = [0; 4];
        let (_, mut store) = holding(&[], index);
        let places = [0, 0, 0, 0, 0, 0, 1, 2, 3];
        for (seq, n) in (1..).zip(order) {
            let of = places[n];
            store.apply(seq, std::slice::from_ref(&logs[of][next[of]])).expect("applied");
            store.sync().expect("synced");
            next[of] += 1;
        }
        if close { store.close() }
        let rows = hours(&store);
        prop_assert_eq!(said(&rows), whole);
        let claimed: Vec<_> = rows.iter().filter_map(|row| row.claimed).map(|it| (it.vouchers, it.by_author)).collect();
        prop_assert_eq!(claimed, [(2, false), (2, false), (2, false), (2, false), (1, true), (1, true)]);
    }
}

/// Once a body of it was erased, claims that counted it are too, and stand for nothing when they come again.
#[test]
fn what_was_erased_is_in_no_answer() {
    let (log, runs, [before, rest]) = claimed([(0, 8), (8, 31)]);
    let id = log.log.header().id();
    let less = entries(&runs.iter().map(|run| without_bodies(run, |at| at == 3)).collect::<Vec<_>>());
    let after = claim(&log, &less, 0, 8, Resolution::Hour);
    for index in [false, true] {
        let pruned: Vec<_> = runs.iter().map(|run| without_bodies(run, |at| at > 0)).collect();
        let said_so = gateway(7, "parks/noise").saying(&[&before, &rest], &[]);
        let (dir, mut store) = holding(&[&pruned[..], &[said_so]].concat(), index);
        let count = |store: &Store| hours(store).iter().map(|row| row.bucket.count()).sum::<u64>();
        assert_eq!(count(&store), 30);
        store.erase(&id, 3..4).expect("erased");
        assert_eq!(of(&store, &log).iter().map(|it| it.hash).collect::<Vec<_>>(), [rest.as_claim().hash()]);
        assert_eq!(count(&store), 23);
        // Nothing of it is left in any file.
        let body = before.as_claim().to_bytes();
        let is_left =
            |name: &String| dir.bytes(name).is_some_and(|it| it.windows(body.len()).any(|it| it == body));
        assert!(!dir.lengths().keys().any(is_left));
        // Somebody who does not know of it yet says it again; somebody else leaves it out.
        store.apply(90, &[gateway(8, "parks/noise").saying(&[&before], &[])]).expect("applied");
        store.sync().expect("synced");
        assert_eq!(count(&store), 23);
        assert!(!dir.lengths().keys().any(is_left), "nor is it kept again");
        store.apply(91, &[gateway(9, "parks/noise").saying(&[&after], &[])]).expect("applied");
        store.sync().expect("synced");
        assert_eq!(count(&store), 29);
        drop(store);
        let (store, _) = Store::open_with(dir, rolled(index)).expect("opens");
        assert_eq!(count(&store), 29, "opened again");
    }
}

/// Entries that were let go up to where claims reach: the answer is as before, and the index as one that is made again.
#[test]
fn what_was_let_go_is_in_the_answer_as_it_was_claimed() {
    for (index, close) in [(false, false), (true, false), (true, true)] {
        let (log, runs, claims) = claimed([(0, 8), (8, 17)]);
        let id = log.log.header().id();
        let mut gateway = gateway(9, "parks/noise");
        let said_so = gateway.saying(&[&claims[0], &claims[1]], &[]);
        let (dir, mut store) = holding(&[&runs[..], &[said_so]].concat(), index);
        if close {
            store.close();
        }
        let before = said(&hours(&store));
        let chain = store.queries().chain(&id, Resolution::Hour).expect("answers");
        assert_eq!(store.prune(&[(id, chain.last().expect("a chain").to)]).expect("let go"), 16);
        assert_eq!(said(&hours(&store)), before);
        assert_eq!(hours(&store).iter().filter(|row| row.claimed.is_some()).count(), 3);
        store.compact(0).expect("compacted");
        assert_eq!(said(&hours(&store)), before);
        store.close();
        assert_eq!(said(&hours(&store)), before);
        drop(store);
        let (store, _) = Store::open_with(dir, rolled(index)).expect("opens");
        assert_eq!(said(&hours(&store)), before, "opened again");
    }
}

/// Rolled up anew, a log comes to the bytes that it would come to if it had always been so.
#[test]
fn rolled_up_anew_it_is_the_same() {
    for (index, close) in [(false, false), (true, false), (true, true)] {
        let (log, runs) = log();
        let (_, mut store) = holding(&runs, index);
        if close {
            store.close();
        }
        let before = hours(&store);
        // As if something had been counted that is not there any more.
        let id = log.log.header().id();
        store.shared.logs_mut().values_mut().for_each(|log| {
            let log = Arc::make_mut(log);
            let told = crate::rollup::Told::by(&entries(&runs)[4]);
            let rolled = log.rolled.as_mut().expect("roll-ups");
            let end = rolled.end();
            let rolled = Arc::make_mut(rolled);
            rolled.add(&told);
            assert_eq!(rolled.end(), end + 1);
        });
        assert_ne!(hours(&store), before);
        store.roll_up_anew(&id).expect("rolled up");
        assert_eq!(hours(&store), before);
        store.close();
        assert_eq!(hours(&store), before);
        store.roll_up_anew(&id).expect("rolled up");
        assert_eq!(hours(&store), before);
    }
}
