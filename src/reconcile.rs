//! What a server's count of a prompt says of it: whole, cut, or padded.

use serde::{Deserialize, Serialize};

/// Tokens by which an exact count may differ from the server's: templates print dates and names.
pub const EXACT_TOLERANCE_TOKENS: u64 = 16;
/// Share by which a count that is documented as an estimate may be off.
const ESTIMATE_TOLERANCE: f64 = 0.01;
/// Share by which a fitted count may be off, however well the fit went: bytes and words vary from
/// document to document, and ratios between tokenizers by 1 to 3 % with them.
const FIT_TOLERANCE: f64 = 0.02;
/// A fit is no wider than three times its own residual.
const FIT_RESIDUALS: f64 = 3.0;
/// Fewest samples of a fit: two are used up by its own two numbers.
pub const FIT_SAMPLES: usize = 4;
/// No vocabulary in use counts a text with so many fewer tokens than o200k: a server that reports
/// fewer cuts every prompt.
const LEAST_SLOPE: f64 = 0.7;
/// A fit with a residual above this share is none: something cut the longer samples.
const WORST_RESIDUAL: f64 = 0.05;
/// Tokens that Ollama keeps of a prompt's start when it cuts one: four, and the mark of the
/// beginning where the vocabulary has one (ollama/ollama, llm server's prompt truncation).
const OLLAMA_KEEPS_TOKENS: [u64; 2] = [5, 4];

/// One prompt counted twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Tokens of the text by the run's tokenizer.
    pub own_tokens: u64,
    /// Tokens that the server reported.
    pub reported_tokens: u64,
}

/// How a server's counts grow with ours: `reported = a + b · own`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// `a`: tokens of an empty prompt, which is the chat template.
    pub intercept_tokens: f64,
    /// `b`: the server's tokens per token of ours.
    pub slope: f64,
    /// Standard deviation of a sample from the fit, a share of its count.
    pub residual: f64,
    /// What it was fitted to.
    pub samples: Vec<Sample>,
}

impl Fit {
    /// Fits the relative error (counts of long prompts scatter more), by least squares. None for
    /// fewer than four samples, samples of one length, or samples that no line meets: then some of
    /// them were cut.
    pub fn of(samples: Vec<Sample>) -> Option<Fit> {
        if samples.len() < FIT_SAMPLES || samples.iter().any(|sample| sample.own_tokens == 0) {
            return None;
        }
        let sum = |of: &dyn Fn(f64, f64, f64) -> f64| -> f64 {
            samples
                .iter()
                .map(|sample| {
                    let (x, y) = (sample.own_tokens as f64, sample.reported_tokens as f64);
                    of(1.0 / (x * x), x, y)
                })
                .sum()
        };
        let weight = sum(&|w, _, _| w);
        let (mean_x, mean_y) = (
            sum(&|w, x, _| w * x) / weight,
            sum(&|w, _, y| w * y) / weight,
        );
        let spread = sum(&|w, x, _| w * (x - mean_x) * (x - mean_x));
        if spread < 1e-9 {
            return None;
        }
        let slope = sum(&|w, x, y| w * (x - mean_x) * (y - mean_y)) / spread;
        let intercept_tokens = mean_y - slope * mean_x;
        let squares: f64 = samples
            .iter()
            .map(|sample| {
                let predicted = intercept_tokens + slope * sample.own_tokens as f64;
                let off = (sample.reported_tokens as f64 - predicted) / predicted.max(1.0);
                off * off
            })
            .sum();
        let residual = (squares / (samples.len() - 2) as f64).sqrt();
        (slope >= LEAST_SLOPE && residual <= WORST_RESIDUAL).then_some(Fit {
            intercept_tokens,
            slope,
            residual,
            samples,
        })
    }

    /// Share by which a count may differ from the prediction.
    pub fn tolerance(&self) -> f64 {
        FIT_TOLERANCE.max(FIT_RESIDUALS * self.residual)
    }
}

/// What a prompt's reported count should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Tokens, template included.
    pub tokens: u64,
    /// Tokens by which the reported count may be off.
    pub tolerance_tokens: u64,
}

/// What expectations rest on.
#[derive(Clone, Debug, PartialEq)]
pub enum Basis {
    /// The model's own tokenizer; the template's tokens, where they are known.
    Exact {
        /// Tokens of the template.
        overhead_tokens: Option<u64>,
    },
    /// The server's own count of each haystack.
    Counted {
        /// Tokens of the template that the count leaves out.
        overhead_tokens: Option<u64>,
        /// True where the count is documented as an estimate.
        estimate: bool,
    },
    /// A fit on prompts of the run's own texts.
    Fitted(Fit),
    /// Nothing: another model's tokenizer stands in, and the server reports no counts.
    Unknown,
}

impl Basis {
    /// Tokens of text, by the run's tokenizer, for a whole prompt of `length_tokens`.
    pub fn text_tokens(&self, length_tokens: u64) -> u64 {
        match self {
            Basis::Exact { overhead_tokens }
            | Basis::Counted {
                overhead_tokens, ..
            } => length_tokens.saturating_sub(overhead_tokens.unwrap_or(0)),
            Basis::Fitted(fit) => {
                let tokens = (length_tokens as f64 - fit.intercept_tokens) / fit.slope;
                tokens.round().max(0.0) as u64
            }
            Basis::Unknown => length_tokens,
        }
    }

