use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::watch;

use super::history::{History, share};
use super::{Place, Status};

/// How many places the page knows. What is measured elsewhere is not shown; the store has it all the same.
pub const PLACES_MAX: usize = 2_048;

/// How many lines about refusals the page remembers. Past it the oldest are forgotten; they stay counted.
pub const REFUSED_MAX: usize = 16;

/// How long a line about a refusal may be, in characters. What is longer is cut.
pub const REFUSED_CHARS_MAX: usize = 240;

/// How many readings a reader may be behind before it gets everything again.
const RECENT_MAX: usize = 4_096;

/// What the page shows. A handle: clones show the same.
#[derive(Debug, Clone)]
pub struct Board {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    contents: Mutex<Contents>,
    /// The version of the contents, for those who wait for a new one.
    version: watch::Sender<u64>,
}

#[derive(Debug)]
struct Contents {
    /// Counts every change.
    version: u64,
    labels: Labels,
    places: Vec<Place>,
    /// The version that each place came with, if that was after the board was made.
    placed: Vec<u64>,
    histories: Vec<History>,
    /// The latest readings, each with the version that it made.
    recent: VecDeque<(u64, Reading)>,
    /// The highest version that `recent` has forgotten.
    forgotten: u64,
    status: Status,
    status_version: u64,
    refused: VecDeque<String>,
    refused_version: u64,
}

#[derive(Debug, Clone, Serialize)]
struct Labels {
    title: String,
    zone: String,
    credit: String,
    /// Whether the values of one time add up to something.
    adds_up: bool,
}

/// `[place, time_ms, value]`
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Reading(usize, i64, f64);

/// Everything that the page shows.
#[derive(Debug, Serialize)]
pub(super) struct Snapshot {
    #[serde(flatten)]
    labels: Labels,
    history_max: usize,
    places: Vec<Place>,
    histories: Vec<History>,
    status: Status,
    refused: VecDeque<String>,
}

/// What is new on it.
#[derive(Debug, Serialize)]
pub(super) struct Update {
    /// Places that the reader does not know, and how many readings it may now remember of each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    places: Vec<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history_max: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    readings: Vec<Reading>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<VecDeque<String>>,
}

/// What somebody has to be told who knows the page as it once was.
#[derive(Debug)]
pub(super) enum News {
    Everything(Snapshot),
    Update(Update),
}

#[cfg(test)]
impl Update {
    pub(super) fn readings_len(&self) -> usize {
        self.readings.len()
    }
}

impl Board {
    /// A board of places where nothing was measured yet; more than [`PLACES_MAX`] are not shown.
    pub fn new(title: &str, mut places: Vec<Place>) -> Self {
        places.truncate(PLACES_MAX);
        let labels =
            Labels { title: title.to_owned(), zone: "UTC".to_owned(), credit: String::new(), adds_up: false };
        let contents = Contents {
            version: 0,
            labels,
            histories: vec![History::default(); places.len()],
            placed: vec![0; places.len()],
            places,
            recent: VecDeque::new(),
            forgotten: 0,
            status: Status::default(),
            status_version: 0,
            refused: VecDeque::new(),
            refused_version: 0,
        };
        Self { shared: Arc::new(Shared { contents: Mutex::new(contents), version: watch::Sender::new(0) }) }
    }

    /// Shows times as they are in this IANA time zone; without this, in UTC.
    #[must_use]
    pub fn in_zone(self, zone: &str) -> Self {
        self.contents().labels.zone = zone.to_owned();
        self
    }

    /// Says on the page whose data it shows.
    #[must_use]
    pub fn credited_to(self, credit: &str) -> Self {
        self.contents().labels.credit = credit.to_owned();
        self
    }

    /// Says that the values of all places at one time add up to something, such as people who pass. The page shows the sum.
    #[must_use]
    pub fn adding_up(self) -> Self {
        self.contents().labels.adds_up = true;
        self
    }

    /// One more place. Returns its number; `None` if there are [`PLACES_MAX`] already.
    pub fn place(&self, place: Place) -> Option<usize> {
        let mut number = None;
        self.change(|contents| {
            if contents.places.len() >= PLACES_MAX {
                return false;
            }
            number = Some(contents.places.len());
            contents.places.push(place);
            contents.placed.push(contents.version + 1);
            contents.histories.push(History::default());
            let max = share(contents.places.len());
            contents.histories.iter_mut().for_each(|history| history.shorten(max));
            true
        });
        number
    }

