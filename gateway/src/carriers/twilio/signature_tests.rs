//! Signatures, against vectors made by hand with Python's `hmac`, and against recorded ones.

use super::*;

const TOKEN: &str = "a-token-of-nobody";
const URL: &str = "https://calls.example.com/webhooks/twilio/status/5d41?tenant=boreal";
const FORM: &str = "To=%2B15145550110&MessageStatus=undelivered&ErrorCode=30003&ErrorMessage=&MessageSid=SM1&Body=Arr%C3%AAt+\
                    %F0%9F%9B%91+++&body=low&MediaUrl=b&MediaUrl=a&MediaUrl=a";

fn keys(tokens: &[&str], shared: &[&str]) -> SigningKeys {
    let secrets = |texts: &[&str]| texts.iter().map(|text| (*text).into()).collect();
    SigningKeys { tokens: secrets(tokens), shared: secrets(shared) }
}

/// As the other side makes it.
fn sign<M: Mac + KeyInit>(key: &str, text: &str) -> String {
    let mut mac = <M as KeyInit>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn sorted_by_hand(url: &str) -> String {
    url.to_owned()
        + "BodyArrêt 🛑   ErrorCode30003ErrorMessageMediaUrlaMediaUrlbMessageSidSM1MessageStatusundeliveredTo+15145550110bodylow"
}

fn signed<'a>(url: &'a str, signature: &'a str, settings: &'a str) -> Signed<'a> {
    Signed { url, signature, settings, body: FORM.as_bytes() }
}

const NEWER: &str = "key=webhooks_sharedkey_01,algorithm=HMAC_SHA256";

#[test]
fn the_value_long_printed_in_the_documentation_is_reached() {
    // Source: the example of twilio.com/docs/usage/security.
    let body = b"Digits=1234&To=%2B18005551212&From=%2B14158675309&Caller=%2B14158675309&CallSid=CA1234567890ABCDE";
    let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
    let signed = Signed { url, signature: "RSOYDt4T1cUTdK1PDd93/VVr8B8=", settings: "", body };
    assert!(keys(&["12345"], &[]).verify(&signed));
    assert!(!keys(&["12346"], &[]).verify(&signed));
}

#[test]
fn everything_that_came_is_signed_in_order_and_nothing_else_passes() {
    let signature = sign::<Hmac<Sha1>>(TOKEN, &sorted_by_hand(URL));
    let good = signed(URL, &signature, "");
    let keys = keys(&[TOKEN], &[]);
    assert!(keys.verify(&good));
    for body in [
        FORM.replace("undelivered", "delivered"),
        FORM.replace("&ErrorCode=30003", ""),
        FORM.replace("+++&", "++&"),
        FORM.to_owned() + "&Extra=",
        FORM.to_owned() + "&To=",
        String::new(),
    ] {
        assert!(!keys.verify(&Signed { body: body.as_bytes(), ..good }), "{body}");
    }
    for url in [URL.replace("https", "http"), URL.replace("boreal", "harbour"), URL.replace("calls.", "")] {
        assert!(!keys.verify(&signed(&url, &signature, "")), "{url}");
    }
    for wrong in ["", "=", "AAAA", &signature[..20], &signature.to_lowercase()] {
        assert!(!keys.verify(&signed(URL, wrong, "")), "{wrong}");
    }
}

#[test]
fn a_port_may_be_signed_or_not() {
    let keys = keys(&[TOKEN], &[]);
    for (known, called) in [
        ("https://a.example.com/x", "https://a.example.com:443/x"),
        ("https://a.example.com:443/x?y=1", "https://a.example.com/x?y=1"),
        ("https://a.example.com:8443/x", "https://a.example.com/x"),
        ("http://127.0.0.1:8080/x", "http://127.0.0.1/x"),
        ("http://127.0.0.1/x", "http://127.0.0.1:80/x"),
        ("http://[::1]:8080/x", "http://[::1]/x"),
        ("https://a.example.com", "https://a.example.com:443"),
    ] {
        let signature = sign::<Hmac<Sha1>>(TOKEN, &sorted_by_hand(called));
        assert!(keys.verify(&signed(known, &signature, "")), "{known} signed as {called}");
        let other = sign::<Hmac<Sha1>>(TOKEN, &sorted_by_hand("https://b.example.com/x"));
        assert!(!keys.verify(&signed(known, &other, "")));
    }
}

#[test]
fn several_tokens_are_live_while_one_is_rotated_and_an_empty_one_is_none() {
    let signature = sign::<Hmac<Sha1>>("old", &sorted_by_hand(URL));
    assert!(keys(&["new", "old"], &[]).verify(&signed(URL, &signature, "")));
    assert!(!keys(&["new"], &[]).verify(&signed(URL, &signature, "")));
    let nobodys = sign::<Hmac<Sha1>>("", &sorted_by_hand(URL));
    assert!(!keys(&[""], &[]).verify(&signed(URL, &nobodys, "")));
    assert!(!keys(&[], &[]).verify(&signed(URL, &nobodys, "")));
}

