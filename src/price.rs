//! What tokens cost, as data: list prices of a few models, or what the user says.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// US dollars per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// Prompt tokens.
    pub input_usd_per_million: f64,
    /// Generated tokens.
    pub output_usd_per_million: f64,
}

#[derive(Deserialize)]
struct Table {
    model: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    prefix: String,
    input: f64,
    output: f64,
}

impl Price {
    /// Nothing: one's own machine.
    pub const FREE: Price = Price {
        input_usd_per_million: 0.0,
        output_usd_per_million: 0.0,
    };

    /// Reads `IN,OUT` in dollars per million tokens.
    pub fn parse(written: &str) -> Result<Price> {
        let number = |text: &str| {
            text.trim()
                .parse::<f64>()
                .ok()
                .filter(|price| price.is_finite() && *price >= 0.0)
        };
        written
            .split_once(',')
            .and_then(|(input, output)| {
                Some(Price {
                    input_usd_per_million: number(input)?,
                    output_usd_per_million: number(output)?,
                })
            })
            .with_context(|| {
                format!(
                    "a price is IN,OUT in dollars per million tokens, such as 2,8; got {written}"
                )
            })
    }

    /// The list price of a provider's model, by the longest prefix of its name in the table.
    pub fn listed(model: &str) -> Option<Price> {
        let table: Table = toml::from_str(include_str!("price/list.toml")).ok()?;
        let row = table
            .model
            .into_iter()
            .filter(|row| model.starts_with(&row.prefix))
            .max_by_key(|row| row.prefix.len())?;
        Some(Price {
            input_usd_per_million: row.input,
            output_usd_per_million: row.output,
        })
    }

    /// Dollars for so many tokens.
    pub fn usd(&self, input_tokens: u64, output_tokens: u64) -> f64 {
        (input_tokens as f64 * self.input_usd_per_million
            + output_tokens as f64 * self.output_usd_per_million)
            / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_decides_and_an_unknown_model_has_no_price() {
        let (large, mini) = (
            Price::listed("gpt-4.1-2025-04-14"),
            Price::listed("gpt-4.1-mini"),
        );
        assert!(
            large.zip(mini).is_some_and(
                |(large, mini)| large.input_usd_per_million > mini.input_usd_per_million
            )
        );
        assert_eq!(Price::listed("no-such-model"), None);
    }

    #[test]
    fn prices_are_read_and_bad_ones_refused() {
        assert!((Price::parse("2, 8").expect("price").usd(1_000_000, 500_000) - 6.0).abs() < 1e-9);
        for bad in ["", "2", "-1,2", "x,y", "inf,1"] {
            assert!(Price::parse(bad).is_err(), "{bad}");
        }
    }
}
