//! The tokenizer vector: what each probe adds to the server's own count of the prompt.

use super::asker::{Asker, Halt, Probing};
use super::known::Known;
use super::probes::{PROBES, Probe, framed};
use super::signal::{Hypothesis, Says, Signal, Strength};
use crate::rope::Rope;
use futures_util::StreamExt;
use serde::Serialize;
use serde_json::json;

/// The signal's name.
pub const NAME: &str = "tokenizer vector";
/// What it cannot show.
const CANNOT: &str = "a match proves the family of the tokenizer and not the model; a server that \
    rewrites its usage fields can imitate any";
/// Share of probes below which another tokenizer counts.
const AGREEING: f64 = 0.8;
/// Factor below which counts are no multiple: those that stop at one number differ by nothing.
const LEAST_RATIO: f64 = 0.5;
/// Nearest tokenizers that are listed.
const LISTED: usize = 4;

/// What was measured of one side.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Vector {
    /// Tokens reported for the frame around nothing.
    pub base_tokens: Option<u64>,
    /// Tokens that each probe adds, in the order of the probes; null where it was not told.
    pub deltas: Vec<Option<i64>>,
    /// What the first failure said.
    pub failed: Option<String>,
}

/// How near a known tokenizer comes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Distance {
    /// Its name.
    pub name: String,
    /// Sum of the differences over all probes, in tokens.
    pub l1: i64,
    /// Probes on which both agree.
    pub agreeing: usize,
    /// Probes that were compared.
    pub compared: usize,
    /// Tokens reported over its own.
    pub ratio: f64,
    /// Sum of the differences once its counts are multiplied with `ratio`.
    pub scaled_l1: f64,
    /// Largest difference on one probe, in tokens.
    pub most_off: i64,
}

impl Distance {
    /// True where every probe agrees.
    pub fn is_exact(&self) -> bool {
        self.l1 == 0 && self.compared > 0
    }

    /// True where no probe differs by more than what rounding two counts can make of one.
    pub fn is_rounded(&self) -> bool {
        self.most_off <= 1 && self.compared > 0
    }

    /// True where the counts are its own, each multiplied and rounded.
    pub fn is_scaled(&self, total: i64) -> bool {
        let rounding = 0.6 * self.compared as f64;
        self.compared > 0
            && self.ratio > LEAST_RATIO
            && (self.ratio - 1.0).abs() > 0.02
            && self.scaled_l1 <= rounding + 0.005 * total as f64
    }
}

impl Vector {
    /// Asks the probes.
    ///
    /// # Errors
    /// Where nothing more can be asked.
    pub async fn measure(
        asker: &Asker<'_>,
        signal: &'static str,
        probes: &[Probe],
        haystack: Option<&Rope>,
    ) -> Result<Vector, Halt> {
        let probing = |name: &str, text: &str| Probing {
            signal,
            probe: name.to_owned(),
            haystack: haystack.cloned(),
            text: framed(text),
            max_output_tokens: 1,
            temperature: Some(0.0),
        };
        // Alone and first: what follows finds the haystack in the server's cache.
        let mut vector = Vector::default();
        match asker.ask(&probing("base", "")).await? {
            Ok(reply) => vector.base_tokens = reply.usage.prompt_tokens,
            Err(failure) => vector.failed = Some(failure.to_string()),
        }
        let Some(base) = vector.base_tokens else {
            return Ok(vector);
        };
        let asked = futures_util::stream::iter(probes.iter().map(|probe| {
            let probing = probing(probe.name, &probe.text());
            async move { asker.ask(&probing).await }
        }));
        let outcomes: Vec<_> = asked.buffered(asker.concurrency.max(1)).collect().await;
        for outcome in outcomes {
            vector.deltas.push(match outcome? {
                Ok(reply) => reply
                    .usage
                    .prompt_tokens
                    .map(|tokens| tokens as i64 - base as i64),
                Err(failure) => {
                    vector.failed.get_or_insert(failure.to_string());
                    None
                }
            });
        }
        Ok(vector)
    }

    /// True where counts were told.
    pub fn is_told(&self) -> bool {
        self.deltas.iter().flatten().count() > PROBES.len() / 2
    }

    /// Tokens that all probes added.
    pub fn total(&self) -> i64 {
        self.deltas.iter().flatten().sum()
    }

