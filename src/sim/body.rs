//! Reads a vendor's request out of its bytes, slice by slice, with one copy of the text.

use super::dialect::Dialect;
use super::json::Scanner;
use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use std::ops::Range;

/// What a request asks for, whoever's shape it came in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatRequest {
    /// The text of all messages in order, the system's first, each followed by a newline that is
    /// not part of it.
    pub text: String,
    /// Where in `text` each message stands, in bytes. The text parts of one message stand
    /// together with nothing between them.
    pub messages: Vec<Range<usize>>,
    /// Which of the messages are the system's.
    pub system: Vec<bool>,
    /// True where the answer is to come in pieces; `None` where the request does not say.
    pub stream: Option<bool>,
    /// True where a stream of OpenAI's chat completions is to end with the token accounts.
    pub include_usage: bool,
    /// Output budget in tokens.
    pub max_tokens: Option<u64>,
    /// The temperature, where the request sets one.
    pub temperature: Option<f64>,
    /// The first field that sets how tokens are drawn (Anthropic's newer versions refuse them).
    pub sampling: Option<String>,
    /// What only Ollama's requests say.
    pub ollama: OllamaWish,
    /// True for a prompt without messages, which no template is put around.
    pub is_bare: bool,
}

/// What an Ollama request says about its context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OllamaWish {
    /// `options.num_ctx`: the window to load the model with, in tokens.
    pub num_ctx: Option<u64>,
    /// `options.num_keep`: tokens at the start that a cut leaves.
    pub num_keep: Option<u64>,
    /// `"truncate": false`.
    pub no_truncate: bool,
    /// `"shift": false`.
    pub no_shift: bool,
}

impl ChatRequest {
    /// Reads a body in a vendor's shape. Errors say what is wrong with it and where.
    pub fn read(dialect: Dialect, slices: &[Bytes]) -> Result<ChatRequest> {
        Reader::new(dialect, false, slices).request(slices)
    }

    /// Reads a body of vLLM's `/tokenize`: a `prompt` or `messages`.
    pub fn read_prompt(slices: &[Bytes]) -> Result<ChatRequest> {
        Reader::new(Dialect::Chat, true, slices).request(slices)
    }

    /// The text of one message.
    pub fn message(&self, at: usize) -> &str {
        self.messages
            .get(at)
            .map_or("", |range| &self.text[range.clone()])
    }
}

struct Reader {
    dialect: Dialect,
    /// True where a bare `prompt` will do.
    bare: bool,
    text: Vec<u8>,
    /// What stands in a field of its own, outside of the messages.
    system: Option<Vec<u8>>,
    has_messages: bool,
    request: ChatRequest,
}

impl Reader {
    fn new(dialect: Dialect, bare: bool, slices: &[Bytes]) -> Reader {
        Reader {
            dialect,
            bare,
            text: Vec::with_capacity(slices.iter().map(Bytes::len).sum()),
            system: None,
            has_messages: false,
            request: ChatRequest::default(),
        }
    }

    fn request(mut self, slices: &[Bytes]) -> Result<ChatRequest> {
        let mut scanner = Scanner::new(slices);
        scanner.blank();
        ensure!(scanner.peek() == Some(b'{'), "the body is no JSON object");
        scanner
            .object(|scanner, key| self.field(scanner, key))
            .with_context(|| format!("at byte {}", scanner.offset()))?;
        scanner.blank();
        ensure!(scanner.peek().is_none(), "text follows the JSON object");
        let wanted = if self.bare {
            "prompt"
        } else {
            self.dialect.messages_field()
        };
        ensure!(self.has_messages, "the request has no `{wanted}`");
        if let Some(mut system) = self.system {
            let length = system.len();
            system.push(b'\n');
            self.text.splice(0..0, system);
            for range in &mut self.request.messages {
                *range = range.start + length + 1..range.end + length + 1;
            }
            self.request.messages.insert(0, 0..length);
            self.request.system.insert(0, true);
        }
        self.request.text = String::from_utf8(self.text).context("a message is no UTF-8")?;
        Ok(self.request)
    }

    /// One field of the request. Where a field comes twice the last one counts.
    fn field(&mut self, scanner: &mut Scanner<'_>, key: &str) -> Result<()> {
        use Dialect::{Anthropic, Chat, Gemini, Ollama, Responses};
        match (self.dialect, key) {
            (_, key) if key == self.dialect.messages_field() => self.messages(scanner),
            (Chat, "prompt") if self.bare => self.messages(scanner),
            (Responses, "instructions")
            | (Anthropic, "system")
            | (Gemini, "systemInstruction" | "system_instruction") => self.set_system(scanner),
            (Gemini, "generateContentRequest") if scanner.peek() == Some(b'{') => {
                scanner.object(|scanner, key| self.field(scanner, key))
            }
            (Gemini, "generationConfig" | "generation_config") | (Ollama, "options")
                if scanner.peek() == Some(b'{') =>
            {
                scanner.object(|scanner, key| self.option(scanner, key))
            }
            (Chat, "stream_options") if scanner.peek() == Some(b'{') => {
                scanner.object(|scanner, key| {
                    match key {
                        "include_usage" => self.request.include_usage = scanner.flag()?,
                        _ => scanner.skip()?,
                    }
                    Ok(())
                })
            }
            (Chat | Responses | Anthropic | Ollama, "stream") => {
                let said = scanner.peek() != Some(b'n');
                self.request.stream = Some(scanner.flag()?).filter(|_| said);
                Ok(())
            }
            (Ollama, "truncate") => {
                self.request.ollama.no_truncate = refused(scanner)?;
                Ok(())
            }
            (Ollama, "shift") => {
                self.request.ollama.no_shift = refused(scanner)?;
                Ok(())
            }
            (Chat, "max_tokens" | "max_completion_tokens")
            | (Responses, "max_output_tokens")
            | (Anthropic, "max_tokens") => {
                let budget = scanner.whole_number(key)?;
                self.tighten(budget);
                Ok(())
            }
            (Anthropic, "temperature" | "top_p" | "top_k") => {
                self.request.sampling.get_or_insert_with(|| key.to_owned());
                match key {
                    "temperature" => self.temperature(scanner),
                    _ => scanner.skip(),
                }
            }
            (Chat | Responses, "temperature") => self.temperature(scanner),
            _ => scanner.skip(),
        }
    }

