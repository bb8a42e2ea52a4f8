//! Inviting from the page, for whoever has its token: one code at a time, with the rules of `msec invite`.
//!
//! | request | answer |
//! |---|---|
//! | `GET /api/invite` | what became of the code: [`Shown`] |
//! | `POST /api/invite` with [`InviteTerms`] | a new code; the one before is taken back |
//! | `POST /api/invite/decide` with `{"peer", "words", "same"}` | lets in whoever shows these words, or does not |
//! | `DELETE /api/invite` | takes the code back |
//! | `GET /api/invite.png` | the code as a picture |
//!
//! The token goes in `Authorization: Bearer`, which no form and no other site's script can send. What is decided names whom and which words
//! the operator saw: a click that comes late decides about nobody else. Wrong tokens are bounded, by [`WRONG_TOKENS_MAX`]; the right one is
//! heard whatever others try.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use msec_peer::cli::Picture;
use msec_peer::identity::PeerId;
use msec_peer::{InviteEvent, InviteFailed, InviteTerms, Inviting, Peer};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::mqtt::TokenHash;

/// So many wrong tokens in [`WRONG_TOKENS_FOR`], and further ones are told to wait until it is over.
pub const WRONG_TOKENS_MAX: u8 = 10;
/// How long wrong tokens are counted together.
pub const WRONG_TOKENS_FOR: Duration = Duration::from_secs(60);
/// The longest request, in bytes. A longer one is refused.
const BODY_BYTES_MAX: usize = 4 * 1024;

/// What the operator sees.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(super) enum Shown {
    /// No code was given out.
    #[default]
    None,
    /// A code is open.
    Open {
        #[serde(flatten)]
        code: Code,
        /// What became of whoever came before, if somebody did.
        gone: Option<String>,
    },
    /// Somebody came with it: the words are to be compared.
    Asks {
        #[serde(flatten)]
        code: Code,
        peer: PeerId,
        /// What it calls itself. Nobody proves that.
        name: String,
        words: Vec<String>,
    },
    /// Somebody was let in.
    Joined { peer: PeerId, rights: String, collection: String, until_ms: i64 },
    /// It is over, and why.
    Over { why: String },
}

/// A code that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Code {
    code: String,
    until_ms: i64,
    /// The QR code.
    svg: String,
    /// What it gives.
    rights: String,
    collection: String,
    days: u32,
}

/// What an operator decides.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    peer: PeerId,
    words: Vec<String>,
    same: bool,
}

/// What is asked of the code that is open.
enum Order {
    Decide(Decision, oneshot::Sender<Result<(), String>>),
    TakeBack,
}

/// Who invites from the page.
#[derive(Clone)]
pub struct Invites {
    peer: Peer,
    token: TokenHash,
    current: Arc<Mutex<Current>>,
    wrong: Arc<Mutex<Wrong>>,
}

#[derive(Default)]
struct Current {
    shown: Shown,
    /// Which code it is about: one that was taken back says nothing any more.
    number: u64,
    orders: Option<mpsc::Sender<Order>>,
}

/// Wrong tokens, and since when they are counted.
#[derive(Default)]
struct Wrong {
    since: Option<Instant>,
    count: u8,
}

impl Wrong {
    /// Counts a wrong token. `false`: there were as many as may be already.
    #[expect(clippy::disallowed_methods, reason = "a driver: it counts what comes from a socket")]
    fn count(&mut self) -> bool {
        if self.since.is_none_or(|since| since.elapsed() >= WRONG_TOKENS_FOR) {
            (self.since, self.count) = (Some(Instant::now()), 0);
        }
        let is_one_more = self.count < WRONG_TOKENS_MAX;
        self.count += u8::from(is_one_more);
        is_one_more
    }
}

impl std::fmt::Debug for Invites {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invites").finish_non_exhaustive()
    }
}

impl Invites {
    /// Whoever shows this token may invite as this peer.
    pub fn new(peer: Peer, token: TokenHash) -> Self {
        Self { peer, token, current: Arc::default(), wrong: Arc::default() }
    }

    /// The routes, without those of the page itself.
    pub(super) fn routes(self) -> Router {
        Router::new()
            .route("/api/invite", get(look).post(begin).delete(take_back))
            .route("/api/invite/decide", post(decide))
            .route("/api/invite.png", get(png))
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(self)
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, headers: &HeaderMap) -> Result<(), Box<Response>> {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        admit(&self.token, &mut wrong, headers)
    }

