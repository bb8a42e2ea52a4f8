//! The storage thread: the node and the network never wait for a disk.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

#[cfg(feature = "documents")]
use msec_crdt_store::{ChangesPage, ChangesQuery};
use msec_crdt_store::{Query, Row, Storage, StorageError, VerifiedRun};
use msec_identity::LogId;
use tokio::sync::{mpsc as tokio_mpsc, oneshot};

use crate::node::{Input, Ticket};

/// Something for the storage thread to do. Its queue is bounded by those who fill it: the node has one commit and a bounded
/// number of reads under way, and an app waits for its query.
pub(crate) enum Job {
    Commit {
        seq: u64,
        runs: Arc<Vec<VerifiedRun>>,
    },
    Read {
        ticket: Ticket,
        log: LogId,
        from: u64,
        bytes_max: usize,
    },
    Query {
        query: Query,
        answer: oneshot::Sender<Result<Vec<Row>, StorageError>>,
    },
    #[cfg(feature = "documents")]
    Changes {
        query: ChangesQuery,
        answer: oneshot::Sender<Result<ChangesPage, StorageError>>,
    },
    Stop,
}

/// The way to the storage thread.
#[derive(Clone)]
pub(crate) struct Disk {
    jobs: mpsc::Sender<Job>,
}

impl Disk {
    /// Starts the thread.
    pub(super) fn start(
        storage: impl Storage + Send + 'static,
        to_driver: tokio_mpsc::Sender<Input>,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (jobs, receiver) = mpsc::channel();
        let thread = std::thread::Builder::new().name("msec-storage".into()).spawn(move || {
            run(storage, &receiver, &to_driver);
        })?;
        Ok((Self { jobs }, thread))
    }

    pub(super) fn ask(&self, job: Job) {
        // After a stop nothing is done, and nothing is acknowledged.
        let _ = self.jobs.send(job);
    }

    /// Answers a query of an app. `None` if the thread is gone.
    pub(crate) async fn query(&self, query: Query) -> Option<Result<Vec<Row>, StorageError>> {
        let (answer, answered) = oneshot::channel();
        self.ask(Job::Query { query, answer });
        answered.await.ok()
    }
}

#[cfg(feature = "documents")]
impl Disk {
    /// Reads change entries for an app. `None` if the thread is gone.
    pub(crate) async fn changes(&self, query: ChangesQuery) -> Option<Result<ChangesPage, StorageError>> {
        let (answer, answered) = oneshot::channel();
        self.ask(Job::Changes { query, answer });
        answered.await.ok()
    }
}

fn run(mut storage: impl Storage, jobs: &mpsc::Receiver<Job>, to_driver: &tokio_mpsc::Sender<Input>) {
    while let Ok(job) = jobs.recv() {
        let input = match job {
            Job::Commit { seq, runs } => match storage.apply(seq, &runs).and_then(|()| storage.sync()) {
                Ok(through) => Input::Durable { through },
                Err(error) => {
                    tracing::error!(%error, "a commit failed");
                    Input::CommitFailed { seq }
                }
            },
            Job::Read { ticket, log, from, bytes_max } => {
                let chunk = storage.read(&log, from, bytes_max).unwrap_or_else(|error| {
                    tracing::error!(%error, %log, "a read failed");
                    None
                });
                Input::ReadDone { ticket, chunk }
            }
            Job::Query { query, answer } => {
                // Whoever asked may have gone.
                let _ = answer.send(storage.query(&query));
                continue;
            }
            #[cfg(feature = "documents")]
            Job::Changes { query, answer } => {
                let _ = answer.send(storage.changes(&query));
                continue;
            }
            Job::Stop => return,
        };
        if to_driver.blocking_send(input).is_err() {
            return;
        }
    }
}
