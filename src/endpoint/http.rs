//! The network: one HTTP/1.1 client whose headers, body bytes and clocks are all our own.

use crate::endpoint::upload::{Progress, Upload};
use crate::endpoint::wire::{Request, Response, Wire};
use crate::reply::Failure;
use anyhow::{Context, anyhow, ensure};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, Url};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The name of the HTTP library and nothing else: a router that recognised a benchmark by a
/// header could treat it specially.
const USER_AGENT: &str = "reqwest/0.13";

/// Credentials shorter than this are place-holders (`none`, `EMPTY`, `sk-1234`); blanking them
/// out would garble texts that merely hold the same word.
const SECRET_BYTES: usize = 8;

/// A credential: it is sent, and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a credential. White space around it is dropped: keys read from files end in a newline.
    pub fn new(text: &str) -> Secret {
        Secret(text.trim().to_owned())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// How to reach a server.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Base address, such as `http://127.0.0.1:8000/v1`.
    pub base: Url,
    /// The key; sent as `Authorization: Bearer …` unless `key_header` names another header.
    pub key: Option<Secret>,
    /// The header that carries the key bare: `x-api-key`, `x-goog-api-key`, `api-key`.
    pub key_header: Option<&'static str>,
    /// Further headers; their values may be credentials.
    pub headers: Vec<(String, Secret)>,
    /// A PEM file with certificates to trust beside the system's.
    pub ca_cert: Option<PathBuf>,
    /// Longest silence once the answer's first byte has come.
    pub idle: Duration,
}

impl HttpOptions {
    /// The usual options for an address.
    pub fn new(base: Url) -> HttpOptions {
        HttpOptions {
            base,
            key: None,
            key_header: None,
            headers: Vec::new(),
            ca_cert: None,
            idle: Duration::from_secs(300),
        }
    }
}

/// A server reached over the network.
pub struct Http {
    client: Client,
    base: Url,
    root: Url,
    headers: HeaderMap,
    secrets: Vec<Secret>,
    idle: Duration,
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Http({})", host(&self.base))
    }
}

/// Installs the process's TLS implementation; more than once does no harm.
pub fn install_tls_provider() {
    // An error only says that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

impl Http {
    /// Builds a client; nothing is sent yet.
    pub fn new(options: HttpOptions) -> anyhow::Result<Http> {
        install_tls_provider();
        let mut headers = HeaderMap::new();
        if let Some(key) = &options.key {
            let (name, value) = match options.key_header {
                Some(name) => (HeaderName::from_static(name), key.0.clone()),
                None => (AUTHORIZATION, format!("Bearer {}", key.0)),
            };
            let mut value = HeaderValue::from_str(&value)
                .map_err(|_| anyhow!("the API key holds characters that no header can carry"))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        for (name, secret) in &options.headers {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| anyhow!("a header's name is not valid"))?;
            let mut value = HeaderValue::from_str(&secret.0)
                .map_err(|_| anyhow!("the value of header {name} cannot be sent"))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let mut root = options.base.clone();
        let path = root.path().trim_end_matches('/');
        let path = path.strip_suffix("/v1").unwrap_or(path).to_owned();
        root.set_path(&path);
        let secrets = options.headers.iter().map(|(_, secret)| secret);
        let secrets = options.key.iter().chain(secrets);
        Ok(Http {
            client: client(&options)?,
            root,
            headers,
            secrets: secrets
                .filter(|secret| secret.0.len() >= SECRET_BYTES)
                .cloned()
                .collect(),
            base: options.base,
            idle: options.idle,
        })
    }

    async fn exchange(&self, base: &Url, request: Request) -> Result<Response, Failure> {
        let url = below(base, &request.path);
        let (upload, progress) = Upload::of(request.body);
        let mut builder = if request.post {
            self.client
                .post(url)
                .header(CONTENT_TYPE, "application/json")
                .body(reqwest::Body::wrap(upload))
        } else {
            self.client.get(url)
        };
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        builder = builder.headers(self.headers.clone());
        let began = Instant::now();
        let response = builder
            .send()
            .await
            .map_err(|error| send_failure(error, base, &progress))?;
        let headers_ms = ms(began.elapsed());
        let headers = response.headers().iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.as_str().to_owned(), value.into_owned())
        });
        Ok(Response {
            status: response.status().as_u16(),
            headers: headers.collect(),
            uploaded_ms: progress.finished().map(|at| ms(at.duration_since(began))),
            headers_ms,
            began,
            chunks: chunks(response, self.idle),
        })
    }
}

