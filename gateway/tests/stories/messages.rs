//! `/api/sms…`: what was owed to whom, and what became of it.

use serde_json::{Value, json};

use crate::harness::App;

#[tokio::test]
async fn an_alert_reaches_everybody_the_playbook_names() {
    let app = App::start().await;
    app.rings("call-alarmed").await.acknowledges();
    let asked = json!({"priority": "P1", "message": "Water in the basement", "phoneNumbers": ["+19005550199"]});
    let answered = app.asks_for("call-alarmed", "sendSMSAlert", asked).await.is(200);
    let (key, said) = answered.tool_result();
    assert_eq!(key, "result", "{said}");
    assert!(!said.contains("555"), "a model is told no number: {said}");

    let delivered = |list: &Value| {
        let items = list["items"].as_array().unwrap();
        items.len() == 2 && items.iter().all(|sms| sms["state"] == "delivered")
    };
    let list = app.eventually("/api/sms?call=call-alarmed", delivered).await;
    assert_eq!(list["next"], Value::Null);
    let mut told: Vec<_> = list["items"].as_array().unwrap().iter().map(|sms| (&sms["contact"], &sms["to"])).collect();
    told.sort_by_key(|(contact, _)| contact.to_string());
    assert_eq!(told, [(&json!("crew"), &json!("+14185550102")), (&json!("owner"), &json!("+14185550101"))]);

    let sms = &list["items"][0];
    assert_eq!(
        (&sms["priority"], &sms["call"], &sms["tenant"]),
        (&json!("P1"), &json!("call-alarmed"), &json!("boreal"))
    );
    assert!(sms["body"].as_str().unwrap().contains("Water in the basement"));
    let one = app.get(&format!("/api/sms/{}", sms["id"].as_str().unwrap())).await.is(200).json();
    let log = one["attempt_log"].as_array().unwrap();
    assert_eq!((log.len(), &log[0]["http_status"], &log[0]["from"]), (1, &json!(201), &sms["from"]));
    assert_eq!(log[0]["token"], Value::Null, "whoever knows it may tell us what became of the message");
    sms.as_object().unwrap().iter().for_each(|(field, value)| assert_eq!(&one[field], value, "{field}"));
    let call = app.eventually("/api/calls/call-alarmed", |call| call["sms"]["delivered"] == 2).await;
    assert_eq!(call["sms"], json!({"queued": 0, "sent": 0, "delivered": 2, "failed": 0}));
}

#[tokio::test]
async fn the_newest_texts_come_first_and_as_many_as_wanted() {
    let app = App::start().await;
    for call in ["call-first", "call-second"] {
        app.rings(call).await.acknowledges();
        app.asks_for(call, "sendSMSAlert", json!({"priority": "P1", "message": "Come"})).await.is(200);
    }
    let list = app.get("/api/sms?limit=3").await.is(200).json();
    let calls: Vec<_> = list["items"].as_array().unwrap().iter().map(|sms| sms["call"].as_str().unwrap()).collect();
    assert_eq!(calls, ["call-second", "call-second", "call-first"]);
}

#[tokio::test]
async fn a_text_that_is_not_there_is_404_and_a_limit_without_sense_422() {
    let app = App::start().await;
    assert_eq!(app.get("/api/sms").await.is(200).json(), json!({"items": [], "next": null}));
    app.get("/api/sms/not-an-id").await.refuses(404);
    app.get("/api/sms/00000000000000000000000000000000").await.refuses(404);
    app.get("/api/sms?limit=0").await.refuses(422);
    app.get("/api/sms?tenant=UPPER").await.refuses(422);
    app.get(&format!("/api/sms?call={}", "x".repeat(129))).await.refuses(422);
}
