//! What is asked of a set: columns, kind, how many items, in which order, and what that takes.

use crate::answer::ValueType;
use crate::cli::arguments::{SetChoice, Sweep};
use crate::cli::screen;
use crate::dataset::{Columns, Dataset, Kind, Matching, Outline};
use crate::journal::{Asking, SetAsked};
use crate::number::grouped;
use crate::plan::{Depths, Grid, WordingChoice};
use crate::prompt::QuestionAt;
use crate::run::conversation;
use crate::seed::RunKey;
use crate::tokens::Tokenizer;
use anyhow::{Context, Result, bail, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// More different stated lengths than this are told in powers of two.
const MOST_NOMINAL: usize = 24;
/// Fewer items than this at a stated length, on average, make it a measured one.
const LEAST_ITEMS_A_LENGTH: usize = 3;
/// Items whose tokens are counted to know how many bytes a token has.
const COUNTED_ITEMS: usize = 8;
/// Their texts beyond so many bytes are not counted.
const COUNTED_BYTES: usize = 4 << 20;
/// Bytes per token where nothing was counted.
const BYTES_PER_TOKEN: f64 = 4.0;

/// Refuses what has no meaning with a set, and what has none without one.
pub fn check(arguments: &Sweep) -> Result<()> {
    let set = &arguments.set;
    if set.dataset.is_none() {
        if let Some(option) = of_sets(set).first() {
            bail!("{option} needs --dataset FILE");
        }
        return Ok(());
    }
    if let Some(option) = of_grids(arguments).first() {
        bail!("{option} has no meaning with --dataset: the set's own items are asked");
    }
    let columns: Vec<&str> = of_sets(set)
        .into_iter()
        .filter(|option| option.ends_with("-column") || *option == "--matching")
        .collect();
    if let (Some(option), Some(kind)) = (columns.first(), &set.dataset_kind)
        && kind != Kind::Generic.name()
    {
        bail!("{option} is for --dataset-kind generic: the columns of {kind} are known");
    }
    ensure!(set.limit != Some(0), "--limit is at least 1");
    Ok(())
}

/// The options of sets that were typed.
fn of_sets(set: &SetChoice) -> Vec<&'static str> {
    let typed = [
        ("--dataset-kind", set.dataset_kind.is_some()),
        ("--limit", set.limit.is_some()),
        ("--prompt-column", set.prompt_column.is_some()),
        ("--answers-column", set.answers_column.is_some()),
        ("--length-column", set.length_column.is_some()),
        ("--depth-column", set.depth_column.is_some()),
        ("--task-column", set.task_column.is_some()),
        ("--id-column", set.id_column.is_some()),
        ("--matching", set.matching.is_some()),
    ];
    named(&typed)
}

/// The options of grids that were typed and differ from their defaults.
fn of_grids(arguments: &Sweep) -> Vec<&'static str> {
    let typed = [
        ("--task", arguments.task != ["niah_multikey"]),
        ("--suite", arguments.suite.is_some()),
        ("--lengths", arguments.lengths.is_some()),
        ("--steps", arguments.steps.is_some()),
        ("--depths", arguments.depths != "11"),
        ("--samples", arguments.samples != 1),
        ("--difficulty", !arguments.difficulty.is_empty()),
        ("--keys", arguments.keys != 5),
        ("--values", arguments.values != "numbers"),
        ("--wording", arguments.wording != "fixed"),
        ("--question-at", arguments.question_at != "end"),
        ("--haystack-lang", arguments.haystack_lang != "en"),
        ("--question-lang", arguments.question_lang.is_some()),
        ("--corpus", arguments.corpus.is_some()),
        ("--beyond", arguments.beyond != "refused"),
        ("--canaries", arguments.canaries == "always"),
        ("--find-window", arguments.find_window),
    ];
    named(&typed)
}

