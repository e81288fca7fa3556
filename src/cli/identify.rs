//! `identify`: who is really answering.

use super::arguments::Identify;
use super::connect::{self, Connected};
use super::inquiry::options;
use super::{Exit, folder, screen, setup};
use crate::corpus::Corpus;
use crate::endpoint::Served;
use crate::identity::asker::{Halt, Side, now_ms};
use crate::identity::budget::Budget;
use crate::identity::equality::{Design, MOST_PROMPTS};
use crate::identity::known::{Known, Table};
use crate::identity::record::Record;
use crate::identity::signal::Says;
use crate::identity::study::{Asked, Identity, Ledger, Options, Planned, identify, plan};
use crate::identity::{record, report};
use crate::length::parse_tokens;
use crate::number::grouped;
use crate::price::Price;
use crate::rope::Rope;
use crate::seed::Secret;
use crate::tokens::Tokenizer;
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What folders are called after, before the model.
const NAME: &str = "identify";
/// Room behind the long text for the longest probe and its answer, in tokens.
const ROOM_TOKENS: u64 = 2_500;
/// A long text below this is none.
const LEAST_LONG_TOKENS: u64 = 1_000;
/// Bytes of the English texts for a token of any vocabulary: rather too few, so that it fits.
const BYTES_PER_TOKEN: u64 = 4;
/// Windows above this are not tried with a prompt that is too long: sending it is work.
const MOST_OVERLONG_TOKENS: u64 = 300_000;
/// More than this is asked only with consent.
const FREE_USD: f64 = 1.0;
const FREE_TOKENS: u64 = 5_000_000;

/// Identifies a target.
pub async fn run(arguments: Identify) -> Result<Exit> {
    let began_ms = now_ms();
    let design = design(&arguments)?;
    let long_tokens = parse_tokens_or_zero(&arguments.long).context("bad --long")?;
    let own = arguments.tokenizer_file.iter().map(|path| own_file(path));
    let own = own.collect::<Result<Vec<_>>>()?;
    let inquiry = arguments.as_inquiry()?;
    let reference_inquiry = arguments.reference_inquiry()?;
    let caps = options::caps(&inquiry)?;
    if let Some(price) = &inquiry.price {
        Price::parse(price)?;
    }
    let local = local_folder(&arguments, began_ms)?;
    let connected = connect::target(&inquiry, local.as_deref()).await?;
    let reference = match &reference_inquiry {
        Some(inquiry) => Some(
            connect::target(inquiry, None)
                .await
                .context("the reference cannot be asked")?,
        ),
        None => None,
    };
    let served = connected.endpoint.served().clone();
    let mut own = own;
    let claimed_own = own_tokenizer(&connected, &mut own)?;
    let table = Table::built_in()?.with(own);
    let claimed = claimed(&arguments, &table, &served, claimed_own.as_deref())?;
    let free = connected.free
        && arguments.price.is_none()
        && reference.as_ref().is_none_or(|reference| reference.free);
    let price = options::price(&inquiry, &served, free, None)?;
    let corpus = Corpus::open("en-prose")?;
    let has_reference = reference.is_some();
    let asking = asking(
        (&arguments, &served, connected.free),
        &corpus,
        long_tokens,
        design.filter(|_| has_reference),
        began_ms,
    )?;
    let planned = plan(&asking, has_reference)?;
    if arguments.dry_run {
        announce(&planned, price, free, &mut screen::out);
        return Ok(Exit::Done);
    }
    consent(&arguments, &planned, price, free)?;
    let folder = match arguments.out.clone().or(local) {
        Some(folder) => folder,
        None => default_folder(began_ms, &served.model),
    };
    let record = Record::begin(&folder)?;
    if !arguments.quiet {
        announce(&planned, price, free, &mut screen::note);
        if claimed.is_empty() {
            screen::note(&format!(
                "the name {} tells no tokenizer that is known here: give --claimed NAME or --tokenizer-file FILE",
                served.model
            ));
        }
    }
    let budget = Budget::new(caps.trials, caps.tokens, caps.cost_usd, price);
    let mut stream = Secret::fresh()?.key("identify").stream("equality", &[]);
    let at_a_time = |connected: &Connected| match connected.one_at_a_time {
        true => 1,
        false => arguments.concurrency.unwrap_or(4),
    };
    let asked = Asked {
        target: connected.endpoint.as_ref(),
        names: [
            &arguments.target,
            arguments.reference.as_deref().unwrap_or_default(),
        ],
        reference: reference
            .as_ref()
            .map(|reference| reference.endpoint.as_ref()),
        concurrency: [
            at_a_time(&connected),
            reference.as_ref().map_or(1, at_a_time),
        ],
    };
    let quiet = arguments.quiet;
    let mut progress = |what: &str| {
        if !quiet {
            screen::note(&format!("asking {what}"));
        }
    };
    let identifying = identify(
        asked,
        &asking,
        &table,
        &claimed,
        Ledger {
            record: &record,
            budget: &budget,
        },
        &mut stream,
        &mut progress,
    );
    let (identity, halted) = tokio::select! {
        identified = identifying => identified,
        () = setup::interrupted() => {
            record.sync()?;
            screen::note(&format!(
                "interrupted: {} answers are kept in {}",
                record.attempts().len(),
                folder.join(record::FILE).display()
            ));
            return Ok(Exit::Interrupted);
        }
    };
    record.sync()?;
    write(&folder, &identity)?;
    conclude(&arguments, &folder, &identity, halted)
}

