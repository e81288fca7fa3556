//! What every command that asks a model does first: it connects, learns how the server counts, and fixes the secret.

pub mod options;
mod params;

pub use params::params;

use super::arguments::Inquiry;
use super::connect::{Connected, Template};
use super::{connect, folder, screen};
use crate::corpus::Corpus;
use crate::endpoint::Served;
use crate::haystack::Route;
use crate::journal::{Asking, Journal, Loaded, Named, RUN_SCHEMA, RunFile};
use crate::plan::Grid;
use crate::price::Price;
use crate::prompt::FORMAT;
use crate::reconcile::Basis;
use crate::run::{
    Caps, Controls, Ended, FingerprintCost, Fingerprints, calibrate, find_window, fit_before,
    now_ms,
};
use crate::seed::{RunKey, Secret};
use crate::study::Registered;
use crate::tokens::Tokenizer;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A target that is connected, and everything about the run that its plan does not change.
pub struct Opened {
    /// When it began, in milliseconds since 1970.
    pub began_ms: u64,
    /// The run that `--out` names, where there is one.
    pub earlier: Option<RunFile>,
    /// The corpus.
    pub corpus: Named,
    /// Who answers.
    pub connected: Connected,
    /// What it says of itself.
    pub served: Served,
    /// Counts tokens: the model's own tokenizer, else one that stands in for it.
    pub tokenizer: Arc<Tokenizer>,
    /// True where it is the model's own.
    pub exact: bool,
    /// True where lengths follow the server's own count.
    pub server_counts: bool,
    /// Settings that can change answers.
    pub asking: Asking,
    /// The secret.
    pub secret: Secret,
    /// The key of all randomness.
    pub key: RunKey,
    /// What tokens cost.
    pub price: Option<Price>,
    /// What may be spent.
    pub caps: Caps,
    /// True where asking costs nothing.
    pub free: bool,
    /// The run folder of a local model, which holds its server's log already.
    local: Option<PathBuf>,
}

/// How a target counts tokens.
#[derive(Clone, Copy, Debug)]
pub struct Learnt {
    exact: bool,
    server_counts: bool,
    overhead_tokens: Option<u64>,
}

impl Opened {
    /// Connects. `name` is what the run folder is called after, beside the model. The corpus goes
    /// to whoever lays prompts out of it.
    pub async fn open(arguments: &Inquiry, threshold: f64, name: &str) -> Result<(Opened, Corpus)> {
        let (corpus, cleaning) = Corpus::read(options::corpus(arguments))?;
        if let Some(cleaning) = cleaning.filter(|cleaning| !cleaning.is_nothing()) {
            screen::note(&format!("corpus {}: {cleaning}", corpus.name));
        }
        let named = Named {
            name: options::corpus_name(&corpus),
            digest: corpus.digest(),
        };
        let opened = Opened::on(arguments, threshold, name, named).await?;
        Ok((opened, corpus))
    }

    /// The same where the texts are already known by name and digest.
    pub async fn on(
        arguments: &Inquiry,
        threshold: f64,
        name: &str,
        corpus: Named,
    ) -> Result<Opened> {
        let began_ms = now_ms();
        let earlier = match &arguments.out {
            Some(folder) => RunFile::read(folder)?,
            None => None,
        };
        let typed = arguments.tokenizer.as_deref();
        let typed = typed.map(Tokenizer::resolve).transpose()?;
        let local = local_folder(arguments, began_ms, name)?;
        let connecting = connect::target(arguments, local.as_deref()).await;
        let mut connected = connecting.inspect_err(|_| {
            if let Some(folder) = &local {
                // Only where it is empty: a log in it may say why.
                let _ = std::fs::remove_dir(folder);
            }
        })?;
        let named = typed.or_else(|| connected.tokenizer.clone());
        let served = connected.endpoint.served().clone();
        let server_counts = named.is_none() && served.tokenize;
        let tokenizer = match &named {
            Some(tokenizer) => tokenizer.clone(),
            None => Tokenizer::bundled("o200k")?,
        };
        connected.tokenizer = named;
        // A relay on this machine costs what its user says.
        let free = connected.free && arguments.price.is_none();
        let secret = match (&arguments.secret, &earlier) {
            (Some(hex), _) => Secret::from_hex(hex)?,
            (None, Some(earlier)) => Secret::from_hex(&earlier.secret)?,
            (None, None) => Secret::fresh()?,
        };
        Ok(Opened {
            began_ms,
            corpus,
            exact: connected.tokenizer.is_some(),
            server_counts,
            asking: options::asking(arguments, threshold)?,
            key: secret.key(&arguments.salt),
            secret,
            price: options::price(arguments, &served, free, earlier.as_ref())?,
            caps: options::caps(arguments)?,
            free,
            local,
            earlier,
            served,
            tokenizer,
            connected,
        })
    }

