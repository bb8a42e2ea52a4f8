use std::cell::RefCell;
use std::rc::Rc;

use super::*;

/// The log and the position of each reading of a window.
type Window = Vec<(usize, u64)>;

/// A store that remembers what it was given.
#[derive(Default)]
struct Memory(Rc<RefCell<Vec<Window>>>);

impl Durable for Memory {
    fn window(&mut self, offers: &[Offer], done: &mut dyn FnMut(usize)) -> anyhow::Result<()> {
        self.0.borrow_mut().push(offers.iter().map(|offer| (offer.log, offer.position)).collect());
        done(offers.len());
        Ok(())
    }

    fn close(self: Box<Self>) -> anyhow::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_window_comes_from_as_many_logs_as_were_asked_for() {
    for logs in [10, 50] {
        let memory = Memory::default();
        let windows = memory.0.clone();
        let length = Length { readings: 500, seconds: 10.0 };
        let outcome = run(Box::new(memory), logs, Load::Burst, length, Path::new(".")).expect("runs");
        assert_eq!(outcome.readings, 500);
        let windows = windows.borrow();
        assert_eq!(windows.len(), WARM_UP_WINDOWS + 10);
        let mut next = vec![0; logs];
        for window in windows.iter() {
            let distinct: std::collections::BTreeSet<_> = window.iter().map(|(log, _)| log).collect();
            assert_eq!((window.len(), distinct.len()), (WINDOW, logs));
            for (log, position) in window {
                assert_eq!(*position, next[*log]);
                next[*log] += 1;
            }
        }
    }
}

#[test]
fn thrifty_windows_are_full_and_prompt_ones_are_not() {
    let windows_of = |mode| {
        let memory = Memory::default();
        let windows = memory.0.clone();
        let load = Load::Steady { rate: 2_000.0, mode };
        run(Box::new(memory), 10, load, Length { readings: 200, seconds: 10.0 }, Path::new("."))
            .expect("runs");
        let sizes: Vec<usize> = windows.borrow().iter().skip(WARM_UP_WINDOWS).map(Vec::len).collect();
        sizes
    };
    assert_eq!(windows_of(Mode::Thrifty), [50; 4]);
    assert!(windows_of(Mode::Prompt).len() > 4);
}

#[test]
fn every_store_acknowledges_what_it_is_given() {
    let length = Length { readings: 100, seconds: 10.0 };
    for contender in &CONTENDERS {
        let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).expect("a directory");
        let store = contender.create(directory.path(), 10).expect("created");
        let outcome = run(store, 10, Load::Burst, length, directory.path()).expect("runs");
        assert_eq!(outcome.readings, 100, "{}", contender.name);
        assert!(disk::size_of(directory.path()).expect("summed") > 100 * BODY_BYTES as u64);
    }
}
