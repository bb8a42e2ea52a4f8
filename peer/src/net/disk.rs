//! The storage thread, and the one that answers apps: the node and the network never wait for a disk, nor commits for a
//! query.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

#[cfg(feature = "documents")]
use msec_crdt_store::Snapshot;
use msec_crdt_store::{Bound, Fork, Queries, Query, Row, Storage, StorageError, ToErase, VerifiedRun};
#[cfg(feature = "index")]
use msec_crdt_store::{CHUNK_BYTES_MAX, Chunk, Compacted};
use msec_identity::LogId;
use tokio::sync::{mpsc as tokio_mpsc, oneshot};

use crate::node::{Input, Ticket};

/// Something for the storage thread to do, or for the one that answers. Their queues are bounded by those who fill them: the node
/// has one commit and a bounded number of reads under way, and an app waits for its answer.
pub(crate) enum Job {
    Commit {
        seq: u64,
        runs: Arc<Vec<VerifiedRun>>,
    },
    Contest {
        fork: Arc<Fork>,
    },
    Bound {
        log: LogId,
        bound: Option<Bound>,
    },
    Keep {
        note: Vec<u8>,
    },
    Read {
        ticket: Ticket,
        log: LogId,
        from: u64,
        bytes_max: usize,
    },
    #[cfg(feature = "index")]
    Chunk {
        log: LogId,
        from: u64,
        answer: oneshot::Sender<Result<Option<Chunk>, StorageError>>,
    },
    #[cfg(feature = "index")]
    Prune {
        logs: Vec<(LogId, u64)>,
        answer: oneshot::Sender<Result<u64, StorageError>>,
    },
    #[cfg(feature = "index")]
    Compact {
        dead_percent_min: u8,
        from: u32,
        answer: oneshot::Sender<Result<(Compacted, Option<u32>), StorageError>>,
    },
    Query {
        query: Query,
        answer: oneshot::Sender<Result<Vec<Row>, StorageError>>,
    },
    #[cfg(feature = "index")]
    Latest {
        query: Query,
        answer: oneshot::Sender<Result<Vec<Row>, StorageError>>,
    },
    #[cfg(any(feature = "index", feature = "documents"))]
    Ask(Box<dyn FnOnce(&Queries) + Send>),
    Erase {
        order: Arc<ToErase>,
        /// `None`: the node asks.
        answer: Option<oneshot::Sender<Result<(), StorageError>>>,
    },
    #[cfg(feature = "documents")]
    KeepSnapshot {
        snapshot: Box<Snapshot>,
        answer: oneshot::Sender<Result<bool, StorageError>>,
    },
    /// Says when all is done that was asked before.
    Fence {
        answer: oneshot::Sender<()>,
    },
    Stop,
}

/// The way to both threads.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    jobs: mpsc::Sender<Job>,
    questions: mpsc::Sender<Job>,
}

impl Disk {
    /// Starts both threads. The one that is returned ends last.
    pub(super) fn start(
        storage: impl Storage + Send + 'static,
        to_driver: tokio_mpsc::Sender<Input>,
        #[cfg(feature = "index")] keys: crate::node::Keys,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (jobs, receiver) = mpsc::channel();
        let (questions, asked) = mpsc::channel();
        let queries = storage.queries();
        #[cfg(feature = "index")]
        let queries = queries.unsealing(Arc::new(keys));
        let answering = spawn(
            "msec-queries",
            Box::new(move || while answer(&queries, asked.recv().unwrap_or(Job::Stop)) {}),
        )?;
        let stop = questions.clone();
        let work = move || {
            run(storage, &receiver, &to_driver);
            // It holds the store too: only then is it free for the next one.
            let _ = stop.send(Job::Stop);
            let _ = answering.join();
        };
        let thread = spawn("msec-storage", Box::new(work))?;
        Ok((Self { jobs, questions }, thread))
    }

    pub(super) fn ask(&self, job: Job) {
        // After a stop nothing is done, and nothing is acknowledged.
        let _ = self.jobs.send(job);
    }

    /// Waits until all is done that was asked before: what is shown from then on is what counts. `None` if the thread is gone.
    pub(crate) async fn fence(&self) -> Option<()> {
        answer_of(&self.jobs, |answer| Job::Fence { answer }).await
    }

    /// Answers a query of an app. `None` if the thread is gone.
    pub(crate) async fn query(&self, query: Query) -> Option<Result<Vec<Row>, StorageError>> {
        answer_of(&self.questions, |answer| Job::Query { query, answer }).await
    }

    /// Finds the newest reading of each stream for an app. `None` if the thread is gone.
    #[cfg(feature = "index")]
    pub(crate) async fn latest(&self, query: Query) -> Option<Result<Vec<Row>, StorageError>> {
        answer_of(&self.questions, |answer| Job::Latest { query, answer }).await
    }
}

