//! Records every packet on every interface of the namespace that it is started in.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

/// All protocols, of what comes in and what goes out (packet(7)).
const ETH_P_ALL: u16 = 0x0003;
/// The header of Ethernet: two addresses and what follows. Loopback has one too.
const ETHERNET_BYTES: usize = 14;
/// More than the headers that are read. The rest of a packet is not kept.
const FRAME_BYTES_MAX: usize = 256;
/// What may wait to be recorded. What overflows is still counted by the kernel: see `namespace::sent_out`.
const WAITING_BYTES_MAX: usize = 8 * 1024 * 1024;
/// After so long without a packet, all that were sent are recorded.
const SILENCE: Duration = Duration::from_millis(50);

/// What is kept of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Packet {
    /// IPv4 or IPv6.
    Ip { from: IpAddr, to: IpAddr },
    /// Something else, by its Ethernet type.
    Other { kind: u16 },
    /// Too short to be anything.
    Short,
}

impl Packet {
    /// Reads the headers of a frame.
    pub(crate) fn of(frame: &[u8]) -> Self {
        let Some((ethernet, packet)) = frame.split_at_checked(ETHERNET_BYTES) else { return Self::Short };
        let kind = u16::from_be_bytes([ethernet[12], ethernet[13]]);
        let ip = match kind {
            0x0800 => addresses::<4>(packet, 12)
                .map(|(from, to)| (Ipv4Addr::from(from).into(), Ipv4Addr::from(to).into())),
            0x86dd => addresses::<16>(packet, 8)
                .map(|(from, to)| (Ipv6Addr::from(from).into(), Ipv6Addr::from(to).into())),
            _ => return Self::Other { kind },
        };
        ip.map_or(Self::Short, |(from, to)| Self::Ip { from, to })
    }

    /// Whether it stays on this machine, whoever sent it.
    pub(crate) fn is_loopback(&self) -> bool {
        matches!(self, Self::Ip { from, to } if from.is_loopback() && to.is_loopback())
    }
}

/// The two addresses of a header, of which the first is at `at`.
fn addresses<const N: usize>(packet: &[u8], at: usize) -> Option<([u8; N], [u8; N])> {
    let (from, rest) = packet.get(at..)?.split_first_chunk()?;
    Some((*from, *rest.first_chunk()?))
}

/// How many of each packet there were.
pub(crate) type Packets = BTreeMap<Packet, u64>;

/// Records packets, until it is finished.
#[derive(Debug)]
pub(crate) struct Recorder {
    packets: Arc<Mutex<Packets>>,
    finished: Arc<AtomicBool>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Recorder {
    /// Starts it, in the namespace of this thread.
    pub(crate) fn start() -> anyhow::Result<Self> {
        // Bound to no interface, it sees all of them, also those that come later.
        let protocol = Protocol::from(i32::from(ETH_P_ALL.to_be()));
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol))?;
        socket.set_recv_buffer_size(WAITING_BYTES_MAX)?;
        socket.set_read_timeout(Some(SILENCE))?;
        let (packets, finished) = (Arc::<Mutex<Packets>>::default(), Arc::<AtomicBool>::default());
        let (to, done) = (packets.clone(), finished.clone());
        let thread = std::thread::spawn(move || record(&socket, &to, &done));
        Ok(Self { packets, finished, thread })
    }

    /// What was recorded so far.
    pub(crate) fn packets(&self) -> Packets {
        lock(&self.packets).clone()
    }

    /// All that was sent until now.
    pub(crate) fn finish(self) -> anyhow::Result<Packets> {
        self.finished.store(true, Ordering::Relaxed);
        self.thread.join().expect("the recorder does not panic")?;
        Ok(lock(&self.packets).clone())
    }
}

/// What of it is not loopback's.
pub(crate) fn strays(mut packets: Packets) -> Packets {
    packets.retain(|packet, _| !packet.is_loopback());
    packets
}

fn lock(packets: &Mutex<Packets>) -> MutexGuard<'_, Packets> {
    packets.lock().expect("nobody panics while holding this lock")
}

fn record(mut socket: &Socket, packets: &Mutex<Packets>, finished: &AtomicBool) -> anyhow::Result<()> {
    let mut frame = [0; FRAME_BYTES_MAX];
    loop {
        // Asked before reading: what was sent before it was finished, is read before the next silence.
        let last = finished.load(Ordering::Relaxed);
        match socket.read(&mut frame) {
            Ok(length) => *lock(packets).entry(Packet::of(&frame[..length])).or_default() += 1,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if last {
                    return Ok(());
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // An interface went down: nothing of it is lost.
            Err(error) if error.kind() == ErrorKind::NetworkDown => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u16, packet: &[u8]) -> Vec<u8> {
        [&[0; 12], kind.to_be_bytes().as_slice(), packet].concat()
    }

    proptest! {
        #[test]
        fn no_frame_is_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Packet::of(&bytes);
        }

        #[test]
        fn no_frame_that_says_it_is_ip_is_a_panic(
            six in any::<bool>(),
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            let whole = if six { 40 } else { 20 };
            let packet = Packet::of(&frame(if six { 0x86dd } else { 0x0800 }, &bytes));
            let read = matches!(packet, Packet::Ip { .. });
            prop_assert_eq!(read, bytes.len() >= whole);
        }

        #[test]
        fn addresses_are_read_where_they_stand(from in any::<IpAddr>(), six in any::<Ipv6Addr>(), four in any::<Ipv4Addr>()) {
            let (kind, to, bytes) = match from {
                IpAddr::V4(from) => {
                    (0x0800, IpAddr::V4(four), [&[0; 12], &from.octets()[..], &four.octets()].concat())
                }
                IpAddr::V6(from) => (0x86dd, IpAddr::V6(six), [&[0; 8], &from.octets()[..], &six.octets()].concat()),
            };
            let packet = Packet::of(&frame(kind, &bytes));
            prop_assert_eq!(packet, Packet::Ip { from, to });
            prop_assert_eq!(packet.is_loopback(), from.is_loopback() && to.is_loopback());
        }
    }

    #[test]
    fn only_loopback_to_loopback_stays() {
        assert!(!Packet::of(&frame(0x0806, &[0; 40])).is_loopback(), "ARP asks the network");
        assert!(!Packet::of(&[0; 3]).is_loopback());
        let (here, there) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([192, 0, 2, 1]));
        assert!(!Packet::Ip { from: here, to: there }.is_loopback());
        assert!(!Packet::Ip { from: there, to: here }.is_loopback());
        assert!(Packet::Ip { from: here, to: IpAddr::from([127, 1, 2, 3]) }.is_loopback());
    }
}
