//! The joiner's side of a pairing ([`msec_identity::pairing`]) without its sockets and clock: it has a code, and no space yet.
//!
//! | state | what happens | then |
//! |---|---|---|
//! | seeking | an address is known, from the code or by mDNS | it is dialled, one after the other |
//! | | a link is up | the first message is sent |
//! | | [`SEEK_MAX`] is over | [`GuestFailed::NobodyThere`], or why the last one refused |
//! | second message awaited | it verifies | the third is sent, [`GuestEvent::Words`] |
//! | | a refusal, somebody else, silence for [`STEP_MAX`] | remembered, and seeking goes on; what another address can't change ends it |
//! | answer awaited | yes | [`GuestEvent::Welcome`] |
//! | | no, or the link broke, or [`ANSWER_MAX`] is over | [`GuestFailed`] |
//!
//! With a walk-up code any gateway will do: one after the other is asked, no words are compared, and whoever has no right to let in says so.
//!
//! A refusal is no proof of who refuses, since it comes before anybody has proven anything: a hint may lead to a stranger. Only one knock
//! is under way at a time: a code lets one in.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use msec_identity::handshake::ChannelBinding;
use msec_identity::pairing::{
    AwaitAnswer, AwaitHost, AwaitInviter, AwaitWelcome, Counterpart, Door, Joiner, OpenInvite, PairingPapers,
    PairingRefusal, SafetyWords, Visitor,
};
use msec_identity::{NoiseKey, PairingError, PeerId, SpaceId, UnixMillis, Verified};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::node::{DECISION_MAX, LinkId, Now};

/// How long somebody is sought who lets us in.
pub const SEEK_MAX: Duration = Duration::from_secs(30);
/// How long the inviter has for its message.
pub const STEP_MAX: Duration = Duration::from_secs(10);
/// How long its owner has: longer than the inviter waits itself, so that it is the one to say that it took too long.
pub const ANSWER_MAX: Duration = DECISION_MAX.saturating_add(STEP_MAX);
/// The most addresses that are tried. Further ones are passed over.
pub const ADDRESSES_MAX: usize = 64;
/// The pause before all addresses are tried again, since the inviter may only be starting.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// What happened.
#[derive(Debug)]
pub enum GuestInput {
    /// Somebody of the space is said to be there.
    Found {
        /// Where.
        address: SocketAddr,
    },
    /// A connection that was dialled is up.
    LinkUp {
        /// Its name from now on.
        link: LinkId,
        /// The connection's TLS exporter.
        binding: ChannelBinding,
        /// Where it leads.
        address: SocketAddr,
    },
    /// There is no connection to there.
    DialFailed {
        /// Where.
        address: SocketAddr,
    },
    /// A connection is gone.
    LinkDown {
        /// Which.
        link: LinkId,
    },
    /// One message, untrusted.
    Received {
        /// On which link.
        link: LinkId,
        /// The message.
        bytes: Vec<u8>,
    },
    /// [`Guest::poll_timeout`] has come.
    Timeout,
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum GuestOutput {
    /// Connect to this address.
    Dial {
        /// Where.
        address: SocketAddr,
    },
    /// Send one message.
    Send {
        /// On which link.
        link: LinkId,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Close a link.
    Close {
        /// Which.
        link: LinkId,
    },
    /// Something that a person wants to know.
    Event(GuestEvent),
}

/// Something that a person wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GuestEvent {
    /// Both screens show these words now, and the owner compares them.
    Words {
        /// The words.
        words: SafetyWords,
        /// Who invites. That it is the one whom the code names is proven.
        inviter: Counterpart,
        /// Where it was reached.
        address: SocketAddr,
    },
    /// The owner said yes. Nothing follows.
    Welcome {
        /// What the inviter gave: the space's manifest and a grant, unchecked.
        welcome: Vec<u8>,
        /// Who gave it. That it is that peer is proven; that it may give it shows in the grants.
        inviter: PeerId,
        /// The space that it has to be about.
        space: SpaceId,
        /// Where the inviter was reached.
        address: SocketAddr,
    },
    /// It came to nothing. Nothing follows.
    Failed(GuestFailed),
}

/// Why somebody did not get in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuestFailed {
    /// Nobody answers at any address of the code, nor by mDNS.
    #[error(
        "nobody answers where the code leads: is the inviter running, are both on one network, and does UDP pass? A hint for the code is \
         given with `msec invite --hint ADDR`"
    )]
    NobodyThere,
    /// The inviter refused.
    #[error("{0}")]
    Refused(PairingRefusal),
    /// Who answers is not the one that the code names, or speaks for another space, or not this protocol.
    #[error("{0}")]
    Suspicious(String),
    /// The inviter went before its owner had decided.
    #[error("the inviter hung up before anybody decided: the code is still good, try again")]
    HungUp,
    /// Nobody decided.
    #[error("nobody compared the words in time: ask the owner to, and try again")]
    NobodyDecided,
}

