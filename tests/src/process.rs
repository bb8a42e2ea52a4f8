//! Programs that are started, read from, and killed.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::Value;

use crate::wait::block_until;

/// A running program. It is killed when it is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    /// What it printed.
    pub out: Lines,
    /// What it said on standard error.
    pub err: Lines,
}

/// The lines of a stream, as they come.
#[derive(Debug)]
pub struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let copy = lines.clone();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                copy.lock().expect("nobody panics while writing").push(line);
            }
        });
        Self { lines, reader: Some(reader) }
    }

    /// All lines so far.
    ///
    /// # Panics
    ///
    /// If the reader did.
    pub fn all(&self) -> Vec<String> {
        self.lines.lock().expect("nobody panics while writing").clone()
    }

    /// All lines that are JSON objects with this field, as the values of it.
    pub fn json(&self, field: &str) -> Vec<Value> {
        let value = |line: &String| serde_json::from_str::<Value>(line).ok()?.get(field).cloned();
        self.all().iter().filter_map(value).collect()
    }

    /// Waits for a line for which `find` gives something.
    pub fn wait<T>(&self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let mut found = None;
        block_until(what, || {
            found = self.all().iter().find_map(|line| find(line));
            found.is_some()
        });
        found.expect("waited for")
    }

    /// Waits until nothing comes any more: the program has ended.
    fn finish(&mut self) {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl Process {
    /// Starts a program, with pipes to all its ends.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn start<A: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = A>) -> Self {
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let out = Lines::of(child.stdout.take().expect("a pipe"));
        let err = Lines::of(child.stderr.take().expect("a pipe"));
        Self { stdin: child.stdin.take(), child, out, err }
    }

    /// Its number, while it runs.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes a line to its standard input. One that is gone reads nothing.
    pub fn say(&mut self, line: &str) {
        if let Some(stdin) = &mut self.stdin {
            let _ = writeln!(stdin, "{line}").and_then(|()| stdin.flush());
        }
    }

    /// `kill -9`.
    ///
    /// # Panics
    ///
    /// If it cannot be killed.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
        self.out.finish();
        self.err.finish();
    }

    /// Ctrl-C; waits until it has ended.
    ///
    /// # Panics
    ///
    /// If it does not end.
    pub fn interrupt(&mut self) -> ExitStatus {
        self.signal("INT")
    }

    /// Sends a signal by its name; waits until it has ended.
    ///
    /// # Panics
    ///
    /// If it does not end.
    pub fn signal(&mut self, name: &str) -> ExitStatus {
        let kill = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status().expect("a shell");
        assert!(sent.success(), "the signal is sent");
        self.wait()
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    ///
    /// If it does not end.
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        block_until("the program has ended", || {
            status = self.child.try_wait().expect("a child");
            status.is_some()
        });
        self.out.finish();
        self.err.finish();
        status.expect("waited for")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end.
///
/// # Panics
///
/// If it does not start.
pub fn run<A: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = A>) -> Output {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output();
    output.expect("the program starts")
}

/// Runs a program to its end, which must be a good one, and reads each line that it printed as JSON.
///
/// # Panics
///
/// If it fails, or prints something else.
pub fn json<A: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = A>) -> Vec<Value> {
    let output = run(program, args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect()
}
