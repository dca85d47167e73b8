use engine::ids::TenantId;

use super::*;
use crate::settings::{Hmac, HmacAlgorithm, SignatureEncoding, Vapi};

const BODY: &str = r#"{"message":{"type":"hang"}}"#;
const NOW: i64 = 1_790_000_000_000;

fn settings() -> Vapi {
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
            algorithm: HmacAlgorithm::Sha256,
            signature_header: "x-signature".into(),
            signature_prefix: String::new(),
            signature_encoding: SignatureEncoding::Hex,
            include_timestamp: true,
            timestamp_header: "x-timestamp".into(),
            payload_format: "{timestamp}.{body}".into(),
            message_id_header: String::new(),
            secret_is_base64: false,
            tolerance_s: 300,
        },
    }
}

fn hmac(change: impl FnOnce(&mut Hmac)) -> Vapi {
    let mut settings = settings();
    change(&mut settings.hmac);
    settings
}

fn tenant(id: &str) -> Proof {
    Proof::Tenant(TenantId::parse(id).unwrap())
}

/// Ash has a secret of its own; the deployment has two while one is being rotated.
fn doorkeeper(settings: &Vapi) -> Doorkeeper {
    let secrets = [
        (tenant("ash"), "ash-secret"),
        (tenant("birch"), ""),
        (Proof::Deployment, "orchard-7"),
        (Proof::Deployment, "orchard-6"),
        (Proof::Deployment, "  "),
    ];
    Doorkeeper::with(settings, secrets.into_iter())
}

fn admit(doorkeeper: &Doorkeeper, headers: &[(&str, &str)], body: &str) -> Result<Proof, Unauthenticated> {
    let header =
        |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.trim().as_bytes());
    doorkeeper.admit(&Request {
        header: &header,
        method: "POST",
        url: "https://desk.example.com/webhooks/vapi",
        body: body.as_bytes(),
        now: Timestamp::from_millis(NOW),
    })
}

#[test]
fn a_secret_or_a_bearer_token_proves_whose_webhook_it_is() {
    let doorkeeper = doorkeeper(&settings());
    for (header, value, expected) in [
        ("x-vapi-secret", "orchard-7", Ok(Proof::Deployment)),
        ("x-vapi-secret", "orchard-6", Ok(Proof::Deployment)),
        ("x-vapi-secret", "ash-secret", Ok(tenant("ash"))),
        ("x-vapi-secret", "", Err(Unauthenticated)),
        ("x-vapi-secret", "   ", Err(Unauthenticated)),
        ("x-vapi-secret", "orchard-", Err(Unauthenticated)),
        ("x-vapi-secret", "orchard-77", Err(Unauthenticated)),
        ("x-vapi-secret", "Orchard-7", Err(Unauthenticated)),
        ("x-vapi-secret", "Bearer orchard-7", Err(Unauthenticated)),
        ("authorization", "Bearer orchard-7", Ok(Proof::Deployment)),
        ("authorization", "bearer  ash-secret", Ok(tenant("ash"))),
        ("authorization", "Bearer ", Err(Unauthenticated)),
        ("authorization", "Bearer", Err(Unauthenticated)),
        ("authorization", "orchard-7", Err(Unauthenticated)),
        ("authorization", "Basic orchard-7", Err(Unauthenticated)),
        ("authorization", "é", Err(Unauthenticated)),
        ("x-other", "orchard-7", Err(Unauthenticated)),
    ] {
        assert_eq!(admit(&doorkeeper, &[(header, value)], BODY), expected, "{header}: {value}");
    }
    assert_eq!(admit(&doorkeeper, &[], BODY), Err(Unauthenticated));
}

#[test]
fn headers_and_prefix_are_configurable_and_an_empty_header_name_is_off() {
    let bare = Vapi { bearer_header: "X-Api-Key".into(), bearer_prefix: String::new(), ..settings() };
    assert_eq!(admit(&doorkeeper(&bare), &[("x-api-key", "orchard-7")], BODY), Ok(Proof::Deployment));
    let off = Vapi { secret_header: String::new(), ..settings() };
    assert_eq!(
        admit(&doorkeeper(&off), &[("", "orchard-7"), ("x-vapi-secret", "orchard-7")], BODY),
        Err(Unauthenticated)
    );
}

#[test]
fn without_any_secret_nobody_is_admitted() {
    let none = Doorkeeper::with(&settings(), [(Proof::Deployment, "")].into_iter());
    for headers in [&[][..], &[("x-vapi-secret", "")], &[("authorization", "Bearer ")], &[("x-signature", "")]] {
        assert_eq!(admit(&none, headers, BODY), Err(Unauthenticated));
    }
}

