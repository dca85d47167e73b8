//! What the team answers: a key on the phone, a text in reply; by whichever account it comes in.

use gateway::settings::Settings;
use gateway::simulator::fake_twilio::{FakeTwilio, Manners, Person};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::carrier::{CALLER, CREW, OURS, OWNER, PUBLIC, TOKEN, carried_by, posted, signature};
use crate::harness::{App, HARBOUR_SECRET, bodies};

const INBOUND: &str = "https://calls.example.com/webhooks/twilio/inbound";
const NURSE: &str = "+14185550111";
const CLINIC: &str = "+14185550191";
const CLINIC_TOKEN: &str = "not-a-token-either";

fn clinic_account() -> String {
    format!("AC{}", "6".repeat(32))
}

/// Two businesses: `boreal` by the deployment's account, `harbour` by its own.
struct World {
    app: App,
    fake: FakeTwilio,
    dir: TempDir,
}

/// `steps` of `boreal`'s P1, each waited for so many seconds; these people are at these numbers.
async fn world(steps: &str, within_s: u32, people: &[(&str, Person)]) -> World {
    let dir = tempfile::tempdir().unwrap();
    let rule = format!("roster = \"emergency\"\ntext_within_s = 0\nacknowledge_within_s = {within_s}");
    let roster = format!("\n[rosters.emergency]\nsteps = [{steps}]\n");
    let boreal =
        include_str!("playbooks/boreal.toml").replacen("text = [\"owner\", \"crew\"]\ntext_within_s = 0", &rule, 1);
    let harbour = include_str!("playbooks/harbour.toml").replacen(
        "text = [\"nurse\"]\ntext_within_s = 0",
        &format!("roster = \"emergency\"\ntext_within_s = 0\nacknowledge_within_s = {within_s}"),
        1,
    );
    let own = format!(
        "\n[rosters.emergency]\nsteps = [{{ contacts = [\"nurse\"], by = [\"sms\", \"call\"] }}]\n\
         [sms.carrier]\naccount = \"{}\"\nsecret = \"{CLINIC_TOKEN}\"\nsenders = [\"{CLINIC}\"]\n",
        clinic_account()
    );
    std::fs::write(dir.path().join("boreal.toml"), boreal + &roster).unwrap();
    std::fs::write(dir.path().join("harbour.toml"), harbour + &own).unwrap();
    let accounts = vec![(clinic_account(), CLINIC_TOKEN.to_owned())];
    let fake = FakeTwilio::start_with(Manners { accounts, ..Manners::default() }).await.unwrap();
    for (number, person) in people {
        fake.at(number, *person);
    }
    let app = carried_by(&fake, |settings| on_disk(settings, &dir)).await;
    World { app, fake, dir }
}

fn on_disk(settings: &mut Settings, dir: &TempDir) {
    settings.playbooks.dir = dir.path().to_str().unwrap().to_owned();
    settings.data_dir = dir.path().join("data");
}

const BOTH_WAYS: &str =
    "{ contacts = [\"owner\"], by = [\"sms\", \"call\"] }, { contacts = [\"crew\"], by = [\"sms\", \"call\"] }";
const TOGETHER: &str = "{ contacts = [\"owner\", \"crew\"] }";

impl World {
    async fn alarm(&self, call: &str) -> String {
        self.app.rings(call).await.acknowledges();
        self.app.asks_for(call, "sendSMSAlert", json!({"priority": "P1", "message": "Water & mud"})).await.is(200);
        self.alert_of(call).await
    }

    /// The clinic's.
    async fn bleeding(&self, call: &str) -> String {
        let asked = json!({"priority": "P1", "message": "Bleeding"});
        for body in [bodies::status(call, "ringing"), bodies::tool_call(call, "tool_1", "sendSMSAlert", asked)] {
            let body = bodies::from_harbour(body).to_string();
            self.app.webhook_as(HARBOUR_SECRET, body).await.is(200);
        }
        self.alert_of(call).await
    }

