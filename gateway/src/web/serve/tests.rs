use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;

use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::super::{Place, State, Status};
use super::*;

const LONG: Duration = Duration::from_secs(10);

/// A page on a free port of loopback.
struct Server {
    addr: SocketAddr,
    board: Board,
    runtime: Runtime,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), ServeError>>,
}

impl Server {
    fn start() -> Self {
        let place = Place { name: "A".to_owned(), position: None, unit: "1".to_owned() };
        let board = Board::new("Test city", vec![place]);
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(bind("127.0.0.1:0".parse().unwrap())).unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = runtime.spawn(serve(listener, board.clone(), None, async { drop(stopped.await) }));
        Self { addr, board, runtime, stop, serving }
    }

    fn get(&self, path: &str) -> Answer {
        self.get_as(path, "localhost")
    }

    fn get_as(&self, path: &str, host: &str) -> Answer {
        let mut stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut body = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(body.read_line(&mut head).unwrap(), 0, "the answer breaks off: {head}");
        }
        Answer { head: head.to_ascii_lowercase(), body }
    }

    fn stop(self) -> Result<(), ServeError> {
        self.stop.send(()).unwrap();
        self.runtime.block_on(async { tokio::time::timeout(LONG, self.serving).await.unwrap().unwrap() })
    }
}

/// A head that is read, in lower case, and a body that is not yet.
struct Answer {
    head: String,
    body: BufReader<TcpStream>,
}

impl Answer {
    fn status(&self) -> u16 {
        self.head["http/1.1 ".len()..][..3].parse().unwrap()
    }

    fn text(mut self) -> String {
        let mut text = String::new();
        self.body.read_to_string(&mut text).unwrap();
        text
    }

    fn json(self) -> Value {
        serde_json::from_str(&self.text()).unwrap()
    }

    /// The next event and its data; `None` when the stream ends. Lines that only frame chunks are passed over.
    fn event(&mut self) -> Option<(String, Value)> {
        let mut name = None;
        loop {
            let mut line = String::new();
            if self.body.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Some(event) = line.strip_prefix("event: ") {
                name = Some(event.trim_end().to_owned());
            } else if let Some(data) = line.strip_prefix("data: ") {
                return Some((name.unwrap(), serde_json::from_str(data).unwrap()));
            }
        }
    }
}

#[test]
fn the_page_and_its_parts_are_served() {
    let server = Server::start();
    for (path, content_type, has) in [
        ("/", HTML, "<!doctype html>"),
        ("/style.css", CSS, "prefers-color-scheme"),
        ("/app.js", SCRIPT, "EventSource"),
        ("/icon.svg", SVG, "<svg"),
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status(), 200, "{path}");
        assert!(answer.head.contains(&format!("content-type: {content_type}\r\n")), "{}", answer.head);
        assert!(answer.text().contains(has), "{path}");
    }
}