fn named(typed: &[(&'static str, bool)]) -> Vec<&'static str> {
    let typed = typed.iter().filter(|(_, is)| *is);
    typed.map(|(name, _)| *name).collect()
}

/// The columns as typed.
pub fn columns(arguments: &Sweep) -> Columns {
    let set = &arguments.set;
    let matching = set.matching.as_deref().and_then(Matching::from_name);
    Columns {
        prompt: set.prompt_column.clone(),
        answers: set.answers_column.clone(),
        length: set.length_column.clone(),
        depth: set.depth_column.clone(),
        task: set.task_column.clone(),
        id: set.id_column.clone(),
        matching: matching.unwrap_or_default(),
    }
}

/// The columns of a run that was begun.
pub fn columns_of(asked: &SetAsked) -> Columns {
    let column = |meaning: &str| asked.columns.get(meaning).cloned();
    let matching = column("matching");
    let matching = matching.as_deref().and_then(Matching::from_name);
    Columns {
        prompt: column("prompt"),
        answers: column("answers"),
        length: column("length"),
        depth: column("depth"),
        task: column("task"),
        id: column("id"),
        matching: matching.unwrap_or_default(),
    }
}

/// What of a set is asked.
pub fn asked(arguments: &Sweep, dataset: &Dataset) -> Result<SetAsked> {
    let set = &arguments.set;
    let columns: BTreeMap<String, String> = [
        ("prompt", &set.prompt_column),
        ("answers", &set.answers_column),
        ("length", &set.length_column),
        ("depth", &set.depth_column),
        ("task", &set.task_column),
        ("id", &set.id_column),
        ("matching", &set.matching),
    ]
    .into_iter()
    .filter_map(|(meaning, column)| Some((meaning.to_owned(), column.clone()?)))
    .collect();
    ensure!(
        columns.is_empty() || dataset.kind() == Kind::Generic,
        "the set is one of {}, whose columns are known: leave the options for columns out, or add --dataset-kind generic",
        dataset.kind().name()
    );
    let items = dataset.len() as u64;
    Ok(SetAsked {
        kind: dataset.kind().name().to_owned(),
        columns,
        items,
        asked: set.limit.map_or(items, |limit| limit.min(items)),
        nominal_tokens: nominal(dataset.outlines()),
    })
}

/// The lengths that a set was made for: few different ones, with several items each.
fn nominal(outlines: &[Outline]) -> Vec<u64> {
    let stated = || outlines.iter().filter_map(|outline| outline.length_tokens);
    let lengths: BTreeSet<u64> = stated().collect();
    let is_nominal =
        lengths.len() <= MOST_NOMINAL && LEAST_ITEMS_A_LENGTH * lengths.len() <= stated().count();
    match is_nominal {
        true => lengths.into_iter().collect(),
        false => Vec::new(),
    }
}

/// The items in the order in which they are asked: a random one, so that a run that is stopped
/// early has asked a fair sample.
pub fn order(key: &RunKey, asked: &SetAsked) -> Vec<usize> {
    let drawn = key.permutation("dataset-order", asked.items);
    (0..asked.asked)
        .map(|place| drawn.at(place) as usize)
        .collect()
}

/// The grid of a run that has none.
pub fn grid() -> Grid {
    Grid {
        tasks: Vec::new(),
        lengths_tokens: Vec::new(),
        depths: Depths::At(Vec::new()),
        samples: 1,
        keys: 5,
        values: ValueType::Numbers,
        wording: WordingChoice::Fixed,
        question_at: QuestionAt::End,
        language: "en".into(),
        question_language: None,
        beyond: Default::default(),
        difficulty: Default::default(),
    }
}

/// What a run folder is called after, beside the model.
pub fn folder_name(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let plain = |c: char| match c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') {
        true => c,
        false => '-',
    };
    let name: String = stem.chars().map(plain).take(40).collect();
    match name.trim_matches(['-', '.']) {
        "" => "dataset".to_owned(),
        name => name.to_owned(),
    }
}

/// The path by which `show` and `report` find the file again, from any folder.
pub fn absolute(path: &Path) -> String {
    let whole = path.canonicalize();
    whole
        .unwrap_or_else(|_| path.to_owned())
        .display()
        .to_string()
}

/// What the items that are asked take, before any of them is.
pub struct Chosen {
    /// Task, estimated tokens of the prompt, and the budget that the set states.
    items: Vec<(String, u64, Option<u64>)>,
}

impl Chosen {
    /// Reads every item that is asked, so that one that cannot be sent is told before any is paid
    /// for.
    pub fn read(
        dataset: &Dataset,
        order: &[usize],
        tokenizer: &Tokenizer,
        has_system: bool,
    ) -> Result<Chosen> {
        let (mut bytes, mut tokens) = (0, 0);
        let mut items = Vec::with_capacity(order.len());
        for (nth, &at) in order.iter().enumerate() {
            let outline = &dataset.outlines()[at];
            let item = dataset.item(at)?;
            if nth < COUNTED_ITEMS && bytes < COUNTED_BYTES {
                for (_, text) in &item.messages {
                    bytes += text.len();
                    tokens += tokenizer.count(text)?;
                }
            }
            let prompt_bytes: usize = item.messages.iter().map(|(_, text)| text.len()).sum();
            let conversation = conversation(item.messages)
                .with_context(|| format!("item {} of the set cannot be asked", outline.id))?;
            ensure!(
                conversation.system.is_none() || !has_system,
                "item {} of the set has a system message of its own: leave --system out",
                outline.id
            );
            let task = outline.task.clone().unwrap_or_else(|| "items".to_owned());
            items.push((task, prompt_bytes as u64, item.output_tokens));
        }
        let bytes_per_token = match tokens {
            0 => BYTES_PER_TOKEN,
            tokens => bytes as f64 / tokens as f64,
        };
        for (_, size, _) in &mut items {
            *size = (*size as f64 / bytes_per_token).ceil() as u64;
        }
        Ok(Chosen { items })
    }

    /// Tokens of all prompts, about.
    pub fn prompt_tokens(&self) -> u64 {
        self.items.iter().map(|(_, tokens, _)| tokens).sum()
    }

    /// Tokens of all answers at most, where none is asked for with a larger budget.
    pub fn output_tokens(&self, asking: &Asking, reasoning_tokens: u64) -> u64 {
        let budget = |stated: Option<u64>| {
            let stated = stated.map_or(0, |stated| stated + reasoning_tokens);
            stated.max(asking.max_output_tokens)
        };
        self.items
            .iter()
            .map(|(_, _, stated)| budget(*stated))
            .sum()
    }

    /// The longest prompt with what may be answered beyond the least budget, about; a tenth more,
    /// because a server that makes room for it counts for itself.
    pub fn longest_tokens(&self) -> u64 {
        let lengths = self.items.iter();
        let lengths = lengths.map(|(_, tokens, stated)| tokens + stated.unwrap_or(0));
        let longest = lengths.max().unwrap_or(0);
        longest + longest / 10
    }

    /// Prints the plan.
    pub fn print(&self, dataset: &Dataset, asked: &SetAsked) {
        let mut tasks: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for (task, tokens, _) in &self.items {
            let (items, all) = tasks.entry(task).or_default();
            (*items, *all) = (*items + 1, *all + tokens);
        }
        for (task, (items, tokens)) in tasks {
            screen::out(&format!(
                "{task:<20} {:>7} items  {:>15} prompt tokens",
                grouped(items),
                grouped(tokens)
            ));
        }
        screen::out(&format!(
            "total: {} of {} items ({}), about {} prompt tokens",
            grouped(asked.asked),
            grouped(dataset.len() as u64),
            dataset.kind().name(),
            grouped(self.prompt_tokens())
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Secret;

    fn outlines(lengths: &[u64]) -> Vec<Outline> {
        let of = |length: &u64| Outline {
            id: String::new(),
            line: 1,
            task: None,
            length_tokens: Some(*length),
            depth_percent: None,
            text_bytes: 0,
        };
        lengths.iter().map(of).collect()
    }

    #[test]
    fn few_lengths_with_several_items_each_are_those_the_set_was_made_for() {
        let made = [4_000, 8_000].repeat(3);
        assert_eq!(nominal(&outlines(&made)), [4_000, 8_000]);
        assert_eq!(nominal(&outlines(&[4_000, 8_000])), [0u64; 0]);
        let measured: Vec<u64> = (4_000..4_100).collect();
        assert_eq!(nominal(&outlines(&measured)), [0u64; 0]);
        assert_eq!(nominal(&[]), [0u64; 0]);
    }

    #[test]
    fn a_limit_asks_the_first_items_of_the_order_of_all() {
        let key = Secret::from_hex("0a").expect("hex").key("");
        let of = |asked| {
            let asked = SetAsked {
                kind: "ruler".into(),
                columns: BTreeMap::new(),
                items: 100,
                asked,
                nominal_tokens: Vec::new(),
            };
            order(&key, &asked)
        };
        let all = of(100);
        assert_eq!(of(7), all[..7]);
        assert_ne!(all[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(BTreeSet::from_iter(all).len(), 100);
    }

    #[test]
    fn a_folder_is_called_after_the_file() {
        for (path, name) in [
            ("data/niah_single_1.jsonl", "niah_single_1"),
            ("a b/2needle test.parquet", "2needle-test"),
            ("..", "dataset"),
            ("呐喊.jsonl", "dataset"),
        ] {
            assert_eq!(folder_name(Path::new(path)), name);
        }
    }
}
