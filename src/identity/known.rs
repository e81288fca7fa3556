//! The tokenizers that are known: a table of what each makes of the probes, and files of the user's.

use super::probes::{self, PROBES, REPEATED};
use crate::tokens::Tokenizer;
use anyhow::{Context, Result, ensure};
use std::sync::{Arc, LazyLock};

/// Cut positions that the table keeps.
pub const CUTS: usize = 16;

/// A tokenizer by what it makes of the probes.
#[derive(Clone, Debug)]
pub struct Known {
    /// What it is called.
    pub name: String,
    /// Beginnings of words in the names of models that count with it, in lower case.
    pub patterns: Vec<String>,
    /// Where its file came from.
    pub source: String,
    /// The licence of that file. The table holds counts and nothing of the file.
    pub licence: String,
    /// Tokens that each probe adds, in the order of [`PROBES`].
    pub vector: Vec<i64>,
    /// Length in characters of the first tokens of [`REPEATED`], one, two, three …
    pub cuts: Vec<usize>,
    /// The tokenizer itself, where it is at hand.
    pub tokenizer: Option<Arc<Tokenizer>>,
}

impl Known {
    /// Counts the probes.
    ///
    /// # Errors
    /// When the tokenizer cannot be loaded.
    pub fn of(tokenizer: Arc<Tokenizer>, source: &str) -> Result<Known> {
        let base = tokenizer.count(&probes::framed(""))? as i64;
        let vector = PROBES.iter().map(|probe| {
            let counted = tokenizer.count(&probes::framed(&probe.text()))?;
            Ok(counted as i64 - base)
        });
        Ok(Known {
            name: tokenizer.name().to_owned(),
            patterns: Vec::new(),
            source: source.to_owned(),
            licence: String::new(),
            vector: vector.collect::<Result<_>>()?,
            cuts: cuts(&tokenizer, REPEATED, CUTS)?,
            tokenizer: Some(tokenizer),
        })
    }

    /// The table's line.
    pub fn line(&self) -> String {
        let list = |numbers: &mut dyn Iterator<Item = String>| {
            let numbers: Vec<String> = numbers.collect();
            numbers.join(" ")
        };
        format!(
            "{},{},{},{},{},{}",
            self.name,
            self.patterns.join(" "),
            self.source,
            self.licence,
            list(&mut self.vector.iter().map(i64::to_string)),
            list(&mut self.cuts.iter().map(usize::to_string)),
        )
    }
}

/// Length in characters of the first tokens of a text, one, two, three …, at most `most` of them.
///
/// # Errors
/// When the tokenizer cannot be loaded.
pub fn cuts(tokenizer: &Tokenizer, text: &str, most: usize) -> Result<Vec<usize>> {
    let ids = tokenizer.encode(text)?;
    let lengths = (1..=ids.len().min(most)).map(|count| {
        let decoded = tokenizer.decode(&ids[..count])?;
        // A vocabulary that marks word beginnings puts a space before the first.
        let start = match text.starts_with(' ') {
            true => &decoded[..],
            false => decoded.trim_start_matches(' '),
        };
        Ok(start.chars().count())
    });
    lengths.collect()
}

/// The table, and with it the user's own files.
#[derive(Clone, Debug)]
pub struct Table {
    /// The tokenizers; files of the user's first.
    pub known: Vec<Known>,
}

impl Table {
    /// What is built in.
    ///
    /// # Errors
    /// When the table does not belong to the probes.
    pub fn built_in() -> Result<&'static Table> {
        static TABLE: LazyLock<Result<Table, String>> = LazyLock::new(|| {
            Table::read(include_str!("tokenizers.csv")).map_err(|error| format!("{error:#}"))
        });
        TABLE.as_ref().map_err(|error| anyhow::anyhow!("{error}"))
    }

    /// Reads a table.
    ///
    /// # Errors
    /// When a line is not one, or the table belongs to other probes.
    pub fn read(csv: &str) -> Result<Table> {
        let mut lines = csv.lines();
        let head = lines.next().unwrap_or_default();
        let digest = probes::digest();
        ensure!(
            head == format!("# probes {digest}"),
            "the table of tokenizers belongs to other probes than {digest}"
        );
        let known = lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .skip(1)
            .map(|line| read(line).with_context(|| format!("in the line {line:.60}")))
            .collect::<Result<Vec<_>>>()?;
        Ok(Table { known })
    }

    /// The same with the user's own files before it.
    pub fn with(&self, own: Vec<Known>) -> Table {
        let known = own.into_iter().chain(self.known.iter().cloned());
        Table {
            known: known.collect(),
        }
    }

    /// The tokenizers that a model of this name counts with, by the longest pattern; several
    /// where the name holds several, none where it holds none.
    pub fn claimed(&self, model: &str) -> Vec<&Known> {
        let name = model.to_lowercase();
        // What was distilled into other weights counts with theirs.
        let name = name
            .split_once("distill")
            .map_or(&name[..], |(_, behind)| behind);
        let stands_in = |pattern: &str| {
            name.match_indices(pattern).any(|(at, _)| {
                let before = name[..at].chars().next_back();
                before.is_none_or(|c| !c.is_ascii_alphanumeric())
            })
        };
        let best = |known: &Known| {
            let patterns = known.patterns.iter();
            let found = patterns.filter(|pattern| stands_in(pattern));
            found.map(String::len).max()
        };
        let scored: Vec<(usize, &Known)> = self
            .known
            .iter()
            .filter_map(|known| Some((best(known)?, known)))
            .collect();
        // The longer name is the truer one: gpt-4o is no gpt-4.
        let longest = scored.iter().map(|(length, _)| *length).max();
        scored
            .into_iter()
            .filter(|(length, _)| Some(*length) == longest)
            .map(|(_, known)| known)
            .collect()
    }
}

