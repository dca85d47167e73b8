//! Looks at the playbooks again: every so often, and at once when told to by SIGHUP. Ends with its handle; a panic starts
//! it again. Without a directory there is nothing to look at, but a SIGHUP still must not end the process.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use actors::supervise::{Supervised, supervise};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Mutex;

use super::{Shelf, notices};

/// How long a file that changed has to stay as it is to be taken for finished.
const SETTLES_IN: Duration = Duration::from_millis(250);

/// `every`: `None` is only when told to.
pub fn watch(shelf: Arc<Shelf>, every: Option<Duration>) -> io::Result<Supervised> {
    // The first look was before anybody counted.
    notices::gauges(&shelf.standing());
    let hangup = Arc::new(Mutex::new(signal(SignalKind::hangup())?));
    let every = every.filter(|_| !shelf.is_built_in());
    Ok(supervise("playbooks", move || {
        let (shelf, hangup) = (shelf.clone(), hangup.clone());
        async move { run(&shelf, every, &mut *hangup.lock().await).await }
    }))
}

async fn run(shelf: &Arc<Shelf>, every: Option<Duration>, hangup: &mut Signal) {
    let mut unsettled = false;
    loop {
        let pause = if unsettled { Some(SETTLES_IN) } else { every };
        tokio::select! {
            Some(()) = hangup.recv() => {
                tracing::info!("told to look at the playbooks");
                blocking(shelf, |shelf| shelf.look()).await;
                unsettled = false;
            }
            () = sleep(pause) => unsettled = blocking(shelf, Shelf::glance).await,
        }
    }
}

/// For ever when there is no pause.
async fn sleep(pause: Option<Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => std::future::pending().await,
    }
}

async fn blocking<T: Send + 'static>(shelf: &Arc<Shelf>, look: impl FnOnce(&Shelf) -> T + Send + 'static) -> T {
    let shelf = shelf.clone();
    let looked = tokio::task::spawn_blocking(move || look(&shelf)).await;
    looked.expect("the task is not cancelled; a panic in it is ours, and starts us again")
}
