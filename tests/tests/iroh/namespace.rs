//! A network namespace with a way out that leads nowhere: whatever wants to leave does so, and is seen.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, ensure};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The interface that leads out of the machine, as far as anybody inside can tell.
const OUT: &str = "out";
/// The address on it. What is sent there stays on the machine; what is sent from there may leave.
pub(crate) const HERE: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 2);
/// The nameserver, which is beyond it.
pub(crate) const NAMESERVER: &str = "198.18.0.53";

/// What makes the interface: a cable that ends in the namespace too, an address, and a route to everywhere else. Nobody is
/// asked for hardware addresses, which nobody would tell. Addresses are of RFC 2544's network for tests.
const SET_UP: [&str; 6] = [
    "link set lo up",
    "link add out type veth peer name nowhere",
    "address add 198.18.0.2/24 dev out",
    "link set nowhere up",
    "link set out arp off up",
    "route add default via 198.18.0.1 dev out",
];

/// A network namespace. It ends with this, and with the process.
#[derive(Debug)]
pub(crate) struct Namespace {
    holder: Child,
    /// The holder ends when this is closed, however this process ends.
    _stdin: ChildStdin,
}

impl Namespace {
    /// Makes one, if this machine lets us.
    pub(crate) fn make() -> anyhow::Result<Self> {
        let mut holder = Command::new("unshare")
            .args(["--net", "--", "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("`unshare` does not start")?;
        let mut stdin = holder.stdin.take().context("a pipe")?;
        // What comes back, comes from inside.
        let mut echo = String::new();
        let asked = writeln!(stdin, "inside?");
        BufReader::new(holder.stdout.take().context("a pipe")?).read_line(&mut echo)?;
        if asked.is_err() || echo.is_empty() {
            let mut why = String::new();
            holder.stderr.take().context("a pipe")?.read_to_string(&mut why)?;
            holder.wait()?;
            anyhow::bail!("`unshare --net` is refused: {}", why.trim());
        }
        let namespace = Self { holder, _stdin: stdin };
        namespace.inside(set_up)?;
        Ok(namespace)
    }

    /// Runs something in a thread that lives in the namespace, as do the threads and programs that it starts.
    pub(crate) fn inside<T: Send>(
        &self,
        something: impl FnOnce() -> anyhow::Result<T> + Send,
    ) -> anyhow::Result<T> {
        let namespace = File::open(format!("/proc/{}/ns/net", self.holder.id()))?;
        let enter = move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
                .context("the namespace cannot be entered")?;
            something()
        };
        std::thread::scope(|scope| match scope.spawn(enter).join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn set_up() -> anyhow::Result<()> {
    // The kernel itself would greet routers and tell its groups on a new interface.
    fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1")?;
    for command in SET_UP {
        let output = Command::new("ip").args(command.split(' ')).output().context("`ip` does not start")?;
        let why = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`ip {command}` is refused: {}", why.trim());
    }
    Ok(())
}

/// How many packets the kernel has sent out of the machine, by its own count. To be asked inside.
pub(crate) fn sent_out() -> anyhow::Result<u64> {
    const SENT_PACKETS: usize = 9;
    let counts = fs::read_to_string("/proc/thread-self/net/dev")?;
    let line = counts.lines().find_map(|line| line.trim().strip_prefix(OUT)?.strip_prefix(':'));
    let sent =
        line.and_then(|line| line.split_whitespace().nth(SENT_PACKETS)).context("no such interface")?;
    Ok(sent.parse()?)
}

/// The arguments of `unshare` that run a program with the namespace's nameserver configured in that file.
pub(crate) fn with_nameserver<'a>(
    resolv_conf: &'a str,
    program: impl IntoIterator<Item = &'a str>,
) -> Vec<&'a str> {
    const BIND: &str = "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
    let mut args = vec!["--mount", "--", "sh", "-c", BIND, resolv_conf];
    args.extend(program);
    args
}
