//! Letting somebody in from the gateway's page: its token, the code, the words, the operator's yes or no.
#![allow(clippy::disallowed_methods, reason = "tests watch real programs, in real time")]

use std::io::{Read, Write};
use std::net::TcpStream;

use msec_tests::desk::{Desk, text};
use msec_tests::process::{Process, json};
use msec_tests::wait::block_until;
use serde_json::{Value, json as object};

const MSEC: &str = env!("CARGO_BIN_EXE_msec-under-test");
const GATEWAY: &str = env!("CARGO_BIN_EXE_msec-gateway-under-test");

/// A gateway that owns a space, with a page that lets others in.
struct Office {
    desk: Desk,
    page: String,
    token: String,
    _gateway: Process,
}

fn office() -> Office {
    let desk = Desk::new(MSEC);
    desk.msec("gateway", &["found", "harbour"]);
    let made = json(GATEWAY, ["token", "--page", "--json"]).remove(0);
    let settings = format!(
        "[peer]\ndata_dir = \"{}\"\nlisten = \"127.0.0.1:0\"\nmdns = false\n[mqtt]\nenabled = false\n\
         [page]\nlisten = \"127.0.0.1:0\"\ntoken = \"{}\"\n",
        desk.path("gateway"),
        text(&made["hash"])
    );
    let config = desk.path("gateway.toml");
    std::fs::write(&config, settings).expect("written");
    let gateway = Process::start(GATEWAY, ["run", "--json", "--config", &config]);
    block_until("the gateway runs", || !gateway.out.json("page").is_empty());
    let page = text(&gateway.out.json("page")[0]).replace("http://", "");
    Office { desk, page, token: text(&made["token"]), _gateway: gateway }
}

impl Office {
    /// Asks the page, and returns the status and the body.
    fn raw(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.page).expect("the page answers");
        let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{token}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let end = answer.windows(4).position(|it| it == b"\r\n\r\n").expect("a head") + 4;
        let status = std::str::from_utf8(&answer[9..12]).expect("digits").parse().expect("a status");
        (status, answer.split_off(end))
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = self.raw(method, path, Some(&self.token), &body);
        (status, serde_json::from_slice(&answer).expect("JSON"))
    }

    fn shown(&self) -> Value {
        self.ask("GET", "/api/invite", &Value::Null).1
    }

    /// A code for a reader of the parks.
    fn invite(&self) -> Value {
        let terms = object!({ "rights": "read", "collection": "parks", "days": 30, "lasts_s": 600 });
        let (status, shown) = self.ask("POST", "/api/invite", &terms);
        assert_eq!((status, &shown["state"]), (200, &"open".into()), "{shown}");
        shown
    }

    fn join(&self, home: &str, code: &str) -> Process {
        self.desk.start(home, &["join", code, "--name", "Ana's phone"])
    }

    /// Waits until somebody asks, and returns what the operator sees.
    fn asks(&self) -> Value {
        block_until("somebody asks", || self.shown()["state"] == "asks");
        self.shown()
    }

    fn decide(&self, asks: &Value, words: &Value, same: bool) -> (u16, Value) {
        self.ask(
            "POST",
            "/api/invite/decide",
            &object!({ "peer": asks["peer"], "words": words, "same": same }),
        )
    }
}

