//! Answers for a running peer.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use msec_identity::CollectionPath;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use super::message::{Answer, ReadingLine, Request, RowLine, StreamLine};
#[cfg(feature = "index")]
use super::query::QueryRequest;
use crate::net::wall_clock;
use crate::node::{Event, StreamSpec};
use crate::sdk::{DataDir, Notice, Peer, PublishFailed, QueryFailed};
use crate::store::{Query, Reading};

/// Programs that may be connected at once. Further ones wait.
pub const CONNECTIONS_MAX: usize = 32;
/// The longest request. A longer one ends the connection.
pub const REQUEST_BYTES_MAX: u64 = 1024 * 1024;

/// Takes commands for a peer, for as long as this lives.
#[derive(Debug)]
pub struct Control {
    accepting: JoinHandle<()>,
    socket: PathBuf,
}

impl Control {
    /// Listens in the peer's data directory. The peer holds its store there, so that a socket which somebody left behind
    /// is nobody's.
    pub fn start(peer: &Peer, dir: &DataDir) -> io::Result<Self> {
        let path = dir.control();
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let socket = path.join("socket");
        match fs::remove_file(&socket) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = at(&socket, |socket| UnixListener::bind(socket))?;
        Ok(Self { accepting: tokio::spawn(accept(listener, peer.clone())), socket })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.accepting.abort();
        // Whoever finds the socket and nobody behind it sees that the peer is gone.
        let _ = fs::remove_file(&self.socket);
    }
}

/// Calls `open` with a path for the socket that is short enough: the system takes 107 bytes and no more.
pub(super) fn at<T>(socket: &Path, open: impl Fn(&Path) -> io::Result<T>) -> io::Result<T> {
    use std::os::fd::AsRawFd;
    const PATH_BYTES_MAX: usize = 100;
    let (Some(dir), Some(name)) = (socket.parent(), socket.file_name()) else { return open(socket) };
    if socket.as_os_str().len() <= PATH_BYTES_MAX {
        return open(socket);
    }
    let dir = fs::File::open(dir)?;
    open(&Path::new("/proc/self/fd").join(dir.as_raw_fd().to_string()).join(name))
}

async fn accept(listener: UnixListener, peer: Peer) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    while let Ok(place) = places.clone().acquire_owned().await {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, say. Those that end give some back.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        };
        let peer = peer.clone();
        connections.spawn(async move {
            // Whoever hangs up in the middle knows it.
            let _ = serve(&peer, stream).await;
            drop(place);
        });
    }
}

/// Answers request after request, until the other side hangs up.
pub(super) async fn serve(peer: &Peer, stream: impl AsyncRead + AsyncWrite) -> io::Result<()> {
    let (read, mut write) = tokio::io::split(stream);
    let mut read = BufReader::new(read);
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = (&mut read).take(REQUEST_BYTES_MAX).read_until(b'\n', &mut line).await?;
        if length == 0 {
            return Ok(());
        }
        if line.pop() != Some(b'\n') {
            return send(
                &mut write,
                &Answer::Error(format!("a request has at most {REQUEST_BYTES_MAX} bytes")),
            )
            .await;
        }
        let done = match parse(&line) {
            Ok(request) => answer(peer, &request, &mut read, &mut write).await?,
            Err(error) => Answer::Error(error),
        };
        send(&mut write, &done).await?;
    }
}

/// Parses one request, without its line feed.
pub(super) fn parse(line: &[u8]) -> Result<Request, String> {
    serde_json::from_slice(line).map_err(|error| format!("not a request: {error}"))
}

pub(super) async fn send(write: &mut (impl AsyncWrite + Unpin), answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    write.write_all(&line).await?;
    write.flush().await
}

