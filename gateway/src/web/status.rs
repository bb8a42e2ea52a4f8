use serde::Serialize;

/// How far the run is. What is counted is readings.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Status {
    /// Peers that take part.
    pub peers: u64,
    /// Readings that their sensors have published.
    pub published: u64,
    /// Readings that lie in the stores of all readers.
    pub replicated: u64,
    /// Readings that all readers have verified.
    pub verified: u64,
    /// Entries that were refused.
    pub refused: u64,
    /// Readings that did not reach every reader. Nobody knows before the end.
    pub lost: Option<u64>,
    /// What the clock says in the city, in milliseconds since 1970 in UTC. `None` before the first reading.
    pub city_time_ms: Option<i64>,
    /// Seconds since the start, of this machine's time.
    pub elapsed_s: f64,
    /// Seconds that the run is planned to take; 0 for one without an end.
    pub total_s: f64,
    /// What is going on.
    pub state: State,
    /// What a gateway counts that runs without an end. The counts of a demo mean nothing then, and are not shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Running>,
}

/// What a gateway counts since it started.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Running {
    /// Peers that it is linked with now.
    pub neighbours: u64,
    /// Readings of other peers that it has verified.
    pub verified: u64,
    /// Readings that it has put on its disk: those, and those of its devices.
    pub stored: u64,
    /// Bytes that its store has written to disk, from its first day on.
    pub written_bytes: u64,
    /// Readings that its store has stored, from its first day on.
    pub stored_ever: u64,
    /// What it has refused: entries of peers, and messages of devices.
    pub refused: u64,
    /// MQTT sessions now.
    pub sessions: u64,
    /// MQTT messages that came.
    pub messages: u64,
    /// What it does not show now, and why: a line for each collection.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<String>,
}

/// What is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Peers open their stores and find each other.
    #[default]
    Starting,
    /// Sensors publish.
    Running,
    /// Sensors have stopped, and what is under way arrives.
    Draining,
    /// It is over, and the numbers are final.
    Done,
}
