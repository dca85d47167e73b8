//! The files of deploy/: settings that are understood, images and a unit that grant no more than is needed, no secrets.

use std::path::Path;
use std::process::Output;

use crate::command::cordboard;
use crate::programs::{agrees, program, told};
use crate::repository;

/// `config check` of the example, with these variables.
fn checked(variables: &[(String, String)]) -> Output {
    let mut command = cordboard();
    command.args(["config", "check", "--config"]).arg(repository::path("deploy/production.example.toml"));
    command.env("CORDBOARD_PLAYBOOKS__DIR", repository::path("config/playbooks"));
    command.envs(variables.iter().cloned());
    command.output().unwrap()
}

/// `NAME=value` lines of the example, comments in front of a name taken away, each empty value filled in.
fn example() -> Vec<(String, String)> {
    let text = repository::read("deploy/env.example");
    let lines = text.lines().map(|line| line.trim_start_matches("# ")).filter_map(|line| line.split_once('='));
    let named = lines.filter(|(name, _)| name.starts_with("CORDBOARD_"));
    named.map(|(name, value)| (name.to_owned(), filled_in(name, value))).collect()
}

fn filled_in(name: &str, value: &str) -> String {
    let made = match name {
        "CORDBOARD_PUBLIC_URL" => "https://calls.example.com".to_owned(),
        "CORDBOARD_SMS__PROVIDER" => "twilio".to_owned(),
        "CORDBOARD_SMS__TWILIO__ACCOUNT_SID" => format!("AC{}", "5".repeat(32)),
        "CORDBOARD_SMS__TWILIO__FROM" => "+14185550190".to_owned(),
        "CORDBOARD_SMS__TWILIO__MESSAGING_SERVICE_SID" => String::new(),
        "CORDBOARD_DEADMAN__URL" => "https://alive.example.com/ping".to_owned(),
        _ => "0123456789abcdef0123456789abcdef".to_owned(),
    };
    if value.is_empty() || name == "CORDBOARD_SMS__PROVIDER" { made } else { value.to_owned() }
}

#[test]
fn the_settings_of_a_deployment_are_understood() {
    agrees(&checked(&[]));
    let variables = example();
    assert!(variables.len() > 8, "{variables:?}");
    agrees(&checked(&variables));
}

#[test]
fn a_mistake_in_them_would_be_found() {
    let output = checked(&[("CORDBOARD_STORE__CONECTIONS".to_owned(), "5".to_owned())]);
    assert_eq!(output.status.code(), Some(3), "{}", told(&output));
}

#[test]
fn every_variable_compose_sets_is_a_setting() {
    let compose = repository::read("deploy/compose.yaml");
    let lines = compose.lines().map(str::trim).filter_map(|line| line.split_once(": "));
    let mut variables: Vec<_> = lines
        .filter(|(name, _)| name.starts_with("CORDBOARD_"))
        .map(|(name, value)| (name.to_owned(), value.replace("${POSTGRES_PASSWORD:?set it in deploy/.env}", "pw")))
        .collect();
    for wanted in ["CORDBOARD_STORE__URL", "CORDBOARD_BUS__URL", "CORDBOARD_CACHE__URL", "CORDBOARD_LISTEN"] {
        assert!(variables.iter().any(|(name, _)| name == wanted), "{wanted} in {variables:?}");
    }
    assert!(!checked(&variables).status.success(), "an open port wants a secret");
    variables.push(("CORDBOARD_PLATFORMS__VAPI__SECRET".to_owned(), "0123456789abcdef".to_owned()));
    agrees(&checked(&variables));
}

#[test]
fn no_secret_is_in_the_files() {
    for file in
        ["compose.yaml", "Dockerfile", "production.example.toml", "cordboard.service", "nginx.conf", "Caddyfile"]
    {
        let text = repository::read(&format!("deploy/{file}"));
        for line in text.lines().filter(|line| line.contains("PASSWORD") || line.to_lowercase().contains("secret =")) {
            assert!(line.contains("${POSTGRES_PASSWORD:?"), "{file}: {line}");
        }
    }
    let example = repository::read("deploy/env.example");
    let secrets = ["SECRET", "TOKEN", "PASSWORD", "API_KEY", "DEADMAN__URL"];
    for line in example.lines().filter(|line| !line.starts_with('#') && secrets.iter().any(|name| line.contains(name)))
    {
        assert!(line.ends_with('='), "a value for a secret: {line}");
    }
}