/// Answers one request but for the last line, which is returned.
async fn answer(
    peer: &Peer,
    request: &Request,
    read: &mut (impl AsyncRead + Unpin),
    write: &mut (impl AsyncWrite + Unpin),
) -> io::Result<Answer> {
    let query = match request.to_query() {
        Some(Ok(query)) => query,
        Some(Err(error)) => return Ok(Answer::Error(error)),
        None => Query::default(),
    };
    let collection = query.collection.clone();
    let outcome = match request {
        Request::Status => match peer.status().await {
            Ok(status) => Ok(vec![Answer::Status(status)]),
            Err(error) => Err(error.to_string()),
        },
        Request::Peers => match peer.neighbours().await {
            Ok(neighbours) => Ok(neighbours.into_iter().map(Answer::Neighbour).collect()),
            Err(error) => Err(error.to_string()),
        },
        Request::Publish { stream, readings } => match entry(stream, readings) {
            Ok((stream, readings)) => match peer.publish(&stream, &readings).await {
                Ok(receipt) => Ok(vec![Answer::Published { log: receipt.log, position: receipt.position }]),
                Err(PublishFailed::Refused(error)) if error.is_passing() => {
                    Ok(vec![Answer::TryAgain(in_full(&error))])
                }
                Err(error) => Err(in_full(&error)),
            },
            Err(error) => Err(error),
        },
        #[cfg(feature = "index")]
        Request::Query(QueryRequest { every: Some(every), .. }) => {
            super::roll_ups::answer(peer, query, *every).await
        }
        Request::Query(_) => match peer.query(query.clone()).await {
            Ok(rows) => {
                let answers = rows.iter().map(|row| Answer::Row(row.into())).collect();
                #[cfg(feature = "index")]
                let answers = with_unread(peer, &query, answers).await;
                Ok(answers)
            }
            Err(QueryFailed::Closed(error)) => Err(error.to_string()),
            Err(error) => Err(in_full(&error)),
        },
        #[cfg(feature = "index")]
        Request::Seal { collection } => super::sealing::seal(peer, collection).await,
        #[cfg(feature = "index")]
        Request::Epochs { collection } => super::sealing::epochs(peer, collection).await,
        #[cfg(feature = "index")]
        Request::Invite(terms) => return super::inviting::invite(peer, terms.clone(), read, write).await,
        #[cfg(feature = "index")]
        Request::Bench(terms) => match peer.post(terms.clone()).await {
            Ok(code) => Ok(vec![Answer::Bench(code)]),
            Err(error) => Err(in_full(&error)),
        },
        #[cfg(feature = "index")]
        Request::Access(access) => super::access::answer(peer, access.clone()).await,
        #[cfg(feature = "documents")]
        Request::Things(things) => super::things::answer(peer, things.clone()).await,
        Request::Tail { .. } => return tail(peer, &query, read, write).await,
    };
    Ok(match outcome {
        Ok(answers) => {
            if matches!(request, Request::Query(_)) {
                for why in left_out(peer, &collection) {
                    send(write, &why).await?;
                }
            }
            for answer in &answers {
                send(write, answer).await?;
            }
            Answer::Done
        }
        Err(error) => Answer::Error(error),
    })
}

/// What is not said of a collection and those below it.
fn left_out(peer: &Peer, collection: &CollectionPath) -> Vec<Answer> {
    let withheld = peer.withheld().into_iter().filter(|it| collection.covers(&it.collection));
    withheld.map(|it| Answer::Withheld(it.to_string())).collect()
}

/// The rows, and what of the same is held sealed and cannot be read here.
#[cfg(feature = "index")]
async fn with_unread(peer: &Peer, query: &Query, mut answers: Vec<Answer>) -> Vec<Answer> {
    // The rows are the answer; what else there is is said where it is known.
    answers.extend(super::sealing::unread(peer, query).await.unwrap_or_default());
    answers
}

/// What is to be published, if it can be meant.
fn entry(stream: &StreamLine, readings: &[ReadingLine]) -> Result<(StreamSpec, Vec<Reading>), String> {
    let now = wall_clock();
    let readings = readings.iter().map(|reading| reading.reading(now)).collect::<Result<_, _>>()?;
    Ok((stream.spec()?, readings))
}

