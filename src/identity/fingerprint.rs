//! A fingerprint that a run can take in four short questions: at its start, its middle and its end.

use super::asker::{Asker, Halt};
use super::fields::Fields;
use super::probes::{PROBES, Probe, framed};
use super::signal::{Signal, Strength};
use super::vector::Vector;
use crate::reply::Reply;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The probes that it is made of: digits, a script and code tell nearly all vocabularies apart.
pub const TAKEN: [&str; 3] = ["digits", "chinese", "code"];

/// What an endpoint looked like at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The model that its answers name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its own mark of its configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_fingerprint: Option<String>,
    /// Who computed the answers, where a router says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Identifying response headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Tokens reported for a short text, and added to it by digits, by Chinese and by code; null
    /// where not told.
    pub counts: Vec<Option<i64>>,
}

/// What differs between two moments, in words. Nothing where only one of them knows a thing.
///
/// Headers differ from one replica to the next behind an honest balancer: of them only the
/// software's name counts.
pub fn changed(one: &Fingerprint, other: &Fingerprint) -> Vec<String> {
    let mut changes = Vec::new();
    let server = |print: &Fingerprint| print.headers.get("server").cloned();
    for (what, one, other) in [
        ("model", one.model.clone(), other.model.clone()),
        (
            "system_fingerprint",
            one.system_fingerprint.clone(),
            other.system_fingerprint.clone(),
        ),
        ("provider", one.provider.clone(), other.provider.clone()),
        ("server header", server(one), server(other)),
    ] {
        if let (Some(one), Some(other)) = (one, other)
            && one != other
        {
            changes.push(format!("{what}: {one}, then {other}"));
        }
    }
    let counts = one.counts.iter().zip(&other.counts);
    let mut counts = counts.filter_map(|(one, other)| Some(((*one)?, (*other)?)));
    if counts.any(|(one, other)| one != other) {
        let list = |print: &Fingerprint| {
            let counts = print.counts.iter();
            let counts =
                counts.map(|count| count.map_or("?".to_owned(), |count| count.to_string()));
            counts.collect::<Vec<_>>().join(" ")
        };
        changes.push(format!(
            "token counts of the same four texts: {}, then {}",
            list(one),
            list(other)
        ));
    }
    changes
}

/// What the start and the end of an identification show beside each other.
pub fn steadiness(first: &Fingerprint, last: &Fingerprint) -> Signal {
    let mut signal = Signal::new(
        "fingerprint at start and end",
        Strength::Shown,
        "a change between two questions that asked for none of it is not seen",
    );
    let changes = changed(first, last);
    match changes.is_empty() {
        true => signal.see("nothing changed while it was asked"),
        false => {
            for change in &changes {
                signal.see(format!("changed while it was asked: {change}"));
            }
        }
    }
    signal
}

impl Fingerprint {
    /// What the answers to [`questions`] tell, each found by the name of its question. What was not
    /// answered is left out.
    pub fn of_answers<'r>(answer: impl Fn(&str) -> Option<&'r Reply>) -> Fingerprint {
        let mut print = Fingerprint::default();
        let mut base = None;
        for (name, _) in questions() {
            let reply = answer(name);
            let counted = reply.and_then(|reply| reply.usage.prompt_tokens);
            let counted = counted.map(|counted| counted as i64);
            print.counts.push(match base {
                None => counted,
                Some(base) => counted.zip(base).map(|(counted, base)| counted - base),
            });
            base.get_or_insert(counted);
            if let Some(reply) = reply {
                print.learn(&Fingerprint::of_reply(reply));
            }
        }
        print
    }

    /// Takes over what it does not know yet.
    pub fn learn(&mut self, other: &Fingerprint) {
        let fill = |own: &mut Option<String>, other: &Option<String>| {
            if own.is_none() {
                own.clone_from(other);
            }
        };
        fill(&mut self.model, &other.model);
        fill(&mut self.system_fingerprint, &other.system_fingerprint);
        fill(&mut self.provider, &other.provider);
        for (name, value) in &other.headers {
            self.headers
                .entry(name.clone())
                .or_insert_with(|| value.clone());
        }
        for (at, count) in other.counts.iter().enumerate() {
            match self.counts.get_mut(at) {
                Some(own) => *own = own.or(*count),
                None => self.counts.push(*count),
            }
        }
    }

    /// What one answer of a run tells, without the counts.
    pub fn of_reply(reply: &Reply) -> Fingerprint {
        Fingerprint {
            model: reply.model.clone(),
            system_fingerprint: reply.system_fingerprint.clone(),
            provider: reply.provider.clone(),
            headers: reply.headers.clone(),
            counts: Vec::new(),
        }
    }

    /// The one that is known already from a whole identification.
    pub fn of(vector: &Vector, fields: &Fields) -> Fingerprint {
        let first = |set: &std::collections::BTreeSet<String>| set.first().cloned();
        let headers = fields.headers.iter();
        let counts = TAKEN.iter().map(|name| {
            let at = PROBES.iter().position(|probe| probe.name == *name)?;
            vector.deltas.get(at).copied().flatten()
        });
        Fingerprint {
            model: first(&fields.models),
            system_fingerprint: first(&fields.system_fingerprints),
            provider: first(&fields.providers),
            headers: headers
                .filter_map(|(name, values)| Some((name.clone(), first(values)?)))
                .collect(),
            counts: std::iter::once(vector.base_tokens.map(|base| base as i64))
                .chain(counts)
                .collect(),
        }
    }
}

/// The question that the others are compared with: the frame alone.
pub const BASE: &str = "short";

/// The four questions by name, in the order of [`Fingerprint::counts`].
pub fn questions() -> Vec<(&'static str, String)> {
    let texts = taken().map(|probe| (probe.name, framed(&probe.text())));
    std::iter::once((BASE, framed(""))).chain(texts).collect()
}

fn taken() -> impl Iterator<Item = &'static Probe> {
    PROBES.iter().filter(|probe| TAKEN.contains(&probe.name))
}

/// The fingerprint of a whole identification, asked anew for the end of it.
///
/// # Errors
/// Where nothing more can be asked.
pub async fn again(asker: &Asker<'_>) -> Result<Vector, Halt> {
    let probes: Vec<Probe> = taken()
        .map(|probe| Probe {
            name: probe.name,
            times: probe.times,
            unit: probe.unit,
        })
        .collect();
    Vector::measure(asker, "fingerprint at the end", &probes, None).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(model: &str, fingerprint: Option<&str>, counts: [Option<i64>; 4]) -> Fingerprint {
        Fingerprint {
            model: Some(model.to_owned()),
            system_fingerprint: fingerprint.map(str::to_owned),
            counts: counts.into(),
            ..Fingerprint::default()
        }
    }

    #[test]
    fn a_change_of_any_known_thing_is_told_and_what_one_does_not_know_is_none() {
        let first = print("m", Some("fp_1"), [Some(30), Some(214), Some(40), Some(60)]);
        assert!(changed(&first, &first).is_empty());
        let untold = print("m", None, [None; 4]);
        assert!(changed(&first, &untold).is_empty());
        let relabelled = print("m", Some("fp_2"), [Some(30), Some(214), Some(40), Some(60)]);
        assert_eq!(
            changed(&first, &relabelled),
            ["system_fingerprint: fp_1, then fp_2"]
        );
        let swapped = print("m", Some("fp_1"), [Some(30), Some(640), Some(40), None]);
        let told = changed(&first, &swapped);
        assert_eq!(told.len(), 1);
        assert!(
            told[0].contains("30 214 40 60, then 30 640 40 ?"),
            "{told:?}"
        );
    }
}
