//! Keeps a background task alive: one that panics is started again, with a pause that grows while it keeps dying.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::metrics;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A task that lived this long is forgiven its earlier deaths.
const STEADY: Duration = Duration::from_secs(60);

/// Ends its task when dropped.
pub struct Supervised(JoinHandle<()>);

impl Drop for Supervised {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl From<JoinHandle<()>> for Supervised {
    /// For a task that survives its own panics.
    fn from(task: JoinHandle<()>) -> Supervised {
        Supervised(task)
    }
}

/// Runs what `start` makes until it returns by itself, or until the handle is dropped.
pub fn supervise<F, T>(kind: &'static str, start: F) -> Supervised
where
    F: Fn() -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    Supervised(tokio::spawn(async move {
        let mut pause = FIRST_PAUSE;
        loop {
            let born = Instant::now();
            // The task inside is aborted with us: its handle is dropped by the guard.
            let mut task = AbortOnDrop(tokio::spawn(start()));
            match (&mut task.0).await {
                Ok(()) => return,
                Err(death) if death.is_cancelled() => return,
                Err(_) => metrics::restarted(kind, "panic"),
            }
            tracing::error!(kind, "task panicked, starting it again");
            pause = if born.elapsed() > STEADY { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
            tokio::time::sleep(pause).await;
        }
    }))
}

struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_started_again_and_one_that_returns_is_not() {
        let (lives, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (count, ended) = (lives.clone(), done.clone());
        let _task = supervise("test", move || {
            let (count, ended) = (count.clone(), ended.clone());
            async move {
                assert!(count.fetch_add(1, Ordering::SeqCst) >= 2, "dies twice");
                ended.notify_one();
            }
        });
        done.notified().await;
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(lives.load(Ordering::SeqCst), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn dropping_the_handle_ends_the_task_inside() {
        let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
        let sender = Arc::new(parking_lot::Mutex::new(Some(sender)));
        let task = supervise("test", move || {
            let held = sender.lock().take();
            async move {
                let _held = held;
                std::future::pending::<()>().await;
            }
        });
        tokio::task::yield_now().await;
        drop(task);
        assert!(receiver.await.is_err(), "what the task held is dropped with it");
    }
}
