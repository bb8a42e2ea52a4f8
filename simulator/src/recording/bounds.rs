//! How much a recording holds, and what becomes of more.

use super::{
    DistrictRecord, LeftOut, LinkRecord, MapRecord, NO_DISTRICT, PeerRecord, Recording, SpreadRecord,
};

/// The most points in all streets, and as many in the outlines of water and in those of parks; further ones are left out.
pub const STREET_POINTS_MAX: usize = 200_000;
/// The most districts; peers in further ones are in none.
pub const DISTRICTS_MAX: usize = 1_000;
/// The most peers; further ones are left out, with their links and arrivals.
pub const RECORDED_PEERS_MAX: usize = 100_000;
/// The most places of one peer that moves; of more, every second, third and so on is kept.
pub const TRACK_MAX: usize = 2_000;
/// The most places of all peers that move; tracks are thinned until they fit.
pub const TRACK_POINTS_MAX: usize = 400_000;
/// The most links; those that came up later are left out.
pub const LINKS_MAX: usize = 200_000;
/// The most messages that are followed; further ones are left out.
pub const SPREAD_MAX: usize = 32;
/// The most arrivals of all messages that are followed; messages that don't fit are left out.
pub const ARRIVALS_MAX: usize = 800_000;
/// The most populations of readers; further ones are left out.
pub const LATENCY_MAX: usize = 64;
/// The most rows of the series; of more, every second, third and so on is kept.
pub const SERIES_MAX: usize = 4_000;
/// The most link classes; further ones are left out.
pub const CLASSES_MAX: usize = 32;
/// The most faults; further ones are left out.
pub const FAULTS_MAX: usize = 1_000;
/// The most revocations; further ones are left out.
pub const REVOCATIONS_MAX: usize = 256;
/// The most times of one revocation; of more, every second, third and so on is kept.
const KNOWN_MAX: usize = 20_000;
/// The most checkers; further ones are left out.
pub const VERDICTS_MAX: usize = 64;
/// The most violations of one checker that are told in words; the others are counted.
pub const FIRST_MAX: usize = 20;
/// The longest name or sentence; a longer one is cut, and ends with an ellipsis.
pub const TEXT_BYTES_MAX: usize = 2_000;
/// The longest scenario; a longer one is cut.
pub const TOML_BYTES_MAX: usize = 256 * 1_024;

impl Recording {
    /// Brings all vectors and texts to their bounds, and names in `left_out` what did not fit. What is within bounds
    /// stays as it is.
    pub fn bound(&mut self) {
        self.bound_map();
        self.bound_peers();
        self.bound_links();
        self.bound_spread();
        self.bound_counts();
        self.bound_texts();
        self.left_out.truncate(LEFT_OUT_MAX);
    }

    fn bound_map(&mut self) {
        let MapRecord { streets, water, parks, .. } = &mut self.map;
        for (lines, what) in
            [(streets, "streets"), (water, "outlines of water"), (parks, "outlines of parks")]
        {
            let mut points = 0;
            let fitting = lines.iter().take_while(|line| {
                points += line.len();
                points <= STREET_POINTS_MAX
            });
            let fitting = fitting.count();
            cut(lines, fitting, what, &mut self.left_out);
        }
        cut(&mut self.map.districts, DISTRICTS_MAX, "districts", &mut self.left_out);
        if self.map.districts.len() == DISTRICTS_MAX {
            let beyond = |peer: &&mut PeerRecord| usize::from(peer.district) >= DISTRICTS_MAX;
            self.peers.iter_mut().filter(beyond).for_each(|peer| peer.district = NO_DISTRICT);
        }
    }

    fn bound_peers(&mut self) {
        cut(&mut self.peers, RECORDED_PEERS_MAX, "peers", &mut self.left_out);
        let points = |peers: &[PeerRecord]| peers.iter().map(|peer| peer.track.len()).sum::<usize>();
        let before = points(&self.peers);
        let mut track_max = TRACK_MAX;
        self.peers.iter_mut().for_each(|peer| thin(&mut peer.track, track_max));
        while points(&self.peers) > TRACK_POINTS_MAX {
            track_max /= 2;
            self.peers.iter_mut().for_each(|peer| thin(&mut peer.track, track_max));
        }
        tell("places of moving peers", points(&self.peers), before, &mut self.left_out);
    }

    fn bound_links(&mut self) {
        let peers = self.peers.len();
        let before = self.links.len();
        if peers == RECORDED_PEERS_MAX {
            self.links.retain(|link| (link.a as usize) < peers && (link.b as usize) < peers);
        }
        if self.links.len() > LINKS_MAX {
            self.links.sort_by(|one, other| one.up_s.total_cmp(&other.up_s));
            self.links.truncate(LINKS_MAX);
        }
        tell("links", self.links.len(), before, &mut self.left_out);
    }

