//! Logs under grants that nobody gave.

use msec_crdt_store::{LogHeader, OwnLog, Reading, TimeQuality, VerifiedRun};
use msec_identity::{CollectionPath, Grant, Identity, Manifest, Right, Rights, UnixMillis, Verified};
use msec_peer::gossip::Interest;

use crate::seed::{Dice, Seed};
use crate::space::{EPOCH, Space};

/// Where somebody writes who wants everything.
const ANYWHERE: &str = "parks";

/// A day, in milliseconds.
const DAY_MS: i64 = 24 * 3_600_000;

/// How a grant is forged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forgery {
    /// There is none.
    Missing,
    /// Its holder issued it.
    OwnIssuer,
    /// It names the root, and its holder signed it.
    OwnSignature,
    /// The root of another space gave it, for that space.
    OtherSpace,
    /// The root of another space gave it, for this space.
    OtherRoot,
    /// The root gave it for another collection, and the name was changed.
    Widened,
    /// The root gave it, and it is over. Entries under it are taken today: what an entry says of its own time proves
    /// nothing, and there are no checkpoints yet that would.
    Expired,
}

const FORGERIES: [Forgery; 7] = [
    Forgery::Missing,
    Forgery::OwnIssuer,
    Forgery::OwnSignature,
    Forgery::OtherSpace,
    Forgery::OtherRoot,
    Forgery::Widened,
    Forgery::Expired,
];

/// A log under such a grant.
#[derive(Debug)]
pub(crate) struct Forged {
    pub(crate) run: VerifiedRun,
    pub(crate) readings: Vec<Reading>,
    /// What the root gave in truth.
    pub(crate) given: Option<Verified<Grant>>,
}

/// Where somebody with this interest wants to write: where its neighbours listen, too.
pub(crate) fn target(interest: &Interest) -> CollectionPath {
    let district = interest.prefixes().map(|prefix| prefix.trim_end_matches('/')).next();
    let district = district.filter(|district| !district.is_empty()).unwrap_or(ANYWHERE);
    format!("{district}/noise").parse().expect("a district's collection is a path")
}

/// Where it may: a name of the same length, so that one can stand in place of the other.
fn beside(target: &CollectionPath) -> String {
    let target = target.as_str();
    let first = if target.starts_with('x') { 'y' } else { 'x' };
    format!("{first}{}", &target[1..])
}

/// The papers of somebody to whom the root gave nothing: issued by itself, and in the root's name.
pub(crate) fn papers(me: &Identity, space: &Space) -> Vec<Verified<Grant>> {
    let everything = |issuer| grant(space.manifest(), issuer, me, CollectionPath::everything());
    let root = space.manifest().roots().first().copied();
    [Some(me.peer()), root].into_iter().flatten().map(|issuer| me.sign(everything(issuer))).collect()
}

/// Forges a log of that identity there, in one of the ways, drawn at random. `None`: what came out is no header.
pub(crate) fn forge(
    identity: &Identity,
    target: &CollectionPath,
    space: &Space,
    now: UnixMillis,
    dice: &mut Dice,
) -> Option<Forged> {
    let how = FORGERIES[dice.index(FORGERIES.len())];
    let [incarnation, salt] = [dice.bytes(), dice.bytes()].map(|bytes| bytes.first_chunk().copied());
    let header = LogHeader::new(space.id(), target.clone(), "forged", identity.peer(), incarnation?);
    let (header, given) = under(how, header, identity, space, dice)?;
    let mut log = OwnLog::create(header);
    let readings = vec![Reading::new(now, dice.below(1_000) as f64)];
    log.append_readings(now, TimeQuality::Synchronised, salt?, &readings).ok()?;
    let run = log.sign(identity, now)?;
    Some(Forged { run, readings, given })
}

