use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::sleep;

use super::connection::Bounded;
use super::feed::{EVENTS_MAX, feed};
use super::guard::guard;
use super::{Board, Invites, ServeError};

/// How long open connections may take to end once the server stops. Those that take longer are left behind.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Takes the address that the page shall be at. Port 0 takes any that is free; the listener knows which.
pub async fn bind(addr: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(addr).await.map_err(|source| ServeError::bind(addr, source))
}

/// Serves the page, and with `invites` the one that lets others in, until `shutdown` completes, and then for at most [`SHUTDOWN_GRACE`].
pub async fn serve(
    listener: TcpListener,
    board: Board,
    invites: Option<Invites>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let (stop, mut stopping) = watch::channel(false);
    let app = router(board, invites, stopping.clone());
    let server = axum::serve(Bounded::new(listener), app).with_graceful_shutdown(async move {
        shutdown.await;
        stop.send_replace(true);
    });
    let too_late = async {
        drop(stopping.wait_for(|stop| *stop).await);
        sleep(SHUTDOWN_GRACE).await;
    };
    tokio::select! {
        result = server.into_future() => result.map_err(ServeError::Serve),
        () = too_late => Ok(()),
    }
}

#[derive(Clone)]
struct App {
    board: Board,
    stopping: watch::Receiver<bool>,
    feeds: Arc<Semaphore>,
}

fn router(board: Board, invites: Option<Invites>, stopping: watch::Receiver<bool>) -> Router {
    let feeds = Arc::new(Semaphore::new(EVENTS_MAX));
    let inviting = invites.map_or_else(Router::new, |invites| {
        Router::new()
            .route("/invite", asset(HTML, include_str!("assets/invite.html")))
            .route("/invite.css", asset(CSS, include_str!("assets/invite.css")))
            .route("/invite.js", asset(SCRIPT, include_str!("assets/invite.js")))
            .merge(invites.routes())
    });
    Router::new()
        .route("/", asset(HTML, include_str!("assets/index.html")))
        .route("/style.css", asset(CSS, include_str!("assets/style.css")))
        .route("/app.js", asset(SCRIPT, include_str!("assets/app.js")))
        .route("/chart.js", asset(SCRIPT, include_str!("assets/chart.js")))
        .route("/format.js", asset(SCRIPT, include_str!("assets/format.js")))
        .route("/map.js", asset(SCRIPT, include_str!("assets/map.js")))
        .route("/scale.js", asset(SCRIPT, include_str!("assets/scale.js")))
        .route("/icon.svg", asset(SVG, include_str!("assets/icon.svg")))
        .route("/events", get(events))
        .route("/api/state", get(state))
        .route("/healthz", get(health))
        .fallback(async || (StatusCode::NOT_FOUND, "There is nothing here. The page is at /\n"))
        .with_state(App { board, stopping, feeds })
        .merge(inviting)
        .layer(middleware::from_fn(guard))
}

fn asset<S: Clone + Send + Sync + 'static>(
    content_type: &'static str,
    text: &'static str,
) -> axum::routing::MethodRouter<S> {
    get(move || async move { ([(header::CONTENT_TYPE, content_type)], text) })
}

async fn events(Shared(app): Shared<App>) -> Response {
    match app.feeds.try_acquire_owned() {
        Ok(permit) => feed(app.board, app.stopping, permit).into_response(),
        Err(_) => {
            let text = format!("{EVENTS_MAX} readers watch already. Try again later.\n");
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], text).into_response()
        }
    }
}

async fn state(Shared(app): Shared<App>) -> Response {
    Json(app.board.snapshot().1).into_response()
}

async fn health(Shared(app): Shared<App>) -> Response {
    let status = app.board.current_status();
    Json(json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "state": status.state,
        "peers": status.run.map_or(status.peers, |run| run.neighbours),
    }))
    .into_response()
}

#[cfg(test)]
mod tests;
