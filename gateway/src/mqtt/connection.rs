//! One connection: a socket, the session on it, and what is under way for it.
//!
//! One task carries it, and waits for nothing but the next thing that can happen: the oldest reading is on disk, the socket
//! can be read, or written, there is room for one more reading, time is up. Acknowledgements leave in the order of the
//! messages, because only the oldest is waited for. A client that reads slowly fills its own few bytes of answers, and is then
//! not read either; nobody else notices.
//!
//! When the disk refuses to write, sessions wait: they acknowledge nothing and read nothing until it writes again, so that
//! what a device has not got rid of stays with the device. Who connects meanwhile is told that the server is unavailable.
#![allow(clippy::disallowed_methods, reason = "a driver: it times a socket")]

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use mqtt_proto::v3::{ConnectReturnCode, LastWill, Publish};
use mqtt_proto::{Pid, TopicName};
use msec_peer::{Pending, PublishFailed, Receipt};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::device::Device;
use super::frame::{FrameError, Frames, Packet, connack, puback};
use super::intake::Intake;
use super::refusal::Refusal;
use super::session::{Admitted, Answer, Denied, admit, answer, deny_malformed};

/// How much is read at once.
const READ_BYTES: usize = 4 * 1024;
/// Bytes of answers that may wait for a client. Beyond it the client is not read until it has taken some.
const OUT_BYTES_MAX: usize = 16 * 1024;
/// How long a client may take nothing of the answers that wait for it. After that it is disconnected.
const STALL_MAX: Duration = Duration::from_secs(20);
/// How long what is under way may take once a session is over. What was stored until then is acknowledged.
const GRACE: Duration = Duration::from_secs(2);
/// How long a newcomer waits for a place that a session of its own is about to leave.
const PLACE_WAIT: Duration = Duration::from_secs(1);

/// Why a session is over.
#[derive(Debug)]
enum End {
    /// It said so.
    Farewell,
    /// The socket is closed.
    Gone,
    /// It was silent, or took no answers, for too long.
    Silent,
    /// It broke a rule, or a message of it cannot be taken.
    Refused,
    /// The same client has connected anew.
    TakenOver,
    /// The gateway stops.
    Stopped,
}

/// A message that waits for the disk.
struct InFlight {
    /// To be acknowledged, for QoS 1.
    pid: Option<Pid>,
    topic: TopicName,
    pending: Pending,
    /// Given back once the disk has answered.
    _room: OwnedSemaphorePermit,
}

/// Carries a connection to its end.
pub(super) async fn carry(
    mut stream: TcpStream,
    intake: Arc<Intake>,
    stranger: OwnedSemaphorePermit,
    stop: watch::Receiver<bool>,
) {
    // Answers are short, and each is waited for.
    let _ = stream.set_nodelay(true);
    let address = stream.peer_addr().map_or(IpAddr::from([0; 4]), |address| address.ip());
    let mut frames = Frames::new(intake.limits.packet_bytes_max);
    let greeted = tokio::select! {
        greeted = timeout(intake.limits.connect_timeout, greet(&mut stream, &mut frames, &intake)) => greeted,
        () = stopped(stop.clone()) => return,
    };
    let admitted = match greeted {
        Ok(Some(Ok(admitted))) => admitted,
        Ok(Some(Err(denied))) => {
            let code = denied.code;
            let refusal = Refusal::Denied { name: denied.name, why: denied.why };
            intake.refused(&address.to_string(), None, &refusal);
            if let Some(code) = code {
                farewell(&mut stream, &connack(code)).await;
            }
            return;
        }
        // It said nothing in time, or left.
        Ok(None) | Err(_) => return,
    };
    let unavailable = connack(ConnectReturnCode::ServerUnavailable);
    if *intake.failing.borrow() {
        return farewell(&mut stream, &unavailable).await;
    }
    let Some((session, over)) = intake.open(&admitted.device, admitted.client_id.as_deref()) else {
        return farewell(&mut stream, &unavailable).await;
    };
    let Ok(Ok(place)) = timeout(PLACE_WAIT, intake.places.clone().acquire_owned()).await else {
        return farewell(&mut stream, &unavailable).await;
    };
    drop(stranger);
    let Admitted { device, silence_max, will, .. } = admitted;
    let now = Instant::now();
    let connection = Connection {
        stream,
        frames,
        intake: intake.clone(),
        device: device.clone(),
        silence_max,
        in_flight: VecDeque::new(),
        held: None,
        out: connack(ConnectReturnCode::Accepted).to_vec(),
        heard: now,
        moved: now,
        end: None,
        ended: now,
        deaf: false,
    };
    let (end, stream) = connection.run(over, stop).await;
    tracing::debug!(device = device.name, ?end, "an MQTT session is over");
    drop((session, place));
    if let Some(mut stream) = stream {
        farewell(&mut stream, &[]).await;
    }
    if let Some(will) = will.filter(|_| !matches!(end, End::Farewell | End::Stopped)) {
        publish_will(&intake, &device, &will).await;
    }
}