    /// Loads what must be loaded, and asks the two short questions that show what the template
    /// adds, unless an earlier session has.
    pub async fn make_ready(&mut self, arguments: &Inquiry, longest_tokens: u64) -> Result<()> {
        let endpoint = self.connected.endpoint.clone();
        endpoint
            .make_ready(longest_tokens, self.asking.max_output_tokens)
            .await?;
        if let Some(earlier) = &self.earlier {
            (self.exact, self.server_counts) = (earlier.exact, earlier.server_counts);
            self.connected.overhead_tokens = earlier.overhead_tokens;
        } else if self.connected.overhead_tokens.is_none() && (self.exact || self.server_counts) {
            let probing = connect::probe(
                endpoint.as_ref(),
                &self.tokenizer,
                arguments,
                self.server_counts,
            );
            match probing.await? {
                Template::Adds(tokens) => self.connected.overhead_tokens = Some(tokens),
                Template::Untold => {}
                Template::Differs(words) => {
                    note(
                        arguments,
                        Some(&format!("{words}; lengths are fitted instead")),
                    );
                    (self.exact, self.server_counts) = (false, false);
                }
            }
        }
        Ok(())
    }

    /// The same target over the same connection, for a run of its own.
    pub fn again(&self) -> Opened {
        Opened {
            began_ms: self.began_ms,
            earlier: None,
            corpus: self.corpus.clone(),
            connected: self.connected.shared(),
            served: self.served.clone(),
            tokenizer: self.tokenizer.clone(),
            exact: self.exact,
            server_counts: self.server_counts,
            asking: self.asking.clone(),
            secret: self.secret.clone(),
            key: self.key.clone(),
            price: self.price,
            caps: self.caps,
            free: self.free,
            local: None,
        }
    }

    /// How the target counts tokens, once that is known.
    pub fn learnt(&self) -> Learnt {
        Learnt {
            exact: self.exact,
            server_counts: self.server_counts,
            overhead_tokens: self.connected.overhead_tokens,
        }
    }

    /// Takes over what another run on the same connection has learnt.
    pub fn take_over(&mut self, learnt: Learnt) {
        self.exact = learnt.exact;
        self.server_counts = learnt.server_counts;
        self.connected.overhead_tokens = learnt.overhead_tokens;
    }

    /// The run as it is asked for.
    pub fn run_file(
        &self,
        arguments: &Inquiry,
        grid: Grid,
        advertised_tokens: Option<u64>,
        study: Option<Registered>,
    ) -> RunFile {
        let earlier = self.earlier.as_ref();
        let mut run = RunFile {
            schema: RUN_SCHEMA,
            depthfinder: env!("CARGO_PKG_VERSION").to_string(),
            prompt_format: FORMAT,
            began_ms: self.began_ms,
            target: arguments.target.clone(),
            advertised_tokens,
            served: self.served.clone(),
            grid,
            study,
            dataset: None,
            plan_hash: None,
            secret: self.secret.to_hex(),
            salt: arguments.salt.clone(),
            corpus: self.corpus.clone(),
            tokenizer: self.tokenizer_named(arguments),
            sized_by: None,
            exact: self.exact,
            server_counts: self.server_counts,
            overhead_tokens: self.connected.overhead_tokens,
            fit: earlier.and_then(|earlier| earlier.fit.clone()),
            found_window: earlier.and_then(|earlier| earlier.found_window.clone()),
            adaptations: Vec::new(),
            asking: self.asking.clone(),
            price: self.price,
        };
        run.plan_hash = run.study.is_some().then(|| run.hashed());
        run
    }

    /// The tokenizer by the name under which it is found again.
    pub fn tokenizer_named(&self, arguments: &Inquiry) -> Named {
        Named {
            name: options::tokenizer_name(arguments, &self.tokenizer),
            digest: self.tokenizer.digest().to_string(),
        }
    }

    /// The run's folder.
    pub fn folder(&self, arguments: &Inquiry, name: &str) -> PathBuf {
        match arguments.out.clone().or(self.local.clone()) {
            Some(folder) => folder,
            None => folder::default_name(self.began_ms, &self.served.model, name),
        }
    }

