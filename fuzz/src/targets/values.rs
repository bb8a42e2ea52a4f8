//! What people write behind flags, on standard input, and in files for people.

use msec_identity::{CollectionPath, PeerId, Rights};
use msec_peer::cli;

pub(super) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    cli::kinds_of_value(text);
    if let Ok(path) = text.parse::<CollectionPath>() {
        assert_eq!(path.as_str(), text);
        assert!(path.covers(&path) && CollectionPath::everything().covers(&path));
    }
    if let Ok(peer) = text.parse::<PeerId>() {
        assert_eq!(peer.to_string().parse(), Ok(peer));
    }
    if let Ok(rights) = text.parse::<Rights>() {
        assert_eq!(rights.to_string().parse(), Ok(rights), "what is shown can be written");
    }
}