impl Wire for Http {
    fn send<'a>(&'a self, request: Request) -> BoxFuture<'a, Result<Response, Failure>> {
        Box::pin(self.exchange(&self.base, request))
    }

    fn send_to_root<'a>(&'a self, request: Request) -> BoxFuture<'a, Result<Response, Failure>> {
        Box::pin(self.exchange(&self.root, request))
    }

    fn redact(&self, mut text: String) -> String {
        for secret in &self.secrets {
            if text.contains(&secret.0) {
                text = text.replace(&secret.0, "[secret]");
            }
        }
        text
    }
}

/// An address below the base: the path is put behind its path, and a query behind its query, such
/// as Azure's `api-version`, which every request carries.
fn below(base: &Url, path: &str) -> Url {
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    };
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    if let Some(query) = query {
        let joined = match base.query() {
            Some(own) if !own.is_empty() => format!("{own}&{query}"),
            _ => query.to_owned(),
        };
        url.set_query(Some(&joined));
    }
    url
}

/// True where the address is this machine, which no proxy can stand in for.
pub fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<std::net::IpAddr>() {
        Ok(address) => address.is_loopback() || address.is_unspecified(),
        Err(_) => bare == "localhost" || bare.ends_with(".localhost"),
    }
}

fn client(options: &HttpOptions) -> anyhow::Result<Client> {
    let mut certificates = Vec::new();
    if let Some(path) = &options.ca_cert {
        let pem = std::fs::read(path)
            .with_context(|| format!("cannot read the certificates in {}", path.display()))?;
        certificates = Certificate::from_pem_bundle(&pem)
            .map_err(|_| anyhow!("{} holds no valid PEM certificates", path.display()))?;
        ensure!(
            !certificates.is_empty(),
            "{} holds no PEM certificates",
            path.display()
        );
    }
    let mut builder = Client::builder()
        // HTTP/2 gains nothing for one large body, and its flow control has cost other stacks
        // whole uploads.
        .http1_only()
        .tcp_nodelay(true)
        .tcp_keepalive(Duration::from_secs(60))
        .tcp_keepalive_interval(Duration::from_secs(60))
        .tcp_keepalive_retries(5)
        .connect_timeout(Duration::from_secs(10))
        // Servers close idle connections after five seconds (uvicorn, llama-server); one reused
        // at that moment breaks a request for nothing.
        .pool_idle_timeout(Duration::from_secs(4))
        // A redirected POST becomes a GET or goes out twice, with the key, to another host.
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .user_agent(USER_AGENT);
    // The system's certificates are not needed, and may not exist, where nothing is encrypted.
    builder = match options.base.scheme() {
        // Here a new connection costs next to nothing, and a kept one may be closed by the server
        // (llama-server: after every streamed answer) just as the next question goes out on it.
        "http" => builder
            .tls_certs_only(certificates)
            .pool_max_idle_per_host(0),
        _ => builder.tls_certs_merge(certificates),
    };
    if is_loopback(&options.base) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| {
        anyhow!(
            "cannot set up the connection to {}: {}",
            host(&options.base),
            root_cause(&error.without_url())
        )
    })
}

fn chunks(
    response: reqwest::Response,
    idle: Duration,
) -> BoxStream<'static, Result<Bytes, Failure>> {
    struct Incoming {
        bytes: BoxStream<'static, reqwest::Result<Bytes>>,
        received_bytes: u64,
        idle: Duration,
        over: bool,
    }
    let incoming = Incoming {
        bytes: response.bytes_stream().boxed(),
        received_bytes: 0,
        idle,
        over: false,
    };
    stream::unfold(incoming, |mut this| async move {
        if this.over {
            return None;
        }
        // A server may send its head at once and nothing for the whole prefill, so silence
        // counts only after the first byte; until then the first-event clock alone runs.
        let next = if this.received_bytes == 0 {
            Ok(this.bytes.next().await)
        } else {
            tokio::time::timeout(this.idle, this.bytes.next()).await
        };
        let item = match next {
            Ok(None) => return None,
            Ok(Some(Ok(bytes))) => {
                this.received_bytes += bytes.len() as u64;
                Ok(bytes)
            }
            Ok(Some(Err(error))) => Err(Failure::Broken {
                cause: format!(
                    "{} after {} bytes of the answer",
                    root_cause(&error.without_url()),
                    this.received_bytes
                ),
            }),
            Err(_) => Err(Failure::TimedOut {
                after_ms: this.idle.as_millis() as u64,
                waiting_for: "the next byte of the answer".to_owned(),
            }),
        };
        this.over = item.is_err();
        Some((item, this))
    })
    .boxed()
}

