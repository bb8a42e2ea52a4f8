//! A session without its socket: who is let in, and what is answered.
//!
//! MQTT 3.1.1 (OASIS Standard, 29 October 2014), as a server that takes readings in and sends none out.
//!
//! | phase | packet | what happens |
//! |---|---|---|
//! | before CONNECT | CONNECT of a known device | CONNACK 0, no session present (nothing is ever kept for a client) |
//! | | CONNECT of another level of the protocol | CONNACK 1, closed |
//! | | CONNECT without a client id, or with too long a one, that wants a session kept | CONNACK 2, closed |
//! | | CONNECT while the disk fails, or when all places are taken | CONNACK 3, closed |
//! | | CONNECT without user name and password | CONNACK 4, closed |
//! | | CONNECT of an unknown device, or with a wrong token | CONNACK 5, closed |
//! | | anything else, or nothing in time | closed |
//! | after it | PUBLISH, QoS 0 or 1 | taken; PUBACK for QoS 1 once the reading is signed and on disk |
//! | | PUBLISH, QoS 1, that cannot be taken | never acknowledged: closed (section 3.3.5.2) |
//! | | PUBLISH, QoS 0, that cannot be taken | dropped |
//! | | PUBLISH, QoS 2 | closed |
//! | | SUBSCRIBE | SUBACK 0x80 for each filter: nothing is subscribed to here |
//! | | UNSUBSCRIBE, PINGREQ | UNSUBACK, PINGRESP |
//! | | DISCONNECT | closed, and the will forgotten |
//! | | anything else, or nothing for 1.5 times the keep-alive | closed |
//!
//! RETAIN and DUP are not looked at: whoever sends a message again that was acknowledged, but not heard to be, stores it
//! twice. A will is published like any other message when its session ends without DISCONNECT, if a rule is for its topic;
//! most devices announce with it that they are gone, which nobody asked for, so that one without a rule is no error.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mqtt_proto::v3::{Connect, ConnectReturnCode, LastWill, Publish};
use mqtt_proto::{Error, Pid, Protocol, QosPid};

use super::device::Device;
use super::frame::{FrameError, PINGRESP, Packet, suback_failures, unsuback};
use super::limits::Limits;

/// The longest client id, in bytes. A longer one is refused.
pub const CLIENT_ID_BYTES_MAX: usize = 256;

/// Somebody who is let in.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) device: Arc<Device>,
    /// What it calls itself; `None`: nothing.
    pub(super) client_id: Option<String>,
    /// How long it may be silent.
    pub(super) silence_max: Duration,
    pub(super) will: Option<LastWill>,
}

/// Somebody who is not.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub(super) struct Denied {
    /// What to answer; nothing to what is not MQTT.
    pub(super) code: Option<ConnectReturnCode>,
    /// Who it says it is.
    pub(super) name: Option<String>,
    pub(super) why: &'static str,
}

/// What to do about a packet.
#[derive(Debug)]
pub(super) enum Answer {
    /// Send this.
    Reply(Vec<u8>),
    /// Take this in. QoS 1 has an identifier.
    Take(Box<Publish>, Option<Pid>),
    /// It leaves.
    Farewell,
}

/// A packet that ends the session.
#[derive(Debug, thiserror::Error)]
pub(super) enum Violation {
    #[error("a second CONNECT on one connection")]
    SecondConnect,
    #[error("QoS 2 is not spoken here: let the device publish with QoS 0 or 1")]
    ExactlyOnce,
    #[error("an empty topic")]
    NoTopic,
}

/// Looks at the first packet of a connection.
pub(super) fn admit(
    packet: Packet,
    devices: &BTreeMap<String, Arc<Device>>,
    limits: &Limits,
) -> Result<Admitted, Denied> {
    let Packet::Connect(connect) = packet else {
        return Err(Denied { code: None, name: None, why: "the first packet is no CONNECT" });
    };
    let Connect { protocol, clean_session, keep_alive, client_id, last_will, username, password } = *connect;
    let name = username.map(|name| name.to_string());
    let denied = |code, why| Denied { code: Some(code), name: name.clone(), why };
    if protocol != Protocol::V311 {
        return Err(denied(ConnectReturnCode::UnacceptableProtocolVersion, OTHER_VERSION));
    }
    if client_id.len() > CLIENT_ID_BYTES_MAX || (client_id.is_empty() && !clean_session) {
        let why = "a client id that is too long, or none where a session shall be kept: set one of at most 256 bytes";
        return Err(denied(ConnectReturnCode::IdentifierRejected, why));
    }
    let (Some(user), Some(password)) = (&name, password) else {
        let why = "no user name or no password: set the device's name and its token";
        return Err(denied(ConnectReturnCode::BadUserNameOrPassword, why));
    };
    let device = devices.get(user);
    // An unknown name takes as long as a wrong token.
    let nobody = super::device::TokenHash::of(b"");
    let known = device.map_or(nobody, |device| device.token).is_of(&password);
    let Some(device) = device.filter(|_| known) else {
        let why = "an unknown device or a wrong token: make a token with `msec-gateway token NAME`";
        return Err(denied(ConnectReturnCode::NotAuthorized, why));
    };
    Ok(Admitted {
        device: device.clone(),
        client_id: (!client_id.is_empty()).then(|| client_id.to_string()),
        silence_max: limits.silence_max(keep_alive),
        will: last_will,
    })
}