    /// The fingerprints of the run, where it takes any: of a simulated model or a local one, which
    /// we started ourselves, we know who answers.
    pub fn fingerprints<'a>(
        &'a self,
        arguments: &Inquiry,
        journal: &'a Journal,
        before: &Loaded,
    ) -> Option<Fingerprints<'a>> {
        options::takes_fingerprints(arguments).then(|| {
            let endpoint = self.connected.endpoint.as_ref();
            Fingerprints::new(endpoint, &self.tokenizer, journal, before)
        })
    }

    /// What they cost at most; none where none are taken.
    pub fn fingerprint_cost(&self, arguments: &Inquiry) -> Option<FingerprintCost> {
        let taken = options::takes_fingerprints(arguments);
        taken.then(|| FingerprintCost::of(&self.tokenizer).ok())?
    }

    /// Gives the controls the settings of the run.
    pub fn settle(&self, controls: &mut Controls<'_>, arguments: &Inquiry) {
        controls.system = self.asking.system.clone();
        controls.temperature = self.asking.temperature;
        controls.reasoning = self.asking.reasoning.clone();
        // A baseline may have been asked with a smaller budget than the one that is typed here.
        let visible_tokens = arguments.max_output;
        controls.reasoning_tokens = self.asking.max_output_tokens.saturating_sub(visible_tokens);
    }
}

/// What must be known before the first trial: how the server counts, and which window it serves.
/// What was learnt is written to `run.json` at once. Returns how the run ended, where it did.
pub async fn learn(
    arguments: &Inquiry,
    run: &mut RunFile,
    controls: &mut Controls<'_>,
    routes: &[Route],
    before: &Loaded,
    folder: &Path,
    must_find_window: bool,
) -> Result<Option<Ended>> {
    let longest = run.grid.lengths_tokens.last().copied().unwrap_or(0);
    if matches!(run.basis(), Basis::Unknown) && arguments.calibrate == "auto" {
        run.fit = match fit_before(&before.controls) {
            Some(fit) => Some(fit),
            None => {
                note(
                    arguments,
                    Some("learning how the server counts tokens, from four prompts"),
                );
                match calibrate(controls, routes, longest).await? {
                    Ok(fit) => fit,
                    Err(failure) => return Ok(Some(Ended::Fatal(failure))),
                }
            }
        };
        if run.fit.is_some() {
            run.write(folder)?;
        }
        controls.basis = run.basis();
    }
    if must_find_window && run.found_window.is_none() {
        note(arguments, Some("searching for the window that is served"));
        let declared = run.served.window_tokens.or(run.advertised_tokens);
        let ceiling = declared.map_or(longest.max(65_536), |declared| declared + declared / 4);
        let found = find_window(controls, declared, ceiling).await?;
        note(arguments, Some(&crate::report::window(&found)));
        run.found_window = Some(found);
        run.write(folder)?;
    }
    Ok(None)
}

/// Says what an earlier session left behind.
pub fn tell_of_earlier(arguments: &Inquiry, folder: &Path, before: &Loaded) {
    note(arguments, before.repaired.as_deref());
    let lost = match before.unanswered {
        0 => None,
        1 => Some("one question was sent and not answered before: it is asked again and may be paid twice".to_string()),
        several => Some(format!(
            "{several} questions were sent and not answered before: they are asked again and may be paid twice"
        )),
    };
    note(arguments, lost.as_deref());
    note(arguments, Some(&format!("run folder {}", folder.display())));
}

/// The run folder of a local model, made before its server is started because the server's log
/// belongs there.
fn local_folder(arguments: &Inquiry, began_ms: u64, name: &str) -> Result<Option<PathBuf>> {
    let Some(model) = arguments.target.strip_prefix("local:") else {
        return Ok(None);
    };
    if arguments.dry_run {
        return Ok(None);
    }
    let folder = arguments.out.clone().unwrap_or_else(|| {
        let stem = Path::new(model).file_stem().unwrap_or(model.as_ref());
        folder::default_name(began_ms, &stem.to_string_lossy(), name)
    });
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the run folder {}", folder.display()))?;
    Ok(Some(folder))
}

/// Keeps what had to be changed in the requests, and says so.
pub fn keep_adaptations(
    arguments: &Inquiry,
    connected: &Connected,
    run: &mut RunFile,
    folder: &Path,
) -> Result<()> {
    let adapted = connected.endpoint.adaptations();
    for adaptation in &adapted {
        note(arguments, Some(adaptation));
    }
    if adapted != run.adaptations && !adapted.is_empty() {
        run.adaptations = adapted;
        run.write(folder)?;
    }
    Ok(())
}

/// A line about what is going on, unless silence was asked for.
pub fn note(arguments: &Inquiry, line: Option<&str>) {
    if let Some(line) = line.filter(|_| !arguments.quiet) {
        screen::note(line);
    }
}