    /// Its path.
    async fn alert_of(&self, call: &str) -> String {
        let list = self.app.get("/api/alerts").await.is(200).json();
        let alert = list["items"].as_array().unwrap().iter().find(|alert| alert["call"] == call);
        format!("/api/alerts/{}", alert.expect("opened with the tool's answer")["id"].as_str().unwrap())
    }

    async fn shows(&self, alert: &str, state: &str) -> Value {
        self.app.eventually(alert, |it| it["state"] == state).await
    }

    /// Until the carrier has heard of so many calls, shown as dialled or over.
    async fn phoned(&self, alert: &str, calls: usize) {
        let is_call = |told: &&Value| told["by"] == "call" && told["fate"] != "owed";
        self.app.eventually(alert, |it| it["told"].as_array().unwrap().iter().filter(is_call).count() == calls).await;
        while self.fake.asked_to_call().len() < calls {
            tokio::task::yield_now().await;
        }
    }

    /// Where a key pressed in this call goes to.
    fn action(&self, call: usize) -> String {
        let twiml = self.fake.asked_to_call()[call].field("Twiml").unwrap().to_owned();
        let url = twiml.split_once("action=\"").unwrap().1.split_once('"').unwrap().0.replace("&amp;", "&");
        url.strip_prefix(PUBLIC).unwrap().to_owned()
    }

    /// Somebody presses a key in this call, told by this account: what is said to them.
    async fn presses(&self, path: &str, key: &str, (account, token): (&str, &str)) -> String {
        let fields = [("AccountSid", account), ("CallSid", "CA1"), ("CallStatus", "in-progress"), ("Digits", key)];
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let signature = signature(token, &format!("{PUBLIC}{path}"), &fields);
        posted(&self.app, path, &signature, body.join("&")).await.is(200).text
    }
}

fn ours() -> String {
    format!("AC{}", "5".repeat(32))
}

/// Who was told by this way, and what became of it.
fn told(alert: &Value, by: &str) -> Vec<(String, String)> {
    let told = alert["told"].as_array().unwrap().iter().filter(|it| it["by"] == by);
    told.map(|it| (it["contact"].as_str().unwrap().to_owned(), it["fate"].as_str().unwrap().to_owned())).collect()
}

fn pair(contact: &str, fate: &str) -> (String, String) {
    (contact.to_owned(), fate.to_owned())
}

#[tokio::test]
async fn an_emergency_texts_and_phones_and_a_key_takes_it() {
    let world = world(BOTH_WAYS, 600, &[(OWNER, Person::PicksUp(Some('1')))]).await;
    let alert = world.alarm("call-key").await;
    let taken = world.shows(&alert, "acknowledged").await;
    assert_eq!((&taken["acknowledged"]["by"], &taken["acknowledged"]["how"]), (&json!("owner"), &json!("keypress")));
    assert_eq!(told(&taken, "call"), [pair("owner", "answered")]);
    let calls = world.fake.asked_to_call();
    assert_eq!(calls.len(), 1);
    assert_eq!((calls[0].field("To"), calls[0].field("From")), (Some(OWNER), Some(OURS)));
    let twiml = calls[0].field("Twiml").unwrap();
    assert!(twiml.contains("Water &amp; mud") && twiml.contains("Press 1 to take it"), "{twiml}");
    assert!(world.fake.asked_to_send().iter().all(|text| text.field("To") == Some(OWNER)), "nobody else is told");
}

#[tokio::test]
async fn a_two_passes_it_on_at_once_and_a_one_takes_it() {
    let people = [(OWNER, Person::PicksUp(Some('2'))), (CREW, Person::PicksUp(Some('1')))];
    let world = world(BOTH_WAYS, 600, &people).await;
    let alert = world.alarm("call-passed").await;
    let taken = world.shows(&alert, "acknowledged").await;
    assert_eq!(taken["acknowledged"]["by"], "crew", "long before the ten minutes of the first step");
    assert_eq!(told(&taken, "call"), [pair("owner", "answered"), pair("crew", "answered")]);
}