fn send_failure(error: reqwest::Error, base: &Url, progress: &Progress) -> Failure {
    let error = error.without_url();
    let cause = root_cause(&error);
    if error.is_connect() {
        let hint = if cause.contains("certificate") {
            "; name its authority with --ca-cert"
        } else {
            ""
        };
        return Failure::Unreachable {
            cause: format!("{}: {cause}{hint}", host(base)),
        };
    }
    let sent = progress.handed_bytes() as f64 / 1e6;
    let total = progress.total_bytes() as f64 / 1e6;
    Failure::Broken {
        cause: if progress.finished().is_none() && progress.total_bytes() > 0 {
            format!(
                "connection reset after {sent:.1} of {total:.1} MB sent: likely a body limit of \
                 the server or of a proxy before it ({cause})"
            )
        } else if total >= 1.0 {
            format!("{cause}, after all {total:.1} MB were sent and before any answer")
        } else {
            format!("{cause}, before any answer")
        },
    }
}

/// The innermost cause: the outer ones only say that a request failed.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Host and port, the only part of an address that is ever shown: paths and queries hold keys.
fn host(url: &Url) -> String {
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        _ => "the server".to_owned(),
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_known_by_name_and_by_number() {
        for near in [
            "localhost",
            "127.0.0.1",
            "127.9.9.9",
            "[::1]",
            "0.0.0.0",
            "a.localhost",
        ] {
            let url = Url::parse(&format!("http://{near}:80/v1")).expect("a URL");
            assert!(is_loopback(&url), "{near}");
        }
        for far in ["localhost.example", "10.0.0.1", "[fe80::1]", "example.com"] {
            let url = Url::parse(&format!("http://{far}:80/v1")).expect("a URL");
            assert!(!is_loopback(&url), "{far}");
        }
    }

    #[test]
    fn a_path_keeps_its_query_and_the_bases_own() {
        for (base, path, whole) in [
            ("http://h:1/v1", "/messages", "http://h:1/v1/messages"),
            (
                "http://h:1/v1beta/",
                "/models/m:streamGenerateContent?alt=sse",
                "http://h:1/v1beta/models/m:streamGenerateContent?alt=sse",
            ),
            (
                "http://h:1/openai/deployments/d?api-version=1",
                "/chat/completions",
                "http://h:1/openai/deployments/d/chat/completions?api-version=1",
            ),
            ("http://h:1/a?x=1", "/b?y=2", "http://h:1/a/b?x=1&y=2"),
        ] {
            let base = Url::parse(base).expect("a URL");
            assert_eq!(below(&base, path).as_str(), whole);
        }
    }

    #[test]
    fn the_root_is_above_v1_and_keeps_other_paths() {
        for (base, root) in [
            ("http://h:1/v1", "http://h:1/"),
            ("http://h:1/v1/", "http://h:1/"),
            ("http://h:1/proxy/v1", "http://h:1/proxy"),
            ("http://h:1/api", "http://h:1/api"),
        ] {
            let base = Url::parse(base).expect("a URL");
            let http = Http::new(HttpOptions::new(base)).expect("a client");
            assert_eq!(http.root.as_str(), root);
        }
    }

    #[test]
    fn a_key_is_in_no_debug_output_and_in_no_complaint() {
        let key = "sk-live-0123456789abcdef";
        let mut options = HttpOptions::new(Url::parse("http://h:1/v1").expect("a URL"));
        options.key = Some(Secret::new(&format!(" {key}\n")));
        options.headers = vec![("api-key".to_owned(), Secret::new(key))];
        assert!(!format!("{options:?}").contains(key));
        let http = Http::new(options.clone()).expect("a client");
        assert!(!format!("{http:?} {:?} {:?}", http.headers, http.client).contains(key));
        assert_eq!(
            http.redact(format!("bad key {key}, {key}.")),
            "bad key [secret], [secret]."
        );
        options.key = Some(Secret::new(&format!("{key}\n{key}")));
        let complaint = Http::new(options).expect_err("a newline in a key");
        assert!(!format!("{complaint:?} {complaint:#}").contains(key));
    }

    #[test]
    fn a_place_holder_key_does_not_garble_texts() {
        let mut options = HttpOptions::new(Url::parse("http://h:1/v1").expect("a URL"));
        options.key = Some(Secret::new("none"));
        let http = Http::new(options).expect("a client");
        assert_eq!(http.redact("none of these".to_owned()), "none of these");
    }

    #[test]
    fn a_file_without_certificates_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut options = HttpOptions::new(Url::parse("https://h/v1").expect("a URL"));
        options.ca_cert = Some(file.path().to_owned());
        let complaint = format!("{:#}", Http::new(options).expect_err("no certificate"));
        assert!(complaint.contains("no PEM certificates"), "{complaint}");
    }
}