/// Who comes with a code.
pub struct Guest {
    way: Way,
    key: NoiseKey,
    papers: PairingPapers,
    rng: ChaCha20Rng,
    now: Now,
    /// All that were ever named, and those of them that are still to be tried.
    known: BTreeSet<SocketAddr>,
    left: VecDeque<SocketAddr>,
    again_at: Option<Duration>,
    seek_until: Duration,
    /// Why those refused who refused. The last that counts.
    refused: Option<GuestFailed>,
    /// Those of them where nobody knows the code: asked again they would only close their book.
    strangers: BTreeSet<SocketAddr>,
    finds_others: bool,
    state: State,
    outputs: VecDeque<GuestOutput>,
}

#[allow(clippy::large_enum_variant, reason = "there is one")]
enum State {
    Seeking,
    Dialling { address: SocketAddr },
    Second { link: LinkId, address: SocketAddr, deadline: Duration, wait: Second },
    Answer { link: LinkId, address: SocketAddr, deadline: Duration, wait: Answer },
    Over,
}

#[allow(clippy::large_enum_variant, reason = "there is one")]
enum Second {
    Inviter(AwaitInviter),
    Host(AwaitHost, Box<Verified<OpenInvite>>),
}

#[allow(clippy::large_enum_variant, reason = "there is one")]
enum Answer {
    OfInviter(AwaitAnswer),
    OfHost(AwaitWelcome),
}

/// What somebody comes with.
#[derive(Debug, Clone)]
pub enum Way {
    /// A code for one peer: at whose door it knocks.
    Door(Door),
    /// A walk-up code, which any gateway of its space may honour.
    WalkUp(Box<Verified<OpenInvite>>),
}

/// Who comes, with what.
pub struct GuestParts {
    /// What it comes with.
    pub way: Way,
    /// Its Noise key, endorsed by its identity.
    pub key: NoiseKey,
    /// What it says of itself.
    pub papers: PairingPapers,
    /// Where the inviter may be, best first.
    pub hints: Vec<SocketAddr>,
    /// Whether further addresses may be found: then it is not over when those that are known say no.
    pub finds_others: bool,
    /// Whence its randomness comes. Never twice the same, outside simulations.
    pub seed: [u8; 32],
}

