//! Which node does what only one may do at a time: send texts, walk alerts, publish to the bus. Where there is one
//! process, it is that one, always.

use tokio::sync::watch;

/// Whether this node leads now. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lead {
    held: watch::Receiver<bool>,
}

impl Lead {
    /// The only process there is.
    pub fn always() -> Lead {
        Lead { held: watch::channel(true).1 }
    }

    pub fn held(&self) -> bool {
        *self.held.borrow()
    }

    /// Returns at once on the node that leads; on another, when it comes to lead.
    pub async fn until_held(&self) {
        let mut held = self.held.clone();
        if held.wait_for(|held| *held).await.is_err() {
            // Nobody elects any more: the last word stands. Only a process that stops gets here.
            std::future::pending::<()>().await;
        }
    }
}
