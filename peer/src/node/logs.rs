//! What is held, and what this peer writes.

use std::collections::BTreeMap;
use std::time::Duration;

use msec_crdt_store::{LogHeader, LogState, Opened, OwnLog, TimeQuality, VerifiedRun};
use msec_gossip::{Hour, Input as GossipInput, Key, Origin, Spot, Topic, Version};
use msec_identity::{Authority, CollectionPath, Grant, GrantId, LogId, Right, Shown, UnixMillis};
use rand_core::Rng;

use super::bounds::Ending;
use super::receipts::holds;
use super::{Content, Event, Node, Output, PublishError, Receipt, StreamName, StreamSpec, Ticket};

/// All logs in memory: their state, not their entries.
#[derive(Debug, Default)]
pub(super) struct Logs {
    /// In boxes: a node of the map has room for eleven, and a sensor has one log.
    held: BTreeMap<LogId, Box<Held>>,
    own: BTreeMap<StreamName, OwnStream>,
}

/// A log that is held.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) state: LogState,
    /// Where gossip sorts it in, without an hour.
    topic: Topic,
    /// By what right it is written.
    shown: Shown,
    /// Where it ends, if its author's right to write did.
    pub(super) ending: Option<Ending>,
}

/// A stream of this peer.
#[derive(Debug, Default)]
struct OwnStream {
    /// The log that is written now. `None`: the next entry starts a new one.
    log: Option<OwnLog>,
    /// By which grants that log is written.
    by: Vec<GrantId>,
    /// The log that the next new one continues.
    predecessor: Option<LogId>,
    /// Who waits for which entry that is not signed yet.
    waiting: Vec<(Ticket, u64)>,
}

impl Logs {
    pub(super) fn get(&self, log: &LogId) -> Option<&LogState> {
        self.held.get(log).map(|held| &held.state)
    }

    /// Where gossip sorts a log in that is held, at any time.
    pub(super) fn topic(&self, log: &LogId) -> Option<&Topic> {
        self.held.get(log).map(|held| &held.topic)
    }

