//! Lets the sensors publish, hour by hour, sped up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use msec_identity::UnixMillis;
use msec_peer::{Peer, Reading, StreamSpec};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::auckland;
use super::city::City;
use super::ledger::Ledger;
use super::wait_for;

const HOUR: Duration = Duration::from_secs(3600);

/// When which hour of the city is over.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    started: Instant,
    /// Real time that an hour of the city takes.
    hour: Duration,
    /// How many hours pass.
    hours: usize,
    first_utc_ms: i64,
}

impl Pace {
    /// As many hours of the month as fit into `length`, at that speed; without a speed, all of them.
    pub(super) fn new(data: &auckland::City, speed: Option<f64>, length: Duration, started: Instant) -> Self {
        let all = data.hours.len();
        let hour = match speed {
            Some(speed) => HOUR.div_f64(speed),
            None => length.div_f64(all as f64),
        };
        let fit = (length.as_secs_f64() / hour.as_secs_f64()).round() as usize;
        let first_utc_ms = data.hours.first().map_or(0, |hour| hour.start_utc_ms);
        Self { started, hour, hours: fit.clamp(1, all), first_utc_ms }
    }

    /// When hour `n` is over, and its count known.
    fn due(&self, n: usize) -> Instant {
        self.started + self.hour.mul_f64((n + 1) as f64)
    }

    /// After this part of the run.
    pub(super) fn after(&self, part: f64) -> Instant {
        self.started + self.length().mul_f64(part)
    }

    /// How long the sensors publish.
    pub(super) fn length(&self) -> Duration {
        self.hour.mul_f64(self.hours as f64)
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// What the clock shows in the city.
    pub(super) fn city_time_ms(&self) -> i64 {
        let hours = (self.elapsed().as_secs_f64() / self.hour.as_secs_f64()).min(self.hours as f64);
        self.first_utc_ms + (hours * HOUR.as_millis() as f64) as i64
    }
}

/// Starts a task for each sensor.
pub(super) fn start(
    city: &City,
    data: Arc<auckland::City>,
    pace: &Pace,
    ledger: &Arc<Ledger>,
    halted: &watch::Receiver<bool>,
) -> Vec<JoinHandle<()>> {
    let sensors = city.sensors().iter().enumerate();
    sensors
        .map(|(sensor, (peer, stream))| {
            let (peer, stream) = (peer.clone(), stream.clone());
            let feed =
                Feed { sensor, peer, stream, data: data.clone(), pace: pace.clone(), ledger: ledger.clone() };
            let halted = halted.clone();
            tokio::spawn(async move {
                // Between two entries, never within one.
                let mut next = 0;
                while next < feed.pace.hours {
                    tokio::select! {
                        () = tokio::time::sleep_until(feed.pace.due(next).into()) => {}
                        () = wait_for(halted.clone()) => return,
                    }
                    next = feed.publish(next).await;
                }
            })
        })
        .collect()
}

/// Waits until all sensors are done.
pub(super) async fn finished(feeds: Vec<JoinHandle<()>>) {
    for feed in feeds {
        if let Err(error) = feed.await {
            tracing::error!(%error, "a sensor broke off");
        }
    }
}

struct Feed {
    sensor: usize,
    peer: Peer,
    stream: StreamSpec,
    data: Arc<auckland::City>,
    pace: Pace,
    ledger: Arc<Ledger>,
}

impl Feed {
    /// Publishes the hours from `next` on that are over by now, as one entry: one, unless the disk was slower than the
    /// city. Returns the hour that comes then.
    async fn publish(&self, next: usize) -> usize {
        let now = Instant::now();
        let end = (next..self.pace.hours).find(|n| self.pace.due(*n) > now).unwrap_or(self.pace.hours);
        let readings: Vec<_> = self.data.hours[next..end]
            .iter()
            .filter_map(|hour| {
                hour.counts[self.sensor].map(|count| Reading::new(UnixMillis(hour.start_utc_ms), count))
            })
            .collect();
        if !readings.is_empty() {
            self.ledger.publishing(self.sensor, &readings, now);
            match self.peer.publish(&self.stream, &readings).await {
                Ok(receipt) => self.ledger.published(self.sensor, &readings, receipt),
                Err(error) => tracing::error!(%error, sensor = self.sensor, "not published"),
            }
        }
        end
    }
}
