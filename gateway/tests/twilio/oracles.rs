//! Others' opinion: Twilio's own library on signatures, Twilio's own calculator on segments. Each is asked when it is
//! there: `ORACLE_PYTHON` names a Python that has `twilio`, `ORACLE_NODE` a folder whose
//! `node_modules` has `sms-segments-calculator`. `scripts/test` brings both when it can reach the registries.

use std::io::Write;
use std::process::{Command, Stdio};

use engine::sms::{Encoding, segments};
use gateway::carriers::twilio::{Signed, SigningKeys};
use serde_json::{Value, json};

/// Reads one JSON list and writes one: a signature for each case.
const SIGN: &str = r#"
import json, sys
from twilio.request_validator import RequestValidator
out = []
for case in json.load(sys.stdin):
    params = {}
    for name, value in case["form"]:
        params.setdefault(name, []).append(value)
    class Multi(dict):
        def getall(self, name):
            return self[name]
    validator = RequestValidator(case["token"])
    signed = validator.compute_signature(case["url"], Multi(params), case["algorithm"])
    out.append(signed)
json.dump(out, sys.stdout)
"#;

const COUNT: &str = r#"
const { SegmentedMessage } = require('sms-segments-calculator');
const bodies = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(bodies.map((body) => {
  const message = new SegmentedMessage(body);
  return [message.encodingName, message.segmentsCount];
})));
"#;

#[test]
fn signatures_are_those_of_twilios_own_library() {
    let Ok(python) = std::env::var("ORACLE_PYTHON") else {
        eprintln!("SKIPPED: ORACLE_PYTHON is not set, so nobody else judged the signatures");
        return;
    };
    let urls = [
        "https://calls.example.com/webhooks/twilio/status/0a?tenant=boreal&x=%C3%A9",
        "http://127.0.0.1:8080/webhooks/twilio/inbound",
        "https://calls.example.com:8443/",
        "https://calls.example.com",
    ];
    let forms = [
        vec![],
        vec![("Body", "ARRÊT 🛑 s’il vous plaît  "), ("From", "+15145550110"), ("Empty", "")],
        vec![("b", "2"), ("b", "1"), ("b", "2"), ("B", "é&=+%"), ("a", "\n"), ("_", "x y")],
    ];
    let mut cases = Vec::new();
    for url in urls {
        for form in &forms {
            for algorithm in ["HMAC_SHA1", "HMAC_SHA256"] {
                cases.push(json!({"url": url, "form": form, "token": "a-token", "algorithm": algorithm}));
            }
        }
    }
    let signatures = ask(Command::new(python).args(["-c", SIGN]), &json!(cases));
    for (case, signature) in cases.iter().zip(signatures.as_array().unwrap()) {
        let pairs: Vec<(String, String)> = serde_json::from_value(case["form"].clone()).unwrap();
        let body = encoded(&pairs);
        let settings = format!("key=k,algorithm={}", case["algorithm"].as_str().unwrap());
        let (url, signature) = (case["url"].as_str().unwrap(), signature.as_str().unwrap());
        let keys = SigningKeys { tokens: vec!["a-token".into()], shared: Vec::new() };
        let signed = Signed { url, signature, settings: &settings, body: body.as_bytes() };
        assert!(keys.verify(&signed), "{case}");
        let forged = format!("{body}&more=1");
        assert!(!keys.verify(&Signed { body: forged.as_bytes(), ..signed }), "{case}");
    }
}

#[test]
fn segments_are_counted_as_twilios_own_calculator_counts() {
    let Ok(folder) = std::env::var("ORACLE_NODE") else {
        eprintln!("SKIPPED: ORACLE_NODE is not set, so nobody else counted the segments");
        return;
    };
    let letters = ["a", "é", "ô", "€", "🛑", "👩‍👩‍👧", "e\u{301}", "\n", "[", "ç", "’", "한"];
    let mut bodies = vec![String::new()];
    for letter in letters {
        bodies.extend(
            [
                1, 2, 33, 34, 35, 66, 67, 68, 69, 70, 71, 76, 77, 80, 81, 134, 135, 152, 153, 154, 159, 160, 161, 306,
                307,
            ]
            .map(|n| letter.repeat(n)),
        );
        bodies.extend([66, 67, 69, 70, 152, 153, 159, 160].map(|n| "a".repeat(n) + letter + "b"));
    }
    let counted = ask(Command::new("node").current_dir(folder).args(["-e", COUNT]), &json!(bodies));
    for (body, theirs) in bodies.iter().zip(counted.as_array().unwrap()) {
        let ours = segments(body);
        let encoding = if ours.encoding == Encoding::Gsm7 { "GSM-7" } else { "UCS-2" };
        assert_eq!(json!([encoding, ours.count]), *theirs, "{} of {:?}", body.chars().count(), body.chars().next());
    }
}

/// Runs when `CORDBOARD_CONTRACTS` names a folder of recorded contracts.
#[test]
fn recorded_counts_of_segments_are_ours() {
    let Ok(contracts) = std::env::var("CORDBOARD_CONTRACTS") else {
        eprintln!("skipped: CORDBOARD_CONTRACTS is not set");
        return;
    };
    let file = std::path::Path::new(&contracts).join("twilio/segment-vectors.json");
    let recorded: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    for vector in recorded["vectors"].as_array().unwrap() {
        let ours = segments(vector["text"].as_str().unwrap());
        let encoding = if ours.encoding == Encoding::Gsm7 { "GSM-7" } else { "UCS-2" };
        let plain = &vector["plain"];
        assert_eq!(
            (&plain["encoding"], &plain["segments"]),
            (&json!(encoding), &json!(ours.count)),
            "{}",
            vector["name"]
        );
    }
}

fn ask(command: &mut Command, question: &Value) -> Value {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the oracle starts");
    child.stdin.take().unwrap().write_all(question.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the oracle failed");
    serde_json::from_slice(&output.stdout).expect("the oracle answers in JSON")
}

fn encoded(pairs: &[(String, String)]) -> String {
    let text = |text: &str| text.bytes().map(|b| format!("%{b:02X}")).collect::<String>();
    pairs.iter().map(|(name, value)| format!("{}={}", text(name), text(value))).collect::<Vec<_>>().join("&")
}
