//! Asks the running peer, or one that is opened for as long as the question takes.

use std::io::ErrorKind;

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, ReadHalf, WriteHalf};
use tokio::net::UnixStream;

use super::message::{Answer, Request};
use super::server::{at, serve};
use crate::sdk::{DataDir, Peer, PeerConfig};

/// Bytes of answers that may wait in a peer that was opened for the question.
const PIPE_BYTES: usize = 64 * 1024;

/// A connection, whatever carries it.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A conversation with the peer of a data directory.
pub(crate) struct Session {
    answers: BufReader<ReadHalf<Box<dyn Stream>>>,
    requests: WriteHalf<Box<dyn Stream>>,
    /// What has come of a line.
    line: Vec<u8>,
    /// The peer that was opened because none ran.
    opened: Option<Peer>,
}

impl Session {
    /// Reaches the peer that runs in `dir`. Where none does, opens it without a network.
    pub(crate) async fn open(dir: &DataDir) -> anyhow::Result<Self> {
        if let Some(session) = Self::running(dir).await? {
            return Ok(session);
        }
        // Whoever has no identity here mistyped the directory: do not leave an empty store behind.
        dir.inhabited()?;
        let peer = Peer::open(PeerConfig::of(dir.clone())?).await?;
        Ok(Self { opened: Some(peer.clone()), ..Self::with(peer) })
    }

    /// A conversation with a peer of this process.
    pub(crate) fn with(peer: Peer) -> Self {
        let (near, far) = tokio::io::duplex(PIPE_BYTES);
        tokio::spawn(async move { serve(&peer, far).await });
        Self::over(Box::new(near))
    }

    /// Reaches the peer that runs in `dir`; `None` if none does.
    pub(crate) async fn running(dir: &DataDir) -> anyhow::Result<Option<Self>> {
        let socket = dir.control().join("socket");
        // A Unix socket connects at once, or not at all.
        let connected = at(&socket, |socket| std::os::unix::net::UnixStream::connect(socket));
        match connected.and_then(|stream| {
            stream.set_nonblocking(true)?;
            UnixStream::from_std(stream)
        }) {
            Ok(stream) => Ok(Some(Self::over(Box::new(stream)))),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                Ok(None)
            }
            Err(error) => {
                Err(error).with_context(|| format!("cannot reach the peer at {}", socket.display()))
            }
        }
    }

    fn over(stream: Box<dyn Stream>) -> Self {
        let (read, requests) = tokio::io::split(stream);
        Self { answers: BufReader::new(read), requests, line: Vec::new(), opened: None }
    }

    /// Whether the peer runs by itself.
    pub(crate) fn is_running(&self) -> bool {
        self.opened.is_none()
    }

    /// Asks.
    pub(crate) async fn ask(&mut self, request: &Request) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        self.requests.write_all(&line).await.context("the peer has ended")
    }

    /// Says whether both screens show the same words, after an [`Answer::Invite`] that asks.
    #[cfg(feature = "index")]
    pub(crate) async fn decide(&mut self, same: bool) -> anyhow::Result<()> {
        let line: &[u8] = if same { b"true\n" } else { b"false\n" };
        self.requests.write_all(line).await.context("the peer has ended")
    }

    /// The next answer; `None` after the last one.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<Answer>> {
        // Whoever waits for something else as well, and comes back, goes on in the same line.
        self.answers.read_until(b'\n', &mut self.line).await.context("the peer has ended")?;
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            bail!("the peer has ended");
        }
        match serde_json::from_slice(&line).context("the peer is of another version than this program")? {
            Answer::Done => Ok(None),
            Answer::Error(error) => bail!("{error}"),
            answer => Ok(Some(answer)),
        }
    }

    /// Hangs up, and closes what was opened.
    pub(crate) async fn close(self) {
        if let Some(peer) = self.opened {
            peer.close().await;
        }
    }
}