#[test]
fn with_a_key_for_webhooks_the_old_scheme_proves_nothing() {
    let old = sign::<Hmac<Sha1>>(TOKEN, &sorted_by_hand(URL));
    let by_shared = |algorithm_of: fn(&str, &str) -> String| algorithm_of("shared", &sorted_by_hand(URL));
    let newer = by_shared(sign::<Hmac<Sha256>>);
    let both = keys(&[TOKEN], &["shared"]);
    assert!(both.verify(&signed(URL, &newer, NEWER)));
    assert!(both.verify(&signed(URL, &newer, "algorithm = hmac_sha256 , key=x")));
    assert!(!both.verify(&signed(URL, &old, "")), "a downgrade");
    assert!(!both.verify(&signed(URL, &by_shared(sign::<Hmac<Sha1>>), "")), "the right key, the old way");
    assert!(!both.verify(&signed(URL, &sign::<Hmac<Sha256>>(TOKEN, &sorted_by_hand(URL)), NEWER)), "by the token");
    assert!(!both.verify(&signed(URL, &newer, "")), "without saying so");
    assert!(!both.verify(&signed(URL, &newer, "key=x,algorithm=HMAC_SHA512")), "never heard of");
    assert!(keys(&[TOKEN], &[]).verify(&signed(URL, &sign::<Hmac<Sha256>>(TOKEN, &sorted_by_hand(URL)), NEWER)));
}

#[test]
fn a_body_that_is_no_form_is_signed_by_its_hash() {
    let body = br#"{"MessageStatus":"delivered"}"#;
    let url = format!("https://a.example.com/x?q=1&bodySHA256={}", hex::encode(Sha256::digest(body)));
    let keys = keys(&[TOKEN], &[]);
    for (signature, settings) in [(sign::<Hmac<Sha1>>(TOKEN, &url), ""), (sign::<Hmac<Sha256>>(TOKEN, &url), NEWER)] {
        let good = Signed { url: &url, signature: &signature, settings, body };
        assert!(keys.verify(&good));
        assert!(!keys.verify(&Signed { body: br#"{"MessageStatus":"failed"}"#, ..good }));
        assert!(!keys.verify(&Signed { body: b"", ..good }));
    }
    let bare = "https://a.example.com/x";
    let over_url_alone = sign::<Hmac<Sha1>>(TOKEN, bare);
    assert!(
        !keys.verify(&Signed { url: bare, signature: &over_url_alone, settings: "", body }),
        "a body nobody signed"
    );
}

/// Runs when `CORDBOARD_CONTRACTS` names a folder of recorded contracts.
#[test]
fn recorded_signatures_are_believed_and_their_forgeries_are_not() {
    let Ok(contracts) = std::env::var("CORDBOARD_CONTRACTS") else {
        eprintln!("skipped: CORDBOARD_CONTRACTS is not set");
        return;
    };
    let file = std::path::Path::new(&contracts).join("twilio/signature-vectors.json");
    let recorded: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    for vector in recorded["vectors"].as_array().unwrap() {
        let url = vector["url"].as_str().unwrap();
        let body = vector["body"].as_str().map_or_else(|| form(&vector["params"], |_, _| true), str::to_owned);
        let settings = format!("algorithm={}", vector["algorithm"].as_str().unwrap());
        let keys = keys(&[vector["token"].as_str().unwrap()], &[]);
        let signature = vector["expected_signature"].as_str().unwrap();
        let good = Signed { url, signature, settings: &settings, body: body.as_bytes() };
        assert!(keys.verify(&good), "{}", vector["name"]);
        assert!(!keys.verify(&Signed { url: &url.replacen("https", "http", 1), ..good }), "{}", vector["name"]);
        for negative in recorded["negative"].as_array().unwrap().iter().filter(|n| n["of"] == vector["name"]) {
            let change = negative["change"].as_str().unwrap();
            let forged = match change.split_once('=') {
                Some((name, value)) => form(&vector["params"], |other, _| other != name) + &format!("&{name}={value}"),
                None => form(&vector["params"], |name, _| !change.ends_with(name)),
            };
            assert!(!keys.verify(&Signed { body: forged.as_bytes(), ..good }), "{change}");
        }
        let alternates = recorded["port_alternates"][vector["name"].as_str().unwrap()].as_object();
        for (_, alternate) in alternates.into_iter().flatten().filter(|(name, _)| name.starts_with("signature")) {
            assert!(keys.verify(&Signed { signature: alternate.as_str().unwrap(), ..good }), "{}", vector["name"]);
        }
    }
}

fn form(params: &serde_json::Value, wanted: impl Fn(&str, &str) -> bool) -> String {
    let encoded = |text: &str| text.bytes().map(|b| format!("%{b:02X}")).collect::<String>();
    let mut pairs = Vec::new();
    for (name, value) in params.as_object().into_iter().flatten() {
        let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        for value in values.iter().map(|value| value.as_str().unwrap()).filter(|value| wanted(name, value)) {
            pairs.push(format!("{}={}", encoded(name), encoded(value)));
        }
    }
    pairs.join("&")
}
