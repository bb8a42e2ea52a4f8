//! The bodies.

use anyhow::{Context, Result, ensure};
use msec_peer::{RefusedKind, StreamSpec};

use super::{Held, LinkState, Member, Mesh, No};
use crate::town::{reading, stream};

/// A reading reaches a peer two hops away, and is what was published.
pub fn reaches_a_peer_two_hops_away(mesh: &mut impl Mesh) -> Result<()> {
    let chain = Chain::new(mesh);
    chain.publish(mesh, 1)?;
    chain.publish(mesh, 2)?;
    holds(mesh, chain.citizen, [1, 2])?;
    holds(mesh, chain.far, [1, 2])?;
    refuses_nothing(mesh)
}

/// A peer that was away catches up: with what it missed, and with what comes then.
pub fn who_was_away_catches_up(mesh: &mut impl Mesh) -> Result<()> {
    let chain = Chain::new(mesh);
    chain.publish(mesh, 1)?;
    holds(mesh, chain.citizen, [1])?;
    mesh.stop(chain.citizen);
    for n in 2..=20 {
        chain.publish(mesh, n)?;
    }
    ensure!(mesh.readings_of(chain.citizen).is_empty(), "who is away is asked nothing");
    mesh.start(chain.citizen);
    holds(mesh, chain.citizen, 1..=20)?;
    chain.publish(mesh, 21)?;
    holds(mesh, chain.citizen, 1..=21)?;
    refuses_nothing(mesh)
}

/// Two halves that are cut apart go on, and merge.
pub fn a_partition_heals(mesh: &mut impl Mesh) -> Result<()> {
    let [near, far] = [No(0), No(1)];
    let sensor = Member::sensor;
    mesh.add(Member::gateway());
    mesh.add(Member::gateway().dials(near));
    let (east, west) = (mesh.add(sensor().dials(near)), mesh.add(sensor().dials(far)));
    let mic = |name| stream("parks/noise", name);
    let publish = |mesh: &mut _, sensor, name, n| -> Result<()> {
        Mesh::publish(mesh, sensor, &mic(name), &[reading(n)]).map(drop)
    };
    publish(mesh, east, "east", 1)?;
    publish(mesh, west, "west", 1)?;
    let both = |n: u64| held("east", 1..=n).into_iter().chain(held("west", 1..=n)).collect::<Held>();
    for gateway in [near, far] {
        mesh.settle("both halves hold both", |mesh| mesh.readings_of(gateway) == both(1))?;
    }
    mesh.set_link(near, far, LinkState::Cut);
    publish(mesh, east, "east", 2)?;
    publish(mesh, west, "west", 2)?;
    mesh.settle("a half goes on by itself", |mesh| mesh.readings_of(near).len() == 3)?;
    mesh.settle("so does the other", |mesh| mesh.readings_of(far).len() == 3)?;
    mesh.pass(std::time::Duration::from_secs(2));
    ensure!(mesh.readings_of(near).len() == 3, "something came through a cut");
    mesh.set_link(near, far, LinkState::Whole);
    for gateway in [near, far] {
        mesh.settle("the halves have merged", |mesh| mesh.readings_of(gateway) == both(2))?;
    }
    publish(mesh, west, "west", 3)?;
    mesh.settle("what comes then arrives", |mesh| mesh.readings_of(near).len() == 5)?;
    refuses_nothing(mesh)
}

/// A sensor that restarts as soon as something is acknowledged continues its log, and has lost nothing.
pub fn a_restart_continues_the_log(mesh: &mut impl Mesh) -> Result<()> {
    const RESTARTS: u64 = 4;
    let chain = Chain::new(mesh);
    let mut log = None;
    for n in 1..=RESTARTS {
        let receipt = mesh.publish(chain.sensor, &chain.stream, &[reading(n)])?;
        ensure!(receipt.log == *log.get_or_insert(receipt.log), "the log is continued");
        ensure!(receipt.position == n, "position after position: {receipt:?} is of the {n}th reading");
        mesh.stop(chain.sensor);
        let away = mesh.publish(chain.sensor, &chain.stream, &[reading(9)]);
        ensure!(away.is_err(), "who is away publishes nothing");
        mesh.start(chain.sensor);
    }
    holds(mesh, chain.citizen, 1..=RESTARTS)?;
    refuses_nothing(mesh)
}

/// Everybody gets what they want and may have, and no more.
pub fn interest_and_grants_are_respected(mesh: &mut impl Mesh) -> Result<()> {
    let gateway = mesh.add(Member::gateway());
    let sensor = mesh.add(Member::sensor().dials(gateway));
    let entitled = mesh.add(Member::citizen().granted("read", "parks").dials(gateway));
    let modest = mesh.add(Member::citizen().interested_in("harbour").dials(gateway));
    let barred = mesh.add(Member::citizen().granted("write", "roads").dials(gateway));
    let all = mesh.add(Member::citizen().dials(gateway));
    for (n, collection) in [(1, "parks/noise"), (1, "harbour"), (2, "harbour"), (2, "parks/noise")] {
        let name = if collection == "harbour" { "ship" } else { "mic" };
        mesh.publish(sensor, &stream(collection, name), &[reading(n)])?;
    }
    mesh.settle("who may read everything has it", |mesh| mesh.readings_of(all).len() == 4)?;
    mesh.settle("parks, for who may read parks", |mesh| mesh.readings_of(entitled) == held("mic", 1..=2))?;
    mesh.settle("harbour, for who wants it", |mesh| mesh.readings_of(modest) == held("ship", 1..=2))?;
    // Several rounds of reconciliation, which would bring what must not come.
    mesh.pass(std::time::Duration::from_secs(4));
    ensure!(mesh.readings_of(entitled) == held("mic", 1..=2), "more than was granted");
    ensure!(mesh.readings_of(modest) == held("ship", 1..=2), "more than was wanted");
    ensure!(mesh.readings_of(barred).is_empty(), "who may only write reads nothing");
    ensure!(mesh.neighbours_of(barred) == 1, "though it is linked");
    let refused = mesh.publish(barred, &stream("parks/noise", "mine"), &[reading(1)]);
    let error = refused.err().context("who may write to roads wrote to parks")?;
    ensure!(error.to_string().contains("parks/noise"), "the error names the collection: {error}");
    refuses_nothing(mesh)
}