impl Guest {
    /// Begins to seek whoever opens.
    pub fn new(parts: GuestParts, now: Now) -> Self {
        let GuestParts { way, key, papers, hints, finds_others, seed } = parts;
        let mut guest = Self {
            way,
            key,
            papers,
            rng: ChaCha20Rng::from_seed(seed),
            now,
            known: BTreeSet::new(),
            left: VecDeque::new(),
            again_at: None,
            seek_until: now.mono + SEEK_MAX,
            refused: None,
            strangers: BTreeSet::new(),
            finds_others,
            state: State::Seeking,
            outputs: VecDeque::new(),
        };
        hints.into_iter().for_each(|address| guest.found(address));
        guest.seek();
        guest
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Now, input: GuestInput) {
        self.now = Now { mono: now.mono.max(self.now.mono), wall: now.wall };
        match input {
            GuestInput::Found { address } => self.found(address),
            GuestInput::LinkUp { link, binding, address } => self.link_up(link, binding, address),
            GuestInput::DialFailed { address } => {
                if matches!(self.state, State::Dialling { address: dialled } if dialled == address) {
                    self.state = State::Seeking;
                }
            }
            GuestInput::LinkDown { link } => self.link_down(link),
            GuestInput::Received { link, bytes } => self.received(link, &bytes),
            GuestInput::Timeout => {}
        }
        self.expire();
        self.seek();
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<GuestOutput> {
        self.outputs.pop_front()
    }

    /// When to call [`Guest::handle`] with [`GuestInput::Timeout`], on the monotonic clock. `None`: it is over.
    pub fn poll_timeout(&self) -> Option<Duration> {
        match &self.state {
            State::Seeking => Some(self.again_at.map_or(self.seek_until, |again| again.min(self.seek_until))),
            State::Dialling { .. } => Some(self.seek_until),
            State::Second { deadline, .. } | State::Answer { deadline, .. } => Some(*deadline),
            State::Over => None,
        }
    }

    fn found(&mut self, address: SocketAddr) {
        if self.known.len() < ADDRESSES_MAX && self.known.insert(address) {
            self.left.push_back(address);
        }
    }

    /// Dials the next address, if nothing else is under way.
    fn seek(&mut self) {
        if !matches!(self.state, State::Seeking) {
            return;
        }
        if self.left.is_empty() && self.again_at.is_none_or(|again| again <= self.now.mono) {
            // The first round ends with a pause, as each later one does.
            if self.again_at.take().is_some() {
                self.left.extend(self.known.difference(&self.strangers));
            } else if !self.known.is_empty() {
                self.again_at = Some(self.now.mono + AGAIN_AFTER);
            }
        }
        if let Some(address) = self.left.pop_front() {
            self.again_at = None;
            self.state = State::Dialling { address };
            self.outputs.push_back(GuestOutput::Dial { address });
        }
    }

    fn link_up(&mut self, link: LinkId, binding: ChannelBinding, address: SocketAddr) {
        if !matches!(self.state, State::Dialling { address: dialled } if dialled == address) {
            return self.outputs.push_back(GuestOutput::Close { link });
        }
        let started = match &self.way {
            Way::Door(door) => Joiner::start(door, &self.key, binding, &mut self.rng)
                .map(|(wait, bytes)| (Second::Inviter(wait), bytes)),
            Way::WalkUp(open) => Visitor::start(&self.key, binding, &mut self.rng)
                .map(|(wait, bytes)| (Second::Host(wait, open.clone()), bytes)),
        };
        match started {
            Ok((wait, bytes)) => {
                let deadline = self.now.mono + STEP_MAX;
                self.state = State::Second { link, address, deadline, wait };
                self.outputs.push_back(GuestOutput::Send { link, bytes });
            }
            Err(error) => {
                self.outputs.push_back(GuestOutput::Close { link });
                self.fail(GuestFailed::Suspicious(error.to_string()));
            }
        }
    }

    fn link_down(&mut self, gone: LinkId) {
        match &self.state {
            State::Second { link, .. } if *link == gone => self.state = State::Seeking,
            // Another gateway may have more time.
            State::Answer { link, wait: Answer::OfHost(_), .. } if *link == gone => {
                self.state = State::Seeking
            }
            State::Answer { link, .. } if *link == gone => self.fail(GuestFailed::HungUp),
            _ => {}
        }
    }

    fn received(&mut self, on: LinkId, bytes: &[u8]) {
        let is_on = match &self.state {
            State::Second { link, .. } | State::Answer { link, .. } => *link == on,
            _ => false,
        };
        if !is_on {
            return;
        }
        match std::mem::replace(&mut self.state, State::Seeking) {
            State::Second { link, address, wait, .. } => self.second(link, address, wait, bytes),
            State::Answer { link, address, wait, .. } => self.answered(link, address, wait, bytes),
            state => self.state = state,
        }
    }

    fn wall(&self) -> Option<UnixMillis> {
        self.now.wall.is_plausible().then_some(self.now.wall)
    }

    fn second(&mut self, link: LinkId, address: SocketAddr, wait: Second, bytes: &[u8]) {
        let read = match wait {
            Second::Inviter(wait) => match wait.read(bytes, &self.key, &self.papers, self.wall()) {
                Ok((wait, third)) => return self.compare(link, address, wait, third),
                Err(error) => Err(error),
            },
            Second::Host(wait, open) => wait.read(bytes, &self.key, &self.papers, &open),
        };
        match read {
            Ok((wait, third)) => {
                self.outputs.push_back(GuestOutput::Send { link, bytes: third });
                let deadline = self.now.mono + STEP_MAX;
                self.state = State::Answer { link, address, deadline, wait: Answer::OfHost(wait) };
            }
            Err(error) => {
                self.outputs.push_back(GuestOutput::Close { link });
                self.turned_away(address, &error);
            }
        }
    }

    fn answered(&mut self, link: LinkId, address: SocketAddr, wait: Answer, bytes: &[u8]) {
        self.outputs.push_back(GuestOutput::Close { link });
        let (inviter, welcome) = match wait {
            Answer::OfInviter(wait) => {
                let inviter = wait.inviter().clone();
                (inviter, wait.read(bytes))
            }
            Answer::OfHost(wait) => match wait.read(bytes, self.wall()) {
                Ok((host, welcome)) => (host, Ok(welcome)),
                Err(error) => return self.turned_away(address, &error),
            },
        };
        match (welcome, inviter.space) {
            (Ok(welcome), Some(space)) => {
                self.state = State::Over;
                let event = GuestEvent::Welcome { welcome, inviter: inviter.peer, space, address };
                self.outputs.push_back(GuestOutput::Event(event));
            }
            (Err(PairingError::Refused(refusal)), _) => self.fail(GuestFailed::Refused(refusal)),
            (Err(error), _) => self.fail(GuestFailed::Suspicious(error.to_string())),
            // An inviter without a space was refused before.
            (Ok(_), None) => self.fail(GuestFailed::HungUp),
        }
    }

    fn compare(&mut self, link: LinkId, address: SocketAddr, wait: AwaitAnswer, third: Vec<u8>) {
        let event = GuestEvent::Words { words: wait.words(), inviter: wait.inviter().clone(), address };
        self.outputs.push_back(GuestOutput::Send { link, bytes: third });
        self.outputs.push_back(GuestOutput::Event(event));
        let deadline = self.now.mono + ANSWER_MAX;
        self.state = State::Answer { link, address, deadline, wait: Answer::OfInviter(wait) };
    }

    /// Somebody refused at the second message, or is not the one who is sought.
    fn turned_away(&mut self, address: SocketAddr, error: &PairingError) {
        let why = match error {
            PairingError::Refused(refusal) => GuestFailed::Refused(*refusal),
            error => GuestFailed::Suspicious(error.to_string()),
        };
        let elsewhere = matches!(
            error,
            PairingError::Refused(
                PairingRefusal::Unknown
                    | PairingRefusal::Elsewhere
                    | PairingRefusal::NotNear
                    | PairingRefusal::Version
            )
        );
        let walks_up = matches!(self.way, Way::WalkUp(_));
        if matches!(error, PairingError::Refused(PairingRefusal::Unknown)) || (walks_up && elsewhere) {
            self.strangers.insert(address);
        }
        let is_final = match error {
            // Another gateway may let in, or know more of the bench.
            PairingError::Refused(PairingRefusal::Closed { .. }) if walks_up => false,
            _ if walks_up && elsewhere => self.left.is_empty() && !self.finds_others,
            PairingError::OtherSpace if walks_up => false,
            PairingError::Refused(PairingRefusal::Unknown) => self.left.is_empty() && !self.finds_others,
            PairingError::Refused(_) | PairingError::OtherSpace | PairingError::TooLong => true,
            // A hint may lead to somebody else by now.
            _ => false,
        };
        match is_final {
            true => self.fail(why),
            false => self.refused = Some(why),
        }
    }

    fn expire(&mut self) {
        match &self.state {
            State::Second { link, deadline, .. } if *deadline <= self.now.mono => {
                self.outputs.push_back(GuestOutput::Close { link: *link });
                self.state = State::Seeking;
            }
            State::Answer { link, deadline, wait: Answer::OfHost(_), .. } if *deadline <= self.now.mono => {
                self.outputs.push_back(GuestOutput::Close { link: *link });
                self.state = State::Seeking;
            }
            State::Answer { link, deadline, .. } if *deadline <= self.now.mono => {
                self.outputs.push_back(GuestOutput::Close { link: *link });
                return self.fail(GuestFailed::NobodyDecided);
            }
            _ => {}
        }
        let seeks = matches!(self.state, State::Seeking | State::Dialling { .. });
        if seeks && self.seek_until <= self.now.mono {
            let why = self.refused.take().unwrap_or(GuestFailed::NobodyThere);
            self.fail(why);
        }
    }

    fn fail(&mut self, why: GuestFailed) {
        self.state = State::Over;
        self.outputs.push_back(GuestOutput::Event(GuestEvent::Failed(why)));
    }
}

/// An endorsed Noise key, for as long as a pairing takes. By a clock that was never set it is endorsed for ever, since nobody would
/// read it otherwise.
pub fn key_for_pairing(identity: &msec_identity::Identity, secret: [u8; 32], now: UnixMillis) -> NoiseKey {
    const HOUR_MS: i64 = 3600 * 1000;
    let not_after = match now.is_plausible() {
        // Clocks differ by an hour at times, where one of them missed the summer.
        true => now.saturating_add(2 * HOUR_MS),
        false => UnixMillis(i64::MAX),
    };
    identity.endorse(secret, not_after)
}
