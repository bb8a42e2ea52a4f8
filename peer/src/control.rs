//! How other programs on the same machine speak with a running peer, as `msec publish` and `msec status` do.
//!
//! | module | what it does |
//! |---|---|
//! | `message` | what is asked and answered |
//! | `server` | answers for a running peer |
//! | `access` | what is asked and answered of who may do what |
//! | `query` | which readings a program asks for |
//! | `roll_ups` | answers what minutes, hours and days come to |
//! | `sealing` | sealed collections: their epochs, and who waits |
//! | `inviting` | a code, the words, and whether they are the same |
//! | `things` | what is asked and answered of the registry of things |
//! | `client` | asks the running peer, or one that is opened for as long as the question takes |
//!
//! A peer listens on the Unix socket `control/socket` in its data directory. Whoever may enter that directory (mode 0700)
//! may do what the peer may do, as they could with its key. One line of JSON is a [`Request`]; each line back is an
//! [`Answer`], the last one [`Answer::Done`] or [`Answer::Error`].

#[cfg(feature = "index")]
mod access;
mod client;
#[cfg(feature = "index")]
mod inviting;
mod message;
mod query;
#[cfg(feature = "index")]
mod roll_ups;
#[cfg(feature = "index")]
mod sealing;
mod server;
#[cfg(feature = "documents")]
mod things;

#[cfg(feature = "index")]
pub use access::{AccessAnswer, AccessRequest};
pub(crate) use client::Session;
#[cfg(feature = "index")]
pub use inviting::InviteAnswer;
pub use message::{Answer, ReadingLine, Request, RowLine, StreamLine};
pub use query::{Near, QueryRequest, Within};
#[cfg(feature = "index")]
pub use roll_ups::{Every, RollUpLine};
#[cfg(feature = "index")]
pub use sealing::{SealedLine, UnreadLine, WaitingLine, WaitsFor};
pub use server::{CONNECTIONS_MAX, Control, REQUEST_BYTES_MAX};
#[cfg(feature = "documents")]
pub use things::{ThingLine, ThingsCommand, ThingsRequest};