#[tokio::test]
async fn a_machine_takes_nothing_whatever_its_tape_sounds_like() {
    let people = [(OWNER, Person::Machine(Some('1'))), (CREW, Person::PicksUp(None))];
    let world = world(BOTH_WAYS, 1, &people).await;
    let alert = world.alarm("call-machine").await;
    let whole = world.shows(&alert, "unanswered").await;
    assert_eq!(told(&whole, "call"), [pair("owner", "machine"), pair("crew", "answered")], "and the walk goes on");
    assert_eq!(whole["acknowledged"], Value::Null);
}

#[tokio::test]
async fn when_nobody_answers_everybody_was_texted_and_phoned() {
    let world = world(BOTH_WAYS, 1, &[(OWNER, Person::Busy)]).await;
    let alert = world.alarm("call-nobody").await;
    let whole = world.shows(&alert, "unanswered").await;
    assert_eq!(told(&whole, "call"), [pair("owner", "no_answer"), pair("crew", "no_answer")]);
    assert_eq!(told(&whole, "sms"), [pair("owner", "delivered"), pair("crew", "delivered")]);
}

#[tokio::test]
async fn a_reply_takes_it_is_answered_and_tells_the_others() {
    let world = world(TOGETHER, 600, &[]).await;
    let alert = world.alarm("call-reply").await;
    let sent = |app: &Value| app["texts"].as_array().unwrap().iter().all(|text| text["state"] == "delivered");
    world.app.eventually(&alert, sent).await;
    let (status, answer) = world.fake.texts(OWNER, OURS, "qui est-ce ?", INBOUND).await;
    assert_eq!((status, answer.as_str()), (204, ""), "nobody can tell what that means");
    let (status, answer) = world.fake.texts(OWNER, OURS, "J'y vais", INBOUND).await;
    assert_eq!(status, 200);
    assert!(answer.contains("<Message>Drains Boréal P1. Noted, thank you: it is yours.</Message>"), "{answer}");
    let taken = world.shows(&alert, "acknowledged").await;
    assert_eq!((&taken["acknowledged"]["by"], &taken["acknowledged"]["how"]), (&json!("owner"), &json!("reply")));
    let whole = world.app.eventually(&alert, |it| it["texts"].as_array().unwrap().len() == 3).await;
    let last = whole["texts"].as_array().unwrap().iter().find(|text| text["body"].to_string().contains("is taking it"));
    assert_eq!(last.expect("the other one hears of it")["to"], CREW);
    assert_eq!(world.fake.texts(CREW, OURS, "1", INBOUND).await.0, 204, "nothing waits for an answer any more");
}

#[tokio::test]
async fn a_stranger_takes_nothing() {
    let world = world(TOGETHER, 600, &[]).await;
    let alert = world.alarm("call-stranger").await;
    for words in ["1", "j'y vais", "2", "je prends la garde jusqu'à 8 h"] {
        assert_eq!(world.fake.texts(CALLER, OURS, words, INBOUND).await, (204, String::new()), "{words}");
    }
    assert_eq!(world.app.get(&alert).await.json()["state"], "open");
}

#[tokio::test]
async fn whoever_presses_a_key_hears_what_came_of_it() {
    let world = world(BOTH_WAYS, 600, &[(OWNER, Person::RingsOn), (CREW, Person::RingsOn)]).await;
    let alert = world.alarm("call-said").await;
    world.phoned(&alert, 1).await;
    let (account, token) = (ours(), TOKEN);
    let first = world.action(0);
    let again = world.presses(&first, "5", (&account, token)).await;
    assert!(again.contains("<Gather") && again.contains("Press 1 to take it"), "{again}");
    let passed = world.presses(&first, "2", (&account, token)).await;
    assert!(passed.contains("Noted: the next person is told."), "{passed}");
    world.phoned(&alert, 2).await;
    let taken = world.presses(&world.action(1), "1", (&account, token)).await;
    assert!(taken.contains("it is yours"), "{taken}");
    let late = world.presses(&first, "1", (&account, token)).await;
    assert!(late.contains("crew is taking it"), "{late}");
    let strange = world.presses("/webhooks/twilio/voice/nobody?lang=en", "1", (&account, token)).await;
    assert!(!strange.contains("<Say"), "{strange}");
    assert_eq!(world.app.get(&alert).await.json()["acknowledged"]["by"], "crew");
}

