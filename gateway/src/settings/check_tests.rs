use super::super::load::{Layers, load};

fn verdict(pairs: &[(&str, &str)]) -> Result<(), String> {
    let variables = pairs.iter().map(|(name, value)| (format!("CORDBOARD_{name}"), value.to_string())).collect();
    load(&Layers { variables, ..Layers::default() }).map(drop).map_err(|error| error.to_string())
}

const TWILIO: [(&str, &str); 4] = [
    ("SMS__PROVIDER", "twilio"),
    ("SMS__TWILIO__ACCOUNT_SID", "AC00000000000000000000000000000001"),
    ("SMS__TWILIO__AUTH_TOKEN", "a-token"),
    ("SMS__TWILIO__FROM", "+15145550100"),
];

fn twilio_with(extra: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    TWILIO.iter().copied().chain(extra.iter().copied()).collect()
}

#[test]
fn what_is_safe_is_accepted() {
    for pairs in [
        vec![],
        vec![("LISTEN", "[::1]:9000")],
        vec![("LISTEN", "localhost:9000")],
        vec![("LISTEN", "0.0.0.0:9000"), ("PLATFORMS__VAPI__SECRET", "configured")],
        vec![("PUBLIC_URL", "https://calls.example.com")],
        vec![("PUBLIC_URL", "https://calls.example.com/")],
        vec![("PUBLIC_URL", "http://127.0.0.1:9000")],
        TWILIO.to_vec(),
        twilio_with(&[("SMS__TWILIO__BASE_URL", "http://localhost:9999")]),
        twilio_with(&[("SMS__TWILIO__FROM", ""), ("SMS__TWILIO__MESSAGING_SERVICE_SID", "MG1")]),
        vec![("SMS__SANDBOX__SCRIPT", "hang")],
        vec![("STORE__URL", "sqlite:/tmp/elsewhere.db")],
        vec![("BUS__URL", "nats://127.0.0.1:4222")],
        vec![("BUS__URL", "tls://jo:p%40ss@a,tls://b:4333"), ("BUS__PREFIX", "acme.calls-2")],
        vec![("CACHE__URL", "redis://127.0.0.1")],
        vec![("CACHE__URL", "rediss://cache:p%40ss@cache.example.com:6380/2")],
        vec![("LOG", "info,gateway=debug")],
        vec![
            ("PLATFORMS__VAPI__HMAC__PAYLOAD_FORMAT", "{body}"),
            ("PLATFORMS__VAPI__HMAC__INCLUDE_TIMESTAMP", "false"),
        ],
    ] {
        assert_eq!(verdict(&pairs), Ok(()), "{pairs:?}");
    }
}

