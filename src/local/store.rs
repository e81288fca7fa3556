//! Where models come from and where they are kept: the hub's address, the cache folder, the pip client.

use crate::local::catalog::{HubFile, LLAMA_SERVER};
use anyhow::{Context, Result};
use reqwest::Url;
use std::path::PathBuf;
use std::time::Duration;

/// The model hub that is asked where `HF_ENDPOINT` names no other.
pub const HUB: &str = "https://huggingface.co";

/// How long to wait for what, before it counts as failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Name look-up, TCP and TLS together. Short: where there is no internet, pip comes next.
    pub connect: Duration,
    /// Until the response begins, connecting included.
    pub answer: Duration,
    /// Between two pieces of the body.
    pub stall: Duration,
    /// Before the second attempt; doubles with each further one.
    pub retry: Duration,
    /// Attempts in a row that bring no byte.
    pub fruitless_attempts: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(8),
            stall: Duration::from_secs(30),
            retry: Duration::from_millis(500),
            fruitless_attempts: 4,
        }
    }
}

/// Sources and cache.
#[derive(Clone)]
pub struct Store {
    /// The cache folder; made when first needed.
    pub cache: PathBuf,
    /// The hub's address, without a slash at the end.
    pub hub: String,
    /// A token for the hub. Sent to the hub's own host alone, never along a redirect elsewhere.
    pub token: Option<String>,
    /// How the pip client may be called, tried in this order.
    pub pip: Vec<Vec<String>>,
    /// How long to wait for what.
    pub patience: Patience,
}

impl Store {
    /// The cache in `cache`, the public hub, no token, and pip by its usual names.
    pub fn at(cache: PathBuf) -> Self {
        let pip = [
            &["pip"][..],
            &["pip3"],
            &["python3", "-m", "pip"],
            &["python", "-m", "pip"],
        ];
        Store {
            cache,
            hub: HUB.to_owned(),
            token: None,
            pip: pip
                .iter()
                .map(|words| words.iter().map(|&word| word.to_owned()).collect())
                .collect(),
            patience: Patience::default(),
        }
    }

    /// What the environment says: `DEPTHFINDER_CACHE`, `HF_ENDPOINT`, `HF_TOKEN`.
    ///
    /// # Errors
    /// Where there is no cache folder to be had (no home).
    pub fn from_env() -> Result<Self> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let cache = std::env::var_os("DEPTHFINDER_CACHE")
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
            .or_else(|| dirs::cache_dir().map(|folder| folder.join("depthfinder")))
            .context("no cache folder is known here; name one in DEPTHFINDER_CACHE")?;
        let mut store = Store::at(cache);
        if let Some(hub) = set("HF_ENDPOINT") {
            store.hub = hub.trim_end_matches('/').to_owned();
        }
        store.token = set("HF_TOKEN");
        Ok(store)
    }

    /// Where a hub file is kept. The revision is part of it, so that `main` of one day and a
    /// pinned commit are never taken for each other.
    pub fn model_path(&self, file: &HubFile<'_>) -> PathBuf {
        let mut path = self.cache.join("models");
        path.extend(file.repo.split('/'));
        path.push(file.revision);
        path.extend(file.path.split('/'));
        path
    }

    /// The folder of the llama-server that can be fetched.
    pub fn llama_server_folder(&self) -> PathBuf {
        let wheel = &LLAMA_SERVER.wheel;
        self.cache
            .join("servers")
            .join(format!("{}-{}", wheel.package, wheel.version))
    }

    /// The llama-server that can be fetched, there or not.
    pub fn llama_server_path(&self) -> PathBuf {
        self.llama_server_folder().join(LLAMA_SERVER.program)
    }

    /// The hub's address of a file.
    ///
    /// # Errors
    /// Where the hub's address is none.
    pub fn url(&self, file: &HubFile<'_>) -> Result<Url> {
        let mut url = Url::parse(&self.hub).with_context(|| {
            format!("the hub's address {:?} is none; see HF_ENDPOINT", self.hub)
        })?;
        url.path_segments_mut()
            .ok()
            .with_context(|| {
                format!(
                    "the hub's address {:?} has no path; see HF_ENDPOINT",
                    self.hub
                )
            })?
            .pop_if_empty()
            .extend(file.repo.split('/'))
            .extend(["resolve", file.revision])
            .extend(file.path.split('/'));
        Ok(url)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the token: what is printed may be published.
        f.debug_struct("Store")
            .field("cache", &self.cache)
            .field("hub", &self.hub)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_hubs_resolve_address() {
        let mut store = Store::at(PathBuf::from("/c"));
        let file = HubFile {
            repo: "o/r",
            revision: "main",
            path: "a b/m#1.gguf",
        };
        assert_eq!(
            store.url(&file).expect("an address").as_str(),
            "https://huggingface.co/o/r/resolve/main/a%20b/m%231.gguf"
        );
        store.hub = "http://mirror:8080/hf".to_owned();
        assert_eq!(
            store.url(&file).expect("an address").as_str(),
            "http://mirror:8080/hf/o/r/resolve/main/a%20b/m%231.gguf"
        );
        assert_eq!(
            store.model_path(&file),
            PathBuf::from("/c/models/o/r/main/a b/m#1.gguf")
        );
    }

    #[test]
    fn a_token_is_never_printed() {
        let mut store = Store::at(PathBuf::from("/c"));
        store.token = Some("hf_secret".to_owned());
        assert!(!format!("{store:?}").contains("hf_secret"));
    }
}
