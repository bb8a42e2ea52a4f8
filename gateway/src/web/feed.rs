//! One reader's stream of server-sent events.
//!
//! The stream has room for one event. The next is put together only when there is room again, out of all that is new
//! by then: who reads slowly gets fewer and larger updates, and costs no more memory than anybody else.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};

use super::Board;
use super::board::News;

/// How many readers of `/events` there may be at once. Further ones are answered 503 and try again.
pub const EVENTS_MAX: usize = 32;

/// How long to wait between two updates. What comes in between travels together.
pub const UPDATE_EVERY: Duration = Duration::from_millis(150);

/// How often something is said when nothing is new, so that both ends see whether the other is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// How long the last update may take once the server stops.
const FAREWELL: Duration = Duration::from_millis(200);

/// The events of a board, until the reader leaves or `stop` turns true.
pub(super) fn feed(
    board: Board,
    stop: watch::Receiver<bool>,
    permit: OwnedSemaphorePermit,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let (reader, news) = mpsc::channel(1);
    tokio::spawn(async move {
        // That the reader left is no error: it is how most feeds end.
        let _left = tell(&board, stop, &reader).await;
        drop(permit);
    });
    let events = ReceiverStream::new(news).map(|news: News| Ok(news.into_event()));
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

/// The reader has closed the connection.
#[derive(Debug)]
struct Left;

async fn tell(
    board: &Board,
    mut stop: watch::Receiver<bool>,
    reader: &mpsc::Sender<News>,
) -> Result<(), Left> {
    let mut versions = board.versions();
    let (mut seen, everything) = board.snapshot();
    reader.send(News::Everything(everything)).await.map_err(|_| Left)?;
    loop {
        let room = async {
            // Resting first makes one update of what comes together.
            sleep(UPDATE_EVERY).await;
            drop(versions.wait_for(|version| *version != seen).await);
            reader.reserve().await.map_err(|_| Left)
        };
        let room = tokio::select! {
            room = room => room?,
            _ = stop.wait_for(|stop| *stop) => break,
            () = reader.closed() => return Err(Left),
        };
        let (version, news) = board.news(seen);
        room.send(news);
        seen = version;
    }
    // The last thing that the page shall know is how it ended.
    let (version, news) = board.news(seen);
    if version != seen {
        let _too_slow = timeout(FAREWELL, reader.send(news)).await;
    }
    Ok(())
}

impl News {
    fn into_event(self) -> Event {
        match self {
            Self::Everything(snapshot) => event("state", &snapshot),
            Self::Update(update) => event("update", &update),
        }
    }
}

fn event(name: &str, data: &impl serde::Serialize) -> Event {
    Event::default().event(name).json_data(data).expect("what a board holds has string keys only")
}

#[cfg(test)]
mod tests {
    use super::super::{Place, State, Status};
    use super::*;

    fn board() -> Board {
        let place = Place { name: "A".to_owned(), position: None, unit: "1".to_owned() };
        Board::new("Test", vec![place])
    }

    fn readings(news: &News) -> usize {
        match news {
            News::Everything(_) => panic!("expected an update"),
            News::Update(update) => update.readings_len(),
        }
    }

    #[tokio::test]
    async fn a_slow_reader_gets_one_large_update_instead_of_many() {
        let (board, (stop, stopping)) = (board(), watch::channel(false));
        let (reader, mut news) = mpsc::channel(1);
        let told = tokio::spawn({
            let board = board.clone();
            async move { tell(&board, stopping, &reader).await }
        });
        for time_ms in 0..600 {
            board.reading(0, time_ms, 1.0);
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(news.len(), 1, "one event waits, however much is new");
        assert!(matches!(news.recv().await, Some(News::Everything(_))));
        let missed = news.recv().await.expect("it is still told");
        assert!(readings(&missed) > 500, "all that was missed came together: {}", readings(&missed));
        stop.send_replace(true);
        told.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn the_last_update_is_told_before_the_end() {
        let (board, (stop, stopping)) = (board(), watch::channel(false));
        let (reader, mut news) = mpsc::channel(1);
        let told = tokio::spawn({
            let board = board.clone();
            async move { tell(&board, stopping, &reader).await }
        });
        news.recv().await.unwrap();
        board.status(Status { state: State::Done, ..Status::default() });
        stop.send_replace(true);
        assert!(matches!(news.recv().await, Some(News::Update(_))));
        assert!(news.recv().await.is_none());
        told.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_reader_that_leaves_ends_the_feed() {
        let (_stop, stopping) = watch::channel(false);
        let (reader, mut news) = mpsc::channel(1);
        let told = tokio::spawn(async move { tell(&board(), stopping, &reader).await });
        news.recv().await.unwrap();
        drop(news);
        timeout(Duration::from_secs(5), told).await.unwrap().unwrap().unwrap_err();
    }
}