#[test]
fn what_is_dangerous_or_cannot_work_is_refused_by_the_name_of_its_setting() {
    for (key, pairs) in [
        ("listen", vec![("LISTEN", "0.0.0.0:8080")]),
        ("listen", vec![("LISTEN", "[::]:8080")]),
        ("listen", vec![("LISTEN", "8080")]),
        ("listen", vec![("LISTEN", "127.0.0.1:99999")]),
        ("store.url", vec![("STORE__URL", "postgres://db")]),
        ("store.url", vec![("STORE__URL", "postgres://jo:p@ss/w@db:x/cordboard")]),
        ("store.url", vec![("STORE__URL", "sqlite")]),
        ("store.connections", vec![("STORE__URL", "postgres://db/cordboard"), ("STORE__CONNECTIONS", "3")]),
        (
            "store.acquire_timeout_ms",
            vec![("STORE__URL", "postgres://db/cordboard"), ("STORE__ACQUIRE_TIMEOUT_MS", "0")],
        ),
        (
            "store.statement_timeout_ms",
            vec![("STORE__URL", "postgres://db/cordboard"), ("STORE__STATEMENT_TIMEOUT_MS", "0")],
        ),
        ("store.url", vec![("STORE__URL", "mysql://db/cordboard")]),
        ("store.readers", vec![("STORE__READERS", "0")]),
        ("bus.url", vec![("BUS__URL", "127.0.0.1:4222")]),
        ("bus.url", vec![("BUS__URL", "nats://jo:p@ss/w@bus:4222")]),
        ("bus.prefix", vec![("BUS__URL", "nats://bus"), ("BUS__PREFIX", "calls.>")]),
        ("bus.prefix", vec![("BUS__URL", "nats://bus"), ("BUS__PREFIX", "")]),
        ("bus.connect_timeout_ms", vec![("BUS__URL", "nats://bus"), ("BUS__CONNECT_TIMEOUT_MS", "0")]),
        ("bus.answer_timeout_ms", vec![("BUS__URL", "nats://bus"), ("BUS__ANSWER_TIMEOUT_MS", "0")]),
        ("cache.url", vec![("CACHE__URL", "http://127.0.0.1")]),
        ("cache.url", vec![("CACHE__URL", "redis:")]),
        ("cache.url", vec![("CACHE__URL", "redis://:p@ss/w@cache:6379")]),
        ("cache.ca_file", vec![("CACHE__URL", "redis://cache"), ("CACHE__CA_FILE", "/etc/ca.pem")]),
        ("cache.prefix", vec![("CACHE__PREFIX", "")]),
        ("cache.prefix", vec![("CACHE__PREFIX", "a*")]),
        ("cache.ttl_s", vec![("CACHE__TTL_S", "0")]),
        ("cache.loads", vec![("CACHE__LOADS", "0")]),
        ("cache.timeout_ms", vec![("CACHE__TIMEOUT_MS", "0")]),
        ("public_url", vec![("PUBLIC_URL", "http://calls.example.com")]),
        ("public_url", vec![("PUBLIC_URL", "https://calls.example.com/webhooks/vapi")]),
        ("public_url", vec![("PUBLIC_URL", "calls.example.com")]),
        ("deadman.url", vec![("DEADMAN__URL", "hc.example.com/ping/1")]),
        ("deadman.url", vec![("DEADMAN__URL", "http://hc.example.com/ping/1")]),
        ("deadman.period_s", vec![("DEADMAN__URL", "https://hc.example.com/1"), ("DEADMAN__PERIOD_S", "0")]),
        ("log", vec![("LOG", "gateway=loudly")]),
        ("data_dir", vec![("DATA_DIR", "")]),
        ("http.webhook_body_bytes", vec![("HTTP__WEBHOOK_BODY_BYTES", "100")]),
        ("platforms.vapi.secret", vec![("PLATFORMS__VAPI__SECRET", "padded ")]),
        ("platforms.vapi.base_url", vec![("PLATFORMS__VAPI__BASE_URL", "http://api.example.com")]),
        ("platforms.vapi.secret_header", vec![("PLATFORMS__VAPI__SECRET_HEADER", "two words")]),
        ("platforms.vapi.hmac.signature_header", vec![("PLATFORMS__VAPI__HMAC__SIGNATURE_HEADER", "")]),
        ("platforms.vapi.hmac.payload_format", vec![("PLATFORMS__VAPI__HMAC__PAYLOAD_FORMAT", "{timestamp}")]),
        ("platforms.vapi.hmac.payload_format", vec![("PLATFORMS__VAPI__HMAC__PAYLOAD_FORMAT", "{body}{nonce}")]),
        ("platforms.vapi.hmac.payload_format", vec![("PLATFORMS__VAPI__HMAC__INCLUDE_TIMESTAMP", "false")]),
        ("sms.senders", vec![("SMS__SENDERS", "0")]),
        ("sms.sandbox.from", vec![("SMS__SANDBOX__FROM", "the office")]),
        ("sms.sandbox.mps", vec![("SMS__SANDBOX__MPS", "0")]),
        ("sms.twilio.mps", vec![("SMS__TWILIO__MPS", "-1")]),
        ("sms.twilio.mps", vec![("SMS__TWILIO__MPS", "NaN")]),
        ("sms.twilio.account_mps", vec![("SMS__TWILIO__ACCOUNT_MPS", "-1")]),
        ("sms.twilio.account_mps", vec![("SMS__TWILIO__ACCOUNT_MPS", "inf")]),
        ("sms.twilio.account_sid", vec![("SMS__PROVIDER", "twilio")]),
        ("sms.twilio.auth_token", twilio_with(&[("SMS__TWILIO__AUTH_TOKEN", "")])),
        ("sms.twilio.from", twilio_with(&[("SMS__TWILIO__FROM", "")])),
        ("sms.twilio.messaging_service_sid", twilio_with(&[("SMS__TWILIO__MESSAGING_SERVICE_SID", "MG1")])),
        ("sms.twilio.base_url", twilio_with(&[("SMS__TWILIO__BASE_URL", "http://twilio.example.com")])),
        ("limits.seats", vec![("LIMITS__SEATS", "0")]),
    ] {
        let message = verdict(&pairs).expect_err(key);
        assert!(message.contains(&format!("`{key}` is refused: ")), "{key}: {message}");
    }
}

#[test]
fn an_empty_secret_among_the_previous_ones_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mine.toml");
    std::fs::write(&file, "[platforms.vapi]\nprevious_secrets = [\"\"]").unwrap();
    let message = load(&Layers { file: Some(file), ..Layers::default() }).unwrap_err().to_string();
    assert!(message.contains("mine.toml:2: `platforms.vapi.previous_secrets` is refused"), "{message}");
}