/// The header with a grant that is forged so, and what the root gave in truth.
fn under(
    how: Forgery,
    header: LogHeader,
    me: &Identity,
    space: &Space,
    dice: &mut Dice,
) -> Option<(LogHeader, Option<Verified<Grant>>)> {
    let roots = space.manifest().roots();
    let other = Space::new(Seed(dice.below(u64::MAX)));
    let target = header.collection().clone();
    let wanted = grant(space.manifest(), *roots.first()?, me, target.clone());
    let forged = match how {
        Forgery::Missing => return Some((header, None)),
        Forgery::OwnIssuer => me.sign(Grant { issuer: me.peer(), ..wanted }),
        Forgery::OwnSignature => me.sign(wanted),
        Forgery::OtherSpace => {
            other.sign(grant(other.manifest(), *other.manifest().roots().first()?, me, target))
        }
        Forgery::OtherRoot => other.sign(wanted),
        Forgery::Widened => {
            let beside = beside(&target);
            let narrow = space.sign(Grant { resource: beside.parse().ok()?, ..wanted });
            return Some((widened(header.with_grants([&narrow]), &beside, &target)?, Some(narrow)));
        }
        Forgery::Expired => {
            let over = Grant {
                not_before: UnixMillis(EPOCH.0 - 2 * DAY_MS),
                not_after: UnixMillis(EPOCH.0 - DAY_MS),
                ..wanted
            };
            let over = space.sign(over);
            return Some((header.with_grants([&over]), Some(over)));
        }
    };
    Some((header.with_grants([&forged]), None))
}

fn grant(manifest: &Manifest, issuer: msec_identity::PeerId, me: &Identity, on: CollectionPath) -> Grant {
    Grant {
        space: manifest.space(),
        issuer,
        holder: me.peer().into(),
        resource: on,
        rights: Rights::of([Right::Write]),
        not_before: UnixMillis(EPOCH.0 - DAY_MS),
        not_after: UnixMillis(EPOCH.0 + DAY_MS),
        depth: 0,
        parent: None,
        caveats: None,
    }
}

/// The header with another name in its grant, whose signature stays what it was.
fn widened(header: LogHeader, given: &str, wanted: &CollectionPath) -> Option<LogHeader> {
    let mut bytes = minicbor::to_vec(&header).ok()?;
    let at = bytes.windows(given.len()).position(|window| window == given.as_bytes())?;
    bytes[at..at + given.len()].copy_from_slice(wanted.as_str().as_bytes());
    minicbor::decode(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use msec_crdt_store::{Run, Verdict};
    use msec_identity::Authority;

    use super::*;

    #[test]
    fn the_one_that_the_root_gave_counts_and_no_other() {
        let (space, me) = (Space::new(Seed(1)), Identity::from_seed([9; 32]));
        let authority = Authority::new(space.manifest().clone());
        let mut dice = Seed(1).dice("test", 0);
        for how in FORGERIES {
            let header = LogHeader::new(space.id(), target(&Interest::all()), "forged", me.peer(), [1; 16]);
            let (header, _) = under(how, header, &me, &space, &mut dice).expect("forged");
            let mut log = OwnLog::create(header);
            let readings = [Reading::new(EPOCH, 1.0)];
            log.append_readings(EPOCH, TimeQuality::Synchronised, [2; 16], &readings).expect("appended");
            let bytes = log.sign(&me, EPOCH).expect("signed").to_bytes();
            let verdict = Run::from_bytes(&bytes).expect("a run").verify(None, &authority);
            let taken = matches!(verdict, Ok(Verdict::New(_)));
            assert_eq!(taken, how == Forgery::Expired, "{how:?}: {verdict:?}");
        }
    }

    #[test]
    fn every_way_is_drawn_and_makes_a_log() {
        let (space, me) = (Space::new(Seed(1)), Identity::from_seed([9; 32]));
        let mut dice = Seed(1).dice("test", 0);
        let target = target(&Interest::of(["harbour-2"]).expect("a prefix"));
        assert_eq!(target.as_str(), "harbour-2/noise");
        let forged = (0..100).filter_map(|_| forge(&me, &target, &space, EPOCH, &mut dice));
        assert_eq!(forged.count(), 100);
    }
}