/// Signatures made elsewhere (Python's `hmac`), with the secret `orchard-7`.
#[test]
fn a_signature_is_checked_the_way_it_was_configured() {
    let seconds = ("x-timestamp", "1790000000");
    // Without the time in what is signed, no timestamp is asked for.
    let body_only = |hmac: &mut Hmac| hmac.payload_format = "{body}".into();
    for (name, settings, headers) in [
        (
            "defaults, in seconds",
            settings(),
            [("x-signature", "e2c120dd9c01f1bf92408b72fb3aec642d9b33f87e8748b10d0906d5bd3b19c2"), seconds],
        ),
        (
            "defaults, in upper case",
            settings(),
            [("x-signature", "E2C120DD9C01F1BF92408B72FB3AEC642D9B33F87E8748B10D0906D5BD3B19C2"), seconds],
        ),
        (
            "defaults, in milliseconds",
            settings(),
            [
                ("x-signature", "543c946e39c08ae6ef549f53ee062b0481cf7bec79c2bbd64f36762e29fc15ac"),
                ("x-timestamp", "1790000000000"),
            ],
        ),
        (
            "sha1 over the body",
            hmac(|hmac| {
                body_only(hmac);
                hmac.algorithm = HmacAlgorithm::Sha1;
            }),
            [("x-signature", "850423594993355babcf34a15ab5ea0ee4554c58"), ("x-other", "")],
        ),
        (
            "another header, with a prefix",
            hmac(|hmac| {
                body_only(hmac);
                hmac.signature_header = "X-Hub-Signature-256".into();
                hmac.signature_prefix = "sha256=".into();
            }),
            [
                ("x-hub-signature-256", "sha256=4e2932f44e28b13275deed56c84c15a5c8c2bdd55b8db69ce3e58a6301ffc3ff"),
                ("x-other", ""),
            ],
        ),
        (
            "a well-known prefix nobody configured",
            hmac(body_only),
            [
                ("x-signature", "hmac-sha256=4e2932f44e28b13275deed56c84c15a5c8c2bdd55b8db69ce3e58a6301ffc3ff"),
                ("x-other", ""),
            ],
        ),
        (
            "sha512 in base64",
            hmac(|hmac| {
                hmac.algorithm = HmacAlgorithm::Sha512;
                hmac.signature_encoding = SignatureEncoding::Base64;
            }),
            [
                (
                    "x-signature",
                    "FETcjcPScQwWP8JCVO7Kere3oPdby9S3t7n6DAqPEulxHVv8HcIBMuD4yhKCjDaALVS41zqZ9cp5Af8P6Ali5A==",
                ),
                seconds,
            ],
        ),
        (
            "method and url",
            hmac(|hmac| hmac.payload_format = "{method} {url} {timestamp} {body}".into()),
            [("x-signature", "714e1f6d14036baca144f8d3f80eab0b49787ec32a9bb34ab9a96928216685e6"), seconds],
        ),
    ] {
        let doorkeeper = doorkeeper(&settings);
        assert_eq!(admit(&doorkeeper, &headers, BODY), Ok(Proof::Deployment), "{name}");
        assert_eq!(admit(&doorkeeper, &headers, &BODY.replace("hang", "hung")), Err(Unauthenticated), "{name}");
        let cut = &headers[0].1[..headers[0].1.len() - 4];
        assert_eq!(admit(&doorkeeper, &[(headers[0].0, cut), headers[1]], BODY), Err(Unauthenticated), "{name}");
    }
}

#[test]
fn a_standard_webhook_has_a_binary_key_a_message_id_and_several_signatures() {
    let settings = hmac(|hmac| {
        hmac.secret_is_base64 = true;
        hmac.signature_encoding = SignatureEncoding::Base64;
        hmac.signature_prefix = "v1,".into();
        hmac.signature_header = "webhook-signature".into();
        hmac.timestamp_header = "webhook-timestamp".into();
        hmac.payload_format = "{svix-id}.{timestamp}.{body}".into();
    });
    let doorkeeper = Doorkeeper::with(
        &settings,
        [(Proof::Deployment, "no base64 at all!"), (tenant("ash"), "whsec_AAFiaW5hcnkga2V5//4=")].into_iter(),
    );
    let signatures = "v1,c3RhbGU= v1,xm4dqK83WHZYuCMvqtVfZb5txst9OhVfwn0bmOwVcf8=";
    let headers = [("webhook-signature", signatures), ("webhook-timestamp", "1790000000"), ("webhook-id", "msg_1")];
    assert_eq!(admit(&doorkeeper, &headers, BODY), Ok(tenant("ash")));
    assert_eq!(admit(&doorkeeper, &headers[..2], BODY), Err(Unauthenticated), "the message id is part of it");
}

#[test]
fn an_old_a_future_and_a_missing_timestamp_are_refused() {
    let doorkeeper = doorkeeper(&settings());
    let signed = |timestamp: &str| {
        use ::hmac::{Hmac, KeyInit, Mac};
        let mut mac = Hmac::<Sha256>::new_from_slice(b"orchard-7").unwrap();
        mac.update(format!("{timestamp}.{BODY}").as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        admit(&doorkeeper, &[("x-signature", &signature), ("x-timestamp", timestamp)], BODY)
    };
    for (timestamp, admitted) in [
        ("1790000000", true),
        ("1789999700", true),
        ("1790000300000", true),
        ("2026-09-21T14:13:20Z", true),
        ("1789999699", false),
        ("1790000301000", false),
        ("17900000000000000000", false),
        ("-1790000000", false),
        ("NaN", false),
        ("inf", false),
        ("now", false),
        ("", false),
    ] {
        assert_eq!(signed(timestamp).is_ok(), admitted, "{timestamp}");
    }
}

#[test]
fn one_valid_proof_suffices_whatever_else_is_there() {
    let doorkeeper = doorkeeper(&settings());
    let bad_signature = ("x-signature", "00");
    let admitted = [("x-vapi-secret", "wrong"), ("authorization", "Bearer orchard-7"), bad_signature];
    assert_eq!(admit(&doorkeeper, &admitted, BODY), Ok(Proof::Deployment));
    assert_eq!(admit(&doorkeeper, &[("x-vapi-secret", "wrong"), bad_signature], BODY), Err(Unauthenticated));
}

#[test]
fn debugging_shows_no_secret() {
    assert_eq!(format!("{:?}", doorkeeper(&settings())), "Doorkeeper { secrets: 3, .. }");
}
