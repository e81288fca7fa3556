//! A side before it is asked: its options, its connection, its folder, and what it will cost.

use crate::cli::arguments::{Inquiry, Others};
use crate::cli::consent::Estimate;
use crate::cli::inquiry::{self, Opened};
use crate::corpus::Corpus;
use crate::journal::{Asking, Named, RunFile};
use crate::plan::Plan;
use anyhow::{Context, Result};
use std::path::PathBuf;

/// A side that is connected and has a folder name.
pub struct Prepared {
    /// Its letter: `a`, `b` …
    pub name: String,
    /// How it is asked.
    pub inquiry: Inquiry,
    /// Who answers.
    pub opened: Opened,
    pub(super) corpus: Option<Corpus>,
    /// Its run folder.
    pub folder: PathBuf,
    /// The place of the side whose connection it asks over, where it is that side asked again.
    pub(super) again: Option<usize>,
    /// How many questions it is asked; none where it is all of the plan.
    pub questions: Option<u64>,
}

/// The letter of a side.
pub fn letter(place: usize) -> String {
    char::from(b'a' + (place as u8).min(25)).to_string()
}

/// The inquiry of a side other than the base: the same questions, another target. The base's key
/// and headers go to the base's own host alone: another host would learn them.
pub fn other(
    base: &Inquiry,
    target: &str,
    others: &Others,
    folder: PathBuf,
    secret: String,
) -> Inquiry {
    let mut inquiry = base.clone();
    inquiry.target = target.to_string();
    inquiry.secret = Some(secret);
    inquiry.out = Some(folder);
    inquiry.base_url = others.other_base_url.clone();
    let is_same_host =
        host(&base.target, base.base_url.as_deref()) == host(target, inquiry.base_url.as_deref());
    if !is_same_host {
        inquiry.api_key_env = None;
        inquiry.header = Vec::new();
    }
    if others.other_tokenizer.is_some() {
        inquiry.tokenizer = others.other_tokenizer.clone();
    }
    if others.other_api_key_env.is_some() {
        inquiry.api_key_env = others.other_api_key_env.clone();
    }
    if !others.other_header.is_empty() {
        inquiry.header = others.other_header.clone();
    }
    if !others.other_param.is_empty() {
        inquiry.param = others.other_param.clone();
    }
    inquiry
}

/// Who gets a target's credentials: scheme, host and port of its address, or the named provider.
fn host(target: &str, base_url: Option<&str>) -> String {
    let address = base_url.unwrap_or(target);
    match reqwest::Url::parse(address) {
        Ok(url) if url.has_host() => url.origin().ascii_serialization(),
        _ => address.split(':').next().unwrap_or(address).to_string(),
    }
}

/// The same questions, asked in the same way as before.
pub fn as_before(typed: &Inquiry, salt: &str, corpus: &Named, asking: &Asking) -> Inquiry {
    let mut inquiry = typed.clone();
    inquiry.salt = salt.to_string();
    inquiry.corpus = Some(corpus.name.clone());
    inquiry.system = asking.system.clone();
    inquiry.reasoning = asking.reasoning.clone();
    inquiry.max_output = inquiry::options::visible_tokens(asking);
    inquiry.temperature = asking
        .temperature
        .map_or("unset".to_string(), |temperature| temperature.to_string());
    let params = asking.params.iter();
    inquiry.param = params
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    inquiry
}

impl Prepared {
    /// Connects a side.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn open(
        name: String,
        inquiry: Inquiry,
        threshold: f64,
        folder: PathBuf,
    ) -> Result<Prepared> {
        let (opened, corpus) = Opened::open(&inquiry, threshold, &name)
            .await
            .with_context(|| format!("side {name}, {}", inquiry.target))?;
        Ok(Prepared {
            name,
            inquiry,
            opened,
            corpus: Some(corpus),
            folder,
            again: None,
            questions: None,
        })
    }

    /// The same target once more, over the same connection, with a run folder of its own.
    ///
    /// # Errors
    /// When the folder or the corpus cannot be read.
    pub fn again(&self, place: usize, name: String, folder: PathBuf) -> Result<Prepared> {
        let mut inquiry = self.inquiry.clone();
        inquiry.secret = Some(self.opened.secret.to_hex());
        inquiry.out = Some(folder.clone());
        let (corpus, _) = Corpus::read(inquiry::options::corpus(&inquiry))?;
        let mut opened = self.opened.again();
        opened.earlier = RunFile::read(&folder)?;
        Ok(Prepared {
            name,
            inquiry,
            opened,
            corpus: Some(corpus),
            folder,
            again: Some(place),
            questions: None,
        })
    }

    /// What the plan costs on this side.
    pub fn estimate(&self, plan: &Plan) -> Estimate {
        Estimate::of(
            plan,
            self.opened.asking.max_output_tokens,
            self.opened.price,
        )
        .with_fingerprints(self.opened.fingerprint_cost(&self.inquiry))
    }
}

/// Refuses to go on where all sides together would spend money unasked.
///
/// # Errors
/// As [`Estimate::consent`], over all that is paid for.
pub fn consent(sides: &[(&Prepared, Estimate)]) -> Result<()> {
    let paid = sides.iter().filter(|(side, _)| !side.opened.free);
    let paid: Vec<&Estimate> = paid.map(|(_, estimate)| estimate).collect();
    let Some((first, _)) = sides.first() else {
        return Ok(());
    };
    Estimate::consent_together(&paid, &first.inquiry, &first.opened.caps)
}
