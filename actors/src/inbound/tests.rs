//! Texts that come in, on memory ports.

use async_trait::async_trait;
use engine::testing::memory::{ManualClock, MemoryBus, MemoryStore};
use engine::testing::{fixtures, frames};
use parking_lot::Mutex;

use super::*;

const CALLER: &str = "+15145550142";
const OWNER: &str = "+15145550110";

#[derive(Default)]
struct Said(Mutex<Vec<String>>);

#[async_trait]
impl Replies for Said {
    async fn hear(&self, reply: &Reply) -> Result<Heard, Failure> {
        self.0.lock().push(reply.body.to_string());
        Ok(Heard::Answered { say: "noted".to_owned() })
    }
}

struct World {
    inbound: Inbound,
    store: Arc<MemoryStore>,
    replies: Arc<Said>,
}

fn world() -> World {
    let (store, replies) = (Arc::new(MemoryStore::default()), Arc::new(Said::default()));
    let clock = Arc::new(ManualClock::at(frames::moment(0)));
    let tenants = Tenants::new([fixtures::playbook()]);
    let inbound =
        Inbound::new(store.clone(), store.clone(), replies.clone(), Arc::new(MemoryBus::default()), tenants, clock);
    World { inbound, store, replies }
}

fn text(id: &str, from: &str, body: &str) -> Text {
    let (from, to) = (from.parse().unwrap(), "+15145550199".into());
    let whose = Whose::Shared(vec![frames::tenant("acme")]);
    Text { id: id.into(), whose, from, to, body: body.into(), understood: None }
}

impl World {
    async fn hears(&self, id: &str, from: &str, body: &str) -> Option<String> {
        self.inbound.hear(&text(id, from, body)).await.unwrap()
    }

    async fn is_out(&self, number: &str) -> bool {
        self.store.is_opted_out(Some(&frames::tenant("acme")), &number.parse().unwrap()).await.unwrap()
    }
}

#[tokio::test]
async fn stop_is_obeyed_and_start_undoes_it_in_either_language() {
    for (stop, start) in [("STOP", "START"), ("arrêt", "Début"), ("stop texting me", "oui"), ("désabonnez-moi", "YES")]
    {
        let world = world();
        assert_eq!(world.hears("m1", CALLER, stop).await, None, "{stop}: the carrier answers that, or nobody");
        assert!(world.is_out(CALLER).await, "{stop}");
        assert_eq!(world.hears("m2", CALLER, start).await, None);
        assert!(!world.is_out(CALLER).await, "{start}");
        assert!(world.replies.0.lock().is_empty());
    }
}

#[tokio::test]
async fn a_stop_that_is_delivered_again_does_not_undo_the_start_after_it() {
    let world = world();
    for (id, body) in [("m1", "STOP"), ("m2", "START"), ("m1", "STOP")] {
        world.hears(id, CALLER, body).await;
    }
    assert!(!world.is_out(CALLER).await);
    assert_eq!(Inbox::latest(&*world.store, None, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn help_is_answered_in_the_language_asked_unless_the_carrier_did() {
    let world = world();
    for (body, said) in [("HELP", "STOP"), ("aide", "ARRET"), ("info", "STOP")] {
        let answer = world.hears(body, CALLER, body).await.unwrap();
        assert!(
            answer.contains(said) && answer.starts_with("Acme Drains") && answer.chars().count() <= 160,
            "{answer}"
        );
    }
    let answered = Text { understood: Some(Wish::Help(None)), ..text("m4", CALLER, "HELP") };
    assert_eq!(world.inbound.hear(&answered).await.unwrap(), None);
}

#[tokio::test]
async fn what_the_carrier_understood_counts_before_the_words() {
    let world = world();
    let stop = Text { understood: Some(Wish::Stop(engine::sms::Said::Keyword)), ..text("m1", CALLER, "assez") };
    world.inbound.hear(&stop).await.unwrap();
    assert!(world.is_out(CALLER).await);
}

#[tokio::test]
async fn everything_else_is_an_answer_and_kept() {
    let world = world();
    for (id, body) in [("m1", "1"), ("m2", "J'y vais"), ("m3", "oui"), ("m4", "je prends la garde jusqu'à 8 h")] {
        assert_eq!(world.hears(id, OWNER, body).await, Some("noted".to_owned()));
        assert_eq!(world.hears(id, OWNER, body).await, None, "delivered again, it answers nothing again");
    }
    assert_eq!(*world.replies.0.lock(), ["1", "J'y vais", "oui", "je prends la garde jusqu'à 8 h"]);
    let kept = Inbox::latest(&*world.store, Some(&frames::tenant("acme")), 10).await.unwrap();
    assert_eq!(kept.len(), 4, "of the only tenant there is");
}

#[tokio::test]
async fn one_of_the_team_who_opts_out_is_known_by_name() {
    let world = world();
    world.hears("m1", OWNER, "STOP").await;
    assert!(world.is_out(OWNER).await, "even of alerts");
    let out = world.store.in_force(None, 1).await.unwrap().remove(0);
    let (tenant, contact) = world.inbound.leavers.on_the_team(&out).unwrap();
    assert_eq!((tenant.as_str(), &*contact), ("acme", "owner"));
    let stranger = OptOut { number: CALLER.parse().unwrap(), ..out };
    assert_eq!(world.inbound.leavers.on_the_team(&stranger), None);
}
