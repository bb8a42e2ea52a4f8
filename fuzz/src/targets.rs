//! What is fed: decoders and machines, a file each.

mod address;
mod claim;
mod code;
mod control;
mod document;
mod endorsement;
mod entries;
mod freshness;
mod gateway_config;
mod gossip;
mod grant;
mod handshake;
mod head;
mod header;
mod invitation;
mod manifest;
mod mqtt;
mod node;
mod overlay;
mod pairing;
mod payload;
mod picture;
mod readings;
mod rule;
mod run;
mod sealed;
mod share;
mod store;
mod values;
mod walk_up;

/// A target takes bytes, and panics where what must hold does not.
pub type Target = fn(&[u8]);

/// All targets, by name.
pub const TARGETS: [(&str, Target); 30] = [
    ("address", address::check),
    ("claim", claim::check),
    ("code", code::check),
    ("control", control::check),
    ("document", document::check),
    ("endorsement", endorsement::check),
    ("entries", entries::check),
    ("freshness", freshness::check),
    ("gateway_config", gateway_config::check),
    ("gossip", gossip::check),
    ("grant", grant::check),
    ("handshake", handshake::check),
    ("head", head::check),
    ("header", header::check),
    ("invitation", invitation::check),
    ("manifest", manifest::check),
    ("mqtt", mqtt::check),
    ("node", node::check),
    ("overlay", overlay::check),
    ("pairing", pairing::check),
    ("payload", payload::check),
    ("picture", picture::check),
    ("readings", readings::check),
    ("rule", rule::check),
    ("run", run::check),
    ("sealed", sealed::check),
    ("share", share::check),
    ("store", store::check),
    ("values", values::check),
    ("walk_up", walk_up::check),
];

/// The target of a name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().find(|(it, _)| *it == name).map(|(_, check)| *check)
}
