//! Asking whether issuers are there, and carrying what others ask.
//!
//! Kinds of methods, in the order in which they are called: [`Asking::handle`] with the time and an [`Input`], then
//! [`Asking::poll_output`] until there is none, then [`Asking::poll_timeout`].
//!
//! Follows Roughtime (draft-ietf-ntp-roughtime) in how one signature answers many, see [`msec_identity::Question`]; relays do as its
//! server does, so that an issuer signs once a second at most and no link carries more than two questions a second, whatever the
//! city's size. How fresh an answer is counts from when the nonce was drawn, on the clock that never jumps.
//!
//! Transitions:
//!
//! ```text
//! Ask received      --> it waits
//! own turn, or some wait; a way; the last question BATCH_PAUSE ago, fewer than BATCHES_MAX under way
//!                   --> a nonce is drawn; Ask of all together, to the nearest; under way
//! some wait, and an issuer is here; the last beat BEAT_PAUSE ago
//!                   --> Sign; Signed --> Answer to each
//! Answer received   -- not of what we asked there      --> dropped: it may be late
//!                   -- leads elsewhere than the beat   --> Violation: whoever passes it on has looked
//!                   -- else                            --> Check
//! Checked           -- it counts                       --> Answer to each who waits; the own turn comes in `every` again
//!                   -- its issuer does not stand       --> blamed; the own turn comes again soon
//!                   -- it is forged                    --> Violation
//! no answer in PATIENCE --> blamed; the own turn comes again after a pause that doubles
//! a way appears while we are stale, or whose answer counted last does not stand any more --> own turn
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use msec_identity::{Beat, PeerId, Question, Unverified, Way};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::batch::{Batch, PATIENCE, Waiting};
use super::message::{Message, MessageError};
use super::ways::Ways;

/// How long nothing else is asked after something was. What comes meanwhile goes together.
pub(super) const BATCH_PAUSE: Duration = Duration::from_millis(500);
/// Questions under way. Beyond it, what comes waits until one is answered or given up.
pub(super) const BATCHES_MAX: usize = 8;
/// How long an issuer that answered answers nothing else: so it signs once a second at most.
pub(super) const BEAT_PAUSE: Duration = Duration::from_secs(1);
/// The pause after the first answer that did not come. It doubles, up to how often we ask.
const RETRY_MIN: Duration = Duration::from_secs(2);
/// What follows on a way that appears waits for up to so long, so that not all ask at once that lost it together.
const APPEAR_MAX: Duration = Duration::from_millis(500);

/// What happened.
#[derive(Debug)]
pub(in crate::node) enum Input {
    /// Somebody is a neighbour, or begins anew.
    NeighbourUp { peer: PeerId, leaf: bool },
    /// It is one no more.
    NeighbourDown { peer: PeerId },
    /// A frame of it, untrusted.
    Received { from: PeerId, bytes: Vec<u8> },
    /// Whether an issuer is here.
    Issues(bool),
    /// How often we want to know; `None`: not at all.
    Every(Option<Duration>),
    /// Whose answer counted last does not stand any more: it may be long until our own turn.
    Lost,
    /// The answer to [`Output::Sign`]; `None`: it cannot be signed.
    Signed { beat: Option<Vec<u8>> },
    /// The answer to [`Output::Check`].
    Checked { batch: u32, verdict: Verdict },
    /// [`Asking::poll_timeout`] has come.
    Timeout,
}

/// What the node finds of a beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::node) enum Verdict {
    /// Its issuer signed it, and stands.
    Counts,
    /// Its issuer signed it, and does not stand, or not any more, as far as is known here.
    Idle,
    /// Its issuer did not sign it, or it is of another space.
    Forged,
}

/// What to do.
#[derive(Debug)]
pub(in crate::node) enum Output {
    /// Send a frame.
    Send { to: PeerId, bytes: Vec<u8> },
    /// Sign a beat of that, and say [`Input::Signed`] before anything else.
    Sign { of: Question },
    /// Look whether it counts, and say [`Input::Checked`]. `drawn`: it is fresher than that.
    Check { batch: u32, drawn: Duration, beat: Box<Unverified<Beat>> },
    /// A neighbour said what no honest one says.
    Violation { from: PeerId, error: Broken },
}

/// What no honest neighbour says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::node) enum Broken {
    /// It is no message.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// What it says of a beat is not so.
    #[error("the beat is no answer to what was asked, or is no beat")]
    Answer,
    /// Its issuer did not sign it.
    #[error("the beat was not signed by whom it names")]
    Forged,
}

/// What was asked and not answered.
#[derive(Debug)]
struct UnderWay {
    to: PeerId,
    batch: Batch,
    /// When our nonce in it was drawn.
    drawn: Duration,
    /// The beat that the node looks at, and what leads from the batch to it.
    checked: Option<(Way, Vec<u8>)>,
}

