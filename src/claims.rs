//! The windows that vendors and hosts advertise, each with its source and date, found by the name that a server gives.
//!
//! The kind of each row is decided by a rule. A source that states a limit on the prompt alone
//! (an "input token limit", litellm's `max_input_tokens`) gives [`Kind::Input`]. A window, a
//! context length or a claimed length is [`Kind::Total`]: prompt and answer share it. Where litellm
//! gives the same number for the longest prompt and the longest answer, both are the window, and
//! the kind is `total`.
//!
//! Where sources differ, each has its row.

mod name;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

const HEADER: &str = "model,advertised_tokens,kind,max_output_tokens,host,weights,source,date";

/// Figures of one claim that lie closer than this share are the same claim in another rounding:
/// 1,048,576 and 1,000,000, or 131,072 and 128,000.
const SAME_CLAIM: f64 = 0.05;

/// What an advertised length is the length of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Prompt and answer together.
    Total,
    /// The prompt alone.
    Input,
}

impl Kind {
    /// The word for it, as the registry writes it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Total => "total",
            Kind::Input => "input",
        }
    }

    /// Reads `total` or `input`.
    pub fn parse(word: &str) -> Result<Kind> {
        match word {
            "total" => Ok(Kind::Total),
            "input" => Ok(Kind::Input),
            _ => bail!("`{word}` is no kind of claim: it is total or input"),
        }
    }
}

/// One advertised window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The model as the source names it: a name, or the id at the host.
    pub model: String,
    /// The advertised window in tokens.
    pub advertised_tokens: u64,
    /// What the window holds.
    pub kind: Kind,
    /// The longest answer in tokens, where it is known and shorter than the window.
    pub max_output_tokens: Option<u64>,
    /// Who serves it; none where the vendor of the weights says it.
    pub host: Option<String>,
    /// The name that rows of the same weights share.
    pub weights: String,
    /// Where it is written.
    pub source: String,
    /// When that was published, else read: YYYY-MM-DD or YYYY-MM.
    pub date: String,
}

/// What the registry knows of a name that a server gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match<'r> {
    /// One claim, or several that agree but for rounding: the first, nearest to the vendor.
    One(&'r Claim),
    /// Claims that differ.
    Several(Vec<&'r Claim>),
    /// Nothing.
    None,
}

/// Claims of the same weights.
#[derive(Clone, Debug)]
pub struct Family<'r> {
    /// The vendor's name of the model, else that of the weights.
    pub name: &'r str,
    /// The largest window first.
    pub claims: Vec<&'r Claim>,
}

/// All claims.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    claims: Vec<Claim>,
    /// The rows that a spelling stands for.
    spelled: HashMap<Vec<String>, Vec<usize>>,
}

impl Registry {
    /// The one that is built in.
    pub fn built_in() -> &'static Registry {
        // That it is read whole is held by a test, so that nothing can be missing here.
        static BUILT_IN: LazyLock<Registry> =
            LazyLock::new(|| Registry::read(include_str!("claims/claims.csv")).unwrap_or_default());
        &BUILT_IN
    }

    /// Reads a registry from CSV with the columns of the one that is built in.
    pub fn read(csv: &str) -> Result<Registry> {
        let mut lines = csv.lines();
        ensure!(
            lines.next() == Some(HEADER),
            "a registry of claims begins with the line {HEADER}"
        );
        let mut registry = Registry::default();
        for (at, line) in lines.enumerate() {
            let claim = claim(line)
                .with_context(|| format!("line {} of the registry of claims", at + 2))?;
            for key in [&claim.weights, &claim.model]
                .into_iter()
                .flat_map(|name| name::keys(name))
            {
                registry.spelled.entry(key).or_default().push(at);
            }
            registry.claims.push(claim);
        }
        Ok(registry)
    }

    /// Every claim, those of the same weights together and the vendor's first.
    pub fn all(&self) -> &[Claim] {
        &self.claims
    }

    /// The claims whose model, weights or host hold these words; case, spaces, hyphens and
    /// underscores make no difference.
    pub fn find(&self, query: &str) -> Vec<&Claim> {
        let query = folded(query);
        let holds = |claim: &&Claim| {
            [&claim.model, &claim.weights]
                .into_iter()
                .chain(&claim.host)
                .any(|field| folded(field).contains(&query))
        };
        self.claims.iter().filter(holds).collect()
    }

    /// The claims for a model by its id at a server or the stem of its file. The vendor's claims
    /// count, and a host's only where there are none of the vendor's.
    pub fn for_model(&self, served_name: &str) -> Match<'_> {
        let weights = name::spellings(served_name)
            .iter()
            .filter(|spelling| !spelling.is_empty())
            .map(|spelling| self.weights_spelled(spelling))
            .find(|weights| !weights.is_empty())
            .unwrap_or_default();
        let all: Vec<&Claim> = self
            .claims
            .iter()
            .filter(|claim| weights.contains(claim.weights.as_str()))
            .collect();
        let of_vendor: Vec<&Claim> = all
            .iter()
            .copied()
            .filter(|claim| claim.host.is_none())
            .collect();
        let (candidates, tolerance) = match of_vendor.is_empty() {
            true => (all, 0.0),
            false => (of_vendor, SAME_CLAIM),
        };
        let Some(&first) = candidates.first() else {
            return Match::None;
        };
        let figures = || candidates.iter().map(|claim| claim.advertised_tokens);
        let most = figures().max().unwrap_or_default();
        let least = figures().min().unwrap_or_default();
        match weights.len() == 1 && (most - least) as f64 <= tolerance * most as f64 {
            true => Match::One(first),
            false => Match::Several(candidates),
        }
    }

    fn weights_spelled(&self, spelling: &[String]) -> BTreeSet<&str> {
        let rows = self.spelled.get(spelling).into_iter().flatten();
        rows.map(|&row| self.claims[row].weights.as_str()).collect()
    }
}