    pub(super) fn held(&self) -> impl Iterator<Item = &LogState> {
        self.held.values().map(|held| &held.state)
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Holds that much of a log. By what right it is written is asked once.
    pub(super) fn hold(&mut self, topic: Topic, state: LogState, authority: &Authority) {
        if let Some(held) = self.held.get_mut(&state.log()) {
            held.state = state;
            return;
        }
        // What shows none would not be here, and counts for nothing.
        let shown = state.header().right_to_write(authority).unwrap_or(Shown::Grants(Vec::new()));
        self.held.insert(state.log(), Box::new(Held { state, topic, shown, ending: None }));
    }

    /// By what right each log is written.
    pub(super) fn shown(&self) -> impl Iterator<Item = (&LogId, &Shown)> {
        self.held.iter().map(|(log, held)| (log, &held.shown))
    }

    pub(super) fn shown_by(&self, log: &LogId) -> Option<&Shown> {
        self.held.get(log).map(|held| &held.shown)
    }

    pub(super) fn held_mut(&mut self, log: &LogId) -> Option<&mut Held> {
        self.held.get_mut(log).map(|held| &mut **held)
    }

    pub(super) fn ending(&self, log: &LogId) -> Option<&Ending> {
        self.held.get(log)?.ending.as_ref()
    }

    /// What neighbours are told of a log that is held.
    pub(super) fn told(&self, log: &LogId) -> Option<(Topic, Version)> {
        let held = self.held.get(log)?;
        // When an entry was written that lies elsewhere than at the end, nobody knows: of all times, for whoever knows of the end.
        let topic = match held.ending {
            Some(_) => held.topic.clone(),
            None => dated(held.topic.clone(), &held.state),
        };
        Some((topic, self.told_of(&held.state)))
    }

    /// What neighbours are told of a log when that is held of it.
    pub(super) fn told_of(&self, state: &LogState) -> Version {
        let whole = Version { size: state.size(), digest: state.root() };
        self.ending(&state.log()).map_or(whole, |ending| ending.version(state))
    }

    /// The log that an own stream writes now.
    pub(super) fn own(&self, stream: &StreamName) -> Option<&OwnLog> {
        self.own.get(stream)?.log.as_ref()
    }

    /// The same, with the grants by which it is written, and how many entries it has, signed or not.
    pub(super) fn own_by(&self, stream: &StreamName) -> Option<(&LogHeader, &[GrantId], u64)> {
        let OwnStream { log, by, waiting, .. } = self.own.get(stream)?;
        log.as_ref().map(|log| (log.header(), by.as_slice(), log.size() + waiting.len() as u64))
    }

    /// The log that an own stream writes now.
    pub(super) fn own_mut(&mut self, stream: &StreamName) -> Option<&mut OwnLog> {
        self.own.get_mut(stream)?.log.as_mut()
    }

    /// By which grants the log is written that an own stream writes now.
    pub(super) fn written_by(&self, stream: &StreamName) -> Vec<GrantId> {
        self.own.get(stream).map(|stream| stream.by.clone()).unwrap_or_default()
    }

    /// Somebody waits for that entry of an own stream to be signed.
    pub(super) fn wait_for(&mut self, stream: &StreamName, ticket: Ticket, position: u64) {
        if let Some(stream) = self.own.get_mut(stream) {
            stream.waiting.push((ticket, position));
        }
    }

    /// The log of an own stream is not continued. Returns who waits for it to be signed.
    pub(super) fn end_own(&mut self, header: &LogHeader, log: &LogId) -> Vec<Ticket> {
        let Some(stream) = self.own.get_mut(&stream_name(header)) else { return Vec::new() };
        if stream.log.take_if(|own| own.header().id() == *log).is_none() {
            return Vec::new();
        }
        std::mem::take(&mut stream.waiting).into_iter().map(|(ticket, _)| ticket).collect()
    }
}

/// What gossip calls a log.
pub(super) fn key_of(log: &LogId) -> Key {
    Key(log.0)
}

/// Whose quota a log counts against.
pub(super) fn origin_of(header: &LogHeader) -> Origin {
    Origin(header.author().0)
}

/// Where gossip sorts a log in, at any time.
pub(super) fn topic_of(header: &LogHeader) -> Option<Topic> {
    let topic = Topic::new(header.collection().as_str()).ok()?;
    Some(topic.at(header.place().and_then(|place| Spot::at(place.latitude_e7, place.longitude_e7))))
}

/// Where gossip sorts in what is held of a log.
pub(super) fn dated(topic: Topic, state: &LogState) -> Topic {
    topic.in_hour(state.latest().and_then(Hour::of))
}

impl Node {
    /// Takes in what the store held.
    pub(super) fn load(&mut self, opened: Opened) {
        let me = self.peer();
        let mut own: Vec<LogState> = Vec::new();
        // As the store numbered them: gossip takes numbers in their order.
        // Who may do what, before anything else is looked at.
        self.load_control(opened.control, &opened.logs);
        let mut logs: Vec<_> = opened.runs.into_iter().zip(opened.logs).collect();
        logs.sort_by_key(|(run, _)| *run);
        logs.retain(|(_, state)| {
            let header = state.header();
            let Some(topic) = topic_of(header) else { return false };
            // The check by which it was stored: what is skipped here could never be stored again.
            let is_good =
                header.space() == self.authority.space() && header.shows_right_to_write(&self.authority);
            if is_good {
                self.logs.hold(topic, state.clone(), &self.authority);
            }
            is_good
        });
        // Which of them count depends on all of them.
        self.count_loaded(&logs.iter().map(|(_, state)| state.log()).collect::<Vec<_>>());
        for (run, state) in logs {
            self.bound_loaded(&state.log());
            let Some((key, version)) = self.tell_held(&state.log()) else { continue };
            self.tell_gossip(GossipInput::Durable { key, version, number: Some(run) });
            if state.header().author() == me {
                own.push(state);
            }
        }
        self.commits.begin_after(opened.run);
        let (contested, erased) = (opened.contested, opened.erased);
        self.resume(opened.epoch.0, opened.run, opened.note.as_deref());
        let superseded: Vec<_> = own.iter().filter_map(|state| state.header().predecessor()).collect();
        own.retain(|state| !superseded.contains(&state.log()));
        // The last one of a stream counts: the newest that can be continued.
        let continuable = |state: &LogState| opened.continuable.contains(&state.log());
        own.sort_by_key(|state| (continuable(state), state.head().time, state.log()));
        for state in own {
            let name = stream_name(state.header());
            // Where durable entries may be missing, no own log is continued: whoever holds the missing ones would see two
            // histories.
            // Nor is one that counts up to some entry only.
            let goes_on = continuable(&state) && self.logs.ending(&state.log()).is_none();
            let log = if goes_on { OwnLog::resume(&state) } else { None };
            let by = self.logs.shown_by(&state.log()).map(grants_of).unwrap_or_default();
            let stream = OwnStream { log, by, predecessor: Some(state.log()), waiting: Vec::new() };
            self.logs.own.insert(name, stream);
        }
        self.load_forks(contested);
        self.load_erased(&erased);
        self.read_receipts();
    }