    fn bound_spread(&mut self) {
        let peers = self.peers.len();
        let before = self.spread.len();
        self.spread.truncate(SPREAD_MAX);
        if peers == RECORDED_PEERS_MAX {
            self.spread.retain(|message| (message.author as usize) < peers);
            for message in &mut self.spread {
                message.arrivals.retain(|(peer, _)| (*peer as usize) < peers);
            }
        }
        let mut arrivals = 0;
        self.spread.retain(|message| {
            let fits = arrivals + message.arrivals.len() <= ARRIVALS_MAX;
            arrivals += if fits { message.arrivals.len() } else { 0 };
            fits
        });
        tell("messages that were followed", self.spread.len(), before, &mut self.left_out);
    }

    fn bound_counts(&mut self) {
        let left_out = &mut self.left_out;
        cut(&mut self.latency, LATENCY_MAX, "populations of readers", left_out);
        cut(&mut self.classes, CLASSES_MAX, "link classes", left_out);
        cut(&mut self.faults, FAULTS_MAX, "faults", left_out);
        cut(&mut self.verdicts, VERDICTS_MAX, "checkers", left_out);
        cut(&mut self.revocations, REVOCATIONS_MAX, "revocations", left_out);
        for revoked in &mut self.revocations {
            thin(&mut revoked.known_after_s, KNOWN_MAX);
            thin(&mut revoked.returned_after_s, KNOWN_MAX);
        }
        let before = self.series.len();
        thin(&mut self.series, SERIES_MAX);
        tell("rows of the series", self.series.len(), before, left_out);
        if self.classes.len() == CLASSES_MAX {
            for row in &mut self.series {
                row.bytes_by_class.truncate(CLASSES_MAX);
                row.airtime_s_by_class.truncate(CLASSES_MAX);
            }
        }
        self.verdicts.iter_mut().for_each(|verdict| verdict.first.truncate(FIRST_MAX));
    }

    fn bound_texts(&mut self) {
        cut_text(&mut self.toml, TOML_BYTES_MAX);
        let Self { scenario, description, metrics, map, .. } = self;
        let short = [scenario, description, &mut metrics.digest, &mut map.name];
        short.into_iter().chain(&mut map.attribution).for_each(|text| cut_text(text, TEXT_BYTES_MAX));
        let districts = map.districts.iter_mut().flat_map(|DistrictRecord { name, kind, .. }| [name, kind]);
        let peers = self.peers.iter_mut().flat_map(|PeerRecord { population, role, .. }| [population, role]);
        let links = self.links.iter_mut().map(|LinkRecord { class, .. }| class);
        let streams = self.spread.iter_mut().map(|SpreadRecord { stream, .. }| stream);
        let readers = self.latency.iter_mut().map(|latency| &mut latency.readers);
        let classes = self.classes.iter_mut().map(|class| &mut class.name);
        let faults = self.faults.iter_mut().map(|fault| &mut fault.what);
        let revoked = self.revocations.iter_mut().map(|revoked| &mut revoked.what);
        let verdicts = self
            .verdicts
            .iter_mut()
            .flat_map(|verdict| verdict.first.iter_mut().chain([&mut verdict.checker]));
        let left_out = self.left_out.iter_mut().map(|left_out| &mut left_out.what);
        let things = districts.chain(peers).chain(links).chain(streams).chain(readers);
        let counts = classes.chain(faults).chain(revoked).chain(verdicts).chain(left_out);
        things.chain(counts).for_each(|text| cut_text(text, TEXT_BYTES_MAX));
    }
}

/// The most kinds of things that can be named as left out; there are fewer.
const LEFT_OUT_MAX: usize = 32;

fn cut<T>(rows: &mut Vec<T>, max: usize, what: &str, left_out: &mut Vec<LeftOut>) {
    let before = rows.len();
    rows.truncate(max);
    tell(what, rows.len(), before, left_out);
}

fn tell(what: &str, kept: usize, of: usize, left_out: &mut Vec<LeftOut>) {
    if kept < of {
        left_out.push(LeftOut { what: what.to_owned(), kept: kept as u64, of: of as u64 });
    }
}

/// Keeps each so many-th row, so that at most `max` are left; the last one is always kept.
fn thin<T>(rows: &mut Vec<T>, max: usize) {
    if rows.len() <= max {
        return;
    }
    let stride = rows.len().div_ceil(max.max(1));
    let last = rows.len() - 1;
    let mut at = 0;
    rows.retain(|_| {
        let keep = (last - at).is_multiple_of(stride);
        at += 1;
        keep
    });
}

fn cut_text(text: &mut String, bytes_max: usize) {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max - '…'.len_utf8()));
        text.push('…');
    }
}