/// Claims by their weights; in each family and between families the largest window comes first.
pub fn families<'r>(claims: &[&'r Claim]) -> Vec<Family<'r>> {
    let mut families: Vec<Family<'r>> = Vec::new();
    for &claim in claims {
        let weights = |family: &&mut Family<'_>| family.claims[0].weights == claim.weights;
        match families.iter_mut().find(weights) {
            Some(family) => family.claims.push(claim),
            None => families.push(Family {
                name: &claim.weights,
                claims: vec![claim],
            }),
        }
    }
    for family in &mut families {
        if let Some(own) = family.claims.iter().find(|claim| claim.host.is_none()) {
            family.name = &own.model;
        }
        family.claims.sort_by(|a, b| {
            let order = b.advertised_tokens.cmp(&a.advertised_tokens);
            order.then_with(|| a.host.cmp(&b.host))
        });
    }
    families.sort_by(|a, b| {
        let largest = |family: &Family<'_>| family.claims[0].advertised_tokens;
        let order = largest(b).cmp(&largest(a));
        order.then_with(|| a.claims[0].weights.cmp(&b.claims[0].weights))
    });
    families
}

impl Family<'_> {
    /// The smallest and the largest window that the vendor advertises, in tokens.
    pub fn advertised_tokens(&self) -> Option<(u64, u64)> {
        let own = self.claims.iter().filter(|claim| claim.host.is_none());
        span(own.map(|claim| claim.advertised_tokens))
    }

    /// The smallest and the largest window at hosts, in tokens.
    pub fn served_tokens(&self) -> Option<(u64, u64)> {
        let hosted = self.claims.iter().filter(|claim| claim.host.is_some());
        span(hosted.map(|claim| claim.advertised_tokens))
    }

    /// How many hosts there are beside the vendor.
    pub fn hosts(&self) -> usize {
        let hosts = self.claims.iter().filter_map(|claim| claim.host.as_deref());
        hosts.collect::<BTreeSet<&str>>().len()
    }
}

fn span(figures: impl Iterator<Item = u64> + Clone) -> Option<(u64, u64)> {
    figures.clone().min().zip(figures.max())
}

fn folded(text: &str) -> String {
    text.trim().to_lowercase().replace([' ', '_'], "-")
}

fn claim(line: &str) -> Result<Claim> {
    let [model, advertised, kind, output, host, weights, source, date] =
        <[String; 8]>::try_from(fields(line)?)
            .map_err(|fields| anyhow::anyhow!("it has {} fields and not 8", fields.len()))?;
    let tokens = |field: &str| {
        let tokens = field.parse::<u64>().ok().filter(|tokens| *tokens > 0);
        tokens.with_context(|| format!("`{field}` is no count of tokens"))
    };
    for (name, field) in [
        ("model", &model),
        ("weights", &weights),
        ("source", &source),
        ("date", &date),
    ] {
        ensure!(!field.is_empty(), "it has no {name}");
    }
    Ok(Claim {
        advertised_tokens: tokens(&advertised)?,
        kind: Kind::parse(&kind)?,
        max_output_tokens: match output.as_str() {
            "" => None,
            output => Some(tokens(output)?),
        },
        host: Some(host).filter(|host| !host.is_empty()),
        model,
        weights,
        source,
        date,
    })
}

/// The fields of a line of CSV. A field in quotes holds commas, and doubled quotes for quotes.
fn fields(line: &str) -> Result<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let mut field = String::new();
        let after = match rest.strip_prefix('"') {
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                field.push_str(&rest[..end]);
                &rest[end..]
            }
            Some(mut quoted) => loop {
                let (text, after) = quoted.split_once('"').context("a quote is not closed")?;
                field.push_str(text);
                match after.strip_prefix('"') {
                    Some(more) => {
                        field.push('"');
                        quoted = more;
                    }
                    None => break after,
                }
            },
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None if after.is_empty() => return Ok(fields),
            None => bail!("text stands behind a closed quote"),
        }
    }
}

#[cfg(test)]
mod tests;
