//! `POST /api/backup`: the store as one file, as it stood at one moment, while everything goes on.

use std::io;
use std::path::Path;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::body::SizedStream;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, Data};
use futures_util::stream::{self, Stream};
use serde_json::json;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use super::auth::{Identity, Role};
use super::{Problem, State};
use crate::backup;

/// Bytes read and sent at once.
const CHUNK: usize = 64 * 1024;

pub async fn backup(identity: Identity, state: Data<State>) -> Result<HttpResponse, Problem> {
    identity.at_least(Role::Admin)?;
    if identity.tenant.is_some() {
        return Err(Problem::forbidden("a backup holds every tenant, and this token belongs to one"));
    }
    // Begun, it is brought to its end, whoever has left: half a copy must not lie about.
    let made = state.runtime.spawn(make(state.clone().into_inner(), identity));
    let (file, bytes) = made.await.map_err(|_| Problem::internal("the backup broke off"))??;
    let body = SizedStream::new(bytes, chunks(file));
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/vnd.sqlite3")).body(body))
}

/// The copy, open, and without a name any more: it is gone when it has been sent, or when the process ends.
async fn make(state: Arc<State>, identity: Identity) -> Result<(File, u64), Problem> {
    let keeping = &state.keeping;
    let _turn = keeping.turn()?;
    let path = keeping.data_dir.join(backup::BEING_MADE);
    let made = backup::make(&*keeping.store, &keeping.data_dir, &path, state.clock.now()).await;
    let opened = match made {
        Ok(true) => open(&path).await.map_err(|why| Problem::internal(format!("the copy cannot be read: {why}"))),
        Ok(false) => Err(Problem::conflict(backup::BY_OTHER_TOOLS)),
        Err(failure) => Err(failure.into()),
    };
    let _ = tokio::fs::remove_file(&path).await;
    let (file, bytes) = opened?;
    state.note(&identity, None, "backup", "", json!({"bytes": bytes})).await?;
    Ok((file, bytes))
}

async fn open(path: &Path) -> io::Result<(File, u64)> {
    let file = File::open(path).await?;
    let bytes = file.metadata().await?.len();
    Ok((file, bytes))
}

fn chunks(file: File) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold(file, async |mut file| {
        let mut chunk = vec![0; CHUNK];
        let read = file.read(&mut chunk).await?;
        chunk.truncate(read);
        Ok((read > 0).then(|| (Bytes::from(chunk), file)))
    })
}
