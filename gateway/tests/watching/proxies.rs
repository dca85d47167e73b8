//! The proxies of deploy/, started as they are but for ports and certificates, in front of a server: what platforms and
//! browsers need of them comes through, and what they must hold back does not.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Answered, App, SECRET, Stream, bodies};
use crate::programs::{agrees, program};
use crate::repository;

const PATIENCE: Duration = Duration::from_secs(30);
/// Largest body of a webhook.
const LARGEST: usize = 8 * 1024 * 1024;

/// A proxy that takes connections. Killed when dropped.
struct Proxy {
    child: Child,
    base: String,
    _dir: TempDir,
}

impl Proxy {
    async fn start(mut command: Command, port: u16, base: String, dir: TempDir) -> Proxy {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut proxy = Proxy { child, base, _dir: dir };
        let taking = async {
            while TcpStream::connect(("127.0.0.1", port)).is_err() {
                assert!(proxy.child.try_wait().unwrap().is_none(), "it ended: {command:?}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, taking).await.expect("the proxy takes connections");
        proxy
    }

    /// As the world would ask: by the name of the certificate.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let client = Client::builder().danger_accept_invalid_certs(true).no_proxy().build().unwrap();
        client.request(method, format!("{}{path}", self.base)).header("host", "calls.example.com")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Free a moment ago.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Replaces what must be there.
fn replaced(text: String, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} is not in the file any more");
    text.replace(from, to)
}

fn nginx(server: SocketAddr) -> Option<(Command, u16, TempDir)> {
    let mut command = program("NGINX")?;
    let (dir, port) = (tempfile::tempdir().unwrap(), port());
    certificate(dir.path());
    let site = repository::read("deploy/nginx.conf");
    let site = replaced(site, "server 127.0.0.1:8080", &format!("server {server}"));
    let site = replaced(site, "    listen 80;\n    listen [::]:80;\n", "    listen unix:plain.sock;\n");
    let site = replaced(site, "    listen [::]:443 ssl http2;\n", "");
    let site = replaced(site, "listen 443 ssl", &format!("listen 127.0.0.1:{port} ssl"));
    let site = replaced(site, "/etc/letsencrypt/live/calls.example.com/", &format!("{}/", dir.path().display()));
    let site = site.replace("unix:plain.sock", &format!("unix:{}/plain.sock", dir.path().display()));
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("    {kind}_temp_path {}/{kind};\n", dir.path().display()))
        .collect();
    let whole = format!(
        "daemon off;\nmaster_process off;\npid {dir}/pid;\nevents {{}}\nhttp {{\n    access_log off;\n{temporary}{site}\n}}\n",
        dir = dir.path().display()
    );
    let file = dir.path().join("nginx.conf");
    std::fs::write(&file, whole).unwrap();
    command.arg("-p").arg(dir.path()).arg("-e").arg(dir.path().join("errors")).arg("-c").arg(file);
    Some((command, port, dir))
}

/// One that proves nothing.
fn certificate(dir: &Path) {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    openssl.args(["-days", "2", "-subj", "/CN=calls.example.com", "-out"]).arg(dir.join("fullchain.pem"));
    agrees(&openssl.arg("-keyout").arg(dir.join("privkey.pem")).output().unwrap());
}

fn caddy(server: SocketAddr) -> Option<(Command, u16, TempDir)> {
    let mut command = program("CADDY")?;
    let (dir, port) = (tempfile::tempdir().unwrap(), port());
    let file = repository::read("deploy/Caddyfile");
    // Without TLS: it would ask the world for a certificate.
    let file =
        replaced(file, "\ncalls.example.com {", &format!("\nhttp://calls.example.com:{port} {{\n\tbind 127.0.0.1"));
    let file = replaced(file, "\n{\n", "\n{\n\tadmin off\n");
    let file = replaced(file, "reverse_proxy 127.0.0.1:8080", &format!("reverse_proxy {server}"));
    let path = dir.path().join("Caddyfile");
    std::fs::write(&path, file).unwrap();
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(path);
    command.env("XDG_DATA_HOME", dir.path()).env("XDG_CONFIG_HOME", dir.path()).env("HOME", dir.path());
    Some((command, port, dir))
}

/// A webhook of exactly this many bytes.
fn of_size(bytes: usize) -> String {
    let mut body = bodies::status("call-behind-a-proxy", "in-progress");
    body["message"]["padding"] = Value::String(String::new());
    let bare = body.to_string().len();
    body["message"]["padding"] = Value::String("x".repeat(bytes - bare));
    body.to_string()
}

async fn comes_through(app: &App, proxy: &Proxy) {
    let webhook = |body: String| {
        let request = proxy.request(Method::POST, "/webhooks/vapi").header("x-vapi-secret", SECRET);
        Answered::to(request.header("content-type", "application/json").body(body))
    };
    webhook(bodies::status("call-behind-a-proxy", "ringing").to_string()).await.acknowledges();
    webhook(of_size(LARGEST)).await.acknowledges();
    webhook(of_size(LARGEST + 1)).await.is(413);
    // Each node is asked for itself, never through here.
    Answered::to(proxy.request(Method::GET, "/metrics")).await.is(404);
    Answered::to(proxy.request(Method::GET, "/healthz")).await.is(200);

    let request = proxy.request(Method::GET, "/api/live/sse").bearer_auth(app.admin_token());
    let mut live = tokio::time::timeout(PATIENCE, Stream::open(request)).await.expect("a stream begins at once");
    assert_eq!(live.next().await["t"], "welcome");
    webhook(bodies::status("call-seen-live", "ringing").to_string()).await.acknowledges();
    while !live.next().await.to_string().contains("call-seen-live") {}
}

#[tokio::test]
async fn behind_nginx_webhooks_and_streams_come_through() {
    let app = App::start().await;
    let Some((command, port, dir)) = nginx(app.address()) else { return };
    let proxy = Proxy::start(command, port, format!("https://127.0.0.1:{port}"), dir).await;
    comes_through(&app, &proxy).await;
    let secure = Answered::to(proxy.request(Method::GET, "/healthz")).await;
    assert_eq!(secure.header("strict-transport-security"), "max-age=31536000", "the server knows that it was https");
}

#[tokio::test]
async fn behind_caddy_webhooks_and_streams_come_through() {
    let app = App::start().await;
    let Some((command, port, dir)) = caddy(app.address()) else { return };
    let proxy = Proxy::start(command, port, format!("http://127.0.0.1:{port}"), dir).await;
    comes_through(&app, &proxy).await;
}

/// nginx hands a webhook to the next node when one is gone: that is what makes an upgrade unheard.
#[tokio::test]
async fn a_node_that_is_gone_costs_nobody_an_answer() {
    let app = App::start().await;
    let gone = SocketAddr::from(([127, 0, 0, 1], port()));
    let Some((command, port, dir)) = nginx(gone) else { return };
    let file = dir.path().join("nginx.conf");
    let one = std::fs::read_to_string(&file).unwrap();
    let both = replaced(one, &format!("server {gone} "), &format!("server {};\n    server {gone} ", app.address()));
    std::fs::write(&file, both).unwrap();
    let proxy = Proxy::start(command, port, format!("https://127.0.0.1:{port}"), dir).await;
    for n in 0..10 {
        let request = proxy.request(Method::POST, "/webhooks/vapi").header("x-vapi-secret", SECRET);
        let body = bodies::status(&format!("call-{n}"), "ringing").to_string();
        Answered::to(request.body(body)).await.acknowledges();
    }
}
