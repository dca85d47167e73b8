use std::path::Path;

use secrecy::ExposeSecret;

use super::*;
use crate::settings::{SandboxScript, SmsProviderName};

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mine.toml");
    std::fs::write(&file, text).unwrap();
    (dir, file)
}

fn from_file(text: &str) -> Result<Loaded, String> {
    let (dir, file) = written(text);
    let loaded = load(&Layers { file: Some(file), ..Layers::default() });
    loaded.map_err(|error| error.to_string().replace(&format!("{}/", dir.path().display()), ""))
}

fn from_environment(pairs: &[(&str, &str)]) -> Result<Settings, String> {
    let layers = Layers { variables: variables(pairs), ..Layers::default() };
    load(&layers).map(|loaded| loaded.settings).map_err(|error| error.to_string())
}

#[test]
fn the_built_in_defaults_are_every_setting_and_are_accepted() {
    let settings = load(&Layers::default()).unwrap().settings;
    assert_eq!(settings.listen, "127.0.0.1:8080");
    assert_eq!(settings.sms.provider, SmsProviderName::Sandbox);
    assert_eq!(settings.sms.sandbox.script, SandboxScript::Works);
    // `deny_unknown_fields` refuses a default without a field; a field without a default is missing here.
    let whole: Settings = toml::from_str(keys::DEFAULT_TOML).unwrap();
    assert_eq!(whole.data_dir, Path::new("./data"));
}

#[test]
fn a_layer_covers_those_below_it() {
    // (in the file, in the environment, as a flag) -> in force
    for (file, environment, flag, in_force, origin) in [
        (None, None, None, "127.0.0.1:8080", "default"),
        (Some("127.0.0.1:1"), None, None, "127.0.0.1:1", "mine.toml:2"),
        (Some("127.0.0.1:1"), Some("127.0.0.1:2"), None, "127.0.0.1:2", "CORDBOARD_LISTEN"),
        (None, Some("127.0.0.1:2"), None, "127.0.0.1:2", "CORDBOARD_LISTEN"),
        (Some("127.0.0.1:1"), Some("127.0.0.1:2"), Some("127.0.0.1:3"), "127.0.0.1:3", "--listen"),
        (None, None, Some("127.0.0.1:3"), "127.0.0.1:3", "--listen"),
    ] {
        let (_dir, path) = written(&file.map(|listen| format!("# mine\nlisten = {listen:?}")).unwrap_or_default());
        let loaded = load(&Layers {
            file: Some(path),
            variables: variables(
                &environment.map(|listen| ("CORDBOARD_LISTEN", listen)).into_iter().collect::<Vec<_>>(),
            ),
            listen: flag.map(str::to_owned),
            data_dir: None,
        })
        .unwrap();
        assert_eq!(loaded.settings.listen, in_force);
        assert!(loaded.origin("listen").to_string().ends_with(origin), "{}", loaded.origin("listen"));
    }
}

#[test]
fn the_environment_is_read_by_the_type_of_the_default() {
    let settings = from_environment(&[
        ("CORDBOARD_SMS__PROVIDER", "twilio"),
        ("CORDBOARD_SMS__TWILIO__ACCOUNT_SID", "AC1"),
        ("CORDBOARD_SMS__TWILIO__AUTH_TOKEN", "12345"),
        ("CORDBOARD_SMS__TWILIO__FROM", "+15145550100"),
        ("CORDBOARD_SMS__TWILIO__MPS", "3"),
        ("CORDBOARD_DRAIN_S", "7"),
        ("CORDBOARD_PLATFORMS__VAPI__HMAC__SECRET_IS_BASE64", "true"),
        ("CORDBOARD_PLATFORMS__VAPI__PREVIOUS_SECRETS", "one, two,"),
        ("CORDBOARD_LOG", "warn"),
        ("CORDBOARD_TOKEN", "for clients"),
        ("CORDBOARD_CONTRACTS", "for tests"),
        ("CORDBOARD_HTTP__WORKERS", ""),
        ("PATH", "/bin"),
    ])
    .unwrap();
    assert_eq!(settings.sms.provider, SmsProviderName::Twilio);
    assert_eq!(settings.sms.twilio.auth_token.expose_secret(), "12345");
    assert_eq!(settings.sms.twilio.mps, 3.0);
    assert_eq!(settings.drain_s, 7);
    assert!(settings.platforms.vapi.hmac.secret_is_base64);
    let secrets: Vec<&str> = settings.platforms.vapi.previous_secrets.iter().map(|s| s.expose_secret()).collect();
    assert_eq!(secrets, ["one", "two"]);
    assert_eq!(settings.log, "warn");
    assert_eq!(settings.http.workers, 0);
}

