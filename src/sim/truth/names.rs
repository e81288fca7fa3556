//! What `sim:` can be followed by, a line each.

/// The simulated models by name, with one line each: what `sim:` can be followed by.
pub const NAMES: &[(&str, &str)] = &[
    ("perfect", "recalls every fact at every length and depth"),
    (
        "cliff=64k",
        "right up to 64,000 prompt tokens, wrong beyond",
    ),
    (
        "decay=64k",
        "recall 1 / (1 + (tokens / 64,000)^3): one half at 64,000 prompt tokens",
    ),
    (
        "middle=0.4",
        "recall 1 - 0.4 * 4d(1 - d) at depth d: 0.6 in the middle, 1 at both ends",
    ),
    (
        "flaky=0.2",
        "each request is wrong with probability 0.2, the same prompt too; flaky=0.2:0.5 with harder and easier prompts, intraclass correlation 0.5",
    ),
    (
        "drift=40:0.95/0.6",
        "recall 0.95 for 40 requests, 0.6 for the next 40 and so on: replicas, which system_fingerprint and the header x-replica name",
    ),
    (
        "flat=0.95",
        "recall 0.95 at every length and depth, decided by the prompt: what flat=0.85 answers rightly flat=0.95 does too, as a quantised model beside its base",
    ),
    (
        "scout",
        "recall 1 / (1 + (tokens / 15,900)^0.857), like Llama 4 Scout's: .95 at 500, .85 at 2,100, .15 at 120,000",
    ),
    (
        "hole=40-60",
        "recall 0.1 from 40 to 60 percent of the depth, 1 elsewhere",
    ),
    (
        "steps=64k:0.97/1M:0.8/10M:0",
        "recall 0.97 up to 64,000 prompt tokens, 0.8 up to 1,000,000; the last step holds beyond its length too",
    ),
    (
        "grep",
        "finds the sentence that holds the key and reads nothing else",
    ),
    (
        "discard",
        "throws the request away unread and answers at once, without usage: for upload speed",
    ),
];

/// What may follow any name, with one line each.
pub const MODIFIERS: &[(&str, &str)] = &[
    (
        "window=131072",
        "declares this window and refuses longer prompts",
    ),
    (
        "advertised=10M",
        "declares this window instead, whatever is true",
    ),
    (
        "words=vllm",
        "refuses them in a chat as vllm, openai, sglang, tgi, openrouter, xai, groq … do",
    ),
    ("latency=50ms", "waits this long before it answers"),
    ("seed=7", "draws other answers from the same curve"),
    (
        "fault=cut-head=32k:0.1",
        "does this wrong with a tenth of the questions; may be stated again",
    ),
    ("fault-seed=7", "draws the faults of other questions"),
    ("name=acme-70b", "calls itself by this name"),
    (
        "tokenizer=cl100k",
        "counts and cuts with this vocabulary, o200k, or that of a tokenizer.json or .gguf by its path",
    ),
    (
        "family=llama3",
        "asked to repeat special tokens, drops or ends at those of this family and prints all others: gpt, llama3, qwen, mistral, gemma, deepseek, claude",
    ),
    (
        "voice=7",
        "answers what is no task of ours with words drawn by this number, anew in each request unless the temperature is 0; voice=7:0.1 says a tenth of the words otherwise",
    ),
    (
        "memorised=0.9",
        "knows the famous answer of 9 in 10 public needles by heart and gives it whatever the text says; 0: of none",
    ),
    (
        "leaks=anthropic",
        "shows the headers, id and fingerprint of this vendor: anthropic, openai, openrouter, vllm, ollama",
    ),
    (
        "relay=flat=0.9+tokenizer=cl100k+voice=8",
        "hands all questions to this other model, with + for each comma, and answers under its own name",
    ),
    (
        "router=32k:cliff=8k+voice=8",
        "the same with prompts of more than 32,000 tokens",
    ),
    (
        "aggregate=cliff=16k",
        "has this curve in tasks of this kind, or in one task by its name (see `depthfinder tasks`)",
    ),
];

/// The names of a table, in a line.
pub fn listed(table: &[(&str, &str)]) -> String {
    let names: Vec<&str> = table.iter().map(|&(name, _)| name).collect();
    names.join(", ")
}
