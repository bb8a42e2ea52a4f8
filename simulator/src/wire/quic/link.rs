//! One end of a connection, and how a node's messages lie on its streams: what `link` in the driver does in four tasks.
//!
//! Phases: a dial is answered or fails; who is dialled waits for the other's first stream; then it is a link, which reads
//! and writes. Once the node or the other side is done with it, what waits is written and acknowledged, within
//! [`LINGER`], and the connection is closed. After that QUIC itself goes on for as long as it must.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use msec_identity::handshake::ChannelBinding;
use msec_peer::gossip::Priority;
use msec_peer::node::{DialFailure, Input, LinkId, Lost};
use msec_peer::outbox::{Dropped, Lane, Outbox};
use msec_peer::wire::{BEHIND, CHUNK_STREAMS_MAX, EXPORTER_LABEL, LINGER};
use quinn_proto::{
    Connection, ConnectionError, ConnectionHandle, Dir, Event, ReadError, StreamEvent, StreamId, VarInt,
    WriteError,
};

use super::inbox::{Assembly, Frames};
use super::writing::Writing;
use crate::PeerIndex;
use crate::network::Way;

/// A point in time, as this world and as quinn-proto names it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) time: Duration,
    pub(super) instant: Instant,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Dialled, and nobody has answered.
    Dialling(SocketAddr),
    /// Taken in, and no stream has come.
    Welcomed,
    /// A link.
    Up,
    /// No link any more: what waits leaves, then it is closed with this code.
    Closing(u32),
    /// Closed or lost.
    Over,
}

/// An end of a connection.
pub(super) struct Link {
    /// Its peer, and who is at the other end.
    pub(super) peer: PeerIndex,
    pub(super) remote: PeerIndex,
    /// How its datagrams get there. `None`: nothing leads there.
    pub(super) way: Option<Way>,
    /// Whether it is shown to those who look at links.
    pub(super) shown: bool,
    pub(super) handle: ConnectionHandle,
    pub(super) quic: Connection,
    /// Whether it counts as a stranger at its peer.
    pub(super) stranger: bool,
    /// When the queue looks at it.
    pub(super) armed: Option<Duration>,
    id: LinkId,
    phase: Phase,
    /// When its phase is over at the latest.
    deadline: Option<Duration>,
    admitted: bool,
    /// The first stream.
    main: Option<StreamId>,
    outbox: Outbox,
    live: Writing,
    chunk_out: Writing,
    /// The stream of the chunk that is being written.
    bulk_stream: Option<StreamId>,
    frames: Frames,
    /// The chunk that is being read.
    chunk: Option<(StreamId, Assembly)>,
    /// Whether the first stream was finished, and whether the other side has all of it.
    finished: bool,
    delivered: bool,
}

impl Link {
    fn new(
        id: LinkId,
        (peer, remote): (PeerIndex, PeerIndex),
        way: Option<Way>,
        quic: (ConnectionHandle, Connection),
    ) -> Self {
        Self {
            peer,
            remote,
            way,
            shown: false,
            handle: quic.0,
            quic: quic.1,
            stranger: false,
            armed: None,
            id,
            phase: Phase::Welcomed,
            deadline: None,
            admitted: false,
            main: None,
            outbox: Outbox::default(),
            live: Writing::default(),
            chunk_out: Writing::default(),
            bulk_stream: None,
            frames: Frames::default(),
            chunk: None,
            finished: false,
            delivered: false,
        }
    }

    /// One that was dialled, and has until then.
    pub(super) fn dialled(
        id: LinkId,
        ends: (PeerIndex, PeerIndex),
        way: Option<Way>,
        address: SocketAddr,
        until: Duration,
        quic: (ConnectionHandle, Connection),
    ) -> Self {
        let link = Self::new(id, ends, way, quic);
        Self { phase: Phase::Dialling(address), deadline: Some(until), ..link }
    }

    /// One of somebody who connects, and has until then to open its first stream.
    pub(super) fn welcomed(
        id: LinkId,
        way: Way,
        until: Duration,
        quic: (ConnectionHandle, Connection),
    ) -> Self {
        let link = Self::new(id, (way.from, way.to), Some(way), quic);
        Self { stranger: true, deadline: Some(until), ..link }
    }

    pub(super) fn is_up(&self) -> bool {
        self.phase == Phase::Up
    }

    /// Whether it was dialled here. Each connection has one such end.
    pub(super) fn is_dialler(&self) -> bool {
        self.quic.side().is_client()
    }

    pub(super) fn is_admitted(&self) -> bool {
        self.admitted
    }

    /// Whether it is known to its peer, or may become so.
    pub(super) fn is_alive(&self) -> bool {
        matches!(self.phase, Phase::Dialling(_) | Phase::Welcomed | Phase::Up)
    }