    pub(super) fn publish(&mut self, ticket: Ticket, stream: &StreamSpec, content: Content) {
        if let Err(error) = self.append(ticket, stream, content) {
            self.output(Output::Published { ticket, result: Err(error) });
        }
    }

    /// Answers with the log that a stream writes, which is started if there is none.
    pub(super) fn open_log(&mut self, ticket: Ticket, stream: &StreamSpec) {
        match self.begin(ticket, stream) {
            Ok(None) => {}
            Ok(Some(log)) => {
                let receipt = Receipt { log, position: 0 };
                if !self.commits.answer_with(ticket, receipt) {
                    self.output(Output::Published { ticket, result: Ok(receipt) });
                }
            }
            Err(error) => self.output(Output::Published { ticket, result: Err(error) }),
        }
    }

    /// The log of a stream, if its header was signed before; otherwise that waits to be, and is answered for with the ticket.
    fn begin(&mut self, ticket: Ticket, spec: &StreamSpec) -> Result<Option<LogId>, PublishError> {
        self.check_place(&spec.name, None)?;
        if self.epoch_for(&spec.name.collection)?.is_some() {
            return Err(PublishError::OnlyReadings { collection: spec.name.collection.clone() });
        }
        self.may_append(spec)?;
        if self.logs.own.get(&spec.name).is_none_or(|stream| stream.log.is_none()) {
            self.start_log(spec)?;
        }
        let (now, quality) = self.entry_time();
        let stream = self.logs.own.get_mut(&spec.name).expect("a stream that was started");
        let log = stream.log.as_mut().expect("a stream that was started");
        if log.size() > 0 {
            return Ok(Some(log.header().id()));
        }
        log.begin(now, quality);
        stream.waiting.push((ticket, 0));
        self.await_commit(&spec.name.collection, 1, Duration::ZERO);
        Ok(None)
    }

    /// Whether this peer may write there, and there is room.
    pub(super) fn may_append(&self, spec: &StreamSpec) -> Result<(), PublishError> {
        let (me, wall) = (self.peer(), self.wall());
        let collection = &spec.name.collection;
        let may = if collection.is_control() {
            self.may_issue(&spec.name)
        } else if *collection == CollectionPath::receipts() {
            self.grants().any(|grant| grant.is_valid(wall) && holds(grant.rights))
        } else {
            self.authority.allows(&me, Right::Write, collection, wall)
        };
        if !may {
            return Err(PublishError::NotAuthorised { peer: me, collection: collection.clone() });
        }
        if self.commits.is_failing() {
            return Err(PublishError::StorageFailing);
        }
        if self.commits.is_full_of_own(self.config.waiting_bytes_max) {
            return Err(PublishError::Busy);
        }
        Ok(())
    }