    /// What an operator says, who is one.
    fn hear<T>(&self, headers: &HeaderMap, said: Result<Json<T>, JsonRejection>) -> Result<T, Box<Response>> {
        self.admit(headers)?;
        let Json(said) = said.map_err(|error| refused(StatusCode::BAD_REQUEST, &error.body_text()))?;
        Ok(said)
    }

    /// Says what became of a code, if it is still the one that counts.
    fn show(&self, number: u64, shown: Shown) {
        let mut current = self.current();
        if current.number == number {
            current.shown = shown;
        }
    }

    async fn begin(&self, terms: InviteTerms) -> Result<Shown, InviteFailed> {
        let (rights, collection, days) = (terms.rights.clone(), terms.collection.clone(), terms.days);
        let inviting = self.peer.invite(terms).await?;
        let text = inviting.code();
        let svg = Picture::of(&text).map(|picture| picture.svg()).unwrap_or_default();
        let code = Code { code: text, until_ms: inviting.not_after().0, svg, rights, collection, days };
        let (to, orders) = mpsc::channel(4);
        let shown = Shown::Open { code: code.clone(), gone: None };
        let number = {
            let mut current = self.current();
            current.number += 1;
            // Whoever had the other code finds that it was taken back.
            if let Some(before) = current.orders.replace(to) {
                let _ = before.try_send(Order::TakeBack);
            }
            current.shown = shown.clone();
            current.number
        };
        tokio::spawn(self.clone().follow(number, inviting, code, orders));
        Ok(shown)
    }

    /// Follows a code to its end.
    async fn follow(
        self,
        number: u64,
        mut inviting: Inviting,
        code: Code,
        mut orders: mpsc::Receiver<Order>,
    ) {
        loop {
            let event = tokio::select! {
                event = inviting.next() => event,
                order = orders.recv() => match order {
                    Some(Order::Decide(decision, answer)) => {
                        let decided = self.decided(number, &mut inviting, &decision).await;
                        let is_over = matches!(decided, Ok(true));
                        let _ = answer.send(decided.map(drop));
                        if is_over {
                            return;
                        }
                        continue;
                    }
                    Some(Order::TakeBack) | None => {
                        return self.show(number, Shown::Over { why: "the code was taken back".into() });
                    }
                },
            };
            let code = code.clone();
            let over = |why: &str| Shown::Over { why: why.into() };
            match event {
                Some(InviteEvent::Asks { peer, name, words }) => {
                    let words = words.words().map(str::to_owned).to_vec();
                    self.show(number, Shown::Asks { code, peer, name, words });
                }
                Some(InviteEvent::Gone(_)) => {
                    let gone =
                        "whoever came is gone before anybody decided; the code is still good".to_owned();
                    self.show(number, Shown::Open { code, gone: Some(gone) });
                }
                Some(InviteEvent::UsedUp) => {
                    return self.show(
                        number,
                        over("the code was tried too often by somebody who then went: invite anew"),
                    );
                }
                Some(InviteEvent::Expired) => {
                    return self.show(number, over("nobody came before the code expired: invite anew"));
                }
                None => return self.show(number, over("the gateway is stopping")),
            }
        }
    }

    /// Lets in whom the operator saw, or not. Says whether the code is over.
    async fn decided(
        &self,
        number: u64,
        inviting: &mut Inviting,
        decision: &Decision,
    ) -> Result<bool, String> {
        let asks = match &self.current().shown {
            Shown::Asks { peer, words, .. } => {
                (*peer, words.clone()) == (decision.peer, decision.words.clone())
            }
            _ => false,
        };
        if !asks {
            return Err("whoever you decided about is gone, or shows other words: look again".into());
        }
        let in_full = |error: InviteFailed| {
            let mut text = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                text = format!("{text}: {cause}");
                source = cause.source();
            }
            text
        };
        if !decision.same {
            inviting.decline().await.map_err(in_full)?;
            self.show(number, Shown::Over { why: "it was not let in, and the code is used up".into() });
            return Ok(true);
        }
        match inviting.approve().await {
            Ok(issued) => {
                let (rights, collection, until_ms) = (issued.rights, issued.collection, issued.until_ms);
                self.show(number, Shown::Joined { peer: decision.peer, rights, collection, until_ms });
                Ok(true)
            }
            // Whoever asked went meanwhile, which is said next.
            Err(error @ InviteFailed::NobodyAsks) => Err(in_full(error)),
            Err(error) => {
                let why = in_full(error);
                self.show(number, Shown::Over { why: why.clone() });
                Err(why)
            }
        }
    }
}

