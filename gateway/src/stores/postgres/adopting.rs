//! Takes over what was recorded elsewhere while this database could not be reached: frames, texts with their attempts,
//! alerts with their receipts. Everything may be offered again, because an answer may be lost: what is here already is
//! not written twice, and nothing here is replaced by something older.

mod alert;
mod texts;

use std::collections::HashSet;

use engine::alert::{Alert, Entry};
use engine::call::Frame;
use engine::failure::Failure;
use engine::ids::SmsId;
use engine::sms::Tried;

use super::append::Notices;
use super::errors::blames_the_data;
use super::{PostgresStore, unavailable};
use crate::stores::batch::Verdict;

/// What came of offering something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adopted {
    /// It is here now: written, or it was before.
    Here,
    /// Its call is not here yet.
    TooEarly,
    /// The database will never take it.
    Refused,
}

impl PostgresStore {
    /// Appends frames as [`append`](engine::ports::CallStore::append) does, without their texts and alerts: those follow
    /// as they stand by now.
    pub async fn adopt_frames(&self, frames: &[Frame]) -> Vec<Verdict> {
        let bare = |frame: &Frame| Frame { texts: Vec::new(), ..frame.clone() };
        let bare: Vec<Frame> = frames.iter().map(bare).collect();
        self.append_frames(&bare, Notices::TakenBefore).await
    }

    /// One transaction. Those that are here afterwards; the others wait for their calls.
    pub async fn adopt_texts(&self, texts: &[Tried]) -> Result<HashSet<SmsId>, Failure> {
        self.within(async { self.write_moved(texts).await.map_err(unavailable) }).await
    }

    /// The place of the newest thing that was said about who wants texts; 0 before the first.
    pub async fn newest_opt_out(&self) -> Result<i64, Failure> {
        let query = sqlx::query_scalar("SELECT coalesce(max(position), 0) FROM opt_outs");
        self.within(async { query.fetch_one(&self.pool).await.map_err(unavailable) }).await
    }

    /// One text that may be refused.
    pub async fn adopt_text(&self, text: &Tried) -> Result<Adopted, Failure> {
        self.within(async {
            match self.write_moved(std::slice::from_ref(text)).await {
                Ok(here) if here.is_empty() => Ok(Adopted::TooEarly),
                Ok(_) => Ok(Adopted::Here),
                Err(error) if blames_the_data(&error) => Ok(Adopted::Refused),
                Err(error) => Err(unavailable(error)),
            }
        })
        .await
    }

    /// `base`: the version it had here when somebody else began to change it, 0 if it was opened there. Where it has
    /// moved on here too, both are told in one receipt.
    pub async fn adopt_alert(&self, alert: &Alert, base: u64, entries: &[Entry]) -> Result<Adopted, Failure> {
        self.within(async {
            match self.write_adopted(alert, base, entries).await {
                Ok(adopted) => Ok(adopted),
                Err(error) if blames_the_data(&error) => Ok(Adopted::Refused),
                Err(error) => Err(unavailable(error)),
            }
        })
        .await
    }
}
