//! Erasing what streams hold, everywhere: which entries that is, who may, and the orders that say so.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use msec_crdt_store::{Body, EntryKind, LogHeader, Run, decode_readings};
use msec_identity::sealed::SealedBody;
use msec_identity::{
    CollectionPath, ControlStream, Erasure, GrantId, LogId, PeerId, REASON_BYTES_MAX, Record, Right,
    ShortText, Stretch, Stretches, UnixMillis, Verified,
};
use serde::{Deserialize, Serialize};

use super::error::AccessFailed;
use super::granting::VoicesView;
use super::hex;
use super::names::Name;
use super::revoking::{called, voices_of};
use super::terms::ErasureTerms;
use crate::node::{DataLog, Node};
use crate::sdk::Peer;
use crate::sdk::error::PeerClosed;

/// What an erasure would take away, as far as this peer holds it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasurePlan {
    /// The streams of which something would go, by log.
    pub streams: Vec<PlannedStream>,
    /// How many entries have a body here that would go.
    pub entries: u64,
    /// How many readings are in them.
    pub readings: u64,
    /// Those of them that lie outside of the times that were asked for: an entry goes whole.
    pub outside: u64,
    /// How many bytes of bodies.
    pub bytes: u64,
    /// Entries that were let go here, so that nobody here can tell of when they were. Where a time is asked for, they are not named.
    pub unknown: u64,
    /// How many roots would stand behind it, where it is said in the name of the space and one is not enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voices: Option<VoicesView>,
}

/// What would go of one log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStream {
    /// In which collection.
    pub collection: String,
    /// Which stream of it.
    pub stream: String,
    /// Who writes it.
    pub author: PeerId,
    /// The log.
    pub log: LogId,
    /// How many of its entries have a body here that would go.
    pub entries: u64,
    /// How many readings are in them.
    pub readings: u64,
    /// Those outside of the times that were asked for.
    pub outside: u64,
    /// How many bytes of bodies.
    pub bytes: u64,
}

/// An order to erase that was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ordered {
    /// Its hash.
    pub erasure: String,
    /// How many logs it names.
    pub logs: usize,
    /// How many stretches of them.
    pub stretches: usize,
    /// How many roots stand behind it, where one is not enough. It counts once as many do as must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voices: Option<VoicesView>,
}

/// What is named of one log.
struct Chosen {
    planned: PlannedStream,
    stream: ControlStream,
    stretches: Vec<Stretch>,
    unknown: u64,
}

impl Peer {
    /// What [`Peer::erase`] would take away with these terms. Nothing is changed.
    pub async fn plan_erasure(&self, terms: &ErasureTerms) -> Result<ErasurePlan, AccessFailed> {
        let chosen = self.choose(terms).await?;
        let needed = self.look(|node| usize::from(node.authority().threshold())).await?;
        let in_its_name = chosen.iter().any(|it| it.stream == ControlStream::Root);
        let mut plan = ErasurePlan {
            voices: (in_its_name && needed > 1).then_some(VoicesView { agree: 1, needed }),
            ..ErasurePlan::default()
        };
        for it in chosen {
            plan.entries += it.planned.entries;
            plan.readings += it.planned.readings;
            plan.outside += it.planned.outside;
            plan.bytes += it.planned.bytes;
            plan.unknown += it.unknown;
            plan.streams.push(it.planned);
        }
        Ok(plan)
    }

    /// Has entries erased, by every peer that holds them or ever will: whoever manages their collection may, roots, and their
    /// author. When this returns, the orders are signed and on disk; then this peer erases what it holds itself, and
    /// neighbours are told first of all. [`Peer::erasures`] says who has done so. It cannot be taken back.
    pub async fn erase(&self, terms: &ErasureTerms) -> Result<Vec<Ordered>, AccessFailed> {
        let chosen = self.choose(terms).await?;
        let outside = chosen.iter().map(|it| it.planned.outside).sum::<u64>();
        if outside > 0 && !terms.whole_entries {
            return Err(AccessFailed::Outside { readings: outside });
        }
        let reason: ShortText<REASON_BYTES_MAX> = terms.reason.parse()?;
        let mut by_stream: BTreeMap<String, (ControlStream, Vec<Stretch>)> = BTreeMap::new();
        for it in chosen {
            let of = by_stream.entry(it.stream.to_string()).or_insert((it.stream, Vec::new()));
            of.1.extend(it.stretches);
        }
        let mut ordered = Vec::new();
        for (stream, stretches) in by_stream.into_values() {
            for what in Stretches::several(stretches) {
                let reason = reason.clone();
                let (logs, count) = (what.logs().count(), what.as_slice().len());
                let erasure: Verified<Erasure> = self
                    .look(move |node| {
                        let (space, issuer, at) = (node.authority().space(), node.peer(), node.wall_now());
                        node.sign(Erasure { space, issuer, what, at, reason })
                    })
                    .await?;
                let hash = erasure.hash();
                self.enter(stream, erasure).await?;
                let voices = self.look(move |node| voices_of(node, &hash, stream)).await?;
                ordered.push(Ordered { erasure: hex::text(&hash), logs, stretches: count, voices });
            }
        }
        Ok(ordered)
    }

