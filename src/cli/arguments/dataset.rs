//! What a sweep of another's set can be told.

use clap::Args;
use std::path::PathBuf;

/// A file of another's questions, which of its columns means what, and how many items are asked.
#[derive(Clone, Debug, Default, Args)]
pub struct SetChoice {
    /// Ask another's set in place of a grid: RULER jsonl, OpenAI MRCR (jsonl or parquet), or any
    /// jsonl or parquet of prompts and answers; scored by the set's own rule
    #[arg(long, value_name = "FILE", help_heading = "Other people's sets")]
    pub dataset: Option<PathBuf>,
    /// Whose set it is [default: recognised by its first record]
    #[arg(long, value_name = "KIND", value_parser = ["ruler", "mrcr", "generic"], help_heading = "Other people's sets")]
    pub dataset_kind: Option<String>,
    /// Ask so many of its items, drawn at random by the run's secret [default: all]
    #[arg(long, value_name = "N", help_heading = "Other people's sets")]
    pub limit: Option<u64>,
    /// Column of the prompt: a text, or a list of messages [default: messages, prompt, input or question]
    #[arg(long, value_name = "NAME", help_heading = "Other people's sets")]
    pub prompt_column: Option<String>,
    /// Column of the expected answers: a text, or a list [default: answers, answer, outputs, targets or target]
    #[arg(long, value_name = "NAME", help_heading = "Other people's sets")]
    pub answers_column: Option<String>,
    /// Column of the length in tokens [default: length_tokens, length or context_length]
    #[arg(long, value_name = "NAME", help_heading = "Other people's sets")]
    pub length_column: Option<String>,
    /// Column of the depth, in percent or as a fraction [default: depth_percent or depth]
    #[arg(long, value_name = "NAME", help_heading = "Other people's sets")]
    pub depth_column: Option<String>,
    /// Column of the task [default: task or category]
    #[arg(long, value_name = "NAME", help_heading = "Other people's sets")]
    pub task_column: Option<String>,
    /// Column of the item's name [default: id, _id or index]
    #[arg(long, value_name = "NAME", help_heading = "Other people's sets")]
    pub id_column: Option<String>,
    /// How the expected answers of a generic set are held against a reply: one is enough, each
    /// counts, or the reply is one of them and nothing else [default: any]
    #[arg(long, value_name = "HOW", value_parser = ["any", "all", "exact"], help_heading = "Other people's sets")]
    pub matching: Option<String>,
}
