//! Claims over what was erased go with it, however many there are, and whether or not their log is held.

use super::claims::{claimed, gateway, holding};
use super::*;
use crate::storage::claims::CLAIMS_READ_MAX;

fn is_held(dir: &MemoryDir, body: &[u8]) -> bool {
    crash::holds(dir, body)
}

#[test]
fn more_claims_than_an_answer_looks_at_are_erased_all_the_same() {
    let (log, runs, [early, late]) = claimed([(0, 8), (8, 17)]);
    let id = log.log.header().id();
    for (index, close) in [(false, false), (true, false), (true, true)] {
        let mut maker = gateway(7, "parks/noise");
        let of_many = (0..=CLAIMS_READ_MAX / 256).map(|_| maker.saying(&[&early; 256], &[]));
        let of_many: Vec<_> = of_many.collect();
        let of_one = gateway(8, "parks/noise").saying(&[&late], &[]);
        let vouched = gateway(9, "parks/noise").saying(&[], &[&late]);
        let (dir, mut store) = holding(&[&runs[..], &of_many, &[of_one, vouched]].concat(), index);
        if close {
            store.close();
        }
        let (early, late) = (early.as_claim().to_bytes(), late.as_claim());
        assert!(is_held(&dir, &late.to_bytes()) && is_held(&dir, &late.hash().0));
        store.erase(&id, 12..13).expect("erased");
        assert!(!is_held(&dir, &late.to_bytes()), "the one that begins last");
        assert!(!is_held(&dir, &late.hash().0), "nor its hash, by which its few possible values are tried");
        assert!(is_held(&dir, &early), "they are over something else");
        store.erase(&id, 3..4).expect("erased");
        assert!(!is_held(&dir, &early), "all of them");
    }
}

#[test]
fn claims_over_a_log_that_is_not_held_go_where_the_order_counts() {
    let (log, _, [mine, other]) = claimed([(0, 8), (0, 9)]);
    let id = log.log.header().id();
    for index in [false, true] {
        let [mut here, mut elsewhere] = [gateway(7, "parks/noise"), gateway(8, "parks/noise")];
        let makers = [here.log.header().id(), elsewhere.log.header().id()];
        let said = [here.saying(&[&mine], &[]), elsewhere.saying(&[&other], &[])];
        let (dir, mut store) = holding(&said, index);
        let held = || [&mine, &other].map(|it| is_held(&dir, &it.as_claim().to_bytes()));
        let about = |range: Range<u64>, makers: &[LogId]| About {
            order: [5; 32],
            entries: vec![(id, range)],
            makers: Arc::new(makers.iter().copied().collect()),
        };
        let (gone, left) = store.erase_about(&[about(20..21, &makers)]).expect("nothing to do");
        assert_eq!((gone, left, held()), (vec![], vec![], [true, true]), "nobody claims anything of it");
        let (gone, left) = store.erase_about(&[about(3..4, &makers[..1])]).expect("erased");
        assert_eq!((gone, left, held()), (vec![(makers[0], 1..2)], vec![[5; 32]], [false, true]));
        let (_, left) = store.erase_about(&[about(3..4, &makers)]).expect("erased");
        assert_eq!((left, held()), (vec![], [false, false]));
        assert_eq!(store.ledger.told.erased.iter().filter(|(log, _)| *log == id).count(), 0);
    }
}
