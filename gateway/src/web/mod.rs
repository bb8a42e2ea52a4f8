//! The page: what a gateway knows, for people to look at.
//!
//! A [`Board`] holds what is shown; whoever learns something new tells it, from any thread and without waiting. The
//! page itself is a few small files in `assets/`, without a build step and without a request to anybody else.
//!
//! | module | what it is |
//! |---|---|
//! | `place`, `status` | what is shown |
//! | `board` | holds it, bounded, and tells what is new since a version |
//! | `history` | the readings of one place, sorted |
//! | `serve` | the routes, from binding to shutting down |
//! | `feed` | one reader's stream of server-sent events |
//! | `inviting` | codes that let somebody in, for whoever has the page's token |
//! | `guard` | which requests are answered, and the headers of every answer |
//! | `connection` | how many connections there may be, and for how long they may be silent |
//!
//! | route | answer |
//! |---|---|
//! | `/` | the page, with `/style.css`, `/icon.svg`, `/app.js` and its modules: `/map.js`, `/chart.js`, `/scale.js`, `/format.js` |
//! | `/invite` | the page that invites, with `/invite.css` and `/invite.js`; and `/api/invite`, as `inviting` says: only with a token in the settings |
//! | `/events` | `state` with everything, then `update`s with what is new (or `state` again, for who fell behind) |
//! | `/api/state` | what `state` says, once, as JSON |
//! | `/healthz` | `{"status":"ok",...}` |

mod board;
mod connection;
mod error;
mod feed;
mod guard;
mod history;
mod inviting;
mod place;
mod serve;
mod status;

pub use board::{Board, PLACES_MAX, REFUSED_CHARS_MAX, REFUSED_MAX};
pub use connection::{CONNECTION_SILENCE_MAX, CONNECTIONS_MAX};
pub use error::ServeError;
pub use feed::{EVENTS_MAX, UPDATE_EVERY};
pub use history::{HISTORIES_MAX, HISTORY_MAX};
pub use inviting::{Invites, WRONG_TOKENS_FOR, WRONG_TOKENS_MAX};
pub use place::{Place, Position};
pub use serve::{SHUTDOWN_GRACE, bind, serve};
pub use status::{Running, State, Status};
