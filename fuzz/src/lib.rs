//! [`targets`] are the decoders and machines that take bytes of others, each with what must hold whatever comes; the tests and
//! `.ci/fuzz` feed them (`fuzz/README.md`). The rest is what targets share.
//!
//! | module | what it holds |
//! |---|---|
//! | [`town`] | keys, grants and logs, fixed for ever |
//! | [`script`] | steps, for targets that feed a machine |
//! | [`record`] | what holds for every signed record |
//! | [`gossip`], [`overlay`], [`node`] | the machines, and what must hold whatever they are fed |
//! | [`noise`] | an attacker who does the Noise handshake right, and says what he likes inside of it |
//! | [`pairing`] | codes, and an attacker who has one |
//! | [`walk_up`] | whoever comes with a code from a bench |
//! | [`sealed`] | a sealed collection, of which nothing else opens than what was sealed |
//! | [`vectors`] | frames of every kind |
//! | [`document`] | entries of a document, and that their order changes nothing |
//! | [`disk`] | the bytes of the store, written down a second time |

pub mod disk;
pub mod document;
pub mod gossip;
pub mod node;
pub mod noise;
pub mod overlay;
pub mod pairing;
pub mod record;
pub mod script;
pub mod sealed;
pub mod targets;
pub mod town;
pub mod vectors;
pub mod walk_up;
