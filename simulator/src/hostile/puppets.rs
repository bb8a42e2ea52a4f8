//! Two gossip machines that talk to each other about logs which they do not have. What they say is said to others.
//!
//! The wire format is nobody's secret, and this is the shortest way to speak it: every kind of message comes out (pushes,
//! steps of reconciliation, announcements, wants, chunks, ways in trees), well-formed, with keys of real logs and contents of nobody's.

use std::time::Duration;

use msec_identity::{LogId, PeerId};
use msec_peer::gossip::{Config, Gossip, Input, Interest, Key, Output, Priority, Topic, Version};

use crate::seed::Dice;

/// How long they talk: long enough for wants to wait for pushes, and for a second round of reconciliation.
const TALK: Duration = Duration::from_secs(12);
/// Logs that they talk about at once.
const LOGS_MAX: usize = 8;
/// How much further than anybody they say that these logs go.
const AHEAD: u64 = 1 << 40;
const PAYLOAD_BYTES: usize = 96;

/// The topics that they claim. Some are nobody's.
const TOPICS: [&str; 3] = ["parks/noise", "centre/air", "nobody/listens"];

/// Up to so many messages, about the logs in `held` and some that do not exist.
pub(super) fn chatter(held: &[LogId], count: usize, dice: &mut Dice) -> Vec<(Priority, Vec<u8>)> {
    let ids = [PeerId(dice.bytes()), PeerId(dice.bytes())];
    // Each message in a frame of its own, so that one which is changed takes no others with it.
    let config = Config { frame_bytes_max: 0, ..Config::default() };
    let mut puppets = ids.map(|id| Gossip::new(config.clone(), id, Interest::all(), dice.bytes()));
    let mut said = Vec::new();
    for side in 0..2 {
        let up = Input::NeighbourUp { peer: ids[1 - side], interest: Interest::all(), leaf: false };
        puppets[side].handle(Duration::ZERO, up);
    }
    for n in 0..LOGS_MAX {
        let real = (n % 2 == 0 && !held.is_empty()).then(|| held[dice.index(held.len())]);
        let key = Key(real.map_or_else(|| dice.bytes(), |log| log.0));
        let topic = Topic::new(TOPICS[dice.index(TOPICS.len())]).expect("a topic");
        let version = Version { size: 1 + dice.below(AHEAD), digest: dice.bytes() };
        // Half of them are pushed, the others announced, wanted and served.
        let payload = (n % 4 < 2).then(|| payload(dice));
        let accepted = Input::Accepted { key, topic, version, from: None, origin: None, payload };
        puppets[0].handle(Duration::ZERO, accepted);
        puppets[0].handle(Duration::ZERO, Input::Durable { key, version, number: None });
    }
    let mut now = Duration::ZERO;
    while now < TALK && said.len() < count {
        let next = puppets.iter().filter_map(Gossip::poll_timeout).min();
        exchange(&mut puppets, ids, now, &mut said, dice);
        now = next.unwrap_or(TALK).max(now + Duration::from_millis(10));
        puppets.iter_mut().for_each(|puppet| puppet.handle(now, Input::Timeout));
    }
    said.truncate(count);
    said
}

fn exchange(
    puppets: &mut [Gossip; 2],
    ids: [PeerId; 2],
    now: Duration,
    said: &mut Vec<(Priority, Vec<u8>)>,
    dice: &mut Dice,
) {
    for side in 0..2 {
        while let Some(output) = puppets[side].poll_output() {
            match output {
                Output::Send { priority, bytes, .. } => {
                    let heard = Input::Received { from: ids[side], bytes: bytes.clone() };
                    puppets[1 - side].handle(now, heard);
                    said.push((priority, bytes));
                }
                Output::Serve { to, key, from, .. } => {
                    let chunk = Some(payload(dice));
                    puppets[side].handle(now, Input::Served { to, key, from, chunk });
                }
                Output::Deliver { .. } | Output::Conflict { .. } | Output::Violation { .. } => {}
            }
        }
    }
}

fn payload(dice: &mut Dice) -> Vec<u8> {
    (0..PAYLOAD_BYTES / 32).flat_map(|_| dice.bytes()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::seed::Seed;

    #[test]
    fn every_kind_of_message_is_said() {
        let mut dice = Seed(1).dice("test", 0);
        let said = chatter(&[LogId([7; 32])], 64, &mut dice);
        // The first byte is the version, the second the kind: push, reconcile, have, want, chunk, tree.
        let kinds: BTreeSet<u8> = said.iter().map(|(_, bytes)| bytes[1]).collect();
        assert_eq!(kinds.into_iter().collect::<Vec<_>>(), [0, 1, 3, 4, 5, 7]);
    }
}