#[test]
fn every_setting_can_be_given_by_its_variable() {
    for key in keys::all() {
        let text = match &key.default {
            Value::String(text) => text.clone(),
            Value::Array(_) => "a,b".to_owned(),
            other => other.to_string(),
        };
        let settings = from_environment(&[(&keys::variable(&key.path), &text)]);
        assert!(settings.is_ok(), "{}: {}", key.path, settings.unwrap_err());
    }
}

#[test]
fn what_cannot_be_used_is_named_with_its_place_and_the_nearest_name() {
    for (text, message) in [
        (
            "# one\n\n[sms]\nprovdier = \"twilio\"",
            "mine.toml:4: unknown setting `sms.provdier`; the nearest is `sms.provider`",
        ),
        ("[http]\nworkers = 1\n[smss]\nx = 1", "mine.toml:3: unknown setting `smss`; the nearest is `sms`"),
        ("provider = \"twilio\"", "mine.toml:1: unknown setting `provider`; the nearest is `sms.provider`"),
        (
            "sms.twilio.form = \"+15145550100\"",
            "mine.toml:1: unknown setting `sms.twilio.form`; the nearest is `sms.twilio.from`",
        ),
        ("store = { reader = 2 }", "mine.toml:1: unknown setting `store.reader`; the nearest is `store.readers`"),
        ("\nlisten = 8080", "mine.toml:2: `listen` = 8080 is not usable: expected a text in quotes"),
        ("drain_s = \"long\"", "mine.toml:1: `drain_s` = \"long\" is not usable: expected a whole number"),
        ("drain_s = -1", "mine.toml:1: `drain_s` = -1 is not usable: expected a whole number that is zero or more"),
        ("[sms.twilio]\nmps = \"fast\"", "mine.toml:2: `sms.twilio.mps` = \"fast\" is not usable: expected a number"),
        (
            "[sms]\nprovider = \"pigeon\"",
            "mine.toml:2: `sms.provider` = \"pigeon\" is not usable: expected `sandbox` or `twilio`",
        ),
        ("sms = \"twilio\"", "mine.toml:1: `sms` is not usable: expected a section [sms]"),
        (
            "[platforms.vapi]\nsecret = 42",
            "mine.toml:2: `platforms.vapi.secret` is not usable: expected a text in quotes",
        ),
    ] {
        assert_eq!(from_file(text).unwrap_err(), message);
    }
    assert!(from_file("[sms\n").unwrap_err().starts_with("mine.toml:1: not TOML: "));
}

#[test]
fn a_bad_variable_is_named() {
    for (variable, value, message) in [
        (
            "CORDBOARD_SMS__PROVDIER",
            "twilio",
            "CORDBOARD_SMS__PROVDIER: the environment variable is not a setting; the nearest is `CORDBOARD_SMS__PROVIDER`",
        ),
        ("CORDBOARD_DRAIN_S", "soon", "CORDBOARD_DRAIN_S: `drain_s` = \"soon\" is not usable: expected a whole number"),
        (
            "CORDBOARD_PLATFORMS__VAPI__HMAC__INCLUDE_TIMESTAMP",
            "maybe",
            "CORDBOARD_PLATFORMS__VAPI__HMAC__INCLUDE_TIMESTAMP: `platforms.vapi.hmac.include_timestamp` = \"maybe\" is \
             not usable: expected true or false",
        ),
    ] {
        assert_eq!(from_environment(&[(variable, value)]).unwrap_err(), message);
    }
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let layers = Layers { file: Some("/nowhere/mine.toml".into()), ..Layers::default() };
    assert!(matches!(load(&layers), Err(SettingsError::Unreadable { .. })));
}

#[test]
fn secrets_are_shown_only_as_set_or_not() {
    let (_dir, file) = written("[platforms.vapi]\nsecret = \"tell-nobody\"\nprevious_secrets = [\"nor-this\"]");
    let shown = load(&Layers { file: Some(file), ..Layers::default() }).unwrap().shown();
    let text = serde_json::to_string(&shown).unwrap();
    assert!(!text.contains("tell-nobody") && !text.contains("nor-this"), "{text}");
    let value = |key: &str| shown.iter().find(|shown| shown.key == key).unwrap().value.clone();
    assert_eq!(value("platforms.vapi.secret"), "•••");
    assert_eq!(value("sms.twilio.auth_token"), "");
    assert_eq!(shown.len(), keys::all().len());
}
