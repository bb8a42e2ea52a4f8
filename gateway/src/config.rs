//! The settings of `msec-gateway run`: a TOML file, read as it is written, and then checked whole.
//!
//! | module | what it is |
//! |---|---|
//! | `raw` | the file as serde reads it |
//! | `layout` | where in the file something stands, and which keys there are |
//! | `error` | what is wrong, and where |
//! | `default.toml` | all settings with their defaults, their units and their bounds: what `config --print` prints |

mod error;
mod layout;
mod raw;

use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use msec_peer::identity::{Addresses, CollectionPath, PeerId};
use msec_peer::node::{ClassLease, Contact};
use msec_peer::store::STREAM_BYTES_MAX;
use msec_peer::{Keep, Place, Retention};

use crate::mqtt;
pub use error::{ConfigError, Fault, Problem};
use layout::Layout;
use raw::{RawConfig, RawDevice, RawKeep, RawMqtt, RawRule};

/// The longest file, in bytes. A longer one is refused.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// The most devices. A file with more is refused.
pub const DEVICES_MAX: usize = 4_096;
/// The most rules. A file with more is refused.
pub const RULES_MAX: usize = 256;

const DAY_MS: u64 = 24 * 3600 * 1000;

/// All settings with their defaults, as a file.
pub const DEFAULT_FILE: &str = include_str!("config/default.toml");

/// Settings that can work.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The peer.
    pub peer: PeerSettings,
    /// The page.
    pub page: PageSettings,
    /// What devices send.
    pub mqtt: MqttSettings,
}

/// The settings of the peer.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerSettings {
    /// Where it lives.
    pub data_dir: PathBuf,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Whom it keeps a link with.
    pub contacts: Vec<Contact>,
    /// Where others are told that they can dial it. Empty: where it listens.
    pub advertise: Vec<SocketAddr>,
    /// Where entries wait for company before they go to the disk.
    pub thrifty: Vec<CollectionPath>,
    /// How fresh it has to be for classes of data, where that is not the default.
    pub leases: Vec<ClassLease>,
    /// Where it claims what hours come to, and countersigns what others claimed.
    pub claims: Vec<CollectionPath>,
    /// What it keeps, and for how long.
    pub keep: Keep,
    /// Whether it finds others by mDNS.
    pub mdns: bool,
}

/// The settings of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageSettings {
    /// Where it is served; `None`: it is not.
    pub listen: Option<SocketAddr>,
    /// The time zone that it shows.
    pub zone: String,
    /// The hash of the token with which others are let in from it; `None`: nobody is.
    pub token: Option<mqtt::TokenHash>,
}

/// The settings of what devices send.
#[derive(Debug, Clone, PartialEq)]
pub struct MqttSettings {
    /// Where devices connect; `None`: they do not.
    pub listen: Option<SocketAddr>,
    /// Who may send what.
    pub settings: mqtt::Settings,
}

/// Reads and checks a file. Paths in it are taken from where it lies.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let io = |source: std::io::Error| match source.kind() {
        ErrorKind::NotFound => ConfigError::Missing { path: path.to_owned() },
        _ => ConfigError::Io { path: path.to_owned(), source },
    };
    let fault = |fault| ConfigError::Fault { path: path.to_owned(), fault };
    let whole = |problem| Fault { line: None, problem };
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|f| f.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)).map_err(io)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(fault(whole(Problem::TooLong)));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| fault(whole(Problem::NotText)))?;
    let mut config = parse(text).map_err(fault)?;
    if let Some(dir) = path.parent() {
        config.peer.data_dir = dir.join(&config.peer.data_dir);
    }
    Ok(config)
}

/// Checks the text of a file.
pub fn parse(text: &str) -> Result<Config, Fault> {
    let layout = Layout::of(text)?;
    if let Some(unknown) = layout.unknown() {
        return Err(unknown);
    }
    let raw: RawConfig = toml::from_str(text).map_err(|error| {
        let message = error.message().to_owned();
        let line = error.span().map(|span| layout::Lines::of(text).at(span.start));
        // A value of the wrong type stands at a key; a missing key does not.
        let problem = match error.span().and_then(|span| layout.around(&span)) {
            Some(key) if !message.starts_with("missing field") => {
                Problem::Value { key: key.name.clone(), table: key.table.clone(), reason: message }
            }
            _ => Problem::Other { message },
        };
        Fault { line, problem }
    })?;
    check(raw).map_err(|Wrong { table, nth, key, reason }| Fault {
        line: layout.line(table, nth, key),
        problem: Problem::Value { key: key.to_owned(), table: table.to_owned(), reason },
    })
}

/// A value that cannot be.
struct Wrong {
    table: &'static str,
    nth: usize,
    key: &'static str,
    reason: String,
}

/// Says of which key something is wrong.
fn at<T, E: ToString>(
    table: &'static str,
    nth: usize,
    key: &'static str,
    checked: Result<T, E>,
) -> Result<T, Wrong> {
    checked.map_err(|error| Wrong { table, nth, key, reason: error.to_string() })
}