/// Sends every new reading that `query` wants, until the other side hangs up.
async fn tail(
    peer: &Peer,
    query: &Query,
    read: &mut (impl AsyncRead + Unpin),
    write: &mut (impl AsyncWrite + Unpin),
) -> io::Result<Answer> {
    let meets = |it: &CollectionPath| it.covers(&query.collection) || query.collection.covers(it);
    for it in peer.withheld().into_iter().filter(|it| meets(&it.collection)) {
        send(write, &Answer::Withheld(it.to_string())).await?;
    }
    let mut events = peer.subscribe();
    let mut byte = [0];
    loop {
        tokio::select! {
            // Nothing is asked while a tail goes on: whatever comes is its end.
            _ = read.read(&mut byte) => return Ok(Answer::Done),
            notice = events.next() => match notice {
                Some(Notice::Event(Event::Verified(measured) | Event::Written(measured))) => {
                    if query.wants(&measured.header) {
                        for row in measured.rows().filter(|row| query.wants_place(row.place)) {
                            send(write, &Answer::Row(RowLine::from(&row))).await?;
                        }
                    }
                }
                #[cfg(feature = "index")]
                Some(Notice::Event(Event::Sealed { log, header, from, end })) => {
                    // What is in it, the names among it, is known once it is opened.
                    if query.collection.covers(header.collection()) {
                        let rows = peer.unsealed(log, from..end).await.unwrap_or_default();
                        let wanted = |row: &&msec_crdt_store::Row| query.wants(&row.header) && query.wants_place(row.place);
                        for row in rows.iter().filter(wanted) {
                            send(write, &Answer::Row(RowLine::from(row))).await?;
                        }
                    }
                }
                Some(Notice::Event(_)) => {}
                Some(Notice::Missed(missed)) => send(write, &Answer::Missed(missed)).await?,
                None => return Ok(Answer::Error("the peer was closed".into())),
            }
        }
    }
}

/// An error with what caused it.
pub(super) fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn arbitrary_lines_never_panic(line in proptest::collection::vec(any::<u8>(), 0..256)) {
            prop_assert!(parse(&line).is_err());
        }

        /// Found by its fuzz target: the last bit of a value could get lost between a command and its peer.
        #[test]
        fn values_come_bit_for_bit(value in any::<f64>().prop_filter("finite", |value| value.is_finite())) {
            let line = serde_json::to_vec(&ReadingLine { time: None, value, quality: Default::default(), place: None }).expect("a number");
            let read: ReadingLine = serde_json::from_slice(&line).expect("what was written");
            prop_assert_eq!(read.value.to_bits(), value.to_bits());
        }

        #[test]
        fn requests_with_arbitrary_values_never_panic(
            collection in ".{0,200}", stream in ".{0,200}",
            (latitude, longitude, value) in any::<(f64, f64, f64)>(), time in any::<i64>(), limit in any::<usize>(),
        ) {
            let near = serde_json::json!({ "latitude": latitude, "longitude": longitude, "radius_m": value });
            let query = serde_json::json!({ "query": {
                "collection": collection, "stream": stream, "since": time, "near": near, "limit": limit,
            }});
            if let Ok(request) = parse(query.to_string().as_bytes()) {
                let _ = request.to_query();
            }
            let publish = serde_json::json!({ "publish": {
                "stream": { "collection": collection, "stream": stream, "unit": stream, "place": [latitude, longitude] },
                "readings": [{ "time": time, "value": value }],
            }});
            if let Ok(Request::Publish { stream, .. }) = parse(publish.to_string().as_bytes()) {
                let _ = stream.spec();
            }
        }
    }

    #[test]
    fn a_socket_in_a_deep_directory_is_reached() {
        let root = tempfile::tempdir().expect("a directory");
        let deep = root.path().join("d".repeat(120));
        fs::create_dir(&deep).expect("made");
        let socket = deep.join("socket");
        let listener = at(&socket, |socket| std::os::unix::net::UnixListener::bind(socket)).expect("bound");
        at(&socket, |socket| std::os::unix::net::UnixStream::connect(socket)).expect("connected");
        drop(listener);
        assert!(socket.exists());
    }
}
