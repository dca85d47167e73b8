//! What only home knows, and nobody is kept waiting for on the telephone: lists, figures, what is kept for how long. While
//! home is away that is said at once, and may be asked again.

use std::sync::Arc;

use async_trait::async_trait;
use engine::call::CallView;
use engine::failure::Failure;
use engine::ids::TenantId;
use engine::ports::{
    Analytics, AuditLog, Audited, BusCursor, CallHistory, CallsWanted, Changed, Dashboard, DayFigures, Deed, Erased,
    Erasure, Forgets, Position, Removed, Retention, TenantZone, View,
};
use engine::time::Timestamp;
use jiff::civil::Date;

use super::Spooled;
use super::position::Cursor;

#[async_trait]
impl CallHistory for Spooled {
    /// While home is away: those that are in the spool.
    async fn calls(&self, wanted: &CallsWanted) -> Result<Vec<Arc<CallView>>, Failure> {
        match self.gate.is_reachable() {
            true => self.asked_of_home(self.home.calls(wanted)).await,
            false => self.spool.store.calls(wanted).await,
        }
    }
}

#[async_trait]
impl Analytics for Spooled {
    async fn keep_time_zones(&self, zones: &[TenantZone]) -> Result<(), Failure> {
        self.asked_of_home(self.home.keep_time_zones(zones)).await
    }

    async fn refresh(&self, view: View, now: Timestamp) -> Result<bool, Failure> {
        self.asked_of_home(self.home.refresh(view, now)).await
    }

    async fn refreshed_at(&self, view: View) -> Result<Option<Timestamp>, Failure> {
        self.asked_of_home(self.home.refreshed_at(view)).await
    }

    async fn dashboard(&self, tenant: Option<&TenantId>) -> Result<Dashboard, Failure> {
        self.asked_of_home(self.home.dashboard(tenant)).await
    }

    async fn days(&self, tenant: Option<&TenantId>, first: Date, last: Date) -> Result<Vec<DayFigures>, Failure> {
        self.asked_of_home(self.home.days(tenant, first, last)).await
    }
}

/// The bus is told what is at home: what is in the spool has no place in that order yet.
#[async_trait]
impl BusCursor for Spooled {
    async fn resume(&self) -> Result<Position, Failure> {
        if !self.gate.is_home() {
            return Err(self.away());
        }
        self.asked_of_home(self.home.resume()).await
    }

    /// Another node may go on from here, and has another spool: what is kept is how far home was read.
    async fn advance(&self, to: Position) -> Result<(), Failure> {
        let Some(home) = Cursor::read(to).home else { return Ok(()) };
        self.asked_of_home(self.home.advance(home)).await
    }

    async fn changed(&self, except: &[u64], limit: usize) -> Result<Vec<Changed>, Failure> {
        if !self.gate.is_home() {
            return Err(self.away());
        }
        self.asked_of_home(self.home.changed(except, limit)).await
    }

    async fn told(&self, changes: &[u64]) -> Result<(), Failure> {
        self.asked_of_home(self.home.told(changes)).await
    }
}

#[async_trait]
impl Retention for Spooled {
    async fn tenants(&self) -> Result<Vec<TenantId>, Failure> {
        self.asked_of_home(self.home.tenants()).await
    }

    async fn quieten(&self, tenant: &TenantId, before: Timestamp, frames: usize) -> Result<Removed, Failure> {
        self.asked_of_home(self.home.quieten(tenant, before, frames)).await
    }

    async fn remove(&self, tenant: &TenantId, before: Timestamp, frames: usize) -> Result<Removed, Failure> {
        self.asked_of_home(self.home.remove(tenant, before, frames)).await
    }

    async fn remove_loose(
        &self,
        tenant: Option<&TenantId>,
        words_before: Timestamp,
        calls_before: Timestamp,
        limit: usize,
    ) -> Result<Removed, Failure> {
        self.asked_of_home(self.home.remove_loose(tenant, words_before, calls_before, limit)).await
    }
}

/// Nobody is forgotten while something of them may be on its way home: they would be there again.
#[async_trait]
impl Forgets for Spooled {
    fn place(&self) -> &'static str {
        self.home.place()
    }

    async fn look(&self, erasure: &Erasure) -> Result<Erased, Failure> {
        self.asked_of_home(self.home.look(erasure)).await
    }

    async fn forget(&self, erasure: &Erasure) -> Result<Erased, Failure> {
        if !self.gate.is_home() {
            return Err(self.away());
        }
        // What was taken home is gone from the spool, and here is written over.
        self.spool.store.forget(erasure).await?;
        self.asked_of_home(self.home.forget(erasure)).await
    }
}

#[async_trait]
impl AuditLog for Spooled {
    async fn note(&self, deed: &Deed) -> Result<(), Failure> {
        self.asked_of_home(self.home.note(deed)).await
    }

    async fn deeds(
        &self,
        tenant: Option<&TenantId>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Audited>, Failure> {
        self.asked_of_home(self.home.deeds(tenant, before, limit)).await
    }
}