#[tokio::test]
async fn a_key_pressed_after_a_restart_is_heard() {
    let mut world = world(BOTH_WAYS, 600, &[(OWNER, Person::RingsOn)]).await;
    let alert = world.alarm("call-restarted").await;
    world.phoned(&alert, 1).await;
    world.app.stops().await;
    world.app = carried_by(&world.fake, |settings| on_disk(settings, &world.dir)).await;
    assert_eq!(told(&world.app.get(&alert).await.json(), "call"), [pair("owner", "unknown")]);
    let taken = world.presses(&world.action(0), "1", (&ours(), TOKEN)).await;
    assert!(taken.contains("it is yours"), "{taken}");
    let whole = world.app.get(&alert).await.json();
    assert_eq!((&whole["state"], &whole["acknowledged"]["how"]), (&json!("acknowledged"), &json!("keypress")));
    assert_eq!(told(&whole, "call"), [pair("owner", "answered")]);
    assert_eq!(world.fake.asked_to_call().len(), 1, "nobody is phoned twice");
}

#[tokio::test]
async fn a_tenant_with_its_own_account_texts_phones_and_is_answered_by_it() {
    let world = world(BOTH_WAYS, 600, &[(NURSE, Person::RingsOn)]).await;
    let alert = world.bleeding("call-clinic").await;
    world.phoned(&alert, 1).await;
    let call = &world.fake.asked_to_call()[0];
    assert_eq!((call.account(), call.field("From")), (clinic_account(), Some(CLINIC)));
    let delivered = |it: &Value| it["texts"][0]["state"] == "delivered";
    assert_eq!(world.app.eventually(&alert, delivered).await["texts"][0]["from"], CLINIC);
    assert!(world.fake.called_back().iter().all(|(_, status)| *status == 204), "{:?}", world.fake.called_back());
    let (status, answer) = world.fake.texts(NURSE, CLINIC, "OK", INBOUND).await;
    assert!(status == 200 && answer.contains("Harbour Clinic P1. Noted, thank you: it is yours."), "{answer}");
    assert_eq!(world.shows(&alert, "acknowledged").await["acknowledged"]["by"], "nurse");
    let kept = world.app.get("/api/sms/inbound").await.json();
    assert_eq!(kept["items"][0]["tenant"], "harbour");
}

#[tokio::test]
async fn one_tenants_account_says_nothing_of_anothers_messages_and_calls() {
    let world = world(BOTH_WAYS, 600, &[(OWNER, Person::RingsOn)]).await;
    world.fake.change(|manners| manners.callbacks_lost = true);
    let alert = world.alarm("call-walled").await;
    world.phoned(&alert, 1).await;
    let accepted = |it: &Value| it["texts"][0]["state"] == "accepted";
    world.app.eventually(&alert, accepted).await;
    let clinic = clinic_account();
    let said = world.presses(&world.action(0), "1", (&clinic, CLINIC_TOKEN)).await;
    assert!(!said.contains("<Say"), "{said}");
    let callback = world.fake.asked_to_send()[0].field("StatusCallback").unwrap().to_owned();
    let path = callback.strip_prefix(PUBLIC).unwrap().split('#').next().unwrap();
    let told = async |account: &str, token: &str| {
        let sid = world.fake.messages()[0].sid.clone();
        let fields = [("AccountSid", account), ("MessageSid", &sid), ("MessageStatus", "delivered")];
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        posted(&world.app, path, &signature(token, &format!("{PUBLIC}{path}"), &fields), body.join("&")).await
    };
    told(&clinic, CLINIC_TOKEN).await.is(204);
    told(&clinic, TOKEN).await.refuses(403);
    told(&ours(), CLINIC_TOKEN).await.refuses(403);
    let whole = world.app.get(&alert).await.json();
    assert_eq!((&whole["state"], &whole["texts"][0]["state"]), (&json!("open"), &json!("accepted")));
    told(&ours(), TOKEN).await.is(204);
    assert_eq!(world.app.get(&alert).await.json()["texts"][0]["state"], "delivered");
}
