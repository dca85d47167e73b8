//! The same adapter over recorded samples, where `CORDBOARD_CONTRACTS` names the folder they are in.

use std::path::PathBuf;

use engine::call::Fault;
use engine::playbook::Language;
use engine::time::Timestamp;
use gateway::platforms::vapi::{Doorkeeper, Request, ended_reasons, parse};
use gateway::platforms::{Asks, Proof};
use gateway::settings::{Hmac, HmacAlgorithm, SignatureEncoding, Vapi};
use serde_json::Value;

use super::{bodies_in, events, received, understood};

/// The folder of recorded samples, where there is one.
fn contracts() -> Option<PathBuf> {
    let folder = std::env::var_os("CORDBOARD_CONTRACTS").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("CORDBOARD_CONTRACTS is not set: nothing compared");
    }
    folder
}

fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn every_recorded_body_is_understood() {
    let Some(folder) = contracts() else { return };
    for samples in ["vapi/examples", "drain-fortin/webhooks"] {
        for (name, body) in bodies_in(&folder.join(samples)) {
            let Ok(delivery) = parse(&body, received()) else {
                assert!(serde_json::from_slice::<Value>(&body).unwrap()["message"].is_null(), "{name} was refused");
                continue;
            };
            let foreign = name.contains("unknown") || samples.starts_with("drain");
            assert!(foreign || delivery.kind != "unknown", "{name}: {}", understood(&delivery));
            let told = format!("{delivery:?}");
            assert!(!told.contains("REDACTED") && !told.contains("controlUrl"), "{name}: {told}");
        }
    }
}

#[test]
fn every_recorded_tool_call_keeps_its_place_and_its_id() {
    let Some(folder) = contracts() else { return };
    for (name, body) in bodies_in(&folder.join("vapi/examples")) {
        let message = &serde_json::from_slice::<Value>(&body).unwrap()["message"];
        let Some(sent) = message["toolCallList"].as_array() else { continue };
        let delivery = parse(&body, received()).unwrap();
        assert!(matches!(delivery.asks, Asks::Record(_)), "{name}");
        let answered: Value = serde_json::from_slice(&delivery.render(&[], Language::En).body).unwrap();
        let ids = |list: &Value, key: &str| -> Vec<Value> {
            list.as_array().unwrap().iter().map(|call| call[key].clone()).collect()
        };
        assert_eq!(ids(&answered["results"], "toolCallId"), ids(&message["toolCallList"], "id"), "{name}");
        assert_eq!(events(&delivery).len(), sent.len(), "{name}");
    }
}