#[cfg(any(feature = "index", feature = "documents"))]
impl Disk {
    /// Asks whatever an app wants to know of the store. `None` if the thread is gone.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Queries) -> T + Send + 'static,
    ) -> Option<T> {
        let job = |answer: oneshot::Sender<T>| {
            Job::Ask(Box::new(move |queries: &Queries| drop(answer.send(ask(queries)))))
        };
        answer_of(&self.questions, job).await
    }

    /// Reads entries of a log, as [`Storage::read`] does. Commits wait meanwhile. `None` if the thread is gone.
    #[cfg(feature = "index")]
    pub(crate) async fn chunk(&self, log: LogId, from: u64) -> Option<Result<Option<Chunk>, StorageError>> {
        answer_of(&self.jobs, |answer| Job::Chunk { log, from, answer }).await
    }

    /// Erases entries, as [`Storage::erase_all`] does. Commits wait meanwhile. `None` if the thread is gone.
    pub(crate) async fn erase(&self, entries: msec_crdt_store::Erasures) -> Option<Result<(), StorageError>> {
        let order = Arc::new(ToErase { entries, about: Vec::new() });
        answer_of(&self.jobs, |answer| Job::Erase { order, answer: Some(answer) }).await
    }

    /// Lets go of the entries of each log below that place, between two commits. `None` if the thread is gone.
    pub(crate) async fn prune(&self, logs: Vec<(LogId, u64)>) -> Option<Result<u64, StorageError>> {
        answer_of(&self.jobs, |answer| Job::Prune { logs, answer }).await
    }

    /// Rewrites the segments of which so many hundredths are dead, one between two commits. `None` if the thread is gone.
    pub(crate) async fn compact(&self, dead_percent_min: u8) -> Option<Result<Compacted, StorageError>> {
        let (mut all, mut next) = (Compacted::default(), Some(0));
        while let Some(from) = next {
            match answer_of(&self.jobs, |answer| Job::Compact { dead_percent_min, from, answer }).await? {
                Ok((done, after)) => {
                    all.add(done);
                    next = after;
                }
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(all))
    }
}

#[cfg(feature = "documents")]
impl Disk {
    /// Keeps what an app folded, as [`Storage::keep_snapshot`] does. Commits wait meanwhile. `None` if the thread is gone.
    pub(crate) async fn keep_snapshot(&self, snapshot: Snapshot) -> Option<Result<bool, StorageError>> {
        let snapshot = Box::new(snapshot);
        answer_of(&self.jobs, |answer| Job::KeepSnapshot { snapshot, answer }).await
    }
}

/// What a thread answers to a job. `None` if it is gone: after a stop nobody answers.
async fn answer_of<T>(thread: &mpsc::Sender<Job>, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Option<T> {
    let (answer, answered) = oneshot::channel();
    let _ = thread.send(job(answer));
    answered.await.ok()
}

fn spawn(name: &str, work: Box<dyn FnOnce() + Send>) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.into()).spawn(work)
}

/// Answers a question; `false` if it was the last one. Whoever asked may have gone.
fn answer(queries: &Queries, question: Job) -> bool {
    match question {
        Job::Query { query, answer } => drop(answer.send(queries.query(&query))),
        #[cfg(feature = "index")]
        Job::Latest { query, answer } => drop(answer.send(queries.latest(&query))),
        #[cfg(any(feature = "index", feature = "documents"))]
        Job::Ask(ask) => ask(queries),
        _ => return false,
    }
    true
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
            Job::Contest { fork } => match storage.contest(&fork) {
                Ok(()) => Input::Contested { log: fork.log() },
                Err(error) => {
                    tracing::error!(%error, "the evidence of a fork is not kept yet");
                    continue;
                }
            },
            Job::Bound { log, bound } => {
                let fits = storage.bound(&log, bound).unwrap_or_else(|error| {
                    tracing::error!(%error, %log, "nothing of a log is shown: it cannot be read up to where it counts");
                    false
                });
                Input::Bounded { log, bound, fits }
            }
            Job::Keep { note } => {
                if let Err(error) = storage.keep(&note) {
                    tracing::warn!(%error, "what is known of neighbours is not kept: after a restart they are strangers");
                }
                continue;
            }
            Job::Fence { answer } => {
                // Whoever asked may have gone.
                let _ = answer.send(());
                continue;
            }
            Job::Read { ticket, log, from, bytes_max } => {
                let chunk = storage.read(&log, from, bytes_max).unwrap_or_else(|error| {
                    tracing::error!(%error, %log, "a read failed");
                    None
                });
                Input::ReadDone { ticket, chunk }
            }
            Job::Erase { order, answer } => {
                let erased = storage.erase_ordered(&order);
                let done = erased.is_ok();
                if let Err(error) = &erased {
                    tracing::error!(%error, "what is to be erased is not erased yet");
                }
                let (entries, left, result) = match erased {
                    Ok((entries, left)) => (entries, left, Ok(())),
                    Err(error) => (order.entries.clone(), Vec::new(), Err(error)),
                };
                // The node first: when the answer comes, nothing is left with it either.
                let ordered = answer.is_none();
                if to_driver.blocking_send(Input::Erased { entries, left, done, ordered }).is_err() {
                    return;
                }
                if let Some(answer) = answer {
                    // Whoever asked may have gone.
                    let _ = answer.send(result);
                }
                continue;
            }
            #[cfg(feature = "documents")]
            Job::KeepSnapshot { snapshot, answer } => {
                // Whoever asked may have gone.
                let _ = answer.send(storage.keep_snapshot(&snapshot));
                continue;
            }
            #[cfg(feature = "index")]
            Job::Chunk { log, from, answer } => {
                // Whoever asked may have gone.
                let _ = answer.send(storage.read(&log, from, CHUNK_BYTES_MAX));
                continue;
            }
            #[cfg(feature = "index")]
            Job::Prune { logs, answer } => {
                // Whoever asked may have gone.
                let _ = answer.send(storage.prune(&logs));
                continue;
            }
            #[cfg(feature = "index")]
            Job::Compact { dead_percent_min, from, answer } => {
                let _ = answer.send(storage.compact_next(dead_percent_min, from));
                continue;
            }
            _ => return storage.close(),
        };
        if to_driver.blocking_send(input).is_err() {
            return;
        }
    }
}
