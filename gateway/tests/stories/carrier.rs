//! `/webhooks/twilio/…`: a carrier tells what became of messages and what people text back; and nobody else does.

use std::time::Duration;

use base64::Engine as _;
use gateway::settings::{Settings, SmsProviderName};
use gateway::simulator::fake_twilio::{Act, Answer, Break, FakeTwilio, Fate, Manners};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha1::Sha1;

use crate::harness::{Answered, App};

pub const PUBLIC: &str = "https://calls.example.com";
pub const OURS: &str = "+14185550190";
pub const CALLER: &str = "+14185550117";
pub const OWNER: &str = "+14185550101";
pub const CREW: &str = "+14185550102";
pub const TOKEN: &str = "not-a-token";

/// An app that sends through the fake one, each reached by the other through a proxy.
async fn with_carrier(manners: Manners) -> (App, FakeTwilio) {
    let fake = FakeTwilio::start_with(manners).await.unwrap();
    (carried_by(&fake, |_| ()).await, fake)
}

/// One more app, to which the fake one turns from now on.
pub async fn carried_by(fake: &FakeTwilio, change: impl FnOnce(&mut Settings)) -> App {
    let app = App::start_with(|settings| {
        settings.public_url = PUBLIC.to_owned();
        settings.sms.provider = SmsProviderName::Twilio;
        let twilio = &mut settings.sms.twilio;
        twilio.base_url = fake.url();
        twilio.account_sid = format!("AC{}", "5".repeat(32));
        twilio.auth_token = TOKEN.to_owned().into();
        twilio.from = OURS.to_owned();
        twilio.mps = 1_000.0;
        change(settings);
    })
    .await;
    let real = format!("http://{}", app.address());
    fake.change(|manners| manners.reached_at = Some((PUBLIC.to_owned(), real)));
    app
}

async fn alarm(app: &App, call: &str) {
    app.rings(call).await.acknowledges();
    app.asks_for(call, "sendSMSAlert", json!({"priority": "P1", "message": "Water"})).await.is(200);
}

fn all_are(state: &'static str) -> impl Fn(&Value) -> bool {
    move |list| {
        let items = list["items"].as_array().unwrap();
        items.len() == 2 && items.iter().all(|sms| sms["state"] == state)
    }
}

#[tokio::test]
async fn what_becomes_of_a_message_is_told_by_signed_callbacks_however_they_come() {
    let twice = Manners { callbacks_twice: true, ..Manners::default() };
    let reversed = Manners { callbacks_reversed: true, ..Manners::default() };
    let first = Manners { callbacks_first: true, ..Manners::default() };
    let late = Manners { callbacks_late: Duration::from_millis(50), ..Manners::default() };
    for manners in [Manners::default(), twice, reversed, first, late] {
        let told = format!("{manners:?}");
        let (app, fake) = with_carrier(manners).await;
        alarm(&app, "call-told").await;
        app.eventually("/api/sms?call=call-told", all_are("delivered")).await;
        let asked = fake.asked_to_send();
        assert_eq!(asked.len(), 2, "{told}");
        let callback = asked[0].field("StatusCallback").unwrap();
        let path = callback.strip_prefix("https://calls.example.com/webhooks/twilio/status/").unwrap();
        let (token, fragment) = path.split_once('#').unwrap();
        assert!(token.len() == 32 && fragment == "rc=5&rp=all", "{callback}");
        assert_ne!(asked[1].field("StatusCallback"), Some(callback), "one for each attempt");
        assert!(fake.called_back().iter().all(|(_, status)| *status == 204), "{:?}", fake.called_back());
    }
}

#[tokio::test]
async fn an_undelivered_message_is_shown_with_its_code() {
    let (app, fake) = with_carrier(Manners::default()).await;
    for number in [OWNER, CREW] {
        fake.fate_of(number, Fate::Undelivered(30003));
    }
    alarm(&app, "call-lost").await;
    let list = app.eventually("/api/sms?call=call-lost", all_are("undelivered")).await;
    assert_eq!(list["items"][0]["error_code"], 30003);
}