#[test]
fn images_are_named_without_a_registry_and_the_server_is_nobody() {
    let (dockerfile, compose) = (repository::read("deploy/Dockerfile"), repository::read("deploy/compose.yaml"));
    let from = dockerfile.lines().filter_map(|line| line.strip_prefix("FROM "));
    let images = from.chain(compose.lines().filter_map(|line| line.trim().strip_prefix("image: ")));
    let images: Vec<_> = images.map(|image| image.split(' ').next().unwrap()).collect();
    assert_eq!(images.len(), 7, "{images:?}");
    for image in images {
        let (name, tag) = image.split_once(':').expect("an image has a version");
        assert!(!name.contains('.') && (!tag.contains("latest") || name == "cordboard"), "{image}");
    }
    assert!(dockerfile.lines().any(|line| line == "USER 65532:65532"));
    let toolchain = repository::read("rust-toolchain.toml");
    let built_by =
        dockerfile.lines().find_map(|line| line.strip_prefix("FROM rust:")).unwrap().split('-').next().unwrap();
    assert!(toolchain.contains(&format!("channel = \"{built_by}.")), "{built_by} is not the toolchain");
}

#[test]
fn the_image_asks_its_own_binary_how_it_is() {
    let dockerfile = repository::read("deploy/Dockerfile");
    let check = dockerfile.lines().find(|line| line.starts_with("HEALTHCHECK")).unwrap();
    assert!(check.ends_with(r#"CMD ["cordboard", "healthcheck"]"#), "{check}");
    agrees(&cordboard().args(["healthcheck", "--help"]).output().unwrap());
}

/// What the image is built from is all that is sent to be built.
#[test]
fn what_the_workspace_needs_is_sent_to_be_built() {
    let sent = repository::read("deploy/Dockerfile.dockerignore");
    for needed in
        ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "engine", "actors", "gateway", "benches", "config"]
    {
        assert!(sent.lines().any(|line| line == format!("!{needed}")), "{needed}");
    }
    let sources = ["gateway/src", "actors/src", "engine/src"];
    let mut outside = Vec::new();
    sources.iter().for_each(|source| included(&repository::path(source), &mut outside));
    for file in outside {
        let top = file.split('/').next().unwrap();
        assert!(sent.lines().any(|line| line == format!("!{top}")), "{file} is compiled in and not sent");
    }
}

/// Files above the crates that the sources under here include, from the repository's root.
fn included(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            included(&entry, found);
        } else if entry.extension().is_some_and(|kind| kind == "rs") {
            let source = std::fs::read_to_string(&entry).unwrap();
            for macro_call in ["include_str!(\"", "include_bytes!(\"", "migrate!(\""] {
                let paths = source.split(macro_call).skip(1).filter_map(|rest| rest.split('"').next());
                let above = paths.filter(|path| path.starts_with("../")).map(|path| path.trim_start_matches("../"));
                found.extend(
                    above.filter(|path| path.contains("config") || path.contains("migrations")).map(str::to_owned),
                );
            }
        }
    }
}

/// The unit with the binary under test in the place of the installed one.
fn unit() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let unit = repository::read("deploy/cordboard.service");
    let unit = unit.replace("/usr/local/bin/cordboard", env!("CARGO_BIN_EXE_cordboard"));
    std::fs::write(dir.path().join("cordboard.service"), unit).unwrap();
    dir
}

#[test]
fn systemd_takes_the_unit_and_calls_it_safe() {
    let Some(mut verifies) = program("SYSTEMD_ANALYZE") else { return };
    let dir = unit();
    let file = dir.path().join("cordboard.service");
    agrees(&verifies.args(["verify", "--man=no"]).arg(&file).output().unwrap());
    let mut judges = program("SYSTEMD_ANALYZE").expect("it is set");
    // Tenths: it ends badly above 2.0 of 10, where 10 is a unit without any restriction.
    agrees(&judges.args(["security", "--offline=true", "--threshold=20", "--no-pager"]).arg(&file).output().unwrap());
}
