//! The chat template that a model's file carries: what stands around a prompt when the model sees it.

use crate::gguf::Metadata;
use crate::tokens::Tokenizer;
use anyhow::{Context, Result};
use minijinja::{Environment, ErrorKind, context};

/// A chat template, ready to render.
pub struct ChatTemplate {
    environment: Environment<'static>,
    bos: String,
    eos: String,
    add_bos: bool,
}

/// Stands for a prompt where only what is around it matters: it begins and ends as prompts do.
const SAMPLE: &str =
    "The sea was calm.\n\nWhat is the number for Oslo? Answer with the number only.";

impl ChatTemplate {
    /// The template of a GGUF; none where it has none (a base model).
    ///
    /// # Errors
    /// When there is one that cannot be parsed.
    pub fn of(metadata: &Metadata) -> Result<Option<ChatTemplate>> {
        let Some(source) = metadata.chat_template() else {
            return Ok(None);
        };
        let token = |key: &str| {
            let id = usize::try_from(metadata.integer(key)?).ok()?;
            metadata.texts("tokenizer.ggml.tokens")?.get(id).cloned()
        };
        let mut environment = Environment::new();
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function(
            "raise_exception",
            |said: String| -> Result<String, minijinja::Error> {
                Err(minijinja::Error::new(ErrorKind::InvalidOperation, said))
            },
        );
        // Templates that print a date would give other bytes every day; a fixed one keeps
        // prompts rebuildable.
        environment.add_function("strftime_now", |_format: String| "26 Jul 2024".to_string());
        environment
            .add_template_owned("chat", source.to_string())
            .context("the model's chat template cannot be read")?;
        Ok(Some(ChatTemplate {
            environment,
            bos: token("tokenizer.ggml.bos_token_id").unwrap_or_default(),
            eos: token("tokenizer.ggml.eos_token_id").unwrap_or_default(),
            add_bos: metadata
                .integer("tokenizer.ggml.add_bos_token")
                .unwrap_or(0)
                == 1,
        }))
    }

    /// What the model sees of one user message, up to where its answer begins.
    pub fn render(&self, system: Option<&str>, user: &str) -> Result<String> {
        self.render_turns(system, &[("user", user)])
    }

    /// The same of a conversation: roles (`user`, `assistant`) and texts in order.
    pub fn render_turns(&self, system: Option<&str>, turns: &[(&str, &str)]) -> Result<String> {
        let mut messages = Vec::new();
        if let Some(system) = system {
            messages.push(context! { role => "system", content => system });
        }
        messages.extend(
            turns
                .iter()
                .map(|(role, text)| context! { role => role, content => text }),
        );
        let rendered = self
            .environment
            .get_template("chat")
            .and_then(|template| {
                template.render(context! {
                    messages => messages, add_generation_prompt => true,
                    bos_token => self.bos, eos_token => self.eos,
                })
            })
            .context("the model's chat template cannot be rendered")?;
        // The tokenizer's own rule and the template's together give exactly one.
        Ok(if self.add_bos && !rendered.starts_with(&self.bos) {
            format!("{}{rendered}", self.bos)
        } else {
            rendered
        })
    }

    /// Tokens that the template adds to a prompt.
    pub fn overhead_tokens(&self, tokenizer: &Tokenizer, system: Option<&str>) -> Result<u64> {
        let around = tokenizer.count(&self.render(system, SAMPLE)?)?;
        Ok(around.saturating_sub(tokenizer.count(SAMPLE)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A template in ChatML, as SmolLM2, Qwen and many others have it.
    const CHATML: &str = "{% for message in messages %}<|im_start|>{{ message['role'] }}\n\
                          {{ message['content'] }}<|im_end|>\n{% endfor %}\
                          {% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

    #[test]
    fn a_conversation_is_rendered_turn_by_turn_and_one_message_as_before() {
        let mut environment = Environment::new();
        environment
            .add_template_owned("chat", CHATML.to_owned())
            .expect("a template");
        let template = ChatTemplate {
            environment,
            bos: "<s>".into(),
            eos: String::new(),
            add_bos: true,
        };
        let turns = [("user", "first"), ("assistant", "so"), ("user", "now?")];
        assert_eq!(
            template.render_turns(Some("s"), &turns).expect("renders"),
            "<s><|im_start|>system\ns<|im_end|>\n<|im_start|>user\nfirst<|im_end|>\n\
             <|im_start|>assistant\nso<|im_end|>\n<|im_start|>user\nnow?<|im_end|>\n\
             <|im_start|>assistant\n"
        );
        assert_eq!(
            template.render(None, "now?").expect("renders"),
            "<s><|im_start|>user\nnow?<|im_end|>\n<|im_start|>assistant\n"
        );
    }
}