fn conclude(
    arguments: &Identify,
    folder: &Path,
    identity: &Identity,
    halted: Option<Halt>,
) -> Result<Exit> {
    match &halted {
        Some(Halt::Lost(error)) => bail!("{error:#}"),
        Some(Halt::Fatal(side, failure)) if identity.is_silent() => bail!(
            "the {} cannot be asked: {failure}; {} attempts are kept in {}",
            side.name(),
            identity.attempts.len(),
            folder.display()
        ),
        _ => {}
    }
    if arguments.json {
        screen::out(&serde_json::to_string_pretty(identity)?);
    } else if !arguments.quiet {
        for line in report::lines(identity) {
            screen::out(&line);
        }
        screen::out(&format!("report: {}", folder.join("report.md").display()));
    }
    if let Some(stopped) = &identity.stopped {
        screen::note(&format!("{stopped}: not everything was measured"));
    }
    Ok(match (identity.says(), &identity.stopped) {
        (Says::NotConsistent, _) => Exit::Refuted,
        (Says::Consistent, None) => Exit::Done,
        (Says::Consistent, Some(_)) | (Says::Undecided, _) => Exit::Undecided,
    })
}

/// The test of the answers; none where it is left out.
fn design(arguments: &Identify) -> Result<Option<Design>> {
    let Identify {
        prompts, samples, ..
    } = *arguments;
    ensure!(
        (1..=MOST_PROMPTS).contains(&prompts),
        "--prompts is between 1 and {MOST_PROMPTS}"
    );
    ensure!(
        (2..=200).contains(&samples),
        "--samples is between 2 and 200"
    );
    ensure!(
        arguments.concurrency.is_none_or(|count| count > 0),
        "--concurrency is at least 1"
    );
    Ok((!arguments.no_equality).then_some(Design { prompts, samples }))
}

fn parse_tokens_or_zero(typed: &str) -> Result<u64> {
    match typed.trim() {
        "0" => Ok(0),
        typed => parse_tokens(typed),
    }
}

fn own_file(path: &Path) -> Result<Known> {
    ensure!(path.is_file(), "no such file: {}", path.display());
    let tokenizer = Tokenizer::resolve(&path.display().to_string())?;
    let name = tokenizer.name().to_owned();
    named(tokenizer, format!("{name} (your file)"))
}

/// The target's own tokenizer, where it came with the target, put among those that are known.
/// Returns its name.
fn own_tokenizer(connected: &Connected, own: &mut Vec<Known>) -> Result<Option<String>> {
    let Some(tokenizer) = &connected.tokenizer else {
        return Ok(None);
    };
    // A bundled one stands in for what the name says anyhow.
    if Tokenizer::BUNDLED.contains(&tokenizer.name()) {
        return Ok(None);
    }
    let name = format!("{} (its own file)", tokenizer.name());
    own.push(named(tokenizer.clone(), name.clone())?);
    Ok(Some(name))
}

