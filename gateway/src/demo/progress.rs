//! How far it is: a line on a terminal, and the numbers on the page.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use super::feed::Pace;
use super::ledger::Ledger;
use super::summary::{Summary, percentile};
use super::wait_for;
use crate::web::{Board, State, Status};

const TICK: Duration = Duration::from_millis(250);

/// Shows how far it is.
#[derive(Clone)]
pub(super) struct Progress {
    board: Board,
    ledger: Arc<Ledger>,
    pace: Pace,
    peers: usize,
    state: Arc<Mutex<State>>,
}

impl Progress {
    pub(super) fn new(board: &Board, ledger: &Arc<Ledger>, pace: Pace, peers: usize) -> Self {
        let state = Arc::new(Mutex::new(State::Running));
        Self { board: board.clone(), ledger: ledger.clone(), pace, peers, state }
    }

    pub(super) fn state(&self, state: State) {
        *self.state.lock().expect("nobody panics while writing") = state;
    }

    fn status(&self) -> Status {
        let counts = self.ledger.counts();
        Status {
            peers: self.peers as u64,
            published: counts.published as u64,
            replicated: self.ledger.fewest_stored(),
            verified: counts.verified as u64,
            refused: self.ledger.refused().len() as u64,
            lost: None,
            city_time_ms: Some(self.pace.city_time_ms()),
            elapsed_s: self.pace.elapsed().as_secs_f64(),
            total_s: self.pace.length().as_secs_f64(),
            state: *self.state.lock().expect("nobody panics while writing"),
            run: None,
        }
    }

    /// Shows it again and again, until told to stop.
    pub(super) async fn tick(self, stopped: watch::Receiver<bool>) {
        let terminal = std::io::stderr().is_terminal();
        loop {
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                () = wait_for(stopped.clone()) => break,
            }
            let status = self.status();
            if *self.state.lock().expect("nobody panics while writing") == State::Done {
                continue;
            }
            if terminal {
                eprint!("\r\x1b[K{}", self.line(&status));
                // The terminal may have gone.
                let _ = std::io::stderr().flush();
            }
            self.board.status(status);
        }
        if terminal {
            eprintln!();
        }
    }

    fn line(&self, status: &Status) -> String {
        let time = jiff::Timestamp::from_millisecond(status.city_time_ms.unwrap_or(0))
            .and_then(|time| time.in_tz(super::auckland::ZONE))
            .map_or_else(|_| String::new(), |time| time.strftime("%a %e %b %H:%M").to_string());
        let latencies = self.ledger.latencies();
        format!(
            "{time}  {:.0}/{:.0} s  published {}  verified {}  refused {}  p50 {:.0} ms",
            status.elapsed_s.min(status.total_s),
            status.total_s,
            status.published,
            status.verified,
            status.refused,
            percentile(&latencies, 0.5).as_secs_f64() * 1e3,
        )
    }

    /// Shows the end.
    pub(super) fn finish(&self, summary: &Summary) {
        self.state(State::Done);
        let mut status = self.status();
        status.replicated = summary.replicated as u64;
        status.lost = Some(summary.lost as u64);
        self.board.status(status);
    }
}