    /// What the server should report for a text; `difference_tokens` is how many tokens more than
    /// the run's tokenizer the server counted for it, where it was asked.
    pub fn expected(&self, text_tokens: u64, difference_tokens: Option<i64>) -> Option<Expected> {
        match self {
            Basis::Exact { overhead_tokens } => Some(Expected {
                tokens: text_tokens + (*overhead_tokens)?,
                tolerance_tokens: EXACT_TOLERANCE_TOKENS,
            }),
            Basis::Counted {
                overhead_tokens,
                estimate,
            } => {
                let counted = (text_tokens as i64 + difference_tokens?).max(0) as u64;
                let tokens = counted + overhead_tokens.unwrap_or(0);
                let rough = (tokens as f64 * ESTIMATE_TOLERANCE).ceil() as u64;
                Some(Expected {
                    tokens,
                    tolerance_tokens: match estimate {
                        true => EXACT_TOLERANCE_TOKENS.max(rough),
                        false => EXACT_TOLERANCE_TOKENS,
                    },
                })
            }
            Basis::Fitted(fit) => {
                let tokens = fit.intercept_tokens + fit.slope * text_tokens as f64;
                Some(Expected {
                    tokens: tokens.round().max(0.0) as u64,
                    tolerance_tokens: (tokens * fit.tolerance()).ceil().max(0.0) as u64
                        + EXACT_TOLERANCE_TOKENS,
                })
            }
            Basis::Unknown => None,
        }
    }

    /// The largest cut of a prompt of `length_tokens` that would go unnoticed, in tokens; none
    /// where any would.
    pub fn blind_tokens(&self, length_tokens: u64) -> Option<u64> {
        let expected = self.expected(self.text_tokens(length_tokens), Some(0))?;
        // Twice: the true count may lie at the upper edge before the cut, at the lower one after.
        Some(2 * expected.tolerance_tokens)
    }
}

/// The window of an Ollama server that cut a prompt to this count: it keeps the first tokens and
/// half of the rest, `N − max((N − K) / 2, 1)`. None where the count is not of that form for any
/// window that people set (multiples of 512).
pub fn half_window(reported_tokens: u64) -> Option<u64> {
    if reported_tokens < 64 {
        return None;
    }
    OLLAMA_KEEPS_TOKENS.iter().find_map(|kept| {
        let near = 2 * reported_tokens;
        (near.saturating_sub(8)..=near + 1).find(|window| {
            window.is_multiple_of(512)
                && window - (window.saturating_sub(*kept) / 2).max(1) == reported_tokens
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn samples(of: impl Fn(f64) -> f64) -> Vec<Sample> {
        [4_000u64, 8_000, 12_000, 16_000]
            .map(|own_tokens| Sample {
                own_tokens,
                reported_tokens: of(own_tokens as f64).round() as u64,
            })
            .to_vec()
    }

    #[test]
    fn a_line_is_found_and_its_tolerance_is_two_percent_at_least() {
        let fit = Fit::of(samples(|x| 12.0 + 1.1 * x)).expect("a line");
        assert!((fit.intercept_tokens - 12.0).abs() < 0.5, "{fit:?}");
        assert!((fit.slope - 1.1).abs() < 1e-4, "{fit:?}");
        assert_eq!(fit.tolerance(), 0.02);
        let basis = Basis::Fitted(fit);
        let text_tokens = basis.text_tokens(128_000);
        let expected = basis.expected(text_tokens, None).expect("a prediction");
        assert!(expected.tokens.abs_diff(128_000) <= 1, "{expected:?}");
        assert!(
            (2_575..=2_577).contains(&expected.tolerance_tokens),
            "{expected:?}"
        );
    }

    #[test]
    fn scatter_widens_the_tolerance_and_a_cut_sample_ends_the_fit() {
        let mut scattered = samples(|x| 1.1 * x);
        scattered[1].reported_tokens += 200;
        scattered[2].reported_tokens -= 200;
        let fit = Fit::of(scattered).expect("a line");
        assert!(fit.tolerance() > 0.03, "{fit:?}");
        // A window of 8,192 that cuts in silence.
        assert_eq!(Fit::of(samples(|x| x.min(8_192.0))), None);
        assert_eq!(Fit::of(samples(|_| 2_050.0)), None);
        assert_eq!(Fit::of(samples(|x| x)[..3].to_vec()), None);
    }

    #[test]
    fn ollamas_half_window_is_known_by_its_formula() {
        // Real counts out of issue threads: ollama/ollama 3839, 17427, 17889, 18399.
        for (reported, window) in [
            (2_051, 4_096),
            (2_050, 4_096),
            (16_387, 32_768),
            (32_770, 65_536),
        ] {
            assert_eq!(half_window(reported), Some(window), "{reported}");
        }
        for other in [1_024, 2_048, 4_096, 8_000, 16_000, 3_000] {
            assert_eq!(half_window(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_length_is_met_by_the_text_that_is_laid_out_for_it(
            overhead in 0u64..400, length in 500u64..10_000_000,
        ) {
            let basis = Basis::Exact { overhead_tokens: Some(overhead) };
            let expected = basis.expected(basis.text_tokens(length), None).expect("exact");
            prop_assert_eq!(expected.tokens, length);
            prop_assert_eq!(expected.tolerance_tokens, 16);
            let basis = Basis::Counted { overhead_tokens: Some(overhead), estimate: false };
            let expected = basis.expected(basis.text_tokens(length), Some(7)).expect("counted");
            prop_assert_eq!(expected.tokens, length + 7);
        }
    }
}