fn read(line: &str) -> Result<Known> {
    let cells: Vec<&str> = line.split(',').collect();
    ensure!(cells.len() == 6, "{} cells where 6 belong", cells.len());
    let words =
        |cell: &str| -> Vec<String> { cell.split_whitespace().map(str::to_owned).collect() };
    let vector = words(cells[4]);
    let vector = vector.iter().map(|cell| cell.parse::<i64>());
    let vector = vector.collect::<Result<Vec<_>, _>>()?;
    ensure!(
        vector.len() == PROBES.len(),
        "{} counts for {} probes",
        vector.len(),
        PROBES.len()
    );
    let cuts = words(cells[5]);
    let cuts = cuts.iter().map(|cell| cell.parse::<usize>());
    let name = cells[0].to_owned();
    Ok(Known {
        tokenizer: Tokenizer::BUNDLED
            .contains(&name.as_str())
            .then(|| Tokenizer::bundled(&name))
            .transpose()?,
        name,
        patterns: words(cells[1]),
        source: cells[2].to_owned(),
        licence: cells[3].to_owned(),
        vector,
        cuts: cuts.collect::<Result<_, _>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> &'static Table {
        Table::built_in().expect("the table")
    }

    #[test]
    fn the_table_made_with_the_vendors_libraries_is_what_the_bundled_tokenizers_count() {
        for name in Tokenizer::BUNDLED {
            let own = Known::of(Tokenizer::bundled(name).expect("bundled"), "").expect("counts");
            let listed = table().known.iter().find(|known| known.name == *name);
            let listed = listed.expect("in the table");
            assert_eq!(
                (&own.vector, &own.cuts),
                (&listed.vector, &listed.cuts),
                "{name}"
            );
            let line = Known {
                patterns: listed.patterns.clone(),
                source: listed.source.clone(),
                licence: listed.licence.clone(),
                ..own
            };
            assert!(include_str!("tokenizers.csv").contains(&line.line()));
        }
    }

    #[test]
    fn a_models_name_tells_its_tokenizer_by_the_longest_word_in_it() {
        for (model, expected) in [
            ("gpt-4o-2024-08-06", "o200k"),
            ("openai/gpt-4-turbo", "cl100k"),
            ("gpt-4.1-mini", "o200k"),
            ("meta-llama/Llama-3.3-70B-Instruct", "llama-3"),
            ("models/SmolLM2-135M-Instruct.Q4_1.gguf", "smollm2"),
            ("Qwen2.5-Coder-0.5B", "qwen"),
            ("qwen3-30b-a3b", "qwen"),
            ("google/gemma-3-27b-it", "gemma-3"),
            ("deepseek-chat", "deepseek-v3"),
            ("sim:perfect,voice=7", "o200k"),
            ("DeepSeek-R1-Distill-Llama-3-8B", "llama-3"),
            ("DeepSeek-R1-Distill-Llama-8B", ""),
            // Newer ones of the same makers count otherwise, or nobody has said how.
            ("SmolLM3-3B", ""),
            ("qwen3.5-plus", ""),
            ("claude-sonnet-5", ""),
            ("gpt-6.2", ""),
            ("gemini-2.5-pro", ""),
            ("turbo3", ""),
        ] {
            let claimed = table().claimed(model);
            let names: Vec<&str> = claimed.iter().map(|known| known.name.as_str()).collect();
            assert_eq!(names.join(" "), expected, "{model}");
        }
    }

    #[test]
    fn a_table_of_other_probes_and_a_broken_line_are_refused() {
        let csv = include_str!("tokenizers.csv");
        assert!(Table::read(&csv.replacen("# probes ", "# probes x", 1)).is_err());
        let short = csv.replacen("215 3 72", "215 3", 1);
        let refused = Table::read(&short).expect_err("refused");
        assert!(
            format!("{refused:#}").contains("24 counts for 25 probes"),
            "{refused:#}"
        );
    }
}
