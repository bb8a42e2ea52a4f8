//! Programs at a terminal, as a person has one: `script` makes it.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::wait::block_until;

/// A program at a terminal of its own. It is killed when it is dropped.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    screen: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
    /// How much of the screen was read.
    seen: usize,
}

impl Terminal {
    /// Starts a program at a terminal.
    ///
    /// # Panics
    ///
    /// If it does not start, or an argument holds a quote.
    pub fn start<'a>(program: &'a str, args: impl IntoIterator<Item = &'a str>) -> Self {
        let words = std::iter::once(program).chain(args).map(|word| {
            assert!(!word.contains('\''), "no quotes: {word}");
            format!("'{word}'")
        });
        let command = words.collect::<Vec<_>>().join(" ");
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command", &command, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("`script` of util-linux starts");
        let keyboard = child.stdin.take().expect("a pipe");
        let mut from = child.stdout.take().expect("a pipe");
        let screen = Arc::<Mutex<Vec<u8>>>::default();
        let copy = screen.clone();
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = from.read(&mut bytes) {
                copy.lock().expect("nobody panics while writing").extend_from_slice(&bytes[..length]);
            }
        });
        Self { child, keyboard, screen, reader: Some(reader), seen: 0 }
    }

    /// All that the screen has shown.
    ///
    /// # Panics
    ///
    /// If the reader did.
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().expect("nobody panics while writing")).into_owned()
    }

    /// Waits until the screen shows this, past what was waited for before, and types a line.
    ///
    /// # Panics
    ///
    /// If it never does.
    pub fn answer(&mut self, prompt: &str, line: &str) {
        let mut found = None;
        block_until(&format!("the screen shows `{prompt}`"), || {
            let screen = self.screen();
            found = screen[self.seen..].find(prompt).map(|at| self.seen + at + prompt.len());
            found.is_some()
        });
        self.seen = found.expect("waited for");
        // The program has to be listening in its own way, which drops what was typed before.
        std::thread::sleep(std::time::Duration::from_millis(100));
        writeln!(self.keyboard, "{line}").and_then(|()| self.keyboard.flush()).expect("typed");
    }

    /// Waits until the program has ended, and returns how, with all that the screen has shown.
    ///
    /// # Panics
    ///
    /// If it does not end.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let mut status = None;
        block_until("the program has ended", || {
            status = self.child.try_wait().expect("a child");
            status.is_some()
        });
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        (status.expect("waited for"), self.screen())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