    /// How near each known tokenizer comes, nearest first.
    pub fn distances<'k>(&self, known: impl IntoIterator<Item = &'k Known>) -> Vec<Distance> {
        let mut distances: Vec<Distance> = known
            .into_iter()
            .map(|known| self.distance(&known.name, &known.vector))
            .collect();
        distances.sort_by_key(|distance| distance.l1);
        distances
    }

    fn distance(&self, name: &str, other: &[i64]) -> Distance {
        let pairs: Vec<(i64, i64)> = self
            .deltas
            .iter()
            .zip(other)
            .filter_map(|(ours, theirs)| Some(((*ours)?, *theirs)))
            .collect();
        let sum = |of: fn(&(i64, i64)) -> i64| pairs.iter().map(of).sum::<i64>();
        let ratio = sum(|pair| pair.0) as f64 / (sum(|pair| pair.1) as f64).max(1.0);
        let off = pairs.iter();
        Distance {
            name: name.to_owned(),
            l1: sum(|pair| (pair.0 - pair.1).abs()),
            agreeing: pairs.iter().filter(|pair| pair.0 == pair.1).count(),
            compared: pairs.len(),
            ratio,
            scaled_l1: off
                .map(|pair| (pair.0 as f64 - ratio * pair.1 as f64).abs())
                .sum(),
            most_off: pairs
                .iter()
                .map(|pair| (pair.0 - pair.1).abs())
                .max()
                .unwrap_or(0),
        }
    }

    /// The known tokenizer whose counts these are, each multiplied by a factor. None where they
    /// are somebody's own as they stand.
    pub fn multiplied<'k>(&self, known: impl IntoIterator<Item = &'k Known>) -> Option<Distance> {
        let mut distances = self.distances(known);
        if distances.iter().any(Distance::is_exact) {
            return None;
        }
        distances.retain(|distance| distance.is_scaled(self.total()));
        distances
            .into_iter()
            .min_by(|one, other| one.scaled_l1.total_cmp(&other.scaled_l1))
    }

    /// How near another measurement comes, over the probes that both have.
    pub fn against(&self, other: &Vector) -> Distance {
        let told: Vec<i64> = other
            .deltas
            .iter()
            .map(|delta| delta.unwrap_or(0))
            .collect();
        let both = self.deltas.iter().zip(&other.deltas);
        let ours = both.map(|(ours, theirs)| theirs.and(*ours)).collect();
        let common = Vector {
            deltas: ours,
            ..Vector::default()
        };
        common.distance("", &told)
    }
}

/// What the target's vector says, against the tokenizers of its name and against the reference's.
pub fn signal(
    target: &Vector,
    reference: Option<&Vector>,
    known: &[Known],
    claimed: &[&Known],
) -> Signal {
    let mut signal = Signal::new(NAME, Strength::Strong, CANNOT);
    let distances = target.distances(known);
    if !target.is_told() {
        signal.see(match &target.failed {
            Some(failed) => format!("not measured: {failed}"),
            None => "not measured: the server reports no prompt tokens".to_owned(),
        });
    } else {
        see_nearest(&mut signal, target, &distances);
        if !claimed.is_empty() {
            read_name(&mut signal, target, &distances, claimed);
        }
        if let Some(reference) = reference.filter(|reference| reference.is_told()) {
            read_reference(&mut signal, target, reference, known);
        }
    }
    let listed = &distances[..distances.len().min(LISTED)];
    signal.observed = json!({
        "probes": PROBES.iter().map(|probe| probe.name).collect::<Vec<_>>(),
        "target": target, "reference": reference, "nearest": listed,
    });
    signal
}

fn see_nearest(signal: &mut Signal, target: &Vector, distances: &[Distance]) {
    let exact: Vec<&str> = distances
        .iter()
        .filter(|distance| distance.is_exact())
        .map(|distance| distance.name.as_str())
        .collect();
    if !exact.is_empty() {
        let compared = distances[0].compared;
        signal.see(format!(
            "all {compared} probes are counted exactly as {} {}",
            exact.join(" and "),
            if exact.len() == 1 { "does" } else { "do" }
        ));
    } else {
        let nearest = distances.iter().take(LISTED).map(|distance| {
            format!(
                "{} ({} tokens off, {} of {} probes agree)",
                distance.name, distance.l1, distance.agreeing, distance.compared
            )
        });
        let nearest: Vec<String> = nearest.collect();
        signal.see(format!(
            "no known tokenizer counts so; nearest: {}",
            nearest.join(", ")
        ));
    }
    if let Some(failed) = &target.failed {
        signal.see(format!("some probes were not answered: {failed}"));
    }
}