#[test]
fn every_known_ended_reason_is_in_its_group() {
    let Some(folder) = contracts() else { return };
    let known = json(folder.join("vapi/ended-reasons.json"));
    let mut wrong = Vec::new();
    let mut count = 0;
    for (group, reasons) in known["groups"].as_object().unwrap() {
        for reason in reasons.as_array().unwrap().iter().map(|reason| reason.as_str().unwrap()) {
            let (got, fault) = ended_reasons::classify(reason);
            let marked = [
                ("vapifault", Fault::Platform),
                ("providerfault", Fault::Provider),
                ("pipeline-error-", Fault::Provider),
            ]
            .into_iter()
            .find(|(marker, _)| reason.contains(marker));
            if got != group || marked.is_some_and(|(_, expected)| fault != expected) {
                wrong.push(format!("{reason}: {got} {fault:?}, not {group}"));
            }
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(Some(count), known["count"].as_u64());
}

/// Where a vector says nothing, the plan's documented default holds.
fn settings(vector: &Value, header: &str) -> Vapi {
    let text = |key: &str| vector[key].as_str().unwrap_or_default();
    Vapi {
        secret: "".into(),
        previous_secrets: Vec::new(),
        secret_header: "x-vapi-secret".into(),
        bearer_header: "authorization".into(),
        bearer_prefix: "Bearer ".into(),
        credential_id: String::new(),
        api_key: "".into(),
        base_url: String::new(),
        hmac: Hmac {
            algorithm: match text("algorithm") {
                "sha1" => HmacAlgorithm::Sha1,
                "sha512" => HmacAlgorithm::Sha512,
                _ => HmacAlgorithm::Sha256,
            },
            signature_header: header.to_owned(),
            signature_prefix: text("signaturePrefix").to_owned(),
            signature_encoding: match text("signatureEncoding") {
                "base64" => SignatureEncoding::Base64,
                _ => SignatureEncoding::Hex,
            },
            include_timestamp: vector["includeTimestamp"].as_bool().unwrap_or(true),
            timestamp_header: vector["timestampHeader"].as_str().unwrap_or("x-timestamp").to_owned(),
            payload_format: vector["payloadFormat"].as_str().unwrap_or("{timestamp}.{body}").to_owned(),
            message_id_header: vector["messageIdHeader"].as_str().unwrap_or_default().to_owned(),
            secret_is_base64: vector["secretIsBase64"].as_bool().unwrap_or(false),
            tolerance_s: 300,
        },
    }
}

fn admitted(settings: &Vapi, secret: &str, headers: &[(String, String)], body: &[u8], now: i64) -> bool {
    let header = |name: &str| {
        headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_bytes())
    };
    let doorkeeper = Doorkeeper::new(settings, vec![secret.to_owned().into()], &[]);
    let now = Timestamp::from_millis(now);
    let request = Request { header: &header, method: "POST", url: "https://desk.example.com/webhooks/vapi", body, now };
    doorkeeper.admit(&request) == Ok(Proof::Deployment)
}

#[test]
fn recorded_signatures_are_valid_and_flipped_ones_are_not() {
    let Some(folder) = contracts() else { return };
    let file = json(folder.join("vapi/headers/hmac-vectors.json"));
    let body = file["body"].as_str().unwrap();
    let now = file["timestamp"].as_str().unwrap().parse::<i64>().unwrap() * 1000;
    for vector in file["vectors"].as_array().unwrap() {
        let headers: Vec<(String, String)> = vector["headers"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned()))
            .collect();
        let (name, _) = headers.iter().find(|(name, _)| name.contains("signature")).unwrap().clone();
        let settings = settings(vector, &name);
        let secret = vector["secret"].as_str().or(file["secret"].as_str()).unwrap();
        assert!(admitted(&settings, secret, &headers, body.as_bytes(), now), "{}", vector["name"]);
        assert!(!admitted(&settings, "other", &headers, body.as_bytes(), now), "{}", vector["name"]);
        for at in [0, body.len() / 2, body.len() - 1] {
            let mut flipped = body.as_bytes().to_vec();
            flipped[at] ^= 1;
            assert!(!admitted(&settings, secret, &headers, &flipped, now), "{} at {at}", vector["name"]);
        }
    }
}

#[test]
fn signatures_of_the_original_system_are_taken_in_every_form_it_took() {
    let Some(folder) = contracts() else { return };
    let file = json(folder.join("drain-fortin/signing/hmac-vectors.json"));
    let plan = serde_json::json!({ "includeTimestamp": false, "payloadFormat": "{body}" });
    let header = file["header"].as_str().unwrap();
    let check = |value: &Value| {
        let headers = [(header.to_owned(), value.as_str().unwrap().to_owned())];
        let body = file["raw_body"].as_str().unwrap();
        admitted(&settings(&plan, header), file["secret"].as_str().unwrap(), &headers, body.as_bytes(), 0)
    };
    for form in file["forms"].as_array().unwrap() {
        assert!(check(&form["value"]), "{form}");
    }
    for refused in file["negative"].as_array().unwrap().iter().filter(|case| case["expect"] == 401) {
        assert!(!check(&refused["value"]), "{refused}");
    }
}
