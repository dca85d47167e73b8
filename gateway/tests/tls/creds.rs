//! A NATS operator of a test's own, with one account and its users, as `nsc` makes them: each a key, each with a JWT
//! that the one above has signed.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use nkeys::KeyPair;
use serde_json::{Value, json};

pub struct Operator {
    key: KeyPair,
    account: KeyPair,
}

impl Operator {
    pub fn new() -> Operator {
        Operator { key: KeyPair::new_operator(), account: KeyPair::new_account() }
    }

    /// What a server has to be told to trust it.
    pub fn config(&self) -> String {
        let operator = jwt(&self.key, &self.key, "operator", &json!({}));
        let unlimited = json!({ "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true,
                                "conn": -1, "leaf": -1 });
        let account = jwt(&self.account, &self.key, "account", &json!({ "limits": unlimited }));
        let id = self.account.public_key();
        format!("operator: {operator}\nresolver: MEMORY\nresolver_preload: {{ {id}: {account} }}\n")
    }

    /// The `.creds` file of a new user.
    pub fn creds(&self, folder: &Path) -> PathBuf {
        let user = KeyPair::new_user();
        let token = jwt(&user, &self.account, "user", &json!({ "subs": -1, "data": -1, "payload": -1 }));
        let seed = user.seed().expect("it was made here");
        let file = folder.join(format!("{}.creds", user.public_key()));
        let text = format!(
            "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        );
        std::fs::write(&file, text).expect("written");
        file
    }
}

fn jwt(subject: &KeyPair, issuer: &KeyPair, kind: &str, more: &Value) -> String {
    let mut nats = json!({ "type": kind, "version": 2 });
    nats.as_object_mut().expect("one").extend(more.as_object().expect("one").clone());
    let claims = json!({ "jti": subject.public_key(), "iat": 1_700_000_000, "iss": issuer.public_key(),
                         "name": kind, "sub": subject.public_key(), "nats": nats });
    let encoded = |part: &Value| BASE64.encode(part.to_string());
    let signed = format!("{}.{}", encoded(&json!({ "typ": "JWT", "alg": "ed25519-nkey" })), encoded(&claims));
    let signature = issuer.sign(signed.as_bytes()).expect("it has its seed");
    format!("{signed}.{}", BASE64.encode(signature))
}
