//! Families of models by their special tokens: what one cannot say that others print.

/// A family.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// Tokens that end what is said.
    ends: &'static [&'static str],
    /// Tokens that are left out of what is said.
    silent: &'static [&'static str],
}

/// OpenAI's: those of o200k_harmony and of ChatML.
pub static GPT: Family = Family {
    name: "gpt",
    ends: &["<|endoftext|>", "<|return|>", "<|end|>", "<|im_end|>"],
    silent: &[
        "<|start|>",
        "<|message|>",
        "<|channel|>",
        "<|im_start|>",
        "<|im_sep|>",
        "<|endofprompt|>",
        "<|fim_prefix|>",
        "<|fim_middle|>",
        "<|fim_suffix|>",
    ],
};

static LLAMA3: Family = Family {
    name: "llama3",
    ends: &["<|eot_id|>", "<|end_of_text|>", "<|eom_id|>"],
    silent: &[
        "<|begin_of_text|>",
        "<|start_header_id|>",
        "<|end_header_id|>",
        "<|python_tag|>",
    ],
};

static QWEN: Family = Family {
    name: "qwen",
    ends: &["<|im_end|>", "<|endoftext|>"],
    silent: &[
        "<|im_start|>",
        "<|object_ref_start|>",
        "<|object_ref_end|>",
        "<|box_start|>",
        "<|box_end|>",
        "<|vision_start|>",
        "<|vision_end|>",
    ],
};

static MISTRAL: Family = Family {
    name: "mistral",
    ends: &["</s>"],
    silent: &["<s>", "[INST]", "[/INST]"],
};

static GEMMA: Family = Family {
    name: "gemma",
    ends: &["<end_of_turn>", "<eos>"],
    silent: &["<start_of_turn>", "<bos>"],
};

static DEEPSEEK: Family = Family {
    name: "deepseek",
    ends: &["<｜end▁of▁sentence｜>"],
    silent: &["<｜begin▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>"],
};

/// Takes every text for text.
static CLAUDE: Family = Family {
    name: "claude",
    ends: &[],
    silent: &[],
};

/// All of them.
pub const FAMILIES: &[&Family] = &[&GPT, &LLAMA3, &QWEN, &MISTRAL, &GEMMA, &DEEPSEEK, &CLAUDE];

impl Family {
    /// What comes of a text that is to be said: its own tokens of the family are gone, and so is
    /// what follows one that ends an answer.
    pub fn says(&self, text: &str) -> String {
        let ends = self.ends.iter().filter_map(|token| text.find(token));
        let end = ends.min().unwrap_or(text.len());
        let mut said = text[..end].to_owned();
        for token in self.silent {
            said = said.replace(token, "");
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_leaves_its_own_tokens_out_and_prints_all_others() {
        for family in FAMILIES {
            for other in FAMILIES {
                for token in other.silent.iter().chain(other.ends) {
                    let text = format!("a {token} b");
                    let own_end = family.ends.contains(token);
                    let own = own_end || family.silent.contains(token);
                    let expected = match (own_end, own) {
                        (true, _) => "a ",
                        (false, true) => "a  b",
                        (false, false) => &text,
                    };
                    assert_eq!(family.says(&text), expected, "{} {token}", family.name);
                }
            }
        }
    }

    #[test]
    fn every_two_families_differ_in_a_token() {
        for (at, family) in FAMILIES.iter().enumerate() {
            for other in &FAMILIES[at + 1..] {
                let mut tokens = family.ends.iter().chain(other.ends);
                assert!(
                    tokens.any(|token| family.says(token) != other.says(token)),
                    "{} {}",
                    family.name,
                    other.name
                );
            }
        }
    }
}
