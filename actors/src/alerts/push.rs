//! Tells the business's channel one thing about one alert. What is owed was committed with the step that owes it, and
//! is posted under the same name until it is taken, refused, or of no use any more; a crash in between posts it again.

use std::collections::HashSet;
use std::time::Duration;

use engine::alert::{Alert, AlertEvent, Fate, Place, Telling, Way, Word};
use engine::ids::AlertId;
use engine::ports::NewPush;
use engine::tools::{Loss, Lost};
use parking_lot::Mutex;
use tokio::time::{sleep, timeout};
use tracing::{error, warn};

use crate::alert::Context;
use crate::metrics::alerts as metrics;

/// Waits between tries; after the last one it is given up. About five minutes in all.
const AGAIN: [Duration; 9] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(15),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(90),
    Duration::from_secs(90),
];
/// Between looks at a store that is away.
const STORE_AWAY: Duration = Duration::from_secs(1);

/// One thing to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Post {
    pub alert: AlertId,
    pub place: Place,
    pub word: Word,
}

/// What is being posted now: whoever starts an alert again does not post it beside that.
#[derive(Default)]
pub(crate) struct UnderWay(Mutex<HashSet<Post>>);

/// Held while something is being posted.
struct Held<'a>(&'a UnderWay, Post);

impl UnderWay {
    fn hold(&self, post: Post) -> Option<Held<'_>> {
        let is_free = self.0.lock().insert(post);
        // Made only when it is: dropping one gives it free.
        is_free.then(|| Held(self, post))
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.0.lock().remove(&self.1);
    }
}

/// What an alert owes the channel.
pub(crate) fn owed(alert: &Alert) -> impl Iterator<Item = Post> {
    let owed = |telling: &&Telling| telling.by == Way::Push && telling.fate == Fate::Owed;
    let post = |telling: &Telling| Post { alert: alert.id, place: telling.place, word: telling.word };
    alert.told.iter().filter(owed).map(post)
}

/// Posts it and records what became of it.
pub(crate) async fn push(context: &Context, post: Post, changed: impl Fn()) {
    let Some(_held) = context.pushing.hold(post) else { return };
    let Ok(_seat) = context.pushes.acquire().await else { return };
    let Some((fate, why)) = tell(context, post).await else { return };
    metrics::pushed(if fate == Fate::Delivered { "delivered" } else { "failed" });
    let Post { alert, place, word } = post;
    let pushed = AlertEvent::Pushed { place, word, fate, why };
    context.desk.record(alert, &pushed, (STORE_AWAY, STORE_AWAY)).await;
    changed();
}

/// `None`: it is known already what became of it.
async fn tell(context: &Context, post: Post) -> Option<(Fate, Option<Box<str>>)> {
    let failed = |why: &str| Some((Fate::Failed, Some(why.into())));
    let mut waits = AGAIN.into_iter();
    loop {
        let alert = read(context, post.alert).await?;
        let telling = alert.told.iter().find(|telling| is(telling, post)).filter(|it| it.fate == Fate::Owed)?;
        if !post.word.holds_in(alert.state) {
            return failed("not needed any more");
        }
        let playbook = context.desk.ledger.tenants.get(&alert.tenant);
        let Some(push) = playbook.and_then(|playbook| alert.push(telling, &playbook)) else {
            return failed("the playbook has no channel any more");
        };
        let lost = match try_once(context, &push).await {
            Ok(()) => return Some((Fate::Delivered, None)),
            Err(lost) => lost,
        };
        match waits.next().filter(|_| lost.how != Loss::Refused) {
            Some(wait) => {
                warn!(alert.id = %post.alert, why = %lost.why, "alert not posted, will retry");
                sleep(wait).await;
            }
            None => {
                error!(alert.id = %post.alert, why = %lost.why, "alert not posted, given up");
                return failed(&lost.why);
            }
        }
    }
}

async fn try_once(context: &Context, push: &NewPush) -> Result<(), Lost> {
    let within = push.channel.endpoint.timeout;
    let posted = timeout(within, context.desk.ledger.pusher.push(push)).await;
    posted.unwrap_or_else(|_| Err(Lost::unknown(format!("no answer within {} ms", within.as_millis()))))
}

fn is(telling: &Telling, post: Post) -> bool {
    telling.by == Way::Push && telling.place == post.place && telling.word == post.word
}

/// Waits for a store that is away. `None`: there is no such alert, or it cannot be read at all.
async fn read(context: &Context, id: AlertId) -> Option<Alert> {
    loop {
        match context.desk.ledger.store.alert(None, id).await {
            Ok(alert) => return alert,
            Err(failure) if failure.is_retry() => sleep(STORE_AWAY).await,
            Err(failure) => {
                error!(alert.id = %id, %failure, "alert cannot be read");
                return None;
            }
        }
    }
}
