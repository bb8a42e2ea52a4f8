//! samod: two repositories over TCP with its own framing and file storage. It does not encrypt, authenticate or sync the disk.
//! A document a stream is its best case: in documents of 500 readings it takes more CPU, two and a half times as much with 60
//! readings a change.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use automerge::{ROOT, ReadDoc};
use samod::storage::TokioFilesystemStorage;
use samod::tokio_io::TcpDialer;
use samod::{BackoffConfig, DocumentId, Repo, Transport, Url};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::Fetched;
use crate::city::Stream;
use crate::clock::Stopwatch;
use crate::document;

/// Makes the documents and lets the first repository store them.
pub(super) fn prepare(home: &Path, streams: Vec<Stream>, per_change: usize) -> anyhow::Result<()> {
    Runtime::new()?.block_on(async {
        let repo = open(&home.join("server")).await;
        let mut names = String::new();
        for stream in streams {
            let made = tokio::task::spawn_blocking(move || document::of(&stream, per_change)).await??;
            let handle = repo.create(made).await?;
            names.push_str(&format!("{}\n", handle.document_id()));
        }
        repo.stop().await;
        fs::write(home.join("documents"), names)?;
        Ok(())
    })
}

/// The repository that has them, loaded.
pub(super) fn serve(home: &Path, until_told: &mut dyn FnMut(String)) -> anyhow::Result<()> {
    Runtime::new()?.block_on(async {
        let repo = open(&home.join("server")).await;
        let mut handles = Vec::new();
        for document in documents(home)? {
            handles.push(
                repo.find(document.clone()).await?.with_context(|| format!("{document} was not stored"))?,
            );
        }
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let acceptor = repo.make_acceptor(Url::parse(&format!("tcp://{address}"))?)?;
        tokio::spawn(async move {
            while let Ok((io, _)) = listener.accept().await {
                if acceptor.accept(Transport::from_tokio_io(io)).is_err() {
                    break;
                }
            }
        });
        tokio::task::block_in_place(|| until_told(address));
        drop(handles);
        Ok(())
    })
}

/// The fresh repository: until all documents are there and stored.
pub(super) fn fetch(home: &Path, address: &str, clock: Stopwatch) -> anyhow::Result<Fetched> {
    Runtime::new()?.block_on(async {
        let repo = open(&home.join("client")).await;
        let dialer = TcpDialer::new(Url::parse(&format!("tcp://{address}"))?)?;
        let dialer = repo.dial(BackoffConfig::default(), Arc::new(dialer))?;
        dialer.established().await?;
        let linking_s = clock.seconds();
        let connection = dialer.connection_id().context("a connection that is established")?;
        let mut fetching = Vec::new();
        for document in documents(home)? {
            let found = repo.find(document);
            fetching.push(tokio::spawn(async move {
                let Some(handle) = found.await? else { bail!("a document is not there") };
                handle.we_have_their_changes(connection).await;
                Ok(handle.with_document(|document| document.length(ROOT)))
            }));
        }
        let mut readings = 0;
        for fetched in fetching {
            readings += fetched.await??;
        }
        repo.stop().await;
        Ok(Fetched { readings, linking_s })
    })
}

async fn open(directory: &Path) -> Repo {
    Repo::build_tokio().with_storage(TokioFilesystemStorage::new(directory)).load().await
}

fn documents(home: &Path) -> anyhow::Result<Vec<DocumentId>> {
    let names = fs::read_to_string(home.join("documents"))?;
    let parse = |name: &str| name.parse().ok().with_context(|| format!("{name} is no document"));
    names.lines().map(parse).collect()
}
