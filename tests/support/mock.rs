//! A loopback server of raw HTTP that speaks OpenAI's chat completions and fails when told to.

use depthfinder::tokens::Tokenizer;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Instant;

/// The model that it serves.
pub const MODEL: &str = "mock-1";
/// What its chat template adds to a message, in tokens.
pub const TEMPLATE_TOKENS: u64 = 7;

static TOKENIZER: LazyLock<Arc<Tokenizer>> =
    LazyLock::new(|| Tokenizer::bundled("o200k").expect("bundled"));

/// One question as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Which question this is, from 0.
    pub number: usize,
    /// The head, as text.
    pub head: String,
    /// The body.
    pub body: Value,
    /// When it had been read.
    pub at: Instant,
}

impl Asked {
    /// The user's message.
    pub fn prompt(&self) -> &str {
        let messages = self.body["messages"].as_array().expect("messages");
        let last = messages.last().expect("one");
        last["content"].as_str().expect("text")
    }

    /// Tokens of the message by o200k, template included.
    pub fn tokens(&self) -> u64 {
        TOKENIZER.count(self.prompt()).expect("counts") + TEMPLATE_TOKENS
    }

    /// True for the two short questions that sound out the chat template, which hold no fact.
    pub fn is_probe(&self) -> bool {
        self.number < 2 && self.prompt().contains("The sea was calm.")
    }

    /// The right answer, as a reader finds it in the text.
    pub fn right(&self) -> String {
        let found = || {
            let (_, question) = self.prompt().rsplit_once("magic number for ")?;
            let (key, _) = question.split_once('?')?;
            let (_, value) = self
                .prompt()
                .split_once(&format!("magic number for {key} is "))?;
            Some(value.split_once('.')?.0.to_owned())
        };
        found().unwrap_or_else(|| "calm".to_owned())
    }
}

/// What is sent back.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    /// A whole chat completion; `usage` is prompt and output tokens, where they are told.
    pub fn chat(text: &str, finish: &str, usage: Option<(u64, u64)>) -> Answer {
        let mut body = json!({
            "id": "chatcmpl-1",
            "model": MODEL,
            "choices": [{"index": 0, "finish_reason": finish,
                "message": {"role": "assistant", "content": text}}],
        });
        if let Some((prompt, output)) = usage {
            body["usage"] = json!({"prompt_tokens": prompt, "completion_tokens": output});
        }
        Answer::body(200, "application/json", &body.to_string())
    }

    /// The right answer with true accounts.
    pub fn right(asked: &Asked) -> Answer {
        Answer::chat(&asked.right(), "stop", Some((asked.tokens(), 4)))
    }

    /// An error in OpenAI's shape.
    pub fn error(status: u16, message: &str) -> Answer {
        let body = json!({"error": {"message": message, "type": "mock"}});
        Answer::body(status, "application/json", &body.to_string())
    }

    /// Anything.
    pub fn body(status: u16, kind: &str, body: &str) -> Answer {
        Answer {
            status,
            headers: vec![("Content-Type".to_owned(), kind.to_owned())],
            body: body.to_owned(),
        }
    }

    /// One more header.
    pub fn header(mut self, name: &str, value: &str) -> Answer {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn send(&self, stream: &mut TcpStream) {
        let mut head = format!("HTTP/1.1 {} Told\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let length = self.body.len();
        head.push_str(&format!(
            "Content-Length: {length}\r\nConnection: close\r\n\r\n"
        ));
        // A client that has gone away is no error here.
        let _ = stream
            .write_all(format!("{head}{}", self.body).as_bytes())
            .and_then(|()| stream.flush());
    }
}

type Script = dyn Fn(&Asked) -> Answer + Send + Sync;

/// A server that runs until the test process ends.
pub struct Mock {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    listed: Arc<Mutex<usize>>,
}

impl Mock {
    /// Answers every question by the script, and says that it serves one model.
    pub fn start(script: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Mock {
        let models = json!({"object": "list", "data": [{"id": MODEL, "object": "model"}]});
        Mock::listing(
            Answer::body(200, "application/json", &models.to_string()),
            script,
        )
    }

    /// Answers every question by the script, and the list of models so.
    pub fn listing(
        models: Answer,
        script: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Mock {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let mock = Mock {
            address: listener.local_addr().expect("an address"),
            asked: Arc::default(),
            listed: Arc::default(),
        };
        let script: Arc<Script> = Arc::new(script);
        let (asked, listed) = (Arc::clone(&mock.asked), Arc::clone(&mock.listed));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, models) = (Arc::clone(&script), models.clone());
                let (asked, listed) = (Arc::clone(&asked), Arc::clone(&listed));
                std::thread::spawn(move || {
                    let _ = converse(stream, &*script, &models, &asked, &listed);
                });
            }
        });
        mock
    }

    /// A server that gives every right answer with true accounts.
    pub fn right() -> Mock {
        Mock::start(Answer::right)
    }

    /// Its target, without a model.
    pub fn target(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The questions so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("unpoisoned").clone()
    }

    /// How many questions it was asked.
    pub fn count(&self) -> usize {
        self.asked.lock().expect("unpoisoned").len()
    }

    /// How often its list of models was read.
    pub fn listed(&self) -> usize {
        *self.listed.lock().expect("unpoisoned")
    }
}

fn converse(
    stream: TcpStream,
    script: &Script,
    models: &Answer,
    asked: &Mutex<Vec<Asked>>,
    listed: &Mutex<usize>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    if head.starts_with("GET ") {
        *listed.lock().expect("unpoisoned") += 1;
        models.send(reader.get_mut());
        return Ok(());
    }
    let question = {
        let mut asked = asked.lock().expect("unpoisoned");
        let question = Asked {
            number: asked.len(),
            head,
            body: serde_json::from_slice(&body).expect("a body of JSON"),
            at: Instant::now(),
        };
        asked.push(question.clone());
        question
    };
    script(&question).send(reader.get_mut());
    Ok(())
}