/// The machine.
#[derive(Debug)]
pub(in crate::node) struct Asking {
    now: Duration,
    rng: ChaCha20Rng,
    is_leaf: bool,
    issues: bool,
    ways: Ways,
    waiting: Waiting,
    /// What waits for the node's signature.
    signing: Option<Batch>,
    under_way: BTreeMap<u32, UnderWay>,
    next_id: u32,
    every: Option<Duration>,
    /// When it is our own turn.
    turn: Option<Duration>,
    /// When the nonce of the last answer that counts was drawn.
    proven: Option<Duration>,
    /// Answers in a row that did not come, or do not count.
    failures: u32,
    asked_at: Option<Duration>,
    signed_at: Option<Duration>,
    outputs: VecDeque<Output>,
}

impl Asking {
    /// One that knows nobody. `seed` is used for nothing else.
    pub(in crate::node) fn new(is_leaf: bool, seed: [u8; 32]) -> Self {
        Self {
            now: Duration::ZERO,
            rng: ChaCha20Rng::from_seed(seed),
            is_leaf,
            issues: false,
            ways: Ways::default(),
            waiting: Waiting::default(),
            signing: None,
            under_way: BTreeMap::new(),
            next_id: 0,
            every: None,
            turn: None,
            proven: None,
            failures: 0,
            asked_at: None,
            signed_at: None,
            outputs: VecDeque::new(),
        }
    }

    /// Takes in what happened. Times that run backwards are those before.
    pub(in crate::node) fn handle(&mut self, now: Duration, input: Input) {
        self.now = self.now.max(now);
        let had_way = self.ways.best().is_some();
        match input {
            Input::NeighbourUp { peer, leaf } => self.ways.up(peer, leaf),
            Input::NeighbourDown { peer } => self.down(&peer),
            Input::Received { from, bytes } => self.received(from, &bytes),
            Input::Issues(issues) => self.issues = issues,
            Input::Every(every) => self.every(every),
            Input::Lost => self.lost(),
            Input::Signed { beat } => self.signed(beat),
            Input::Checked { batch, verdict } => self.checked(batch, verdict),
            Input::Timeout => {}
        }
        if !had_way && self.ways.best().is_some() && self.is_stale() {
            let soon = self.now + self.part_of(APPEAR_MAX);
            self.turn = self.every.map(|_| soon);
        }
        self.give_up();
        self.ask();
        self.sign();
        if self.serves() {
            let said = self.ways.say(self.now, self.issues);
            said.into_iter().for_each(|(to, hops)| self.send(to, &Message::Near { hops }));
        }
    }

