//! For carriers that send texts and place no calls: who was to be phoned is told by text, and the receipt says why.

use async_trait::async_trait;
use engine::ports::{CallOutcome, NewCall, Telephony};

pub struct NoTelephone;

#[async_trait]
impl Telephony for NoTelephone {
    async fn call(&self, _: &NewCall) -> CallOutcome {
        CallOutcome::Failed { why: "this carrier places no calls".into() }
    }
}