fn named(tokenizer: Arc<Tokenizer>, name: String) -> Result<Known> {
    Ok(Known {
        name,
        ..Known::of(tokenizer, "a file at hand")?
    })
}

/// The tokenizers that the target should count with: by what was typed, by its own file, else by
/// its name.
fn claimed<'t>(
    arguments: &Identify,
    table: &'t Table,
    served: &Served,
    own: Option<&str>,
) -> Result<Vec<&'t Known>> {
    let named = |name: &str| -> Vec<&'t Known> {
        // Of a file of yours the name is enough, without what says whose it is.
        let is_it = |known: &&Known| {
            let rest = known.name.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
        };
        table.known.iter().filter(is_it).collect()
    };
    if let Some(typed) = &arguments.claimed {
        let found = match named(typed) {
            found if found.is_empty() => table.claimed(typed),
            found => found,
        };
        let names: Vec<&str> = table
            .known
            .iter()
            .map(|known| known.name.as_str())
            .collect();
        ensure!(
            !found.is_empty(),
            "no tokenizer is known of {typed}: known are {}; others by --tokenizer-file",
            names.join(", ")
        );
        return Ok(found);
    }
    match own.map(named) {
        Some(found) if !found.is_empty() => Ok(found),
        _ => Ok(table.claimed(&served.model)),
    }
}

fn asking(
    (arguments, served, free): (&Identify, &Served, bool),
    corpus: &Corpus,
    long_tokens: u64,
    equality: Option<Design>,
    began_ms: u64,
) -> Result<Options> {
    let room = served
        .window_tokens
        .map_or(u64::MAX, |window| window.saturating_sub(ROOM_TOKENS));
    let long = long_tokens.min(room);
    let long = Some(long).filter(|long| *long >= LEAST_LONG_TOKENS);
    if long.is_none() && long_tokens > 0 && !arguments.quiet {
        screen::note("the window has no room for a long text: the twist is left out");
    }
    let haystack = long
        .map(|tokens| stretch(corpus, tokens, began_ms))
        .transpose()?;
    // A refusal costs nothing anywhere, but a server that takes the prompt charges for it.
    let overlong = served
        .window_tokens
        .filter(|window| free && *window <= MOST_OVERLONG_TOKENS)
        .map(|window| stretch(corpus, window + window / 2, began_ms))
        .transpose()?;
    let counted = haystack
        .as_ref()
        .map(|haystack| Tokenizer::bundled("o200k")?.count(&haystack.text()));
    Ok(Options {
        haystack_tokens: counted.transpose()?.unwrap_or(0),
        long_equality: equality.filter(|_| arguments.long_equality && haystack.is_some()),
        haystack,
        overlong,
        equality,
        retries: arguments.retries,
    })
}

/// A stretch of English of about so many tokens, from a place that differs each time, so that no
/// cache of an earlier one answers.
fn stretch(corpus: &Corpus, tokens: u64, at: u64) -> Result<Rope> {
    let wanted = (tokens * BYTES_PER_TOKEN) as usize;
    let texts = corpus
        .texts
        .iter()
        .filter(|text| text.len_bytes() as usize > wanted);
    let text = texts.max_by_key(|text| text.len_bytes()).with_context(|| {
        format!(
            "no built-in text has {} tokens: give a shorter --long",
            grouped(tokens)
        )
    })?;
    let content = text.as_str()?;
    let from = (at as usize).wrapping_mul(7_919) % (content.len() - wanted).max(1);
    let after = |at: usize| {
        let at = (at..content.len())
            .find(|at| content.is_char_boundary(*at))
            .unwrap_or(0);
        content[at..].find(". ").map_or(at, |dot| at + dot + 1)
    };
    let from = after(from) + 1;
    let to = after((from + wanted).min(content.len()))
        .min(content.len())
        .max(from);
    let mut rope = Rope::new();
    for piece in text.pieces(from.min(to), to)? {
        rope.push(piece);
    }
    Ok(rope)
}