#[test]
fn an_operator_lets_somebody_in_from_the_page_by_the_words_on_both_screens() {
    let office = office();
    let (status, page) = office.raw("GET", "/invite", None, "");
    assert!(status == 200 && String::from_utf8_lossy(&page).contains("Let somebody in"));
    assert_eq!(office.shown()["state"], "none");
    let shown = office.invite();
    assert!(text(&shown["svg"]).starts_with("<svg") && text(&shown["code"]).starts_with("MSEC:"));
    let (status, png) = office.raw("GET", "/api/invite.png", Some(&office.token), "");
    assert!(status == 200 && png.starts_with(b"\x89PNG"));
    // The picture is as good as the code.
    let picture = office.desk.path("code.png");
    std::fs::write(&picture, &png).expect("written");
    let mut phone = office.join("phone", &picture);
    let asks = office.asks();
    assert_eq!(asks["name"], "Ana's phone");
    block_until("the phone shows its words", || !phone.out.json("words").is_empty());
    assert_eq!(phone.out.json("words")[0], asks["words"], "both screens show the same");

    // A click about somebody else's words decides nothing.
    let (status, error) = office.decide(&asks, &object!(["maple", "maple", "maple", "maple"]), true);
    assert!(status == 409 && text(&error["error"]).contains("look again"), "{error}");
    assert_eq!(office.shown()["state"], "asks");
    let (status, joined) = office.decide(&asks, &asks["words"], true);
    assert_eq!(
        (status, &joined["state"], &joined["peer"]),
        (200, &"joined".into(), &asks["peer"]),
        "{joined}"
    );
    assert!(phone.wait().success());
    let grants = &phone.out.json("grants")[0][0];
    assert_eq!((&grants["rights"], &grants["collection"]), (&"read".into(), &"parks".into()));
    let (status, _) = office.decide(&asks, &asks["words"], true);
    assert_eq!(status, 409, "once");
}

#[test]
fn a_no_uses_the_code_up_and_a_code_that_was_taken_back_lets_nobody_in() {
    let office = office();
    let code = text(&office.invite()["code"]);
    let mut phone = office.join("phone", &code);
    let asks = office.asks();
    let (status, over) = office.decide(&asks, &asks["words"], false);
    assert_eq!((status, &over["state"]), (200, &"over".into()), "{over}");
    assert!(!phone.wait().success() && phone.err.all().join("\n").contains("the owner declined"));
    let refused = |code: &str| office.desk.refused("other", &["join", code]);
    assert!(refused(&code).contains("used already"));
    // Another code takes the place of the first one.
    let (first, second) = (text(&office.invite()["code"]), text(&office.invite()["code"]));
    assert_ne!(first, second);
    block_until("the first one is over", || refused(&first).contains("has expired"));
    assert_eq!(office.shown()["code"], second.as_str());
    assert_eq!(office.ask("DELETE", "/api/invite", &Value::Null).1["state"], "none");
    block_until("so is the second one", || refused(&second).contains("has expired"));
    assert_eq!(office.raw("GET", "/api/invite.png", Some(&office.token), "").0, 404);
}

#[test]
fn without_the_token_nobody_lets_anybody_in_and_guesses_are_few() {
    let office = office();
    let terms = object!({ "rights": "read", "collection": "", "days": 30, "lasts_s": 600 }).to_string();
    for (method, path) in [
        ("GET", "/api/invite"),
        ("POST", "/api/invite"),
        ("DELETE", "/api/invite"),
        ("POST", "/api/invite/decide"),
        ("GET", "/api/invite.png"),
    ] {
        assert_eq!(office.raw(method, path, None, &terms).0, 401, "{method} {path}");
    }
    assert_eq!(office.shown()["state"], "none");
    for (terms, says) in [
        (object!({ "rights": "fly", "days": 30, "lasts_s": 600 }), "not a right"),
        (object!({ "rights": "read", "days": 30, "lasts_s": 99_999_999 }), "at most a day"),
        (object!({ "rights": "read" }), "days"),
    ] {
        let (status, error) = office.ask("POST", "/api/invite", &terms);
        assert!(status >= 400 && text(&error["error"]).contains(says), "{error}");
    }
    for _ in 0..10 {
        assert_eq!(office.raw("POST", "/api/invite", Some("a guess"), &terms).0, 403);
    }
    assert_eq!(office.raw("POST", "/api/invite", Some("a guess"), &terms).0, 429);
    assert_eq!(office.raw("GET", "/api/invite", Some(&office.token), "").0, 200, "the right one is heard");
}
