//! An MQTT client by hand, which says what it is told to, right or wrong; and a gateway to talk to.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use msec_gateway::mqtt::TokenHash;
use msec_peer::{DataDir, Membership, Owner, Peer, PeerConfig, Query};
use serde_json::Value;
use tempfile::TempDir;

use crate::process::Process;
use crate::wait::PATIENCE;

/// The token of every device of a [`Gateway`].
pub const TOKEN: &str = "a token that only tests know";
/// The collection that its rule leads to.
pub const COLLECTION: &str = "parks/noise";

/// A data directory and a file for `msec-gateway run`, and the program if it runs.
#[derive(Debug)]
pub struct Gateway {
    program: String,
    dir: TempDir,
    /// The program.
    pub process: Option<Process>,
}

impl Gateway {
    /// A gateway that may do `rights` in its space, has the devices `mic` and `tap`, and makes `sensors/NAME` the stream `NAME`.
    ///
    /// # Panics
    ///
    /// If there is no room for it.
    pub fn new(program: &str, rights: &str, settings: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let owner = Owner::found("harbour").expect("a space");
        let home = dir.path().join("data");
        let config = PeerConfig::new(&home).expect("a data directory");
        let grant = owner.grant(config.peer(), "parks", rights, 30).expect("a grant");
        DataDir::at(&home).join(&Membership::new(owner.manifest(), [grant])).expect("joined");
        let hash = TokenHash::of(TOKEN.as_bytes());
        let text = format!(
            "[peer]\ndata_dir = \"data\"\nlisten = \"127.0.0.1:0\"\nmdns = false\n\
             [page]\nlisten = \"127.0.0.1:0\"\n\
             [mqtt]\nlisten = \"127.0.0.1:0\"\n{settings}\n\
             [[mqtt.device]]\nname = \"mic\"\ntoken = \"{hash}\"\nplace = [43.4623, -3.81]\n\
             [[mqtt.device]]\nname = \"tap\"\ntoken = \"{hash}\"\n\
             [[mqtt.rule]]\ntopic = \"sensors/+\"\ncollection = \"{COLLECTION}\"\nstream = \"{{1}}\"\nunit = \"dB\"\n\
             [[mqtt.rule]]\ntopic = \"roads/+\"\ncollection = \"roads\"\nstream = \"{{1}}\"\n"
        );
        std::fs::write(dir.path().join("gateway.toml"), text).expect("written");
        Self { program: program.to_owned(), dir, process: None }
    }

    /// Its file.
    pub fn file(&self) -> PathBuf {
        self.dir.path().join("gateway.toml")
    }

    /// Where its peer lives.
    pub fn home(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Starts it. Returns where devices connect.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn start(&mut self) -> SocketAddr {
        let file = self.file();
        let args = ["run", "--json", "--config", file.to_str().expect("text")];
        self.process = Some(Process::start(&self.program, args));
        self.said("mqtt").parse().expect("an address")
    }

    /// Starts it where no file may grow beyond so many blocks of 512 bytes: on a disk that is soon full.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn start_on_a_full_disk(&mut self, blocks: u32) -> SocketAddr {
        // 25 is SIGXFSZ, which would end the program; ignored, the write fails.
        let limited = format!("trap '' 25; ulimit -f {blocks}; exec \"$@\"");
        let file = self.file();
        let run = ["sh", &self.program, "run", "--json", "--config", file.to_str().expect("text")];
        self.process = Some(Process::start("sh", ["-c", &limited].iter().chain(&run)));
        self.said("mqtt").parse().expect("an address")
    }

    /// What it said when it came up.
    ///
    /// # Panics
    ///
    /// If it says nothing.
    pub fn said(&self, field: &str) -> String {
        let process = self.process.as_ref().expect("it runs");
        process.out.wait("the gateway is up", |line| {
            Some(serde_json::from_str::<Value>(line).ok()?.get(field)?.as_str()?.to_owned())
        })
    }