/// Waits for the first packet. `None`: there is none.
async fn greet(
    stream: &mut TcpStream,
    frames: &mut Frames,
    intake: &Intake,
) -> Option<Result<Admitted, Denied>> {
    loop {
        match frames.next() {
            Ok(Some(packet)) => return Some(admit(packet, &intake.devices, &intake.limits)),
            Ok(None) => {}
            Err(error) => return Some(Err(deny_malformed(&error))),
        }
        stream.readable().await.ok()?;
        if !read(stream, frames)? {
            // Somebody who leaves again is no news.
            return None;
        }
    }
}

/// Reads what is there. `Some(false)`: the other side is done; `None`: the connection is broken.
fn read(stream: &TcpStream, frames: &mut Frames) -> Option<bool> {
    let mut bytes = [0; READ_BYTES];
    match stream.try_read(&mut bytes) {
        Ok(0) => Some(false),
        Ok(n) => {
            frames.add(&bytes[..n]);
            Some(true)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Some(true),
        Err(_) => None,
    }
}

/// Sends a last answer, and waits until the other side has closed, or has had the time to read it: closing at once would let
/// the system throw the answer away where something was sent that nobody read.
async fn farewell(stream: &mut TcpStream, answer: &[u8]) {
    let parting = async {
        let mut sent = 0;
        while sent < answer.len() {
            stream.writable().await?;
            match stream.try_write(&answer[sent..]) {
                Ok(n) => sent += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        tokio::io::AsyncWriteExt::shutdown(stream).await?;
        let mut rest = [0; READ_BYTES];
        loop {
            stream.readable().await?;
            match stream.try_read(&mut rest) {
                Ok(0) => return Ok(()),
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
    };
    // Whoever is gone, or never stops, is let go.
    let _ = timeout(GRACE, parting).await;
}

async fn publish_will(intake: &Intake, device: &Device, will: &LastWill) {
    let topic = &will.topic_name;
    let Some(read) = intake.read(device, topic, &will.message) else { return };
    intake.came();
    let published = async {
        let (stream, reading) = read?;
        intake.publish(&stream, reading).await?.await?;
        intake.stored();
        Ok(())
    };
    if let Err(refusal) = published.await {
        intake.refused(&device.name, Some(topic), &refusal);
    }
}

/// Completes when the gateway stops.
async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that whoever would say so is gone.
    let _ = stop.wait_for(|stop| *stop).await;
}

struct Connection {
    stream: TcpStream,
    frames: Frames,
    intake: Arc<Intake>,
    device: Arc<Device>,
    silence_max: Duration,
    /// The oldest first.
    in_flight: VecDeque<InFlight>,
    /// A message that there is no room for yet. While it waits, nothing is read.
    held: Option<(Box<Publish>, Option<Pid>)>,
    /// Answers that are not sent yet.
    out: Vec<u8>,
    /// When the last packet came, or could have been read.
    heard: Instant,
    /// When the client last took some of the answers, or none waited.
    moved: Instant,
    /// Why it is over. What is under way is still waited for, for a while.
    end: Option<End>,
    ended: Instant,
    /// Nothing is sent to it any more.
    deaf: bool,
}

impl Connection {
    /// Until it is over. The socket comes back if there is still somebody at its other end.
    async fn run(
        mut self,
        mut over: oneshot::Receiver<()>,
        stop: watch::Receiver<bool>,
    ) -> (End, Option<TcpStream>) {
        let mut failing = self.intake.failing.clone();
        loop {
            self.take_packets().await;
            if self.end.is_some() && self.in_flight.is_empty() && self.out.is_empty() {
                break;
            }
            let due = self.due();
            let (reads, ending) = (self.may_read(), self.end.is_some());
            let room = self.intake.room.clone();
            tokio::select! {
                biased;
                _ = &mut over, if !ending => self.hang_up(End::TakenOver),
                () = stopped(stop.clone()), if !ending => self.finish(End::Stopped),
                done = oldest(&mut self.in_flight), if !self.in_flight.is_empty() => self.acknowledge(done),
                ready = self.stream.writable(), if !self.out.is_empty() => match ready {
                    Ok(()) => self.write(),
                    Err(_) => self.hang_up(End::Gone),
                },
                Ok(room) = room.acquire_owned(), if self.held.is_some() && self.has_place() => {
                    if let Some((publish, pid)) = self.held.take() {
                        self.take_in(*publish, pid, room).await;
                    }
                }
                ready = self.stream.readable(), if reads => {
                    match ready.ok().and_then(|()| read(&self.stream, &mut self.frames)) {
                        Some(true) => {}
                        Some(false) | None => self.hang_up(End::Gone),
                    }
                }
                Ok(()) = failing.changed(), if !ending => self.heard = Instant::now(),
                () = sleep_until(due) => match self.end.is_some() {
                    true => break,
                    false => self.hang_up(End::Silent),
                },
            }
        }
        (self.end.unwrap_or(End::Gone), (!self.deaf).then_some(self.stream))
    }

    /// It is over, for this reason unless there was one before. What is under way is still acknowledged.
    fn finish(&mut self, end: End) {
        if self.end.is_none() {
            self.end = Some(end);
            self.ended = Instant::now();
            self.held = None;
        }
    }

    /// It is over, and nobody listens.
    fn hang_up(&mut self, end: End) {
        self.finish(end);
        self.deaf = true;
        self.out.clear();
    }

    /// Whether one more message may be under way.
    fn has_place(&self) -> bool {
        self.in_flight.len() < self.intake.limits.in_flight_max && !*self.intake.failing.borrow()
    }

    fn may_read(&self) -> bool {
        self.end.is_none() && self.held.is_none() && self.has_place() && self.out.len() < OUT_BYTES_MAX
    }

    /// When something has not happened for too long.
    fn due(&mut self) -> Instant {
        let now = Instant::now();
        if self.out.is_empty() {
            self.moved = now;
        }
        if self.end.is_some() {
            return self.ended + GRACE;
        }
        if !self.may_read() {
            // Who is not listened to is not silent.
            self.heard = now;
        }
        (self.heard + self.silence_max).min(self.moved + STALL_MAX)
    }

    /// Takes the packets that have come whole, as long as there is room.
    async fn take_packets(&mut self) {
        while self.may_read() {
            match self.frames.next() {
                Ok(Some(packet)) => {
                    self.heard = Instant::now();
                    self.obey(packet).await;
                }
                Ok(None) => return,
                Err(FrameError::TooLong { bytes, max }) => {
                    self.refuse(None, &Refusal::TooLong { bytes, max })
                }
                Err(error) => self.refuse(None, &Refusal::Protocol { why: error.to_string() }),
            }
        }
    }

    async fn obey(&mut self, packet: Packet) {
        match answer(packet) {
            Ok(Answer::Reply(reply)) => self.out.extend(reply),
            Ok(Answer::Farewell) => self.finish(End::Farewell),
            Ok(Answer::Take(publish, pid)) => {
                self.intake.came();
                match self.intake.room.clone().try_acquire_owned() {
                    Ok(room) => self.take_in(*publish, pid, room).await,
                    Err(_) => self.held = Some((publish, pid)),
                }
            }
            Err(violation) => self.refuse(None, &Refusal::Protocol { why: violation.to_string() }),
        }
    }

    /// Hands a message to the peer, or refuses it.
    async fn take_in(&mut self, publish: Publish, pid: Option<Pid>, room: OwnedSemaphorePermit) {
        let topic = publish.topic_name;
        let read = self.intake.read(&self.device, &topic, &publish.payload).unwrap_or(Err(Refusal::NoRule));
        let handed = match read {
            Ok((stream, reading)) => self.intake.publish(&stream, reading).await.map_err(Refusal::from),
            Err(refusal) => Err(refusal),
        };
        match handed {
            Ok(pending) => self.in_flight.push_back(InFlight { pid, topic, pending, _room: room }),
            Err(refusal) => self.not_taken(pid, &topic, &refusal),
        }
    }

    /// The oldest message is on disk, or is not going to be.
    fn acknowledge(&mut self, done: Result<Receipt, PublishFailed>) {
        let Some(message) = self.in_flight.pop_front() else { return };
        match done {
            Ok(_) => {
                self.intake.stored();
                if let Some(pid) = message.pid.filter(|_| !self.deaf) {
                    self.out.extend(puback(pid));
                }
            }
            Err(failed) => self.not_taken(message.pid, &message.topic, &failed.into()),
        }
    }

    /// A message cannot be taken. It is never acknowledged: where an acknowledgement is due, the session ends (section
    /// 3.3.5.2).
    fn not_taken(&mut self, pid: Option<Pid>, topic: &TopicName, refusal: &Refusal) {
        self.intake.refused(&self.device.name, Some(topic), refusal);
        if pid.is_some() {
            self.finish(End::Refused);
        }
    }

    fn refuse(&mut self, topic: Option<&str>, refusal: &Refusal) {
        self.intake.refused(&self.device.name, topic, refusal);
        self.finish(End::Refused);
    }

    fn write(&mut self) {
        match self.stream.try_write(&self.out) {
            Ok(sent) => {
                self.out.drain(..sent);
                self.moved = Instant::now();
                if self.out.is_empty() {
                    // An idle session keeps no buffer.
                    self.out = Vec::new();
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.hang_up(End::Gone),
        }
    }
}

/// What became of the oldest message that is under way.
async fn oldest(in_flight: &mut VecDeque<InFlight>) -> Result<Receipt, PublishFailed> {
    match in_flight.front_mut() {
        Some(message) => (&mut message.pending).await,
        None => std::future::pending().await,
    }
}