/// A stranger is refused, and gets nothing.
pub fn a_stranger_is_refused(mesh: &mut impl Mesh) -> Result<()> {
    let chain = Chain::new(mesh);
    let stranger = mesh.add(Member::stranger().dials(chain.far));
    chain.publish(mesh, 1)?;
    holds(mesh, chain.citizen, [1])?;
    let far = chain.far;
    mesh.settle("the stranger is refused", |mesh| {
        mesh.refused_of(far).iter().any(|refused| refused.kind == RefusedKind::Stranger)
    })?;
    mesh.settle("it is told so", |mesh| {
        mesh.refused_of(stranger).iter().any(|refused| refused.detail.contains("no grant that is valid now"))
    })?;
    ensure!(mesh.neighbours_of(stranger) == 0, "a stranger has no neighbours");
    ensure!(mesh.readings_of(stranger).is_empty(), "a stranger holds nothing");
    chain.publish(mesh, 2)?;
    holds(mesh, chain.citizen, [1, 2])
}

/// Two peers that dial each other have one link, and everything once.
pub fn two_that_dial_each_other_have_one_link(mesh: &mut impl Mesh) -> Result<()> {
    let [a, b] = [No(0), No(1)];
    mesh.add(Member::gateway().dials(b));
    mesh.add(Member::gateway().dials(a));
    let sensor = mesh.add(Member::sensor().dials(a).dials(b));
    let mic = stream("parks/noise", "mic");
    for n in 1..=3 {
        mesh.publish(sensor, &mic, &[reading(n)])?;
    }
    for gateway in [a, b] {
        mesh.settle("each has two neighbours", |mesh| mesh.neighbours_of(gateway) == 2)?;
        mesh.settle("each holds everything once", |mesh| mesh.readings_of(gateway) == held("mic", 1..=3))?;
    }
    // Each looks again whether it must dial.
    mesh.pass(std::time::Duration::from_secs(3));
    ensure!(mesh.neighbours_of(a) == 2 && mesh.neighbours_of(b) == 2, "a link was lost to its double");
    mesh.publish(sensor, &mic, &[reading(4)])?;
    for gateway in [a, b] {
        mesh.settle("it goes on", |mesh| mesh.readings_of(gateway) == held("mic", 1..=4))?;
    }
    refuses_nothing(mesh)
}

/// As [`reaches_a_peer_two_hops_away`], over a link between the gateways that is not whole.
pub fn reaches_a_peer_over(mesh: &mut impl Mesh, state: LinkState) -> Result<()> {
    mesh.set_link(No(0), No(1), state);
    reaches_a_peer_two_hops_away(mesh)
}

/// A sensor, two gateways, and a citizen at the far one.
struct Chain {
    far: No,
    sensor: No,
    citizen: No,
    stream: StreamSpec,
}

impl Chain {
    fn new(mesh: &mut impl Mesh) -> Self {
        let near = mesh.add(Member::gateway());
        let far = mesh.add(Member::gateway().dials(near));
        let sensor = mesh.add(Member::sensor().dials(near));
        let citizen = mesh.add(Member::citizen().dials(far));
        Self { far, sensor, citizen, stream: stream("parks/noise", "mic") }
    }

    fn publish(&self, mesh: &mut impl Mesh, n: u64) -> Result<()> {
        mesh.publish(self.sensor, &self.stream, &[reading(n)]).map(drop)
    }
}

/// The readings of these numbers, as a peer holds them.
fn held(stream: &str, numbers: impl IntoIterator<Item = u64>) -> Held {
    numbers.into_iter().map(|n| (stream.to_owned(), reading(n).time.0, n)).collect()
}

/// Waits until a peer holds exactly the readings of these numbers.
fn holds(mesh: &mut impl Mesh, peer: No, numbers: impl IntoIterator<Item = u64>) -> Result<()> {
    let expected = held("mic", numbers);
    let what = format!("peer {} holds {} readings", peer.0, expected.len());
    mesh.settle(&what, |mesh| mesh.readings_of(peer) == expected)
}

/// Nobody refused anything: peers that are in order do not accuse each other.
fn refuses_nothing(mesh: &mut impl Mesh) -> Result<()> {
    for peer in mesh.peers() {
        let refused = mesh.refused_of(peer);
        ensure!(refused.is_empty(), "peer {} refused {refused:?}", peer.0);
    }
    Ok(())
}
