//! Accounts and what they may speak of, over signatures made here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::testing::fixtures;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::*;

const URL: &str = "https://calls.example.com/webhooks/twilio/inbound";
const OURS: &str = "AC-deployment";

/// A tenant with an account of its own: its name, its secret, the number it texts from.
fn playbook(tenant: &str, own: Option<(&str, &str, &str)>) -> Playbook {
    let mut playbook = Playbook { tenant: TenantId::parse(tenant).unwrap(), ..fixtures::playbook() };
    playbook.sms.carrier = own.map(|(account, secret, sender)| OwnCarrier {
        account: account.into(),
        secret: secret.into(),
        senders: vec![sender.into()],
        per_second: None,
        account_per_second: None,
    });
    playbook
}

fn webhooks(tenants: &Tenants) -> Webhooks {
    let defaults: settings::Settings = toml::from_str(include_str!("../../../../config/default.toml")).unwrap();
    let settings =
        settings::Twilio { account_sid: OURS.to_owned(), auth_token: "ours".to_owned().into(), ..defaults.sms.twilio };
    Webhooks::new(&settings, Arc::new(Errors::new("").unwrap()), tenants.clone())
}

/// What a webhook that names this account and is signed with this secret proves.
fn proves(webhooks: &Webhooks, account: &str, secret: &str) -> Option<Proven> {
    let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{URL}AccountSid{account}").as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let body = format!("AccountSid={account}");
    webhooks.prove(&Signed { url: URL, signature: &signature, settings: "", body: body.as_bytes() })
}

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

#[test]
fn an_account_is_proven_with_its_own_secret_and_speaks_for_its_own_tenant() {
    let tenants = Tenants::new([
        playbook("acme", None),
        playbook("yak", Some(("AC-yak", "yaks", "+15145550198"))),
        playbook("zebra", Some(("AC-zebra", "zebras", "+15145550199"))),
    ]);
    let webhooks = webhooks(&tenants);
    for (account, secret, speaks_for) in [
        ("AC-yak", "yaks", vec!["yak"]),
        ("AC-zebra", "zebras", vec!["zebra"]),
        ("AC-yak", "zebras", vec![]),
        ("AC-yak", "ours", vec![]),
        (OURS, "yaks", vec![]),
        ("AC-strange", "yaks", vec![]),
        (OURS, "ours", vec!["acme", "yak", "zebra"]),
        ("AC-strange", "ours", vec!["acme", "yak", "zebra"]),
        ("AC-zebra", "", vec![]),
        ("", "", vec![]),
    ] {
        let proven = proves(&webhooks, account, secret);
        let spoken = ["acme", "yak", "zebra"].map(tenant);
        let spoken = spoken.iter().filter(|it| proven.as_ref().is_some_and(|proven| proven.speaks_for(it)));
        assert_eq!(spoken.map(TenantId::as_str).collect::<Vec<_>>(), speaks_for, "{account} {secret}");
    }
    let ours = proves(&webhooks, OURS, "ours").unwrap();
    assert_eq!(ours.texted(&["+15145550100"]), Whose::Shared(vec![tenant("acme")]), "who texts from it");
    assert_eq!(proves(&webhooks, "AC-yak", "yaks").unwrap().texted(&[]), Whose::Tenant(tenant("yak")));
}

#[test]
fn accounts_follow_the_playbooks() {
    let tenants = Tenants::new([playbook("yak", Some(("AC-yak", "one", "+15145550198")))]);
    let webhooks = webhooks(&tenants);
    assert!(proves(&webhooks, "AC-yak", "one").is_some());
    tenants.replace(playbook("yak", Some(("AC-yak", "two", "+15145550198"))));
    assert!(proves(&webhooks, "AC-yak", "one").is_none());
    assert!(proves(&webhooks, "AC-yak", "two").is_some());
    let retired = tenants.in_force().playbooks.clone();
    tenants.put(InForce { retired, ..InForce::default() });
    assert!(proves(&webhooks, "AC-yak", "two").is_some(), "what it has sent may still be told of");
    tenants.put(InForce::default());
    assert!(proves(&webhooks, "AC-yak", "two").is_none());
}

#[test]
fn of_those_who_share_an_account_the_number_says_who_was_texted() {
    let tenants = Tenants::new([
        playbook("acme", None),
        playbook("boss", Some((OURS, "ours", "+15145550196"))),
        playbook("liar", Some(("AC-two", "guessed", "+15145550197"))),
        playbook("yak", Some(("AC-two", "both", "+15145550198"))),
        playbook("zebra", Some(("AC-two", "both", "+15145550199"))),
    ]);
    let webhooks = webhooks(&tenants);
    let both = proves(&webhooks, "AC-two", "both").unwrap();
    assert_eq!(both.texted(&["+15145550199"]), Whose::Tenant(tenant("zebra")));
    assert_eq!(both.texted(&["+15145550100"]), Whose::Shared(vec![tenant("yak"), tenant("zebra")]));
    let liar = proves(&webhooks, "AC-two", "guessed").unwrap();
    assert!(liar.speaks_for(&tenant("liar")) && !liar.speaks_for(&tenant("yak")), "it takes the secret, not the name");
    let ours = proves(&webhooks, OURS, "ours").unwrap();
    assert_eq!(ours.texted(&["+15145550196"]), Whose::Tenant(tenant("boss")));
    assert_eq!(ours.texted(&[]), Whose::Shared(vec![tenant("acme"), tenant("boss")]));
}
