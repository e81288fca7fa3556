//! For tests: small random models as GGUF files, and a forward pass from the definition, in f64.

use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub const LAYERS: usize = 2;
pub const WIDTH: usize = 64;
pub const FEED_FORWARD: usize = 96;
pub const HEADS: usize = 4;
pub const KEYED: usize = 2;
pub const HEAD: usize = WIDTH / HEADS;
pub const VOCABULARY: usize = 80;
pub const CONTEXT: usize = 1500;
pub const BASE: f64 = 500.0;
const EPSILON: f64 = 1e-5;

/// A model to write: change a field to make it another one, or a broken one.
pub struct Synthetic {
    pub architecture: &'static str,
    pub metadata: BTreeMap<String, Value>,
    /// Row-major dimensions and numbers.
    pub tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    pub format: GgmlDType,
}

impl Synthetic {
    /// As Llama 3.1 is: an output matrix of its own and factors for the frequencies.
    pub fn llama() -> Synthetic {
        let mut model = Synthetic::new("llama", 1);
        model.random("output.weight", &[VOCABULARY, WIDTH], 0.0);
        let factors = (0..HEAD / 2).map(|pair| 1.0 + pair as f32).collect();
        model
            .tensors
            .insert("rope_freqs.weight".into(), (vec![HEAD / 2], factors));
        model
    }

    /// As Qwen 2.5 is: biases, and the embedding shared with the output.
    pub fn qwen2() -> Synthetic {
        let mut model = Synthetic::new("qwen2", 2);
        for layer in 0..LAYERS {
            for (part, size) in [("q", WIDTH), ("k", KEYED * HEAD), ("v", KEYED * HEAD)] {
                model.random(&format!("blk.{layer}.attn_{part}.bias"), &[size], 0.0);
            }
        }
        model
    }

    fn new(architecture: &'static str, seed: u64) -> Synthetic {
        let mut model = Synthetic {
            architecture,
            metadata: BTreeMap::from([
                (
                    "general.architecture".into(),
                    Value::String(architecture.into()),
                ),
                ("general.name".into(), Value::String("synthetic".into())),
                ("general.alignment".into(), Value::U32(32)),
                (
                    "tokenizer.ggml.tokens".into(),
                    Value::Array(vec![Value::String("a".into()), Value::String("bc".into())]),
                ),
            ]),
            tensors: BTreeMap::new(),
            format: GgmlDType::F32,
        };
        for (key, size) in [
            ("context_length", CONTEXT),
            ("embedding_length", WIDTH),
            ("block_count", LAYERS),
            ("feed_forward_length", FEED_FORWARD),
            ("attention.head_count", HEADS),
            ("attention.head_count_kv", KEYED),
        ] {
            model.set(key, Value::U32(size as u32));
        }
        model.set(
            "attention.layer_norm_rms_epsilon",
            Value::F32(EPSILON as f32),
        );
        model.set("rope.freq_base", Value::F32(BASE as f32));
        model.metadata.insert("seed".into(), Value::U64(seed));
        model.random("token_embd.weight", &[VOCABULARY, WIDTH], 0.0);
        model.random("output_norm.weight", &[WIDTH], 1.0);
        for layer in 0..LAYERS {
            for (name, dims, middle) in [
                ("attn_norm", vec![WIDTH], 1.0),
                ("attn_q", vec![WIDTH, WIDTH], 0.0),
                ("attn_k", vec![KEYED * HEAD, WIDTH], 0.0),
                ("attn_v", vec![KEYED * HEAD, WIDTH], 0.0),
                ("attn_output", vec![WIDTH, WIDTH], 0.0),
                ("ffn_norm", vec![WIDTH], 1.0),
                ("ffn_gate", vec![FEED_FORWARD, WIDTH], 0.0),
                ("ffn_up", vec![FEED_FORWARD, WIDTH], 0.0),
                ("ffn_down", vec![WIDTH, FEED_FORWARD], 0.0),
            ] {
                model.random(&format!("blk.{layer}.{name}.weight"), &dims, middle);
            }
        }
        model
    }

    /// Sets a metadata value of the architecture.
    pub fn set(&mut self, key: &str, value: Value) {
        self.metadata
            .insert(format!("{}.{key}", self.architecture), value);
    }

    fn random(&mut self, name: &str, dims: &[usize], middle: f32) {
        let seed = blake3::hash(format!("{}{name}", self.architecture).as_bytes());
        let mut random = ChaCha8Rng::from_seed(*seed.as_bytes());
        let count = dims.iter().product();
        let numbers = (0..count)
            .map(|_| middle + random.random_range(-0.3f32..0.3))
            .collect();
        self.tensors.insert(name.into(), (dims.to_vec(), numbers));
    }

    /// Writes the file.
    pub fn write(&self, folder: &Path) -> PathBuf {
        let tensors: Vec<(&String, QTensor)> = self
            .tensors
            .iter()
            .map(|(name, (dims, numbers))| {
                let tensor = Tensor::from_slice(numbers, dims.as_slice(), &Device::Cpu);
                // Like real files: norms, biases and factors stay f32.
                let format = if dims.len() == 2 {
                    self.format
                } else {
                    GgmlDType::F32
                };
                let tensor = QTensor::quantize(&tensor.expect("a tensor"), format);
                (name, tensor.expect("a quantised tensor"))
            })
            .collect();
        let tensors: Vec<_> = tensors
            .iter()
            .map(|(name, tensor)| (name.as_str(), tensor))
            .collect();
        let metadata: Vec<_> = self
            .metadata
            .iter()
            .map(|(key, value)| (key.as_str(), value))
            .collect();
        let path = folder.join(format!("{}.gguf", self.architecture));
        let mut file = std::fs::File::create(&path).expect("a file");
        gguf_file::write(&mut file, &metadata, &tensors).expect("a GGUF file");
        path
    }