fn read_name(signal: &mut Signal, target: &Vector, distances: &[Distance], claimed: &[&Known]) {
    let own = target.distances(claimed.iter().copied());
    let Some(best) = own.first() else {
        return;
    };
    let name = &best.name;
    let nearer = distances.iter().find(|other| other.l1 < best.l1);
    let share = best.agreeing as f64 / best.compared.max(1) as f64;
    if best.is_exact() {
        signal.read(
            Hypothesis::Name,
            Says::Consistent,
            format!("it counts exactly as {name} does"),
        );
    } else if let Some(scaled) = own.iter().find(|own| own.is_scaled(target.total())) {
        signal.weigh(
            Hypothesis::Name,
            Says::Consistent,
            Strength::Medium,
            format!(
                "it counts as {} does, each count times {:.3}",
                scaled.name, scaled.ratio
            ),
        );
    } else if nearer.is_some() || share < AGREEING {
        let but = nearer.map_or(String::new(), |nearer| match nearer.is_exact() {
            true => format!(", and exactly as {} does", nearer.name),
            false => format!(", and {} comes nearer", nearer.name),
        });
        signal.read(
            Hypothesis::Name,
            Says::NotConsistent,
            format!(
                "{} of {} probes are counted as {name} does{but}",
                best.agreeing, best.compared
            ),
        );
    } else {
        signal.read(
            Hypothesis::Name,
            Says::Undecided,
            format!(
                "{} of {} probes are counted as {name} does, and nothing known comes nearer",
                best.agreeing, best.compared
            ),
        );
    }
}

/// By which factor the target's counts are the reference's; none where it is one, or none at all.
pub fn factor(target: &Vector, reference: &Vector) -> Option<f64> {
    let distance = target.against(reference);
    let is_scaled = !distance.is_exact() && distance.is_scaled(target.total());
    is_scaled.then_some(distance.ratio)
}