    /// The entries that are meant.
    async fn choose(&self, terms: &ErasureTerms) -> Result<Vec<Chosen>, AccessFailed> {
        if terms.streams.is_empty() && terms.by.is_none() && terms.under.is_none() {
            return Err(AccessFailed::NothingNamed);
        }
        let asked = terms.clone();
        let logs = self.look(move |node| logs_meant(node, &asked)).await??;
        let mut chosen = Vec::new();
        for (log, stream) in logs {
            let it = self.choose_of(&log, stream, terms).await?;
            if !it.stretches.is_empty() {
                chosen.push(it);
            }
        }
        if chosen.is_empty() { Err(AccessFailed::NothingToErase) } else { Ok(chosen) }
    }

    async fn choose_of(
        &self,
        log: &DataLog,
        stream: ControlStream,
        terms: &ErasureTerms,
    ) -> Result<Chosen, AccessFailed> {
        let header = &log.header;
        let planned = PlannedStream {
            collection: header.collection().to_string(),
            stream: header.stream().to_owned(),
            author: header.author(),
            log: log.log,
            entries: 0,
            readings: 0,
            outside: 0,
            bytes: 0,
        };
        let mut chosen = Chosen { planned, stream, stretches: Vec::new(), unknown: 0 };
        let is_timed = terms.from.is_some() || terms.to.is_some();
        let mut at = 0;
        while at < log.size {
            let chunk = self.disk().chunk(log.log, at).await.ok_or(PeerClosed)??;
            let Some(chunk) = chunk.filter(|chunk| chunk.end > at) else { break };
            match Run::from_bytes(&chunk.bytes) {
                Ok(run) => {
                    let opened = self.opened(log, at..chunk.end, is_timed).await?;
                    look_through(&run, header, terms, &opened, &mut chosen)?;
                }
                // What stands for entries that were let go.
                Err(_) => chosen.unknown += chunk.end - at.max(1),
            }
            at = chunk.end;
        }
        if !is_timed {
            // What is not held here any more others may have still.
            chosen.stretches = vec![Stretch { log: log.log, first: 1, end: log.size }];
            chosen.stretches.retain(|it| it.first < it.end);
        }
        Ok(chosen)
    }

    /// When the readings were measured that are sealed in some entries, by position, as far as this peer opens them and it is asked for.
    async fn opened(
        &self,
        log: &DataLog,
        entries: Range<u64>,
        is_timed: bool,
    ) -> Result<Opened, AccessFailed> {
        let mut opened = Opened::new();
        if !is_timed || !log.header.may_be_sealed() {
            return Ok(opened);
        }
        let id = log.log;
        let rows = self.disk().with(move |queries| queries.unsealed(&id, entries)).await;
        for row in rows.ok_or(PeerClosed)?? {
            opened.entry(row.position).or_default().push(row.reading.time);
        }
        Ok(opened)
    }
}

/// When readings were measured, by the position of their entry.
type Opened = BTreeMap<u64, Vec<UnixMillis>>;

/// Notes what of a run is meant.
fn look_through(
    run: &Run,
    header: &LogHeader,
    terms: &ErasureTerms,
    opened: &Opened,
    chosen: &mut Chosen,
) -> Result<(), AccessFailed> {
    let is_timed = terms.from.is_some() || terms.to.is_some();
    for (entry, position) in run.entries.iter().zip(run.from..).filter(|(_, position)| *position > 0) {
        let Body::Kept { bytes, .. } = &entry.body else { continue };
        let stream = || format!("{}/{}", header.collection(), header.stream());
        let times = match entry.kind {
            EntryKind::Change if is_timed => return Err(AccessFailed::PartOfDocument { document: stream() }),
            EntryKind::Readings => {
                decode_readings(bytes).unwrap_or_default().iter().map(|it| it.time).collect()
            }
            EntryKind::Sealed | EntryKind::Other(_) if is_timed => match opened.get(&position) {
                Some(times) => times.clone(),
                None if is_label(entry.kind, bytes, position) => continue,
                None => return Err(AccessFailed::Untimed { stream: stream() }),
            },
            // Keys go with a whole stream; claims with what they count.
            _ => Vec::new(),
        };
        let inside = times.iter().filter(|time| terms.covers(**time)).count();
        if is_timed && inside == 0 {
            continue;
        }
        let planned = &mut chosen.planned;
        planned.entries += 1;
        planned.readings += times.len() as u64;
        planned.outside += (times.len() - inside) as u64;
        planned.bytes += bytes.len() as u64;
        match chosen.stretches.last_mut().filter(|last| last.end == position) {
            Some(last) => last.end += 1,
            None => {
                chosen.stretches.push(Stretch { log: chosen.planned.log, first: position, end: position + 1 })
            }
        }
    }
    Ok(())
}

