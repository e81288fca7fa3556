//! A file over HTTP: with progress, resumed where it broke off, and refused where its bytes are others.

use crate::local::cached::is_sha256;
use crate::local::part::{Identity, Part};
use crate::local::progress::{OnProgress, Progress};
use crate::local::store::{Patience, Store};
use crate::local::tls::install_tls_provider;
use anyhow::{Context, Result, anyhow, bail};
use futures_util::StreamExt;
use reqwest::header::{self, HeaderMap};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use std::path::PathBuf;
use std::time::Duration;

/// What is wanted and where it goes.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The address.
    pub url: Url,
    /// The file to write. Whoever calls holds the lock on it.
    pub to: PathBuf,
    /// The pin, hex. Without one, the hub's own announcement is the pin, where it makes one.
    pub sha256: Option<String>,
    /// The pinned size.
    pub size_bytes: Option<u64>,
}

/// Why an attempt failed: for good, or in a way that the next one may not.
enum Fault {
    Final(anyhow::Error),
    Passing(anyhow::Error),
}

impl From<anyhow::Error> for Fault {
    fn from(error: anyhow::Error) -> Self {
        Fault::Final(error)
    }
}

/// Fetches the file and gives its sha256. An interrupted fetch is resumed by the next call.
///
/// # Errors
/// Where it cannot be had, or its bytes are not the pinned ones.
pub async fn fetch(wanted: &Wanted, store: &Store, on: OnProgress<'_>) -> Result<String> {
    let client = client(&wanted.url, &store.patience)?;
    let to = wanted.to.clone();
    let open = tokio::task::spawn_blocking(move || Part::open(&to));
    let mut part = open.await.context("reading the half-fetched file")??;
    let mut fruitless = 0;
    loop {
        let before = part.len_bytes();
        let fetched = attempt(&client, wanted, store, &mut part, on).await;
        if part.len_bytes() > before {
            fruitless = 0;
        }
        match fetched {
            Ok(()) => {
                let announced = part.identity().sha256.clone();
                let pin = wanted.sha256.as_deref().or(announced.as_deref());
                if part.inherited() && pin.is_some_and(|pin| !part.hashes_to(pin)) {
                    // What an earlier process left may be at fault, so the server gets one more chance.
                    part.clear()?;
                    continue;
                }
                return part.finish(&wanted.to, "the file that came", pin);
            }
            Err(Fault::Final(error)) => return Err(error),
            Err(Fault::Passing(error)) => {
                fruitless += 1;
                if fruitless >= store.patience.fruitless_attempts {
                    let kept = part.len_bytes();
                    return Err(match kept {
                        0 => error,
                        _ => error.context(format!(
                            "{kept} bytes are kept and the next run resumes there"
                        )),
                    });
                }
                tokio::time::sleep(store.patience.retry * 2u32.pow(fruitless - 1)).await;
            }
        }
    }
}