/// The right token is heard first, in constant time: nobody guesses 256 bits, and strangers shut out no operator.
fn admit(right: &TokenHash, wrong: &mut Wrong, headers: &HeaderMap) -> Result<(), Box<Response>> {
    let token = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok()?.strip_prefix("Bearer "));
    let (status, error) = match token {
        Some(token) if right.is_of(token.trim().as_bytes()) => return Ok(()),
        Some(_) if wrong.count() => (
            StatusCode::FORBIDDEN,
            "that is not the token of this page: `msec-gateway token --page` makes one",
        ),
        Some(_) => (StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens: wait a minute"),
        None => (StatusCode::UNAUTHORIZED, "give the token of the page"),
    };
    let mut response = refused(status, error);
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    }
    Err(response.into())
}

fn said(error: &str) -> Json<serde_json::Value> {
    Json(json!({ "error": error }))
}

fn refused(status: StatusCode, error: &str) -> Response {
    (status, said(error)).into_response()
}

async fn look(State(invites): State<Invites>, headers: HeaderMap) -> Response {
    match invites.admit(&headers) {
        Ok(()) => Json(invites.current().shown.clone()).into_response(),
        Err(refusal) => *refusal,
    }
}

async fn begin(
    State(invites): State<Invites>,
    headers: HeaderMap,
    terms: Result<Json<InviteTerms>, JsonRejection>,
) -> Response {
    let terms = match invites.hear(&headers, terms) {
        Ok(terms) => terms,
        Err(refusal) => return *refusal,
    };
    match invites.begin(terms).await {
        Ok(shown) => Json(shown).into_response(),
        Err(error) => refused(StatusCode::CONFLICT, &error.to_string()),
    }
}

async fn decide(
    State(invites): State<Invites>,
    headers: HeaderMap,
    decision: Result<Json<Decision>, JsonRejection>,
) -> Response {
    let decision = match invites.hear(&headers, decision) {
        Ok(decision) => decision,
        Err(refusal) => return *refusal,
    };
    let (answer, answered) = oneshot::channel();
    let orders = invites.current().orders.clone();
    let sent = match orders {
        Some(orders) => orders.send(Order::Decide(decision, answer)).await.is_ok(),
        None => false,
    };
    match answered.await {
        Ok(Ok(())) if sent => Json(invites.current().shown.clone()).into_response(),
        Ok(Err(error)) => refused(StatusCode::CONFLICT, &error),
        _ => refused(StatusCode::CONFLICT, "no code is open: invite anew"),
    }
}

async fn take_back(State(invites): State<Invites>, headers: HeaderMap) -> Response {
    if let Err(refusal) = invites.admit(&headers) {
        return *refusal;
    }
    let mut current = invites.current();
    current.number += 1;
    current.shown = Shown::None;
    if let Some(orders) = current.orders.take() {
        let _ = orders.try_send(Order::TakeBack);
    }
    Json(Shown::None).into_response()
}

async fn png(State(invites): State<Invites>, headers: HeaderMap) -> Response {
    if let Err(refusal) = invites.admit(&headers) {
        return *refusal;
    }
    let text = match &invites.current().shown {
        Shown::Open { code, .. } | Shown::Asks { code, .. } => Some(code.code.clone()),
        _ => None,
    };
    match text.and_then(|text| Picture::of(&text).ok()) {
        Some(picture) => ([(header::CONTENT_TYPE, "image/png")], picture.png()).into_response(),
        None => refused(StatusCode::NOT_FOUND, "no code is open: invite anew"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_tokens_do_not_shut_out_the_right_one() {
        let (right, mut wrong) = (TokenHash::of(b"right"), Wrong::default());
        let mut shows = |token: &'static str| {
            let bearer = HeaderValue::from_static(token);
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, bearer)]);
            admit(&right, &mut wrong, &headers).map_err(|refusal| refusal.status())
        };
        for _ in 0..WRONG_TOKENS_MAX {
            assert_eq!(shows("Bearer wrong"), Err(StatusCode::FORBIDDEN));
        }
        for _ in 0..300 {
            assert_eq!(shows("Bearer wrong"), Err(StatusCode::TOO_MANY_REQUESTS));
            assert_eq!(shows("Bearer right"), Ok(()), "as long as a person decides");
        }
    }
}