fn check(raw: RawConfig) -> Result<Config, Wrong> {
    let RawConfig { peer, page, mqtt } = raw;
    let contacts: Result<Vec<_>, _> = peer.contacts.iter().map(|text| contact(text)).collect();
    let contacts = at("peer", 0, "contacts", contacts)?;
    let most = msec_peer::node::Config::CONTACTS_MAX;
    if contacts.len() > most {
        at("peer", 0, "contacts", Err(format!("{} are too many: at most {most}", contacts.len())))?;
    }
    let advertise: Result<Vec<_>, _> = peer.advertise.iter().map(|text| address(text)).collect();
    let advertise = at("peer", 0, "advertise", advertise)?;
    if !advertise.is_empty() {
        at("peer", 0, "advertise", Addresses::new(advertise.clone()))?;
    }
    let paths = |key, texts: &[String]| {
        let paths: Result<Vec<_>, _> = texts.iter().map(|text| text.parse::<CollectionPath>()).collect();
        at("peer", 0, key, paths)
    };
    let (thrifty, claims) = (paths("thrifty", &peer.thrifty)?, paths("claims", &peer.claims)?);
    let keep = check_keep(peer.keep_copies, peer.keep)?;
    let leases: Result<Vec<_>, _> = peer.leases.iter().map(|text| text.parse::<ClassLease>()).collect();
    let leases = at("peer", 0, "leases", leases)?;
    if page.zone.is_empty() || jiff::tz::TimeZone::get(&page.zone).is_err() {
        let reason =
            format!("`{}` is no time zone: write a name such as \"Europe/Madrid\", or \"UTC\"", page.zone);
        at("page", 0, "zone", Err(reason))?;
    }
    let token = match page.token.as_str() {
        "" => None,
        hash => Some(at("page", 0, "token", hash.parse::<mqtt::TokenHash>())?),
    };
    let peer_listen = at("peer", 0, "listen", address(&peer.listen))?;
    let page_listen = at("page", 0, "listen", address(&page.listen))?;
    let mqtt = check_mqtt(mqtt)?;
    if page.enabled && page_listen.port() != 0 && mqtt.listen == Some(page_listen) {
        at("mqtt", 0, "listen", Err("the page listens there already: choose another port"))?;
    }
    Ok(Config {
        peer: PeerSettings {
            data_dir: peer.data_dir,
            listen: peer_listen,
            contacts,
            advertise,
            thrifty,
            leases,
            claims,
            keep,
            mdns: peer.mdns,
        },
        page: PageSettings { listen: page.enabled.then_some(page_listen), zone: page.zone, token },
        mqtt,
    })
}

fn check_keep(copies: u64, raw: Vec<RawKeep>) -> Result<Keep, Wrong> {
    const TABLE: &str = "peer.keep";
    let most = msec_peer::KEEP_COPIES_MAX;
    let copies = usize::try_from(copies).ok().filter(|copies| *copies <= most);
    let copies = copies.ok_or_else(|| format!("write how many neighbours, 0 to {most}"));
    let mut keep = Keep { copies: at("peer", 0, "keep_copies", copies)?, ..Keep::default() };
    for (nth, raw) in raw.into_iter().enumerate() {
        let collection = at(TABLE, nth, "collection", raw.collection.parse::<CollectionPath>())?;
        let days = |key, days: Option<u64>| {
            let ms =
                days.map(|days| days.checked_mul(DAY_MS).ok_or("these are more days than there will be"));
            at(TABLE, nth, key, ms.transpose())
        };
        let (raw_ms, roll_ups_ms) =
            (days("raw_days", raw.raw_days)?, days("roll_ups_days", raw.roll_ups_days)?);
        let rule = Retention { collection, raw_ms, roll_ups_ms, bytes_max: raw.bytes_max };
        let key = if rule.roll_ups_ms.is_some() { "roll_ups_days" } else { "collection" };
        at(TABLE, nth, key, Keep::check_rule(&rule))?;
        keep.rules.push(rule);
        at(TABLE, nth, "collection", keep.check())?;
    }
    Ok(keep)
}

