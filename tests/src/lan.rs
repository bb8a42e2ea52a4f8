//! A LAN on this machine: hosts that are network namespaces, on a switch that is a bridge in one more. Nothing leaves it.

use std::ffi::OsStr;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::process::Process;

/// The most hosts: one byte of their address.
const HOSTS_MAX: usize = 250;

/// Hosts on one link. They are gone when it is dropped.
#[derive(Debug)]
pub struct Lan {
    name: String,
    hosts: usize,
}

impl Lan {
    /// A link with so many hosts, or why this machine has none: it takes root, and `ip`.
    ///
    /// # Errors
    ///
    /// What `ip` said.
    ///
    /// # Panics
    ///
    /// If there are too many hosts.
    pub fn new(hosts: usize) -> Result<Self, String> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        assert!(hosts <= HOSTS_MAX, "a LAN of {hosts} hosts");
        let name = format!("msec-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let lan = Self { name, hosts: 0 };
        let switch = lan.switch();
        ip(&format!("netns add {switch}"))?;
        ip(&format!("-n {switch} link add br0 type bridge"))?;
        ip(&format!("-n {switch} link set br0 up"))?;
        (0..hosts).try_fold(lan, Self::with_host)
    }

    /// A link, or `None` with a visible word where this machine has none and need not: outside of CI.
    ///
    /// # Panics
    ///
    /// In CI, where it must have one.
    pub fn or_skip(hosts: usize) -> Option<Self> {
        match Self::new(hosts) {
            Ok(lan) => Some(lan),
            Err(error) => {
                assert!(std::env::var_os("CI").is_none(), "no network namespaces in CI: {error}");
                eprintln!("SKIPPED: this machine has no network namespaces for the test ({error})");
                None
            }
        }
    }

    fn with_host(mut self, host: usize) -> Result<Self, String> {
        let (name, switch) = (self.host(host), self.switch());
        ip(&format!("netns add {name}"))?;
        self.hosts = host + 1;
        ip(&format!("-n {name} link add eth0 type veth peer name port{host} netns {switch}"))?;
        ip(&format!("-n {switch} link set port{host} master br0 up"))?;
        ip(&format!("-n {name} addr add {}/24 dev eth0", address(host)))?;
        ip(&format!("-n {name} link set lo up"))?;
        ip(&format!("-n {name} link set eth0 up"))?;
        ip(&format!("-n {name} route add 224.0.0.0/4 dev eth0"))?;
        Ok(self)
    }

    /// Pulls a host's plug, or puts it back.
    ///
    /// # Panics
    ///
    /// If that cannot be done.
    pub fn plug(&self, host: usize, plugged: bool) {
        let state = if plugged { "up" } else { "down" };
        ip(&format!("-n {} link set port{host} {state}", self.switch())).expect("the switch is there");
    }

    /// Takes a host off the link: its address is in another network, to and from which all others have a way.
    ///
    /// # Panics
    ///
    /// If that cannot be done.
    pub fn send_away(&self, host: usize) {
        let (name, own) = (self.host(host), format!("10.78.0.{}", host + 1));
        let change = |args: &str| ip(args).expect("the host is there");
        change(&format!("-n {name} addr flush dev eth0"));
        change(&format!("-n {name} addr add {own}/32 dev eth0"));
        change(&format!("-n {name} route add 10.77.0.0/24 dev eth0 src {own}"));
        for other in (0..self.hosts).filter(|other| *other != host) {
            change(&format!("-n {} route add {own}/32 dev eth0", self.host(other)));
        }
    }

    /// Starts a program on a host.
    pub fn start<A: AsRef<OsStr>>(
        &self,
        host: usize,
        program: &str,
        args: impl IntoIterator<Item = A>,
    ) -> Process {
        let name = self.host(host);
        let before = ["netns", "exec", &name, program].map(Into::into);
        let args = args.into_iter().map(|arg| arg.as_ref().to_owned());
        Process::start("ip", before.into_iter().chain(args))
    }

    fn host(&self, host: usize) -> String {
        format!("{}-{host}", self.name)
    }

    fn switch(&self) -> String {
        format!("{}-switch", self.name)
    }
}

/// Where a host is.
fn address(host: usize) -> String {
    format!("10.77.0.{}", host + 1)
}

fn ip(args: &str) -> Result<(), String> {
    let output = Command::new("ip").args(args.split(' ')).output().map_err(|error| format!("ip: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("ip {args}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        let hosts = (0..self.hosts).map(|host| self.host(host));
        for name in hosts.chain([self.switch()]) {
            // What was never made cannot be removed.
            let _ = ip(&format!("netns del {name}"));
        }
    }
}
