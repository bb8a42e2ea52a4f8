//! The overlay's machine, fed with whatever neighbours, the node and the driver may tell it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use msec_gossip::Overlay;
use msec_gossip::overlay::{
    Config, ContactId, DialFailure, Input, Lost, Output, RECORD_BYTES_MAX, Role, Source,
};
use msec_identity::PeerId;

use crate::script::{Script, Step};

/// More outputs than any one input should cause, with limits as small as [`Config::small`].
const OUTPUTS_MAX: usize = 100;
/// The longest message: as long as twelve records.
const MESSAGE_BYTES_MAX: usize = 12 * RECORD_BYTES_MAX;
/// The longest that a machine rests: `far_max`, and a fourth of it.
const REST_MAX: Duration = Duration::from_secs(5 * 3_600);

/// What happens to the machine. The peer is the argument's lowest bits; one of them is the machine's own.
pub mod act {
    /// A message comes.
    pub const RECEIVED: u8 = 0;
    /// A link comes up; with a byte that is no zero, to the contact of that number.
    pub const UP: u8 = 1;
    /// A link goes.
    pub const DOWN: u8 = 2;
    /// The node names a contact: its number, who says so, and a record behind that. The flag says that the peer is known.
    pub const CONTACT: u8 = 3;
    /// A contact may not be dialled any more.
    pub const GONE: u8 = 4;
    /// A dial fails, whether there was one or not.
    pub const DIAL_FAILED: u8 = 5;
    /// The oldest dial that was asked for leads to a link; with the flag, it fails.
    pub const DIALLED: u8 = 6;
    /// The node confirms the oldest record that it was asked about, as that peer's. Its contact is the peer's number.
    pub const CONFIRMED: u8 = 7;
    /// What is told of oneself changes.
    pub const OWN: u8 = 8;
    /// Something else comes over a link.
    pub const HEARD: u8 = 9;
    /// A sixteenth of a second times the argument passes; with the highest bit, minutes.
    pub const PASS: u8 = 10;
    /// The node has judged the oldest record that it was asked about, and there is nobody to dial; with the flag it is true.
    pub const CHECKED: u8 = 11;
    /// How many of these there are.
    pub const COUNT: u8 = 12;
}

/// Who the machine is. Whoever says so, too, is one more peer that lies.
const ME: u8 = 7;

fn peer(n: u8) -> PeerId {
    PeerId([n & 0x07; 32])
}

/// The machine, and what a driver knows of it.
struct Scene {
    overlay: Overlay,
    config: Config,
    now: Duration,
    links: BTreeSet<PeerId>,
    up: BTreeMap<PeerId, bool>,
    /// Contacts that were named, and not forgotten.
    contacts: BTreeSet<ContactId>,
    dials: Vec<ContactId>,
    checks: Vec<Vec<u8>>,
}

impl Scene {
    fn new(role: Role) -> Self {
        let config = Config::small();
        let overlay = Overlay::new(config.clone(), peer(ME), role, [1; 32]);
        let mut scene = Self {
            overlay,
            config,
            now: Duration::ZERO,
            links: BTreeSet::new(),
            up: BTreeMap::new(),
            contacts: BTreeSet::new(),
            dials: Vec::new(),
            checks: Vec::new(),
        };
        scene.handle(Input::OwnRecord { record: b"me".to_vec() });
        scene
    }

    fn step(&mut self, step: Step<'_>) {
        let who = peer(step.argument);
        let byte = |at: usize| step.bytes.get(at).copied().unwrap_or_default();
        let contact = ContactId(u64::from(byte(0) & 0x0f));
        let input = match step.kind % act::COUNT {
            act::RECEIVED => Input::Received { from: who, bytes: step.bytes.to_vec() },
            act::UP => {
                let expense = Duration::from_millis(u64::from(byte(1)));
                Input::LinkUp { peer: who, contact: (byte(0) != 0).then_some(contact), expense }
            }
            act::DOWN => {
                let why = [Lost::Closed, Lost::TimedOut, Lost::Misbehaved][usize::from(byte(0)) % 3];
                Input::LinkDown { peer: who, why }
            }
            act::CONTACT => {
                let source = [Source::Configured, Source::Discovered, Source::Hearsay];
                let record = step.bytes.get(2..).filter(|record| !record.is_empty());
                Input::Contact {
                    contact,
                    source: source[usize::from(byte(1)) % 3],
                    peer: step.flag().then_some(who),
                    record: record.map(<[u8]>::to_vec),
                }
            }
            act::GONE => Input::ContactGone { contact },
            act::DIAL_FAILED => Input::DialFailed { contact, why: failure(byte(1)) },
            act::DIALLED => match self.dials.pop() {
                Some(contact) if step.flag() => Input::DialFailed { contact, why: failure(byte(0)) },
                dialled => Input::LinkUp { peer: who, contact: dialled, expense: Duration::ZERO },
            },
            act::CONFIRMED => Input::Contact {
                contact: ContactId(u64::from(step.argument & 0x07)),
                source: Source::Hearsay,
                peer: Some(who),
                record: self.checks.pop(),
            },
            act::CHECKED => match self.checks.pop() {
                Some(record) => Input::Checked { record, is_true: step.flag() },
                None => Input::Timeout,
            },
            act::OWN => Input::OwnRecord { record: step.bytes.to_vec() },
            act::HEARD => Input::Heard { peer: who },
            _ => {
                let unit = if step.flag() { Duration::from_secs(60) } else { Duration::from_millis(62) };
                self.now += unit * u32::from(step.argument & 0x7f);
                Input::Timeout
            }
        };
        self.handle(input);
    }