    /// A verified reading of a place, numbered as they were given to [`Board::new`] and [`Board::place`]. The order does not matter; of two
    /// readings with one time the later call wins. A place that does not exist and a value that is no finite number
    /// are not shown.
    pub fn reading(&self, place: usize, time_ms: i64, value: f64) {
        self.change(|contents| {
            let max = share(contents.places.len());
            let Some(history) = contents.histories.get_mut(place).filter(|_| value.is_finite()) else {
                return false;
            };
            if !history.insert(time_ms, value, max) {
                return false;
            }
            contents.recent.push_back((contents.version + 1, Reading(place, time_ms, value)));
            if contents.recent.len() > RECENT_MAX {
                contents.forgotten = contents.recent.pop_front().map_or(0, |(version, _)| version);
            }
            true
        });
    }

    /// Nothing of a place is shown any more that was measured so far. Whoever looks gets everything again, without it.
    pub fn forget(&self, place: usize) {
        self.change(|contents| {
            let Some(history) = contents.histories.get_mut(place).filter(|it| **it != History::default())
            else {
                return false;
            };
            *history = History::default();
            contents.recent.retain(|(_, reading)| reading.0 != place);
            contents.forgotten = contents.version + 1;
            true
        });
    }

    /// How far the run is.
    pub fn status(&self, status: Status) {
        self.change(|contents| {
            if contents.status == status {
                return false;
            }
            contents.status = status;
            contents.status_version = contents.version + 1;
            true
        });
    }

    /// One line on what was refused, and why.
    pub fn refused(&self, mut text: String) {
        if let Some((end, _)) = text.char_indices().nth(REFUSED_CHARS_MAX) {
            text.truncate(end);
            text.push('…');
        }
        self.change(|contents| {
            contents.refused.push_back(text);
            if contents.refused.len() > REFUSED_MAX {
                contents.refused.pop_front();
            }
            contents.refused_version = contents.version + 1;
            true
        });
    }

    /// The status as it was told last.
    pub(super) fn current_status(&self) -> Status {
        self.contents().status.clone()
    }

    /// Everything, and the version that it is.
    pub(super) fn snapshot(&self) -> (u64, Snapshot) {
        let contents = self.contents();
        (contents.version, contents.snapshot())
    }

    /// What is new since a version, and the version that it leads to.
    pub(super) fn news(&self, since: u64) -> (u64, News) {
        let contents = self.contents();
        let news = if since < contents.forgotten {
            News::Everything(contents.snapshot())
        } else {
            News::Update(contents.update(since))
        };
        (contents.version, news)
    }

    /// Wakes up at every new version.
    pub(super) fn versions(&self) -> watch::Receiver<u64> {
        self.shared.version.subscribe()
    }

