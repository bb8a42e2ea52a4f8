//! What is bounded stays within its bound.

use msec_crdt_store::{BODY_BYTES_MAX, CONTESTED_MAX, RUN_BYTES_MAX};
use msec_identity::handshake::MESSAGE_BYTES_MAX;
use msec_peer::node::{
    self, ADOPTED_MAX, CONTROL_LOGS_MAX, ERASURES_UNCONFIRMED_MAX, NOTED_MAX, QUESTIONS_MAX, READS_MAX,
    Sizes, TRACES_MAX,
};

use super::{Checker, Kind};
use crate::link::QUEUE_BYTES_MAX;
use crate::peer::PeerIndex;
use crate::world::World;

/// The longest message after the handshake; as the driver reads them.
const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// Peers that are looked at each time; of more, they take turns.
const PEERS_MAX: usize = 250;

const _: () = assert!(FRAME_BYTES_MAX <= QUEUE_BYTES_MAX, "every message that may be sent fits into a queue");

/// The checker. It sees what a driver sees (the length of messages, commits and reads under way, whether a node asks to be
/// woken for ever), and how full the tables of nodes, of overlays and of gossip are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bounds {
    /// Whose turn it is.
    turn: usize,
}

/// What is bounded, how much there is, and how much there may be.
type Bound = (&'static str, usize, usize);

impl Checker for Bounds {
    fn name(&self) -> &'static str {
        "bounds"
    }

    fn kind(&self) -> Kind {
        Kind::Safety
    }

    fn during(&mut self, world: &World) -> Vec<String> {
        let traffic = world.traffic();
        let spins = usize::try_from(world.spins()).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        for (what, is, bound) in [
            ("bytes of a handshake message", traffic.longest_handshake, MESSAGE_BYTES_MAX),
            ("bytes of a message", traffic.longest_message, FRAME_BYTES_MAX),
            ("nodes that would spin", spins, 0),
        ] {
            if is > bound {
                found.push(format!("{is} {what}, at most {bound} are allowed"));
            }
        }
        let peers = world.peers().count();
        let looked_at = peers.min(PEERS_MAX);
        for n in 0..looked_at {
            found.extend(over(world, PeerIndex((self.turn + n) % peers)));
        }
        self.turn = (self.turn + looked_at) % peers.max(1);
        found
    }
}

/// What of an honest peer is over its bound.
fn over(world: &World, peer: PeerIndex) -> Vec<String> {
    let (Some(node), Some(spec), true) = (world.node(peer), world.spec(peer), world.is_honest(peer)) else {
        return Vec::new();
    };
    // Its views grow with its contacts, whoever lives there.
    let settings = &spec.config(peer, |_| None);
    let sizes = node.sizes();
    let (commits, reads) = world.disk_waiting(peer);
    let reads_max = settings.links_max * settings.gossip.serves_in_flight_max;
    let disk = [("commits at once", commits, 1), ("reads at once", reads, reads_max)];
    let overlay = sizes.overlay.bounds(&settings.views());
    let gossip = sizes.gossip.bounds(&settings.gossip);
    let bounds = of_node(&sizes, settings).into_iter().chain(overlay).chain(gossip).chain(disk);
    let over = bounds.filter(|(_, is, bound)| is > bound);
    over.map(|(what, is, bound)| format!("peer {peer} has {is} {what}, at most {bound} are allowed"))
        .collect()
}

fn of_node(is: &Sizes, may: &node::Config) -> [Bound; 18] {
    [
        ("links", is.links, may.links_max),
        ("contacts", is.contacts, node::Config::CONTACTS_MAX + may.discovered_max + may.hearsay_max),
        ("contacts by hearsay", is.hearsay, may.hearsay_max),
        ("handshakes", is.handshakes, may.handshakes_max),
        ("logs", is.logs, may.logs_max),
        ("logs that everybody may write", is.said_logs, may.logs_max.div_ceil(2)),
        ("control logs", is.control_logs, CONTROL_LOGS_MAX),
        // The last one that was taken may have been as long as any.
        ("bytes that wait for the disk", is.waiting_bytes, may.waiting_bytes_max + RUN_BYTES_MAX),
        ("own bytes that wait", is.own_waiting_bytes, may.waiting_bytes_max + 2 * BODY_BYTES_MAX),
        ("reads for one neighbour", is.reads, READS_MAX),
        ("erasures that are not confirmed", is.erasures, ERASURES_UNCONFIRMED_MAX),
        ("beginnings that are gone", is.prefixes[0], NOTED_MAX),
        ("beginnings that wait for what follows", is.prefixes[1], ADOPTED_MAX),
        ("logs that are known to be forked", is.contested, CONTESTED_MAX),
        ("histories that are followed at one neighbour", is.traces, TRACES_MAX),
        ("questions that wait", is.questions[0], QUESTIONS_MAX[0]),
        ("questions under way", is.questions[1], QUESTIONS_MAX[1]),
        ("outputs that nobody took", is.outputs, 0),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use msec_peer::gossip::{self, overlay};

    use super::*;
    use crate::checkers::testing::{GATEWAY, NOTHING, publish, small_world};

    #[test]
    fn a_gateway_with_more_than_it_may_hold_is_found() {
        let mut world = small_world();
        publish(&mut world, 1.0);
        world.run_for(Duration::from_secs(5));
        assert_eq!(Bounds::default().during(&world), NOTHING);

        // The node has two links and one log; now it is said to be allowed fewer.
        let settings = &mut world.spec_mut(GATEWAY).settings;
        settings.links_max = 1;
        settings.logs_max = 0;
        settings.overlay.leaves_max = 0;
        settings.gossip.neighbours_max = 0;
        let expected = [
            "peer 0 has 2 links, at most 1 are allowed",
            "peer 0 has 1 logs, at most 0 are allowed",
            "peer 0 has 2 leaves that are up, at most 0 are allowed",
            "peer 0 has 2 neighbours, at most 0 are allowed",
        ];
        assert_eq!(Bounds::default().during(&world), expected);
    }

    #[test]
    fn every_table_has_a_bound_that_can_be_broken() {
        let (node, much) = (node::Config::default(), usize::MAX / 2);
        // Deadlines and linked contacts are bounded by tables that are too full themselves.
        let full = overlay::Tables {
            active: much / 8,
            leaves: much / 8,
            visits: much / 2,
            fixed: much,
            passive: much,
            remembered: much,
            linked: much,
            dials: much / 8,
            checks: much,
            walks: much,
            timers: much,
        };
        assert!(full.bounds(&node.views()).iter().all(|(_, is, may)| is > may));
        let sizes = Sizes {
            links: much,
            contacts: much,
            hearsay: much,
            handshakes: much,
            logs: much,
            said_logs: much,
            control_logs: much,
            waiting_bytes: much,
            own_waiting_bytes: much,
            reads: much,
            prefixes: [much; 2],
            erasures: much,
            contested: much,
            traces: much,
            questions: [much; 2],
            outputs: much,
            overlay: full,
            gossip: gossip::Tables::default(),
        };
        assert!(of_node(&sizes, &node).iter().all(|(_, is, may)| is > may));
    }

    #[test]
    fn many_peers_take_turns() {
        let (world, mut checker) = (small_world(), Bounds::default());
        checker.during(&world);
        assert_eq!(checker.turn, 0, "three are looked at each time");
    }
}