    pub(super) fn append(
        &mut self,
        ticket: Ticket,
        spec: &StreamSpec,
        content: Content,
    ) -> Result<(), PublishError> {
        self.check_place(&spec.name, Some(&content))?;
        if let Some(epoch) = self.epoch_for(&spec.name.collection)? {
            return self.append_sealed(ticket, spec, &epoch, content);
        }
        self.may_append(spec)?;
        self.check_length(&spec.name)?;
        let own = self.logs.own(&spec.name);
        match &content {
            // A change is its writer's only in the log that it names as its actor.
            Content::Change { log, .. } if own.is_none_or(|own| own.header().id() != *log) => {
                return Err(PublishError::LogChanged { log: *log });
            }
            Content::Change { .. } => {}
            _ if own.is_none() => self.start_log(spec)?,
            _ => {}
        }
        let by = self.logs.own.get(&spec.name).map(|stream| stream.by.clone()).unwrap_or_default();
        let charged = self.may_write_now(&by)?;
        let mut salt = [0; msec_crdt_store::COMMITMENT_SALT_BYTES];
        self.rng.fill_bytes(&mut salt);
        let (time, quality) = self.entry_time();
        let stream = self.logs.own.get_mut(&spec.name).expect("a stream that was started");
        let log = stream.log.as_mut().expect("a stream that was started");
        if let Some(asked) = spec.unit.as_ref().filter(|asked| *asked != log.header().unit()) {
            let (stream, own) = (spec.name.clone(), log.header().unit().to_owned());
            return Err(PublishError::OtherUnit { stream, own, asked: asked.clone() });
        }
        let moves = matches!(&content, Content::Readings(all) if all.iter().any(|it| it.place.is_some()));
        if moves && log.header().place().is_some() {
            // It would be kept, and never shown: the header says where all of it is measured.
            return Err(PublishError::FixedPlace { stream: spec.name.clone() });
        }
        let before = log.pending_bytes();
        let appended = match content {
            Content::Readings(readings) => log.append_readings(time, quality, salt, &readings),
            Content::Change { body, .. } => log.append_change(time, quality, salt, body),
            Content::Claim(claim) => log.append_claim(time, quality, salt, &claim),
            Content::Countersignature(confirmed) => {
                log.append_countersignature(time, quality, salt, &confirmed)
            }
            Content::Control(record) => log.append_control(time, quality, salt, record.to_bytes()),
        };
        if appended.is_err() && log.size() == 0 && !log.is_pending() {
            // The next try may name another unit or place.
            stream.log = None;
        }
        let position = appended?;
        let after = stream.log.as_ref().map_or(before, |log| log.pending_bytes());
        self.commits.wrote(after - before);
        stream.waiting.push((ticket, position));
        self.wrote_under(charged, after - before);
        self.await_commit(&spec.name.collection, 1, Duration::ZERO);
        Ok(())
    }

    /// Starts a new log for a stream.
    pub(super) fn start_log(&mut self, spec: &StreamSpec) -> Result<(), PublishError> {
        let me = self.peer();
        if self.logs.own.len() >= self.config.logs_max {
            return Err(PublishError::Busy);
        }
        let mut incarnation = [0; 16];
        self.rng.fill_bytes(&mut incarnation);
        let collection = &spec.name.collection;
        let own = self.logs.own.get(&spec.name).and_then(|stream| stream.predecessor);
        let predecessor = own.or_else(|| self.replaced_log(&spec.name));
        let place = spec.place.map(|it| (it.latitude_e7, it.longitude_e7));
        let is_data = !collection.is_reserved();
        let is_here = |grant: &Grant| !is_data || grant.reaches(place);
        let has_room = |grant: &Grant| self.may_begin(&grant.id(), &spec.name);
        let grants = self.shown_in_header(&spec.name, |grant| is_here(grant) && has_room(grant));
        if is_data && grants.is_empty() {
            let (peer, stream) = (me, spec.name.clone());
            return Err(match self.shown_in_header(&spec.name, is_here).is_empty() {
                true => PublishError::Elsewhere { peer, stream },
                false => PublishError::LogsUsedUp { peer, stream },
            });
        }
        if !self.may_say(&spec.name) {
            return Err(PublishError::LogsUsedUp { peer: me, stream: spec.name.clone() });
        }
        let header =
            LogHeader::new(self.authority.space(), collection.clone(), &spec.name.stream, me, incarnation)
                .with_unit(spec.unit.as_deref().unwrap_or("1"))
                .with_place(spec.place)
                .with_predecessor(predecessor)
                .with_grants(&grants);
        header.check().map_err(msec_crdt_store::EntryError::from)?;
        let by = header.right_to_write(&self.authority).map(|shown| grants_of(&shown)).unwrap_or_default();
        if let Some(before) = own {
            self.event(Event::NewIncarnation { stream: spec.name.clone(), before });
        }
        let stream = self.logs.own.entry(spec.name.clone()).or_default();
        (stream.log, stream.by) = (Some(OwnLog::create(header)), by);
        Ok(())
    }