fn client(url: &Url, patience: &Patience) -> Result<Client> {
    install_tls_provider();
    let builder = match url.host_str() {
        // A mirror on this machine is not behind the proxy that the rest of the world is behind.
        Some("localhost" | "127.0.0.1" | "[::1]") => Client::builder().no_proxy(),
        _ => Client::builder(),
    };
    builder
        .user_agent(concat!("depthfinder/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(patience.connect)
        // Followed by hand: the hub announces the file's sha256 on the redirect itself.
        .redirect(redirect::Policy::none())
        .build()
        .context("no HTTP client could be made (are there system certificates?)")
}

/// One request and its body, appended to the part.
async fn attempt(
    client: &Client,
    wanted: &Wanted,
    store: &Store,
    part: &mut Part,
    on: OnProgress<'_>,
) -> Result<(), Fault> {
    if part.len_bytes() > 0 && part.identity().etag.is_none() && wanted.sha256.is_none() {
        // Nothing would tell whether the two halves belong together.
        part.clear()?;
    }
    let (response, announced) = ask(client, wanted, store, part).await?;
    if let (Some(announced), Some(pinned)) = (&announced, &wanted.sha256)
        && !announced.eq_ignore_ascii_case(pinned)
    {
        return Err(Fault::Final(anyhow!(
            "refused: the server has another file there (sha256 {announced}, pinned {pinned})"
        )));
    }
    let total_bytes = match response.status() {
        StatusCode::OK => {
            part.clear()?;
            response.content_length()
        }
        StatusCode::PARTIAL_CONTENT => {
            let range = content_range(response.headers());
            let etag = strong_etag(response.headers());
            let other_file =
                (part.identity().etag.is_some() && etag.is_some() && part.identity().etag != etag)
                    || (part.identity().sha256.is_some()
                        && announced.is_some()
                        && part.identity().sha256 != announced);
            match range {
                Some((Some(from), total)) if from == part.len_bytes() && !other_file => total,
                _ => {
                    part.clear()?;
                    return Err(Fault::Passing(anyhow!(
                        "the server resumed another file or at another byte"
                    )));
                }
            }
        }
        StatusCode::RANGE_NOT_SATISFIABLE => {
            let total = content_range(response.headers()).and_then(|(_, total)| total);
            if total == Some(part.len_bytes()) {
                return Ok(());
            }
            part.clear()?;
            return Err(Fault::Passing(anyhow!(
                "the file is shorter now than what was fetched of it"
            )));
        }
        status => return Err(refusal(status, wanted, store)),
    };
    if let (Some(total), Some(pinned)) = (total_bytes, wanted.size_bytes)
        && total != pinned
    {
        return Err(Fault::Final(anyhow!(
            "refused: the file has {total} bytes there, the pinned one {pinned}"
        )));
    }
    if part.len_bytes() == 0 {
        part.belongs_to(Identity {
            etag: strong_etag(response.headers()),
            sha256: announced,
        })?;
    }
    read_body(response, total_bytes.or(wanted.size_bytes), store, part, on).await
}

async fn read_body(
    response: Response,
    total_bytes: Option<u64>,
    store: &Store,
    part: &mut Part,
    on: OnProgress<'_>,
) -> Result<(), Fault> {
    let mut body = response.bytes_stream();
    loop {
        on(Progress::Bytes {
            done_bytes: part.len_bytes(),
            total_bytes,
        });
        let stall = store.patience.stall;
        let piece = match tokio::time::timeout(stall, body.next()).await {
            Err(_) => {
                let seconds = stall.as_secs_f64();
                return Err(Fault::Passing(anyhow!(
                    "nothing came for {seconds} s at byte {}",
                    part.len_bytes()
                )));
            }
            Ok(Some(Err(error))) => {
                let broke = format!(
                    "the connection broke at byte {}: {}",
                    part.len_bytes(),
                    cause(&error)
                );
                return Err(Fault::Passing(anyhow!(broke)));
            }
            Ok(Some(Ok(piece))) => piece,
            Ok(None) => break,
        };
        if total_bytes.is_some_and(|total| part.len_bytes() + piece.len() as u64 > total) {
            part.clear()?;
            return Err(Fault::Final(anyhow!(
                "refused: more bytes came than the file has"
            )));
        }
        part.append(&piece)?;
    }
    match total_bytes {
        Some(total) if part.len_bytes() < total => Err(Fault::Passing(anyhow!(
            "the connection ended at byte {} of {total}",
            part.len_bytes()
        ))),
        _ => Ok(()),
    }
}

/// Sends the request, follows redirects, and gives the response with the sha256 that any hop
/// announced in `X-Linked-Etag`.
async fn ask(
    client: &Client,
    wanted: &Wanted,
    store: &Store,
    part: &Part,
) -> Result<(Response, Option<String>), Fault> {
    let mut url = wanted.url.clone();
    let mut announced = None;
    for _ in 0..10 {
        let mut request = client
            .get(url.clone())
            .header(header::ACCEPT_ENCODING, "identity");
        if let Some(token) = &store.token
            && url.origin() == wanted.url.origin()
        {
            request = request.bearer_auth(token);
        }
        if part.len_bytes() > 0 {
            request = request.header(header::RANGE, format!("bytes={}-", part.len_bytes()));
            if let Some(etag) = &part.identity().etag {
                request = request.header(header::IF_RANGE, etag);
            }
        }
        let host = url.host_str().unwrap_or("the server").to_owned();
        let response = match tokio::time::timeout(store.patience.answer, request.send()).await {
            Ok(Ok(response)) => response,
            failed => {
                let why = match failed {
                    Ok(Err(error)) => cause(&error),
                    _ => format!("no answer in {} s", store.patience.answer.as_secs_f64()),
                };
                let error = anyhow!("{host} cannot be reached: {why}");
                // Before the first byte there is likely no way out at all, and the next source waits.
                return Err(if part.gained() {
                    Fault::Passing(error)
                } else {
                    Fault::Final(error)
                });
            }
        };
        if let Some(sha256) = text(response.headers(), "x-linked-etag").and_then(sha256_of_etag) {
            announced = Some(sha256);
        }
        if !response.status().is_redirection() {
            return Ok((response, announced));
        }
        url = text(response.headers(), "location")
            .and_then(|location| url.join(location).ok())
            .filter(|next| next.scheme() == "https" || url.scheme() == "http")
            .with_context(|| format!("{host} redirects to no usable address"))?;
    }
    Err(Fault::Final(anyhow!("the server redirects without end")))
}

fn refusal(status: StatusCode, wanted: &Wanted, store: &Store) -> Fault {
    let passing = status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        );
    if passing {
        return Fault::Passing(anyhow!("the server answers {status}"));
    }
    Fault::Final(match status {
        // The hub answers 401 for what does not exist as well, so as not to tell.
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if store.token.is_none() => {
            anyhow!("the server answers {status}: no such file, or it wants a token in HF_TOKEN")
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            anyhow!(
                "the server answers {status}: the token in HF_TOKEN gives no right to this file"
            )
        }
        StatusCode::NOT_FOUND => anyhow!("no such file there: {}", wanted.url.path()),
        _ => anyhow!("the server answers {status}"),
    })
}

/// The last cause, which is the one that says something (`Connection refused`, a name that does
/// not resolve); reqwest's own words repeat the address.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn strong_etag(headers: &HeaderMap) -> Option<String> {
    text(headers, "etag")
        .filter(|etag| etag.starts_with('"'))
        .map(str::to_owned)
}

fn sha256_of_etag(etag: &str) -> Option<String> {
    let hex = etag.trim_start_matches("W/").trim_matches('"');
    is_sha256(hex).then(|| hex.to_ascii_lowercase())
}

/// `bytes FROM-TO/TOTAL` or `bytes */TOTAL`, as (FROM, TOTAL).
fn content_range(headers: &HeaderMap) -> Option<(Option<u64>, Option<u64>)> {
    let (range, total) = text(headers, "content-range")?
        .strip_prefix("bytes ")?
        .split_once('/')?;
    let from = range
        .split_once('-')
        .and_then(|(from, _)| from.parse().ok());
    Some((from, total.parse().ok()))
}

/// A client for servers on this machine: no proxy, and no system certificates needed.
///
/// # Errors
/// Where no client can be made at all.
pub fn loopback_client() -> Result<Client> {
    install_tls_provider();
    let client = Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .connect_timeout(Duration::from_secs(2))
        .build();
    match client {
        Ok(client) => Ok(client),
        Err(error) => bail!("no HTTP client could be made: {}", cause(&error)),
    }
}

#[cfg(test)]
pub(crate) mod told_server;

#[cfg(test)]
pub(crate) mod tests;