fn check_mqtt(raw: RawMqtt) -> Result<MqttSettings, Wrong> {
    let listen = at("mqtt", 0, "listen", address(&raw.listen))?;
    let number = |key, value: u64, least: u64, most: u64| {
        let fits = (least..=most).contains(&value);
        at(
            "mqtt",
            0,
            key,
            if fits { Ok(value) } else { Err(format!("{value} is not within {least} to {most}")) },
        )
    };
    let seconds = |key, value, most| number(key, value, 1, most).map(Duration::from_secs);
    let limits = mqtt::Limits {
        connections_max: number("connections_max", raw.connections_max, 1, 1_024)? as usize,
        in_flight_max: number("in_flight_max", raw.in_flight_max, 1, 1_024)? as usize,
        packet_bytes_max: number("packet_bytes_max", raw.packet_bytes_max, 128, 256 * 1024)? as usize,
        streams_max: number("streams_max", raw.streams_max, 1, 16_384)? as usize,
        keep_alive_min: seconds("keep_alive_min_s", raw.keep_alive_min_s, 65_535)?,
        keep_alive_max: seconds("keep_alive_max_s", raw.keep_alive_max_s, 65_535)?,
        connect_timeout: seconds("connect_timeout_s", raw.connect_timeout_s, 60)?,
    };
    if limits.keep_alive_min > limits.keep_alive_max {
        at("mqtt", 0, "keep_alive_min_s", Err("it must not be more than `keep_alive_max_s`"))?;
    }
    for (key, found, most) in [("device", raw.device.len(), DEVICES_MAX), ("rule", raw.rule.len(), RULES_MAX)]
    {
        if found > most {
            at("mqtt", 0, key, Err(format!("{found} are too many: at most {most}")))?;
        }
    }
    let mut devices: Vec<mqtt::Device> = Vec::with_capacity(raw.device.len());
    let mut names = std::collections::BTreeSet::new();
    for (nth, raw) in raw.device.into_iter().enumerate() {
        let device = check_device(nth, raw)?;
        if !names.insert(device.name.clone()) {
            let reason = format!("there is a device `{}` already: give each a name of its own", device.name);
            at("mqtt.device", nth, "name", Err(reason))?;
        }
        devices.push(device);
    }
    let rules = raw.rule.into_iter().enumerate().map(|(nth, raw)| check_rule(nth, raw));
    let rules = rules.collect::<Result<Vec<_>, _>>()?;
    Ok(MqttSettings {
        listen: raw.enabled.then_some(listen),
        settings: mqtt::Settings { limits, devices, rules },
    })
}

fn check_device(nth: usize, raw: RawDevice) -> Result<mqtt::Device, Wrong> {
    const TABLE: &str = "mqtt.device";
    let RawDevice { name, token, place } = raw;
    if !mqtt::is_device_name(&name) {
        let most = mqtt::DEVICE_NAME_BYTES_MAX;
        let reason = format!(
            "not the name of a device: write 1 to {most} bytes without `+`, `#`, braces and control characters"
        );
        at(TABLE, nth, "name", Err(reason))?;
    }
    let token = at(TABLE, nth, "token", token.parse::<mqtt::TokenHash>())?;
    Ok(mqtt::Device { name, token, place: at(TABLE, nth, "place", on_earth(place))? })
}

fn check_rule(nth: usize, raw: RawRule) -> Result<mqtt::Rule, Wrong> {
    const TABLE: &str = "mqtt.rule";
    let filter = at(TABLE, nth, "topic", raw.topic.parse::<mqtt::Filter>())?;
    let collection = at(TABLE, nth, "collection", raw.collection.parse::<CollectionPath>())?;
    if collection == CollectionPath::everything() {
        at(TABLE, nth, "collection", Err("write the name of a collection, such as \"parks/noise\""))?;
    }
    if raw.collection.contains(['{', '}']) {
        at(TABLE, nth, "collection", Err("braces are for `stream` only: write the collection as it is"))?;
    }
    let stream = at(TABLE, nth, "stream", mqtt::Template::parse(&raw.stream, filter.wildcards()))?;
    if raw.unit.is_empty() || raw.unit.len() > STREAM_BYTES_MAX || raw.unit.chars().any(char::is_control) {
        let reason =
            format!("write a unit of 1 to {STREAM_BYTES_MAX} bytes, such as \"dB\", or \"1\" for counts");
        at(TABLE, nth, "unit", Err(reason))?;
    }
    let value = at(TABLE, nth, "value", mqtt::Selector::from_str(&raw.value))?;
    let time = at(TABLE, nth, "time", mqtt::Selector::from_str(&raw.time))?;
    let place = at(TABLE, nth, "place", on_earth(raw.place))?;
    let selector = |key, text: &String| at(TABLE, nth, key, mqtt::Selector::from_str(text));
    let quality = raw.quality.as_ref().map(|key| selector("quality", key)).transpose()?;
    let position = match &raw.position {
        Some([latitude, longitude]) => {
            Some([selector("position", latitude)?, selector("position", longitude)?])
        }
        None => None,
    };
    let layout = mqtt::Layout { value, time, quality, position };
    Ok(mqtt::Rule { filter, collection, stream, unit: raw.unit, place, layout })
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!("`{text}` is not an address: write it as \"192.0.2.7:4000\" or \"[2001:db8::7]:4000\"")
    })
}

/// `ADDRESS:PORT` or `ID@ADDRESS:PORT`.
fn contact(text: &str) -> Result<Contact, String> {
    let (peer, address_text) = match text.split_once('@') {
        Some((id, address)) => (Some(id.parse::<PeerId>().map_err(|error| error.to_string())?), address),
        None => (None, text),
    };
    Ok(Contact { address: address(address_text)?, peer })
}

fn on_earth(degrees: Option<[f64; 2]>) -> Result<Option<Place>, String> {
    let Some([latitude, longitude]) = degrees else { return Ok(None) };
    let place = Place::from_degrees(latitude, longitude);
    place.map(Some).ok_or_else(|| {
        format!("[{latitude}, {longitude}] is not on Earth: write degrees north, -90 to 90, and degrees east, -180 to 180")
    })
}

#[cfg(test)]
mod tests;