    /// Signs what waits in all own streams. Returns the runs, and who waits for which entry.
    pub(super) fn sign_own(&mut self) -> (Vec<VerifiedRun>, Vec<(Ticket, Receipt)>) {
        let (mut runs, mut receipts) = (Vec::new(), Vec::new());
        let now = self.now.wall;
        for stream in self.logs.own.values_mut() {
            let Some(run) = stream.log.as_mut().and_then(|log| log.sign(&self.identity, now)) else {
                continue;
            };
            let log = run.state().log();
            stream.predecessor = Some(log);
            let waiting = std::mem::take(&mut stream.waiting);
            receipts
                .extend(waiting.into_iter().map(|(ticket, position)| (ticket, Receipt { log, position })));
            runs.push(run);
        }
        for state in runs.iter().map(VerifiedRun::state) {
            let is_new = self.logs.get(&state.log()).is_none();
            if let Some(topic) = topic_of(state.header()) {
                self.logs.hold(topic, state.clone(), &self.authority);
            }
            if is_new {
                self.count_log(&state.log());
            }
        }
        (runs, receipts)
    }

    /// Somebody shows entries of an own log that are missing here: the store was cut back, restored or copied. The stream
    /// goes on in a new log. What was published and not yet signed goes there too, but for changes: those have to be made
    /// again under the name of the new log.
    pub(super) fn abandon_own(&mut self, header: &LogHeader, log: LogId) {
        let name = stream_name(header);
        let stream = self.logs.own.entry(name.clone()).or_default();
        if stream.log.is_none() {
            stream.predecessor.get_or_insert(log);
        }
        let Some(before) = stream.log.take_if(|own| own.header().id() == log) else { return };
        stream.predecessor = Some(log);
        let waiting = std::mem::take(&mut stream.waiting);
        let spec =
            StreamSpec { name: name.clone(), unit: Some(header.unit().to_owned()), place: header.place() };
        if self.start_log(&spec).is_err() {
            for (ticket, _) in waiting {
                self.output(Output::Published { ticket, result: Err(PublishError::Busy) });
            }
            return;
        }
        // At once, and not with the next reading: a restart in between must find that the old log is over.
        let (now, quality) = self.entry_time();
        let Some(stream) = self.logs.own.get_mut(&name) else { return };
        let Some(next) = &mut stream.log else { return };
        next.begin(now, quality);
        let positions = before.hand_over(next);
        let mut left = Vec::new();
        for (ticket, position) in waiting {
            match positions.get(&position) {
                Some(position) => stream.waiting.push((ticket, *position)),
                None => left.push(ticket),
            }
        }
        for ticket in left {
            let error = match header.may_be_sealed() {
                true => PublishError::SealedForOther { log },
                false => PublishError::LogChanged { log },
            };
            self.output(Output::Published { ticket, result: Err(error) });
        }
        self.await_commit(&name.collection, 1, Duration::ZERO);
    }

    /// The time of an entry that is written now, and what is known of the clock.
    pub(super) fn entry_time(&self) -> (UnixMillis, TimeQuality) {
        (self.now.wall, self.clock())
    }

    /// The log that an own stream writes now, with how much of it is signed.
    pub(super) fn own_log(&self, header: &LogHeader) -> Option<&OwnLog> {
        self.logs.own(&stream_name(header))
    }
}

/// By which grants a log is written.
fn grants_of(shown: &Shown) -> Vec<GrantId> {
    match shown {
        Shown::Root(_) => Vec::new(),
        Shown::Grants(grants) => grants.clone(),
    }
}

pub(super) fn stream_name(header: &LogHeader) -> StreamName {
    StreamName { collection: header.collection().clone(), stream: header.stream().to_owned() }
}