/// Whether an entry says what is sealed under the key before it, and holds no readings: what does is shown to nobody there.
fn is_label(kind: EntryKind, bytes: &[u8], position: u64) -> bool {
    kind == EntryKind::Sealed
        && SealedBody::from_bytes(bytes).is_ok_and(|it| it.key_at().checked_add(1) == Some(position))
}

/// The logs that are held of what is named, and where this peer may say that something of them is to be erased.
fn logs_meant(node: &Node, terms: &ErasureTerms) -> Result<Vec<(DataLog, ControlStream)>, AccessFailed> {
    let by = terms.by.as_ref().map(|name| author_called(node, name)).transpose()?;
    let under = terms.under.as_ref().map(|name| grants_called(node, name)).transpose()?;
    let mut unseen: BTreeSet<&str> = terms.streams.iter().map(String::as_str).collect();
    let mut meant = Vec::new();
    for log in node.data_logs() {
        let name = format!("{}/{}", log.header.collection(), log.header.stream());
        let is_named = terms.streams.is_empty() || terms.streams.contains(&name);
        let is_by = by.is_none_or(|by| log.header.author() == by);
        let is_under = under.as_ref().is_none_or(|under| log.grants.iter().any(|id| under.contains(id)));
        if is_named && is_by && is_under {
            unseen.remove(name.as_str());
            let stream =
                stream_to_erase(node, &log.header).ok_or(AccessFailed::MayNotErase { stream: name })?;
            meant.push((log, stream));
        }
    }
    match unseen.first() {
        Some(stream) => Err(AccessFailed::NoSuchStream { stream: (*stream).to_owned() }),
        None => Ok(meant),
    }
}

/// Where this peer may say that entries of a log are to be erased: of itself, as a manager, or as a root.
fn stream_to_erase(node: &Node, header: &LogHeader) -> Option<ControlStream> {
    let own = (header.author() == node.peer()).then_some(ControlStream::Own);
    let covers = |resource: &CollectionPath| resource.covers(header.collection());
    let managed = node.grants().filter(|it| it.rights.contains(Right::Manage) && covers(&it.resource));
    let under = managed.map(|grant| ControlStream::Under(grant.id()));
    own.into_iter().chain(under).chain([ControlStream::Root]).find(|stream| node.may_issue_in(*stream))
}

fn grants_called(node: &Node, name: &str) -> Result<BTreeSet<GrantId>, AccessFailed> {
    Ok(called(node, name)?.0.into_iter().collect())
}

/// Who is called so, of those who wrote what is held.
fn author_called(node: &Node, name: &str) -> Result<PeerId, AccessFailed> {
    Name::new(name)?.one_of(node.data_logs().into_iter().map(|log| log.header.author()))
}

#[cfg(test)]
mod tests {
    use msec_crdt_store::Reading;

    use super::*;
    use crate::StreamSpec;
    use crate::sdk::access::tests::owner;

    const HOUR: i64 = 3_600_000;
    const TIME: UnixMillis = UnixMillis(1_700_000_000_000);

    #[tokio::test]
    async fn a_time_range_of_a_sealed_stream_is_erased_or_refused_by_name() {
        let dir = tempfile::tempdir().expect("a directory");
        let peer = owner(&dir).await;
        peer.seal("homes/power".parse().expect("a path")).await.expect("sealed");
        let stream = StreamSpec::new("homes/power", "meter-1").expect("a stream");
        for hour in 0..4 {
            let reading = Reading::new(TIME.saturating_add(hour * HOUR), 1.0);
            peer.publish(&stream, &[reading]).await.expect("acknowledged");
        }
        let terms = ErasureTerms {
            under: None,
            by: Some(peer.id().to_string()),
            from: Some(TIME.saturating_add(HOUR)),
            to: Some(TIME.saturating_add(3 * HOUR)),
            ..ErasureTerms::default()
        };
        let plan = peer.plan_erasure(&terms).await.expect("a plan");
        assert_eq!((plan.streams.len(), plan.entries, plan.readings, plan.outside), (1, 2, 2, 0));
        // Whoever has no key can't tell.
        let logs = peer.look(|node| node.data_logs()).await.expect("open");
        let log = logs.into_iter().find(|log| log.header.may_be_sealed()).expect("a sealed log");
        let chunk = peer.disk().chunk(log.log, 0).await.expect("open").expect("read").expect("held");
        let run = Run::from_bytes(&chunk.bytes).expect("a run");
        let mut chosen = peer.choose_of(&log, ControlStream::Root, &terms).await.expect("chosen");
        let refused =
            look_through(&run, &log.header, &terms, &Opened::new(), &mut chosen).expect_err("closed");
        assert!(matches!(&refused, AccessFailed::Untimed { stream } if stream.starts_with("homes/power/")));
        peer.erase(&terms).await.expect("ordered");
        for _ in 0..200 {
            if peer.unsealed(log.log, 0..100).await.expect("answers").len() == 2 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(peer.unsealed(log.log, 0..100).await.expect("answers").len(), 2);
        peer.close().await;
    }
}