    /// What its page shows.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn page(&self) -> Value {
        let address = self.said("page");
        let address = address.strip_prefix("http://").expect("an address");
        let mut stream = TcpStream::connect(address).expect("the page answers");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        write!(stream, "GET /api/state HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
            .expect("asked");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body.trim()).expect("JSON")
    }

    /// What it counted.
    ///
    /// # Panics
    ///
    /// If it says nothing of that.
    pub fn counted(&self, what: &str) -> u64 {
        self.page()["status"]["run"][what].as_u64().expect("a count")
    }

    /// What it wrote to its log so far.
    ///
    /// # Panics
    ///
    /// If it does not run.
    pub fn log(&self) -> String {
        self.process.as_ref().expect("it runs").err.all().join("\n")
    }

    /// The values of a stream in its store, in the order of its log. It must not run.
    pub fn values(&self, stream: &str) -> Vec<f64> {
        self.values_of([stream.to_owned()]).remove(0)
    }

    /// The values of each of these streams, as [`Gateway::values`] has them of one.
    ///
    /// # Panics
    ///
    /// If the store cannot be read.
    pub fn values_of(&self, streams: impl IntoIterator<Item = String>) -> Vec<Vec<f64>> {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let config = PeerConfig::new(self.home()).expect("a data directory");
            let peer = Peer::open(config).await.expect("it opens");
            let mut values = Vec::new();
            for stream in streams {
                let query = Query { stream: Some(stream), ..Query::default() };
                let mut rows = peer.query(query).await.expect("the store can be read");
                rows.sort_by_key(|row| (row.log, row.position));
                values.push(rows.iter().map(|row| row.reading.value).collect());
            }
            peer.close().await;
            values
        })
    }
}

/// What a CONNECT says.
#[derive(Debug, Clone)]
pub struct Connect<'c> {
    /// Who it is.
    pub client_id: &'c str,
    /// The device.
    pub user: Option<&'c str>,
    /// Its token.
    pub password: Option<&'c str>,
    /// Seconds.
    pub keep_alive: u16,
    /// Whether no session shall be kept.
    pub clean: bool,
    /// 4 is MQTT 3.1.1.
    pub level: u8,
    /// Topic and message of a will.
    pub will: Option<(&'c str, &'c str)>,
}

impl Default for Connect<'_> {
    fn default() -> Self {
        Self {
            client_id: "client",
            user: Some("mic"),
            password: Some(TOKEN),
            keep_alive: 60,
            clean: true,
            level: 4,
            will: None,
        }
    }
}

impl Connect<'_> {
    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let flags = [
            (self.clean, 0x02),
            (self.will.is_some(), 0x04),
            (self.password.is_some(), 0x40),
            (self.user.is_some(), 0x80),
        ];
        let flags: u8 = flags.iter().filter(|(set, _)| *set).map(|(_, flag)| flag).sum();
        let mut body = [&[0, 4][..], b"MQTT", &[self.level, flags], &self.keep_alive.to_be_bytes()].concat();
        let will = self.will.map(|(topic, message)| [topic, message]).into_iter().flatten();
        for text in [self.client_id].into_iter().chain(will).chain(self.user).chain(self.password) {
            body.extend((text.len() as u16).to_be_bytes());
            body.extend(text.as_bytes());
        }
        packet(0x10, &body)
    }
}

/// A packet of that first byte.
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut length = body.len();
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend(body);
    bytes
}

/// A PUBLISH. The identifier is left out for QoS 0.
pub fn publish(qos: u8, pid: u16, topic: &str, payload: &[u8]) -> Vec<u8> {
    let mut body = (topic.len() as u16).to_be_bytes().to_vec();
    body.extend(topic.as_bytes());
    if qos > 0 {
        body.extend(pid.to_be_bytes());
    }
    body.extend(payload);
    packet(0x30 | qos << 1, &body)
}

/// A connection to a gateway.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
}

impl Client {
    /// A connection on which nothing was said.
    ///
    /// # Panics
    ///
    /// If nobody is there.
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("somebody listens");
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self { stream }
    }

    /// A connection that has said who it is, and the code that was answered; `None`: it was closed.
    pub fn connect(address: SocketAddr, connect: &Connect<'_>) -> (Self, Option<u8>) {
        let mut client = Self::open(address);
        client.send(&connect.bytes());
        let code = client.receive().map(|answer| {
            assert_eq!(
                (&answer[..3], answer.len()),
                (&[0x20, 2, 0][..], 4),
                "a CONNACK, and no session present"
            );
            answer[3]
        });
        (client, code)
    }

    /// The device `mic`.
    ///
    /// # Panics
    ///
    /// If it is not let in.
    pub fn mic(address: SocketAddr) -> Self {
        let (client, code) = Self::connect(address, &Connect::default());
        assert_eq!(code, Some(0), "it is let in");
        client
    }

    /// Sends bytes. Whoever is gone hears nothing.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Sends as much as is taken at once. Returns how much that was.
    ///
    /// # Panics
    ///
    /// If the connection is gone.
    pub fn send_some(&mut self, bytes: &[u8]) -> usize {
        self.stream.set_nonblocking(true).expect("a socket");
        let sent = match self.stream.write(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            sent => sent.expect("sent"),
        };
        self.stream.set_nonblocking(false).expect("a socket");
        sent
    }

    /// The next packet; `None` once the connection is closed.
    ///
    /// # Panics
    ///
    /// If nothing comes, or a packet longer than any that a gateway sends.
    pub fn receive(&mut self) -> Option<Vec<u8>> {
        let mut bytes = vec![0; 2];
        if !self.fill(&mut bytes) {
            return None;
        }
        assert!(bytes[1] < 0x80, "a short answer: {bytes:?}");
        bytes.resize(2 + usize::from(bytes[1]), 0);
        self.fill(&mut bytes[2..]).then_some(bytes)
    }

    /// Whether something has come, or comes within a moment.
    ///
    /// # Panics
    ///
    /// If the socket is not one.
    pub fn has_answer(&mut self) -> bool {
        self.stream.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        peeked.is_ok()
    }

    fn fill(&mut self, bytes: &mut [u8]) -> bool {
        match self.stream.read_exact(bytes) {
            Ok(()) => true,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("nothing came in {} s", PATIENCE.as_secs())
            }
            Err(_) => false,
        }
    }

    /// Publishes with QoS 1, and waits for the acknowledgement; `false`: the connection was closed instead.
    ///
    /// # Panics
    ///
    /// If another packet comes.
    pub fn publish(&mut self, pid: u16, topic: &str, payload: &str) -> bool {
        self.send(&publish(1, pid, topic, payload.as_bytes()));
        match self.receive() {
            Some(answer) => {
                assert_eq!(answer, puback(pid));
                true
            }
            None => false,
        }
    }

    /// Whether the other side closes, and says nothing before that.
    pub fn is_closed(&mut self) -> bool {
        self.receive().is_none()
    }
}