#[test]
fn the_page_asks_nobody_else() {
    let server = Server::start();
    let mut todo = vec!["/".to_owned()];
    let mut seen = Vec::new();
    while let Some(path) = todo.pop() {
        let answer = server.get(&path);
        assert_eq!(answer.status(), 200, "{path}");
        let text = answer.text().replace("http://www.w3.org/2000/svg", "");
        assert!(!text.contains("://") && !text.contains("url("), "{path} names somebody else");
        assert!(
            !text.contains("style=\"") && !text.contains("innerHTML"),
            "{path} has what the policy forbids"
        );
        // Every local address in quotes is one that the page may ask for.
        let named =
            text.split('"').filter(|text| text.starts_with('/') && !text.contains(char::is_whitespace));
        todo.extend(named.filter(|path| *path != "/events" && *path != "/api/state").map(str::to_owned));
        todo.retain(|path| !seen.contains(path));
        seen.push(path);
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(
        seen,
        ["/", "/app.js", "/chart.js", "/format.js", "/icon.svg", "/map.js", "/scale.js", "/style.css"],
        "all that is served is used"
    );
}

#[test]
fn the_page_that_invites_asks_nobody_else_and_is_there_only_with_a_token() {
    assert_eq!(Server::start().get("/invite").status(), 404, "this gateway has none");
    let parts = [
        include_str!("../assets/invite.html"),
        include_str!("../assets/invite.css"),
        include_str!("../assets/invite.js"),
    ];
    for text in parts {
        assert!(!text.contains("://") && !text.contains("url(") && !text.contains("innerHTML"), "{text}");
        assert!(
            !text.contains("style=\"") && !text.contains("Storage"),
            "no inline style, and the token is kept nowhere"
        );
    }
}

#[test]
fn every_answer_has_strict_headers() {
    let server = Server::start();
    for path in ["/", "/events", "/healthz", "/nothing"] {
        let head = server.get(path).head;
        assert!(
            head.contains("content-security-policy: default-src 'none'; script-src 'self';"),
            "{path}: {head}"
        );
        assert!(head.contains("x-content-type-options: nosniff\r\n"), "{path}: {head}");
        assert!(head.contains("cache-control: no-store\r\n"), "{path}: {head}");
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let server = Server::start();
    assert_eq!(server.get("/nothing").status(), 404);
    assert_eq!(server.get("/../Cargo.toml").status(), 404);
}

#[test]
fn a_name_that_a_stranger_pointed_here_is_not_answered() {
    let server = Server::start();
    let answer = server.get_as("/api/state", "evil.example");
    assert_eq!(answer.status(), 421);
    assert!(!answer.text().contains("Test city"));
}

#[test]
fn health_is_told() {
    let server = Server::start();
    server.board.status(Status { peers: 25, state: State::Running, ..Status::default() });
    let health = server.get("/healthz").json();
    assert_eq!((&health["status"], &health["state"]), (&"ok".into(), &"running".into()));
    assert_eq!(health["peers"], 25);
}

#[test]
fn the_state_is_told_once() {
    let server = Server::start();
    server.board.reading(0, 1_000, 7.0);
    let state = server.get("/api/state").json();
    assert_eq!(state["title"], "Test city");
    assert_eq!(state["histories"][0], serde_json::json!([[1_000], [7.0]]));
}

#[test]
fn events_begin_with_everything_and_go_on_with_what_is_new() {
    let server = Server::start();
    server.board.reading(0, 1_000, 7.0);
    let mut events = server.get("/events");
    assert_eq!(events.status(), 200);
    assert!(events.head.contains("content-type: text/event-stream\r\n"), "{}", events.head);
    let (name, state) = events.event().unwrap();
    assert_eq!((name.as_str(), &state["histories"][0][1]), ("state", &serde_json::json!([7.0])));

    server.board.reading(0, 2_000, 8.0);
    server.board.reading(0, 3_000, 9.0);
    server.board.refused("a stranger".to_owned());
    let (name, update) = events.event().unwrap();
    assert_eq!(name, "update");
    assert_eq!(
        update["readings"],
        serde_json::json!([[0, 2_000, 8.0], [0, 3_000, 9.0]]),
        "they travel together"
    );
    assert_eq!(update["refused"][0], "a stranger");
}

#[test]
fn a_reader_too_many_is_told_to_come_later() {
    let server = Server::start();
    let mut readers: Vec<_> = (0..EVENTS_MAX).map(|_| server.get("/events")).collect();
    assert!(readers.iter().all(|reader| reader.status() == 200));
    let refused = server.get("/events");
    assert_eq!(refused.status(), 503);
    assert!(refused.head.contains("retry-after: 5\r\n"), "{}", refused.head);
    assert_eq!(server.get("/healthz").status(), 200, "other routes are not touched");

    readers.pop();
    let room = (0..100).any(|_| {
        thread::park_timeout(Duration::from_millis(50));
        server.get("/events").status() == 200
    });
    assert!(room, "a reader that left makes room for another");
}

#[test]
fn shutting_down_tells_the_end_and_ends_open_streams() {
    let server = Server::start();
    let mut events = server.get("/events");
    events.event().unwrap();
    server.board.status(Status { lost: Some(0), state: State::Done, ..Status::default() });
    let reader = thread::spawn(move || (events.event(), events.event()));
    server.stop().unwrap();
    let (last, end) = reader.join().unwrap();
    assert_eq!(last.unwrap().1["status"]["state"], "done");
    assert_eq!(end, None);
}

#[test]
fn a_taken_port_is_an_error_that_names_the_flag() {
    let server = Server::start();
    let error = server.runtime.block_on(bind(server.addr)).unwrap_err();
    let next = server.addr.port().checked_add(1).unwrap_or(8080);
    assert_eq!(
        error.to_string(),
        format!(
            "{} is in use by another program; choose another port, for example `--listen 127.0.0.1:{next}`",
            server.addr
        )
    );
}

#[test]
fn an_address_of_somebody_else_is_an_error_that_names_the_flag() {
    let runtime = Runtime::new().unwrap();
    let error = runtime.block_on(bind("192.0.2.1:0".parse().unwrap())).unwrap_err();
    assert!(matches!(error, ServeError::Bind { .. }) && error.to_string().contains("--listen"), "{error}");
}