#[tokio::test]
async fn who_a_report_says_has_opted_out_is_texted_no_more() {
    let (app, fake) = with_carrier(Manners::default()).await;
    fake.fate_of(OWNER, Fate::Undelivered(21610));
    alarm(&app, "call-unwanted").await;
    let out = app.eventually("/api/opt-outs", |list| list["items"][0].is_object()).await;
    assert_eq!((&out["items"][0]["number"], &out["items"][0]["source"]), (&json!(OWNER), &json!("carrier")));
    assert_eq!(out["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_attempt_without_an_answer_is_known_by_its_callback_or_found_in_the_books() {
    for callbacks_lost in [false, true] {
        let (app, fake) = with_carrier(Manners { callbacks_lost, ..Manners::default() }).await;
        fake.will(Act::AcceptThen(Break::Reset));
        fake.will(Act::AcceptThenAnswer(Answer::refuse(500, 20500, "sorry")));
        alarm(&app, "call-unknown").await;
        app.eventually("/api/sms?call=call-unknown", all_are("delivered")).await;
        assert_eq!(fake.messages().len(), 2, "nobody is told twice");
        let looked = fake.log().iter().filter(|request| request.method == "GET").count();
        assert!(looked > 0 || !callbacks_lost);
    }
}

#[tokio::test]
async fn without_a_public_url_no_callback_is_asked_for() {
    let fake = FakeTwilio::start().await;
    let app = App::start_with(|settings| {
        settings.sms.provider = SmsProviderName::Twilio;
        settings.sms.twilio.base_url = fake.url();
        settings.sms.twilio.account_sid = format!("AC{}", "5".repeat(32));
        settings.sms.twilio.auth_token = TOKEN.to_owned().into();
        settings.sms.twilio.from = OURS.to_owned();
    })
    .await;
    alarm(&app, "call-quiet").await;
    app.eventually("/api/sms?call=call-quiet", |list| list["items"][0]["state"] == "accepted").await;
    assert_eq!(fake.asked_to_send()[0].field("StatusCallback"), None);
}

#[tokio::test]
async fn who_cannot_sign_is_forbidden_and_changes_nothing() {
    let (app, _fake) = with_carrier(Manners::default()).await;
    let form = format!("MessageSid=SM1&From=%2B{}&To=%2B{}&Body=STOP", &CALLER[1..], &OURS[1..]);
    let fields = [("MessageSid", "SM1"), ("From", CALLER), ("To", OURS), ("Body", "STOP")];
    let good = signature(TOKEN, &format!("{PUBLIC}/webhooks/twilio/inbound"), &fields);
    let elsewhere = signature(TOKEN, &format!("http://{}/webhooks/twilio/inbound", app.address()), &fields);
    let strange = signature("another-token", &format!("{PUBLIC}/webhooks/twilio/inbound"), &fields);
    for (signature, body) in [
        ("", form.clone()),
        (&strange, form.clone()),
        (&elsewhere, form.clone()),
        (&good, form.replace("STOP", "START")),
        (&good, form.clone() + "&More=1"),
    ] {
        posted(&app, "/webhooks/twilio/inbound", signature, body).await.refuses(403);
    }
    app.anybody(Method::POST, "/webhooks/twilio/status/00112233445566778899aabbccddeeff").await.refuses(403);
    app.anybody(Method::POST, "/webhooks/twilio/voice/x").await.refuses(403);
    app.anybody(Method::GET, "/webhooks/twilio/inbound").await.refuses(405);
    assert_eq!(app.get("/api/opt-outs").await.is(200).json(), json!({"items": [], "next": null}));
    assert_eq!(app.get("/api/sms/inbound").await.is(200).json()["items"], json!([]));
    posted(&app, "/webhooks/twilio/inbound", &good, form).await.is(204);
    assert_eq!(app.get("/api/opt-outs").await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_body_no_carrier_sends_is_refused_without_reading_on() {
    let (app, _fake) = with_carrier(Manners::default()).await;
    let large = format!("Body={}", "x".repeat(70_000));
    posted(&app, "/webhooks/twilio/inbound", "AAAA", large).await.refuses(413);
    posted(&app, "/webhooks/twilio/inbound", "AAAA", String::new()).await.refuses(403);
}

#[tokio::test]
async fn the_token_may_be_rotated_and_a_key_for_webhooks_ends_its_power() {
    let url = |app: &App| format!("http://{}/webhooks/twilio/inbound", app.address());
    let fields = [("MessageSid", "SM1"), ("From", CALLER), ("Body", "hello")];
    let form = format!("MessageSid=SM1&From=%2B{}&Body=hello", &CALLER[1..]);
    let rotating = App::start_with(|settings| {
        settings.sms.twilio.auth_token = "new".to_owned().into();
        settings.sms.twilio.previous_auth_tokens = vec!["old".to_owned().into()];
    })
    .await;
    for (token, status) in [("new", 204), ("old", 204), ("older", 403)] {
        let signature = signature(token, &url(&rotating), &fields);
        posted(&rotating, "/webhooks/twilio/inbound", &signature, form.clone()).await.is(status);
    }
    let keyed = App::start_with(|settings| {
        settings.sms.twilio.auth_token = "new".to_owned().into();
        settings.sms.twilio.webhook_keys = vec!["key".to_owned().into()];
    })
    .await;
    let old_way = signature("new", &url(&keyed), &fields);
    posted(&keyed, "/webhooks/twilio/inbound", &old_way, form.clone()).await.refuses(403);
    // Nobody has a token at all: nothing can be proven.
    let bare = App::start().await;
    posted(&bare, "/webhooks/twilio/inbound", &signature("", &url(&bare), &fields), form).await.refuses(403);
}

#[tokio::test]
async fn stop_and_start_are_obeyed_in_both_languages_and_seen() {
    let (app, fake) = with_carrier(Manners::default()).await;
    let webhook = format!("{PUBLIC}/webhooks/twilio/inbound");
    let numbers = async || -> Vec<Value> {
        let list = app.get("/api/opt-outs").await.is(200).json();
        list["items"].as_array().unwrap().iter().map(|item| item["source"].clone()).collect()
    };
    for (stop, source, start) in
        [("STOP", "keyword", "START"), ("Arrêt!", "keyword", "début"), ("Arrêtez de m'écrire", "in_words", "OUI")]
    {
        assert_eq!(fake.texts(CALLER, OURS, stop, &webhook).await, (204, String::new()));
        assert_eq!(numbers().await, [source], "{stop}");
        assert_eq!(fake.texts(CALLER, OURS, start, &webhook).await.0, 204);
        assert!(numbers().await.is_empty(), "{start}");
    }
    let texts = app.get("/api/sms/inbound?limit=2").await.is(200).json();
    assert_eq!((&texts["items"][0]["body"], &texts["items"][0]["wish"]), (&json!("OUI"), &json!("yes")));
    assert_eq!((&texts["items"][1]["from"], &texts["items"][1]["wish"]), (&json!(CALLER), &json!("stop_in_words")));
}

#[tokio::test]
async fn one_of_the_team_who_texts_arret_gets_no_alert_and_the_carrier_is_not_asked() {
    let (app, fake) = with_carrier(Manners::default()).await;
    fake.texts(OWNER, OURS, "ARRET", &format!("{PUBLIC}/webhooks/twilio/inbound")).await;
    alarm(&app, "call-stopped").await;
    let settled = |list: &Value| {
        let mut states: Vec<_> = list["items"].as_array().unwrap().iter().map(|sms| sms["state"].to_string()).collect();
        states.sort();
        states == ["\"delivered\"", "\"suppressed\""]
    };
    let list = app.eventually("/api/sms?call=call-stopped", settled).await;
    let stopped = list["items"].as_array().unwrap().iter().find(|sms| sms["to"] == OWNER).unwrap();
    assert_eq!(stopped["state"], "suppressed");
    assert_eq!(fake.asked_to_send().len(), 1);
    let scraped = app.anybody(Method::GET, "/metrics").await.is(200).text;
    assert!(scraped.contains("cordboard_sms_staff_opt_outs_total"), "{scraped}");
}

#[tokio::test]
async fn a_refusal_for_an_opt_out_is_remembered() {
    let (app, fake) = with_carrier(Manners::default()).await;
    for _ in 0..2 {
        fake.will(Act::refuse(400, 21610, "Attempt to send to unsubscribed recipient"));
    }
    alarm(&app, "call-one").await;
    app.eventually("/api/sms?call=call-one", all_are("failed")).await;
    assert_eq!(app.get("/api/opt-outs").await.json()["items"].as_array().unwrap().len(), 2);
    alarm(&app, "call-two").await;
    app.eventually("/api/sms?call=call-two", all_are("suppressed")).await;
    assert_eq!(fake.asked_to_send().len(), 2, "nobody is asked twice");
}

#[tokio::test]
async fn an_opt_out_that_a_report_tells_of_is_remembered_too() {
    let (app, fake) = with_carrier(Manners::default()).await;
    for number in [OWNER, CREW] {
        fake.fate_of(number, Fate::Undelivered(21610));
    }
    alarm(&app, "call-told-later").await;
    app.eventually("/api/sms?call=call-told-later", all_are("undelivered")).await;
    alarm(&app, "call-after").await;
    app.eventually("/api/sms?call=call-after", all_are("suppressed")).await;
    let list = app.get("/api/opt-outs").await.json();
    let sources: Vec<_> = list["items"].as_array().unwrap().iter().map(|item| &item["source"]).collect();
    assert_eq!(sources, ["carrier", "carrier"]);
    assert_eq!(fake.asked_to_send().len(), 2, "nobody is asked twice");
}

#[tokio::test]
async fn help_is_answered_in_the_language_it_was_asked_in() {
    let (app, fake) = with_carrier(Manners::default()).await;
    let webhook = format!("{PUBLIC}/webhooks/twilio/inbound");
    for (word, said) in [("HELP", "Reply STOP"), ("Aide", "ARRET pour")] {
        let (status, answer) = fake.texts(CALLER, OURS, word, &webhook).await;
        assert_eq!(status, 200);
        assert!(answer.contains("<Response><Message>Drains Boréal") && answer.contains(said), "{answer}");
    }
    drop(app);
}

#[tokio::test]
async fn an_operator_opts_numbers_out_and_in() {
    let app = App::start().await;
    let ask = async |path: &str, body: Value| Answered::to(app.as_admin(Method::POST, path).json(&body)).await;
    let added = ask("/api/opt-outs", json!({"number": CALLER, "tenant": "boreal"})).await.is(201).json();
    assert_eq!(
        (&added["number"], &added["source"], &added["tenant"]),
        (&json!(CALLER), &json!("operator"), &json!("boreal"))
    );
    ask("/api/opt-outs", json!({"number": CALLER, "tenant": "boreal"})).await.is(200);
    ask("/api/opt-outs", json!({"number": "5145550110"})).await.refuses(422);
    ask("/api/opt-outs/clear", json!({"number": CALLER, "tenant": "harbour"})).await.refuses(404);
    ask("/api/opt-outs/clear", json!({"number": CALLER, "tenant": "boreal"})).await.is(204);
    assert_eq!(app.get("/api/opt-outs").await.json()["items"], json!([]));
    app.anybody(Method::GET, "/api/opt-outs").await.refuses(401);
    app.anybody(Method::GET, "/api/sms/inbound").await.refuses(401);
}

pub async fn posted(app: &App, path: &str, signature: &str, body: String) -> Answered {
    let mut request = app.request(Method::POST, path).header("content-type", "application/x-www-form-urlencoded");
    if !signature.is_empty() {
        request = request.header("x-twilio-signature", signature);
    }
    Answered::to(request.body(body)).await
}

pub fn signature(token: &str, url: &str, fields: &[(&str, &str)]) -> String {
    let mut fields = fields.to_vec();
    fields.sort_unstable();
    let text = fields.iter().fold(url.to_owned(), |text, (name, value)| text + name + value);
    let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(token.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}