    /// When something is due.
    pub(super) fn due(&mut self, base: Instant) -> Option<Duration> {
        let timer = self.quic.poll_timeout().map(|at| at.saturating_duration_since(base));
        [timer, self.deadline].into_iter().flatten().min()
    }

    /// Queues a message. Returns what was dropped for it.
    pub(super) fn send(&mut self, priority: Priority, bytes: Vec<u8>) -> Vec<Dropped> {
        self.outbox.push(priority, bytes)
    }

    /// Lets more than the handshake in.
    pub(super) fn admit(&mut self) {
        if self.is_up() && !self.admitted {
            self.admitted = true;
            self.quic.set_max_concurrent_streams(Dir::Uni, VarInt::from_u32(CHUNK_STREAMS_MAX));
        }
    }

    /// Closes it once what is live has left.
    pub(super) fn close(&mut self, now: Moment, code: u32) {
        if self.is_up() {
            self.phase = Phase::Closing(code);
            self.deadline = Some(now.time + LINGER);
        }
    }

    /// Does all that can be done without waiting. What the node is to hear goes into `heard`. Whether anything happened.
    pub(super) fn work(&mut self, now: Moment, heard: &mut Vec<Input>) -> bool {
        let mut happened = false;
        while let Some(event) = self.quic.poll() {
            happened = true;
            self.happen(event, heard);
        }
        if self.deadline.is_some_and(|at| at <= now.time) {
            self.overdue(now, heard);
        }
        if self.is_up() && !(self.read_live(heard) && self.read_chunks(heard)) {
            self.end(now, heard);
        }
        self.write(now);
        happened
    }

    fn happen(&mut self, event: Event, heard: &mut Vec<Input>) {
        match event {
            Event::Connected => {
                if let Phase::Dialling(address) = self.phase {
                    self.main = self.quic.streams().open(Dir::Bi);
                    self.come_up(Some(address), heard);
                }
            }
            Event::Stream(StreamEvent::Opened { dir: Dir::Bi }) if self.phase == Phase::Welcomed => {
                self.main = self.quic.streams().accept(Dir::Bi);
                self.come_up(None, heard);
            }
            // Nobody stops the first stream but to end the link.
            Event::Stream(StreamEvent::Finished { id } | StreamEvent::Stopped { id, .. }) => {
                self.delivered |= self.main == Some(id);
            }
            Event::ConnectionLost { reason } => self.lose(&reason, heard),
            // All streams are looked at after events.
            Event::Stream(_)
            | Event::HandshakeDataReady
            | Event::DatagramReceived
            | Event::DatagramsUnblocked => {}
        }
    }

    fn come_up(&mut self, dialled: Option<SocketAddr>, heard: &mut Vec<Input>) {
        let mut binding = [0; 32];
        let exported = self.quic.crypto_session().export_keying_material(&mut binding, EXPORTER_LABEL, &[]);
        debug_assert!(exported.is_ok() && self.main.is_some(), "a connection that is up has both");
        self.phase = Phase::Up;
        self.deadline = None;
        let (binding, expense) = (ChannelBinding(binding), Duration::ZERO);
        // Nobody walks up in a simulation.
        heard.push(Input::LinkUp { link: self.id, binding, dialled, expense, own_link: false });
    }

    /// The connection is gone.
    fn lose(&mut self, reason: &ConnectionError, heard: &mut Vec<Input>) {
        let (why, lost) = match reason {
            ConnectionError::TimedOut => (DialFailure::TimedOut, Lost::TimedOut),
            ConnectionError::ConnectionClosed(_) | ConnectionError::ApplicationClosed(_) => {
                (DialFailure::Refused, Lost::Closed)
            }
            _ => (DialFailure::Unreachable, Lost::Closed),
        };
        match self.phase {
            Phase::Dialling(address) => heard.push(Input::DialFailed { address, why }),
            Phase::Up => heard.push(Input::LinkDown { link: self.id, why: lost }),
            Phase::Welcomed | Phase::Closing(_) | Phase::Over => {}
        }
        self.over();
    }

    /// Its phase has taken too long.
    fn overdue(&mut self, now: Moment, heard: &mut Vec<Input>) {
        if let Phase::Dialling(address) = self.phase {
            heard.push(Input::DialFailed { address, why: DialFailure::TimedOut });
        }
        self.hang_up(now);
    }

    /// The other side says no more.
    fn end(&mut self, now: Moment, heard: &mut Vec<Input>) {
        heard.push(Input::LinkDown { link: self.id, why: Lost::Closed });
        self.close(now, 0);
    }

    fn hang_up(&mut self, now: Moment) {
        let code = if let Phase::Closing(code) = self.phase { code } else { 0 };
        if self.phase != Phase::Over {
            self.quic.close(now.instant, VarInt::from_u32(code), Bytes::new());
        }
        self.over();
    }