    /// One field of Gemini's configuration or of Ollama's options.
    fn option(&mut self, scanner: &mut Scanner<'_>, key: &str) -> Result<()> {
        let ollama = self.dialect == Dialect::Ollama;
        match key {
            "maxOutputTokens" | "max_output_tokens" if !ollama => {
                let budget = scanner.whole_number(key)?;
                self.tighten(budget);
            }
            // A negative number means without bound.
            "num_predict" if ollama => {
                let budget = scanner.bound(key)?;
                self.tighten(budget);
            }
            "temperature" => self.temperature(scanner)?,
            "num_ctx" if ollama => self.request.ollama.num_ctx = scanner.bound(key)?,
            "num_keep" if ollama => self.request.ollama.num_keep = scanner.bound(key)?,
            _ => scanner.skip()?,
        }
        Ok(())
    }

    fn temperature(&mut self, scanner: &mut Scanner<'_>) -> Result<()> {
        self.request.temperature = scanner.quantity()?;
        Ok(())
    }

    fn tighten(&mut self, budget: Option<u64>) {
        if let Some(budget) = budget {
            let tightest = self.request.max_tokens.unwrap_or(u64::MAX);
            self.request.max_tokens = Some(budget.min(tightest));
        }
    }

    /// The messages: a list of them, or, where the shape allows it, one text.
    fn messages(&mut self, scanner: &mut Scanner<'_>) -> Result<()> {
        self.has_messages = true;
        self.request.messages.clear();
        self.request.system.clear();
        self.request.is_bare = false;
        self.text.clear();
        match scanner.peek() {
            Some(b'"') if self.bare || self.dialect == Dialect::Responses => {
                scanner.string(&mut self.text)?;
                self.close(0, false);
                self.request.is_bare = self.bare;
                Ok(())
            }
            Some(b'[') => scanner.list(|scanner| self.message(scanner)),
            _ => bail!("`{}` is no list", self.dialect.messages_field()),
        }
    }

    /// One message; its text is appended, and a newline that is not part of it.
    fn message(&mut self, scanner: &mut Scanner<'_>) -> Result<()> {
        ensure!(scanner.peek() == Some(b'{'), "a message is no object");
        let start = self.text.len();
        let mut system = false;
        let content_field = self.dialect.content_field();
        scanner.object(|scanner, key| {
            if key == "role" && scanner.peek() == Some(b'"') {
                let mut role = Vec::new();
                scanner.string(&mut role)?;
                ensure!(std::str::from_utf8(&role).is_ok(), "a role is no UTF-8");
                system = matches!(&role[..], b"system" | b"developer");
                return Ok(());
            }
            if key != content_field {
                return scanner.skip();
            }
            self.text.truncate(start);
            content(scanner, &mut self.text)
        })?;
        self.close(start, system);
        Ok(())
    }

    fn close(&mut self, start: usize, system: bool) {
        self.request.messages.push(start..self.text.len());
        self.request.system.push(system);
        self.text.push(b'\n');
    }

    /// The system's words in a field of their own: text, parts, or (Gemini) an object of parts.
    fn set_system(&mut self, scanner: &mut Scanner<'_>) -> Result<()> {
        let mut words = Vec::new();
        match scanner.peek() {
            Some(b'n') => {
                self.system = None;
                return scanner.skip();
            }
            Some(b'{') => scanner.object(|scanner, key| match key {
                "parts" => {
                    words.clear();
                    content(scanner, &mut words)
                }
                _ => scanner.skip(),
            })?,
            _ => content(scanner, &mut words)?,
        }
        self.system = Some(words);
        Ok(())
    }
}

/// True where a flag is there and false.
fn refused(scanner: &mut Scanner<'_>) -> Result<bool> {
    let said = scanner.peek() != Some(b'n');
    Ok(!scanner.flag()? && said)
}

/// The content of a message: a text, a list of parts, or null.
fn content(scanner: &mut Scanner<'_>, text: &mut Vec<u8>) -> Result<()> {
    match scanner.peek() {
        Some(b'"') => scanner.string(text),
        Some(b'[') => scanner.list(|scanner| part(scanner, text)),
        Some(b'n') => scanner.skip(),
        _ => bail!("the content of a message is neither text nor a list of parts"),
    }
}

/// One part of a message's content. Parts that are no text (images, sounds) say nothing here.
fn part(scanner: &mut Scanner<'_>, text: &mut Vec<u8>) -> Result<()> {
    ensure!(scanner.peek() == Some(b'{'), "a content part is no object");
    let start = text.len();
    scanner.object(|scanner, key| {
        if key == "text" && scanner.peek() == Some(b'"') {
            text.truncate(start);
            return scanner.string(text);
        }
        scanner.skip()
    })
}

#[cfg(test)]
mod tests;