fn totals(planned: &[(Side, Planned)]) -> (u64, u64, u64) {
    let sum = |of: fn(&Planned) -> u64| planned.iter().map(|(_, row)| of(row)).sum();
    (
        sum(|row| row.questions),
        sum(|row| row.prompt_tokens),
        sum(|row| row.output_tokens),
    )
}

fn announce(
    planned: &[(Side, Planned)],
    price: Option<Price>,
    free: bool,
    say: &mut dyn FnMut(&str),
) {
    for (side, row) in planned {
        say(&format!(
            "{:<9}  {:<38} {:>5} questions  {:>10} prompt tokens  at most {:>7} of answers",
            side.name(),
            row.signal,
            row.questions,
            grouped(row.prompt_tokens),
            grouped(row.output_tokens)
        ));
    }
    let (questions, prompt, output) = totals(planned);
    say(&format!(
        "total: {} questions, about {} prompt tokens, at most {} output tokens; {}",
        grouped(questions),
        grouped(prompt),
        grouped(output),
        match (price, free) {
            (_, true) => "free, it runs on this machine".to_owned(),
            (Some(price), _) => format!(
                "about ${:.2}, both sides at the target's price",
                price.usd(prompt, output)
            ),
            (None, _) => "price not known (give --price IN,OUT)".to_owned(),
        }
    ));
}

/// Refuses to go on where money would be spent unasked.
fn consent(
    arguments: &Identify,
    planned: &[(Side, Planned)],
    price: Option<Price>,
    free: bool,
) -> Result<()> {
    ensure!(
        arguments.max_cost.is_none() || price.is_some(),
        "--max-cost needs a known price: add --price IN,OUT in dollars per million tokens"
    );
    let capped = arguments.max_cost.is_some()
        || arguments.max_tokens.is_some()
        || arguments.max_trials.is_some();
    if free || arguments.yes || capped {
        return Ok(());
    }
    let (questions, prompt, output) = totals(planned);
    let why = match price.map(|price| price.usd(prompt, output)) {
        None => "the price is not known".to_owned(),
        Some(usd) if usd > FREE_USD => format!("it costs about ${usd:.2}"),
        Some(_) if prompt > FREE_TOKENS => "it is much".to_owned(),
        Some(_) => return Ok(()),
    };
    bail!(
        "this asks {} questions with about {} prompt tokens and {why}: add --yes, or a cap such as --max-tokens or --max-cost (--dry-run prints the plan)",
        grouped(questions),
        grouped(prompt)
    )
}

fn default_folder(began_ms: u64, model: &str) -> PathBuf {
    // The usual name has the task last, and this one is known by its command.
    let named = folder::default_name(began_ms, &format!("{NAME}-{model}"), "");
    let name = named
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_else(|| NAME.to_owned());
    named.with_file_name(name.trim_end_matches('-'))
}

/// The folder of a local target, where its server's log belongs.
fn local_folder(arguments: &Identify, began_ms: u64) -> Result<Option<PathBuf>> {
    let Some(model) = arguments.target.strip_prefix("local:") else {
        return Ok(None);
    };
    if arguments.dry_run {
        return Ok(None);
    }
    let stem = Path::new(model).file_stem().unwrap_or(model.as_ref());
    let folder = arguments
        .out
        .clone()
        .unwrap_or_else(|| default_folder(began_ms, &stem.to_string_lossy()));
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    Ok(Some(folder))
}

fn write(folder: &Path, identity: &Identity) -> Result<()> {
    let mut json = serde_json::to_string_pretty(identity)?;
    json.push('\n');
    for (name, content) in [
        ("identity.json", json),
        ("report.md", report::markdown(identity)),
    ] {
        let path = folder.join(name);
        let part = folder.join(format!("{name}.part"));
        std::fs::write(&part, content)
            .and_then(|()| std::fs::rename(&part, &path))
            .with_context(|| {
                format!(
                    "cannot write {}: the answers are kept in {}",
                    path.display(),
                    record::FILE
                )
            })?;
    }
    Ok(())
}
