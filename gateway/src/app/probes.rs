//! What `/readyz` asks of the store, the playbooks and the carrier.

use std::sync::Arc;

use actors::sms_pool::SmsPool;

use crate::http::{Condition, Probe};
use crate::playbooks::Shelf;
use crate::stores::Store;

pub(super) fn of(store: &Arc<dyn Store>, kind: &'static str, playbooks: &Arc<Shelf>) -> Vec<Probe> {
    let (store, troubled) = (store.clone(), store.clone());
    let playbooks = playbooks.clone();
    let store = Probe::new("store", kind, move || {
        let store = store.clone();
        async move { store.ping().await }
    });
    let mut probes = vec![store.troubled(move || troubled.troubles())];
    probes.push(Probe::telling("playbooks", move || {
        let standing = playbooks.standing();
        Condition { kind: standing.served().to_string() + " in force", troubles: standing.troubles() }
    }));
    probes
}

/// A carrier whose breakers are open keeps messages waiting and loses none: we are ready all the same.
pub(super) fn texting(pool: SmsPool, provider: &'static str) -> Probe {
    Probe::telling("sms", move || {
        let open = pool.open_breakers().into_iter().filter(|(_, count)| *count > 0);
        let troubles = open.map(|(kind, count)| format!("{count} breaker open: {}", kind.as_str())).collect();
        Condition { kind: provider.to_owned(), troubles }
    })
}