fn read_reference(signal: &mut Signal, target: &Vector, reference: &Vector, known: &[Known]) {
    let distance = target.against(reference);
    if distance.is_exact() {
        // The family alone: that is no strong reason to take it for the same model.
        signal.weigh(
            Hypothesis::Reference,
            Says::Consistent,
            Strength::Medium,
            format!("both count all {} probes alike", distance.compared),
        );
    } else if let Some(factor) = factor(target, reference) {
        signal.weigh(
            Hypothesis::Reference,
            Says::Consistent,
            Strength::Medium,
            format!("both count alike, the target {factor:.3} times what the reference does"),
        );
    } else if distance.is_rounded() {
        // Different templates round multiplied counts differently.
        let is_factor = target.multiplied(known).is_some();
        let says = if is_factor {
            Says::Consistent
        } else {
            Says::Undecided
        };
        signal.weigh(
            Hypothesis::Reference,
            says,
            Strength::Medium,
            "no probe is counted more than one token differently, as by rounding",
        );
    } else {
        signal.read(
            Hypothesis::Reference,
            Says::NotConsistent,
            format!(
                "they count {} of {} probes differently, by {} tokens in all",
                distance.compared - distance.agreeing,
                distance.compared,
                distance.l1
            ),
        );
    }
    if let (Some(ours), Some(theirs)) = (target.base_tokens, reference.base_tokens)
        && ours != theirs
        && distance.is_exact()
    {
        signal.weigh(
            Hypothesis::Reference,
            Says::NotConsistent,
            Strength::Weak,
            format!(
                "around the same text one reports {ours} tokens and the other {theirs}: another \
                 chat template or a hidden system message"
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::known::Table;

    fn known(name: &str) -> &'static Known {
        let table = Table::built_in().expect("the table");
        let found = table.known.iter().find(|known| known.name == name);
        found.unwrap_or_else(|| panic!("{name} is not in the table"))
    }

    fn measured(deltas: impl IntoIterator<Item = i64>) -> Vector {
        Vector {
            base_tokens: Some(30),
            deltas: deltas.into_iter().map(Some).collect(),
            failed: None,
        }
    }

    fn says(signal: &Signal, hypothesis: Hypothesis) -> Vec<Says> {
        let readings = signal.readings.iter();
        let readings = readings.filter(|reading| reading.hypothesis == hypothesis);
        readings.map(|reading| reading.says).collect()
    }

    #[test]
    fn every_known_tokenizer_is_told_from_every_other_of_another_family() {
        let table = &Table::built_in().expect("the table").known;
        for one in table {
            let vector = measured(one.vector.iter().copied());
            let distances = vector.distances(table);
            assert!(distances[0].is_exact());
            for other in &distances {
                assert!(
                    other.l1 == 0 || other.l1 >= 10,
                    "{} and {} differ by {} tokens alone",
                    one.name,
                    other.name,
                    other.l1
                );
            }
            let claimed = signal(&vector, None, table, &[one]);
            assert_eq!(says(&claimed, Hypothesis::Name), [Says::Consistent]);
        }
    }

    #[test]
    fn another_tokenizer_than_the_names_is_found_and_named() {
        let table = &Table::built_in().expect("the table").known;
        let vector = measured(known("qwen").vector.iter().copied());
        let found = signal(&vector, None, table, &[known("o200k")]);
        assert_eq!(says(&found, Hypothesis::Name), [Says::NotConsistent]);
        assert!(
            found.readings[0].why.contains("exactly as qwen does"),
            "{found:?}"
        );
        assert!(found.seen[0].contains("exactly as qwen"), "{found:?}");
    }

    #[test]
    fn counts_that_are_multiplied_are_seen_through() {
        let table = &Table::built_in().expect("the table").known;
        let honest = &known("llama-3").vector;
        let vector = measured(
            honest
                .iter()
                .map(|count| (*count as f64 * 1.25).round() as i64),
        );
        let found = signal(&vector, None, table, &[known("llama-3")]);
        assert_eq!(says(&found, Hypothesis::Name), [Says::Consistent]);
        assert_eq!(found.readings[0].strength, Strength::Medium);
        assert!(found.readings[0].why.contains("1.25"), "{found:?}");
        // Padding by a fixed number is no multiple of anything.
        let padded = measured(honest.iter().map(|count| count + 40));
        let found = signal(&padded, None, table, &[known("llama-3")]);
        assert_eq!(says(&found, Hypothesis::Name), [Says::NotConsistent]);
    }

    #[test]
    fn a_reference_whose_counts_are_multiplied_is_the_same_tokenizer_and_not_another() {
        let table = &Table::built_in().expect("the table").known;
        let times = |factor: f64, base: f64| {
            // What a server does that multiplies: the whole count, rounded.
            let whole = |tokens: f64| ((base + tokens) * factor).round() as i64;
            let counts = known("qwen").vector.iter();
            measured(counts.map(|count| whole(*count as f64) - whole(0.0)))
        };
        let of_reference = |target: &Vector, reference: &Vector| {
            let found = signal(target, Some(reference), table, &[]);
            let reading = found.readings.into_iter().next().expect("a reading");
            (reading.says, reading.strength, reading.why)
        };
        let (says, strength, why) = of_reference(&times(1.25, 31.0), &times(1.0, 31.0));
        assert_eq!((says, strength), (Says::Consistent, Strength::Medium));
        // Whole tokens give the factor to within a percent.
        assert!(why.contains("1.24") || why.contains("1.25"), "{why}");
        // Both multiplied, around another template: rounding alone differs.
        let (says, ..) = of_reference(&times(1.25, 31.0), &times(1.25, 33.0));
        assert_eq!(says, Says::Consistent);
        let other = measured(known("gemma-3").vector.iter().copied());
        let (says, strength, _) = of_reference(&times(1.25, 31.0), &other);
        assert_eq!((says, strength), (Says::NotConsistent, Strength::Strong));
    }

    #[test]
    fn a_vector_that_is_not_told_says_nothing() {
        let table = &Table::built_in().expect("the table").known;
        let untold = Vector {
            deltas: vec![None; PROBES.len()],
            ..Vector::default()
        };
        let found = signal(&untold, Some(&untold), table, &[known("o200k")]);
        assert!(found.readings.is_empty(), "{found:?}");
        let whole = measured(known("o200k").vector.iter().copied());
        let found = signal(&whole, Some(&untold), table, &[]);
        assert!(found.readings.is_empty(), "{found:?}");
    }
}