    /// The next thing to do.
    pub(in crate::node) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`Asking::handle`] with [`Input::Timeout`].
    pub(in crate::node) fn poll_timeout(&self) -> Option<Duration> {
        let near = if self.serves() { self.ways.due(self.issues) } else { None };
        let given_up = self.under_way.values().map(|it| it.drawn + PATIENCE).min();
        [near, given_up, self.waiting.due(), self.ask_due(), self.sign_due()].into_iter().flatten().min()
    }

    /// How many questions of others wait, and how many are under way.
    pub(in crate::node) fn sizes(&self) -> [usize; 2] {
        [self.waiting.len(), self.under_way.len()]
    }

    fn down(&mut self, peer: &PeerId) {
        self.ways.down(peer);
        self.waiting.forget(peer);
        let lost = self.under_way.len();
        self.under_way.retain(|_, it| it.to != *peer);
        if self.under_way.len() < lost {
            self.failed();
        }
    }

    fn received(&mut self, from: PeerId, bytes: &[u8]) {
        if !self.ways.may_read(&from, self.now) {
            return;
        }
        match Message::decode(bytes) {
            Ok(Message::Near { hops }) => self.ways.heard(&from, hops),
            Ok(Message::Ask { id, question }) if self.serves() => {
                self.waiting.add(self.now, from, id, question);
            }
            Ok(Message::Ask { .. }) => {}
            Ok(Message::Answer { id, way, beat }) => self.answered(from, id, way, beat),
            Err(error) => self.violated(from, error.into()),
        }
    }

    /// Whether it answers neighbours: it carries what they ask, or issues itself.
    fn serves(&self) -> bool {
        !self.is_leaf || self.issues
    }

    fn every(&mut self, every: Option<Duration>) {
        if self.every == every {
            return;
        }
        self.every = every;
        self.turn = every.map(|every| self.proven.map_or(self.now, |proven| (proven + every).max(self.now)));
    }

    fn lost(&mut self) {
        self.proven = None;
        let soon = self.now + self.part_of(APPEAR_MAX);
        self.turn = self.every.map(|_| soon);
    }

    /// Whether what we know is older than three times what we ask for.
    fn is_stale(&self) -> bool {
        let Some(every) = self.every else { return false };
        self.proven.is_none_or(|proven| proven + every * 3 <= self.now)
    }

    /// Asks the nearest, for ourselves and for all who wait.
    fn ask(&mut self) {
        if self.ask_due().is_none_or(|due| due > self.now) {
            return;
        }
        let Some((to, _)) = self.ways.best() else { return };
        // Who is the way is told that there is none over us: what it asked all the same would go round.
        self.waiting.forget(&to);
        let mut nonce = [0; 32];
        self.rng.fill_bytes(&mut nonce);
        let own = Some(Question::of(&nonce));
        let Some(batch) = Batch::of(self.waiting.take(), own) else { return };
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        self.send(to, &Message::Ask { id, question: batch.root() });
        self.under_way.insert(id, UnderWay { to, batch, drawn: self.now, checked: None });
        self.asked_at = Some(self.now);
        // Until it is answered or given up.
        self.turn = self.every.map(|_| self.now + PATIENCE * 2);
    }

    fn ask_due(&self) -> Option<Duration> {
        if self.issues || self.under_way.len() >= BATCHES_MAX {
            return None;
        }
        self.ways.best()?;
        let wanted = if self.waiting.len() > 0 { Some(Duration::ZERO) } else { self.turn };
        Some(wanted?.max(self.asked_at.map_or(Duration::ZERO, |at| at + BATCH_PAUSE)))
    }

    /// Answers all who wait, where an issuer is.
    fn sign(&mut self) {
        if self.signing.is_some() || self.sign_due().is_none_or(|due| due > self.now) {
            return;
        }
        let Some(batch) = Batch::of(self.waiting.take(), None) else { return };
        self.signed_at = Some(self.now);
        self.outputs.push_back(Output::Sign { of: batch.root() });
        self.signing = Some(batch);
    }

    fn sign_due(&self) -> Option<Duration> {
        let may = self.issues && self.waiting.len() > 0;
        may.then(|| self.signed_at.map_or(Duration::ZERO, |at| at + BEAT_PAUSE))
    }

    fn signed(&mut self, beat: Option<Vec<u8>>) {
        if let (Some(batch), Some(beat)) = (self.signing.take(), beat) {
            self.pass_on(&batch, &Way::default(), &beat);
        }
    }

    fn answered(&mut self, from: PeerId, id: u32, way: Way, beat: Vec<u8>) {
        let asked = self.under_way.get_mut(&id).filter(|it| it.to == from && it.checked.is_none());
        let Some(asked) = asked else { return };
        let parsed = Unverified::<Beat>::from_bytes(&beat);
        let parsed = parsed.ok().filter(|it| way.leads_from(asked.batch.root()) == it.claims().of);
        let Some(parsed) = parsed else { return self.violated(from, Broken::Answer) };
        asked.checked = Some((way, beat));
        self.outputs.push_back(Output::Check { batch: id, drawn: asked.drawn, beat: Box::new(parsed) });
    }

    fn checked(&mut self, batch: u32, verdict: Verdict) {
        let Some(UnderWay { to, batch, drawn, checked }) = self.under_way.remove(&batch) else { return };
        let Some((way, beat)) = checked else { return };
        match verdict {
            Verdict::Counts => {
                self.ways.forgive(&to);
                self.failures = 0;
                self.proven = self.proven.max(Some(drawn));
                self.turn = self.every.map(|every| drawn + every * 3 / 4 + self.part_of(every / 4));
                self.pass_on(&batch, &way, &beat);
            }
            Verdict::Idle => {
                self.ways.blame(&to);
                self.failed();
            }
            Verdict::Forged => self.violated(to, Broken::Forged),
        }
    }

    fn pass_on(&mut self, batch: &Batch, way: &Way, beat: &[u8]) {
        for (asked, way) in batch.answers(way) {
            self.send(asked.by, &Message::Answer { id: asked.id, way, beat: beat.to_vec() });
        }
    }

    /// What nobody answered is answered by nobody any more.
    fn give_up(&mut self) {
        self.waiting.expire(self.now);
        let now = self.now;
        let late = |it: &UnderWay| it.checked.is_none() && it.drawn + PATIENCE <= now;
        let silent: Vec<_> = self.under_way.values().filter(|it| late(it)).map(|it| it.to).collect();
        self.under_way.retain(|_, it| !late(it));
        for peer in silent {
            self.ways.blame(&peer);
            self.failed();
        }
    }

    /// No answer came that counts.
    fn failed(&mut self) {
        let Some(every) = self.every else { return };
        let pause = RETRY_MIN.saturating_mul(2u32.saturating_pow(self.failures)).min(every);
        self.failures = self.failures.saturating_add(1);
        self.turn = Some(self.now + pause * 3 / 4 + self.part_of(pause / 4));
    }

    fn violated(&mut self, from: PeerId, error: Broken) {
        self.outputs.push_back(Output::Violation { from, error });
    }

    fn send(&mut self, to: PeerId, message: &Message) {
        self.outputs.push_back(Output::Send { to, bytes: message.encode() });
    }

    /// Anything from nothing to all of it.
    fn part_of(&mut self, time: Duration) -> Duration {
        time.mul_f64(f64::from(self.rng.next_u32()) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests;