    /// QUIC may have something left to say; nothing of what waited is needed for that.
    fn over(&mut self) {
        self.phase = Phase::Over;
        self.deadline = None;
        self.outbox = Outbox::default();
        (self.live, self.chunk_out) = (Writing::default(), Writing::default());
        (self.frames, self.chunk) = (Frames::default(), None);
    }

    /// Reads frames, as far as they have come and may be read. `false`: nothing follows.
    fn read_live(&mut self, heard: &mut Vec<Input>) -> bool {
        let Some(main) = self.main else { return false };
        if !self.frames.may_read(self.admitted) {
            return true;
        }
        let mut stream = self.quic.recv_stream(main);
        let Ok(mut chunks) = stream.read(true) else { return false };
        let mut goes_on = true;
        while self.frames.may_read(self.admitted) {
            match chunks.next(self.frames.missing()) {
                Ok(Some(chunk)) => match self.frames.add(&chunk.bytes) {
                    Ok(None) => {}
                    Ok(Some(bytes)) => heard.push(Input::Received { link: self.id, bytes }),
                    Err(_) => {
                        goes_on = false;
                        break;
                    }
                },
                Err(ReadError::Blocked) => break,
                Ok(None) | Err(ReadError::Reset(_)) => {
                    goes_on = false;
                    break;
                }
            }
        }
        // What it says is to be sent is sent after each look at a link.
        let _ = chunks.finalize();
        goes_on
    }

    /// Reads chunks, one at a time: whoever opens many streams gets no more memory than who opens one. Always `true`:
    /// a chunk that is no good ends no link.
    fn read_chunks(&mut self, heard: &mut Vec<Input>) -> bool {
        while self.admitted {
            let next = || self.quic.streams().accept(Dir::Uni).map(|id| (id, Assembly::default()));
            let Some((id, mut chunk)) = self.chunk.take().or_else(next) else { break };
            let mut stream = self.quic.recv_stream(id);
            let Ok(mut chunks) = stream.read(false) else { continue };
            let whole = loop {
                match chunks.next(usize::MAX) {
                    Ok(Some(part)) if chunk.add(part.offset, &part.bytes) => {}
                    Ok(None) => break Some(true),
                    Err(ReadError::Blocked) => break None,
                    Ok(Some(_)) | Err(ReadError::Reset(_)) => break Some(false),
                }
            };
            let _ = chunks.finalize();
            match whole {
                Some(true) => heard.push(Input::Received { link: self.id, bytes: chunk.finish() }),
                // Fails only for a stream that is over.
                Some(false) => drop(stream.stop(VarInt::from_u32(0))),
                None => {
                    self.chunk = Some((id, chunk));
                    break;
                }
            }
        }
        true
    }

    fn write(&mut self, now: Moment) {
        let Some(main) = self.main.filter(|_| matches!(self.phase, Phase::Up | Phase::Closing(_))) else {
            return;
        };
        if self.write_live(main).is_err() {
            // The other side reads no more.
            self.delivered = true;
        }
        self.write_bulk();
        if matches!(self.phase, Phase::Closing(_)) {
            if self.live.is_done() && self.outbox.is_empty(Lane::Live) && !self.finished {
                self.finished = true;
                self.delivered |= self.quic.send_stream(main).finish().is_err();
            }
            if self.delivered {
                self.hang_up(now);
            }
        }
    }

    fn write_live(&mut self, main: StreamId) -> Result<(), WriteError> {
        while !self.finished && self.live.begin(&mut self.outbox, Lane::Live) {
            if !self.live.write(&mut self.quic.send_stream(main))? {
                break;
            }
        }
        Ok(())
    }

    /// Each chunk has a stream of its own, which is opened once the other side allows one more.
    fn write_bulk(&mut self) {
        while self.bulk_stream.is_some() || self.chunk_out.begin(&mut self.outbox, Lane::Chunks) {
            let Some(id) = self.bulk_stream.or_else(|| self.quic.streams().open(Dir::Uni)) else { break };
            let mut stream = self.quic.send_stream(id);
            if self.bulk_stream.is_none() {
                self.bulk_stream = Some(id);
                // Fails only for a stream that is over.
                let _ = stream.set_priority(BEHIND);
            }
            match self.chunk_out.write(&mut stream) {
                Ok(false) => break,
                Ok(true) => {
                    let _ = stream.finish();
                    self.bulk_stream = None;
                }
                // The driver sends no more chunks on a link of which one was stopped; nor does this.
                Err(_) => {
                    self.outbox.clear(Lane::Chunks);
                    self.chunk_out = Writing::default();
                    break;
                }
            }
        }
    }
}
