//! A UDP proxy between two peers: the weather on the wire, and an address that stays while who lives behind it moves.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use tokio::net::UdpSocket;
use tokio::task::{JoinHandle, JoinSet};

/// The longest UDP datagram.
const DATAGRAM_BYTES_MAX: usize = 65_536;
/// Bytes that wait for a narrow line, as a router's queue has it. What comes beyond them is dropped.
const LINE_BYTES_MAX: u64 = 4_096;
/// How long a datagram that others overtake is held up, at most.
const HELD_UP_MS: u32 = 40;

/// What happens to datagrams, in both directions unless it says otherwise. By default nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    /// Nothing comes through.
    pub cut: bool,
    /// A bit of each so manieth datagram is flipped; 0: of none.
    pub corrupt_every: u64,
    /// So many of a hundred are dropped.
    pub drop_percent: u32,
    /// So many of a hundred come twice.
    pub double_percent: u32,
    /// So many of a hundred are held up, so that others overtake them.
    pub overtake_percent: u32,
    /// So many bytes a second come through on the way back, to who dialled, which therefore reads slowly; 0: all.
    pub back_bytes_per_s: u64,
}

/// What happened to datagrams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Carried {
    /// How many came.
    pub came: u64,
    /// How many of them were corrupted.
    pub corrupted: u64,
    /// How many were dropped.
    pub dropped: u64,
    /// How many were sent twice.
    pub doubled: u64,
    /// How many were held up.
    pub held_up: u64,
}

/// A UDP proxy. It ends when it is dropped.
#[derive(Debug)]
pub struct UdpProxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    target: Option<SocketAddr>,
    weather: Weather,
    carried: Carried,
    rng: ChaCha8Rng,
    /// When the way back has room again.
    back_free: Instant,
}

impl UdpProxy {
    /// A proxy on a port of loopback, in fine weather, in front of nobody yet.
    ///
    /// # Panics
    ///
    /// If there is no socket for it.
    pub async fn new() -> Self {
        let front = Arc::new(socket().await);
        let address = front.local_addr().expect("a bound socket");
        let (weather, carried) = (Weather::default(), Carried::default());
        let rng = ChaCha8Rng::seed_from_u64(7);
        let state = State { target: None, weather, carried, rng, back_free: Instant::now() };
        let state = Arc::new(Mutex::new(state));
        Self { address, task: tokio::spawn(carry(front, state.clone())), state }
    }

    /// A proxy in front of that address.
    pub async fn to(target: SocketAddr) -> Self {
        let proxy = Self::new().await;
        proxy.set_target(target);
        proxy
    }

    /// What to dial.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it is in front of that address.
    pub fn set_target(&self, target: SocketAddr) {
        lock(&self.state).target = Some(target);
    }

    /// From now on the weather is this.
    pub fn set_weather(&self, weather: Weather) {
        lock(&self.state).weather = weather;
    }

    /// What happened so far.
    pub fn carried(&self) -> Carried {
        lock(&self.state).carried
    }
}

impl Drop for UdpProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    /// How long a datagram waits for its turn on the way back; `None` if it finds no room.
    fn turn(&mut self, bytes: usize) -> Option<Duration> {
        let per_second = self.weather.back_bytes_per_s;
        if per_second == 0 {
            return Some(Duration::ZERO);
        }
        let takes = |bytes: u64| Duration::from_micros(bytes.saturating_mul(1_000_000) / per_second);
        let now = Instant::now();
        let waits = self.back_free.saturating_duration_since(now) + takes(bytes as u64);
        if waits > takes(LINE_BYTES_MAX) {
            return None;
        }
        self.back_free = now + waits;
        Some(waits)
    }

    /// What becomes of a datagram: after how long each copy of it goes on.
    fn fate(&mut self, bytes: &mut [u8], back: bool) -> Vec<Duration> {
        let weather = self.weather;
        self.carried.came += 1;
        if weather.cut || self.chance(weather.drop_percent) {
            self.carried.dropped += 1;
            return Vec::new();
        }
        if weather.corrupt_every > 0 && self.carried.came.is_multiple_of(weather.corrupt_every) {
            self.carried.corrupted += 1;
            let at = self.rng.next_u32() as usize % bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << (self.rng.next_u32() % 8);
            }
        }
        let Some(turn) = (if back { self.turn(bytes.len()) } else { Some(Duration::ZERO) }) else {
            self.carried.dropped += 1;
            return Vec::new();
        };
        let mut copies = vec![turn];
        if self.chance(weather.overtake_percent) {
            self.carried.held_up += 1;
            copies[0] += Duration::from_millis(u64::from(1 + self.rng.next_u32() % HELD_UP_MS));
        }
        if self.chance(weather.double_percent) {
            self.carried.doubled += 1;
            copies.push(Duration::ZERO);
        }
        copies
    }

    fn chance(&mut self, percent: u32) -> bool {
        percent > 0 && self.rng.next_u32() % 100 < percent
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("nobody panics while holding this lock")
}

async fn socket() -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a UDP port on loopback")
}

/// From the clients to the target. Each client has a socket of its own towards it, whose answers go back to that client.
async fn carry(front: Arc<UdpSocket>, state: Arc<Mutex<State>>) {
    let mut backs = BTreeMap::<SocketAddr, Arc<UdpSocket>>::new();
    // They end with this task.
    let mut answers = JoinSet::new();
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let Ok((length, client)) = front.recv_from(&mut buffer).await else { continue };
        let Some(target) = lock(&state).target else { continue };
        let back = match backs.get(&client) {
            Some(back) => back.clone(),
            None => {
                let back = Arc::new(socket().await);
                answers.spawn(carry_back(back.clone(), front.clone(), client, state.clone()));
                backs.insert(client, back.clone());
                back
            }
        };
        send(&state, &back, buffer[..length].to_vec(), target, false).await;
    }
}

async fn carry_back(
    back: Arc<UdpSocket>,
    front: Arc<UdpSocket>,
    client: SocketAddr,
    state: Arc<Mutex<State>>,
) {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let Ok((length, _)) = back.recv_from(&mut buffer).await else { continue };
        send(&state, &front, buffer[..length].to_vec(), client, true).await;
    }
}

async fn send(state: &Mutex<State>, socket: &Arc<UdpSocket>, mut bytes: Vec<u8>, to: SocketAddr, back: bool) {
    let copies = lock(state).fate(&mut bytes, back);
    for delay in copies {
        if delay.is_zero() {
            // A datagram that the system does not take is lost, as on any wire.
            let _ = socket.send_to(&bytes, to).await;
        } else {
            let (socket, bytes) = (socket.clone(), bytes.clone());
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                let _ = socket.send_to(&bytes, to).await;
            });
        }
    }
}