    fn handle(&mut self, input: Input) {
        match &input {
            Input::LinkUp { peer, .. } => drop(self.links.insert(*peer)),
            Input::LinkDown { peer, .. } => drop(self.links.remove(peer)),
            Input::Contact { contact, .. } => drop(self.contacts.insert(*contact)),
            Input::ContactGone { contact } => drop(self.contacts.remove(contact)),
            _ => {}
        }
        self.overlay.handle(self.now, input);
        let mut outputs = 0;
        while let Some(output) = self.overlay.poll_output() {
            outputs += 1;
            self.obey(output);
        }
        assert!(outputs < OUTPUTS_MAX, "{outputs} outputs of one input");
        let neighbours: BTreeMap<_, _> = self.overlay.neighbours().collect();
        assert_eq!(neighbours, self.up, "who is up is a neighbour, and nobody else");
        for (what, is, may) in self.overlay.table_sizes().bounds(&self.config) {
            assert!(is <= may, "{is} {what}, at most {may} are allowed");
        }
        let rests = |due: Duration| due > self.now && due - self.now <= REST_MAX;
        assert!(self.overlay.poll_timeout().is_none_or(rests), "a timer that does not rest, or for ever");
    }

    fn obey(&mut self, output: Output) {
        match output {
            Output::Send { to, bytes } => {
                assert!(self.links.contains(&to), "nothing is said to who has no link");
                assert!(bytes.len() <= MESSAGE_BYTES_MAX);
            }
            Output::Check { from, record } => {
                assert!(self.links.contains(&from), "a stranger tells nothing");
                assert!((1..=RECORD_BYTES_MAX).contains(&record.len()));
                self.checks.push(record);
            }
            Output::Dial { contact } => {
                assert!(self.contacts.contains(&contact), "only who was named is dialled");
                self.dials.push(contact);
            }
            Output::Forget { contact } => drop(self.contacts.remove(&contact)),
            Output::Up { peer, leaf } => {
                assert!(self.links.contains(&peer), "a link comes first");
                assert_eq!(self.up.insert(peer, leaf), None, "up twice");
            }
            Output::Down { peer } => assert!(self.up.remove(&peer).is_some(), "down, and was not up"),
            Output::Disconnect { peer, .. } | Output::Violation { from: peer, .. } => {
                assert!(!self.up.contains_key(&peer), "it is down first");
                self.links.remove(&peer);
            }
            Output::Leaving { peer } => assert!(self.up.contains_key(&peer), "leaving, and was not up"),
            Output::Cost { peer, .. } => assert!(self.links.contains(&peer), "links cost"),
        }
    }
}

fn failure(n: u8) -> DialFailure {
    [DialFailure::Unreachable, DialFailure::TimedOut, DialFailure::Refused, DialFailure::Denied]
        [usize::from(n) % 4]
}

/// Feeds a machine. It never spins, its tables stay within their bounds, and it says nothing to a stranger. The first step's
/// flag says that it is a leaf.
pub fn check<'a>(steps: impl Iterator<Item = Step<'a>>) {
    let mut steps = steps.peekable();
    let leaf = steps.peek().is_some_and(Step::flag);
    let mut scene = Scene::new(if leaf { Role::Leaf } else { Role::Relay });
    steps.for_each(|step| scene.step(step));
}

/// A script in which each of these messages comes twice: from who has just dialled, and from who was dialled; and the node
/// confirms what it is asked about.
pub fn script_of<'a>(messages: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    let said = |script: Script, (n, message): (usize, &Vec<u8>)| {
        let (one, other) = (n as u8 % 3, 3 + n as u8 % 3);
        script
            .step(act::UP, one, &[])
            .step(act::RECEIVED, one, message)
            .step(act::CONTACT, 0x80 | other, &[1 + other, 0])
            .step(act::DIALLED, other, &[])
            .step(act::RECEIVED, other, message)
            .step(act::CONFIRMED, other, &[])
            .step(act::CHECKED, if n % 2 == 0 { 0x80 } else { 0 }, &[])
            .step(act::PASS, 20, &[])
    };
    messages.into_iter().enumerate().fold(Script::default(), said).into_bytes()
}

/// A leaf that finds its two relays: a script.
pub fn leaf() -> Vec<u8> {
    let welcome = [0x42, 1, 0, 0, 0, 0, 0];
    let found = |script: Script, n: u8| {
        script.step(act::CONTACT, 0x80 | n, &[n, 0]).step(act::DIALLED, n, &[]).step(
            act::RECEIVED,
            n,
            &welcome,
        )
    };
    [1, 2].into_iter().fold(Script::default(), found).step(act::PASS, 0x7f, &[]).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::steps;
    use crate::vectors;

    #[test]
    fn the_leaf_has_two_relays() {
        let mut scene = Scene::new(Role::Leaf);
        let script = leaf();
        steps(&script).take(6).for_each(|step| scene.step(step));
        assert_eq!(scene.up.len(), 2);
    }

    #[test]
    fn the_vectors_bring_a_machine_far() {
        let mut scene = Scene::new(Role::Relay);
        for part in vectors::overlay().chunks(5) {
            steps(&script_of(part)).for_each(|step| scene.step(step));
        }
        let stats = scene.overlay.stats();
        assert!(stats.ups > 0 && stats.dials > 0 && stats.checks > 0 && stats.violations > 0, "{stats:?}");
    }
}
