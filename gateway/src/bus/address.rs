//! Where the servers are, and who we are to them. A secret: shown by host and port alone.

use std::fmt;

use async_nats::{ConnectOptions, ServerAddr};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

const DEFAULT_PORT: u16 = 4222;

/// `nats://[user:password@ | token@]host[:port]`, or `tls://…` for a server that must prove who it is; several with
/// commas between, as members of one cluster, of which one `tls://` speaks for all.
#[derive(Clone, Debug)]
pub struct Address {
    servers: Vec<Server>,
    login: Login,
}

#[derive(Clone, Debug)]
struct Server {
    secure: bool,
    /// An IPv6 address in brackets.
    host: String,
    port: u16,
}

#[derive(Clone, Debug)]
enum Login {
    None,
    Token(SecretString),
    Password { user: String, password: SecretString },
}

/// Never quotes the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    #[error("it is no nats:// or tls:// URL of a server")]
    NotAServer,
    #[error("it has a path or a query")]
    MoreThanAServer,
    #[error("its servers have different users or passwords")]
    SeveralLogins,
}

impl Address {
    pub fn parse(text: &str) -> Result<Address, BadAddress> {
        let urls: Vec<Url> = text.split(',').map(|part| url(part.trim())).collect::<Result<_, _>>()?;
        let first = &urls[0];
        let who = |url: &Url| (url.username().to_owned(), url.password().map(str::to_owned));
        if urls.iter().any(|url| who(url) != who(first) && who(url) != (String::new(), None)) {
            return Err(BadAddress::SeveralLogins);
        }
        Ok(Address { login: login(first)?, servers: urls.iter().map(server).collect() })
    }

    pub fn login(&self, options: ConnectOptions) -> ConnectOptions {
        match &self.login {
            Login::None => options,
            Login::Token(token) => options.token(token.expose_secret().to_owned()),
            Login::Password { user, password } => {
                options.user_and_password(user.clone(), password.expose_secret().to_owned())
            }
        }
    }

    /// Whether the servers must prove who they are, which is asked of all or of none.
    pub fn is_secure(&self) -> bool {
        self.servers.iter().any(|server| server.secure)
    }

    /// Without user and password: they are given once, in [`Address::login`].
    pub fn servers(&self) -> Vec<ServerAddr> {
        self.servers.iter().map(|server| server.to_string().parse().expect("it was a URL before")).collect()
    }
}

fn url(text: &str) -> Result<Url, BadAddress> {
    let url = Url::parse(text).map_err(|_| BadAddress::NotAServer)?;
    if !matches!(url.scheme(), "nats" | "tls") || url.host_str().unwrap_or_default().is_empty() {
        return Err(BadAddress::NotAServer);
    }
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if bare { Ok(url) } else { Err(BadAddress::MoreThanAServer) }
}

fn server(url: &Url) -> Server {
    let host = url.host_str().expect("it was looked at").to_owned();
    Server { secure: url.scheme() == "tls", host, port: url.port().unwrap_or(DEFAULT_PORT) }
}

fn login(url: &Url) -> Result<Login, BadAddress> {
    let plain = |escaped: &str| percent_decoded(escaped).ok_or(BadAddress::NotAServer);
    Ok(match (url.username(), url.password()) {
        ("", None) => Login::None,
        (token, None) => Login::Token(plain(token)?.into()),
        (user, Some(password)) => Login::Password { user: plain(user)?, password: plain(password)?.into() },
    })
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' { hex::decode([rest.next()?, rest.next()?]).ok()?[0] } else { byte });
    }
    String::from_utf8(bytes).ok()
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", if self.secure { "tls" } else { "nats" }, self.host, self.port)
    }
}

/// `nats host:port, host:port`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<String> =
            self.servers.iter().map(|server| format!("{}:{}", server.host, server.port)).collect();
        let tls = if self.is_secure() { " (tls)" } else { "" };
        write!(f, "nats {}{tls}", places.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        for (text, shown) in [
            ("nats://127.0.0.1", "nats 127.0.0.1:4222"),
            ("nats://jo:p%40ss@bus.example.com:4333", "nats bus.example.com:4333"),
            ("tls://s3cr3t@bus.example.com/", "nats bus.example.com:4222 (tls)"),
            ("nats://jo:pw@a:1, nats://b:2", "nats a:1, b:2"),
            ("nats://a,tls://b", "nats a:4222, b:4222 (tls)"),
            ("nats://[::1]:4222", "nats [::1]:4222"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.to_string(), shown);
            assert!(!format!("{address:?} {:?}", address.servers()).contains("s3cr3t"), "{address:?}");
            assert!(!format!("{address:?} {:?}", address.servers()).contains("p@ss"), "{address:?}");
        }
    }

    #[test]
    fn a_password_is_read_as_a_url_has_it() {
        let Login::Password { user, password } = Address::parse("nats://jo:p%40ss%2Fw@h").unwrap().login else {
            panic!("it has a password");
        };
        assert_eq!((user.as_str(), password.expose_secret()), ("jo", "p@ss/w"));
    }

    #[test]
    fn what_is_no_server_is_refused() {
        for (text, why) in [
            ("", BadAddress::NotAServer),
            ("127.0.0.1:4222", BadAddress::NotAServer),
            ("redis://h", BadAddress::NotAServer),
            ("nats://", BadAddress::NotAServer),
            ("nats://a,", BadAddress::NotAServer),
            ("nats://jo:p/w@h", BadAddress::NotAServer),
            ("nats://h/calls", BadAddress::MoreThanAServer),
            ("nats://h?tls=1", BadAddress::MoreThanAServer),
            ("nats://a:b@h,nats://c:d@i", BadAddress::SeveralLogins),
        ] {
            assert_eq!(Address::parse(text).err(), Some(why), "{text}");
        }
    }
}