    fn numbers(&self, name: &str) -> Vec<f64> {
        let (_, numbers) = &self.tensors[name];
        numbers.iter().map(|&number| f64::from(number)).collect()
    }

    /// `matrix · column + bias`.
    fn product(&self, name: &str, column: &[f64]) -> Vec<f64> {
        let matrix = self.numbers(&format!("{name}.weight"));
        let mut product: Vec<f64> = matrix
            .chunks(column.len())
            .map(|row| row.iter().zip(column).map(|(a, b)| a * b).sum())
            .collect();
        if self.tensors.contains_key(&format!("{name}.bias")) {
            let bias = self.numbers(&format!("{name}.bias"));
            product
                .iter_mut()
                .zip(bias)
                .for_each(|(number, bias)| *number += bias);
        }
        product
    }

    fn normed(&self, name: &str, column: &[f64]) -> Vec<f64> {
        let square = column.iter().map(|x| x * x).sum::<f64>() / column.len() as f64;
        let weights = self.numbers(&format!("{name}.weight"));
        column
            .iter()
            .zip(weights)
            .map(|(x, w)| x / (square + EPSILON).sqrt() * w)
            .collect()
    }

    fn turned(&self, head: &[f64], position: usize, divisor: f64) -> Vec<f64> {
        let mut turned = head.to_vec();
        for pair in 0..HEAD / 2 {
            let mut angle = position as f64 / divisor * BASE.powf(-2.0 * pair as f64 / HEAD as f64);
            if let Some((_, factors)) = self.tensors.get("rope_freqs.weight") {
                angle /= f64::from(factors[pair]);
            }
            let (a, b) = match self.architecture {
                "llama" => (2 * pair, 2 * pair + 1),
                _ => (pair, pair + HEAD / 2),
            };
            turned[a] = head[a] * angle.cos() - head[b] * angle.sin();
            turned[b] = head[b] * angle.cos() + head[a] * angle.sin();
        }
        turned
    }

    /// The logits behind the last token, from the definition.
    pub fn logits(&self, tokens: &[u32], divisor: f64) -> Vec<f64> {
        let embedding = self.numbers("token_embd.weight");
        let mut keys = vec![Vec::<Vec<f64>>::new(); LAYERS * KEYED];
        let mut values = keys.clone();
        let mut stream = Vec::new();
        for (position, &token) in tokens.iter().enumerate() {
            stream = embedding[token as usize * WIDTH..][..WIDTH].to_vec();
            for layer in 0..LAYERS {
                let name = |part: &str| format!("blk.{layer}.{part}");
                let x = self.normed(&name("attn_norm"), &stream);
                let k = self.product(&name("attn_k"), &x);
                let v = self.product(&name("attn_v"), &x);
                for head in 0..KEYED {
                    let key = self.turned(&k[head * HEAD..][..HEAD], position, divisor);
                    keys[layer * KEYED + head].push(key);
                    values[layer * KEYED + head].push(v[head * HEAD..][..HEAD].to_vec());
                }
                let q = self.product(&name("attn_q"), &x);
                let mut taken = Vec::new();
                for head in 0..HEADS {
                    let query = self.turned(&q[head * HEAD..][..HEAD], position, divisor);
                    let held = layer * KEYED + head / (HEADS / KEYED);
                    taken.extend(attention(&query, &keys[held], &values[held]));
                }
                let taken = self.product(&name("attn_output"), &taken);
                stream.iter_mut().zip(taken).for_each(|(sum, x)| *sum += x);
                let x = self.normed(&name("ffn_norm"), &stream);
                let gate = self.product(&name("ffn_gate"), &x);
                let up = self.product(&name("ffn_up"), &x);
                let gated: Vec<f64> = gate
                    .iter()
                    .zip(up)
                    .map(|(g, u)| g / (1.0 + (-g).exp()) * u)
                    .collect();
                let down = self.product(&name("ffn_down"), &gated);
                stream.iter_mut().zip(down).for_each(|(sum, x)| *sum += x);
            }
        }
        let last = self.normed("output_norm", &stream);
        let own = self.tensors.contains_key("output.weight");
        self.product(if own { "output" } else { "token_embd" }, &last)
    }
}

fn attention(query: &[f64], keys: &[Vec<f64>], values: &[Vec<f64>]) -> Vec<f64> {
    let weights: Vec<f64> = keys
        .iter()
        .map(|key| {
            let score: f64 = query.iter().zip(key).map(|(a, b)| a * b).sum();
            (score / (HEAD as f64).sqrt()).exp()
        })
        .collect();
    let total: f64 = weights.iter().sum();
    (0..HEAD)
        .map(|number| {
            let taken = weights
                .iter()
                .zip(values)
                .map(|(weight, value)| weight * value[number]);
            taken.sum::<f64>() / total
        })
        .collect()
}

/// Tokens that repeat in no short period.
pub fn tokens(count: usize) -> Vec<u32> {
    (0..count)
        .map(|i| ((i * i * 7 + i * 13 + 5) % VOCABULARY) as u32)
        .collect()
}
