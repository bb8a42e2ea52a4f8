//! Changes of documents, which the node carries without reading them.

use super::*;

/// The document that the tests write to.
fn things() -> StreamSpec {
    StreamSpec::new("parks/noise", "things").expect("a stream").unit("")
}

impl Rig {
    fn open_log(&mut self, ticket: u64) {
        self.handle(Input::OpenLog { ticket: Ticket(ticket), stream: things() });
    }

    fn change(&mut self, ticket: u64, log: LogId) {
        let content = Content::Change { log, body: vec![ticket as u8; 10] };
        self.handle(Input::Publish { ticket: Ticket(ticket), stream: things(), content });
    }

    fn answers(&mut self) -> Vec<(u64, Result<Receipt, String>)> {
        self.take(|output| match output {
            Output::Published { ticket, result } => {
                Some((ticket.0, result.as_ref().map(|r| *r).map_err(PublishError::to_string)))
            }
            _ => None,
        })
    }

    /// The log that the document's entries stand in.
    fn opened(&mut self) -> LogId {
        self.open_log(99);
        self.pass(WINDOW);
        self.sync();
        self.answers().pop().expect("an answer").1.expect("opened").log
    }

    /// Where changes were said to be on disk.
    fn changed(&mut self) -> Vec<(LogId, u64)> {
        let changed = |event| match event {
            Event::Changed { log, position, .. } => Some((log, position)),
            _ => None,
        };
        self.events().into_iter().filter_map(changed).collect()
    }
}

#[test]
fn a_log_is_opened_durably_and_once() {
    let mut a = sensor();
    a.open_log(1);
    // The first is on its way to the disk already.
    a.open_log(2);
    assert!(a.answers().is_empty(), "nothing is answered before it is durable");
    a.sync();
    let answers = a.answers();
    let log = answers[0].1.clone().expect("opened").log;
    let opened = Ok(Receipt { log, position: 0 });
    assert_eq!(answers, [(1, opened.clone()), (2, opened.clone())]);
    a.open_log(3);
    assert_eq!(a.answers(), [(3, opened)], "at once");
    assert_eq!(a.node.frontier().map(|(log, size, _)| (log, size)).collect::<Vec<_>>(), [(log, 1)]);
    let mut stranger = rig(4, &[], Config::default());
    stranger.open_log(1);
    assert!(stranger.answers()[0].1.clone().is_err_and(|error| error.contains("ask an owner")));
}

#[test]
fn a_change_is_carried_and_told_once_it_is_on_disk() {
    let config = Config { contacts: vec![contact(3)], ..thrifty() };
    let (mut a, mut b) = (rig(2, &[Right::Write], config), gateway());
    connect(&mut a, &mut b, 0);
    let log = a.opened();
    a.events();
    a.change(1, log);
    a.change(2, log);
    a.pass(WINDOW);
    assert!(a.changed().is_empty() && a.answers().is_empty());
    a.sync();
    let answers = a.answers();
    assert_eq!(answers, [(1, Ok(Receipt { log, position: 1 })), (2, Ok(Receipt { log, position: 2 }))]);
    assert_eq!(a.changed(), [(log, 2)], "own ones too");
    settle(&mut a, &mut b, 0);
    assert_eq!(b.changed().last(), Some(&(log, 2)));
    let query = msec_crdt_store::ChangesQuery {
        collection: things().name.collection,
        stream: things().name.stream,
        from: std::collections::BTreeMap::new(),
    };
    let bodies = |rig: &Rig| -> Vec<_> {
        rig.store.changes(&query).expect("read").entries.into_iter().map(|entry| entry.body).collect()
    };
    assert_eq!(bodies(&b), [vec![1; 10], vec![2; 10]]);
    assert_eq!(bodies(&a), bodies(&b));
}

#[test]
fn a_change_that_was_made_for_another_log_is_refused() {
    let mut a = sensor();
    a.change(1, LogId([7; 32]));
    let refused = a.answers();
    assert!(refused[0].1.clone().is_err_and(|error| error.contains("make the change again")), "{refused:?}");
    a.pass(WINDOW);
    assert!(a.commits().is_empty(), "and starts none");
    let log = a.opened();
    a.change(2, LogId([7; 32]));
    a.change(3, log);
    a.pass(WINDOW);
    a.sync();
    let answers: Vec<_> = a.answers().into_iter().map(|(ticket, answer)| (ticket, answer.is_ok())).collect();
    assert_eq!(answers, [(2, false), (3, true)]);
}

#[test]
fn a_change_that_is_too_long_is_refused() {
    let mut a = sensor();
    let log = a.opened();
    let body = vec![0; msec_crdt_store::BODY_BYTES_MAX + 1];
    let content = Content::Change { log, body };
    a.handle(Input::Publish { ticket: Ticket(1), stream: things(), content });
    assert!(a.answers()[0].1.is_err());
}

/// Found in design: a change that moves into another log would speak with the old one's name, and be refused by all.
#[test]
fn changes_never_move_into_another_log_and_readings_do() {
    let papers = || vec![grant(&Identity::from_seed([2; 32]), &[Right::Write], 30)];
    let config = || Config { contacts: vec![contact(3)], ..Config::default() };
    let (mut a, mut b) = (sensor(), gateway());
    let log = a.opened();
    let backup = a.dir.copy();
    let mut a = rig_with(2, papers(), config(), backup.copy());
    connect(&mut a, &mut b, 0);
    a.change(1, log);
    a.pass(WINDOW);
    a.sync();
    settle(&mut a, &mut b, 0);
    // The backup is put back. What waits to be signed when the neighbour shows what was forgotten: a change and a reading.
    let waits = Duration::from_secs(60);
    let config = Config { contacts: vec![contact(3)], thrifty_window: waits, ..thrifty() };
    let mut restored = rig_with(2, papers(), config, backup);
    restored.change(2, log);
    let readings = vec![Reading::new(restored.wall, 5.0)];
    let content = Content::Readings(readings);
    restored.handle(Input::Publish { ticket: Ticket(3), stream: things(), content });
    connect(&mut restored, &mut b, 1);
    settle(&mut restored, &mut b, 1);
    restored.pass(waits);
    restored.sync();
    let answers = restored.answers();
    assert!(
        matches!(&answers[..], [(2, Err(error)), (3, Ok(receipt))]
            if error.contains("make the change again") && receipt.log != log && receipt.position == 1),
        "{answers:?}"
    );
    assert_eq!(Ok(restored.opened()), answers[1].1.clone().map(|receipt| receipt.log));
}