    fn change(&self, change: impl FnOnce(&mut Contents) -> bool) {
        let mut contents = self.contents();
        if change(&mut contents) {
            contents.version += 1;
            self.shared.version.send_replace(contents.version);
        }
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.shared.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn snapshot(&self) -> Snapshot {
        Snapshot {
            labels: self.labels.clone(),
            history_max: share(self.places.len()),
            places: self.places.clone(),
            histories: self.histories.clone(),
            status: self.status.clone(),
            refused: self.refused.clone(),
        }
    }

    fn update(&self, since: u64) -> Update {
        let known = self.recent.partition_point(|&(version, _)| version <= since);
        let old = self.placed.partition_point(|version| *version <= since);
        Update {
            places: self.places[old..].to_vec(),
            history_max: (old < self.places.len()).then(|| share(self.places.len())),
            readings: self.recent.range(known..).map(|&(_, reading)| reading).collect(),
            status: (self.status_version > since).then(|| self.status.clone()),
            refused: (self.refused_version > since).then(|| self.refused.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::{HISTORIES_MAX, HISTORY_MAX};
    use super::*;

    fn board() -> Board {
        Board::new("Test", vec![place("A"), place("B")])
    }

    fn place(name: &str) -> Place {
        Place { name: name.to_owned(), position: None, unit: "1".to_owned() }
    }

    fn json(board: &Board) -> serde_json::Value {
        serde_json::to_value(board.snapshot().1).unwrap()
    }

    fn update(board: &Board, since: u64) -> (u64, Update) {
        match board.news(since) {
            (version, News::Update(update)) => (version, update),
            (_, News::Everything(_)) => panic!("expected an update"),
        }
    }

    #[test]
    fn a_snapshot_has_everything() {
        let board = board().in_zone("Pacific/Auckland").credited_to("Somebody");
        board.reading(1, 20, 2.0);
        board.reading(1, 10, 1.0);
        board.status(Status { peers: 25, ..Status::default() });
        board.refused("a stranger".to_owned());
        let json = json(&board);
        assert_eq!(json["title"], "Test");
        assert_eq!(json["zone"], "Pacific/Auckland");
        assert_eq!(json["credit"], "Somebody");
        assert_eq!(json["places"][0]["name"], "A");
        assert_eq!(json["histories"], serde_json::json!([[[], []], [[10, 20], [1.0, 2.0]]]));
        assert_eq!(json["status"]["peers"], 25);
        assert_eq!(json["status"]["state"], "starting");
        assert_eq!(json["refused"][0], "a stranger");
    }

    #[test]
    fn news_are_what_came_since() {
        let board = board();
        board.reading(0, 10, 1.0);
        let (version, first) = update(&board, 0);
        assert_eq!(first.readings, [Reading(0, 10, 1.0)]);
        assert!(first.status.is_none() && first.refused.is_none());
        board.refused("a stranger".to_owned());
        board.reading(0, 5, 2.0);
        let (version, second) = update(&board, version);
        assert_eq!(second.readings, [Reading(0, 5, 2.0)]);
        assert_eq!(second.refused.unwrap(), ["a stranger"]);
        assert_eq!(update(&board, version).0, version, "nothing is new");
    }

    #[test]
    fn a_place_that_appears_is_news_before_its_readings() {
        let board = board();
        let version = board.snapshot().0;
        assert_eq!(board.place(place("C")), Some(2));
        board.reading(2, 10, 1.0);
        let (version, news) = update(&board, version);
        assert_eq!((&news.places, &news.readings[..]), (&vec![place("C")], &[Reading(2, 10, 1.0)][..]));
        board.reading(2, 20, 1.0);
        assert!(update(&board, version).1.places.is_empty(), "and is no news again");
        assert_eq!(json(&board)["places"][2]["name"], "C");
    }

    #[test]
    fn what_is_forgotten_is_shown_to_nobody_any_more_not_even_to_who_had_seen_it() {
        let board = board();
        board.reading(0, 10, 1.0);
        board.reading(1, 10, 2.0);
        let version = board.snapshot().0;
        board.forget(0);
        let News::Everything(all) = board.news(version).1 else { panic!("an update keeps what was shown") };
        let json = serde_json::to_value(all).unwrap();
        assert_eq!(json["histories"], serde_json::json!([[[], []], [[10], [2.0]]]));
        let version = board.snapshot().0;
        board.forget(0);
        board.forget(9);
        assert_eq!(board.snapshot().0, version, "there is nothing left to forget");
        assert!(update(&board, version).1.readings.is_empty());
    }

    #[test]
    fn many_places_share_the_memory() {
        let board = board();
        for time_ms in 0..HISTORY_MAX as i64 {
            board.reading(0, time_ms, 1.0);
        }
        let placed = (2..PLACES_MAX + 10).filter(|n| board.place(place(&n.to_string())).is_some()).count();
        assert_eq!(placed, PLACES_MAX - 2);
        for place in 0..PLACES_MAX {
            for time_ms in 0..100 {
                board.reading(place, 2_000 + time_ms, 1.0);
            }
        }
        let contents = board.contents();
        let held = |history: &History| serde_json::to_value(history).unwrap()[0].as_array().unwrap().len();
        assert!(contents.histories.iter().all(|history| held(history) == HISTORIES_MAX / PLACES_MAX));
    }

    #[test]
    fn what_changes_nothing_is_no_news() {
        let board = board();
        board.reading(0, 10, 1.0);
        board.status(Status { peers: 1, ..Status::default() });
        let version = board.snapshot().0;
        board.reading(0, 10, 1.0);
        board.status(Status { peers: 1, ..Status::default() });
        board.reading(2, 10, 1.0);
        board.reading(0, 11, f64::NAN);
        board.reading(0, 11, f64::INFINITY);
        assert_eq!(board.snapshot().0, version);
    }

    #[test]
    fn who_fell_behind_gets_everything_again() {
        let board = board();
        for time_ms in 0..RECENT_MAX as i64 {
            board.reading(0, time_ms, 0.0);
        }
        assert_eq!(update(&board, 0).1.readings.len(), RECENT_MAX);
        board.reading(0, -1, 0.0);
        board.reading(1, 0, 0.0);
        assert!(matches!(board.news(0).1, News::Everything(_)));
        assert_eq!(update(&board, 1).1.readings.len(), RECENT_MAX);
    }

    #[test]
    fn memory_is_bounded() {
        let board = board();
        for time_ms in 0..3 * RECENT_MAX as i64 {
            board.reading(0, time_ms, 0.0);
            board.refused("é".repeat(10 * REFUSED_CHARS_MAX));
        }
        let contents = board.contents();
        assert_eq!(contents.recent.len(), RECENT_MAX);
        assert_eq!(contents.refused.len(), REFUSED_MAX);
        assert_eq!(contents.refused[0].chars().count(), REFUSED_CHARS_MAX + 1);
        drop(contents);
        assert_eq!(json(&board)["histories"][0][0].as_array().unwrap().len(), HISTORY_MAX);
    }

    #[test]
    fn clones_show_the_same() {
        let (board, waiting) = (board(), board().versions());
        assert_eq!(*waiting.borrow(), 0);
        board.clone().reading(0, 10, 1.0);
        assert_eq!(*board.versions().borrow(), 1);
    }
}
