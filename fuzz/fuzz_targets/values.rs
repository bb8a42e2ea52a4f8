//! What people write behind flags, on standard input, and in files for people.
#![no_main]

use libfuzzer_sys::fuzz_target;
use msec_identity::{CollectionPath, PeerId, Rights};
use msec_peer::cli;

fuzz_target!(|text: &str| {
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
});