/// A PUBACK.
pub fn puback(pid: u16) -> Vec<u8> {
    [&[0x40, 2][..], &pid.to_be_bytes()].concat()
}

/// What a [`Publisher`] found out.
#[derive(Debug, Default)]
pub struct Published {
    /// The values that were acknowledged.
    pub acknowledged: Vec<u64>,
    /// How long each acknowledgement took.
    pub latencies: Vec<Duration>,
    /// How many were sent.
    pub sent: u64,
}

/// Publishes values one after the other, at a pace, with so many under way at most.
#[derive(Debug, Clone, Copy)]
pub struct Publisher {
    /// The first value.
    pub first: u64,
    /// The pause between two messages, unless too many are under way.
    pub every: Duration,
    /// How many may be.
    pub in_flight: usize,
    /// When to stop.
    pub length: Duration,
}

impl Publisher {
    /// Publishes until the time is over, or the other side is gone. `acknowledged` is told of each value.
    ///
    /// # Panics
    ///
    /// If acknowledgements come in another order than the messages.
    pub fn run(self, mut client: Client, topic: &str, mut acknowledged: impl FnMut(u64)) -> Published {
        let (under_way, sent) = channel();
        let (room_again, room) = channel();
        (0..self.in_flight).for_each(|_| room_again.send(()).expect("the receiver is here"));
        let mut writer = Client { stream: client.stream.try_clone().expect("a socket") };
        let topic = topic.to_owned();
        let writing = std::thread::spawn(move || self.write(&mut writer, &topic, &room, &under_way));
        let mut published = Published::default();
        read(&mut client, &sent, |value, latency| {
            // The writer may be done.
            let _ = room_again.send(());
            acknowledged(value);
            published.acknowledged.push(value);
            published.latencies.push(latency);
        });
        // Tells the writer that the other side is gone.
        drop(room_again);
        published.sent = writing.join().expect("the writer ends");
        published
    }

    fn write(
        self,
        writer: &mut Client,
        topic: &str,
        room: &Receiver<()>,
        under_way: &Sender<(u16, u64, Instant)>,
    ) -> u64 {
        let started = Instant::now();
        let mut count = 0;
        loop {
            let due = started + self.every * count;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if started.elapsed() >= self.length {
                return count.into();
            }
            let value = self.first + u64::from(count);
            let pid = (count % 60_000) as u16 + 1;
            // Waits while too many are under way.
            if room.recv().is_err() || under_way.send((pid, value, Instant::now())).is_err() {
                return count.into();
            }
            writer.send(&publish(1, pid, topic, value.to_string().as_bytes()));
            count += 1;
        }
    }
}

fn read(client: &mut Client, sent: &Receiver<(u16, u64, Instant)>, mut each: impl FnMut(u64, Duration)) {
    let mut waiting = VecDeque::new();
    loop {
        if waiting.is_empty() {
            match sent.recv() {
                Ok(message) => waiting.push_back(message),
                Err(_) => return,
            }
        }
        let Some(answer) = client.receive() else { return };
        let (pid, value, at) = waiting.pop_front().expect("something waits");
        assert_eq!(answer, puback(pid), "acknowledgements come in the order of the messages");
        each(value, at.elapsed());
    }
}