const OTHER_VERSION: &str = "another version of MQTT: set the device to 3.1.1";

/// What to answer to a first packet that cannot be parsed.
pub(super) fn deny_malformed(error: &FrameError) -> Denied {
    match error {
        FrameError::Malformed(Error::UnexpectedProtocol(_) | Error::InvalidProtocol(..)) => {
            let code = Some(ConnectReturnCode::UnacceptableProtocolVersion);
            Denied { code, name: None, why: OTHER_VERSION }
        }
        _ => Denied { code: None, name: None, why: "the first packet is malformed" },
    }
}

/// Looks at a packet of somebody who was let in.
pub(super) fn answer(packet: Packet) -> Result<Answer, Violation> {
    Ok(match packet {
        Packet::Connect(_) => return Err(Violation::SecondConnect),
        Packet::Publish(publish) => {
            let pid = match publish.qos_pid {
                QosPid::Level0 => None,
                QosPid::Level1(pid) => Some(pid),
                QosPid::Level2(_) => return Err(Violation::ExactlyOnce),
            };
            if publish.topic_name.is_empty() {
                return Err(Violation::NoTopic);
            }
            Answer::Take(publish, pid)
        }
        Packet::Subscribe(subscribe) => Answer::Reply(suback_failures(subscribe.pid, subscribe.topics.len())),
        Packet::Unsubscribe(unsubscribe) => Answer::Reply(unsuback(unsubscribe.pid).to_vec()),
        Packet::Ping => Answer::Reply(PINGRESP.to_vec()),
        Packet::Disconnect => Answer::Farewell,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::device::TokenHash;
    use crate::mqtt::frame::Frames;

    fn devices() -> BTreeMap<String, Arc<Device>> {
        let device = Device { name: "mic".into(), token: TokenHash::of(b"token"), place: None };
        BTreeMap::from([("mic".to_owned(), Arc::new(device))])
    }

    fn connect() -> Connect {
        let mut connect = Connect::new("id".to_owned().into(), 10);
        connect.username = Some("mic".to_owned().into());
        connect.password = Some(b"token"[..].to_vec().into());
        connect
    }

    fn code(change: impl FnOnce(&mut Connect)) -> Option<ConnectReturnCode> {
        let mut connect = connect();
        change(&mut connect);
        match admit(Packet::Connect(Box::new(connect)), &devices(), &Limits::default()) {
            Ok(_) => Some(ConnectReturnCode::Accepted),
            Err(denied) => denied.code,
        }
    }

    #[test]
    fn each_reason_has_its_code() {
        use ConnectReturnCode as Code;
        assert_eq!(code(|_| {}), Some(Code::Accepted));
        assert_eq!(code(|c| c.clean_session = false), Some(Code::Accepted));
        assert_eq!(code(|c| c.client_id = String::new().into()), Some(Code::Accepted));
        assert_eq!(code(|c| c.protocol = Protocol::V310), Some(Code::UnacceptableProtocolVersion));
        assert_eq!(
            code(|c| (c.client_id, c.clean_session) = (String::new().into(), false)),
            Some(Code::IdentifierRejected)
        );
        assert_eq!(code(|c| c.client_id = "x".repeat(257).into()), Some(Code::IdentifierRejected));
        assert_eq!(code(|c| c.username = None), Some(Code::BadUserNameOrPassword));
        assert_eq!(code(|c| c.password = None), Some(Code::BadUserNameOrPassword));
        assert_eq!(code(|c| c.username = Some("tap".to_owned().into())), Some(Code::NotAuthorized));
        assert_eq!(code(|c| c.password = Some(b"Token"[..].to_vec().into())), Some(Code::NotAuthorized));
        // The token of a device that does not exist, whatever it is compared with.
        let nobody = |c: &mut Connect| {
            c.username = Some("tap".to_owned().into());
            c.password = Some(Vec::new().into());
        };
        assert_eq!(code(nobody), Some(Code::NotAuthorized));
        assert!(
            admit(Packet::Ping, &devices(), &Limits::default()).is_err_and(|denied| denied.code.is_none())
        );
    }

    #[test]
    fn another_version_is_told_so_and_what_is_no_mqtt_is_not() {
        let first = |bytes: &[u8]| {
            let mut frames = Frames::new(1_000);
            frames.add(bytes);
            deny_malformed(&frames.next().expect_err("malformed")).code
        };
        let version_5 = [0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 5, 2, 0, 0, 0, 0, 0];
        assert_eq!(first(&version_5), Some(ConnectReturnCode::UnacceptableProtocolVersion));
        assert_eq!(first(b"GET / HTTP/1.1\r\n\r\n"), None);
    }

    #[test]
    fn nothing_is_subscribed_to() {
        let mut frames = Frames::new(1_000);
        frames.add(&[0x82, 10, 0, 7, 0, 1, b'a', 1, 0, 1, b'b', 0]);
        let packet = frames.next().expect("well-formed").expect("whole");
        let Ok(Answer::Reply(reply)) = answer(packet) else { panic!("a reply is due") };
        assert_eq!(reply, [0x90, 4, 0, 7, 0x80, 0x80]);
    }
}
