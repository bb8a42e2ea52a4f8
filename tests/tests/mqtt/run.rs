//! The program itself: its file, its ports, its page, and how it ends.

use std::net::{TcpListener, UdpSocket};

use msec_peer::DataDir;
use msec_tests::mqtt::{Client, Gateway};
use msec_tests::process::run;
use msec_tests::wait::block_until;

use crate::{GATEWAY, gateway};

/// Runs it with a changed file, which must not work. Returns what it says.
fn fails(gateway: &Gateway, from: &str, to: &str) -> String {
    let text = std::fs::read_to_string(gateway.file()).expect("a file");
    assert!(text.contains(from), "{text}");
    std::fs::write(gateway.file(), text.replacen(from, to, 1)).expect("written");
    let output = run(GATEWAY, ["run", "--config", gateway.file().to_str().expect("text")]);
    std::fs::write(gateway.file(), text).expect("written");
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn an_unknown_key_names_the_nearest_one() {
    let gateway = gateway("lisen = 1");
    let error = fails(&gateway, "", "");
    assert!(
        error.contains("gateway.toml, line 9: unknown key `lisen` in [mqtt]: did you mean `listen`?"),
        "{error}"
    );
    let output = run(GATEWAY, ["config", "--check", gateway.file().to_str().expect("text")]);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("`listen`"));
}

#[test]
fn what_is_printed_can_be_used() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("gateway.toml");
    let printed = run(GATEWAY, ["config", "--print"]);
    let token = run(GATEWAY, ["token", "mic-1"]);
    assert!(printed.status.success() && token.status.success());
    let secret = String::from_utf8(token.stderr).expect("text");
    let secret = secret.trim().rsplit(' ').next().expect("a token");
    assert!(
        secret.len() > 40 && !String::from_utf8_lossy(&token.stdout).contains(secret),
        "shown, and not written"
    );
    std::fs::write(&file, [printed.stdout, token.stdout].concat()).expect("written");
    let file = file.to_str().expect("text");
    let checked = run(GATEWAY, ["config", "--check", file]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    // There is no peer beside it yet.
    let output = run(GATEWAY, ["run", "--config", file]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("msec init"), "{output:?}");
    let missing = run(GATEWAY, ["run", "--config", "/nowhere/gateway.toml"]);
    assert!(String::from_utf8_lossy(&missing.stderr).contains("msec-gateway config --print"), "{missing:?}");
    for name in ["", "a#", "a\"b"] {
        assert!(!run(GATEWAY, ["token", name]).status.success(), "{name:?}");
    }
}

#[test]
fn a_taken_port_names_the_key_to_change() {
    let gateway = gateway("");
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
    let taken = TcpListener::bind(tcp).expect("the port again");
    let (from, to) =
        ("listen = \"127.0.0.1:0\"", format!("listen = \"{}\"", taken.local_addr().expect("bound")));
    for table in ["page", "mqtt"] {
        let error = fails(&gateway, &format!("[{table}]\n{from}"), &format!("[{table}]\n{to}"));
        assert!(error.contains(&format!("change `listen` in [{table}] of ")), "{error}");
    }
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let to = format!("listen = \"{}\"", taken.local_addr().expect("bound"));
    let error = fails(&gateway, from, &to);
    assert!(error.contains("change `listen` in [peer] of "), "{error}");
}

#[test]
fn a_peer_without_a_space_is_told_to_join_one_and_a_store_in_use_is_told_so() {
    let mut gateway = gateway("");
    gateway.start();
    let error = fails(&gateway, "", "");
    assert!(error.contains("another process"), "{error}");
    drop(gateway.process.take());
    std::fs::remove_file(gateway.home().join("space.manifest")).expect("removed");
    assert!(DataDir::at(gateway.home()).membership().expect("readable").is_none());
    let error = fails(&gateway, "", "");
    assert!(error.contains("msec join"), "{error}");
}

#[test]
fn the_page_shows_streams_as_they_appear_and_begins_with_what_the_store_holds() {
    let mut gateway = gateway("");
    let mut mic = Client::mic(gateway.start());
    let page = gateway.page();
    assert_eq!((&page["title"], page["places"].as_array().map(Vec::len)), (&"harbour".into(), Some(0)));
    assert!(mic.publish(1, "sensors/pier", "48.5") && mic.publish(2, "sensors/quay", "50"));
    let places = |page: &serde_json::Value| page["places"].as_array().expect("places").clone();
    block_until("both are shown", || places(&gateway.page()).len() == 2);
    let page = gateway.page();
    assert_eq!(
        (&places(&page)[0]["name"], &places(&page)[0]["unit"]),
        (&"parks/noise/pier".into(), &"dB".into())
    );
    assert_eq!(places(&page)[0]["position"]["latitude"], 43.4623, "where the device stands");
    assert_eq!(page["histories"][0][1][0], 48.5);
    block_until("the counts are shown", || {
        gateway.counted("stored") == 2 && gateway.counted("sessions") == 1
    });
    assert!(gateway.process.as_mut().expect("it runs").interrupt().success());
    assert!(mic.is_closed());

    gateway.start();
    let page = gateway.page();
    let mut values: Vec<_> = (0..2).map(|i| page["histories"][i][1][0].as_f64().expect("a value")).collect();
    values.sort_by(f64::total_cmp);
    assert_eq!(values, [48.5, 50.0]);
}
