//! A code, as it is asked for and what becomes of it.
//!
//! After an [`InviteAnswer::Asks`] the program sends one more line, `true` or `false`: whether both screens show the same words. Whoever
//! hangs up takes the code back.

use std::io;

use msec_identity::PeerId;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use super::message::Answer;
use super::server::{in_full, send};
use crate::node::PairingOutcome;
use crate::sdk::{InviteEvent, InviteTerms, Inviting, Peer};

/// The longest line that decides.
const DECISION_BYTES_MAX: usize = 16;

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InviteAnswer {
    /// The code, first of all.
    Code {
        /// As text.
        code: String,
        /// Until when it is good, in milliseconds since 1970.
        until_ms: i64,
    },
    /// Somebody came with it; a line with `true` or `false` is awaited.
    Asks {
        /// Who. That it holds that identity is proven.
        peer: PeerId,
        /// What it calls itself. Nobody proves that.
        name: String,
        /// What both screens show.
        words: Vec<String>,
    },
    /// Whoever came is gone before anybody decided, and why. The code is still good.
    Gone(String),
    /// It was let in. Nothing follows.
    Joined {
        /// Who.
        peer: PeerId,
        /// The grant that it has now.
        grant: msec_identity::GrantId,
        /// What it may do, with commas.
        rights: String,
        /// Where: a collection and those below it.
        collection: String,
        /// Until when.
        until_ms: i64,
    },
    /// It was told that it is not let in, and the code is used up. Nothing follows.
    Declined,
}

/// Gives out a code and answers, until it is over or the other side hangs up.
pub(super) async fn invite(
    peer: &Peer,
    terms: InviteTerms,
    read: &mut (impl AsyncRead + Unpin),
    write: &mut (impl AsyncWrite + Unpin),
) -> io::Result<Answer> {
    let mut inviting = match peer.invite(terms).await {
        Ok(inviting) => inviting,
        Err(error) => return Ok(Answer::Error(in_full(&error))),
    };
    let code = InviteAnswer::Code { code: inviting.code(), until_ms: inviting.not_after().0 };
    send(write, &Answer::Invite(code)).await?;
    let mut line = Vec::new();
    loop {
        let event = tokio::select! {
            event = inviting.next() => event,
            decision = decision(read, &mut line) => match decision? {
                None => return Ok(Answer::Done),
                Some(same) => match decide(&mut inviting, same).await {
                    Ok(None) => continue,
                    Ok(Some(last)) => {
                        send(write, &Answer::Invite(last)).await?;
                        return Ok(Answer::Done);
                    }
                    Err(error) => return Ok(Answer::Error(error)),
                },
            },
        };
        let answer = match event {
            Some(InviteEvent::Asks { peer, name, words }) => {
                let words = words.words().map(str::to_owned).to_vec();
                InviteAnswer::Asks { peer, name, words }
            }
            Some(InviteEvent::Gone(outcome)) => InviteAnswer::Gone(why(outcome).into()),
            Some(InviteEvent::UsedUp) => {
                return Ok(Answer::Error(
                    "the code was tried too often by somebody who then went: invite anew".into(),
                ));
            }
            Some(InviteEvent::Expired) => {
                return Ok(Answer::Error("nobody came before the code expired: invite anew".into()));
            }
            None => return Ok(Answer::Error("the peer was closed".into())),
        };
        send(write, &Answer::Invite(answer)).await?;
    }
}

/// The next decision; `None`: the other side hung up. What was read of a line is kept where somebody else is quicker.
async fn decision(read: &mut (impl AsyncRead + Unpin), line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    loop {
        let mut byte = [0];
        if read.read(&mut byte).await? == 0 || line.len() >= DECISION_BYTES_MAX {
            return Ok(None);
        }
        if byte != *b"\n" {
            line.extend(byte);
            continue;
        }
        // What is no yes is a no.
        return Ok(Some(std::mem::take(line) == b"true"));
    }
}

/// Lets it in or not. `None`: whoever asked is gone, which is said next.
async fn decide(inviting: &mut Inviting, same: bool) -> Result<Option<InviteAnswer>, String> {
    use crate::sdk::InviteFailed::NobodyAsks;
    if !same {
        return match inviting.decline().await {
            Ok(()) => Ok(Some(InviteAnswer::Declined)),
            Err(NobodyAsks) => Ok(None),
            Err(error) => Err(in_full(&error)),
        };
    }
    match inviting.approve().await {
        Ok(issued) => Ok(Some(InviteAnswer::Joined {
            peer: inviting.last_asked().ok_or("nobody was let in")?,
            grant: issued.grant,
            rights: issued.rights,
            collection: issued.collection,
            until_ms: issued.until_ms,
        })),
        Err(NobodyAsks) => Ok(None),
        Err(error) => Err(in_full(&error)),
    }
}

fn why(outcome: PairingOutcome) -> &'static str {
    match outcome {
        PairingOutcome::TooSlow => "it took too long",
        PairingOutcome::Failed => "it said something else than it should",
        _ => "it hung up",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_whole_true_is_a_yes_and_hanging_up_is_neither() {
        let read = async |bytes: &[u8]| decision(&mut &bytes[..], &mut Vec::new()).await.expect("bytes");
        assert_eq!(read(b"true\n").await, Some(true));
        for no in [&b"false\n"[..], b"\n", b"y\n", b"TRUE\n", b"true \n"] {
            assert_eq!(read(no).await, Some(false), "{no:?}");
        }
        assert_eq!(read(b"true").await, None);
        assert_eq!(read(&[b'x'; 40]).await, None);
    }
}
