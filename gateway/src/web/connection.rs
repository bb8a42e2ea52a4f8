//! How many connections there may be, and for how long they may be silent.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// How many connections there may be at once. Further ones are closed as they come.
pub const CONNECTIONS_MAX: usize = 128;

/// For how long a connection may neither send nor take a byte. After that it is closed: the browser has gone, or
/// somebody wants to hold a place. A feed that has no news sends a comment before that.
pub const CONNECTION_SILENCE_MAX: Duration = Duration::from_secs(30);

/// A listener with a limit.
pub(super) struct Bounded {
    listener: TcpListener,
    places: Arc<Semaphore>,
    silence_max: Duration,
}

impl Bounded {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self::with_limits(listener, CONNECTIONS_MAX, CONNECTION_SILENCE_MAX)
    }

    fn with_limits(listener: TcpListener, connections_max: usize, silence_max: Duration) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(connections_max)), silence_max }
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let (stream, addr) = Listener::accept(&mut self.listener).await;
            match Arc::clone(&self.places).try_acquire_owned() {
                Ok(place) => {
                    let silence = Box::pin(sleep(self.silence_max));
                    let silence_max = self.silence_max;
                    return (Connection { stream, silence, silence_max, _place: place }, addr);
                }
                Err(_) => tracing::debug!(%addr, "the page has all the connections it may have: closed"),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A stream that breaks off when nothing moves.
pub(super) struct Connection {
    stream: TcpStream,
    silence: Pin<Box<Sleep>>,
    silence_max: Duration,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    /// Passes on what the stream said, unless it has said "wait" for too long.
    fn watch<T>(&mut self, context: &mut Context<'_>, said: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if said.is_ready() {
            #[expect(clippy::disallowed_methods, reason = "a driver: it times a socket")]
            let now = Instant::now();
            self.silence.as_mut().reset(now + self.silence_max);
            return said;
        }
        ready!(self.silence.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let said = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.watch(cx, said)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch(cx, said)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch(cx, said)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const LONG: Duration = Duration::from_secs(5);

    async fn bounded(silence_max: Duration) -> (Bounded, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        (Bounded::with_limits(listener, 1, silence_max), addr)
    }

    async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        let mut bytes = [0; 64];
        let mut buf = ReadBuf::new(&mut bytes);
        poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, &mut buf)).await?;
        Ok(buf.filled().len())
    }

    #[tokio::test]
    async fn a_connection_too_many_is_closed_until_there_is_room() {
        let (mut listener, addr) = bounded(LONG).await;
        let _first = TcpStream::connect(addr).await.unwrap();
        let (held, _) = listener.accept().await;
        let mut second = TcpStream::connect(addr).await.unwrap();
        tokio::select! {
            _ = listener.accept() => panic!("there is room for one"),
            read = read(&mut second) => assert!(matches!(read, Ok(0) | Err(_)), "it is closed"),
        }
        drop(held);
        let _third = TcpStream::connect(addr).await.unwrap();
        listener.accept().await;
    }

    #[tokio::test]
    async fn a_silent_connection_is_closed() {
        let (mut listener, addr) = bounded(Duration::from_millis(20)).await;
        let _silent = TcpStream::connect(addr).await.unwrap();
        let (mut connection, _) = listener.accept().await;
        assert_eq!(read(&mut connection).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_reader_that_takes_nothing_is_closed() {
        let (mut listener, addr) = bounded(Duration::from_millis(20)).await;
        let _stuck = TcpStream::connect(addr).await.unwrap();
        let (mut connection, _) = listener.accept().await;
        let stuck = loop {
            if let Err(error) = poll_fn(|cx| Pin::new(&mut connection).poll_write(cx, &[0; 65_536])).await {
                break error;
            }
        };
        assert_eq!(stuck.kind(), io::ErrorKind::TimedOut);
    }
}
